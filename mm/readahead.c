/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read-ahead: reading before anybody asks, so that a sequential reader rarely waits.
 *
 * A window [start, start + size) is read at one go. Its page at start + size - async bears PG_READAHEAD: the reader who reaches it
 * starts the next window, while what is left of this one still lies before him. Windows grow from a few pages to the device's limit.
 * What is not sequential gets no window, only what it asked for. A reader that lost its state (another descriptor, several streams
 * through one) is told by the pages before it: where they are in the cache, somebody reads sequentially.
 *
 * The state is only a guess: threads that share a descriptor change it without a lock.
 */
#include "mm/lru.h"
#include "mm/pagecache.h"
#include "mm/zone.h"

#include "sys/abi/errno.h"
#include "sys/file.h"
#include "sys/kmem.h"
#include "sys/rcu.h"
#include "sys/thread.h"

#define FORCE_CHUNK	(2 * MIB / PAGE_SIZE)	/* readahead_force(): between looks for signals */

static struct backing_dev default_backing = { .ra_pages = RA_PAGES_DEFAULT };

static u32
max_window(const struct mapping *m, const struct read_ahead *ra)
{
	const struct backing_dev *b = m->backing != NULL ? m->backing : &default_backing;
	u32 n = atomic_load_relaxed(&b->ra_pages);

	return ra != NULL && ra->advice == POSIX_FADV_SEQUENTIAL ? 2 * n : n;
}

static u64
file_pages(struct mapping *m)
{
	off_t size;

	if (m->ops->size == NULL)
		return UINT64_MAX;
	size = m->ops->size(m);
	return size > 0 ? DIV_ROUND_UP((u64)size, PAGE_SIZE) : 0;
}

/* --- reading a range in --- */

static bool
is_cached(struct mapping *m, u64 index)
{
	bool there;

	rcu_read_lock();
	there = xa_load(&m->pages, index) != NULL;
	rcu_read_unlock();
	return there;
}

/* n new locked pages from index are in the cache. */
static void
start_run(struct mapping *m, u64 index, u32 n)
{
	if (n == 0)
		return;
	if (m->ops->read_ahead != NULL) {
		m->ops->read_ahead(m, index, n);
		return;
	}
	for (u32 i = 0; i < n; i++)
		(void)m->ops->read_page(m, mapping_locked_page(m, index + i));
}

/* A new locked page; the cache has the only reference. */
static int
add_locked(struct mapping *m, u64 index, bool mark)
{
	struct page *pg = page_alloc(0, KM_USER | KM_NOFS | (int)m->gfp);
	int err;

	if (pg == NULL)
		return -ENOMEM;
	page_set_flag(pg, PG_LOCKED);
	if (mark)
		page_set_flag(pg, PG_READAHEAD);
	err = mapping_insert(m, index, pg);
	if (err != 0)
		page_clear_flag(pg, PG_LOCKED);
	page_put(pg);
	return err;
}

/* Start reading what is missing of n pages from index, with the mark on page `mark`. inval_lock is held shared. */
static void
read_range(struct mapping *m, u64 index, u32 n, u64 mark)
{
	u64 pages = file_pages(m), start = index;
	u32 run = 0;

	if (index >= pages)
		return;
	n = (u32)MIN((u64)n, pages - index);
	for (u64 end = index + n; index < end; index++) {
		int err = is_cached(m, index) ? -EEXIST : add_locked(m, index, index == mark);

		if (err == 0) {
			run++;
			continue;
		}
		start_run(m, start, run);
		start = index + 1;
		run = 0;
		if (err == -ENOMEM)
			return;
	}
	start_run(m, start, run);
}

/* --- windows --- */

static u32
first_window(u64 want, u32 max)
{
	u32 n = 1;

	while (n < want && n < max)
		n *= 2;
	return MIN(n <= max / 32 ? n * 4 : n * 2, max);
}

static u32
next_window(u32 size, u32 max)
{
	return MIN(size < max / 16 ? size * 4 : size * 2, max);
}

static void
set_window(struct read_ahead *ra, u64 start, u32 size, u32 async)
{
	if (ra == NULL)
		return;
	WRITE_ONCE(ra->start, start);
	WRITE_ONCE(ra->size, size);
	WRITE_ONCE(ra->async, async);
}

/* How many pages right before index are cached, up to max. */
static u32
cached_before(struct mapping *m, u64 index, u32 max)
{
	u32 n = 0;

	while (n < max && n < index && is_cached(m, index - n - 1))
		n++;
	return n;
}

