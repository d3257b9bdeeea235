/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entropy from the host (virtio 1.2, 5.4): into the random pool at probe and every few minutes, and to readers of /dev/hwrng.
 *
 * There is one buffer and one request at a time. Who wants bytes takes busy (an interruptible wait), asks, and waits for the
 * answer. /dev/hwrng reads from the first device that there is.
 *
 * Lock key: [I] immutable  [l] lock (irqs off)  [a] atomic  [b] who has busy  [R] rngs_lock
 */
#include "dev/chrdev.h"
#include "dev/virtio/virtio.h"
#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/random.h"
#include "sys/timer.h"
#include "sys/wait.h"
#include "sys/work.h"

#define BUFFER_SIZE	256u
#define SEED_SIZE	64u
#define SEED_INTERVAL	(300 * NSEC_PER_SEC)
#define MAJOR_MISC	10u
#define MINOR_HWRNG	183u

struct vrng {
	struct list node;		/* [R] */
	struct virtio_device *vd;	/* [I] until gone */
	struct virtqueue *vq;		/* [I] calls [l] */
	struct refcount refs;		/* [a] */
	struct spinlock lock;		/* LOCK_DISK_HW */
	struct waitq wq;		/* busy is free, the answer is there, the device is gone */
	bool gone;			/* [a] */
	bool busy;			/* [l] somebody uses the buffer */
	bool pending;			/* [l] the device has it */
	bool seeding;			/* [l] and the answer is for the pool */
	bool abandoned;			/* [l] or nobody waits for it any more */
	u32 got;			/* [l] bytes of the answer */
	u8 *buffer;			/* [I], contents [b] */
	u64 address;			/* [I] */
	struct work seed_work;
	struct timer seed_timer;
};

static struct mutex rngs_lock = MUTEX_INIT(rngs_lock, LOCK_LEAF_SLEEP);
static struct list rngs = LIST_INIT(rngs);	/* [R] */
static bool node_made;				/* [a] */

static void
vrng_put(struct vrng *r)
{
	if (refcount_put(&r->refs)) {
		dma_free(r->buffer, BUFFER_SIZE);
		kmem_free(r);
	}
}

/* --- asking --- */

static bool
try_busy(struct vrng *r)
{
	u64 flags = spin_lock_irqsave(&r->lock);
	bool mine = !r->busy;

	r->busy = true;
	spin_unlock_irqrestore(&r->lock, flags);
	return mine;
}

static void
leave(struct vrng *r)
{
	u64 flags = spin_lock_irqsave(&r->lock);

	r->busy = false;
	spin_unlock_irqrestore(&r->lock, flags);
	waitq_wake_all(&r->wq);
}

/* Give the buffer to the device. [b] */
static int
ask(struct vrng *r, u32 n, bool seeding)
{
	struct dma_segment seg = { r->address, n };
	struct virtio_part part = { &seg, 1, true };
	u64 flags = spin_lock_irqsave(&r->lock);
	int err = -ENODEV;

	if (!r->gone)
		err = virtqueue_add(r->vq, &part, 1, r);
	if (err == 0) {
		r->pending = true;
		r->seeding = seeding;
		r->got = 0;
		virtqueue_kick(r->vq);
	}
	spin_unlock_irqrestore(&r->lock, flags);
	return err;
}

static void
vrng_done(struct virtqueue *vq)
{
	struct vrng *r = virtqueue_priv(vq);
	bool seeded = false;
	u32 len;

	spin_lock(&r->lock);
	do {
		virtqueue_callback_off(vq);
		while (virtqueue_get(vq, &len) != NULL) {
			r->pending = false;
			r->got = len;
			seeded = r->seeding;
			r->busy = !r->abandoned;
			r->abandoned = false;
		}
	} while (!virtqueue_callback_on(vq));
	spin_unlock(&r->lock);
	if (seeded)
		work_queue(&r->seed_work);
	else
		waitq_wake_all(&r->wq);
}

/* --- the pool --- */

/* An answer for the pool, or the time to ask for one. */
static void
seed_worker(struct work *w)
{
	struct vrng *r = container_of(w, struct vrng, seed_work);
	u64 flags = spin_lock_irqsave(&r->lock);
	bool answer = r->seeding && !r->pending;

	r->seeding = r->seeding && !answer;
	spin_unlock_irqrestore(&r->lock, flags);
	if (answer) {
		random_mix(r->buffer, r->got, r->got * 8);
		memset(r->buffer, 0, BUFFER_SIZE);
		leave(r);
	} else if (try_busy(r) && ask(r, SEED_SIZE, true) != 0) {
		leave(r);
	}
}

static nsec_t
seed_time(struct timer *t, nsec_t now)
{
	struct vrng *r = container_of(t, struct vrng, seed_timer);

	work_queue(&r->seed_work);
	return now + SEED_INTERVAL;
}

/* --- /dev/hwrng --- */

static struct vrng *
first_rng(void)
{
	struct vrng *r;

	mutex_lock(&rngs_lock);
	r = list_first(&rngs, struct vrng, node);
	if (r != NULL)
		refcount_get(&r->refs);
	mutex_unlock(&rngs_lock);
	return r;
}

