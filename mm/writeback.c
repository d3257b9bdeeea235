/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dirty pages: marking them, writing them out, and remembering errors until an fsync has told every open file.
 *
 * A mapping with dirty pages is on one list, which sync(2) walks. Memory mappings have nothing to be written to: their
 * pages are dirty without being counted or listed.
 */
#include "mm/mapping.h"

#include "sys/abi/errno.h"
#include "sys/rcu.h"

static struct spinlock dirty_lock = SPINLOCK_INIT(LOCK_LRU);
static struct list dirty_mappings = LIST_INIT(dirty_mappings);	/* [dirty_lock] */

void
mapping_dirty(struct mapping *m, struct page *pg)
{
	u64 flags;

	if (page_test_set_flag(pg, PG_DIRTY) || (m->flags & MAPPING_MEMORY))
		return;
	mem_count(MC_DIRTY, 1);
	flags = spin_lock_irqsave(&m->lock);
	xa_set_tag(&m->pages, pg->index, MTAG_DIRTY);
	spin_unlock_irqrestore(&m->lock, flags);
	spin_lock(&dirty_lock);
	if (!list_is_linked(&m->dirty_node))
		list_add_tail(&dirty_mappings, &m->dirty_node);
	spin_unlock(&dirty_lock);
}

void
mapping_forget_dirty(struct mapping *m)
{
	spin_lock(&dirty_lock);
	if (list_is_linked(&m->dirty_node))
		list_del_init(&m->dirty_node);
	spin_unlock(&dirty_lock);
}

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

/* Write one locked page; it comes back unlocked. */
static int
write_locked(struct mapping *m, struct page *pg, struct writeback_control *wbc)
{
	u64 flags;
	int err;

	if (wbc->sync && page_flag(pg, PG_WRITEBACK)) {
		if (wbc->before_wait != NULL)
			wbc->before_wait(wbc);
		page_wait_writeback(pg);
	}
	if (page_flag(pg, PG_WRITEBACK) || !page_test_clear_flag(pg, PG_DIRTY)) {
		page_unlock(pg);
		return 0;
	}
	mem_count(MC_DIRTY, -1);
	flags = spin_lock_irqsave(&m->lock);
	xa_clear_tag(&m->pages, pg->index, MTAG_DIRTY);
	xa_set_tag(&m->pages, pg->index, MTAG_WRITEBACK);
	spin_unlock_irqrestore(&m->lock, flags);
	mapping_protect_page(m, pg);	/* a write through a mapping after this makes it dirty anew */
	err = m->ops->write_page(m, pg, wbc);
	wbc->nr_to_write--;
	return err;
}

int
mapping_write_dirty(struct mapping *m, struct writeback_control *wbc)
{
	u64 index = wbc->start;
	int err = 0;

	for (struct page *pg; wbc->nr_to_write != 0 && (pg = find_tagged(m, &index, wbc->last, MTAG_DIRTY)) != NULL; ) {
		int e = 0;

		/* Pages that write_page holds back for a larger request go out before this thread waits for anything. */
		if (!page_trylock(pg)) {
			if (wbc->before_wait != NULL)
				wbc->before_wait(wbc);
			page_lock(pg);
		}
		if (pg->mapping == m)
			e = write_locked(m, pg, wbc);
		else
			page_unlock(pg);
		page_put(pg);
		if (e != 0) {
			mapping_set_error(m, e);
			err = e;
		}
		if (index++ == wbc->last)
			break;
	}
	return err;
}

static void
wait_writeback_range(struct mapping *m, u64 first, u64 last)
{
	u64 index = first;

	for (struct page *pg; (pg = find_tagged(m, &index, last, MTAG_WRITEBACK)) != NULL; ) {
		page_wait_writeback(pg);
		page_put(pg);
		if (index++ == last)
			return;
	}
}

int
mapping_flush(struct mapping *m, struct writeback_control *wbc)
{
	int err;

	if (m->flags & MAPPING_MEMORY)
		return 0;
	err = m->ops->write_pages != NULL ? m->ops->write_pages(m, wbc) : mapping_write_dirty(m, wbc);
	if (wbc->sync)
		wait_writeback_range(m, wbc->start, wbc->last);
	return err;
}

int
mapping_sync(struct mapping *m, off_t start, off_t end)
{
	struct writeback_control wbc = { .start = (u64)start >> PAGE_SHIFT, .last = (u64)end >> PAGE_SHIFT,
		.nr_to_write = -1, .sync = true };

	return mapping_flush(m, &wbc);
}

/* The write of a page has ended: from the completion, in any context. */
void
mapping_end_writeback(struct mapping *m, struct page *pg, int err)
{
	u64 flags = spin_lock_irqsave(&m->lock);

	xa_clear_tag(&m->pages, pg->index, MTAG_WRITEBACK);
	spin_unlock_irqrestore(&m->lock, flags);
	if (err != 0)
		mapping_set_error(m, err);
	page_end_writeback(pg);
}

int
writeback_sync_all(void)
{
	struct list todo = LIST_INIT(todo);
	int err = 0;

	spin_lock(&dirty_lock);
	list_splice_tail(&dirty_mappings, &todo);
	list_init(&dirty_mappings);
	while (!list_empty(&todo)) {
		struct mapping *m = list_first(&todo, struct mapping, dirty_node);
		int e;

		/* Off the list first: a page that becomes dirty from here on puts it back. */
		list_del_init(&m->dirty_node);
		if (m->ops->hold == NULL || !m->ops->hold(m))
			continue;	/* its owner is being destroyed, and writes it out itself */
		spin_unlock(&dirty_lock);
		e = mapping_sync(m, 0, INT64_MAX);
		if (e != 0)
			err = e;
		m->ops->drop(m);
		spin_lock(&dirty_lock);
	}
	spin_unlock(&dirty_lock);
	return err;
}

/* wb_err: the low 12 bits are the errno, the others count the errors; "seen" is a copy of it taken at open or at the last report. */
#define WB_ERRNO	0xfffu

void
mapping_set_error(struct mapping *m, int err)
{
	u32 old = atomic_load_relaxed(&m->wb_err);

	while (!atomic_try_cas(&m->wb_err, &old, ((old & ~WB_ERRNO) + WB_ERRNO + 1) | (u32)-err))
		;
}

int
mapping_check_error(struct mapping *m, u32 *seen)
{
	u32 now = atomic_load_relaxed(&m->wb_err);

	if (atomic_xchg(seen, now) == now)
		return 0;
	return -(int)(now & WB_ERRNO);
}
