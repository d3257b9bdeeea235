/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks (virtio 1.2, 5.2): a hardware queue of the block layer for each virtqueue, one of them per CPU as far as the device has so many.
 *
 * A request's header, its discard range and its status byte lie in the queue's command memory, at the request's tag. Completion is in
 * hard-irq context: finished requests are gathered under the queue's lock and ended outside it.
 *
 * A request that is not answered in time may be the victim of a lost interrupt or bell: so first the ring is looked at, and the bell rung
 * again. The second time, and after nonsense in a ring, and when a device asks for it, comes recover(): reset, start again, and all
 * requests that were out go in again. (A reset lets QEMU wait for what it has begun, and the machine with it: so it isn't hurried.) The one
 * that was late too often ends with -ETIMEDOUT; a device that doesn't come back, or answers nothing between RECOVER_MAX resets, is
 * dead: its requests end with -EIO.
 *
 * Lock key: [I] immutable after probe  [l] the queue's lock (LOCK_DISK_HW, irqs off)  [r] recover_lock  [a] atomic  [b] the block layer: one owner at a time
 */
#include "arch/cpu.h"
#include "dev/block.h"
#include "dev/virtio/virtio.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/percpu.h"
#include "sys/wait.h"
#include "sys/work.h"

/* Feature bits [5.2.3]. */
enum { BLK_F_SIZE_MAX = 1, BLK_F_SEG_MAX = 2, BLK_F_GEOMETRY = 4, BLK_F_RO = 5, BLK_F_BLK_SIZE = 6, BLK_F_FLUSH = 9, BLK_F_TOPOLOGY = 10, BLK_F_CONFIG_WCE = 11,
	BLK_F_MQ = 12, BLK_F_DISCARD = 13, BLK_F_WRITE_ZEROES = 14 };

/* Configuration [5.2.4]. */
enum { BLK_CAPACITY = 0, BLK_SIZE_MAX = 8, BLK_SEG_MAX = 12, BLK_CYLINDERS = 16, BLK_HEADS = 18, BLK_SECTORS = 19, BLK_BLK_SIZE = 20, BLK_PHYSICAL_EXP = 24, BLK_WRITEBACK = 32, BLK_NUM_QUEUES = 34,
	BLK_MAX_DISCARD = 36, BLK_MAX_ZEROES = 48 };

/* Requests [5.2.6]. */
enum { BLK_T_IN = 0, BLK_T_OUT = 1, BLK_T_FLUSH = 4, BLK_T_GET_ID = 8, BLK_T_DISCARD = 11, BLK_T_WRITE_ZEROES = 13 };
enum { BLK_S_OK = 0, BLK_S_IOERR = 1, BLK_S_UNSUPP = 2, BLK_S_NONE = 0xff /* ours: not answered */ };

#define ID_SIZE		20
#define TIMEOUT_MS	30000u
#define LATE_MAX	4		/* time-outs of a request; every second one is a reset */
#define RECOVER_MAX	5
#define ID_LIMIT	(2 * NSEC_PER_SEC)
#define SEGMENTS_EXTRA	2		/* header and status */

struct vblk_command {		/* in memory that the device sees */
	u32 type, priority;
	u64 sector;
	struct { u64 sector; u32 count, flags; } range;	/* discard and write-zeroes */
	u8 id[ID_SIZE];		/* of the identification's only */
	u8 status;
	u8 pad[11];
};
_Static_assert(sizeof(struct vblk_command) == 64, "commands are a cache line each");
#define HEADER_SIZE	16
#define RANGE_SIZE	16

struct vblk_request { u32 late; };	/* [b] time-outs it has seen */

struct vblk_queue {
	struct vblk *vb;
	struct virtqueue *vq;		/* [I] calls [l] */
	struct spinlock lock;
	struct vblk_command *commands;	/* [I] one per tag, and one for the identification; contents [b] */
	u64 address;			/* [I] of them */
	size_t size;			/* [I] */
	bool stopped;			/* [l] a reset is going on */
};

struct vblk {
	struct virtio_device *vd;	/* [I] */
	struct disk *disk;		/* [I] */
	u32 nqueues, depth;		/* [I] */
	struct vblk_queue *queues;	/* [I] */
	char id[ID_SIZE + 1];		/* [I] */
	struct waitq id_wq;
	bool id_done;			/* [a] */
	bool live;			/* [a] the disk is there */
	bool write_back;		/* [a] the write cache is on */
	bool dead;			/* [a] no more requests: removed, or beyond recovery */
	struct mutex recover_lock;	/* LOCK_LEAF_SLEEP */
	u32 recoveries;			/* [a] since a request succeeded */
	u32 resets;			/* [a] altogether */
	struct work config_work;	/* capacity or status changed */
	struct work recover_work;	/* a queue is broken */
};

/* --- requests --- */

static u32
type_of(const struct block_request *rq)
{
	switch (rq->op) {
	case BIO_READ:
		return BLK_T_IN;
	case BIO_WRITE:
		return BLK_T_OUT;
	case BIO_FLUSH:
		return BLK_T_FLUSH;
	case BIO_DISCARD:
		return BLK_T_DISCARD;
	default:
		return BLK_T_WRITE_ZEROES;
	}
}

static u64
command_address(const struct vblk_queue *bq, const struct vblk_command *c)
{
	return bq->address + (u64)((const char *)c - (const char *)bq->commands);
}

static int
vblk_submit(struct block_queue *q, struct block_request *rq)
{
	struct vblk *vb = block_queue_disk(q)->priv;
	struct vblk_queue *bq = &vb->queues[rq->hwq];
	struct vblk_command *c = &bq->commands[rq->tag];
	u64 at = command_address(bq, c);
	struct dma_segment header = { at, HEADER_SIZE }, range = { at + offsetof(struct vblk_command, range), RANGE_SIZE };
	struct dma_segment status = { at + offsetof(struct vblk_command, status), 1 };
	struct virtio_part parts[3] = { { &header, 1, false } };
	u32 n = 1;
	int err;

	if (atomic_load_relaxed(&vb->dead))
		return -EIO;
	c->type = type_of(rq);
	c->priority = 0;
	c->sector = rq->op == BIO_READ || rq->op == BIO_WRITE ? rq->sector : 0;
	c->status = BLK_S_NONE;
	if (rq->op == BIO_READ || rq->op == BIO_WRITE) {
		parts[n++] = (struct virtio_part){ rq->dma.segs, rq->dma.nsegs, rq->op == BIO_READ };
	} else if (rq->op != BIO_FLUSH) {
		c->range.sector = rq->sector;
		c->range.count = rq->nr_sectors;
		c->range.flags = 0;
		parts[n++] = (struct virtio_part){ &range, 1, false };
	}
	parts[n++] = (struct virtio_part){ &status, 1, true };
	spin_lock(&bq->lock);
	err = bq->stopped ? -EBUSY : virtqueue_add(bq->vq, parts, n, rq);
	spin_unlock(&bq->lock);
	return err == -EIO ? -EBUSY : err;	/* a broken ring: recovery is on its way, and asks again */
}

static void
vblk_kick(struct block_queue *q, u32 hwq)
{
	struct vblk *vb = block_queue_disk(q)->priv;
	struct vblk_queue *bq = &vb->queues[hwq];
	bool ring;

	if (atomic_load_relaxed(&vb->dead))
		return;		/* the rings may be gone */
	spin_lock(&bq->lock);
	ring = virtqueue_kick_prepare(bq->vq);
	spin_unlock(&bq->lock);
	if (ring)
		virtqueue_notify(bq->vq);
}

static int
error_of(u8 status)
{
	return status == BLK_S_OK ? 0 : status == BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO;
}

static void
end_request(struct block_request *rq, int error)
{
	((struct vblk_request *)rq->driver)->late = 0;
	block_request_end(rq, error);
}

/* The finished ones, to the list; [l] held. */
static void
gather(struct vblk_queue *bq, struct list *finished)
{
	u32 len;
	void *token;

	do {
		virtqueue_callback_off(bq->vq);
		while ((token = virtqueue_get(bq->vq, &len)) != NULL) {
			if (token == bq->vb) {
				atomic_store_release(&bq->vb->id_done, true);
				waitq_wake_all(&bq->vb->id_wq);
			} else {
				list_add_tail(finished, &((struct block_request *)token)->node);
			}
		}
	} while (!virtqueue_callback_on(bq->vq));
}

/* End what the device has finished; true if it broke the ring. Interrupts off. */
static bool
end_finished(struct vblk_queue *bq)
{
	struct list finished = LIST_INIT(finished);
	struct block_request *rq;
	bool broken;

	spin_lock(&bq->lock);
	gather(bq, &finished);
	broken = virtqueue_is_broken(bq->vq);
	spin_unlock(&bq->lock);
	if (!list_empty(&finished) && atomic_load_relaxed(&bq->vb->recoveries) != 0)
		atomic_store_relaxed(&bq->vb->recoveries, 0u);
	while ((rq = list_first(&finished, struct block_request, node)) != NULL) {
		list_del(&rq->node);
		end_request(rq, error_of(READ_ONCE(bq->commands[rq->tag].status)));
	}
	return broken;
}

static void
vblk_done(struct virtqueue *vq)
{
	struct vblk_queue *bq = virtqueue_priv(vq);

	if (end_finished(bq))
		work_queue(&bq->vb->recover_work);
}

/* --- what goes wrong --- */

/* The device is stopped: what it has finished is ended, though its interrupt is lost, and the rings are emptied and stay so. */
static void
take_back(struct vblk *vb)
{
	for (u32 i = 0; i < vb->nqueues; i++) {
		struct vblk_queue *bq = &vb->queues[i];
		u64 flags = arch_irq_save();

		(void)end_finished(bq);
		spin_lock(&bq->lock);
		bq->stopped = true;
		while (virtqueue_detach(bq->vq) != NULL)
			;	/* the block layer knows them, too */
		spin_unlock(&bq->lock);
		arch_irq_restore(flags);
	}
}

static void
go_on(struct vblk *vb)
{
	for (u32 i = 0; i < vb->nqueues; i++) {
		u64 flags = spin_lock_irqsave(&vb->queues[i].lock);

		vb->queues[i].stopped = false;
		spin_unlock_irqrestore(&vb->queues[i].lock, flags);
	}
	block_queue_start(vb->disk->queue);
}

static void
end_one(struct block_request *rq, void *arg)
{
	end_request(rq, *(const int *)arg);
}

static void
requeue_one(struct block_request *rq, void *arg)
{
	if (arg == rq && ((struct vblk_request *)rq->driver)->late >= LATE_MAX)
		end_request(rq, -ETIMEDOUT);
	else
		block_request_requeue(rq);
}

/* A device forgets by a reset what the user chose. */
static void
restore_cache(struct vblk *vb)
{
	if (virtio_has(vb->vd, BLK_F_CONFIG_WCE))
		virtio_config_write8(vb->vd, BLK_WRITEBACK, atomic_load(&vb->write_back));
}

/* Reset, and begin anew with what was out. late: the request whose time is over, or NULL. [r] held, not dead. */
static void
recover_locked(struct vblk *vb, struct block_request *late)
{
	struct block_queue *q = vb->disk->queue;
	int err = -EIO;

	block_queue_stop(q);
	atomic_add(&vb->resets, 1u);
	(void)virtio_device_stop(vb->vd);
	take_back(vb);
	if (atomic_add(&vb->recoveries, 1u) <= RECOVER_MAX)
		err = virtio_device_restart(vb->vd);
	if (err == 0) {
		restore_cache(vb);
		log_warn("%s: reset, and its requests go in again", vb->disk->name);
		block_queue_for_each_out(q, requeue_one, late);
	} else {
		log_err("%s: the device does not work any more", vb->disk->name);
		atomic_store_release(&vb->dead, true);
		err = -EIO;
		block_queue_for_each_out(q, end_one, &err);
	}
	go_on(vb);
}

static void
recover(struct vblk *vb)
{
	mutex_lock(&vb->recover_lock);
	if (!atomic_load_relaxed(&vb->dead))
		recover_locked(vb, NULL);
	mutex_unlock(&vb->recover_lock);
}

/* Was it only an interrupt that was lost, or the bell? True: the ring is broken. [r] held, not dead. */
static bool
look_again(struct vblk_queue *bq)
{
	u64 flags = arch_irq_save();
	bool broken = end_finished(bq);

	arch_irq_restore(flags);
	virtqueue_notify(bq->vq);
	return broken;
}

static void
vblk_timeout(struct block_queue *q, struct block_request *rq)
{
	struct vblk *vb = block_queue_disk(q)->priv;
	u32 resets = atomic_load(&vb->resets), late = ++((struct vblk_request *)rq->driver)->late;

	mutex_lock(&vb->recover_lock);
	/* Who has reset it meanwhile did it for rq, too. */
	if (!atomic_load_relaxed(&vb->dead) && resets == atomic_load(&vb->resets) && (look_again(&vb->queues[rq->hwq]) || late % 2 == 0))
		recover_locked(vb, rq);
	mutex_unlock(&vb->recover_lock);
}

static void
recover_worker(struct work *w)
{
	struct vblk *vb = container_of(w, struct vblk, recover_work);

	if (atomic_load_acquire(&vb->live))	/* before that, the time-outs do */
		recover(vb);
}

static void
config_worker(struct work *w)
{
	struct vblk *vb = container_of(w, struct vblk, config_work);
	u64 capacity;

	if (!atomic_load_acquire(&vb->live) || atomic_load_relaxed(&vb->dead))
		return;
	if (virtio_status(vb->vd) & VIRTIO_STATUS_NEEDS_RESET) {
		recover(vb);
		return;
	}
	capacity = virtio_config_read64(vb->vd, BLK_CAPACITY);
	if (capacity != vb->disk->whole->nr_sectors)
		disk_set_capacity(vb->disk, capacity);
}

static void
vblk_config_changed(struct virtio_device *vd)
{
	struct vblk *vb = vd->priv;

	work_queue(&vb->config_work);
}

/* --- attributes --- */

static struct vblk *
vblk_of(struct device *d)
{
	return container_of(d, struct block_device, dev)->disk->priv;
}

static int
serial_show(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, vblk_of(d)->id);	/* Linux's has no newline */
	return 0;
}

