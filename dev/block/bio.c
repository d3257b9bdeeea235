/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bios: memory, submission, splitting, plugs.
 *
 * Allocation never reclaims, for write-back comes here to free memory: what the slab has not at once comes from a reserve, and who finds that
 * empty waits until a bio is done. The parts of a split bio have a reserve of their own; since each part is
 * sent before the next is made, it always fills again.
 */
#include "dev/block/internal.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/rcu.h"

#define VECS_INLINE	4
#define RESERVE_BIOS	4
#define PLUG_MAX	64

struct bio_store {			/* what the cache holds */
	struct bio bio;
	struct io_pagevec vecs[VECS_INLINE];
};

enum { RESERVE_NONE, RESERVE_USER, RESERVE_SPLIT, RESERVES };

struct reserve {
	struct spinlock lock;		/* LOCK_LEAF, irqs off */
	struct list bios;		/* [lock] with BIO_VECS_MAX vecs each */
	struct waitq wq;
};

static struct kmem_cache *bio_cache;		/* [I] */
static struct reserve reserves[RESERVES];
static struct page *zero_page;			/* [I] */

/* --- memory --- */

void
bio_init(struct bio *bio, struct block_device *bdev, enum bio_op op, u32 flags, u64 sector, struct io_pagevec *vecs, u32 max_vecs)
{
	*bio = (struct bio){ .bdev = bdev, .sector = sector, .op = (u8)op, .flags = (u8)flags, .vecs = vecs, .max_vecs = (u16)max_vecs };
}

static void
reserve_put(struct bio *bio)
{
	struct reserve *r = &reserves[bio->q.reserve];
	u64 flags = spin_lock_irqsave(&r->lock);

	list_add(&r->bios, &bio->node);
	spin_unlock_irqrestore(&r->lock, flags);
	if (waitq_active(&r->wq))
		waitq_wake_one(&r->wq);
}

static struct bio *
reserve_get(u8 which)
{
	struct reserve *r = &reserves[which];
	u64 flags = spin_lock_irqsave(&r->lock);
	struct bio *bio = list_first(&r->bios, struct bio, node);

	if (bio != NULL)
		list_del(&bio->node);
	spin_unlock_irqrestore(&r->lock, flags);
	return bio;
}

static struct bio *
alloc_now(u32 max_vecs)
{
	struct bio_store *s = kmem_cache_alloc(bio_cache, KM_ATOMIC);

	if (s == NULL)
		return NULL;
	s->bio.vecs = s->vecs;
	if (max_vecs > VECS_INLINE)
		s->bio.vecs = kmem_alloc_array(max_vecs, sizeof(struct io_pagevec), KM_ATOMIC);
	if (s->bio.vecs == NULL) {
		kmem_cache_free(bio_cache, s);
		return NULL;
	}
	s->bio.q.reserve = RESERVE_NONE;
	return &s->bio;
}

static struct bio *
alloc_from(u8 which, u32 max_vecs, int km)
{
	struct bio *bio = alloc_now(max_vecs);

	if (bio == NULL && !(km & KM_ATOMIC))
		wait_event(&reserves[which].wq, (bio = reserve_get(which)) != NULL);
	return bio;
}

static struct bio *
alloc_init(u8 which, struct block_device *bdev, enum bio_op op, u32 flags, u64 sector, u32 max_vecs, int km)
{
	struct bio *bio;
	u8 reserve;

	max_vecs = MIN(max_vecs, (u32)BIO_VECS_MAX);
	bio = alloc_from(which, max_vecs, km);
	if (bio == NULL)
		return NULL;
	reserve = bio->q.reserve;
	bio_init(bio, bdev, op, flags, sector, bio->vecs, max_vecs);
	bio->q.reserve = reserve;
	return bio;
}

struct bio *
bio_alloc(struct block_device *bdev, enum bio_op op, u32 flags, u64 sector, u32 max_vecs, int km)
{
	return alloc_init(RESERVE_USER, bdev, op, flags, sector, max_vecs, km);
}

void
bio_free(struct bio *bio)
{
	struct bio_store *s = container_of(bio, struct bio_store, bio);

	if (bio->q.reserve != RESERVE_NONE) {
		reserve_put(bio);
		return;
	}
	if (bio->vecs != s->vecs)
		kmem_free(bio->vecs);
	kmem_cache_free(bio_cache, s);
}

