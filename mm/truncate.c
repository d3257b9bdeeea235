/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages leave the cache because their part of the file is gone, or because somebody asks for fresh ones.
 *
 * inval_lock, held exclusively, keeps faults and reads from bringing pages in; a page that is being read in or written out is
 * locked or under write-back, and is waited for. Mappings are taken away in bulk first, and again under the page lock, for a
 * fault that had the page already.
 */
#include "mm/lru.h"
#include "mm/pagecache.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/rcu.h"

/* The first page of [*index, last], referenced; *index is where it was. */
static struct page *
next_page(struct mapping *m, u64 *index, u64 last)
{
	struct page *pg;

	rcu_read_lock();
	while ((pg = xa_find(&m->pages, index, last)) != NULL)
		if (refcount_try_get(&pg->refs))
			break;		/* it may have moved on: whoever locks it looks */
	rcu_read_unlock();
	return pg;
}

/* Take the locked page out of the index. False: only what is clean was to go, and it isn't. */
static bool
unlink_page(struct mapping *m, struct page *pg, bool clean_only)
{
	bool stays;

	spin_lock_irq(&m->lock);
	stays = clean_only && (page_flag(pg, PG_DIRTY) || page_flag(pg, PG_WRITEBACK) || page_flag(pg, PG_PRIVATE));
	if (!stays) {
		if (page_test_clear_flag(pg, PG_DIRTY) && !(m->flags & MAPPING_MEMORY)) {
			mem_count(MC_DIRTY, -1);
			flusher_count(m, -1);
		}
		xa_erase(&m->pages, pg->index);
		pg->mapping = NULL;
		m->nr_pages--;
	}
	spin_unlock_irq(&m->lock);
	return !stays;
}

/* unlink_page(), and the cache's reference goes. The caller has one of its own; who else has one keeps the frame. */
static bool
detach_page(struct mapping *m, struct page *pg, bool clean_only)
{
	if (!unlink_page(m, pg, clean_only))
		return false;
	if (!(m->flags & MAPPING_MEMORY))
		lru_remove(pg);
	mem_count(pagecache_counter(m), -1);
	if (m->ops != NULL && m->ops->charge != NULL)
		(void)m->ops->charge(m, -1);
	page_put(pg);
	return true;
}

/* Take the locked page out of the cache, dirty or not. */
static void
remove_locked_page(struct mapping *m, struct page *pg)
{
	page_wait_writeback(pg);
	if (page_flag(pg, PG_PRIVATE) && m->ops->invalidate != NULL)
		m->ops->invalidate(m, pg, 0, PAGE_SIZE);
	(void)detach_page(m, pg, false);
}

/* Zero bytes [from, to) of the cached page at index, if there is one. */
static void
zero_part(struct mapping *m, u64 index, u32 from, u32 to)
{
	struct page *pg = mapping_find(m, index);

	if (pg == NULL)
		return;
	page_lock(pg);
	if (pg->mapping == m && page_flag(pg, PG_UPTODATE)) {
		page_wait_writeback(pg);
		memset((char *)page_address(pg) + from, 0, to - from);
		if (m->ops != NULL && m->ops->invalidate != NULL && page_flag(pg, PG_PRIVATE))
			m->ops->invalidate(m, pg, from, to - from);
		mapping_dirty(m, pg);
	}
	page_unlock(pg);
	page_put(pg);
}

/* Remove all whole pages [first, last]; cow: and private copies of them that a fault has just made. */
static void
remove_range(struct mapping *m, u64 first, u64 last, bool cow)
{
	u64 index = first;
	struct page *pg;

	while ((pg = next_page(m, &index, last)) != NULL) {
		page_lock(pg);
		if (pg->mapping == m && pg->index >= first && pg->index <= last) {
			if (atomic_load_relaxed(&pg->mapcount) > 0)
				mapping_unmap_range(m, pg->index, pg->index, cow);
			remove_locked_page(m, pg);
		}
		page_unlock(pg);
		page_put(pg);
	}
}

