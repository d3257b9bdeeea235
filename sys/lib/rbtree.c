/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Red-black tree. Invariants: the root is black; a red node has no red child; every path from a node down to a
 * missing child passes the same number of black nodes. A missing child counts as black.
 *
 * Augmentation: after linking or unlinking, values are brought up to date from the lowest changed node to the root; a
 * rotation then keeps the value of the subtree's top and recomputes only its two nodes.
 */
#include "sys/lib/rbtree.h"

#include "sys/lib/atomic.h"

#define BLACK	1UL

static bool
is_black(const struct rbnode *n)
{
	return !n || (n->parent_color & BLACK);
}

static bool
is_red(const struct rbnode *n)
{
	return !is_black(n);
}

static void
set_parent(struct rbnode *n, struct rbnode *parent)
{
	n->parent_color = (uintptr_t)parent | (n->parent_color & BLACK);
}

static void
set_black(struct rbnode *n)
{
	n->parent_color |= BLACK;
}

static void
set_red(struct rbnode *n)
{
	n->parent_color &= ~BLACK;
}

/* Makes what points at `old` (a child slot of `parent`, or the root) point at `node`. */
static void
change_child(struct rbtree *tree, struct rbnode *parent, struct rbnode *old, struct rbnode *node)
{
	if (!parent)
		WRITE_ONCE(tree->root, node);
	else if (parent->left == old)
		WRITE_ONCE(parent->left, node);
	else
		WRITE_ONCE(parent->right, node);
}

static void
rotate_left(struct rbtree *tree, struct rbnode *x, rb_update_fn update)
{
	struct rbnode *y = x->right, *parent = rb_parent(x);

	WRITE_ONCE(x->right, y->left);
	if (y->left)
		set_parent(y->left, x);
	WRITE_ONCE(y->left, x);
	change_child(tree, parent, x, y);
	set_parent(y, parent);
	set_parent(x, y);
	if (update) {
		update(x);
		update(y);
	}
}

static void
rotate_right(struct rbtree *tree, struct rbnode *x, rb_update_fn update)
{
	struct rbnode *y = x->left, *parent = rb_parent(x);

	WRITE_ONCE(x->left, y->right);
	if (y->right)
		set_parent(y->right, x);
	WRITE_ONCE(y->right, x);
	change_child(tree, parent, x, y);
	set_parent(y, parent);
	set_parent(x, y);
	if (update) {
		update(x);
		update(y);
	}
}

void
rb_propagate(struct rbnode *node, rb_update_fn update)
{
	for (; node; node = rb_parent(node))
		update(node);
}

