/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory map that boot hands on: firmware's pieces in any order become a sorted table without overlaps. Every change
 * of the canonical map goes through boot_memory_set(), which cuts, overwrites and joins.
 */
#include "arch/x86_64/boot_proto.h"
#include "sys/abi/errno.h"
#include "sys/lib/cmdline.h"
#include "sys/lib/string.h"

#define MAP_PAGE	4096UL

bool
boot_memory_add(struct boot_info *bi, paddr_t base, u64 size, enum boot_memory_type type)
{
	if (size == 0 || base + size < base)
		return true;
	if (bi->memory_count == BOOT_MEMORY_MAX)
		return false;
	bi->memory[bi->memory_count++] = (struct boot_memory){ base, size, type };
	return true;
}

void
boot_memory_limit(struct boot_info *bi, u64 limit)
{
	for (u32 i = 0; i < bi->memory_count; i++) {
		struct boot_memory *m = &bi->memory[i];

		if (m->type != BOOT_MEM_USABLE || m->base + m->size <= limit)
			continue;
		m->size = m->base < limit ? limit - m->base : 0;
	}
}

static void
remove_at(struct boot_info *bi, u32 i)
{
	bi->memory_count--;
	memmove(&bi->memory[i], &bi->memory[i + 1], (bi->memory_count - i) * sizeof(bi->memory[0]));
}

static void
insert_at(struct boot_info *bi, u32 i, struct boot_memory m)
{
	memmove(&bi->memory[i + 1], &bi->memory[i], (bi->memory_count - i) * sizeof(bi->memory[0]));
	bi->memory[i] = m;
	bi->memory_count++;
}

static void
join_neighbours(struct boot_info *bi)
{
	for (u32 i = 0; i + 1 < bi->memory_count;) {
		struct boot_memory *a = &bi->memory[i], *b = a + 1;

		if (a->type == b->type && a->base + a->size == b->base) {
			a->size += b->size;
			remove_at(bi, i + 1);
		} else {
			i++;
		}
	}
}

int
boot_memory_set(struct boot_info *bi, paddr_t base, u64 size, enum boot_memory_type type)
{
	paddr_t end = base + size;
	u32 i = 0;

	if (size == 0)
		return 0;
	if (bi->memory_count + 2 > BOOT_MEMORY_MAX)
		return -ENOSPC;
	while (i < bi->memory_count) {
		struct boot_memory *m = &bi->memory[i];
		paddr_t m_end = m->base + m->size;

		if (m_end <= base) {
			i++;
		} else if (m->base >= end) {
			break;
		} else if (m->base < base && m_end > end) {	/* cut a hole */
			struct boot_memory tail = { end, m_end - end, m->type };

			m->size = base - m->base;
			insert_at(bi, ++i, tail);
			break;
		} else if (m->base < base) {
			m->size = base - m->base;
			i++;
		} else if (m_end > end) {
			m->base = end;
			m->size = m_end - end;
			break;
		} else {
			remove_at(bi, i);
		}
	}
	insert_at(bi, i, (struct boot_memory){ base, size, type });
	join_neighbours(bi);
	return 0;
}

/* Set the pieces of one type; false when the table is full. */
static bool
set_all_of(struct boot_info *bi, const struct boot_memory *raw, u32 count, enum boot_memory_type type)
{
	for (u32 i = 0; i < count; i++) {
		paddr_t base = raw[i].base, end = base + raw[i].size;

		if (raw[i].type != type || raw[i].size == 0)
			continue;
		if (type == BOOT_MEM_USABLE) {
			base = ALIGN_UP(base, MAP_PAGE);
			end = ALIGN_DOWN(end, MAP_PAGE);
		} else {
			base = ALIGN_DOWN(base, MAP_PAGE);
			end = ALIGN_UP(end, MAP_PAGE);
		}
		if (base < end && boot_memory_set(bi, base, end - base, type) != 0)
			return false;
	}
	return true;
}

void
boot_memory_finish(struct boot_info *bi)
{
	/* The least usable last: it overrides what was there. */
	static const enum boot_memory_type order[] = { BOOT_MEM_USABLE, BOOT_MEM_ACPI, BOOT_MEM_RESERVED, BOOT_MEM_INITRD,
		BOOT_MEM_KERNEL };
	static struct boot_memory raw[BOOT_MEMORY_MAX];
	u32 count = bi->memory_count;

	memcpy(raw, bi->memory, count * sizeof(raw[0]));
	bi->memory_count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (!set_all_of(bi, raw, count, order[i]))
			return;
}

paddr_t
boot_memory_find(const struct boot_info *bi, u64 size, u64 align, paddr_t min, paddr_t max)
{
	for (u32 i = 0; i < bi->memory_count; i++) {
		const struct boot_memory *m = &bi->memory[i];
		paddr_t base = ALIGN_UP(MAX(m->base, min), align);
		paddr_t end = MIN(m->base + m->size, max);

		if (m->type == BOOT_MEM_USABLE && base < end && end - base >= size)
			return base;
	}
	return 0;
}

/* "64M", "1G", "0x4000000"; UINT64_MAX where it is no size. */
static u64
parse_size(const char *s)
{
	const char *end;
	unsigned shift = 0;
	u64 v;

	if (parse_u64(s, &end, 0, &v) != 0)
		return UINT64_MAX;
	switch (to_lower(*end)) {
	case 't': shift += 10; /* fall through */
	case 'g': shift += 10; /* fall through */
	case 'm': shift += 10; /* fall through */
	case 'k': shift += 10;
	}
	if (v > UINT64_MAX >> shift)
		return UINT64_MAX;
	return v << shift;
}

u64
boot_mem_limit(const char *cmdline)
{
	char value[32];

	if (cmdline_get(cmdline, "mem", value, sizeof(value)) <= 0)
		return UINT64_MAX;
	return parse_size(value);
}

const char *
boot_memory_type_name(enum boot_memory_type type)
{
	switch (type) {
	case BOOT_MEM_USABLE: return "usable";
	case BOOT_MEM_RESERVED: return "reserved";
	case BOOT_MEM_ACPI: return "ACPI";
	case BOOT_MEM_KERNEL: return "kernel";
	case BOOT_MEM_INITRD: return "initrd";
	}
	return "?";
}
