/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sparse array against a flat model, with allocation failures; node memory is counted.
 * sources: sys/lib/xarray.c
 */
#include "tests/unit/test.h"

#include <pthread.h>

#include "sys/abi/errno.h"
#include "sys/lib/xarray.h"

#define N	120

static unsigned nodes, fail_in;		/* fail_in: the n-th allocation from now fails (0: none) */

static void *
node_alloc(void)
{
	void *p;

	if (fail_in && !--fail_in)
		return NULL;
	p = malloc(sizeof(struct xa_node));
	memset(p, 0xa5, sizeof(struct xa_node));
	nodes++;
	return p;
}

static void
node_free(void *p)
{
	nodes--;
	free(p);
}

static const struct xa_ops ops = { node_alloc, node_free };
static struct xarray xa;

/* Sorted indices, and what should be at them. */
static struct { u64 index; void *entry; bool tag[XA_TAGS]; } model[N];

static u64
random_index(void)
{
	switch (unit_rand_below(6)) {
	case 0: return unit_rand_below(4);
	case 1: return unit_rand_below(200);
	case 2: return 64 * unit_rand_below(70);
	case 3: return UINT64_MAX - unit_rand_below(3);
	case 4: return 1UL << unit_rand_below(64);
	default: return unit_rand() >> unit_rand_below(64);
	}
}

static int
by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

void
unit_setup(void)
{
	u64 index[N];

	xa_init(&xa, &ops);
	for (int i = 0; i < N; i++) {
again:
		index[i] = i ? random_index() : 0;
		for (int j = 0; j < i; j++) {
			if (index[j] == index[i])
				goto again;
		}
	}
	qsort(index, N, sizeof(u64), by_value);
	memset(model, 0, sizeof(model));
	for (int i = 0; i < N; i++)
		model[i].index = index[i];
}

void
unit_teardown(void)
{
	xa_destroy(&xa);
	ck_assert(xa_empty(&xa));
	ck_assert_uint_eq(nodes, 0);
}

static bool
matches(int i, int tag)
{
	return model[i].entry && (tag < 0 || model[i].tag[tag]);
}

static void
check_walk(int tag)
{
	u64 index;
	void *entry;
	int i = 0;

	index = 0;
	entry = tag < 0 ? xa_find(&xa, &index, UINT64_MAX) : xa_find_tag(&xa, &index, UINT64_MAX, tag);
	while (entry) {
		while (i < N && !matches(i, tag))
			i++;
		ck_assert_int_lt(i, N);
		ck_assert_uint_eq(index, model[i].index);
		ck_assert_ptr_eq(entry, model[i].entry);
		i++;
		entry = tag < 0 ? xa_find_after(&xa, &index, UINT64_MAX) :
			xa_find_tag_after(&xa, &index, UINT64_MAX, tag);
	}
	while (i < N && !matches(i, tag))
		i++;
	ck_assert_int_eq(i, N);
}

static void
check_bounded(int tag)
{
	u64 from = random_index(), max = random_index(), index = from;
	void *entry = tag < 0 ? xa_find(&xa, &index, max) : xa_find_tag(&xa, &index, max, tag);
	int i = 0;

	while (i < N && (model[i].index < from || !matches(i, tag)))
		i++;
	if (i == N || model[i].index > max) {
		ck_assert_ptr_null(entry);
		ck_assert_uint_eq(index, from);
	} else {
		ck_assert_ptr_eq(entry, model[i].entry);
		ck_assert_uint_eq(index, model[i].index);
	}
}

static void
check_all(void)
{
	bool any[XA_TAGS] = { 0 }, full = false;

	for (int i = 0; i < N; i++) {
		ck_assert_ptr_eq(xa_load(&xa, model[i].index), model[i].entry);
		full |= model[i].entry != NULL;
		for (int t = 0; t < XA_TAGS; t++) {
			ck_assert_int_eq(xa_get_tag(&xa, model[i].index, t), model[i].tag[t]);
			any[t] |= model[i].tag[t];
		}
	}
	ck_assert_int_eq(xa_empty(&xa), !full);
	if (!full)
		ck_assert_uint_eq(nodes, 0);
	for (int t = -1; t < XA_TAGS; t++) {
		if (t >= 0)
			ck_assert_int_eq(xa_tagged(&xa, t), any[t]);
		check_walk(t);
		check_bounded(t);
	}
}

