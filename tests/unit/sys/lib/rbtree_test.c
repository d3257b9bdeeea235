/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Red-black tree: invariants and order after every step of a random life, beside a sorted array; interval tree
 * against brute force.
 * sources: sys/lib/rbtree.c sys/lib/interval.c
 */
#include "tests/unit/test.h"

#include "sys/lib/interval.h"
#include "sys/lib/rbtree.h"

#define N	200

struct item {
	struct rbnode rb;
	u32 key;
	u32 size;		/* augmented: nodes in the subtree */
	bool in;
};

static struct rbtree tree;
static struct item items[N];
static unsigned count;

static struct item *
item_of(struct rbnode *n)
{
	return rb_entry(n, struct item, rb);
}

static u32
size_of(struct rbnode *n)
{
	return n ? item_of(n)->size : 0;
}

static void
update(struct rbnode *n)
{
	item_of(n)->size = 1 + size_of(n->left) + size_of(n->right);
}

/* Black height; checks colours, parents and sizes. */
static int
check_subtree(struct rbnode *n, struct rbnode *parent, bool augmented)
{
	bool black;
	int l, r;

	if (!n)
		return 1;
	black = n->parent_color & 1;
	ck_assert_ptr_eq(rb_parent(n), parent);
	if (!black)
		ck_assert(parent && (parent->parent_color & 1));
	l = check_subtree(n->left, n, augmented);
	r = check_subtree(n->right, n, augmented);
	ck_assert_int_eq(l, r);
	if (augmented)
		ck_assert_uint_eq(item_of(n)->size, 1 + size_of(n->left) + size_of(n->right));
	return l + black;
}

static void
check_tree(bool augmented)
{
	struct item *it, *last = NULL;
	unsigned n = 0;

	check_subtree(tree.root, NULL, augmented);
	rb_for_each(it, &tree, rb) {
		ck_assert(it->in);
		if (last) {
			ck_assert_uint_le(last->key, it->key);
			ck_assert_ptr_eq(rb_prev(&it->rb), &last->rb);
		} else {
			ck_assert_ptr_null(rb_prev(&it->rb));
		}
		last = it;
		n++;
	}
	ck_assert_uint_eq(n, count);
	ck_assert_ptr_eq(rb_last(&tree), last ? &last->rb : NULL);
}

static void
insert(struct item *it, bool augmented)
{
	struct rbnode **link = &tree.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	if (augmented)
		rb_insert_augmented(&tree, &it->rb, parent, link, update);
	else
		rb_insert(&tree, &it->rb, parent, link);
	it->in = true;
	count++;
}

static void
erase(struct item *it, bool augmented)
{
	if (augmented)
		rb_erase_augmented(&tree, &it->rb, update);
	else
		rb_erase(&tree, &it->rb);
	it->in = false;
	memset(&it->rb, 0x55, sizeof(it->rb));
	count--;
}

static void
random_life(bool augmented, u32 keys, int steps)
{
	for (int s = 0; s < steps; s++) {
		struct item *it = &items[unit_rand_below(N)];

		if (it->in) {
			erase(it, augmented);
		} else {
			it->key = unit_rand_below(keys);
			insert(it, augmented);
		}
		check_tree(augmented);
	}
	for (int i = 0; i < N; i++) {
		if (items[i].in)
			erase(&items[i], augmented);
	}
	ck_assert(rb_empty(&tree));
}

TEST(random_distinct_keys) { random_life(false, 1u << 30, 3000); }
TEST(random_equal_keys) { random_life(false, 8, 2000); }
TEST(augmented) { random_life(true, 1000, 3000); }

TEST(ascending_and_descending)
{
	for (u32 i = 0; i < N; i++) {
		items[i].key = i;
		insert(&items[i], true);
	}
	check_tree(true);
	for (u32 i = 0; i < N / 2; i++) {
		erase(&items[i], true);
		check_tree(true);
	}
	for (u32 i = N / 2; i-- > 0;) {
		insert(&items[i], true);
		check_tree(true);
	}
	for (u32 i = N; i-- > 0;)
		erase(&items[i], true);
	ck_assert(rb_empty(&tree));
}

TEST(replace_and_marks)
{
	struct item twin = { .in = true };

	for (u32 i = 0; i < 50; i++) {
		items[i].key = i;
		insert(&items[i], false);
	}
	for (u32 i = 0; i < 50; i += 7) {
		twin.key = i;
		rb_replace(&tree, &items[i].rb, &twin.rb);
		check_tree(false);
		rb_replace(&tree, &twin.rb, &items[i].rb);
	}
	rb_node_init(&twin.rb);
	ck_assert(!rb_is_linked(&twin.rb));
	ck_assert(rb_is_linked(&items[3].rb));
}

/* Intervals */

static struct interval_tree itree = INTERVAL_INIT;
static struct interval_node ivs[N];
static bool iv_in[N];

static void
check_query(u64 start, u64 last)
{
	struct interval_node *n, *prev = NULL;
	unsigned found = 0, want = 0;

	for (int i = 0; i < N; i++)
		want += iv_in[i] && ivs[i].start <= last && ivs[i].last >= start;
	interval_for_each(n, &itree, start, last) {
		ck_assert(iv_in[n - ivs]);
		ck_assert(n->start <= last && n->last >= start);
		ck_assert(!prev || prev->start <= n->start);
		ck_assert_ptr_ne(prev, n);
		prev = n;
		found++;
	}
	ck_assert_uint_eq(found, want);
}

static void
interval_life(u64 range, u64 longest)
{
	for (int s = 0; s < 3000; s++) {
		unsigned i = unit_rand_below(N);
		u64 a;

		if (iv_in[i]) {
			interval_erase(&itree, &ivs[i]);
		} else {
			a = unit_rand_below(range);
			ivs[i].start = a;
			ivs[i].last = a + unit_rand_below(longest);
			interval_insert(&itree, &ivs[i]);
		}
		iv_in[i] = !iv_in[i];
		a = unit_rand_below(range);
		check_query(a, a);
		check_query(a, a + unit_rand_below(longest * 2));
		check_query(0, UINT64_MAX);
	}
}

TEST(interval_sparse) { interval_life(100000, 50); }
TEST(interval_dense) { interval_life(300, 200); }
TEST(interval_points) { interval_life(100, 1); }

TEST(interval_ends_of_the_range)
{
	ck_assert(interval_empty(&itree));
	ck_assert_ptr_null(interval_first(&itree, 0, UINT64_MAX));
	ivs[0].start = 0;
	ivs[0].last = UINT64_MAX;
	ivs[1].start = UINT64_MAX;
	ivs[1].last = UINT64_MAX;
	interval_insert(&itree, &ivs[0]);
	interval_insert(&itree, &ivs[1]);
	iv_in[0] = iv_in[1] = true;
	check_query(UINT64_MAX, UINT64_MAX);
	check_query(0, 0);
	ck_assert_ptr_eq(interval_first(&itree, 5, 5), &ivs[0]);
	ck_assert_ptr_null(interval_next(&ivs[0], 5, 5));
	interval_erase(&itree, &ivs[0]);
	ck_assert_ptr_null(interval_first(&itree, 0, UINT64_MAX - 1));
}
