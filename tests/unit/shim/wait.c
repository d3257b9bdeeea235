/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/wait.h for one thread. */
#include "sys/wait.h"
#include "sys/abi/errno.h"

void
waitq_init(struct waitq *q)
{
	waitq_init_class(q, LOCK_WAITQ);
}

void
waitq_init_class(struct waitq *q, enum lock_class cls)
{
	spin_init(&q->lock, cls);
	list_init(&q->waiters);
}

static bool
wake_thread(struct waiter *w, u32 events)
{
	(void)events;
	return thread_wake(w->thread);
}

void
waiter_init_func(struct waiter *w, bool (*wake)(struct waiter *, u32))
{
	*w = (struct waiter){ .thread = thread_current(), .wake = wake };
}

void
waiter_init(struct waiter *w)
{
	waiter_init_func(w, wake_thread);
}

static void
add(struct waitq *q, struct waiter *w, bool exclusive)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	if (!list_is_linked(&w->node)) {
		w->exclusive = exclusive;
		if (exclusive)
			list_add_tail(&q->waiters, &w->node);
		else
			list_add(&q->waiters, &w->node);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void
waitq_add(struct waitq *q, struct waiter *w)
{
	add(q, w, false);
}

void
waitq_add_exclusive(struct waitq *q, struct waiter *w)
{
	add(q, w, true);
}

void
waitq_remove(struct waitq *q, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	if (list_is_linked(&w->node))
		list_del(&w->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void
waitq_prepare(struct waitq *q, struct waiter *w, enum thread_state s)
{
	add(q, w, false);
	thread_set_state(s);
}

void
waitq_prepare_exclusive(struct waitq *q, struct waiter *w, enum thread_state s)
{
	add(q, w, true);
	thread_set_state(s);
}

void
waitq_finish(struct waitq *q, struct waiter *w)
{
	thread_set_state(THREAD_RUNNING);
	waitq_remove(q, w);
}

void
waitq_wake(struct waitq *q, int nr_exclusive, u32 events)
{
	u64 flags = spin_lock_irqsave(&q->lock);
	struct waiter *w, *tmp;

	list_for_each_safe(w, tmp, &q->waiters, node) {
		bool exclusive = w->exclusive;

		if (w->wake(w, events) && exclusive && nr_exclusive && !--nr_exclusive)
			break;
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void
completion_init(struct completion *c)
{
	c->done = false;
	waitq_init(&c->wq);
}

void
completion_wait(struct completion *c)
{
	wait_event(&c->wq, READ_ONCE(c->done));
}

int
completion_wait_killable(struct completion *c)
{
	return wait_event_killable(&c->wq, READ_ONCE(c->done));
}

void
completion_complete(struct completion *c)
{
	WRITE_ONCE(c->done, true);
	waitq_wake_all(&c->wq);
}
