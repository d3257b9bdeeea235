/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wait queues, with call-backs: the one mechanism of sleeping and of readiness (poll, select, epoll, signal-driven I/O).
 *
 * The waiter's protocol: add to the queue, set the state, check the condition, sleep. The waker's: make the condition true,
 * then wake. Wake-up call-backs run under the queue's lock with interrupts off and must not sleep.
 */
#ifndef SYS_WAIT_H
#define SYS_WAIT_H

#include "sys/lib/list.h"
#include "sys/spinlock.h"
#include "sys/thread.h"
#include "sys/abi/errno.h"

struct waitq {
	struct spinlock lock;
	struct list waiters;	/* [lock] non-exclusive first */
};

#define WAITQ_INIT_CLASS(name, cls)	{ .lock = SPINLOCK_INIT(cls), .waiters = LIST_INIT((name).waiters) }
#define WAITQ_INIT(name)	WAITQ_INIT_CLASS(name, LOCK_WAITQ)

struct waiter {
	struct list node;	/* [queue's lock] */
	struct thread *thread;
	/* events: POLL* bits, 0 for "any". Returns true if it counts as a wake-up for exclusive waiters. */
	bool (*wake)(struct waiter *w, u32 events);
	bool exclusive;
};

void waitq_init(struct waitq *q);
void waitq_init_class(struct waitq *q, enum lock_class cls);	/* LOCK_WAITQ_NESTED for queues woken from call-backs */
/* A waiter that wakes the current thread. */
void waiter_init(struct waiter *w);
void waiter_init_func(struct waiter *w, bool (*wake)(struct waiter *, u32));

void waitq_add(struct waitq *q, struct waiter *w);
void waitq_add_exclusive(struct waitq *q, struct waiter *w);
void waitq_remove(struct waitq *q, struct waiter *w);

/* Add (if not there yet) and set the thread's state. */
void waitq_prepare(struct waitq *q, struct waiter *w, enum thread_state s);
void waitq_prepare_exclusive(struct waitq *q, struct waiter *w, enum thread_state s);
void waitq_finish(struct waitq *q, struct waiter *w);	/* state RUNNING, off the queue */

/* Wake all non-exclusive waiters and nr exclusive ones (0: all of them), telling events. Any context. */
void waitq_wake(struct waitq *q, int nr_exclusive, u32 events);
/* The same from a call-back, that is with another queue's lock held (epoll keeps such chains acyclic). */
void waitq_wake_nested(struct waitq *q, int nr_exclusive, u32 events);
static inline void waitq_wake_one(struct waitq *q) { waitq_wake(q, 1, 0); }
static inline void waitq_wake_all(struct waitq *q) { waitq_wake(q, 0, 0); }
static inline bool waitq_active(struct waitq *q) { smp_mb(); return !list_empty(&q->waiters); }

/* -ERESTARTSYS, -EINTR or 0: may this sleep go on? */
static inline int
wait_interrupted(enum thread_state s)
{
	if (s == THREAD_INTERRUPTIBLE && thread_signal_pending(thread_current()))
		return -ERESTARTSYS;
	if (s == THREAD_KILLABLE && thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
		return -EINTR;
	return 0;
}

/* Sleep in state s until cond is true: 0, -ETIMEDOUT, or as wait_interrupted(). deadline is looked at after every wake-up: it may move. */
#define wait_event_full(q, cond, s, deadline, prepare) ({ \
	int we_err_ = 0; \
	might_sleep(); \
	if (!(cond)) { \
		struct waiter we_w_; \
		waiter_init(&we_w_); \
		for (;;) { \
			prepare(q, &we_w_, s); \
			if (cond) { we_err_ = 0; break; } \
			if (we_err_ != 0 || (we_err_ = wait_interrupted(s)) != 0) \
				break; \
			we_err_ = thread_schedule_until(deadline); \
		} \
		waitq_finish(q, &we_w_); \
	} \
	we_err_; })

#define wait_event(q, cond) \
	((void)wait_event_full(q, cond, THREAD_UNINTERRUPTIBLE, NSEC_MAX, waitq_prepare))
/* A kernel thread waits for work: it is asleep (S) and no load, for as long as it takes. */
#define wait_event_idle(q, cond) \
	((void)wait_event_full(q, cond, THREAD_INTERRUPTIBLE, NSEC_MAX, waitq_prepare))
#define wait_event_interruptible(q, cond) \
	wait_event_full(q, cond, THREAD_INTERRUPTIBLE, NSEC_MAX, waitq_prepare)
#define wait_event_killable(q, cond) \
	wait_event_full(q, cond, THREAD_KILLABLE, NSEC_MAX, waitq_prepare)
#define wait_event_interruptible_until(q, cond, deadline) \
	wait_event_full(q, cond, THREAD_INTERRUPTIBLE, deadline, waitq_prepare)
#define wait_event_until(q, cond, deadline) \
	wait_event_full(q, cond, THREAD_UNINTERRUPTIBLE, deadline, waitq_prepare)
#define wait_event_interruptible_exclusive(q, cond) \
	wait_event_full(q, cond, THREAD_INTERRUPTIBLE, NSEC_MAX, waitq_prepare_exclusive)

/* One-time event. */
struct completion { bool done; struct waitq wq; };
void completion_init(struct completion *c);
void completion_wait(struct completion *c);
int __must_check completion_wait_killable(struct completion *c);	/* 0 or -EINTR */
void completion_complete(struct completion *c);				/* any context */

#endif
