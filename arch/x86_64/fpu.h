/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x87, SSE, AVX and AVX-512 state of user threads. The kernel itself never uses these registers.
 *
 * A thread's area is in XSAVE's standard format (FXSAVE's where there is no XSAVE), sized by CPUID. It is saved at every switch away
 * from a user thread and loaded at every switch to one, unless the registers still hold that thread's state. While
 * arch.fpu_live is clear, the registers hold nothing of value and a switch leaves the area alone: so code that rewrites the
 * area of the current thread (sigreturn) may fault and sleep meanwhile.
 */
#ifndef ARCH_X86_64_FPU_H
#define ARCH_X86_64_FPU_H

#include "sys/lib/types.h"

struct thread;
struct arch_thread;

/* FXSAVE's area, and XSAVE's header behind it (SDM volume 1, 13.4). */
struct fpu_area {
	u16 fcw, fsw;
	u8 ftw, reserved0;
	u16 fop;
	u64 fip, fdp;
	u32 mxcsr, mxcsr_mask;
	u8 st[128], xmm[256];
	u8 reserved1[48];
	u8 software[48];	/* free for software: signal frames tell their format here */
	u64 xstate_bv, xcomp_bv;
	u8 reserved2[48];
	u8 extended[];
} __aligned(64);

#define FPU_LEGACY_SIZE	512
#define FPU_HEADER_END	576

extern u32 fpu_area_size;	/* [I] after boot: bytes */
extern u64 fpu_features;	/* [I] after boot: XCR0; 0 without XSAVE */
extern u32 fpu_mxcsr_mask;	/* [I] after boot: bits of MXCSR that exist */

void fpu_init_boot(void);		/* sizes, before the first cpu_init_this() */
void fpu_init_cpu(void);		/* XCR0 and a clean state, each CPU */

void fpu_init_late(void);		/* the allocator's cache, before there are processes */

void *fpu_alloc(void) __must_check;	/* an area in initial state; NULL. May sleep */
void fpu_free(void *area);
void fpu_area_init(void *area);
/* A saved area, made readable as it is: components that XSAVEOPT left out because they were in their initial state are filled in. */
void fpu_area_complete(void *area);

/* Registers <-> area. Interrupts off (or preemption, where the registers are nobody's). */
void fpu_save(void *area);		/* may skip what did not change since the area was loaded */
void fpu_save_copy(void *area);		/* all, to an area of another thread */
void fpu_load(const void *area);
void fpu_load_init(void);		/* initial state into the registers */

u32 fpu_x87_errors(void);		/* unmasked exceptions pending in the registers */
u32 fpu_simd_errors(void);

#endif
