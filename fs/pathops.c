/* SPDX-License-Identifier: BSD-2-Clause */
/* mkdir, mknod, link, unlink, rename ... by name: walk to the parents, lock them in order, call the verb. */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"

int
path_mkdir(int dfd, const char *name, u32 mode)
{
	struct path parent;
	struct dentry *d;
	int err = path_create_at(dfd, name, LOOKUP_DIRECTORY, &parent, &d);

	if (err != 0)
		return err;
	err = vnode_mkdir(parent.dentry->vn, d, mode);
	path_create_done(&parent, d);
	return err;
}

int
path_mknod_path(int dfd, const char *name, u32 mode, dev_t dev, struct path *out)
{
	struct path parent;
	struct dentry *d;
	int err;

	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	err = path_create_at(dfd, name, 0, &parent, &d);
	if (err != 0)
		return err;
	err = vnode_mknod(parent.dentry->vn, d, mode, dev);
	if (err == 0 && out != NULL) {
		*out = (struct path){ parent.mnt, d };
		path_get(out);
	}
	path_create_done(&parent, d);
	return err;
}

int
path_mknod(int dfd, const char *name, u32 mode, dev_t dev)
{
	return path_mknod_path(dfd, name, mode, dev, NULL);
}

int
path_symlink(const char *target, int dfd, const char *name)
{
	struct path parent;
	struct dentry *d;
	int err = path_create_at(dfd, name, 0, &parent, &d);

	if (err != 0)
		return err;
	err = vnode_symlink(parent.dentry->vn, d, target);
	path_create_done(&parent, d);
	return err;
}

int
path_link(const struct path *old, int dfd, const char *name)
{
	struct path parent;
	struct dentry *d;
	int err = path_create_at(dfd, name, 0, &parent, &d);

	if (err != 0)
		return err;
	if (old->mnt != parent.mnt)
		err = -EXDEV;
	else
		err = vnode_link(old->dentry, parent.dentry->vn, d);
	path_create_done(&parent, d);
	return err;
}

/* The common part of unlink and rmdir. */
static int
delete(int dfd, const char *name, bool dir)
{
	struct path parent;
	struct path_last last;
	struct dentry *d;
	int err = path_parent_at(dfd, name, 0, &parent, &last);

	if (err != 0)
		return err;
	if (last.type != LAST_NORM) {
		err = !dir ? -EISDIR : last.type == LAST_DOT ? -EINVAL : last.type == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
		goto out_path;
	}
	err = mount_want_write(parent.mnt);
	if (err != 0)
		goto out_path;
	rwlock_write_lock(&parent.dentry->vn->rwlock);
	d = dentry_lookup(parent.dentry, last.name, last.len);
	if (IS_ERR(d)) {
		err = PTR_ERR(d);
		goto out_unlock;
	}
	if (d->vn == NULL)
		err = -ENOENT;
	else if (dir)
		err = vnode_rmdir(parent.dentry->vn, d);
	else if (last.slash)
		err = S_ISDIR(d->vn->mode) ? -EISDIR : -ENOTDIR;
	else
		err = vnode_unlink(parent.dentry->vn, d);
	rwlock_write_unlock(&parent.dentry->vn->rwlock);
	dentry_put(d);			/* the file's contents go here, without the directory's lock */
	mount_drop_write(parent.mnt);
	path_put(&parent);
	return err;
out_unlock:
	rwlock_write_unlock(&parent.dentry->vn->rwlock);
	mount_drop_write(parent.mnt);
out_path:
	path_put(&parent);
	return err;
}

int
path_unlink(int dfd, const char *name)
{
	return delete(dfd, name, false);
}

int
path_rmdir(int dfd, const char *name)
{
	return delete(dfd, name, true);
}

/* --- rename --- */

/* The child of top on the way down to d, if d is below top; not referenced: the rename mutex keeps it. */
static struct dentry *
child_towards(struct dentry *top, struct dentry *d)
{
	while (d->parent != d) {
		if (d->parent == top)
			return d;
		d = d->parent;
	}
	return NULL;
}

