/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * O_DIRECT: transfers beside the page cache, which is written back and dropped for the range. Data goes through pages of the kernel's, a
 * chunk at a time, so user memory is never pinned. A write that needs new blocks goes through the cache and waits for it, as on Linux.
 */
#include "fs/blockmap_internal.h"
#include "fs/blkdev.h"
#include "fs/path.h"

#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

#define CHUNK_ORDER	4	/* 64 KiB */

bool
blockmap_direct_aligned(struct file *f, const struct iobuf *buf, off_t pos)
{
	u64 mask = block_device_logical_size(f->vn->sb->bdev) - 1, bits = (u64)pos;
	size_t left = buf->left, skip = buf->seg_off;

	if (buf->kind == IOBUF_PAGES)
		return ((u64)pos & mask) == 0 && (left & mask) == 0;
	for (u32 i = 0; i < buf->nsegs && left > 0; i++) {
		u64 n = MIN(buf->iov[i].len - skip, (u64)left);

		bits |= (buf->iov[i].base + skip) | n;
		left -= n;
		skip = 0;
	}
	return (bits & mask) == 0;
}

/* One run of blocks on the device to or from the chunk. */
static int
transfer(struct vnode *vn, enum bio_op op, u64 sector, struct page *chunk, u32 off, u32 len)
{
	struct bio *bio = bio_alloc(vn->sb->bdev, op, BIO_SYNC, sector, 1u << CHUNK_ORDER, KM_NORMAL);
	int err = 0;

	while (len > 0) {
		u32 n = MIN(len, (u32)PAGE_SIZE - (off & (u32)(PAGE_SIZE - 1)));

		if (!bio_add_page(bio, chunk + (off >> PAGE_SHIFT), off & (u32)(PAGE_SIZE - 1), n)) {
			err = bio_submit_wait(bio);
			bio_free(bio);
			if (err != 0)
				return -EIO;
			bio = bio_alloc(vn->sb->bdev, op, BIO_SYNC, sector, 1u << CHUNK_ORDER, KM_NORMAL);
			continue;
		}
		off += n;
		len -= n;
		sector += n >> SECTOR_SHIFT;
	}
	err = bio_submit_wait(bio);
	bio_free(bio);
	return err == 0 || err == -ENOSPC ? err : -EIO;
}

/* [pos, pos + len), by sectors, between the file and the chunk; holes read as zeros, and are -EAGAIN in a write. */
static int
chunk_io(struct vnode *vn, enum bio_op op, struct page *chunk, off_t pos, u32 len)
{
	u32 bits = block_bits(vn), done = 0;

	while (done < len) {
		u64 at = (u64)pos + done, in_block = at & ((1u << bits) - 1), bytes;
		struct block_extent e;
		int err = vn->sb->blockmap->map(vn, at >> bits, ((len - done) >> bits) + 2, false, &e);

		if (err != 0)
			return err;
		bytes = MIN(((u64)e.n << bits) - in_block, (u64)(len - done));
		if (!e.hole)
			err = transfer(vn, op, ((e.block << bits) + in_block) >> SECTOR_SHIFT, chunk, done, (u32)bytes);
		else if (op == BIO_READ)
			memset((char *)page_address(chunk) + done, 0, bytes);
		else
			err = -EAGAIN;
		if (err != 0)
			return err;
		done += (u32)bytes;
	}
	return 0;
}

ssize_t
blockmap_direct_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vnode *vn = f->vn;
	u32 sector_mask = block_device_logical_size(vn->sb->bdev) - 1;
	struct page *chunk = page_alloc(CHUNK_ORDER, PA_COMPOUND);
	ssize_t done = 0;
	int err = 0;

	if (chunk == NULL)
		return -ENOMEM;
	rwlock_read_lock(&vn->rwlock);
	if (iobuf_left(buf) > 0)
		err = mapping_sync(&vn->mapping, *pos, *pos + (off_t)iobuf_left(buf) - 1);
	while (err == 0 && iobuf_left(buf) > 0 && *pos < vnode_size(vn)) {
		size_t n = MIN(MIN(iobuf_left(buf), (size_t)PAGE_SIZE << CHUNK_ORDER), (size_t)(vnode_size(vn) - *pos));
		size_t copied;

		err = chunk_io(vn, BIO_READ, chunk, *pos, (u32)ALIGN_UP(n, (size_t)sector_mask + 1));
		if (err != 0)
			break;
		copied = iobuf_copy_out(buf, page_address(chunk), n);
		*pos += (off_t)copied;
		done += (ssize_t)copied;
		if (copied < n)
			err = -EFAULT;
	}
	rwlock_read_unlock(&vn->rwlock);
	page_put(chunk);
	return done > 0 ? done : err;
}

