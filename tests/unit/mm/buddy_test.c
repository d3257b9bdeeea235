/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page allocator on an arena of 64 MiB.
 * sources: mm/buddy.c mm/page.c mm/page_init.c mm/counters.c mm/overcommit.c
 */
#include "tests/unit/test.h"
#include "tests/unit/mm/machine.h"

static u64 all_free;

void
unit_setup(void)
{
	machine_init();
	all_free = buddy_free_pages();
}

TEST(boot_hands_out_what_is_usable)
{
	struct page *pg;

	/* 64 MiB without the hole below 1 MiB, the image and the hole at 16 MiB, frame 0, the low frame, and frames for the table. */
	ck_assert_uint_ge(all_free, (MACHINE_MEMORY - 4 * MIB) / PAGE_SIZE);
	ck_assert_uint_le(all_free, (MACHINE_MEMORY - 4 * MIB) / PAGE_SIZE + 160);
	ck_assert_uint_eq(page_low_frame(), PAGE_SIZE);
	ck_assert(pfn_valid(0x150));
	ck_assert(!pfn_valid(MACHINE_MEMORY / PAGE_SIZE));
	ck_assert(page_flag(pfn_to_page(0x150), PG_RESERVED));
	ck_assert_uint_eq(zones[ZONE_DMA32].blocks[MAX_ORDER] > 8, true);
	pg = page_alloc(0, KM_NORMAL);
	ck_assert_ptr_nonnull(pg);
	page_put(pg);
}

TEST(blocks_are_aligned_apart_and_merge_again)
{
	struct page *pages[200];
	u32 orders[200];

	for (int round = 0; round < 40; round++) {
		for (u32 i = 0; i < 200; i++) {
			orders[i] = (u32)unit_rand_below(7);
			pages[i] = page_alloc(orders[i], KM_NORMAL | (unit_rand_below(2) ? PA_COMPOUND : 0));
			ck_assert_ptr_nonnull(pages[i]);
			ck_assert_uint_eq(page_to_pfn(pages[i]) % (1UL << orders[i]), 0);
			ck_assert_uint_eq(page_order(pages[i]), orders[i]);
			memset(page_address(pages[i]), (int)i, PAGE_SIZE << orders[i]);
		}
		for (u32 i = 0; i < 200; i++) {
			ck_assert_uint_eq(*(u8 *)page_address(pages[i]), (u8)i);
			page_put(pages[i]);
		}
	}
	page_drain_lists(true);
	ck_assert_uint_eq(buddy_free_pages(), all_free);
	ck_assert_uint_eq(zones[ZONE_DMA32].free_pages, all_free);
	ck_assert_uint_gt(zones[ZONE_DMA32].blocks[MAX_ORDER], 8);
}

TEST(tails_of_a_compound_find_their_head)
{
	struct page *pg = page_alloc(3, KM_ZERO | PA_COMPOUND);

	for (int i = 0; i < 8; i++)
		ck_assert_ptr_eq(page_head(pg + i), pg);
	page_get(pg + 5);
	page_put(pg);
	ck_assert_uint_lt(buddy_free_pages(), all_free);
	page_put(pg + 3);
	ck_assert_uint_eq(buddy_free_pages(), all_free);
	ck_assert(!page_flag(pg + 5, PG_TAIL));
}

TEST(zeroed_pages_are_zero)
{
	struct page *pg = page_alloc(2, KM_NORMAL);

	memset(page_address(pg), 0xff, 4 * PAGE_SIZE);
	page_put(pg);
	pg = page_alloc(2, KM_ZERO);
	for (u64 i = 0; i < 4 * PAGE_SIZE; i++)
		ck_assert_uint_eq(((u8 *)page_address(pg))[i], 0);
}

/* Take all there is for the given flags: how many pages. */
static u64
exhaust(int flags, struct page **list)
{
	struct page *pg;
	u64 n = 0;

	while ((pg = page_alloc(0, flags)) != NULL) {
		pg->private = *list;
		*list = pg;
		n++;
	}
	return n;
}

static void
give_back(struct page *list)
{
	while (list != NULL) {
		struct page *next = list->private;

		page_put(list);
		list = next;
	}
}

TEST(reserves_are_kept_for_those_who_cannot_wait)
{
	struct page *list = NULL;
	u64 user = exhaust(KM_USER, &list), normal, atomic;

	ck_assert_uint_gt(user, all_free - 2 * zones[ZONE_DMA32].min);
	ck_assert_uint_gt(reclaim_calls, 0);
	normal = exhaust(KM_NORMAL, &list);
	atomic = exhaust(KM_ATOMIC, &list);
	ck_assert_uint_gt(normal, 0);
	ck_assert_uint_gt(atomic, 0);
	ck_assert_ptr_null(page_alloc(5, KM_NORMAL));
	unit_thread.in_reclaim = true;
	ck_assert_uint_gt(exhaust(KM_NORMAL, &list), 0);
	unit_thread.in_reclaim = false;
	ck_assert_uint_eq(buddy_free_pages(), 0);
	give_back(list);
	ck_assert_uint_eq(buddy_free_pages(), all_free);
}

TEST(large_pages_do_not_reclaim)
{
	struct page *list = NULL;

	exhaust(KM_USER, &list);
	reclaim_calls = 0;
	ck_assert_ptr_null(page_alloc(9, KM_USER | PA_NO_RECLAIM));
	ck_assert_uint_eq(reclaim_calls, 0);
}

TEST(injected_failures)
{
	u32 failed = 0;

	page_fail_interval = 3;
	for (int i = 0; i < 30; i++) {
		struct page *pg = page_alloc(0, KM_NORMAL);

		failed += pg == NULL;
		if (pg != NULL)
			page_put(pg);
	}
	page_fail_interval = 0;
	ck_assert_uint_eq(failed, 10);
}

TEST(reserved_memory_can_be_given_back)
{
	page_free_reserved(0x200000, 0x280800);
	ck_assert_uint_eq(buddy_free_pages(), all_free + 0x80);
	ck_assert(!page_flag(pfn_to_page(0x200), PG_RESERVED));
}

TEST(page_lock_and_waiters)
{
	struct page *pg = page_alloc(0, KM_NORMAL);

	ck_assert(page_trylock(pg));
	ck_assert(!page_trylock(pg));
	page_unlock(pg);
	page_lock(pg);
	page_unlock(pg);
	page_wait_locked(pg);
	page_set_flag(pg, PG_WRITEBACK);
	page_end_writeback(pg);
	page_wait_writeback(pg);
	page_put(pg);
}

TEST_PANICS(double_free_is_reported)
{
	struct page *pg = page_alloc(0, KM_NORMAL);

	page_put(pg);
	page_put(pg);
}

TEST_PANICS(write_after_free_is_reported)
{
	struct page *pg = page_alloc(4, KM_NORMAL);

	page_put(pg);
	((u8 *)page_address(pg + 3))[77] = 1;
	for (int i = 0; i < 20000; i++)
		(void)!page_alloc(0, KM_ATOMIC);
}

TEST_PANICS(locked_page_is_not_freed)
{
	struct page *pg = page_alloc(0, KM_NORMAL);

	page_lock(pg);
	page_put(pg);
}
