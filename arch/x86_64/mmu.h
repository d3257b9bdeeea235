/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables inside the port. The kernel's address space, by slots of the top-level table (512 GiB each):
 *
 *	273..	direct map of all memory (as many slots as memory needs)
 *	402	vmalloc: kernel virtual areas, stacks, device memory
 *	468	vmemmap: struct page by pfn
 *	472-487	reserved for the KASAN shadow
 *	508	cpu-entry area (desc.h)
 *	511	the image, from KERNEL_VMA + 1 MiB
 *
 * All slots in use are filled at boot, so that the upper half of every address space is the same for ever.
 */
#ifndef ARCH_X86_64_MMU_H
#define ARCH_X86_64_MMU_H

#include "arch/mmu.h"

#define SLOT_DIRECT	273
#define SLOT_VMALLOC	402
#define SLOT_VMEMMAP	468
#define SLOT_CPU_ENTRY	508
#define SLOT_IMAGE	511
#define SLOT_VA(slot)	(0xffff000000000000UL | (u64)(slot) << 39)
#define SLOT_SIZE	(1UL << 39)

#define TABLE_ENTRIES	512
#define TABLE_BITS	(PTE_P | PTE_W | PTE_A)
#define TABLE_BITS_USER	(TABLE_BITS | PTE_U)

/* Levels: 1 has 4 KiB leaves, 2 has 2 MiB leaves, 3 has 1 GiB leaves, 4 is the top. */
#define LEVEL_TOP	4
#define LEVEL_SHIFT(level)	(PAGE_SHIFT + 9 * ((level) - 1))
#define LEVEL_SIZE(level)	(1UL << LEVEL_SHIFT(level))

static inline unsigned
table_index(vaddr_t va, int level)
{
	return va >> LEVEL_SHIFT(level) & (TABLE_ENTRIES - 1);
}

static inline pte_t *
table_of(pte_t e)
{
	return phys_to_virt(e & PTE_ADDR);
}

extern pte_t kernel_pml4[TABLE_ENTRIES];	/* its kernel half is copied into every space */
extern char image_start[], image_end[], text_end[], rodata_start[], rodata_end[], data_start[];	/* link.ld */

paddr_t mmu_kernel_root(void);

/* A zeroed frame for a table, 0: no memory. */
typedef paddr_t (*table_alloc_fn)(void);

/* Map [va, va + size) to pa with leaves of at most max_level; bits: a last-level leaf's. Existing leaves are replaced. -ENOMEM
 * leaves what was mapped so far. */
int __must_check mmu_map_range(vaddr_t va, paddr_t pa, u64 size, pte_t bits, int max_level, table_alloc_fn alloc);
/* The kernel's leaf entry for va and its level, or NULL. */
pte_t *mmu_kernel_leaf(vaddr_t va, int *level);

/* Boot CPU: the final kernel tables are built and loaded; boot_info.memory is canonical and changes by what they take. */
void mmu_boot_init(void);

struct cpu_entry;
/* Map a CPU's part of the cpu-entry area. */
int __must_check mmu_map_cpu_entry(struct cpu_entry *e, u32 cpu);
int __must_check mmu_map_cpu_entry_by(struct cpu_entry *e, u32 cpu, table_alloc_fn alloc);

/* Before tables are freed: no CPU keeps entries that lead to them (also CPUs that only borrow the space). */
void tlb_flush_tables(struct arch_as *aas);
/* No CPU has it loaded any more. */
void tlb_detach(struct arch_as *aas);

#endif
