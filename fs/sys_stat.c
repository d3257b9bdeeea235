/* SPDX-License-Identifier: BSD-2-Clause */
/* stat(2), statx(2), statfs(2), access(2), readlink(2) and their families. */
#include "fs/fdtable.h"
#include "fs/path.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/thread.h"
#include "syscall_protos.h"

/* --- stat --- */

static int
path_getattr(const struct path *p, struct kstat *st)
{
	int err = vnode_getattr(p->dentry->vn, st);

	st->mnt_id = p->mnt->id;
	st->result_mask |= STATX_MNT_ID;
	st->attributes_mask |= STATX_ATTR_MOUNT_ROOT;
	if (p->dentry == p->mnt->root)
		st->attributes |= STATX_ATTR_MOUNT_ROOT;
	return err;
}

static int
getattr_at(int dfd, const char __user *name, int flags, struct kstat *st)
{
	int lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path p;
	int err = user_path_at(dfd, name, lookup, &p);

	if (err != 0)
		return err;
	err = path_getattr(&p, st);
	path_put(&p);
	return err;
}

static int
getattr_fd(int fd, struct kstat *st)
{
	struct fdref r;
	struct path p;
	int err = fd_get_path(fd, &r);

	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	err = path_getattr(&p, st);
	fd_put(&r);
	return err;
}

static int
put_stat(const struct kstat *st, void __user *out)
{
	struct abi_stat s;

	memset(&s, 0, sizeof(s));
	s.st_dev = st->dev;
	s.st_ino = st->ino;
	s.st_nlink = st->nlink;
	s.st_mode = st->mode;
	s.st_uid = st->uid.val;
	s.st_gid = st->gid.val;
	s.st_rdev = st->rdev;
	s.st_size = st->size;
	s.st_blksize = st->blksize;
	s.st_blocks = (s64)st->blocks;
	s.st_atim = timespec_from_ns(st->atime);
	s.st_mtim = timespec_from_ns(st->mtime);
	s.st_ctim = timespec_from_ns(st->ctime);
	return copy_to_user(out, &s, sizeof(s));
}

long
sys_stat(const char __user *path, void __user *statbuf)
{
	struct kstat st;
	int err = getattr_at(AT_FDCWD, path, 0, &st);

	return err != 0 ? err : put_stat(&st, statbuf);
}

long
sys_lstat(const char __user *path, void __user *statbuf)
{
	struct kstat st;
	int err = getattr_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st);

	return err != 0 ? err : put_stat(&st, statbuf);
}

long
sys_fstat(int fd, void __user *statbuf)
{
	struct kstat st;
	int err = getattr_fd(fd, &st);

	return err != 0 ? err : put_stat(&st, statbuf);
}

long
sys_newfstatat(int dfd, const char __user *path, void __user *statbuf, int flags)
{
	struct kstat st;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = getattr_at(dfd, path, flags, &st);
	return err != 0 ? err : put_stat(&st, statbuf);
}

static struct abi_statx_timestamp
statx_time(nsec_t ns)
{
	struct abi_timespec ts = timespec_from_ns(ns);

	return (struct abi_statx_timestamp){ .tv_sec = ts.tv_sec, .tv_nsec = (u32)ts.tv_nsec };
}

static int
put_statx(const struct kstat *st, void __user *out)
{
	struct abi_statx s;

	memset(&s, 0, sizeof(s));
	s.stx_mask = st->result_mask;
	s.stx_blksize = st->blksize;
	s.stx_attributes = st->attributes;
	s.stx_attributes_mask = st->attributes_mask;
	s.stx_nlink = st->nlink;
	s.stx_uid = st->uid.val;
	s.stx_gid = st->gid.val;
	s.stx_mode = (u16)st->mode;
	s.stx_ino = st->ino;
	s.stx_size = (u64)st->size;
	s.stx_blocks = st->blocks;
	s.stx_atime = statx_time(st->atime);
	s.stx_mtime = statx_time(st->mtime);
	s.stx_ctime = statx_time(st->ctime);
	if (st->result_mask & STATX_BTIME)
		s.stx_btime = statx_time(st->btime);
	s.stx_rdev_major = dev_major(st->rdev);
	s.stx_rdev_minor = dev_minor(st->rdev);
	s.stx_dev_major = dev_major(st->dev);
	s.stx_dev_minor = dev_minor(st->dev);
	s.stx_mnt_id = st->mnt_id;
	return copy_to_user(out, &s, sizeof(s));
}

