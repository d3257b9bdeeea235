/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread's machine state, embedded first in struct thread. Lock key as in sys/thread.h. */
#ifndef ARCH_X86_64_THREAD_TYPES_H
#define ARCH_X86_64_THREAD_TYPES_H

#define ARCH_THREAD_SP	0	/* offsetof(struct thread, arch.sp); checked in thread.c */

#ifndef __ASSEMBLER__

#include "sys/lib/types.h"

struct arch_thread {
	u64 sp;			/* [q] stack pointer while it does not run; offset 0, for switch.S */
	u64 fs_base;		/* [t] user's, while it does not run (and always, without FSGSBASE and with selector 0) */
	u64 gs_base;		/* [t] the same; the own one lies in MSR_KERNEL_GS_BASE while it runs */
	u16 ds, es, fs, gs;	/* [t] user's selectors while it does not run */
	void *fpu;		/* [I] XSAVE area, 64-byte aligned; NULL for kernel threads */
	u32 user_cpu;		/* [t] 1 + CPU whose registers (FPU, bases, selectors) may still hold the state; 0: none */
	bool fpu_live;		/* [t] running: the registers hold the state; clear while the area is being rewritten */
	u8 trap_nr;		/* [t] the last exception of user mode, for signal frames */
	u32 trap_error;		/* [t] */
	u64 trap_addr;		/* [t] its CR2 */
	u64 dr[4], dr6, dr7;	/* [t] debug registers (debugreg.h); a tracer's while the thread is stopped */
	bool step;		/* [t] stops after each instruction (ptrace) */
	bool forced_tf;		/* [t] and TF in its frame is for that, not the program's own */
};

#endif
#endif
