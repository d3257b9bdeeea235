/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block buffers: the metadata blocks of file systems, in the page cache of their block device. A page of the device's
 * mapping holds 4096 / block size of them (page->private, PG_PRIVATE). read(2) on /dev/vda sees the same memory.
 *
 * A buffer's contents are guarded by whoever owns the structure in it (the file system's locks); the buffer lock (LOCK_BUF, a
 * sleeping bit) guards its I/O: it is held from the start of a read or write to its end, so who holds it sees stable data.
 *
 * Journal: a buffer in a running transaction is not written in place by write-back (BUF_PINNED) until it is checkpointed.
 *
 * Order: page lock < buffer lock. Finding a buffer may take the page lock, so no buffer lock may be held then.
 *
 * Lock key: [I] immutable  [a] atomic  [P] page lock  [l] buffer lock  [J] the journal's lock
 */
#ifndef DEV_BUF_H
#define DEV_BUF_H

#include "dev/block.h"

enum {
	BUF_UPTODATE	= 1 << 0,
	BUF_DIRTY	= 1 << 1,
	BUF_LOCKED	= 1 << 2,
	BUF_PINNED	= 1 << 3,	/* the journal's: write-back leaves it alone, dirty or not */
	BUF_WRITE_ERROR	= 1 << 4,
	BUF_VERIFIED	= 1 << 5,	/* the file system checked its contents after reading (its own use) */
	BUF_ORPHAN	= 1 << 6,	/* its page left the cache while it was in use: the last reference frees it */
};

struct buf {
	struct page *page;		/* [I] */
	struct buf *next;		/* [P] ring of the page's buffers, ascending, the last points at the first */
	struct block_device *bdev;	/* [I] */
	u64 block;			/* [I] number in units of size */
	u32 size;			/* [I] */
	u32 state;			/* [a] BUF_* */
	u8 *data;			/* [I] in the page */
	u32 refs;			/* [a] while > 0 the page keeps its buffers; each has a reference on the page */
	void *journal;			/* [J] its place in the journal, or NULL: while it is set somebody holds a reference */
	u32 pending;			/* [a] of a page's first buffer: writes of the page that aren't done */
};

/* The buffer with a reference, whatever is in it. block is in units of bdev->block_size. -ENOMEM, -EIO (beyond the device). */
int __must_check buf_get(struct block_device *bdev, u64 block, struct buf **out);
/* The same, read in. -EIO. Killable? no: file systems can't back out everywhere. */
int __must_check buf_read(struct block_device *bdev, u64 block, struct buf **out);
void buf_read_ahead(struct block_device *bdev, u64 block);	/* start, don't wait */
/* A block that was just allocated: zeroed and uptodate without reading. */
int __must_check buf_get_zeroed(struct block_device *bdev, u64 block, struct buf **out);
void buf_hold(struct buf *b);
void buf_put(struct buf *b);			/* NULL allowed */
void buf_lock(struct buf *b);
bool buf_trylock(struct buf *b);
void buf_unlock(struct buf *b);
void buf_dirty(struct buf *b);			/* will be written back some time. May not be called on a pinned one */
void buf_clean(struct buf *b);			/* forget: its block was freed (bforget) */
/* Start writing if dirty (or force by marking it dirty before); wait is for buf_wait(). */
void buf_write_start(struct buf *b, u32 bio_flags);
int __must_check buf_wait(struct buf *b);	/* until unlocked: 0, or -EIO when the write or read failed */
int __must_check buf_write(struct buf *b, u32 bio_flags);	/* both */
/* The pin bit: the journal sets it before it lets the buffer be changed. b is locked, so no write of it is in flight, and none begins
 * while it is pinned. Clears BUF_DIRTY and tells whether it was set: then the journal sees to it that the block gets to its place. */
bool buf_pin(struct buf *b);
/* After commit: dirty, from now on write-back may write it in place. Else it is clean (its block was freed). Any thread context. */
void buf_unpin(struct buf *b, bool dirty);
/* All dirty buffers of the device out, and wait. */
int __must_check buf_sync(struct block_device *bdev);
/* Blocks were freed or became file data: drop what the device's cache has of them, without writing. */
void buf_forget_range(struct block_device *bdev, u64 block, u64 n);

extern const struct mapping_ops block_mapping_ops;	/* of a block device's mapping; used by block_device creation */

#endif