/* `n` is red and its parent may be too. */
static void
insert_balance(struct rbtree *tree, struct rbnode *n, rb_update_fn update)
{
	struct rbnode *parent, *grand, *uncle;

	while ((parent = rb_parent(n)) && is_red(parent)) {
		grand = rb_parent(parent);	/* there, since a red node is not the root */
		uncle = parent == grand->left ? grand->right : grand->left;
		if (is_red(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			n = grand;
			continue;
		}
		if (parent == grand->left) {
			if (n == parent->right) {
				rotate_left(tree, parent, update);
				parent = n;
			}
			set_black(parent);
			set_red(grand);
			rotate_right(tree, grand, update);
		} else {
			if (n == parent->left) {
				rotate_right(tree, parent, update);
				parent = n;
			}
			set_black(parent);
			set_red(grand);
			rotate_left(tree, grand, update);
		}
		break;
	}
	set_black(tree->root);
}

void
rb_insert_augmented(struct rbtree *tree, struct rbnode *node, struct rbnode *parent, struct rbnode **link,
		    rb_update_fn update)
{
	node->parent_color = (uintptr_t)parent;		/* red */
	node->left = NULL;
	node->right = NULL;
	atomic_store_release(link, node);
	if (update)
		rb_propagate(node, update);
	insert_balance(tree, node, update);
}

void
rb_insert(struct rbtree *tree, struct rbnode *node, struct rbnode *parent, struct rbnode **link)
{
	rb_insert_augmented(tree, node, parent, link, NULL);
}

/* The subtree `n` (may be NULL) at the left of `parent` is one black short. Returns true when that is mended. */
static bool
mend_left(struct rbtree *tree, struct rbnode *parent, rb_update_fn update)
{
	struct rbnode *s = parent->right;

	if (is_red(s)) {
		set_black(s);
		set_red(parent);
		rotate_left(tree, parent, update);
		s = parent->right;
	}
	if (is_black(s->left) && is_black(s->right)) {
		set_red(s);
		return false;
	}
	if (is_black(s->right)) {
		set_black(s->left);
		set_red(s);
		rotate_right(tree, s, update);
		s = parent->right;
	}
	if (is_black(parent))
		set_black(s);
	else
		set_red(s);
	set_black(parent);
	set_black(s->right);
	rotate_left(tree, parent, update);
	return true;
}

static bool
mend_right(struct rbtree *tree, struct rbnode *parent, rb_update_fn update)
{
	struct rbnode *s = parent->left;

	if (is_red(s)) {
		set_black(s);
		set_red(parent);
		rotate_right(tree, parent, update);
		s = parent->left;
	}
	if (is_black(s->left) && is_black(s->right)) {
		set_red(s);
		return false;
	}
	if (is_black(s->left)) {
		set_black(s->right);
		set_red(s);
		rotate_left(tree, s, update);
		s = parent->left;
	}
	if (is_black(parent))
		set_black(s);
	else
		set_red(s);
	set_black(parent);
	set_black(s->left);
	rotate_right(tree, parent, update);
	return true;
}

/* The subtree `n` (may be NULL) below `parent` lost a black node. */
static void
erase_balance(struct rbtree *tree, struct rbnode *n, struct rbnode *parent, rb_update_fn update)
{
	while (parent && is_black(n)) {
		bool done = n == parent->left ? mend_left(tree, parent, update) : mend_right(tree, parent, update);

		if (done)
			return;
		n = parent;
		parent = rb_parent(n);
	}
	if (n)
		set_black(n);
}

/* Takes out a node with at most one child. */
static void
unlink_simple(struct rbtree *tree, struct rbnode *node, struct rbnode *child, struct rbnode *parent)
{
	change_child(tree, parent, node, child);
	if (child)
		set_parent(child, parent);
}

void
rb_erase_augmented(struct rbtree *tree, struct rbnode *node, rb_update_fn update)
{
	struct rbnode *child, *parent;	/* of the place that lost a node */
	bool lost_black;

	if (!node->left || !node->right) {
		child = node->left ? node->left : node->right;
		parent = rb_parent(node);
		lost_black = is_black(node);
		unlink_simple(tree, node, child, parent);
	} else {
		struct rbnode *succ = node->right;

		while (succ->left)
			succ = succ->left;
		child = succ->right;
		parent = rb_parent(succ);
		lost_black = is_black(succ);
		unlink_simple(tree, succ, child, parent);
		if (parent == node)
			parent = succ;
		rb_replace(tree, node, succ);
	}
	if (update)
		rb_propagate(parent, update);
	if (lost_black)
		erase_balance(tree, child, parent, update);
}

void
rb_erase(struct rbtree *tree, struct rbnode *node)
{
	rb_erase_augmented(tree, node, NULL);
}

void
rb_replace(struct rbtree *tree, struct rbnode *old, struct rbnode *node)
{
	node->parent_color = old->parent_color;
	WRITE_ONCE(node->left, old->left);
	WRITE_ONCE(node->right, old->right);
	if (node->left)
		set_parent(node->left, node);
	if (node->right)
		set_parent(node->right, node);
	smp_wmb();
	change_child(tree, rb_parent(old), old, node);
}

static struct rbnode *
leftmost(struct rbnode *n)
{
	while (n && n->left)
		n = n->left;
	return n;
}

static struct rbnode *
rightmost(struct rbnode *n)
{
	while (n && n->right)
		n = n->right;
	return n;
}

struct rbnode *
rb_first(const struct rbtree *tree)
{
	return leftmost(tree->root);
}

struct rbnode *
rb_last(const struct rbtree *tree)
{
	return rightmost(tree->root);
}

struct rbnode *
rb_next(const struct rbnode *node)
{
	struct rbnode *parent;

	if (node->right)
		return leftmost(node->right);
	while ((parent = rb_parent(node)) && node == parent->right)
		node = parent;
	return parent;
}

struct rbnode *
rb_prev(const struct rbnode *node)
{
	struct rbnode *parent;

	if (node->left)
		return rightmost(node->left);
	while ((parent = rb_parent(node)) && node == parent->left)
		node = parent;
	return parent;
}
