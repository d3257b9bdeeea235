/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU data on x86-64. The gs base of a CPU is (its copy of .percpu) - (section .percpu), so "%gs:name" is the CPU's
 * own copy of name. It always has bit 63 set (the copies are addressed through the direct map), which the paranoid entry
 * path relies on where users cannot set their gs base to a kernel address (no FSGSBASE).
 *
 * Reads are no volatile asm: they may be merged between two barriers, which is right for everything that is stable
 * there, and a barrier (preempt_disable, a call, arch_pause) makes the next one a new read.
 */
#ifndef ARCH_X86_64_PERCPU_H
#define ARCH_X86_64_PERCPU_H

#include "sys/lib/types.h"

/* The CPU's own gs base, as data. */
extern s64 percpu_this_offset;	/* in .percpu; [I] */

#define arch_percpu_read(name) ({ \
	__typeof__(name) percpu_v_; \
	__asm__("mov %%gs:%1, %0" : "=r"(percpu_v_) : "m"(name)); \
	percpu_v_; })

#define arch_percpu_write(name, v) do { \
	__typeof__(name) percpu_v_ = (v); \
	__asm__ volatile("mov %1, %%gs:%0" : "=m"(name) : "r"(percpu_v_)); \
} while (0)

/* 4- and 8-byte variables; one instruction, so safe against interrupts of this CPU. */
#define arch_percpu_add(name, v) do { \
	_Static_assert(sizeof(name) == 4 || sizeof(name) == 8, "this_cpu_add: 4 or 8 bytes"); \
	if (sizeof(name) == 8) \
		__asm__ volatile("addq %1, %%gs:%0" : "+m"(name) : "er"((s64)(v)) : "cc"); \
	else \
		__asm__ volatile("addl %1, %%gs:%0" : "+m"(name) : "ir"((s32)(v)) : "cc"); \
} while (0)

#define arch_percpu_base()	((intptr_t)arch_percpu_read(percpu_this_offset))

#endif
