/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/clock.h and sys/timer.h: time moves when the test says so. */
#include "sys/clock.h"
#include "sys/panic.h"
#include "sys/timer.h"
#include "tests/unit/shim/shim.h"

nsec_t unit_now = 1000 * NSEC_PER_SEC;
nsec_t unit_realtime_offset = 1700000000L * NSEC_PER_SEC;

static struct rbtree timers;	/* by monotonic expiry */
static u32 sets;

nsec_t clock_now(void) { return unit_now; }
nsec_t clock_raw(void) { return unit_now; }
nsec_t clock_boottime(void) { return unit_now; }
nsec_t clock_realtime(void) { return unit_now + unit_realtime_offset; }
nsec_t clock_realtime_coarse(void) { return clock_realtime(); }
nsec_t clock_realtime_offset(void) { return unit_realtime_offset; }
u32 clock_set_count(void) { return sets; }
s32 clock_minutes_west;
void clock_delay(nsec_t ns) { unit_now += ns; }

void
clock_set_realtime(nsec_t now)
{
	unit_realtime_offset = now - unit_now;
	sets++;
}

static struct timer *
timer_of(struct rbnode *n)
{
	return rb_entry(n, struct timer, node);
}

static nsec_t
monotonic_expiry(const struct timer *t)
{
	return t->expires - (t->clock == TIMER_REALTIME ? unit_realtime_offset : 0);
}

void
timer_init(struct timer *t, enum timer_clock clock, nsec_t (*func)(struct timer *, nsec_t))
{
	*t = (struct timer){ .clock = clock, .func = func };
}

bool
timer_pending(const struct timer *t)
{
	return t->state;
}

bool
timer_cancel(struct timer *t)
{
	if (!t->state)
		return false;
	t->state = 0;
	rb_erase(&timers, &t->node);
	return true;
}

bool
timer_cancel_sync(struct timer *t)
{
	return timer_cancel(t);
}

void
timer_arm(struct timer *t, nsec_t expires)
{
	struct rbnode **link = &timers.root, *parent = NULL;

	timer_cancel(t);
	t->expires = expires;
	t->state = 1;
	while (*link) {
		parent = *link;
		link = monotonic_expiry(t) < monotonic_expiry(timer_of(parent)) ? &parent->left : &parent->right;
	}
	rb_insert(&timers, &t->node, parent, link);
}

void
unit_clock_advance(nsec_t ns)
{
	nsec_t end = unit_now + ns;
	struct rbnode *first;

	while ((first = rb_first(&timers)) && monotonic_expiry(timer_of(first)) <= end) {
		struct timer *t = timer_of(first);
		nsec_t again;

		unit_now = MAX(unit_now, monotonic_expiry(t));
		timer_cancel(t);
		again = t->func(t, unit_now + (t->clock == TIMER_REALTIME ? unit_realtime_offset : 0));
		if (again)
			timer_arm(t, again);
	}
	unit_now = end;
}

nsec_t
unit_clock_next(void)
{
	struct rbnode *first = rb_first(&timers);

	return first ? monotonic_expiry(timer_of(first)) : NSEC_MAX;
}
