/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of a disk: from bios to requests that a driver has.
 *
 * block_queue_add() sorts a bio into the elevator; block_queue_run() takes groups out as long as a hardware queue has a free request (its
 * tag is its number), maps their pages, and gives them to the driver. Whoever adds runs the queue behind it, and so does the end of every
 * request, so work never waits while there is room. A request that found no room (driver, bounce pages) is held at the front of its hardware
 * queue until one of its requests ends, or a short time has passed.
 * How long the driver may take: timeout.c.
 */
#include "dev/block/internal.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/rcu.h"

#define NR_REQUESTS		256
#define READ_PATIENCE		(500 * NSEC_PER_MSEC)
#define WRITE_PATIENCE		(5 * NSEC_PER_SEC)
#define RETRY_AFTER		(3 * NSEC_PER_MSEC)
#define DEFAULT_MAX_SECTORS	2560
#define BOUNCE_PAGES		128

/* --- requests --- */

static struct block_hwq *
hwq_of(struct block_request *rq)
{
	return &rq->queue->hwqs[rq->hwq];
}

/* Give the request back. h->lock held. */
static void
request_free(struct block_hwq *h, struct block_request *rq)
{
	if (rq->big_segs) {
		if (rq->dma.segs == h->spare)
			h->spare_used = false;
		else
			kmem_free(rq->dma.segs);
		rq->big_segs = false;
	}
	list_add(&h->idle, &rq->node);
}

/* Take the next group, or the flush, into a free request. h->lock held. NULL: nothing waits, or no request is free. */
static struct block_request *
take_work(struct block_queue *q, struct block_hwq *h)
{
	struct block_request *rq = list_first(&h->idle, struct block_request, node);
	struct bio *head = NULL;
	bool flush;

	if (rq == NULL || atomic_load_relaxed(&q->work) == 0)
		return NULL;
	spin_lock_nested(&q->lock);
	flush = q->flush.wanted;
	if (flush) {
		q->flush.wanted = false;
		list_splice_tail(&q->flush.waiting, &q->flush.current);
	} else {
		head = elevator_take(&q->elevator, clock_now());
	}
	if (flush || head != NULL)
		atomic_store_relaxed(&q->work, q->work - 1);
	spin_unlock(&q->lock);
	if (!flush && head == NULL)
		return NULL;
	list_del(&rq->node);
	list_init(&rq->bios);
	rq->op = flush ? BIO_FLUSH : head->op;
	rq->flags = flush ? 0 : head->flags & (u8)~BIO_PREFLUSH;
	if (!q->lim.fua)
		rq->flags &= (u8)~BIO_FUA;
	rq->sector = flush ? 0 : head->q.sector;
	rq->nr_sectors = flush ? 0 : head->q.group_sectors;
	rq->mapped = rq->big_segs = false;
	rq->dma.nsegs = 0;
	rq->dma.segs = rq->small;
	rq->dma.max_segs = ARRAY_SIZE(rq->small);
	if (head != NULL) {
		rq->dma.max_segs = head->q.group_segments;
		list_add_tail(&rq->bios, &head->node);
		list_splice_tail(&head->q.group, &rq->bios);
	}
	return rq;
}

/* Room for the request's segments. h->lock held. */
static bool
get_segments(struct block_queue *q, struct block_hwq *h, struct block_request *rq)
{
	struct dma_segment *segs;

	if (rq->big_segs || rq->dma.max_segs <= ARRAY_SIZE(rq->small))
		return true;
	segs = kmem_alloc_array(rq->dma.max_segs, sizeof(*segs), KM_ATOMIC);
	if (segs == NULL && !h->spare_used) {
		segs = h->spare;
		h->spare_used = true;
	}
	if (segs == NULL)
		return false;
	rq->dma.segs = segs;
	rq->big_segs = true;
	return true;
}

