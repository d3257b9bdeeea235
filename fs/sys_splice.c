/* SPDX-License-Identifier: BSD-2-Clause */
/* splice(2), tee(2), vmsplice(2). */
#include "fs/fdtable.h"
#include "fs/pipe.h"
#include "fs/splice.h"

#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "syscall_protos.h"

/* Files of anon.c have no data that could be moved; directories none either. */
static bool
spliceable(const struct file *f)
{
	return f->vn->sb->magic != ANON_INODE_FS_MAGIC && !S_ISDIR(f->vn->mode);
}

static bool
either_nonblock(const struct file *a, const struct file *b, unsigned int flags)
{
	return ((atomic_load_relaxed(&a->flags) | atomic_load_relaxed(&b->flags)) & O_NONBLOCK) || (flags & SPLICE_F_NONBLOCK);
}

/* The side that is no pipe, with an offset of the caller's or without. */
static int
check_offset(const struct file *f, const off_t *pos, u32 mode, size_t len)
{
	if (pos != NULL && !(f->mode & mode))
		return -EINVAL;
	return (pos != NULL && *pos < 0) || (ssize_t)len < 0 ? -EINVAL : 0;
}

static ssize_t
splice_files(struct file *in, off_t *pos_in, struct file *out, off_t *pos_out, size_t len, unsigned int flags)
{
	struct pipe *ip = file_pipe(in), *op = file_pipe(out);
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	int err;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (ip != NULL && op != NULL)
		return ip == op ? -EINVAL : splice_pipes(ip, op, len, either_nonblock(in, out, flags), false);
	if (ip != NULL) {
		err = check_offset(out, pos_out, FMODE_PWRITE, len);
		if (err != 0)
			return err;
		if ((atomic_load_relaxed(&out->flags) & O_APPEND) || out->ops->write == NULL || !spliceable(out))
			return -EINVAL;
		nonblock = nonblock || (atomic_load_relaxed(&in->flags) & O_NONBLOCK);
		return splice_to_file(ip, out, pos_out, MIN(len, IO_COUNT_MAX), nonblock);
	}
	if (op != NULL) {
		err = check_offset(in, pos_in, FMODE_PREAD, len);
		if (err != 0)
			return err;
		if (in->ops->read == NULL || !spliceable(in))
			return -EINVAL;
		nonblock = nonblock || (atomic_load_relaxed(&out->flags) & O_NONBLOCK);
		return splice_from_file(in, pos_in, op, MIN(len, IO_COUNT_MAX), nonblock);
	}
	return -EINVAL;
}

/* Offsets are for files that have a position. */
static ssize_t
splice_offsets(struct file *in, off_t __user *uin, struct file *out, off_t __user *uout, size_t len, unsigned int flags)
{
	off_t pos_in = 0, pos_out = 0;
	ssize_t n;

	if ((file_pipe(in) != NULL && uin != NULL) || (file_pipe(out) != NULL && uout != NULL))
		return -ESPIPE;
	if (uin != NULL && copy_from_user(&pos_in, uin, sizeof(pos_in)) != 0)
		return -EFAULT;
	if (uout != NULL && copy_from_user(&pos_out, uout, sizeof(pos_out)) != 0)
		return -EFAULT;
	n = splice_files(in, uin != NULL ? &pos_in : NULL, out, uout != NULL ? &pos_out : NULL, len, flags);
	if (n < 0)
		return n;
	if (uin != NULL && copy_to_user(uin, &pos_in, sizeof(pos_in)) != 0)
		return -EFAULT;
	if (uout != NULL && copy_to_user(uout, &pos_out, sizeof(pos_out)) != 0)
		return -EFAULT;
	return n;
}

long
sys_splice(int fd_in, void __user *off_in, int fd_out, void __user *off_out, size_t len, unsigned int flags)
{
	struct fdref in, out;
	ssize_t n;

	if (len == 0)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	n = fd_get(fd_in, &in);
	if (n != 0)
		return n;
	n = fd_get(fd_out, &out);
	if (n != 0)
		goto out_put_in;
	n = splice_offsets(in.file, off_in, out.file, off_out, len, flags);
	fd_put(&out);
out_put_in:
	fd_put(&in);
	return n;
}

static ssize_t
tee_files(struct file *in, struct file *out, size_t len, unsigned int flags)
{
	struct pipe *ip = file_pipe(in), *op = file_pipe(out);

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (ip == NULL || op == NULL || ip == op)
		return -EINVAL;
	return splice_pipes(ip, op, len, either_nonblock(in, out, flags), true);
}

long
sys_tee(int fd_in, int fd_out, size_t len, unsigned int flags)
{
	struct fdref in, out;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (len == 0)
		return 0;
	n = fd_get(fd_in, &in);
	if (n != 0)
		return n;
	n = fd_get(fd_out, &out);
	if (n != 0)
		goto out_put_in;
	n = tee_files(in.file, out.file, len, flags);
	fd_put(&out);
out_put_in:
	fd_put(&in);
	return n;
}

static ssize_t
vmsplice_file(struct file *f, const void __user *uiov, unsigned long count, unsigned int flags)
{
	bool to_pipe = f->mode & FMODE_WRITE, nonblock = flags & SPLICE_F_NONBLOCK;
	struct abi_iovec *iov;
	struct iobuf b;
	ssize_t n;

	if (!(f->mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	n = iobuf_init_iovec(&b, uiov, count, !to_pipe, &iov);
	if (n != 0)
		return n;
	if (iobuf_left(&b) == 0)
		n = 0;
	else if (file_pipe(f) == NULL)
		n = -EBADF;
	else if (to_pipe)
		n = splice_user(file_pipe(f), iov, count, nonblock);
	else
		n = pipe_read_into(f, &b, nonblock);
	kmem_free(iov);
	return n;
}

long
sys_vmsplice(int fd, const void __user *iov, unsigned long count, unsigned int flags)
{
	struct fdref r;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	n = fd_get(fd, &r);
	if (n != 0)
		return n;
	n = vmsplice_file(r.file, iov, count, flags);
	fd_put(&r);
	return n;
}
