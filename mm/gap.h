/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address ranges that don't overlap, in a balanced tree that knows the gaps between them: a free range of a given size is
 * found in O(log n). Used for user VMAs and for the kernel's own areas. No call allocates, locks or sleeps.
 */
#ifndef MM_GAP_H
#define MM_GAP_H

#include "sys/lib/rbtree.h"

struct gap_node {
	u64 start, end;		/* fixed while in the tree, but for gap_resize() */
	struct rbnode rb;
	u64 gap;		/* free below start, down to the range before (or to 0) */
	u64 max_gap;		/* greatest gap in this subtree */
};

struct gap_tree {
	struct rbtree tree;
};

#define gap_of(rbn)	rb_entry_or_null(rbn, struct gap_node, rb)

static inline void gap_tree_init(struct gap_tree *t) { rb_init(&t->tree); }
static inline struct gap_node *gap_first(const struct gap_tree *t) { return gap_of(rb_first(&t->tree)); }
static inline struct gap_node *gap_last(const struct gap_tree *t) { return gap_of(rb_last(&t->tree)); }
static inline struct gap_node *gap_next(const struct gap_node *n) { return gap_of(rb_next(&n->rb)); }
static inline struct gap_node *gap_prev(const struct gap_node *n) { return gap_of(rb_prev(&n->rb)); }

/* The range must be free. */
void gap_insert(struct gap_tree *t, struct gap_node *n);
void gap_erase(struct gap_tree *t, struct gap_node *n);
/* Move the bounds within the free space around; the order of ranges stays. */
void gap_resize(struct gap_tree *t, struct gap_node *n, u64 start, u64 end);

/* The first range with end > addr, or NULL. */
struct gap_node *gap_find(const struct gap_tree *t, u64 addr);

/* Lowest (highest) start of `size` free bytes in [lo, hi), aligned: start % align == 0, a power of two. False: there is none. */
bool gap_find_low(const struct gap_tree *t, u64 size, u64 align, u64 lo, u64 hi, u64 *out);
bool gap_find_high(const struct gap_tree *t, u64 size, u64 align, u64 lo, u64 hi, u64 *out);

#endif
