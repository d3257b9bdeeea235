/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/spinlock.h and sys/mutex.h for one thread: a lock that is not free will never be, so taking it is a panic, unless there are
 * more threads (unit_lock_wait). The order of classes is checked as the debug kernel does.
 */
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/thread.h"
#include "tests/unit/shim/arch_cpu.h"
#include "tests/unit/shim/shim.h"

static struct unit_held first_thread;
struct unit_held *unit_held = &first_thread;
void (*unit_lock_wait)(const void *lock);
void (*unit_lock_freed)(const void *lock);

unsigned
unit_locks_held(void)
{
	return unit_held->count;
}

/* The lock is not free: sleep until it may be. */
static void
wait_for(const void *lock, const char *what)
{
	if (!unit_lock_wait)
		panic("%s is taken: the only thread would wait for ever", what);
	unit_lock_wait(lock);
}

static void
freed(const void *lock)
{
	if (unit_lock_freed)
		unit_lock_freed(lock);
}

void
unit_note_acquire(const void *lock, u16 cls, bool nested, bool ordered)
{
	struct unit_held *h = unit_held;

	for (unsigned i = 0; i < h->count && ordered; i++) {
		if (!cls || !h->locks[i].cls)
			continue;
		if (h->locks[i].cls > cls || (h->locks[i].cls == cls && !nested))
			panic("lock order: class %u taken while class %u is held", cls, h->locks[i].cls);
	}
	if (h->count == ARRAY_SIZE(h->locks))
		panic("too many locks held");
	h->locks[h->count].lock = lock;
	h->locks[h->count++].cls = cls;
}

void
unit_note_release(const void *lock)
{
	struct unit_held *h = unit_held;
	unsigned i = h->count;

	while (i-- > 0) {
		if (h->locks[i].lock != lock)
			continue;
		for (h->count--; i < h->count; i++)
			h->locks[i] = h->locks[i + 1];
		return;
	}
	panic("release of a lock that is not held");
}

static bool
is_held(const void *lock)
{
	for (unsigned i = 0; i < unit_held->count; i++) {
		if (unit_held->locks[i].lock == lock)
			return true;
	}
	return false;
}

/* Spinlocks */

static void
spin_take(struct spinlock *l, bool nested, bool ordered)
{
	if (l->word)
		panic("spinlock is taken: the only thread would spin for ever");
	unit_note_acquire(l, l->lock_class, nested, ordered);
	preempt_disable();
	l->word = 1;
}

void
spin_init(struct spinlock *l, enum lock_class cls)
{
	*l = (struct spinlock){ .lock_class = cls };
}

void
spin_lock(struct spinlock *l)
{
	spin_take(l, false, true);
}

void
spin_lock_nested(struct spinlock *l)
{
	spin_take(l, true, true);
}

bool
spin_trylock(struct spinlock *l)
{
	if (l->word)
		return false;
	spin_take(l, true, false);
	return true;
}

void
spin_unlock(struct spinlock *l)
{
	unit_note_release(l);
	l->word = 0;
	preempt_enable();
}

bool
spin_is_locked(const struct spinlock *l)
{
	return l->word;
}

u64
spin_lock_irqsave(struct spinlock *l)
{
	u64 flags = arch_irq_save();

	spin_lock(l);
	return flags;
}

void
spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	spin_unlock(l);
	arch_irq_restore(flags);
}

void
spin_lock_irq(struct spinlock *l)
{
	KASSERT(arch_irqs_enabled());
	arch_irq_disable();
	spin_lock(l);
}

void
spin_unlock_irq(struct spinlock *l)
{
	spin_unlock(l);
	arch_irq_enable();
}

void
spin_assert_held(const struct spinlock *l)
{
	KASSERT(is_held(l));
}

/* Mutexes */

void
mutex_init(struct mutex *m, enum lock_class cls)
{
	*m = (struct mutex)MUTEX_INIT(*m, cls);
}

static void
mutex_take(struct mutex *m, bool nested, bool ordered)
{
	if (is_held(m))
		panic("mutex taken twice by one thread");
	while (m->owner)
		wait_for(m, "mutex");
	unit_note_acquire(m, m->lock_class, nested, ordered);
	m->owner = (uintptr_t)thread_current();
}

void
mutex_lock(struct mutex *m)
{
	might_sleep();
	mutex_take(m, false, true);
}

void
mutex_lock_nested(struct mutex *m)
{
	might_sleep();
	mutex_take(m, true, true);
}

int
mutex_lock_interruptible(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}

int
mutex_lock_killable(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}

bool
mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	mutex_take(m, true, false);
	return true;
}

void
mutex_unlock(struct mutex *m)
{
	unit_note_release(m);
	m->owner = 0;
	freed(m);
}

bool
mutex_is_locked(const struct mutex *m)
{
	return m->owner;
}

bool
mutex_is_held(const struct mutex *m)
{
	return is_held(m);
}

void
mutex_assert_held(const struct mutex *m)
{
	KASSERT(is_held(m));
}

/* Reader-writer locks */

void
rwlock_init(struct rwlock *l, enum lock_class cls)
{
	*l = (struct rwlock)RWLOCK_INIT(*l, cls);
}

static void
rwlock_take(struct rwlock *l, bool write, bool nested, bool ordered)
{
	if (is_held(l))
		panic("rwlock taken twice by one thread: deadlock, if only beside a waiting writer");
	while (l->count < 0 || (write && l->count))
		wait_for(l, "rwlock");
	unit_note_acquire(l, l->lock_class, nested, ordered);
	l->count = write ? -1 : l->count + 1;
	l->writer = write ? thread_current() : NULL;
}

void
rwlock_read_lock(struct rwlock *l)
{
	might_sleep();
	rwlock_take(l, false, false, true);
}

int
rwlock_read_lock_killable(struct rwlock *l)
{
	rwlock_read_lock(l);
	return 0;
}

bool
rwlock_try_read_lock(struct rwlock *l)
{
	if (l->count < 0)
		return false;
	rwlock_take(l, false, true, false);
	return true;
}

void
rwlock_read_unlock(struct rwlock *l)
{
	KASSERT(l->count > 0);
	unit_note_release(l);
	l->count--;
	freed(l);
}

void
rwlock_write_lock(struct rwlock *l)
{
	might_sleep();
	rwlock_take(l, true, false, true);
}

void
rwlock_write_lock_nested(struct rwlock *l)
{
	might_sleep();
	rwlock_take(l, true, true, true);
}

int
rwlock_write_lock_killable(struct rwlock *l)
{
	rwlock_write_lock(l);
	return 0;
}

bool
rwlock_try_write_lock(struct rwlock *l)
{
	if (l->count)
		return false;
	rwlock_take(l, true, true, false);
	return true;
}

void
rwlock_write_unlock(struct rwlock *l)
{
	KASSERT(l->count == -1);
	unit_note_release(l);
	l->count = 0;
	l->writer = NULL;
	freed(l);
}

void
rwlock_downgrade(struct rwlock *l)
{
	KASSERT(l->count == -1);
	l->count = 1;
	l->writer = NULL;
	freed(l);
}

void
rwlock_assert_held(const struct rwlock *l)
{
	KASSERT(is_held(l));
}

void
rwlock_assert_write_held(const struct rwlock *l)
{
	KASSERT(is_held(l) && l->count == -1);
}
