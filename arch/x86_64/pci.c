/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space on the PC: by ports 0xcf8 and 0xcfc (PCI 3.0, 3.2.2.3.2) for the first 256 bytes of segment 0, by the
 * memory windows of the MCFG table (PCI Express 5.0, 7.2.2) for all else. A window is 1 MiB per bus and is mapped when the bus
 * is first touched: mapping all 256 would cost a small machine its memory.
 */
#include "arch/pci.h"

#include "arch/mmu.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/ioapic.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/atomic.h"
#include "sys/spinlock.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define CONFIG_ENABLE	0x80000000U
#define BUS_WINDOW	(1 * MIB)

struct bus_windows { void *bus[256]; };		/* [a] each set once */

static struct spinlock port_lock = SPINLOCK_INIT(LOCK_LEAF);
static u8 ports;				/* [a] 0: not looked yet, 1: there, 2: none */
static struct bus_windows *windows[ACPI_MCFG_MAX];	/* [a] each set once */

static bool
ports_present(void)
{
	u64 flags;

	if (ports == 0) {
		u32 old;

		flags = spin_lock_irqsave(&port_lock);
		old = inl(CONFIG_ADDRESS);
		outl(CONFIG_ADDRESS, CONFIG_ENABLE);
		ports = inl(CONFIG_ADDRESS) == CONFIG_ENABLE ? 1 : 2;
		outl(CONFIG_ADDRESS, old);
		spin_unlock_irqrestore(&port_lock, flags);
	}
	return ports == 1;
}

static bool
by_ports(u32 segment, u32 offset)
{
	return segment == 0 && offset < 256 && ports_present();
}

/* Where a register of the window is, or NULL. */
static volatile u8 *
window(u32 segment, u16 bdf, u32 offset)
{
	const struct acpi_info *ai = &acpi_info;
	u32 bus = bdf >> 8, i;
	struct bus_windows *w;
	void *va, *none = NULL;

	for (i = 0; i < ai->mcfg_count; i++) {
		if (ai->mcfg[i].segment == segment && bus >= ai->mcfg[i].bus_first && bus <= ai->mcfg[i].bus_last)
			break;
	}
	if (i == ai->mcfg_count || offset >= 4096)
		return NULL;
	w = atomic_load_acquire(&windows[i]);
	if (w == NULL) {
		struct bus_windows *fresh = kmem_alloc(sizeof(*fresh), KM_ZERO);

		w = NULL;
		if (fresh == NULL)
			return NULL;
		if (atomic_try_cas(&windows[i], &w, fresh))
			w = fresh;
		else
			kmem_free(fresh);
	}
	va = atomic_load_acquire(&w->bus[bus]);
	if (va == NULL) {
		/* The base is that of bus 0, whatever the first bus of the range is. */
		va = kmap_device(ai->mcfg[i].base + bus * BUS_WINDOW, BUS_WINDOW,
			PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_UNCACHED);
		if (va == NULL)
			return NULL;
		if (!atomic_try_cas(&w->bus[bus], &none, va)) {
			kmap_device_unmap(va);
			va = none;
		}
	}
	return (volatile u8 *)va + ((u32)(bdf & 0xff) << 12) + offset;
}

u32
arch_pci_read(u32 segment, u16 bdf, u32 offset, int size)
{
	volatile u8 *p;
	u64 flags;
	u32 v;

	if (by_ports(segment, offset)) {
		u16 port = (u16)(CONFIG_DATA + (offset & 3));

		flags = spin_lock_irqsave(&port_lock);
		outl(CONFIG_ADDRESS, CONFIG_ENABLE | (u32)bdf << 8 | (offset & 0xfc));
		v = size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
		spin_unlock_irqrestore(&port_lock, flags);
		return v;
	}
	p = window(segment, bdf, offset);
	if (p == NULL)
		return size == 1 ? 0xff : size == 2 ? 0xffff : 0xffffffff;
	return size == 1 ? mmio_read8(p) : size == 2 ? mmio_read16(p) : mmio_read32(p);
}

void
arch_pci_write(u32 segment, u16 bdf, u32 offset, int size, u32 value)
{
	volatile u8 *p;
	u64 flags;

	if (by_ports(segment, offset)) {
		u16 port = (u16)(CONFIG_DATA + (offset & 3));

		flags = spin_lock_irqsave(&port_lock);
		outl(CONFIG_ADDRESS, CONFIG_ENABLE | (u32)bdf << 8 | (offset & 0xfc));
		if (size == 1)
			outb(port, (u8)value);
		else if (size == 2)
			outw(port, (u16)value);
		else
			outl(port, value);
		spin_unlock_irqrestore(&port_lock, flags);
		return;
	}
	p = window(segment, bdf, offset);
	if (p == NULL)
		return;
	if (size == 1)
		mmio_write8(p, (u8)value);
	else if (size == 2)
		mmio_write16(p, (u16)value);
	else
		mmio_write32(p, value);
}

u32
arch_pci_config_size(u32 segment, u16 bdf)
{
	const struct acpi_info *ai = &acpi_info;

	for (u32 i = 0; i < ai->mcfg_count; i++) {
		if (ai->mcfg[i].segment == segment && bdf >> 8 >= ai->mcfg[i].bus_first && bdf >> 8 <= ai->mcfg[i].bus_last)
			return 4096;
	}
	return 256;
}

bool
arch_pci_range(u32 index, u32 *segment, u8 *bus_first, u8 *bus_last)
{
	const struct acpi_info *ai = &acpi_info;

	if (ports_present()) {
		if (index == 0) {
			*segment = 0;
			*bus_first = 0;
			*bus_last = 255;
			return true;
		}
		index--;
	}
	for (u32 i = 0; i < ai->mcfg_count; i++) {
		if (ai->mcfg[i].segment == 0 && ports_present())
			continue;
		if (index-- == 0) {
			*segment = ai->mcfg[i].segment;
			*bus_first = ai->mcfg[i].bus_first;
			*bus_last = ai->mcfg[i].bus_last;
			return true;
		}
	}
	return false;
}

/* Without an AML interpreter (_PRT) there is what firmware wrote for the legacy controller: an ISA line, to which the pin is
 * routed in the I/O APIC as well (the MADT then has an override that says level). */
int
arch_pci_intx_irq(u32 segment, u16 bdf, u8 pin, u8 line)
{
	if (pin == 0 || pin > 4 || line == 0 || line == 0xff)
		return -ENOENT;
	if (line < 16)
		return line;
	return ioapic_has(line) ? line : -ENOENT;
}
