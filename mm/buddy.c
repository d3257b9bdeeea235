/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buddy allocator (Knuth, TAOCP volume 1, 2.5): free blocks of 2^order frames, aligned to their size, merged with their
 * buddy whenever both are free. Each zone has its lists and lock; in front of it every CPU keeps a few single frames per
 * zone, taken and given with interrupts off only.
 *
 * A free block is told by PG_BUDDY and its order in its first page. Every MAX_ORDER block that holds a frame has all its struct
 * pages (mm/page_init.c), so looking at a buddy is always allowed.
 *
 * Watermarks. Below `low` the reclaim thread is woken; ordinary requests stop at `min` and reclaim by themselves; requests that
 * cannot sleep reach down to a quarter of it, the reclaimer itself to nothing.
 */
#include "mm/zone.h"

#include "arch/smp.h"
#include "mm/mapping.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/thread.h"

/* Frames that only this CPU takes and gives: a stack linked through free.next. Interrupts off. */
struct cpu_list { struct page *first; u32 count; };
struct cpu_lists { struct cpu_list zone[ZONE_COUNT]; };
static PERCPU_DEFINE(struct cpu_lists, cpu_lists);

struct zone zones[ZONE_COUNT] = {
	[ZONE_DMA32] = { .lock = SPINLOCK_INIT(LOCK_ZONE), .name = "DMA32" },
	[ZONE_NORMAL] = { .lock = SPINLOCK_INIT(LOCK_ZONE), .name = "Normal" },
};

enum watermark { WM_LOW, WM_MIN, WM_HALF, WM_ATOMIC, WM_NONE };

#define POISON_FREE	0xfeu
#define POISON_BYTES	1024

#ifdef CONFIG_DEBUG
u32 page_fail_interval;
static u32 fail_count;

static bool
inject_failure(int flags)
{
	u32 interval = atomic_load_relaxed(&page_fail_interval);

	return interval != 0 && thread_current() != NULL && atomic_add(&fail_count, 1) % interval == 0;
}

/* The head of every frame; the mark says so, since frames that were never used have no pattern. */
static void
poison(struct page *pg, u32 order)
{
	for (u64 i = 0; i < 1UL << order; i++) {
		memset(page_address(&pg[i]), POISON_FREE, POISON_BYTES);
		pg[i].poisoned = 1;
	}
}

static void
check_poison(struct page *pg, u32 order)
{
	for (u64 i = 0; i < 1UL << order; i++) {
		const u64 *p = page_address(&pg[i]);

		for (u32 j = 0; pg[i].poisoned && j < POISON_BYTES / sizeof(*p); j++) {
			if (p[j] == 0x0101010101010101UL * POISON_FREE)
				continue;
			log_err("page: frame %#lx was written while free: %#lx at offset %#lx", page_to_pfn(&pg[i]), p[j],
				j * sizeof(*p));
			WARN_ON(true);
			break;
		}
		pg[i].poisoned = 0;
	}
}
#else
#define inject_failure(flags)	((void)(flags), false)
#define poison(pg, order)	((void)(pg), (void)(order))
#define check_poison(pg, order)	((void)(pg), (void)(order))
#endif

void
buddy_init(void)
{
	for (u32 i = 0; i < ZONE_COUNT; i++)
		for (u32 o = 0; o <= MAX_ORDER; o++)
			list_init(&zones[i].free[o]);
}

/* --- blocks, under the zone's lock --- */

static void
push_block(struct zone *z, struct page *pg, u32 order)
{
	pg->flags = (u32)BIT(PG_BUDDY) | order << 24;
	list_add(&z->free[order], &pg->free);
	z->blocks[order]++;
}

static void
pull_block(struct zone *z, struct page *pg, u32 order)
{
	list_del(&pg->free);
	pg->flags = 0;
	z->blocks[order]--;
}

static void
free_block_locked(struct zone *z, struct page *pg, u32 order)
{
	pfn_t pfn = page_to_pfn(pg);

	spin_assert_held(&z->lock);
	atomic_store_relaxed(&z->free_pages, z->free_pages + (1UL << order));
	while (order < MAX_ORDER) {
		struct page *buddy = pfn_to_page(pfn ^ (1UL << order));

		if (buddy->flags != ((u32)BIT(PG_BUDDY) | order << 24))
			break;
		pull_block(z, buddy, order);
		pfn &= ~(1UL << order);
		order++;
	}
	push_block(z, pfn_to_page(pfn), order);
}

static struct page *
take_block_locked(struct zone *z, u32 order)
{
	u32 from = order;
	struct page *pg;

	spin_assert_held(&z->lock);
	while (from <= MAX_ORDER && list_empty(&z->free[from]))
		from++;
	if (from > MAX_ORDER)
		return NULL;
	pg = list_first(&z->free[from], struct page, free);
	pull_block(z, pg, from);
	while (from > order) {
		from--;
		push_block(z, pg + (1UL << from), from);
	}
	atomic_store_relaxed(&z->free_pages, z->free_pages - (1UL << order));
	return pg;
}

