/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on descriptors: dup, fcntl, ioctl, flock; sizes and space; sync. */
#include "fs/fcntl.h"
#include "fs/flock.h"
#include "fs/internal.h"
#include "fs/notify.h"

#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "syscall_protos.h"

/* --- descriptors --- */

long
sys_dup(int fd)
{
	struct file *f = fd_get_file(fd);
	int new;

	if (f == NULL)
		return -EBADF;
	new = fd_install_new(f, 0, false);
	if (new < 0)
		file_put(f);
	return new;
}

long
sys_dup2(int oldfd, int newfd)
{
	if (oldfd == newfd)
		return fd_get_cloexec(oldfd) < 0 ? -EBADF : newfd;
	return fd_dup_to(oldfd, newfd, false);
}

long
sys_dup3(int oldfd, int newfd, int flags)
{
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	return fd_dup_to(oldfd, newfd, flags & O_CLOEXEC);
}

long
sys_fcntl(int fd, int cmd, unsigned long arg)
{
	struct fdref r;
	long n = fd_get_path(fd, &r);

	if (n != 0)
		return n;
	n = file_fcntl(r.file, fd, cmd, arg);
	fd_put(&r);
	return n;
}

long
sys_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	struct fdref r;
	long n = fd_get(fd, &r);

	if (n != 0)
		return n;
	n = file_ioctl(r.file, fd, cmd, arg);
	fd_put(&r);
	return n;
}

long
sys_flock(int fd, int op)
{
	int type = op & ~LOCK_NB;
	struct fdref r;
	long err;

	if (type != LOCK_SH && type != LOCK_EX && type != LOCK_UN)
		return -EINVAL;
	err = fd_get(fd, &r);
	if (err != 0)
		return err;
	err = flock_whole(r.file, type, !(op & LOCK_NB));
	fd_put(&r);
	return err;
}

/* --- sizes --- */

static int
may_truncate(const struct path *p)
{
	struct vnode *vn = p->dentry->vn;

	if (S_ISDIR(vn->mode))
		return -EISDIR;
	if (!S_ISREG(vn->mode))
		return -EINVAL;
	return 0;
}

long
sys_truncate(const char __user *path, off_t length)
{
	struct path p;
	int err;

	if (length < 0)
		return -EINVAL;
	err = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err != 0)
		return err;
	err = may_truncate(&p);
	if (err == 0)
		err = vnode_permission(p.dentry->vn, MAY_WRITE);
	if (err == 0 && (p.dentry->vn->state & VN_APPEND))
		err = -EPERM;
	if (err == 0)
		err = vnode_get_write(p.dentry->vn);
	if (err == 0) {
		err = vnode_truncate(&p, length, NULL, 0);
		vnode_put_write(p.dentry->vn);
	}
	path_put(&p);
	return err;
}

long
sys_ftruncate(int fd, off_t length)
{
	struct fdref r;
	struct path p;
	int err;

	if (length < 0)
		return -EINVAL;
	err = fd_get(fd, &r);
	if (err != 0)
		return err;
	p.mnt = r.file->mnt;
	p.dentry = r.file->dentry;
	if (!S_ISREG(r.file->vn->mode) || !(r.file->mode & FMODE_WRITE))
		err = -EINVAL;
	else if (r.file->vn->state & VN_APPEND)
		err = -EPERM;
	else
		err = vnode_truncate(&p, length, r.file, ATTR_CTIME);
	fd_put(&r);
	return err;
}

static int
check_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
		FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~known)
		return -EOPNOTSUPP;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_COLLAPSE_RANGE) && (mode & ~FALLOC_FL_COLLAPSE_RANGE))
		return -EINVAL;
	if ((mode & FALLOC_FL_INSERT_RANGE) && (mode & ~FALLOC_FL_INSERT_RANGE))
		return -EINVAL;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if ((mode & ~FALLOC_FL_KEEP_SIZE) && (f->vn->state & VN_APPEND))
		return -EPERM;
	if (f->vn->state & VN_IMMUTABLE)
		return -EPERM;
	if (S_ISFIFO(f->vn->mode))
		return -ESPIPE;
	if (S_ISDIR(f->vn->mode))
		return -EISDIR;
	if (!S_ISREG(f->vn->mode) && !S_ISBLK(f->vn->mode))
		return -ENODEV;
	if (len > INT64_MAX - off || off + len > f->vn->sb->max_size)
		return -EFBIG;
	return f->ops->fallocate != NULL ? 0 : -EOPNOTSUPP;
}

long
sys_fallocate(int fd, int mode, off_t offset, off_t len)
{
	struct fdref r;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	err = check_fallocate(r.file, mode, offset, len);
	if (err == 0 && !(mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)))
		err = vnode_check_size(r.file->vn, offset + len);
	if (err == 0)
		err = r.file->ops->fallocate(r.file, mode, offset, len);
	if (err == 0)
		notify_file(r.file, IN_MODIFY);
	fd_put(&r);
	return err;
}

/* --- sync --- */

static long
sync_fd(int fd, bool datasync)
{
	struct fdref r;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	err = r.file->ops->fsync != NULL ? r.file->ops->fsync(r.file, 0, INT64_MAX, datasync) : -EINVAL;
	fd_put(&r);
	return err;
}

long
sys_fsync(int fd)
{
	return sync_fd(fd, false);
}

long
sys_fdatasync(int fd)
{
	return sync_fd(fd, true);
}

