/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File data of disk file systems: from pages of a vnode's mapping to blocks of its device. A file system says where a block of a file
 * is (struct blockmap_ops); the reading, writing, read-ahead and write-back is done here, once for ext2, FAT and iso9660.
 *
 * File data never goes through struct buf: bios are made straight from the pages. The block size is sb->blksize, 512 to 4096.
 *
 * Writing with blocks smaller than a page: a page is either wholly uptodate or not in the cache as uptodate; write_begin reads what
 * the write doesn't cover. Blocks are allocated in write_begin and page_mkwrite (no delayed allocation), so that ENOSPC is told to
 * the writer. What lies between a file's end and the page's end is zero.
 *
 * Lock order: vnode < inval_lock < the file system's transaction (begin .. end) < page lock < what map() takes. Write-back calls map()
 * without create and starts no transaction. Between begin and end blockmap.c
 * asks for no memory but bios, which have a reserve.
 */
#ifndef FS_BLOCKMAP_H
#define FS_BLOCKMAP_H

#include "dev/block.h"
#include "fs/vnode.h"

struct block_extent {
	u64 block;		/* on the device, in file-system blocks (of sb->blksize); meaningless for a hole */
	u32 n;			/* blocks from the one asked for: 1 .. max */
	bool hole;		/* reads as zeros; nothing there */
	bool fresh;		/* just allocated: must be zeroed where it isn't written */
};

struct blockmap_ops {
	/* Where is block `fblock` of the file, and how many follow it on the device (up to max)? For a hole: how many blocks it has from
	 * here (as far as is easily told). create: allocate what is missing, between begin and end: vn [l] held exclusively or the page
	 * locked; the result is never a hole, and is fresh as a whole or not at all. Asked for every page: keep the last answer at hand.
	 * Blocks behind the file's end may be asked for, too. May sleep. -ENOSPC, -EIO, -EFBIG. */
	int (*map)(struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out);
	/* Around what allocates for data: a journal handle. NULL: none. *handle is passed back. blocks: data blocks that may be new. No page
	 * is locked. */
	int (*begin)(struct vnode *vn, u32 blocks, void **handle);
	/* [from, to) of the file lies in blocks that may be new; its page is dirty, and locked until the data is in it. So a transaction
	 * that lists it as ordered data and waits for the page lock writes the data, and the size on disk may be raised to `to`. */
	void (*end)(struct vnode *vn, void *handle, off_t from, off_t to);
	/* A write that reached beyond the file's end failed or was cut short: free blocks past the size. vn [l] held. NULL: none. */
	void (*trim)(struct vnode *vn);
	/* A write begins at pos, behind the file's end: file systems without holes fill the gap, so that the size is pos. vn [l] held
	 * exclusively, no page locked. NULL: a hole will do. */
	int (*fill_gap)(struct vnode *vn, off_t pos);
	/* May dirty pages of a file without links and users be thrown away now? NULL: always. */
	bool (*droppable)(struct vnode *vn);
};

/* The mapping ops of regular files (and long symlinks, directories kept in pages) of disk file systems: vn->mapping is initialised
 * with them, and vn->sb->blockmap are the file system's ops. */
extern const struct mapping_ops blockmap_mapping_ops;

/* file_ops of regular files: generic_file_* with O_DIRECT and trim. Direct transfers must be aligned to the device's logical block
 * (-EINVAL); a direct write to holes or beyond the end goes through the cache and waits. */
ssize_t blockmap_file_read(struct file *f, struct iobuf *buf, off_t *pos);
ssize_t blockmap_file_write(struct file *f, struct iobuf *buf, off_t *pos);
off_t blockmap_file_llseek(struct file *f, off_t off, int whence);	/* with SEEK_DATA, SEEK_HOLE by map() */

/* The first byte >= off that is data (or in a hole; the end of the file is one). Takes vn [l] shared. -ENXIO. */
off_t blockmap_seek(struct vnode *vn, off_t off, bool hole);
/* FIEMAP and FIBMAP ioctls of regular files; -ENOTTY for others. */
long blockmap_ioctl(struct file *f, unsigned int cmd, u64 arg);
/* Zero what the block that holds byte `size` has from there on, in the page cache (read in if needed). In truncate, before the size is
 * set and blocks are freed. The page is dirty then. No transaction is open. */
int __must_check blockmap_zero_tail(struct vnode *vn, off_t size);
/* Where blocks are smaller than pages: the mapped page that byte `at` divides must fault at its next write, so that blocks are allocated
 * for it. The file has grown from `at` without a write, or a hole was made up to it or from it on. No transaction is open. */
void blockmap_protect_page_at(struct vnode *vn, off_t at);

#endif
