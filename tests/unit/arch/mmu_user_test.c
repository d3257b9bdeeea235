/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of user spaces in an arena that plays physical memory, against a plain map of the entries.
 * sources: arch/x86_64/mmu_user.c
 */
#include "tests/unit/test.h"
#include "arch/x86_64/mmu.h"
#include "mm/page.h"
#include "sys/abi/errno.h"

#define FRAMES	512

static pte_t arena[FRAMES][512] __aligned(4096);
static struct page pages[FRAMES];
static bool used[FRAMES];
static u32 in_use, fail_after;
static u32 flushes;

pte_t kernel_pml4[TABLE_ENTRIES];
vaddr_t arch_direct_map_base, arch_vmemmap_base;
pte_t arch_pte_nx = PTE_NX, arch_pte_global = PTE_G;
static struct spinlock locks[FRAMES];

struct page *
pt_page_alloc(void)
{
	if (fail_after != 0 && --fail_after == 0)
		return NULL;
	for (u32 i = 1; i < FRAMES; i++) {
		if (used[i])
			continue;
		used[i] = true;
		in_use++;
		memset(arena[i], 0, sizeof(arena[i]));
		spin_init(&locks[i], LOCK_PT);
		pages[i].pt_lock = &locks[i];
		return &pages[i];
	}
	return NULL;
}

void
pt_page_free(struct page *pg)
{
	u32 i = (u32)(pg - pages);

	ck_assert(used[i]);
	used[i] = false;
	in_use--;
	memset(arena[i], 0xff, sizeof(arena[i]));
}

void
tlb_flush_tables(struct arch_as *aas)
{
	flushes++;
}

void
tlb_detach(struct arch_as *aas)
{
}

static struct arch_as aas;

void
unit_setup(void)
{
	arch_direct_map_base = (vaddr_t)arena;
	arch_vmemmap_base = (vaddr_t)pages;
	fail_after = flushes = 0;
	for (int i = 256; i < 512; i++)
		kernel_pml4[i] = (pte_t)i << 12 | 1;
	ck_assert_int_eq(arch_as_create(&aas), 0);
}

void
unit_teardown(void)
{
	arch_as_destroy(&aas);
	ck_assert_uint_eq(in_use, 0);
}

static void
set(vaddr_t va, pfn_t pfn)
{
	struct spinlock *lock;
	pte_t *pte;

	ck_assert_int_eq(arch_pte_alloc(&aas, va, 0, &pte, &lock), 0);
	arch_pte_write(pte, arch_pte_make(pfn, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_USER));
}

static void
set_huge(vaddr_t va, pfn_t pfn)
{
	struct spinlock *lock;
	pte_t *pte;

	ck_assert_int_eq(arch_pte_alloc(&aas, va, ARCH_PT_HUGE, &pte, &lock), 0);
	arch_pte_write(pte, arch_pte_make_huge(pfn, PROT_BIT_READ | PROT_BIT_USER));
}

static pte_t *
find(vaddr_t va, bool *huge)
{
	struct spinlock *lock;

	return arch_pte_find(&aas, va, &lock, huge);
}

TEST(the_kernel_half_is_shared)
{
	const pte_t *root = phys_to_virt(aas.root);

	ck_assert_int_eq(memcmp(root + 256, kernel_pml4 + 256, 2048), 0);
	ck_assert_uint_eq(root[0], 0);
}

TEST(leaves_are_found_again)
{
	bool huge;

	ck_assert_ptr_null(find(0x400000, &huge));
	set(0x400000, 77);
	set(0x7fffffffe000, 78);
	ck_assert_uint_eq(arch_pte_pfn(*find(0x400000, &huge)), 77);
	ck_assert(!huge);
	ck_assert_uint_eq(arch_pte_pfn(*find(0x7fffffffe000, NULL)), 78);
	ck_assert_uint_eq(*find(0x401000, NULL), 0);
	ck_assert_uint_eq(arch_pte_next(&aas, 0, 0x7ffffffff000), 0x400000);
	ck_assert_uint_eq(arch_pte_next(&aas, 0x401000, 0x7ffffffff000), 0x7fffffffe000);
	ck_assert_uint_eq(arch_pte_next(&aas, 0x401000, 0x500000), 0x500000);
}

TEST(huge_leaves)
{
	struct spinlock *lock;
	pte_t *pte;
	bool huge;

	set_huge(0x40000000, 512);
	find(0x40012000, &huge);
	ck_assert(huge);
	ck_assert_int_eq(arch_pte_alloc(&aas, 0x40012000, 0, &pte, &lock), -EEXIST);
	ck_assert_uint_eq(arch_pte_next(&aas, 0x40012000, ~0UL >> 17), 0x40012000);
	ck_assert_int_eq(arch_pte_split(&aas, 0x40012000), 0);
	ck_assert_int_eq(arch_pte_split(&aas, 0x40012000), 1);
	for (u64 i = 0; i < 512; i++) {
		pte = find(0x40000000 + i * 4096, &huge);
		ck_assert(!huge && arch_pte_pfn(*pte) == 512 + i && !arch_pte_writable(*pte));
	}
	ck_assert_int_eq(arch_pte_alloc(&aas, 0x40012000, ARCH_PT_HUGE, &pte, &lock), -EEXIST);
}

