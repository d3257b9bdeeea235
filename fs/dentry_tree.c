/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks over the dentry tree: ancestors, children in order, and clearing whole subtrees away. */
#include "fs/internal.h"

#include "sys/panic.h"

bool
dentry_is_ancestor(struct dentry *a, struct dentry *d)
{
	bool found;
	u32 seq;

	rcu_read_lock();
	do {
		struct dentry *p;

		seq = seq_read_begin(&dentry_tree_seq);
		found = false;
		for (p = d; !found; p = READ_ONCE(p->parent)) {
			found = p == a;
			if (p == READ_ONCE(p->parent))
				break;
		}
	} while (seq_read_retry(&dentry_tree_seq, seq));
	rcu_read_unlock();
	return found;
}

struct dentry *
dentry_next_child(struct dentry *parent, u64 *cookie)
{
	struct dentry *c, *found = NULL;

	spin_lock(&parent->lock);
	list_for_each(c, &parent->children, sibling) {
		if (c->cookie >= *cookie && dentry_try_get(c)) {
			found = c;
			*cookie = c->cookie + 1;
			break;
		}
	}
	spin_unlock(&parent->lock);
	return found;
}

/* --- subtrees --- */

/* The next child behind cookie `after` that is unused, or has children, or (unpin) is pinned; referenced. */
static struct dentry *
next_victim(struct dentry *dir, u64 after, bool unpin)
{
	struct dentry *c, *found = NULL;

	spin_lock(&dir->lock);
	list_for_each(c, &dir->children, sibling) {
		if (c->cookie <= after)
			continue;
		if (atomic_load_relaxed(&c->refs) != 0 && list_empty(&c->children) && !unpin)
			continue;
		if (dentry_try_get(c)) {
			found = c;
			break;
		}
	}
	spin_unlock(&dir->lock);
	return found;
}

/* Depth first without recursion: `after` is where to go on among the siblings. A rename meanwhile may lead us out of the tree;
 * then the walk ends at the super block's root. */
static void
shrink_tree(struct dentry *root, bool unpin)
{
	struct dentry *cur = root, *parent, *c;
	u64 after = 0;

	dentry_get(root);
	for (;;) {
		c = next_victim(cur, after, unpin);
		if (c != NULL && !list_empty(&c->children)) {
			dentry_put(cur);	/* c holds it */
			cur = c;
			after = 0;
			continue;
		}
		if (c != NULL) {
			after = c->cookie;
			if (unpin && (c->flags & DENTRY_PINNED))
				libfs_remove(c);
			dentry_release(c, true);
			continue;
		}
		if (cur == root || cur->parent == cur)
			break;
		parent = dentry_get_parent(cur);
		after = cur->cookie;
		if (unpin && (cur->flags & DENTRY_PINNED))
			libfs_remove(cur);
		dentry_release(cur, true);
		cur = parent;
	}
	dentry_put(cur);
}

void
dentry_shrink_tree(struct dentry *d)
{
	shrink_tree(d, false);
}

void
dentry_kill_tree(struct dentry *root)
{
	shrink_tree(root, true);
	WARN_ON(!list_empty(&root->children));
	dentry_release(root, true);
}
