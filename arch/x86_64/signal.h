/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's signal frame on x86-64 (asm/sigcontext.h, asm/ucontext.h; sigreturn(2)). On the user stack, upwards:
 *
 *	struct signal_frame	16-byte aligned plus 8, as after a call
 *	struct fpu_area		64-byte aligned, FP_XSTATE_MAGIC1 in its software bytes, and behind it
 *	u32 FP_XSTATE_MAGIC2	where XSAVE is in use
 *	128 bytes of red zone	unless the handler runs on the alternate stack
 */
#ifndef ARCH_X86_64_SIGNAL_H
#define ARCH_X86_64_SIGNAL_H

#include "sys/abi/signal.h"
#include "sys/lib/types.h"

#define FP_XSTATE_MAGIC1	0x46505853u
#define FP_XSTATE_MAGIC2	0x46505845u

#define UC_FP_XSTATE		0x1
#define UC_SIGCONTEXT_SS	0x2
#define UC_STRICT_RESTORE_SS	0x4

struct sigcontext {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2;
	u64 fpstate;		/* user address of the fpu_area, or 0 */
	u64 reserved[8];
};
_Static_assert(sizeof(struct sigcontext) == 256, "sigcontext");

struct ucontext {
	u64 flags, link;
	abi_stack_t stack;
	struct sigcontext mcontext;
	u64 sigmask;
};

struct signal_frame {
	u64 restorer;
	struct ucontext uc;
	struct abi_siginfo info;
};

/* What the software bytes of the FPU area say. */
struct fpu_software {
	u32 magic1, extended_size;
	u64 features;
	u32 xstate_size;
	u32 pad[7];
};
_Static_assert(sizeof(struct fpu_software) == 48, "fpu software bytes");

/* Bytes of stack a frame may take (AT_MINSIGSTKSZ). */
u64 signal_frame_max(void);

#endif
