/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo-terminals. The slave is a tty whose driver is a ring towards the master; the master is a file of its own that reads
 * that ring, and whose writes are the slave's input. pty(7), ioctl_tty(2).
 *
 * Lock key: [I] immutable  [a] atomic  [r] ring_lock (LOCK_TTY_BUF)  [T] pty_lock
 * Lifetime: the slave tty's reference count; the master has the first reference.
 */
#include "dev/tty/pty.h"

#include "dev/tty/tty.h"
#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/idalloc.h"
#include "sys/lib/printf.h"
#include "sys/panic.h"
#include "sys/signal.h"

#define RING_SIZE	8192u	/* a power of two */

struct pty {
	struct tty slave;
	u32 index;			/* [I] */
	void *dir;			/* [I] of pty_view: a reference, until the master is closed */
	bool locked;			/* [a] TIOCSPTLCK: the slave can't be opened yet */
	bool master_closed;		/* [a] */
	bool slave_opened;		/* [a] at least once */
	struct spinlock ring_lock;
	u8 ring[RING_SIZE];		/* [r] what the slave wrote */
	u32 head, tail;			/* [r] free-running */
	u8 packet_status;		/* [r] not told yet */
	struct waitq master_read_wq, master_write_wq;
};

int pty_max = 4096;

static struct mutex pty_lock = MUTEX_INIT(pty_lock, LOCK_LEAF_SLEEP);
static struct idalloc pty_ids;		/* [pty_lock] */
static u32 pty_live;			/* [a] */
static const struct pty_view *pty_view;	/* [I] after boot */

static struct pty *
pty_of(struct tty *tty)
{
	return container_of(tty, struct pty, slave);
}

u32
pty_count(void)
{
	return atomic_load_relaxed(&pty_live);
}

void
pty_set_view(const struct pty_view *view)
{
	pty_view = view;
}

static bool
ring_empty(const struct pty *p)
{
	return READ_ONCE(p->head) == READ_ONCE(p->tail);
}

/* The slave was open and is no more: the master's reader is told so. */
static bool
slave_gone(const struct pty *p)
{
	return READ_ONCE(p->slave_opened) && READ_ONCE(p->slave.opens) == 0;
}

/* --- the slave's driver --- */

static int
pty_tty_open(struct tty *tty)
{
	struct pty *p = pty_of(tty);

	if (READ_ONCE(p->locked) || READ_ONCE(p->master_closed))
		return -EIO;
	WRITE_ONCE(p->slave_opened, true);
	return 0;
}

static void
pty_tty_close(struct tty *tty)
{
	struct pty *p = pty_of(tty);

	waitq_wake(&p->master_read_wq, 0, POLLIN | POLLRDNORM | POLLHUP);
	waitq_wake(&p->master_write_wq, 0, POLLOUT | POLLWRNORM | POLLHUP);
}

static u32
pty_tty_write(struct tty *tty, const u8 *data, u32 n)
{
	struct pty *p = pty_of(tty);

	if (READ_ONCE(p->master_closed))
		return n;		/* into the void; writers see the hang-up */
	spin_lock(&p->ring_lock);
	n = MIN(n, RING_SIZE - (p->head - p->tail));
	for (u32 i = 0; i < n; i++)
		p->ring[p->head++ % RING_SIZE] = data[i];
	spin_unlock(&p->ring_lock);
	if (n > 0)
		waitq_wake(&p->master_read_wq, 0, POLLIN | POLLRDNORM);
	return n;
}

static u32
pty_tty_write_room(struct tty *tty)
{
	struct pty *p = pty_of(tty);

	return RING_SIZE - (READ_ONCE(p->head) - READ_ONCE(p->tail));
}

static void
pty_tty_flush_buffer(struct tty *tty)
{
	struct pty *p = pty_of(tty);

	spin_lock(&p->ring_lock);
	p->tail = p->head;
	spin_unlock(&p->ring_lock);
}