static void
sync_one(struct super_block *sb, void *arg)
{
	(void)!super_sync(sb, arg != NULL);
}

long
sys_sync(void)
{
	super_for_each(sync_one, NULL);
	(void)!writeback_sync_all();
	super_for_each(sync_one, &mount_mutex);		/* not NULL: wait */
	return 0;
}

long
sys_syncfs(int fd)
{
	struct fdref r;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	err = super_sync(r.file->vn->sb, true);
	fd_put(&r);
	return err;
}

/* Data only, and only as far as the flags say. */
static int
sync_range(struct file *f, off_t start, off_t end, unsigned int flags)
{
	struct writeback_control wbc = { .start = (u64)start >> PAGE_SHIFT, .last = (u64)end >> PAGE_SHIFT, .nr_to_write = -1 };
	int err = 0;

	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE)
		mapping_wait_writeback(f->mapping, wbc.start, wbc.last);
	wbc.sync = (flags & SYNC_FILE_RANGE_WAIT_BEFORE) && (flags & SYNC_FILE_RANGE_WAIT_AFTER);
	if (flags & SYNC_FILE_RANGE_WRITE)
		err = mapping_flush(f->mapping, &wbc);
	if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
		mapping_wait_writeback(f->mapping, wbc.start, wbc.last);
	return err != 0 || !(flags & (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER)) ? err :
		mapping_check_error(f->mapping, &f->wb_err);
}

long
sys_sync_file_range(int fd, off_t offset, off_t nbytes, unsigned int flags)
{
	struct fdref r;
	struct file *f;
	int err;

	if ((flags & ~(unsigned)(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)) || offset < 0 ||
	    nbytes < 0 || nbytes > INT64_MAX - offset)
		return -EINVAL;
	err = fd_get(fd, &r);
	if (err != 0)
		return err;
	f = r.file;
	if (!S_ISREG(f->vn->mode) && !S_ISBLK(f->vn->mode) && !S_ISDIR(f->vn->mode))
		err = -ESPIPE;
	else if (f->mapping != NULL && !(f->mapping->flags & MAPPING_MEMORY))
		err = sync_range(f, offset, nbytes == 0 ? INT64_MAX : offset + nbytes - 1, flags);
	fd_put(&r);
	return err;
}

/* --- hints --- */

/* Pages of [off, off + len); len 0: to the end. */
static void
hint_range(off_t off, off_t len, u64 *first, u64 *last)
{
	off_t end = len == 0 || __builtin_add_overflow(off, len, &end) ? INT64_MAX : end;

	*first = (u64)off >> PAGE_SHIFT;
	*last = (u64)(end - 1) >> PAGE_SHIFT;
}

/* Start writing what is dirty, then drop what is clean: whole pages only. */
static void
dont_need(struct mapping *m, off_t off, off_t len)
{
	off_t end = len == 0 || __builtin_add_overflow(off, len, &end) ? INT64_MAX : end;
	struct writeback_control wbc = { .start = (u64)off >> PAGE_SHIFT, .last = (u64)(end - 1) >> PAGE_SHIFT, .nr_to_write = -1 };
	u64 first = DIV_ROUND_UP((u64)off, PAGE_SIZE), limit = (u64)end >> PAGE_SHIFT;

	(void)!mapping_flush(m, &wbc);
	if (end == INT64_MAX)
		limit = UINT64_MAX >> PAGE_SHIFT;
	if (first < limit)
		(void)!mapping_invalidate(m, first, limit - 1, false);
}

static int
advise(struct file *f, off_t off, off_t len, int advice)
{
	bool disk = !(f->mapping->flags & MAPPING_MEMORY);
	u64 first, last;

	hint_range(MAX(off, 0L), len, &first, &last);
	switch (advice) {
	case POSIX_FADV_NORMAL: case POSIX_FADV_SEQUENTIAL: case POSIX_FADV_RANDOM:
		WRITE_ONCE(f->ra.advice, (u32)advice);
		if (advice != POSIX_FADV_RANDOM)
			WRITE_ONCE(f->ra.noreuse, false);
		return 0;
	case POSIX_FADV_NOREUSE:
		WRITE_ONCE(f->ra.noreuse, true);
		return 0;
	case POSIX_FADV_WILLNEED:
		if (disk)
			readahead_force(f->mapping, first, last - first + 1);
		return 0;
	case POSIX_FADV_DONTNEED:
		if (disk)
			dont_need(f->mapping, MAX(off, 0L), len);
		return 0;
	}
	return -EINVAL;
}

long
sys_fadvise64(int fd, off_t offset, size_t len, int advice)
{
	struct fdref r;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	if (S_ISFIFO(r.file->vn->mode))
		err = -ESPIPE;
	else if ((ssize_t)len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		err = -EINVAL;
	else if (r.file->mapping != NULL)
		err = advise(r.file, offset, (off_t)len, advice);
	fd_put(&r);
	return err;
}

long
sys_readahead(int fd, off_t offset, size_t count)
{
	struct fdref r;
	struct file *f;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	f = r.file;
	if (!(f->mode & FMODE_READ))
		err = -EBADF;
	else if ((!S_ISREG(f->vn->mode) && !S_ISBLK(f->vn->mode)) || f->mapping == NULL || (ssize_t)count < 0)
		err = -EINVAL;
	else
		err = advise(f, offset, (off_t)count, POSIX_FADV_WILLNEED);
	fd_put(&r);
	return err;
}
