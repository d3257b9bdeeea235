/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs on directories: create, link, unlink, rename ... as the system calls and open need them. Permission first, then
 * the file system's operation, then the dentry cache follows. The caller holds the directories' locks.
 */
#include "fs/internal.h"
#include "fs/notify.h"
#include "fs/perm.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"

static u32
apply_umask(u32 mode)
{
	return mode & ~atomic_load_relaxed(&fsctx_current()->umask);
}

static u32
dir_bit(const struct vnode *vn)
{
	return S_ISDIR(vn->mode) ? IN_ISDIR : 0;
}

static int
created(struct vnode *dir, struct dentry *d, int err)
{
	if (err == 0)
		notify_name(dir, d->name.name, IN_CREATE | dir_bit(d->vn), 0);
	return err;
}

/* d was deleted from dir. In Linux's order: the file's end, if its last name was in use by nobody else; then the directory's. */
static void
deleted(struct vnode *dir, struct dentry *d)
{
	if (!notify_any())
		return;
	if (d->vn->nlink == 0 && atomic_load_relaxed(&d->refs) == 1)
		notify_removed(d->vn);
	notify_name(dir, d->name.name, IN_DELETE | dir_bit(d->vn), 0);
}

int
vnode_create(struct vnode *dir, struct dentry *d, u32 mode, bool excl)
{
	int err = dir_may_create(dir);

	rwlock_assert_write_held(&dir->rwlock);
	if (err != 0)
		return err;
	if (dir->ops->create == NULL)
		return -EACCES;
	err = dir->ops->create(dir, d, apply_umask(mode & S_IALLUGO) | S_IFREG, excl);
	return created(dir, d, err);
}

int
vnode_mkdir(struct vnode *dir, struct dentry *d, u32 mode)
{
	int err = dir_may_create(dir);

	if (err != 0)
		return err;
	if (dir->ops->mkdir == NULL)
		return -EPERM;
	err = dir->ops->mkdir(dir, d, apply_umask(mode & (S_IRWXUGO | S_ISVTX)) | S_IFDIR);
	return created(dir, d, err);
}

int
vnode_mknod(struct vnode *dir, struct dentry *d, u32 mode, dev_t dev)
{
	int err = dir_may_create(dir);

	if (err != 0)
		return err;
	if (S_ISREG(mode))
		return vnode_create(dir, d, mode, true);
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !capable(CAP_MKNOD))
		return -EPERM;
	if (dir->ops->mknod == NULL)
		return -EPERM;
	return created(dir, d, dir->ops->mknod(dir, d, (mode & S_IFMT) | apply_umask(mode & S_IALLUGO), dev));
}

int
vnode_symlink(struct vnode *dir, struct dentry *d, const char *target)
{
	int err = dir_may_create(dir);

	if (err != 0)
		return err;
	if (dir->ops->symlink == NULL)
		return -EPERM;
	return created(dir, d, dir->ops->symlink(dir, d, target));
}

int
vnode_link(struct dentry *old, struct vnode *dir, struct dentry *d)
{
	struct vnode *vn = old->vn;
	int err = dir_may_create(dir);

	if (err != 0)
		return err;
	if (dir->sb != vn->sb)
		return -EXDEV;
	if ((vn->state & (VN_APPEND | VN_IMMUTABLE)) || dir->ops->link == NULL || S_ISDIR(vn->mode))
		return -EPERM;
	rwlock_write_lock(&vn->rwlock);
	if (vn->nlink == 0 && !(vn->state & VN_LINKABLE))
		err = -ENOENT;
	else
		err = dir->ops->link(old, dir, d);
	if (err == 0)
		atomic_fetch_and(&vn->state, ~(u32)VN_LINKABLE);
	rwlock_write_unlock(&vn->rwlock);
	if (err == 0)
		notify_vnode(vn, IN_ATTRIB);
	return created(dir, d, err);
}

int
vnode_unlink(struct vnode *dir, struct dentry *d)
{
	struct vnode *vn = d->vn;
	int err = dir_may_delete(dir, d, false);

	if (err != 0)
		return err;
	if (dir->ops->unlink == NULL)
		return -EPERM;
	rwlock_write_lock(&vn->rwlock);
	err = mount_is_busy_point(d) ? -EBUSY : dir->ops->unlink(dir, d);
	if (err == 0)
		dentry_delete(d);
	rwlock_write_unlock(&vn->rwlock);
	if (err == 0) {
		notify_vnode(vn, IN_ATTRIB);		/* a link less */
		deleted(dir, d);
	}
	return err;
}

