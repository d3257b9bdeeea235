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
	/* Without recursion: mounts may be stacked as deep as there may be mounts. */
	for (struct mount *cur = m, *next; ; cur = next) {
		if (cur->group == 0)
			cur->group = ++last_group;
		next = list_first(&cur->children, struct mount, sibling);
		for (; next == NULL && cur != m; cur = cur->parent)
			next = list_next(cur, &cur->parent->children, sibling);
		if (next == NULL)
			return;
	}
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
		if (err != 0)
			break;
	}
	return err;
}

/* --- detaching --- */

/* The copy in receiver q of m, whose place is or was on `point`; NULL: there is none. */
static struct mount *
copy_in(struct mount *q, const struct mount *m, const struct dentry *point)
{
	struct mount *c;

	list_for_each(c, &q->children, sibling)
		if (c->mountpoint == point && c->root == m->root && c != m)
			return c;
	return NULL;
}

bool
mount_propagation_busy_locked(struct mount *m)
{
	struct mount *q, *c;

	mark_receivers(m->parent);
	list_for_each(q, &mount_list, ns_node) {
		c = q->receives ? copy_in(q, m, m->mountpoint) : NULL;
		if (c != NULL && list_empty(&c->children) && refcount_read(&c->refs) > 1)
			return true;
	}
	return false;
}

void
mount_propagate_detach_locked(struct mount *m, const struct path *place, bool lazy, struct list *gone)
{
	struct mount *q, *c;
	bool found;

	mark_receivers(place->mnt);
	/* The list changes under us with each copy that leaves; a receiver is done once it has none. */
	do {
		found = false;
		list_for_each(q, &mount_list, ns_node) {
			c = q->receives ? copy_in(q, m, place->dentry) : NULL;
			q->receives = false;
			if (c == NULL || (!lazy && !list_empty(&c->children)))
				continue;
			mount_detach_tree_locked(c, gone);
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
