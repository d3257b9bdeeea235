/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers, CPUID and the time-stamp counter, as instructions. Numbers: Intel SDM volume 4. */
#ifndef ARCH_X86_64_MSR_H
#define ARCH_X86_64_MSR_H

#include "sys/lib/types.h"

#define MSR_APIC_BASE		0x1b
#define  APIC_BASE_BSP		BIT(8)
#define  APIC_BASE_X2APIC	BIT(10)
#define  APIC_BASE_ENABLE	BIT(11)
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_X2APIC		0x800	/* + register offset / 16 */

static inline u64
rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (u64)hi << 32 | lo;
}

static inline void
wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

struct cpuid_regs { u32 eax, ebx, ecx, edx; };

/* All zero for a leaf the CPU does not have is the caller's business: check the maximum leaf. */
static inline struct cpuid_regs
cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

static inline u64
rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

/* Not before earlier loads are done. */
static inline u64
rdtsc_ordered(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

#endif
