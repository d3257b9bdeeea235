/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/cpu.h on the host: one CPU, whose interrupts are a flag. */
#ifndef TESTS_UNIT_SHIM_ARCH_CPU_H
#define TESTS_UNIT_SHIM_ARCH_CPU_H

#include "sys/lib/types.h"

extern bool unit_irqs_on;	/* shim/percpu.c */

static inline void arch_pause(void) { }
static inline void arch_irq_enable(void) { unit_irqs_on = true; }
static inline void arch_irq_disable(void) { unit_irqs_on = false; }
static inline bool arch_irqs_enabled(void) { return unit_irqs_on; }
static inline void arch_idle_wait(void) { }

static inline u64
arch_irq_save(void)
{
	u64 was = unit_irqs_on;

	unit_irqs_on = false;
	return was;
}

static inline void
arch_irq_restore(u64 state)
{
	unit_irqs_on = state;
}

static inline u64
arch_cycles(void)
{
	static u64 n;

	return n += 1000;
}

static inline bool
arch_random_u64(u64 *out)
{
	(void)out;
	return false;
}

#endif
