/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: page tables and the TLB. The generic code in mm/ walks address spaces only through these calls.
 *
 * Layout. User space is [ARCH_USER_MIN, ARCH_USER_MAX). Kernel regions have variable bases (KASLR later):
 * arch_direct_map_base + paddr maps all of memory; arch_vmemmap_base holds struct page by pfn; arch_vmalloc_base..end is
 * handed out by mm/kmap.c. Kernel halves are shared by all page tables: every top-level kernel entry is allocated at boot.
 *
 * Locks: tables of a user space are changed under the lock of the table page that holds the entry (LOCK_PT, in struct page);
 * lookups without it use arch_pte_read and re-check under the lock.
 */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include "sys/lib/types.h"
#include "arch/x86_64/mmu_types.h"	/* PAGE_SHIFT PAGE_SIZE PAGE_MASK HUGE_PAGE_SIZE ARCH_USER_MIN ARCH_USER_MAX, pte bits */

struct page;
struct spinlock;

extern vaddr_t arch_direct_map_base;	/* [I] */
extern vaddr_t arch_vmemmap_base;	/* [I] */
extern vaddr_t arch_vmalloc_base, arch_vmalloc_end;	/* [I] */

static inline void *
phys_to_virt(paddr_t pa)
{
	return (void *)(arch_direct_map_base + pa);
}

/* Of a direct-map or image address. */
paddr_t virt_to_phys(const void *va);

/* The architecture's part of an address space. */
struct arch_as {
	paddr_t root;		/* [I] top-level table */
	u64 cpu_mask;		/* [a] CPUs that may hold TLB entries of it */
	u64 tlb_gen;		/* [a] bumped by every flush request */
	u64 id;			/* [I] unique, never reused */
};

/* Protection and kind of a mapping, independent of the architecture. */
enum {
	PROT_BIT_READ = 1, PROT_BIT_WRITE = 2, PROT_BIT_EXEC = 4, PROT_BIT_USER = 8,
	PROT_BIT_UNCACHED = 16, PROT_BIT_WRITE_COMBINING = 32, PROT_BIT_GLOBAL = 64,
};

/* --- user page tables --- */
int __must_check arch_as_create(struct arch_as *aas);		/* -ENOMEM */
void arch_as_destroy(struct arch_as *aas);			/* leaves are unmapped already; frees the tables */
/* Load it on this CPU (preemption off); NULL: the kernel's own. Handles TLB generations and cpu_mask. */
void arch_as_switch(struct arch_as *aas);

/* The last-level entry for va, tables allocated where missing; *lock is the table page's lock (not taken). The entries of one
 * aligned HUGE_PAGE_SIZE span are an array, under one lock. -ENOMEM; -EEXIST: a huge leaf maps va.
 * ARCH_PT_HUGE: the 2 MiB-level entry instead; -EEXIST: there is a table in its place. Safe against other faults: who finds no
 * table makes one and puts it in by compare-and-swap or under the lock of the table above. */
#define ARCH_PT_HUGE	1
int __must_check arch_pte_alloc(struct arch_as *aas, vaddr_t va, int flags, pte_t **pte, struct spinlock **lock);
/* The same without allocating: NULL where there is no table. *huge: a 2 MiB leaf maps va, and *pte and *lock are its entry and the
 * lock of the table that holds it: look again under the lock, it may have been split. */
pte_t *arch_pte_find(struct arch_as *aas, vaddr_t va, struct spinlock **lock, bool *huge);
/* First va' >= va (and < end) that may have an entry: skips absent tables. Returns end if none. */
vaddr_t arch_pte_next(struct arch_as *aas, vaddr_t va, vaddr_t end);
/* Split a 2 MiB leaf into a table of 4 KiB leaves, same frames, protection, accessed and dirty bits. Takes the entry's lock by
 * itself, and copies the leaf under it. 0; 1: there is no huge leaf (any more); -ENOMEM. Caller flushes. */
