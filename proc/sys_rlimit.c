/* SPDX-License-Identifier: BSD-2-Clause */
/* Resource limits and usage: getrlimit(2), prlimit(2), getrusage(2), times(2). */
#include "proc/proc.h"

#include "syscall_protos.h"

#define NOFILE_MAX	1048576		/* /proc/sys/fs/nr_open */

/* Set and get; either may be NULL. -EINVAL, -EPERM. */
static int
change_limit(struct process *p, u32 resource, const struct abi_rlimit *new, struct abi_rlimit *old)
{
	struct abi_rlimit *rl;
	int err = 0;
	u64 irq;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new != NULL && new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (new != NULL && resource == RLIMIT_NOFILE && new->rlim_max > NOFILE_MAX)
		return -EPERM;
	rl = &p->rlimits[resource];
	irq = spin_lock_irqsave(&p->lock);
	if (new != NULL && new->rlim_max > rl->rlim_max && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	if (err == 0) {
		if (old != NULL)
			*old = *rl;
		if (new != NULL)
			*rl = *new;
	}
	spin_unlock_irqrestore(&p->lock, irq);
	if (err == 0 && new != NULL && resource == RLIMIT_CPU)
		cpu_timing_update(p);
	return err;
}

long
sys_getrlimit(unsigned int resource, void __user *rlim)
{
	struct abi_rlimit old;
	int err = change_limit(process_current(), resource, NULL, &old);

	return err != 0 ? err : copy_to_user(rlim, &old, sizeof(old));
}

long
sys_setrlimit(unsigned int resource, const void __user *rlim)
{
	struct abi_rlimit new;

	if (copy_from_user(&new, rlim, sizeof(new)) != 0)
		return -EFAULT;
	return change_limit(process_current(), resource, &new, NULL);
}

/* Another process's limits are for its user, in every id, or CAP_SYS_RESOURCE. */
static int
may_change_limits(struct thread *t)
{
	const struct cred *c = cred_current(), *tc;
	bool same;

	if (t->proc == process_current())
		return 0;
	rcu_read_lock();
	tc = proc_cred_rcu(t);
	same = uid_eq(c->uid, tc->euid) && uid_eq(c->uid, tc->suid) && uid_eq(c->uid, tc->uid) &&
		gid_eq(c->gid, tc->egid) && gid_eq(c->gid, tc->sgid) && gid_eq(c->gid, tc->gid);
	rcu_read_unlock();
	return same || capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

long
sys_prlimit64(pid_t pid, unsigned int resource, const void __user *unew, void __user *uold)
{
	struct abi_rlimit new, old;
	struct thread *t;
	int err;

	if (unew != NULL && copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	if (pid == 0) {
		t = thread_current();
		thread_get(t);
	} else if ((t = thread_find_get(pid)) == NULL) {
		return -ESRCH;
	}
	err = may_change_limits(t);
	if (err == 0)
		err = change_limit(t->proc, resource, unew != NULL ? &new : NULL, uold != NULL ? &old : NULL);
	thread_put(t);
	return err == 0 && uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : err;
}

long
sys_getrusage(int who, void __user *usage)
{
	struct process *p = process_current();
	struct thread *t = thread_current();
	struct proc_usage u = { 0 };
	struct abi_rusage r;
	u64 irq;

	switch (who) {
	case RUSAGE_SELF:
		process_usage(p, &u);
		break;
	case RUSAGE_CHILDREN:
		irq = proctree_lock_irq();
		u = p->children_usage;
		proctree_unlock_irq(irq);
		break;
	case RUSAGE_THREAD:
		u.nvcsw = t->nvcsw;
		u.nivcsw = t->nivcsw;
		u.maxrss = proc_maxrss(t->as);
		thread_times(t, &u.utime, &u.stime);
		break;
	default:
		return -EINVAL;
	}
	proc_usage_to_abi(&u, &r);
	return copy_to_user(usage, &r, sizeof(r));
}

long
sys_times(void __user *buf)
{
	struct process *p = process_current();
	struct proc_usage u, children;
	struct abi_tms tms;
	u64 irq;

	if (buf != NULL) {
		process_usage(p, &u);
		irq = proctree_lock_irq();
		children = p->children_usage;
		proctree_unlock_irq(irq);
		tms = (struct abi_tms){ (s64)nsec_to_ticks(u.utime), (s64)nsec_to_ticks(u.stime),
			(s64)nsec_to_ticks(children.utime), (s64)nsec_to_ticks(children.stime) };
		if (copy_to_user(buf, &tms, sizeof(tms)) != 0)
			return -EFAULT;
	}
	return (long)nsec_to_ticks(clock_boottime());
}
