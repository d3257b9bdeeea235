/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: interrupt lines and vectors. An irq number is global: legacy ISA 0-15 (through the MADT's overrides), other
 * IOAPIC inputs by GSI, and numbers from ARCH_IRQ_MSI_FIRST for message interrupts. dev/irq.c keeps handlers.
 */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include "sys/lib/types.h"

#define ARCH_IRQ_COUNT		1024
#define ARCH_IRQ_MSI_FIRST	256

/* Route a GSI or ISA line to a CPU and a vector; leaves it masked. level/low: trigger and polarity (ISA lines take the MADT's
 * word instead). Again for a line that is set up: nothing happens. -ENOSPC (no vector), -EINVAL (no such line). May sleep. */
int __must_check arch_irq_setup(u32 irq, bool level, bool active_low);
bool arch_irq_is_level(u32 irq);	/* of a line that is set up */
/* Lines only: a message's source is masked by who owns the message (nothing happens here). Any context. */
void arch_irq_mask(u32 irq);
void arch_irq_unmask(u32 irq);
/* Make an edge line or a message arrive once more. Any context. */
void arch_irq_retrigger(u32 irq);
/* A message interrupt towards CPU `cpu`: its number, address and data. -ENOSPC. */
int __must_check arch_irq_alloc_msi(u32 cpu, u32 *irq, u64 *address, u32 *data);
/* The line (masked) or message (masked at its source) is given back, with its vector. */
void arch_irq_free(u32 irq);
/* Send the irq to another CPU. For a message the owner must then write *address and *data (for lines both are NULL) to the
 * device, and then arch_irq_settle() gives the old place back, once nothing that was sent there waits any more. One move at a time:
 * -EBUSY. -ENOSPC, -EINVAL. Thread context. */
int __must_check arch_irq_set_affinity(u32 irq, u32 cpu, u64 *address, u32 *data);
void arch_irq_settle(u32 irq);
u32 arch_irq_cpu(u32 irq);		/* where it goes */
const char *arch_irq_chip(u32 irq);	/* "IO-APIC", "PCI-MSI", for /proc/interrupts */

/* What the architecture itself counts (timer, reschedule ...), for /proc/interrupts: false when index is past the end. */
bool arch_irq_special(u32 index, const char **name, const char **text);
u64 arch_irq_special_count(u32 index, u32 cpu);

#endif
