/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtio: devices of a virtual machine that speak through rings in memory. "Virtual I/O Device (VIRTIO) Version 1.2", OASIS; numbers in
 * brackets are its sections. What a driver (block, network, console ...) sees of it.
 *
 * A driver's life: virtio_driver_register(); probe(vd) is called with vd->features negotiated; it reads the configuration, makes
 * its queues (virtio_queues_create), says virtio_device_ready() and may then use them. remove(vd): virtio_device_stop(), take back what
 * the queues hold (virtqueue_detach), virtio_queues_destroy().
 *
 * A queue: buffers (pieces that the device reads, then pieces that it writes) go in by virtqueue_add() with a token, the device is
 * told by virtqueue_kick(), and the tokens come back by virtqueue_get(), as a rule in the queue's call-back, in hard-irq context.
 * Calls for one queue are serialised by its driver (a spinlock taken with interrupts off); only virtqueue_notify(),
 * virtqueue_size() and the call-back's start need no lock.
 *
 * The device is not trusted with memory: what it says in rings is checked against what was given to it. A queue in which it
 * wrote nonsense is broken: virtqueue_add() says -EIO and virtqueue_get() NULL from then on, until the device is reset.
 *
 * Lock key: [I] immutable once registered  [V] virtio's lock (LOCK_BUS)  [d] the bound driver's  [a] atomic
 */
#ifndef DEV_VIRTIO_VIRTIO_H
#define DEV_VIRTIO_VIRTIO_H

#include "dev/device.h"
#include "dev/dma.h"

/* Kinds of devices [5]. */
enum { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK, VIRTIO_ID_CONSOLE, VIRTIO_ID_RNG, VIRTIO_ID_BALLOON, VIRTIO_ID_SCSI = 8, VIRTIO_ID_9P,
	VIRTIO_ID_GPU = 16, VIRTIO_ID_INPUT = 18, VIRTIO_ID_VSOCK };

/* Device status [2.1]. */
enum { VIRTIO_STATUS_ACKNOWLEDGE = 1, VIRTIO_STATUS_DRIVER = 2, VIRTIO_STATUS_DRIVER_OK = 4, VIRTIO_STATUS_FEATURES_OK = 8,
	VIRTIO_STATUS_NEEDS_RESET = 64, VIRTIO_STATUS_FAILED = 128 };

/* Feature bits that are no driver's [6]. */
enum { VIRTIO_F_NOTIFY_ON_EMPTY = 24, VIRTIO_F_ANY_LAYOUT = 27, VIRTIO_F_INDIRECT_DESC = 28, VIRTIO_F_EVENT_IDX = 29, VIRTIO_F_VERSION_1 = 32,
	VIRTIO_F_ACCESS_PLATFORM = 33 };

struct virtio_device;
struct virtio_transport;	/* transport.h: what the core asks of PCI */
struct virtqueue;

struct virtio_driver {
	struct list node;		/* [V] */
	const char *name;		/* [I] "virtio_blk" */
	u32 device_id;			/* [I] VIRTIO_ID_* */
	u64 features;			/* [I] BIT()s that it knows; those of the rings are the core's */
	int (*probe)(struct virtio_device *vd);		/* may sleep; 0, or -errno with everything given back */
	void (*remove)(struct virtio_device *vd);	/* may sleep; the device may be dead already */
	void (*config_changed)(struct virtio_device *vd);	/* hard-irq context, from virtio_device_ready() on; NULL: not wanted */
};

struct virtio_device {
	struct device dev;		/* /sys/bus/virtio/devices/virtio0 */
	struct list node;		/* [V] */
	const struct virtio_transport *transport;	/* [I] */
	u32 index;			/* [I] */
	u32 device_id, vendor_id;	/* [I] */
	u64 offered;			/* [I] feature bits of the device */
	u64 features;			/* [V] negotiated; set before probe */
	struct dma_limits dma;		/* [I] what addresses it takes; segment counts are each queue's */
	const struct virtio_driver *driver;	/* [V] */
	struct virtqueue **queues;	/* [d] */
	u32 nqueues;			/* [d] */
	bool ready;			/* [a] the driver wants to hear of changes */
	void *priv;			/* [d] */
};

static inline bool virtio_has(const struct virtio_device *vd, u32 bit) { return vd->features >> bit & 1; }

/* Bind it to every device of its kind that has no driver, now and later. May sleep. */
void virtio_driver_register(struct virtio_driver *drv);
/* Its devices are removed from it. May sleep. */
void virtio_driver_unregister(struct virtio_driver *drv);

