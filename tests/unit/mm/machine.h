/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for the tests of mm/: its memory is a malloc'ed arena, and its page tables are lists. Included once, by the test file.
 * machine_init() starts the page allocator; machine_user() what address spaces need beside it.
 */
#ifndef TESTS_UNIT_MM_MACHINE_H
#define TESTS_UNIT_MM_MACHINE_H

#include "arch/boot.h"
#include "arch/smp.h"
#include "mm/mapping.h"
#include "mm/zone.h"
#include "sys/panic.h"
#include "sys/thread.h"
#include "tests/unit/shim/shim.h"

#define MACHINE_MEMORY	(64 * MIB)

struct boot_info boot_info;
vaddr_t arch_direct_map_base, arch_vmemmap_base, arch_vmalloc_base, arch_vmalloc_end;
pte_t arch_pte_nx = PTE_NX, arch_pte_global = PTE_G;

paddr_t
virt_to_phys(const void *va)
{
	return (vaddr_t)va - arch_direct_map_base;
}

int
arch_vmemmap_populate(pfn_t start, pfn_t end, paddr_t (*take_frame)(void))
{
	(void)start;
	(void)end;
	(void)take_frame();	/* as if it were used */
	return 0;
}

void
arch_ipi_call(u64 mask, void (*fn)(void *), void *arg)
{
	(void)mask;
	(void)fn;
	(void)arg;
}

/* Threads aren't started here: the tests call what they do. */
int
thread_spawn(void (*fn)(void *), void *arg, const char *fmt, ...)
{
	(void)fn;
	(void)arg;
	(void)fmt;
	return 0;
}

#ifndef MACHINE_REAL_RECLAIM
static u64 reclaim_gives;	/* what reclaim_pages() returns, once */
static u32 reclaim_calls;

u32
kmem_scope_enter(u32 flags)
{
	(void)flags;
	return 0;
}

u64
reclaim_pages(u64 target, int flags)
{
	u64 n = reclaim_gives;

	(void)target;
	(void)flags;
	reclaim_calls++;
	reclaim_gives = 0;
	return n;
}

void
reclaim_wake(void)
{
}
#endif

/* A hole, the image, and two usable ranges. */
static void
machine_init(void)
{
	static const struct boot_memory map[] = {
		{ 0, 0x9f000, BOOT_MEM_USABLE },
		{ 0x100000, 0x200000, BOOT_MEM_KERNEL },
		{ 0x300000, 16 * MIB - 0x300000, BOOT_MEM_USABLE },
		{ 17 * MIB, MACHINE_MEMORY - 17 * MIB, BOOT_MEM_USABLE },
	};
	void *arena;

	if (posix_memalign(&arena, 4 * MIB, MACHINE_MEMORY) != 0)
		abort();
	arch_direct_map_base = (vaddr_t)arena;
	arch_vmemmap_base = (vaddr_t)calloc(MACHINE_MEMORY / PAGE_SIZE, sizeof(struct page));
	for (u32 i = 0; i < ARRAY_SIZE(map); i++)
		boot_info.memory[i] = map[i];
	boot_info.memory_count = ARRAY_SIZE(map);
	page_wait_init();
	page_init();
}

/* --- page tables: one record per space and aligned 2 MiB --- */

struct fake_table {
	struct fake_table *next;
	struct arch_as *aas;
	vaddr_t base;
	struct spinlock pd_lock, pt_lock;
	pte_t leaf;		/* a huge one */
	pte_t *ptes;
};

static struct fake_table *fake_tables;
static u32 fake_flushes;

static struct fake_table *
fake_find(struct arch_as *aas, vaddr_t va)
{
	for (struct fake_table *t = fake_tables; t != NULL; t = t->next)
		if (t->aas == aas && t->base == ALIGN_DOWN(va, HUGE_PAGE_SIZE))
			return t;
	return NULL;
}

static struct fake_table *
fake_get(struct arch_as *aas, vaddr_t va)
{
	struct fake_table *t = fake_find(aas, va);

	if (t == NULL) {
		t = calloc(1, sizeof(*t));
		t->aas = aas;
		t->base = ALIGN_DOWN(va, HUGE_PAGE_SIZE);
		spin_init(&t->pd_lock, LOCK_PT);
		spin_init(&t->pt_lock, LOCK_PT);
		t->next = fake_tables;
		fake_tables = t;
	}
	return t;
}

