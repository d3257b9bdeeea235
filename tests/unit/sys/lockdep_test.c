/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock checker: what it reports, and what it must not.
 * sources: sys/lockdep.c
 */
#include "tests/unit/test.h"
#include "arch/cpu.h"
#include "sys/lockdep.h"
#include "sys/preempt.h"
#include "sys/sched.h"
#include "tests/unit/shim/shim.h"

/* In place of shim/percpu.c, whose might_sleep() is ours here. */
bool unit_irqs_on = true;
s64 percpu_offset[CPU_MAX];
u32 cpu_count = 1;
u64 cpu_online_mask = 1;
u32 percpu_cpu_id, percpu_preempt_count, percpu_need_resched;
bool sched_running = true;

void
preempt_schedule(void)
{
}

static int a, b, c;

#define TAKE(l, cls, how)	lockdep_acquire(&(l), cls, how, NULL)
#define DROP(l, cls)		lockdep_release(&(l), cls, NULL)

static bool
reported(const char *what)
{
	bool yes = strstr(unit_log_last, "lock report:") && strstr(unit_log_last, what);

	unit_log_last[0] = '\0';
	return yes;
}

TEST(right_order_is_silent)
{
	TAKE(a, LOCK_AS, LOCKDEP_SLEEPS);
	TAKE(b, LOCK_ZONE, 0);
	TAKE(c, LOCK_LEAF, 0);
	DROP(b, LOCK_ZONE);
	DROP(c, LOCK_LEAF);
	DROP(a, LOCK_AS);
	ck_assert_str_eq(unit_log_last, "");
}

TEST(wrong_order_is_told_once)
{
	for (int i = 0; i < 2; i++) {
		TAKE(a, LOCK_ZONE, 0);
		TAKE(b, LOCK_PROC, 0);
		ck_assert_int_eq(reported("order: taking LOCK_PROC"), i == 0);
		DROP(b, LOCK_PROC);
		DROP(a, LOCK_ZONE);
	}
}

TEST(same_class_needs_nested)
{
	TAKE(a, LOCK_PROC, 0);
	TAKE(b, LOCK_PROC, LOCKDEP_NESTED);
	ck_assert(!reported(""));
	DROP(b, LOCK_PROC);
	TAKE(b, LOCK_PROC, 0);
	ck_assert(reported("order"));
}

TEST(trylock_may_go_backwards)
{
	TAKE(a, LOCK_ZONE, 0);
	TAKE(b, LOCK_PROC, LOCKDEP_TRY);
	ck_assert(!reported(""));
	DROP(b, LOCK_PROC);
	DROP(a, LOCK_ZONE);
}

TEST(recursion_is_told)
{
	TAKE(a, LOCK_PROC, 0);
	TAKE(a, LOCK_PROC, LOCKDEP_NESTED);
	ck_assert(reported("taken twice"));
}

TEST(release_of_what_is_not_held)
{
	DROP(a, LOCK_PROC);
	ck_assert(reported("released, but not held"));
}

TEST(irq_lock_with_interrupts_on)
{
	percpu_preempt_count = PREEMPT_IRQ_UNIT;
	unit_irqs_on = false;
	TAKE(a, LOCK_EVENT, 0);
	DROP(a, LOCK_EVENT);
	percpu_preempt_count = 0;
	TAKE(a, LOCK_EVENT, 0);			/* interrupts off: as it should be */
	DROP(a, LOCK_EVENT);
	ck_assert(!reported(""));
	unit_irqs_on = true;
	TAKE(a, LOCK_EVENT, 0);
	ck_assert(reported("with interrupts on"));
}

TEST(unsafe_lock_under_irq_lock)
{
	TAKE(b, LOCK_ZONE, 0);			/* with interrupts on */
	DROP(b, LOCK_ZONE);
	percpu_preempt_count = PREEMPT_IRQ_UNIT;
	unit_irqs_on = false;
	TAKE(a, LOCK_EVENT, 0);
	DROP(a, LOCK_EVENT);
	percpu_preempt_count = 0;
	TAKE(a, LOCK_EVENT, 0);
	TAKE(b, LOCK_ZONE, 0);
	ck_assert(reported("irq-unsafe"));
}

TEST(an_interrupt_has_its_own_list)
{
	TAKE(a, LOCK_ZONE, 0);
	percpu_preempt_count = PREEMPT_IRQ_UNIT;
	unit_irqs_on = false;
	TAKE(b, LOCK_EVENT, 0);			/* earlier than LOCK_ZONE, but that is the thread's */
	ck_assert(!reported(""));
	DROP(b, LOCK_EVENT);
	percpu_preempt_count = 0;
	unit_irqs_on = true;
	DROP(a, LOCK_ZONE);
	ck_assert(!reported(""));
}

TEST(sleeping_with_preemption_off)
{
	percpu_preempt_count = 1;
	might_sleep();
	ck_assert(reported(""));
}
