/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals as files: open, read, write, poll, close, hang-up, and the way of input from the driver to the line discipline.
 */
#include "dev/tty/tty.h"

#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/signal.h"

#define WRITE_CHUNK	512u
#define ROOM_MIN	8u	/* the longest thing that one byte of output becomes */
#define CLOSING_WAIT	(30 * NSEC_PER_SEC)	/* the last close waits so long for output to leave, as on Linux */

/* One open file of a tty. */
struct tty_open {
	struct tty *tty;	/* [I] reference */
	u32 hangups;		/* [I] tty->hangups at open */
	bool console;		/* [I] opened as /dev/console */
};

struct tty *
tty_of_file(struct file *f)
{
	return f->ops == &tty_fops && f->priv != NULL ? ((struct tty_open *)f->priv)->tty : NULL;
}

bool
tty_hung_up(struct file *f)
{
	struct tty_open *o = f->priv;

	return !o->console && atomic_load_relaxed(&o->tty->hangups) != o->hangups;
}

void
tty_file_is_console(struct file *f)
{
	struct tty_open *o = f->priv;

	o->console = true;
}

/* --- between line discipline and driver --- */

static struct tty *
tty_of_ldisc(struct ldisc *ld)
{
	return container_of(ld, struct tty, ldisc);
}

static u32
out_put(struct ldisc *ld, const u8 *p, u32 n)
{
	struct tty *tty = tty_of_ldisc(ld);

	return tty->ops->write(tty, p, n);
}

static u32
out_room(struct ldisc *ld)
{
	struct tty *tty = tty_of_ldisc(ld);

	return tty->ops->write_room(tty);
}

static void
out_signal(struct ldisc *ld, int sig)
{
	tty_signal_pgrp(tty_of_ldisc(ld), sig);
}

static void
out_flush(struct ldisc *ld)
{
	struct tty *tty = tty_of_ldisc(ld);

	if (tty->ops->flush_buffer != NULL)
		tty->ops->flush_buffer(tty);
	waitq_wake(&tty->write_wq, 0, POLLOUT | POLLWRNORM);
}

static void
out_stop(struct ldisc *ld, bool stop)
{
	struct tty *tty = tty_of_ldisc(ld);

	if (tty->ops->stop != NULL)
		tty->ops->stop(tty, stop);
	if (tty->ops->packet != NULL && tty->packet)
		tty->ops->packet(tty, stop ? TIOCPKT_STOP : TIOCPKT_START);
	if (!stop)
		waitq_wake(&tty->write_wq, 0, POLLOUT | POLLWRNORM);
}

static const struct ldisc_ops tty_ldisc_ops = {
	.put = out_put,
	.room = out_room,
	.signal = out_signal,
	.flush_output = out_flush,
	.stop = out_stop,
};

/* --- input --- */

void
tty_receive(struct tty *tty, const u8 *p, const u8 *kinds, u32 n)
{
	u64 flags = spin_lock_irqsave(&tty->flip_lock);

	for (u32 i = 0; i < n; i++) {
		u32 at = tty->flip_head % TTY_FLIP_SIZE;

		if (tty->flip_head - tty->flip_tail == TTY_FLIP_SIZE) {
			tty->flip_overrun = true;
			break;
		}
		tty->flip[at] = p[i];
		tty->flip_flags[at] = kinds != NULL ? kinds[i] : LD_NORMAL;
		tty->flip_head++;
	}
	spin_unlock_irqrestore(&tty->flip_lock, flags);
	work_queue(&tty->input_work);
}

u32
tty_receive_room(struct tty *tty)
{
	return TTY_FLIP_SIZE - (READ_ONCE(tty->flip_head) - READ_ONCE(tty->flip_tail));
}

/* A piece of the flip ring, without taking it. */
static u32
flip_peek(struct tty *tty, u8 *p, u8 *kinds, u32 max)
{
	u32 n;

	spin_lock_irq(&tty->flip_lock);
	n = MIN(max, tty->flip_head - tty->flip_tail);
	for (u32 i = 0; i < n; i++) {
		p[i] = tty->flip[(tty->flip_tail + i) % TTY_FLIP_SIZE];
		kinds[i] = tty->flip_flags[(tty->flip_tail + i) % TTY_FLIP_SIZE];
	}
	spin_unlock_irq(&tty->flip_lock);
	return n;
}

static void
flip_take(struct tty *tty, u32 n)
{
	spin_lock_irq(&tty->flip_lock);
	tty->flip_tail += n;
	spin_unlock_irq(&tty->flip_lock);
}

static void
set_throttle(struct tty *tty, bool on)
{
	if (tty->throttled == on)
		return;
	tty->throttled = on;
	if (tty->ops->throttle != NULL)
		tty->ops->throttle(tty, on);
}

