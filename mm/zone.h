/* SPDX-License-Identifier: BSD-2-Clause */
/* Zones and their free lists: what only mm/page_init.c, mm/buddy.c and mm/page.c share. */
#ifndef MM_ZONE_H
#define MM_ZONE_H

#include "mm/page.h"

struct zone {
	struct spinlock lock;			/* LOCK_ZONE; irqs off */
	struct list free[MAX_ORDER + 1];	/* [z] */
	u64 blocks[MAX_ORDER + 1];		/* [z] length of each list */
	u64 free_pages;				/* [z], [a] for a look without the lock */
	u64 managed;				/* [z] frames that were ever given to the zone */
	u64 min, low, high;			/* [I] watermarks, in pages */
	u64 protect;				/* [I] pages kept from those who could use a higher zone */
	u32 cpu_high, cpu_batch;		/* [I] size of the per-CPU lists, and of a refill */
	const char *name;			/* [I] */
};

extern struct zone zones[ZONE_COUNT];

#define ZONE_DMA32_END	(1UL << (32 - PAGE_SHIFT))	/* first frame beyond */

static inline enum page_zone
zone_of_pfn(pfn_t pfn)
{
	return pfn < ZONE_DMA32_END ? ZONE_DMA32 : ZONE_NORMAL;
}

void buddy_init(void);
/* Give frames [start, end) of one zone, whose struct pages are clean, to the zone: boot, and page_free_reserved(). */
void buddy_add_range(pfn_t start, pfn_t end);
void buddy_set_watermarks(void);
/* A block without references goes back. */
void buddy_free(struct page *pg, u32 order);
u64 buddy_free_pages(void);			/* with those on per-CPU lists */
u64 buddy_managed_pages(void);
u64 buddy_reserve_pages(void);			/* what user allocations can't reach */

#endif
