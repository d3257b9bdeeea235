/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader-writer locks that sleep. The count tells all: 8 for each reader, bit 0 for a writer, bit 1 when there are waiters,
 * which closes the fast paths, bit 2 when the first waiter is starved.
 *
 * Who finds the lock taken by a running writer spins, then queues. A release wakes the first waiter but leaves the lock free: a
 * running writer may take it first, which spares a switch. Once the first waiter has been passed over for STARVED_AFTER, that
 * ends: the lock is handed to it. Among the waiters the order is that of arrival, a run of readers goes together, and a
 * reader never overtakes a waiter; so neither side starves.
 */
#include "sys/abi/errno.h"
#include "arch/cpu.h"
#include "sys/clock.h"
#include "sys/lockdep.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/wait.h"

#define WRITER		((s64)1)
#define WAITERS		((s64)2)
#define STARVED		((s64)4)
#define READER		((s64)8)
#define STARVED_AFTER	(4 * NSEC_PER_MSEC)
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

/* Past the waiters, if the lock is free. */
static bool
steal(struct rwlock *l, bool write)
{
	s64 c = atomic_load_relaxed(&l->count);

	while (write ? (c & ~WAITERS) == 0 : !(c & WRITER)) {
		if (!atomic_try_cas(&l->count, &c, c + (write ? WRITER : READER)))
			continue;
		if (write)
			atomic_store_relaxed(&l->writer, thread_current());
		return true;
	}
	return false;
}

/* While a writer has it and runs. Its struct stays readable under RCU. */
static bool
spin_on_writer(struct rwlock *l, bool write)
{
	bool got = false;

	rcu_read_lock();
	for (;;) {
		s64 c = atomic_load_relaxed(&l->count);
		struct thread *w = atomic_load_relaxed(&l->writer);

		if ((got = write ? !(c & STARVED) && steal(l, true) : take_read(l)))
			break;
		if (c >= READER || (c & STARVED) || (!write && (c & WAITERS)) || this_cpu_read(percpu_need_resched))
			break;
		if (w == thread_current() || (w != NULL && !atomic_load_relaxed(&w->on_cpu)))
			break;
		arch_pause();
	}
	rcu_read_unlock();
	return got;
}

static void
leave_queue(struct rwlock *l, struct rw_waiter *w)
{
	list_del(&w->node);
	atomic_fetch_and(&l->count, list_empty(&l->waiters) ? ~(WAITERS | STARVED) : ~STARVED);
}

/* wait_lock held: the first waiter goes on, if the lock is free for it. */
static void
wake_first_locked(struct rwlock *l)
{
	struct rw_waiter *w = list_first(&l->waiters, struct rw_waiter, node);
	s64 c = atomic_load(&l->count);

	if (w == NULL || (c & WRITER) || (w->write && c >= READER))
		return;
	if (c & STARVED) {
		/* Nobody steals a lock with a starved waiter, so it is still free. */
		if (w->write)
			atomic_store_relaxed(&l->writer, w->thread);
		atomic_add(&l->count, w->write ? WRITER : READER);
		leave_queue(l, w);
		atomic_store_release(&w->granted, true);
	}
	thread_wake(w->thread);
}

/* wait_lock held: w is at the head and takes the lock if it is free; the readers behind it come along. */
static bool
take_as_first_locked(struct rwlock *l, struct rw_waiter *w)
{
	if (list_first(&l->waiters, struct rw_waiter, node) != w || !steal(l, w->write))
		return false;
	leave_queue(l, w);
	return true;
}

static __noinline int
lock_slow(struct rwlock *l, bool write, enum thread_state s)
{
	struct rw_waiter w = { .thread = thread_current(), .write = write };
	nsec_t since;
	int err = 0;

	if (spin_on_writer(l, write))
		return 0;
	since = clock_now();
	spin_lock(&l->wait_lock);
	list_add_tail(&l->waiters, &w.node);
	atomic_fetch_or(&l->count, WAITERS);
	for (;;) {
		thread_set_state(s);
		if (w.granted || take_as_first_locked(l, &w))
			break;
		if ((err = wait_interrupted(s)) != 0) {
			leave_queue(l, &w);
			break;
		}
		if (list_first(&l->waiters, struct rw_waiter, node) == &w && clock_now() - since > STARVED_AFTER) {
			atomic_fetch_or(&l->count, STARVED);
			if (take_as_first_locked(l, &w))	/* freed just before */
				break;
		}
		spin_unlock(&l->wait_lock);
		thread_schedule();
		spin_lock(&l->wait_lock);
	}
	thread_set_state(THREAD_RUNNING);
	wake_first_locked(l);		/* readers go together; and who gives up passes on its wake-up */
	spin_unlock(&l->wait_lock);
	return err;
}

/* The last reader or the writer is out and there are waiters. */
static __noinline void
unlock_slow(struct rwlock *l)
{
	spin_lock(&l->wait_lock);
	wake_first_locked(l);
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
	s64 c = atomic_sub(&l->count, READER);

	if (unlikely((c & WAITERS) && c < READER))
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
