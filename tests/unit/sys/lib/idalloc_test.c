/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer allocator against a table.
 * sources: sys/lib/idalloc.c
 */
#include "tests/unit/test.h"

#include "sys/abi/errno.h"
#include "sys/lib/idalloc.h"

#define MIN_ID	7
#define MAX_ID	1500

static unsigned fail_in;

static void *
ids_alloc(size_t n)
{
	void *p;

	if (fail_in && !--fail_in)
		return NULL;
	p = malloc(n);
	memset(p, 0xa5, n);
	return p;
}

static const struct idalloc_ops ops = { ids_alloc, free };
static struct idalloc ia;
static bool taken[MAX_ID + 1];

void
unit_setup(void)
{
	idalloc_init(&ia, MIN_ID, MAX_ID, &ops);
}

void
unit_teardown(void)
{
	idalloc_destroy(&ia);
}

static int
slow_find(int from)
{
	for (int i = MAX(from, MIN_ID); i <= MAX_ID; i++) {
		if (!taken[i])
			return i;
	}
	return -ENOSPC;
}

static int
expect(int id, int want)
{
	ck_assert_int_eq(id, want);
	if (id >= 0)
		taken[id] = true;
	return id;
}

TEST(random_life)
{
	int next = MIN_ID, id, used = 0;

	for (int s = 0; s < 20000; s++) {
		int at = unit_rand_below(MAX_ID + 20);

		switch (unit_rand_below(s % 4000 < 2500 ? 5 : 9)) {
		case 0:
			used += expect(idalloc_get(&ia), slow_find(0)) >= 0;
			break;
		case 1:
			used += expect(idalloc_get_from(&ia, at), slow_find(at)) >= 0;
			break;
		case 2:
			id = slow_find(next);
			if (id < 0)
				id = slow_find(0);
			used += expect(idalloc_get_cyclic(&ia), id) >= 0;
			if (id >= 0)
				next = id + 1;
			break;
		case 3:
			if (at < MIN_ID || at > MAX_ID)
				ck_assert_int_eq(idalloc_claim(&ia, at), -EINVAL);
			else if (taken[at])
				ck_assert_int_eq(idalloc_claim(&ia, at), -EBUSY);
			else
				used += expect(idalloc_claim(&ia, at) ?: at, at) >= 0;
			break;
		default:
			if (at <= MAX_ID && taken[at]) {
				idalloc_put(&ia, at);
				taken[at] = false;
				used--;
			}
		}
		if (at <= MAX_ID)
			ck_assert_int_eq(idalloc_is_taken(&ia, at), taken[at]);
		ck_assert_uint_eq(ia.used, used);
	}
}

TEST(all_taken)
{
	for (int i = MIN_ID; i <= MAX_ID; i++)
		ck_assert_int_eq(idalloc_get_cyclic(&ia), i);
	ck_assert_int_eq(idalloc_get_cyclic(&ia), -ENOSPC);
	ck_assert_int_eq(idalloc_get(&ia), -ENOSPC);
	ck_assert_int_eq(idalloc_get_from(&ia, 100), -ENOSPC);
	idalloc_put(&ia, 99);
	ck_assert_int_eq(idalloc_get_from(&ia, 100), -ENOSPC);
	ck_assert_int_eq(idalloc_get(&ia), 99);
}

TEST(no_memory_changes_nothing)
{
	fail_in = 1;
	ck_assert_int_eq(idalloc_get(&ia), -ENOMEM);
	ck_assert_int_eq(idalloc_get(&ia), MIN_ID);
	fail_in = 1;
	ck_assert_int_eq(idalloc_claim(&ia, 1400), -ENOMEM);
	ck_assert(!idalloc_is_taken(&ia, 1400));
	ck_assert_int_eq(idalloc_claim(&ia, 1400), 0);
	ck_assert_int_eq(idalloc_get(&ia), MIN_ID + 1);
}

TEST(whole_positive_range)
{
	struct idalloc big;

	idalloc_init(&big, 0, UINT32_MAX, &ops);
	ck_assert_int_eq(idalloc_get(&big), 0);
	ck_assert_int_eq(idalloc_get_from(&big, 100000), 100000);
	ck_assert_int_eq(idalloc_claim(&big, 1u << 31), -EINVAL);
	idalloc_destroy(&big);
}
