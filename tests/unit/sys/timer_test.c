/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer trees, the CPU's timer and the tick, against a model.
 * sources: sys/timer.c
 */
#include "tests/unit/test.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/clock.h"
#include "sys/timer.h"
#include "sys/timer_tick.h"
#include "tests/unit/shim/shim.h"

/* In place of shim/clock.c, whose timers are ours here. */
nsec_t unit_now = NSEC_PER_SEC, unit_realtime_offset = 1000 * NSEC_PER_SEC;
#define now		unit_now
#define real_offset	unit_realtime_offset

static nsec_t armed;
static nsec_t tick_next;
static unsigned ticks, fired[64], order[256], nr_order;

struct probe { struct timer t; unsigned id; nsec_t again; struct probe *cancel; nsec_t seen; };

nsec_t clock_now(void) { return unit_now; }
nsec_t clock_realtime_offset(void) { return real_offset; }
nsec_t clock_boottime_offset(void) { return 5; }
void arch_timer_arm(nsec_t deadline) { armed = deadline; }
void arch_ipi_call(u64 mask, void (*fn)(void *), void *arg) { }

nsec_t
sched_tick(struct trapframe *tf, nsec_t at)
{
	ticks++;
	return tick_next;
}

static nsec_t
probe_fired(struct timer *t, nsec_t at)
{
	struct probe *p = container_of(t, struct probe, t);

	p->seen = at;
	fired[p->id]++;
	order[nr_order++ % 256] = p->id;
	if (p->cancel)
		timer_cancel(&p->cancel->t);
	return p->again ? at + p->again : 0;
}

static void
probe_init(struct probe *p, unsigned id, enum timer_clock clock)
{
	*p = (struct probe){ .id = id };
	timer_init(&p->t, clock, probe_fired);
}

/* Let time pass as the hardware would: an interrupt at each armed deadline. */
void
unit_clock_advance(nsec_t ns)
{
	nsec_t end = now + ns;

	while (armed && armed <= end) {
		now = MAX(now, armed);
		armed = 0;
		timer_interrupt(NULL);
	}
	now = end;
}

TEST(fires_once_at_its_time)
{
	struct probe p;

	probe_init(&p, 1, TIMER_MONOTONIC);
	timer_arm(&p.t, now + 100);
	ck_assert(timer_pending(&p.t));
	ck_assert_int_eq(armed, now + 100);
	unit_clock_advance(99);
	ck_assert_uint_eq(fired[1], 0);
	unit_clock_advance(1);
	ck_assert_uint_eq(fired[1], 1);
	ck_assert(!timer_pending(&p.t));
	unit_clock_advance(1000);
	ck_assert_uint_eq(fired[1], 1);
}

TEST(past_expiry_fires_at_once)
{
	struct probe p;

	probe_init(&p, 1, TIMER_MONOTONIC);
	timer_arm(&p.t, -5);
	unit_clock_advance(0);
	ck_assert_uint_eq(fired[1], 1);
}

TEST(rearming_moves_and_cancel_stops)
{
	struct probe p;

	probe_init(&p, 1, TIMER_MONOTONIC);
	timer_arm(&p.t, now + 100);
	timer_arm(&p.t, now + 300);
	unit_clock_advance(200);
	ck_assert_uint_eq(fired[1], 0);
	ck_assert(timer_cancel(&p.t));
	ck_assert(!timer_cancel(&p.t));
	unit_clock_advance(500);
	ck_assert_uint_eq(fired[1], 0);
}

TEST(returned_expiry_makes_it_periodic)
{
	struct probe p;

	probe_init(&p, 1, TIMER_MONOTONIC);
	p.again = 10;
	timer_arm(&p.t, now + 10);
	unit_clock_advance(105);
	ck_assert_uint_eq(fired[1], 10);
	ck_assert(timer_cancel_sync(&p.t));
}

TEST(cancelled_in_its_own_callback_stays_off)
{
	struct probe p;

	probe_init(&p, 1, TIMER_MONOTONIC);
	p.again = 10;
	p.cancel = &p;
	timer_arm(&p.t, now + 10);
	unit_clock_advance(100);
	ck_assert_uint_eq(fired[1], 1);
	p.cancel = NULL;
	timer_arm(&p.t, now + 10);		/* arming again is allowed */
	unit_clock_advance(25);
	ck_assert_uint_eq(fired[1], 3);
}

TEST(realtime_timers_move_with_the_clock)
{
	struct probe p, m;

	probe_init(&p, 1, TIMER_REALTIME);
	probe_init(&m, 2, TIMER_MONOTONIC);
	timer_arm(&p.t, now + real_offset + 1000);
	timer_arm(&m.t, now + 1000);
	real_offset += 900;			/* set forward: the wall clock is there sooner */
	timer_clock_was_set();
	unit_clock_advance(100);
	ck_assert_uint_eq(fired[1], 1);
	ck_assert_uint_eq(fired[2], 0);
	ck_assert_int_eq(p.seen, now + real_offset);
	unit_clock_advance(900);
	ck_assert_uint_eq(fired[2], 1);
}

TEST(boottime_has_its_offset)
{
	struct probe p;

	probe_init(&p, 1, TIMER_BOOTTIME);
	timer_arm(&p.t, now + 105);
	unit_clock_advance(100);
	ck_assert_uint_eq(fired[1], 1);
}

TEST(tick_shares_the_hardware)
{
	struct probe p;

	probe_init(&p, 1, TIMER_MONOTONIC);
	timer_arm(&p.t, now + 1000);
	timer_tick_arm(now + 300);
	ck_assert_int_eq(armed, now + 300);
	timer_tick_arm(now + 500);		/* later than the one that is on: nothing */
	unit_clock_advance(300);
	ck_assert_uint_eq(ticks, 1);
	unit_clock_advance(700);
	ck_assert_uint_eq(ticks, 1);
	ck_assert_uint_eq(fired[1], 1);
	tick_next = now + 700;
	timer_tick_arm(now + 100);
	unit_clock_advance(100);
	ck_assert_uint_eq(ticks, 2);
	tick_next = 0;
	unit_clock_advance(2000);
	ck_assert_uint_eq(ticks, 3);
}

TEST(many_fire_in_order)
{
	static struct probe p[64];
	nsec_t at[64], start = now;
	nsec_t last = 0;

	for (unsigned i = 0; i < 64; i++) {
		probe_init(&p[i], i, TIMER_MONOTONIC);
		at[i] = start + 1 + (nsec_t)unit_rand_below(500);
		timer_arm(&p[i].t, at[i]);
	}
	for (unsigned round = 0; round < 200; round++) {
		unsigned i = (unsigned)unit_rand_below(64);

		if (unit_rand_below(3) == 0) {
			timer_cancel(&p[i].t);
			at[i] = 0;
		} else {
			at[i] = start + 1 + (nsec_t)unit_rand_below(500);
			timer_arm(&p[i].t, at[i]);
		}
	}
	nr_order = 0;
	unit_clock_advance(600);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(fired[i], at[i] != 0);
	for (unsigned i = 0; i < nr_order; i++) {
		ck_assert_int_ge(at[order[i]], last);
		last = at[order[i]];
	}
}
