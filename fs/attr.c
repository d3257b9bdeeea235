/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of vnodes: what stat reports, what chmod, chown, utimes and truncate change, access times. */
#include "fs/internal.h"
#include "fs/notify.h"
#include "fs/perm.h"

#include "mm/aspace.h"		/* rlimit_current() */
#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/clock.h"
#include "sys/signal.h"
#include "sys/thread.h"

#define DAY_NS		(86400 * NSEC_PER_SEC)

/* --- reading --- */

static void
generic_getattr(struct vnode *vn, struct kstat *st)
{
	spin_lock(&vn->lock);
	st->ino = vn->ino;
	st->mode = vn->mode;
	st->nlink = vn->nlink;
	st->uid = vn->uid;
	st->gid = vn->gid;
	st->size = vnode_size(vn);
	st->blocks = vn->blocks;
	st->blksize = 1u << vn->blkbits;
	st->dev = vn->sb->dev;
	st->rdev = vn->rdev;
	st->atime = vn->atime;
	st->mtime = vn->mtime;
	st->ctime = vn->ctime;
	st->btime = vn->btime;
	spin_unlock(&vn->lock);
	st->result_mask = STATX_BASIC_STATS;
	st->attributes_mask = STATX_ATTR_AUTOMOUNT | STATX_ATTR_DAX;
	st->attributes = 0;
	if (vn->ops->fileattr_get != NULL) {
		u32 state = atomic_load_relaxed(&vn->state);

		st->attributes_mask |= STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
		st->attributes |= state & VN_IMMUTABLE ? STATX_ATTR_IMMUTABLE : 0;
		st->attributes |= state & VN_APPEND ? STATX_ATTR_APPEND : 0;
		st->attributes |= state & VN_NODUMP ? STATX_ATTR_NODUMP : 0;
	}
	st->mnt_id = 0;
}

int
vnode_getattr(struct vnode *vn, struct kstat *st)
{
	generic_getattr(vn, st);
	return vn->ops->getattr != NULL ? vn->ops->getattr(vn, st) : 0;
}

/* --- chattr(1)'s flags --- */

static const struct { u32 flag, state; } attr_flags[] = {
	{ FS_IMMUTABLE_FL, VN_IMMUTABLE }, { FS_APPEND_FL, VN_APPEND }, { FS_NODUMP_FL, VN_NODUMP }, { FS_NOATIME_FL, VN_NOATIME },
	{ FS_SYNC_FL, VN_SYNC }, { FS_DIRSYNC_FL, VN_DIRSYNC },
};

u32
vnode_fileattr(const struct vnode *vn)
{
	u32 state = atomic_load_relaxed(&vn->state), flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attr_flags); i++)
		flags |= state & attr_flags[i].state ? attr_flags[i].flag : 0;
	return flags;
}

void
vnode_set_fileattr(struct vnode *vn, u32 flags)
{
	u32 on = 0, off = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attr_flags); i++) {
		if (flags & attr_flags[i].flag)
			on |= attr_flags[i].state;
		else
			off |= attr_flags[i].state;
	}
	atomic_fetch_and(&vn->state, ~off);
	atomic_fetch_or(&vn->state, on);
}

/* --- times --- */

bool
atime_is_due(const struct mount *m, const struct vnode *vn)
{
	u32 flags = atomic_load_relaxed(&m->flags), sb_flags = atomic_load_relaxed(&vn->sb->flags);
	nsec_t atime = vn->atime, now;

	if ((flags & (MNT_NOATIME | MNT_READONLY)) || (sb_flags & (MS_RDONLY | MS_NOATIME)) ||
	    (atomic_load_relaxed(&vn->state) & VN_NOATIME) || (((flags & MNT_NODIRATIME) || (sb_flags & MS_NODIRATIME)) && S_ISDIR(vn->mode)))
		return false;
	now = clock_realtime_coarse();
	if (flags & MNT_RELATIME)
		return atime <= vn->mtime || atime <= vn->ctime || now - atime >= DAY_NS;
	return atime != now;
}

void
path_touch_atime(const struct path *p)
{
	if (atime_is_due(p->mnt, p->dentry->vn))
		vnode_touch(p->dentry->vn, VT_ATIME);
}

/* --- changing --- */

int
vnode_generic_setattr(struct vnode *vn, const struct iattr *a)
{
	off_t old = vnode_size(vn);

	spin_lock(&vn->lock);
	if (a->valid & ATTR_MODE)
		vn->mode = (vn->mode & S_IFMT) | (a->mode & S_IALLUGO);
	if (a->valid & ATTR_UID)
		vn->uid = a->uid;
	if (a->valid & ATTR_GID)
		vn->gid = a->gid;
	if (a->valid & ATTR_ATIME)
		vn->atime = a->atime;
	if (a->valid & ATTR_MTIME)
		vn->mtime = a->mtime;
	if (a->valid & ATTR_CTIME)
		vn->ctime = a->ctime;
	spin_unlock(&vn->lock);
	if (a->valid & ATTR_SIZE) {
		vnode_set_size(vn, a->size);
		if (a->size < old)
			mapping_truncate(&vn->mapping, a->size, INT64_MAX);
	}
	vnode_dirty(vn);
	return 0;
}

