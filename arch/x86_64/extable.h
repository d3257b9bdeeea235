/* SPDX-License-Identifier: BSD-2-Clause */
/* The exception table: instructions that may fault on user memory, and where to go on then. */
#ifndef ARCH_X86_64_EXTABLE_H
#define ARCH_X86_64_EXTABLE_H

#ifdef __ASSEMBLER__

	/* place may fault; fixup gets all registers as they were */
	.macro EXTABLE place, fixup
	.pushsection .extable, "a"
	.balign 8
	.quad \place, \fixup
	.popsection
	.endm

#else

#include "sys/lib/types.h"

/* Sort the table. Once, before rodata is write-protected. */
void extable_init(void);
/* Where to go on after a fault at ip; 0: nowhere, the fault is a bug. */
u64 extable_find(u64 ip);

#endif
#endif
