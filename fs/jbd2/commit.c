/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commit of a transaction, told in the order of journal_commit_one() at the end of the file:
 *
 *	lock it: no new handles, wait for the open ones		(short: nobody with a handle waits for anything but I/O)
 *	hand over: from here on a new transaction may run
 *	ordered data, and wait for it
 *	revoke blocks; descriptors with copies of the blocks; wait
 *	the commit block, with a flush before it and FUA
 *	pass the buffers on: to the running transaction, or to the checkpoint list and to write-back
 */
#include "fs/jbd2/jbd2.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"

/* --- what goes into the log --- */

static void
put_header(void *block, u32 type, u32 tid)
{
	struct jbd2_header *h = block;

	h->magic = be32_make(JBD2_MAGIC);
	h->type = be32_make(type);
	h->tid = be32_make(tid);
}

static size_t
put_block_number(const struct journal *j, u8 *p, u64 block)
{
	if (j->wide) {
		be64_t n = be64_make(block);

		memcpy(p, &n, sizeof(n));
		return sizeof(n);
	} else {
		be32_t n = be32_make((u32)block);

		memcpy(p, &n, sizeof(n));
		return sizeof(n);
	}
}

/* A block for the log, zeroed: the reserve where there is no memory (then *reserve: one at a time). */
static void *
log_block_alloc(struct journal *j, bool may_reserve)
{
	void *p = kmem_alloc(j->block_size, KM_NORMAL);

	if (p == NULL && may_reserve)
		p = j->reserve;
	return p;
}

static void
log_block_free(struct journal *j, void *p)
{
	if (p != j->reserve)
		kmem_free(p);
}

/* Fills and writes one block with revoke records from r on; the first one that did not fit, or NULL. */
static struct rbnode *
write_revoke_block(struct journal *j, struct transaction *t, struct rbnode *n, void *block)
{
	struct jbd2_revoke *head = block;
	struct log_writer w;
	size_t used = sizeof(*head), one = j->wide ? 8 : 4;

	memset(block, 0, j->block_size);
	put_header(block, JBD2_REVOKE, t->tid);
	for (; n != NULL && used + one <= j->block_size; n = rb_next(n))
		used += put_block_number(j, (u8 *)block + used, rb_entry(n, struct revoke, node)->block);
	head->bytes = be32_make((u32)used);
	log_writer_init(&w, j);
	log_write_block(&w, block, 0);
	if (log_writer_wait(&w) != 0)
		journal_abort(j, -EIO);
	return n;
}

static void
write_revokes(struct journal *j, struct transaction *t)
{
	struct rbnode *n = rb_first(&t->revokes.tree);
	void *block;

	if (n == NULL)
		return;
	block = log_block_alloc(j, true);
	while (n != NULL && j->error == 0)
		n = write_revoke_block(j, t, n, block);
	log_block_free(j, block);
}

/* jb's contents as the transaction left them: the changer's copy, or one made now. NULL: no memory for it. */
static void *
take_copy(struct journal *j, struct jbuf *jb, bool may_reserve)
{
	void *mine = NULL, *copy;

	if (READ_ONCE(jb->frozen) == NULL) {
		mine = log_block_alloc(j, may_reserve);
		if (mine == NULL)
			return NULL;
	}
	spin_lock(&j->lock);
	copy = jb->frozen;
	if (copy == NULL) {
		memcpy(mine, jb->b->data, j->block_size);
		copy = mine;
		mine = NULL;
	}
	jb->frozen = NULL;
	jb->copied = true;
	spin_unlock(&j->lock);
	if (mine != NULL)
		log_block_free(j, mine);
	return copy;
}

/* A block that begins like one of the log's own is stored with its first word zeroed, and a flag. */
static bool
escape(void *copy)
{
	be32_t *word = copy;

	if (be32_get(*word) != JBD2_MAGIC)
		return false;
	*word = be32_make(0);
	return true;
}

