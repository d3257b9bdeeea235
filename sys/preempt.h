/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preemption. The count is per CPU and saved with the thread at a switch. Kernel code may be
 * preempted wherever the count is zero and interrupts are on. Bits 16..23 count hard-interrupt nesting.
 */
#ifndef SYS_PREEMPT_H
#define SYS_PREEMPT_H

#include "sys/lib/atomic.h"
#include "sys/percpu.h"

#define PREEMPT_IRQ_UNIT	0x10000u

PERCPU_DECLARE(u32, percpu_preempt_count);
PERCPU_DECLARE(u32, percpu_need_resched);	/* [a] set by sched on this or another CPU (with an IPI) */

static inline void
preempt_disable(void)
{
	this_cpu_add(percpu_preempt_count, 1);
	barrier();
}

/* Reschedule now if that was asked for meanwhile. Defined in sys/sched.c. */
void preempt_schedule(void);

static inline void
preempt_enable_no_resched(void)
{
	barrier();
	this_cpu_add(percpu_preempt_count, -1);
}

static inline void
preempt_enable(void)
{
	preempt_enable_no_resched();
	if (unlikely(this_cpu_read(percpu_need_resched)) && this_cpu_read(percpu_preempt_count) == 0)
		preempt_schedule();	/* returns at once where interrupts are off */
}

static inline bool
in_irq(void)
{
	return this_cpu_read(percpu_preempt_count) >= PREEMPT_IRQ_UNIT;
}

/* True where sleeping is a bug: preemption off or hard interrupt. */
static inline bool
in_atomic(void)
{
	return this_cpu_read(percpu_preempt_count) != 0;
}

/* A sleep point: the debug build reports a caller in atomic context or with interrupts off. Defined in sys/debug.c;
 * nothing in the normal build. */
#ifdef CONFIG_DEBUG
void might_sleep_at(const char *file, int line);
#define might_sleep()	might_sleep_at(__FILE__, __LINE__)
#else
#define might_sleep()	((void)0)
#endif

#endif
