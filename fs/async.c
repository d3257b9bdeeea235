/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signal-driven I/O, fcntl(2) O_ASYNC: while it is on, a waiter of the file stands on every queue that its poll names. A wake-up comes
 * under the queue's lock, where no signal can be sent; a worker does that.
 */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/signal.h"
#include "sys/wait.h"
#include "sys/work.h"

#define QUEUES_MAX	4		/* more than any file has */

struct async_queue {
	struct waiter waiter;
	struct waitq *queue;		/* [a] NULL: it went (POLLFREE) */
	struct file_async *async;	/* [I] */
};

struct file_async {
	struct poll_table table;
	struct refcount refs;		/* the file's, and the work's while it is queued */
	struct work work;
	struct spinlock lock;		/* LOCK_LEAF */
	struct file *file;		/* [lock] no reference; NULL: it is over */
	int fd;				/* [I] by which it was switched on: the signal tells it */
	u32 events;			/* [a] POLL* since the last signal */
	u32 count;			/* [I] once it is on */
	bool failed;
	struct async_queue queues[QUEUES_MAX];
};

static void
async_put(struct file_async *a)
{
	if (refcount_put(&a->refs))
		kmem_free(a);
}

/* SIGIO, or the signal of F_SETSIG with a siginfo, to the file's owner: fcntl(2). */
static void
send_to_owner(struct file *f, int fd, u32 events)
{
	struct siginfo_k info;
	struct fown *o;
	int code = POLL_ERR;
	u32 band = POLLERR;

	if (events & POLLHUP) {
		code = POLL_HUP;
		band = POLLHUP | POLLERR;
	} else if (events & POLLIN) {
		code = POLL_IN;
		band = POLLIN | POLLRDNORM;
	} else if (events & POLLOUT) {
		code = POLL_OUT;
		band = POLLOUT | POLLWRNORM | POLLWRBAND;
	}
	rcu_read_lock();
	o = rcu_dereference(f->owner);
	if (o != NULL && o->pid != NULL) {
		siginfo_init(&info, o->sig, code);
		info.abi.poll.band = band;
		info.abi.poll.fd = fd;
		signal_send_owner(o->pid, o->type, o->sig != 0 ? o->sig : SIGIO, o->sig != 0 ? &info : NULL, o->cred.uid, o->cred.euid);
	}
	rcu_read_unlock();
}

static void
async_signal(struct work *w)
{
	struct file_async *a = container_of(w, struct file_async, work);
	u32 events = atomic_xchg(&a->events, 0);
	struct file *f;

	spin_lock(&a->lock);
	f = a->file;
	if (f != NULL && !file_try_get(f))
		f = NULL;
	spin_unlock(&a->lock);
	if (f != NULL) {
		send_to_owner(f, a->fd, events);
		file_put(f);
	}
	async_put(a);
}

/* Under the queue's lock, interrupts off. A wake-up that names no event may be any. */
static bool
async_wake(struct waiter *w, u32 events)
{
	struct async_queue *e = container_of(w, struct async_queue, waiter);
	struct file_async *a = e->async;

	if (events & POLLFREE) {
		list_del_init(&w->node);
		atomic_store_release(&e->queue, NULL);	/* a may be freed from here on */
		return false;
	}
	atomic_fetch_or(&a->events, events != 0 ? events : POLLIN);
	refcount_get(&a->refs);
	if (!work_queue(&a->work))
		(void)!refcount_put(&a->refs);		/* queued already, with a reference of its own */
	return false;
}

static void
async_register(struct poll_table *pt, struct file *f, struct waitq *q)
{
	struct file_async *a = container_of(pt, struct file_async, table);
	struct async_queue *e = &a->queues[a->count];

	(void)f;
	if (a->count == QUEUES_MAX) {
		a->failed = true;
		return;
	}
	a->count++;
	e->queue = q;
	e->async = a;
	waiter_init_func(&e->waiter, async_wake);
	waitq_add(q, &e->waiter);
}

static void
async_end(struct file_async *a)
{
	for (u32 i = 0; i < a->count; i++) {
		struct waitq *q;

		rcu_read_lock();		/* a queue that goes is freed by RCU */
		q = atomic_load_acquire(&a->queues[i].queue);
		if (q != NULL)
			waitq_remove(q, &a->queues[i].waiter);
		rcu_read_unlock();
	}
	spin_lock(&a->lock);
	a->file = NULL;
	spin_unlock(&a->lock);
	async_put(a);
}

static struct file_async *
async_begin(struct file *f, int fd)
{
	struct file_async *a = kmem_alloc(sizeof(*a), KM_USER | KM_ZERO);

	if (a == NULL)
		return NULL;
	refcount_init(&a->refs, 1);
	work_init(&a->work, async_signal);
	spin_init(&a->lock, LOCK_LEAF);
	a->file = f;
	a->fd = fd;
	a->table = (struct poll_table){ .queue = async_register, .events = POLLIN | POLLOUT };
	f->ops->poll(f, &a->table);
	if (!a->failed)
		return a;
	async_end(a);
	return NULL;
}

int
file_set_async(struct file *f, int fd, bool on)
{
	struct file_async *new = NULL, *old;

	if (on == (READ_ONCE(f->async) != NULL) || f->ops->poll == NULL)
		return 0;
	if (on && (new = async_begin(f, fd)) == NULL)
		return -ENOMEM;
	spin_lock(&f->lock);
	old = f->async;
	if (!on || old == NULL) {
		f->async = new;
		new = NULL;
	} else {
		old = NULL;		/* another thread was faster: its one stays */
	}
	spin_unlock(&f->lock);
	if (old != NULL)
		async_end(old);
	if (new != NULL)
		async_end(new);
	return 0;
}
