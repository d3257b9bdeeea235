/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: what the boot protocol left. arch's entry code fills boot_info (from Multiboot2 or PVH) before
 * kernel_main; everything in it is copied or reserved memory.
 */
#ifndef ARCH_BOOT_H
#define ARCH_BOOT_H

#include "sys/lib/types.h"

#define BOOT_MEMORY_MAX	256	/* firmware's maps are far shorter; what is beyond is reported and left unused */
#define BOOT_CMDLINE_MAX	4096

enum boot_memory_type {
	BOOT_MEM_USABLE,
	BOOT_MEM_RESERVED,
	BOOT_MEM_ACPI,		/* tables; reclaimable, but kept */
	BOOT_MEM_KERNEL,	/* the image */
	BOOT_MEM_INITRD,	/* freed after unpacking */
};

struct boot_memory { paddr_t base; u64 size; enum boot_memory_type type; };

struct boot_framebuffer {
	paddr_t base;		/* 0: none */
	u32 pitch, width, height;	/* bytes, pixels, pixels */
	u8 bpp, red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_info {
	const char *protocol;	/* "Multiboot2" or "PVH" */
	const char *loader;	/* the loader's name, or "" */
	char cmdline[BOOT_CMDLINE_MAX];
	bool cmdline_truncated;
	paddr_t initrd_base;	/* several modules are described by the first only when contiguous; see initrd_count */
	u64 initrd_size;
	u32 initrd_count;
	struct { paddr_t base; u64 size; } initrd[8];
	paddr_t rsdp;		/* 0: arch searches */
	struct boot_framebuffer fb;
	u32 memory_count;
	struct boot_memory memory[BOOT_MEMORY_MAX];	/* sorted, not overlapping, page aligned; mem= applied */
};

extern struct boot_info boot_info;	/* [I] after arch_boot */

/* sys/init.c: where arch's entry code ends up, on the boot CPU: interrupts off, on the boot stack, image mapped at its link
 * address, direct map of all memory (ARCH_DIRECT_MAP) in place, per-CPU area of CPU 0 and exception handlers set up. */
__noreturn void kernel_main(void);

/* Steps of arch that kernel_main calls, in this order. Each may log and panic. */
void arch_init_early(void);	/* CPU features, exception tables; before memory */
void arch_init_acpi(void);	/* after the memory allocators: ACPI tables, interrupt controllers */
void arch_init_time(void);	/* clock sources and the CPU timer, calibrated */
void arch_init_late(void);	/* after threads run: what needs sleeping */

#endif