/* Fill in the times that are "now", and what losing set-id bits means for the mode. */
static void
complete(struct vnode *vn, struct iattr *a)
{
	nsec_t now = clock_realtime_coarse();
	u32 gran = vn->sb->time_gran;

	if (gran > 1)
		now -= now % gran;
	a->valid |= ATTR_CTIME;
	a->ctime = now;
	if ((a->valid & ATTR_ATIME) && !(a->valid & ATTR_ATIME_SET))
		a->atime = now;
	if ((a->valid & ATTR_MTIME) && !(a->valid & ATTR_MTIME_SET))
		a->mtime = now;
	if (gran > 1) {
		a->atime -= a->valid & ATTR_ATIME ? a->atime % gran : 0;
		a->mtime -= a->valid & ATTR_MTIME ? a->mtime % gran : 0;
	}
	if ((a->valid & (ATTR_KILL_SUID | ATTR_KILL_SGID)) && !(a->valid & ATTR_MODE))
		a->mode = vn->mode;
	if ((a->valid & ATTR_KILL_SUID) && (vn->mode & S_ISUID)) {
		a->mode &= ~S_ISUID;
		a->valid |= ATTR_MODE;
	}
	if ((a->valid & ATTR_KILL_SGID) && (vn->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) {
		a->mode &= ~S_ISGID;
		a->valid |= ATTR_MODE;
	}
}

/* [l] held. */
static int
setattr_locked(struct dentry *d, struct iattr *a)
{
	struct vnode *vn = d->vn;
	int err = attr_may_change(vn, a);

	rwlock_assert_write_held(&vn->rwlock);
	if (err != 0)
		return err;
	complete(vn, a);
	err = vn->ops->setattr != NULL ? vn->ops->setattr(vn, a) : vnode_generic_setattr(vn, a);
	if (err == 0)
		notify_dentry(d, notify_event_of(a->valid));
	return err;
}

int
vnode_setattr(struct path *p, struct iattr *a)
{
	struct vnode *vn = p->dentry->vn;
	int err = mount_want_write(p->mnt);

	if (err != 0)
		return err;
	rwlock_write_lock(&vn->rwlock);
	err = setattr_locked(p->dentry, a);
	rwlock_write_unlock(&vn->rwlock);
	mount_drop_write(p->mnt);
	return err;
}

/* Set-id bits that a write or truncation by somebody without CAP_FSETID takes away. */
static u32
lost_bits(const struct vnode *vn)
{
	u32 kill = 0;

	if (!S_ISREG(vn->mode))
		return 0;
	if (vn->mode & S_ISUID)
		kill |= ATTR_KILL_SUID;
	if ((vn->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		kill |= ATTR_KILL_SGID;
	return kill != 0 && !capable(CAP_FSETID) ? kill : 0;
}

/* Is a file of that size allowed? Sends SIGXFSZ. */
int
vnode_check_size(struct vnode *vn, off_t size)
{
	if (size <= vnode_size(vn))
		return 0;
	if ((u64)size > rlimit_current(RLIMIT_FSIZE)) {
		(void)!signal_send_thread(thread_current(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	return size > vn->sb->max_size ? -EFBIG : 0;
}

int
vnode_truncate(struct path *p, off_t size, struct file *f, u32 extra)
{
	struct vnode *vn = p->dentry->vn;
	struct iattr a = { .valid = ATTR_SIZE | ATTR_MTIME | extra, .size = size, .file = f };
	int err = mount_want_write(p->mnt);

	if (err != 0)
		return err;
	rwlock_write_lock(&vn->rwlock);
	a.valid |= lost_bits(vn) | ATTR_FORCE;
	err = vnode_check_size(vn, size);
	if (err == 0)
		err = setattr_locked(p->dentry, &a);
	rwlock_write_unlock(&vn->rwlock);
	mount_drop_write(p->mnt);
	return err;
}

int
file_prepare_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vnode *vn = f->vn;
	u64 limit = rlimit_current(RLIMIT_FSIZE), max = (u64)vn->sb->max_size;
	u32 kill;

	rwlock_assert_write_held(&vn->rwlock);
	if (atomic_load_relaxed(&f->flags) & O_APPEND)
		*pos = vnode_size(vn);
	if (S_ISREG(vn->mode) && (u64)*pos >= limit) {
		(void)!signal_send_thread(thread_current(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	if ((u64)*pos >= max)
		return -EFBIG;
	limit = MIN(limit, max) - (u64)*pos;
	if (iobuf_left(buf) > limit)
		iobuf_truncate(buf, limit);
	kill = lost_bits(vn);
	if (kill != 0) {
		struct iattr a = { .valid = kill | ATTR_FORCE };
		int err = setattr_locked(f->dentry, &a);

		if (err != 0)
			return err;
	}
	vnode_touch(vn, VT_MTIME | VT_CTIME);
	return 0;
}
