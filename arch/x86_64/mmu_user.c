/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of user address spaces. An entry is changed under the lock of the table page that holds it. Tables appear under
 * the lock of the table above and go away only by arch_pt_reclaim() (the space's lock held for writing, the range unmapped) and
 * arch_as_destroy(), so a walk needs no lock.
 */
#include "arch/mmu.h"
#include "arch/x86_64/mmu.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/spinlock.h"

#define USER_SLOTS	(TABLE_ENTRIES / 2)
#define FREE_BATCH	32

static struct page *
table_page(const pte_t *table)
{
	return pfn_to_page((((vaddr_t)table & PAGE_MASK) - arch_direct_map_base) >> PAGE_SHIFT);
}

static struct spinlock *
table_lock(const pte_t *table)
{
	return table_page(table)->pt_lock;
}

/* A table (not a leaf) stands in this entry. */
static bool
is_table(pte_t e)
{
	return (e & (PTE_P | PTE_PS)) == PTE_P;
}

/* The first entry of [i, end) that is not none, or end. Eight at a time: most tables are nearly empty. */
static unsigned
next_used(const pte_t *table, unsigned i, unsigned end)
{
	for (; i < end && i % 8; i++)
		if (!arch_pte_none(arch_pte_read(&table[i])))
			return i;
	for (; i + 8 <= end; i += 8) {
		const volatile pte_t *e = &table[i];

		if (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7])
			break;
	}
	for (; i < end; i++)
		if (!arch_pte_none(arch_pte_read(&table[i])))
			return i;
	return end;
}

int
arch_as_create(struct arch_as *aas)
{
	static u64 next_id;	/* [a] */
	struct page *pg = pt_page_alloc();
	pte_t *root;

	if (!pg)
		return -ENOMEM;
	root = page_address(pg);
	memcpy(root + USER_SLOTS, kernel_pml4 + USER_SLOTS, sizeof(pte_t) * USER_SLOTS);
	*aas = (struct arch_as){ .root = page_to_phys(pg), .id = atomic_add(&next_id, 1) };
	return 0;
}

/* Free the table and all tables below it. Nothing is mapped any more. */
static void
free_tables(pte_t *table, int level, unsigned entries)
{
	for (unsigned i = 0; level > 1 && (i = next_used(table, i, entries)) < entries; i++) {
		pte_t e = arch_pte_read(&table[i]);

		if (is_table(e))
			free_tables(table_of(e), level - 1, TABLE_ENTRIES);
	}
	pt_page_free(table_page(table));
}

void
arch_as_destroy(struct arch_as *aas)
{
	if (!aas->root)
		return;
	tlb_detach(aas);
	free_tables(phys_to_virt(aas->root), LEVEL_TOP, USER_SLOTS);
	aas->root = 0;
}

/* The table below *e (which lies in a table of `level`), made if there is none. -EEXIST: a leaf is there. */
static int
descend_alloc(pte_t *e, pte_t **below)
{
	pte_t v = arch_pte_read(e);

	if (unlikely(arch_pte_none(v))) {
		struct page *pg = pt_page_alloc();
		struct spinlock *lock = table_lock(e);

		if (!pg)
			return -ENOMEM;
		spin_lock(lock);
		v = arch_pte_read(e);
		if (arch_pte_none(v)) {
			v = page_to_phys(pg) | TABLE_BITS_USER;
			arch_pte_write(e, v);
			pg = NULL;
		}
		spin_unlock(lock);
		if (pg)
			pt_page_free(pg);	/* another was faster */
	}
	if (!is_table(v))
		return -EEXIST;
	*below = table_of(v);
	return 0;
}

int
arch_pte_alloc(struct arch_as *aas, vaddr_t va, int flags, pte_t **pte, struct spinlock **lock)
{
	pte_t *table = phys_to_virt(aas->root);
	int last = flags & ARCH_PT_HUGE ? 2 : 1;

	for (int level = LEVEL_TOP; level > last; level--) {
		int err = descend_alloc(&table[table_index(va, level)], &table);

		if (err)
			return err;
	}
	*lock = table_lock(table);
	*pte = &table[table_index(va, last)];
	return last == 2 && is_table(arch_pte_read(*pte)) ? -EEXIST : 0;
}

pte_t *
arch_pte_find(struct arch_as *aas, vaddr_t va, struct spinlock **lock, bool *huge)
{
	pte_t *table = phys_to_virt(aas->root);

	if (huge)
		*huge = false;
	for (int level = LEVEL_TOP; level > 1; level--) {
		pte_t *e = &table[table_index(va, level)];
		pte_t v = arch_pte_read(e);

		if (is_table(v)) {
			table = table_of(v);
			continue;
		}
		if (level != 2 || !arch_pte_huge(v))
			return NULL;
		if (huge)
			*huge = true;
		*lock = table_lock(table);
		return e;
	}
	*lock = table_lock(table);
	return &table[table_index(va, 1)];
}

