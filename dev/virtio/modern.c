/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The modern PCI register layout (virtio 1.2, 4.1.4): structures in memory bars, found by vendor capabilities. A device may offer a
 * structure more than once; the first in a memory bar is taken.
 */
#include "dev/virtio/virtio_pci.h"

#include "arch/io.h"
#include "arch/mmu.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_KINDS };

#define CAP_LENGTH	2	/* the capability itself [4.1.4] */
#define CAP_TYPE	3
#define CAP_BAR		4
#define CAP_OFFSET	8
#define CAP_SIZE	12
#define CAP_MULTIPLIER	16
#define CAP_LENGTH_MIN	16

enum { COMMON_DEVICE_SELECT = 0, COMMON_DEVICE_FEATURES = 4, COMMON_DRIVER_SELECT = 8, COMMON_DRIVER_FEATURES = 12, COMMON_CONFIG_VECTOR = 16,
	COMMON_NUM_QUEUES = 18, COMMON_STATUS = 20, COMMON_GENERATION = 21, COMMON_QUEUE_SELECT = 22, COMMON_QUEUE_SIZE = 24,
	COMMON_QUEUE_VECTOR = 26, COMMON_QUEUE_ENABLE = 28, COMMON_QUEUE_NOTIFY = 30, COMMON_QUEUE_DESC = 32, COMMON_QUEUE_AVAIL = 40,
	COMMON_QUEUE_USED = 48, COMMON_LENGTH = 56 };

/* --- registers --- */

static u64
modern_features(struct virtio_device *vd)
{
	volatile u8 *c = virtio_pci_of(vd)->common;
	u64 low;

	mmio_write32(c + COMMON_DEVICE_SELECT, 0);
	low = mmio_read32(c + COMMON_DEVICE_FEATURES);
	mmio_write32(c + COMMON_DEVICE_SELECT, 1);
	return low | (u64)mmio_read32(c + COMMON_DEVICE_FEATURES) << 32;
}

static void
modern_set_features(struct virtio_device *vd, u64 features)
{
	volatile u8 *c = virtio_pci_of(vd)->common;

	for (u32 i = 0; i < 2; i++) {
		mmio_write32(c + COMMON_DRIVER_SELECT, i);
		mmio_write32(c + COMMON_DRIVER_FEATURES, (u32)(features >> (32 * i)));
	}
}

static u8
modern_status(struct virtio_device *vd)
{
	return mmio_read8(virtio_pci_of(vd)->common + COMMON_STATUS);
}

static void
modern_set_status(struct virtio_device *vd, u8 status)
{
	mmio_write8(virtio_pci_of(vd)->common + COMMON_STATUS, status);
}

/* What lies outside the structure reads as zero. */
static void
modern_config_read(struct virtio_device *vd, u32 offset, void *buf, u32 size)
{
	struct virtio_pci *vp = virtio_pci_of(vd);

	memset(buf, 0, size);
	if (offset + size > vp->config_size)
		return;
	if (size == 1)
		*(u8 *)buf = mmio_read8(vp->config + offset);
	else if (size == 2)
		*(u16 *)buf = mmio_read16(vp->config + offset);
	else
		*(u32 *)buf = mmio_read32(vp->config + offset);
}

static void
modern_config_write(struct virtio_device *vd, u32 offset, const void *buf, u32 size)
{
	struct virtio_pci *vp = virtio_pci_of(vd);

	if (offset + size > vp->config_size)
		return;
	if (size == 1)
		mmio_write8(vp->config + offset, *(const u8 *)buf);
	else if (size == 2)
		mmio_write16(vp->config + offset, *(const u16 *)buf);
	else
		mmio_write32(vp->config + offset, *(const u32 *)buf);
}

static u32
modern_generation(struct virtio_device *vd)
{
	return mmio_read8(virtio_pci_of(vd)->common + COMMON_GENERATION);
}

/* --- queues --- */

static u32
modern_queue_size(struct virtio_device *vd, u32 index)
{
	volatile u8 *c = virtio_pci_of(vd)->common;

	if (index >= mmio_read16(c + COMMON_NUM_QUEUES))
		return 0;
	mmio_write16(c + COMMON_QUEUE_SELECT, (u16)index);
	return mmio_read16(c + COMMON_QUEUE_SIZE);
}

static void
modern_notify(struct virtqueue *vq)
{
	mmio_write16(vq->bell, (u16)vq->index);
}

static void
write_address(volatile u8 *at, u64 address)
{
	mmio_write32(at, (u32)address);
	mmio_write32(at + 4, (u32)(address >> 32));
}