bool
bio_add_page(struct bio *bio, struct page *pg, u32 off, u32 len)
{
	if (bio->nvecs == bio->max_vecs)
		return false;
	bio->vecs[bio->nvecs++] = (struct io_pagevec){ pg, off, len };
	bio->len += len;
	return true;
}

static void
make_reserve(u8 which)
{
	struct reserve *r = &reserves[which];

	spin_init(&r->lock, LOCK_LEAF);
	list_init(&r->bios);
	waitq_init(&r->wq);
	for (int i = 0; i < RESERVE_BIOS; i++) {
		struct bio *bio = alloc_now(BIO_VECS_MAX);

		if (bio == NULL)
			panic("block: no memory at boot");
		bio->q.reserve = which;
		list_add(&r->bios, &bio->node);
	}
}

void
bio_boot(void)
{
	bio_cache = kmem_cache_create("bio", sizeof(struct bio_store), 0, 0, NULL);
	zero_page = page_alloc(0, KM_ZERO);
	if (bio_cache == NULL || zero_page == NULL)
		panic("block: no memory at boot");
	make_reserve(RESERVE_USER);
	make_reserve(RESERVE_SPLIT);
}

/* --- the end of a bio --- */

static void
finish(struct bio *bio, int error)
{
	bio->error = error;
	bio->done(bio);
}

/* A bio that was in the queue is done. The queue may go away as soon as it sees none active: hence the read section. */
void
bio_end(struct bio *bio, int error)
{
	struct block_queue *q = bio->bdev->disk->queue;

	finish(bio, error);
	rcu_read_lock();
	if (atomic_fetch_sub(&q->active, 1) == 1 && waitq_active(&q->drained))
		waitq_wake_all(&q->drained);
	rcu_read_unlock();
}

/* --- plugs --- */

static void
send_all(struct list *bios)
{
	struct block_queue *q = NULL, *last = NULL;
	struct bio *bio;

	while ((bio = list_first(bios, struct bio, node)) != NULL) {
		list_del(&bio->node);
		q = bio->bdev->disk->queue;
		if (last != NULL && last != q)
			block_queue_run_here(last);
		last = q;
		block_queue_wait_room(q, bio_dir(bio));
		block_queue_add(q, bio);
	}
	if (q != NULL)
		block_queue_run_here(q);
}

static void
flush_plug(struct block_plug *plug)
{
	struct list bios = LIST_INIT(bios);

	list_splice_tail(&plug->bios, &bios);
	plug->count = 0;
	send_all(&bios);
}

void
block_plug_start(struct block_plug *plug)
{
	struct thread *t = thread_current();

	list_init(&plug->bios);
	plug->count = 0;
	if (t->plug == NULL)
		t->plug = plug;
}

void
block_plug_finish(struct block_plug *plug)
{
	struct thread *t = thread_current();

	if (t->plug != plug)
		return;		/* an inner one */
	flush_plug(plug);
	t->plug = NULL;
}

bool
block_plug_sleep(struct block_plug *plug)
{
	if (list_empty(&plug->bios))
		return false;
	thread_set_state(THREAD_RUNNING);
	flush_plug(plug);
	return true;
}

/* The bio is whole and checked: to the thread's plug, or to the queue. */
static void
send(struct block_queue *q, struct bio *bio)
{
	struct block_plug *plug = thread_current()->plug;

	atomic_add(&q->active, 1);
	if (plug != NULL && (bio->op == BIO_READ || bio->op == BIO_WRITE)) {
		list_add_tail(&plug->bios, &bio->node);
		if (++plug->count >= PLUG_MAX)
			flush_plug(plug);
		return;
	}
	block_queue_wait_room(q, bio_dir(bio));
	block_queue_add(q, bio);
	block_queue_run_here(q);
}

/* --- splitting --- */

static void
part_put(struct bio *parent)
{
	if (atomic_fetch_sub(&parent->q.parts, 1) == 1)
		finish(parent, atomic_load(&parent->error));
}

static void
part_done(struct bio *part)
{
	struct bio *parent = part->q.parent;

	if (part->error != 0)
		(void)atomic_cas(&parent->error, 0, part->error);
	bio_free(part);
	part_put(parent);
}

static u32
max_bytes(const struct block_queue *q, u8 op)
{
	u32 sectors = op == BIO_DISCARD ? atomic_load_relaxed(&q->discard_sectors) : op == BIO_WRITE_ZEROES ? q->lim.zeroes_max_sectors :
		atomic_load_relaxed(&q->lim.max_sectors);

	return ALIGN_DOWN(MIN(sectors, 0x7fffffffU >> SECTOR_SHIFT) << SECTOR_SHIFT, q->lim.logical_size);
}

