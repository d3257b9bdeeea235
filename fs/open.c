/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening: flags, permission, the vnode's own open; open(2), openat2(2) and exec's way in. */
#include "fs/internal.h"
#include "fs/notify.h"

#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

/* --- writers against execution --- */

int
vnode_get_write(struct vnode *vn)
{
	int err = 0;

	spin_lock(&vn->lock);
	if (vn->deny_write > 0)
		err = -ETXTBSY;
	else
		vn->writers++;
	spin_unlock(&vn->lock);
	return err;
}

void
vnode_put_write(struct vnode *vn)
{
	spin_lock(&vn->lock);
	vn->writers--;
	spin_unlock(&vn->lock);
}

int
vnode_deny_write(struct vnode *vn)
{
	int err = 0;

	spin_lock(&vn->lock);
	if (vn->writers > 0)
		err = -ETXTBSY;
	else
		vn->deny_write++;
	spin_unlock(&vn->lock);
	return err;
}

void
vnode_allow_write(struct vnode *vn)
{
	spin_lock(&vn->lock);
	vn->deny_write--;
	spin_unlock(&vn->lock);
}

void
file_allow_write(struct file *f)
{
	if (f->mode & FMODE_EXEC_HELD) {
		f->mode &= ~(u32)FMODE_EXEC_HELD;
		vnode_allow_write(f->vn);
	}
}

/* --- may it be opened? --- */

static int
access_mask(int flags)
{
	static const u8 by_mode[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };
	int mask = by_mode[flags & O_ACCMODE];

	if (flags & O_TRUNC)
		mask |= MAY_WRITE;
	if (flags & O_APPEND)
		mask |= MAY_APPEND;
	return mask;
}

static int
may_open(const struct path *p, int mask, int flags)
{
	struct vnode *vn = p->dentry->vn;
	int err;

	switch (vn->mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (mask & MAY_WRITE)
			return -EISDIR;
		if (mask & MAY_EXEC)
			return -EACCES;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if (p->mnt->flags & MNT_NODEV)
			return -EACCES;
		/* fall through */
	case S_IFIFO:
	case S_IFSOCK:
		if (mask & MAY_EXEC)
			return -EACCES;
		break;
	case S_IFREG:
		if ((mask & MAY_EXEC) && (p->mnt->flags & MNT_NOEXEC))
			return -EACCES;
		break;
	}
	if ((mask & MAY_WRITE) && (S_ISREG(vn->mode) || S_ISDIR(vn->mode)) && (p->mnt->flags & MNT_READONLY))
		return -EROFS;
	err = vnode_permission(vn, mask & (MAY_READ | MAY_WRITE | MAY_EXEC | MAY_APPEND));
	if (err != 0)
		return err;
	if (vn->state & VN_APPEND) {
		if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_APPEND))
			return -EPERM;
		if (flags & O_TRUNC)
			return -EPERM;
	}
	if ((flags & O_NOATIME) && !vnode_owner_or_capable(vn))
		return -EPERM;
	return 0;
}

/* --- open files of a path --- */

static int
open_for_write(struct file *f)
{
	int err = vnode_get_write(f->vn);

	if (err != 0)
		return err;
	err = mount_want_write(f->mnt);
	if (err != 0) {
		vnode_put_write(f->vn);
		return err;
	}
	f->mode |= FMODE_WRITE_HELD;
	return 0;
}

int
file_check_flags(struct file *f, int flags)
{
	if (f->ops->set_flags != NULL)
		return f->ops->set_flags(f, flags);
	if (!(flags & O_DIRECT) || S_ISFIFO(f->vn->mode))
		return 0;
	return S_ISREG(f->vn->mode) && f->vn->sb->blockmap != NULL ? 0 : -EINVAL;
}

/* Without checks of permission. */
static int
open_path(const struct path *p, int flags, struct file **out)
{
	struct file *f;
	int err = file_alloc(p, flags & ~(O_CREAT | O_NOCTTY | O_TRUNC | O_CLOEXEC), &f);

	if (err != 0)
		return err;
	if (flags & O_PATH) {
		f->mode = FMODE_PATH;
		f->flags &= ~(u32)O_EXCL;
		*out = f;
		return 0;
	}
	f->mode = (u32)((flags + 1) & O_ACCMODE) | FMODE_SEEK | FMODE_PREAD | FMODE_PWRITE;
	err = -ENXIO;
	if (S_ISSOCK(f->vn->mode) || f->ops == NULL)
		goto out_put;
	if ((f->mode & FMODE_WRITE) && (S_ISREG(f->vn->mode) || S_ISDIR(f->vn->mode))) {
		err = open_for_write(f);
		if (err != 0)
			goto out_put;
	}
	if (f->ops->open != NULL) {
		err = f->ops->open(f->vn, f);
		if (err != 0)
			goto out_put;
	}
	err = -EINVAL;
	f->mode |= FMODE_OPENED;
	f->flags &= ~(u32)O_EXCL;	/* only the open itself cares */
	if ((flags & O_DIRECT) && file_check_flags(f, flags) != 0)
		goto out_put;
	*out = f;
	return 0;
out_put:
	file_put(f);
	return err;
}