static pte_t *
fake_entry(struct fake_table *t, vaddr_t va)
{
	return &t->ptes[(va - t->base) / PAGE_SIZE];
}

/* Tables cost a frame, so that allocation failures reach them. */
static bool
fake_fill(struct fake_table *t)
{
	struct page *pg = pt_page_alloc();

	if (pg == NULL)
		return false;
	t->ptes = page_address(pg);
	return true;
}

int
arch_as_create(struct arch_as *aas)
{
	memset(aas, 0, sizeof(*aas));
	return 0;
}

static void
fake_drop(struct fake_table **link)
{
	struct fake_table *t = *link;

	ck_assert_uint_eq(t->leaf, 0);
	for (u32 i = 0; t->ptes != NULL && i < 512; i++)
		ck_assert_uint_eq(t->ptes[i], 0);
	if (t->ptes != NULL)
		pt_page_free(virt_to_page(t->ptes));
	*link = t->next;
	free(t);
}

void
arch_as_destroy(struct arch_as *aas)
{
	for (struct fake_table **link = &fake_tables; *link != NULL;) {
		if ((*link)->aas == aas)
			fake_drop(link);
		else
			link = &(*link)->next;
	}
}

void
arch_as_switch(struct arch_as *aas)
{
	(void)aas;
}

int
arch_pte_alloc(struct arch_as *aas, vaddr_t va, int flags, pte_t **pte, struct spinlock **lock)
{
	struct fake_table *t = fake_get(aas, va);

	if (flags & ARCH_PT_HUGE) {
		*pte = &t->leaf;
		*lock = &t->pd_lock;
		return t->ptes != NULL ? -EEXIST : 0;
	}
	if (t->leaf != 0)
		return -EEXIST;
	if (t->ptes == NULL && !fake_fill(t))
		return -ENOMEM;
	*pte = fake_entry(t, va);
	*lock = &t->pt_lock;
	return 0;
}

pte_t *
arch_pte_find(struct arch_as *aas, vaddr_t va, struct spinlock **lock, bool *huge)
{
	struct fake_table *t = fake_find(aas, va);

	*huge = t != NULL && t->leaf != 0;
	if (t == NULL || (!*huge && t->ptes == NULL))
		return NULL;
	*lock = *huge ? &t->pd_lock : &t->pt_lock;
	return *huge ? &t->leaf : fake_entry(t, va);
}

vaddr_t
arch_pte_next(struct arch_as *aas, vaddr_t va, vaddr_t end)
{
	vaddr_t best = end;

	for (struct fake_table *t = fake_tables; t != NULL; t = t->next)
		if (t->aas == aas && (t->ptes != NULL || t->leaf != 0) && t->base + HUGE_PAGE_SIZE > va)
			best = MIN(best, MAX(va, t->base));
	return best;
}

int
arch_pte_split(struct arch_as *aas, vaddr_t va)
{
	struct fake_table *t = fake_get(aas, va);

	if (t->leaf == 0)
		return 1;
	if (!fake_fill(t))
		return -ENOMEM;
	for (u64 i = 0; i < 512; i++)
		t->ptes[i] = arch_pte_present(t->leaf) && (t->leaf & PTE_P) ? (t->leaf & ~PTE_PS) + i * PAGE_SIZE :
			(t->leaf & ~PTE_PS) - i * PAGE_SIZE;	/* inaccessible ones are stored inverted */
	t->leaf = 0;
	return 0;
}

void
arch_pt_reclaim(struct arch_as *aas, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling)
{
	for (struct fake_table **link = &fake_tables; *link != NULL;) {
		struct fake_table *t = *link;

		if (t->aas == aas && t->base < end && t->base + HUGE_PAGE_SIZE > start && t->base >= floor &&
		    t->base + HUGE_PAGE_SIZE <= ceiling)
			fake_drop(link);
		else
			link = &t->next;
	}
}

void
arch_tlb_flush_page(struct arch_as *aas, vaddr_t va)
{
	(void)aas;
	(void)va;
	fake_flushes++;
}

static void (*fake_before_flush)(void);	/* what others do while entries may still be in a TLB; once */

void
arch_tlb_flush_range(struct arch_as *aas, vaddr_t start, vaddr_t end)
{
	void (*fn)(void) = fake_before_flush;

	(void)aas;
	(void)start;
	(void)end;
	fake_flushes++;
	fake_before_flush = NULL;
	if (fn != NULL)
		fn();
}

#endif
