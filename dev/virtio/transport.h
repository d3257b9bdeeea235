/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside dev/virtio: what the core asks of a transport, and the ring as the transport and the tests see it.
 *
 * Lock key: [I] immutable  [o] the queue's driver serialises
 */
#ifndef DEV_VIRTIO_TRANSPORT_H
#define DEV_VIRTIO_TRANSPORT_H

#include "dev/virtio/virtio.h"

/* --- the split ring in memory [2.7]: little-endian --- */

#define RING_DESC_NEXT		1
#define RING_DESC_WRITE		2
#define RING_DESC_INDIRECT	4
#define RING_AVAIL_NO_INTERRUPT	1
#define RING_USED_NO_NOTIFY	1
#define RING_SIZE_MAX		1024U	/* ours; the standard's is 32768 */
#define RING_LEGACY_ALIGN	4096U
#define RING_ALIGN		64U

struct ring_desc { u64 address; u32 len; u16 flags, next; };
struct ring_avail { u16 flags, index; u16 ring[]; };		/* then u16 used_event */
struct ring_used_entry { u32 id, len; };
struct ring_used { u16 flags, index; struct ring_used_entry ring[]; };	/* then u16 avail_event */

struct ring_slot {		/* [o] our own knowledge of the chain that begins at this descriptor; the device can't reach it */
	void *token;		/* NULL: no chain begins here */
	struct ring_desc *table;	/* indirect, or NULL */
	u32 writable;		/* bytes that the device may write */
	u16 count;		/* descriptors of the ring in it */
	u16 next;		/* descriptor behind this one, in its chain or in the free list */
};

struct virtqueue {
	struct virtio_device *vd;	/* [I] */
	void (*callback)(struct virtqueue *vq);	/* [I] */
	void *priv;			/* [I] */
	void (*notify)(struct virtqueue *vq);	/* [I] the transport's */
	void *bell;			/* [I] the transport's: its register */
	u32 index, size;		/* [I] */
	bool event_index, indirect;	/* [I] */
	bool broken;			/* [a] */
	char name[32];			/* [I] "virtio0-req.0" */
	u16 vector;			/* [I] the transport's */
	void *memory;			/* [I] the three areas */
	size_t memory_size;		/* [I] */
	u64 address;			/* [I] of memory, for the device */
	volatile struct ring_desc *desc;	/* [I] the areas */
	volatile struct ring_avail *avail;
	volatile struct ring_used *used;
	u32 avail_offset, used_offset;	/* [I] */
	struct ring_slot *slots;	/* [I], fields [o] */
	u16 free_head;			/* [o] */
	u16 nfree;			/* [o] */
	u16 chains;			/* [o] that the device has */
	u16 avail_index;		/* [o] the next one's */
	u16 kicked;			/* [o] avail_index when the device was last told */
	u16 used_index;			/* [o] the next one to look at */
};

/* size a power of two. align: of the used area. -ENOMEM. May sleep. */
int __must_check virtqueue_create(struct virtio_device *vd, u32 index, u32 size, u32 align, const struct virtqueue_spec *spec,
	struct virtqueue **out);
void virtqueue_destroy(struct virtqueue *vq);	/* nothing is in it; NULL allowed */
void virtqueue_reset(struct virtqueue *vq);	/* as new; the device is stopped and nothing is in it */
bool virtqueue_has_used(const struct virtqueue *vq);
/* The transport's interrupt: true if there was something, and the driver was called. */
bool virtqueue_interrupt(struct virtqueue *vq);

/* --- transports --- */

struct virtio_transport {
	u64 (*features)(struct virtio_device *vd);
	void (*set_features)(struct virtio_device *vd, u64 features);
	u8 (*status)(struct virtio_device *vd);
	void (*set_status)(struct virtio_device *vd, u8 status);	/* 0: reset; the core waits for it */
	void (*config_read)(struct virtio_device *vd, u32 offset, void *buf, u32 size);		/* size 1, 2, 4: one access */
	void (*config_write)(struct virtio_device *vd, u32 offset, const void *buf, u32 size);
	u32 (*generation)(struct virtio_device *vd);		/* of the configuration; 0 where there is none */
	u32 (*queue_size)(struct virtio_device *vd, u32 index);	/* the device's; 0: there is no such queue */
	bool resizable;						/* a smaller size may be chosen */
	u32 ring_align;
	int (*irqs_create)(struct virtio_device *vd);		/* for vd->queues */
	void (*irqs_destroy)(struct virtio_device *vd);
	void (*irqs_wait)(struct virtio_device *vd);		/* until no handler runs */
	int (*queue_start)(struct virtio_device *vd, struct virtqueue *vq);	/* tell the device; sets notify and bell */
	int (*irqs_start)(struct virtio_device *vd);		/* tell the device the vector of changes */
	void (*cut_off)(struct virtio_device *vd);		/* no DMA any more, whatever it thinks */
};

/* A transport found a device: vd zeroed, transport, dev.parent, ids, dma set; dev.release frees it. May sleep. */
int __must_check virtio_device_add(struct virtio_device *vd);
void virtio_device_remove(struct virtio_device *vd);	/* drops the reference of virtio_device_add */
/* The transport's interrupt: configuration or status changed. */
void virtio_config_interrupt(struct virtio_device *vd);

void virtio_pci_init(void);

#endif
