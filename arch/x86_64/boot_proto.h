/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot protocols into struct boot_info. Pure code: also compiled into host tests, with hostile tags.
 *
 * A parser copies everything it wants to keep; the loader's own structures are free memory afterwards. Memory is described
 * first as it comes, any order and overlapping, then made canonical by boot_memory_finish().
 */
#ifndef ARCH_X86_64_BOOT_PROTO_H
#define ARCH_X86_64_BOOT_PROTO_H

#include "arch/boot.h"

#define MULTIBOOT2_MAGIC	0x36d76289u	/* in eax at entry */
#define PVH_MAGIC		0x336ec578u	/* first word of hvm_start_info */

/* What boot-time parsers may read: physical memory below `limit`, through map(). */
struct boot_source {
	const void *(*map)(paddr_t pa);
	u64 limit;
};

/* A pointer to len bytes at pa, or NULL where that is outside the source. */
const void *boot_source_get(const struct boot_source *src, paddr_t pa, u64 len);

/* Fill *bi (zeroed) from the information at pa. 0, or -EINVAL: unusable (no memory map, bad magic). */
int multiboot2_parse(struct boot_info *bi, const struct boot_source *src, paddr_t pa);
int pvh_parse(struct boot_info *bi, const struct boot_source *src, paddr_t pa);

void boot_cmdline_set(struct boot_info *bi, const char *line, size_t max);
void boot_module_add(struct boot_info *bi, paddr_t base, u64 size);

/* --- the memory map (boot_memory.c) --- */

/* Append a piece. False when the table is full (the piece is left out). Zero size and wrapping pieces are ignored. */
bool boot_memory_add(struct boot_info *bi, paddr_t base, u64 size, enum boot_memory_type type);
/* No usable memory at or above `limit` any more (mem=). Before boot_memory_finish. */
void boot_memory_limit(struct boot_info *bi, u64 limit);
/* Sort, resolve overlaps (in favour of the less usable type), align to pages (usable inwards, others outwards), join
 * neighbours of one type. */
void boot_memory_finish(struct boot_info *bi);
/* Make [base, base + size) of the canonical map `type`, whatever it was. -ENOSPC when the table is full. */
int boot_memory_set(struct boot_info *bi, paddr_t base, u64 size, enum boot_memory_type type);
/* Find `size` bytes of usable memory in [min, max), aligned; 0 where there is none. Lowest first. */
paddr_t boot_memory_find(const struct boot_info *bi, u64 size, u64 align, paddr_t min, paddr_t max);
/* The value of mem= (last one wins), or UINT64_MAX. */
u64 boot_mem_limit(const char *cmdline);
const char *boot_memory_type_name(enum boot_memory_type type);

#endif