static bool
writes_back(struct virtio_device *vd)
{
	if (virtio_has(vd, BLK_F_CONFIG_WCE))
		return virtio_config_read8(vd, BLK_WRITEBACK) != 0;
	return virtio_has(vd, BLK_F_FLUSH);
}

static int
cache_type_show(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, writes_back(vblk_of(d)->vd) ? "write back\n" : "write through\n");
	return 0;
}

static int
cache_type_store(struct device *d, const char *text, size_t len)
{
	struct vblk *vb = vblk_of(d);
	bool back = len >= 10 && strncmp(text, "write back", 10) == 0, through = len >= 13 && strncmp(text, "write through", 13) == 0;

	if (!back && !through)
		return -EINVAL;
	if (atomic_load_relaxed(&vb->dead))
		return -ENODEV;
	mutex_lock(&vb->recover_lock);
	if (back)
		block_queue_set_write_cache(vb->disk->queue, true);
	virtio_config_write8(vb->vd, BLK_WRITEBACK, back);
	atomic_store(&vb->write_back, writes_back(vb->vd));
	block_queue_set_write_cache(vb->disk->queue, atomic_load(&vb->write_back));
	mutex_unlock(&vb->recover_lock);
	return 0;
}

static const struct device_attr serial_attr = { .name = "serial", .mode = 0444, .show = serial_show },
	cache_type_attr = { .name = "cache_type", .mode = 0444, .show = cache_type_show };
