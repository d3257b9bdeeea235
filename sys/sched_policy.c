/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies, priorities, affinity: what sched(7) lets a program change. Permission is the caller's business. */
#include "sys/pi.h"
#include "sys/runqueue.h"

static bool
policy_is_rt(int policy)
{
	return policy == SCHED_POLICY_FIFO || policy == SCHED_POLICY_RR;
}

int
sched_set_policy(struct thread *t, int policy, int rt_prio, bool reset_on_fork)
{
	struct rq_suspended s;
	struct runqueue *rq;
	nsec_t now;
	u64 flags;

	if (!policy_is_rt(policy) && policy != SCHED_POLICY_OTHER && policy != SCHED_POLICY_BATCH && policy != SCHED_POLICY_IDLE)
		return -EINVAL;
	if (policy_is_rt(policy) ? rt_prio < 1 || rt_prio > RT_PRIO_MAX : rt_prio != 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&t->lock);
	rq = thread_rq_lock(t);
	now = clock_now();
	s = rq_suspend(rq, t, now);
	t->policy = (u8)policy;
	t->rt_prio = (u8)rt_prio;
	t->reset_on_fork = reset_on_fork;
	t->se.rr_left = RR_SLICE;
	rq_resume(rq, t, s, now);
	spin_release(&rq->lock);
	spin_unlock_irqrestore(&t->lock, flags);
	pi_priority_changed(t);
	return 0;
}

int
sched_set_nice(struct thread *t, int nice)
{
	struct rq_suspended s;
	struct runqueue *rq;
	nsec_t now;
	u64 flags;

	if (nice < -20 || nice > 19)
		return -EINVAL;
	flags = spin_lock_irqsave(&t->lock);
	rq = thread_rq_lock(t);
	now = clock_now();
	s = rq_suspend(rq, t, now);
	t->nice = (s8)nice;
	rq_resume(rq, t, s, now);
	spin_release(&rq->lock);
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

void
sched_set_inherited(struct thread *t, u8 rt_prio)
{
	struct rq_suspended s;
	struct runqueue *rq;
	nsec_t now;
	u64 flags;

	flags = spin_lock_irqsave(&t->lock);
	rq = thread_rq_lock(t);
	if (t->se.pi_prio != rt_prio) {
		now = clock_now();
		s = rq_suspend(rq, t, now);
		t->se.pi_prio = rt_prio;
		rq_resume(rq, t, s, now);
	}
	spin_release(&rq->lock);
	spin_unlock_irqrestore(&t->lock, flags);
}

/* Waiting on a CPU that is not allowed any more: move it now. Running there: its CPU lets it go at the switch. */
int
sched_set_affinity(struct thread *t, u64 mask)
{
	struct runqueue *rq;
	nsec_t now;
	u64 flags;

	if ((mask & atomic_load_relaxed(&cpu_online_mask)) == 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&t->lock);
	rq = thread_rq_lock(t);
	t->affinity = mask;
	if (t->se.queued && !(mask & BIT(t->cpu))) {
		if (t == rq->curr) {
			rq_resched(rq);
		} else {
			now = clock_now();
			rq_dequeue(rq, t);
			t->se.exec_start = now;
			spin_release(&rq->lock);
			rq = cpu_rq(balance_select_cpu(t));
			spin_acquire(&rq->lock);
			t->cpu = rq->cpu;
			rq_enqueue(rq, t, now);
			rq_check_preempt(rq, t, now);
		}
	}
	spin_release(&rq->lock);
	spin_unlock_irqrestore(&t->lock, flags);
	return 0;
}

nsec_t
sched_rr_interval(const struct thread *t)
{
	switch (t->policy) {
	case SCHED_POLICY_RR:
		return RR_SLICE;
	case SCHED_POLICY_FIFO:
		return 0;
	default:
		return FAIR_SLICE;
	}
}

int
sched_stat_prio(const struct thread *t)
{
	u32 rt = rt_prio_effective(t);

	return rt != 0 ? -1 - (int)rt : 20 + t->nice;
}
