/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open block special files. The data is the device's page cache, in which file systems keep their metadata too; O_DIRECT goes past it, by way
 * of kernel pages, and brings the cache up to date behind itself.
 *
 * O_EXCL claims the device for the open file.
 */
#include "fs/blkdev.h"

#include "dev/block.h"
#include "fs/internal.h"
#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

#define DIRECT_PAGES	64	/* moved at a time */

static struct block_device *
bdev_of(struct file *f)
{
	return f->priv;
}

struct block_device *
file_block_device(struct file *f)
{
	return f->ops == &blkdev_fops ? f->priv : NULL;
}

static off_t
size_of(struct file *f)
{
	return (off_t)block_device_bytes(bdev_of(f));
}

/* The claim of the file: itself, or NULL. */
static void *
holder_of(struct file *f)
{
	return (f->mode & FMODE_CLAIM) ? f : NULL;
}

/* --- open and close --- */

static int
blkdev_open(struct vnode *vn, struct file *f)
{
	struct block_device *b;
	int err = block_device_find(vn->rdev, &b);

	if (err != 0)
		return err;
	if (f->flags & O_EXCL)
		f->mode |= FMODE_CLAIM;
	f->priv = b;
	err = block_device_open(b, (f->mode & FMODE_WRITE ? BLOCK_OPEN_WRITE : 0) | (f->flags & O_NONBLOCK ? BLOCK_OPEN_ANYWAY : 0), holder_of(f));
	if (err != 0) {
		block_device_put(b);
		return err;
	}
	f->mapping = &b->mapping;
	f->wb_err = mapping_sample_error(&b->mapping);
	return 0;
}

static void
blkdev_release(struct file *f)
{
	struct block_device *b = bdev_of(f);

	block_device_close(b, f->mode & FMODE_WRITE, holder_of(f));
	block_device_put(b);
}

static int
blkdev_set_flags(struct file *f, int flags)
{
	(void)f, (void)flags;
	return 0;		/* O_DIRECT is understood */
}

/* --- past the cache --- */

/* Everything in whole logical blocks: offset, and each piece of memory. */
static bool
aligned(struct file *f, const struct iobuf *buf, off_t pos)
{
	u64 bits = (u64)pos | iobuf_left(buf), mask = block_device_logical_size(bdev_of(f)) - 1;

	if (buf->kind == IOBUF_PAGES)
		return (bits & mask) == 0;
	for (u32 i = 0; i < buf->nsegs; i++)
		bits |= buf->iov[i].base | buf->iov[i].len;
	return ((bits | buf->seg_off) & mask) == 0;
}

/* The cache's copies of what was just written directly: `bio` has it. */
static void
update_cache(struct file *f, const struct bio *bio, off_t pos)
{
	for (u32 i = 0; i < bio->nvecs; pos += bio->vecs[i++].len) {
		const char *from = page_address(bio->vecs[i].page);

		for (u32 done = 0; done < bio->vecs[i].len; ) {
			u32 off = (u32)((u64)(pos + done) & (PAGE_SIZE - 1)), n = MIN((u32)PAGE_SIZE - off, bio->vecs[i].len - done);
			struct page *pg = mapping_find(f->mapping, (u64)(pos + done) >> PAGE_SHIFT);

			if (pg != NULL) {
				page_lock(pg);
				if (pg->mapping == f->mapping)
					memcpy((char *)page_address(pg) + off, from + done, n);
				page_unlock(pg);
				page_put(pg);
			}
			done += n;
		}
	}
}

/* Fill the bio with fresh pages for up to `want` bytes. */
static int
add_pages(struct bio *bio, size_t want)
{
	while (bio->len < want) {
		u32 part = (u32)MIN(want - bio->len, PAGE_SIZE);
		struct page *pg;

		if (bio->nvecs == bio->max_vecs)
			break;
		pg = page_alloc(0, KM_USER);
		if (pg == NULL)
			break;
		(void)bio_add_page(bio, pg, 0, part);
	}
	return bio->len > 0 ? 0 : -ENOMEM;
}

/* One bio's worth. Bytes moved, or -errno. */
static ssize_t
direct_part(struct file *f, struct iobuf *buf, off_t pos, bool write)
{
	size_t want = MIN(iobuf_left(buf), (size_t)DIRECT_PAGES * PAGE_SIZE), moved = 0;
	struct bio *bio = bio_alloc(bdev_of(f), write ? BIO_WRITE : BIO_READ, BIO_SYNC, (u64)pos >> SECTOR_SHIFT, DIRECT_PAGES, KM_NORMAL);
	int err = add_pages(bio, want);

	for (u32 i = 0; err == 0 && write && i < bio->nvecs; i++)
		if (iobuf_copy_in(buf, page_address(bio->vecs[i].page), bio->vecs[i].len) != bio->vecs[i].len)
			err = -EFAULT;
	if (err == 0)
		err = mapping_sync(f->mapping, pos, pos + bio->len - 1);
	if (err == 0)
		err = bio_submit_wait(bio);
	for (u32 i = 0; err == 0 && !write && i < bio->nvecs; i++) {
		size_t n = iobuf_copy_out(buf, page_address(bio->vecs[i].page), bio->vecs[i].len);

		moved += n;
		if (n < bio->vecs[i].len)
			err = -EFAULT;
	}
	if (err == 0 && write) {
		update_cache(f, bio, pos);
		moved = bio->len;
	}
	for (u32 i = 0; i < bio->nvecs; i++)
		page_put(bio->vecs[i].page);
	bio_free(bio);
	return moved > 0 ? (ssize_t)moved : err;
}