static const struct device_attr cache_type_rw_attr = { .name = "cache_type", .mode = 0644, .show = cache_type_show, .store = cache_type_store };
static const struct device_attr *const vblk_attrs[] = { &serial_attr, &cache_type_attr, NULL };
static const struct device_attr *const vblk_wce_attrs[] = { &serial_attr, &cache_type_rw_attr, NULL };

/* --- life --- */

static void
free_queues(struct vblk *vb)
{
	for (u32 i = 0; i < vb->nqueues; i++)
		if (vb->queues[i].commands != NULL)
			dma_free(vb->queues[i].commands, vb->queues[i].size);
	kmem_free(vb->queues);
	vb->queues = NULL;
}

static void
vblk_release(struct disk *d)
{
	struct vblk *vb = d->priv;

	device_put(&vb->vd->dev);
	free_queues(vb);
	kmem_free(vb);
}

static const struct block_ops vblk_ops = {
	.submit = vblk_submit,
	.kick = vblk_kick,
	.timeout = vblk_timeout,
	.release = vblk_release,
};

static bool
block_size_is_good(u32 size)
{
	return size >= SECTOR_SIZE && size <= PAGE_SIZE && (size & (size - 1)) == 0;
}

/* What the device can do. -EINVAL: it asks for what can't be. */
static int
read_limits(struct vblk *vb, struct block_limits *lim)
{
	struct virtio_device *vd = vb->vd;
	u32 exponent = virtio_has(vd, BLK_F_TOPOLOGY) ? virtio_config_read8(vd, BLK_PHYSICAL_EXP) : 0;
	u32 segments = virtqueue_segments_max(vb->queues[0].vq);

	*lim = (struct block_limits){ .logical_size = SECTOR_SIZE, .max_sectors = UINT32_MAX, .rotational = true, .dma = vd->dma };
	if (virtio_has(vd, BLK_F_BLK_SIZE))
		lim->logical_size = virtio_config_read32(vd, BLK_BLK_SIZE);
	if (!block_size_is_good(lim->logical_size) || segments <= SEGMENTS_EXTRA) {
		log_err("%s: blocks of %u bytes, %u segments", vd->dev.name, lim->logical_size, segments);
		return -EINVAL;
	}
	lim->physical_size = lim->logical_size << MIN(exponent, 12U);
	segments = MIN(segments - SEGMENTS_EXTRA, (u32)DMA_SEGMENTS_MAX);
	if (virtio_has(vd, BLK_F_SEG_MAX))
		segments = MIN(segments, MAX(virtio_config_read32(vd, BLK_SEG_MAX), 1U));
	lim->dma.max_segments = segments;
	if (virtio_has(vd, BLK_F_SIZE_MAX)) {
		lim->dma.max_segment = virtio_config_read32(vd, BLK_SIZE_MAX);
		if (lim->dma.max_segment < SECTOR_SIZE)
			return -EINVAL;
	}
	if (virtio_has(vd, BLK_F_DISCARD))
		lim->discard_max_sectors = virtio_config_read32(vd, BLK_MAX_DISCARD);
	if (virtio_has(vd, BLK_F_WRITE_ZEROES))
		lim->zeroes_max_sectors = virtio_config_read32(vd, BLK_MAX_ZEROES);
	vb->write_back = lim->write_cache = writes_back(vd);
	return 0;
}

