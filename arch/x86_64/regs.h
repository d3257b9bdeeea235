/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers, flags and the MSRs of entry and paging (Intel SDM volume 3, 2.5; volume 4). Usable in assembly. */
#ifndef ARCH_X86_64_REGS_H
#define ARCH_X86_64_REGS_H

#define CR0_PE		0x1
#define CR0_MP		0x2
#define CR0_EM		0x4
#define CR0_TS		0x8
#define CR0_ET		0x10
#define CR0_NE		0x20
#define CR0_WP		0x10000
#define CR0_AM		0x40000
#define CR0_NW		0x20000000
#define CR0_CD		0x40000000
#define CR0_PG		0x80000000

#define CR4_DE		0x8
#define CR4_PAE		0x20
#define CR4_MCE		0x40
#define CR4_PGE		0x80
#define CR4_OSFXSR	0x200
#define CR4_OSXMMEXCPT	0x400
#define CR4_UMIP	0x800
#define CR4_LA57	0x1000
#define CR4_FSGSBASE	0x10000
#define CR4_PCIDE	0x20000
#define CR4_OSXSAVE	0x40000
#define CR4_SMEP	0x100000
#define CR4_SMAP	0x200000

#define FLAG_CF		0x1
#define FLAG_FIXED	0x2
#define FLAG_PF		0x4
#define FLAG_AF		0x10
#define FLAG_ZF		0x40
#define FLAG_SF		0x80
#define FLAG_TF		0x100
#define FLAG_IF		0x200
#define FLAG_DF		0x400
#define FLAG_OF		0x800
#define FLAG_IOPL	0x3000
#define FLAG_NT		0x4000
#define FLAG_RF		0x10000
#define FLAG_AC		0x40000
#define FLAG_ID		0x200000

#define MSR_PAT			0x277
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_FMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103

#define EFER_SCE	0x1
#define EFER_LME	0x100
#define EFER_NXE	0x800

/* The image's link addresses minus its physical ones (link.ld). */
#define KERNEL_VMA	0xffffffff80000000

#ifndef __ASSEMBLER__

#include "arch/x86_64/msr.h"

static inline u64 read_cr0(void) { u64 v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static inline void write_cr0(u64 v) { __asm__ volatile("mov %0, %%cr0" :: "r"(v) : "memory"); }
static inline u64 read_cr2(void) { u64 v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline u64 read_cr3(void) { u64 v; __asm__ volatile("mov %%cr3, %0" : "=r"(v) :: "memory"); return v; }
static inline void write_cr3(u64 v) { __asm__ volatile("mov %0, %%cr3" :: "r"(v) : "memory"); }
static inline u64 read_cr4(void) { u64 v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr4(u64 v) { __asm__ volatile("mov %0, %%cr4" :: "r"(v) : "memory"); }
static inline void invlpg(u64 va) { __asm__ volatile("invlpg (%0)" :: "r"(va) : "memory"); }

static inline u64 rdfsbase(void) { u64 v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static inline u64 rdgsbase(void) { u64 v; __asm__ volatile("rdgsbase %0" : "=r"(v)); return v; }
static inline void wrfsbase(u64 v) { __asm__ volatile("wrfsbase %0" :: "r"(v) : "memory"); }
static inline void wrgsbase(u64 v) { __asm__ volatile("wrgsbase %0" :: "r"(v) : "memory"); }
static inline void swapgs(void) { __asm__ volatile("swapgs" ::: "memory"); }

static inline void
xsetbv(u32 reg, u64 v)
{
	__asm__ volatile("xsetbv" :: "c"(reg), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

#endif
#endif
