/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists.
 * sources:
 */
#include "tests/unit/test.h"

#include "sys/lib/list.h"

struct item {
	int v;
	struct list node;
	struct hnode hnode;
};

static struct list head = LIST_INIT(head);
static struct item items[5] = { { .v = 0 }, { .v = 1 }, { .v = 2 }, { .v = 3 }, { .v = 4 } };

static void
expect(struct list *l, const char *digits)
{
	char fwd[16], back[16];
	struct item *it;
	unsigned n = 0, m = 0;

	list_for_each(it, l, node)
		fwd[n++] = '0' + it->v;
	list_for_each_reverse(it, l, node)
		back[m++] = '0' + it->v;
	fwd[n] = 0;
	ck_assert_str_eq(fwd, digits);
	ck_assert_uint_eq(n, m);
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(fwd[i], back[n - 1 - i]);
}

TEST(order_of_additions)
{
	expect(&head, "");
	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_first(&head, struct item, node));
	ck_assert_ptr_null(list_last(&head, struct item, node));
	list_add_tail(&head, &items[1].node);
	ck_assert(list_is_singular(&head));
	list_add_tail(&head, &items[2].node);
	list_add(&head, &items[0].node);
	expect(&head, "012");
	ck_assert_int_eq(list_first(&head, struct item, node)->v, 0);
	ck_assert_int_eq(list_last(&head, struct item, node)->v, 2);
	ck_assert_ptr_eq(list_next(&items[0], &head, node), &items[1]);
	ck_assert_ptr_null(list_next(&items[2], &head, node));
	ck_assert_ptr_null(list_prev(&items[0], &head, node));
	ck_assert_ptr_eq(list_prev(&items[2], &head, node), &items[1]);
}

TEST(linked_state)
{
	struct list n = { 0 };

	ck_assert(!list_is_linked(&n));
	list_init(&n);
	ck_assert(!list_is_linked(&n));
	list_add(&head, &n);
	ck_assert(list_is_linked(&n));
	list_del(&n);
	ck_assert(!list_is_linked(&n));
	list_add(&head, &n);
	list_del_init(&n);
	ck_assert(!list_is_linked(&n));
	list_del_init(&n);
	list_add_tail_rcu(&head, &n);
	list_del_rcu(&n);
	ck_assert(!list_is_linked(&n));
	ck_assert_ptr_eq(n.next, &head);
	ck_assert(list_empty(&head));
}

TEST(move_splice_replace)
{
	struct list other = LIST_INIT(other);

	for (int i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].node);
	list_move_tail(&head, &items[0].node);
	expect(&head, "120");
	list_move(&head, &items[0].node);
	expect(&head, "012");
	list_splice_tail(&other, &head);
	expect(&head, "012");
	list_add_tail(&other, &items[3].node);
	list_add_tail(&other, &items[4].node);
	list_splice_tail(&other, &head);
	expect(&head, "01234");
	expect(&other, "");
	list_splice_tail(&head, &other);
	expect(&other, "01234");
	list_del(&items[3].node);
	list_replace(&items[1].node, &items[3].node);
	expect(&other, "0324");
	ck_assert(!list_is_linked(&items[1].node));
}

TEST(safe_walk_may_unlink_and_free)
{
	struct item *it, *tmp;
	int sum = 0;

	for (int i = 0; i < 10; i++) {
		it = calloc(1, sizeof(*it));
		it->v = i;
		list_add_tail_rcu(&head, &it->node);
	}
	list_for_each_rcu(it, &head, node)
		sum += it->v;
	ck_assert_int_eq(sum, 45);
	list_for_each_safe(it, tmp, &head, node) {
		list_del(&it->node);
		free(it);
	}
	ck_assert(list_empty(&head));
}

TEST(hash_chains)
{
	struct hlist h = { 0 };
	struct hnode *tmp;
	struct item *it;
	int seen = 0;

	ck_assert(hlist_empty(&h));
	for (int i = 0; i < 5; i++) {
		ck_assert(!hlist_is_linked(&items[i].hnode));
		hlist_add(&h, &items[i].hnode);
		ck_assert(hlist_is_linked(&items[i].hnode));
	}
	hlist_del(&items[4].hnode);	/* first */
	hlist_del(&items[2].hnode);	/* middle */
	hlist_del_rcu(&items[0].hnode);	/* last */
	hlist_for_each(it, &h, hnode)
		seen = seen * 10 + it->v;
	ck_assert_int_eq(seen, 31);
	seen = 0;
	hlist_for_each_rcu(it, &h, hnode)
		seen = seen * 10 + it->v;
	ck_assert_int_eq(seen, 31);
	hlist_for_each_safe(it, tmp, &h, hnode)
		hlist_del(&it->hnode);
	ck_assert(hlist_empty(&h));
	ck_assert(!hlist_is_linked(&items[3].hnode));
}
