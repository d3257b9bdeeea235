/* SPDX-License-Identifier: BSD-2-Clause */
/* read(2), write(2) and their families, lseek(2). */
#include "fs/fdtable.h"
#include "fs/path.h"

#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/thread.h"
#include "syscall_protos.h"

long
sys_read(int fd, void __user *buf, size_t len)
{
	struct fdref r;
	struct iobuf b;
	ssize_t n = fd_get(fd, &r);

	if (n != 0)
		return n;
	n = -EBADF;
	if (r.file->mode & FMODE_READ) {
		n = iobuf_init_user(&b, buf, len, true);
		if (n == 0)
			n = file_read(r.file, &b, r.put);
	}
	fd_put(&r);
	return n;
}

long
sys_write(int fd, const void __user *buf, size_t len)
{
	struct fdref r;
	struct iobuf b;
	ssize_t n = fd_get(fd, &r);

	if (n != 0)
		return n;
	n = -EBADF;
	if (r.file->mode & FMODE_WRITE) {
		n = iobuf_init_user(&b, (void __user *)(uintptr_t)buf, len, false);
		if (n == 0)
			n = file_write(r.file, &b, r.put);
	}
	fd_put(&r);
	return n;
}

long
sys_pread64(int fd, void __user *buf, size_t len, off_t pos)
{
	struct fdref r;
	struct iobuf b;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	n = fd_get(fd, &r);
	if (n != 0)
		return n;
	n = -ESPIPE;
	if (r.file->mode & FMODE_PREAD) {
		n = iobuf_init_user(&b, buf, len, true);
		if (n == 0)
			n = file_read_at(r.file, &b, &pos);
	}
	fd_put(&r);
	return n;
}

long
sys_pwrite64(int fd, const void __user *buf, size_t len, off_t pos)
{
	struct fdref r;
	struct iobuf b;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	n = fd_get(fd, &r);
	if (n != 0)
		return n;
	n = -ESPIPE;
	if (r.file->mode & FMODE_PWRITE) {
		n = iobuf_init_user(&b, (void __user *)(uintptr_t)buf, len, false);
		if (n == 0)
			n = file_write_at(r.file, &b, &pos);
	}
	fd_put(&r);
	return n;
}

/* --- vectors --- */

/* pos NULL: at the file's own position. */
static ssize_t
transfer_vector(int fd, const void __user *iov, unsigned long count, off_t *pos, bool read, int sync)
{
	struct abi_iovec *copy = NULL;
	struct fdref r;
	struct iobuf b;
	struct file *f;
	ssize_t n = fd_get(fd, &r);
	off_t start;

	if (n != 0)
		return n;
	f = r.file;
	n = -ESPIPE;
	if (pos != NULL && !(f->mode & (read ? FMODE_PREAD : FMODE_PWRITE)))
		goto out_put;
	n = -EBADF;
	if (!(f->mode & (read ? FMODE_READ : FMODE_WRITE)))
		goto out_put;
	n = iobuf_init_iovec(&b, iov, count, read, &copy);
	if (n != 0)
		goto out_put;
	start = pos != NULL ? *pos : 0;
	if (pos == NULL)
		n = read ? file_read(f, &b, r.put) : file_write(f, &b, r.put);
	else
		n = read ? file_read_at(f, &b, pos) : file_write_at(f, &b, pos);
	if (n > 0 && sync != 0 && f->ops->fsync != NULL) {
		int err = f->ops->fsync(f, pos != NULL ? start : 0, INT64_MAX, !(sync & RWF_SYNC));

		if (err != 0)
			n = err;
	}
out_put:
	kmem_free(copy);
	fd_put(&r);
	return n;
}

long
sys_readv(int fd, const void __user *iov, unsigned long iovcnt)
{
	return transfer_vector(fd, iov, iovcnt, NULL, true, 0);
}

long
sys_writev(int fd, const void __user *iov, unsigned long iovcnt)
{
	return transfer_vector(fd, iov, iovcnt, NULL, false, 0);
}

/* The position is one 64-bit argument here; pos_h is there for 32-bit machines. */
long
sys_preadv(int fd, const void __user *iov, unsigned long iovcnt, unsigned long pos_l, unsigned long pos_h)
{
	off_t pos = (off_t)pos_l;

	(void)pos_h;
	return pos < 0 ? -EINVAL : transfer_vector(fd, iov, iovcnt, &pos, true, 0);
}

long
sys_pwritev(int fd, const void __user *iov, unsigned long iovcnt, unsigned long pos_l, unsigned long pos_h)
{
	off_t pos = (off_t)pos_l;

	(void)pos_h;
	return pos < 0 ? -EINVAL : transfer_vector(fd, iov, iovcnt, &pos, false, 0);
}

long
sys_preadv2(int fd, const void __user *iov, unsigned long iovcnt, unsigned long pos_l, unsigned long pos_h, int flags)
{
	off_t pos = (off_t)pos_l;

	(void)pos_h;
	if (flags & ~RWF_HIPRI)
		return -EOPNOTSUPP;
	if (pos < -1)
		return -EINVAL;
	return transfer_vector(fd, iov, iovcnt, pos == -1 ? NULL : &pos, true, 0);
}

long
sys_pwritev2(int fd, const void __user *iov, unsigned long iovcnt, unsigned long pos_l, unsigned long pos_h, int flags)
{
	off_t pos = (off_t)pos_l;

	(void)pos_h;
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC))
		return -EOPNOTSUPP;
	if (pos < -1)
		return -EINVAL;
	return transfer_vector(fd, iov, iovcnt, pos == -1 ? NULL : &pos, false, flags & (RWF_DSYNC | RWF_SYNC));
}

/* --- position --- */

long
sys_lseek(int fd, off_t offset, int whence)
{
	struct fdref r;
	off_t n = fd_get(fd, &r);

	if (n != 0)
		return n;
	n = file_seek(r.file, offset, whence);
	fd_put(&r);
	return n;
}
