/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared mounts: what is mounted or unmounted in one shows in its peers, and in their slaves. mount_namespaces(7).
 *
 * Group and master are numbers. A mount in group g gives what happens in it to all others of g, and to every mount whose master is g;
 * such a slave that is in a group itself passes it on. There are few shared mounts, and changes are rare: who receives is found by
 * going over all mounts until nothing is added.
 */
#include "fs/mount_tree.h"

#include "sys/abi/errno.h"

static u32 last_group;		/* [mount_mutex] */

static bool
group_receives(u32 group, const struct mount *from)
{
	struct mount *m;

	if (group == from->group)
		return true;
	list_for_each(m, &mount_list, ns_node)
		if (m->receives && m->group == group)
			return true;
	return false;
}

/* Mark every mount that gets what happens in `from` (itself not). */
static void
mark_receivers(const struct mount *from)
{
	struct mount *m;
	bool more;

	list_for_each(m, &mount_list, ns_node)
		m->receives = from->group != 0 && m != from && m->group == from->group;
	do {
		more = false;
		list_for_each(m, &mount_list, ns_node) {
			if (m->receives || m == from || from->group == 0)
				continue;
			if ((m->master != 0 && group_receives(m->master, from)) || (m->group != 0 && group_receives(m->group, from)))
				m->receives = more = true;
		}
	} while (more);
}

/* --- attaching --- */

static void
share_tree(struct mount *m)
{
	for (struct mount *cur = m; cur != NULL; cur = mount_next_in_tree(cur, m))
		if (cur->group == 0)
			cur->group = ++last_group;
}

/* Undo share_tree(): groups above `last` are its. */
static void
unshare_tree(struct mount *m, u32 last)
{
	for (struct mount *cur = m; cur != NULL; cur = mount_next_in_tree(cur, m))
		if (cur->group > last)
			cur->group = 0;
}

/* The chain of copies is for receiver q of what happens in `from`: a peer's copies are peers of their originals, a slave's are
 * slaves, and shared among the slaves of one group. */
static void
set_groups(struct list *chain, const struct mount *q, const struct mount *from, const struct list *made)
{
	struct mount *c, *other, *twin = NULL;

	if (q->group == from->group)
		return;
	/* The first copy for q's group, which the later ones join. */
	list_for_each(other, made, ns_node)
		if (q->group != 0 && twin == NULL && other->parent != other && other->parent->group == q->group)
			twin = other;
	list_for_each(c, chain, ns_node) {
		c->master = c->group;
		c->group = q->group == 0 ? 0 : twin != NULL ? twin->group : ++last_group;
		if (twin != NULL)
			twin = list_next(twin, made, ns_node);
	}
}

int
mount_propagate_attach_locked(struct mount *m, struct mount *parent, struct dentry *point, struct list *copies)
{
	u32 last = last_group;
	struct mount *q;
	int err = 0;

	mutex_assert_held(&mount_mutex);
	if (parent->group == 0)
		return 0;
	share_tree(m);
	mark_receivers(parent);
	list_for_each(q, &mount_list, ns_node) {
		struct list chain = LIST_INIT(chain);
		struct mount *top;

		if (!q->receives || !dentry_is_ancestor(q->root, point))
			continue;
		err = mount_copy_tree_locked(m, m->root, true, &chain);
		top = list_first(&chain, struct mount, ns_node);
		if (top != NULL) {
			mount_get(q);
			dentry_get(point);
			top->parent = q;
			top->mountpoint = point;
		}
		set_groups(&chain, q, parent, copies);
		list_splice_tail(&chain, copies);
		if (err != 0) {
			unshare_tree(m, last);
			break;
		}
	}
	return err;
}

/* --- detaching --- */

/* What receiver q has on `point`, be it a copy or q's own: an umount that comes by propagation makes no difference. NULL: nothing. */
static struct mount *
copy_in(struct mount *q, const struct dentry *point)
{
	return q->receives ? mount_lookup_rcu(q, point) : NULL;
}

