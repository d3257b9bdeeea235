/* SPDX-License-Identifier: BSD-2-Clause */
/* Between buf.c (buffers) and mapping.c (pages of block devices). */
#ifndef DEV_BLOCK_BUF_INTERNAL_H
#define DEV_BLOCK_BUF_INTERNAL_H

#include "dev/buf.h"

static inline bool
buf_is_uptodate(const struct buf *b)
{
	return atomic_load_acquire(&b->state) & BUF_UPTODATE;
}

void buf_boot(void);
/* b is locked. Takes a reference of the caller's, which ends with the I/O as the lock does: `done` calls buf_io_done(). */
void buf_submit(struct buf *b, enum bio_op op, u32 flags, void (*done)(struct bio *));
void buf_io_done(struct bio *bio);
/* b is locked: write it if it is dirty and not pinned, else unlock it and say false. */
bool buf_write_locked(struct buf *b, u32 bio_flags, void (*done)(struct bio *));
bool block_mapping_release(struct mapping *m, struct page *pg);
void block_mapping_invalidate(struct mapping *m, struct page *pg, u32 off, u32 len);

#endif
