/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred work: one queue, a few workers per CPU's worth, so that a piece that sleeps holds up nobody. A piece never runs on two
 * workers at a time: queued again while it runs, it waits for its end. A worker does not touch a piece after having run
 * it, so the function may free it. A worker that an oops ends gives its piece up, and another one starts its successor.
 */
#include "sys/lib/list.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/sched.h"
#include "sys/wait.h"
#include "sys/work.h"

#define WORKERS_MAX	16
#define WORK_QUEUED	1u

struct worker {
	struct thread *thread;		/* [work_lock] NULL: none runs */
	struct work *current;		/* [work_lock] what it runs */
	bool again;			/* [work_lock] that was queued meanwhile */
};

static struct worker workers[WORKERS_MAX];
static u32 nr_workers;			/* [I] */
static struct list queue = LIST_INIT(queue);	/* [work_lock] */
static struct spinlock work_lock = SPINLOCK_INIT(LOCK_WORK);
static struct waitq work_wq = WAITQ_INIT_CLASS(work_wq, LOCK_WAITQ_NESTED);	/* idle workers; work is queued from call-backs too */
static struct waitq done_wq = WAITQ_INIT(done_wq);	/* work_flush() */

static struct worker *
runner_locked(const struct work *w)
{
	for (u32 i = 0; i < nr_workers; i++)
		if (workers[i].current == w)
			return &workers[i];
	return NULL;
}

void
work_init(struct work *w, void (*func)(struct work *w))
{
	*w = (struct work){ .func = func };
}

bool
work_queue(struct work *w)
{
	u64 flags = spin_lock_irqsave(&work_lock);
	bool fresh = !(w->state & WORK_QUEUED);
	struct worker *r;

	if (fresh) {
		w->state |= WORK_QUEUED;
		r = runner_locked(w);
		if (r != NULL)
			r->again = true;
		else
			list_add_tail(&queue, &w->node);
	}
	spin_unlock_irqrestore(&work_lock, flags);
	if (fresh)
		waitq_wake_one(&work_wq);
	return fresh;
}

static struct work *
take(struct worker *self)
{
	u64 flags = spin_lock_irqsave(&work_lock);
	struct work *w = list_first(&queue, struct work, node);

	if (w != NULL) {
		list_del(&w->node);
		w->state &= ~WORK_QUEUED;
		self->current = w;
	}
	spin_unlock_irqrestore(&work_lock, flags);
	return w;
}

static void
finish(struct worker *self)
{
	u64 flags = spin_lock_irqsave(&work_lock);

	if (self->again)
		list_add_tail(&queue, &self->current->node);
	self->again = false;
	self->current = NULL;
	spin_unlock_irqrestore(&work_lock, flags);
	waitq_wake_all(&done_wq);
}

static void
set_thread(struct worker *self, struct thread *t)
{
	u64 flags = spin_lock_irqsave(&work_lock);

	self->thread = t;
	spin_unlock_irqrestore(&work_lock, flags);
}

static void
worker_main(void *arg)
{
	struct worker *self = arg;
	struct work *w;

	set_thread(self, thread_current());
	for (;;) {
		while ((w = take(self)) != NULL) {
			w->func(w);
			finish(self);
		}
		wait_event_interruptible_exclusive(&work_wq, !list_empty(&queue));
	}
}

/* --- workers that died --- */

static void
start_missing(struct work *w)
{
	(void)w;
	for (u32 i = 0; i < nr_workers; i++) {
		if (READ_ONCE(workers[i].thread) != NULL)
			continue;
		set_thread(&workers[i], thread_current());	/* for one that has not run yet */
		if (thread_spawn(worker_main, &workers[i], "kworker/%u", i) != 0) {
			set_thread(&workers[i], NULL);
			log_err("kworker/%u died, and there is no memory for another", i);
		}
	}
}

static struct work missing_work = { .func = start_missing };

void
work_thread_dies(struct thread *t)
{
	for (u32 i = 0; i < nr_workers; i++) {
		if (workers[i].current == NULL || workers[i].thread != t)
			continue;
		finish(&workers[i]);
		set_thread(&workers[i], NULL);
		(void)work_queue(&missing_work);
		return;
	}
}

/* --- waiting --- */

static bool
pending(const struct work *w)
{
	u64 flags = spin_lock_irqsave(&work_lock);
	bool yes = (w->state & WORK_QUEUED) || runner_locked(w) != NULL;

	spin_unlock_irqrestore(&work_lock, flags);
	return yes;
}

void
work_flush(struct work *w)
{
	wait_event(&done_wq, !pending(w));
}

void
work_init_workers(void)
{
	u32 want = MIN(MAX(2 * cpu_count, 4u), (u32)WORKERS_MAX);

	for (u32 i = 0; i < want; i++) {
		workers[i].thread = thread_current();		/* until it runs */
		if (thread_spawn(worker_main, &workers[i], "kworker/%u", i) != 0)
			panic("no memory for worker threads");
	}
	nr_workers = want;
}