int
vnode_rmdir(struct vnode *dir, struct dentry *d)
{
	struct vnode *vn = d->vn;
	int err = dir_may_delete(dir, d, true);

	if (err != 0)
		return err;
	if (dir->ops->rmdir == NULL)
		return -EPERM;
	rwlock_write_lock_nested(&vn->rwlock);
	err = mount_is_busy_point(d) ? -EBUSY : dir->ops->rmdir(dir, d);
	if (err == 0) {
		atomic_fetch_or(&vn->state, (u32)VN_DEAD_DIR);
		dentry_shrink_tree(d);		/* negative entries */
		dentry_delete(d);
	}
	rwlock_write_unlock(&vn->rwlock);
	if (err == 0)
		deleted(dir, d);
	return err;
}

/* --- rename --- */

static int
rename_check(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags)
{
	bool is_dir = S_ISDIR(od->vn->mode), swap = flags & RENAME_EXCHANGE;
	int err = dir_may_delete(odir, od, is_dir);

	if (err != 0)
		return err;
	if (nd->vn == NULL)
		err = dir_may_create(ndir);
	else
		err = dir_may_delete(ndir, nd, swap ? S_ISDIR(nd->vn->mode) : is_dir);
	if (err != 0)
		return err;
	if (odir->ops->rename == NULL)
		return -EPERM;
	if (odir == ndir)
		return 0;
	if (is_dir)				/* its ".." is written */
		err = vnode_permission(od->vn, MAY_WRITE);
	if (err == 0 && swap && S_ISDIR(nd->vn->mode))
		err = vnode_permission(nd->vn, MAY_WRITE);
	return err;
}

/* Lock what is renamed and what is replaced: directories first, then by address. A directory that only moves needs no lock. */
static void
lock_pair(struct vnode *a, struct vnode *b, bool lock_a_dir)
{
	struct vnode *first, *second;

	if (a != NULL && S_ISDIR(a->mode) && !lock_a_dir)
		a = NULL;
	if (a == b)
		b = NULL;
	first = a != NULL ? a : b;
	second = a != NULL ? b : NULL;
	if (second != NULL) {
		bool fd = S_ISDIR(first->mode), sd = S_ISDIR(second->mode);

		if ((sd && !fd) || (sd == fd && second < first)) {
			struct vnode *t = first;

			first = second;
			second = t;
		}
	}
	if (first != NULL) {
		if (S_ISDIR(first->mode))
			rwlock_write_lock_nested(&first->rwlock);
		else
			rwlock_write_lock(&first->rwlock);
	}
	if (second != NULL) {
		if (S_ISDIR(first->mode) == S_ISDIR(second->mode) || S_ISDIR(second->mode))
			rwlock_write_lock_nested(&second->rwlock);
		else
			rwlock_write_lock(&second->rwlock);
	}
}

static void
unlock_pair(struct vnode *a, struct vnode *b, bool lock_a_dir)
{
	if (a != NULL && S_ISDIR(a->mode) && !lock_a_dir)
		a = NULL;
	if (a == b)
		b = NULL;
	if (a != NULL)
		rwlock_write_unlock(&a->rwlock);
	if (b != NULL)
		rwlock_write_unlock(&b->rwlock);
}

/* "moved" went from `from` in odir to `to` in ndir, and target (or NULL) lost a link by it. */
static void
moved(struct vnode *odir, const char *from, struct vnode *ndir, const char *to, struct vnode *vn, struct vnode *target)
{
	u32 cookie = notify_cookie(), dir = dir_bit(vn);

	notify_name(odir, from, IN_MOVED_FROM | dir, cookie);
	notify_name(ndir, to, IN_MOVED_TO | dir, cookie);
	if (target != NULL)
		notify_vnode(target, IN_ATTRIB);
	notify_vnode(vn, IN_MOVE_SELF);
}

int
vnode_rename(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags)
{
	struct vnode *source = od->vn, *target = nd->vn;
	bool swap = flags & RENAME_EXCHANGE;
	char *from = NULL;
	int err;

	if (source == target)
		return 0;
	err = rename_check(odir, od, ndir, nd, flags);
	if (err != 0)
		return err;
	if (notify_any())
		from = kmem_strdup(od->name.name, KM_NORMAL);	/* NULL: nobody is told */
	lock_pair(source, target, swap);
	err = -EBUSY;
	if (!mount_is_busy_point(od) && !mount_is_busy_point(nd))
		err = odir->ops->rename(odir, od, ndir, nd, flags);
	if (err == 0) {
		if (target != NULL && !swap && S_ISDIR(target->mode)) {
			atomic_fetch_or(&target->state, (u32)VN_DEAD_DIR);
			dentry_shrink_tree(nd);
		}
		if (swap)
			dentry_exchange(od, nd);
		else
			dentry_move(od, nd);
	}
	unlock_pair(source, target, swap);
	if (err == 0 && from != NULL) {
		moved(odir, from, ndir, od->name.name, source, swap ? NULL : target);
		if (swap)
			moved(ndir, od->name.name, odir, from, target, NULL);
	}
	kmem_free(from);
	return err;
}
