/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debug registers of user threads: hardware breakpoints and watchpoints (Intel SDM volume 3, 17.2). A thread's own stand in
 * arch.dr, dr6, dr7 and are loaded at the switch to it; only user addresses are ever there, and the kernel has none of its own.
 */
#ifndef ARCH_X86_64_DEBUGREG_H
#define ARCH_X86_64_DEBUGREG_H

#include "sys/lib/types.h"

struct thread;
struct trapframe;

#define DR6_IDLE	0xffff0ff0UL	/* as it reads when nothing happened */
#define DR6_STEP	0x4000UL
#define DR6_HITS	0xfUL

/* Reads DR6 and makes it ready for the next exception. */
u64 debugreg_take_dr6(void);
/* #DB in user mode: the si_code. Interrupts off. */
int debugreg_user_trap(struct trapframe *tf);
/* The CPU goes on with next. Interrupts off. */
void debugreg_switch(const struct thread *next);
/* A new program has none. */
void debugreg_clear(struct thread *t);

int debugreg_get(const struct thread *t, u32 n, u64 *value);
int debugreg_set(struct thread *t, u32 n, u64 value);	/* -EINVAL, -EIO; t does not run */

#endif
