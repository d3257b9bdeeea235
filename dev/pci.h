/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI bus: the functions found at boot, their configuration space, their memory and their interrupts.
 *
 * A driver registers a table of what it drives; probe is called for each function that fits, once. In probe it enables the
 * function (pci_enable), maps its bars (pci_map_bar) and takes interrupts (pci_irq_alloc, then irq_request).
 *
 * Lock key: [I] immutable after the scan  [P] pci_lock, a mutex (LOCK_BUS)  [d] the bound driver's
 */
#ifndef DEV_PCI_H
#define DEV_PCI_H

#include "dev/device.h"
#include "sys/lib/list.h"
#include "sys/lib/types.h"

#define PCI_BARS		6

/* Configuration space (PCI 3.0, chapter 6). */
#define PCI_REG_VENDOR		0x00
#define PCI_REG_DEVICE		0x02
#define PCI_REG_COMMAND		0x04
#define  PCI_COMMAND_IO		0x001
#define  PCI_COMMAND_MEMORY	0x002
#define  PCI_COMMAND_MASTER	0x004
#define  PCI_COMMAND_INTX_OFF	0x400
#define PCI_REG_STATUS		0x06
#define  PCI_STATUS_CAPS	0x10
#define PCI_REG_REVISION	0x08
#define PCI_REG_CLASS		0x09	/* three bytes: programming interface, subclass, class */
#define PCI_REG_HEADER		0x0e
#define PCI_REG_BAR0		0x10
#define PCI_REG_SECONDARY_BUS	0x19	/* bridges */
#define PCI_REG_SUBVENDOR	0x2c
#define PCI_REG_SUBDEVICE	0x2e
#define PCI_REG_CAPS		0x34
#define PCI_REG_LINE		0x3c
#define PCI_REG_PIN		0x3d

enum { PCI_CAP_PM = 0x01, PCI_CAP_MSI = 0x05, PCI_CAP_VENDOR = 0x09, PCI_CAP_PCIE = 0x10, PCI_CAP_MSIX = 0x11, PCI_CAP_AF = 0x13 };

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEMORY };

struct pci_bar {
	u64 base;		/* [I] port or physical address; 0: firmware gave it none */
	u64 size;		/* [I] bytes */
	u8 kind;		/* [I] enum pci_bar_kind */
	bool wide, prefetch;	/* [I] 64 bits (the next bar is its upper half), prefetchable */
};

struct pci_driver;
struct pci_vectors;		/* msi.c */

struct pci_device {
	struct list node;		/* [P] */
	struct pci_device *parent;	/* [I] bridge, NULL on a root bus */
	struct device dev;		/* /sys/bus/pci/devices/NAME */
	u32 segment;			/* [I] */
	u16 bdf;			/* [I] PCI_BDF() of arch/pci.h */
	u16 vendor, device, subvendor, subdevice;	/* [I] */
	u32 class;			/* [I] class << 16 | subclass << 8 | interface */
	u8 revision, header_type;	/* [I] header_type: 0 device, 1 bridge */
	u8 secondary_bus;		/* [I] bridges */
	u8 pin, line;			/* [I] INTx */
	u32 config_size;		/* [I] 256 or 4096 */
	struct pci_bar bars[PCI_BARS];	/* [I] */
	const struct pci_driver *driver;	/* [P] */
	bool removed;			/* [P] */
	void *priv;			/* [d] */
	struct pci_vectors *vectors;	/* [d] what pci_irq_alloc gave */
};

extern const struct device_bus device_bus_pci;

#define PCI_ANY		0xffffffffU

struct pci_id { u32 vendor, device; u32 class, class_mask; u64 data; };	/* class_mask 0: any; a zero vendor ends the table */

struct pci_driver {
	struct list node;		/* [P] */
	const char *name;
	const struct pci_id *ids;
	int (*probe)(struct pci_device *dev, const struct pci_id *id);	/* may sleep; -errno: not ours after all */
	void (*remove)(struct pci_device *dev);		/* NULL: it can't be */
};

/* Find all functions, enter them into the device tree. Once, at boot, before drivers register. */
void pci_init(void);
/* Bind it to every function it fits and nobody has, now and later. */
void pci_driver_register(struct pci_driver *drv);
void pci_driver_unregister(struct pci_driver *drv);
/* The function goes: its driver is told, it leaves the tree and is found no more; the struct stays. -EBUSY: a bridge, or a driver that
 * can't let go. May sleep. */
int __must_check pci_device_remove(struct pci_device *dev);
/* Calls fn for every function, in bus order, until it returns true; the one for which it did, or NULL. fn may sleep. */
struct pci_device *pci_find(bool (*fn)(struct pci_device *dev, void *arg), void *arg);
/* "0000:00:1f.2" */
#define PCI_NAME_MAX	16
void pci_name(const struct pci_device *dev, char *buf);	/* PCI_NAME_MAX bytes */

/* Any context (offsets from 256 on: first access in thread context). */
u8 pci_read8(const struct pci_device *dev, u32 offset);
u16 pci_read16(const struct pci_device *dev, u32 offset);
u32 pci_read32(const struct pci_device *dev, u32 offset);
void pci_write8(const struct pci_device *dev, u32 offset, u8 v);
void pci_write16(const struct pci_device *dev, u32 offset, u16 v);
void pci_write32(const struct pci_device *dev, u32 offset, u32 v);

/* Offset of the first capability `id` behind `from` (0: from the start), 0 if there is none. */
u32 pci_find_capability(const struct pci_device *dev, u8 id, u32 from);
u32 pci_find_ext_capability(const struct pci_device *dev, u16 id);

/* Switch on decoding of what its bars are, and bus mastering. */
void pci_enable(struct pci_device *dev, bool master);
/* All of it off again: no DMA, no interrupts. */
void pci_disable(struct pci_device *dev);
/* Part of a memory bar, uncached (kmap_device_unmap frees it). NULL: no such range, or no memory. May sleep. */
void *pci_map_bar(struct pci_device *dev, u32 bar, u64 offset, size_t size) __must_check;
/* The first port of an I/O bar, 0 if it isn't one. */
u16 pci_bar_port(const struct pci_device *dev, u32 bar);

/* Up to `count` interrupts: MSI-X, else one by MSI, else the INTx line. irqs[i] goes to CPU i modulo the number of CPUs. Returns how many
 * (at least 1), or -ENOENT, -ENOMEM, -ENOSPC. *flags is what irq_request wants (IRQF_PCI_INTX for a line, else 0).
 * May sleep. */
int __must_check pci_irq_alloc(struct pci_device *dev, u32 count, u32 *irqs, u32 *flags);
/* After irq_free() of all of them. */
void pci_irq_free(struct pci_device *dev);
/* Was it MSI-X? (Virtio counts vectors only then.) */
bool pci_has_msix(const struct pci_device *dev);

/* attrs.c, for the scan: enter dev into the device tree. */
void pci_device_publish(struct pci_device *dev);

#endif
