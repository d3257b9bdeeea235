/* SPDX-License-Identifier: BSD-2-Clause */
/* The inline part of arch/cpu.h. */
#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

#include "sys/lib/types.h"

#define X86_FLAG_IF	0x200UL

static __always_inline void
arch_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static __always_inline void
arch_irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static __always_inline void
arch_irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

/* RFLAGS. */
static __always_inline u64
arch_flags(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=rm"(flags) :: "memory");
	return flags;
}

static __always_inline bool
arch_irqs_enabled(void)
{
	return arch_flags() & X86_FLAG_IF;
}

static __always_inline u64
arch_irq_save(void)
{
	u64 flags = arch_flags();

	arch_irq_disable();
	return flags;
}

static __always_inline void
arch_irq_restore(u64 state)
{
	if (state & X86_FLAG_IF)
		arch_irq_enable();
}

/* sti takes effect after the next instruction, so no interrupt is lost between the two. */
static __always_inline void
arch_idle_wait(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

static __always_inline u64
arch_cycles(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

/* [I] after boot. */
extern bool arch_virtual;

/* RDRAND; false where the CPU has none or it is out of entropy. */
bool arch_random_u64(u64 *out);

#endif