/* --- configuration space [2.5]: fields by their offset in the device's own structure --- */
u8 virtio_config_read8(struct virtio_device *vd, u32 offset);
u16 virtio_config_read16(struct virtio_device *vd, u32 offset);
u32 virtio_config_read32(struct virtio_device *vd, u32 offset);
u64 virtio_config_read64(struct virtio_device *vd, u32 offset);	/* in one piece, though read in two */
void virtio_config_write8(struct virtio_device *vd, u32 offset, u8 v);
void virtio_config_write32(struct virtio_device *vd, u32 offset, u32 v);

/* --- the device's state --- */
u8 virtio_status(struct virtio_device *vd);
/* Queues are made: the device may work (DRIVER_OK). */
void virtio_device_ready(struct virtio_device *vd);
/* Reset: from its return on the device touches no memory and no call-back runs; buffers stay in the queues for virtqueue_detach().
 * 0; -ETIMEDOUT: it did not answer, and was cut off the bus. May sleep. Not in a call-back. */
int virtio_device_stop(struct virtio_device *vd);
/* After virtio_device_stop(), with all queues detached: the same features and queues again, empty. -EIO, -ENODEV: it does not work
 * any more. May sleep. */
int __must_check virtio_device_restart(struct virtio_device *vd);

/* --- queues [2.6, 2.7] --- */
struct virtqueue_spec {
	const char *name;		/* for /proc/interrupts: "req.0"; copied */
	void (*callback)(struct virtqueue *vq);	/* hard-irq context, no lock held; NULL: no interrupts */
	void *priv;
	u32 size_max;			/* descriptors it shall have at most, a power of two; 0: what the device has */
};

/* Make queues 0 .. n-1; interrupts: a message for each (queue i to CPU i modulo the number of CPUs) where the device has them. vd->queues has them after
 * it. -ENOENT: the device has less queues; -ENOMEM, -ENOSPC, -EIO. May sleep. Before virtio_device_ready(). */
int __must_check virtio_queues_create(struct virtio_device *vd, u32 n, const struct virtqueue_spec *specs);
/* After virtio_device_stop(), all detached. May sleep. */
void virtio_queues_destroy(struct virtio_device *vd);

void *virtqueue_priv(const struct virtqueue *vq);
u32 virtqueue_size(const struct virtqueue *vq);		/* descriptors */
u32 virtqueue_room(const struct virtqueue *vq);		/* free ones: so many single-piece buffers fit */
/* Pieces that one buffer may have. */
u32 virtqueue_segments_max(const struct virtqueue *vq);
bool virtqueue_is_broken(const struct virtqueue *vq);

/* A run of segments of one buffer. All those that the device reads stand before those that it writes. */
struct virtio_part { const struct dma_segment *segs; u32 n; bool device_writes; };

/* Offer a buffer. token isn't NULL. -EBUSY: no room, ask again after a virtqueue_get(); an empty queue takes any buffer of
 * virtqueue_segments_max() pieces. -EIO: broken. Any context. */
int __must_check virtqueue_add(struct virtqueue *vq, const struct virtio_part *parts, u32 nparts, void *token);
/* Tell the device, if it wants to be told. The second form in two steps: the bell may be rung without the lock. */
void virtqueue_kick(struct virtqueue *vq);
bool virtqueue_kick_prepare(struct virtqueue *vq) __must_check;
void virtqueue_notify(struct virtqueue *vq);
/* The next finished buffer's token, or NULL. *len: bytes that the device wrote, never more than there was room for. */
void *virtqueue_get(struct virtqueue *vq, u32 *len);
/* A hint: the device has given back all that it had, whether it was taken or not. */
bool virtqueue_is_idle(const struct virtqueue *vq);
/* A hint that there need be no call-back. Then, when all is got, ask for it again: false means that something has come meanwhile,
 * and nobody will be called for it. */
void virtqueue_callback_off(struct virtqueue *vq);
bool virtqueue_callback_on(struct virtqueue *vq) __must_check;
/* With the device stopped: the token of a buffer that it has not given back, one after the other; NULL: none is left. */
void *virtqueue_detach(struct virtqueue *vq);

/* --- boot --- */
void virtio_init(void);		/* the bus's PCI transport and the drivers; after pci_init() and block_init() */
void virtio_blk_init(void);
void virtio_rng_init(void);
void virtio_console_init(void);

#endif