long
sys_statx(int dfd, const char __user *path, int flags, unsigned int mask, void __user *buf)
{
	struct kstat st;
	int err;

	if ((mask & STATX_RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)))
		return -EINVAL;
	err = getattr_at(dfd, path, flags, &st);
	if (!(mask & STATX_BTIME))
		st.result_mask &= ~STATX_BTIME;		/* told to who asks */
	return err != 0 ? err : put_statx(&st, buf);
}

/* --- statfs --- */

static s64
statfs_flags(const struct mount *m)
{
	u32 f = m->flags, sb = m->sb->flags;
	s64 r = ST_VALID;

	r |= (f & MNT_READONLY) || (sb & MS_RDONLY) ? ST_RDONLY : 0;
	r |= f & MNT_NOSUID ? ST_NOSUID : 0;
	r |= f & MNT_NODEV ? ST_NODEV : 0;
	r |= f & MNT_NOEXEC ? ST_NOEXEC : 0;
	r |= f & MNT_NOSYMFOLLOW ? ST_NOSYMFOLLOW : 0;
	r |= f & MNT_NOATIME ? ST_NOATIME : 0;
	r |= f & MNT_NODIRATIME ? ST_NODIRATIME : 0;
	r |= f & MNT_RELATIME ? ST_RELATIME : 0;
	r |= sb & MS_SYNCHRONOUS ? ST_SYNCHRONOUS : 0;
	r |= sb & MS_MANDLOCK ? ST_MANDLOCK : 0;
	return r;
}

static int
put_statfs(const struct path *p, void __user *buf)
{
	struct super_block *sb = p->mnt->sb;
	struct abi_statfs st;
	int err;

	if (sb->ops->statfs == NULL)
		return -ENOSYS;
	memset(&st, 0, sizeof(st));
	st.f_fsid[0] = (s32)sb->dev;
	st.f_fsid[1] = (s32)(sb->dev >> 32);
	err = sb->ops->statfs(sb, &st);
	if (err != 0)
		return err;
	if (st.f_frsize == 0)
		st.f_frsize = st.f_bsize;
	st.f_flags = statfs_flags(p->mnt);
	return copy_to_user(buf, &st, sizeof(st));
}

long
sys_statfs(const char __user *path, void __user *buf)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	if (err != 0)
		return err;
	err = put_statfs(&p, buf);
	path_put(&p);
	return err;
}

long
sys_fstatfs(int fd, void __user *buf)
{
	struct fdref r;
	struct path p;
	int err = fd_get_path(fd, &r);

	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	err = put_statfs(&p, buf);
	fd_put(&r);
	return err;
}

/* --- access --- */

/* The caller's credentials with its real ids, and the capabilities that they would give. */
static struct cred *
real_cred(void)
{
	struct cred *c = cred_copy(cred_current());

	if (c == NULL)
		return NULL;
	c->fsuid = c->uid;
	c->fsgid = c->gid;
	c->cap_effective = c->uid.val == 0 ? c->cap_permitted : 0;
	return c;
}

static int
check_access(const struct path *p, int mode)
{
	struct vnode *vn = p->dentry->vn;
	int err;

	if ((mode & MAY_EXEC) && S_ISREG(vn->mode) && (p->mnt->flags & MNT_NOEXEC))
		return -EACCES;
	err = vnode_permission(vn, mode | MAY_ACCESS);
	if (err == 0 && (mode & MAY_WRITE) && !S_ISCHR(vn->mode) && !S_ISBLK(vn->mode) && !S_ISFIFO(vn->mode) &&
	    !S_ISSOCK(vn->mode) && (p->mnt->flags & MNT_READONLY))
		err = -EROFS;
	return err;
}

