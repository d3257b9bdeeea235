/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sparse array. A reader needs only root, shift, slots and tags: it takes the height from the node that root points at, and searches
 * go down from the root again for each entry, without parent pointers. A node is whole before it is published by a
 * release store, and a node that was unlinked keeps its slots until it is freed.
 */
#include "sys/lib/xarray.h"

#include "sys/abi/errno.h"
#include "sys/lib/atomic.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"

#define ROOT_NODE	2UL
#define NO_TAG		(-1)

static bool
is_node(const void *root)
{
	return ((uintptr_t)root & 3) == ROOT_NODE;
}

static struct xa_node *
to_node(const void *root)
{
	return (struct xa_node *)((uintptr_t)root - ROOT_NODE);
}

static void *
from_node(const struct xa_node *node)
{
	return (void *)((uintptr_t)node + ROOT_NODE);
}

static unsigned
slot_of(const struct xa_node *node, u64 index)
{
	return (index >> node->shift) & (XA_SLOTS - 1);
}

/* Does the tree below a root node of this shift hold the index? */
static bool
in_range(unsigned shift, u64 index)
{
	return shift + XA_SHIFT >= 64 || !(index >> (shift + XA_SHIFT));
}

/* The leaf node below this root (a node) whose slot the index is, or NULL. A reader passes the root that it looked at. */
static struct xa_node *
find_leaf(const void *root, u64 index)
{
	struct xa_node *node = to_node(root);

	if (!in_range(node->shift, index))
		return NULL;
	while (node && node->shift)
		node = atomic_load_acquire(&node->slots[slot_of(node, index)]);
	return node;
}

void *
xa_load(const struct xarray *xa, u64 index)
{
	void *root = atomic_load_acquire(&xa->root);
	struct xa_node *node;

	if (!is_node(root))
		return index ? NULL : root;
	node = to_node(root);
	if (!in_range(node->shift, index))
		return NULL;
	while (node->shift) {
		node = atomic_load_acquire(&node->slots[slot_of(node, index)]);
		if (!node)
			return NULL;
	}
	return atomic_load_acquire(&node->slots[slot_of(node, index)]);
}

void
xa_init(struct xarray *xa, const struct xa_ops *ops)
{
	xa->root = NULL;
	xa->ops = ops;
	xa->root_tags = 0;
}

/* Tags, writers' side */

static bool
node_tag(const struct xa_node *node, unsigned slot, unsigned tag)
{
	return (atomic_load_relaxed(&node->tags[tag]) >> slot) & 1;
}

static void
node_set_tag(struct xa_node *node, unsigned slot, unsigned tag)
{
	while (node && !node_tag(node, slot, tag)) {
		atomic_store_relaxed(&node->tags[tag], node->tags[tag] | 1UL << slot);
		slot = node->offset;
		node = node->parent;
	}
}

static void
node_clear_tag(struct xa_node *node, unsigned slot, unsigned tag)
{
	while (node && node_tag(node, slot, tag)) {
		atomic_store_relaxed(&node->tags[tag], node->tags[tag] & ~(1UL << slot));
		if (node->tags[tag])
			break;
		slot = node->offset;
		node = node->parent;
	}
}

/* Growth and shrinking */

static struct xa_node *
node_alloc(struct xarray *xa, unsigned shift)
{
	struct xa_node *node = xa->ops->alloc();

	if (node) {
		memset(node, 0, sizeof(*node));
		node->shift = shift;
	}
	return node;
}

/* Takes off top levels that hold slot 0 only; with nothing but index 0 left, the entry moves into the root. */
static void
shrink(struct xarray *xa)
{
	while (is_node(xa->root)) {
		struct xa_node *node = to_node(xa->root);
		void *child = node->slots[0];

		if (node->count != 1 || !child)
			return;
		if (node->shift) {
			((struct xa_node *)child)->parent = NULL;
			atomic_store_release(&xa->root, from_node(child));
		} else {
			u8 tags = 0;

			for (unsigned t = 0; t < XA_TAGS; t++)
				tags |= node_tag(node, 0, t) << t;
			atomic_store_relaxed(&xa->root_tags, tags);
			atomic_store_release(&xa->root, child);
		}
		xa->ops->free(node);
	}
}

/* Frees `node` and what is above it as far as they are empty. */
static void
prune(struct xarray *xa, struct xa_node *node)
{
	while (node && !node->count) {
		struct xa_node *parent = node->parent;

		if (parent) {
			atomic_store_release(&parent->slots[node->offset], NULL);
			parent->count--;
		} else {
			atomic_store_release(&xa->root, NULL);
		}
		xa->ops->free(node);
		node = parent;
	}
	shrink(xa);
}

