/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/work.h: queued work runs when the test, or a flush, says so. */
#include "sys/work.h"
#include "tests/unit/shim/shim.h"

static struct list queue = LIST_INIT(queue);

void
work_init(struct work *w, void (*func)(struct work *))
{
	*w = (struct work){ .func = func };
}

bool
work_queue(struct work *w)
{
	if (w->state)
		return false;
	w->state = 1;
	list_add_tail(&queue, &w->node);
	return true;
}

static void
run(struct work *w)
{
	list_del(&w->node);
	w->state = 0;
	w->func(w);
}

void
unit_run_work(void)
{
	struct work *w;

	while ((w = list_first(&queue, struct work, node)))
		run(w);
}

bool
unit_work_pending(void)
{
	return !list_empty(&queue);
}

void
work_flush(struct work *w)
{
	if (w->state)
		run(w);
}
