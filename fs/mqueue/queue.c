/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending, receiving, notification: mq_send(3), mq_receive(3), mq_notify(3).
 *
 * Messages stand in the order they are received in: by priority, in it by arrival. Who waits is served by who makes it possible: real-time
 * threads by priority, others in order of arrival. A sender gives its message to a receiver that waits; a receiver lets the message
 * of a sender that waits in.
 */
#include "fs/mqueue/queue.h"

#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/pid.h"
#include "sys/signal.h"
#include "sys/timer.h"
#include "sys/user.h"

#define WAITING		1	/* a waiter's status */

/* What a message and a priority cost beside the text: mq_overview(7) gives the formula, and programs reckon with Linux's numbers. */
#define MSG_OVERHEAD	48
#define PRIO_OVERHEAD	48

struct mq_msg {
	struct rbnode node;	/* [l] */
	u32 prio;		/* [I] */
	size_t len;		/* [I] */
	u8 data[];		/* [I] once sent */
};

struct mq_waiter {
	struct list node;	/* [l] */
	struct thread *thread;
	u32 rank;		/* real-time priority, or 0 */
	struct mq_msg *msg;	/* [l] to be sent, or received */
	int status;		/* [l] WAITING, or 0 */
	struct timer timer;
	bool expired;		/* [a] */
};

/* --- messages --- */

struct mq_msg *
mq_msg_alloc(size_t len, u32 prio)
{
	struct mq_msg *m = kmem_valloc(sizeof(*m) + len, KM_USER);

	if (m == NULL)
		return NULL;
	m->prio = prio;
	m->len = len;
	return m;
}

void *
mq_msg_data(struct mq_msg *m)
{
	return m->data;
}

void
mq_msg_free(struct mq_msg *m)
{
	kmem_vfree(m);
}

size_t
mq_msg_len(const struct mq_msg *m)
{
	return m->len;
}

u32
mq_msg_prio(const struct mq_msg *m)
{
	return m->prio;
}

/* --- life --- */

int
mqueue_init_queue(struct mqueue *q, const struct abi_mq_attr *attr)
{
	u64 bytes = (u64)attr->maxmsg * (u64)(attr->msgsize + MSG_OVERHEAD) + (u64)MIN(attr->maxmsg, MQ_PRIO_MAX) * PRIO_OVERHEAD;
	struct user_counts *user = user_counts_find(cred_current()->uid);

	if (user == NULL)
		return -ENOMEM;
	if (atomic_add(&user->mqueue_bytes, bytes) > rlimit_current(RLIMIT_MSGQUEUE)) {
		atomic_sub(&user->mqueue_bytes, bytes);
		user_counts_put(user);
		return -EMFILE;
	}
	*q = (struct mqueue){ .max_msgs = attr->maxmsg, .msg_size = attr->msgsize, .user = user, .charged = bytes };
	spin_init(&q->lock, LOCK_MQUEUE);
	rb_init(&q->msgs);
	list_init(&q->receivers);
	list_init(&q->senders);
	waitq_init(&q->wq);
	return 0;
}

void
mqueue_destroy_queue(struct mqueue *q)
{
	struct rbnode *n;

	while ((n = rb_first(&q->msgs)) != NULL) {
		rb_erase(&q->msgs, n);
		mq_msg_free(rb_entry(n, struct mq_msg, node));
	}
	pid_put(q->notify.owner);
	atomic_sub(&q->user->mqueue_bytes, q->charged);
	user_counts_put(q->user);
}

/* --- notification --- */

static struct mq_notification
take_notification(struct mqueue *q)
{
	struct mq_notification n = q->notify;

	spin_assert_held(&q->lock);
	q->notify.owner = NULL;
	return n;
}

/* Tell who was registered that a message came. Takes n's reference. */
static void
tell(const struct mq_notification *n)
{
	struct siginfo_k info;

	if (n->owner == NULL)
		return;
	if (n->how == SIGEV_SIGNAL && n->signo != 0) {
		siginfo_init(&info, n->signo, SI_MESGQ);
		info.abi.rt.pid = pid_nr(process_tgid_current());
		info.abi.rt.uid = cred_current()->uid.val;
		info.abi.rt.value = n->value;
		(void)signal_send_pid(n->owner, n->signo, &info);
	}
	pid_put(n->owner);
}

