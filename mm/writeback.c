/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dirty pages: marking them, writing them out, and remembering errors until an fsync has told every open file.
 *
 * PG_DIRTY and MTAG_DIRTY change together, under the mapping's lock; so do PG_WRITEBACK and MTAG_WRITEBACK. What is to be written is
 * locked, cleaned and write-protected in memory first: a write after that makes it dirty anew.
 *
 * A sync marks what is dirty when it begins with MTAG_TOWRITE and writes only that, so that a writer who goes on can't keep it
 * busy for ever. Memory mappings have nothing to be written to: their pages are dirty without being counted or listed.
 */
#include "mm/lru.h"
#include "mm/pagecache.h"

#include "sys/abi/errno.h"
#include "sys/panic.h"
#include "sys/rcu.h"
#include "sys/thread.h"

/* --- marking --- */

static bool
mark_dirty(struct mapping *m, struct page *pg)
{
	u64 flags = spin_lock_irqsave(&m->lock);
	bool fresh = pg->mapping == m && !page_test_set_flag(pg, PG_DIRTY);

	if (fresh) {
		xa_set_tag(&m->pages, pg->index, MTAG_DIRTY);
		mem_count(MC_DIRTY, 1);
		flusher_count(m, 1);
	}
	spin_unlock_irqrestore(&m->lock, flags);
	return fresh;
}

void
mapping_dirty(struct mapping *m, struct page *pg)
{
	if (page_flag(pg, PG_DIRTY))
		return;
	if (m->flags & MAPPING_MEMORY) {
		page_set_flag(pg, PG_DIRTY);
		return;
	}
	if (!mark_dirty(m, pg))
		return;
	mem_count(MC_DIRTIED, 1);
	thread_current()->dirtied++;
	thread_current()->dirtied_of = flusher_of(m);
	smp_mb();		/* the tag, before the look at the list: see put_back() in mm/flusher.c */
	if (unlikely(!list_is_linked(&m->dirty_node)))
		flusher_add(m);
}

void
mapping_redirty(struct mapping *m, struct page *pg)
{
	(void)mark_dirty(m, pg);
	atomic_add_relaxed(&flusher_redirtied, 1UL);
	smp_mb();		/* as in mapping_dirty() */
	if (!list_is_linked(&m->dirty_node))
		flusher_add(m);
}

void
mapping_clean(struct mapping *m, struct page *pg)
{
	u64 flags = spin_lock_irqsave(&m->lock);

	if (page_test_clear_flag(pg, PG_DIRTY)) {
		xa_clear_tag(&m->pages, pg->index, MTAG_DIRTY);
		xa_clear_tag(&m->pages, pg->index, MTAG_TOWRITE);
		mem_count(MC_DIRTY, -1);
		flusher_count(m, -1);
	}
	spin_unlock_irqrestore(&m->lock, flags);
}

/* --- finding and taking pages --- */

/* The next page of [*index, last] with the tag, referenced; *index is where it was. */
static struct page *
find_tagged(struct mapping *m, u64 *index, u64 last, enum xa_tag tag)
{
	struct page *pg;

	rcu_read_lock();
	while ((pg = xa_find_tag(&m->pages, index, last, tag)) != NULL)
		if (refcount_try_get(&pg->refs))
			break;
	rcu_read_unlock();
	return pg;
}

#define TAG_AT_ONCE	256

/* What is dirty in the range now is what a sync writes. */
static void
tag_for_sync(struct mapping *m, u64 index, u64 last)
{
	u32 n = 0;

	spin_lock_irq(&m->lock);
	while (xa_find_tag(&m->pages, &index, last, MTAG_DIRTY) != NULL) {
		xa_set_tag(&m->pages, index, MTAG_TOWRITE);
		if (index++ == last)
			break;
		if (++n % TAG_AT_ONCE == 0) {
			spin_unlock_irq(&m->lock);
			spin_lock_irq(&m->lock);
		}
	}
	spin_unlock_irq(&m->lock);
}

/* The locked page goes from dirty to under write-back. False: it is not dirty (any more). */
static bool
begin_writeback(struct mapping *m, struct page *pg)
{
	bool dirty;

	spin_lock_irq(&m->lock);
	dirty = page_test_clear_flag(pg, PG_DIRTY);
	xa_clear_tag(&m->pages, pg->index, MTAG_DIRTY);
	xa_clear_tag(&m->pages, pg->index, MTAG_TOWRITE);
	if (dirty) {
		page_set_flag(pg, PG_WRITEBACK);
		xa_set_tag(&m->pages, pg->index, MTAG_WRITEBACK);
		mem_count(MC_DIRTY, -1);
		mem_count(MC_WRITEBACK, 1);
	}
	spin_unlock_irq(&m->lock);
	if (dirty)
		mapping_protect_page(m, pg);
	return dirty;
}

/* What write_page holds back to make larger requests goes out before this thread waits for anything. */
static void
before_wait(struct writeback_control *wbc)
{
	if (wbc->before_wait != NULL)
		wbc->before_wait(wbc);
}

