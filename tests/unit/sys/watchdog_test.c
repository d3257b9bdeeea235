/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What counts as a lockup or a stall, and what doesn't: machines that stood still, code that lets go now and then.
 * sources: sys/watchdog.c
 */
#include "tests/unit/test.h"

#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/percpu.h"
#include "sys/rcu.h"
#include "sys/thread.h"
#include "sys/watchdog.h"
#include "tests/unit/shim/shim.h"

#define MSEC	NSEC_PER_MSEC
#define SEC	NSEC_PER_SEC

static nsec_t now = SEC;
static unsigned traces, backtraces;
static u64 period, waiting, switches;

u64 rcu_waiting_for(u64 *p) { *p = period; return waiting; }
void arch_print_interrupted(void) { traces++; }
pid_t thread_tid(const struct thread *t) { return 0; }
void arch_backtrace(u64 cpus) { backtraces++; }

/* Ticks of so many ms, for so long. */
static void
ticks(bool quiescent, nsec_t step, nsec_t len)
{
	for (nsec_t end = now + len; now < end;) {
		now += step;
		watchdog_tick(quiescent, switches, now);
	}
}

void
unit_setup(void)
{
	ticks(true, 10 * MSEC, 100 * MSEC);
}

TEST(stuck_cpus_are_reported)
{
	ticks(false, 10 * MSEC, 21 * SEC);
	ck_assert_uint_eq(traces, 0);
	ticks(false, 10 * MSEC, 2 * SEC);
	ck_assert_uint_eq(traces, 1);
	ticks(false, 10 * MSEC, 20 * SEC);
	ck_assert_uint_eq(traces, 1);
	ticks(false, 10 * MSEC, 2 * SEC);
	ck_assert_uint_eq(traces, 2);
}

TEST(programs_and_idling_are_no_lockup)
{
	ticks(true, 10 * MSEC, 100 * SEC);
	for (int i = 0; i < 10; i++) {
		ticks(false, 10 * MSEC, 20 * SEC);
		ticks(true, 10 * MSEC, 10 * MSEC);
	}
	ck_assert_uint_eq(traces, 0);
}

TEST(switches_are_progress)
{
	for (int i = 0; i < 10; i++) {
		ticks(false, 10 * MSEC, 20 * SEC);
		switches++;
	}
	ck_assert_uint_eq(traces, 0);
}

TEST(who_lets_go_between_ticks_makes_progress)
{
	for (int i = 0; i < 10; i++) {
		ticks(false, 10 * MSEC, 15 * SEC);
		ck_assert(this_cpu_read(percpu_need_resched));	/* it was asked to */
		this_cpu_write(percpu_need_resched, 0);
	}
	ck_assert_uint_eq(traces, 0);
}

TEST(time_without_ticks_does_not_count)
{
	ticks(false, 1000 * SEC, 10000 * SEC);		/* the machine was stopped, again and again */
	ticks(false, 500 * MSEC, 100 * SEC);		/* or got little of its host */
	ck_assert_uint_eq(traces, 0);
}

TEST(slow_output_does_not_count)
{
	for (int i = 0; i < 10; i++) {
		ticks(false, 10 * MSEC, 20 * SEC);
		watchdog_touch();
	}
	ck_assert_uint_eq(traces, 0);
}

TEST(stalls_are_reported_once)
{
	period = 7;
	waiting = 6;
	ticks(true, 10 * MSEC, 20 * SEC);
	ck_assert_uint_eq(backtraces, 0);
	ticks(true, 10 * MSEC, 2 * SEC);
	ck_assert_uint_eq(backtraces, 1);
	ck_assert(strstr(unit_log_last, "stalls on CPUs: { 1 2 }") != NULL);
	ticks(true, 10 * MSEC, 100 * SEC);
	ck_assert_uint_eq(backtraces, 1);
	ck_assert_uint_eq(traces, 0);
}

TEST(periods_that_end_are_no_stall)
{
	waiting = 6;
	for (period = 1; period < 20; period++)
		ticks(true, 10 * MSEC, 20 * SEC);
	waiting = 0;
	ticks(true, 10 * MSEC, 100 * SEC);
	ck_assert_uint_eq(backtraces, 0);
}
