/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments, interrupt descriptors and the cpu-entry area: the one part of the kernel, besides .entry.text, that the CPU
 * itself reads when it enters the kernel. All of it is mapped in a top-level slot of its own, so that page-table isolation
 * can later map it without the rest:
 *
 *	CPU_ENTRY_BASE			the IDT, read-only
 *	CPU_ENTRY_BASE + (cpu+1) * 64K	page 0: GDT, read-only; page 1: TSS; then four times a guard page and an IST stack
 */
#ifndef ARCH_X86_64_DESC_H
#define ARCH_X86_64_DESC_H

#include "arch/mmu.h"

#define CPU_ENTRY_BASE		0xfffffe0000000000UL
#define CPU_ENTRY_STRIDE	0x10000UL
#define CPU_ENTRY_STACK_SIZE	8192UL

/* Interrupt stack table slots (hardware counts from 1). */
enum { IST_NONE, IST_DOUBLE_FAULT, IST_NMI, IST_DEBUG, IST_MACHINE_CHECK, IST_COUNT = IST_MACHINE_CHECK };

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map;
} __packed;

#define GDT_ENTRIES	16

/* What the cpu-entry area of one CPU maps. Page aligned. */
struct cpu_entry {
	union { u64 gdt[GDT_ENTRIES]; u8 gdt_page[4096]; };
	union { struct tss tss; u8 tss_page[4096]; };
	u8 stacks[IST_COUNT][CPU_ENTRY_STACK_SIZE];
};

static inline vaddr_t
cpu_entry_va(u32 cpu)
{
	return CPU_ENTRY_BASE + (cpu + 1) * CPU_ENTRY_STRIDE;
}

/* Top of a CPU's IST stack; slot 1..IST_COUNT. */
static inline vaddr_t
cpu_entry_stack_top(u32 cpu, int slot)
{
	return cpu_entry_va(cpu) + 2 * PAGE_SIZE + (vaddr_t)slot * (PAGE_SIZE + CPU_ENTRY_STACK_SIZE);
}

extern struct cpu_entry *cpu_entries[];		/* [I] after cpu_prepare; by direct-map or image address */

/* Fill *e for CPU cpu. */
void desc_fill(struct cpu_entry *e, u32 cpu);
void desc_fill_idt(void);
paddr_t desc_idt_phys(void);
/* Load GDT, TSS, IDT. early: by their image addresses, before the cpu-entry area is mapped. Clobbers gs. */
void desc_load(u32 cpu, bool early);

#endif
