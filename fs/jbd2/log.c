/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of the log: where they are on the device, reading them in order, writing them at the head. */
#include "fs/jbd2/jbd2.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

#define WINDOW_BYTES	(64U << 10)
#define BIO_BLOCKS	128U

int
log_map(struct journal *j, u32 log_block, u64 *block)
{
	int err;

	if (log_block >= j->place.blocks)
		return -EIO;
	err = j->place.map(j->place.arg, log_block, block);
	if (err == 0 && *block >= block_device_bytes(j->place.bdev) / j->block_size)
		return -EIO;
	return err;
}

u32
log_next(const struct journal *j, u32 log_block, u32 n)
{
	log_block += n;
	return log_block >= j->last ? log_block - (j->last - j->first) : log_block;
}

static u64
sector_of(const struct journal *j, u64 block)
{
	return block * (j->block_size >> SECTOR_SHIFT);
}

/* --- reading --- */

int
log_reader_init(struct log_reader *r, struct journal *j)
{
	r->j = j;
	r->at = r->n = 0;
	r->window = kmem_alloc(WINDOW_BYTES, KM_NORMAL);
	return r->window != NULL ? 0 : -ENOMEM;
}

void
log_reader_fini(struct log_reader *r)
{
	kmem_free(r->window);
}

/* Blocks from log_block on that are neighbours on the device too, as many as the window holds. */
static int
read_window(struct log_reader *r, u32 log_block)
{
	struct journal *j = r->j;
	u32 max = WINDOW_BYTES / j->block_size, n;
	u64 first, block;
	int err = log_map(j, log_block, &first);

	r->n = 0;
	if (err != 0)
		return err;
	for (n = 1; n < max && log_block + n < j->last; n++) {
		if (log_map(j, log_block + n, &block) != 0 || block != first + n)
			break;
	}
	err = block_rw_kernel(j->place.bdev, BIO_READ, sector_of(j, first), r->window, (size_t)n * j->block_size);
	if (err != 0)
		return err;
	r->at = log_block;
	r->n = n;
	return 0;
}

int
log_read_block(struct log_reader *r, u32 log_block, u8 **data)
{
	if (log_block < r->at || log_block - r->at >= r->n) {
		int err = read_window(r, log_block);

		if (err != 0)
			return err;
	}
	*data = r->window + (size_t)(log_block - r->at) * r->j->block_size;
	return 0;
}

/* --- writing --- */

void
log_writer_init(struct log_writer *w, struct journal *j)
{
	w->j = j;
	w->bio = NULL;
	w->pending = 1;		/* ours, until log_writer_wait() */
	w->error = 0;
	completion_init(&w->done);
}

static void
put_pending(struct log_writer *w)
{
	if (atomic_fetch_sub(&w->pending, 1) == 1)
		completion_complete(&w->done);
}

static void
write_done(struct bio *bio)
{
	struct log_writer *w = bio->priv;

	if (bio->error != 0)
		WRITE_ONCE(w->error, bio->error);
	bio_free(bio);
	put_pending(w);
}

static void
send(struct log_writer *w)
{
	if (w->bio == NULL)
		return;
	atomic_fetch_add(&w->pending, 1);
	bio_submit(w->bio);
	w->bio = NULL;
}

/* A transaction that has begun has room to commit; should that ever be wrong, better an abort than a write over the log's tail. */
static int
take_room(struct journal *j)
{
	int err = 0;

	spin_lock(&j->lock);
	if (j->free > 0)
		j->free--;
	else
		err = -ENOSPC;
	spin_unlock(&j->lock);
	return err;
}

void
log_write_block(struct log_writer *w, void *data, u32 bio_flags)
{
	struct journal *j = w->j;
	u32 off = (u32)((uintptr_t)data & (PAGE_SIZE - 1));
	u64 block;
	int err = take_room(j);

	if (err == 0)
		err = log_map(j, j->head, &block);
	if (err != 0) {
		WRITE_ONCE(w->error, err);
		return;
	}
	if (w->bio != NULL && (block != w->next_block || bio_flags != 0 || !bio_add_page(w->bio, virt_to_page(data), off, j->block_size)))
		send(w);
	if (w->bio == NULL) {
		w->bio = bio_alloc(j->place.bdev, BIO_WRITE, BIO_SYNC | BIO_META | bio_flags, sector_of(j, block), BIO_BLOCKS, KM_NORMAL);
		w->bio->done = write_done;
		w->bio->priv = w;
		if (!bio_add_page(w->bio, virt_to_page(data), off, j->block_size))
			WRITE_ONCE(w->error, -EIO);
	}
	w->next_block = block + 1;
	j->head = log_next(j, j->head, 1);
}

int
log_writer_wait(struct log_writer *w)
{
	send(w);
	put_pending(w);
	completion_wait(&w->done);
	return w->error;
}

int
log_write_at(struct journal *j, u64 block, void *data, u32 bio_flags)
{
	u32 off = (u32)((uintptr_t)data & (PAGE_SIZE - 1));
	struct bio *bio = bio_alloc(j->place.bdev, BIO_WRITE, BIO_SYNC | BIO_META | bio_flags, sector_of(j, block), 1, KM_NORMAL);
	int err = bio_add_page(bio, virt_to_page(data), off, j->block_size) ? bio_submit_wait(bio) : -EIO;

	bio_free(bio);
	return err;
}
