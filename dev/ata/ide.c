/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI IDE controllers (class 0101): finding the two channels. A channel is in compatibility mode, at the ports and interrupt
 * that the AT had, or in native mode, at bars 0 to 3 with the function's interrupt. The controller's timing is the firmware's: it
 * set up what the drives were found to be able to, and the mode that each then is in is the mode that is used.
 */
#include "dev/ata/ide.h"

#include "arch/mmu.h"
#include "dev/irq.h"
#include "dev/pci.h"
#include "sys/abi/errno.h"
#include "sys/log.h"

#define CLASS_IDE		0x010100
#define NATIVE(channel)		(1U << 2 * (channel))
#define BAR_BUS_MASTER		4

static const struct { u16 base, ctl; u32 irq; } compatible[2] = { { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 } };

struct ide_function { struct ide_channel *channels[2]; };	/* [I] after probe */

static enum irq_result
interrupt(u32 irq, void *arg)
{
	return ide_channel_interrupt(arg) ? IRQ_HANDLED : IRQ_NONE;
}

void
ide_channel_destroy(struct ide_channel *h)
{
	if (h->prd != NULL)
		dma_free(h->prd, PAGE_SIZE);
	kmem_free(h);
}

static int
set_up_dma(struct ide_channel *h, u16 bm)
{
	h->port.dma = (struct dma_limits){ .mask = ~0UL, .max_segments = DMA_SEGMENTS_MAX, .align = 2 };
	if (bm == 0)
		return 0;
	h->bm = bm;
	h->port.can_dma = true;
	h->port.dma.mask = 0xffffffff;
	h->port.dma.boundary = h->port.dma.max_segment = 0x10000;
	h->prd = dma_alloc(&h->port.dma, PAGE_SIZE, &h->prd_addr);
	return h->prd != NULL ? 0 : -ENOMEM;
}

static int
add_channel(struct pci_device *pci, u16 base, u16 ctl, u16 bm, u32 irq, u32 flags, struct ide_channel **out)
{
	struct ide_channel *h = kmem_alloc(sizeof(*h), KM_ZERO);
	int err;

	if (h == NULL)
		return -ENOMEM;
	h->base = base;
	h->ctl = ctl;
	h->irq = irq;
	h->port.ops = &ide_port_ops;
	h->port.units = 2;
	h->port.slots = 1;
	h->port.parent = &pci->dev;
	err = set_up_dma(h, bm);
	if (err != 0)
		goto out_free;
	err = ata_port_init(&h->port);
	if (err != 0)
		goto out_free;
	err = irq_request(irq, interrupt, h, flags, "ata");
	if (err != 0)
		goto out_destroy;
	log_info("ata%u: IDE at %#x, %s, irq %u", h->port.index, base, bm != 0 ? "DMA" : "PIO", irq);
	err = ata_port_start(&h->port);
	*out = h;
	if (err == 0)
		return 0;
	*out = NULL;
	irq_free(irq, h);
out_destroy:
	ata_port_destroy(&h->port);
out_free:
	ide_channel_destroy(h);
	return err;
}

static u16
bus_master(struct pci_device *pci, u32 channel)
{
	u16 port = pci_bar_port(pci, BAR_BUS_MASTER);

	return port != 0 && pci->bars[BAR_BUS_MASTER].size >= 16 ? (u16)(port + 8 * channel) : 0;
}

static int
probe(struct pci_device *pci, const struct pci_id *id)
{
	struct ide_function *f = kmem_alloc(sizeof(*f), KM_ZERO);
	u32 irq = 0, flags = 0, found = 0;
	int err = -ENODEV;

	if (f == NULL)
		return -ENOMEM;
	pci_enable(pci, true);
	if ((pci->class & (NATIVE(0) | NATIVE(1))) != 0) {
		err = pci_irq_alloc(pci, 1, &irq, &flags);
		if (err < 0)
			log_warn("ide: no interrupt for native mode: error %d", err);
	}
	for (u32 i = 0; i < 2; i++) {
		u16 bm = bus_master(pci, i), base = pci_bar_port(pci, 2 * i), ctl = pci_bar_port(pci, 2 * i + 1);

		if (!(pci->class & NATIVE(i)))
			err = add_channel(pci, compatible[i].base, compatible[i].ctl, bm, compatible[i].irq, 0, &f->channels[i]);
		else if (irq != 0 && base != 0 && ctl != 0)
			err = add_channel(pci, base, (u16)(ctl + 2), bm, irq, flags, &f->channels[i]);
		else
			continue;
		found += err == 0;
	}
	if (found != 0) {
		pci->priv = f;
		return 0;
	}
	pci_irq_free(pci);
	kmem_free(f);
	return err < 0 ? err : -ENODEV;
}

static void
remove(struct pci_device *pci)
{
	struct ide_function *f = pci->priv;

	for (u32 i = 0; i < 2; i++)
		if (f->channels[i] != NULL)
			ata_port_retire(&f->channels[i]->port);
	ata_publish_now();
	for (u32 i = 0; i < 2; i++) {
		struct ide_channel *h = f->channels[i];

		if (h == NULL)
			continue;
		ide_channel_mute(h);
		irq_free(h->irq, h);
		ata_port_put(&h->port);
	}
	pci_irq_free(pci);
	pci_disable(pci);
	pci->priv = NULL;
	kmem_free(f);
}

static const struct pci_id ids[] = { { PCI_ANY, PCI_ANY, CLASS_IDE, 0xffff00, 0 }, { 0 } };
static struct pci_driver driver = { .name = "ata_piix", .ids = ids, .probe = probe, .remove = remove };

void
ide_register(void)
{
	pci_driver_register(&driver);
}