void
pagecache_remove_all(struct mapping *m)
{
	remove_range(m, 0, UINT64_MAX, true);
}

void
mapping_truncate_locked(struct mapping *m, off_t start, off_t end)
{
	u64 first = DIV_ROUND_UP((u64)start, PAGE_SIZE);	/* first whole page */
	u64 limit = (u64)end >> PAGE_SHIFT;		/* behind the last whole page */
	u32 head = (u32)(start & (PAGE_SIZE - 1)), tail = (u32)(end & (PAGE_SIZE - 1));
	bool cow = end == INT64_MAX;	/* behind the file's end not even private copies stay; in a hole they do */

	rwlock_assert_write_held(&m->inval_lock);
	if (start >= end)
		return;
	if (cow) {
		limit = UINT64_MAX >> PAGE_SHIFT;
		tail = 0;
	}
	if (head != 0 && (u64)start >> PAGE_SHIFT == limit && tail != 0) {	/* inside one page */
		zero_part(m, limit, head, tail);
		return;
	}
	if (head != 0)
		zero_part(m, (u64)start >> PAGE_SHIFT, head, PAGE_SIZE);
	if (first < limit) {
		mapping_unmap_range(m, first, limit - 1, cow);
		remove_range(m, first, limit - 1, cow);
	}
	if (tail != 0)
		zero_part(m, limit, 0, tail);
}

void
mapping_truncate(struct mapping *m, off_t start, off_t end)
{
	rwlock_write_lock(&m->inval_lock);
	mapping_truncate_locked(m, start, end);
	rwlock_write_unlock(&m->inval_lock);
}

/* --- dropping clean pages --- */

static bool
is_busy(struct mapping *m, struct page *pg)
{
	if (atomic_load_relaxed(&pg->mapcount) > 0 || page_flag(pg, PG_DIRTY) || page_flag(pg, PG_WRITEBACK))
		return true;
	return page_flag(pg, PG_PRIVATE) && (m->ops->release == NULL || !m->ops->release(m, pg));
}

/* The locked page goes even if somebody has it, unless it is dirty. Lock and reference are dropped. */
static bool
drop_in_use(struct mapping *m, struct page *pg)
{
	bool gone;

	page_wait_writeback(pg);
	if (atomic_load_relaxed(&pg->mapcount) > 0)
		mapping_unmap_range(m, pg->index, pg->index, false);
	gone = !is_busy(m, pg) && detach_page(m, pg, true);
	page_unlock(pg);
	page_put(pg);
	return gone;
}

/* The locked page, with the caller's reference, which goes with the lock if it leaves. */
static bool
drop_unused(struct mapping *m, struct page *pg)
{
	if (is_busy(m, pg))
		return false;
	if (m->flags & MAPPING_UNEVICTABLE)
		return mapping_evict(m, pg);
	if (!lru_isolate_page(pg))
		return false;		/* in reclaim's hands, or in a batch: there is a reference */
	if (mapping_evict(m, pg))
		return true;
	lru_add(pg);
	return false;
}

/* The page at some index of a range, referenced; the reference goes. False: it stays. */
static bool
invalidate_page(struct mapping *m, struct page *pg, bool unmap)
{
	bool gone = false;

	if (unmap)
		page_lock(pg);
	else if (!page_trylock(pg))
		goto out_put;
	if (pg->mapping != m)
		gone = true;
	else if (unmap)
		return drop_in_use(m, pg);
	else if (drop_unused(m, pg))
		return true;
	page_unlock(pg);
out_put:
	page_put(pg);
	return gone;
}

int
mapping_invalidate(struct mapping *m, u64 first, u64 last, bool unmap)
{
	u64 index = first;
	struct page *pg;
	int err = 0;

	if ((m->flags & MAPPING_MEMORY) || READ_ONCE(m->nr_pages) == 0)
		return 0;
	if (!unmap)
		lru_drain(true);
	while ((pg = next_page(m, &index, last)) != NULL) {
		if (!invalidate_page(m, pg, unmap))
			err = -EBUSY;
		if (index++ >= last)
			break;
	}
	return err;
}
