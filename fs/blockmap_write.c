/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing into the page cache of a disk file: blocks are allocated here, before the data comes.
 *
 * New blocks hold somebody's old data until the page is written. So a page that got one is made dirty inside the transaction and stays
 * locked until its contents are whole: ordered write-back waits for it. Where the page will not come about (an error), the new
 * blocks are written with zeros at once.
 *
 * Between write_begin and write_end of a page that isn't uptodate, page->private holds which of its blocks are fresh.
 */
#include "fs/blockmap_internal.h"
#include "fs/path.h"

#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

int
blockmap_all_mapped(struct vnode *vn, u64 first, u64 last)
{
	while (first <= last) {
		struct block_extent e;
		u64 want = last - first + 1;
		int err = vn->sb->blockmap->map(vn, first, (u32)MIN(want, (u64)UINT32_MAX), false, &e);

		if (err != 0)
			return err;
		if (e.hole)
			return 0;
		first += e.n;
	}
	return 1;
}

/* Zeros into the fresh blocks of the page at index, on the device, with the page's memory of them (if it has none that is good). */
static void
zero_fresh(struct vnode *vn, struct page *pg, u32 fresh)
{
	struct blockmap_pass p = { .vn = vn, .op = BIO_WRITE };
	struct piece pc[PIECES_MAX];
	u32 bits = block_bits(vn);
	int n;

	if (fresh == 0)
		return;
	if (!page_flag(pg, PG_UPTODATE))
		for (u32 i = 0; i < PAGE_SIZE >> bits; i++)
			if (fresh & BIT(i))
				memset((char *)page_address(pg) + (i << bits), 0, 1u << bits);
	n = blockmap_pieces(&p, pg->index, PAGE_SIZE, ~fresh, pc);
	if (n < 0 || blockmap_rw_pieces(vn, BIO_WRITE, pg, pc, n) != 0)
		mapping_set_error(&vn->mapping, -EIO);
}

/* Allocate blocks [first, last] of the locked page where they are missing. *fresh: which are new, also on failure. */
static int
allocate(struct vnode *vn, struct page *pg, u64 first, u64 last, u32 *fresh)
{
	u64 base = pg->index << (PAGE_SHIFT - block_bits(vn));

	*fresh = 0;
	while (first <= last) {
		struct block_extent e;
		int err = vn->sb->blockmap->map(vn, first, (u32)(last - first + 1), true, &e);

		if (err != 0)
			return err;
		if (e.fresh)
			*fresh |= (u32)((BIT(e.n) - 1) << (first - base));
		first += e.n;
	}
	return 0;
}

/* The page isn't uptodate and [off, off + len) will be written: bring in the rest. *whole: nothing had to be read, so it becomes uptodate by
 * write_end alone. */
static int
read_rest(struct vnode *vn, struct page *pg, u32 off, u32 len, u32 fresh, bool *whole)
{
	char *base = page_address(pg);
	u32 valid = blockmap_valid_bytes(vn, pg->index);
	off_t in_file = vnode_size(vn) - (off_t)(pg->index << PAGE_SHIFT);
	int err;

	*whole = valid == 0 || (off == 0 && (off_t)len >= in_file);
	if (off == 0 && len == PAGE_SIZE)
		*whole = true;
	if (*whole) {
		memset(base, 0, off);
		memset(base + off + len, 0, PAGE_SIZE - off - len);
		return 0;
	}
	err = blockmap_read_into(vn, pg->index, fresh, pg);
	if (err == 0)
		page_set_flag(pg, PG_UPTODATE);
	return err;
}

/* What the page lacks between begin and end, and fresh blocks for a short copy. */
static void
set_fresh(struct page *pg, u32 fresh)
{
	pg->private = (void *)(uintptr_t)fresh;
}

static int
begin_mapped(struct vnode *vn, struct page *pg, u32 off, u32 len)
{
	bool whole;

	if (page_flag(pg, PG_UPTODATE))
		return 0;
	set_fresh(pg, 0);
	return read_rest(vn, pg, off, len, 0, &whole);
}

