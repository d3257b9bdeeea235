/* SPDX-License-Identifier: BSD-2-Clause */
/* read(2), write(2) and their families, lseek(2), sendfile(2). */
#include "fs/fdtable.h"
#include "fs/notify.h"
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

/* --- sendfile --- */

#define BATCH	16	/* pages sent by one write */

/* Up to BATCH pages of the file at pos, referenced; how many, or -errno. A hole of a memory file is filled in. */
static int
gather_pages(struct file *in, off_t pos, size_t want, struct io_pagevec *pv)
{
	int n = 0;

	while (want > 0 && n < BATCH) {
		u32 off = (u32)(pos & (PAGE_SIZE - 1));
		size_t len = MIN((size_t)(PAGE_SIZE - off), want);
		u64 index = (u64)pos >> PAGE_SHIFT;
		int err;

		if (in->mapping->flags & MAPPING_MEMORY) {
			err = mapping_get_locked(in->mapping, index, &pv[n].page);
			if (err == 0)
				page_unlock(pv[n].page);
		} else {
			err = readahead_get(in->mapping, &in->ra, index, DIV_ROUND_UP(off + want, PAGE_SIZE), &pv[n].page);
		}
		if (err == -ENODATA)
			return n;
		if (err != 0)
			return n > 0 ? n : err;
		pv[n].off = off;
		pv[n].len = (u32)len;
		n++;
		pos += (off_t)len;
		want -= len;
	}
	return n;
}

/* One write of pages of the cache. Bytes, 0 at the end of the file, -errno. */
static ssize_t
send_pages(struct file *out, struct file *in, off_t *pos, size_t count)
{
	struct io_pagevec pv[BATCH];
	off_t size = in->mapping->ops->size != NULL ? in->mapping->ops->size(in->mapping) : vnode_size(in->vn);
	struct iobuf b;
	ssize_t done;
	int n;

	if (*pos >= size)
		return 0;
	n = gather_pages(in, *pos, MIN(count, (size_t)(size - *pos)), pv);
	if (n < 0)
		return n;
	iobuf_init_pages(&b, pv, (u32)n, false);
	done = file_write(out, &b, true);
	while (n-- > 0)
		page_put(pv[n].page);
	if (done > 0)
		*pos += done;
	return done;
}

/* The same through a buffer, for what has no page cache. */
static ssize_t
send_bounced(struct file *out, struct file *in, off_t *pos, size_t count, void *page)
{
	off_t from = *pos;
	ssize_t n = file_read_kernel(in, page, MIN(count, PAGE_SIZE), &from), done;
	struct iobuf b;

	if (n <= 0)
		return n;
	iobuf_init_kernel(&b, page, (size_t)n, false);
	done = file_write(out, &b, true);
	if (done > 0)
		*pos += done;
	return done;
}

static ssize_t
send_loop(struct file *out, struct file *in, off_t *pos, size_t count)
{
	bool cached = S_ISREG(in->vn->mode) && in->mapping != NULL && in->mapping->ops != NULL;
	void *page = cached ? NULL : kmem_alloc(PAGE_SIZE, KM_NORMAL);
	struct path p = { in->mnt, in->dentry };
	size_t total = 0;
	ssize_t n = 0;

	if (!cached && page == NULL)
		return -ENOMEM;
	while (total < count) {
		n = cached ? send_pages(out, in, pos, count - total) : send_bounced(out, in, pos, count - total, page);
		if (n <= 0)
			break;
		total += (size_t)n;
		if (thread_signal_pending(thread_current()))
			break;
	}
	kmem_free(page);
	if (cached)
		path_touch_atime(&p);
	if (cached && total > 0)
		notify_file(in, IN_ACCESS);
	return total > 0 ? (ssize_t)total : n;
}

static ssize_t
send_file(struct file *out, struct file *in, off_t *pos, size_t count)
{
	u32 kind = in->vn->mode & S_IFMT;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (pos != NULL && !(in->mode & FMODE_PREAD))
		return -ESPIPE;
	if ((kind != S_IFREG && kind != S_IFCHR && kind != S_IFBLK) || in->ops->read == NULL || out->ops->write == NULL)
		return -EINVAL;
	/* As Linux: what has no position (a tty, a pipe) could lose bytes that the other side does not take. */
	if (!(in->mode & FMODE_SEEK))
		return -EINVAL;
	if (out->flags & O_APPEND)
		return -EINVAL;
	count = MIN(count, IO_COUNT_MAX);
	if (pos != NULL) {
		if (*pos < 0)
			return -EINVAL;
		return send_loop(out, in, pos, count);
	}
	return send_loop(out, in, &in->pos, count);
}

long
sys_sendfile(int out_fd, int in_fd, void __user *offset, size_t count)
{
	struct fdref in, out;
	off_t pos = 0;
	ssize_t n;

	if (offset != NULL && copy_from_user(&pos, offset, sizeof(pos)) != 0)
		return -EFAULT;
	n = fd_get(in_fd, &in);
	if (n != 0)
		return n;
	n = fd_get(out_fd, &out);
	if (n != 0)
		goto out_put_in;
	n = send_file(out.file, in.file, offset != NULL ? &pos : NULL, count);
	if (offset != NULL && n >= 0 && copy_to_user(offset, &pos, sizeof(pos)) != 0)
		n = -EFAULT;
	fd_put(&out);
out_put_in:
	fd_put(&in);
	return n;
}
