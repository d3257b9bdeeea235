/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of x86-64 (Intel SDM volume 3, 4.5; AMD64 volume 2, 5.3): four levels, 4 KiB and 2 MiB leaves.
 *
 * Memory types use the page attribute table that cpu_init_this() loads: PWT alone is write-combining, PCD and PWT
 * together are uncached. What the hardware sees as not present is one of
 *   0                      nothing
 *   PTE_PROT_NONE set      a frame without access; the frame's bits are stored inverted, so that the CPU cannot be made to
 *                          read it by speculation (L1TF)
 *   PTE_PROT_NONE clear    a swap entry
 */
#ifndef ARCH_X86_64_MMU_TYPES_H
#define ARCH_X86_64_MMU_TYPES_H

#include "sys/lib/atomic.h"
#include "sys/lib/types.h"

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096UL
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define HUGE_PAGE_SHIFT	21
#define HUGE_PAGE_SIZE	(1UL << HUGE_PAGE_SHIFT)
#define HUGE_PAGE_MASK	(~(HUGE_PAGE_SIZE - 1))

#define ARCH_USER_MIN	0x10000UL		/* lowest address mmap gives without MAP_FIXED below it */
#define ARCH_USER_MAX	0x7ffffffff000UL	/* first address user space may not map: a guard page below 2^47 */

#define PTE_P		BIT(0)
#define PTE_W		BIT(1)
#define PTE_U		BIT(2)
#define PTE_PWT		BIT(3)
#define PTE_PCD		BIT(4)
#define PTE_A		BIT(5)
#define PTE_D		BIT(6)
#define PTE_PS		BIT(7)		/* a leaf, above the last level */
#define PTE_G		BIT(8)
#define PTE_PROT_NONE	PTE_G		/* while P is clear */
#define PTE_SOFT	BIT(9)		/* free for mm/ */
#define PTE_NX		BIT(63)
#define PTE_ADDR	0x000ffffffffff000UL

/* PTE_NX, or 0 where the CPU has no NX. [I] after boot. */
extern pte_t arch_pte_nx;
/* PTE_G, or 0 where the CPU has no global pages. [I] after boot. */
extern pte_t arch_pte_global;

/* The bits of a protection (arch/mmu.h PROT_BIT_*, numbers repeated here to keep the headers apart). */
static inline pte_t
arch_pte_prot_bits(int prot)
{
	pte_t e;

	if (!(prot & 7))
		return PTE_PROT_NONE | (prot & 8 ? PTE_U : 0) | arch_pte_nx;
	e = PTE_P;
	if (prot & 2)
		e |= PTE_W;
	if (prot & 8)
		e |= PTE_U;
	if (!(prot & 4))
		e |= arch_pte_nx;
	if (prot & 16)
		e |= PTE_PCD | PTE_PWT;
	if (prot & 32)
		e |= PTE_PWT;
	if (prot & 64)
		e |= arch_pte_global;
	return e;
}

/* What the address bits are XORed with. */
static inline pte_t
arch_pte_invert(pte_t e)
{
	return e & PTE_P ? 0 : PTE_ADDR;
}

static inline pte_t
arch_pte_make(pfn_t pfn, int prot)
{
	pte_t e = arch_pte_prot_bits(prot);

	return e | (((pfn << PAGE_SHIFT) ^ arch_pte_invert(e)) & PTE_ADDR);
}

static inline pte_t
arch_pte_make_huge(pfn_t pfn, int prot)
{
	return arch_pte_make(pfn, prot) | PTE_PS;
}

static inline pte_t arch_pte_read(const pte_t *p) { return atomic_load_relaxed(p); }
static inline void arch_pte_write(pte_t *p, pte_t e) { atomic_store_release(p, e); }
static inline pte_t arch_pte_xchg(pte_t *p, pte_t e) { return atomic_xchg(p, e); }

static inline bool arch_pte_none(pte_t e) { return e == 0; }
static inline bool arch_pte_present(pte_t e) { return e & (PTE_P | PTE_PROT_NONE); }
static inline bool arch_pte_writable(pte_t e) { return (e & (PTE_P | PTE_W)) == (PTE_P | PTE_W); }
static inline bool arch_pte_executable(pte_t e) { return (e & PTE_P) && !(e & arch_pte_nx); }
static inline bool arch_pte_accessible(pte_t e) { return e & PTE_P; }	/* the hardware may hold it in its TLB */
static inline bool arch_pte_dirty(pte_t e) { return e & PTE_D; }
static inline bool arch_pte_accessed(pte_t e) { return e & PTE_A; }
/* A leaf above the last level: only for entries that may be one (ARCH_PT_HUGE). */
static inline bool arch_pte_huge(pte_t e) { return arch_pte_present(e) && (e & PTE_PS); }

static inline pfn_t
arch_pte_pfn(pte_t e)
{
	return ((e ^ arch_pte_invert(e)) & PTE_ADDR) >> PAGE_SHIFT;
}

/* The same frame, accessed and dirty bits, memory type and size; access as prot says. */
static inline pte_t
arch_pte_with_prot(pte_t e, int prot)
{
	pte_t n = arch_pte_make(arch_pte_pfn(e), prot & ~(16 | 32));

	return n | (e & (PTE_A | PTE_D | PTE_PS | PTE_SOFT | PTE_PWT | PTE_PCD));
}

static inline pte_t arch_pte_clear_dirty(pte_t e) { return e & ~PTE_D; }
static inline pte_t arch_pte_clear_accessed(pte_t e) { return e & ~PTE_A; }
static inline pte_t arch_pte_wrprotect(pte_t e) { return e & ~PTE_W; }
static inline pte_t arch_pte_mkwrite(pte_t e) { return e | PTE_W; }
static inline pte_t arch_pte_mkdirty(pte_t e) { return e | PTE_D | PTE_A; }
static inline pte_t arch_pte_mkaccessed(pte_t e) { return e | PTE_A; }
static inline bool arch_pte_soft(pte_t e) { return e & PTE_SOFT; }
static inline pte_t arch_pte_mksoft(pte_t e) { return e | PTE_SOFT; }

/* A swap entry holds a value below 2^54; bit 1 keeps it from being none. */
static inline pte_t arch_pte_swap(u64 value) { return value << 10 | PTE_W; }
static inline u64 arch_pte_swap_value(pte_t e) { return e >> 10; }

#endif
