/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/mem: a process's memory at its own addresses, for debuggers. Permission is asked at open; the file then stays with the space it
 * was opened for, which may be gone (0 bytes) or belong to a program that is no more.
 */
#include "proc/procfs/procfs.h"

#include "mm/iobuf.h"
#include "proc/proc.h"
#include "sys/abi/errno.h"

static int
mem_open(struct vnode *vn, struct file *f)
{
	int err;
	struct aspace *as = proc_object_aspace(proc_object_of(vn), &err);

	if (as == NULL && err != 0)
		return err;
	if (as != NULL) {
		aspace_get(as);
		aspace_put_user(as);
	}
	f->priv = as;
	return 0;
}

static void
mem_release(struct file *f)
{
	if (f->priv != NULL)
		aspace_put(f->priv);
}

/* One page's worth through a buffer: bytes, or -EIO, -EFAULT. */
static ssize_t
mem_piece(struct aspace *as, struct iobuf *buf, u64 addr, char *page, bool write)
{
	size_t n = MIN(iobuf_left(buf), PAGE_SIZE - addr % PAGE_SIZE), moved;
	ssize_t done;

	if (write) {
		n = iobuf_copy_in(buf, page, n);
		if (n == 0)
			return -EFAULT;
		return aspace_access(as, addr, page, n, true, true);
	}
	done = aspace_access(as, addr, page, n, false, true);
	if (done <= 0)
		return done;
	moved = iobuf_copy_out(buf, page, (size_t)done);
	return moved == 0 ? -EFAULT : (ssize_t)moved;
}

static ssize_t
mem_move(struct file *f, struct iobuf *buf, off_t *pos, bool write)
{
	struct aspace *as = f->priv;
	ssize_t n = 0, done = 0;
	char *page;

	if (as == NULL || iobuf_left(buf) == 0 || !aspace_try_get_user(as))
		return 0;
	page = kmem_alloc(PAGE_SIZE, KM_USER);
	if (page == NULL)
		n = -ENOMEM;
	while (n >= 0 && iobuf_left(buf) != 0) {
		n = mem_piece(as, buf, (u64)*pos, page, write);
		if (n <= 0)
			break;
		*pos += n;
		done += n;
		if (thread_fatal_pending(thread_current()))
			break;
	}
	kmem_free(page);
	aspace_put_user(as);
	return done != 0 ? done : n;
}

static ssize_t
mem_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	return mem_move(f, buf, pos, false);
}

static ssize_t
mem_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	return mem_move(f, buf, pos, true);
}

static off_t
mem_llseek(struct file *f, off_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops proc_mem_fops = {
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
	.open = mem_open,
	.release = mem_release,
};
