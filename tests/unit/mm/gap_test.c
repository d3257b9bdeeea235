/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free ranges between ranges, against a map of bytes.
 * sources: mm/gap.c
 */
#include "tests/unit/test.h"
#include "mm/gap.h"

#define SPACE	400

static struct gap_tree tree;
static struct gap_node nodes[SPACE];
static int owner[SPACE];	/* index of the node that covers the byte, or -1 */

void
unit_setup(void)
{
	gap_tree_init(&tree);
	for (int i = 0; i < SPACE; i++)
		owner[i] = -1;
}

static bool
model_free(u64 at, u64 size)
{
	for (u64 i = at; i < at + size; i++)
		if (i < SPACE && owner[i] >= 0)
			return false;
	return true;
}

static void
paint(u64 start, u64 end, int who)
{
	for (u64 i = start; i < end; i++)
		owner[i] = who;
}

static bool
model_low(u64 size, u64 align, u64 lo, u64 hi, u64 *out)
{
	for (u64 at = ALIGN_UP(lo, align); at + size <= hi; at += align)
		if (model_free(at, size)) {
			*out = at;
			return true;
		}
	return false;
}

static bool
model_high(u64 size, u64 align, u64 lo, u64 hi, u64 *out)
{
	if (size > hi)
		return false;
	for (u64 at = ALIGN_DOWN(hi - size, align); at >= lo && at <= hi; at -= align)
		if (model_free(at, size)) {
			*out = at;
			return true;
		}
	return false;
}

static void
check_searches(void)
{
	for (int i = 0; i < 20; i++) {
		u64 size = 1 + unit_rand_below(40), align = 1UL << unit_rand_below(4), lo = unit_rand_below(SPACE), want = 0, got = 0;
		u64 hi = lo + unit_rand_below(SPACE + 50 - lo);
		bool found = model_low(size, align, lo, hi, &want);

		ck_assert_int_eq(gap_find_low(&tree, size, align, lo, hi, &got), found);
		if (found)
			ck_assert_uint_eq(got, want);
		found = model_high(size, align, lo, hi, &want);
		ck_assert_int_eq(gap_find_high(&tree, size, align, lo, hi, &got), found);
		if (found)
			ck_assert_uint_eq(got, want);
	}
}

static void
check_lookup(void)
{
	u64 addr = unit_rand_below(SPACE), first = addr;
	struct gap_node *n = gap_find(&tree, addr);

	while (first < SPACE && owner[first] < 0)
		first++;
	ck_assert_ptr_eq(n, first < SPACE ? &nodes[owner[first]] : NULL);
}

static void
change(int i)
{
	struct gap_node *n = &nodes[i];
	u64 start, end;

	if (n->end == 0) {
		n->start = unit_rand_below(SPACE);
		n->end = MIN(n->start + 1 + unit_rand_below(12), (u64)SPACE);
		if (!model_free(n->start, n->end - n->start)) {
			n->end = 0;
			return;
		}
		gap_insert(&tree, n);
		paint(n->start, n->end, i);
	} else if (unit_rand_below(3) == 0) {
		paint(n->start, n->end, -1);
		start = n->start > 2 && owner[n->start - 1] < 0 ? n->start - 1 : n->start;
		end = n->end - start > 2 ? n->end - 1 : n->end;
		gap_resize(&tree, n, start, end);
		paint(start, end, i);
	} else {
		gap_erase(&tree, n);
		paint(n->start, n->end, -1);
		n->end = 0;
	}
}

TEST(random_ranges_against_a_map)
{
	for (int i = 0; i < 3000; i++) {
		change((int)unit_rand_below(60));
		check_searches();
		check_lookup();
	}
}

TEST(empty_tree_is_all_free)
{
	u64 at;

	ck_assert(gap_find_low(&tree, 10, 4, 5, 100, &at));
	ck_assert_uint_eq(at, 8);
	ck_assert(gap_find_high(&tree, 10, 4, 5, 100, &at));
	ck_assert_uint_eq(at, 88);
	ck_assert(!gap_find_low(&tree, 96, 1, 5, 100, &at));
	ck_assert(!gap_find_high(&tree, 96, 1, 5, 100, &at));
	ck_assert_ptr_null(gap_find(&tree, 0));
}
