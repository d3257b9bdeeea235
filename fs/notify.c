/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks and watches. A vnode has a list of its watches and, to be looked at without a lock, the union of their masks. An event goes to
 * the watches of the directory that holds the name, with the name, and to those of the object itself. A watch keeps its vnode, not
 * its dentry: so a watched file can be removed, and a file system with watches can be unmounted.
 */
#include "fs/notify.h"

#include "fs/internal.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

#define SELF_ONLY	(IN_DELETE_SELF | IN_MOVE_SELF)

u32 notify_count;		/* [a] */
static u32 last_cookie;		/* [a] */

/* --- sending --- */

static bool
is_wanted(const struct vnode *vn, u32 event)
{
	return atomic_load_relaxed(&vn->notify_mask) & event & IN_ALL_EVENTS;
}

static void
update_mask_locked(struct vnode *vn)
{
	struct watch *w;
	u32 mask = 0;

	/* Not 0 for a watch that wants nothing: it, too, ends with the vnode and its file system. */
	hlist_for_each(w, &vn->watches, vnode_node)
		mask |= w->mask | IN_UNMOUNT;
	atomic_store_relaxed(&vn->notify_mask, mask);
}

static void
drop_expired(struct work *work)
{
	struct watch *w = container_of(work, struct watch, expired);
	bool both = w->expired_both;

	watch_put(w);
	if (both)
		watch_put(w);
}

/* IN_ONESHOT had its event: off both lists. The references go in a thread, for putting a vnode may sleep. */
static void
expire_locked(struct watch *w)
{
	spin_assert_held(&w->vn->lock);
	hlist_del(&w->vnode_node);
	atomic_sub(&notify_count, 1u);
	w->expired_both = inotify_unlink_watch(w->group, w);
	if (w->expired_both)
		inotify_queue(w->group, w->wd, IN_IGNORED, 0, NULL);
	work_init(&w->expired, drop_expired);
	work_queue(&w->expired);
}

/* name NULL: the vnode itself. excl: its name is gone, which some don't want to hear of. Locks up to a dentry's may be held. */
static void
send(struct vnode *vn, u32 event, u32 cookie, const char *name, bool excl)
{
	struct hnode *tmp;
	struct watch *w;
	bool expired = false;

	spin_lock(&vn->lock);
	hlist_for_each_safe(w, tmp, &vn->watches, vnode_node) {
		if (!(w->mask & event & IN_ALL_EVENTS) || (excl && (w->mask & IN_EXCL_UNLINK)))
			continue;
		inotify_queue(w->group, w->wd, event, cookie, name);
		if (w->mask & IN_ONESHOT) {
			expire_locked(w);
			expired = true;
		}
	}
	if (expired)
		update_mask_locked(vn);
	spin_unlock(&vn->lock);
}

void
notify_vnode_slow(struct vnode *vn, u32 event)
{
	if (!is_wanted(vn, event))
		return;
	if (S_ISDIR(vn->mode) && !(event & SELF_ONLY))
		event |= IN_ISDIR;
	send(vn, event, 0, NULL, false);
}

void
notify_name_slow(struct vnode *dir, const char *name, u32 event, u32 cookie)
{
	if (is_wanted(dir, event))
		send(dir, event, cookie, name, false);
}

/* The directory's watchers; d's lock keeps name and parent. */
static void
send_to_parent(struct dentry *d, u32 event, bool by_file)
{
	struct vnode *dir;
	bool wanted;

	rcu_read_lock();
	dir = READ_ONCE(d->parent)->vn;
	wanted = READ_ONCE(d->parent) != d && dir != NULL && is_wanted(dir, event);
	rcu_read_unlock();
	if (!wanted)
		return;
	spin_lock(&d->lock);
	if (d->parent != d)
		send(d->parent->vn, event, 0, d->name.name, by_file && (d->flags & DENTRY_UNHASHED));
	spin_unlock(&d->lock);
}

void
notify_dentry_slow(struct dentry *d, u32 event, bool by_file)
{
	struct vnode *vn = d->vn;

	if (S_ISDIR(vn->mode))
		event |= IN_ISDIR;
	send_to_parent(d, event, by_file);
	if (is_wanted(vn, event))
		send(vn, event, 0, NULL, by_file && (atomic_load_relaxed(&d->flags) & DENTRY_UNHASHED));
}