static int
make_queues(struct vblk *vb)
{
	u32 offered = virtio_has(vb->vd, BLK_F_MQ) ? virtio_config_read16(vb->vd, BLK_NUM_QUEUES) : 1;
	u32 n = MAX(MIN(offered, cpu_count), 1U);
	struct virtqueue_spec *specs = kmem_alloc_array(n, sizeof(*specs), KM_ZERO);
	char (*names)[12] = kmem_alloc_array(n, sizeof(*names), KM_ZERO);
	int err = -ENOMEM;

	vb->queues = kmem_alloc_array(n, sizeof(vb->queues[0]), KM_ZERO);
	if (specs == NULL || names == NULL || vb->queues == NULL)
		goto out_free;
	vb->nqueues = n;
	for (u32 i = 0; i < n; i++) {
		vb->queues[i].vb = vb;
		spin_init(&vb->queues[i].lock, LOCK_DISK_HW);
		snprintf(names[i], sizeof(names[i]), "req.%u", i);
		specs[i] = (struct virtqueue_spec){ .name = names[i], .callback = vblk_done, .priv = &vb->queues[i] };
	}
	err = virtio_queues_create(vb->vd, n, specs);
	if (err != 0)
		goto out_free;
	vb->depth = virtqueue_size(vb->vd->queues[0]);
	for (u32 i = 0; i < n; i++) {
		vb->queues[i].vq = vb->vd->queues[i];
		vb->depth = MIN(vb->depth, virtqueue_size(vb->queues[i].vq));
	}
	if (!virtio_has(vb->vd, VIRTIO_F_INDIRECT_DESC))
		vb->depth = MAX(vb->depth / 3, 1U);
out_free:
	kmem_free(specs);
	kmem_free(names);
	return err;
}