/* The page is in the cache and referenced; it comes back locked on success. -EAGAIN: it left the cache. */
static int
begin_allocate(struct vnode *vn, struct page *pg, off_t pos, u32 len)
{
	u32 bits = block_bits(vn), off = (u32)(pos & (PAGE_SIZE - 1)), fresh = 0;
	u64 first = (u64)pos >> bits, last = (u64)(pos + len - 1) >> bits;
	const struct blockmap_ops *ops = vn->sb->blockmap;
	void *handle = NULL;
	bool whole = false;
	int err = 0;

	if (ops->begin != NULL)
		err = ops->begin(vn, (u32)(last - first + 1), &handle);
	if (err != 0)
		return err;
	page_lock(pg);
	if (pg->mapping != &vn->mapping || pg->index != (u64)pos >> PAGE_SHIFT) {
		err = -EAGAIN;
	} else {
		page_wait_writeback(pg);
		err = allocate(vn, pg, first, last, &fresh);
		if (err == 0 && !page_flag(pg, PG_UPTODATE)) {
			set_fresh(pg, fresh);
			err = read_rest(vn, pg, off, len, fresh, &whole);
		}
		if (err != 0)
			zero_fresh(vn, pg, fresh);
		else
			mapping_dirty(&vn->mapping, pg);
	}
	if (ops->end != NULL)
		ops->end(vn, handle, pos, err == 0 ? pos + (off_t)len : pos);
	if (err != 0)
		page_unlock(pg);
	return err;
}

int
blockmap_write_begin(struct mapping *m, off_t pos, size_t len, struct page **out)
{
	struct vnode *vn = m->owner;
	u32 bits = block_bits(vn);
	struct page *pg;
	int err = 0, mapped;

	if (vn->sb->blockmap->fill_gap != NULL && pos > vnode_size(vn))
		err = vn->sb->blockmap->fill_gap(vn, pos);
	if (err != 0)
		return err;
	do {
		mapped = blockmap_all_mapped(vn, (u64)pos >> bits, (u64)(pos + (off_t)len - 1) >> bits);
		if (mapped < 0)
			return mapped;
		err = mapping_get_locked(m, (u64)pos >> PAGE_SHIFT, &pg);
		if (err != 0)
			return err;
		if (mapped) {
			err = begin_mapped(vn, pg, (u32)(pos & (PAGE_SIZE - 1)), (u32)len);
			if (err != 0)
				page_unlock(pg);
		} else {
			page_unlock(pg);
			err = begin_allocate(vn, pg, pos, (u32)len);
		}
		if (err != 0)
			page_put(pg);
	} while (err == -EAGAIN);
	*out = pg;
	return err;
}

/* The copy was cut short in a page that had nothing: the rest is what the file had there. */
static int
fill_rest(struct vnode *vn, struct page *pg, u32 from, u32 to)
{
	struct page *old = page_alloc(0, KM_ZERO);
	int err = -ENOMEM;

	if (old != NULL)
		err = blockmap_read_into(vn, pg->index, (u32)(uintptr_t)pg->private, old);
	if (err == 0)
		memcpy((char *)page_address(pg) + from, (char *)page_address(old) + from, to - from);
	else
		memset((char *)page_address(pg) + from, 0, to - from);
	if (old != NULL)
		page_put(old);
	return err;
}

int
blockmap_write_end(struct mapping *m, off_t pos, size_t len, size_t copied, struct page *pg)
{
	struct vnode *vn = m->owner;
	u32 off = (u32)(pos & (PAGE_SIZE - 1));
	int err = 0;

	if (!page_flag(pg, PG_UPTODATE)) {
		if (copied < len)
			err = fill_rest(vn, pg, off + (u32)copied, off + (u32)len);
		page_set_flag(pg, PG_UPTODATE);
	}
	set_fresh(pg, 0);
	return err;
}