TEST(no_memory_leaves_a_sound_tree)
{
	struct spinlock *lock;
	pte_t *pte;

	for (u32 n = 1; n <= 3; n++) {
		fail_after = n;
		ck_assert_int_eq(arch_pte_alloc(&aas, (u64)n << 40, 0, &pte, &lock), -ENOMEM);
	}
	fail_after = 0;
	set(1UL << 40, 5);
	set_huge(0x40000000, 512);
	fail_after = 1;
	ck_assert_int_eq(arch_pte_split(&aas, 0x40000000), -ENOMEM);
}

TEST(protection_none_keeps_its_frame_hidden)
{
	pte_t e = arch_pte_make(0x1234, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_USER);
	pte_t none = arch_pte_with_prot(e | PTE_D, PROT_BIT_USER);

	ck_assert(arch_pte_present(none) && !arch_pte_accessible(none) && !arch_pte_writable(none));
	ck_assert_uint_eq(arch_pte_pfn(none), 0x1234);
	ck_assert_uint_ne(none & PTE_ADDR, 0x1234UL << 12);
	ck_assert(arch_pte_dirty(none));
	ck_assert_uint_eq(arch_pte_with_prot(none, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_USER), e | PTE_D);
	e = arch_pte_swap(12345);
	ck_assert(!arch_pte_present(e) && !arch_pte_none(e) && !arch_pte_none(arch_pte_swap(0)));
	ck_assert_uint_eq(arch_pte_swap_value(e), 12345);
}

TEST(reclaim_frees_what_lies_inside)
{
	u32 before;

	set(0x400000, 1);
	set(0x600000, 2);
	set(0x800000, 3);
	before = in_use;
	*find(0x600000, NULL) = 0;
	arch_pt_reclaim(&aas, 0x600000, 0x601000, 0x500000, 0x700000);	/* a neighbour may use the table */
	ck_assert_uint_eq(in_use, before);
	arch_pt_reclaim(&aas, 0x600000, 0x601000, 0x600000, 0x800000);
	ck_assert_uint_eq(in_use, before - 1);
	ck_assert_uint_eq(flushes, 1);
	*find(0x400000, NULL) = *find(0x800000, NULL) = 0;
	arch_pt_reclaim(&aas, 0, ARCH_USER_MAX, 0, ARCH_USER_MAX + PAGE_SIZE);
	ck_assert_uint_eq(in_use, 1);
}

/* Random leaves in a few clusters; next, find and reclaim against a sorted list. */
static int
compare(const void *a, const void *b)
{
	vaddr_t x = *(const vaddr_t *)a, y = *(const vaddr_t *)b;

	return x < y ? -1 : x > y;
}

TEST(random_against_a_list)
{
	static vaddr_t want[2000];
	const vaddr_t near[] = { 0x10000, 0x3fffff000, 0x7f0000000000, 0x7fffffa00000, 0x8000000000 };

	for (int round = 0; round < 20; round++) {
		size_t n = 0;
		vaddr_t va = 0;

		for (int i = 0; i < 300; i++) {
			want[n] = near[unit_rand_below(5)] + unit_rand_below(3) * 0x1ff000 + unit_rand_below(32) * 4096;
			set(want[n], n + 1);
			n++;
		}
		qsort(want, n, sizeof(want[0]), compare);
		for (size_t i = 0; i < n; i++) {
			if (i > 0 && want[i] == want[i - 1])
				continue;
			ck_assert_uint_eq(arch_pte_next(&aas, va, ARCH_USER_MAX), want[i]);
			ck_assert_uint_eq(arch_pte_next(&aas, va, want[i]), want[i]);
			va = want[i] + 4096;
		}
		ck_assert_uint_eq(arch_pte_next(&aas, va, ARCH_USER_MAX), ARCH_USER_MAX);
		for (size_t i = 0; i < n; i++)
			*find(want[i], NULL) = 0;
		if (round % 2 == 0) {
			arch_pt_reclaim(&aas, 0, ARCH_USER_MAX, 0, ARCH_USER_MAX + PAGE_SIZE);
			ck_assert_uint_eq(in_use, 1);
		}
		ck_assert_uint_eq(arch_pte_next(&aas, 0, ARCH_USER_MAX), ARCH_USER_MAX);
	}
}
