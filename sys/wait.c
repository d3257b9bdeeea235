/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wait queues. Non-exclusive waiters stand before the exclusive ones, so one walk wakes all of the former and as many of the
 * latter as asked for. A waiter stays on its queue until it takes itself off.
 */
#include "sys/wait.h"

void
waitq_init_class(struct waitq *q, enum lock_class cls)
{
	spin_init(&q->lock, cls);
	list_init(&q->waiters);
}

void
waitq_init(struct waitq *q)
{
	waitq_init_class(q, LOCK_WAITQ);
}

static bool
wake_thread(struct waiter *w, u32 events)
{
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

void
waitq_add(struct waitq *q, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	w->exclusive = false;
	list_add(&q->waiters, &w->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void
waitq_add_exclusive(struct waitq *q, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	w->exclusive = true;
	list_add_tail(&q->waiters, &w->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void
waitq_remove(struct waitq *q, struct waiter *w)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	list_del_init(&w->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void
waitq_prepare(struct waitq *q, struct waiter *w, enum thread_state s)
{
	if (!list_is_linked(&w->node))
		waitq_add(q, w);
	thread_set_state(s);
}

void
waitq_prepare_exclusive(struct waitq *q, struct waiter *w, enum thread_state s)
{
	if (!list_is_linked(&w->node))
		waitq_add_exclusive(q, w);
	thread_set_state(s);
}

void
waitq_finish(struct waitq *q, struct waiter *w)
{
	atomic_store_relaxed(&thread_current()->state, THREAD_RUNNING);
	if (list_is_linked(&w->node))
		waitq_remove(q, w);
}

/* A call-back may take its own waiter off. */
static void
wake_locked(struct waitq *q, int nr_exclusive, u32 events)
{
	struct waiter *w, *next;

	list_for_each_safe(w, next, &q->waiters, node)
		if (w->wake(w, events) && w->exclusive && --nr_exclusive == 0)
			break;
}

void
waitq_wake(struct waitq *q, int nr_exclusive, u32 events)
{
	u64 flags;

	if (!waitq_active(q))
		return;
	flags = spin_lock_irqsave(&q->lock);
	wake_locked(q, nr_exclusive, events);
	spin_unlock_irqrestore(&q->lock, flags);
}

void
waitq_wake_nested(struct waitq *q, int nr_exclusive, u32 events)
{
	if (!waitq_active(q))
		return;
	spin_lock_nested(&q->lock);	/* interrupts are off: the outer queue is locked */
	wake_locked(q, nr_exclusive, events);
	spin_unlock(&q->lock);
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
	wait_event(&c->wq, atomic_load_acquire(&c->done));
	spin_lock_irq(&c->wq.lock);	/* the completer is out of it: the completion may be on our stack */
	spin_unlock_irq(&c->wq.lock);
}

int
completion_wait_killable(struct completion *c)
{
	int err = wait_event_killable(&c->wq, atomic_load_acquire(&c->done));

	spin_lock_irq(&c->wq.lock);
	if (err != 0 && c->done)
		err = 0;
	spin_unlock_irq(&c->wq.lock);
	return err;
}

/* All under the lock: the waiter may free the completion as soon as it sees it done and gets the lock. */
void
completion_complete(struct completion *c)
{
	struct waiter *w, *next;
	u64 flags = spin_lock_irqsave(&c->wq.lock);

	atomic_store_release(&c->done, true);
	list_for_each_safe(w, next, &c->wq.waiters, node)
		w->wake(w, 0);
	spin_unlock_irqrestore(&c->wq.lock, flags);
}