static void
input_work(struct work *w)
{
	struct tty *tty = container_of(w, struct tty, input_work);
	u8 bytes[64], kinds[64];
	bool any = false;
	u32 n, taken;

	mutex_lock(&tty->lock);
	do {
		n = flip_peek(tty, bytes, kinds, sizeof(bytes));
		taken = ldisc_receive(&tty->ldisc, bytes, kinds, n);
		flip_take(tty, taken);
		any |= taken > 0;
	} while (n > 0 && taken == n);
	/* What is left waits for a reader, who queues this work again. */
	set_throttle(tty, taken < n);
	mutex_unlock(&tty->lock);
	if (ldisc_readable(&tty->ldisc, 1))
		waitq_wake(&tty->read_wq, 0, POLLIN | POLLRDNORM);
	if (tty->ops->input_taken != NULL && any)
		tty->ops->input_taken(tty);
}

/* The driver has room: for writers, and for echoes that waited. */
void
tty_write_wakeup(struct tty *tty)
{
	waitq_wake(&tty->write_wq, 0, POLLOUT | POLLWRNORM);
	if (READ_ONCE(tty->ldisc.echo_head) != READ_ONCE(tty->ldisc.echo_tail))
		work_queue(&tty->echo_work);
}

static void
echo_work(struct work *w)
{
	struct tty *tty = container_of(w, struct tty, echo_work);

	mutex_lock(&tty->lock);
	ldisc_flush_echo(&tty->ldisc);
	mutex_unlock(&tty->lock);
}

/* --- life --- */

static void
release_work(struct work *w)
{
	struct tty *tty = container_of(w, struct tty, release_work);

	work_flush(&tty->input_work);
	work_flush(&tty->echo_work);
	work_flush(&tty->hangup_work);
	pid_put(tty->session);
	pid_put(tty->pgrp);
	if (tty->ops->release != NULL)
		tty->ops->release(tty);
}

static void
hangup_work(struct work *w)
{
	tty_hangup(container_of(w, struct tty, hangup_work));
}

void
tty_init(struct tty *tty, const struct tty_ops *ops, void *priv, const char *name, dev_t devt)
{
	tty->ops = ops;
	tty->priv = priv;
	strlcpy(tty->name, name, sizeof(tty->name));
	tty->devt = devt;
	refcount_init(&tty->refs, 1);
	mutex_init(&tty->ctl, LOCK_TTY_CTL);
	mutex_init(&tty->write_mutex, LOCK_TTY_WRITE);
	mutex_init(&tty->lock, LOCK_TTY);
	ldisc_init(&tty->ldisc, &tty_ldisc_ops);
	waitq_init(&tty->read_wq);
	waitq_init(&tty->write_wq);
	spin_init(&tty->job, LOCK_LEAF);
	spin_init(&tty->flip_lock, LOCK_TTY_BUF);
	work_init(&tty->input_work, input_work);
	work_init(&tty->echo_work, echo_work);
	work_init(&tty->hangup_work, hangup_work);
	work_init(&tty->release_work, release_work);
}

int
tty_register(struct tty *tty)
{
	u32 minor = (u32)((tty->devt >> 12) & 0xffffff00u) | (u32)(tty->devt & 0xffu);
	int err;

	tty->chrdev = (struct chrdev){ .name = "tty", .major = (u32)(tty->devt >> 8) & 0xfffu, .first = minor, .count = 1,
		.ops = &tty_fops, .priv = tty, .hold = tty_hold };
	err = chrdev_register(&tty->chrdev);
	if (err != 0)
		return err;
	strlcpy(tty->device.name, tty->name, sizeof(tty->device.name));
	tty->device.class = &device_class_tty;
	tty->device.devt = tty->devt;
	tty->device.mode = 0620;
	tty->device.gid = 5;	/* group tty, as Debian numbers it */
	err = device_register(&tty->device);
	if (err != 0)
		chrdev_unregister(&tty->chrdev);
	return err;
}

void
tty_unregister(struct tty *tty)
{
	device_unregister(&tty->device);
	chrdev_unregister(&tty->chrdev);
	tty_hangup(tty);
	tty_put(tty);
}

void
tty_get(struct tty *tty)
{
	refcount_get(&tty->refs);
}

void
tty_hold(void *priv)
{
	tty_get(priv);
}

void
tty_put(struct tty *tty)
{
	if (refcount_put(&tty->refs))
		work_queue(&tty->release_work);
}

/* --- open and close --- */