/* The segments of all its bios. h->lock held. -EBUSY, -EINVAL. */
static int
map_request(struct block_queue *q, struct block_hwq *h, struct block_request *rq)
{
	struct bio *bio;
	int err = 0;

	if (rq->mapped || q->lim.no_dma || (rq->op != BIO_READ && rq->op != BIO_WRITE))
		return 0;
	if (!get_segments(q, h, rq))
		return -EBUSY;
	dma_map_start(&rq->dma, rq->dma.segs, rq->dma.max_segs, rq->op == BIO_READ ? DMA_FROM_DEVICE : DMA_TO_DEVICE);
	list_for_each(bio, &rq->bios, node)
		if (err == 0)
			err = dma_map_add(&q->lim.dma, q->pool, bio->vecs, bio->nvecs, &rq->dma);
	if (err != 0) {
		rq->dma.dir = DMA_TO_DEVICE;	/* there is nothing to copy back */
		dma_unmap(q->pool, &rq->dma);
		return err;
	}
	rq->mapped = true;
	return 0;
}

/* --- dispatch --- */

static struct block_request *
next_request(struct block_queue *q, struct block_hwq *h)
{
	struct block_request *rq = h->held;

	if (rq != NULL) {
		h->held = NULL;
		return rq;
	}
	rq = list_first(&h->requeued, struct block_request, node);
	if (rq == NULL)
		return take_work(q, h);
	list_del(&rq->node);
	return rq;
}

/* One request to the driver. h->lock held. 0, -EBUSY, or an error that ends it. */
static int
start_request(struct block_queue *q, struct block_hwq *h, struct block_request *rq)
{
	int err = map_request(q, h, rq);

	if (err == 0 && unlikely(atomic_load_relaxed(&q->fail_nth) != 0) && atomic_fetch_sub(&q->fail_nth, 1) == 1)
		return -EIO;
	if (err != 0)
		return err == -EBUSY ? err : -EIO;
	block_timeout_watch(q, rq);
	rq->out = true;
	h->out++;
	err = q->ops->submit(q, rq);
	if (err != 0) {
		rq->out = false;
		h->out--;
	}
	return err;
}

/* h->lock held. Requests that failed at once are put on `failed`. */
static void
run_locked(struct block_queue *q, struct block_hwq *h, struct list *failed)
{
	struct block_request *rq;
	u32 started = 0;

	while (atomic_load_relaxed(&q->stopped) == 0 && (rq = next_request(q, h)) != NULL) {
		int err = start_request(q, h, rq);

		if (err == -EBUSY) {
			h->held = rq;
			if (h->out == 0 && !timer_pending(&q->retry))
				timer_arm(&q->retry, clock_now() + RETRY_AFTER);
			break;
		}
		if (err != 0) {
			rq->error = err;
			list_add_tail(failed, &rq->node);
			continue;
		}
		started++;
	}
	if (started > 0 && q->ops->kick != NULL)
		q->ops->kick(q, (u32)(h - q->hwqs));
}

static void end_bios(struct block_queue *q, struct list *bios, u8 op, int error);
static void report(struct block_queue *q, const struct block_request *rq, int error);

static void
wake_waiters_for_room(struct block_queue *q)
{
	u32 limit = atomic_load_relaxed(&q->nr_requests);

	if (waitq_active(&q->room) && (atomic_load_relaxed(&q->elevator.count[DIR_READ]) < limit ||
	    atomic_load_relaxed(&q->elevator.count[DIR_WRITE]) < limit))
		waitq_wake_all(&q->room);
}

/* The end of a request that never was out. */
static void
end_failed(struct block_queue *q, struct block_hwq *h, struct block_request *rq)
{
	struct list bios = LIST_INIT(bios);
	u8 op = rq->op;
	int err = rq->error;
	u64 flags;

	report(q, rq, err);
	list_splice_tail(&rq->bios, &bios);
	if (rq->mapped) {
		rq->dma.dir = DMA_TO_DEVICE;
		dma_unmap(q->pool, &rq->dma);
	}
	flags = spin_lock_irqsave(&h->lock);
	request_free(h, rq);
	spin_unlock_irqrestore(&h->lock, flags);
	end_bios(q, &bios, op, err);
}