/* Puts one more level on top of what is there; an empty array gets a node that can hold the index. */
static int
add_level(struct xarray *xa, u64 index)
{
	struct xa_node *node, *old;
	void *root = xa->root;
	unsigned shift = 0;

	if (!root)
		shift = index ? msb64(index) / XA_SHIFT * XA_SHIFT : 0;
	else if (is_node(root))
		shift = to_node(root)->shift + XA_SHIFT;
	node = node_alloc(xa, shift);
	if (!node)
		return -ENOMEM;
	if (is_node(root)) {
		old = to_node(root);
		node->slots[0] = old;
		node->count = 1;
		for (unsigned t = 0; t < XA_TAGS; t++)
			node->tags[t] = old->tags[t] != 0;
		old->parent = node;
		old->offset = 0;
	} else if (root) {
		node->slots[0] = root;
		node->count = 1;
		for (unsigned t = 0; t < XA_TAGS; t++)
			node->tags[t] = (xa->root_tags >> t) & 1;
	}
	atomic_store_release(&xa->root, from_node(node));
	return 0;
}

/* Makes the nodes down to the index's leaf. The new ones are empty until the caller fills the slot. */
static int
make_leaf(struct xarray *xa, u64 index, struct xa_node **leafp)
{
	struct xa_node *node, *child;
	int err;

	while (!is_node(xa->root) || !in_range(to_node(xa->root)->shift, index)) {
		err = add_level(xa, index);
		if (err) {
			shrink(xa);
			return err;
		}
	}
	node = to_node(xa->root);
	while (node->shift) {
		unsigned slot = slot_of(node, index);

		child = node->slots[slot];
		if (!child) {
			child = node_alloc(xa, node->shift - XA_SHIFT);
			if (!child) {
				prune(xa, node);
				return -ENOMEM;
			}
			child->parent = node;
			child->offset = slot;
			atomic_store_release(&node->slots[slot], child);
			node->count++;
		}
		node = child;
	}
	*leafp = node;
	return 0;
}

int
xa_store(struct xarray *xa, u64 index, void *entry)
{
	struct xa_node *leaf;
	unsigned slot;
	int err;

	if (!entry) {
		xa_erase(xa, index);
		return 0;
	}
	if (is_node(entry))
		return -EINVAL;
	if (!index && !is_node(xa->root)) {
		if (!xa->root)
			atomic_store_relaxed(&xa->root_tags, 0);	/* left from before there were nodes */
		atomic_store_release(&xa->root, entry);
		return 0;
	}
	err = make_leaf(xa, index, &leaf);
	if (err)
		return err;
	slot = slot_of(leaf, index);
	if (!leaf->slots[slot])
		leaf->count++;
	atomic_store_release(&leaf->slots[slot], entry);
	return 0;
}

int
xa_insert(struct xarray *xa, u64 index, void *entry)
{
	if (!entry)
		return -EINVAL;
	if (xa_load(xa, index))
		return -EEXIST;
	return xa_store(xa, index, entry);
}

void *
xa_erase(struct xarray *xa, u64 index)
{
	struct xa_node *leaf;
	unsigned slot;
	void *old;

	if (!is_node(xa->root)) {
		if (index)
			return NULL;
		old = xa->root;
		atomic_store_release(&xa->root, NULL);
		atomic_store_relaxed(&xa->root_tags, 0);
		return old;
	}
	leaf = find_leaf(xa->root, index);
	if (!leaf)
		return NULL;
	slot = slot_of(leaf, index);
	old = leaf->slots[slot];
	if (!old)
		return NULL;
	for (unsigned t = 0; t < XA_TAGS; t++)
		node_clear_tag(leaf, slot, t);
	atomic_store_release(&leaf->slots[slot], NULL);
	leaf->count--;
	prune(xa, leaf);
	return old;
}

void
xa_destroy(struct xarray *xa)
{
	struct xa_node *node = is_node(xa->root) ? to_node(xa->root) : NULL;

	atomic_store_release(&xa->root, NULL);
	atomic_store_relaxed(&xa->root_tags, 0);
	while (node) {
		struct xa_node *up = node->parent;
		unsigned slot = 0;

		/* Down to the first child; its parent forgets it, so that the way up finds the next one. */
		while (node->shift && slot < XA_SLOTS && !node->slots[slot])
			slot++;
		if (node->shift && slot < XA_SLOTS) {
			struct xa_node *child = node->slots[slot];

			atomic_store_release(&node->slots[slot], NULL);
			node = child;
			continue;
		}
		xa->ops->free(node);
		node = up;
	}
}

