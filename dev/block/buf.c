/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers: the blocks of a device's pages, one by one.
 *
 * A page has buffers from the first time that somebody asks for a block of it; they go when the page goes or reclaim asks. They are attached
 * and taken off under the page lock and bdev->buf_lock; a reference may be taken under either. Who has a reference on a buffer has
 * one on the page too, so the memory stays even when the page is thrown out of the cache (then the buffer is an orphan).
 *
 * Dirty: a buffer's bit says which blocks of a dirty page are to be written. The page is in the mapping's set of dirty pages whenever
 * one of its buffers is dirty; the other way round there may be nothing to do.
 */
#include "dev/block/buf_internal.h"

#include "mm/page.h"
#include "mm/lru.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/wait.h"

#define WAITQS	64

static struct kmem_cache *buf_cache;	/* [I] */
static struct waitq waitqs[WAITQS];	/* of buffer locks, by address */

void
buf_boot(void)
{
	buf_cache = kmem_cache_create("buffer_head", sizeof(struct buf), 0, 0, NULL);
	if (buf_cache == NULL)
		panic("block: no memory at boot");
	for (u32 i = 0; i < WAITQS; i++)
		waitq_init(&waitqs[i]);
}

/* --- state and lock --- */

static struct waitq *
waitq_of(const struct buf *b)
{
	return &waitqs[((uintptr_t)b >> 6) * 0x9e3779b97f4a7c15UL >> 58];
}

bool
buf_trylock(struct buf *b)
{
	return !(atomic_fetch_or(&b->state, (u32)BUF_LOCKED) & BUF_LOCKED);
}

void
buf_lock(struct buf *b)
{
	if (!buf_trylock(b))
		wait_event(waitq_of(b), buf_trylock(b));
}

void
buf_unlock(struct buf *b)
{
	atomic_fetch_and(&b->state, ~(u32)BUF_LOCKED);
	if (waitq_active(waitq_of(b)))
		waitq_wake_all(waitq_of(b));
}

void
buf_hold(struct buf *b)
{
	atomic_add(&b->refs, 1);
	page_get(b->page);
}

/* --- the ring of a page --- */

/* buf_lock held, or nobody else knows it. */
static bool
ring_in_use(const struct buf *ring)
{
	const struct buf *b = ring;

	do {
		if (atomic_load(&b->refs) > 0 || (atomic_load_relaxed(&b->state) & (BUF_LOCKED | BUF_PINNED)))
			return true;
	} while ((b = b->next) != ring);
	return false;
}

static void
ring_free(struct buf *ring)
{
	struct buf *b = ring;

	do {
		struct buf *next = b->next;

		kmem_cache_free(buf_cache, b);
		b = next;
	} while (b != ring);
}

static struct buf *
ring_alloc(struct block_device *bdev, struct page *pg)
{
	u32 n = (u32)PAGE_SIZE / bdev->block_size;
	u32 state = (page_flag(pg, PG_UPTODATE) ? BUF_UPTODATE : 0) | (page_flag(pg, PG_DIRTY) ? BUF_DIRTY : 0);
	struct buf *first = NULL, *last = NULL;

	for (u32 i = 0; i < n; i++) {
		struct buf *b = kmem_cache_alloc(buf_cache, KM_NORMAL);

		if (b == NULL) {
			if (first != NULL)
				ring_free(first);
			return NULL;
		}
		*b = (struct buf){ .page = pg, .bdev = bdev, .block = pg->index * n + i, .size = bdev->block_size, .state = state,
			.data = (u8 *)page_address(pg) + (size_t)i * bdev->block_size };
		if (first == NULL)
			first = b;
		else
			last->next = b;
		last = b;
		b->next = first;
	}
	return first;
}

/* The page's buffers, made if there are none. Page locked. */
static int
attach(struct block_device *bdev, struct page *pg)
{
	struct buf *ring;
	u64 flags;

	if (page_flag(pg, PG_PRIVATE))
		return 0;
	ring = ring_alloc(bdev, pg);
	if (ring == NULL)
		return -ENOMEM;
	flags = spin_lock_irqsave(&bdev->buf_lock);
	pg->private = ring;
	page_set_flag(pg, PG_PRIVATE);
	spin_unlock_irqrestore(&bdev->buf_lock, flags);
	return 0;
}

/* The buffer of the block, if the page has buffers; the reference on the page becomes the buffer's. */
static struct buf *
find_in(struct block_device *bdev, struct page *pg, u64 block)
{
	struct buf *b = NULL;
	u64 flags = spin_lock_irqsave(&bdev->buf_lock);

	if (page_flag(pg, PG_PRIVATE) && pg->mapping == &bdev->mapping) {
		for (b = pg->private; b->block != block; b = b->next)
			if (b->next == pg->private) {
				b = NULL;
				break;
			}
	}
	if (b != NULL)
		atomic_add(&b->refs, 1);
	spin_unlock_irqrestore(&bdev->buf_lock, flags);
	return b;
}

