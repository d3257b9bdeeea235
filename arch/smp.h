/* SPDX-License-Identifier: BSD-2-Clause */
/* Port contract: the other processors and the CPU's one-shot timer. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include "sys/lib/types.h"

/* Start up to max CPUs in all (maxcpus=, nosmp applied by the caller), in parallel. Each calls cpu_start_secondary() (sys/sched.c)
 * on its idle thread's stack. Returns the number that run. */
u32 arch_smp_boot(u32 max);
__noreturn void cpu_start_secondary(u32 cpu);
u32 arch_cpu_apic_id(u32 cpu);

/* Make CPU look at percpu_need_resched. Any context. */
void arch_ipi_resched(u32 cpu);
/* Run fn(arg) on each CPU of the mask but this one, in hard-irq context, and wait for all. Interrupts on, preemption off. */
void arch_ipi_call(u64 mask, void (*fn)(void *), void *arg);

/* Serialise this CPU: it fetches anew what it runs next. */
void arch_sync_core(void);

/* --- the CPU's own timer: one shot, in nanoseconds of clock_now(). Interrupts off. Past deadlines fire at once. */
void arch_timer_arm(nsec_t deadline);
void arch_timer_stop(void);

/* --- the machine's end (sys/reboot.c) --- */
__noreturn void arch_poweroff(void);	/* ACPI S5; then halts where that fails, and says so */
__noreturn void arch_reboot(void);	/* ACPI reset register, keyboard controller, triple fault */
__noreturn void arch_halt(void);

/* Wall clock of the CMOS RTC, seconds since 1970 UTC. -EIO. */
int __must_check arch_rtc_read(s64 *seconds);
int __must_check arch_rtc_write(s64 seconds);

#endif
