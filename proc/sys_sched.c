/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling calls: policies, priorities, affinity. The scheduler is sys/sched.h; here are the ABI's structs and permissions. */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/abi/sched.h"
#include "sys/abi/timespec.h"

long
sys_sched_yield(void)
{
	sched_yield();
	return 0;
}

long
sys_getcpu(void __user *cpu, void __user *node, const void __user *unused)
{
	if (cpu != NULL && put_user_u32(cpu_id(), cpu) != 0)
		return -EFAULT;
	return node != NULL ? put_user_u32(0, node) : 0;
}

/* The thread with a number (0: the caller), referenced; NULL. */
static struct thread *
find_thread(pid_t pid)
{
	struct thread *t = thread_current();

	if (pid != 0)
		return thread_find_get(pid);
	thread_get(t);
	return t;
}

/* t's effective or real user, as to the caller's effective one. */
static bool
same_owner(struct thread *t)
{
	const struct cred *c = cred_current(), *tc;
	bool same;

	rcu_read_lock();
	tc = proc_cred_rcu(t);
	same = uid_eq(c->euid, tc->euid) || uid_eq(c->euid, tc->uid);
	rcu_read_unlock();
	return same;
}

/* --- nice values --- */

/* RLIMIT_NICE: n means that nice values down to 20 - n may be set. */
static bool
may_set_nice(struct thread *t, int nice)
{
	return nice >= t->nice || (u64)(20 - nice) <= process_rlimit(t->proc, RLIMIT_NICE) || capable(CAP_SYS_NICE);
}

/* setpriority(2) on one thread; err: what came out so far. */
static int
set_nice(struct thread *t, int nice, int err)
{
	const struct cred *c = cred_current(), *tc;
	bool same;

	rcu_read_lock();
	tc = proc_cred_rcu(t);
	same = uid_eq(tc->uid, c->euid) || uid_eq(tc->euid, c->euid);
	rcu_read_unlock();
	if (!same && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (!may_set_nice(t, nice))
		return -EACCES;
	if (err == -ESRCH)
		err = 0;
	return sched_set_nice(t, nice) != 0 ? -EINVAL : err;
}

/* The next thread (by number, from *nr) that which and who name; referenced, NULL at the end. One at a time, so that no lock is
 * held while its scheduling is changed. */
static struct thread *
next_target(int which, struct pid *pid, kuid_t uid, pid_t *nr)
{
	struct process *p;
	struct thread *t = NULL;
	bool match;

	for (; t == NULL && (p = process_next_get(*nr, nr)) != NULL; ++*nr, process_put(p)) {
		t = process_leader_get(p);
		if (t == NULL)
			continue;
		rcu_read_lock();
		match = which == PRIO_PGRP ? p->pids[PID_PGID] == pid : uid_eq(proc_cred_rcu(t)->uid, uid);
		rcu_read_unlock();
		if (!match) {
			thread_put(t);
			t = NULL;
		}
	}
	return t;
}

/* Call fn on every thread named; its first result is -ESRCH. */
int
sched_for_targets(int which, int who, int arg, int (*fn)(struct thread *t, int arg, int result))
{
	int result = -ESRCH;
	struct thread *t;
	struct pid *pgrp = NULL;
	pid_t nr = 1;

	if (which == PRIO_PROCESS) {
		t = find_thread(who);
		if (t == NULL)
			return -ESRCH;
		result = fn(t, arg, result);
		thread_put(t);
		return result;
	}
	if (which == PRIO_PGRP) {
		pgrp = who != 0 ? pid_find_get(who) : process_pid_get(process_current(), PID_PGID);
		if (pgrp == NULL)
			return -ESRCH;
	}
	while ((t = next_target(which, pgrp, (kuid_t){ who != 0 ? (uid_t)who : cred_current()->uid.val }, &nr)) != NULL) {
		result = fn(t, arg, result);
		thread_put(t);
	}
	pid_put(pgrp);
	return result;
}

static int
apply_nice(struct thread *t, int nice, int result)
{
	return set_nice(t, nice, result);
}

static int
highest_priority(struct thread *t, int unused, int result)
{
	return MAX(result, 20 - t->nice);
}

long
sys_setpriority(int which, int who, int prio)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	return sched_for_targets(which, who, MAX(-20, MIN(19, prio)), apply_nice);
}

