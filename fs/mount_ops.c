/* SPDX-License-Identifier: BSD-2-Clause */
/* mount, bind, move, umount, pivot_root: changes of the mount tree, made of the primitives in fs/mount.c. */
#include "fs/mount_tree.h"

#include "sys/abi/errno.h"

#define SB_FLAGS	(MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | MS_POSIXACL | MS_LAZYTIME | MS_I_VERSION)

static void
unlock_target(const struct path *at)
{
	rwlock_write_unlock(&at->dentry->vn->rwlock);
	mutex_unlock(&mount_mutex);
}

/* Lock the tree for a mount at *at, which moves to the top of what is mounted there by now, and its vnode, so that nobody removes or
 * replaces the mount point meanwhile (fs/vfsops.c asks under that lock whether something is mounted). -ENOENT: it was unlinked. */
static int
lock_target(struct path *at)
{
	int err = 0;

	mutex_lock(&mount_mutex);
	mount_cross(at);
	rwlock_write_lock(&at->dentry->vn->rwlock);
	if ((at->dentry->flags & DENTRY_UNHASHED) && at->dentry->parent != at->dentry)
		err = -ENOENT;
	else if (at->mnt->detached && at->mnt->parent == at->mnt && !list_is_linked(&at->mnt->ns_node))
		err = -EINVAL;		/* the mount itself was taken from the tree */
	if (err != 0)
		unlock_target(at);
	return err;
}

/* Attach m, and with it the chain `below`, at *at, and copies where else that shows (mount_mutex held; the references of *at stay
 * the caller's). */
static int
graft_locked(struct mount *m, struct list *below, const struct path *at)
{
	struct list copies = LIST_INIT(copies);
	int err;

	mount_attach_copies_locked(below);	/* to m, which is nowhere yet */
	err = mount_propagate_attach_locked(m, at->mnt, at->dentry, &copies);
	if (err != 0) {
		mount_drop_copies_locked(&copies);
		return err;
	}
	path_get(at);
	mount_attach_locked(m, at->mnt, at->dentry);
	mount_attach_copies_locked(&copies);
	return 0;
}

/* --- new mounts --- */

/* A directory goes on a directory, another file on a file. */
static int
check_kinds(const struct dentry *what, const struct path *at)
{
	return S_ISDIR(what->vn->mode) == S_ISDIR(at->dentry->vn->mode) ? 0 : -ENOTDIR;
}

static int
mount_type(const struct fs_type *t, u32 ms_flags, const char *dev, const char *data, struct mount **out)
{
	struct super_block *sb;
	int err = t->mount(t, ms_flags & (SB_FLAGS | MS_KERNMOUNT), dev, data, &sb);

	if (err != 0)
		return err;
	super_set_born(sb);
	return mount_alloc(sb, sb->root, mount_flags_from_ms(ms_flags), dev, out);
}

int
mount_new(const struct path *target, const char *fstype, u32 ms_flags, const char *dev, const char *data)
{
	const struct fs_type *t = fs_find(fstype);
	struct list none = LIST_INIT(none);
	struct path at = *target;
	struct mount *m;
	int err;

	if (t == NULL)
		return -ENODEV;
	err = mount_type(t, ms_flags, dev, data, &m);
	if (err != 0)
		return err;
	path_get(&at);
	err = lock_target(&at);
	if (err != 0)
		goto out_put;
	if (at.mnt->sb == m->sb && at.mnt->root == at.dentry && m->root == at.dentry)
		err = -EBUSY;		/* the same thing twice in the same place */
	else if (S_ISLNK(m->root->vn->mode))
		err = -EINVAL;
	else
		err = check_kinds(m->root, &at);
	if (err == 0)
		err = mount_charge_locked(m);
	if (err == 0)
		err = graft_locked(m, &none, &at);
	if (err != 0)
		mount_uncharge_locked(m);
	unlock_target(&at);
out_put:
	path_put(&at);
	if (err != 0)
		mount_put(m);
	return err;
}

