/* SPDX-License-Identifier: BSD-2-Clause */
/* ioprio_get(2), ioprio_set(2): kept per thread and inherited. The block layer's queues are first come, first served, as Linux's "none". */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/abi/resource.h"

#define CLASS_SHIFT	13
enum { CLASS_NONE, CLASS_RT, CLASS_BE, CLASS_IDLE };
enum { WHO_PROCESS = 1, WHO_PGRP, WHO_USER };	/* one more than setpriority(2)'s */
#define LEVEL_MASK	7	/* the bits above are hints */

static int
check(int ioprio)
{
	switch (ioprio >> CLASS_SHIFT) {
	case CLASS_RT:
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
			return -EPERM;
		return 0;
	case CLASS_BE:
	case CLASS_IDLE:
		return 0;
	case CLASS_NONE:
		return (ioprio & LEVEL_MASK) == 0 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int
set_one(struct thread *t, int ioprio, int result)
{
	const struct cred *c = cred_current(), *tc;
	bool same;

	if (result != 0 && result != -ESRCH)
		return result;
	rcu_read_lock();
	tc = proc_cred_rcu(t);
	same = uid_eq(tc->uid, c->euid) || uid_eq(tc->uid, c->uid);
	rcu_read_unlock();
	if (!same && !capable(CAP_SYS_NICE))
		return -EPERM;
	atomic_store_relaxed(&t->pt->ioprio, (u32)ioprio);
	return 0;
}

/* What none means: it follows from policy and nice value. */
static int
effective(const struct thread *t, int ioprio)
{
	u8 policy = READ_ONCE(t->policy);
	int class = policy == SCHED_POLICY_IDLE ? CLASS_IDLE : READ_ONCE(t->rt_prio) != 0 ? CLASS_RT : CLASS_BE;

	return ioprio >> CLASS_SHIFT != CLASS_NONE ? ioprio : class << CLASS_SHIFT | (READ_ONCE(t->nice) + 20) / 5;
}

/* As it was set, of one process; the best one, which is the least number, of several. */
static int
get_one(struct thread *t, int raw, int result)
{
	int ioprio = (int)atomic_load_relaxed(&t->pt->ioprio);

	if (!raw)
		ioprio = effective(t, ioprio);
	return result < 0 ? ioprio : MIN(ioprio, result);
}

long
sys_ioprio_set(int which, int who, int ioprio)
{
	int err = check(ioprio);

	if (err != 0)
		return err;
	if (which < WHO_PROCESS || which > WHO_USER)
		return -EINVAL;
	return sched_for_targets(which - 1, who, ioprio, set_one);
}

long
sys_ioprio_get(int which, int who)
{
	if (which < WHO_PROCESS || which > WHO_USER)
		return -EINVAL;
	return sched_for_targets(which - 1, who, which == WHO_PROCESS, get_one);
}
