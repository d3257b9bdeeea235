/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges and the gaps below them: a red-black tree whose nodes know the widest gap of their subtree. */
#include "mm/gap.h"

static void
update(struct rbnode *rb)
{
	struct gap_node *n = rb_entry(rb, struct gap_node, rb);
	u64 max = n->gap;

	if (rb->left != NULL)
		max = MAX(max, rb_entry(rb->left, struct gap_node, rb)->max_gap);
	if (rb->right != NULL)
		max = MAX(max, rb_entry(rb->right, struct gap_node, rb)->max_gap);
	n->max_gap = max;
}

/* Recompute the gap below n from its neighbour. */
static void
refresh(struct gap_node *n)
{
	struct gap_node *prev = gap_prev(n);

	n->gap = n->start - (prev != NULL ? prev->end : 0);
	rb_propagate(&n->rb, update);
}

void
gap_insert(struct gap_tree *t, struct gap_node *n)
{
	struct rbnode **link = &t->tree.root, *parent = NULL;
	struct gap_node *next;

	while (*link != NULL) {
		parent = *link;
		link = n->start < rb_entry(parent, struct gap_node, rb)->start ? &parent->left : &parent->right;
	}
	n->gap = n->max_gap = 0;
	rb_insert_augmented(&t->tree, &n->rb, parent, link, update);
	refresh(n);
	next = gap_next(n);
	if (next != NULL)
		refresh(next);
}

void
gap_erase(struct gap_tree *t, struct gap_node *n)
{
	struct gap_node *next = gap_next(n);

	rb_erase_augmented(&t->tree, &n->rb, update);
	if (next != NULL)
		refresh(next);
}

void
gap_resize(struct gap_tree *t, struct gap_node *n, u64 start, u64 end)
{
	struct gap_node *next = gap_next(n);

	(void)t;
	n->start = start;
	n->end = end;
	refresh(n);
	if (next != NULL)
		refresh(next);
}

struct gap_node *
gap_find(const struct gap_tree *t, u64 addr)
{
	struct rbnode *rb = t->tree.root;
	struct gap_node *best = NULL;

	while (rb != NULL) {
		struct gap_node *n = rb_entry(rb, struct gap_node, rb);

		if (n->end > addr) {
			best = n;
			if (n->start <= addr)
				break;
			rb = rb->left;
		} else {
			rb = rb->right;
		}
	}
	return best;
}

/* Does the free range [from, to), cut to [lo, hi), hold size bytes? */
static bool
fits_low(u64 from, u64 to, u64 size, u64 align, u64 lo, u64 hi, u64 *out)
{
	from = ALIGN_UP(MAX(from, lo), align);
	to = MIN(to, hi);
	*out = from;
	return from < to && to - from >= size;
}

static bool
fits_high(u64 from, u64 to, u64 size, u64 align, u64 lo, u64 hi, u64 *out)
{
	from = MAX(from, lo);
	to = MIN(to, hi);
	if (from >= to || to - from < size)
		return false;
	*out = ALIGN_DOWN(to - size, align);
	return *out >= from;
}

static u64
subtree_gap(const struct rbnode *rb)
{
	return rb != NULL ? rb_entry((struct rbnode *)rb, struct gap_node, rb)->max_gap : 0;
}

/* Both walk in order, but skip subtrees whose gaps are too small or lie outside [lo, hi). */
bool
gap_find_low(const struct gap_tree *t, u64 size, u64 align, u64 lo, u64 hi, u64 *out)
{
	struct rbnode *rb = t->tree.root;
	struct gap_node *n;

	while (rb != NULL) {
		n = rb_entry(rb, struct gap_node, rb);
		if (n->start > lo && subtree_gap(rb->left) >= size) {
			rb = rb->left;
			continue;
		}
		for (;;) {
			struct rbnode *up;

			n = rb_entry(rb, struct gap_node, rb);
			if (n->start - n->gap >= hi)
				return false;
			if (n->gap >= size && fits_low(n->start - n->gap, n->start, size, align, lo, hi, out))
				return true;
			if (subtree_gap(rb->right) >= size) {
				rb = rb->right;
				break;
			}
			/* Up to the first ancestor of which this is the left side. */
			while ((up = rb_parent(rb)) != NULL && rb == up->right)
				rb = up;
			rb = up;
			if (up == NULL)
				break;
		}
	}
	n = gap_last(t);
	return fits_low(n != NULL ? n->end : 0, UINT64_MAX, size, align, lo, hi, out);
}

bool
gap_find_high(const struct gap_tree *t, u64 size, u64 align, u64 lo, u64 hi, u64 *out)
{
	struct rbnode *rb = t->tree.root;
	struct gap_node *n = gap_last(t);

	if (fits_high(n != NULL ? n->end : 0, UINT64_MAX, size, align, lo, hi, out))
		return true;
	while (rb != NULL) {
		n = rb_entry(rb, struct gap_node, rb);
		if (n->start < hi && subtree_gap(rb->right) >= size) {
			rb = rb->right;
			continue;
		}
		for (;;) {
			struct rbnode *up;

			n = rb_entry(rb, struct gap_node, rb);
			if (n->start <= lo)
				return false;
			if (n->gap >= size && fits_high(n->start - n->gap, n->start, size, align, lo, hi, out))
				return true;
			if (subtree_gap(rb->left) >= size) {
				rb = rb->left;
				break;
			}
			/* Up to the first ancestor of which this is the right side. */
			while ((up = rb_parent(rb)) != NULL && rb == up->left)
				rb = up;
			if (up == NULL)
				return false;
			rb = up;
		}
	}
	return false;
}