static int
modern_queue_start(struct virtio_device *vd, struct virtqueue *vq)
{
	struct virtio_pci *vp = virtio_pci_of(vd);
	volatile u8 *c = vp->common;
	u64 bell;

	mmio_write16(c + COMMON_QUEUE_SELECT, (u16)vq->index);
	if (mmio_read16(c + COMMON_QUEUE_ENABLE) != 0)
		return -EBUSY;
	mmio_write16(c + COMMON_QUEUE_SIZE, (u16)vq->size);
	write_address(c + COMMON_QUEUE_DESC, vq->address);
	write_address(c + COMMON_QUEUE_AVAIL, vq->address + vq->avail_offset);
	write_address(c + COMMON_QUEUE_USED, vq->address + vq->used_offset);
	if (vp->msix) {
		mmio_write16(c + COMMON_QUEUE_VECTOR, vq->vector);
		if (mmio_read16(c + COMMON_QUEUE_VECTOR) != vq->vector)
			return -EIO;
	}
	bell = (u64)mmio_read16(c + COMMON_QUEUE_NOTIFY) * vp->notify_multiplier;
	if (bell + 2 > vp->notify_size)
		return -EIO;
	vq->bell = (void *)(uintptr_t)(vp->notify + bell);
	vq->notify = modern_notify;
	mmio_write16(c + COMMON_QUEUE_ENABLE, 1);
	return 0;
}

static int
modern_irqs_start(struct virtio_device *vd)
{
	struct virtio_pci *vp = virtio_pci_of(vd);

	if (!vp->msix)
		return 0;
	mmio_write16(vp->common + COMMON_CONFIG_VECTOR, vp->config_vector);
	return mmio_read16(vp->common + COMMON_CONFIG_VECTOR) == vp->config_vector ? 0 : -EIO;
}

static const struct virtio_transport modern_transport = {
	.features = modern_features,
	.set_features = modern_set_features,
	.status = modern_status,
	.set_status = modern_set_status,
	.config_read = modern_config_read,
	.config_write = modern_config_write,
	.generation = modern_generation,
	.queue_size = modern_queue_size,
	.resizable = true,
	.ring_align = RING_ALIGN,
	.irqs_create = virtio_pci_irqs_create,
	.irqs_destroy = virtio_pci_irqs_destroy,
	.irqs_wait = virtio_pci_irqs_wait,
	.queue_start = modern_queue_start,
	.irqs_start = modern_irqs_start,
	.cut_off = virtio_pci_cut_off,
};

/* --- capabilities --- */

struct structure { u32 cap, size; volatile u8 *at; };

/* Map the structure that a capability tells of, unless it is one that we have or can't reach. */
static void
take_capability(struct pci_device *pci, u32 cap, struct structure found[CAP_KINDS])
{
	static const u32 least[CAP_KINDS] = { [CAP_COMMON] = COMMON_LENGTH, [CAP_NOTIFY] = 2, [CAP_ISR] = 1, [CAP_DEVICE] = 4 };
	u32 type = pci_read8(pci, cap + CAP_TYPE), size = pci_read32(pci, cap + CAP_SIZE);

	if (pci_read8(pci, cap + CAP_LENGTH) < CAP_LENGTH_MIN || type == 0 || type >= CAP_KINDS || found[type].at != NULL || size < least[type])
		return;
	found[type].at = pci_map_bar(pci, pci_read8(pci, cap + CAP_BAR), pci_read32(pci, cap + CAP_OFFSET), size);
	found[type].size = size;
	found[type].cap = cap;
}

int
virtio_pci_modern_setup(struct virtio_pci *vp)
{
	struct structure found[CAP_KINDS] = { { 0 } };

	for (u32 cap = 0; (cap = pci_find_capability(vp->pci, PCI_CAP_VENDOR, cap)) != 0; )
		take_capability(vp->pci, cap, found);
	vp->common = found[CAP_COMMON].at;
	vp->isr = found[CAP_ISR].at;
	vp->config = found[CAP_DEVICE].at;
	vp->config_size = vp->config != NULL ? found[CAP_DEVICE].size : 0;
	vp->notify = found[CAP_NOTIFY].at;
	if (vp->common == NULL || vp->isr == NULL || vp->notify == NULL) {
		virtio_pci_modern_release(vp);
		return -ENODEV;
	}
	vp->notify_size = found[CAP_NOTIFY].size;
	vp->notify_multiplier = pci_read32(vp->pci, found[CAP_NOTIFY].cap + CAP_MULTIPLIER);
	vp->vd.transport = &modern_transport;
	return 0;
}

void
virtio_pci_modern_release(struct virtio_pci *vp)
{
	volatile u8 **maps[] = { &vp->common, &vp->isr, &vp->config, &vp->notify };

	for (u32 i = 0; i < ARRAY_SIZE(maps); i++) {
		if (*maps[i] != NULL)
			kmap_device_unmap((void *)(uintptr_t)*maps[i]);
		*maps[i] = NULL;
	}
}