/* Page index is missing, and `want` pages from there are asked for: how far to read. */
static void
on_miss(struct mapping *m, struct read_ahead *ra, u64 index, u64 want)
{
	u32 max = max_window(m, ra), size, async, before;
	u64 prev = ra != NULL ? READ_ONCE(ra->prev) : RA_NONE;

	if (max == 0 || (ra != NULL && ra->advice == POSIX_FADV_RANDOM)) {
		read_range(m, index, (u32)MIN(want, FORCE_CHUNK), UINT64_MAX);
		return;
	}
	if (ra != NULL && ra->size != 0 && index == ra->start + ra->size) {	/* outran the window */
		size = next_window(ra->size, max);
		async = size;
	} else if (index == 0 || (prev != RA_NONE && (index == prev + 1 || index == prev)) || want > max) {
		size = first_window(want, max);
		async = size > want ? size - (u32)want : size;
	} else if ((before = cached_before(m, index, max)) >= MAX(want, 2UL)) {
		size = MIN(MAX(2 * before, first_window(want, max)), max);
		async = size / 2;
	} else {
		set_window(ra, 0, 0, 0);
		read_range(m, index, (u32)want, UINT64_MAX);
		return;
	}
	set_window(ra, index, size, async);
	read_range(m, index, size, async == size && want >= size ? index + size - 1 : index + size - async);
}

/* The page at index bears the mark. */
static void
on_mark(struct mapping *m, struct read_ahead *ra, u64 index)
{
	u32 max = max_window(m, ra), size;
	u64 start = index + 1;

	if (max == 0 || (ra != NULL && ra->advice == POSIX_FADV_RANDOM))
		return;
	if (ra != NULL && ra->size != 0 && index >= ra->start && index < ra->start + ra->size) {
		start = ra->start + ra->size;
		size = next_window(ra->size, max);
	} else {
		while (start - index < max && is_cached(m, start))
			start++;
		size = next_window((u32)(start - index), max);
	}
	set_window(ra, start, size, size);
	read_range(m, start, size, start);
}

/* --- readers --- */

static bool
ready(const struct page *pg)
{
	return (atomic_load_relaxed(&pg->flags) & (BIT(PG_UPTODATE) | BIT(PG_READAHEAD))) == BIT(PG_UPTODATE);
}

static int
get_slow(struct mapping *m, struct read_ahead *ra, u64 index, u64 want, struct page **out)
{
	int err = rwlock_read_lock_killable(&m->inval_lock);
	struct page *pg;

	if (err != 0)
		return err;
	if (index >= file_pages(m)) {
		rwlock_read_unlock(&m->inval_lock);
		return -ENODATA;
	}
	pg = mapping_find(m, index);
	if (pg == NULL)
		on_miss(m, ra, index, want);
	else if (page_test_clear_flag(pg, PG_READAHEAD))
		on_mark(m, ra, index);
	if (pg == NULL)
		pg = mapping_find(m, index);
	rwlock_read_unlock(&m->inval_lock);
	/* Wait for it with no lock: a truncation may go on, and waits for the page by itself. */
	if (pg != NULL) {
		err = page_flag(pg, PG_UPTODATE) ? 0 : page_wait_locked_killable(pg);
		if (err == 0 && page_flag(pg, PG_UPTODATE)) {
			*out = pg;
			return 0;
		}
		page_put(pg);
		if (err != 0)
			return err;
	}
	err = rwlock_read_lock_killable(&m->inval_lock);
	if (err != 0)
		return err;
	err = index < file_pages(m) ? mapping_read_killable(m, index, out) : -ENODATA;
	rwlock_read_unlock(&m->inval_lock);
	return err;
}

int
readahead_get(struct mapping *m, struct read_ahead *ra, u64 index, u64 want, struct page **out)
{
	struct page *pg = mapping_find(m, index);
	int err = 0;

	if (likely(pg != NULL && ready(pg))) {
		*out = pg;
	} else {
		if (pg != NULL)
			page_put(pg);
		err = get_slow(m, ra, index, want, out);
	}
	if (ra != NULL && ra->prev != index)
		WRITE_ONCE(ra->prev, index);
	return err;
}

void
readahead_fault(struct mapping *m, struct read_ahead *ra, u64 index, bool sequential)
{
	u32 max = max_window(m, ra);
	struct page *pg = mapping_find(m, index);
	u64 start;

	rwlock_assert_held(&m->inval_lock);
	if (pg != NULL) {
		if (page_test_clear_flag(pg, PG_READAHEAD))
			on_mark(m, ra, index);
		page_put(pg);
	} else if (sequential) {
		on_miss(m, ra, index, 1);
	} else if (max != 0) {		/* around it: programs jump both ways */
		start = index > max / 2 ? index - max / 2 : 0;
		set_window(ra, start, max, max / 4);
		read_range(m, start, max, start + max - MAX(max / 4, 1u));
	}
}

void
readahead_force(struct mapping *m, u64 index, u64 n)
{
	struct thread *t = thread_current();
	u64 room = (buddy_free_pages() + lru_size(LRU_INACTIVE_FILE)) / 2;	/* more would push itself out */

	if (m->flags & MAPPING_MEMORY)
		return;
	n = MIN(n, MAX(room, FORCE_CHUNK));
	while (n > 0) {
		u32 chunk = (u32)MIN(n, FORCE_CHUNK);

		if ((thread_signal_pending(t) && thread_fatal_pending(t)) || rwlock_read_lock_killable(&m->inval_lock) != 0)
			return;
		read_range(m, index, chunk, UINT64_MAX);
		rwlock_read_unlock(&m->inval_lock);
		if (index + chunk >= file_pages(m))
			return;
		index += chunk;
		n -= chunk;
	}
}
