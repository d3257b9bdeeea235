/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The legacy register layout of transitional devices (virtio 1.2, 4.1.4.8): I/O ports of bar 0, in the guest's byte order. 32 feature
 * bits, rings of the device's size at a page number, no confirmation of features, no generation of the configuration, which
 * begins further behind when MSI-X is on.
 */
#include "dev/virtio/virtio_pci.h"

#include "arch/io.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

enum { PORT_DEVICE_FEATURES = 0, PORT_DRIVER_FEATURES = 4, PORT_QUEUE_ADDRESS = 8, PORT_QUEUE_SIZE = 12, PORT_QUEUE_SELECT = 14,
	PORT_NOTIFY = 16, PORT_STATUS = 18, PORT_ISR = 19, PORT_CONFIG_VECTOR = 20, PORT_QUEUE_VECTOR = 22 };

#define CONFIG_PLAIN	20
#define CONFIG_MSIX	24

static u16
port(struct virtio_device *vd, u32 reg)
{
	return (u16)(virtio_pci_of(vd)->port + reg);
}

static u64
legacy_features(struct virtio_device *vd)
{
	return inl(port(vd, PORT_DEVICE_FEATURES));
}

static void
legacy_set_features(struct virtio_device *vd, u64 features)
{
	outl(port(vd, PORT_DRIVER_FEATURES), (u32)features);
}

static u8
legacy_status(struct virtio_device *vd)
{
	return inb(port(vd, PORT_STATUS));
}

static void
legacy_set_status(struct virtio_device *vd, u8 status)
{
	outb(port(vd, PORT_STATUS), status);
}

static u32
config_offset(struct virtio_device *vd)
{
	return pci_has_msix(virtio_pci_of(vd)->pci) ? CONFIG_MSIX : CONFIG_PLAIN;
}

/* What lies outside the bar reads as zero. */
static void
legacy_config_read(struct virtio_device *vd, u32 offset, void *buf, u32 size)
{
	u32 at = config_offset(vd) + offset;

	memset(buf, 0, size);
	if (at + size > virtio_pci_of(vd)->pci->bars[0].size)
		return;
	if (size == 1)
		*(u8 *)buf = inb(port(vd, at));
	else if (size == 2)
		*(u16 *)buf = inw(port(vd, at));
	else
		*(u32 *)buf = inl(port(vd, at));
}

static void
legacy_config_write(struct virtio_device *vd, u32 offset, const void *buf, u32 size)
{
	u32 at = config_offset(vd) + offset;

	if (at + size > virtio_pci_of(vd)->pci->bars[0].size)
		return;
	if (size == 1)
		outb(port(vd, at), *(const u8 *)buf);
	else if (size == 2)
		outw(port(vd, at), *(const u16 *)buf);
	else
		outl(port(vd, at), *(const u32 *)buf);
}

static u32
legacy_generation(struct virtio_device *vd)
{
	(void)vd;
	return 0;
}

static u32
legacy_queue_size(struct virtio_device *vd, u32 index)
{
	outw(port(vd, PORT_QUEUE_SELECT), (u16)index);
	return inw(port(vd, PORT_QUEUE_SIZE));
}

static void
legacy_notify(struct virtqueue *vq)
{
	outw((u16)(uintptr_t)vq->bell, (u16)vq->index);
}

static int
legacy_queue_start(struct virtio_device *vd, struct virtqueue *vq)
{
	u64 page = vq->address / RING_LEGACY_ALIGN;

	if (page >> 32 != 0)
		return -ENOMEM;
	outw(port(vd, PORT_QUEUE_SELECT), (u16)vq->index);
	if (inl(port(vd, PORT_QUEUE_ADDRESS)) != 0)
		return -EBUSY;
	vq->bell = (void *)(uintptr_t)port(vd, PORT_NOTIFY);
	vq->notify = legacy_notify;
	outl(port(vd, PORT_QUEUE_ADDRESS), (u32)page);
	if (virtio_pci_of(vd)->msix) {
		outw(port(vd, PORT_QUEUE_VECTOR), vq->vector);
		if (inw(port(vd, PORT_QUEUE_VECTOR)) != vq->vector)
			return -EIO;
	}
	return 0;
}

static int
legacy_irqs_start(struct virtio_device *vd)
{
	struct virtio_pci *vp = virtio_pci_of(vd);

	if (!vp->msix)
		return 0;
	outw(port(vd, PORT_CONFIG_VECTOR), vp->config_vector);
	return inw(port(vd, PORT_CONFIG_VECTOR)) == vp->config_vector ? 0 : -EIO;
}

static const struct virtio_transport legacy_transport = {
	.features = legacy_features,
	.set_features = legacy_set_features,
	.status = legacy_status,
	.set_status = legacy_set_status,
	.config_read = legacy_config_read,
	.config_write = legacy_config_write,
	.generation = legacy_generation,
	.queue_size = legacy_queue_size,
	.resizable = false,
	.ring_align = RING_LEGACY_ALIGN,
	.irqs_create = virtio_pci_irqs_create,
	.irqs_destroy = virtio_pci_irqs_destroy,
	.irqs_wait = virtio_pci_irqs_wait,
	.queue_start = legacy_queue_start,
	.irqs_start = legacy_irqs_start,
	.cut_off = virtio_pci_cut_off,
};

int
virtio_pci_legacy_setup(struct virtio_pci *vp)
{
	vp->port = pci_bar_port(vp->pci, 0);
	if (vp->port == 0 || vp->pci->bars[0].size < CONFIG_MSIX)
		return -ENODEV;
	vp->vd.transport = &legacy_transport;
	return 0;
}

u8
virtio_pci_isr(struct virtio_pci *vp)
{
	return vp->isr != NULL ? mmio_read8(vp->isr) : inb((u16)(vp->port + PORT_ISR));
}
