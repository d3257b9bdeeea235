/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function's interrupts: messages by MSI-X (PCI 3.0, 6.8.2) or MSI (6.8.1), else its INTx line.
 *
 * MSI-X keeps address, data and a mask bit per vector in a table in device memory. MSI keeps one of each in configuration space;
 * the mask bits are optional there, so masking is switching MSI off, with INTx off too: an interrupt of that moment is lost,
 * which matters only while nobody handles it.
 */
#include "dev/pci.h"

#include "arch/io.h"
#include "arch/mmu.h"
#include "arch/pci.h"
#include "dev/irq.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/percpu.h"

#define MSIX_CONTROL		2
#define  MSIX_ENABLE		0x8000
#define  MSIX_MASK_ALL		0x4000
#define  MSIX_COUNT		0x07ff
#define MSIX_TABLE		4
#define MSIX_ENTRY_SIZE		16
#define  ENTRY_ADDRESS_LOW	0
#define  ENTRY_ADDRESS_HIGH	4
#define  ENTRY_DATA		8
#define  ENTRY_CONTROL		12

#define MSI_CONTROL		2
#define  MSI_ENABLE		0x0001
#define  MSI_VECTORS		0x0070
#define  MSI_64BIT		0x0080
#define MSI_ADDRESS		4

struct vector {
	struct pci_device *dev;
	volatile u8 *entry;		/* MSI-X: its table entry; MSI: NULL */
	u32 irq;
};

struct pci_vectors {
	u32 cap;			/* [I] offset of the capability; 0: INTx */
	bool msix;			/* [I] */
	u32 count;
	void *table;			/* [I] MSI-X */
	struct vector vec[];
};

static void
msix_mask(void *owner, bool masked)
{
	struct vector *v = owner;

	mmio_write32(v->entry + ENTRY_CONTROL, masked ? 1 : 0);
	(void)mmio_read32(v->entry + ENTRY_CONTROL);	/* posted writes have arrived */
}

/* Masked while it changes: the device must not see half a message. */
static void
msix_write(void *owner, u64 address, u32 data)
{
	struct vector *v = owner;
	u32 control = mmio_read32(v->entry + ENTRY_CONTROL);

	mmio_write32(v->entry + ENTRY_CONTROL, 1);
	mmio_write32(v->entry + ENTRY_ADDRESS_LOW, (u32)address);
	mmio_write32(v->entry + ENTRY_ADDRESS_HIGH, (u32)(address >> 32));
	mmio_write32(v->entry + ENTRY_DATA, data);
	mmio_write32(v->entry + ENTRY_CONTROL, control);
}

static const struct irq_msi_ops msix_ops = { .mask = msix_mask, .write = msix_write };

static void
msi_mask(void *owner, bool masked)
{
	struct vector *v = owner;
	u32 at = v->dev->vectors->cap + MSI_CONTROL;
	u16 control = pci_read16(v->dev, at) & (u16)~(MSI_ENABLE | MSI_VECTORS);

	pci_write16(v->dev, at, masked ? control : control | MSI_ENABLE);
}

static void
msi_write(void *owner, u64 address, u32 data)
{
	struct vector *v = owner;
	u32 cap = v->dev->vectors->cap;
	u16 control = pci_read16(v->dev, cap + MSI_CONTROL);

	pci_write16(v->dev, cap + MSI_CONTROL, control & (u16)~MSI_ENABLE);
	pci_write32(v->dev, cap + MSI_ADDRESS, (u32)address);
	if (control & MSI_64BIT) {
		pci_write32(v->dev, cap + MSI_ADDRESS + 4, (u32)(address >> 32));
		pci_write16(v->dev, cap + MSI_ADDRESS + 8, (u16)data);
	} else {
		pci_write16(v->dev, cap + MSI_ADDRESS + 4, (u16)data);
	}
	pci_write16(v->dev, cap + MSI_CONTROL, control);
}

static const struct irq_msi_ops msi_ops = { .mask = msi_mask, .write = msi_write };

static void
intx_enable(struct pci_device *dev, bool on)
{
	u16 command = pci_read16(dev, PCI_REG_COMMAND);

	command = on ? command & (u16)~PCI_COMMAND_INTX_OFF : command | PCI_COMMAND_INTX_OFF;
	pci_write16(dev, PCI_REG_COMMAND, command);
}

static void
free_irqs(struct pci_vectors *vs)
{
	for (u32 i = 0; vs->cap != 0 && i < vs->count; i++)
		irq_free_msi(vs->vec[i].irq);
	vs->count = 0;
}

