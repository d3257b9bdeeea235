/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The final kernel tables, built before there is a page allocator: their frames come from a piece of usable memory that
 * is taken out of boot_info, large enough by a bound computed first; what is left of it goes back.
 */
#include "arch/boot.h"
#include "arch/x86_64/boot_proto.h"
#include "arch/x86_64/cpu_init.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/desc.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/regs.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define EARLY_LIMIT	(4 * GIB)	/* what boot_entry.S mapped */

static paddr_t pool_next, pool_end;

static paddr_t
pool_take(void)
{
	paddr_t pa = pool_next;

	if (pa == pool_end)
		panic("boot: the pool for page tables is too small");
	pool_next += PAGE_SIZE;
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

/* The direct map covers whole 2 MiB pieces that hold any memory. Device memory that shares one keeps its type by the MTRRs. */
static void
direct_map_range(const struct boot_memory *m, paddr_t *start, paddr_t *end)
{
	*start = ALIGN_DOWN(m->base, HUGE_PAGE_SIZE);
	*end = ALIGN_UP(m->base + m->size, HUGE_PAGE_SIZE);
}

static u64
tables_bound(void)
{
	u64 n = 16 + ((u64)(image_end - image_start) >> HUGE_PAGE_SHIFT);	/* image, cpu-entry area, empty top slots */

	for (u32 i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *m = &boot_info.memory[i];
		paddr_t start, end;

		if (m->type == BOOT_MEM_RESERVED)
			continue;
		direct_map_range(m, &start, &end);
		n += ((end - 1) >> 39) - (start >> 39) + 1;
		if (cpu_has(CPUF_GIB_PAGES))
			n += 2;		/* the two ends */
		else
			n += ((end - 1) >> 30) - (start >> 30) + 1;
	}
	return n;
}

static void
map_or_die(vaddr_t va, paddr_t pa, u64 size, pte_t bits, int max_level)
{
	if (mmu_map_range(va, pa, size, bits, max_level, pool_take) != 0)
		panic("boot: cannot map %#lx", va);
}

static void
map_direct(void)
{
	const pte_t bits = PTE_P | PTE_W | PTE_A | PTE_D | arch_pte_nx | arch_pte_global;
	paddr_t done = 0;

	for (u32 i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *m = &boot_info.memory[i];
		paddr_t start, end;

		if (m->type == BOOT_MEM_RESERVED)
			continue;
		direct_map_range(m, &start, &end);
		start = MAX(start, done);
		if (start < end)
			map_or_die((vaddr_t)phys_to_virt(start), start, end - start, bits, cpu_has(CPUF_GIB_PAGES) ? 3 : 2);
		done = MAX(done, end);
	}
}

static void
map_image(void)
{
	/* Text stays writable until arch_mmu_protect_image(). */
	const pte_t bits = PTE_P | PTE_W | PTE_A | PTE_D | arch_pte_global;
	int level;

	map_or_die((vaddr_t)image_start, virt_to_phys(image_start), (u64)(image_end - image_start), bits, 1);
	*mmu_kernel_leaf((vaddr_t)boot_stack_guard, &level) = 0;
}

static void
fill_top_slot(unsigned slot)
{
	if (!kernel_pml4[slot])
		kernel_pml4[slot] = pool_take() | TABLE_BITS;
}

void
mmu_boot_init(void)
{
	u64 size = tables_bound() * PAGE_SIZE;
	paddr_t pool = boot_memory_find(&boot_info, size, PAGE_SIZE, MIB, EARLY_LIMIT);

	if (!pool)
		panic("boot: no memory for page tables (%lu KiB)", size / KIB);
	pool_next = pool;
	pool_end = pool + size;
	arch_pte_nx = cpu_has(CPUF_NX) ? PTE_NX : 0;
	arch_pte_global = cpu_has(CPUF_PGE) ? PTE_G : 0;

	map_direct();
	map_image();
	fill_top_slot(SLOT_VMALLOC);
	fill_top_slot(SLOT_VMEMMAP);
	map_or_die(CPU_ENTRY_BASE, desc_idt_phys(), PAGE_SIZE, PTE_P | PTE_A | arch_pte_nx | arch_pte_global, 1);
	if (mmu_map_cpu_entry_by(cpu_entries[0], 0, pool_take) != 0)
		panic("boot: cannot map the cpu-entry area");
	write_cr3(mmu_kernel_root());
	if (boot_memory_set(&boot_info, pool, pool_next - pool, BOOT_MEM_KERNEL) != 0)
		panic("boot: the memory map has too many pieces");
}