/* --- per-CPU lists, interrupts off --- */

static struct page *
cpu_list_pop(struct cpu_list *l)
{
	struct page *pg = l->first;

	if (pg != NULL) {
		l->first = (struct page *)pg->free.next;
		l->count--;
	}
	return pg;
}

static void
cpu_list_push(struct cpu_list *l, struct page *pg)
{
	pg->free.next = (struct list *)l->first;
	l->first = pg;
	l->count++;
}

static void
cpu_list_shrink(struct zone *z, struct cpu_list *l, u32 keep)
{
	spin_lock(&z->lock);
	while (l->count > keep)
		free_block_locked(z, cpu_list_pop(l), 0);
	spin_unlock(&z->lock);
}

static struct page *
take_single(struct zone *z, struct cpu_list *l)
{
	if (l->count == 0) {
		struct page *pg;

		spin_lock(&z->lock);
		while (l->count < z->cpu_batch && (pg = take_block_locked(z, 0)) != NULL)
			cpu_list_push(l, pg);
		spin_unlock(&z->lock);
	}
	return cpu_list_pop(l);
}

static void
drain_this_cpu(void *unused)
{
	u64 irq = arch_irq_save();
	struct cpu_lists *ls = this_cpu_ptr(cpu_lists);

	for (u32 i = 0; i < ZONE_COUNT; i++)
		cpu_list_shrink(&zones[i], &ls->zone[i], 0);
	arch_irq_restore(irq);
}

void
page_drain_lists(bool all)
{
	preempt_disable();
	drain_this_cpu(NULL);
	if (all && cpu_count > 1)
		arch_ipi_call(atomic_load(&cpu_online_mask), drain_this_cpu, NULL);
	preempt_enable();
}

/* --- allocation --- */

static u64
watermark_pages(const struct zone *z, enum watermark wm)
{
	switch (wm) {
	case WM_LOW:
		return z->low;
	case WM_MIN:
		return z->min;
	case WM_HALF:
		return z->min / 2;
	case WM_ATOMIC:
		return z->min / 4;
	default:
		return 0;
	}
}

static struct page *
take_from_zone(struct zone *z, u32 order, u64 keep)
{
	struct page *pg;
	u64 irq;

	if (atomic_load_relaxed(&z->free_pages) < keep + (1UL << order)) {
		/* What lies on the own list is not in the zone's count; the last pages are reached that way. */
		if (order != 0 || keep != 0)
			return NULL;
	}
	irq = arch_irq_save();
	if (order == 0) {
		pg = take_single(z, &this_cpu_ptr(cpu_lists)->zone[z - zones]);
	} else {
		spin_lock(&z->lock);
		pg = take_block_locked(z, order);
		spin_unlock(&z->lock);
	}
	arch_irq_restore(irq);
	return pg;
}

static struct page *
take(u32 order, int flags, enum watermark wm)
{
	struct zone *normal = &zones[ZONE_NORMAL], *dma32 = &zones[ZONE_DMA32];
	struct page *pg = NULL;
	u64 keep;

	if (!(flags & PA_DMA32) && normal->managed != 0)
		pg = take_from_zone(normal, order, watermark_pages(normal, wm));
	if (pg == NULL) {
		keep = watermark_pages(dma32, wm);
		if (!(flags & PA_DMA32) && wm <= WM_HALF)
			keep += dma32->protect;
		pg = take_from_zone(dma32, order, keep);
	}
	return pg;
}

#define RECLAIM_BATCH	32
#define RECLAIM_TRIES	6

static struct page *
take_with_reclaim(u32 order, int flags)
{
	struct page *pg;

	for (u32 i = 0; i < RECLAIM_TRIES; i++) {
		u64 freed = reclaim_pages((1UL << order) + RECLAIM_BATCH, flags);

		pg = take(order, flags, WM_MIN);
		if (pg != NULL)
			return pg;
		if (freed == 0)
			break;
	}
	page_drain_lists(true);
	return take(order, flags, flags & KM_USER ? WM_MIN : WM_HALF);
}

static struct page *
take_slow(u32 order, int flags)
{
	struct thread *t = thread_current();
	struct page *pg;

	if (flags & PA_NO_RECLAIM)
		return NULL;
	if (!(flags & KM_ATOMIC))
		reclaim_wake();
	pg = take(order, flags, WM_MIN);
	if (pg != NULL)
		return pg;
	if (flags & KM_ATOMIC)
		return take(order, flags, flags & KM_USER ? WM_MIN : WM_ATOMIC);
	if (t == NULL || t->in_reclaim)
		return take(order, flags, WM_NONE);
	might_sleep();
	return take_with_reclaim(order, flags);
}

