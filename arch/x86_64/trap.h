/* SPDX-License-Identifier: BSD-2-Clause */
/* trap.c's entry points, called by entry.S only. Interrupts are off at entry and at return. */
#ifndef ARCH_X86_64_TRAP_H
#define ARCH_X86_64_TRAP_H

#include "sys/lib/types.h"

struct trapframe;

bool trap_syscall(struct trapframe *tf);	/* true: SYSRET gives back exactly this frame */
bool trap_return_to_user(struct trapframe *tf);	/* the same, for a thread that did not come by a system call */
void trap_from_user(struct trapframe *tf);
void trap_from_kernel(struct trapframe *tf);
void trap_paranoid(struct trapframe *tf);

#endif
