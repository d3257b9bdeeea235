/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: the processor a piece of code runs on. All inline, from arch/x86_64/cpu.h:
 *
 *   void arch_pause(void)              spin-wait hint
 *   u64  arch_irq_save(void)           disable interrupts, return the former state
 *   void arch_irq_restore(u64 state)
 *   void arch_irq_enable(void)
 *   void arch_irq_disable(void)
 *   bool arch_irqs_enabled(void)
 *   void arch_idle_wait(void)          interrupts off: enable and halt in one step; on return they are off again
 *   u64  arch_cycles(void)             free-running counter, for statistics and entropy only
 *   bool arch_virtual                  a hypervisor is beneath: any CPU may stand still for milliseconds, whatever it holds
 *   bool arch_random_u64(u64 *out)     hardware random number, false where there is none
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#ifdef LINTEL_HOST_TEST
#include "tests/unit/shim/arch_cpu.h"
#else
#include "arch/x86_64/cpu.h"
#endif

#endif
