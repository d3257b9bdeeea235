/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories and names: mkdir, rmdir, link, unlink, rename, mknod, symlink; chdir, chroot, getcwd; getdents. */
#include "fs/internal.h"
#include "fs/notify.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/thread.h"
#include "syscall_protos.h"

/* --- making and removing names --- */

long
sys_mkdirat(int dfd, const char __user *path, mode_t mode)
{
	struct path_name n;
	int err = path_name_from_user(&n, path, 0);

	if (err != 0)
		return err;
	err = path_mkdir(dfd, n.s, mode);
	path_name_free(&n);
	return err;
}

long
sys_mkdir(const char __user *path, mode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

/* The 32-bit device number of mknod(2) has the layout of makedev()'s low half. */
long
sys_mknodat(int dfd, const char __user *path, mode_t mode, unsigned int dev)
{
	struct path_name n;
	int err = path_name_from_user(&n, path, 0);

	if (err != 0)
		return err;
	err = path_mknod(dfd, n.s, mode, dev);
	path_name_free(&n);
	return err;
}

long
sys_mknod(const char __user *path, mode_t mode, unsigned int dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long
sys_symlinkat(const char __user *target, int dfd, const char __user *linkpath)
{
	struct path_name t, n;
	int err = path_name_from_user(&t, target, 0);

	if (err != 0)
		return err;
	err = path_name_from_user(&n, linkpath, 0);
	if (err == 0) {
		err = path_symlink(t.s, dfd, n.s);
		path_name_free(&n);
	}
	path_name_free(&t);
	return err;
}

long
sys_symlink(const char __user *target, const char __user *linkpath)
{
	return sys_symlinkat(target, AT_FDCWD, linkpath);
}

long
sys_linkat(int odfd, const char __user *oldpath, int ndfd, const char __user *newpath, int flags)
{
	struct path_name n;
	struct path old;
	int err, lookup = 0;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_SYMLINK_FOLLOW)
		lookup |= LOOKUP_FOLLOW;
	if (flags & AT_EMPTY_PATH) {
		if (!capable(CAP_DAC_READ_SEARCH))
			return -ENOENT;
		lookup |= LOOKUP_EMPTY;
	}
	err = user_path_at(odfd, oldpath, lookup, &old);
	if (err != 0)
		return err;
	err = path_name_from_user(&n, newpath, 0);
	if (err == 0) {
		err = path_link(&old, ndfd, n.s);
		path_name_free(&n);
	}
	path_put(&old);
	return err;
}

long
sys_link(const char __user *oldpath, const char __user *newpath)
{
	return sys_linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

long
sys_unlinkat(int dfd, const char __user *path, int flags)
{
	struct path_name n;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = path_name_from_user(&n, path, 0);
	if (err != 0)
		return err;
	err = flags & AT_REMOVEDIR ? path_rmdir(dfd, n.s) : path_unlink(dfd, n.s);
	path_name_free(&n);
	return err;
}

long
sys_unlink(const char __user *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long
sys_rmdir(const char __user *path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

long
sys_renameat2(int odfd, const char __user *oldpath, int ndfd, const char __user *newpath, unsigned int flags)
{
	struct path_name o, n;
	int err;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	err = path_name_from_user(&o, oldpath, 0);
	if (err != 0)
		return err;
	err = path_name_from_user(&n, newpath, 0);
	if (err == 0) {
		err = path_rename(odfd, o.s, ndfd, n.s, flags);
		path_name_free(&n);
	}
	path_name_free(&o);
	return err;
}

long
sys_renameat(int odfd, const char __user *oldpath, int ndfd, const char __user *newpath)
{
	return sys_renameat2(odfd, oldpath, ndfd, newpath, 0);
}

long
sys_rename(const char __user *oldpath, const char __user *newpath)
{
	return sys_renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/* --- where the process stands --- */

static int
enter(struct path *p)
{
	int err = vnode_permission(p->dentry->vn, MAY_EXEC);

	if (err == 0)
		fsctx_set_cwd(p);
	return err;
}

long
sys_chdir(const char __user *path)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err != 0)
		return err;
	err = enter(&p);
	path_put(&p);
	return err;
}

long
sys_fchdir(int fd)
{
	struct fdref r;
	struct path p;
	int err = fd_get_path(fd, &r);

	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	err = S_ISDIR(p.dentry->vn->mode) ? enter(&p) : -ENOTDIR;
	fd_put(&r);
	return err;
}

long
sys_chroot(const char __user *path)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err != 0)
		return err;
	err = vnode_permission(p.dentry->vn, MAY_EXEC);
	if (err == 0 && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err == 0)
		fsctx_set_root(&p);
	path_put(&p);
	return err;
}

long
sys_getcwd(void __user *buf, unsigned long size)
{
	struct path cwd, root;
	char *page = kmem_alloc(PATH_MAX_K, KM_NORMAL), *text;
	ssize_t n;

	if (page == NULL)
		return -ENOMEM;
	path_current_cwd(&cwd);
	path_current_root(&root);
	n = -ENOENT;
	if ((cwd.dentry->flags & DENTRY_UNHASHED) && cwd.dentry->parent != cwd.dentry)
		goto out_put;
	text = path_to_string(&cwd, &root, page, PATH_MAX_K, false);
	n = PTR_ERR(text);
	if (IS_ERR(text))
		goto out_put;
	n = (ssize_t)strlen(text) + 1;
	if ((unsigned long)n > size)
		n = -ERANGE;
	else if (copy_to_user(buf, text, (size_t)n) != 0)
		n = -EFAULT;
out_put:
	path_put(&root);
	path_put(&cwd);
	kmem_free(page);
	return n;
}

/* --- reading directories --- */

struct getdents {
	struct dir_context ctx;		/* first: emit gets its address */
	u8 __user *buf, *prev;		/* where the next entry goes; the one before, whose d_off is not known yet */
	size_t left;
	bool old;			/* getdents(2)'s layout: the type stands at the end */
	int err;
};

/* Both layouts begin d_ino (8 bytes), d_off (8), d_reclen (2). */
#define OFF_AT		8
#define RECLEN_AT	16
#define TYPE_AT		18
#define NAME_AT(old)	((old) ? 18 : 19)

static int
emit_entry(struct dir_context *ctx, const char *name, size_t len, u64 ino, u8 dtype)
{
	struct getdents *g = container_of(ctx, struct getdents, ctx);
	size_t name_at = NAME_AT(g->old), reclen = ALIGN_UP(name_at + len + 1 + (g->old ? 1 : 0), 8UL);
	u8 rec[24 + NAME_LONGEST_K + 16];

	if (len == 0 || len > NAME_LONGEST_K || memchr(name, '/', len) != NULL) {	/* a damaged disk: that would lead elsewhere */
		g->err = -EIO;
		return 1;
	}
	g->err = -EINVAL;			/* unless an entry is there already */
	if (reclen > g->left)
		return 1;
	if (g->prev != NULL && thread_signal_pending(thread_current())) {
		g->err = -EINTR;
		return 1;
	}
	memset(rec, 0, reclen);
	memcpy(rec, &ino, 8);
	memcpy(rec + RECLEN_AT, &(u16){ (u16)reclen }, 2);
	if (g->old)
		rec[reclen - 1] = dtype;
	else
		rec[TYPE_AT] = dtype;
	memcpy(rec + name_at, name, len);
	g->err = -EFAULT;
	if (g->prev != NULL && copy_to_user(g->prev + OFF_AT, &ctx->pos, 8) != 0)
		return 1;
	if (copy_to_user(g->buf, rec, reclen) != 0)
		return 1;
	g->err = 0;
	g->prev = g->buf;
	g->buf += reclen;
	g->left -= reclen;
	return 0;
}

static int
iterate(struct file *f, struct dir_context *ctx)
{
	struct vnode *dir = f->vn;
	struct path p = { f->mnt, f->dentry };
	int err;

	if (f->ops->iterate == NULL)
		return -ENOTDIR;
	mutex_lock(&f->pos_lock);
	err = rwlock_read_lock_killable(&dir->rwlock);
	if (err != 0)
		goto out_unlock;
	err = -ENOENT;
	if (!(atomic_load_relaxed(&dir->state) & VN_DEAD_DIR)) {
		ctx->pos = f->pos;
		err = f->ops->iterate(f, ctx);
		f->pos = ctx->pos;
		notify_file(f, IN_ACCESS);
	}
	rwlock_read_unlock(&dir->rwlock);
	if (err == 0)
		path_touch_atime(&p);
out_unlock:
	mutex_unlock(&f->pos_lock);
	return err;
}

static long
getdents(int fd, void __user *dirp, unsigned int count, bool old)
{
	struct getdents g = { .ctx.emit = emit_entry, .buf = dirp, .left = count, .old = old };
	struct fdref r;
	long n = fd_get(fd, &r);

	if (n != 0)
		return n;
	n = iterate(r.file, &g.ctx);
	if (n == 0)
		n = g.err;
	if (g.prev != NULL) {
		s64 pos = g.ctx.pos;

		n = count - g.left;
		if (copy_to_user(g.prev + OFF_AT, &pos, 8) != 0)
			n = -EFAULT;
	}
	fd_put(&r);
	return n;
}

long
sys_getdents64(int fd, void __user *dirp, unsigned int count)
{
	return getdents(fd, dirp, count, false);
}

long
sys_getdents(int fd, void __user *dirp, unsigned int count)
{
	return getdents(fd, dirp, count, true);
}
