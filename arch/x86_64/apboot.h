/* SPDX-License-Identifier: BSD-2-Clause */
/* What apboot.S and smp.c share. */
#ifndef ARCH_X86_64_APBOOT_H
#define ARCH_X86_64_APBOOT_H

/* One processor that may start: offsets are used by apboot.S. */
#define AP_ID		0
#define AP_ALIVE	4
#define AP_CPU		8
#define AP_STACK	16
#define AP_SIZE		24
#define AP_TOO_LATE	1	/* instead of a stack: halt */

#ifndef __ASSEMBLER__

#include "sys/lib/types.h"

struct ap_slot {
	u32 apic_id;	/* [I] */
	u32 alive;	/* [a] set by the processor once it runs in long mode */
	u32 cpu;	/* its number, set before stack; 0: none yet */
	u64 stack;	/* [a] top of its stack: it waits for this; or AP_TOO_LATE */
};
_Static_assert(sizeof(struct ap_slot) == AP_SIZE && offsetof(struct ap_slot, stack) == AP_STACK, "apboot.S");

extern struct ap_slot ap_slots[];
extern u32 ap_slot_count;
extern u64 ap_cr3;	/* the kernel's page tables, which it loads once it is out of low memory */

/* The code that is copied below 1 MiB, and the words in it that are filled in. */
extern const char ap_trampoline_start[], ap_trampoline_end[];

#endif
#endif
