/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own page tables (see mmu.h for the layout). Tables are only ever added, by compare-and-swap, so no lock is
 * needed to walk them; the owner of a virtual range (mm/kmap.c) alone writes its leaves.
 */
#include "arch/mmu.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/desc.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/regs.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

vaddr_t arch_direct_map_base = SLOT_VA(SLOT_DIRECT);
vaddr_t arch_vmemmap_base = SLOT_VA(SLOT_VMEMMAP);
vaddr_t arch_vmalloc_base = SLOT_VA(SLOT_VMALLOC);
vaddr_t arch_vmalloc_end = SLOT_VA(SLOT_VMALLOC) + SLOT_SIZE;
pte_t arch_pte_nx;
pte_t arch_pte_global;

pte_t kernel_pml4[TABLE_ENTRIES] __aligned(4096) __section(".bss.page");

paddr_t
virt_to_phys(const void *p)
{
	vaddr_t va = (vaddr_t)p;

	return va >= KERNEL_VMA ? va - KERNEL_VMA : va - arch_direct_map_base;
}

paddr_t
mmu_kernel_root(void)
{
	return virt_to_phys(kernel_pml4);
}

static paddr_t
table_alloc(void)
{
	struct page *pg = pt_page_alloc();

	return pg ? page_to_phys(pg) : 0;
}

/* The table below *e, made if there is none. NULL: no memory, or a leaf is in the way. */
static pte_t *
descend(pte_t *e, table_alloc_fn alloc)
{
	pte_t v = arch_pte_read(e);
	paddr_t pa;

	if (v & PTE_P)
		return v & PTE_PS ? NULL : table_of(v);
	pa = alloc();
	if (!pa)
		return NULL;
	if (!atomic_cas(e, (pte_t)0, pa | TABLE_BITS) && alloc == table_alloc)
		pt_page_free(pfn_to_page(pa >> PAGE_SHIFT));	/* another was faster */
	return table_of(arch_pte_read(e));
}

/* One leaf at the level, tables made on the way. False: no memory, or (level > 1) a table stands where the leaf should. */
static bool
map_leaf(vaddr_t va, pte_t leaf, int level, table_alloc_fn alloc)
{
	pte_t *table = kernel_pml4;

	for (int l = LEVEL_TOP; l > level; l--) {
		table = descend(&table[table_index(va, l)], alloc);
		if (!table)
			return false;
	}
	table += table_index(va, level);
	if (level > 1 && arch_pte_read(table) && !(arch_pte_read(table) & PTE_PS))
		return false;
	arch_pte_write(table, level > 1 ? leaf | PTE_PS : leaf);
	return true;
}

int
mmu_map_range(vaddr_t va, paddr_t pa, u64 size, pte_t bits, int max_level, table_alloc_fn alloc)
{
	vaddr_t end = va + size;

	while (va != end) {
		int level = max_level;

		while (level > 1 && (((va | pa) & (LEVEL_SIZE(level) - 1)) || end - va < LEVEL_SIZE(level)))
			level--;
		while (!map_leaf(va, pa | bits, level, alloc))
			if (level-- == 1)
				return -ENOMEM;
		va += LEVEL_SIZE(level);
		pa += LEVEL_SIZE(level);
	}
	return 0;
}

pte_t *
mmu_kernel_leaf(vaddr_t va, int *level)
{
	pte_t *table = kernel_pml4;

	for (int l = LEVEL_TOP; ; l--) {
		pte_t *e = &table[table_index(va, l)];
		pte_t v = arch_pte_read(e);

		if (!(v & PTE_P))
			return NULL;
		if (l == 1 || (v & PTE_PS)) {
			*level = l;
			return e;
		}
		table = table_of(v);
	}
}

int
arch_kernel_map(vaddr_t va, paddr_t pa, u64 size, int prot)
{
	return mmu_map_range(va, pa, size, arch_pte_prot_bits(prot | PROT_BIT_GLOBAL) | PTE_A | PTE_D, 2, table_alloc);
}

void
arch_kernel_unmap(vaddr_t va, u64 size)
{
	vaddr_t end = va + size;

	while (va < end) {
		int level = 1;
		pte_t *e = mmu_kernel_leaf(va, &level);

		if (e)
			arch_pte_write(e, 0);
		va = ALIGN_DOWN(va, LEVEL_SIZE(level)) + LEVEL_SIZE(level);
	}
}

