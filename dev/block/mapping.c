/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache of block devices: what read(2), write(2) and mmap(2) on /dev/vda see, and where buffers live.
 *
 * Pages without buffers are read and written as they are, many in one bio. Of pages with buffers, those blocks are read that aren't uptodate, and
 * those written that are dirty and not pinned.
 */
#include "dev/block/buf_internal.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

#define PAGE_SECTORS	((u32)(PAGE_SIZE >> SECTOR_SHIFT))

static struct block_device *
bdev_of(struct mapping *m)
{
	return m->owner;
}

/* Bytes of the page that lie on the device. */
static u32
bytes_of(const struct block_device *b, u64 index)
{
	u64 size = block_device_bytes(b), start = index << PAGE_SHIFT;

	return start >= size ? 0 : (u32)MIN(size - start, (u64)PAGE_SIZE);
}

static off_t
block_mapping_size(struct mapping *m)
{
	return (off_t)block_device_bytes(bdev_of(m));
}

/* --- reading --- */

static void
pages_read(struct bio *bio)
{
	for (u32 i = 0; i < bio->nvecs; i++)
		page_end_read(bio->vecs[i].page, bio->error != 0 ? -EIO : 0);
	bio_free(bio);
}

/* The blocks of a page with buffers that aren't uptodate, one after the other. */
static int
read_buffers(struct block_device *bdev, struct page *pg)
{
	struct buf *ring = pg->private, *b = ring;
	u64 end = block_device_bytes(bdev) / ring->size;
	int err = 0;

	do {
		buf_lock(b);
		if (buf_is_uptodate(b) || b->block >= end) {
			buf_unlock(b);
			continue;
		}
		buf_hold(b);
		buf_submit(b, BIO_READ, BIO_SYNC, buf_io_done);
		if (buf_wait(b) != 0)
			err = -EIO;
	} while ((b = b->next) != ring);
	return err;
}

static void
zero_tail(struct page *pg, u32 bytes)
{
	if (bytes < PAGE_SIZE)
		memset((char *)page_address(pg) + bytes, 0, PAGE_SIZE - bytes);
}

static int
block_mapping_read_page(struct mapping *m, struct page *pg)
{
	struct block_device *bdev = bdev_of(m);
	u32 bytes = bytes_of(bdev, pg->index);
	struct bio *bio;

	zero_tail(pg, bytes);
	if (bytes == 0 || page_flag(pg, PG_PRIVATE)) {
		page_end_read(pg, bytes == 0 ? 0 : read_buffers(bdev, pg));
		return 0;
	}
	bio = bio_alloc(bdev, BIO_READ, BIO_SYNC, pg->index * PAGE_SECTORS, 1, KM_NORMAL);
	(void)bio_add_page(bio, pg, 0, bytes);
	bio->done = pages_read;
	bio_submit(bio);
	return 0;
}

/* Send the bio that was gathered, if there is one. */
static void
flush_gathered(struct bio **bio)
{
	if (*bio != NULL) {
		(*bio)->done = pages_read;
		bio_submit(*bio);
	}
	*bio = NULL;
}

static void
block_mapping_read_ahead(struct mapping *m, u64 index, u32 n)
{
	struct block_device *bdev = bdev_of(m);
	struct block_plug plug;
	struct bio *bio = NULL;

	block_plug_start(&plug);
	for (u64 end = index + n; index < end; index++) {
		struct page *pg = mapping_locked_page(m, index);
		u32 bytes = bytes_of(bdev, index);

		if (bytes != PAGE_SIZE || page_flag(pg, PG_PRIVATE)) {
			flush_gathered(&bio);
			(void)block_mapping_read_page(m, pg);
			continue;
		}
		if (bio != NULL && bio->nvecs == bio->max_vecs)
			flush_gathered(&bio);
		if (bio == NULL)
			bio = bio_alloc(bdev, BIO_READ, BIO_RAHEAD, index * PAGE_SECTORS, (u32)MIN(end - index, (u64)BIO_VECS_MAX), KM_NORMAL);
		(void)bio_add_page(bio, pg, 0, bytes);
	}
	flush_gathered(&bio);
	block_plug_finish(&plug);
}

/* --- writing back --- */

static void
page_written(struct bio *bio)
{
	struct page *pg = bio->vecs[0].page;

	mapping_end_writeback(pg->mapping, pg, bio->error);
	bio_free(bio);
}

/* One write of the page less; the last ends its write-back. */
static void
part_written(struct block_device *bdev, struct page *pg, struct buf *ring)
{
	if (atomic_sub(&ring->pending, 1) == 0)
		mapping_end_writeback(&bdev->mapping, pg, 0);
}

/* The page stays, with its buffers, while it is under write-back. */
static void
buffer_written(struct bio *bio)
{
	struct buf *b = bio->priv;
	struct block_device *bdev = b->bdev;
	struct page *pg = b->page;
	struct buf *ring = pg->private;

	buf_io_done(bio);
	part_written(bdev, pg, ring);
}

/* A buffer that isn't dirty, but may be on its way by itself (buf_write_start): the page must not look clean before that has ended. True:
 * the page stays dirty for it. */
static bool
still_busy(struct buf *b, bool sync)
{
	if (!(atomic_load(&b->state) & BUF_LOCKED))
		return false;
	if (sync)
		(void)!buf_wait(b);	/* its error is in the mapping */
	return !sync;
}

