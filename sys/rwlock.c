/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader-writer locks that sleep. The count tells all: 4 for each reader, bit 0 for a writer, bit 1 when there are waiters,
 * which closes the fast paths. Waiters are served in the order of arrival, a run of readers together, and get the
 * lock handed over; so neither side starves.
 */
#include "sys/abi/errno.h"
#include "sys/lockdep.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/wait.h"

#define WRITER	((s64)1)
#define WAITERS	((s64)2)
#define READER	((s64)4)
#define CALLER	__builtin_return_address(0)

#ifdef CONFIG_DEBUG
#define LOCK_CLASS(l)	((l)->lock_class)
#else
#define LOCK_CLASS(l)	LOCK_NONE
#endif

struct rw_waiter {
	struct list node;	/* [wait_lock] */
	struct thread *thread;	/* [I] */
	bool write;		/* [I] */
	bool granted;		/* [wait_lock]; read without by the waiter itself */
};

void
rwlock_init(struct rwlock *l, enum lock_class cls)
{
	l->count = 0;
	l->writer = NULL;
	spin_init(&l->wait_lock, LOCK_MUTEX_WAIT);
	list_init(&l->waiters);
#ifdef CONFIG_DEBUG
	l->lock_class = cls;
#endif
}

static __always_inline bool
take_read(struct rwlock *l)
{
	s64 c = atomic_load_relaxed(&l->count);

	while (!(c & (WRITER | WAITERS)))
		if (atomic_try_cas(&l->count, &c, c + READER))
			return true;
	return false;
}

static __always_inline bool
take_write(struct rwlock *l)
{
	if (!atomic_cas(&l->count, (s64)0, WRITER))
		return false;
	atomic_store_relaxed(&l->writer, thread_current());
	return true;
}

/* Hand the lock to the first waiters, as far as it is free for them. wait_lock held. */
static void
grant_locked(struct rwlock *l)
{
	struct rw_waiter *w;
	s64 c;

	while ((w = list_first(&l->waiters, struct rw_waiter, node)) != NULL) {
		c = atomic_load(&l->count);
		if ((c & WRITER) || (w->write && c >= READER))
			return;
		if (w->write)
			atomic_store_relaxed(&l->writer, w->thread);
		atomic_add(&l->count, w->write ? WRITER : READER);
		list_del(&w->node);
		if (list_empty(&l->waiters))
			atomic_fetch_and(&l->count, ~WAITERS);
		atomic_store_release(&w->granted, true);
		thread_wake(w->thread);
	}
}

static __noinline int
lock_slow(struct rwlock *l, bool write, enum thread_state s)
{
	struct rw_waiter w = { .thread = thread_current(), .write = write };
	int err = 0;

	spin_lock(&l->wait_lock);
	list_add_tail(&l->waiters, &w.node);
	atomic_fetch_or(&l->count, WAITERS);
	grant_locked(l);
	while (!w.granted) {
		thread_set_state(s);
		if ((err = wait_interrupted(s)) != 0)
			break;
		spin_unlock(&l->wait_lock);
		if (!atomic_load_acquire(&w.granted))
			thread_schedule();
		spin_lock(&l->wait_lock);
	}
	thread_set_state(THREAD_RUNNING);
	if (!w.granted) {
		list_del(&w.node);
		if (list_empty(&l->waiters))
			atomic_fetch_and(&l->count, ~WAITERS);
		grant_locked(l);		/* who stood behind us may be able to go on */
	} else {
		err = 0;
	}
	spin_unlock(&l->wait_lock);
	return err;
}

/* The last reader or the writer is out and there are waiters. */
static __noinline void
unlock_slow(struct rwlock *l)
{
	spin_lock(&l->wait_lock);
	grant_locked(l);
	spin_unlock(&l->wait_lock);
}

static __always_inline int
read_common(struct rwlock *l, enum thread_state s, const void *pc)
{
	int err;

	might_sleep();
	lockdep_acquire(l, LOCK_CLASS(l), LOCKDEP_SLEEPS, pc);
	if (likely(take_read(l)))
		return 0;
	err = lock_slow(l, false, s);
	if (unlikely(err != 0))
		lockdep_release(l, LOCK_CLASS(l), pc);
	return err;
}

static __always_inline int
write_common(struct rwlock *l, enum thread_state s, u32 how, const void *pc)
{
	int err;

	might_sleep();
	lockdep_acquire(l, LOCK_CLASS(l), how | LOCKDEP_SLEEPS, pc);
	if (likely(take_write(l)))
		return 0;
	err = lock_slow(l, true, s);
	if (unlikely(err != 0))
		lockdep_release(l, LOCK_CLASS(l), pc);
	return err;
}

void
rwlock_read_lock(struct rwlock *l)
{
	read_common(l, THREAD_UNINTERRUPTIBLE, CALLER);
}

int
rwlock_read_lock_killable(struct rwlock *l)
{
	return read_common(l, THREAD_KILLABLE, CALLER);
}

bool
rwlock_try_read_lock(struct rwlock *l)
{
	if (!take_read(l))
		return false;
	lockdep_acquire(l, LOCK_CLASS(l), LOCKDEP_TRY | LOCKDEP_SLEEPS, CALLER);
	return true;
}

void
rwlock_read_unlock(struct rwlock *l)
{
	lockdep_release(l, LOCK_CLASS(l), CALLER);
	if (unlikely(atomic_sub(&l->count, READER) == WAITERS))
		unlock_slow(l);
}

void
rwlock_write_lock(struct rwlock *l)
{
	write_common(l, THREAD_UNINTERRUPTIBLE, 0, CALLER);
}

void
rwlock_write_lock_nested(struct rwlock *l)
{
	write_common(l, THREAD_UNINTERRUPTIBLE, LOCKDEP_NESTED, CALLER);
}

int
rwlock_write_lock_killable(struct rwlock *l)
{
	return write_common(l, THREAD_KILLABLE, 0, CALLER);
}

bool
rwlock_try_write_lock(struct rwlock *l)
{
	if (!take_write(l))
		return false;
	lockdep_acquire(l, LOCK_CLASS(l), LOCKDEP_TRY | LOCKDEP_SLEEPS, CALLER);
	return true;
}

void
rwlock_write_unlock(struct rwlock *l)
{
	lockdep_release(l, LOCK_CLASS(l), CALLER);
	atomic_store_relaxed(&l->writer, NULL);
	if (unlikely(atomic_sub(&l->count, WRITER) & WAITERS))
		unlock_slow(l);
}

void
rwlock_downgrade(struct rwlock *l)
{
	atomic_store_relaxed(&l->writer, NULL);
	if (unlikely(atomic_add(&l->count, READER - WRITER) & WAITERS))
		unlock_slow(l);
}

#ifdef CONFIG_DEBUG
void
rwlock_assert_held(const struct rwlock *l)
{
	if (unlikely(atomic_load_relaxed(&l->count) < READER && atomic_load_relaxed(&l->writer) != thread_current()))
		panic("rwlock of class %s is not held", lock_class_name(l->lock_class));
}

void
rwlock_assert_write_held(const struct rwlock *l)
{
	if (unlikely(atomic_load_relaxed(&l->writer) != thread_current()))
		panic("rwlock of class %s is not held for writing by the caller", lock_class_name(l->lock_class));
}
#endif