/* An answer of up to n bytes for a reader: its length, -EAGAIN, -ERESTARTSYS, -ENODEV. With the buffer held, if positive. */
static ssize_t
answer_for_reader(struct vrng *r, u32 n, bool nonblock)
{
	int err = 0;
	u64 flags;

	if (!try_busy(r)) {
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(&r->wq, atomic_load_relaxed(&r->gone) || try_busy(r));
		if (err != 0)
			return err;
		if (atomic_load_relaxed(&r->gone))
			return -ENODEV;
	}
	err = ask(r, n, false);
	if (err == 0)
		err = wait_event_interruptible(&r->wq, !READ_ONCE(r->pending) || atomic_load_relaxed(&r->gone));
	flags = spin_lock_irqsave(&r->lock);
	if (r->pending) {	/* the buffer is the device's until it comes back */
		r->abandoned = true;
		spin_unlock_irqrestore(&r->lock, flags);
		return err != 0 ? err : -ENODEV;
	}
	n = r->got;
	spin_unlock_irqrestore(&r->lock, flags);
	if (err == 0 && n > 0)
		return n;
	leave(r);
	return err != 0 ? err : -EIO;
}

static ssize_t
hwrng_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	bool nonblock = atomic_load_relaxed(&f->flags) & O_NONBLOCK;
	struct vrng *r = first_rng();
	ssize_t n = 0;
	size_t done = 0;

	(void)pos;
	if (r == NULL)
		return -ENODEV;
	while (iobuf_left(buf) > 0) {
		size_t copied;

		n = answer_for_reader(r, (u32)MIN(iobuf_left(buf), (size_t)BUFFER_SIZE), nonblock);
		if (n <= 0)
			break;
		copied = iobuf_copy_out(buf, r->buffer, (size_t)n);
		memset(r->buffer, 0, BUFFER_SIZE);
		leave(r);
		done += copied;
		if (copied < (size_t)n) {
			n = -EFAULT;
			break;
		}
		if (thread_signal_pending(thread_current())) {
			n = -ERESTARTSYS;
			break;
		}
	}
	vrng_put(r);
	return done > 0 ? (ssize_t)done : n;
}

static const struct file_ops hwrng_fops = { .read = hwrng_read };
static struct chrdev hwrng_chrdev = { .name = "hwrng", .major = MAJOR_MISC, .first = MINOR_HWRNG, .count = 1, .ops = &hwrng_fops };
static struct device hwrng_device = { .name = "hwrng", .class = &device_class_misc, .devt = DEV_NUMBER(MAJOR_MISC, MINOR_HWRNG) };

/* --- life --- */

/* The node is made with the first device and stays: without one, reading says ENODEV. */
static void
make_node(void)
{
	if (atomic_xchg(&node_made, true))
		return;
	if (chrdev_register(&hwrng_chrdev) != 0 || device_register(&hwrng_device) != 0)
		log_err("virtio-rng: cannot register hwrng");
}

static int
vrng_probe(struct virtio_device *vd)
{
	struct vrng *r = kmem_alloc(sizeof(*r), KM_ZERO);
	struct virtqueue_spec spec = { .name = "input", .callback = vrng_done, .priv = r, .size_max = 8 };
	int err = -ENOMEM;

	if (r == NULL)
		return -ENOMEM;
	refcount_init(&r->refs, 1);
	spin_init(&r->lock, LOCK_DISK_HW);
	waitq_init(&r->wq);
	work_init(&r->seed_work, seed_worker);
	timer_init(&r->seed_timer, TIMER_MONOTONIC, seed_time);
	r->vd = vd;
	r->buffer = dma_alloc(&vd->dma, BUFFER_SIZE, &r->address);
	if (r->buffer == NULL)
		goto out_free;
	err = virtio_queues_create(vd, 1, &spec);
	if (err != 0)
		goto out_buffer;
	r->vq = vd->queues[0];
	vd->priv = r;
	virtio_device_ready(vd);
	mutex_lock(&rngs_lock);
	list_add_tail(&rngs, &r->node);
	mutex_unlock(&rngs_lock);
	make_node();
	work_queue(&r->seed_work);
	timer_arm(&r->seed_timer, clock_now() + SEED_INTERVAL);
	return 0;
out_buffer:
	dma_free(r->buffer, BUFFER_SIZE);
out_free:
	kmem_free(r);
	return err;
}

static void
vrng_remove(struct virtio_device *vd)
{
	struct vrng *r = vd->priv;
	u64 flags;

	mutex_lock(&rngs_lock);
	list_del(&r->node);
	mutex_unlock(&rngs_lock);
	timer_cancel_sync(&r->seed_timer);
	flags = spin_lock_irqsave(&r->lock);
	atomic_store_relaxed(&r->gone, true);
	spin_unlock_irqrestore(&r->lock, flags);
	waitq_wake_all(&r->wq);
	(void)virtio_device_stop(vd);
	work_flush(&r->seed_work);
	while (virtqueue_detach(r->vq) != NULL)
		;
	virtio_queues_destroy(vd);
	vrng_put(r);
}

static struct virtio_driver driver = { .name = "virtio_rng", .device_id = VIRTIO_ID_RNG, .probe = vrng_probe, .remove = vrng_remove };

void
virtio_rng_init(void)
{
	virtio_driver_register(&driver);
}
