/* SPDX-License-Identifier: BSD-2-Clause */
/* Between sys/timer.c and sys/sched.c: the CPU's tick, which shares the CPU's timer with the timer tree. */
#ifndef SYS_TIMER_TICK_H
#define SYS_TIMER_TICK_H

#include "sys/lib/types.h"

struct trapframe;

/* Have sched_tick() called on this CPU at `when`, unless it will be earlier anyway. Interrupts off. */
void timer_tick_arm(nsec_t when);
/* sys/sched.c: returns when it wants the next tick, 0 for none. Hard-irq context. */
nsec_t sched_tick(struct trapframe *tf, nsec_t now);

#endif
