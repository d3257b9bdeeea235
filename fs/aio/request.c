/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of Linux AIO.
 *
 * Reads and writes are done by io_submit(2) itself, and their event is there when it returns: that is what Linux does with everything but
 * O_DIRECT. fsync(2) runs in a thread of its own, polls wait for their file (poll.c).
 */
#include "fs/aio.h"

#include "fs/eventfd.h"

#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/thread.h"

void
aio_req_put(struct aio_req *r)
{
	if (!refcount_put(&r->refs))
		return;
	if (r->file != NULL)
		file_put(r->file);
	if (r->eventfd != NULL)
		file_put(r->eventfd);
	aio_ctx_put(r->ctx);
	kmem_free(r);
}

void
aio_req_complete(struct aio_req *r, s64 res)
{
	struct abi_io_event ev = { r->data, r->obj, res, 0 };

	aio_end(r->ctx, &ev);
	if (r->eventfd != NULL)
		eventfd_signal(r->eventfd);
}

/* --- read and write --- */

static int
prepare_buffer(struct iobuf *b, const struct abi_iocb *iocb, bool vector, bool read, struct abi_iovec **to_free)
{
	*to_free = NULL;
	if (vector)
		return iobuf_init_iovec(b, (const struct abi_iovec __user *)iocb->buf, iocb->nbytes, read, to_free);
	return iobuf_init_user(b, (void __user *)iocb->buf, iocb->nbytes, read);
}

static ssize_t
transfer(struct file *f, struct iobuf *b, off_t pos, bool read)
{
	bool at = f->mode & (read ? FMODE_PREAD : FMODE_PWRITE);

	if (read)
		return at ? file_read_at(f, b, &pos) : file_read(f, b, true);
	return at ? file_write_at(f, b, &pos) : file_write(f, b, true);
}

static int
submit_rw(struct aio_req *r, const struct abi_iocb *iocb, bool vector, bool read)
{
	u32 flags = (u32)iocb->rw_flags;
	struct file *f = r->file;
	struct abi_iovec *iov;
	struct iobuf b;
	ssize_t n;
	int err;

	if (flags & ~(RWF_HIPRI | (read ? 0u : RWF_DSYNC | RWF_SYNC)))
		return -EOPNOTSUPP;
	if (!(f->mode & (read ? FMODE_READ : FMODE_WRITE)))
		return -EBADF;
	if ((read ? f->ops->read : f->ops->write) == NULL || iocb->offset < 0)
		return -EINVAL;
	err = prepare_buffer(&b, iocb, vector, read, &iov);
	if (err != 0)
		return err;
	n = transfer(f, &b, iocb->offset, read);
	kmem_free(iov);
	if (n > 0 && (flags & (RWF_DSYNC | RWF_SYNC)) && f->ops->fsync != NULL)
		err = f->ops->fsync(f, iocb->offset, iocb->offset + n - 1, !(flags & RWF_SYNC));
	if (n == -ERESTARTSYS || n == -ERESTARTNOINTR || n == -ERESTARTNOHAND || n == -ERESTART_RESTARTBLOCK)
		n = -EINTR;	/* the event tells: nobody would restart it */
	aio_req_complete(r, err != 0 ? err : n);
	aio_req_put(r);
	return 0;
}

/* --- fsync --- */

#define FSYNC_THREADS_MAX	64u	/* of all contexts: each has a kernel stack */

static void
fsync_main(void *arg)
{
	struct aio_req *r = arg;

	aio_req_complete(r, r->file->ops->fsync(r->file, 0, INT64_MAX, r->datasync));
	aio_req_put(r);
}

static u32 fsync_threads;		/* [a] */

static void
fsync_thread(void *arg)
{
	fsync_main(arg);
	atomic_sub(&fsync_threads, 1u);
}

static int
submit_fsync(struct aio_req *r, const struct abi_iocb *iocb, bool datasync)
{
	if (iocb->buf != 0 || iocb->offset != 0 || iocb->nbytes != 0 || iocb->rw_flags != 0 || r->file->ops->fsync == NULL)
		return -EINVAL;
	r->datasync = datasync;
	/* Beyond the bound, or without memory for a thread, the submitter does it. */
	if (atomic_add(&fsync_threads, 1u) > FSYNC_THREADS_MAX || thread_spawn(fsync_thread, r, "aio-fsync") != 0) {
		atomic_sub(&fsync_threads, 1u);
		fsync_main(r);
	}
	return 0;
}

/* --- submission --- */

static int
check_iocb(const struct abi_iocb *iocb)
{
	if (iocb->reserved2 != 0 || (s64)iocb->nbytes < 0)
		return -EINVAL;
	return 0;
}

/* Takes r's reference on success. */
static int
start(struct aio_req *r, const struct abi_iocb *iocb)
{
	switch (iocb->opcode) {
	case IOCB_CMD_PREAD:
		return submit_rw(r, iocb, false, true);
	case IOCB_CMD_PWRITE:
		return submit_rw(r, iocb, false, false);
	case IOCB_CMD_PREADV:
		return submit_rw(r, iocb, true, true);
	case IOCB_CMD_PWRITEV:
		return submit_rw(r, iocb, true, false);
	case IOCB_CMD_FSYNC:
		return submit_fsync(r, iocb, false);
	case IOCB_CMD_FDSYNC:
		return submit_fsync(r, iocb, true);
	case IOCB_CMD_POLL:
		return aio_poll_submit(r, iocb);
	}
	return -EINVAL;
}

int
aio_submit(struct aio_ctx *ctx, struct abi_iocb __user *uiocb)
{
	struct abi_iocb iocb;
	struct aio_req *r;
	int err;

	if (copy_from_user(&iocb, uiocb, sizeof(iocb)) != 0)
		return -EFAULT;
	err = check_iocb(&iocb);
	if (err == 0)
		err = aio_begin(ctx);
	if (err != 0)
		return err;
	r = kmem_alloc(sizeof(*r), KM_USER | KM_ZERO);
	if (r == NULL) {
		err = -EAGAIN;
		goto out_end;
	}
	refcount_init(&r->refs, 1);
	r->ctx = ctx;
	refcount_get(&ctx->refs);
	r->obj = (u64)uiocb;
	r->data = iocb.data;
	r->file = fd_get_file((int)iocb.fildes);
	err = r->file == NULL ? -EBADF : 0;
	if (err == 0 && (iocb.flags & IOCB_FLAG_RESFD))
		err = eventfd_get_file((int)iocb.resfd, &r->eventfd);
	if (err == 0 && put_user_u32(0, &uiocb->key) != 0)
		err = -EFAULT;
	if (err == 0)
		err = start(r, &iocb);
	if (err == 0)
		return 0;
	aio_req_put(r);
out_end:
	aio_end(ctx, NULL);
	return err;
}
