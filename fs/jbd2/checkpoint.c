/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checkpointing: what has committed is brought in place, then its part of the log is free again.
 *
 * Write-back does most of it by itself, since committed buffers are ordinary dirty ones. Here the rest is written when the log runs short,
 * and the tail is moved: only after a flush, and the super block says so before the blocks are used again.
 */
#include "fs/jbd2/jbd2.h"

#include "sys/abi/errno.h"

#define BATCH	64U

u32
checkpoint_room_locked(const struct journal *j)
{
	u32 taken = j->committing != NULL ? trans_log_blocks(j->committing) : 0;

	return j->free > taken ? j->free - taken : 0;
}

/* In place, no write of it in flight, and no newer transaction has it. */
static bool
in_place_locked(const struct jbuf *jb)
{
	return jb->t == NULL && (atomic_load_acquire(&jb->b->state) & (BUF_DIRTY | BUF_LOCKED)) == 0;
}

/* The buffer that the caller puts without the lock. */
static struct buf *
drop_locked(struct jbuf *jb)
{
	list_del_init(&jb->cp_node);
	jb->cp = NULL;
	return jbuf_release_locked(jb);
}

static void
put_all(struct buf **bufs, u32 n)
{
	while (n > 0)
		buf_put(bufs[--n]);
}

/* Up to SWEEP_MAX buffers of the oldest transaction that are in place. */
static u32
sweep_some(struct journal *j)
{
	struct transaction *t;
	struct list *pos, *next;
	u32 n = 0;

	spin_lock(&j->lock);
	if (!list_empty(&j->checkpoints)) {
		t = container_of(j->checkpoints.next, struct transaction, node);
		for (pos = t->cp_bufs.next; pos != &t->cp_bufs && n < SWEEP_MAX; pos = next) {
			struct jbuf *jb = container_of(pos, struct jbuf, cp_node);

			next = pos->next;
			if (in_place_locked(jb) && (atomic_load_relaxed(&jb->b->state) & BUF_WRITE_ERROR) == 0)
				j->swept[n++] = drop_locked(jb);
		}
	}
	spin_unlock(&j->lock);
	put_all(j->swept, n);
	return n;
}

void
checkpoint_sweep(struct journal *j)
{
	while (sweep_some(j) == SWEEP_MAX)
		;
}

/* --- one transaction --- */

/* Puts up to BATCH buffers of t into batch: *n that must be written, from the front; *gone that are in place and are to be put, from the
 * back. *wait_tid: a transaction that must commit first, 0 where there is none. */
static void
gather(struct journal *j, struct transaction *t, struct buf **batch, u32 *n, u32 *gone, u32 *wait_tid, int *error)
{
	struct list *pos, *next;

	*n = *gone = *wait_tid = 0;
	spin_lock(&j->lock);
	for (pos = t->cp_bufs.next; pos != &t->cp_bufs && *n + *gone < BATCH; pos = next) {
		struct jbuf *jb = container_of(pos, struct jbuf, cp_node);

		next = pos->next;
		if (jb->t != NULL) {
			*wait_tid = jb->t->tid;
		} else if (!in_place_locked(jb)) {
			buf_hold(jb->b);
			batch[(*n)++] = jb->b;
		} else {
			if (atomic_load_relaxed(&jb->b->state) & BUF_WRITE_ERROR)
				*error = -EIO;
			batch[BATCH - ++*gone] = drop_locked(jb);
		}
	}
	spin_unlock(&j->lock);
}

static int
write_batch(struct buf **batch, u32 n)
{
	struct block_plug plug;
	int err = 0, e;
	u32 i;

	block_plug_start(&plug);
	for (i = 0; i < n; i++)
		buf_write_start(batch[i], BIO_META);
	block_plug_finish(&plug);
	for (i = 0; i < n; i++) {
		e = buf_wait(batch[i]);
		err = err != 0 ? err : e;
		buf_put(batch[i]);
	}
	return err;
}

static int
wait_commit_of(struct journal *j, u32 tid)
{
	return journal_commit(j, j->place.fs_bdev, tid);
}

/* All blocks of t in place. */
static int
checkpoint_one(struct journal *j, struct transaction *t)
{
	struct buf *batch[BATCH];
	u32 n, gone, tid;
	int err = 0;

	for (;;) {
		gather(j, t, batch, &n, &gone, &tid, &err);
		put_all(batch + BATCH - gone, gone);
		if (n != 0) {
			int e = write_batch(batch, n);

			err = err != 0 ? err : e;
		}
		if (err != 0) {
			journal_abort(j, err);
			return err;
		}
		if (n != 0 || gone != 0)
			continue;
		if (tid == 0)
			return 0;
		if ((err = wait_commit_of(j, tid)) != 0)
			return err;
	}
}

