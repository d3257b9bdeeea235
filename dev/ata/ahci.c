/* SPDX-License-Identifier: BSD-2-Clause */
/* AHCI controllers (PCI class 010601): taken over from the firmware, reset, their ports started. */
#include "dev/ata/ahci.h"

#include "arch/io.h"
#include "arch/mmu.h"
#include "dev/irq.h"
#include "dev/pci.h"
#include "sys/abi/errno.h"
#include "sys/lib/bits.h"
#include "sys/log.h"

#define CLASS_AHCI	0x010601
#define BAR_ABAR	5
#define REGS_SIZE	(AHCI_PORT_0 + AHCI_PORTS_MAX * AHCI_PORT_SIZE)
#define RESET_MS	1000		/* 10.4.3 */
#define HANDOFF_MS	2000		/* 10.6.3: 25 ms, and 2 s if it says busy */
#define CAP2_HANDOFF	0x1U
#define BOHC_BIOS	0x1U
#define BOHC_OS		0x2U
#define SEGMENT_MAX	(4U * 1024 * 1024)

static bool
wait_clear(volatile u8 *reg, u32 bits, u32 ms)
{
	for (u32 i = 0; mmio_read32(reg) & bits; i++) {
		if (i == ms)
			return false;
		ata_sleep_ms(1);
	}
	return true;
}

static void
take_from_firmware(struct ahci *hba)
{
	if (!(mmio_read32(hba->regs + AHCI_CAP2) & CAP2_HANDOFF))
		return;
	mmio_write32(hba->regs + AHCI_BOHC, mmio_read32(hba->regs + AHCI_BOHC) | BOHC_OS);
	if (!wait_clear(hba->regs + AHCI_BOHC, BOHC_BIOS, HANDOFF_MS))
		log_warn("ahci: the firmware does not let go of the controller");
}

/* 10.4.3. What firmware wrote once (capabilities, implemented ports) outlives it. */
static int
reset(struct ahci *hba)
{
	mmio_write32(hba->regs + AHCI_GHC, AHCI_GHC_ENABLE);
	mmio_write32(hba->regs + AHCI_GHC, AHCI_GHC_ENABLE | AHCI_GHC_RESET);
	if (!wait_clear(hba->regs + AHCI_GHC, AHCI_GHC_RESET, RESET_MS))
		return -EIO;
	mmio_write32(hba->regs + AHCI_GHC, AHCI_GHC_ENABLE);
	return 0;
}

static enum irq_result
interrupt(u32 irq, void *arg)
{
	struct ahci *hba = arg;
	u32 is = mmio_read32(hba->regs + AHCI_IS);

	if (is == 0 || is == 0xffffffff)	/* all ones: pulled out */
		return IRQ_NONE;
	for (u32 left = is; left != 0; left &= left - 1) {
		struct ahci_port *ap = hba->ports[ctz64(left)];

		if (ap != NULL)
			ahci_port_interrupt(ap);
	}
	mmio_write32(hba->regs + AHCI_IS, is);	/* after the ports' own (10.7.2.1) */
	return IRQ_HANDLED;
}

static struct ahci_port *
make_port(struct ahci *hba, struct pci_device *pci, u32 number, u32 cap)
{
	struct ahci_port *ap = kmem_alloc(sizeof(*ap), KM_ZERO);

	if (ap == NULL)
		return NULL;
	ap->hba = hba;
	ap->regs = hba->regs + AHCI_PORT_0 + number * AHCI_PORT_SIZE;
	ap->port.ops = &ahci_port_ops;
	ap->port.units = 1;
	ap->port.slots = (cap >> 8 & 0x1f) + 1;
	ap->port.can_dma = true;
	ap->port.can_queue = cap & AHCI_CAP_NCQ;
	ap->port.parent = &pci->dev;
	ap->port.dma = (struct dma_limits){ .mask = cap & AHCI_CAP_64BIT ? ~0UL : 0xffffffff, .max_segment = SEGMENT_MAX,
		.max_segments = DMA_SEGMENTS_MAX, .align = 2 };
	if (ahci_port_init(ap) == 0) {
		if (ata_port_init(&ap->port) == 0)
			return ap;
		ahci_port_destroy(ap);
	}
	kmem_free(ap);
	return NULL;
}

