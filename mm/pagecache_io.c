/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read and write through the page cache.
 *
 * Rule: no user memory is touched under a page lock, for a fault there may want that very page. A read copies from an
 * uptodate page that it only references. A write faults the source in first, then copies without sleeping; where that
 * finds the page gone again it starts over.
 */
#include "mm/iobuf.h"
#include "mm/lru.h"
#include "mm/mapping.h"

#include "sys/abi/errno.h"
#include "sys/file.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

const struct mapping_ops memory_mapping_ops;	/* nothing behind the pages: no slot is filled */

/* The page to read from, or NULL with *err 0 for a hole in memory. */
static struct page *
page_for_read(struct mapping *m, u64 index, u64 want, struct read_ahead *ra, int *err)
{
	struct page *pg;

	*err = 0;
	if (m->flags & MAPPING_MEMORY)
		return mapping_find(m, index);
	if (ra == NULL || (ra->prev != index && !ra->noreuse)) {	/* small reads of one page are one use of it */
		*err = readahead_get(m, ra, index, want, &pg);
		if (*err == 0)
			page_mark_accessed(pg);
	} else {
		*err = readahead_get(m, ra, index, want, &pg);
	}
	return *err == 0 ? pg : NULL;
}

ssize_t
pagecache_read_ahead(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size, struct read_ahead *ra)
{
	ssize_t done = 0;

	while (iobuf_left(buf) > 0 && *pos < size) {
		u32 off = (u32)(*pos & (PAGE_SIZE - 1));
		size_t left = MIN(iobuf_left(buf), (size_t)(size - *pos));
		size_t n = MIN((size_t)(PAGE_SIZE - off), left);
		struct page *pg;
		size_t copied;
		int err;

		pg = page_for_read(m, (u64)*pos >> PAGE_SHIFT, DIV_ROUND_UP(off + left, PAGE_SIZE), ra, &err);
		if (err == -ENODATA)
			return done;
		if (err != 0)
			return done > 0 ? done : err;
		if (pg != NULL) {
			copied = iobuf_copy_out(buf, (char *)page_address(pg) + off, n);
			page_put(pg);
		} else {
			copied = iobuf_zero(buf, n);
		}
		*pos += copied;
		done += copied;
		if (copied < n)
			return done > 0 ? done : -EFAULT;
		if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			return done;
	}
	return done;
}

ssize_t
pagecache_read(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size)
{
	return pagecache_read_ahead(m, buf, pos, size, NULL);
}

/* Lock the page to write [off, off+n) of. */
static int
write_begin(struct mapping *m, off_t pos, size_t n, struct page **pg)
{
	if (m->ops != NULL && m->ops->write_begin != NULL)
		return m->ops->write_begin(m, pos, n, pg);
	return mapping_get_locked(m, (u64)pos >> PAGE_SHIFT, pg);
}

/* A page that wasn't uptodate was to be overwritten as far as write_begin hasn't filled it: all of it was, or nothing counts. */
static size_t
settle_copied(struct mapping *m, struct page *pg, size_t n, size_t copied)
{
	if (!page_flag(pg, PG_UPTODATE)) {
		if (copied == n)
			page_set_flag(pg, PG_UPTODATE);
		else
			copied = 0;
	}
	if (copied > 0)
		mapping_dirty(m, pg);
	return copied;
}

/* One page's worth, at most *limit. Bytes written, 0: the source went away, try again with the new *limit; -errno. */
static ssize_t
write_part(struct mapping *m, struct iobuf *buf, off_t pos, size_t *limit, void (*size_update)(struct mapping *, off_t))
{
	u32 off = (u32)(pos & (PAGE_SIZE - 1));
	size_t n = MIN(MIN((size_t)(PAGE_SIZE - off), iobuf_left(buf)), *limit), moved, copied;
	struct page *pg;
	int err;

	if (iobuf_prefault(buf, n) != 0)
		return -EFAULT;
	err = write_begin(m, pos, n, &pg);
	if (err != 0)
		return err;
	if (m->flags & MAPPING_STABLE)
		page_wait_writeback(pg);
	moved = iobuf_copy_in_atomic(buf, (char *)page_address(pg) + off, n);
	copied = settle_copied(m, pg, n, moved);
	iobuf_revert(buf, moved - copied);
	*limit = copied == 0 && moved > 0 ? moved : PAGE_SIZE;
	if (copied > 0 && size_update != NULL)
		size_update(m, pos + (off_t)copied);
	if (m->ops != NULL && m->ops->write_end != NULL)
		err = m->ops->write_end(m, pos, n, copied, pg);
	page_unlock(pg);
	page_put(pg);
	return err != 0 ? err : (ssize_t)copied;
}

ssize_t
pagecache_write(struct mapping *m, struct iobuf *buf, off_t *pos, void (*size_update)(struct mapping *m, off_t end))
{
	size_t limit = PAGE_SIZE;
	ssize_t done = 0;

	while (iobuf_left(buf) > 0) {
		ssize_t n = write_part(m, buf, *pos, &limit, size_update);

		if (n < 0)
			return done > 0 ? done : n;
		*pos += n;
		done += n;
		writeback_throttle();
		if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			return done > 0 ? done : -EINTR;
	}
	return done;
}
