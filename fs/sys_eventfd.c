/* SPDX-License-Identifier: BSD-2-Clause */
/* eventfd(2): a counter as a file. */
#include "fs/eventfd.h"
#include "fs/fdtable.h"
#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/wait.h"
#include "syscall_protos.h"

#define EFD_SEMAPHORE	1
#define EVENTFD_MAX	(UINT64_MAX - 1)

struct eventfd {
	struct spinlock lock;	/* LOCK_EVENT; irqs off, like all of its class */
	u64 count;		/* [lock] */
	bool semaphore;		/* [I] */
	struct waitq wq;
};

/* Take what a read gets; false where there is nothing. */
static bool
take(struct eventfd *e, u64 *value)
{
	spin_lock_irq(&e->lock);
	*value = e->count == 0 ? 0 : e->semaphore ? 1 : e->count;
	e->count -= *value;
	spin_unlock_irq(&e->lock);
	return *value != 0;
}

/* False where the sum would be more than the maximum. */
static bool
give(struct eventfd *e, u64 value)
{
	bool fits;

	spin_lock_irq(&e->lock);
	fits = value <= EVENTFD_MAX - e->count;
	if (fits)
		e->count += value;
	spin_unlock_irq(&e->lock);
	return fits;
}

static ssize_t
eventfd_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct eventfd *e = f->priv;
	bool nonblock = atomic_load_relaxed(&f->flags) & O_NONBLOCK;
	u64 value;
	int err = 0;

	(void)pos;
	if (iobuf_left(buf) < sizeof(value))
		return -EINVAL;
	if (!take(e, &value)) {
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, take(e, &value));
		if (err != 0)
			return err;
	}
	waitq_wake(&e->wq, 0, POLLOUT | POLLWRNORM);
	return iobuf_copy_out(buf, &value, sizeof(value)) == sizeof(value) ? (ssize_t)sizeof(value) : -EFAULT;
}

static ssize_t
eventfd_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct eventfd *e = f->priv;
	u64 value;
	int err;

	(void)pos;
	if (iobuf_left(buf) < sizeof(value))
		return -EINVAL;
	if (iobuf_copy_in(buf, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	if (!give(e, value)) {
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, give(e, value));
		if (err != 0)
			return err;
	}
	waitq_wake(&e->wq, 0, POLLIN | POLLRDNORM);
	return sizeof(value);
}

static u32
eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;
	u64 count;

	poll_wait(pt, f, &e->wq);
	count = READ_ONCE(e->count);
	return (count > 0 ? POLLIN | POLLRDNORM : 0) | (count < EVENTFD_MAX ? POLLOUT | POLLWRNORM : 0);
}

static void
eventfd_release(struct file *f)
{
	kmem_free(f->priv);
}

static void
eventfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct eventfd *e = f->priv;

	strbuf_printf(out, "eventfd-count: %16lx\n", READ_ONCE(e->count));
}

static const struct file_ops eventfd_fops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_fdinfo = eventfd_show_fdinfo,
};

int
eventfd_get_file(int fd, struct file **out)
{
	struct file *f = fd_get_file(fd);

	if (f == NULL)
		return -EBADF;
	if (f->ops != &eventfd_fops) {
		file_put(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

void
eventfd_signal(struct file *f)
{
	struct eventfd *e = f->priv;
	u64 irq = spin_lock_irqsave(&e->lock);

	if (e->count < EVENTFD_MAX)
		e->count++;
	spin_unlock_irqrestore(&e->lock, irq);
	waitq_wake(&e->wq, 0, POLLIN | POLLRDNORM);
}

long
sys_eventfd2(unsigned int count, int flags)
{
	struct eventfd *e;
	struct file *f;
	int err;

	if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	e = kmem_alloc(sizeof(*e), KM_USER);
	if (e == NULL)
		return -ENOMEM;
	spin_init(&e->lock, LOCK_EVENT);
	waitq_init(&e->wq);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	err = file_create_anon("eventfd", &eventfd_fops, e, O_RDWR | (flags & O_NONBLOCK), &f);
	if (err != 0) {
		kmem_free(e);
		return err;
	}
	err = fd_install_new(f, 0, flags & O_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}

long
sys_eventfd(unsigned int count)
{
	return sys_eventfd2(count, 0);
}