static void
random_step(bool failing, unsigned erase_weight)
{
	int i = unit_rand_below(N), t = unit_rand_below(XA_TAGS), err;
	unsigned what = unit_rand_below(6 + erase_weight), before = nodes;
	void *entry = (void *)((1 + unit_rand_below(1000)) * 4);

	fail_in = failing && unit_rand_below(2) ? 1 + unit_rand_below(4) : 0;
	if (what < 2) {
		err = xa_store(&xa, model[i].index, entry);
		if (!err)
			model[i].entry = entry;
		else
			ck_assert_uint_eq(nodes, before);
		ck_assert(!err || (failing && err == -ENOMEM));
	} else if (what == 2) {
		err = xa_insert(&xa, model[i].index, entry);
		ck_assert(model[i].entry ? err == -EEXIST : !err || (failing && err == -ENOMEM));
		if (!err)
			model[i].entry = entry;
	} else if (what == 3) {
		xa_clear_tag(&xa, model[i].index, t);
		model[i].tag[t] = false;
	} else if (what < 6) {
		xa_set_tag(&xa, model[i].index, t);
		model[i].tag[t] = model[i].entry != NULL;
	} else {
		ck_assert_ptr_eq(xa_erase(&xa, model[i].index), model[i].entry);
		model[i].entry = NULL;
		memset(model[i].tag, 0, sizeof(model[i].tag));
	}
	fail_in = 0;
}

static void
random_life(bool failing, unsigned erase_weight, int steps)
{
	for (int s = 0; s < steps; s++) {
		random_step(failing, erase_weight);
		check_all();
	}
}

TEST(full_life) { random_life(false, 2, 1500); }
TEST(mostly_empty_life) { random_life(false, 20, 1500); }
TEST(life_with_failing_allocations) { random_life(true, 3, 1500); }

TEST(entry_zero_needs_no_node)
{
	u64 index = 0;
	void *e;

	ck_assert_int_eq(xa_store(&xa, 0, &index), 0);
	ck_assert_uint_eq(nodes, 0);
	xa_set_tag(&xa, 0, XTAG_1);
	ck_assert_int_eq(xa_store(&xa, 1, &e), 0);
	ck_assert_uint_eq(nodes, 1);
	ck_assert(xa_get_tag(&xa, 0, XTAG_1));
	ck_assert(!xa_get_tag(&xa, 1, XTAG_1));
	ck_assert_ptr_eq(xa_erase(&xa, 1), &e);
	ck_assert_uint_eq(nodes, 0);
	ck_assert(xa_get_tag(&xa, 0, XTAG_1));
	ck_assert(!xa_get_tag(&xa, 0, XTAG_0));
	ck_assert_ptr_eq(xa_erase(&xa, 0), &index);
	ck_assert(!xa_tagged(&xa, XTAG_1));
	ck_assert_int_eq(xa_store(&xa, 0, &index), 0);
	ck_assert(!xa_get_tag(&xa, 0, XTAG_1));
}

TEST(no_tag_comes_back_with_entry_zero)
{
	int x;

	ck_assert_int_eq(xa_store(&xa, 0, &x), 0);
	xa_set_tag(&xa, 0, XTAG_0);
	ck_assert_int_eq(xa_store(&xa, 5, &x), 0);
	xa_erase(&xa, 0);
	xa_erase(&xa, 5);
	ck_assert_int_eq(xa_store(&xa, 0, &x), 0);
	ck_assert(!xa_get_tag(&xa, 0, XTAG_0));
	ck_assert(!xa_tagged(&xa, XTAG_0));
}