int
tty_open_file(struct tty *tty, struct file *f)
{
	struct tty_open *o = kmem_alloc(sizeof(*o), KM_USER);
	int err;

	if (o == NULL)
		return -ENOMEM;
	err = mutex_lock_interruptible(&tty->ctl);
	if (err != 0)
		goto out_free;
	err = tty->exclusive && tty->opens > 0 && !capable(CAP_SYS_ADMIN) ? -EBUSY : 0;
	if (err == 0 && tty->opens == 0 && tty->ops->open != NULL)
		err = tty->ops->open(tty);
	if (err != 0)
		goto out_unlock;
	tty->opens++;
	o->tty = tty;
	o->console = false;
	o->hangups = atomic_load(&tty->hangups);
	mutex_unlock(&tty->ctl);
	tty_get(tty);
	f->ops = &tty_fops;
	f->priv = o;
	f->mode |= FMODE_STREAM;
	f->mode &= ~(u32)(FMODE_SEEK | FMODE_PREAD | FMODE_PWRITE);
	tty_open_ctty(tty, (f->flags & O_NOCTTY) || !(f->mode & FMODE_READ));
	return 0;
out_unlock:
	mutex_unlock(&tty->ctl);
out_free:
	kmem_free(o);
	return err;
}

static int
tty_open(struct vnode *vn, struct file *f)
{
	struct tty *tty = f->priv;	/* with the reference of tty_hold() */
	int err;

	(void)vn;
	f->priv = NULL;
	err = tty_open_file(tty, f);
	tty_put(tty);
	return err;
}

int
tty_wait_sent(struct tty *tty, nsec_t deadline)
{
	if (tty->ops->chars_in_buffer == NULL)
		return 0;
	return wait_event_interruptible_until(&tty->write_wq, tty->ops->chars_in_buffer(tty) == 0, deadline);
}

static void
tty_release(struct file *f)
{
	struct tty_open *o = f->priv;
	struct tty *tty = o->tty;

	mutex_lock(&tty->ctl);
	if (--tty->opens == 0) {
		/* A signal ends the wait of a program that closes; one that exits gets none any more. */
		if (READ_ONCE(tty->flow_off))
			out_flush(&tty->ldisc);
		if (!tty_hung_up(f) && tty_wait_sent(tty, clock_now() + CLOSING_WAIT) != 0)
			out_flush(&tty->ldisc);
		if (tty->ops->close != NULL)
			tty->ops->close(tty);
		tty->exclusive = false;
	}
	mutex_unlock(&tty->ctl);
	kmem_free(o);
	tty_put(tty);
}

/* --- read --- */

/* MIN and TIME of a raw read; canonical mode is MIN 1 without time. */
static void
read_limits(struct tty *tty, u32 *min, nsec_t *time)
{
	const struct abi_termios *t = &tty->ldisc.t;

	*min = 1;
	*time = 0;
	if (!(t->c_lflag & ICANON)) {
		*min = t->c_cc[VMIN];
		*time = t->c_cc[VTIME] * (NSEC_PER_SEC / 10);
	}
}

/* Take what is there. tty->lock held. Bytes, or -EFAULT; *end: the read is over whatever was asked for. */
static ssize_t
take_input(struct tty *tty, struct iobuf *buf, bool *end)
{
	size_t done = 0;
	u8 chunk[128];

	*end = false;
	while (iobuf_left(buf) > 0 && !*end) {
		u32 want = (u32)MIN(iobuf_left(buf), sizeof(chunk));
		bool eof;
		u32 n = ldisc_read(&tty->ldisc, chunk, want, &eof, end);

		if (n > 0 && iobuf_copy_out(buf, chunk, n) != n)
			return done > 0 ? (ssize_t)done : -EFAULT;
		done += n;
		if (n < want)
			break;
	}
	if (tty->ldisc.t.c_lflag & ICANON && done > 0)
		*end = true;		/* at most one line */
	return (ssize_t)done;
}

static ssize_t
tty_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct tty *tty = tty_of_file(f);
	nsec_t time, deadline = NSEC_MAX;
	ssize_t done = 0, n;
	bool end;
	u32 min;
	int err;

	(void)pos;
	if (tty_hung_up(f))
		return 0;
	err = tty_check_background(tty, SIGTTIN);
	if (err != 0)
		return err;
	read_limits(tty, &min, &time);
	if (time != 0 && min == 0)
		deadline = clock_now() + time;
	for (;;) {
		err = mutex_lock_interruptible(&tty->lock);
		if (err != 0)
			return done > 0 ? done : err;
		n = take_input(tty, buf, &end);
		mutex_unlock(&tty->lock);
		if (READ_ONCE(tty->flip_head) != READ_ONCE(tty->flip_tail))
			work_queue(&tty->input_work);	/* the line discipline was full */
		if (n < 0)
			return done > 0 ? done : n;
		done += n;
		if (end || iobuf_left(buf) == 0 || (done > 0 && (size_t)done >= min) || tty_hung_up(f))
			return done;
		if (min == 0 && time == 0)
			return done;
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return done > 0 ? done : -EAGAIN;
		if (n > 0 && time != 0)
			deadline = clock_now() + time;	/* between bytes */
		err = wait_event_interruptible_until(&tty->read_wq, ldisc_readable(&tty->ldisc, 1) || tty_hung_up(f), deadline);
		if (err != 0)
			return done > 0 || err == -ETIMEDOUT ? done : err;
	}
}

