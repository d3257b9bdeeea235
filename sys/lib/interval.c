/* SPDX-License-Identifier: BSD-2-Clause */
/* Interval tree: sorted by start; each node knows the greatest end below it, which prunes the search. */
#include "sys/lib/interval.h"

static struct interval_node *
inode_of(const struct rbnode *rb)
{
	return rb_entry((struct rbnode *)rb, struct interval_node, rb);
}

static void
update_last(struct rbnode *rb)
{
	struct interval_node *n = inode_of(rb);
	u64 last = n->last;

	if (rb->left)
		last = MAX(last, inode_of(rb->left)->subtree_last);
	if (rb->right)
		last = MAX(last, inode_of(rb->right)->subtree_last);
	n->subtree_last = last;
}

void
interval_insert(struct interval_tree *tree, struct interval_node *node)
{
	struct rbnode **link = &tree->tree.root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = node->start < inode_of(parent)->start ? &parent->left : &parent->right;
	}
	node->subtree_last = node->last;
	rb_insert_augmented(&tree->tree, &node->rb, parent, link, update_last);
}

void
interval_erase(struct interval_tree *tree, struct interval_node *node)
{
	rb_erase_augmented(&tree->tree, &node->rb, update_last);
}

/* The leftmost node of the subtree that overlaps. At least one `last` in it is known to be >= start. */
static struct interval_node *
subtree_first(const struct rbnode *rb, u64 start, u64 last)
{
	while (rb) {
		struct interval_node *n = inode_of(rb);

		if (rb->left && inode_of(rb->left)->subtree_last >= start) {
			/* An answer is on the left, or there is none: what is right of it starts later still. */
			rb = rb->left;
			continue;
		}
		if (n->start > last)
			return NULL;
		if (n->last >= start)
			return n;
		rb = rb->right;
		if (!rb || inode_of(rb)->subtree_last < start)
			return NULL;
	}
	return NULL;
}

struct interval_node *
interval_first(const struct interval_tree *tree, u64 start, u64 last)
{
	const struct rbnode *root = tree->tree.root;

	if (!root || inode_of(root)->subtree_last < start)
		return NULL;
	return subtree_first(root, start, last);
}

struct interval_node *
interval_next(const struct interval_node *node, u64 start, u64 last)
{
	const struct rbnode *rb = &node->rb, *parent;

	for (;;) {
		if (rb->right && inode_of(rb->right)->subtree_last >= start)
			return subtree_first(rb->right, start, last);
		while ((parent = rb_parent(rb)) && rb == parent->right)
			rb = parent;
		rb = parent;
		if (!rb || inode_of(rb)->start > last)
			return NULL;
		if (inode_of(rb)->last >= start)
			return inode_of(rb);
	}
}
