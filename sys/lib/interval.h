/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interval tree: closed intervals [start, last] of u64, equal ones allowed, found by overlap in O(log n + hits).
 * An augmented red-black tree (Cormen et al., 14.3). No call allocates, locks or sleeps; the owner's lock is outside.
 */
#ifndef SYS_LIB_INTERVAL_H
#define SYS_LIB_INTERVAL_H

#include "sys/lib/rbtree.h"

struct interval_node {
	struct rbnode rb;
	u64 start, last;	/* set by the owner, start <= last; fixed while the node is in a tree */
	u64 subtree_last;	/* greatest `last` in this subtree */
};

struct interval_tree {
	struct rbtree tree;
};

#define INTERVAL_INIT	{ RBTREE_INIT }

static inline void
interval_init(struct interval_tree *tree)
{
	rb_init(&tree->tree);
}

static inline bool
interval_empty(const struct interval_tree *tree)
{
	return rb_empty(&tree->tree);
}

void interval_insert(struct interval_tree *tree, struct interval_node *node);
void interval_erase(struct interval_tree *tree, struct interval_node *node);

/* The first node, by start, that overlaps [start, last], or NULL; then the one behind it, with the same bounds. */
struct interval_node *interval_first(const struct interval_tree *tree, u64 start, u64 last);
struct interval_node *interval_next(const struct interval_node *node, u64 start, u64 last);

/* `n` is a struct interval_node *. The current node must stay in the tree while the body runs. */
#define interval_for_each(n, tree, start, last) \
	for ((n) = interval_first(tree, start, last); (n); (n) = interval_next(n, start, last))

#endif
