/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving waiters from one futex to another: FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, and the pair for condition variables with PI locks,
 * FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI.
 */
#include "proc/futex/futex.h"

/* Keys and buckets of the two words. */
struct two { u64 uaddr, uaddr2; struct mem_key key, key2; struct futex_bucket *b, *b2; };

static int
two_init(struct two *t, u64 uaddr, u64 uaddr2, bool shared)
{
	int err;

	*t = (struct two){ .uaddr = uaddr, .uaddr2 = uaddr2 };
	err = futex_key(uaddr, shared, &t->key);
	if (err != 0)
		return err;
	err = futex_key(uaddr2, shared, &t->key2);
	if (err != 0)
		return err;
	t->b = futex_bucket(&t->key);
	t->b2 = futex_bucket(&t->key2);
	return 0;
}

/* Lock both; the first word must be *cmpval, if given. -EAGAIN: it isn't; -EFAULT. On errors nothing is locked. */
static int
lock_and_compare(struct two *t, const u32 *cmpval)
{
	u32 now;
	int err;

	for (;;) {
		futex_lock_two(t->b, t->b2);
		if (cmpval == NULL)
			return 0;
		err = futex_load(&now, t->uaddr);
		if (err == 0 && now == *cmpval)
			return 0;
		futex_unlock_two(t->b, t->b2);
		if (err == 0)
			return -EAGAIN;
		err = futex_fault_in(t->uaddr, false);
		if (err != 0)
			return err;
	}
}

/* Number woken and moved. */
long
futex_requeue(u64 uaddr, u64 uaddr2, bool shared, int nr_wake, int nr_requeue, const u32 *cmpval)
{
	struct futex_waiter *w, *next;
	struct two t;
	long n = 0;
	int err;

	if (nr_wake < 0 || nr_requeue < 0)
		return -EINVAL;
	err = two_init(&t, uaddr, uaddr2, shared);
	if (err != 0)
		return err;
	err = lock_and_compare(&t, cmpval);
	if (err != 0)
		return err;
	list_for_each_safe(w, next, &t.b->waiters, node) {
		if (n >= (long)nr_wake + nr_requeue)
			break;
		if (!futex_key_equal(&w->key, &t.key))
			continue;
		if (w->pi != NULL || w->requeue_pi) {
			err = -EINVAL;
			break;
		}
		if (n < nr_wake)
			futex_wake_waiter(w);
		else
			futex_move(w, t.b2, &t.key2);
		n++;
	}
	futex_unlock_two(t.b, t.b2);
	return err != 0 ? err : n;
}

/* --- with PI locks --- */

/* [b] of both. Give the PI lock to w, or make it wait for it there. 1: it is w's; 0: moved; -errno. */
static int
requeue_one_pi(struct two *t, struct futex_waiter *w, bool set_waiters)
{
	struct pi_state *s;
	int err, got = pi_take_or_attach(t->uaddr2, &t->key2, w->thread, set_waiters, &s);

	if (got < 0)
		return got;
	if (got == 1) {
		w->granted = true;
		futex_wake_waiter(w);
		return 1;
	}
	err = pi_wait_on(w, s);
	if (err == 0)
		futex_move(w, t->b2, &t->key2);
	return err;
}

/* [b] of both. As many as asked; *n counts. */
static int
requeue_all_pi(struct two *t, int nr_requeue, long *n)
{
	struct futex_waiter *w, *next;
	int got;

	list_for_each_safe(w, next, &t->b->waiters, node) {
		if (*n >= 1 + (long)nr_requeue)
			break;
		if (!futex_key_equal(&w->key, &t->key))
			continue;
		if (!w->requeue_pi || w->pi != NULL || !futex_key_equal(&w->pi_key, &t->key2))
			return -EINVAL;
		/* WAITERS is set for the first one too: others may follow. */
		got = requeue_one_pi(t, w, true);
		if (got < 0)
			return got;
		++*n;
	}
	return 0;
}

long
futex_requeue_pi(u64 uaddr, u64 uaddr2, bool shared, int nr_wake, int nr_requeue, u32 cmpval)
{
	struct two t;
	long n = 0;
	int err;

	if (nr_wake != 1 || nr_requeue < 0 || uaddr == uaddr2)
		return -EINVAL;
	err = two_init(&t, uaddr, uaddr2, shared);
	if (err != 0)
		return err;
	if (futex_key_equal(&t.key, &t.key2))
		return -EINVAL;
	for (;;) {
		err = lock_and_compare(&t, &cmpval);
		if (err != 0)
			break;
		err = requeue_all_pi(&t, nr_requeue, &n);
		futex_unlock_two(t.b, t.b2);
		if (err != -EFAULT || n != 0)
			break;
		err = futex_fault_in(uaddr2, true);
		if (err != 0)
			break;
	}
	return n != 0 ? n : err;
}

/* Wait on a plain futex; whoever requeues us gives us, sooner or later, the PI lock at uaddr2, which is ours on return 0. */
long
futex_wait_requeue_pi(u64 uaddr, bool shared, u32 val, const struct futex_timeout *to, u32 bitset, u64 uaddr2)
{
	struct futex_waiter w = { .thread = thread_current(), .bitset = bitset, .requeue_pi = true, .pi_uaddr = uaddr2 };
	struct two t;
	int err;

	if (uaddr == uaddr2 || bitset == 0)
		return -EINVAL;
	err = two_init(&t, uaddr, uaddr2, shared);
	if (err != 0)
		return err;
	w.key = t.key;
	w.pi_key = t.key2;
	err = futex_key_equal(&t.key, &t.key2) ? -EINVAL : 0;
	while (err == 0) {
		u32 now;

		spin_lock(&t.b->lock);
		err = futex_load(&now, uaddr);
		if (err == 0 && now == val)
			futex_enqueue(t.b, &w);
		spin_unlock(&t.b->lock);
		if (err == 0) {
			err = now == val ? 0 : -EAGAIN;
			break;
		}
		err = futex_fault_in(uaddr, false);
	}
	if (err == 0) {
		err = futex_sleep(&w, to);
		err = pi_finish_wait(&w, uaddr2, err);
		if (err == -EINTR)
			/* POSIX: a condition variable's wait may end early, but is not interrupted; one not requeued yet goes on. */
			err = w.pi != NULL ? -EAGAIN : -ERESTARTNOINTR;
	}
	return err;
}
