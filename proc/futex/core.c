/* SPDX-License-Identifier: BSD-2-Clause */
/* Futexes: buckets, keys, queueing, sleeping, access to the user's word. */
#include "proc/futex/futex.h"

#include "sys/lib/hash.h"

#define BUCKET_BITS	8

static struct futex_bucket buckets[1 << BUCKET_BITS];

void
futex_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(buckets); i++) {
		spin_init(&buckets[i].lock, LOCK_FUTEX);
		list_init(&buckets[i].waiters);
	}
}

/* -EINVAL: not aligned; -EFAULT. */
int
futex_key(u64 uaddr, bool shared, struct mem_key *key)
{
	*key = (struct mem_key){ 0 };
	if ((uaddr & 3) != 0)
		return -EINVAL;
	if (!user_range_ok((const void __user *)uaddr, sizeof(u32)))
		return -EFAULT;
	return aspace_key(thread_current()->as, uaddr, shared, key);
}

struct futex_bucket *
futex_bucket(const struct mem_key *key)
{
	return &buckets[hash_u64(key->object ^ hash_u64(key->offset, 64), BUCKET_BITS)];
}

void
futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(&MIN(a, b)->lock);
	if (a != b)
		spin_lock_nested(&MAX(a, b)->lock);
}

void
futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a != b)
		spin_unlock(&MAX(a, b)->lock);
	spin_unlock(&MIN(a, b)->lock);
}

/* --- queueing --- */

/* Behind all of the same or a higher real-time priority. */
static void
insert(struct futex_bucket *b, struct futex_waiter *w)
{
	struct list *at = b->waiters.prev;

	while (at != &b->waiters && list_entry(at, struct futex_waiter, node)->thread->rt_prio < w->thread->rt_prio)
		at = at->prev;
	list_insert(&w->node, at, at->next);
}

void
futex_enqueue(struct futex_bucket *b, struct futex_waiter *w)
{
	spin_assert_held(&b->lock);
	insert(b, w);
	w->bucket = b;
}

void
futex_move(struct futex_waiter *w, struct futex_bucket *to, const struct mem_key *key)
{
	w->key = *key;
	if (w->bucket == to)
		return;
	list_del(&w->node);
	insert(to, w);
	w->bucket = to;
}

void
futex_wake_waiter(struct futex_waiter *w)
{
	struct thread *t = w->thread;

	list_del(&w->node);
	thread_get(t);
	atomic_store_release(&w->bucket, NULL);		/* w is the other's stack: it may be gone now */
	thread_wake(t);
	thread_put(t);
}

/* The bucket w is in, locked; NULL: it was woken. */
struct futex_bucket *
futex_lock_own(struct futex_waiter *w)
{
	struct futex_bucket *b;

	while ((b = atomic_load_acquire(&w->bucket)) != NULL) {
		spin_lock(&b->lock);
		if (w->bucket == b)
			return b;
		spin_unlock(&b->lock);		/* requeued, or woken */
	}
	return NULL;
}

bool
futex_dequeue(struct futex_waiter *w)
{
	struct futex_bucket *b = futex_lock_own(w);

	if (b == NULL)
		return false;
	list_del(&w->node);
	w->bucket = NULL;
	spin_unlock(&b->lock);
	return true;
}

int
futex_sleep(struct futex_waiter *w, const struct futex_timeout *to)
{
	struct thread *t = thread_current();
	int err = 0;

	for (;;) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (atomic_load_acquire(&w->bucket) == NULL || READ_ONCE(w->granted)) {
			err = 0;
			break;
		}
		if (err != 0)
			break;
		if (thread_signal_pending(t)) {
			err = -EINTR;
			break;
		}
		err = thread_sleep_until(to->clock, to->deadline);
	}
	thread_set_state(THREAD_RUNNING);
	return err;
}

/* --- the user's word --- */

int
futex_load(u32 *val, u64 uaddr)
{
	struct thread *t = thread_current();
	int err;

	t->no_fault_depth++;
	err = arch_get_user_u32(val, (const u32 __user *)uaddr);
	t->no_fault_depth--;
	return err;
}

/* *found == old: it was changed. */
int
futex_cas(u64 uaddr, u32 old, u32 new, u32 *found)
{
	struct thread *t = thread_current();
	int err;

	t->no_fault_depth++;
	err = arch_user_cas_u32((u32 __user *)uaddr, old, new, found);
	t->no_fault_depth--;
	return err;
}

int
futex_op(u64 uaddr, int op, u32 arg, u32 *old)
{
	struct thread *t = thread_current();
	int err;

	t->no_fault_depth++;
	err = arch_user_fetch_op_u32((u32 __user *)uaddr, op, arg, old);
	t->no_fault_depth--;
	return err;
}

int
futex_fault_in(u64 uaddr, bool write)
{
	return user_prefault((const void __user *)uaddr, sizeof(u32), write);
}
