/* SPDX-License-Identifier: BSD-2-Clause */
/* -fstack-protector's two symbols. boot.c gives the guard its value of this boot. */
#include "arch/x86_64/stack_guard.h"
#include "sys/panic.h"

uintptr_t __stack_chk_guard = 0x5bd1e995a7c0ff00;

void
__stack_chk_fail(void)
{
	panic("stack protector: a buffer overran in %pS", __builtin_return_address(0));
}
