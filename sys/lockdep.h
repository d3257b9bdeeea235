/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debug build's lock checker: hooks for the lock implementations, which compile to nothing in the normal build.
 *
 * It checks, at every acquisition, that the class comes later in sys/lock_order.h than all that the thread (or the
 * interrupt) holds; that no lock is taken twice; that a class taken in hard interrupts is never taken with interrupts
 * on, and that under such a lock none is taken that is; and that who releases holds. A fault is told once per pair
 * of classes, in a log line that starts with "lock report:", with both places and the call trace.
 */
#ifndef SYS_LOCKDEP_H
#define SYS_LOCKDEP_H

#include "sys/lib/types.h"
#include "sys/lock_order.h"

enum { LOCKDEP_NESTED = 1, LOCKDEP_TRY = 2, LOCKDEP_SLEEPS = 4 };

#ifdef CONFIG_DEBUG
/* Before waiting for the lock (after, for LOCKDEP_TRY); pc: who asked. */
void lockdep_acquire(const void *lock, u16 cls, u32 how, const void *pc);
void lockdep_release(const void *lock, u16 cls, const void *pc);
bool lockdep_holds(const void *lock);
/* A thread ends or goes back to user mode: it must hold nothing. */
void lockdep_assert_none(const char *where);
void lockdep_off(void);		/* panic */
#else
#define lockdep_acquire(lock, cls, how, pc)	((void)0)
#define lockdep_release(lock, cls, pc)		((void)0)
#define lockdep_assert_none(where)		((void)0)
#define lockdep_off()				((void)0)
#endif

#endif