static long
access_at(int dfd, const char __user *path, int mode, int flags)
{
	int lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct thread *t = thread_current();
	const struct cred *old = t->cred;
	struct cred *real = NULL;
	struct path p;
	int err;

	if ((mode & ~(R_OK | W_OK | X_OK)) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if (!(flags & AT_EACCESS)) {
		real = real_cred();
		if (real == NULL)
			return -ENOMEM;
		rcu_assign(t->cred, real);	/* for this walk only */
	}
	err = user_path_at(dfd, path, lookup, &p);
	if (err == 0) {
		err = check_access(&p, mode);
		path_put(&p);
	}
	if (real != NULL) {
		rcu_assign(t->cred, old);
		cred_put(real);
	}
	return err;
}

long
sys_access(const char __user *path, int mode)
{
	return access_at(AT_FDCWD, path, mode, 0);
}

long
sys_faccessat(int dfd, const char __user *path, int mode)
{
	return access_at(dfd, path, mode, 0);
}

long
sys_faccessat2(int dfd, const char __user *path, int mode, int flags)
{
	return access_at(dfd, path, mode, flags);
}

/* --- readlink --- */

/* The text of a link that has none: the name of what it leads to. */
static ssize_t
read_magic(struct vnode *vn, void __user *buf, int size)
{
	struct path to, root;
	char *page, *text;
	ssize_t n;
	int err = vn->ops->follow(vn, &to);

	if (err != 0)
		return err;
	n = -ENOMEM;
	page = kmem_alloc(PATH_MAX_K, KM_NORMAL);
	if (page == NULL)
		goto out_put;
	path_current_root(&root);
	text = path_to_string(&to, &root, page, PATH_MAX_K, true);
	path_put(&root);
	if (IS_ERR(text)) {
		n = PTR_ERR(text);
	} else {
		n = MIN((ssize_t)strlen(text), (ssize_t)size);
		if (copy_to_user(buf, text, (size_t)n) != 0)
			n = -EFAULT;
	}
	kmem_free(page);
out_put:
	path_put(&to);
	return n;
}

static ssize_t
read_link(const struct path *p, void __user *buf, int size)
{
	struct vnode *vn = p->dentry->vn;
	const char *text = vn->link;
	void (*text_free)(const char *) = NULL;
	ssize_t n;
	int err;

	if (!S_ISLNK(vn->mode))
		return -EINVAL;
	path_touch_atime(p);
	if (text == NULL && vn->ops->get_link == NULL)
		return vn->ops->follow != NULL ? read_magic(vn, buf, size) : -EINVAL;
	if (text == NULL) {
		err = vn->ops->get_link(vn, &text, &text_free);
		if (err != 0)
			return err;
	}
	n = MIN((ssize_t)strlen(text), (ssize_t)size);
	if (copy_to_user(buf, text, (size_t)n) != 0)
		n = -EFAULT;
	if (text_free != NULL)
		text_free(text);
	return n;
}

long
sys_readlinkat(int dfd, const char __user *path, void __user *buf, int bufsize)
{
	struct path_name name;
	struct path p;
	ssize_t n;
	bool empty;

	if (bufsize <= 0)
		return -EINVAL;
	n = path_name_from_user(&name, path, LOOKUP_EMPTY);
	if (n != 0)
		return n;
	empty = name.s[0] == '\0';
	n = path_lookup_at(dfd, name.s, LOOKUP_EMPTY, &p);
	path_name_free(&name);
	if (n != 0)
		return n;
	if (empty && !S_ISLNK(p.dentry->vn->mode))
		n = -ENOENT;
	else
		n = read_link(&p, buf, bufsize);
	path_put(&p);
	return n;
}

long
sys_readlink(const char __user *path, void __user *buf, int bufsize)
{
	return sys_readlinkat(AT_FDCWD, path, buf, bufsize);
}
