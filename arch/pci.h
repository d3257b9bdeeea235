/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: PCI configuration space. dev/pci/ walks the buses through these calls only.
 */
#ifndef ARCH_PCI_H
#define ARCH_PCI_H

#include "sys/lib/types.h"

/* bdf: bus << 8 | device << 3 | function. */
#define PCI_BDF(bus, dev, fn)	((u16)((bus) << 8 | (dev) << 3 | (fn)))

/* The ranges of buses to look through: false when index is past the last one. None where the machine has no PCI. */
bool arch_pci_range(u32 index, u32 *segment, u8 *bus_first, u8 *bus_last);
/* Bytes of configuration space a function has: 4096 through a memory window, 256 through ports. */
u32 arch_pci_config_size(u32 segment, u16 bdf);
/* size 1, 2 or 4, offset a multiple of it. What isn't there reads as all ones; writes to it are lost. Any context, but the
 * first access to a bus beyond offset 255 or segment 0 maps it and may sleep. */
u32 arch_pci_read(u32 segment, u16 bdf, u32 offset, int size);
void arch_pci_write(u32 segment, u16 bdf, u32 offset, int size, u32 value);
/* The irq number (arch/irq.h) of a function's INTx pin (1-4), given what firmware left in its interrupt line register.
 * -ENOENT: not routed. */
int arch_pci_intx_irq(u32 segment, u16 bdf, u8 pin, u8 line);

#endif
