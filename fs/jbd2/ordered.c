/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ordered data: new blocks of files hold their data before the transaction that makes them part of a file commits, so that a crash never
 * shows what lay there before. A vnode has one slot for the running and one for the committing transaction, by parity of the number:
 * the running one is always the committing one's successor.
 */
#include "fs/jbd2/jbd2.h"

void
journal_ordered_init(struct journal_ordered *o, struct mapping *m)
{
	int i;

	o->mapping = m;
	o->busy = 0;
	for (i = 0; i < 2; i++) {
		list_init(&o->slot[i].node);
		o->slot[i].from = o->slot[i].to = 0;
	}
}

void
journal_ordered_add(struct handle *h, struct journal_ordered *o, off_t from, off_t to)
{
	u32 i;

	if (h == NULL || h->t == NULL || from >= to)
		return;
	i = h->t->tid & 1;
	spin_lock(&h->j->lock);
	if (!list_is_linked(&o->slot[i].node)) {
		o->slot[i].tid = h->t->tid;
		o->slot[i].from = from;
		o->slot[i].to = to;
		list_add_tail(&h->t->ordered, &o->slot[i].node);
	} else {
		o->slot[i].from = from < o->slot[i].from ? from : o->slot[i].from;
		o->slot[i].to = to > o->slot[i].to ? to : o->slot[i].to;
	}
	spin_unlock(&h->j->lock);
}

static bool
is_idle(struct journal *j, struct journal_ordered *o)
{
	bool idle;

	spin_lock(&j->lock);
	idle = o->busy == 0;
	spin_unlock(&j->lock);
	return idle;
}

void
journal_ordered_drop(struct journal *j, struct journal_ordered *o)
{
	int i;

	if (j == NULL)
		return;
	for (;;) {
		spin_lock(&j->lock);
		if (o->busy == 0)
			break;
		spin_unlock(&j->lock);
		wait_event(&j->wait_ordered, is_idle(j, o));
	}
	for (i = 0; i < 2; i++)
		list_del_init(&o->slot[i].node);
	spin_unlock(&j->lock);
}

bool
journal_ordered_committing(struct journal *j, const struct journal_ordered *o)
{
	bool yes = false;

	if (j == NULL)
		return false;
	spin_lock(&j->lock);
	if (j->committing != NULL) {
		u32 tid = j->committing->tid;

		yes = list_is_linked(&o->slot[tid & 1].node) && o->slot[tid & 1].tid == tid;
	}
	spin_unlock(&j->lock);
	return yes;
}

static struct journal_ordered *
owner_of(struct list *node, u32 i)
{
	struct journal_ordered *o = container_of(node, struct journal_ordered, slot[0].node);

	return i == 0 ? o : container_of(node, struct journal_ordered, slot[1].node);
}

/* Data that can't be written is the file's error, not the journal's: its mapping has it noted for the file's fsync. */
static void
write_one(struct journal_ordered *o, off_t from, off_t to, bool wait)
{
	struct writeback_control wbc = {
		.start = (u64)from >> PAGE_SHIFT, .last = (u64)(to - 1) >> PAGE_SHIFT, .nr_to_write = -1, .sync = wait,
	};

	(void)mapping_flush(o->mapping, &wbc);
}

/* A walk over the list: an entry that is busy stays on it, so the walk goes on from there. */
static void
walk(struct transaction *t, bool wait)
{
	struct journal *j = t->j;
	u32 i = t->tid & 1;
	struct list *pos;

	spin_lock(&j->lock);
	pos = t->ordered.next;
	while (pos != &t->ordered) {
		struct journal_ordered *o = owner_of(pos, i);
		off_t from = o->slot[i].from, to = o->slot[i].to;

		o->busy++;
		spin_unlock(&j->lock);
		write_one(o, from, to, wait);
		spin_lock(&j->lock);
		pos = pos->next;
		if (wait)
			list_del_init(&o->slot[i].node);
		if (--o->busy == 0 && waitq_active(&j->wait_ordered))
			waitq_wake_all(&j->wait_ordered);
	}
	spin_unlock(&j->lock);
}

void
ordered_write(struct transaction *t)
{
	walk(t, false);		/* all on their way ... */
	walk(t, true);		/* ... before the first is waited for */
}