bool
arch_kernel_translate(vaddr_t va, paddr_t *pa)
{
	int level;
	pte_t *e = va >> 47 == 0x1ffff ? mmu_kernel_leaf(va, &level) : NULL;

	if (!e)
		return false;
	*pa = (arch_pte_read(e) & PTE_ADDR & ~(LEVEL_SIZE(level) - 1)) | (va & (LEVEL_SIZE(level) - 1));
	return true;
}

int
arch_vmemmap_populate(pfn_t start, pfn_t end, paddr_t (*take_frame)(void))
{
	vaddr_t va = ALIGN_DOWN((vaddr_t)(pfn_to_page(start)), PAGE_SIZE);
	vaddr_t last = ALIGN_UP((vaddr_t)(pfn_to_page(end)), PAGE_SIZE);
	paddr_t pa, known;

	for (; va < last; va += PAGE_SIZE) {
		if (arch_kernel_translate(va, &known))
			continue;	/* shares a page with a range before */
		pa = take_frame();
		if (!pa)
			return -ENOMEM;
		if (mmu_map_range(va, pa, PAGE_SIZE, PTE_P | PTE_W | PTE_A | PTE_D | arch_pte_nx | arch_pte_global, 1, take_frame))
			return -ENOMEM;
	}
	return 0;
}

/* --- the cpu-entry area --- */

int
mmu_map_cpu_entry_by(struct cpu_entry *e, u32 cpu, table_alloc_fn alloc)
{
	const pte_t ro = PTE_P | PTE_A | arch_pte_nx | arch_pte_global, rw = ro | PTE_W | PTE_D;
	paddr_t pa = virt_to_phys(e);
	vaddr_t va = cpu_entry_va(cpu);
	int err = mmu_map_range(va, pa, PAGE_SIZE, ro, 1, alloc);

	if (!err)
		err = mmu_map_range(va + PAGE_SIZE, pa + PAGE_SIZE, PAGE_SIZE, rw, 1, alloc);
	for (int slot = 1; !err && slot <= IST_COUNT; slot++)
		err = mmu_map_range(cpu_entry_stack_top(cpu, slot) - CPU_ENTRY_STACK_SIZE, virt_to_phys(e->stacks[slot - 1]),
			CPU_ENTRY_STACK_SIZE, rw, 1, alloc);
	return err;
}

int
mmu_map_cpu_entry(struct cpu_entry *e, u32 cpu)
{
	return mmu_map_cpu_entry_by(e, cpu, table_alloc);
}

/* --- protection of the image --- */

/* Replace a large leaf by a table of smaller ones with the same bits. */
static bool
split_leaf(pte_t *e, int level)
{
	paddr_t pa = table_alloc();
	pte_t v = arch_pte_read(e), *table;

	if (!pa)
		return false;
	table = phys_to_virt(pa);
	if (level == 2)
		v &= ~PTE_PS;
	for (u64 i = 0; i < TABLE_ENTRIES; i++)
		table[i] = v + i * LEVEL_SIZE(level - 1);
	arch_pte_write(e, pa | TABLE_BITS);
	return true;
}

/* Clear and set bits in the leaves of [va, end), page by page. */
static void
change_range(vaddr_t va, vaddr_t end, pte_t clear, pte_t set)
{
	for (; va < end; va += PAGE_SIZE) {
		int level;
		pte_t *e = mmu_kernel_leaf(va, &level);

		while (e && level > 1) {
			if (!split_leaf(e, level))
				panic("no memory to protect the kernel image");
			e = mmu_kernel_leaf(va, &level);
		}
		if (e)
			arch_pte_write(e, (arch_pte_read(e) & ~clear) | set);
	}
}

void
arch_mmu_protect_image(void)
{
	vaddr_t start = (vaddr_t)image_start, text = (vaddr_t)text_end, rodata = (vaddr_t)rodata_end, end = (vaddr_t)image_end;
	vaddr_t alias = (vaddr_t)phys_to_virt(virt_to_phys(image_start));

	change_range(start, text, PTE_W | PTE_NX, 0);
	change_range(text, rodata, PTE_W, arch_pte_nx);
	change_range(rodata, end, 0, arch_pte_nx | PTE_W);
	change_range(alias, alias + (rodata - start), PTE_W, arch_pte_nx);	/* the direct map's view of it */
	arch_tlb_flush_kernel(0, UINT64_MAX);
}
