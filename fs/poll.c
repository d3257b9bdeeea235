/* SPDX-License-Identifier: BSD-2-Clause */
/* The poller: one thread on many wait queues. */
#include "fs/poll.h"

#include "sys/kmem.h"

#define CHUNK_ENTRIES	32

u32
file_poll(struct file *f, struct poll_table *pt)
{
	if (f->ops->poll == NULL)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, pt);
}

/* Under the queue's lock. */
static bool
poller_wake(struct waiter *w, u32 events)
{
	struct poller_entry *e = container_of(w, struct poller_entry, waiter);

	if (events != 0 && !(events & e->events))
		return false;
	atomic_store(&e->poller->triggered, 1);
	thread_wake(e->poller->thread);
	return true;
}

static struct poller_entry *
new_entry(struct poller *p)
{
	struct poller_chunk *c = p->chunks;

	if (p->inline_used < POLLER_INLINE)
		return &p->inline_entries[p->inline_used++];
	if (c == NULL || c->used == CHUNK_ENTRIES) {
		c = kmem_alloc(sizeof(*c) + CHUNK_ENTRIES * sizeof(c->entries[0]), KM_USER);
		if (c == NULL)
			return NULL;
		c->used = 0;
		c->next = p->chunks;
		p->chunks = c;
	}
	return &c->entries[c->used++];
}

static void
poller_queue(struct poll_table *pt, struct file *f, struct waitq *q)
{
	struct poller *p = container_of(pt, struct poller, table);
	struct poller_entry *e = new_entry(p);

	(void)f;
	if (e == NULL) {
		p->err = -ENOMEM;
		return;
	}
	waiter_init_func(&e->waiter, poller_wake);
	e->queue = q;
	e->poller = p;
	e->events = pt->events | POLLERR | POLLHUP;
	waitq_add(q, &e->waiter);
}

void
poller_init(struct poller *p)
{
	p->table = (struct poll_table){ .queue = poller_queue };
	p->thread = thread_current();
	p->triggered = 0;
	p->err = 0;
	p->inline_used = 0;
	p->chunks = NULL;
}

int
poller_sleep(struct poller *p, nsec_t deadline)
{
	int err = 0;

	p->table.queue = NULL;		/* everything is registered after the first pass */
	thread_set_state(THREAD_INTERRUPTIBLE);
	if (!atomic_load(&p->triggered)) {
		if (thread_signal_pending(p->thread))
			err = -EINTR;
		else
			err = thread_schedule_until(deadline);
	}
	thread_set_state(THREAD_RUNNING);
	/* Cleared before the caller looks at the files again: what happens from here on makes it true again. */
	atomic_store(&p->triggered, 0);
	return err;
}

static void
remove_entry(struct poller_entry *e)
{
	waitq_remove(e->queue, &e->waiter);
}

void
poller_finish(struct poller *p)
{
	for (u32 i = 0; i < p->inline_used; i++)
		remove_entry(&p->inline_entries[i]);
	while (p->chunks != NULL) {
		struct poller_chunk *c = p->chunks;

		for (u32 i = 0; i < c->used; i++)
			remove_entry(&c->entries[i]);
		p->chunks = c->next;
		kmem_free(c);
	}
}
