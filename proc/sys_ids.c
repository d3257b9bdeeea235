/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of processes, groups and sessions; sessions and job control's setpgid(2); user and group ids; capabilities. */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/job_control.h"
#include "sys/lib/sort.h"
#include "sys/abi/prctl.h"

/* --- numbers --- */

long
sys_getpid(void)
{
	return process_pid(process_current());
}

long
sys_gettid(void)
{
	return thread_tid(thread_current());
}

long
sys_getppid(void)
{
	struct process *parent = process_parent_get(process_current());
	pid_t nr = parent != NULL ? process_pid(parent) : 0;

	process_put(parent);
	return nr;
}

/* The group or session of a process. */
static long
id_of(pid_t pid, enum pid_type type)
{
	struct process *p;
	long nr;

	if (pid == 0)
		return pid_nr(process_current()->pids[type]);
	p = process_find_get(pid);
	if (p == NULL)
		return -ESRCH;
	nr = pid_nr(p->pids[type]);	/* the struct lives as long as p */
	process_put(p);
	return nr;
}

long
sys_getpgid(pid_t pid)
{
	return id_of(pid, PID_PGID);
}

long
sys_getpgrp(void)
{
	return id_of(0, PID_PGID);
}

long
sys_getsid(pid_t pid)
{
	return id_of(pid, PID_SID);
}

/* proctree_lock held. May the current process put p into group pgrp (setpgid(2))? 0, -EPERM, -ESRCH, -EACCES. */
static int
may_set_group(struct process *p, struct pid *pgrp)
{
	struct process *cur = process_current();
	struct proc_thread *member;

	if (p->parent == cur) {
		if (p->pids[PID_SID] != cur->pids[PID_SID])
			return -EPERM;
		if (atomic_load_relaxed(&p->did_exec))
			return -EACCES;
	} else if (p != cur) {
		return -ESRCH;
	}
	if (is_session_leader(p))
		return -EPERM;
	if (pgrp == p->pids[PID_TGID])
		return 0;
	if (pgrp == NULL)
		return -EPERM;
	pid_for_each_bearer(member, pgrp, PID_PGID)
		return member->proc->pids[PID_SID] == cur->pids[PID_SID] ? 0 : -EPERM;
	return -EPERM;
}

long
sys_setpgid(pid_t pid, pid_t pgid)
{
	struct proc_thread *pt;
	struct process *p = NULL;
	struct pid *pgrp;
	u64 irq;
	int err = -ESRCH;

	if (pid == 0)
		pid = process_pid(process_current());
	if (pgid == 0)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	pgrp = pid_find_get(pgid);
	irq = proctree_lock_irq();
	pt = pid_find_bearer(pid, PID_TGID);
	if (pt != NULL) {
		p = pt->proc;
		err = may_set_group(p, pgrp);
		if (err == 0)
			process_set_group(p, PID_PGID, pgrp);
	}
	proctree_unlock_irq(irq);
	pid_put(pgrp);
	return err;
}

long
sys_setsid(void)
{
	struct process *p = process_current();
	struct pid *pid = p->pids[PID_TGID];
	u64 irq = proctree_lock_irq();

	if (is_session_leader(p) || !hlist_empty(&pid->users[PID_PGID])) {
		proctree_unlock_irq(irq);
		return -EPERM;
	}
	process_set_group(p, PID_SID, pid);
	process_set_group(p, PID_PGID, pid);
	proctree_unlock_irq(irq);
	job_tty_clear();
	return pid_nr(pid);
}

/* --- user and group ids --- */

long sys_getuid(void) { return cred_current()->uid.val; }
long sys_geteuid(void) { return cred_current()->euid.val; }
long sys_getgid(void) { return cred_current()->gid.val; }
long sys_getegid(void) { return cred_current()->egid.val; }

static int
put_three(void __user *a, void __user *b, void __user *c, u32 x, u32 y, u32 z)
{
	if (put_user_u32(x, a) != 0 || put_user_u32(y, b) != 0 || put_user_u32(z, c) != 0)
		return -EFAULT;
	return 0;
}

long
sys_getresuid(void __user *ruid, void __user *euid, void __user *suid)
{
	const struct cred *c = cred_current();

	return put_three(ruid, euid, suid, c->uid.val, c->euid.val, c->suid.val);
}