static void
pty_tty_input_taken(struct tty *tty)
{
	waitq_wake(&pty_of(tty)->master_write_wq, 0, POLLOUT | POLLWRNORM);
}

static void
pty_tty_packet(struct tty *tty, u8 status)
{
	struct pty *p = pty_of(tty);

	spin_lock(&p->ring_lock);
	if (status & (TIOCPKT_STOP | TIOCPKT_START))
		p->packet_status &= (u8)~(TIOCPKT_STOP | TIOCPKT_START);
	p->packet_status |= status;
	spin_unlock(&p->ring_lock);
	waitq_wake(&p->master_read_wq, 0, POLLIN | POLLPRI);
}

/* A master in packet mode hears whether ^S and ^Q are flow control. */
static void
pty_tty_set_termios(struct tty *tty, const struct abi_termios *old)
{
	const struct abi_termios *t = &tty->ldisc.t;
	bool was = (old->c_iflag & IXON) && old->c_cc[VSTOP] == 0x13 && old->c_cc[VSTART] == 0x11;
	bool is = (t->c_iflag & IXON) && t->c_cc[VSTOP] == 0x13 && t->c_cc[VSTART] == 0x11;

	if (tty->packet && was != is)
		pty_tty_packet(tty, is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
}

static void
pty_tty_release(struct tty *tty)
{
	struct pty *p = pty_of(tty);

	mutex_lock(&pty_lock);
	idalloc_put(&pty_ids, (int)p->index);
	mutex_unlock(&pty_lock);
	atomic_sub(&pty_live, 1);
	kmem_free(p);
}

static const struct tty_ops pty_tty_ops = {
	.open = pty_tty_open,
	.close = pty_tty_close,
	.write = pty_tty_write,
	.write_room = pty_tty_write_room,
	.flush_buffer = pty_tty_flush_buffer,
	.set_termios = pty_tty_set_termios,
	.input_taken = pty_tty_input_taken,
	.packet = pty_tty_packet,
	.release = pty_tty_release,
};

/* --- the master --- */

/* One chunk of the ring, copied without holding its lock over user memory. Bytes; 0: empty; -EFAULT. */
static ssize_t
read_ring(struct pty *p, struct iobuf *buf)
{
	u8 chunk[256];
	u32 n;

	spin_lock(&p->ring_lock);
	n = (u32)MIN(MIN((size_t)(p->head - p->tail), sizeof(chunk)), iobuf_left(buf));
	for (u32 i = 0; i < n; i++)
		chunk[i] = p->ring[p->tail++ % RING_SIZE];
	spin_unlock(&p->ring_lock);
	return n == 0 || iobuf_copy_out(buf, chunk, n) == n ? (ssize_t)n : -EFAULT;
}

/* In packet mode a read begins with a status byte: 1 if only that is told, 0 if data follow. */
static ssize_t
read_status(struct pty *p, struct iobuf *buf)
{
	u8 status;

	spin_lock(&p->ring_lock);
	status = p->packet_status;
	p->packet_status = 0;
	spin_unlock(&p->ring_lock);
	if (status == 0 && ring_empty(p))
		return -EAGAIN;
	if (iobuf_copy_out(buf, &status, 1) != 1)
		return -EFAULT;
	return status != 0;
}

static ssize_t
master_read_once(struct pty *p, struct iobuf *buf)
{
	ssize_t done = 0, n;

	if (READ_ONCE(p->slave.packet)) {
		n = read_status(p, buf);
		if (n != 0)
			return n;
		done = 1;
	}
	while (iobuf_left(buf) > 0 && (n = read_ring(p, buf)) != 0) {
		if (n < 0)
			return done > 0 ? done : n;
		done += n;
	}
	if (done > 0)
		tty_write_wakeup(&p->slave);
	return done > 0 ? done : -EAGAIN;
}

static bool
master_readable(struct pty *p)
{
	return !ring_empty(p) || (READ_ONCE(p->slave.packet) && READ_ONCE(p->packet_status) != 0);
}

static ssize_t
master_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct pty *p = f->priv;

	(void)pos;
	if (iobuf_left(buf) == 0)
		return 0;
	for (;;) {
		bool gone = slave_gone(p);	/* asked before looking: its last output comes first */
		ssize_t n;
		int err;

		smp_mb();
		n = master_read_once(p, buf);
		if (n != -EAGAIN)
			return n;
		if (gone)
			return -EIO;
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&p->master_read_wq, master_readable(p) || slave_gone(p));
		if (err != 0)
			return err;
	}
}