TEST(entries_that_are_none)
{
	ck_assert_int_eq(xa_store(&xa, 5, (void *)6), -EINVAL);
	ck_assert_int_eq(xa_insert(&xa, 5, NULL), -EINVAL);
	ck_assert_int_eq(xa_store(&xa, 5, (void *)7), 0);
	ck_assert_int_eq(xa_store(&xa, 5, NULL), 0);
	ck_assert(xa_empty(&xa));
	ck_assert_ptr_null(xa_erase(&xa, 5));
	ck_assert_uint_eq(nodes, 0);
}

TEST(erasing_while_walking)
{
	u64 index;
	void *e;
	int n = 0;

	for (u64 i = 0; i < 10000; i += 3) {
		ck_assert_int_eq(xa_store(&xa, i, (void *)(i * 4 + 4)), 0);
		if (i % 2)
			xa_set_tag(&xa, i, XTAG_2);
	}
	xa_for_each_tagged(e, &xa, index, XTAG_2) {
		ck_assert_ptr_eq(xa_erase(&xa, index), e);
		n++;
	}
	ck_assert_int_eq(n, 1667);
	ck_assert(!xa_tagged(&xa, XTAG_2));
	xa_for_each(e, &xa, index)
		xa_erase(&xa, index);
	ck_assert(xa_empty(&xa));
	ck_assert_uint_eq(nodes, 0);
}

/* Readers beside one writer. Nodes that the writer frees rest on a list: the grace period is the whole test. */

#define FIXED		8
#define ROUNDS		60000

static const u64 fixed[FIXED] = { 0, 1, 63, 64, 5000, 1UL << 20, 1UL << 40, UINT64_MAX };
static void *resting;
static bool stop;

static void
node_rest(void *p)
{
	*(void **)p = resting;		/* the reclaim words, as an RCU head would */
	resting = p;
}

static const struct xa_ops rcu_ops = { node_alloc, node_rest };

static void *
reader(void *arg)
{
	unsigned present = (uintptr_t)arg;	/* fixed[0..present-1] are there all the time */
	void *bad = NULL;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE) && !bad) {
		for (unsigned i = 0; i < present; i++) {
			u64 index = fixed[i];
			void *want = (void *)(4 * (fixed[i] & 0xffff) + 4);

			if (xa_load(&xa, index) != want)
				bad = "xa_load";
			if (xa_find(&xa, &index, UINT64_MAX) != want || index != fixed[i])
				bad = "xa_find";
			if (xa_find_tag(&xa, &index, UINT64_MAX, XTAG_1) != want || index != fixed[i])
				bad = "xa_find_tag";
			if (!xa_get_tag(&xa, index, XTAG_1) || !xa_tagged(&xa, XTAG_1))
				bad = "xa_get_tag";
		}
	}
	return bad;
}

static void
race(unsigned present)
{
	pthread_t threads[2];
	void *bad;

	xa_init(&xa, &rcu_ops);
	stop = false;
	for (unsigned i = 0; i < present; i++) {
		ck_assert_int_eq(xa_store(&xa, fixed[i], (void *)(4 * (fixed[i] & 0xffff) + 4)), 0);
		xa_set_tag(&xa, fixed[i], XTAG_1);
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, reader, (void *)(uintptr_t)present);
	for (int r = 0; r < ROUNDS; r++) {
		u64 index = unit_rand() >> unit_rand_below(64);
		bool is_fixed = false;

		for (unsigned i = 0; i < present; i++)
			is_fixed |= fixed[i] == index;
		if (is_fixed)
			continue;
		ck_assert_int_eq(xa_store(&xa, index, (void *)8), 0);
		xa_set_tag(&xa, index, XTAG_1);
		if (r % 16)
			xa_erase(&xa, index);
		if (r % 512 == 0) {
			void *e;
			u64 i;

			xa_for_each(e, &xa, i) {
				if (e == (void *)8 && i != 1)
					xa_erase(&xa, i);
			}
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &bad);
		ck_assert_msg(!bad, "%s", (char *)bad);
	}
	xa_destroy(&xa);
	while (resting) {
		void *next = *(void **)resting;

		node_free(resting);
		resting = next;
	}
}

TEST(readers_beside_a_writer) { race(FIXED); }
TEST(readers_of_entry_zero_beside_a_writer) { race(1); }
