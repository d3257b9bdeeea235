/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O APICs: interrupt lines by global number (GSI). Intel 82093AA data sheet. */
#ifndef ARCH_X86_64_IOAPIC_H
#define ARCH_X86_64_IOAPIC_H

#include "sys/lib/types.h"

/* Map those the MADT lists, all lines masked. */
void ioapic_init(void);
bool ioapic_has(u32 gsi);
/* The caller holds irq.c's lock, interrupts off. */
void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low);	/* leaves it masked */
void ioapic_retarget(u32 gsi, u8 vector, u32 apic_id);
void ioapic_mask(u32 gsi, bool masked);

#endif