/* Cut `cut` bytes off the end of the part. */
static void
shorten(struct bio *part, u32 cut)
{
	part->len -= cut;
	while (cut > 0) {
		struct io_pagevec *last = &part->vecs[part->nvecs - 1];
		u32 n = MIN(cut, last->len);

		last->len -= n;
		cut -= n;
		if (last->len == 0)
			part->nvecs--;
	}
}

/* Fill the part from bytes `at` on of the bio: as much as one request takes, in whole logical blocks. */
static void
fill_part(struct block_queue *q, const struct bio *bio, u32 at, struct bio *part)
{
	u32 limit = MIN(max_bytes(q, bio->op), bio->len - at), pos = 0;

	if (bio->vecs == NULL || bio->nvecs == 0) {
		part->len = limit;
		return;
	}
	for (u32 i = 0; i < bio->nvecs && part->len < limit; pos += bio->vecs[i++].len) {
		const struct io_pagevec *v = &bio->vecs[i];
		u32 skip = pos < at ? at - pos : 0;

		if (skip >= v->len)
			continue;
		if (!bio_add_page(part, v->page, v->off + skip, MIN(v->len - skip, limit - part->len)))
			break;
	}
	while (dma_count_segments(&q->lim.dma, part->vecs, part->nvecs) > q->lim.dma.max_segments)
		shorten(part, part->vecs[part->nvecs - 1].len);
	shorten(part, part->len & (q->lim.logical_size - 1));
}

/* Every part bears the flags of the whole: the flushes before (and after) them are one for all. */
static void
split(struct block_queue *q, struct bio *bio)
{
	u32 at = 0;

	bio->error = 0;
	atomic_store(&bio->q.parts, 1);
	while (at < bio->len) {
		struct bio *part = alloc_init(RESERVE_SPLIT, bio->bdev, bio->op, bio->flags, bio->sector + (at >> SECTOR_SHIFT), bio->nvecs,
			KM_NORMAL);

		fill_part(q, bio, at, part);
		if (part->len == 0) {	/* no request of this device can hold a block so scattered */
			(void)atomic_cas(&bio->error, 0, -EIO);
			bio_free(part);
			break;
		}
		at += part->len;
		part->done = part_done;
		part->q.parent = bio;
		part->q.start = bio->q.start;
		part->q.sector = bio->bdev->start + part->sector;
		part->q.segments = (u16)dma_count_segments(&q->lim.dma, part->vecs, part->nvecs);
		atomic_add(&bio->q.parts, 1);
		send(q, part);
	}
	part_put(bio);
}

/* --- submission --- */

static int
check(const struct bio *bio, const struct block_queue *q)
{
	const struct block_device *b = bio->bdev;
	u64 end, nr = bio->len >> SECTOR_SHIFT;

	if (atomic_load_relaxed(&b->disk->gone))
		return -ENODEV;
	if (bio->op == BIO_FLUSH)
		return bio->len == 0 ? 0 : -EINVAL;
	if (bio->op != BIO_READ && block_device_is_read_only(b))
		return -EROFS;
	if ((bio->op == BIO_DISCARD && max_bytes(q, BIO_DISCARD) == 0) || (bio->op == BIO_WRITE_ZEROES && q->lim.zeroes_max_sectors == 0))
		return -EOPNOTSUPP;
	if (bio->len == 0 && !(bio->flags & BIO_PREFLUSH))
		return -EINVAL;
	if (((bio->sector << SECTOR_SHIFT | bio->len) & (q->lim.logical_size - 1)) != 0)
		return -EINVAL;
	if (__builtin_add_overflow(bio->sector, nr, &end) || end > atomic_load_relaxed(&b->nr_sectors) ||
	    b->start + end > atomic_load_relaxed(&b->disk->whole->nr_sectors))
		return -EIO;
	return 0;
}

void
bio_submit(struct bio *bio)
{
	struct block_queue *q = bio->bdev->disk->queue;
	u32 segments;
	int err = check(bio, q);

	might_sleep();
	if (err != 0) {
		finish(bio, err);
		return;
	}
	bio->q.parent = NULL;
	bio->q.step = 0;
	bio->q.flush_after = false;
	bio->q.start = clock_now();
	bio->q.sector = bio->bdev->start + bio->sector;
	segments = bio->nvecs > 0 ? dma_count_segments(&q->lim.dma, bio->vecs, bio->nvecs) : 0;
	if (unlikely(segments > q->lim.dma.max_segments || (bio->len > 0 && bio->len > max_bytes(q, bio->op)))) {
		split(q, bio);
		return;
	}
	bio->q.segments = (u16)segments;
	send(q, bio);
}

