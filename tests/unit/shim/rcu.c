/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/rcu.h: a call-back runs at once, or, where preemption is off (a read section, a spinlock), when somebody next looks
 * outside of such a section.
 */
#include <stdlib.h>

#include "sys/panic.h"
#include "sys/rcu.h"
#include "tests/unit/shim/shim.h"

static struct rcu_head *queue, **tail = &queue;

void
unit_rcu_flush(void)
{
	while (queue) {
		struct rcu_head *head = queue;

		queue = head->next;
		if (!queue)
			tail = &queue;
		head->func(head);
	}
}

void
rcu_call(struct rcu_head *head, void (*func)(struct rcu_head *))
{
	static bool registered;

	if (!registered) {
		registered = true;
		atexit(unit_rcu_flush);
	}
	head->next = NULL;
	head->func = func;
	*tail = head;
	tail = &head->next;
	if (!in_atomic())
		unit_rcu_flush();
}

void
rcu_synchronize(void)
{
	might_sleep();
	unit_rcu_flush();
}

void
rcu_barrier(void)
{
	rcu_synchronize();
}
