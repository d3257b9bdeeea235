/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page LRU: lists of what reclaim may take, oldest at the tail. Pages of files go to the inactive list when they come into the
 * cache, and to the active one when they are used a second time; what is read once is given up first.
 *
 * A page is on a list (PG_LRU) only while it is in a cache. Reclaim isolates pages: PG_LRU is cleared and a reference taken; putback
 * ends both, and puts a page that has left its cache on no list. The anonymous lists have no users before there is swap.
 *
 * Lock: one spinlock, LOCK_LRU, irqs off; in front of it per-CPU batches, whose pages have a reference each.
 */
#ifndef MM_LRU_H
#define MM_LRU_H

#include "mm/page.h"

enum lru_list { LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, LRU_UNEVICTABLE, LRU_LISTS };
_Static_assert(MC_LRU_LAST - MC_LRU + 1 == LRU_LISTS, "a counter for each list");

/* pg has come into a cache; soon it is on its list. Any context. */
void lru_add(struct page *pg);
/* pg->mapping is NULL now: off its list. Any context. */
void lru_remove(struct page *pg);
/* PG_REFERENCED is set and it was used again: to the active list, soon. Any context. */
void lru_activate(struct page *pg);
/* Its write-back has ended and reclaim waits for it (PG_RECLAIM): to the tail. Any context. */
void lru_rotate(struct page *pg);
/* What the batches hold goes to the lists; all: of all CPUs. Thread context. */
void lru_drain(bool all);
static inline u64 lru_size(enum lru_list l) { return (u64)mem_counter_read((enum mem_counter)(MC_LRU + l)); }

/* Up to n pages from the tail, linked by pg->lru in `out`, with a reference. How many. */
u32 lru_isolate(enum lru_list l, u32 n, struct list *out);
/* pg, which the caller has a reference of: false if it is on no list. Ends by eviction or lru_add(). */
bool lru_isolate_page(struct page *pg);
/* Back to the lists that their flags say (PG_ACTIVE), at the head; `pages` is empty afterwards, the references are gone. */
void lru_putback(struct list *pages);

/* A page of a file was read. */
static inline void
page_mark_accessed(struct page *pg)
{
	u32 flags = atomic_load_relaxed(&pg->flags);

	if (!(flags & BIT(PG_REFERENCED)))
		page_set_flag(pg, PG_REFERENCED);
	else if (unlikely(!(flags & BIT(PG_ACTIVE))))
		lru_activate(pg);
}

#endif
