/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/thread.h: the one thread there is. */
#include "sys/panic.h"
#include "sys/thread.h"
#include "sys/abi/errno.h"
#include "tests/unit/shim/shim.h"

struct thread unit_thread = { .refs = { 1 }, .name = "unit", .affinity = 1 };
struct thread *percpu_current = &unit_thread;
void (*unit_on_schedule)(void);

void
thread_get(struct thread *t)
{
	refcount_get(&t->refs);
}

void
thread_put(struct thread *t)
{
	KASSERT(!refcount_put(&t->refs));
}

void
thread_set_state(enum thread_state s)
{
	unit_thread.state = s;
}

bool
thread_wake_states(struct thread *t, u32 states)
{
	if (!(BIT(t->state) & states))
		return false;
	t->state = THREAD_RUNNING;
	return true;
}

int
thread_schedule_until(nsec_t deadline)
{
	might_sleep();
	if (unit_thread.state == THREAD_RUNNING)
		return 0;
	if (unit_on_schedule)
		unit_on_schedule();
	if (unit_thread.state == THREAD_RUNNING)
		return 0;
	if (deadline == NSEC_MAX)
		panic("the only thread would sleep for ever");
	if (deadline > unit_now)
		unit_clock_advance(deadline - unit_now);
	if (unit_thread.state == THREAD_RUNNING)
		return 0;
	unit_thread.state = THREAD_RUNNING;
	return -ETIMEDOUT;
}

void
thread_schedule(void)
{
	(void)thread_schedule_until(NSEC_MAX);
}

bool
thread_fatal_pending(const struct thread *t)
{
	return t->work & TW_EXIT;
}

void
thread_set_work(struct thread *t, u32 bits)
{
	t->work |= bits;
}
