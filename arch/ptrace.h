/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: a thread's user registers as debuggers see them, in the layouts of Linux's <sys/user.h> and <sys/procfs.h>.
 *
 * t is the current thread, or one that is switched away and stays so until the caller lets it go (a ptrace stop). Nothing that is
 * set here can raise privilege or make the kernel fault when it is loaded: what would is refused.
 */
#ifndef ARCH_PTRACE_H
#define ARCH_PTRACE_H

#include "sys/lib/types.h"

struct thread;

#define ARCH_NR_REGS	27		/* words of struct user_regs_struct */
#define ARCH_FPREGS_SIZE 512		/* struct user_fpregs_struct */
#define ARCH_AUDIT	0xc000003eu	/* AUDIT_ARCH_X86_64 */

/* ELF note types of register sets */
#define NT_PRSTATUS	1
#define NT_PRFPREG	2
#define NT_X86_XSTATE	0x202

void arch_regs_get(struct thread *t, u64 regs[ARCH_NR_REGS]);
int arch_reg_set(struct thread *t, u32 index, u64 value);	/* -EIO: not a value that user mode may have */

/* A word of struct user (PTRACE_PEEKUSER): general and debug registers; the rest reads as 0. -EIO: no such word; -EINVAL. */
int arch_user_peek(struct thread *t, u64 offset, u64 *value);
int arch_user_poke(struct thread *t, u64 offset, u64 value);

/* A register set: bytes, and the unit that a request's length must be a multiple of. -EINVAL: unknown; -ENODEV: not on this CPU. */
int arch_regset_size(u32 type, u32 *size, u32 *unit);
int arch_regset_get(struct thread *t, u32 type, void *buf);			/* all of it */
int arch_regset_set(struct thread *t, u32 type, const void *buf, u32 len);	/* the first len bytes; -EINVAL, -EIO, -EFAULT */

/* One instruction at a time: SIGTRAP after each. */
void arch_step_set(struct thread *t, bool on);
bool arch_step_get(const struct thread *t);

/* What syscalls and tracers say to each other by registers. */
u64 arch_regs_sp(struct thread *t);

#endif
