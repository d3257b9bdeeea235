/* SPDX-License-Identifier: BSD-2-Clause */
/* The processors of the machine: starting them, calling them, stopping them. */
#ifndef ARCH_X86_64_SMP_H
#define ARCH_X86_64_SMP_H

#include "sys/lib/types.h"

struct trapframe;

/* Give the boot CPU its APIC id (after lapic_init). */
void smp_init_boot_cpu(void);

/* A starting CPU's first C code, on its idle thread's stack (apboot.S). */
__noreturn void smp_ap_main(u32 cpu);

/* VECTOR_CALL came in, or this CPU waits for others: do what they ask of it. Interrupts off. */
void smp_call_run(void);
/* An NMI: true if another CPU sent it. */
bool smp_nmi(struct trapframe *tf);

#endif
