/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read-copy-update. A read section disables preemption and never sleeps; user mode and idle count
 * as quiescent. Call-backs run in the per-CPU worker thread and may sleep briefly.
 */
#ifndef SYS_RCU_H
#define SYS_RCU_H

#include "sys/lib/atomic.h"
#include "sys/preempt.h"

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *);
};

static inline void rcu_read_lock(void) { preempt_disable(); }
static inline void rcu_read_unlock(void) { preempt_enable(); }

#define rcu_dereference(p)	atomic_load_acquire(&(p))
#define rcu_assign(p, v)	atomic_store_release(&(p), v)

/* Call func(head) after every read section that runs now has ended. Any context. */
void rcu_call(struct rcu_head *head, void (*func)(struct rcu_head *));
/* Sleep until every read section that runs now has ended. */
void rcu_synchronize(void);
/* Sleep until all call-backs queued so far have run (tests, unmount). */
void rcu_barrier(void);

/* Hooks of the scheduler. Interrupts off. User mode needs none at entry and exit: a busy CPU's tick sees that it came over
 * user mode or preemptible code. */
void rcu_idle_enter(void);
void rcu_idle_exit(void);		/* also from the entry of every interrupt */
void rcu_switch(void);			/* a context switch */
void rcu_tick(bool quiescent);		/* the tick: no read section can be running on this CPU */
/* The CPUs that the grace period now going on waits for (0: none goes on), and its number. A snapshot. */
u64 rcu_waiting_for(u64 *period);

#endif
