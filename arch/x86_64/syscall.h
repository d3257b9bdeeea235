/* SPDX-License-Identifier: BSD-2-Clause */
/* The inline part of arch/syscall.h. Registers as in the x86-64 psABI's appendix on the Linux kernel. */
#ifndef ARCH_X86_64_SYSCALL_H
#define ARCH_X86_64_SYSCALL_H

#include "arch/x86_64/trapframe.h"

static __always_inline long
arch_syscall_nr(const struct trapframe *tf)
{
	return (int)tf->orig_ax;	/* Linux looks at 32 bits, sign-extended */
}

static __always_inline u64
arch_syscall_arg(const struct trapframe *tf, int i)
{
	return i == 0 ? tf->di : i == 1 ? tf->si : i == 2 ? tf->dx : i == 3 ? tf->r10 : i == 4 ? tf->r8 : tf->r9;
}

static __always_inline void
arch_syscall_set_result(struct trapframe *tf, long value)
{
	tf->ax = (u64)value;
}

#endif
