/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses for devices. What a device can't reach, or not so aligned, goes by way of pages from its pool: a bounce page remembers
 * the memory it stands for (private: the page, index: offset and length).
 */
#include "dev/dma.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define MASK_32		0xffffffffUL

struct dma_pool {
	struct spinlock lock;		/* LOCK_LEAF */
	struct list pages;		/* [lock] */
	u32 n, total;			/* [lock], [I] */
};

/* --- the pool --- */

static bool
reaches_all(const struct dma_limits *lim)
{
	struct zone_stats high;

	if (lim->align > 512)
		return false;
	page_zone_stats(ZONE_NORMAL, &high);
	return lim->mask > MASK_32 || (lim->mask == MASK_32 && high.managed == 0);
}

int
dma_pool_create(const struct dma_limits *lim, u32 pages, struct dma_pool **out)
{
	struct dma_pool *pool;

	*out = NULL;
	if (reaches_all(lim))
		return 0;
	if (lim->mask < MASK_32)
		return -EINVAL;		/* no zone for such devices */
	pool = kmem_alloc(sizeof(*pool), KM_ZERO);
	if (pool == NULL)
		return -ENOMEM;
	spin_init(&pool->lock, LOCK_LEAF);
	list_init(&pool->pages);
	for (; pool->n < pages; pool->n++) {
		struct page *pg = page_alloc(0, PA_DMA32);

		if (pg == NULL) {
			dma_pool_destroy(pool);
			return -ENOMEM;
		}
		list_add_tail(&pool->pages, &pg->lru);
		pool->total++;
	}
	*out = pool;
	return 0;
}

void
dma_pool_destroy(struct dma_pool *pool)
{
	struct page *pg, *next;

	if (pool == NULL)
		return;
	KASSERT(pool->n == pool->total);
	list_for_each_safe(pg, next, &pool->pages, lru) {
		list_del(&pg->lru);
		page_put(pg);
	}
	kmem_free(pool);
}

