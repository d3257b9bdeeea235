/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain ports as character devices: /dev/vport2p1, named in /sys/class/virtio-ports/vport2p1/name (the device's number on the bus and
 * the port's on the device). One opener at a time, as on Linux. Reading waits for bytes; without somebody at the host's side
 * it says end of file, and writing waits until there is one.
 *
 * Lock key: [I] immutable  [a] atomic  [s] lock, a mutex: one reader at a time
 */
#include "dev/chrdev.h"
#include "dev/virtio/console.h"
#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/ringbuf.h"
#include "sys/lib/string.h"

#define VPORT_MAJOR	245u		/* Linux's, on Debian: dynamic */
#define VPORT_MINORS	256u
#define IN_SIZE		4096u		/* a power of two */
#define CHUNK		512u

struct vport_char {
	struct vport *port;		/* [I] reference */
	struct refcount refs;		/* [a] */
	struct chrdev chrdev;
	struct device device;
	u32 minor;			/* [I] */
	u32 opened;			/* [a] */
	bool gone;			/* [a] */
	struct mutex lock;		/* LOCK_TTY: copies to and from users */
	struct spinlock in_lock;	/* LOCK_TTY_BUF */
	u8 in[IN_SIZE];			/* [in_lock] */
	u32 in_head, in_tail;		/* [in_lock] free-running */
	struct waitq read_wq, write_wq;
};

static const struct device_class vport_class = { .name = "virtio-ports" };
static struct mutex minors_lock = MUTEX_INIT(minors_lock, LOCK_LEAF_SLEEP);
static u64 minors[VPORT_MINORS / 64];	/* [minors_lock] bits */

static void
char_hold(void *priv)
{
	refcount_get(&((struct vport_char *)priv)->refs);
}

static void
char_put(struct vport_char *c)
{
	if (!refcount_put(&c->refs))
		return;
	mutex_lock(&minors_lock);
	minors[c->minor / 64] &= ~(1UL << (c->minor % 64));
	mutex_unlock(&minors_lock);
	port_put(c->port);
	kmem_free(c);
}

/* --- the port's user --- */

static u32
char_take(struct vport *p, const u8 *data, u32 n)
{
	struct vport_char *c = p->user;
	u64 flags = spin_lock_irqsave(&c->in_lock);

	n = MIN(n, IN_SIZE - (c->in_head - c->in_tail));
	for (u32 i = 0; i < n; i++)
		c->in[c->in_head++ % IN_SIZE] = data[i];
	spin_unlock_irqrestore(&c->in_lock, flags);
	if (n > 0)
		waitq_wake(&c->read_wq, 0, POLLIN | POLLRDNORM);
	return n;
}

static void
char_sent(struct vport *p)
{
	waitq_wake(&((struct vport_char *)p->user)->write_wq, 0, POLLOUT | POLLWRNORM);
}

static const struct port_ops char_ops = { .take = char_take, .sent = char_sent };

/* --- files --- */

static int
vport_open(struct vnode *vn, struct file *f)
{
	struct vport_char *c = f->priv;

	(void)vn;
	if (atomic_load_relaxed(&c->gone) || !atomic_cas(&c->opened, 0u, 1u)) {
		int err = atomic_load_relaxed(&c->gone) ? -ENXIO : -EBUSY;

		char_put(c);
		return err;
	}
	console_send(c->port->vc, c->port->id, CONTROL_PORT_OPEN, 1);
	return 0;
}

static void
vport_release(struct file *f)
{
	struct vport_char *c = f->priv;
	u64 flags;

	if (!atomic_load_relaxed(&c->gone))
		console_send(c->port->vc, c->port->id, CONTROL_PORT_OPEN, 0);
	flags = spin_lock_irqsave(&c->in_lock);
	c->in_tail = c->in_head;	/* what nobody read is nobody's */
	spin_unlock_irqrestore(&c->in_lock, flags);
	port_deliver(c->port);
	atomic_store(&c->opened, 0u);
	char_put(c);
}

static bool
readable(struct vport_char *c)
{
	return READ_ONCE(c->in_head) != READ_ONCE(c->in_tail) || !atomic_load_relaxed(&c->port->host_open) || atomic_load_relaxed(&c->gone);
}

/* Up to `max` bytes that have come, taken. */
static u32
take_in(struct vport_char *c, u8 *to, u32 max)
{
	u64 flags = spin_lock_irqsave(&c->in_lock);
	u32 n = MIN(max, c->in_head - c->in_tail);

	for (u32 i = 0; i < n; i++)
		to[i] = c->in[c->in_tail++ % IN_SIZE];
	spin_unlock_irqrestore(&c->in_lock, flags);
	return n;
}

static ssize_t
vport_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vport_char *c = f->priv;
	ssize_t done = 0;
	int err = 0;

	(void)pos;
	if (iobuf_left(buf) == 0)
		return 0;
	if (!readable(c) && (atomic_load_relaxed(&f->flags) & O_NONBLOCK))
		return -EAGAIN;
	err = wait_event_interruptible(&c->read_wq, readable(c));
	if (err != 0)
		return err;
	mutex_lock(&c->lock);
	while (iobuf_left(buf) > 0 && err == 0) {
		u8 chunk[CHUNK];
		u32 n = take_in(c, chunk, (u32)MIN(iobuf_left(buf), (size_t)CHUNK));

		if (n == 0)
			break;
		if (iobuf_copy_out(buf, chunk, n) != n)
			err = -EFAULT;
		else
			done += n;
	}
	mutex_unlock(&c->lock);
	port_deliver(c->port);
	if (done == 0 && err == 0 && atomic_load_relaxed(&c->gone))
		err = -ENODEV;
	return done > 0 ? done : err;
}