static ssize_t
direct(struct file *f, struct iobuf *buf, off_t *pos, bool write)
{
	ssize_t done = 0;

	if (!aligned(f, buf, *pos))
		return -EINVAL;
	while (iobuf_left(buf) > 0) {
		ssize_t n = direct_part(f, buf, *pos, write);

		if (n <= 0)
			return done > 0 ? done : n;
		*pos += n;
		done += n;
	}
	return done;
}

/* --- read and write --- */

static ssize_t
blkdev_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct path p = { f->mnt, f->dentry };
	off_t size = size_of(f);
	ssize_t n;

	if (*pos >= size || iobuf_left(buf) == 0)
		return 0;
	if (iobuf_left(buf) > (size_t)(size - *pos))
		iobuf_truncate(buf, (size_t)(size - *pos));
	n = (f->flags & O_DIRECT) ? direct(f, buf, pos, false) : pagecache_read_ahead(f->mapping, buf, pos, size, &f->ra);
	if (n >= 0 && !(f->flags & O_NOATIME))
		path_touch_atime(&p);
	return n;
}

static int blkdev_fsync(struct file *f, off_t start, off_t end, bool datasync);

static ssize_t
blkdev_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	off_t size = size_of(f), start = *pos;
	ssize_t n;
	int err;

	if (block_device_is_read_only(bdev_of(f)))
		return -EPERM;
	if (iobuf_left(buf) == 0)
		return 0;
	if (*pos >= size)
		return -ENOSPC;
	if (iobuf_left(buf) > (size_t)(size - *pos))
		iobuf_truncate(buf, (size_t)(size - *pos));
	n = (f->flags & O_DIRECT) ? direct(f, buf, pos, true) : pagecache_write(f->mapping, buf, pos, NULL);
	if (n > 0 && (f->flags & O_DSYNC)) {
		err = blkdev_fsync(f, start, start + n - 1, true);
		if (err != 0)
			return err;
	}
	return n;
}

static off_t
blkdev_llseek(struct file *f, off_t off, int whence)
{
	off_t size = size_of(f), base;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off) || off < 0 || off > size)
		return -EINVAL;
	f->pos = off;
	return off;
}

static int
blkdev_mmap(struct file *f, struct vma *vma)
{
	struct path p = { f->mnt, f->dentry };

	vma->mapping = f->mapping;
	path_touch_atime(&p);
	return 0;
}

/* The pages, then the device's cache; a device that has gone says so. */
static int
blkdev_fsync(struct file *f, off_t start, off_t end, bool datasync)
{
	int err = mapping_sync(f->mapping, start, end), e;

	(void)datasync;
	e = mapping_check_error(f->mapping, &f->wb_err);
	if (err == 0)
		err = e;
	return err != 0 ? err : block_flush(bdev_of(f));
}

static int
blkdev_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct block_device *b = bdev_of(f);
	off_t size = size_of(f), end;
	int err;

	if (mode != (FALLOC_FL_ZERO_RANGE) && mode != (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE) &&
	    mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (off >= size || __builtin_add_overflow(off, len, &end))
		return -EINVAL;
	if (end > size) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EINVAL;
		end = size;
	}
	if (!IS_ALIGNED((u64)(off | end), (u64)block_device_logical_size(b)))
		return -EINVAL;
	err = block_drop_cached(b, (u64)off, (u64)end);
	if (err != 0)
		return err;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		return block_zero_offloaded(b, (u64)off >> SECTOR_SHIFT, (u64)(end - off) >> SECTOR_SHIFT);
	return block_zero(b, (u64)off >> SECTOR_SHIFT, (u64)(end - off) >> SECTOR_SHIFT);
}

static long
blkdev_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	return block_device_ioctl(bdev_of(f), cmd, arg, f->mode & FMODE_WRITE, holder_of(f));
}

const struct file_ops blkdev_fops = {
	.read = blkdev_read,
	.write = blkdev_write,
	.llseek = blkdev_llseek,
	.ioctl = blkdev_ioctl,
	.mmap = blkdev_mmap,
	.open = blkdev_open,
	.release = blkdev_release,
	.fsync = blkdev_fsync,
	.fallocate = blkdev_fallocate,
	.set_flags = blkdev_set_flags,
};