static int
clone(struct mount *src, struct dentry *root, struct mount **out)
{
	struct mount *m;
	int err;

	super_get(src->sb);
	err = mount_alloc(src->sb, root, atomic_load(&src->flags) & ~(u32)MNT_EXPIRE_MARK, src->devname, &m);
	if (err != 0)
		return err;
	err = mount_charge_locked(m);
	if (err != 0) {
		mount_put(m);
		return err;
	}
	m->tmp_mnt = src;
	m->group = src->group;
	m->master = src->master;
	*out = m;
	return 0;
}

int
mount_copy_tree_locked(struct mount *src, struct dentry *root, bool rec, struct list *copies)
{
	struct mount *m, *child, *c;
	int err = clone(src, root, &m);

	if (err != 0)
		return err;
	list_add_tail(copies, &m->ns_node);
	if (!rec)
		return 0;
	list_for_each(m, copies, ns_node) {
		bool top = m->tmp_mnt == src && m->root == root;

		list_for_each(child, &m->tmp_mnt->children, sibling) {
			if ((child->flags & MNT_UNBINDABLE) || (top && !dentry_is_ancestor(root, child->mountpoint)))
				continue;
			err = clone(child, child->root, &c);
			if (err != 0)
				return err;
			mount_get(m);
			dentry_get(child->mountpoint);
			c->parent = m;
			c->mountpoint = child->mountpoint;
			list_add_tail(copies, &c->ns_node);
		}
	}
	return 0;
}

void
mount_attach_copies_locked(struct list *copies)
{
	struct mount *m;

	while ((m = list_first(copies, struct mount, ns_node)) != NULL) {
		struct mount *covered = mount_lookup_rcu(m->parent, m->mountpoint);
		struct path old;

		list_del_init(&m->ns_node);
		m->tmp_mnt = NULL;
		if (covered != NULL)
			(void)mount_try_detach_locked(covered, INT32_MAX, false, &old);
		mount_attach_locked(m, m->parent, m->mountpoint);
		if (covered == NULL)
			continue;
		/* What was mounted there before stays in sight, on top of what came by propagation. */
		mount_get(m);
		dentry_get(m->root);
		mount_attach_locked(covered, m, m->root);
		path_put(&old);
	}
}

void
mount_drop_copies_locked(struct list *copies)
{
	struct mount *m;

	while ((m = list_first(copies, struct mount, ns_node)) != NULL) {
		struct path place = { m->parent, m->mountpoint };

		list_del_init(&m->ns_node);
		m->tmp_mnt = NULL;
		m->parent = m;
		m->mountpoint = m->root;
		if (place.mnt != m)
			path_put(&place);
		mount_uncharge_locked(m);
		mount_put(m);
	}
}

/* Take m and all below it from the tree, children first; if propagate, in all mounts where they show. */
static void
detach_tree_locked(struct mount *m, bool propagate, struct list *gone)
{
	struct mount *cur;
	struct path place;

	for (cur = m; cur != NULL; cur = mount_next_in_tree(cur, m))
		cur->doomed = true;
	/* What leaves by propagation may be one of ours: so look for a leaf anew each time. Leaves are mostly at the end. */
	while ((cur = list_last(&mount_list, struct mount, ns_node)) != NULL) {
		while (cur != NULL && !(cur->doomed && list_empty(&cur->children)))
			cur = list_prev(cur, &mount_list, ns_node);
		if (cur == NULL)
			break;
		(void)mount_try_detach_locked(cur, INT32_MAX, true, &place);
		mount_chain_detached(cur, &place, gone);	/* keeps the place */
		if (propagate)
			mount_propagate_detach_locked(&place, gone);
	}
}

/* The mount was taken from the tree. */
static bool
is_gone(const struct mount *m)
{
	return m->detached && m->parent == m && !list_is_linked(&m->ns_node);
}

