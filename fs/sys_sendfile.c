/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile(2), copy_file_range(2): from file to file inside the kernel, by pages of the cache where there is one. */
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "fs/splice.h"

#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/thread.h"
#include "syscall_protos.h"

#define BATCH	SPLICE_BATCH	/* pages sent by one write */

/* to NULL: at the file's own position. */
static ssize_t
write_out(struct file *out, struct iobuf *b, off_t *to)
{
	return to != NULL ? file_write_at(out, b, to) : file_write(out, b, true);
}

/* One write of pages of the cache. Bytes, 0 at the end of the file, -errno. */
static ssize_t
send_pages(struct file *out, off_t *to, struct file *in, off_t *pos, size_t count)
{
	struct io_pagevec pv[BATCH];
	off_t size = in->mapping->ops->size != NULL ? in->mapping->ops->size(in->mapping) : vnode_size(in->vn);
	struct iobuf b;
	ssize_t done;
	int n;

	if (*pos >= size)
		return 0;
	n = file_gather_pages(in, *pos, MIN(count, (size_t)(size - *pos)), pv);
	if (n < 0)
		return n;
	iobuf_init_pages(&b, pv, (u32)n, false);
	done = write_out(out, &b, to);
	while (n-- > 0)
		page_put(pv[n].page);
	if (done > 0)
		*pos += done;
	return done;
}

/* The same through a buffer, for what has no page cache. */
static ssize_t
send_bounced(struct file *out, off_t *to, struct file *in, off_t *pos, size_t count, void *page)
{
	off_t from = *pos;
	ssize_t n = file_read_kernel(in, page, MIN(count, PAGE_SIZE), &from), done;
	struct iobuf b;

	if (n <= 0)
		return n;
	iobuf_init_kernel(&b, page, (size_t)n, false);
	done = write_out(out, &b, to);
	if (done > 0)
		*pos += done;
	return done;
}

static ssize_t
send_loop(struct file *out, off_t *to, struct file *in, off_t *pos, size_t count)
{
	bool cached = S_ISREG(in->vn->mode) && in->mapping != NULL && in->mapping->ops != NULL;
	void *page = cached ? NULL : kmem_alloc(PAGE_SIZE, KM_NORMAL);
	struct path p = { in->mnt, in->dentry };
	size_t total = 0;
	ssize_t n = 0;

	if (!cached && page == NULL)
		return -ENOMEM;
	while (total < count) {
		n = cached ? send_pages(out, to, in, pos, count - total) : send_bounced(out, to, in, pos, count - total, page);
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
	if (total > 0)
		notify_file(out, IN_MODIFY);		/* besides that of each write, as on Linux */
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
		return send_loop(out, NULL, in, pos, count);
	}
	return send_loop(out, NULL, in, &in->pos, count);
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

/* --- copy_file_range --- */

/* As Linux 6.1: both of one super block; *count is cut at the end of `in` and at what `out` may grow to. */
static int
check_copy(struct file *in, off_t from, struct file *out, off_t to, size_t *count)
{
	off_t size;

	if (S_ISDIR(in->vn->mode) || S_ISDIR(out->vn->mode))
		return -EISDIR;
	if (!S_ISREG(in->vn->mode) || !S_ISREG(out->vn->mode))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	if (in->vn->sb != out->vn->sb)
		return -EXDEV;
	if (out->vn->state & VN_IMMUTABLE)
		return -EPERM;
	if ((u64)from + *count < (u64)from || (u64)to + *count < (u64)to)
		return -EOVERFLOW;
	size = vnode_size(in->vn);
	*count = from >= size ? 0 : MIN(*count, (size_t)(size - from));
	if (from < 0 || to < 0)
		return -EINVAL;
	if (*count > 0 && to >= out->vn->sb->max_size)
		return -EFBIG;
	if (in->vn == out->vn && to + (off_t)*count > from && to < from + (off_t)*count)
		return -EINVAL;
	*count = MIN(*count, IO_COUNT_MAX);
	return in->ops->read != NULL && out->ops->write != NULL ? 0 : -EINVAL;
}

/* uin, uout NULL: at the file's position, which moves. */
static ssize_t
copy_range(struct file *in, off_t __user *uin, struct file *out, off_t __user *uout, size_t count)
{
	off_t from, to;
	ssize_t n;

	if (uin != NULL && copy_from_user(&from, uin, sizeof(from)) != 0)
		return -EFAULT;
	if (uout != NULL && copy_from_user(&to, uout, sizeof(to)) != 0)
		return -EFAULT;
	if (uin == NULL)
		from = READ_ONCE(in->pos);
	if (uout == NULL)
		to = READ_ONCE(out->pos);
	n = check_copy(in, from, out, to, &count);
	if (n != 0 || count == 0)
		return n;
	n = send_loop(out, &to, in, &from, count);
	if (n <= 0)
		return n;
	if (uin != NULL && copy_to_user(uin, &from, sizeof(from)) != 0)
		n = -EFAULT;
	if (uout != NULL && copy_to_user(uout, &to, sizeof(to)) != 0)
		n = -EFAULT;
	if (uin == NULL)
		WRITE_ONCE(in->pos, from);
	if (uout == NULL)
		WRITE_ONCE(out->pos, to);
	return n;
}

long
sys_copy_file_range(int fd_in, void __user *off_in, int fd_out, void __user *off_out, size_t len, unsigned int flags)
{
	struct fdref in, out;
	ssize_t n = fd_get(fd_in, &in);

	if (n != 0)
		return n;
	n = fd_get(fd_out, &out);
	if (n != 0)
		goto out_put_in;
	n = flags != 0 ? -EINVAL : copy_range(in.file, off_in, out.file, off_out, len);
	fd_put(&out);
out_put_in:
	fd_put(&in);
	return n;
}
