/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler's inside: only sys/sched*.c and sys/thread.c include it.
 *
 * A run queue per CPU. A runnable thread is `queued` on exactly one, t->cpu. The running one is rq->curr and stands in
 * neither the tree nor a list. Locks: rq->lock with interrupts off; a wake-up holds the thread's own lock around it. Every
 * switch happens with rq->lock held, and with the preempt count at exactly 1, so that it needs no saving.
 *
 * Lock key: [q] rq->lock  [a] atomic  [o] own CPU, interrupts off  [I] immutable
 */
#ifndef SYS_RUNQUEUE_H
#define SYS_RUNQUEUE_H

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/bits.h"
#include "sys/lockdep.h"
#include "sys/panic.h"
#include "sys/sched.h"

#define RT_PRIO_MAX	99
#define NICE0_WEIGHT	1024
#define FAIR_SLICE	(3 * NSEC_PER_MSEC)	/* a request of a fair thread */
#define FAIR_WAKE_GRAN	(750 * NSEC_PER_USEC)	/* a wake-up preempts who has run so long */
#define RR_SLICE	(100 * NSEC_PER_MSEC)
#define RT_PERIOD	NSEC_PER_SEC		/* of which real-time threads get 95% while others wait */
#define RT_RUNTIME	(RT_PERIOD / 100 * 95)
#define TICK_BUSY	(3 * NSEC_PER_MSEC)	/* several threads runnable */
#define TICK_ALONE	(10 * NSEC_PER_MSEC)	/* one: accounting and RCU only */
#define BALANCE_PERIOD	(64 * NSEC_PER_MSEC)

struct fair_queue {
	struct rbtree tree;	/* [q] waiting threads by deadline, augmented with the least vruntime */
	s64 v0;			/* [q] reference of the sums below */
	s64 sum_wv;		/* [q] sum of weight * (vruntime - v0), running thread included */
	s64 sum_w;		/* [q] sum of weights */
	u32 count;		/* [q] */
};

struct rt_queue {
	struct list level[RT_PRIO_MAX + 1];	/* [q] */
	u64 levels[2];		/* [q] bit per level that has waiting threads */
	u32 count;		/* [q] running thread included */
	nsec_t period_start;	/* [q] */
	nsec_t time;		/* [q] used in this period */
	bool throttled;		/* [q] */
	u32 running;		/* [q] priority of the thread that runs, 0: not a real-time one; read without as a hint */
	u32 waiting;		/* [q] the highest one that waits, 0: none; read without as a hint */
};

struct runqueue {
	struct spinlock lock;		/* LOCK_RUNQUEUE, interrupts off */
	u32 cpu;			/* [I] */
	u32 nr_running;			/* [q] queued threads; read without as a hint */
	struct thread *curr, *idle;	/* [q] [I] */
	struct thread *prev;		/* [o] whom the switch left */
	bool push;			/* [o] prev must go to another CPU */
	bool tick_on;			/* [o] the tick is armed */
	struct fair_queue fair;
	struct rt_queue rt;
	nsec_t balance_next;		/* [o] */
	nsec_t idle_since;		/* [q] 0: not idle */
	nsec_t unsplit;			/* [q] busy time that no tick has split yet */
	struct cpu_times times;		/* [q] */
} __aligned(64);

PERCPU_DECLARE(struct runqueue, runqueues);
extern u64 cpu_idle_mask;		/* [a] CPUs in their idle thread that no waker has claimed */

static inline struct runqueue *
cpu_rq(u32 cpu)
{
	return per_cpu_ptr(runqueues, cpu);
}

static inline bool
thread_is_rt(const struct thread *t)
{
	return t->rt_prio != 0 || t->se.pi_prio != 0;
}

static inline u32
rt_prio_effective(const struct thread *t)
{
	return MAX(t->rt_prio, t->se.pi_prio);
}

/* Lock the run queue t belongs to; interrupts must be off. */
struct runqueue *thread_rq_lock(struct thread *t);

/* sched.c. rq->lock held for all. */
void rq_update_curr(struct runqueue *rq, nsec_t now);
void rq_enqueue(struct runqueue *rq, struct thread *t, nsec_t now);	/* t becomes runnable here */
void rq_dequeue(struct runqueue *rq, struct thread *t);		/* t is not runnable any more */
void rq_resched(struct runqueue *rq);					/* its CPU shall pick anew */
void rq_check_preempt(struct runqueue *rq, struct thread *t, nsec_t now);	/* t was enqueued */
/* Take t out for a change of class, weight or place, and put it back. */
struct rq_suspended { bool queued, running; };
struct rq_suspended rq_suspend(struct runqueue *rq, struct thread *t, nsec_t now);
void rq_resume(struct runqueue *rq, struct thread *t, struct rq_suspended s, nsec_t now);

/* sched_fair.c */
void fair_enqueue(struct runqueue *rq, struct thread *t, nsec_t now);
void fair_dequeue(struct runqueue *rq, struct thread *t);
void fair_put(struct runqueue *rq, struct thread *t);		/* from running to waiting */
void fair_set(struct runqueue *rq, struct thread *t);		/* from waiting to running */
struct thread *fair_pick(struct runqueue *rq);
void fair_charge(struct runqueue *rq, struct thread *t, nsec_t delta);
bool fair_preempts(struct runqueue *rq, struct thread *t, nsec_t now);
bool fair_tick(struct runqueue *rq, struct thread *t);		/* true: its slice is used up */
void fair_yield(struct runqueue *rq, struct thread *t);
struct thread *fair_steal(struct runqueue *rq, u32 to_cpu);	/* a waiting thread that may run there, or NULL */
u32 fair_weight(const struct thread *t);

/* sched_rt.c */
void rt_init(struct rt_queue *q);
void rt_enqueue(struct runqueue *rq, struct thread *t);
void rt_dequeue(struct runqueue *rq, struct thread *t);
void rt_put(struct runqueue *rq, struct thread *t);
void rt_set(struct runqueue *rq, struct thread *t);
struct thread *rt_pick(struct runqueue *rq);
void rt_charge(struct runqueue *rq, struct thread *t, nsec_t delta);
bool rt_tick(struct runqueue *rq, struct thread *t, nsec_t now);
struct thread *rt_steal(struct runqueue *rq, u32 to_cpu, u32 above);	/* the highest one above that may run there, or NULL */

/* sched_balance.c */
u32 balance_select_cpu(struct thread *t);			/* where a woken thread goes; t->lock or not yet visible */
bool balance_pull(struct runqueue *rq, u32 min_imbalance);	/* rq->lock held: take a thread from the busiest CPU */
void balance_rt_pull(struct runqueue *rq);	/* rq->lock held, before a pick: take what waits elsewhere and goes before all here */
void balance_rt_push(struct runqueue *rq);	/* rq->lock held: a real-time thread may wait here that goes before another CPU's */
void balance_rt_waits(struct runqueue *rq);	/* rq->lock held: a real-time thread waits here */
extern u64 rt_waiting_mask;			/* [a] CPUs that real-time threads wait on */
void balance_tick(struct runqueue *rq, nsec_t now);		/* rq->lock held */

void sched_attach_idle(u32 cpu, struct thread *idle);

/* sched_stat.c */
void load_update(nsec_t now);
extern u64 total_forks;			/* [a] */

/* thread.c */
void thread_reap(struct thread *t);	/* the switch left t for good; any context */
u32 thread_count_uninterruptible(void);

#endif