int
mount_bind(const struct path *source, const struct path *target, bool rec)
{
	struct list copies = LIST_INIT(copies), gone = LIST_INIT(gone);
	struct path at = *target;
	struct mount *top = NULL;
	int err;

	path_get(&at);
	err = lock_target(&at);
	if (err != 0)
		goto out_put;
	err = (source->mnt->flags & MNT_UNBINDABLE) || is_gone(source->mnt) ? -EINVAL : check_kinds(source->dentry, &at);
	if (err == 0)
		err = mount_copy_tree_locked(source->mnt, source->dentry, rec, &copies);
	if (err == 0) {
		top = list_first(&copies, struct mount, ns_node);
		list_del_init(&top->ns_node);
		top->tmp_mnt = NULL;
		err = graft_locked(top, &copies, &at);
	}
	if (err != 0 && top != NULL) {
		struct mount *child;

		while ((child = list_first(&top->children, struct mount, sibling)) != NULL)
			detach_tree_locked(child, false, &gone);
		mount_uncharge_locked(top);
	}
	if (err != 0)
		mount_drop_copies_locked(&copies);
	unlock_target(&at);
	mount_drop_detached(&gone);
	if (err != 0)
		mount_put(top);
out_put:
	path_put(&at);
	return err;
}

int
mount_move(const struct path *source, const struct path *target)
{
	struct list copies = LIST_INIT(copies);
	struct path at = *target, old = { NULL, NULL };
	struct mount *m = source->mnt, *up;
	int err;

	if (source->dentry != m->root)
		return -EINVAL;
	path_get(&at);
	err = lock_target(&at);
	if (err != 0)
		goto out_put;
	err = -EINVAL;
	if (m->parent == m || m->parent->group != 0 || S_ISDIR(m->root->vn->mode) != S_ISDIR(at.dentry->vn->mode))
		goto out_unlock;	/* what stands in a shared mount can't be moved: its copies could not follow */
	err = -ELOOP;
	for (up = at.mnt; up != m && up->parent != up; up = up->parent)
		;
	if (up == m)
		goto out_unlock;
	err = mount_propagate_attach_locked(m, at.mnt, at.dentry, &copies);
	if (err != 0) {
		mount_drop_copies_locked(&copies);
		goto out_unlock;
	}
	(void)mount_try_detach_locked(m, INT32_MAX, false, &old);
	path_get(&at);
	mount_attach_locked(m, at.mnt, at.dentry);
	mount_attach_copies_locked(&copies);
out_unlock:
	unlock_target(&at);
	path_put(&old);
out_put:
	path_put(&at);
	return err;
}

/* --- the end of mounts --- */

/* "umount /": the root stays, read-only. */
static int
umount_root(const struct path *p)
{
	int err;

	mutex_lock(&mount_mutex);
	err = mount_remount_super(p->mnt->sb, MS_RDONLY, "");
	mutex_unlock(&mount_mutex);
	return err;
}

/* The caller's path and the tree hold a reference each. */
static int
umount_locked(struct mount *m, int flags, struct list *gone)
{
	struct path place;

	if (m->parent == m)
		return -EINVAL;
	if (flags & MNT_DETACH) {
		detach_tree_locked(m, true, gone);
		return 0;
	}
	if (!list_empty(&m->children) || refcount_read(&m->refs) > 2 || mount_propagation_busy_locked(m))
		return -EBUSY;
	if ((flags & MNT_EXPIRE) && !(atomic_fetch_or(&m->flags, (u32)MNT_EXPIRE_MARK) & MNT_EXPIRE_MARK))
		return -EAGAIN;
	if (!mount_try_detach_locked(m, 2, true, &place))
		return -EBUSY;
	mount_chain_detached(m, &place, gone);		/* keeps the place */
	mount_propagate_detach_locked(&place, gone);
	return 0;
}

