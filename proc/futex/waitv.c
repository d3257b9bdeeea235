/* SPDX-License-Identifier: BSD-2-Clause */
/* futex_waitv(2): wait on several words at once. */
#include "proc/futex/futex.h"

/* Take those that are still queued off. The index of one that was woken, or -1. */
static int
unqueue(struct futex_waiter *w, u32 n)
{
	int woken = -1;

	for (u32 i = 0; i < n; i++)
		if (!futex_dequeue(&w[i]))
			woken = (int)i;
	return woken;
}

static bool
any_woken(const struct futex_waiter *w, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (atomic_load_acquire(&w[i].bucket) == NULL)
			return true;
	return false;
}

static int
sleep_on_all(const struct futex_waiter *w, u32 n, const struct futex_timeout *to)
{
	int err = 0;

	for (;;) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (err != 0 || any_woken(w, n))
			break;
		if (thread_signal_pending(thread_current())) {
			err = -ERESTARTSYS;
			break;
		}
		err = thread_sleep_until(to->clock, to->deadline);
	}
	thread_set_state(THREAD_RUNNING);
	return err;
}

static int
queue_all(struct futex_waiter *w, const struct futex_word *words, u32 n, int *woken)
{
	int err;

	*woken = -1;
	for (u32 i = 0; i < n; i++) {
		w[i] = (struct futex_waiter){ .thread = thread_current(), .bitset = FUTEX_BITSET_MATCH_ANY };
		err = futex_key(words[i].uaddr, words[i].shared, &w[i].key);
		if (err == 0)
			err = futex_wait_setup(&w[i], words[i].uaddr, words[i].val);
		if (err != 0) {
			*woken = unqueue(w, i);
			return err;
		}
	}
	return 0;
}

long
futex_wait_many(const struct futex_word *words, u32 n, const struct futex_timeout *to)
{
	struct futex_waiter *w = kmem_alloc_array(n, sizeof(*w), KM_USER);
	int err, woken;

	if (w == NULL)
		return -ENOMEM;
	err = queue_all(w, words, n, &woken);
	if (err == 0) {
		err = sleep_on_all(w, n, to);
		woken = unqueue(w, n);
	}
	kmem_free(w);
	return woken >= 0 ? woken : err;
}
