/* SPDX-License-Identifier: BSD-2-Clause */
/* -fstack-protector's two symbols; their names are the compiler's. */
#ifndef ARCH_X86_64_STACK_GUARD_H
#define ARCH_X86_64_STACK_GUARD_H

#include "sys/lib/types.h"

extern uintptr_t __stack_chk_guard;	/* [I] after boot */
__noreturn void __stack_chk_fail(void);

#endif
