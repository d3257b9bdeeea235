/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real-time threads: the highest priority runs, first in first out; SCHED_RR ones take turns by slices. While others wait
 * they get at most 95% of each second, so that a runaway leaves a shell alive (sched(7)).
 */
#include "sys/runqueue.h"

static struct list *
level_of(struct rt_queue *q, u32 prio)
{
	return &q->level[prio];
}

void
rt_init(struct rt_queue *q)
{
	for (u32 i = 0; i < ARRAY_SIZE(q->level); i++)
		list_init(&q->level[i]);
}

static u32
highest(const struct rt_queue *q)
{
	return q->levels[1] != 0 ? 64 + msb64(q->levels[1]) : q->levels[0] != 0 ? msb64(q->levels[0]) : 0;
}

static void
insert(struct rt_queue *q, struct thread *t, bool tail)
{
	u32 prio = rt_prio_effective(t);

	if (tail)
		list_add_tail(level_of(q, prio), &t->se.rt_node);
	else
		list_add(level_of(q, prio), &t->se.rt_node);
	q->levels[prio / 64] |= BIT(prio % 64);
	atomic_store_relaxed(&q->waiting, highest(q));
}

static void
take_out(struct rt_queue *q, struct thread *t)
{
	u32 prio = rt_prio_effective(t);

	list_del(&t->se.rt_node);
	if (list_empty(level_of(q, prio)))
		q->levels[prio / 64] &= ~BIT(prio % 64);
	atomic_store_relaxed(&q->waiting, highest(q));
}

void
rt_enqueue(struct runqueue *rq, struct thread *t)
{
	if (t->se.rr_left <= 0)
		t->se.rr_left = RR_SLICE;
	rq->rt.count++;
	insert(&rq->rt, t, true);
}

void
rt_dequeue(struct runqueue *rq, struct thread *t)
{
	rq->rt.count--;
	if (t != rq->curr)
		take_out(&rq->rt, t);
}

/* Preempted: ahead of its equals; after its slice or a yield: behind them. */
void
rt_put(struct runqueue *rq, struct thread *t)
{
	insert(&rq->rt, t, t->se.rt_tail);
	t->se.rt_tail = false;
}

void
rt_set(struct runqueue *rq, struct thread *t)
{
	take_out(&rq->rt, t);
}

struct thread *
rt_pick(struct runqueue *rq)
{
	struct rt_queue *q = &rq->rt;
	u32 prio = highest(q);

	if (prio == 0 || (q->throttled && rq->fair.count != 0))
		return NULL;
	return list_first(level_of(q, prio), struct thread, se.rt_node);
}

void
rt_charge(struct runqueue *rq, struct thread *t, nsec_t delta)
{
	rq->rt.time += delta;
	if (t->policy == SCHED_POLICY_RR)
		t->se.rr_left -= delta;
}

/* Any thread's tick while real-time threads are runnable. True: the CPU shall pick anew. */
bool
rt_tick(struct runqueue *rq, struct thread *t, nsec_t now)
{
	struct rt_queue *q = &rq->rt;
	bool resched = false;

	if (now - q->period_start >= RT_PERIOD) {
		q->period_start = now;
		q->time = 0;
		resched = q->throttled;
		q->throttled = false;
	} else if (!q->throttled && q->time >= RT_RUNTIME && rq->fair.count != 0) {
		q->throttled = resched = true;
	}
	if (thread_is_rt(t) && t->policy == SCHED_POLICY_RR && t->se.rr_left <= 0) {
		t->se.rr_left = RR_SLICE;
		if (!list_empty(level_of(q, rt_prio_effective(t))))
			t->se.rt_tail = resched = true;
	}
	return resched;
}

struct thread *
rt_steal(struct runqueue *rq, u32 to_cpu, u32 above)
{
	struct rt_queue *q = &rq->rt;
	struct thread *t;

	for (u32 prio = highest(q); prio > above; prio--)
		list_for_each(t, level_of(q, prio), se.rt_node)
			if (t->affinity & BIT(to_cpu))
				return t;
	return NULL;
}