/* The next blocks of t, from *pos on, that must be logged. */
static void
collect_group(struct journal *j, struct transaction *t, struct list **pos, struct log_group *g)
{
	u32 max = j->tags_per_block < LOG_GROUP_MAX ? j->tags_per_block : LOG_GROUP_MAX;

	g->n = 0;
	while (*pos != &t->bufs && g->n < max) {
		struct jbuf *jb = container_of(*pos, struct jbuf, node);
		void *copy;

		if (jb->changed && !jb->forget) {
			copy = take_copy(j, jb, g->n == 0);
			if (copy == NULL)
				return;
			g->jb[g->n] = jb;
			g->copy[g->n] = copy;
			g->escaped[g->n] = escape(copy);
			g->n++;
		}
		*pos = (*pos)->next;
	}
}

static void
fill_descriptor(struct journal *j, struct transaction *t, const struct log_group *g, u8 *block)
{
	u8 *p = block + sizeof(struct jbd2_header);
	u32 i;

	memset(block, 0, j->block_size);
	put_header(block, JBD2_DESCRIPTOR, t->tid);
	for (i = 0; i < g->n; i++) {
		u64 nr = g->jb[i]->b->block;
		u32 flags = (g->escaped[i] ? JBD2_TAG_ESCAPED : 0) | (i > 0 ? JBD2_TAG_SAME_UUID : 0) | (i == g->n - 1 ? JBD2_TAG_LAST : 0);
		be32_t low = be32_make((u32)nr), high = be32_make((u32)(nr >> 32));
		be16_t flag16 = be16_make((u16)flags);

		memcpy(p, &low, 4);
		memcpy(p + 6, &flag16, 2);
		if (j->wide)
			memcpy(p + 8, &high, 4);
		p += j->tag_bytes;
		if (i == 0) {
			memcpy(p, ((struct jbd2_super *)j->super)->uuid, 16);
			p += 16;
		}
	}
}

static void
write_group(struct journal *j, struct transaction *t, struct log_group *g)
{
	struct block_plug plug;
	struct log_writer w;
	u32 i;

	fill_descriptor(j, t, g, j->descriptor);
	log_writer_init(&w, j);
	block_plug_start(&plug);
	log_write_block(&w, j->descriptor, 0);
	for (i = 0; i < g->n; i++)
		log_write_block(&w, g->copy[i], 0);
	block_plug_finish(&plug);
	if (log_writer_wait(&w) != 0)
		journal_abort(j, -EIO);
	for (i = 0; i < g->n; i++)
		log_block_free(j, g->copy[i]);
}

static void
write_blocks(struct journal *j, struct transaction *t)
{
	struct log_group *g = j->group;
	struct list *pos = t->bufs.next;

	while (pos != &t->bufs && j->error == 0) {
		collect_group(j, t, &pos, g);
		if (g->n != 0)
			write_group(j, t, g);
	}
}

static void
write_commit_block(struct journal *j, struct transaction *t)
{
	struct jbd2_commit *c = log_block_alloc(j, true);
	nsec_t now = clock_realtime();
	struct log_writer w;

	memset(c, 0, j->block_size);
	put_header(c, JBD2_COMMIT, t->tid);
	c->seconds = be64_make((u64)(now / 1000000000));
	c->nanoseconds = be32_make((u32)(now % 1000000000));
	if (j->place.bdev != j->place.fs_bdev && block_flush(j->place.fs_bdev) != 0)	/* ordered data lies there */
		journal_abort(j, -EIO);
	log_writer_init(&w, j);
	if (j->error == 0)
		log_write_block(&w, c, BIO_PREFLUSH | BIO_FUA);
	if (log_writer_wait(&w) != 0)
		journal_abort(j, -EIO);
	log_block_free(j, c);
}

static void
write_log(struct journal *j, struct transaction *t)
{
	if (j->empty) {		/* tell recovery where to begin, before there is something to find */
		spin_lock(&j->lock);
		j->empty = false;
		j->tail = j->head;
		j->tail_tid = t->tid;
		spin_unlock(&j->lock);
		if (journal_write_super(j) != 0)
			journal_abort(j, -EIO);
	}
	if (j->error == 0)
		write_revokes(j, t);
	if (j->error == 0)
		write_blocks(j, t);
	if (j->error == 0)
		checkpoint_sweep(j);	/* what is in place by now is stable with the flush of the commit block */
	if (j->error == 0)
		write_commit_block(j, t);
}

/* --- afterwards --- */

