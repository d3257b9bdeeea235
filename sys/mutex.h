/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping locks with an owner and priority inheritance: struct mutex and the reader-writer
 * struct rwlock (writer has an owner; readers are counted; writers aren't starved). Thread context only, may sleep, not
 * recursive, released by the thread that took them. The uncontended path is one compare-and-swap. Priorities are
 * inherited through mutexes; an rwlock is fair instead: nobody waits for long behind who came later.
 */
#ifndef SYS_MUTEX_H
#define SYS_MUTEX_H

#include "sys/lib/list.h"
#include "sys/spinlock.h"

struct thread;

struct mutex {
	uintptr_t owner;	/* [a] thread pointer, bit 0: there are waiters */
	struct spinlock wait_lock;
	struct list waiters;	/* [wait_lock] by priority */
#ifdef CONFIG_DEBUG
	u16 lock_class;
#endif
};

struct rwlock {
	s64 count;		/* [a] 8 per reader, and bits: sys/rwlock.c */
	struct thread *writer;	/* [a] */
	struct spinlock wait_lock;
	struct list waiters;	/* [wait_lock] in order of arrival */
#ifdef CONFIG_DEBUG
	u16 lock_class;
#endif
};

#ifdef CONFIG_DEBUG
#define MUTEX_INIT(name, cls) { .wait_lock = SPINLOCK_INIT(LOCK_MUTEX_WAIT), \
	.waiters = LIST_INIT((name).waiters), .lock_class = (cls) }
#else
#define MUTEX_INIT(name, cls) { .wait_lock = SPINLOCK_INIT(LOCK_MUTEX_WAIT), .waiters = LIST_INIT((name).waiters) }
#endif
#define RWLOCK_INIT(name, cls)	MUTEX_INIT(name, cls)

void mutex_init(struct mutex *m, enum lock_class cls);
void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m);	/* a second one of the same class */
int __must_check mutex_lock_interruptible(struct mutex *m);	/* 0 or -ERESTARTSYS */
int __must_check mutex_lock_killable(struct mutex *m);		/* 0 or -EINTR, fatal signals only */
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_is_locked(const struct mutex *m);
bool mutex_is_held(const struct mutex *m);	/* by the caller */

void rwlock_init(struct rwlock *l, enum lock_class cls);
void rwlock_read_lock(struct rwlock *l);
int __must_check rwlock_read_lock_killable(struct rwlock *l);
bool rwlock_try_read_lock(struct rwlock *l);
void rwlock_read_unlock(struct rwlock *l);
void rwlock_write_lock(struct rwlock *l);
void rwlock_write_lock_nested(struct rwlock *l);
int __must_check rwlock_write_lock_killable(struct rwlock *l);
bool rwlock_try_write_lock(struct rwlock *l);
void rwlock_write_unlock(struct rwlock *l);
void rwlock_downgrade(struct rwlock *l);	/* write to read, without letting go */

#ifdef CONFIG_DEBUG
void mutex_assert_held(const struct mutex *m);
void rwlock_assert_held(const struct rwlock *l);	/* read or write */
void rwlock_assert_write_held(const struct rwlock *l);
#else
#define mutex_assert_held(m)		((void)(m))
#define rwlock_assert_held(l)		((void)(l))
#define rwlock_assert_write_held(l)	((void)(l))
#endif

#endif