int __must_check arch_pte_split(struct arch_as *aas, vaddr_t va);
/* [start, end) has been unmapped and flushed, and no VMA is left in [floor, ceiling) around it: free the tables, of every level,
 * that serve some of the first and whose whole span is inside the second (the top-level table never). AS lock held for writing.
 * Tables that reach outside stay: faults of neighbours may be using them. Flushes what paging-structure caches may hold. */
void arch_pt_reclaim(struct arch_as *aas, vaddr_t start, vaddr_t end, vaddr_t floor, vaddr_t ceiling);

/* --- entries: inline in mmu_types.h ---
 *   pte_t arch_pte_make(pfn_t pfn, int prot)      huge leaf: arch_pte_make_huge
 *   pte_t arch_pte_read(const pte_t *)            one atomic load
 *   void  arch_pte_write(pte_t *, pte_t)          one atomic store; caller flushes what it replaced
 *   pte_t arch_pte_xchg(pte_t *, pte_t)           so that accessed and dirty bits set meanwhile are not lost
 *   bool  arch_pte_none / present / writable / dirty / accessed / huge(pte_t)
 *   pfn_t arch_pte_pfn(pte_t)
 *   pte_t arch_pte_with_prot(pte_t, int prot) / arch_pte_clear_dirty / arch_pte_clear_accessed / arch_pte_wrprotect / arch_pte_mkdirty
 *   pte_t arch_pte_swap(u64 type_and_offset)      not present, not none; u64 arch_pte_swap_value(pte_t)
 * PROT_NONE leaves keep their frame: present() is true for the kernel, the hardware sees not-present. */

/* --- TLB: generation is bumped, other CPUs in cpu_mask are interrupted and waited for. May be called with a PT lock held,
 * interrupts on. --- */
void arch_tlb_flush_page(struct arch_as *aas, vaddr_t va);
void arch_tlb_flush_range(struct arch_as *aas, vaddr_t start, vaddr_t end);	/* all of the space where that is cheaper */
void arch_tlb_flush_kernel(vaddr_t start, vaddr_t end);

/* mm/aspace.c: the hardware's part of as, for the context switch. A kernel thread borrows the tables that are loaded:
 * arch_as_destroy sees to it that no CPU has them loaded any more. */
struct aspace;
struct arch_as *aspace_arch(struct aspace *as);

/* --- the kernel's own tables (mm/kmap.c, drivers through it). Calls for different ranges may run at the same time. --- */
int __must_check arch_kernel_map(vaddr_t va, paddr_t pa, u64 size, int prot);	/* -ENOMEM; may use 2 MiB leaves */
void arch_kernel_unmap(vaddr_t va, u64 size);		/* no flush: caller does it, lazily and in bulk */
bool arch_kernel_translate(vaddr_t va, paddr_t *pa);	/* false where not mapped */
/* Called once by mm when the page allocator works: write-protects text and rodata, NX elsewhere; then again after init
 * memory is freed. */
void arch_mmu_protect_image(void);
/* Map memory for struct pages [start, end) before the allocators exist: takes frames by the call-back. */
int __must_check arch_vmemmap_populate(pfn_t start, pfn_t end, paddr_t (*take_frame)(void));

/* mm/ gives these, for page tables: a zeroed frame with page->pt_lock initialised, or NULL. */
struct page *pt_page_alloc(void);
void pt_page_free(struct page *pg);
/* mm/kmap.c, for arch and above: map device or firmware memory, any alignment; prot: PROT_BIT_READ, PROT_BIT_WRITE,
 * PROT_BIT_UNCACHED or PROT_BIT_WRITE_COMBINING. NULL: no space or memory. May sleep. */
void *kmap_device(paddr_t pa, size_t size, int prot) __must_check;
void kmap_device_unmap(void *va);
/* mm/page.c: a free frame below 1 MiB for starting processors, reserved at boot; 0 where there is none. */
paddr_t page_low_frame(void);

#endif