int
buf_get(struct block_device *bdev, u64 block, struct buf **out)
{
	u32 size = bdev->block_size;
	u64 index = block / (PAGE_SIZE / size);
	struct page *pg;
	int err;

	if (block >= block_device_bytes(bdev) / size)
		return -EIO;
	pg = mapping_find(&bdev->mapping, index);
	if (pg != NULL && (*out = find_in(bdev, pg, block)) != NULL) {
		page_mark_accessed(pg);
		return 0;
	}
	if (pg != NULL)
		page_put(pg);
	err = mapping_get_locked(&bdev->mapping, index, &pg);
	if (err != 0)
		return err;
	err = attach(bdev, pg);
	*out = err == 0 ? find_in(bdev, pg, block) : NULL;
	page_unlock(pg);
	if (*out == NULL) {
		page_put(pg);
		return err != 0 ? err : -EIO;
	}
	return 0;
}

/* The last reference of an orphan frees it with the others of its page, if they aren't in use either. */
static void
put_last(struct buf *b)
{
	struct block_device *bdev = b->bdev;
	struct buf *dead = NULL;
	u64 flags = spin_lock_irqsave(&bdev->buf_lock);

	if (atomic_sub(&b->refs, 1) == 0 && (b->state & BUF_ORPHAN) && !ring_in_use(b))
		dead = b;
	spin_unlock_irqrestore(&bdev->buf_lock, flags);
	if (dead != NULL)
		ring_free(dead);
}

void
buf_put(struct buf *b)
{
	struct page *pg;
	u32 refs;

	if (b == NULL)
		return;
	pg = b->page;
	refs = atomic_load_relaxed(&b->refs);
	while (refs > 1)
		if (atomic_try_cas(&b->refs, &refs, refs - 1))
			break;
	if (refs <= 1)
		put_last(b);
	page_put(pg);
}

/* Reclaim asks: the page is locked and clean. */
bool
block_mapping_release(struct mapping *m, struct page *pg)
{
	struct block_device *bdev = m->owner;
	struct buf *ring = pg->private, *b = ring;
	bool busy;
	u64 flags = spin_lock_irqsave(&bdev->buf_lock);

	busy = ring_in_use(ring);
	do
		busy |= (atomic_load_relaxed(&b->state) & BUF_DIRTY) != 0;
	while ((b = b->next) != ring);
	if (!busy) {
		pg->private = NULL;
		page_clear_flag(pg, PG_PRIVATE);
	}
	spin_unlock_irqrestore(&bdev->buf_lock, flags);
	if (!busy)
		ring_free(ring);
	return !busy;
}

/* The locked page leaves the cache: its buffers go, or become orphans. */
void
block_mapping_invalidate(struct mapping *m, struct page *pg, u32 off, u32 len)
{
	struct block_device *bdev = m->owner;
	struct buf *ring = pg->private, *b = ring;
	bool busy;
	u64 flags;

	if (off != 0 || len != PAGE_SIZE)
		return;
	flags = spin_lock_irqsave(&bdev->buf_lock);
	busy = ring_in_use(ring);
	do
		atomic_fetch_and(&b->state, ~(u32)BUF_DIRTY);
	while ((b = b->next) != ring);
	if (busy)
		do
			atomic_fetch_or(&b->state, (u32)BUF_ORPHAN);
		while ((b = b->next) != ring);
	pg->private = NULL;
	page_clear_flag(pg, PG_PRIVATE);
	spin_unlock_irqrestore(&bdev->buf_lock, flags);
	if (!busy)
		ring_free(ring);
}

/* --- dirty --- */

void
buf_dirty(struct buf *b)
{
	KASSERT_DEBUG(!(b->state & BUF_PINNED));
	if (atomic_fetch_or(&b->state, (u32)BUF_DIRTY) & BUF_DIRTY)
		return;
	if (!(atomic_load_relaxed(&b->state) & BUF_ORPHAN))
		mapping_dirty(&b->bdev->mapping, b->page);
}

void
buf_clean(struct buf *b)
{
	atomic_fetch_and(&b->state, ~(u32)BUF_DIRTY);
}

bool
buf_pin(struct buf *b)
{
	atomic_fetch_or(&b->state, (u32)BUF_PINNED);
	return atomic_fetch_and(&b->state, ~(u32)BUF_DIRTY) & BUF_DIRTY;
}

void
buf_unpin(struct buf *b, bool dirty)
{
	atomic_fetch_and(&b->state, ~(u32)BUF_PINNED);
	if (dirty)
		buf_dirty(b);
}

int
buf_get_zeroed(struct block_device *bdev, u64 block, struct buf **out)
{
	struct buf *b;
	int err = buf_get(bdev, block, &b);

	if (err != 0)
		return err;
	buf_lock(b);
	memset(b->data, 0, b->size);
	atomic_fetch_or(&b->state, (u32)BUF_UPTODATE);
	buf_unlock(b);
	*out = b;
	return 0;
}

