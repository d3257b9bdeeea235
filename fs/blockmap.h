/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File data of disk file systems: from pages of a vnode's mapping to blocks of its device. A file system says where a block of a file
 * is (struct blockmap_ops); the reading, writing, read-ahead and write-back is done here, once for ext2, FAT and iso9660.
 *
 * File data never goes through struct buf: bios are made straight from the pages.
 *
 * Writing with blocks smaller than a page: a page is either wholly uptodate or not in the cache as uptodate; write_begin reads what
 * the write doesn't cover. Blocks are allocated in write_begin and page_mkwrite (no delayed allocation), so that ENOSPC is told to
 * the writer. What lies between a file's end and the page's end is zero.
 */
#ifndef FS_BLOCKMAP_H
#define FS_BLOCKMAP_H

#include "dev/block.h"
#include "fs/vnode.h"

struct block_extent {
	u64 block;		/* on the device, in file-system blocks (1 << sb's block bits); meaningless for a hole */
	u32 n;			/* blocks from the one asked for: 1 .. max */
	bool hole;		/* reads as zeros; nothing there */
	bool fresh;		/* just allocated: must be zeroed where it isn't written */
};

struct blockmap_ops {
	/* Where is block `fblock` of the file, and how many follow it on the device (up to max)? create: allocate what is missing (vn
	 * [l] held exclusively or the page locked; inside a transaction of the file system's own). May sleep. -ENOSPC, -EIO, -EFBIG. */
	int (*map)(struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out);
	/* Around what allocates for data: a journal handle. NULL: none. *handle is passed back. blocks: data blocks that may be new. */
	int (*begin)(struct vnode *vn, u32 blocks, void **handle);
	void (*end)(struct vnode *vn, void *handle, off_t from, off_t to);	/* [from, to) was written: ordered data */
	/* A write that reached beyond the file's end failed half way: cut off blocks past the size. NULL: none. */
	void (*trim)(struct vnode *vn);
};

/* Embedded or reached by the file system: vn->mapping.ops must be &blockmap_mapping_ops and this must find the ops. */
struct blockmap_ops const *blockmap_of(struct vnode *vn);	/* = vn->sb->blockmap */

/* The mapping ops of regular files (and long symlinks, directories kept in pages) of disk file systems. */
extern const struct mapping_ops blockmap_mapping_ops;

/* SEEK_DATA, SEEK_HOLE, by map() and what is dirty in the cache. -ENXIO. */
off_t blockmap_seek(struct vnode *vn, off_t off, bool hole);
/* FIEMAP and FIBMAP ioctls; -ENOTTY for others. */
long blockmap_ioctl(struct file *f, unsigned int cmd, u64 arg);
/* Zero the part of the last block(s) behind a new end of file, in the page cache. In truncate, before blocks are freed. */
int __must_check blockmap_zero_tail(struct vnode *vn, off_t size);
/* O_DIRECT read and write: aligned to the logical block size (-EINVAL), cache written back and dropped for the range. */
ssize_t blockmap_direct(struct file *f, struct iobuf *buf, off_t *pos, bool write);

#endif