long
sys_getresgid(void __user *rgid, void __user *egid, void __user *sgid)
{
	const struct cred *c = cred_current();

	return put_three(rgid, egid, sgid, c->gid.val, c->egid.val, c->sgid.val);
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void
fix_capabilities(struct cred *new, const struct cred *old)
{
	bool had_root = old->uid.val == 0 || old->euid.val == 0 || old->suid.val == 0;
	bool has_root = new->uid.val == 0 || new->euid.val == 0 || new->suid.val == 0;

	if ((new->securebits & SECBIT_NO_SETUID_FIXUP) != 0)
		return;
	if (had_root && !has_root) {
		if ((new->securebits & SECBIT_KEEP_CAPS) == 0) {
			new->cap_permitted = 0;
			new->cap_effective = 0;
		}
		new->cap_ambient = 0;
	}
	if (old->euid.val == 0 && new->euid.val != 0)
		new->cap_effective = 0;
	if (old->euid.val != 0 && new->euid.val == 0)
		new->cap_effective = new->cap_permitted;
}

static const u64 fs_capabilities = BIT(CAP_CHOWN) | BIT(CAP_MKNOD) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) |
	BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE);

void
cred_commit_user(const struct cred *c)
{
	struct process *p = process_current();
	struct proc_thread *pt = pt_current();
	const struct cred *old = cred_current();
	struct user_counts *user, *old_user = pt->user;
	struct sighand *sh;
	u64 irq;

	if (!uid_eq(c->euid, old->euid) || !gid_eq(c->egid, old->egid) || !uid_eq(c->fsuid, old->fsuid) ||
	    !gid_eq(c->fsgid, old->fsgid) || (c->cap_permitted & ~old->cap_permitted) != 0) {
		p->dumpable = (u8)READ_ONCE(suid_dumpable);
		pt->pdeath_signal = 0;
	}
	if (!uid_eq(c->uid, old_user->uid) && (user = user_counts_find(c->uid)) != NULL) {
		pt->nproc_exceeded = atomic_add(&user->nproc, 1) > rlimit_current(RLIMIT_NPROC) && user->uid.val != 0;
		atomic_sub(&old_user->nproc, 1);
		sh = sighand_lock(p, &irq);
		pt->user = user;
		sighand_unlock(sh, irq);
		user_counts_put(old_user);
	}
	cred_commit(c);
}

/* A changed copy becomes the thread's. err != 0: it is thrown away. */
static long
finish_ids(struct cred *new, int err)
{
	if (err != 0) {
		cred_put(new);
		return err;
	}
	fix_capabilities(new, cred_current());
	cred_commit_user(new);
	return 0;
}

/* All of these: a new copy in *new; whether the caller may choose at will. -ENOMEM. */
static int
begin_ids(struct cred **new, int cap, bool *privileged)
{
	*new = cred_copy(cred_current());
	*privileged = capable(cap);
	return *new == NULL ? -ENOMEM : 0;
}

#define KEEP	((u32)-1)	/* "leave it as it is" */

long
sys_setuid(uid_t uid)
{
	const struct cred *old = cred_current();
	struct cred *new;
	bool privileged;
	int err;

	if (uid == KEEP)
		return -EINVAL;
	err = begin_ids(&new, CAP_SETUID, &privileged);
	if (err != 0)
		return err;
	if (privileged)
		new->uid.val = new->suid.val = uid;
	else if (uid != old->uid.val && uid != old->suid.val)
		err = -EPERM;
	new->euid.val = new->fsuid.val = uid;
	return finish_ids(new, err);
}

long
sys_setgid(gid_t gid)
{
	const struct cred *old = cred_current();
	struct cred *new;
	bool privileged;
	int err;

	if (gid == KEEP)
		return -EINVAL;
	err = begin_ids(&new, CAP_SETGID, &privileged);
	if (err != 0)
		return err;
	if (privileged)
		new->gid.val = new->sgid.val = gid;
	else if (gid != old->gid.val && gid != old->sgid.val)
		err = -EPERM;
	new->egid.val = new->fsgid.val = gid;
	return finish_ids(new, err);
}

long
sys_setreuid(uid_t ruid, uid_t euid)
{
	const struct cred *old = cred_current();
	struct cred *new;
	bool privileged;
	int err = begin_ids(&new, CAP_SETUID, &privileged);

	if (err != 0)
		return err;
	if (ruid != KEEP) {
		new->uid.val = ruid;
		if (ruid != old->uid.val && ruid != old->euid.val && !privileged)
			err = -EPERM;
	}
	if (euid != KEEP) {
		new->euid.val = euid;
		if (euid != old->uid.val && euid != old->euid.val && euid != old->suid.val && !privileged)
			err = -EPERM;
	}
	if (ruid != KEEP || (euid != KEEP && euid != old->uid.val))
		new->suid = new->euid;
	new->fsuid = new->euid;
	return finish_ids(new, err);
}