/* The mount that covers c's root, and with it all of c; then c has only this one. NULL: there is none, or c has others beside it. */
static struct mount *
only_cover(struct mount *c)
{
	struct mount *child = list_first(&c->children, struct mount, sibling);

	return child != NULL && child->mountpoint == c->root && list_next(child, &c->children, sibling) == NULL ? child : NULL;
}

bool
mount_propagation_busy_locked(struct mount *m)
{
	struct mount *q, *c, *cover;

	mark_receivers(m->parent);
	list_for_each(q, &mount_list, ns_node) {
		c = copy_in(q, m->mountpoint);
		cover = c != NULL ? only_cover(c) : NULL;
		if (c == NULL || (cover == NULL && !list_empty(&c->children)))
			continue;
		if (refcount_read(&c->refs) > (cover != NULL ? 2 : 1))
			return true;
	}
	return false;
}

/* Take c from the tree; what covers it comes into its place. */
static void
detach_copy(struct mount *c, struct mount *cover, struct list *gone)
{
	struct path old;

	if (cover != NULL) {
		old.mnt = c->parent;
		old.dentry = c->mountpoint;
		path_get(&old);
		mount_rehang_locked(cover, old.mnt, old.dentry, &old);
		path_put(&old);		/* c itself, which the tree still holds */
	}
	(void)mount_try_detach_locked(c, INT32_MAX, true, &old);
	mount_chain_detached(c, &old, gone);
}

void
mount_propagate_detach_locked(const struct path *place, struct list *gone)
{
	struct mount *q, *c, *cover;
	bool found;

	mark_receivers(place->mnt);
	/* The list changes under us with each copy that leaves; a receiver that was asked is done. */
	do {
		found = false;
		list_for_each(q, &mount_list, ns_node) {
			c = copy_in(q, place->dentry);
			q->receives = false;
			cover = c != NULL ? only_cover(c) : NULL;
			if (c == NULL || (cover == NULL && !list_empty(&c->children)))
				continue;
			detach_copy(c, cover, gone);
			found = true;
			break;
		}
	} while (found);
}

/* --- kinds of mounts --- */

void
mount_leave_group_locked(struct mount *m)
{
	struct mount *other;
	u32 group = m->group;

	m->group = 0;
	if (group == 0)
		return;
	list_for_each(other, &mount_list, ns_node)
		if (other->group == group)
			return;
	list_for_each(other, &mount_list, ns_node)
		if (other->master == group)
			other->master = m->master;
}

static bool
has_peers(const struct mount *m)
{
	struct mount *other;

	list_for_each(other, &mount_list, ns_node)
		if (other != m && other->group == m->group)
			return true;
	return false;
}

static void
set_kind(struct mount *m, u32 kind)
{
	u32 group = m->group;

	if (kind == MS_SHARED) {
		if (group == 0)
			m->group = ++last_group;
	} else if (kind == MS_SLAVE) {
		bool peers = group != 0 && has_peers(m);

		mount_leave_group_locked(m);
		if (peers)
			m->master = group;
	} else {
		mount_leave_group_locked(m);
		m->master = 0;
	}
	if (kind == MS_UNBINDABLE)
		atomic_fetch_or(&m->flags, (u32)MNT_UNBINDABLE);
	else
		atomic_fetch_and(&m->flags, ~(u32)MNT_UNBINDABLE);
}

int
mount_set_propagation(const struct path *p, u32 ms_flags)
{
	u32 kind = ms_flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE);
	struct mount *m;

	if (p->dentry != p->mnt->root)
		return -EINVAL;
	mutex_lock(&mount_mutex);
	list_for_each(m, &mount_list, ns_node) {
		struct mount *up = m;

		while ((ms_flags & MS_REC) && up != p->mnt && up->parent != up)
			up = up->parent;
		if (up == p->mnt)
			set_kind(m, kind);
	}
	mutex_unlock(&mount_mutex);
	return 0;
}
