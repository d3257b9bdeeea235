/* SPDX-License-Identifier: BSD-2-Clause */
/* FUTEX_WAIT, FUTEX_WAKE and their BITSET forms, FUTEX_WAKE_OP. */
#include "proc/futex/futex.h"

int
futex_wait_setup(struct futex_waiter *w, u64 uaddr, u32 val)
{
	struct futex_bucket *b = futex_bucket(&w->key);
	u32 now;
	int err;

	for (;;) {
		spin_lock(&b->lock);
		err = futex_load(&now, uaddr);
		if (err == 0)
			break;
		spin_unlock(&b->lock);
		err = futex_fault_in(uaddr, false);
		if (err != 0)
			return err;
	}
	if (now == val)
		futex_enqueue(b, w);
	spin_unlock(&b->lock);
	return now == val ? 0 : -EAGAIN;
}

/* rb: args 0 address, 1 shared, 2 value, 3 bitset, 4 clock; deadline. */
static long
restart_wait(struct restart_block *rb)
{
	struct futex_timeout to = { (enum timer_clock)rb->args[4], rb->deadline };

	return futex_wait(rb->args[0], rb->args[1] != 0, (u32)rb->args[2], &to, (u32)rb->args[3]);
}

/* 0: woken. -EAGAIN: the word is not val; -ETIMEDOUT; -EINVAL, -EFAULT; restart codes. */
long
futex_wait(u64 uaddr, bool shared, u32 val, const struct futex_timeout *to, u32 bitset)
{
	struct futex_waiter w = { .thread = thread_current(), .bitset = bitset };
	int err;

	if (bitset == 0)
		return -EINVAL;
	err = futex_key(uaddr, shared, &w.key);
	if (err != 0)
		return err;
	err = futex_wait_setup(&w, uaddr, val);
	if (err == 0) {
		err = futex_sleep(&w, to);
		if (!futex_dequeue(&w))
			err = 0;
	}
	if (err != -EINTR)
		return err;
	if (to->deadline == NSEC_MAX)
		return -ERESTARTSYS;
	*restart_block_current() = (struct restart_block){ .fn = restart_wait, .args = { uaddr, shared, val, bitset, to->clock },
		.deadline = to->deadline };
	return -ERESTART_RESTARTBLOCK;
}

/* [b]. Wake up to nr plain waiters of the key: how many. -EINVAL: one waits for a PI lock. */
static long
wake_locked(struct futex_bucket *b, const struct mem_key *key, int nr, u32 bitset)
{
	struct futex_waiter *w, *next;
	long woken = 0;

	list_for_each_safe(w, next, &b->waiters, node) {
		if (!futex_key_equal(&w->key, key))
			continue;
		if (w->pi != NULL || w->requeue_pi)
			return -EINVAL;
		if ((w->bitset & bitset) == 0)
			continue;
		futex_wake_waiter(w);
		if (++woken >= nr)
			break;
	}
	return woken;
}

long
futex_wake(u64 uaddr, bool shared, int nr, u32 bitset)
{
	struct futex_bucket *b;
	struct mem_key key;
	long n;

	if (bitset == 0)
		return -EINVAL;
	n = futex_key(uaddr, shared, &key);
	if (n != 0)
		return n;
	b = futex_bucket(&key);
	spin_lock(&b->lock);
	n = wake_locked(b, &key, nr, bitset);
	spin_unlock(&b->lock);
	return n;
}

/* The kernel itself wakes: clear_child_tid. */
int
futex_wake_user(u64 uaddr, int n)
{
	return (int)futex_wake(uaddr, true, n, FUTEX_BITSET_MATCH_ANY);
}

static s32
sign_extend12(u32 v)
{
	return (s32)(v << 20) >> 20;
}

static int
compare(u32 encoded, u32 old)
{
	s32 a = (s32)old, b = sign_extend12(encoded);

	switch (encoded >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return a == b;
	case FUTEX_OP_CMP_NE:
		return a != b;
	case FUTEX_OP_CMP_LT:
		return a < b;
	case FUTEX_OP_CMP_LE:
		return a <= b;
	case FUTEX_OP_CMP_GT:
		return a > b;
	case FUTEX_OP_CMP_GE:
		return a >= b;
	}
	return -ENOSYS;
}

/* [b] of both. Change the second word as encoded; 1 or 0: does the old value compare? -EFAULT: fault in; -ENOSYS. */
static int
apply_op(u64 uaddr2, u32 encoded)
{
	u32 op = encoded >> 28 & 7, arg = (u32)sign_extend12(encoded >> 12), old;
	int err;

	if ((encoded >> 28 & FUTEX_OP_OPARG_SHIFT) != 0)
		arg = 1u << (arg & 31);
	if (op > FUTEX_OP_XOR)
		return -ENOSYS;
	err = futex_op(uaddr2, (int)op, arg, &old);
	return err != 0 ? err : compare(encoded, old);
}

long
futex_wake_op(u64 uaddr, u64 uaddr2, bool shared, int nr, int nr2, u32 op)
{
	struct mem_key key, key2;
	struct futex_bucket *b, *b2;
	long n, n2;
	int cmp;

	n = futex_key(uaddr, shared, &key);
	if (n != 0)
		return n;
	n = futex_key(uaddr2, shared, &key2);
	if (n != 0)
		return n;
	b = futex_bucket(&key);
	b2 = futex_bucket(&key2);
	for (;;) {
		futex_lock_two(b, b2);
		cmp = apply_op(uaddr2, op);
		if (cmp != -EFAULT)
			break;
		futex_unlock_two(b, b2);
		n = futex_fault_in(uaddr2, true);
		if (n != 0)
			return n;
	}
	n = cmp < 0 ? cmp : wake_locked(b, &key, nr, FUTEX_BITSET_MATCH_ANY);
	if (n >= 0 && cmp > 0) {
		n2 = wake_locked(b2, &key2, nr2, FUTEX_BITSET_MATCH_ANY);
		n = n2 < 0 ? n2 : n + n2;
	}
	futex_unlock_two(b, b2);
	return n;
}