/* Entered with the page locked, left so on success. The page lock comes behind the transaction, so it is let go in between. */
int
blockmap_page_mkwrite(struct mapping *m, struct page *pg)
{
	struct vnode *vn = m->owner;
	const struct blockmap_ops *ops = vn->sb->blockmap;
	u32 bits = block_bits(vn), valid = blockmap_valid_bytes(vn, pg->index), fresh = 0;
	u64 index = pg->index, first = index << (PAGE_SHIFT - bits);
	off_t start = (off_t)(index << PAGE_SHIFT);
	void *handle = NULL;
	int err;

	if (valid == 0) {
		page_unlock(pg);
		return -EAGAIN;
	}
	err = blockmap_all_mapped(vn, first, first + (valid >> bits) - 1);
	if (err == 1)
		return 0;
	page_unlock(pg);
	if (err == 0 && ops->begin != NULL)
		err = ops->begin(vn, valid >> bits, &handle);
	if (err != 0)
		return err;
	page_lock(pg);
	if (pg->mapping != m || pg->index != index) {
		err = -EAGAIN;
	} else {
		page_wait_writeback(pg);
		err = allocate(vn, pg, first, first + (valid >> bits) - 1, &fresh);
		if (err != 0)
			zero_fresh(vn, pg, fresh);
		else
			mapping_dirty(m, pg);
	}
	if (ops->end != NULL)
		ops->end(vn, handle, start, err == 0 ? MIN(start + (off_t)valid, vnode_size(vn)) : start);
	if (err != 0)
		page_unlock(pg);
	return err;
}

/* --- changes of the size --- */

int
blockmap_zero_tail(struct vnode *vn, off_t size)
{
	u32 bits = block_bits(vn), off = (u32)(size & (PAGE_SIZE - 1));
	struct page *pg;
	int err;

	if ((size & ((1u << bits) - 1)) == 0)
		return 0;
	err = blockmap_all_mapped(vn, (u64)size >> bits, (u64)size >> bits);
	if (err <= 0)
		return err;
	err = mapping_read(&vn->mapping, (u64)size >> PAGE_SHIFT, &pg);
	if (err != 0)
		return err;
	page_lock(pg);
	if (pg->mapping == &vn->mapping && page_flag(pg, PG_UPTODATE)) {
		page_wait_writeback(pg);
		memset((char *)page_address(pg) + off, 0, PAGE_SIZE - off);
		mapping_dirty(&vn->mapping, pg);
	}
	page_unlock(pg);
	page_put(pg);
	return 0;
}

void
blockmap_protect_page_at(struct vnode *vn, off_t at)
{
	struct page *pg;

	if (vn->sb->blksize == PAGE_SIZE || (at & (off_t)(PAGE_SIZE - 1)) == 0)
		return;
	pg = mapping_find(&vn->mapping, (u64)at >> PAGE_SHIFT);
	if (pg == NULL)
		return;
	page_lock(pg);
	if (pg->mapping == &vn->mapping)
		mapping_protect_page(&vn->mapping, pg);
	page_unlock(pg);
	page_put(pg);
}

/* --- the file's operations --- */

ssize_t
blockmap_file_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct path p = { f->mnt, f->dentry };
	ssize_t n;

	if (likely(!(atomic_load_relaxed(&f->flags) & O_DIRECT)))
		return generic_file_read(f, buf, pos);
	if (!blockmap_direct_aligned(f, buf, *pos))
		return -EINVAL;
	n = blockmap_direct_read(f, buf, pos);
	if (n >= 0 && !(atomic_load_relaxed(&f->flags) & O_NOATIME))
		path_touch_atime(&p);
	return n;
}

ssize_t
blockmap_file_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vnode *vn = f->vn;
	size_t want = iobuf_left(buf);
	ssize_t n;

	if (unlikely(atomic_load_relaxed(&f->flags) & O_DIRECT)) {
		if (!blockmap_direct_aligned(f, buf, *pos))
			return -EINVAL;
		n = blockmap_direct_write(f, buf, pos);
	} else {
		n = generic_file_write(f, buf, pos);
	}
	if (n != (ssize_t)want && vn->sb->blockmap->trim != NULL) {
		rwlock_write_lock(&vn->rwlock);
		vn->sb->blockmap->trim(vn);
		rwlock_write_unlock(&vn->rwlock);
	}
	return n;
}