static ssize_t
master_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct pty *p = f->priv;
	ssize_t done = 0;

	(void)pos;
	while (iobuf_left(buf) > 0) {
		u32 room = tty_receive_room(&p->slave);
		u8 chunk[256];
		u32 want = (u32)MIN(MIN(sizeof(chunk), (size_t)room), iobuf_left(buf)), got;
		int err;

		if (slave_gone(p))
			return done > 0 ? done : -EIO;
		if (want == 0) {
			err = -EAGAIN;
			if (!(atomic_load_relaxed(&f->flags) & O_NONBLOCK))
				err = wait_event_interruptible(&p->master_write_wq, tty_receive_room(&p->slave) > 0 || slave_gone(p));
			if (err != 0)
				return done > 0 ? done : err;
			continue;
		}
		got = (u32)iobuf_copy_in(buf, chunk, want);
		tty_receive(&p->slave, chunk, NULL, got);
		done += got;
		if (got < want)
			return done > 0 ? done : -EFAULT;
	}
	return done;
}

static u32
master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->priv;
	u32 ready = 0;

	poll_wait(pt, f, &p->master_read_wq);
	poll_wait(pt, f, &p->master_write_wq);
	if (master_readable(p))
		ready |= POLLIN | POLLRDNORM;
	if (READ_ONCE(p->slave.packet) && READ_ONCE(p->packet_status) != 0)
		ready |= POLLPRI;
	if (slave_gone(p))
		return ready | POLLHUP;
	if (tty_receive_room(&p->slave) > 0)
		ready |= POLLOUT | POLLWRNORM;
	return ready;
}

static long
set_packet(struct pty *p, u64 arg)
{
	u32 on;

	if (get_user_u32(&on, (u32 __user *)arg) != 0)
		return -EFAULT;
	mutex_lock(&p->slave.lock);
	spin_lock(&p->ring_lock);
	if (on != 0 && !p->slave.packet)
		p->packet_status = 0;
	WRITE_ONCE(p->slave.packet, on != 0);
	spin_unlock(&p->ring_lock);
	mutex_unlock(&p->slave.lock);
	return 0;
}

static long
master_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	struct pty *p = f->priv;
	u32 v;
	long ret;

	switch (cmd) {
	case TIOCGPTN:
		return put_user_u32(p->index, (u32 __user *)arg);
	case TIOCSPTLCK:
		if (get_user_u32(&v, (u32 __user *)arg) != 0)
			return -EFAULT;
		WRITE_ONCE(p->locked, v != 0);
		return 0;
	case TIOCGPTLCK:
		return put_user_u32(READ_ONCE(p->locked), (u32 __user *)arg);
	case TIOCPKT:
		return set_packet(p, arg);
	case TIOCGPKT:
		return put_user_u32(READ_ONCE(p->slave.packet), (u32 __user *)arg);
	case TIOCSIG:
		if (arg < 1 || arg > 64 || (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP))
			return -EINVAL;
		tty_signal_pgrp(&p->slave, (int)arg);
		return 0;
	case FIONREAD:
		return put_user_u32(READ_ONCE(p->head) - READ_ONCE(p->tail), (u32 __user *)arg);
	default:
		ret = tty_mode_ioctl(&p->slave, f, cmd, arg, true);
		return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
	}
}