long
sys_setregid(gid_t rgid, gid_t egid)
{
	const struct cred *old = cred_current();
	struct cred *new;
	bool privileged;
	int err = begin_ids(&new, CAP_SETGID, &privileged);

	if (err != 0)
		return err;
	if (rgid != KEEP) {
		new->gid.val = rgid;
		if (rgid != old->gid.val && rgid != old->egid.val && !privileged)
			err = -EPERM;
	}
	if (egid != KEEP) {
		new->egid.val = egid;
		if (egid != old->gid.val && egid != old->egid.val && egid != old->sgid.val && !privileged)
			err = -EPERM;
	}
	if (rgid != KEEP || (egid != KEEP && egid != old->gid.val))
		new->sgid = new->egid;
	new->fsgid = new->egid;
	return finish_ids(new, err);
}

/* setresuid's rule for one id: as it is, or one of the three. */
static bool
one_of(u32 id, u32 a, u32 b, u32 c)
{
	return id == KEEP || id == a || id == b || id == c;
}

long
sys_setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	const struct cred *o = cred_current();
	u32 r = o->uid.val, e = o->euid.val, s = o->suid.val;
	struct cred *new;
	bool privileged;
	int err = begin_ids(&new, CAP_SETUID, &privileged);

	if (err != 0)
		return err;
	if (!privileged && !(one_of(ruid, r, e, s) && one_of(euid, r, e, s) && one_of(suid, r, e, s)))
		err = -EPERM;
	new->uid.val = ruid != KEEP ? ruid : r;
	new->euid.val = euid != KEEP ? euid : e;
	new->suid.val = suid != KEEP ? suid : s;
	new->fsuid = new->euid;
	return finish_ids(new, err);
}

long
sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	const struct cred *o = cred_current();
	u32 r = o->gid.val, e = o->egid.val, s = o->sgid.val;
	struct cred *new;
	bool privileged;
	int err = begin_ids(&new, CAP_SETGID, &privileged);

	if (err != 0)
		return err;
	if (!privileged && !(one_of(rgid, r, e, s) && one_of(egid, r, e, s) && one_of(sgid, r, e, s)))
		err = -EPERM;
	new->gid.val = rgid != KEEP ? rgid : r;
	new->egid.val = egid != KEEP ? egid : e;
	new->sgid.val = sgid != KEEP ? sgid : s;
	new->fsgid = new->egid;
	return finish_ids(new, err);
}

/* These two return the old id, whether they succeed or not. */
long
sys_setfsuid(uid_t uid)
{
	const struct cred *o = cred_current();
	u32 old = o->fsuid.val;
	struct cred *new;
	bool privileged;

	if (uid == KEEP || uid == old || begin_ids(&new, CAP_SETUID, &privileged) != 0)
		return old;
	if (!privileged && uid != o->uid.val && uid != o->euid.val && uid != o->suid.val) {
		cred_put(new);
		return old;
	}
	new->fsuid.val = uid;
	if ((new->securebits & SECBIT_NO_SETUID_FIXUP) == 0) {
		if (old == 0 && uid != 0)
			new->cap_effective &= ~fs_capabilities;
		if (old != 0 && uid == 0)
			new->cap_effective |= fs_capabilities & new->cap_permitted;
	}
	cred_commit_user(new);
	return old;
}

long
sys_setfsgid(gid_t gid)
{
	const struct cred *o = cred_current();
	u32 old = o->fsgid.val;
	struct cred *new;
	bool privileged;

	if (gid == KEEP || gid == old || begin_ids(&new, CAP_SETGID, &privileged) != 0)
		return old;
	if (!privileged && gid != o->gid.val && gid != o->egid.val && gid != o->sgid.val) {
		cred_put(new);
		return old;
	}
	new->fsgid.val = gid;
	cred_commit_user(new);
	return old;
}

/* --- supplementary groups --- */

#define NGROUPS_MAX	65536

long
sys_getgroups(int size, void __user *list)
{
	const struct cred_groups *g = cred_current()->groups;
	u32 n = g != NULL ? g->count : 0;

	if (size < 0)
		return -EINVAL;
	if (size == 0 || n == 0)
		return n;
	if ((u32)size < n)
		return -EINVAL;
	return copy_to_user(list, g->gid, n * sizeof(g->gid[0])) != 0 ? -EFAULT : (long)n;
}