u32
notify_event_of(u32 valid)
{
	u32 event = 0;

	if (valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		event |= IN_ATTRIB;
	if (valid & ATTR_SIZE)
		event |= IN_MODIFY;
	if ((valid & (ATTR_ATIME | ATTR_MTIME)) == (ATTR_ATIME | ATTR_MTIME))
		event |= IN_ATTRIB;		/* utimes(2) */
	else if (valid & ATTR_ATIME)
		event |= IN_ACCESS;
	else if (valid & ATTR_MTIME)
		event |= IN_MODIFY;
	return event;
}

u32
notify_cookie(void)
{
	return atomic_add(&last_cookie, 1u);
}

/* --- watches --- */

void
watch_put(struct watch *w)
{
	if (!refcount_put(&w->refs))
		return;
	vnode_put(w->vn);
	inotify_put(w->group);
	kmem_free(w);
}

static bool
unlink_from_vnode(struct watch *w)
{
	struct vnode *vn = w->vn;
	bool linked;

	spin_lock(&vn->lock);
	linked = hlist_is_linked(&w->vnode_node);
	if (linked) {
		hlist_del(&w->vnode_node);
		update_mask_locked(vn);
		atomic_sub(&notify_count, 1u);
	}
	spin_unlock(&vn->lock);
	return linked;
}

void
watch_remove(struct watch *w)
{
	if (unlink_from_vnode(w))
		watch_put(w);
	if (inotify_unlink_watch(w->group, w)) {
		inotify_queue(w->group, w->wd, IN_IGNORED, 0, NULL);
		watch_put(w);
	}
}

/* vn's watches get `event`, whatever they asked for if `always`, and end. */
static void
end_watches(struct vnode *vn, u32 event, bool always)
{
	for (;;) {
		struct watch *w;
		bool wanted = false;

		spin_lock(&vn->lock);
		w = hlist_entry_or_null(vn->watches.first, struct watch, vnode_node);
		if (w != NULL) {
			refcount_get(&w->refs);
			wanted = always || (w->mask & event);
		}
		spin_unlock(&vn->lock);
		if (w == NULL)
			return;
		if (wanted)
			inotify_queue(w->group, w->wd, event, 0, NULL);
		watch_remove(w);
		watch_put(w);
	}
}

void
notify_removed_slow(struct vnode *vn)
{
	if (atomic_load_relaxed(&vn->notify_mask) != 0)
		end_watches(vn, IN_DELETE_SELF, false);
}

void
notify_unmount(struct super_block *sb)
{
	struct vnode *vn, *found;

	while (notify_any()) {
		found = NULL;
		spin_lock(&sb->lock);
		list_for_each(vn, &sb->vnodes, sb_node) {
			/* A watch holds a reference: what has a mask and can be got is safe to touch. */
			if (atomic_load_relaxed(&vn->notify_mask) != 0 && refcount_try_get(&vn->refs)) {
				found = vn;
				break;
			}
		}
		spin_unlock(&sb->lock);
		if (found == NULL)
			return;
		end_watches(found, IN_UNMOUNT | (S_ISDIR(found->mode) ? IN_ISDIR : 0), true);
		vnode_put(found);
	}
}

static struct watch *
find_locked(struct vnode *vn, const struct inotify *g)
{
	struct watch *w;

	hlist_for_each(w, &vn->watches, vnode_node)
		if (w->group == g)
			return w;
	return NULL;
}

#define KEPT	(IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK)

/* A watch of g on vn is there: change it. 0: there is none. */
static int
change_existing(struct inotify *g, struct vnode *vn, u32 mask)
{
	struct watch *w;
	int wd = 0;

	spin_lock(&vn->lock);
	w = find_locked(vn, g);
	if (w != NULL && (mask & IN_MASK_CREATE)) {
		wd = -EEXIST;
	} else if (w != NULL) {
		w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | (mask & KEPT);
		update_mask_locked(vn);
		wd = w->wd;
	}
	spin_unlock(&vn->lock);
	return wd;
}

/* The instance's lock of adding is held: one at a time, so that a vnode gets one watch of it. */
int
watch_update(struct inotify *g, struct vnode *vn, u32 mask)
{
	int wd = change_existing(g, vn, mask);
	struct watch *w;

	if (wd != 0)
		return wd;
	w = kmem_alloc(sizeof(*w), KM_USER | KM_ZERO);
	if (w == NULL)
		return -ENOMEM;
	w->group = g;
	w->vn = vn;
	w->mask = mask & KEPT;
	refcount_init(&w->refs, 3);
	wd = inotify_add_watch(g, w);
	if (wd < 0) {
		kmem_free(w);
		return wd;
	}
	inotify_get(g);
	vnode_get(vn);
	spin_lock(&vn->lock);
	hlist_add(&vn->watches, &w->vnode_node);
	update_mask_locked(vn);
	atomic_add(&notify_count, 1u);
	spin_unlock(&vn->lock);
	if (!inotify_has_watch(g, w))
		watch_remove(w);	/* somebody guessed its number */
	watch_put(w);
	return wd;
}