/* --- the tail --- */

/* Transactions at the old end that have nothing left: unlinked, to be freed. lock held. */
static bool
retire_locked(struct journal *j, struct list *done)
{
	bool any = false;

	while (!list_empty(&j->checkpoints)) {
		struct transaction *t = container_of(j->checkpoints.next, struct transaction, node);

		if (!list_empty(&t->cp_bufs))
			break;
		list_del_init(&t->node);
		list_add_tail(done, &t->node);
		any = true;
	}
	return any;
}

static void
new_tail_locked(struct journal *j, u32 *tail, u32 *tid)
{
	if (!list_empty(&j->checkpoints)) {
		const struct transaction *t = container_of(j->checkpoints.next, struct transaction, node);

		*tail = t->log_start;
		*tid = t->tid;
	} else if (j->committing != NULL) {
		*tail = j->committing->log_start;
		*tid = j->committing->tid;
	} else {
		*tail = j->head;
		*tid = j->committed + 1;
	}
}

/* checkpoint_mutex is held: nobody else looks at what is retired. */
static int
advance_tail(struct journal *j)
{
	u32 tail, tid, freed = 0;
	struct list done;
	bool any;
	int err;

	list_init(&done);
	spin_lock(&j->lock);
	any = retire_locked(j, &done);
	if (any) {
		new_tail_locked(j, &tail, &tid);
		freed = (tail + (j->last - j->first) - j->tail) % (j->last - j->first);
		j->tail = tail;
		j->tail_tid = tid;
	}
	spin_unlock(&j->lock);
	while (!list_empty(&done)) {
		struct transaction *t = container_of(done.next, struct transaction, node);

		list_del_init(&t->node);
		trans_free(t);
	}
	if (!any)
		return 0;
	err = journal_write_super(j);	/* with a flush before it */
	if (err != 0) {
		journal_abort(j, err);
		return err;
	}
	spin_lock(&j->lock);
	j->free += freed;
	spin_unlock(&j->lock);
	waitq_wake_all(&j->wait_start);
	return 0;
}

/* --- callers --- */

void
checkpoint_try_advance(struct journal *j)
{
	if (mutex_trylock(&j->checkpoint_mutex)) {
		(void)advance_tail(j);
		mutex_unlock(&j->checkpoint_mutex);
	}
}

static struct transaction *
oldest(struct journal *j)
{
	struct transaction *t = NULL;

	spin_lock(&j->lock);
	if (!list_empty(&j->checkpoints))
		t = container_of(j->checkpoints.next, struct transaction, node);
	spin_unlock(&j->lock);
	return t;
}

static bool
has_room(struct journal *j)
{
	bool yes;

	spin_lock(&j->lock);
	yes = checkpoint_room_locked(j) >= j->room || j->running != NULL;
	spin_unlock(&j->lock);
	return yes;
}

int
checkpoint_make_room(struct journal *j)
{
	struct transaction *t;
	int err = 0;

	mutex_lock(&j->checkpoint_mutex);
	while (err == 0 && j->error == 0 && !has_room(j)) {
		t = oldest(j);
		if (t != NULL) {
			err = checkpoint_one(j, t);
			if (err == 0)
				err = advance_tail(j);
		} else {
			err = journal_commit_all(j);	/* what is being committed takes the room; then it can be checkpointed */
		}
	}
	mutex_unlock(&j->checkpoint_mutex);
	return j->error != 0 ? -EROFS : err;
}

int
checkpoint_all(struct journal *j)
{
	struct transaction *t;
	int err = 0;

	mutex_lock(&j->checkpoint_mutex);
	while (err == 0 && (t = oldest(j)) != NULL) {
		err = checkpoint_one(j, t);
		if (err == 0)
			err = advance_tail(j);
	}
	if (err == 0 && j->error == 0) {
		spin_lock(&j->lock);
		if (j->running == NULL && j->committing == NULL)
			j->empty = true;
		spin_unlock(&j->lock);
		err = journal_write_super(j);
		if (err != 0)
			journal_abort(j, err);
	}
	mutex_unlock(&j->checkpoint_mutex);
	return j->error != 0 ? -EIO : err;
}