static void
checkpoint_move_locked(struct jbuf *jb, struct transaction *cp)
{
	if (jb->cp != NULL)
		list_del_init(&jb->cp_node);
	jb->cp = cp;
	if (cp != NULL)
		list_add_tail(&cp->cp_bufs, &jb->cp_node);
}

/* The transaction that jb belonged to has committed (or, after an abort, never will). Its buffer is locked: nobody joins meanwhile. */
static struct buf *
pass_on(struct journal *j, struct transaction *t, struct jbuf *jb)
{
	struct transaction *next;
	struct buf *b = jb->b, *put = NULL;
	void *frozen;
	bool dirty;

	spin_lock(&j->lock);
	list_del_init(&jb->node);
	if (jb->forget)
		checkpoint_move_locked(jb, NULL);
	else if (jb->changed && j->error == 0)
		checkpoint_move_locked(jb, t);
	frozen = jb->frozen;		/* where the commit broke off */
	jb->frozen = NULL;
	next = jb->next;
	dirty = jb->cp != NULL && j->error == 0;
	if (next != NULL) {
		jb->changed = jb->next_changed;
		jb->forget = jb->next_forget;
		jb->copied = false;
		WRITE_ONCE(jb->t, next);
		smp_wmb();		/* joined() reads them the other way round */
		WRITE_ONCE(jb->next, NULL);
		list_add_tail(&next->bufs, &jb->node);
	}
	spin_unlock(&j->lock);
	kmem_free(frozen);
	if (next != NULL)
		return NULL;
	buf_unpin(b, dirty);
	spin_lock(&j->lock);
	WRITE_ONCE(jb->t, NULL);
	put = jbuf_release_locked(jb);
	spin_unlock(&j->lock);
	return put;
}

static void
pass_on_all(struct journal *j, struct transaction *t)
{
	while (!list_empty(&t->bufs)) {
		struct jbuf *jb = container_of(t->bufs.next, struct jbuf, node);
		struct buf *b = jb->b, *put;

		buf_lock(b);
		put = pass_on(j, t, jb);
		buf_unlock(b);
		buf_put(put);
	}
}

static void
run_callbacks(struct transaction *t, int err)
{
	while (!list_empty(&t->callbacks)) {
		struct journal_callback *cb = container_of(t->callbacks.next, struct journal_callback, node);

		list_del_init(&cb->node);
		cb->fn(cb, err);
	}
}

static void
finish(struct journal *j, struct transaction *t)
{
	pass_on_all(j, t);
	run_callbacks(t, j->error);
	revoke_clear(&t->revokes);
	spin_lock(&j->lock);
	t->state = TRANS_DONE;
	j->committing = NULL;
	list_add_tail(&j->checkpoints, &t->node);	/* also without blocks: the tail passes it in its turn */
	if (j->error == 0)
		atomic_store_release(&j->committed, t->tid);
	spin_unlock(&j->lock);
	waitq_wake_all(&j->wait_start);
	waitq_wake_all(&j->wait_commit);
}

/* --- the commit --- */

static struct transaction *
lock_transaction(struct journal *j)
{
	struct transaction *t;

	spin_lock(&j->lock);
	t = j->running;
	if (t != NULL)
		t->state = TRANS_LOCKED;
	spin_unlock(&j->lock);
	if (t == NULL)
		return NULL;
	wait_event(&j->wait_updates, READ_ONCE(t->updates) == 0);
	spin_lock(&j->lock);
	t->state = TRANS_COMMIT;
	t->log_start = j->head;
	j->committing = t;
	j->running = NULL;
	WRITE_ONCE(j->handovers, j->handovers + 1);
	spin_unlock(&j->lock);
	waitq_wake_all(&j->wait_start);
	return t;
}

static void
journal_commit_one(struct journal *j)
{
	struct transaction *t = lock_transaction(j);

	if (t == NULL)
		return;
	ordered_write(t);
	if (j->error == 0)
		write_log(j, t);	/* also where nothing changed: recovery counts transactions without a gap */
	finish(j, t);
	if (j->error == 0 && j->free < (j->last - j->first) / 2)
		checkpoint_try_advance(j);
}

