/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files blockmap*.c share. */
#ifndef FS_BLOCKMAP_INTERNAL_H
#define FS_BLOCKMAP_INTERNAL_H

#include "fs/blockmap.h"
#include "sys/lib/bits.h"

#define PIECES_MAX	(PAGE_SIZE / SECTOR_SIZE)

/* A part of a page that lies in one piece on the device. */
struct piece { u64 sector; u32 off, len; };

/* Bios for many pages, one after the other: neighbours on the device share a bio. */
struct blockmap_pass {
	struct vnode *vn;
	struct bio *bio;		/* being filled, or NULL */
	u64 next_sector;		/* where it ends */
	u32 ahead;			/* pages that may follow, for the size of a new bio */
	u8 op, flags;			/* of the bios */
	bool keep_run;			/* all pages are locked: an answer of map() stays true */
	u64 run_start;			/* the last answer, with keep_run */
	struct block_extent run;	/* n 0: none */
};

static inline u32
block_bits(const struct vnode *vn)
{
	return ilog2(vn->sb->blksize);
}

/* Bytes of the page at index that lie inside the file, rounded up to blocks; 0: beyond the end. */
u32 blockmap_valid_bytes(struct vnode *vn, u64 index);
/* The pieces of bytes [0, limit) of the page at index; blocks with a bit in `skip` are left out. Count or -errno. */
int __must_check blockmap_pieces(struct blockmap_pass *p, u64 index, u32 limit, u32 skip, struct piece out[PIECES_MAX]);
void blockmap_pass_submit(struct blockmap_pass *p);
/* Read or write pieces of a locked page, and wait. data: the page of memory to use. 0 or -EIO. */
int __must_check blockmap_rw_pieces(struct vnode *vn, enum bio_op op, struct page *data, const struct piece *pc, int n);
/* The same for all blocks of the page but those in skip; what lies in none is zeroed in memory. */
int __must_check blockmap_read_into(struct vnode *vn, u64 index, u32 skip, struct page *data);

/* blockmap_write.c */
int blockmap_write_begin(struct mapping *m, off_t pos, size_t len, struct page **out);
int blockmap_write_end(struct mapping *m, off_t pos, size_t len, size_t copied, struct page *pg);
int blockmap_page_mkwrite(struct mapping *m, struct page *pg);
/* Are blocks [first, last] all there? 1, 0, or -errno. */
int blockmap_all_mapped(struct vnode *vn, u64 first, u64 last);

/* blockmap_direct.c: aligned, pos checked. Takes vn [l]. */
ssize_t blockmap_direct_read(struct file *f, struct iobuf *buf, off_t *pos);
ssize_t blockmap_direct_write(struct file *f, struct iobuf *buf, off_t *pos);
bool blockmap_direct_aligned(struct file *f, const struct iobuf *buf, off_t pos);

#endif