static void
prepare_new(struct page *pg, u32 order, int flags)
{
	u32 bits = order << 24;

	check_poison(pg, order);
	if (order != 0 && (flags & PA_COMPOUND)) {
		for (u64 i = 1; i < 1UL << order; i++) {
			pg[i].flags = (u32)BIT(PG_TAIL);
			pg[i].head = pg;
		}
		bits |= (u32)BIT(PG_HEAD);
	}
	pg->mapping = NULL;
	pg->private = NULL;
	pg->index = 0;
	pg->mapcount = 0;
	list_init(&pg->lru);
	atomic_store_release(&pg->flags, bits);
	refcount_init(&pg->refs, 1);
	if (flags & KM_ZERO)
		memset(page_address(pg), 0, PAGE_SIZE << order);
}

struct page *
page_alloc(u32 order, int flags)
{
	struct page *pg;

	if (order > MAX_ORDER || inject_failure(flags))
		return NULL;
	pg = take(order, flags, WM_LOW);
	if (unlikely(pg == NULL))
		pg = take_slow(order, flags);
	if (likely(pg != NULL))
		prepare_new(pg, order, flags);
	return pg;
}

void
buddy_free(struct page *pg, u32 order)
{
	struct zone *z = &zones[pg->zone];
	u64 irq;

	poison(pg, order);
	irq = arch_irq_save();
	if (order == 0) {
		struct cpu_list *l = &this_cpu_ptr(cpu_lists)->zone[pg->zone];

		pg->flags = 0;
		cpu_list_push(l, pg);
		if (l->count > z->cpu_high)
			cpu_list_shrink(z, l, z->cpu_high - z->cpu_batch);
	} else {
		if (pg->flags & BIT(PG_HEAD))
			for (u64 i = 1; i < 1UL << order; i++)
				pg[i].flags = 0;
		spin_lock(&z->lock);
		free_block_locked(z, pg, order);
		spin_unlock(&z->lock);
	}
	arch_irq_restore(irq);
}

/* --- boot --- */

void
buddy_add_range(pfn_t start, pfn_t end)
{
	struct zone *z = &zones[zone_of_pfn(start)];
	u64 irq;

	while (start < end) {
		u32 order = start == 0 ? MAX_ORDER : MIN((u32)ctz64(start), (u32)MAX_ORDER);

		while (1UL << order > end - start)
			order--;
		irq = spin_lock_irqsave(&z->lock);
		free_block_locked(z, pfn_to_page(start), order);
		z->managed += 1UL << order;
		spin_unlock_irqrestore(&z->lock, irq);
		start += 1UL << order;
	}
}

void
buddy_set_watermarks(void)
{
	for (u32 i = 0; i < ZONE_COUNT; i++) {
		struct zone *z = &zones[i];
		u64 gap;	/* what the reclaim thread may be behind a reader of files before he has to reclaim by himself */

		z->min = MIN(MAX(z->managed / 256, 16UL), 4096UL);
		gap = MAX(z->min / 4, MIN(z->managed / 256, 1024UL));
		z->low = z->min + gap;
		z->high = z->min + 2 * gap;
		z->cpu_high = (u32)MIN(MAX(z->managed / 512, 8UL), 192UL);
		z->cpu_batch = z->cpu_high / 4 + 1;
		if (z->managed == 0)
			z->min = z->low = z->high = 0;
	}
	zones[ZONE_DMA32].protect = MIN(zones[ZONE_NORMAL].managed / 256, zones[ZONE_DMA32].managed / 4);
}

/* --- numbers --- */

u64
buddy_free_pages(void)
{
	u64 n = 0;

	for (u32 i = 0; i < ZONE_COUNT; i++) {
		n += atomic_load_relaxed(&zones[i].free_pages);
		for_each_cpu(cpu)
			n += READ_ONCE(per_cpu_ptr(cpu_lists, cpu)->zone[i].count);
	}
	return n;
}

u64
buddy_managed_pages(void)
{
	return zones[ZONE_DMA32].managed + zones[ZONE_NORMAL].managed;
}

u64
buddy_reserve_pages(void)
{
	return zones[ZONE_DMA32].high + zones[ZONE_NORMAL].high;
}

bool
page_memory_low(void)
{
	for (u32 i = 0; i < ZONE_COUNT; i++)
		if (zones[i].managed != 0 && atomic_load_relaxed(&zones[i].free_pages) < zones[i].high)
			return true;
	return false;
}

void
page_zone_stats(enum page_zone zone, struct zone_stats *out)
{
	struct zone *z = &zones[zone];
	u64 irq = spin_lock_irqsave(&z->lock);

	out->name = z->name;
	out->free = z->free_pages;
	out->managed = z->managed;
	out->min = z->min;
	out->low = z->low;
	out->high = z->high;
	memcpy(out->blocks, z->blocks, sizeof(out->blocks));
	spin_unlock_irqrestore(&z->lock, irq);
}
