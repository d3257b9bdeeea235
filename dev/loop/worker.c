/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread of a loop device: requests become reads and writes of the backing file, one after the other. It is a thread of its own, so that what the file's
 * file system locks can't be what the submitter holds.
 */
#include "dev/loop/loop.h"

#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"

struct service { struct file *file, *direct; u64 offset; };	/* of one request */

/* One bio's memory from or to the file. Behind the file's end there are zeros. */
static int
move_bio(const struct service *s, const struct bio *bio, off_t pos, bool read)
{
	struct file *f = s->direct != NULL ? s->direct : s->file;
	struct iobuf b;

	iobuf_init_pages(&b, bio->vecs, bio->nvecs, read);
	while (iobuf_left(&b) > 0) {
		ssize_t n = read ? file_read_at(f, &b, &pos) : file_write_at(f, &b, &pos);

		if (n == -EINVAL && f != s->file) {	/* the last piece of an odd file */
			f = s->file;
			continue;
		}
		if (n < 0)
			return n == -ENOSPC ? -ENOSPC : -EIO;
		if (n > 0)
			continue;
		if (!read)
			return -EIO;
		(void)iobuf_zero(&b, iobuf_left(&b));
	}
	return 0;
}

static int
move(const struct service *s, const struct block_request *rq, off_t pos)
{
	const struct bio *bio;
	int err = 0;

	list_for_each(bio, &rq->bios, node) {
		if (err == 0)
			err = move_bio(s, bio, pos, rq->op == BIO_READ);
		pos += bio->len;
	}
	return err;
}

static int
flush(struct file *f)
{
	int err = f->ops->fsync != NULL ? f->ops->fsync(f, 0, INT64_MAX, false) : 0;

	return err != 0 && err != -EINVAL ? -EIO : 0;
}

static int
punch(struct file *f, off_t pos, off_t len)
{
	int err = f->ops->fallocate != NULL ? f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, len) : -EOPNOTSUPP;

	return err == 0 || err == -EOPNOTSUPP || err == -ENOSPC ? err : -EIO;
}

static int
serve(const struct service *s, const struct block_request *rq)
{
	off_t pos = (off_t)(s->offset + (rq->sector << SECTOR_SHIFT));

	switch (rq->op) {
	case BIO_READ:
	case BIO_WRITE:
		return move(s, rq, pos);
	case BIO_FLUSH:
		return flush(s->file);
	default:
		return punch(s->file, pos, (off_t)rq->nr_sectors << SECTOR_SHIFT);
	}
}

static struct block_request *
next_request(struct loop *l, struct service *s)
{
	u64 flags = spin_lock_irqsave(&l->spin);
	struct block_request *rq = list_first(&l->requests, struct block_request, node);

	if (rq != NULL)
		list_del(&rq->node);
	*s = (struct service){ l->file, l->direct, l->offset };
	l->serving = rq != NULL;
	spin_unlock_irqrestore(&l->spin, flags);
	if (rq == NULL && waitq_active(&l->idle))
		waitq_wake_all(&l->idle);
	return rq;
}

static void
worker(void *arg)
{
	struct loop *l = arg;
	struct block_request *rq;
	struct service s;

	(void)!kmem_scope_enter(KM_NOIO);	/* memory that is got back by writing to this device can't wait for us */
	for (;;) {
		wait_event_idle(&l->wq, !list_empty(&l->requests) || atomic_load(&l->quit));
		while ((rq = next_request(l, &s)) != NULL)
			block_request_end(rq, serve(&s, rq));
		if (atomic_load(&l->quit) && list_empty(&l->requests))
			break;
	}
	completion_complete(&l->done);
	thread_exit();
}

int
loop_submit(struct block_queue *q, struct block_request *rq)
{
	struct loop *l = loop_of(block_queue_disk(q));
	u64 flags = spin_lock_irqsave(&l->spin);
	bool bound = l->file != NULL;

	if (bound)
		list_add_tail(&l->requests, &rq->node);
	spin_unlock_irqrestore(&l->spin, flags);
	if (!bound)
		return -EIO;
	waitq_wake_one(&l->wq);
	return 0;
}

int
loop_worker_start(struct loop *l)
{
	atomic_store(&l->quit, false);
	completion_init(&l->done);
	return thread_spawn(worker, l, "loop%u", l->number);
}

void
loop_worker_stop(struct loop *l)
{
	atomic_store(&l->quit, true);
	waitq_wake_all(&l->wq);
	completion_wait(&l->done);
}

static bool
is_idle(struct loop *l)
{
	u64 flags = spin_lock_irqsave(&l->spin);
	bool idle = list_empty(&l->requests) && !l->serving;

	spin_unlock_irqrestore(&l->spin, flags);
	return idle;
}

void
loop_pause(struct loop *l)
{
	block_queue_stop(l->disk->queue);
	wait_event(&l->idle, is_idle(l));
}

void
loop_resume(struct loop *l)
{
	block_queue_start(l->disk->queue);
}
