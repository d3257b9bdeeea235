/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes: what the files of proc/futex/ share.
 *
 * Waiters hang in hashed buckets by the key of their word (mm/aspace.h). A waiter sleeps until it is off its bucket's list:
 * w->bucket is NULL then. User words are read and changed under the bucket's lock, without sleeping: where the page is not there,
 * the lock is let go, the page is faulted in, and all starts again.
 *
 * Lock key: [b] the bucket's lock (LOCK_FUTEX; two: lower address first)  [I] immutable while queued
 */
#ifndef PROC_FUTEX_FUTEX_H
#define PROC_FUTEX_FUTEX_H

#include "proc/futex.h"
#include "sys/pi.h"
#include "sys/abi/futex.h"

struct futex_bucket {
	struct spinlock lock;
	struct list waiters;		/* [b] real-time ones first, by priority */
} __aligned(64);

struct pi_state;

struct futex_waiter {
	struct list node;		/* [b] */
	struct futex_bucket *bucket;	/* [b] the one it is in; read without: NULL means woken */
	struct thread *thread;		/* [I] */
	struct mem_key key;		/* [b] what it waits for; changes by requeue */
	u32 bitset;			/* [I] */
	struct pi_state *pi;		/* [b] of a PI futex; NULL: a plain waiter */
	bool granted;			/* [b] PI: the lock was handed over */
	bool requeue_pi;		/* [I] waits in FUTEX_WAIT_REQUEUE_PI */
	struct mem_key pi_key;		/* [I] for which it may be requeued */
	u64 pi_uaddr;			/* [I] */
	struct mutex_waiter lender;	/* PI: lends its priority to the owner */
};

/* --- core.c --- */
int __must_check futex_key(u64 uaddr, bool shared, struct mem_key *key);
static inline bool
futex_key_equal(const struct mem_key *a, const struct mem_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}
struct futex_bucket *futex_bucket(const struct mem_key *key);
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_enqueue(struct futex_bucket *b, struct futex_waiter *w);		/* [b] */
void futex_move(struct futex_waiter *w, struct futex_bucket *to, const struct mem_key *key);	/* both [b] */
void futex_wake_waiter(struct futex_waiter *w);					/* [b]; w is gone after it */
struct futex_bucket *futex_lock_own(struct futex_waiter *w);	/* the one w is in, locked; NULL: it was woken */
bool futex_dequeue(struct futex_waiter *w);	/* false: it had been woken */
/* Sleep until woken (0), time (-ETIMEDOUT), or a signal (-EINTR). The waiter is queued. */
int futex_sleep(struct futex_waiter *w, const struct futex_timeout *to);
/* User words under a bucket's lock: 0, or -EFAULT where the page is not there (now). */
int futex_load(u32 *val, u64 uaddr);
int futex_cas(u64 uaddr, u32 old, u32 new, u32 *found);
int futex_op(u64 uaddr, int op, u32 arg, u32 *old);
int futex_fault_in(u64 uaddr, bool write);	/* without locks: 0 or -EFAULT */

/* --- waitwake.c --- */
int futex_wait_setup(struct futex_waiter *w, u64 uaddr, u32 val);	/* queue w if the word still is val: 0; -EAGAIN: it isn't; -EFAULT */

/* --- pi.c --- */
void futex_exit_pi(struct proc_thread *pt);

/* For requeue.c. [b] of uaddr's bucket. Try to take the PI futex for t. 1: it is t's; 0: *state (a reference) is what to wait on;
 * -EFAULT: fault in and try again; other errors are final. */
int pi_take_or_attach(u64 uaddr, const struct mem_key *key, struct thread *t, bool set_waiters, struct pi_state **state);
/* [b] w, to be queued on the state's word at once, waits for it. Takes the reference. -EDEADLK: that would close a circle. */
int __must_check pi_wait_on(struct futex_waiter *w, struct pi_state *s);
int pi_finish_wait(struct futex_waiter *w, u64 uaddr, int err);	/* no locks: what became of a wait that ended with err */
void pi_state_put(struct pi_state *s);

#endif
