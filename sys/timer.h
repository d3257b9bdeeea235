/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers on the per-CPU tree, driving arch_timer_arm(). Call-backs run in hard-irq context: wake or queue work.
 * The owner serialises arm and cancel of one timer.
 */
#ifndef SYS_TIMER_H
#define SYS_TIMER_H

#include "sys/lib/rbtree.h"
#include "sys/lib/types.h"

enum timer_clock { TIMER_MONOTONIC, TIMER_REALTIME, TIMER_BOOTTIME };	/* REALTIME ones move when the clock is set */

struct timer {
	struct rbnode node;		/* [LOCK_TIMER of cpu] */
	nsec_t expires;			/* [LOCK_TIMER] on its clock */
	u32 cpu;			/* [LOCK_TIMER] */
	u8 clock, state;
	/* Returns the next expiry, or 0 for none. Interrupts off; may not sleep. */
	nsec_t (*func)(struct timer *t, nsec_t now);
};

void timer_init(struct timer *t, enum timer_clock clock, nsec_t (*func)(struct timer *, nsec_t now));
/* Fire at `expires` (absolute, on the timer's clock). Re-arming moves it. Any context. */
void timer_arm(struct timer *t, nsec_t expires);
/* True if it was pending. The call-back may still be running on another CPU: timer_cancel_sync() waits for that too
 * (thread context; not from the call-back, nor with a lock it takes). */
bool timer_cancel(struct timer *t);
bool timer_cancel_sync(struct timer *t);
bool timer_pending(const struct timer *t);
/* sys/clock.c stepped the wall clock: every CPU looks at its REALTIME timers again. Thread context. */
void timer_clock_was_set(void);
/* Log the CPU's next timers (SysRq q). Any context but an NMI. */
void timer_show(u32 cpu);

#endif