static int
make_commands(struct vblk *vb)
{
	for (u32 i = 0; i < vb->nqueues; i++) {
		struct vblk_queue *bq = &vb->queues[i];

		bq->size = (vb->depth + 1) * sizeof(struct vblk_command);
		bq->commands = dma_alloc(&vb->vd->dma, bq->size, &bq->address);
		if (bq->commands == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* The device's serial number, if it has one: not every device knows the command. Before the disk is there. */
static void
read_id(struct vblk *vb)
{
	struct vblk_queue *bq = &vb->queues[0];
	struct vblk_command *c = &bq->commands[vb->depth];
	u64 at = command_address(bq, c), flags;
	struct dma_segment header = { at, HEADER_SIZE };
	struct dma_segment answer[2] = { { at + offsetof(struct vblk_command, id), ID_SIZE }, { at + offsetof(struct vblk_command, status), 1 } };
	struct virtio_part parts[2] = { { &header, 1, false }, { answer, 2, true } };
	int err;

	c->type = BLK_T_GET_ID;
	c->status = BLK_S_NONE;
	flags = spin_lock_irqsave(&bq->lock);
	err = virtqueue_add(bq->vq, parts, 2, vb);
	if (err == 0)
		virtqueue_kick(bq->vq);
	spin_unlock_irqrestore(&bq->lock, flags);
	if (err == 0)
		err = wait_event_until(&vb->id_wq, atomic_load_acquire(&vb->id_done), clock_now() + ID_LIMIT);
	if (err == 0 && READ_ONCE(c->status) == BLK_S_OK)
		memcpy(vb->id, c->id, ID_SIZE);
}

static int
make_disk(struct vblk *vb)
{
	struct block_limits lim;
	struct disk *d;
	u64 capacity = virtio_config_read64(vb->vd, BLK_CAPACITY);
	int err = read_limits(vb, &lim);

	if (err == 0)
		err = disk_create(&vblk_ops, &lim, vb->nqueues, vb->depth, sizeof(struct vblk_request), TIMEOUT_MS, vb, &d);
	if (err != 0)
		return err;
	vb->disk = d;
	device_get(&vb->vd->dev);	/* until the disk's release */
	err = disk_set_name(d, "vd");
	if (err != 0)
		return err;
	d->parent = &vb->vd->dev;
	d->read_only = virtio_has(vb->vd, BLK_F_RO);
	if (virtio_has(vb->vd, BLK_F_GEOMETRY)) {
		d->geometry.cylinders = virtio_config_read16(vb->vd, BLK_CYLINDERS);
		d->geometry.heads = virtio_config_read8(vb->vd, BLK_HEADS);
		d->geometry.sectors = virtio_config_read8(vb->vd, BLK_SECTORS);
	}
	d->attrs = virtio_has(vb->vd, BLK_F_CONFIG_WCE) ? vblk_wce_attrs : vblk_attrs;
	log_info("%s: %s: %u queues of %u requests, %u segments%s", vb->vd->dev.name, d->name, vb->nqueues, vb->depth, lim.dma.max_segments,
		lim.write_cache ? ", write cache" : "");
	err = disk_add(d, capacity);
	if (err != 0)
		return err;
	atomic_store_release(&vb->live, true);
	work_queue(&vb->config_work);	/* what has changed meanwhile */
	return 0;
}

static void
vblk_remove(struct virtio_device *vd)
{
	struct vblk *vb = vd->priv;
	int gone = -ENODEV;

	mutex_lock(&vb->recover_lock);
	atomic_store_release(&vb->dead, true);
	block_queue_stop(vb->disk->queue);
	(void)virtio_device_stop(vd);
	take_back(vb);
	block_queue_for_each_out(vb->disk->queue, end_one, &gone);
	go_on(vb);
	mutex_unlock(&vb->recover_lock);
	work_flush(&vb->config_work);
	work_flush(&vb->recover_work);
	disk_remove(vb->disk);
	virtio_queues_destroy(vd);
	vd->priv = NULL;
	disk_put(vb->disk);
}

static int
vblk_probe(struct virtio_device *vd)
{
	struct vblk *vb = kmem_alloc(sizeof(*vb), KM_ZERO);
	int err;

	if (vb == NULL)
		return -ENOMEM;
	vb->vd = vd;
	waitq_init(&vb->id_wq);
	mutex_init(&vb->recover_lock, LOCK_LEAF_SLEEP);
	work_init(&vb->config_work, config_worker);
	work_init(&vb->recover_work, recover_worker);
	vd->priv = vb;
	err = make_queues(vb);
	if (err != 0)
		goto out_free;
	err = make_commands(vb);
	if (err != 0)
		goto out_queues;
	virtio_device_ready(vd);
	read_id(vb);
	err = make_disk(vb);
	if (err == 0)
		return 0;
out_queues:
	(void)virtio_device_stop(vd);
	take_back(vb);
	work_flush(&vb->config_work);
	work_flush(&vb->recover_work);
	virtio_queues_destroy(vd);
	if (vb->disk != NULL) {
		disk_put(vb->disk);	/* its release frees vb */
		return err;
	}
out_free:
	free_queues(vb);
	kmem_free(vb);
	return err;
}

static struct virtio_driver driver = {
	.name = "virtio_blk",
	.device_id = VIRTIO_ID_BLOCK,
	.features = BIT(BLK_F_SIZE_MAX) | BIT(BLK_F_SEG_MAX) | BIT(BLK_F_GEOMETRY) | BIT(BLK_F_RO) | BIT(BLK_F_BLK_SIZE) | BIT(BLK_F_FLUSH) | BIT(BLK_F_TOPOLOGY) |
		BIT(BLK_F_CONFIG_WCE) | BIT(BLK_F_MQ) | BIT(BLK_F_DISCARD) | BIT(BLK_F_WRITE_ZEROES),
	.probe = vblk_probe,
	.remove = vblk_remove,
	.config_changed = vblk_config_changed,
};

void
virtio_blk_init(void)
{
	virtio_driver_register(&driver);
}
