/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes. The owner word holds the owner, and in bit 0 whether somebody waits. Free and uncontended it is 0, and one
 * compare-and-swap takes it. Who finds it taken spins while the owner runs (it will be done sooner than a sleep would), then
 * queues and sleeps.
 *
 * The releaser wakes the best waiter and leaves the mutex free: a running thread may take it first, which keeps
 * the CPUs busy. A waiter to whom that happens for STARVED_AFTER is given the mutex directly. The best waiter is the one with
 * the highest real-time priority, else the first.
 *
 * While the mutex is held with bit 0 set, the owner is changed under wait_lock only.
 */
#include "arch/cpu.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lockdep.h"
#include "sys/panic.h"
#include "sys/pi.h"
#include "sys/wait.h"

#define STARVED_AFTER	(4 * NSEC_PER_MSEC)
#define WAITERS	((uintptr_t)1)
#define SELF	((uintptr_t)thread_current())
#define CALLER	__builtin_return_address(0)

#ifdef CONFIG_DEBUG
#define LOCK_CLASS(m)	((m)->lock_class)
#else
#define LOCK_CLASS(m)	LOCK_NONE
#endif

void
mutex_init(struct mutex *m, enum lock_class cls)
{
	m->owner = 0;
	spin_init(&m->wait_lock, LOCK_MUTEX_WAIT);
	list_init(&m->waiters);
#ifdef CONFIG_DEBUG
	m->lock_class = cls;
#endif
}

static __always_inline bool
take_free(struct mutex *m)
{
	return atomic_cas(&m->owner, (uintptr_t)0, SELF);
}

/* The owner's struct stays readable under RCU. */
static bool
spin_on_owner(struct mutex *m)
{
	uintptr_t owner;
	bool got = false;

	rcu_read_lock();
	for (;;) {
		owner = atomic_load_relaxed(&m->owner);
		if (owner == 0 && (got = take_free(m)))
			break;
		if ((owner & WAITERS) || owner == SELF || this_cpu_read(percpu_need_resched))
			break;
		if (owner != 0 && !atomic_load_relaxed(&((struct thread *)owner)->on_cpu))
			break;
		arch_pause();
	}
	rcu_read_unlock();
	return got;
}

/* wait_lock held. Free, or handed to us? Then it is ours. */
static bool
try_take_locked(struct mutex *m)
{
	uintptr_t owner = atomic_load_relaxed(&m->owner);

	for (;;) {
		if (owner == (SELF | WAITERS))
			return true;
		if ((owner & ~WAITERS) != 0)
			return false;
		if (atomic_try_cas(&m->owner, &owner, SELF | WAITERS))
			return true;
	}
}

/* wait_lock held: from now on the releaser comes to us. */
static void
mark_contended(struct mutex *m)
{
	atomic_fetch_or(&m->owner, WAITERS);
}

static void
leave_queue(struct mutex *m, struct mutex_waiter *w)
{
	list_del(&w->node);
	pi_unblock(w);
	if (list_empty(&m->waiters))
		atomic_fetch_and(&m->owner, ~WAITERS);
}

static void wake_best_locked(struct mutex *m);

static __noinline int
lock_slow(struct mutex *m, enum thread_state s)
{
	struct mutex_waiter w = { .thread = thread_current(), .mutex = m };
	nsec_t since;
	int err = 0;

	if (spin_on_owner(m))
		return 0;
	since = clock_now();
	KASSERT_DEBUG((atomic_load(&m->owner) & ~WAITERS) != SELF);
	spin_lock(&m->wait_lock);
	mark_contended(m);
	list_add_tail(&m->waiters, &w.node);
	pi_block(&w);
	for (;;) {
		thread_set_state(s);
		if (try_take_locked(m))
			break;
		err = wait_interrupted(s);
		if (err != 0)
			break;
		spin_unlock(&m->wait_lock);
		thread_schedule();
		spin_lock(&m->wait_lock);
		if (try_take_locked(m))
			break;
		w.starved = clock_now() - since > STARVED_AFTER;
	}
	thread_set_state(THREAD_RUNNING);
	leave_queue(m, &w);
	if (err == 0)
		pi_acquired(m);
	else if ((atomic_load(&m->owner) & ~WAITERS) == 0)
		wake_best_locked(m);		/* a wake-up that we got was meant for somebody */
	spin_unlock(&m->wait_lock);
	return err;
}

/* Give the free mutex to a starved waiter, or wake the best. */
static void
wake_best_locked(struct mutex *m)
{
	struct mutex_waiter *w, *best = NULL;

	list_for_each(w, &m->waiters, node)
		if (best == NULL || READ_ONCE(w->prio) > READ_ONCE(best->prio))
			best = w;
	if (best == NULL)
		return;
	if (best->starved)
		atomic_cas(&m->owner, WAITERS, (uintptr_t)best->thread | WAITERS);
	thread_wake(best->thread);
}

static __noinline void
unlock_slow(struct mutex *m)
{
	spin_lock(&m->wait_lock);
	atomic_store(&m->owner, list_empty(&m->waiters) ? 0 : WAITERS);
	pi_released(m);
	wake_best_locked(m);
	spin_unlock(&m->wait_lock);
}

static __always_inline int
lock_common(struct mutex *m, enum thread_state s, u32 how, const void *pc)
{
	int err;

	might_sleep();
	lockdep_acquire(m, LOCK_CLASS(m), how | LOCKDEP_SLEEPS, pc);
	if (likely(take_free(m)))
		return 0;
	err = lock_slow(m, s);
	if (unlikely(err != 0))
		lockdep_release(m, LOCK_CLASS(m), pc);
	return err;
}

void
mutex_lock(struct mutex *m)
{
	lock_common(m, THREAD_UNINTERRUPTIBLE, 0, CALLER);
}

void
mutex_lock_nested(struct mutex *m)
{
	lock_common(m, THREAD_UNINTERRUPTIBLE, LOCKDEP_NESTED, CALLER);
}

int
mutex_lock_interruptible(struct mutex *m)
{
	return lock_common(m, THREAD_INTERRUPTIBLE, 0, CALLER);
}

int
mutex_lock_killable(struct mutex *m)
{
	return lock_common(m, THREAD_KILLABLE, 0, CALLER);
}

bool
mutex_trylock(struct mutex *m)
{
	if (!take_free(m))
		return false;
	lockdep_acquire(m, LOCK_CLASS(m), LOCKDEP_TRY | LOCKDEP_SLEEPS, CALLER);
	return true;
}

void
mutex_unlock(struct mutex *m)
{
	lockdep_release(m, LOCK_CLASS(m), CALLER);
	if (unlikely(!atomic_cas(&m->owner, SELF, (uintptr_t)0)))
		unlock_slow(m);
}

bool
mutex_is_locked(const struct mutex *m)
{
	return (atomic_load_relaxed(&m->owner) & ~WAITERS) != 0;
}

bool
mutex_is_held(const struct mutex *m)
{
	return (atomic_load_relaxed(&m->owner) & ~WAITERS) == SELF;
}

#ifdef CONFIG_DEBUG
void
mutex_assert_held(const struct mutex *m)
{
	if (unlikely(!mutex_is_held(m)))
		panic("mutex of class %s is not held by the caller", lock_class_name(m->lock_class));
}
#endif
