/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers that entry.S saves at every entry into the kernel. From r15 on it is what Linux calls struct pt_regs;
 * before it stand the vector and the error code of an exception. Also holds the selectors, and (for assembly) offsets.
 *
 * orig_ax is the number of the system call the frame came in with, or -1. A frame from user mode always lies at the
 * very top of the thread's kernel stack.
 */
#ifndef ARCH_X86_64_TRAPFRAME_H
#define ARCH_X86_64_TRAPFRAME_H

/* Segment selectors: Linux's numbers, which debuggers and signal frames show. */
#define SEL_KERNEL_CS	0x10
#define SEL_KERNEL_DS	0x18
#define SEL_USER_CS32	0x23
#define SEL_USER_DS	0x2b
#define SEL_USER_CS	0x33
#define SEL_TSS		0x40
#define SEL_CPU		0x7b	/* its limit is the CPU's number: for the vDSO and the paranoid entry path */

#define TF_R15		8
#define TF_R12		32
#define TF_BP		40
#define TF_BX		48
#define TF_R11		56
#define TF_R10		64
#define TF_R9		72
#define TF_R8		80
#define TF_AX		88
#define TF_CX		96
#define TF_DX		104
#define TF_SI		112
#define TF_DI		120
#define TF_ORIG_AX	128
#define TF_IP		136
#define TF_CS		144
#define TF_FLAGS	152
#define TF_SP		160
#define TF_SS		168
#define TF_SIZE		176

/* trapno of frames that came by the SYSCALL instruction; vectors are below 256. */
#define TRAP_SYSCALL	256

#ifndef __ASSEMBLER__

#include "sys/lib/types.h"

struct trapframe {
	u32 trapno;		/* vector, or TRAP_SYSCALL */
	u32 error;		/* the CPU's error code, or 0 */
	u64 r15, r14, r13, r12, bp, bx;
	u64 r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 orig_ax;
	u64 ip, cs, flags, sp, ss;
};

_Static_assert(sizeof(struct trapframe) == TF_SIZE && offsetof(struct trapframe, bp) == TF_BP &&
	offsetof(struct trapframe, ax) == TF_AX && offsetof(struct trapframe, orig_ax) == TF_ORIG_AX &&
	offsetof(struct trapframe, ss) == TF_SS, "trapframe offsets");

static inline bool
trapframe_user(const struct trapframe *tf)
{
	return (tf->cs & 3) == 3;
}

#endif
#endif
