/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive red-black tree (Cormen et al., ch. 13, with parent pointers).
 *
 * The caller searches and compares; this file links and balances:
 *
 *	struct rbnode **link = &tree->root, *parent = NULL;
 *	while (*link) {
 *		parent = *link;
 *		link = key < rb_entry(parent, struct x, rb)->key ? &parent->left : &parent->right;
 *	}
 *	rb_insert(tree, &x->rb, parent, link);
 *
 * No call allocates, locks or sleeps; writers are excluded by the owner's lock. Child pointers are stored one at a
 * time in an order that never forms a cycle, so a reader who walks down under a sequence count, while nodes are freed
 * by RCU, ends: it may miss nodes and must retry when the count has changed.
 *
 * Augmented trees keep a value in each node that depends on the node and its two children only. `update` recomputes
 * it from them. All changes of such a tree go through the _augmented calls; rb_propagate after a node's own input changed.
 */
#ifndef SYS_LIB_RBTREE_H
#define SYS_LIB_RBTREE_H

#include "sys/lib/types.h"

struct rbnode {
	uintptr_t parent_color;		/* parent pointer, bit 0: black */
	struct rbnode *left, *right;
};

struct rbtree {
	struct rbnode *root;
};

typedef void (*rb_update_fn)(struct rbnode *);

#define RBTREE_INIT	{ NULL }
#define rb_entry(ptr, type, member)	container_of(ptr, type, member)
#define rb_entry_or_null(ptr, type, member) ({ \
	struct rbnode *rb_n_ = (ptr); \
	rb_n_ ? container_of(rb_n_, type, member) : (type *)NULL; })

static inline void
rb_init(struct rbtree *tree)
{
	tree->root = NULL;
}

static inline bool
rb_empty(const struct rbtree *tree)
{
	return !tree->root;
}

static inline struct rbnode *
rb_parent(const struct rbnode *n)
{
	return (struct rbnode *)(n->parent_color & ~(uintptr_t)1);
}

/* Optional: marks a node as being in no tree, for rb_is_linked. rb_erase does not do it. */
static inline void
rb_node_init(struct rbnode *n)
{
	n->parent_color = (uintptr_t)n;
}

static inline bool
rb_is_linked(const struct rbnode *n)
{
	return n->parent_color != (uintptr_t)n;
}

/* Links `node` at *link, the empty child slot of `parent` (or the root slot, parent NULL) and balances. */
void rb_insert(struct rbtree *tree, struct rbnode *node, struct rbnode *parent, struct rbnode **link);
void rb_erase(struct rbtree *tree, struct rbnode *node);
/* Puts `node`, which must compare alike, in the place of `old`. */
void rb_replace(struct rbtree *tree, struct rbnode *old, struct rbnode *node);

void rb_insert_augmented(struct rbtree *tree, struct rbnode *node, struct rbnode *parent, struct rbnode **link,
			 rb_update_fn update);
void rb_erase_augmented(struct rbtree *tree, struct rbnode *node, rb_update_fn update);
/* Recomputes `node` and all above it. */
void rb_propagate(struct rbnode *node, rb_update_fn update);

/* In order; NULL at the end. */
struct rbnode *rb_first(const struct rbtree *tree);
struct rbnode *rb_last(const struct rbtree *tree);
struct rbnode *rb_next(const struct rbnode *node);
struct rbnode *rb_prev(const struct rbnode *node);

/* Inserting or erasing other nodes inside the body is allowed, but not erasing the current one. */
#define rb_for_each(var, tree, member) \
	for ((var) = rb_entry_or_null(rb_first(tree), __typeof__(*(var)), member); (var); \
	     (var) = rb_entry_or_null(rb_next(&(var)->member), __typeof__(*(var)), member))

#endif