static int
compare_gids(const void *a, const void *b)
{
	u32 x = ((const kgid_t *)a)->val, y = ((const kgid_t *)b)->val;

	return x < y ? -1 : x > y;
}

long
sys_setgroups(int size, const void __user *list)
{
	struct cred_groups *g = NULL;
	struct cred *new;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((u32)size > NGROUPS_MAX)
		return -EINVAL;
	if (size != 0) {
		g = kmem_alloc(sizeof(*g) + (size_t)size * sizeof(g->gid[0]), KM_USER);
		if (g == NULL)
			return -ENOMEM;
		refcount_init(&g->refs, 1);
		g->count = (u32)size;
		if (copy_from_user(g->gid, list, (size_t)size * sizeof(g->gid[0])) != 0) {
			kmem_free(g);
			return -EFAULT;
		}
		for (int i = 0; i < size; i++)
			if (g->gid[i].val == KEEP) {
				kmem_free(g);
				return -EINVAL;
			}
		sort(g->gid, g->count, sizeof(g->gid[0]), compare_gids);
	}
	new = cred_copy(cred_current());
	if (new == NULL) {
		kmem_free(g);
		return -ENOMEM;
	}
	if (new->groups != NULL && refcount_put(&new->groups->refs))
		kmem_free(new->groups);
	new->groups = g;
	cred_commit_user(new);
	return 0;
}

/* --- capabilities --- */

#define CAP_VERSION_1	0x19980330
#define CAP_VERSION_2	0x20071026
#define CAP_VERSION_3	0x20080522

struct cap_header { u32 version; s32 pid; };
struct cap_data { u32 effective, permitted, inheritable; };

/* Number of struct cap_data that go with the header's version. -EINVAL: unknown; the version to use is stored. */
static int
cap_words(void __user *uheader, struct cap_header *h)
{
	if (copy_from_user(h, uheader, sizeof(*h)) != 0)
		return -EFAULT;
	switch (h->version) {
	case CAP_VERSION_1:
		return 1;
	case CAP_VERSION_2:
	case CAP_VERSION_3:
		return 2;
	}
	return put_user_u32(CAP_VERSION_3, uheader) != 0 ? -EFAULT : -EINVAL;
}

long
sys_capget(void __user *header, void __user *data)
{
	struct cap_data d[2];
	struct cap_header h;
	const struct cred *c;
	struct thread *t;
	int n = cap_words(header, &h);

	if (n < 0)
		return n == -EINVAL && data == NULL ? 0 : n;
	if (h.pid < 0)
		return -EINVAL;
	if (h.pid == 0) {
		t = thread_current();
		thread_get(t);
	} else if ((t = thread_find_get(h.pid)) == NULL) {
		return -ESRCH;
	}
	c = thread_cred_get(t);
	for (int i = 0; i < 2; i++)
		d[i] = (struct cap_data){ (u32)(c->cap_effective >> 32 * i), (u32)(c->cap_permitted >> 32 * i),
			(u32)(c->cap_inheritable >> 32 * i) };
	cred_put(c);
	thread_put(t);
	return data != NULL ? copy_to_user(data, d, (size_t)n * sizeof(d[0])) : 0;
}

long
sys_capset(void __user *header, const void __user *data)
{
	struct cap_data d[2] = { 0 };
	const struct cred *old = cred_current();
	struct cap_header h;
	u64 eff, perm, inh;
	struct cred *new;
	int n = cap_words(header, &h);

	if (n < 0)
		return n;
	if (h.pid != 0 && h.pid != thread_tid(thread_current()))
		return -EPERM;
	if (copy_from_user(d, data, (size_t)n * sizeof(d[0])) != 0)
		return -EFAULT;
	eff = (d[0].effective | (u64)d[1].effective << 32) & CAP_ALL;
	perm = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_ALL;
	inh = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_ALL;
	if (!capable(CAP_SETPCAP) && (inh & ~(old->cap_inheritable | old->cap_permitted)) != 0)
		return -EPERM;
	if ((inh & ~(old->cap_inheritable | old->cap_bounding)) != 0 || (perm & ~old->cap_permitted) != 0 || (eff & ~perm) != 0)
		return -EPERM;
	new = cred_copy(old);
	if (new == NULL)
		return -ENOMEM;
	new->cap_effective = eff;
	new->cap_permitted = perm;
	new->cap_inheritable = inh;
	new->cap_ambient &= perm & inh;
	cred_commit_user(new);
	return 0;
}