int
mount_umount(struct path *p, int flags)
{
	struct list gone = LIST_INIT(gone);
	struct path root;
	bool is_root;
	int err;

	if (p->dentry != p->mnt->root)
		return -EINVAL;
	path_current_root(&root);
	is_root = root.mnt == p->mnt;
	path_put(&root);
	if (is_root && !(flags & MNT_DETACH))
		return flags & MNT_EXPIRE ? -EINVAL : umount_root(p);
	mutex_lock(&mount_mutex);
	err = umount_locked(p->mnt, flags, &gone);
	mutex_unlock(&mount_mutex);
	mount_drop_detached(&gone);
	return err;
}

/* --- pivot_root(2) --- */

static bool
is_below(struct mount *m, struct mount *top)
{
	while (m != top && m->parent != m)
		m = m->parent;
	return m == top;
}

static int
pivot_locked(const struct path *new, const struct path *put_old, const struct path *root, struct path *drop)
{
	struct mount *nm = new->mnt, *om = root->mnt;
	struct path place;

	if (nm == om || put_old->mnt == om)
		return -EBUSY;
	if (new->dentry != nm->root || root->dentry != om->root || om->parent == om || nm->parent == nm)
		return -EINVAL;
	if (om->parent->group != 0 || nm->parent->group != 0 || put_old->mnt->group != 0)
		return -EINVAL;		/* copies could not follow */
	if ((new->dentry->flags & DENTRY_UNHASHED) && new->dentry->parent != new->dentry)
		return -ENOENT;
	/* put_old must be new or below it; new below the root. */
	if (!is_below(put_old->mnt, nm) || (put_old->mnt == nm && !dentry_is_ancestor(new->dentry, put_old->dentry)))
		return -EINVAL;
	if (!is_below(nm, om))
		return -EINVAL;
	(void)mount_try_detach_locked(nm, INT32_MAX, false, drop);
	(void)mount_try_detach_locked(om, INT32_MAX, false, &place);
	path_get(put_old);
	mount_attach_locked(om, put_old->mnt, put_old->dentry);
	mount_attach_locked(nm, place.mnt, place.dentry);
	return 0;
}

int
mount_pivot(const struct path *new, const struct path *put_old)
{
	struct path root, at = *put_old, drop = { NULL, NULL };
	int err;

	path_get(&at);
	path_current_root(&root);
	err = lock_target(&at);
	if (err == 0) {
		err = pivot_locked(new, &at, &root, &drop);
		unlock_target(&at);
	}
	if (err == 0)
		fsctx_replace_root(&root, new);
	path_put(&drop);
	path_put(&at);
	path_put(&root);
	return err;
}

/* --- inside the kernel --- */

int
mount_kern(const char *fstype, const char *dev, const char *dir, u32 ms_flags, const char *data)
{
	struct path p;
	int err = kern_path(dir, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err != 0)
		return err;
	err = mount_new(&p, fstype, ms_flags, dev, data);
	path_put(&p);
	return err;
}

int
mount_internal(const struct fs_type *t, struct mount **out)
{
	int err = mount_type(t, MS_KERNMOUNT, t->name, NULL, out);

	if (err == 0)
		(*out)->flags = MNT_INTERNAL | MNT_NOATIME | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC;
	return err;
}

int
mount_root(const char *fstype, u32 ms_flags, const char *data)
{
	const struct fs_type *t = fs_find(fstype);
	struct mount *m;
	struct path p;
	int err;

	if (t == NULL)
		return -ENODEV;
	err = mount_type(t, ms_flags, fstype, data, &m);
	if (err != 0)
		return err;
	mutex_lock(&mount_mutex);
	err = mount_charge_locked(m);
	if (err == 0) {
		m->detached = false;
		list_add_tail(&mount_list, &m->ns_node);
	}
	mutex_unlock(&mount_mutex);
	if (err != 0) {
		mount_put(m);
		return err;
	}
	p.mnt = m;
	p.dentry = m->root;
	fsctx_init(&p);
	return 0;
}
