/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside dev/virtio: a virtio device on PCI, as pci.c and the two register layouts share it. Lock key: [I] immutable after probe  [d] queues' life */
#ifndef DEV_VIRTIO_VIRTIO_PCI_H
#define DEV_VIRTIO_VIRTIO_PCI_H

#include "dev/pci.h"
#include "dev/virtio/transport.h"

#define VIRTIO_NO_VECTOR	0xffff

struct virtio_pci;

struct virtio_pci_vector {	/* one message, for one or more queues, or for changes */
	struct virtio_pci *vp;
	struct virtqueue *only;	/* [d] it has this one queue; NULL: it must look which */
	u16 index;
	bool config;
	char name[32];
};

struct virtio_pci {
	struct virtio_device vd;
	struct pci_device *pci;		/* [I] */
	/* modern [4.1.4] */
	volatile u8 *common, *isr, *config, *notify;	/* [I] mapped; config may be NULL */
	u32 config_size, notify_size, notify_multiplier;	/* [I] */
	/* legacy [4.1.4.8] */
	u16 port;			/* [I] */
	/* interrupts */
	u32 *irqs;			/* [d] */
	struct virtio_pci_vector *vectors;	/* [d] */
	u32 nvectors;			/* [d] */
	u16 config_vector;		/* [d] */
	bool msix;			/* [d] */
};

static inline struct virtio_pci *virtio_pci_of(struct virtio_device *vd) { return container_of(vd, struct virtio_pci, vd); }

/* Fill in what the layout needs: 0, -ENODEV: the device has no such registers, -ENOMEM. */
int __must_check virtio_pci_modern_setup(struct virtio_pci *vp);
void virtio_pci_modern_release(struct virtio_pci *vp);
int __must_check virtio_pci_legacy_setup(struct virtio_pci *vp);
u8 virtio_pci_isr(struct virtio_pci *vp);	/* reading clears it: bit 0 queues, bit 1 configuration */

/* pci.c, for both layouts */
int virtio_pci_irqs_create(struct virtio_device *vd);
void virtio_pci_irqs_destroy(struct virtio_device *vd);
void virtio_pci_irqs_wait(struct virtio_device *vd);
void virtio_pci_cut_off(struct virtio_device *vd);

#endif
