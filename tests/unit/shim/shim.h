/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel contracts on the host: one thread, one CPU, time that stands still. Each shim/NAME.c defines one contract
 * header's calls; they lie in an archive, so a test that links the real source of a contract gets that instead.
 * A fault that the debug kernel would report (lock order, recursion, unlock of what is not held, sleeping in atomic context,
 * KASSERT, WARN, a sleep that nobody ends) is a panic, and a panic aborts: TEST_PANICS expects one.
 * This header is what a test may steer.
 */
#ifndef TESTS_UNIT_SHIM_SHIM_H
#define TESTS_UNIT_SHIM_SHIM_H

#include "sys/lib/types.h"

struct thread;

/* thread.c: the current thread. Called when it would sleep; must make its wake-up happen, or the test panics (a sleep
 * with a deadline times out: the clock goes there). */
extern struct thread unit_thread;
extern void (*unit_on_schedule)(void);

/* lock.c: locks held now. Where there are more threads (tests/unit/disk), each has a list of its own, and a lock that is not free is
 * waited for: sleep until unit_lock_freed() was called for it, or less. */
struct unit_held { struct { const void *lock; u16 cls; } locks[32]; unsigned count; };
extern struct unit_held *unit_held;
extern void (*unit_lock_wait)(const void *lock);
extern void (*unit_lock_freed)(const void *lock);
unsigned unit_locks_held(void);
void unit_note_acquire(const void *lock, u16 cls, bool nested, bool ordered);
void unit_note_release(const void *lock);

/* rcu.c: runs the call-backs that wait for the end of a read section. At exit it is done too. */
void unit_rcu_flush(void);

/* percpu.c: called where a thread might sleep. */
extern void (*unit_might_sleep)(void);

/* kmem.c: the n-th allocation from now fails, once (0: none). Objects that are allocated now. */
void unit_kmem_fail_in(unsigned n);
unsigned unit_kmem_live(void);

/* clock.c, timer.c: monotonic time; advancing fires the timers on the way. */
extern nsec_t unit_now, unit_realtime_offset;
void unit_clock_advance(nsec_t ns);
nsec_t unit_clock_next(void);		/* when the next timer fires, or NSEC_MAX */

/* work.c: runs queued work until there is none. */
void unit_run_work(void);
bool unit_work_pending(void);

/* panic.c: WARNs are counted instead of ending the test. */
extern bool unit_warn_allowed;
extern unsigned unit_warn_count;

/* log.c: the last line; UNIT_LOG=1 in the environment shows all of them. */
extern char unit_log_last[256];

/* usercopy.c: user memory is the test's own. What lies in [start, end) faults, beside what is below ARCH_USER_MIN. */
void unit_user_fault(const void *start, const void *end);

#endif
