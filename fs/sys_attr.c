/* SPDX-License-Identifier: BSD-2-Clause */
/* chmod(2), chown(2), umask(2), utimensat(2) and their families. */
#include "fs/internal.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "syscall_protos.h"

/* --- mode and owner --- */

static int
change_mode(struct path *p, mode_t mode)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = mode & S_IALLUGO };

	return vnode_setattr(p, &a);
}

static int
change_owner(struct path *p, uid_t uid, gid_t gid)
{
	struct iattr a = { .valid = 0, .uid = { uid }, .gid = { gid } };

	if (uid != (uid_t)-1)
		a.valid |= ATTR_UID;
	if (gid != (gid_t)-1)
		a.valid |= ATTR_GID;
	if (!S_ISDIR(p->dentry->vn->mode))
		a.valid |= ATTR_KILL_SUID | ATTR_KILL_SGID;
	return vnode_setattr(p, &a);
}

long
sys_fchmodat(int dfd, const char __user *path, mode_t mode)
{
	struct path p;
	int err = user_path_at(dfd, path, LOOKUP_FOLLOW, &p);

	if (err != 0)
		return err;
	err = change_mode(&p, mode);
	path_put(&p);
	return err;
}

long
sys_chmod(const char __user *path, mode_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long
sys_fchmod(int fd, mode_t mode)
{
	struct fdref r;
	struct path p;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	err = change_mode(&p, mode);
	fd_put(&r);
	return err;
}

long
sys_fchownat(int dfd, const char __user *path, uid_t owner, gid_t group, int flags)
{
	struct path p;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_at(dfd, path, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &p);
	if (err != 0)
		return err;
	err = change_owner(&p, owner, group);
	path_put(&p);
	return err;
}

long
sys_chown(const char __user *path, uid_t owner, gid_t group)
{
	return sys_fchownat(AT_FDCWD, path, owner, group, 0);
}

long
sys_lchown(const char __user *path, uid_t owner, gid_t group)
{
	return sys_fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW);
}

long
sys_fchown(int fd, uid_t owner, gid_t group)
{
	struct fdref r;
	struct path p;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	err = change_owner(&p, owner, group);
	fd_put(&r);
	return err;
}

long
sys_umask(mode_t mask)
{
	return (long)atomic_xchg(&fsctx_current()->umask, (u32)mask & S_IRWXUGO);
}

/* --- times --- */

/* t NULL: both are now. */
static int
touch(struct path *p, const struct abi_timespec t[2])
{
	struct vnode *vn = p->dentry->vn;
	struct iattr a = { .valid = ATTR_ATIME | ATTR_MTIME };

	if (t != NULL && !(t[0].tv_nsec == UTIME_NOW && t[1].tv_nsec == UTIME_NOW)) {
		a.valid |= ATTR_TIMES_SET;
		if (t[0].tv_nsec == UTIME_OMIT)
			a.valid &= ~(u32)ATTR_ATIME;
		else if (t[0].tv_nsec != UTIME_NOW)
			a.valid |= ATTR_ATIME_SET;
		if (t[1].tv_nsec == UTIME_OMIT)
			a.valid &= ~(u32)ATTR_MTIME;
		else if (t[1].tv_nsec != UTIME_NOW)
			a.valid |= ATTR_MTIME_SET;
		a.atime = timespec_to_ns(&t[0]);
		a.mtime = timespec_to_ns(&t[1]);
	} else {
		/* Whoever may write the file may say that it was used now. */
		if (vn->state & VN_IMMUTABLE)
			return -EPERM;
		if (!vnode_owner_or_capable(vn)) {
			int err = vnode_permission(vn, MAY_WRITE);

			if (err != 0)
				return err;
		}
	}
	return vnode_setattr(p, &a);
}

static bool
is_valid(const struct abi_timespec *t)
{
	return t->tv_nsec == UTIME_NOW || t->tv_nsec == UTIME_OMIT || (u64)t->tv_nsec < (u64)NSEC_PER_SEC;
}

static int
touch_fd(int fd, const struct abi_timespec *t)
{
	struct fdref r;
	struct path p;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	err = touch(&p, t);
	fd_put(&r);
	return err;
}

static int
touch_at(int dfd, const char __user *path, const struct abi_timespec *t, int flags)
{
	struct path p;
	int err;

	if (t != NULL && (!is_valid(&t[0]) || !is_valid(&t[1])))
		return -EINVAL;
	if (path == NULL && dfd != AT_FDCWD)
		return flags != 0 ? -EINVAL : touch_fd(dfd, t);
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_at(dfd, path, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &p);
	if (err != 0)
		return err;
	err = touch(&p, t);
	path_put(&p);
	return err;
}

long
sys_utimensat(int dfd, const char __user *path, const void __user *times, int flags)
{
	struct abi_timespec t[2];

	if (times != NULL) {
		if (copy_from_user(t, times, sizeof(t)) != 0)
			return -EFAULT;
		if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
			return 0;
	}
	return touch_at(dfd, path, times != NULL ? t : NULL, flags);
}

long
sys_futimesat(int dfd, const char __user *path, const void __user *times)
{
	struct abi_timeval tv[2];
	struct abi_timespec t[2];

	if (times == NULL)
		return touch_at(dfd, path, NULL, 0);
	if (copy_from_user(tv, times, sizeof(tv)) != 0)
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if ((u64)tv[i].tv_usec >= 1000000)
			return -EINVAL;
		t[i].tv_sec = tv[i].tv_sec;
		t[i].tv_nsec = tv[i].tv_usec * NSEC_PER_USEC;
	}
	return touch_at(dfd, path, t, 0);
}

long
sys_utimes(const char __user *path, const void __user *times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

long
sys_utime(const char __user *path, const void __user *times)
{
	struct abi_timespec t[2] = { { 0, 0 }, { 0, 0 } };
	s64 sec[2];

	if (times == NULL)
		return touch_at(AT_FDCWD, path, NULL, 0);
	if (copy_from_user(sec, times, sizeof(sec)) != 0)
		return -EFAULT;
	t[0].tv_sec = sec[0];
	t[1].tv_sec = sec[1];
	return touch_at(AT_FDCWD, path, t, 0);
}