int
mqueue_notify(struct file *f, const struct abi_sigevent *ev)
{
	struct mqueue *q = mqueue_of(f->vn);
	struct pid *self = process_tgid_current(), *old = NULL;
	int err = 0;

	spin_lock(&q->lock);
	if (ev == NULL) {
		if (q->notify.owner == self)
			old = take_notification(q).owner;
	} else if (q->notify.owner != NULL) {
		err = -EBUSY;
	} else {
		pid_get(self);
		q->notify = (struct mq_notification){ .owner = self, .how = ev->sigev_notify, .signo = ev->sigev_signo, .value = ev->sigev_value };
	}
	spin_unlock(&q->lock);
	pid_put(old);
	return err;
}

/* --- waiting --- */

static nsec_t
time_is_up(struct timer *timer, nsec_t now)
{
	struct mq_waiter *w = container_of(timer, struct mq_waiter, timer);

	(void)now;
	atomic_store(&w->expired, true);
	(void)thread_wake(w->thread);
	return 0;
}

static void
enqueue(struct list *waiters, struct mq_waiter *w)
{
	struct mq_waiter *before;

	list_for_each_reverse(before, waiters, node)
		if (before->rank >= w->rank)
			break;
	list_add(&before->node, &w->node);	/* the head, where all have a lower rank */
}

static void
finish(struct mq_waiter *w, struct mq_msg *m)
{
	list_del(&w->node);
	w->msg = m;
	w->status = 0;
	(void)thread_wake(w->thread);
}

/* In a queue of waiters until somebody finishes w. The lock is held, and let go: 0, -ETIMEDOUT, -ERESTARTSYS. */
static int
wait_served(struct mqueue *q, struct list *waiters, struct mq_waiter *w, nsec_t deadline)
{
	int err = 0;

	w->thread = thread_current();
	w->rank = w->thread->rt_prio;
	w->status = WAITING;
	w->expired = false;
	enqueue(waiters, w);
	timer_init(&w->timer, TIMER_REALTIME, time_is_up);
	if (deadline != NSEC_MAX)
		timer_arm(&w->timer, deadline);
	while (w->status == WAITING && err == 0) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		spin_unlock(&q->lock);
		if (atomic_load(&w->expired))
			err = -ETIMEDOUT;
		else if (thread_signal_pending(thread_current()))
			err = -ERESTARTSYS;
		else
			thread_schedule();
		thread_set_state(THREAD_RUNNING);
		spin_lock(&q->lock);
	}
	if (w->status == WAITING)
		list_del(&w->node);
	else
		err = 0;
	spin_unlock(&q->lock);
	if (deadline != NSEC_MAX)
		(void)timer_cancel_sync(&w->timer);
	return err;
}

/* --- sending and receiving --- */

static void
insert(struct mqueue *q, struct mq_msg *m)
{
	struct rbnode **link = &q->msgs.root, *parent = NULL;

	while (*link != NULL) {
		parent = *link;
		link = m->prio > rb_entry(parent, struct mq_msg, node)->prio ? &parent->left : &parent->right;
	}
	rb_insert(&q->msgs, &m->node, parent, link);
	q->count++;
	q->bytes += m->len;
}

static bool
nonblocking(const struct file *f)
{
	return atomic_load_relaxed(&f->flags) & O_NONBLOCK;
}