/* Lock both parents, the ancestor first. Returns what may be neither moved nor replaced: the entry that leads from one parent
 * to the other. */
static struct dentry *
lock_parents(struct dentry *a, struct dentry *b)
{
	struct dentry *trap;

	if (a == b) {
		rwlock_write_lock(&a->vn->rwlock);
		return NULL;
	}
	mutex_lock(&a->sb->rename_mutex);
	trap = child_towards(b, a);
	if (trap != NULL) {
		rwlock_write_lock(&b->vn->rwlock);
		rwlock_write_lock_nested(&a->vn->rwlock);
		return trap;
	}
	trap = child_towards(a, b);
	rwlock_write_lock(&a->vn->rwlock);
	rwlock_write_lock_nested(&b->vn->rwlock);
	return trap;
}

static void
unlock_parents(struct dentry *a, struct dentry *b)
{
	rwlock_write_unlock(&a->vn->rwlock);
	if (a != b) {
		rwlock_write_unlock(&b->vn->rwlock);
		mutex_unlock(&a->sb->rename_mutex);
	}
}

struct rename_end { struct path parent; struct path_last last; };

/* Both parents are locked. */
static int
rename_locked(struct rename_end *from, struct rename_end *to, struct dentry *trap, unsigned int flags, struct dentry **od,
	struct dentry **nd)
{
	bool swap = flags & RENAME_EXCHANGE;

	*nd = NULL;
	*od = dentry_lookup(from->parent.dentry, from->last.name, from->last.len);
	if (IS_ERR(*od)) {
		int err = PTR_ERR(*od);

		*od = NULL;
		return err;
	}
	if ((*od)->vn == NULL)
		return -ENOENT;
	*nd = dentry_lookup(to->parent.dentry, to->last.name, to->last.len);
	if (IS_ERR(*nd)) {
		int err = PTR_ERR(*nd);

		*nd = NULL;
		return err;
	}
	if ((flags & RENAME_NOREPLACE) && (*nd)->vn != NULL)
		return -EEXIST;
	if (swap) {
		if ((*nd)->vn == NULL)
			return -ENOENT;
		if (!S_ISDIR((*nd)->vn->mode) && to->last.slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR((*od)->vn->mode) && (from->last.slash || (!swap && to->last.slash)))
		return -ENOTDIR;
	if (*od == trap)
		return -EINVAL;			/* into itself */
	if (*nd == trap && trap != NULL)
		return swap ? -EINVAL : -ENOTEMPTY;
	return vnode_rename(from->parent.dentry->vn, *od, to->parent.dentry->vn, *nd, flags);
}

static int
rename_ends(struct rename_end *from, struct rename_end *to, unsigned int flags)
{
	struct dentry *trap, *od, *nd;
	int err;

	if (from->parent.mnt != to->parent.mnt)
		return -EXDEV;
	if (from->last.type != LAST_NORM)
		return -EBUSY;
	if (to->last.type != LAST_NORM)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	err = mount_want_write(from->parent.mnt);
	if (err != 0)
		return err;
	trap = lock_parents(from->parent.dentry, to->parent.dentry);
	err = rename_locked(from, to, trap, flags, &od, &nd);
	unlock_parents(from->parent.dentry, to->parent.dentry);
	dentry_put(od);
	dentry_put(nd);
	mount_drop_write(from->parent.mnt);
	return err;
}

int
path_rename(int odfd, const char *oname, int ndfd, const char *nname, unsigned int flags)
{
	struct rename_end *ends;	/* too large for the stack */
	int err;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	ends = kmem_alloc_array(2, sizeof(*ends), KM_NORMAL);
	if (ends == NULL)
		return -ENOMEM;
	err = path_parent_at(odfd, oname, 0, &ends[0].parent, &ends[0].last);
	if (err != 0)
		goto out_free;
	err = path_parent_at(ndfd, nname, 0, &ends[1].parent, &ends[1].last);
	if (err == 0) {
		err = rename_ends(&ends[0], &ends[1], flags);
		path_put(&ends[1].parent);
	}
	path_put(&ends[0].parent);
out_free:
	kmem_free(ends);
	return err;
}