static bool
writable(struct vport_char *c)
{
	return (port_write_room(c->port) > 0 && atomic_load_relaxed(&c->port->host_open)) || atomic_load_relaxed(&c->gone);
}

static ssize_t
vport_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vport_char *c = f->priv;
	ssize_t done = 0;
	int err = 0;

	(void)pos;
	while (iobuf_left(buf) > 0) {
		u8 chunk[CHUNK];
		u32 n;

		if (!writable(c) && (atomic_load_relaxed(&f->flags) & O_NONBLOCK))
			err = -EAGAIN;
		else
			err = wait_event_interruptible(&c->write_wq, writable(c));
		if (err == 0 && atomic_load_relaxed(&c->gone))
			err = -ENODEV;
		if (err != 0)
			break;
		mutex_lock(&c->lock);
		n = MIN((u32)MIN(iobuf_left(buf), (size_t)CHUNK), port_write_room(c->port));
		if (iobuf_copy_in(buf, chunk, n) != n)
			err = -EFAULT;
		else
			done += port_write(c->port, chunk, n);
		mutex_unlock(&c->lock);
		if (err != 0)
			break;
	}
	return done > 0 ? done : err;
}

static u32
vport_poll(struct file *f, struct poll_table *pt)
{
	struct vport_char *c = f->priv;
	u32 events = 0;

	poll_wait(pt, f, &c->read_wq);
	poll_wait(pt, f, &c->write_wq);
	if (atomic_load_relaxed(&c->gone))
		return POLLHUP;
	if (READ_ONCE(c->in_head) != READ_ONCE(c->in_tail))
		events |= POLLIN | POLLRDNORM;
	if (writable(c))
		events |= POLLOUT;
	if (!atomic_load_relaxed(&c->port->host_open))
		events |= POLLHUP;
	return events;
}

static const struct file_ops vport_fops = {
	.read = vport_read,
	.write = vport_write,
	.poll = vport_poll,
	.open = vport_open,
	.release = vport_release,
};

/* --- life --- */

static int
name_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%s\n", container_of(d, struct vport_char, device)->port->name);
	return 0;
}

static const struct device_attr name_attr = { .name = "name", .mode = 0444, .show = name_show };
static const struct device_attr *const attrs[] = { &name_attr, NULL };

static void
release(struct device *d)
{
	char_put(container_of(d, struct vport_char, device));
}

static int
take_minor(struct vport_char *c)
{
	int err = -ENOSPC;

	mutex_lock(&minors_lock);
	for (u32 i = 0; err != 0 && i < VPORT_MINORS; i++) {
		if (!(minors[i / 64] >> (i % 64) & 1)) {
			minors[i / 64] |= 1UL << (i % 64);
			c->minor = i;
			err = 0;
		}
	}
	mutex_unlock(&minors_lock);
	return err;
}

int
vport_attach(struct vport *p)
{
	struct vport_char *c = kmem_alloc(sizeof(*c), KM_ZERO);
	int err;

	if (c == NULL)
		return -ENOMEM;
	err = take_minor(c);
	if (err != 0) {
		kmem_free(c);
		return err;
	}
	refcount_init(&c->refs, 2);		/* ours, and the device's */
	port_get(p);
	c->port = p;
	mutex_init(&c->lock, LOCK_TTY);
	spin_init(&c->in_lock, LOCK_TTY_BUF);
	waitq_init(&c->read_wq);
	waitq_init(&c->write_wq);
	c->chrdev = (struct chrdev){ .name = "virtio-portsdev", .major = VPORT_MAJOR, .first = c->minor, .count = 1, .ops = &vport_fops,
		.priv = c, .hold = char_hold };
	c->device = (struct device){ .class = &vport_class, .parent = &p->vc->vd->dev, .devt = DEV_NUMBER(VPORT_MAJOR, c->minor), .attrs = attrs,
		.release = release };
	snprintf(c->device.name, sizeof(c->device.name), "vport%up%u", p->vc->vd->index, p->id);
	err = chrdev_register(&c->chrdev);
	if (err != 0)
		goto out_put;
	err = device_register(&c->device);
	if (err != 0)
		goto out_chrdev;
	port_set_ops(p, &char_ops, c);
	return 0;
out_chrdev:
	chrdev_unregister(&c->chrdev);
out_put:
	char_put(c);
	char_put(c);
	return err;
}

void
vport_detach(struct vport *p)
{
	struct vport_char *c = p->user;

	chrdev_unregister(&c->chrdev);
	atomic_store_release(&c->gone, true);
	waitq_wake(&c->read_wq, 0, POLLIN | POLLHUP);
	waitq_wake(&c->write_wq, 0, POLLOUT | POLLHUP);
	device_unregister(&c->device);
	char_put(c);
}

void
vport_host_changed(struct vport *p)
{
	struct vport_char *c = p->user;

	waitq_wake(&c->read_wq, 0, POLLIN | POLLHUP);
	waitq_wake(&c->write_wq, 0, POLLOUT);
}
