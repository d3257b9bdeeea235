/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU data. A variable defined by PERCPU_DEFINE lives in section .percpu; every CPU has its own
 * copy of the section, and that CPU's segment base (gs on x86-64) holds copy - section, so an
 * access to the own copy is one segment-relative instruction.
 *
 * this_cpu_read/write/add/inc are single instructions and safe anywhere (also against preemption);
 * this_cpu_ptr() needs preemption off for as long as the pointer is used.
 * On the host (unit tests) there is one CPU and the variable itself is used.
 */
#ifndef SYS_PERCPU_H
#define SYS_PERCPU_H

#include "arch/percpu.h"
#include "sys/lib/types.h"

#define CPU_MAX	64	/* width of a cpumask word; more is one type change here */

#define PERCPU_DEFINE(type, name)	__section(".percpu") __typeof__(type) name
#define PERCPU_DECLARE(type, name)	extern __typeof__(type) name

/* This CPU's copy. Preemption must be off. */
#define this_cpu_ptr(name)	((__typeof__(name) *)((char *)&(name) + arch_percpu_base()))
/* CPU `cpu`'s copy. Any context; races are the caller's business. */
#define per_cpu_ptr(name, cpu)	((__typeof__(name) *)((char *)&(name) + percpu_offset[cpu]))

#define this_cpu_read(name)	arch_percpu_read(name)
#define this_cpu_write(name, v)	arch_percpu_write(name, v)
#define this_cpu_add(name, v)	arch_percpu_add(name, v)	/* 4- or 8-byte variables */
#define this_cpu_inc(name)	arch_percpu_add(name, 1)

extern s64 percpu_offset[CPU_MAX];	/* [I] after boot */

PERCPU_DECLARE(u32, percpu_cpu_id);

/* Number of the CPU this runs on: stable only while preemption is off. */
static inline u32
cpu_id(void)
{
	return this_cpu_read(percpu_cpu_id);
}

/* CPUs are numbered 0..cpu_count-1 in the order of the firmware's table; the boot CPU is 0. */
extern u32 cpu_count;		/* [I] after smp_boot: CPUs that came up */
extern u64 cpu_online_mask;	/* [a] bit per CPU that runs threads */

#define for_each_cpu(cpu)	for (u32 cpu = 0; cpu < cpu_count; cpu++)

/* Lay out the copy for CPU `cpu` (boot CPU: before anything else uses per-CPU data; others: from
 * smp_boot, memory from page_alloc). -ENOMEM. */
int percpu_init_cpu(u32 cpu);

#endif
