/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May the current thread do that to this vnode? The one place for discretionary access control, capabilities, and the
 * immutable, append-only and sticky rules. Modes and owners are read as single words, without a lock: a change beside a check
 * counts from the next check on.
 */
#include "fs/internal.h"
#include "fs/perm.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"

bool
vnode_owner_or_capable(struct vnode *vn)
{
	return uid_eq(cred_current()->fsuid, vn->uid) || capable(CAP_FOWNER);
}

static bool
capable_mask(const struct vnode *vn, u32 mode, int mask)
{
	if (S_ISDIR(mode)) {
		if (!(mask & MAY_WRITE) && capable(CAP_DAC_READ_SEARCH))
			return true;
		return capable(CAP_DAC_OVERRIDE);
	}
	if ((mask & (MAY_READ | MAY_WRITE | MAY_EXEC)) == MAY_READ && capable(CAP_DAC_READ_SEARCH))
		return true;
	/* Executing needs an x bit for somebody, even for root. */
	if (!(mask & MAY_EXEC) || (mode & S_IXUGO))
		return capable(CAP_DAC_OVERRIDE);
	return false;
}

int
vnode_generic_permission(struct vnode *vn, int mask)
{
	const struct cred *c = cred_current();
	u32 mode = atomic_load_relaxed(&vn->mode), bits = mode;
	u32 want = (u32)mask & (MAY_READ | MAY_WRITE | MAY_EXEC);

	if (uid_eq(c->fsuid, vn->uid))
		bits >>= 6;
	else if (((mode >> 3) ^ mode) & want) {		/* group and others differ in what matters */
		if (cred_in_group(c, vn->gid))
			bits >>= 3;
	}
	if ((want & ~bits) == 0)
		return 0;
	return capable_mask(vn, mode, mask) ? 0 : -EACCES;
}

int
vnode_permission(struct vnode *vn, int mask)
{
	if (mask & MAY_WRITE) {
		u32 mode = vn->mode;

		if ((atomic_load_relaxed(&vn->sb->flags) & MS_RDONLY) && (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
			return -EROFS;
		if (atomic_load_relaxed(&vn->state) & VN_IMMUTABLE)
			return -EPERM;
	}
	if (vn->ops->permission != NULL)
		return vn->ops->permission(vn, mask);
	return vnode_generic_permission(vn, mask);
}

int
dir_may_create(struct vnode *dir)
{
	if (atomic_load_relaxed(&dir->state) & VN_DEAD_DIR)
		return -ENOENT;
	return vnode_permission(dir, MAY_WRITE | MAY_EXEC);
}

static bool
is_sticky_for_us(struct vnode *dir, struct vnode *victim)
{
	const struct cred *c = cred_current();

	if (!(dir->mode & S_ISVTX) || uid_eq(c->fsuid, victim->uid) || uid_eq(c->fsuid, dir->uid))
		return false;
	return !capable(CAP_FOWNER);
}

int
dir_may_delete(struct vnode *dir, struct dentry *d, bool is_dir)
{
	struct vnode *victim = d->vn;
	int err;

	if (victim == NULL)
		return -ENOENT;
	err = vnode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err != 0)
		return err;
	if ((dir->state & VN_APPEND) || is_sticky_for_us(dir, victim) || (victim->state & (VN_APPEND | VN_IMMUTABLE)))
		return -EPERM;
	if (is_dir && !S_ISDIR(victim->mode))
		return -ENOTDIR;
	if (is_dir && d->parent == d)
		return -EBUSY;
	if (!is_dir && S_ISDIR(victim->mode))
		return -EISDIR;
	if (atomic_load_relaxed(&dir->state) & VN_DEAD_DIR)
		return -ENOENT;
	return 0;
}

/* chmod, chown, utimes: as chmod(2), chown(2), utimensat(2) tell. */
static int
may_chown(struct vnode *vn, const struct iattr *a)
{
	const struct cred *c = cred_current();
	bool owner = uid_eq(c->fsuid, vn->uid);

	if ((a->valid & ATTR_UID) && !(owner && uid_eq(a->uid, vn->uid)) && !capable(CAP_CHOWN))
		return -EPERM;
	if ((a->valid & ATTR_GID) && !(owner && (cred_in_group(c, a->gid) || gid_eq(a->gid, vn->gid))) && !capable(CAP_CHOWN))
		return -EPERM;
	return 0;
}

/* vfat's allow_utime=: the file system doesn't know whose a file is. */
static bool
others_may_set_times(const struct vnode *vn)
{
	return vn->sb->allow_utime & (cred_in_group(cred_current(), vn->gid) ? S_IWGRP : S_IWOTH);
}

int
attr_may_change(struct vnode *vn, struct iattr *a)
{
	int err;

	if (a->valid & ATTR_FORCE)
		return 0;
	if ((a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_TIMES_SET)) &&
	    (vn->state & (VN_IMMUTABLE | VN_APPEND)))
		return -EPERM;
	err = may_chown(vn, a);
	if (err != 0)
		return err;
	if (a->valid & ATTR_MODE) {
		kgid_t gid = a->valid & ATTR_GID ? a->gid : vn->gid;

		if (!vnode_owner_or_capable(vn))
			return -EPERM;
		if (!cred_in_group(cred_current(), gid) && !capable(CAP_FSETID))
			a->mode &= ~S_ISGID;
	}
	if ((a->valid & ATTR_TIMES_SET) && !vnode_owner_or_capable(vn) && !others_may_set_times(vn))
		return -EPERM;
	return 0;
}
