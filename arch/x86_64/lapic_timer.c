/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU's one-shot timer, in the local APIC: armed by TSC deadline where the CPU can and the TSC is trusted, else by a
 * count-down whose rate is measured against clock_now() at boot.
 *
 * A count-down holds 32 bits, some seconds. A later deadline is reached in steps: the interrupt arms the rest and tells
 * nobody. What fires a little early for an inexact rate is harmless: sys/timer.c looks at the clock and arms again.
 */
#include "arch/x86_64/lapic.h"

#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/tsc.h"
#include "arch/x86_64/vectors.h"
#include "sys/clock.h"
#include "sys/lib/mulddiv.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/percpu.h"

#define LVT_MASKED		BIT(16)
#define LVT_TSC_DEADLINE	(2U << 17)
#define DIVIDE_BY_1		0xb
#define COUNT_MAX		0xfffffff0UL
#define WINDOW			(3 * NSEC_PER_MSEC)
#define WINDOWS			3

enum { MODE_NONE, MODE_DEADLINE, MODE_COUNT };
static u8 mode;			/* [I] after boot; MODE_NONE before: arming does nothing */
static u64 timer_mult;		/* [I] count-down rate: counts per ns << 30 */

PERCPU_DEFINE(nsec_t, timer_deadline);	/* [t] CPU's own; 0: stopped */

static void
arm_step(nsec_t deadline)
{
	nsec_t left = deadline - clock_now();
	u64 count;

	if (left < 0)
		left = 0;
	if (mode == MODE_DEADLINE) {
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + tsc_from_nsec(left) + 1);
		return;
	}
	if (mode == MODE_NONE)
		return;
	count = mul_u64_u64_shr((u64)left, timer_mult, 30) + 1;
	lapic_write(LAPIC_TIMER_INITIAL, (u32)MIN(count, COUNT_MAX));
}

void
arch_timer_arm(nsec_t deadline)
{
	this_cpu_write(timer_deadline, deadline != 0 ? deadline : 1);
	arm_step(deadline);
}

void
arch_timer_stop(void)
{
	this_cpu_write(timer_deadline, 0);
	if (mode == MODE_DEADLINE)
		wrmsr(MSR_TSC_DEADLINE, 0);
	else if (mode == MODE_COUNT)
		lapic_write(LAPIC_TIMER_INITIAL, 0);
}

void
lapic_timer_interrupt(struct trapframe *tf)
{
	nsec_t deadline = this_cpu_read(timer_deadline);

	if (deadline == 0)
		return;			/* stopped while it was on its way */
	/* A step of a long wait: more than a second is left. Anything nearer is for timer_interrupt to judge. */
	if (deadline - clock_now() > NSEC_PER_SEC) {
		arm_step(deadline);
		return;
	}
	timer_interrupt(tf);
}

void
lapic_timer_init_cpu(void)
{
	if (mode == MODE_DEADLINE) {
		lapic_write(LAPIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
		__asm__ volatile("mfence; lfence" ::: "memory");	/* before the first write of the deadline (SDM 11.5.4.1) */
		return;
	}
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

/* A pair of readings of both counters, close together: *slack is how far apart they may be. */
static void
sample(nsec_t *now, u32 *count, nsec_t *slack)
{
	*slack = NSEC_MAX;
	for (u32 i = 0; i < 4; i++) {
		nsec_t before = clock_now();
		u32 c = lapic_read(LAPIC_TIMER_CURRENT);
		nsec_t after = clock_now();

		if (after - before < *slack) {
			*slack = after - before;
			*now = before + (after - before) / 2;
			*count = c;
		}
	}
}

/* Count-down rate in Hz by the tightest of a few windows; 0 where the timer doesn't count. */
static u64
measure(void)
{
	nsec_t best = NSEC_MAX;
	u64 hz = 0;

	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	for (u32 i = 0; i < WINDOWS; i++) {
		nsec_t t0 = 0, t1 = 0, s0, s1;
		u32 c0 = 0, c1 = 0;

		lapic_write(LAPIC_TIMER_INITIAL, 0xffffffff);
		sample(&t0, &c0, &s0);
		while (clock_now() - t0 < WINDOW)
			arch_pause();
		sample(&t1, &c1, &s1);
		if (c0 > c1 && s0 + s1 < best) {
			best = s0 + s1;
			hz = muldiv_u64(c0 - c1, NSEC_PER_SEC, (u64)(t1 - t0));
		}
	}
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	return hz;
}

void
lapic_timer_init(void)
{
	u64 flags = arch_irq_save(), hz;

	if (cpu_has(CPUF_TSC_DEADLINE) && tsc_is_usable()) {
		mode = MODE_DEADLINE;
		log_info("lapic: timer by TSC deadline");
	} else {
		hz = measure();
		if (hz == 0)
			panic("the local APIC's timer does not count");
		timer_mult = muldiv_u64(hz, BIT(30), NSEC_PER_SEC);
		mode = MODE_COUNT;
		log_info("lapic: timer counts at %lu.%03lu MHz", (unsigned long)(hz / 1000000),
			(unsigned long)(hz / 1000 % 1000));
	}
	lapic_timer_init_cpu();
	arch_irq_restore(flags);
}