/* Take an irq for each vector. With at least one it is a success. */
static int
alloc_irqs(struct pci_vectors *vs, const struct irq_msi_ops *ops, u32 count)
{
	int err = 0;

	for (vs->count = 0; vs->count < count; vs->count++) {
		struct vector *v = &vs->vec[vs->count];

		err = irq_alloc_msi(vs->count % cpu_count, ops, v, &v->irq);
		if (err != 0)
			break;
	}
	return vs->count > 0 ? 0 : err;
}

static int
setup_msix(struct pci_device *dev, struct pci_vectors *vs, u32 count)
{
	u16 control = pci_read16(dev, vs->cap + MSIX_CONTROL);
	u32 total = (control & MSIX_COUNT) + 1U, where = pci_read32(dev, vs->cap + MSIX_TABLE);
	int err;

	vs->table = pci_map_bar(dev, where & 7, where & ~7U, total * MSIX_ENTRY_SIZE);
	if (vs->table == NULL)
		return -ENOENT;
	pci_enable(dev, false);			/* the table must answer */
	pci_write16(dev, vs->cap + MSIX_CONTROL, control | MSIX_ENABLE | MSIX_MASK_ALL);
	for (u32 i = 0; i < total; i++)
		mmio_write32((volatile u8 *)vs->table + i * MSIX_ENTRY_SIZE + ENTRY_CONTROL, 1);
	for (u32 i = 0; i < count; i++)
		vs->vec[i] = (struct vector){ .dev = dev, .entry = (volatile u8 *)vs->table + i * MSIX_ENTRY_SIZE };
	err = alloc_irqs(vs, &msix_ops, MIN(count, total));
	if (err != 0) {
		pci_write16(dev, vs->cap + MSIX_CONTROL, control & (u16)~MSIX_ENABLE);
		kmap_device_unmap(vs->table);
		vs->table = NULL;
		return err;
	}
	vs->msix = true;
	intx_enable(dev, false);
	pci_write16(dev, vs->cap + MSIX_CONTROL, (control & (u16)~MSIX_MASK_ALL) | MSIX_ENABLE);
	return 0;
}

static int
setup_msi(struct pci_device *dev, struct pci_vectors *vs)
{
	vs->vec[0] = (struct vector){ .dev = dev };
	intx_enable(dev, false);
	return alloc_irqs(vs, &msi_ops, 1);
}

static int
setup_intx(struct pci_device *dev, struct pci_vectors *vs)
{
	int irq = arch_pci_intx_irq(dev->segment, dev->bdf, dev->pin, dev->line);

	if (irq < 0)
		return irq;
	vs->cap = 0;
	vs->count = 1;
	vs->vec[0] = (struct vector){ .dev = dev, .irq = (u32)irq };
	intx_enable(dev, true);
	return 0;
}

int
pci_irq_alloc(struct pci_device *dev, u32 count, u32 *irqs, u32 *flags)
{
	struct pci_vectors *vs;
	int err = -ENOENT;

	if (count == 0 || count > MSIX_COUNT + 1 || dev->vectors != NULL)
		return -EINVAL;
	vs = kmem_alloc(sizeof(*vs) + count * sizeof(vs->vec[0]), KM_ZERO);
	if (vs == NULL)
		return -ENOMEM;
	dev->vectors = vs;
	vs->cap = pci_find_capability(dev, PCI_CAP_MSIX, 0);
	if (vs->cap != 0)
		err = setup_msix(dev, vs, count);
	if (err != 0) {
		vs->cap = pci_find_capability(dev, PCI_CAP_MSI, 0);
		if (vs->cap != 0)
			err = setup_msi(dev, vs);
	}
	if (err != 0)
		err = setup_intx(dev, vs);
	if (err != 0) {
		dev->vectors = NULL;
		kmem_free(vs);
		return err;
	}
	for (u32 i = 0; i < vs->count; i++)
		irqs[i] = vs->vec[i].irq;
	*flags = vs->cap == 0 ? IRQF_PCI_INTX : 0;
	return (int)vs->count;
}

void
pci_irq_free(struct pci_device *dev)
{
	struct pci_vectors *vs = dev->vectors;
	u32 at;

	if (vs == NULL)
		return;
	free_irqs(vs);
	if (vs->cap != 0) {
		at = vs->cap + 2;		/* message control, of both */
		pci_write16(dev, at, pci_read16(dev, at) & (u16)~(vs->msix ? MSIX_ENABLE : MSI_ENABLE));
	}
	if (vs->table != NULL)
		kmap_device_unmap(vs->table);
	dev->vectors = NULL;
	kmem_free(vs);
}

bool
pci_has_msix(const struct pci_device *dev)
{
	return dev->vectors != NULL && dev->vectors->msix;
}
