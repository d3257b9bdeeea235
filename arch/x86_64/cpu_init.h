/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bringing one processor into the kernel's state, and what the entry code keeps per CPU.
 *
 * A starting CPU: on the boot CPU percpu_init_cpu(cpu) and cpu_prepare(cpu); the new CPU comes up on boot_pml4 (below
 * 4 GiB; identity map of 4 GiB, kernel image, executable), switches to mmu_kernel_root(), takes its stack, and calls
 * cpu_init_this(cpu) before any other C code that uses per-CPU data.
 */
#ifndef ARCH_X86_64_CPU_INIT_H
#define ARCH_X86_64_CPU_INIT_H

#include "sys/percpu.h"

PERCPU_DECLARE(u64, percpu_kstack_top);		/* where the system-call entry puts its frame */
PERCPU_DECLARE(u64, percpu_user_sp);		/* scratch of the system-call entry */
PERCPU_DECLARE(struct tss *, percpu_tss);

extern u64 boot_pml4[512];			/* boot_entry.S */
extern u64 boot_gdt[4];				/* boot_entry.S: SEL_KERNEL_CS and SEL_KERNEL_DS, for the first far jump */
extern char boot_stack[], boot_stack_top[], boot_stack_guard[];

/* CPU 0's per-CPU area; before gs is set. */
void percpu_init_boot(void);
/* Everything this CPU needs to run the kernel: gs base, GDT, TSS, IDT, control registers, MSRs, FPU. Interrupts off. */
void cpu_init_this(u32 cpu);
/* Allocate and map CPU cpu's part of the cpu-entry area. -ENOMEM. May sleep. */
int __must_check cpu_prepare(u32 cpu);
/* Top of the stack for entries from user mode: at every switch. */
void cpu_set_kernel_stack(u64 top);

#endif