int
mqueue_send(struct file *f, struct mq_msg *m, nsec_t deadline)
{
	struct mqueue *q = mqueue_of(f->vn);
	struct mq_notification n = { .owner = NULL };
	struct mq_waiter w = { .msg = m }, *receiver;

	spin_lock(&q->lock);
	if (q->count >= q->max_msgs) {
		if (nonblocking(f)) {
			spin_unlock(&q->lock);
			return -EAGAIN;
		}
		return wait_served(q, &q->senders, &w, deadline);
	}
	receiver = list_first(&q->receivers, struct mq_waiter, node);
	if (receiver != NULL) {
		finish(receiver, m);
	} else {
		insert(q, m);
		if (q->count == 1)
			n = take_notification(q);
	}
	spin_unlock(&q->lock);
	if (receiver == NULL)
		waitq_wake(&q->wq, 0, POLLIN | POLLRDNORM);
	tell(&n);
	vnode_touch(f->vn, VT_MTIME | VT_CTIME);
	return 0;
}

int
mqueue_receive(struct file *f, nsec_t deadline, struct mq_msg **m)
{
	struct mqueue *q = mqueue_of(f->vn);
	struct mq_waiter w = { .msg = NULL }, *sender;
	int err;

	spin_lock(&q->lock);
	if (q->count == 0) {
		if (nonblocking(f)) {
			spin_unlock(&q->lock);
			return -EAGAIN;
		}
		err = wait_served(q, &q->receivers, &w, deadline);
		*m = w.msg;
		return err;
	}
	*m = rb_entry(rb_first(&q->msgs), struct mq_msg, node);
	rb_erase(&q->msgs, &(*m)->node);
	q->count--;
	q->bytes -= (*m)->len;
	sender = list_first(&q->senders, struct mq_waiter, node);
	if (sender != NULL) {
		insert(q, sender->msg);
		finish(sender, NULL);
	}
	spin_unlock(&q->lock);
	waitq_wake(&q->wq, 0, sender != NULL ? POLLIN | POLLRDNORM : POLLOUT | POLLWRNORM);
	vnode_touch(f->vn, VT_ATIME | VT_CTIME);
	return 0;
}

s64
mqueue_msgsize(struct file *f)
{
	return mqueue_of(f->vn)->msg_size;
}

void
mqueue_get_attr(struct file *f, struct abi_mq_attr *attr)
{
	struct mqueue *q = mqueue_of(f->vn);

	*attr = (struct abi_mq_attr){ .flags = atomic_load_relaxed(&f->flags) & O_NONBLOCK, .maxmsg = q->max_msgs, .msgsize = q->msg_size,
		.curmsgs = READ_ONCE(q->count) };
}

/* --- as a file --- */

static u32
mqueue_file_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = mqueue_of(f->vn);
	s64 count;

	poll_wait(pt, f, &q->wq);
	count = READ_ONCE(q->count);
	return (count > 0 ? POLLIN | POLLRDNORM : 0) | (count < q->max_msgs ? POLLOUT | POLLWRNORM : 0);
}

/* What cat shows: mq_overview(7). */
static ssize_t
mqueue_file_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct mqueue *q = mqueue_of(f->vn);
	struct mq_notification *n = &q->notify;
	char text[96];
	size_t len, done;

	spin_lock(&q->lock);
	len = (size_t)scnprintf(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", q->bytes,
		n->owner != NULL ? n->how : 0, n->owner != NULL && n->how == SIGEV_SIGNAL ? n->signo : 0, pid_nr(n->owner));
	spin_unlock(&q->lock);
	if (*pos >= (off_t)len)
		return 0;
	len = MIN(len - (size_t)*pos, iobuf_left(buf));
	done = iobuf_copy_out(buf, text + *pos, len);
	if (done == 0 && len != 0)
		return -EFAULT;
	*pos += (off_t)done;
	vnode_touch(f->vn, VT_ATIME | VT_CTIME);
	return (ssize_t)done;
}

/* A process that closes the queue is not told any more. */
static void
mqueue_file_flush(struct file *f)
{
	(void)mqueue_notify(f, NULL);
}

const struct file_ops mqueue_fops = {
	.read = mqueue_file_read,
	.poll = mqueue_file_poll,
	.flush = mqueue_file_flush,
	.llseek = generic_file_llseek,
};

bool
file_is_mqueue(const struct file *f)
{
	return f->ops == &mqueue_fops;
}
