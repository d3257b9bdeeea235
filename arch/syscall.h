/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: a system call's number, arguments and result in the frame it came in with. All inline, for the path that
 * every call takes; arch/thread.h has the same as functions, for who comes from elsewhere.
 *
 *   long arch_syscall_nr(const struct trapframe *tf)
 *   u64  arch_syscall_arg(const struct trapframe *tf, int i)		i: a constant, 0..5
 *   void arch_syscall_set_result(struct trapframe *tf, long value)
 */
#ifndef ARCH_SYSCALL_H
#define ARCH_SYSCALL_H

#include "arch/x86_64/syscall.h"

#endif
