/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read and write through the page cache.
 *
 * Rule: no user memory is touched under a page lock, for a fault there may want that very page. A read copies from an
 * uptodate page that it only references. A write faults the source in first, then copies without sleeping; where that
 * finds the page gone again it starts over.
 */
#include "mm/iobuf.h"
#include "mm/mapping.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

const struct mapping_ops memory_mapping_ops;	/* nothing behind the pages: no slot is filled */

/* The page to read from, or NULL with *err 0 for a hole in memory. */
static struct page *
page_for_read(struct mapping *m, u64 index, int *err)
{
	struct page *pg;

	*err = 0;
	if (m->flags & MAPPING_MEMORY)
		return mapping_find(m, index);
	*err = mapping_read(m, index, &pg);
	return *err == 0 ? pg : NULL;
}

ssize_t
pagecache_read(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size)
{
	ssize_t done = 0;

	while (iobuf_left(buf) > 0 && *pos < size) {
		u32 off = (u32)(*pos & (PAGE_SIZE - 1));
		size_t n = MIN(MIN((size_t)(PAGE_SIZE - off), iobuf_left(buf)), (size_t)(size - *pos));
		struct page *pg;
		size_t copied;
		int err;

		pg = page_for_read(m, (u64)*pos >> PAGE_SHIFT, &err);
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

/* Lock the page to write [off, off+n) of. */
static int
write_begin(struct mapping *m, off_t pos, size_t n, struct page **pg)
{
	if (m->ops != NULL && m->ops->write_begin != NULL)
		return m->ops->write_begin(m, pos, n, pg);
	return mapping_get_locked(m, (u64)pos >> PAGE_SHIFT, pg);
}

static int
write_end(struct mapping *m, off_t pos, size_t n, size_t copied, struct page *pg)
{
	int err = 0;

	if (copied > 0)
		mapping_dirty(m, pg);
	if (m->ops != NULL && m->ops->write_end != NULL)
		err = m->ops->write_end(m, pos, n, copied, pg);
	page_unlock(pg);
	page_put(pg);
	return err;
}

/* One page's worth. Bytes written, 0: the source went away, try again; -errno. */
static ssize_t
write_part(struct mapping *m, struct iobuf *buf, off_t pos, void (*size_update)(struct mapping *, off_t))
{
	u32 off = (u32)(pos & (PAGE_SIZE - 1));
	size_t n = MIN((size_t)(PAGE_SIZE - off), iobuf_left(buf));
	struct page *pg;
	size_t copied;
	int err;

	if (iobuf_prefault(buf, n) != 0)
		return -EFAULT;
	err = write_begin(m, pos, n, &pg);
	if (err != 0)
		return err;
	page_wait_writeback(pg);
	copied = iobuf_copy_in_atomic(buf, (char *)page_address(pg) + off, n);
	if (copied > 0 && size_update != NULL)
		size_update(m, pos + (off_t)copied);
	err = write_end(m, pos, n, copied, pg);
	return err != 0 ? err : (ssize_t)copied;
}

ssize_t
pagecache_write(struct mapping *m, struct iobuf *buf, off_t *pos, void (*size_update)(struct mapping *m, off_t end))
{
	ssize_t done = 0;

	while (iobuf_left(buf) > 0) {
		ssize_t n = write_part(m, buf, *pos, size_update);

		if (n < 0)
			return done > 0 ? done : n;
		*pos += n;
		done += n;
		if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			return done > 0 ? done : -EINTR;
	}
	return done;
}
