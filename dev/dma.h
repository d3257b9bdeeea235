/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for devices: what addresses a device may be given, and the bounce pages for memory that it can't reach. Every driver
 * goes through here; an IOMMU would be one more implementation.
 *
 * Lock key: [I] immutable  [o] the mapping's owner
 */
#ifndef DEV_DMA_H
#define DEV_DMA_H

#include "mm/iobuf.h"
#include "sys/lib/list.h"
#include "sys/lib/types.h"

struct dma_limits {		/* of one device; [I] */
	u64 mask;		/* highest address it reaches: 0xffffffff, ~0 */
	u64 boundary;		/* a segment may not cross a multiple of this power of two; 0: no such rule */
	u32 max_segment;	/* bytes of one segment; 0: no limit */
	u32 max_segments;	/* at most DMA_SEGMENTS_MAX */
	u32 align;		/* of a segment's address and length, a power of two; 0 is 1. What isn't is bounced */
};

#define DMA_SEGMENTS_MAX	128

enum dma_dir { DMA_TO_DEVICE = 1, DMA_FROM_DEVICE = 2, DMA_BOTH = 3 };

struct dma_segment { u64 address; u32 len; };

/* Reserve of bounce pages, so that a queue always gets on: made with the queue where its limits don't reach all memory. */
struct dma_pool;
/* *out NULL where the device reaches all there is. -ENOMEM. May sleep. */
int __must_check dma_pool_create(const struct dma_limits *lim, u32 pages, struct dma_pool **out);
void dma_pool_destroy(struct dma_pool *pool);	/* NULL allowed; everything is unmapped */

struct dma_mapping {		/* [o] */
	u32 nsegs;
	u32 max_segs;		/* room in segs */
	enum dma_dir dir;
	struct dma_segment *segs;	/* the caller's */
	struct list bounce;	/* bounce pages in use: each knows what memory it stands for */
};

/* Begin with no segments; segs has room for max of them. Then dma_map_add() for each run of pages, dma_unmap() at the end (also after
 * an error). Neighbours are joined. */
void dma_map_start(struct dma_mapping *map, struct dma_segment *segs, u32 max, enum dma_dir dir);
/* -EBUSY: no bounce page now, ask again after an unmap. -EINVAL: more segments than there is room for, or the device can't reach
 * the memory and there is no pool. Any context. */
int __must_check dma_map_add(const struct dma_limits *lim, struct dma_pool *pool, const struct io_pagevec *vecs, u32 nvecs,
	struct dma_mapping *map);
/* All in one. */
int __must_check dma_map(const struct dma_limits *lim, struct dma_pool *pool, const struct io_pagevec *vecs, u32 nvecs,
	enum dma_dir dir, struct dma_segment *segs, u32 max, struct dma_mapping *out);
/* How many segments the vecs make at most. */
u32 dma_count_segments(const struct dma_limits *lim, const struct io_pagevec *vecs, u32 nvecs);
/* Copies what was bounced from the device. Any context. */
void dma_unmap(struct dma_pool *pool, struct dma_mapping *map);

/* Zeroed, physically contiguous memory that CPU and device share (rings, tables); *address is what the device is told.
 * Aligned to its size rounded up to a power of two, up to a page. NULL: none. May sleep. */
void *dma_alloc(const struct dma_limits *lim, size_t size, u64 *address) __must_check;
void dma_free(void *p, size_t size);

#endif