static void
wake_submitter(struct bio *bio)
{
	completion_complete(bio->priv);
}

int
bio_submit_wait(struct bio *bio)
{
	void (*done)(struct bio *) = bio->done;
	void *priv = bio->priv;
	struct completion c;

	completion_init(&c);
	bio->done = wake_submitter;
	bio->priv = &c;
	bio->flags |= BIO_SYNC;
	bio_submit(bio);
	completion_wait(&c);
	bio->done = done;
	bio->priv = priv;
	return bio->error;
}

/* --- whole operations --- */

int
block_flush(struct block_device *bdev)
{
	struct bio bio;

	if (!atomic_load_relaxed(&bdev->disk->queue->lim.write_cache))
		return atomic_load_relaxed(&bdev->disk->gone) ? -EIO : 0;
	bio_init(&bio, bdev, BIO_FLUSH, 0, 0, NULL, 0);
	return bio_submit_wait(&bio);
}

/* In pieces of up to 1 GiB, for len is 32 bits wide. */
static int
ranged(struct block_device *bdev, enum bio_op op, u64 sector, u64 nr)
{
	int err = 0;

	while (nr > 0 && err == 0) {
		u64 part = MIN(nr, (u64)GIB >> SECTOR_SHIFT);
		struct bio bio;

		bio_init(&bio, bdev, op, 0, sector, NULL, 0);
		bio.len = (u32)(part << SECTOR_SHIFT);
		err = bio_submit_wait(&bio);
		sector += part;
		nr -= part;
	}
	return err;
}

int
block_discard(struct block_device *bdev, u64 sector, u64 nr)
{
	return ranged(bdev, BIO_DISCARD, sector, nr);
}

u32
block_discard_granularity(const struct block_device *bdev)
{
	const struct block_queue *q = bdev->disk->queue;

	if (atomic_load_relaxed(&q->discard_sectors) == 0)
		return 0;
	return q->lim.discard_granularity != 0 ? q->lim.discard_granularity : q->lim.physical_size;
}

static int
write_zeros(struct block_device *bdev, u64 sector, u64 nr)
{
	int err = 0;

	while (nr > 0 && err == 0) {
		struct bio *bio = bio_alloc(bdev, BIO_WRITE, 0, sector, BIO_VECS_MAX, KM_NORMAL);

		while (nr > 0) {
			u32 part = (u32)MIN(nr, (u64)PAGE_SIZE >> SECTOR_SHIFT);

			if (!bio_add_page(bio, zero_page, 0, part << SECTOR_SHIFT))
				break;
			nr -= part;
			sector += part;
		}
		err = bio_submit_wait(bio);
		bio_free(bio);
	}
	return err;
}

int
block_zero_offloaded(struct block_device *bdev, u64 sector, u64 nr)
{
	return ranged(bdev, BIO_WRITE_ZEROES, sector, nr);
}

int
block_zero(struct block_device *bdev, u64 sector, u64 nr)
{
	int err = ranged(bdev, BIO_WRITE_ZEROES, sector, nr);

	return err == -EOPNOTSUPP ? write_zeros(bdev, sector, nr) : err;
}

int
block_rw_kernel(struct block_device *bdev, enum bio_op op, u64 sector, void *buf, size_t len)
{
	struct page *pg = page_alloc(0, KM_NORMAL);
	int err = 0;

	if (pg == NULL)
		return -ENOMEM;
	for (size_t done = 0; done < len && err == 0; ) {
		size_t part = MIN(len - done, (size_t)PAGE_SIZE);
		struct io_pagevec v;
		struct bio bio;

		if (op == BIO_WRITE)
			memcpy(page_address(pg), (char *)buf + done, part);
		bio_init(&bio, bdev, op, 0, sector + (done >> SECTOR_SHIFT), &v, 1);
		(void)bio_add_page(&bio, pg, 0, (u32)part);
		err = bio_submit_wait(&bio);
		if (err == 0 && op == BIO_READ)
			memcpy((char *)buf + done, page_address(pg), part);
		done += part;
	}
	page_put(pg);
	return err;
}