/* Write what lies on blocks that are there already: bytes, or 0 with *err (-EAGAIN: through the cache). vn [l] is held. */
static ssize_t
write_mapped(struct vnode *vn, struct page *chunk, struct iobuf *buf, off_t *pos, int *err)
{
	ssize_t done = 0;

	*err = 0;
	while (*err == 0 && iobuf_left(buf) > 0) {
		size_t n = MIN(iobuf_left(buf), (size_t)PAGE_SIZE << CHUNK_ORDER), copied;
		u32 bits = block_bits(vn);

		if (*pos + (off_t)n > vnode_size(vn) ||
		    blockmap_all_mapped(vn, (u64)*pos >> bits, (u64)(*pos + (off_t)n - 1) >> bits) != 1) {
			*err = -EAGAIN;
			break;
		}
		copied = iobuf_copy_in(buf, page_address(chunk), n);
		if (copied < n) {
			iobuf_revert(buf, copied);
			*err = -EFAULT;
			break;
		}
		*err = chunk_io(vn, BIO_WRITE, chunk, *pos, (u32)n);
		if (*err == 0) {
			*pos += (off_t)n;
			done += (ssize_t)n;
		} else {
			iobuf_revert(buf, copied);
		}
	}
	return done;
}

/* The cache is written back first and dropped after, but for pages that a mapping made dirty meanwhile: who writes to the same bytes by both
 * ways may lose either, as anywhere, but what lies beside them in a page is not lost. */
static ssize_t
write_uncached(struct vnode *vn, struct page *chunk, struct iobuf *buf, off_t *pos, int *err)
{
	off_t from = ALIGN_DOWN(*pos, (off_t)PAGE_SIZE), to = ALIGN_UP(*pos + (off_t)iobuf_left(buf), (off_t)PAGE_SIZE);
	ssize_t n = 0;

	if (iobuf_prefault(buf, iobuf_left(buf)) != 0) {
		*err = -EFAULT;
		return 0;
	}
	*err = mapping_sync(&vn->mapping, from, to - 1);
	if (*err == 0)
		n = write_mapped(vn, chunk, buf, pos, err);
	if (n > 0) {
		rwlock_write_lock(&vn->mapping.inval_lock);
		(void)mapping_invalidate(&vn->mapping, (u64)from >> PAGE_SHIFT, (u64)(to - 1) >> PAGE_SHIFT, true);
		rwlock_write_unlock(&vn->mapping.inval_lock);
	}
	return n;
}

ssize_t
blockmap_direct_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vnode *vn = f->vn;
	struct page *chunk = page_alloc(CHUNK_ORDER, PA_COMPOUND);
	off_t start;
	ssize_t n = 0;
	int err;

	if (chunk == NULL)
		return -ENOMEM;
	rwlock_write_lock(&vn->rwlock);
	err = file_prepare_write(f, buf, pos);
	if (err == 0) {
		n = write_uncached(vn, chunk, buf, pos, &err);
		vnode_dirty(vn);
	}
	rwlock_write_unlock(&vn->rwlock);
	page_put(chunk);
	if (err == -EAGAIN) {
		ssize_t more;

		start = *pos;
		more = generic_file_write(f, buf, pos);
		err = more < 0 ? (int)more : more == 0 ? 0 : mapping_sync(&vn->mapping, start, start + more - 1);
		n += err == 0 ? more : 0;
	} else if (n > 0 && (f->flags & O_DSYNC)) {
		err = f->ops->fsync(f, *pos - n, *pos - 1, (f->flags & O_SYNC) != O_SYNC);
		if (err != 0)
			return err;
	}
	return n > 0 ? n : err;
}

/* For dev/loop. */
int
file_open_direct(struct file *f, u32 *align, struct file **out)
{
	struct path p = { f->mnt, f->dentry };
	struct block_device *b = file_block_device(f);

	if (b == NULL)
		b = f->vn->sb->bdev;
	if (b == NULL)
		return -EINVAL;
	*align = block_device_logical_size(b);
	return file_open_path(&p, (int)(f->flags & O_ACCMODE) | O_DIRECT, out);
}
