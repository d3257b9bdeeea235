/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeping until a time on any of the timer clocks: those that can be set move the wake-up with them. */
#include "proc/proc.h"

struct sleeper {
	struct timer timer;
	struct thread *thread;
	bool fired;		/* [a] */
};

static nsec_t
wake_sleeper(struct timer *timer, nsec_t now)
{
	struct sleeper *s = container_of(timer, struct sleeper, timer);

	atomic_store(&s->fired, true);
	thread_wake(s->thread);
	return 0;
}

int
thread_sleep_until(enum timer_clock clock, nsec_t deadline)
{
	struct sleeper s = { .thread = thread_current() };

	if (clock == TIMER_MONOTONIC || deadline == NSEC_MAX)
		return thread_schedule_until(deadline);
	timer_init(&s.timer, clock, wake_sleeper);
	timer_arm(&s.timer, deadline);
	thread_schedule();
	timer_cancel_sync(&s.timer);
	return atomic_load(&s.fired) ? -ETIMEDOUT : 0;
}