int
file_open_path(const struct path *p, int flags, struct file **out)
{
	int err;

	if (!(flags & O_PATH)) {
		err = may_open(p, access_mask(flags), flags);
		if (err != 0)
			return err;
	}
	return open_path(p, flags, out);
}

/* fs/internal.h: no permission is asked for. */
int
file_open_made(const struct path *p, int flags, struct file **out)
{
	return open_path(p, flags, out);
}

static int
open_existing(struct path *p, int flags, struct file **out)
{
	struct vnode *vn = p->dentry->vn;
	int err;

	if ((flags & O_CREAT) && S_ISDIR(vn->mode))
		return -EISDIR;
	if ((flags & O_DIRECTORY) && !S_ISDIR(vn->mode))
		return -ENOTDIR;
	err = file_open_path(p, flags, out);
	if (err == 0 && (flags & O_TRUNC) && !(flags & O_PATH) && S_ISREG(vn->mode)) {
		err = vnode_truncate(p, 0, *out, ATTR_CTIME | ATTR_OPEN);
		if (err != 0)
			file_put(*out);
	}
	return err;
}

static int
open_tmpfile(int dfd, const char *name, int flags, u32 mode, int lookup_flags, struct file **out)
{
	struct vnode *dir;
	struct path p, made;
	struct dentry *d;
	struct file *f;
	int err = path_lookup_at(dfd, name, lookup_flags | LOOKUP_DIRECTORY, &p);

	if (err != 0)
		return err;
	dir = p.dentry->vn;
	err = mount_want_write(p.mnt);
	if (err != 0)
		goto out_path;
	err = vnode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err != 0)
		goto out_drop;
	err = -EOPNOTSUPP;
	if (dir->ops->tmpfile == NULL)
		goto out_drop;
	d = dentry_alloc(p.dentry, "#tmpfile", 8);
	err = -ENOMEM;
	if (d == NULL)
		goto out_drop;
	mode = (mode & S_IALLUGO & ~atomic_load_relaxed(&fsctx_current()->umask)) | S_IFREG;
	rwlock_write_lock(&dir->rwlock);
	err = dir->ops->tmpfile(dir, d, mode);
	rwlock_write_unlock(&dir->rwlock);
	if (err == 0) {
		if (!(flags & O_EXCL))
			atomic_fetch_or(&d->vn->state, (u32)VN_LINKABLE);
		made.mnt = p.mnt;
		made.dentry = d;
		err = open_path(&made, flags & ~(O_TMPFILE_BIT | O_DIRECTORY), &f);
		if (err == 0) {
			f->flags |= O_TMPFILE;
			*out = f;
		}
	}
	dentry_put(d);
out_drop:
	mount_drop_write(p.mnt);
out_path:
	path_put(&p);
	return err;
}

#define VALID_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | \
			 O_LARGEFILE | O_TMPFILE | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH)

/* open(2) ignores bits that it does not know, and what does not go with O_PATH. */
static int
clean_flags(int flags)
{
	flags &= VALID_FLAGS;
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	return flags;
}

int
file_open_at(int dfd, const char *name, int flags, u32 mode, int lookup_flags, struct file **out)
{
	struct path p;
	bool created;
	int err;

	flags = clean_flags(flags);
	if (flags & O_TMPFILE_BIT) {
		if ((flags & O_TMPFILE) != O_TMPFILE || (flags & O_CREAT) || (flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
	} else if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return -EINVAL;
	}
	if (!(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL)))
		lookup_flags |= LOOKUP_FOLLOW;
	if (flags & O_TMPFILE_BIT)
		return open_tmpfile(dfd, name, flags, mode, lookup_flags, out);
	if (flags & O_DIRECTORY)
		lookup_flags |= LOOKUP_DIRECTORY;
	err = open_lookup(dfd, name, flags, mode, lookup_flags, &p, &created);
	if (err != 0)
		return err;
	if (created) {
		/* Whoever made it may open it, whatever its mode. */
		err = open_path(&p, flags & ~O_TRUNC, out);
		if (err == 0)
			(*out)->mode |= FMODE_CREATED;
	} else {
		err = open_existing(&p, flags, out);
	}
	path_put(&p);
	return err;
}

int
file_open(const char *name, int flags, u32 mode, struct file **out)
{
	return file_open_at(AT_FDCWD, name, flags, mode, 0, out);
}

int
file_open_exec(int dfd, const char *name, int lookup_flags, struct file **out)
{
	struct path p;
	int err = path_lookup_at(dfd, name, lookup_flags, &p);

	if (err != 0)
		return err;
	if (S_ISLNK(p.dentry->vn->mode))
		err = -ELOOP;
	else if (!S_ISREG(p.dentry->vn->mode))
		err = -EACCES;
	else
		err = may_open(&p, MAY_EXEC, O_RDONLY);
	if (err == 0)
		err = open_path(&p, O_RDONLY, out);
	if (err == 0) {
		err = vnode_deny_write((*out)->vn);
		if (err == 0)
			(*out)->mode |= FMODE_EXEC | FMODE_EXEC_HELD;
		if (err == 0)
			notify_file(*out, IN_OPEN);
		else
			file_put(*out);
	}
	path_put(&p);
	return err;
}
