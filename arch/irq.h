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
 * word instead). -ENOSPC (no vector), -EINVAL. May sleep. */
int __must_check arch_irq_setup(u32 irq, bool level, bool active_low);
void arch_irq_mask(u32 irq);
void arch_irq_unmask(u32 irq);
/* A message interrupt towards CPU `cpu`: its number, address and data. -ENOSPC. */
int __must_check arch_irq_alloc_msi(u32 cpu, u32 *irq, u64 *address, u32 *data);
void arch_irq_free(u32 irq);
int arch_irq_set_affinity(u32 irq, u32 cpu);

#endif