/* Lock the page and make it ready to be written. False: it isn't to be written, and is unlocked. */
static bool
take_page(struct mapping *m, struct page *pg, u64 index, struct writeback_control *wbc)
{
	if (!page_trylock(pg)) {
		before_wait(wbc);
		page_lock(pg);
	}
	if (pg->mapping == m && pg->index == index) {
		if (wbc->sync && page_flag(pg, PG_WRITEBACK)) {
			before_wait(wbc);
			page_wait_writeback(pg);
		}
		if (!page_flag(pg, PG_WRITEBACK) && begin_writeback(m, pg))
			return true;
	}
	page_unlock(pg);
	return false;
}

int
mapping_write_dirty(struct mapping *m, struct writeback_control *wbc)
{
	enum xa_tag tag = wbc->sync ? MTAG_TOWRITE : MTAG_DIRTY;
	u64 index = wbc->start;
	struct page *pg;
	int err = 0;

	if (wbc->sync)
		tag_for_sync(m, wbc->start, wbc->last);
	while (wbc->nr_to_write != 0 && (pg = find_tagged(m, &index, wbc->last, tag)) != NULL) {
		if (take_page(m, pg, index, wbc)) {
			int e = m->ops->write_page(m, pg, wbc);

			err = err != 0 ? err : e;
			wbc->nr_to_write -= wbc->nr_to_write > 0;
		}
		page_put(pg);
		if (index++ == wbc->last)
			break;
	}
	return err;
}

void
mapping_wait_writeback(struct mapping *m, u64 first, u64 last)
{
	u64 index = first;

	for (struct page *pg; (pg = find_tagged(m, &index, last, MTAG_WRITEBACK)) != NULL; ) {
		page_wait_writeback(pg);
		page_put(pg);
		if (index++ == last)
			return;
	}
}

/* Fields of wb_err, see the end of the file. */
#define WB_ERRNO	0xfffu
#define WB_TOLD		0x1000u
#define WB_COUNT	0x2000u

int
mapping_flush(struct mapping *m, struct writeback_control *wbc)
{
	u32 before = atomic_load_relaxed(&m->wb_err), after;
	int err = 0;

	if (m->flags & MAPPING_MEMORY)
		return 0;
	if (xa_tagged(&m->pages, MTAG_DIRTY))
		err = m->ops->write_pages != NULL ? m->ops->write_pages(m, wbc) : mapping_write_dirty(m, wbc);
	if (!wbc->sync)
		return err;
	mapping_wait_writeback(m, wbc->start, wbc->last);
	after = atomic_load_relaxed(&m->wb_err);
	return err != 0 || ((after ^ before) & ~WB_TOLD) == 0 ? err : -(int)(after & WB_ERRNO);
}

int
mapping_sync(struct mapping *m, off_t start, off_t end)
{
	struct writeback_control wbc = { .start = (u64)start >> PAGE_SHIFT, .last = (u64)end >> PAGE_SHIFT,
		.nr_to_write = -1, .sync = true };

	return mapping_flush(m, &wbc);
}

void
mapping_end_writeback(struct mapping *m, struct page *pg, int err)
{
	struct flusher *f = flusher_of(m);
	u64 flags;

	if (err != 0)
		mapping_set_error(m, err);
	flags = spin_lock_irqsave(&m->lock);
	KASSERT_DEBUG(page_flag(pg, PG_WRITEBACK) && pg->mapping == m);
	xa_clear_tag(&m->pages, pg->index, MTAG_WRITEBACK);
	spin_unlock_irqrestore(&m->lock, flags);
	mem_count(MC_WRITEBACK, -1);
	flusher_count(m, -1);
	mem_count(MC_WRITTEN, 1);
	if (page_test_clear_flag(pg, PG_RECLAIM))
		lru_rotate(pg);
	page_end_writeback(pg);		/* page and mapping may be gone from here on */
	flusher_written(f);
}

/*
 * --- errors ---
 * wb_err: the low 12 bits are the errno, then a bit that says that somebody was told, the others count. Every error changes the
 * count, so that each cursor differs from it, and so does what mapping_flush() saw before.
 */

void
mapping_set_error(struct mapping *m, int err)
{
	u32 old = atomic_load_relaxed(&m->wb_err), new;

	do {
		new = ((old & ~(WB_ERRNO | WB_TOLD)) | ((u32)-err & WB_ERRNO)) + WB_COUNT;
	} while (!atomic_try_cas(&m->wb_err, &old, new));
}

u32
mapping_sample_error(struct mapping *m)
{
	u32 now = atomic_load_relaxed(&m->wb_err);

	return now & WB_TOLD ? now : 0;
}

int
mapping_check_error(struct mapping *m, u32 *seen)
{
	u32 now = atomic_load_relaxed(&m->wb_err), old = atomic_load_relaxed(seen);

	if (likely(now == 0 || now == old))
		return 0;
	while (!(now & WB_TOLD) && !atomic_try_cas(&m->wb_err, &now, now | WB_TOLD))
		;
	now |= WB_TOLD;
	return atomic_xchg(seen, now) == now ? 0 : -(int)(now & WB_ERRNO);
}
