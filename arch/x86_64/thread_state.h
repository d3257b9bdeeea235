/* SPDX-License-Identifier: BSD-2-Clause */
/* User state that may lie in registers: for who reads or changes it from outside the switch (ptrace.c). */
#ifndef ARCH_X86_64_THREAD_STATE_H
#define ARCH_X86_64_THREAD_STATE_H

#include "sys/lib/types.h"

struct thread;

/* If t runs here, what the registers hold (bases, selectors, FPU) is copied to its fields and area. */
void thread_state_sync(struct thread *t);
void thread_state_set_base(struct thread *t, bool gs, u64 base);

#endif