static void
master_release(struct file *f)
{
	struct pty *p = f->priv;

	WRITE_ONCE(p->master_closed, true);
	pty_view->removed(p->dir, p->index);
	chrdev_unregister(&p->slave.chrdev);
	pty_view->put(p->dir);
	tty_hangup(&p->slave);
	tty_put(&p->slave);
}

static const struct file_ops master_fops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
};

/* --- /dev/ptmx --- */

static int
take_index(u32 *index)
{
	int id;

	if (atomic_add(&pty_live, 1) > (u32)READ_ONCE(pty_max)) {
		atomic_sub(&pty_live, 1);
		return -ENOSPC;
	}
	mutex_lock(&pty_lock);
	id = idalloc_get(&pty_ids);
	mutex_unlock(&pty_lock);
	if (id < 0) {
		atomic_sub(&pty_live, 1);
		return id;
	}
	*index = (u32)id;
	return 0;
}

/* A pty with its slave's number taken; the caller owns the slave's first reference. */
static int
pty_create(struct pty **out)
{
	struct pty *p = kmem_alloc(sizeof(*p), KM_USER | KM_ZERO);
	char name[16];
	int err;

	if (p == NULL)
		return -ENOMEM;
	err = take_index(&p->index);
	if (err != 0) {
		kmem_free(p);
		return err;
	}
	spin_init(&p->ring_lock, LOCK_TTY_BUF);
	waitq_init(&p->master_read_wq);
	waitq_init(&p->master_write_wq);
	p->locked = true;
	snprintf(name, sizeof(name), "pts/%u", p->index);
	tty_init(&p->slave, &pty_tty_ops, p, name, DEV_NUMBER(MAJOR_PTS, p->index));
	p->slave.chrdev = (struct chrdev){ .name = "pts", .major = MAJOR_PTS, .first = p->index, .count = 1, .ops = &tty_fops,
		.priv = &p->slave, .hold = tty_hold };
	*out = p;
	return 0;
}

static int
ptmx_open(struct vnode *vn, struct file *f)
{
	const struct cred *c = cred_current();
	struct pty *p;
	void *dir;
	int err;

	(void)vn;
	if (pty_view == NULL)
		return -ENODEV;
	err = pty_view->find(f, &dir);
	if (err != 0)
		return err;
	err = pty_create(&p);
	if (err != 0)
		goto out_dir;
	p->dir = dir;
	err = chrdev_register(&p->slave.chrdev);
	if (err != 0)
		goto out_put;
	err = pty_view->added(dir, p->index, p->slave.devt, c->fsuid, c->fsgid);
	if (err != 0)
		goto out_unregister;
	f->ops = &master_fops;
	f->priv = p;
	f->mode |= FMODE_STREAM;
	f->mode &= ~(u32)(FMODE_SEEK | FMODE_PREAD | FMODE_PWRITE);
	return 0;
out_unregister:
	chrdev_unregister(&p->slave.chrdev);
out_put:
	tty_put(&p->slave);
out_dir:
	pty_view->put(dir);
	return err;
}

static const struct file_ops ptmx_fops = { .open = ptmx_open };
static struct chrdev ptmx_chrdev = { .name = "ptmx", .major = MAJOR_TTYAUX, .first = 2, .count = 1, .ops = &ptmx_fops };
static struct device ptmx_device = { .name = "ptmx", .class = &device_class_tty, .devt = DEV_NUMBER(MAJOR_TTYAUX, 2u), .mode = 0666,
	.gid = 5 };

static void *
id_alloc(size_t size)
{
	return kmem_alloc(size, KM_USER | KM_ZERO);
}

static const struct idalloc_ops id_ops = { .alloc = id_alloc, .free = kmem_free };

void
pty_init(void)
{
	idalloc_init(&pty_ids, 0, 1 << 20, &id_ops);
	if (chrdev_register(&ptmx_chrdev) != 0 || device_register(&ptmx_device) != 0)
		panic("pty: cannot register ptmx");
}