/* A page with buffers. One that somebody has locked stays dirty, unless we are to wait; so does a pinned one, without our doing: who pins
 * it makes it dirty again. */
static void
write_buffers(struct mapping *m, struct page *pg, struct writeback_control *wbc)
{
	struct buf *ring = pg->private, *b = ring;
	bool again = false;

	atomic_store(&ring->pending, 1U);
	do {
		if (!(atomic_load(&b->state) & BUF_DIRTY)) {
			again |= still_busy(b, wbc->sync);
			continue;
		}
		if (wbc->sync) {
			buf_lock(b);
		} else if (!buf_trylock(b)) {
			again = true;
			continue;
		}
		atomic_add(&ring->pending, 1);
		if (!buf_write_locked(b, wbc->sync ? BIO_SYNC : 0, buffer_written))
			atomic_sub(&ring->pending, 1);
	} while ((b = b->next) != ring);
	if (again)
		mapping_redirty(m, pg);
	part_written(bdev_of(m), pg, ring);
}

static int
block_mapping_write_page(struct mapping *m, struct page *pg, struct writeback_control *wbc)
{
	struct block_device *bdev = bdev_of(m);
	u32 bytes = bytes_of(bdev, pg->index);
	struct bio *bio;

	if (page_flag(pg, PG_PRIVATE)) {
		write_buffers(m, pg, wbc);
	} else if (bytes == 0) {
		mapping_end_writeback(m, pg, 0);
	} else {
		bio = bio_alloc(bdev, BIO_WRITE, wbc->sync ? BIO_SYNC : 0, pg->index * PAGE_SECTORS, 1, KM_NORMAL);
		(void)bio_add_page(bio, pg, 0, bytes);
		bio->done = page_written;
		bio_submit(bio);
	}
	page_unlock(pg);
	return 0;
}

/* Neighbours become one request: the plug sends them when the thread sleeps or is done. */
static int
block_mapping_write_pages(struct mapping *m, struct writeback_control *wbc)
{
	struct block_plug plug;
	int err;

	block_plug_start(&plug);
	err = mapping_write_dirty(m, wbc);
	block_plug_finish(&plug);
	return err;
}

/* --- changing --- */

/* Blocks of the locked page that have bytes in [from, to) are dirty; pinned ones are the journal's business. */
static void
dirty_buffers(struct page *pg, u32 from, u32 to)
{
	struct buf *ring = pg->private, *b = ring;

	if (!page_flag(pg, PG_PRIVATE))
		return;
	do {
		u32 start = (u32)((uintptr_t)b->data & (PAGE_SIZE - 1));

		if (start >= to || start + b->size <= from)
			continue;
		if (!(atomic_load(&b->state) & BUF_PINNED))
			buf_dirty(b);
	} while ((b = b->next) != ring);
}

/* A page that isn't written as a whole is read first. */
static int
block_mapping_write_begin(struct mapping *m, off_t off, size_t len, struct page **out)
{
	u64 index = (u64)off >> PAGE_SHIFT;

	for (;;) {
		struct page *pg;
		int err = mapping_get_locked(m, index, &pg);

		if (err != 0)
			return err;
		if (page_flag(pg, PG_UPTODATE) || (len == PAGE_SIZE && !page_flag(pg, PG_PRIVATE))) {
			*out = pg;
			return 0;
		}
		page_unlock(pg);
		page_put(pg);
		err = mapping_read(m, index, &pg);
		if (err != 0)
			return err;
		page_put(pg);
	}
}

static int
block_mapping_write_end(struct mapping *m, off_t off, size_t len, size_t copied, struct page *pg)
{
	u32 from = (u32)off & (PAGE_SIZE - 1);

	(void)m, (void)len;
	if (copied > 0)
		dirty_buffers(pg, from, from + (u32)copied);
	return 0;
}

static int
block_mapping_page_mkwrite(struct mapping *m, struct page *pg)
{
	(void)m;
	dirty_buffers(pg, 0, PAGE_SIZE);
	return 0;
}

/* --- changes beside the cache --- */

int
block_drop_cached(struct block_device *bdev, u64 from, u64 end)
{
	struct mapping *m = &bdev->mapping;
	int err;

	if (from >= end)
		return 0;
	err = mapping_sync(m, (off_t)from, (off_t)end - 1);
	if (err != 0)
		return err;
	rwlock_write_lock(&m->inval_lock);
	(void)mapping_invalidate(m, from >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT, true);
	rwlock_write_unlock(&m->inval_lock);
	return 0;
}

/* --- the owner --- */

/* A sync may come beside the last close; the memory is there for the length of an RCU read section. */
static bool
block_mapping_hold(struct mapping *m)
{
	return refcount_try_get(&bdev_of(m)->refs);
}

static void
block_mapping_drop(struct mapping *m)
{
	block_device_put(bdev_of(m));
}

const struct mapping_ops block_mapping_ops = {
	.read_page = block_mapping_read_page,
	.read_ahead = block_mapping_read_ahead,
	.write_page = block_mapping_write_page,
	.write_pages = block_mapping_write_pages,
	.write_begin = block_mapping_write_begin,
	.write_end = block_mapping_write_end,
	.page_mkwrite = block_mapping_page_mkwrite,
	.invalidate = block_mapping_invalidate,
	.release = block_mapping_release,
	.hold = block_mapping_hold,
	.drop = block_mapping_drop,
	.size = block_mapping_size,
};
