/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory at boot: from the firmware's map to the buddy allocator.
 *
 * Before there is an allocator, frames for the struct pages are cut off the top of the highest usable range. struct pages
 * exist for whole MAX_ORDER blocks: those around a range's edges that are no memory stay PG_RESERVED with a reference for ever.
 */
#include "mm/zone.h"

#include "arch/boot.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

struct span { pfn_t start, end; };

#define BLOCK_FRAMES	(1UL << MAX_ORDER)
#define LOW_FRAME_END	(0x9f000UL >> PAGE_SHIFT)	/* the firmware's own data area ends conventional memory */

static struct span spans[BOOT_MEMORY_MAX];	/* [I] frames with a struct page; sorted, block aligned */
static u32 span_count;
static struct span usable[BOOT_MEMORY_MAX];	/* boot only: not handed out yet */
static u32 usable_count;
static paddr_t low_frame;			/* [I] */

bool
pfn_valid(pfn_t pfn)
{
	u32 lo = 0, hi = span_count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (pfn >= spans[mid].end)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < span_count && pfn >= spans[lo].start;
}

paddr_t
page_low_frame(void)
{
	return low_frame;
}

static void
add_usable(pfn_t start, pfn_t end)
{
	if (start < end && usable_count < ARRAY_SIZE(usable))
		usable[usable_count++] = (struct span){ start, end };
}

static void
add_span(pfn_t start, pfn_t end)
{
	start = ALIGN_DOWN(start, BLOCK_FRAMES);
	end = ALIGN_UP(end, BLOCK_FRAMES);
	if (span_count != 0 && start <= spans[span_count - 1].end)
		spans[span_count - 1].end = MAX(end, spans[span_count - 1].end);
	else
		spans[span_count++] = (struct span){ start, end };
}

/* Sort boot_info's ranges out; keep back frame 0 (a null pointer in many a device) and one low frame. */
static void
collect(void)
{
	for (u32 i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *m = &boot_info.memory[i];
		pfn_t start = ALIGN_UP(m->base, PAGE_SIZE) >> PAGE_SHIFT, end = (m->base + m->size) >> PAGE_SHIFT;

		if (start >= end || m->type == BOOT_MEM_RESERVED)
			continue;
		add_span(start, end);
		if (m->type != BOOT_MEM_USABLE)
			continue;
		if (start == 0)
			start = 1;
		if (low_frame == 0 && start < end && start < LOW_FRAME_END) {
			low_frame = start << PAGE_SHIFT;
			start++;
		}
		add_usable(start, end);
	}
}

/* A zeroed frame for the struct pages or the tables that map them. */
static paddr_t
take_early(void)
{
	for (u32 i = usable_count; i-- > 0;) {
		if (usable[i].start < usable[i].end) {
			usable[i].end--;
			memset(phys_to_virt(usable[i].end << PAGE_SHIFT), 0, PAGE_SIZE);
			return usable[i].end << PAGE_SHIFT;
		}
	}
	panic("memory: too little for the frame table: give the machine more");
}

static void
init_pages(const struct span *s, u32 flags, s32 refs)
{
	for (pfn_t pfn = s->start; pfn < s->end; pfn++) {
		struct page *pg = pfn_to_page(pfn);

		memset(pg, 0, sizeof(*pg));
		pg->flags = flags;
		pg->zone = (u8)zone_of_pfn(pfn);
		refcount_init(&pg->refs, refs);
	}
}

static void
free_usable(const struct span *s)
{
	struct span low = *s, high = *s;

	low.end = MIN(low.end, ZONE_DMA32_END);
	high.start = MAX(high.start, ZONE_DMA32_END);
	init_pages(s, 0, 0);
	if (low.start < low.end)
		buddy_add_range(low.start, low.end);
	if (high.start < high.end)
		buddy_add_range(high.start, high.end);
}

void
page_init(void)
{
	buddy_init();
	collect();
	if (usable_count == 0)
		panic("memory: the boot loader named no usable memory");
	for (u32 i = 0; i < span_count; i++) {
		if (arch_vmemmap_populate(spans[i].start, spans[i].end, take_early) != 0)
			panic("memory: cannot map the frame table");
		init_pages(&spans[i], (u32)BIT(PG_RESERVED), 1);
	}
	for (u32 i = 0; i < usable_count; i++)
		free_usable(&usable[i]);
	buddy_set_watermarks();
	log_info("memory: %lu KiB usable, %lu KiB for %lu frame descriptors", buddy_managed_pages() << 2,
		(sizeof(struct page) * BLOCK_FRAMES * (spans[span_count - 1].end / BLOCK_FRAMES)) >> 10,
		spans[span_count - 1].end);
}

void
page_free_reserved(paddr_t start, paddr_t end)
{
	struct span s = { ALIGN_UP(start, PAGE_SIZE) >> PAGE_SHIFT, end >> PAGE_SHIFT };

	if (s.start >= s.end)
		return;
	KASSERT(pfn_valid(s.start) && pfn_valid(s.end - 1) && page_flag(pfn_to_page(s.start), PG_RESERVED));
	free_usable(&s);
	buddy_set_watermarks();
}