/* --- write --- */

static bool
writable(struct tty *tty)
{
	return !READ_ONCE(tty->ldisc.stopped) && tty->ops->write_room(tty) >= ROOM_MIN;
}

/* All n bytes, or as many as go: bytes, or -errno if none. */
static ssize_t
write_bytes(struct tty *tty, struct file *f, const u8 *p, u32 n)
{
	u32 done = 0;
	int err;

	for (;;) {
		if (tty_hung_up(f))
			return -EIO;
		mutex_lock(&tty->lock);
		done += ldisc_write(&tty->ldisc, p + done, n - done);
		mutex_unlock(&tty->lock);
		if (done == n)
			return n;
		err = -EAGAIN;
		if (!(atomic_load_relaxed(&f->flags) & O_NONBLOCK))
			err = wait_event_interruptible(&tty->write_wq, writable(tty) || tty_hung_up(f));
		if (err != 0)
			return done > 0 ? (ssize_t)done : err;
	}
}

static ssize_t
tty_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct tty *tty = tty_of_file(f);
	u8 chunk[WRITE_CHUNK];
	ssize_t done = 0;
	int err = 0;

	(void)pos;
	if (tty_hung_up(f))
		return -EIO;
	if (tty->ldisc.t.c_lflag & TOSTOP)
		err = tty_check_background(tty, SIGTTOU);
	if (err == 0)
		err = mutex_lock_interruptible(&tty->write_mutex);
	if (err != 0)
		return err;
	while (iobuf_left(buf) > 0) {
		u32 want = (u32)MIN(iobuf_left(buf), sizeof(chunk));
		u32 got = (u32)iobuf_copy_in(buf, chunk, want);
		ssize_t n = got > 0 ? write_bytes(tty, f, chunk, got) : -EFAULT;

		if (n < 0) {
			if (done == 0)
				done = n;
			break;
		}
		done += n;
		if (n < (ssize_t)want)
			break;
	}
	mutex_unlock(&tty->write_mutex);
	return done;
}

static u32
tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *tty = tty_of_file(f);
	nsec_t time;
	u32 ready = 0, min;

	poll_wait(pt, f, &tty->read_wq);
	poll_wait(pt, f, &tty->write_wq);
	if (tty_hung_up(f))
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	read_limits(tty, &min, &time);
	if (ldisc_readable(&tty->ldisc, time != 0 ? 1 : min))
		ready |= POLLIN | POLLRDNORM;
	if (writable(tty))
		ready |= POLLOUT | POLLWRNORM;
	return ready;
}

const struct file_ops tty_fops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.open = tty_open,
	.release = tty_release,
};

/* --- hang-up --- */

void
tty_hangup(struct tty *tty)
{
	struct pid *session, *pgrp;

	mutex_lock(&tty->ctl);
	atomic_add(&tty->hangups, 1);
	mutex_lock(&tty->lock);
	ldisc_flush_input(&tty->ldisc);
	tty->ldisc.echo_tail = tty->ldisc.echo_head;
	tty->ldisc.stopped = tty->flow_off = false;
	out_flush(&tty->ldisc);
	mutex_unlock(&tty->lock);
	mutex_unlock(&tty->ctl);
	waitq_wake(&tty->read_wq, 0, POLLIN | POLLRDNORM | POLLHUP | POLLERR);
	waitq_wake(&tty->write_wq, 0, POLLOUT | POLLWRNORM | POLLHUP | POLLERR);
	spin_lock(&tty->job);
	session = tty->session;
	pgrp = tty->pgrp;
	tty->session = tty->pgrp = NULL;
	spin_unlock(&tty->job);
	if (pgrp != NULL) {
		signal_send_pgrp(pgrp, SIGHUP, NULL);
		signal_send_pgrp(pgrp, SIGCONT, NULL);
	}
	if (session != NULL)
		job_session_clear_tty(session, tty, true);
	pid_put(session);
	pid_put(pgrp);
}

void
tty_hangup_async(struct tty *tty)
{
	work_queue(&tty->hangup_work);
}