/* --- reading and writing one --- */

/* The end of the I/O on a locked buffer whose reference is ours. */
void
buf_io_done(struct bio *bio)
{
	struct buf *b = bio->priv;

	if (bio->op == BIO_READ) {
		if (bio->error == 0)
			atomic_fetch_or(&b->state, (u32)BUF_UPTODATE);
	} else if (bio->error != 0) {
		atomic_fetch_or(&b->state, (u32)BUF_WRITE_ERROR);
		mapping_set_error(&b->bdev->mapping, -EIO);
	}
	bio_free(bio);
	buf_unlock(b);
	buf_put(b);
}

void
buf_submit(struct buf *b, enum bio_op op, u32 flags, void (*done)(struct bio *))
{
	struct bio *bio = bio_alloc(b->bdev, op, flags | BIO_META, b->block * (b->size >> SECTOR_SHIFT), 1, KM_NORMAL);

	(void)bio_add_page(bio, b->page, (u32)((uintptr_t)b->data & (PAGE_SIZE - 1)), b->size);
	bio->done = done;
	bio->priv = b;
	bio_submit(bio);
}

/* Start reading b if it needs it and nobody is at it. */
static void
start_read(struct buf *b, u32 flags)
{
	if (buf_is_uptodate(b) || !buf_trylock(b))
		return;
	if (buf_is_uptodate(b)) {
		buf_unlock(b);
		return;
	}
	buf_hold(b);
	buf_submit(b, BIO_READ, flags, buf_io_done);
}

int
buf_read(struct block_device *bdev, u64 block, struct buf **out)
{
	struct block_plug plug;
	struct buf *b, *other;
	int err = buf_get(bdev, block, &b);

	if (err != 0)
		return err;
	while (!buf_is_uptodate(b)) {
		buf_lock(b);
		if (buf_is_uptodate(b)) {
			buf_unlock(b);
			break;
		}
		/* What else the page has comes in one request with it: it is likely to be wanted. */
		block_plug_start(&plug);
		buf_hold(b);
		buf_submit(b, BIO_READ, BIO_SYNC, buf_io_done);
		for (other = b->next; other != b; other = other->next)
			if (other->block < block_device_bytes(bdev) / other->size)
				start_read(other, BIO_RAHEAD);
		block_plug_finish(&plug);
		err = buf_wait(b);
		if (err != 0) {
			buf_put(b);
			return err;
		}
	}
	*out = b;
	return 0;
}

void
buf_read_ahead(struct block_device *bdev, u64 block)
{
	struct buf *b;

	if (buf_get(bdev, block, &b) != 0)
		return;
	start_read(b, BIO_RAHEAD);
	buf_put(b);
}

bool
buf_write_locked(struct buf *b, u32 bio_flags, void (*done)(struct bio *))
{
	if ((atomic_load(&b->state) & BUF_PINNED) || !(atomic_fetch_and(&b->state, ~(u32)BUF_DIRTY) & BUF_DIRTY)) {
		buf_unlock(b);
		return false;
	}
	atomic_fetch_and(&b->state, ~(u32)BUF_WRITE_ERROR);
	buf_hold(b);
	buf_submit(b, BIO_WRITE, bio_flags, done);
	return true;
}

void
buf_write_start(struct buf *b, u32 bio_flags)
{
	buf_lock(b);
	(void)buf_write_locked(b, bio_flags, buf_io_done);
}

int
buf_wait(struct buf *b)
{
	u32 state;

	wait_event(waitq_of(b), !(atomic_load(&b->state) & BUF_LOCKED));
	state = atomic_load(&b->state);
	return (state & BUF_WRITE_ERROR) || !(state & BUF_UPTODATE) ? -EIO : 0;
}

int
buf_write(struct buf *b, u32 bio_flags)
{
	buf_write_start(b, bio_flags | BIO_SYNC);
	return buf_wait(b);
}

int
buf_sync(struct block_device *bdev)
{
	return mapping_sync(&bdev->mapping, 0, INT64_MAX);
}

void
buf_forget_range(struct block_device *bdev, u64 block, u64 n)
{
	u32 per_page = (u32)PAGE_SIZE / bdev->block_size;

	for (u64 end = block + n; block < end; ) {
		struct page *pg = mapping_find(&bdev->mapping, block / per_page);
		u64 next = MIN(ALIGN_DOWN(block, (u64)per_page) + per_page, end);

		for (; pg != NULL && block < next; block++) {
			struct buf *b = find_in(bdev, pg, block);

			if (b == NULL)
				continue;
			page_get(pg);		/* find_in made ours the buffer's */
			buf_clean(b);
			buf_put(b);
		}
		if (pg != NULL)
			page_put(pg);
		block = next;
	}
}
