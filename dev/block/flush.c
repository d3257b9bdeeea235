/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flush sequences: what BIO_PREFLUSH and BIO_FUA mean on a device with a volatile write cache.
 *
 *	flush before  ->  the data  ->  flush after (where the device has no FUA of its own)
 *
 * One flush is under way at a time, and serves everybody who asked before it was sent; who asks meanwhile waits for the next, for his data
 * may have come into the cache too late for this one. So many fsyncs at once cost two flushes.
 */
#include "dev/block/internal.h"

#include "sys/abi/errno.h"

enum { STEP_NONE, STEP_BEFORE, STEP_DATA, STEP_AFTER };

/* Wait for a flush that is sent from now on. */
static void
want_flush(struct block_queue *q, struct bio *bio)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	list_add_tail(&q->flush.waiting, &bio->node);
	if (!q->flush.busy) {
		q->flush.busy = q->flush.wanted = true;
		atomic_add_relaxed(&q->work, 1);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

bool
flush_begin(struct block_queue *q, struct bio *bio)
{
	bool cache = atomic_load_relaxed(&q->lim.write_cache);

	bio->q.step = STEP_NONE;
	bio->q.flush_after = false;
	if (!cache) {
		if (bio->op == BIO_FLUSH || bio->len == 0) {
			bio_end(bio, 0);
			return true;
		}
		bio->flags &= (u8)~BIO_FUA;
		return false;
	}
	if (bio->op == BIO_FLUSH || (bio->flags & BIO_PREFLUSH)) {
		bio->q.step = STEP_BEFORE;
		bio->q.flush_after = bio->op != BIO_FLUSH && (bio->flags & BIO_FUA) && !q->lim.fua;
		want_flush(q, bio);
		return true;
	}
	bio->q.step = STEP_DATA;
	bio->q.flush_after = (bio->flags & BIO_FUA) && !q->lim.fua;
	return false;
}

bool
flush_continue(struct block_queue *q, struct bio *bio)
{
	if (bio->q.step != STEP_DATA || !bio->q.flush_after)
		return false;
	bio->q.step = STEP_AFTER;
	want_flush(q, bio);
	return true;
}

static void
next_step(struct block_queue *q, struct bio *bio, int error)
{
	if (error != 0 || bio->q.step == STEP_AFTER || bio->len == 0) {
		bio_end(bio, error);
		return;
	}
	bio->q.step = STEP_DATA;
	block_queue_add(q, bio);
}

void
flush_done(struct block_queue *q, int error)
{
	struct list done = LIST_INIT(done);
	struct bio *bio;
	u64 flags = spin_lock_irqsave(&q->lock);

	list_splice_tail(&q->flush.current, &done);
	q->flush.busy = q->flush.wanted = !list_empty(&q->flush.waiting);
	if (q->flush.busy)
		atomic_add_relaxed(&q->work, 1);
	spin_unlock_irqrestore(&q->lock, flags);
	while ((bio = list_first(&done, struct bio, node)) != NULL) {
		list_del(&bio->node);
		next_step(q, bio, error);
	}
}