void
block_queue_run(struct block_queue *q, struct block_hwq *h)
{
	struct list failed = LIST_INIT(failed);
	struct block_request *rq;
	bool any;

	rcu_read_lock();		/* the last bio's end may let the queue go */
	do {
		u64 flags = spin_lock_irqsave(&h->lock);

		run_locked(q, h, &failed);
		spin_unlock_irqrestore(&h->lock, flags);
		wake_waiters_for_room(q);
		any = !list_empty(&failed);
		while (unlikely((rq = list_first(&failed, struct block_request, node)) != NULL)) {
			list_del(&rq->node);
			end_failed(q, h, rq);
		}
		/* Those that failed may have held all tags, or been what somebody waits for: no completion comes to run the rest. */
	} while (unlikely(any) && atomic_load_relaxed(&q->work) != 0);
	rcu_read_unlock();
}

void
block_queue_run_here(struct block_queue *q)
{
	block_queue_run(q, &q->hwqs[block_hwq_for_cpu(q, cpu_id())]);
}

void
block_queue_add(struct block_queue *q, struct bio *bio)
{
	struct merge_limits lim = { atomic_load_relaxed(&q->no_merges) == 2 ? 0 : atomic_load_relaxed(&q->lim.max_sectors),
		q->lim.dma.max_segments };
	u64 flags;
	bool gone;

	if ((bio->op == BIO_FLUSH || (bio->flags & (BIO_PREFLUSH | BIO_FUA))) && bio->q.step == 0) {
		if (flush_begin(q, bio))
			return;
	}
	bio->q.due = bio->q.start + (bio->op == BIO_READ || (bio->flags & BIO_SYNC) ? READ_PATIENCE : WRITE_PATIENCE);
	flags = spin_lock_irqsave(&q->lock);
	gone = q->gone;
	if (!gone) {
		bio->q.counted = !atomic_load_relaxed(&q->no_stats);
		if (bio->q.counted)
			block_stat_start(bio);
		if (!elevator_add(&q->elevator, bio, &lim))
			atomic_store_relaxed(&q->work, q->work + 1);
		else if (bio->q.counted)
			block_stat_merge(bio);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	if (unlikely(gone))
		bio_end(bio, -ENODEV);
}

static bool
has_room(struct block_queue *q, u8 dir)
{
	return atomic_load_relaxed(&q->elevator.count[dir]) < atomic_load_relaxed(&q->nr_requests);
}

void
block_queue_wait_room(struct block_queue *q, u8 dir)
{
	if (likely(has_room(q, dir)))
		return;
	block_queue_run_here(q);
	wait_event(&q->room, has_room(q, dir));
}

/* --- the end of requests --- */

static void
end_bios(struct block_queue *q, struct list *bios, u8 op, int error)
{
	struct bio *bio, *next;
	nsec_t now = clock_now();
	u64 flags;

	if (op == BIO_FLUSH) {
		flush_done(q, error);
		return;
	}
	flags = spin_lock_irqsave(&q->lock);
	list_for_each(bio, bios, node)
		if (bio->q.counted)
			block_stat_end(bio, now);
	spin_unlock_irqrestore(&q->lock, flags);
	list_for_each_safe(bio, next, bios, node) {
		list_del(&bio->node);
		if (error != 0 || !flush_continue(q, bio))
			bio_end(bio, error);
	}
}

static void
report(struct block_queue *q, const struct block_request *rq, int error)
{
	static const char *const names[] = { "READ", "WRITE", "FLUSH", "DISCARD", "WRITE_ZEROES" };

	if (error == -EOPNOTSUPP || error == -ENODEV)
		return;
	log_err("%s error, dev %s, sector %lu op %u:(%s) sectors %u", error == -ENOSPC ? "critical space allocation" :
		error == -EILSEQ ? "critical medium" : error == -ETIMEDOUT ? "timeout" : "I/O", q->disk->name, rq->sector, rq->op,
		names[rq->op], rq->nr_sectors);
}

void
block_request_end(struct block_request *rq, int error)
{
	struct block_queue *q = rq->queue;
	struct block_hwq *h = hwq_of(rq);
	struct list bios = LIST_INIT(bios);
	u8 op = rq->op;
	bool more;
	u64 flags;

	if (unlikely(error != 0))
		report(q, rq, error);
	if (rq->mapped) {
		if (unlikely(error != 0))
			rq->dma.dir = DMA_TO_DEVICE;
		dma_unmap(q->pool, &rq->dma);
	}
	rcu_read_lock();		/* the last bio's end may let the queue go */
	flags = spin_lock_irqsave(&h->lock);
	KASSERT(rq->out);
	rq->out = false;
	h->out--;
	list_splice_tail(&rq->bios, &bios);
	request_free(h, rq);
	more = h->held != NULL;
	spin_unlock_irqrestore(&h->lock, flags);
	if (more || atomic_load_relaxed(&q->work) != 0)
		block_queue_run(q, h);
	end_bios(q, &bios, op, error);
	if (op == BIO_FLUSH)
		block_queue_run(q, h);
	else if (unlikely(atomic_load_relaxed(&q->flush.wanted)))
		block_queue_run(q, h);
	rcu_read_unlock();
}

void
block_request_requeue(struct block_request *rq)
{
	struct block_hwq *h = hwq_of(rq);
	u64 flags = spin_lock_irqsave(&h->lock);

	KASSERT(rq->out);
	rq->out = false;
	h->out--;
	list_add_tail(&h->requeued, &rq->node);
	spin_unlock_irqrestore(&h->lock, flags);
	block_queue_run(rq->queue, h);
}

void
block_queue_for_each_out(struct block_queue *q, void (*fn)(struct block_request *rq, void *arg), void *arg)
{
	for (u32 i = 0; i < q->nhwq; i++)
		for (u32 tag = 0; tag < q->depth; tag++) {
			struct block_request *rq = block_request_at(q, &q->hwqs[i], tag);

			if (atomic_load_acquire(&rq->out))
				fn(rq, arg);
		}
}

void
block_queue_stop(struct block_queue *q)
{
	atomic_add(&q->stopped, 1);
	for (u32 i = 0; i < q->nhwq; i++) {	/* nobody is in submit any more */
		u64 flags = spin_lock_irqsave(&q->hwqs[i].lock);

		spin_unlock_irqrestore(&q->hwqs[i].lock, flags);
	}
}

static void
run_all(struct block_queue *q)
{
	for (u32 i = 0; i < q->nhwq; i++)
		block_queue_run(q, &q->hwqs[i]);
}

void
block_queue_start(struct block_queue *q)
{
	KASSERT(atomic_load(&q->stopped) > 0);
	if (atomic_fetch_sub(&q->stopped, 1) == 1)
		run_all(q);
}

void
block_queue_set_write_cache(struct block_queue *q, bool on)
{
	atomic_store(&q->lim.write_cache, on);
}

/* --- the device or memory was short of room --- */

static nsec_t
retry_timer(struct timer *t, nsec_t now)
{
	run_all(container_of(t, struct block_queue, retry));
	return 0;
}

/* --- life --- */

static void
set_limits(struct block_queue *q, const struct block_limits *lim)
{
	q->lim = *lim;
	if (q->lim.logical_size == 0)
		q->lim.logical_size = SECTOR_SIZE;
	q->lim.physical_size = MAX(q->lim.physical_size, q->lim.logical_size);
	if (q->lim.dma.max_segments == 0 || q->lim.dma.max_segments > DMA_SEGMENTS_MAX)
		q->lim.dma.max_segments = DMA_SEGMENTS_MAX;
	if (q->lim.dma.mask == 0)
		q->lim.dma.mask = ~0UL;
	q->hw_max_sectors = q->lim.max_sectors != 0 ? q->lim.max_sectors : DEFAULT_MAX_SECTORS;
	q->lim.max_sectors = MIN(q->hw_max_sectors, (u32)DEFAULT_MAX_SECTORS);
	q->discard_sectors = q->lim.discard_max_sectors;
}

void
block_queue_set_limits(struct block_queue *q, const struct block_limits *lim)
{
	struct block_limits new = *lim;

	new.dma = q->lim.dma;
	set_limits(q, &new);
}

static int
init_hwq(struct block_queue *q, u32 n)
{
	struct block_hwq *h = &q->hwqs[n];

	spin_init(&h->lock, LOCK_BLOCK_QUEUE);
	list_init(&h->idle);
	list_init(&h->requeued);
	h->requests = kmem_alloc_array(q->depth, q->stride, KM_ZERO);
	h->spare = kmem_alloc_array(q->lim.dma.max_segments, sizeof(struct dma_segment), KM_NORMAL);
	if (h->requests == NULL || h->spare == NULL)
		return -ENOMEM;
	for (u32 tag = 0; tag < q->depth; tag++) {
		struct block_request *rq = block_request_at(q, h, tag);

		rq->queue = q;
		rq->hwq = n;
		rq->tag = tag;
		rq->driver = (u8 *)rq + ALIGN_UP(sizeof(*rq), 16UL);
		list_add_tail(&h->idle, &rq->node);
	}
	return 0;
}

int
block_queue_create(const struct block_ops *ops, const struct block_limits *lim, u32 hw_queues, u32 depth, u32 request_size,
	u32 timeout_ms, struct disk *d, struct block_queue **out)
{
	struct block_queue *q = kmem_alloc(sizeof(*q) + hw_queues * sizeof(q->hwqs[0]), KM_ZERO);
	int err;

	if (q == NULL)
		return -ENOMEM;
	spin_init(&q->lock, LOCK_BLOCK_QUEUE);
	q->ops = ops;
	set_limits(q, lim);
	q->disk = d;
	q->nhwq = hw_queues;
	q->depth = depth;
	q->stride = (u32)ALIGN_UP(ALIGN_UP(sizeof(struct block_request), 16UL) + request_size, 16UL);
	elevator_init(&q->elevator);
	list_init(&q->flush.waiting);
	list_init(&q->flush.current);
	q->nr_requests = NR_REQUESTS;
	waitq_init(&q->room);
	waitq_init(&q->drained);
	block_timeout_init(q, timeout_ms);
	timer_init(&q->retry, TIMER_MONOTONIC, retry_timer);
	err = dma_pool_create(&q->lim.dma, BOUNCE_PAGES + q->lim.dma.max_segments, &q->pool);
	for (u32 i = 0; err == 0 && i < hw_queues; i++)
		err = init_hwq(q, i);
	if (err != 0) {
		block_queue_destroy(q);
		return err;
	}
	*out = q;
	return 0;
}

void
block_queue_drain(struct block_queue *q)
{
	struct list bios = LIST_INIT(bios);
	struct bio *head;
	u64 flags = spin_lock_irqsave(&q->lock);

	q->gone = true;
	while ((head = elevator_take(&q->elevator, 0)) != NULL) {
		list_add_tail(&bios, &head->node);
		list_splice_tail(&head->q.group, &bios);
		atomic_store_relaxed(&q->work, q->work - 1);
	}
	spin_unlock_irqrestore(&q->lock, flags);
	end_bios(q, &bios, BIO_READ, -ENODEV);
	waitq_wake_all(&q->room);
	run_all(q);		/* what was held; the driver answers -ENODEV */
	wait_event(&q->drained, atomic_load(&q->active) == 0);
}

void
block_queue_destroy(struct block_queue *q)
{
	KASSERT(atomic_load(&q->active) == 0);
	block_timeout_end(q);
	timer_cancel_sync(&q->retry);
	rcu_synchronize();		/* ends of bios are out of it */
	dma_pool_destroy(q->pool);
	for (u32 i = 0; i < q->nhwq; i++) {
		kmem_free(q->hwqs[i].requests);
		kmem_free(q->hwqs[i].spare);
	}
	kmem_free(q);
}

/* --- small questions --- */

struct disk *
block_queue_disk(struct block_queue *q)
{
	return q->disk;
}

const struct block_limits *
block_queue_limits(struct block_queue *q)
{
	return &q->lim;
}

void *
block_queue_priv(struct block_queue *q)
{
	return q->disk->priv;
}

u32
block_hwq_for_cpu(struct block_queue *q, u32 cpu)
{
	return cpu % q->nhwq;
}
