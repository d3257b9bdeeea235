/* SPDX-License-Identifier: BSD-2-Clause */
/* A function's configuration space: registers, capabilities, bars. */
#include "dev/pci.h"

#include "arch/mmu.h"
#include "arch/pci.h"
#include "sys/lib/printf.h"

#define CAPS_MAX	48	/* 192 bytes of at least 4 each: more is a loop */
#define EXT_CAPS_MAX	960

u8
pci_read8(const struct pci_device *dev, u32 offset)
{
	return (u8)arch_pci_read(dev->segment, dev->bdf, offset, 1);
}

u16
pci_read16(const struct pci_device *dev, u32 offset)
{
	return (u16)arch_pci_read(dev->segment, dev->bdf, offset, 2);
}

u32
pci_read32(const struct pci_device *dev, u32 offset)
{
	return arch_pci_read(dev->segment, dev->bdf, offset, 4);
}

void
pci_write8(const struct pci_device *dev, u32 offset, u8 v)
{
	arch_pci_write(dev->segment, dev->bdf, offset, 1, v);
}

void
pci_write16(const struct pci_device *dev, u32 offset, u16 v)
{
	arch_pci_write(dev->segment, dev->bdf, offset, 2, v);
}

void
pci_write32(const struct pci_device *dev, u32 offset, u32 v)
{
	arch_pci_write(dev->segment, dev->bdf, offset, 4, v);
}

void
pci_name(const struct pci_device *dev, char *buf)
{
	snprintf(buf, PCI_NAME_MAX, "%04x:%02x:%02x.%u", dev->segment, dev->bdf >> 8, dev->bdf >> 3 & 31, dev->bdf & 7);
}

u32
pci_find_capability(const struct pci_device *dev, u8 id, u32 from)
{
	u32 at;

	if (!(pci_read16(dev, PCI_REG_STATUS) & PCI_STATUS_CAPS))
		return 0;
	at = from == 0 ? PCI_REG_CAPS : from + 1;
	for (u32 i = 0; i < CAPS_MAX; i++) {
		at = pci_read8(dev, at) & 0xfc;
		if (at < 0x40)
			return 0;
		if (pci_read8(dev, at) == id)
			return at;
		at++;
	}
	return 0;
}

u32
pci_find_ext_capability(const struct pci_device *dev, u16 id)
{
	u32 at = 0x100;

	for (u32 i = 0; i < EXT_CAPS_MAX && at >= 0x100 && at + 4 <= dev->config_size; i++) {
		u32 header = pci_read32(dev, at);

		if (header == 0 || header == 0xffffffff)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & 0xffc;
	}
	return 0;
}

void
pci_enable(struct pci_device *dev, bool master)
{
	u16 command = pci_read16(dev, PCI_REG_COMMAND);

	for (u32 i = 0; i < PCI_BARS; i++) {
		if (dev->bars[i].kind == PCI_BAR_IO)
			command |= PCI_COMMAND_IO;
		else if (dev->bars[i].kind == PCI_BAR_MEMORY)
			command |= PCI_COMMAND_MEMORY;
	}
	if (master)
		command |= PCI_COMMAND_MASTER;
	pci_write16(dev, PCI_REG_COMMAND, command);
}

void
pci_disable(struct pci_device *dev)
{
	u16 command = pci_read16(dev, PCI_REG_COMMAND);

	command &= (u16)~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	pci_write16(dev, PCI_REG_COMMAND, command | PCI_COMMAND_INTX_OFF);
}

void *
pci_map_bar(struct pci_device *dev, u32 bar, u64 offset, size_t size)
{
	const struct pci_bar *b;

	if (bar >= PCI_BARS)
		return NULL;
	b = &dev->bars[bar];
	if (b->kind != PCI_BAR_MEMORY || b->base == 0 || size == 0 || offset > b->size || size > b->size - offset)
		return NULL;
	return kmap_device(b->base + offset, size, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_UNCACHED);
}

u16
pci_bar_port(const struct pci_device *dev, u32 bar)
{
	if (bar >= PCI_BARS || dev->bars[bar].kind != PCI_BAR_IO || dev->bars[bar].base > 0xffff)
		return 0;
	return (u16)dev->bars[bar].base;
}