static void
make_ports(struct ahci *hba, struct pci_device *pci)
{
	u32 cap = mmio_read32(hba->regs + AHCI_CAP), there = mmio_read32(hba->regs + AHCI_PI), n = 0;

	for (u32 i = 0; i < AHCI_PORTS_MAX; i++) {
		if (!(there & BIT(i)))
			continue;
		if (AHCI_PORT_0 + (i + 1) * AHCI_PORT_SIZE > hba->size)
			break;
		hba->ports[i] = make_port(hba, pci, i, cap);
		if (hba->ports[i] == NULL)
			log_err("ahci: no memory for port %u", i);
		n++;
	}
	log_info("ahci: %u ports, %lu slots%s%s", n, (cap >> 8 & 0x1f) + BIT(0), cap & AHCI_CAP_NCQ ? ", NCQ" : "",
		 cap & AHCI_CAP_64BIT ? ", 64 bits" : "");
}

static void
start_ports(struct ahci *hba)
{
	mmio_write32(hba->regs + AHCI_IS, 0xffffffff);
	mmio_write32(hba->regs + AHCI_GHC, AHCI_GHC_ENABLE | AHCI_GHC_INTERRUPTS);
	for (u32 i = 0; i < AHCI_PORTS_MAX; i++) {
		if (hba->ports[i] != NULL && ata_port_start(&hba->ports[i]->port) != 0)
			log_err("ahci: no memory for the thread of port %u", i);
	}
}

static int
probe(struct pci_device *pci, const struct pci_id *id)
{
	struct ahci *hba = kmem_alloc(sizeof(*hba), KM_ZERO);
	u32 irq, flags;
	int err;

	if (hba == NULL)
		return -ENOMEM;
	pci_enable(pci, true);
	err = -ENXIO;
	hba->size = MIN(pci->bars[BAR_ABAR].size, (u64)REGS_SIZE);
	if (hba->size > AHCI_PORT_0)
		hba->regs = pci_map_bar(pci, BAR_ABAR, 0, hba->size);
	if (hba->regs == NULL)
		goto out_free;
	take_from_firmware(hba);
	err = reset(hba);
	if (err != 0)
		goto out_unmap;
	err = pci_irq_alloc(pci, 1, &irq, &flags);
	if (err < 0)
		goto out_unmap;
	make_ports(hba, pci);
	err = irq_request(irq, interrupt, hba, flags, "ahci");
	if (err != 0)
		goto out_ports;
	hba->irq = irq;
	pci->priv = hba;
	start_ports(hba);
	return 0;
out_ports:
	for (u32 i = 0; i < AHCI_PORTS_MAX; i++) {
		if (hba->ports[i] == NULL)
			continue;
		ata_port_destroy(&hba->ports[i]->port);
		ahci_port_destroy(hba->ports[i]);
		kmem_free(hba->ports[i]);
	}
	pci_irq_free(pci);
out_unmap:
	kmap_device_unmap((void *)(uintptr_t)hba->regs);
out_free:
	pci_disable(pci);
	kmem_free(hba);
	return err;
}

static void
remove(struct pci_device *pci)
{
	struct ahci *hba = pci->priv;

	for (u32 i = 0; i < AHCI_PORTS_MAX; i++)
		if (hba->ports[i] != NULL)
			ata_port_retire(&hba->ports[i]->port);
	ata_publish_now();
	mmio_write32(hba->regs + AHCI_GHC, AHCI_GHC_ENABLE);
	irq_free(hba->irq, hba);
	for (u32 i = 0; i < AHCI_PORTS_MAX; i++) {
		if (hba->ports[i] == NULL)
			continue;
		ahci_port_destroy(hba->ports[i]);
		ata_port_put(&hba->ports[i]->port);
	}
	pci_irq_free(pci);
	kmap_device_unmap((void *)(uintptr_t)hba->regs);
	pci_disable(pci);
	pci->priv = NULL;
	kmem_free(hba);
}

static const struct pci_id ids[] = { { PCI_ANY, PCI_ANY, CLASS_AHCI, 0xffffff, 0 }, { 0 } };
static struct pci_driver driver = { .name = "ahci", .ids = ids, .probe = probe, .remove = remove };

void
ahci_register(void)
{
	pci_driver_register(&driver);
}