static struct page *
pool_get(struct dma_pool *pool)
{
	u64 flags = spin_lock_irqsave(&pool->lock);
	struct page *pg = list_first(&pool->pages, struct page, lru);

	if (pg != NULL) {
		list_del(&pg->lru);
		pool->n--;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return pg;
}

static void
pool_put(struct dma_pool *pool, struct page *pg)
{
	u64 flags;

	pg->private = NULL;
	pg->index = 0;
	flags = spin_lock_irqsave(&pool->lock);
	list_add(&pool->pages, &pg->lru);
	pool->n++;
	spin_unlock_irqrestore(&pool->lock, flags);
}

/* --- segments --- */

struct builder {
	const struct dma_limits *lim;
	struct dma_segment *segs;	/* NULL: only counted */
	u32 n, max;
	u64 end;			/* of the last segment */
	u32 len;
};

/* How much of [address, +len) can go into a segment that has `have` bytes already. */
static u32
fitting(const struct dma_limits *lim, u64 address, u32 len, u32 have)
{
	if (lim->max_segment != 0)
		len = have < lim->max_segment ? MIN(len, lim->max_segment - have) : 0;
	if (lim->boundary != 0)
		len = (u32)MIN((u64)len, lim->boundary - (address & (lim->boundary - 1)));
	return len;
}

/* Does a byte at `address` continue the last segment, by the boundary rule? */
static bool
continues(const struct builder *b, u64 address)
{
	return b->n > 0 && b->end == address && (b->lim->boundary == 0 || (address & (b->lim->boundary - 1)) != 0);
}

static int
emit(struct builder *b, u64 address, u32 len)
{
	while (len > 0) {
		bool join = continues(b, address);
		u32 part = join ? fitting(b->lim, address, len, b->len) : 0;

		if (part == 0) {
			if (b->n == b->max)
				return -EINVAL;
			part = fitting(b->lim, address, len, 0);
			if (b->segs != NULL)
				b->segs[b->n] = (struct dma_segment){ address, 0 };
			b->n++;
			b->len = 0;
		}
		if (b->segs != NULL)
			b->segs[b->n - 1].len += part;
		b->len += part;
		address += part;
		len -= part;
		b->end = address;
	}
	return 0;
}

static bool
must_bounce(const struct dma_limits *lim, u64 address, u32 len)
{
	if (unlikely(address + len - 1 > lim->mask))
		return true;
	return lim->align > 1 && ((address | len) & (lim->align - 1)) != 0;
}

static void
copy_bounced(struct page *pg, bool from_device)
{
	char *memory = (char *)page_address(pg->private) + (pg->index >> 32);
	size_t len = (u32)pg->index;

	if (from_device)
		memcpy(memory, page_address(pg), len);
	else
		memcpy(page_address(pg), memory, len);
}

/* A vec by way of bounce pages: a piece for each page it touches. */
static int
emit_bounced(struct builder *b, struct dma_pool *pool, const struct io_pagevec *v, struct dma_mapping *map)
{
	u32 done = 0;

	while (done < v->len) {
		u32 part = MIN(v->len - done, (u32)PAGE_SIZE);
		struct page *pg = pool_get(pool);
		int err;

		if (pg == NULL)
			return -EBUSY;
		pg->private = v->page;
		pg->index = (u64)(v->off + done) << 32 | part;
		list_add_tail(&map->bounce, &pg->lru);
		if (map->dir & DMA_TO_DEVICE)
			copy_bounced(pg, false);
		err = emit(b, page_to_phys(pg), part);
		if (err != 0)
			return err;
		done += part;
	}
	return 0;
}

void
dma_map_start(struct dma_mapping *map, struct dma_segment *segs, u32 max, enum dma_dir dir)
{
	map->nsegs = 0;
	map->max_segs = max;
	map->segs = segs;
	map->dir = dir;
	list_init(&map->bounce);
}

int
dma_map_add(const struct dma_limits *lim, struct dma_pool *pool, const struct io_pagevec *vecs, u32 nvecs, struct dma_mapping *map)
{
	struct builder b = { .lim = lim, .segs = map->segs, .n = map->nsegs, .max = map->max_segs };
	int err = 0;

	if (b.n > 0) {
		b.len = b.segs[b.n - 1].len;
		b.end = b.segs[b.n - 1].address + b.len;
	}
	for (u32 i = 0; i < nvecs && err == 0; i++) {
		const struct io_pagevec *v = &vecs[i];
		u64 address = page_to_phys(v->page) + v->off;

		if (likely(!must_bounce(lim, address, v->len)))
			err = emit(&b, address, v->len);
		else
			err = pool != NULL ? emit_bounced(&b, pool, v, map) : -EINVAL;
	}
	map->nsegs = b.n;
	return err;
}

int
dma_map(const struct dma_limits *lim, struct dma_pool *pool, const struct io_pagevec *vecs, u32 nvecs, enum dma_dir dir,
	struct dma_segment *segs, u32 max, struct dma_mapping *out)
{
	int err;

	dma_map_start(out, segs, max, dir);
	err = dma_map_add(lim, pool, vecs, nvecs, out);
	if (err != 0) {
		out->dir = DMA_TO_DEVICE;	/* nothing came from the device */
		dma_unmap(pool, out);
	}
	return err;
}

void
dma_unmap(struct dma_pool *pool, struct dma_mapping *map)
{
	struct page *pg;

	while ((pg = list_first(&map->bounce, struct page, lru)) != NULL) {
		list_del(&pg->lru);
		if (map->dir & DMA_FROM_DEVICE)
			copy_bounced(pg, true);
		pool_put(pool, pg);
	}
	map->nsegs = 0;
}

u32
dma_count_segments(const struct dma_limits *lim, const struct io_pagevec *vecs, u32 nvecs)
{
	struct builder b = { .lim = lim, .max = UINT32_MAX };

	for (u32 i = 0; i < nvecs; i++) {
		u64 address = page_to_phys(vecs[i].page) + vecs[i].off;

		if (likely(!must_bounce(lim, address, vecs[i].len))) {
			(void)emit(&b, address, vecs[i].len);
		} else {
			b.n += DIV_ROUND_UP(vecs[i].len, (u32)PAGE_SIZE);
			b.end = 0;
		}
	}
	return b.n;
}

/* --- memory that CPU and device share --- */

void *
dma_alloc(const struct dma_limits *lim, size_t size, u64 *address)
{
	u32 order = 0;
	struct page *pg;

	while (PAGE_SIZE << order < size)
		order++;
	if (lim->mask < MASK_32)
		return NULL;
	pg = page_alloc(order, KM_ZERO | (lim->mask <= MASK_32 ? PA_DMA32 : 0) | (order > 0 ? PA_COMPOUND : 0));
	if (pg == NULL)
		return NULL;
	*address = page_to_phys(pg);
	return page_address(pg);
}

void
dma_free(void *p, size_t size)
{
	(void)size;
	if (p != NULL)
		page_put(virt_to_page(p));
}