/* 20 - nice, so that it is positive: 1..40. */
long
sys_getpriority(int which, int who)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	return sched_for_targets(which, who, 0, highest_priority);
}

/* --- policies --- */

static bool
is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool
known_policy(int policy)
{
	return policy == SCHED_NORMAL || is_rt(policy) || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

/* Without CAP_SYS_NICE: own threads only, RLIMIT_RTPRIO for real-time, no way out of SCHED_IDLE or reset-on-fork unless nice allows. */
static int
may_set_policy(struct thread *t, int policy, int prio, int nice, bool reset)
{
	u64 rtprio = process_rlimit(t->proc, RLIMIT_RTPRIO);

	if (capable(CAP_SYS_NICE))
		return 0;
	if (!is_rt(policy) && !may_set_nice(t, nice))
		return -EPERM;
	if (is_rt(policy) && ((policy != t->policy && rtprio == 0) || (prio > t->rt_prio && (u64)prio > rtprio)))
		return -EPERM;
	if (t->policy == SCHED_POLICY_IDLE && policy != SCHED_IDLE && (u64)(20 - t->nice) > process_rlimit(t->proc, RLIMIT_NICE))
		return -EPERM;
	if (!same_owner(t) || (t->reset_on_fork && !reset))
		return -EPERM;
	return 0;
}

/* policy -1: keep. nice: what a fair policy gets. */
static int
set_policy(struct thread *t, int policy, int prio, int nice, bool reset)
{
	int err;

	if (policy < 0) {
		policy = t->policy;
		reset = t->reset_on_fork;
	}
	if (!known_policy(policy) || prio < 0 || prio > 99 || is_rt(policy) != (prio != 0))
		return -EINVAL;
	err = may_set_policy(t, policy, prio, nice, reset);
	if (err == 0)
		err = sched_set_policy(t, policy, prio, reset);
	if (err == 0 && !is_rt(policy) && nice != t->nice)
		err = sched_set_nice(t, nice);
	return err;
}

static long
set_param(pid_t pid, int policy, const void __user *uparam)
{
	struct abi_sched_param param;
	struct thread *t;
	bool reset = policy >= 0 && (policy & SCHED_RESET_ON_FORK) != 0;
	long err;

	if (uparam == NULL || pid < 0)
		return -EINVAL;
	if (copy_from_user(&param, uparam, sizeof(param)) != 0)
		return -EFAULT;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	if (policy >= 0)
		policy &= ~SCHED_RESET_ON_FORK;
	err = set_policy(t, policy, param.sched_priority, t->nice, reset);
	thread_put(t);
	return err;
}

long
sys_sched_setscheduler(pid_t pid, int policy, const void __user *param)
{
	return policy < 0 ? -EINVAL : set_param(pid, policy, param);
}

long
sys_sched_setparam(pid_t pid, const void __user *param)
{
	return set_param(pid, -1, param);
}

long
sys_sched_getscheduler(pid_t pid)
{
	struct thread *t;
	long policy;

	if (pid < 0)
		return -EINVAL;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	policy = t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	thread_put(t);
	return policy;
}

long
sys_sched_getparam(pid_t pid, void __user *uparam)
{
	struct abi_sched_param param;
	struct thread *t;

	if (uparam == NULL || pid < 0)
		return -EINVAL;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	param.sched_priority = t->rt_prio;
	thread_put(t);
	return copy_to_user(uparam, &param, sizeof(param));
}

long
sys_sched_get_priority_max(int policy)
{
	return is_rt(policy) ? 99 : known_policy(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long
sys_sched_get_priority_min(int policy)
{
	return is_rt(policy) ? 1 : known_policy(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long
sys_sched_rr_get_interval(pid_t pid, void __user *interval)
{
	struct abi_timespec ts;
	struct thread *t;

	if (pid < 0)
		return -EINVAL;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	ts = timespec_from_ns(sched_rr_interval(t));
	thread_put(t);
	return copy_to_user(interval, &ts, sizeof(ts));
}

/* An old or a newer program's struct: what we don't know must be zero. -E2BIG: and the size is stored. */
static int
attr_from_user(struct abi_sched_attr *attr, void __user *uattr)
{
	u32 size;
	int err;

	memset(attr, 0, sizeof(*attr));
	if (get_user_u32(&size, uattr) != 0)
		return -EFAULT;
	if (size == 0)
		size = SCHED_ATTR_SIZE_VER0;
	err = size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE ? -E2BIG : copy_struct_from_user(attr, sizeof(*attr), uattr, size);
	if (err == -E2BIG && put_user_u32(sizeof(*attr), uattr) != 0)
		return -EFAULT;
	return err;
}

long
sys_sched_setattr(pid_t pid, const void __user *uattr, int flags)
{
	const u64 utilisation = SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX;
	struct abi_sched_attr attr;
	struct thread *t;
	bool reset;
	int err, policy;

	if (uattr == NULL || pid < 0 || flags != 0)
		return -EINVAL;
	err = attr_from_user(&attr, (void __user *)uattr);
	if (err != 0)
		return err;
	if ((s32)attr.sched_policy < 0)
		return -EINVAL;
	if ((attr.sched_flags & utilisation) != 0)
		return -EOPNOTSUPP;
	if ((attr.sched_flags & ~(u64)(SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS)) != 0)
		return -EINVAL;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	policy = (attr.sched_flags & SCHED_FLAG_KEEP_POLICY) != 0 ? t->policy : (int)attr.sched_policy;
	if ((attr.sched_flags & SCHED_FLAG_KEEP_PARAMS) != 0) {
		attr.sched_nice = t->nice;
		attr.sched_priority = t->rt_prio;
	}
	reset = (attr.sched_flags & SCHED_FLAG_RESET_ON_FORK) != 0;
	err = attr.sched_priority > 99 ? -EINVAL :
		set_policy(t, policy, (int)attr.sched_priority, MAX(-20, MIN(19, attr.sched_nice)), reset);
	thread_put(t);
	return err;
}

long
sys_sched_getattr(pid_t pid, void __user *uattr, unsigned int size, int flags)
{
	struct abi_sched_attr attr = { .size = MIN(size, (u32)sizeof(attr)) };
	struct thread *t;

	if (uattr == NULL || pid < 0 || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags != 0)
		return -EINVAL;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	attr.sched_policy = t->policy;
	attr.sched_flags = t->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	attr.sched_nice = is_rt(t->policy) ? 0 : t->nice;
	attr.sched_priority = t->rt_prio;
	thread_put(t);
	return copy_to_user(uattr, &attr, attr.size);
}

/* --- affinity --- */

long
sys_sched_setaffinity(pid_t pid, unsigned int len, const void __user *umask)
{
	struct thread *t;
	u64 mask = 0;
	int err;

	if (copy_from_user(&mask, umask, MIN(len, (u32)sizeof(mask))) != 0)
		return -EFAULT;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	err = same_owner(t) || capable(CAP_SYS_NICE) ? sched_set_affinity(t, mask) : -EPERM;
	thread_put(t);
	return err;
}

/* Returns the number of bytes stored. */
long
sys_sched_getaffinity(pid_t pid, unsigned int len, void __user *umask)
{
	struct thread *t;
	u64 mask;

	if (len * 8 < cpu_count || (len & (sizeof(u64) - 1)) != 0)
		return -EINVAL;
	t = find_thread(pid);
	if (t == NULL)
		return -ESRCH;
	mask = t->affinity & atomic_load_relaxed(&cpu_online_mask);
	thread_put(t);
	return copy_to_user(umask, &mask, sizeof(mask)) != 0 ? -EFAULT : (long)sizeof(mask);
}