/* Is there something to do? *deadline: when there will be. */
static bool
work_due(struct journal *j, nsec_t *deadline)
{
	const struct transaction *t;
	bool due;

	*deadline = NSEC_MAX;	/* for good */
	spin_lock(&j->lock);
	t = j->running;
	if (j->error != 0) {
		due = !j->noted;
	} else {
		due = t != NULL && (!tid_after(t->tid, j->wanted) || t->expires <= clock_now());
		*deadline = t != NULL ? t->expires : NSEC_MAX;
	}
	spin_unlock(&j->lock);
	return due;
}

bool
journal_work(struct journal *j)
{
	nsec_t deadline;

	if (!work_due(j, &deadline))
		return false;
	if (j->error != 0) {
		j->noted = true;
		(void)journal_write_super(j);	/* if the disk still takes it */
	} else {
		journal_commit_one(j);
	}
	return true;
}

void
journal_thread(void *arg)
{
	struct journal *j = arg;
	nsec_t deadline;

	(void)!kmem_scope_enter(KM_NOFS);	/* for good: reclaim may wait for what only we can finish */
	while (!READ_ONCE(j->stop)) {
		if (work_due(j, &deadline))
			(void)journal_work(j);
		else
			(void)wait_event_until(&j->wait_work, READ_ONCE(j->stop) || work_due(j, &deadline), deadline);
	}
	completion_complete(&j->gone);
}

/* --- asking for it --- */

void
journal_request_commit(struct journal *j)
{
	if (j == NULL)
		return;
	spin_lock(&j->lock);
	if (j->running != NULL && tid_after(j->running->tid, j->wanted))
		j->wanted = j->running->tid;
	spin_unlock(&j->lock);
	waitq_wake_all(&j->wait_work);
}

static bool
committed_or_failed(struct journal *j, u32 tid)
{
	return !tid_after(tid, atomic_load_acquire(&j->committed)) || atomic_load_relaxed(&j->error) != 0;
}

/* The commit flushes what was written before it. One that is under way may have sent its flush already, before the last of what the
 * caller wrote: then there is another behind it. */
static int
wait_for_commit(struct journal *j, u32 tid)
{
	bool late;

	spin_lock(&j->lock);
	late = j->running == NULL || j->running->tid != tid;
	if (tid_after(tid, j->wanted))
		j->wanted = tid;
	spin_unlock(&j->lock);
	waitq_wake_all(&j->wait_work);
	wait_event(&j->wait_commit, committed_or_failed(j, tid));
	if (tid_after(tid, atomic_load_acquire(&j->committed)))
		return -EIO;
	return late ? block_flush(j->place.fs_bdev) : 0;
}

int
journal_commit(struct journal *j, struct block_device *bdev, u32 tid)
{
	if (j == NULL)
		return block_flush(bdev);
	if (j->error != 0)
		return -EROFS;
	if (tid == 0 || !tid_after(tid, atomic_load_acquire(&j->committed)))
		return block_flush(j->place.fs_bdev);
	return wait_for_commit(j, tid);
}

int
journal_commit_all(struct journal *j)
{
	u32 tid = 0;

	if (j == NULL)
		return 0;
	spin_lock(&j->lock);
	if (j->running != NULL)
		tid = j->running->tid;
	else if (j->committing != NULL)
		tid = j->committing->tid;
	spin_unlock(&j->lock);
	if (j->error != 0)
		return -EROFS;
	return tid != 0 ? wait_for_commit(j, tid) : block_flush(j->place.fs_bdev);
}

/* Everything that is in memory only is given up. */
void
journal_discard(struct journal *j)
{
	struct transaction *t;

	while ((t = j->committing != NULL ? j->committing : j->running) != NULL) {
		run_callbacks(t, -EIO);
		pass_on_all(j, t);
		if (t == j->committing)
			j->committing = NULL;
		else
			j->running = NULL;
		trans_free(t);
	}
	while (!list_empty(&j->checkpoints)) {
		t = container_of(j->checkpoints.next, struct transaction, node);
		while (!list_empty(&t->cp_bufs)) {
			struct jbuf *jb = container_of(t->cp_bufs.next, struct jbuf, cp_node);

			spin_lock(&j->lock);
			checkpoint_move_locked(jb, NULL);
			struct buf *put = jbuf_release_locked(jb);
			spin_unlock(&j->lock);
			buf_put(put);
		}
		list_del_init(&t->node);
		trans_free(t);
	}
}