/* Below `table` of `level`; va and end - 1 lie in its span. */
static vaddr_t
next_below(const pte_t *table, int level, vaddr_t va, vaddr_t end)
{
	vaddr_t base = ALIGN_DOWN(va, LEVEL_SIZE(level) * TABLE_ENTRIES);
	unsigned i = table_index(va, level), last = table_index(end - 1, level) + 1;

	for (; (i = next_used(table, i, last)) < last; i++) {
		vaddr_t start = base + i * LEVEL_SIZE(level), stop = start + LEVEL_SIZE(level);
		pte_t e = arch_pte_read(&table[i]);

		start = MAX(start, va);
		stop = MIN(stop, end);
		if (level > 1 && is_table(e))
			start = next_below(table_of(e), level - 1, start, stop);
		if (start < stop)
			return start;
	}
	return end;
}

vaddr_t
arch_pte_next(struct arch_as *aas, vaddr_t va, vaddr_t end)
{
	return va < end ? next_below(phys_to_virt(aas->root), LEVEL_TOP, va, end) : end;
}

int
arch_pte_split(struct arch_as *aas, vaddr_t va)
{
	struct page *pg = pt_page_alloc();
	struct spinlock *lock;
	bool huge;
	pte_t *e, *table, v;

	if (!pg)
		return -ENOMEM;
	e = arch_pte_find(aas, va, &lock, &huge);
	if (!e || !huge) {
		pt_page_free(pg);
		return 1;
	}
	table = page_address(pg);
	spin_lock(lock);
	v = arch_pte_read(e);
	if (arch_pte_huge(v)) {
		pfn_t pfn = arch_pte_pfn(v);

		/* The hardware may set the dirty bit until the leaf is gone: take it out first. */
		v = arch_pte_xchg(e, 0);
		for (u64 i = 0; i < TABLE_ENTRIES; i++)
			table[i] = (v & ~(PTE_ADDR | PTE_PS)) | ((((pfn + i) << PAGE_SHIFT) ^ arch_pte_invert(v)) & PTE_ADDR);
		arch_pte_write(e, page_to_phys(pg) | TABLE_BITS_USER);
		pg = NULL;
	}
	spin_unlock(lock);
	if (pg)
		pt_page_free(pg);
	return pg ? 1 : 0;
}

/* --- giving tables back --- */

struct reclaim {
	struct arch_as *aas;
	vaddr_t start, end, floor, ceiling;
	u32 count;
	pte_t *tables[FREE_BATCH];	/* unlinked, not freed yet */
};

static void
reclaim_flush(struct reclaim *r)
{
	if (r->count == 0)
		return;
	tlb_flush_tables(r->aas);
	while (r->count)
		pt_page_free(table_page(r->tables[--r->count]));
}

/* Tables below `table` (of `level`, for addresses from base) that serve some of [start, end), have their whole span between floor
 * and ceiling and are empty. */
static void
reclaim_level(struct reclaim *r, pte_t *table, int level, vaddr_t base)
{
	u64 span = LEVEL_SIZE(level);
	unsigned i = r->start > base ? (unsigned)((r->start - base) >> LEVEL_SHIFT(level)) : 0;
	unsigned last = (unsigned)MIN((r->end - 1 - base) >> LEVEL_SHIFT(level), TABLE_ENTRIES - 1UL) + 1;

	for (; (i = next_used(table, i, last)) < last; i++) {
		vaddr_t va = base + i * span;
		pte_t v = arch_pte_read(&table[i]), *below;
		struct spinlock *lock;

		if (!is_table(v))
			continue;
		below = table_of(v);
		if (level > 2)
			reclaim_level(r, below, level - 1, va);
		if (va < r->floor || va + span > r->ceiling || next_used(below, 0, TABLE_ENTRIES) < TABLE_ENTRIES)
			continue;
		lock = table_lock(table);
		spin_lock(lock);
		arch_pte_write(&table[i], 0);
		spin_unlock(lock);
		if (r->count == FREE_BATCH)
			reclaim_flush(r);
		r->tables[r->count++] = below;
	}
}

void
arch_pt_reclaim(struct arch_as *aas, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling)
{
	struct reclaim r = { .aas = aas, .start = start, .end = end, .floor = floor, .ceiling = ceiling };

	if (start >= end)
		return;
	/* The very last table of user space ends above ARCH_USER_MAX. */
	if (r.ceiling >= ARCH_USER_MAX)
		r.ceiling = ALIGN_UP(ARCH_USER_MAX, LEVEL_SIZE(LEVEL_TOP));
	reclaim_level(&r, phys_to_virt(aas->root), LEVEL_TOP, 0);
	reclaim_flush(&r);
}