void
xa_set_tag(struct xarray *xa, u64 index, enum xa_tag tag)
{
	struct xa_node *leaf;

	if (!is_node(xa->root)) {
		if (!index && xa->root)
			atomic_store_relaxed(&xa->root_tags, xa->root_tags | 1U << tag);
		return;
	}
	leaf = find_leaf(xa->root, index);
	if (leaf && leaf->slots[slot_of(leaf, index)])
		node_set_tag(leaf, slot_of(leaf, index), tag);
}

void
xa_clear_tag(struct xarray *xa, u64 index, enum xa_tag tag)
{
	struct xa_node *leaf;

	if (!is_node(xa->root)) {
		if (!index)
			atomic_store_relaxed(&xa->root_tags, xa->root_tags & ~(1U << tag));
		return;
	}
	leaf = find_leaf(xa->root, index);
	if (leaf)
		node_clear_tag(leaf, slot_of(leaf, index), tag);
}

/* Tags of the entry that is in the root itself. */
static bool
root_tag(const struct xarray *xa, unsigned tag)
{
	return (atomic_load_relaxed(&xa->root_tags) >> tag) & 1;
}

bool
xa_get_tag(const struct xarray *xa, u64 index, enum xa_tag tag)
{
	void *root = atomic_load_acquire(&xa->root);
	struct xa_node *leaf;

	if (!is_node(root))
		return root && !index && root_tag(xa, tag);
	leaf = find_leaf(root, index);
	return leaf && node_tag(leaf, slot_of(leaf, index), tag);
}

bool
xa_tagged(const struct xarray *xa, enum xa_tag tag)
{
	void *root = atomic_load_acquire(&xa->root);

	if (!is_node(root))
		return root && root_tag(xa, tag);
	return atomic_load_relaxed(&to_node(root)->tags[tag]) != 0;
}

/* The first slot at or behind `from` that is in use and has the tag, with what is in it; XA_SLOTS if there is none. */
static unsigned
next_slot(const struct xa_node *node, unsigned from, int tag, void **out)
{
	for (; from < XA_SLOTS; from++) {
		if (tag != NO_TAG) {
			u64 rest = atomic_load_relaxed(&node->tags[tag]) >> from;

			if (!rest)
				return XA_SLOTS;
			from += ctz64(rest);
		}
		*out = atomic_load_acquire(&node->slots[from]);
		if (*out)
			return from;
	}
	return XA_SLOTS;
}

/* One way down from the root node towards i. On a dead end moves i behind the part that was seen to be empty. */
static void *
find_below(const struct xa_node *node, u64 *ip, int tag, bool *end)
{
	u64 i = *ip;

	for (;;) {
		unsigned from = slot_of(node, i), above = node->shift + XA_SHIFT;
		void *found = NULL;
		unsigned slot = next_slot(node, from, tag, &found);

		if (slot == XA_SLOTS) {
			u64 next = above >= 64 ? 0 : ((i >> above) + 1) << above;

			*end = next == 0;
			*ip = next;
			return NULL;
		}
		if (slot != from)
			i = (above >= 64 ? 0 : i >> above << above) | (u64)slot << node->shift;
		if (!node->shift) {
			*ip = i;
			return found;
		}
		node = found;
	}
}

static void *
find(const struct xarray *xa, u64 *index, u64 max, int tag)
{
	u64 i = *index;
	bool end = false;

	while (!end && i <= max) {
		void *root = atomic_load_acquire(&xa->root), *entry;

		if (!is_node(root)) {
			if (i || !root || (tag != NO_TAG && !root_tag(xa, tag)))
				return NULL;
			return root;	/* *index is 0 */
		}
		if (!in_range(to_node(root)->shift, i))
			return NULL;
		entry = find_below(to_node(root), &i, tag, &end);
		if (entry) {
			if (i > max)
				return NULL;
			*index = i;
			return entry;
		}
	}
	return NULL;
}

void *
xa_find(const struct xarray *xa, u64 *index, u64 max)
{
	return find(xa, index, max, NO_TAG);
}

void *
xa_find_tag(const struct xarray *xa, u64 *index, u64 max, enum xa_tag tag)
{
	return find(xa, index, max, tag);
}

static void *
find_after(const struct xarray *xa, u64 *index, u64 max, int tag)
{
	u64 next = *index + 1;
	void *entry;

	if (!next)
		return NULL;
	entry = find(xa, &next, max, tag);
	if (entry)
		*index = next;
	return entry;
}

void *
xa_find_after(const struct xarray *xa, u64 *index, u64 max)
{
	return find_after(xa, index, max, NO_TAG);
}

void *
xa_find_tag_after(const struct xarray *xa, u64 *index, u64 max, enum xa_tag tag)
{
	return find_after(xa, index, max, tag);
}
