/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOCB_CMD_POLL: an event once a file is ready.
 *
 * The request stands on the file's wait queues. A wake-up, or io_cancel(2), queues its work, which looks at the file again in a worker
 * thread and finishes the request, or leaves it where it is. References: one for being armed, which goes with `done`, and one for the work
 * while that is queued or runs. The armed one cannot go while a call-back is at work: to finish, the waiters are taken off first.
 */
#include "fs/aio.h"

#include "sys/abi/errno.h"
#include "sys/panic.h"

static void
kick(struct aio_req *r)
{
	refcount_get(&r->refs);
	if (!work_queue(&r->work) && refcount_put(&r->refs))
		panic("aio: a poll that is armed has lost its reference");
}

static bool
hook_wake(struct waiter *w, u32 events)
{
	struct aio_hook *h = container_of(w, struct aio_hook, waiter);

	if (events != 0 && !(events & (h->req->events | POLLFREE)))
		return false;
	kick(h->req);
	if (events & POLLFREE) {
		list_del_init(&w->node);
		atomic_store_release(&h->queue, NULL);
		return false;
	}
	return true;
}

struct hook_table { struct poll_table pt; struct aio_req *req; bool overflow; };

static void
hook_queue(struct poll_table *pt, struct file *f, struct waitq *q)
{
	struct hook_table *t = container_of(pt, struct hook_table, pt);
	struct aio_req *r = t->req;
	struct aio_hook *h;

	(void)f;
	if (r->nr_hooks == AIO_POLL_QUEUES) {
		t->overflow = true;
		return;
	}
	h = &r->hooks[r->nr_hooks++];
	waiter_init_func(&h->waiter, hook_wake);
	h->queue = q;
	h->req = r;
	waitq_add(q, &h->waiter);
}

/* [m]. Off all queues and the context's list; no call-back is at work any more. */
static void
disarm(struct aio_req *r)
{
	mutex_assert_held(&r->mutex);
	r->done = true;
	for (u32 i = 0; i < r->nr_hooks; i++) {
		struct aio_hook *h = &r->hooks[i];
		struct waitq *q;

		rcu_read_lock();	/* a queue that goes now stays as long as we look at it */
		q = atomic_load_acquire(&h->queue);
		if (q != NULL)
			waitq_remove(q, &h->waiter);
		rcu_read_unlock();
	}
	spin_lock_irq(&r->ctx->lock);
	list_del_init(&r->node);
	spin_unlock_irq(&r->ctx->lock);
}

static void
poll_work(struct work *w)
{
	struct aio_req *r = container_of(w, struct aio_req, work);
	u32 mask;

	mutex_lock(&r->mutex);
	mask = r->done ? 0 : r->file->ops->poll(r->file, NULL) & r->events;
	if (!r->done && (mask != 0 || atomic_load(&r->cancelled))) {
		disarm(r);
		aio_req_complete(r, mask);
		mutex_unlock(&r->mutex);
		aio_req_put(r);		/* the armed one */
	} else {
		mutex_unlock(&r->mutex);
	}
	aio_req_put(r);
}

void
aio_poll_cancel_locked(struct aio_req *r)
{
	spin_assert_held(&r->ctx->lock);
	atomic_store(&r->cancelled, true);
	kick(r);
}

int
aio_poll_submit(struct aio_req *r, const struct abi_iocb *iocb)
{
	struct hook_table t = { .pt = { .queue = hook_queue }, .req = r };
	u32 mask;

	if ((u16)iocb->buf != iocb->buf || iocb->offset != 0 || iocb->nbytes != 0 || iocb->rw_flags != 0 || r->file->ops->poll == NULL)
		return -EINVAL;
	mutex_init(&r->mutex, LOCK_EPOLL);
	work_init(&r->work, poll_work);
	r->events = t.pt.events = (u32)iocb->buf | POLLERR | POLLHUP;
	refcount_get(&r->refs);		/* ours; the caller's becomes the armed one */
	mutex_lock(&r->mutex);
	spin_lock_irq(&r->ctx->lock);
	list_add_tail(&r->ctx->polls, &r->node);
	if (r->ctx->dead)
		r->cancelled = true;	/* nobody else will */
	spin_unlock_irq(&r->ctx->lock);
	mask = r->file->ops->poll(r->file, &t.pt) & r->events;
	if (t.overflow) {
		disarm(r);
	} else if (mask != 0 || atomic_load(&r->cancelled)) {
		disarm(r);
		aio_req_complete(r, mask);
		aio_req_put(r);		/* the armed one */
	}
	mutex_unlock(&r->mutex);
	aio_req_put(r);
	return t.overflow ? -EINVAL : 0;
}
