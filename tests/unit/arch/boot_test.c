/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What loaders leave, also hostile: Multiboot2 tags, PVH start info, memory maps.
 * sources: arch/x86_64/boot_info.c arch/x86_64/boot_memory.c arch/x86_64/boot_multiboot2.c arch/x86_64/boot_pvh.c
 * sources: sys/lib/cmdline.c sys/lib/string.c
 */
#include "tests/unit/test.h"
#include "arch/x86_64/boot_proto.h"

#define MEM_SIZE	65536UL
#define INFO		0x1000UL

/* Physical memory of the test; what is not in it may not be asked for. */
static unsigned char *mem;
static struct boot_info bi;
static unsigned char *at;	/* where the next tag goes */

static const void *
map(paddr_t pa)
{
	ck_assert_uint_lt(pa, MEM_SIZE);
	return mem + pa;
}

static const struct boot_source src = { .map = map, .limit = MEM_SIZE };

void
unit_setup(void)
{
	free(mem);
	mem = calloc(1, MEM_SIZE);	/* exactly as large as the limit: ASan sees every step beyond */
	memset(&bi, 0, sizeof(bi));
	at = mem + INFO + 8;
}

static void
tag(u32 type, const void *data, u32 len)
{
	u32 head[2] = { type, len + 8 };

	memcpy(at, head, 8);
	memcpy(at + 8, data, len);
	at += (len + 8 + 7) & ~7U;
}

static int
parse(void)
{
	u32 total;

	tag(0, "", 0);
	total = (u32)(at - (mem + INFO));
	memcpy(mem + INFO, &total, 4);
	return multiboot2_parse(&bi, &src, INFO);
}

struct mmap_tag { u32 entry_size, version; struct { u64 base, size; u32 type, zero; } e[8]; };

static void
tag_mmap(void)
{
	struct mmap_tag m = { 24, 0, { { 0, 0x9f000, 1, 0 }, { 0x100000, 0x3f00000, 1, 0 }, { 0x4000000, 0x1000, 3, 0 } } };

	tag(6, &m, 8 + 3 * 24);
}

TEST(multiboot2_tags_are_taken_over)
{
	u32 module[4] = { 0x4000, 0x6001, 0, 0 };

	tag(1, "console=ttyS0 quiet", 20);
	tag(2, "GRUB 2.06", 10);
	tag(3, module, sizeof(module));
	tag_mmap();
	ck_assert_int_eq(parse(), 0);
	ck_assert_str_eq(bi.cmdline, "console=ttyS0 quiet");
	ck_assert_str_eq(bi.loader, "GRUB 2.06");
	ck_assert_uint_eq(bi.initrd_count, 1);
	ck_assert_uint_eq(bi.initrd_base, 0x4000);
	ck_assert_uint_eq(bi.initrd_size, 0x2001);
	boot_memory_finish(&bi);
	ck_assert_uint_eq(bi.memory_count, 5);
	ck_assert_uint_eq(bi.memory[1].base, 0x4000);	/* the module is cut out, to whole pages */
	ck_assert_uint_eq(bi.memory[1].size, 0x3000);
	ck_assert_int_eq(bi.memory[1].type, BOOT_MEM_INITRD);
	ck_assert_int_eq(bi.memory[4].type, BOOT_MEM_ACPI);
}

TEST(multiboot2_without_memory_map_is_refused)
{
	tag(1, "x", 2);
	ck_assert_int_lt(parse(), 0);
}

TEST(multiboot2_sizes_that_lie)
{
	u32 total = 0xffffffff, bad[2] = { 6, 0xfffffff0 };

	memcpy(mem + INFO, &total, 4);
	ck_assert_int_lt(multiboot2_parse(&bi, &src, INFO), 0);
	total = 4;
	memcpy(mem + INFO, &total, 4);
	ck_assert_int_lt(multiboot2_parse(&bi, &src, INFO), 0);
	ck_assert_int_lt(multiboot2_parse(&bi, &src, MEM_SIZE - 4), 0);
	ck_assert_int_lt(multiboot2_parse(&bi, &src, 0), 0);
	ck_assert_int_lt(multiboot2_parse(&bi, &src, INFO + 1), 0);

	tag_mmap();
	memcpy(at, bad, 8);	/* a tag longer than the rest: parsing ends before it */
	at += 8;
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(bi.memory_count, 3);
}

TEST(multiboot2_tag_of_size_zero_does_not_loop)
{
	u32 zero[2] = { 6, 0 };

	tag_mmap();
	memcpy(at, zero, 8);
	at += 8;
	ck_assert_int_eq(parse(), 0);
}

TEST(multiboot2_mmap_entry_size_zero)
{
	struct mmap_tag m = { 0, 0, { { 0, 0x9f000, 1, 0 } } };

	tag(6, &m, 8 + 24);
	ck_assert_int_lt(parse(), 0);
}

TEST(multiboot2_framebuffer)
{
	unsigned char fb[30] = { 0 };
	u64 base = 0xfd000000;
	u32 geometry[3] = { 4096, 1024, 768 };
	unsigned char rest[10] = { 32, 1, 0, 0, 16, 8, 8, 8, 0, 8 };

	memcpy(fb, &base, 8);
	memcpy(fb + 8, geometry, 12);
	memcpy(fb + 20, rest, 10);
	tag(8, fb, sizeof(fb));
	tag_mmap();
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(bi.fb.base, base);
	ck_assert_uint_eq(bi.fb.red_pos, 16);

	memset(&bi, 0, sizeof(bi));
	at = mem + INFO + 8;
	geometry[0] = 100;	/* a pitch below the width */
	memcpy(fb + 8, geometry, 12);
	tag(8, fb, sizeof(fb));
	tag_mmap();
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(bi.fb.base, 0);
}

TEST(random_multiboot2_is_survived)
{
	for (int round = 0; round < 2000; round++) {
		u32 total = 16 + (u32)(unit_rand() % 512) * 8;

		memset(&bi, 0, sizeof(bi));
		for (u32 i = 0; i < total; i++)
			mem[INFO + i] = (unsigned char)(unit_rand() % 4 ? unit_rand() % 24 : unit_rand());
		memcpy(mem + INFO, &total, 4);
		if (multiboot2_parse(&bi, &src, INFO) == 0)
			boot_memory_finish(&bi);
	}
}

/* --- PVH --- */

struct start_info {
	u32 magic, version, flags, modules_count;
	u64 modules, cmdline, rsdp, map;
	u32 map_count, reserved;
};

static struct start_info *
pvh_info(void)
{
	struct start_info *si = (void *)(mem + INFO);
	u64 e[3][3] = { { 0, 0x9f000, 1 }, { 0x5000, 0, 1 }, { 0x100000, 0x1000000, 1 } };
	u64 module[4] = { 0x800000, 0x1234, 0, 0 };

	*si = (struct start_info){ .magic = PVH_MAGIC, .version = 1, .modules_count = 1, .modules = 0x2000, .cmdline = 0x3000,
		.rsdp = 0xf5a00, .map = 0x4000, .map_count = 3 };
	memcpy(mem + 0x2000, module, sizeof(module));
	strcpy((char *)mem + 0x3000, "init=/bin/sh\tx");
	memcpy(mem + 0x4000, e, sizeof(e));
	return si;
}

TEST(pvh_is_taken_over)
{
	pvh_info();
	ck_assert_int_eq(pvh_parse(&bi, &src, INFO), 0);
	ck_assert_str_eq(bi.cmdline, "init=/bin/sh x");	/* control characters become blanks */
	ck_assert_uint_eq(bi.initrd_size, 0x1234);
	ck_assert_uint_eq(bi.rsdp, 0xf5a00);
	ck_assert_uint_eq(bi.memory_count, 3);		/* two pieces (the empty one is ignored) and the module */
}

TEST(pvh_pointers_that_lie)
{
	struct start_info *si = pvh_info();

	si->map = MEM_SIZE - 8;
	ck_assert_int_lt(pvh_parse(&bi, &src, INFO), 0);
	si = pvh_info();
	si->map_count = 0xffffffff;
	ck_assert_int_lt(pvh_parse(&bi, &src, INFO), 0);
	si = pvh_info();
	si->modules = ~0UL;
	si->cmdline = MEM_SIZE - 3;	/* not terminated within memory */
	memcpy(mem + MEM_SIZE - 3, "abc", 3);
	memset(&bi, 0, sizeof(bi));
	ck_assert_int_eq(pvh_parse(&bi, &src, INFO), 0);
	ck_assert_uint_eq(bi.initrd_count, 0);
	ck_assert_str_eq(bi.cmdline, "abc");
	si->version = 0;
	ck_assert_int_lt(pvh_parse(&bi, &src, INFO), 0);
}

TEST(a_long_command_line_is_cut_and_told)
{
	static char line[BOOT_CMDLINE_MAX + 10];

	memset(line, 'x', sizeof(line));
	boot_cmdline_set(&bi, line, sizeof(line));
	ck_assert(bi.cmdline_truncated);
	ck_assert_uint_eq(strlen(bi.cmdline), BOOT_CMDLINE_MAX - 1);
}

/* --- the memory map --- */

TEST(overlaps_go_to_the_less_usable_type)
{
	boot_memory_add(&bi, 0x1000, 0x9000, BOOT_MEM_USABLE);
	boot_memory_add(&bi, 0x3800, 0x1000, BOOT_MEM_RESERVED);
	boot_memory_add(&bi, 0x0, 0x1800, BOOT_MEM_USABLE);
	boot_memory_add(&bi, 0x9fff, 0x10, BOOT_MEM_USABLE);
	boot_memory_finish(&bi);
	ck_assert_uint_eq(bi.memory_count, 3);
	ck_assert_uint_eq(bi.memory[0].size, 0x3000);
	ck_assert_uint_eq(bi.memory[1].base, 0x3000);
	ck_assert_uint_eq(bi.memory[1].size, 0x2000);
	ck_assert_uint_eq(bi.memory[2].size, 0x5000);
}

TEST(a_full_table_is_survived)
{
	for (u64 i = 0; i < BOOT_MEMORY_MAX + 10; i++)
		ck_assert_int_eq(boot_memory_add(&bi, i * 0x2000, 0x1000, BOOT_MEM_USABLE), i < BOOT_MEMORY_MAX);
	boot_memory_finish(&bi);
	ck_assert_uint_le(bi.memory_count, BOOT_MEMORY_MAX);
	ck_assert_int_lt(boot_memory_set(&bi, 0x100, 0x10, BOOT_MEM_KERNEL), 0);
}

TEST(wrapping_pieces_are_ignored)
{
	boot_memory_add(&bi, ~0UL - 100, 1000, BOOT_MEM_USABLE);
	ck_assert_uint_eq(bi.memory_count, 0);
}

/* Against a map of one byte for each page. */
TEST(set_against_a_model)
{
	int model[64];

	memset(model, -1, sizeof(model));
	for (int round = 0; round < 5000; round++) {
		u64 base = (u64)(unit_rand() % 60), size = 1 + (u64)(unit_rand() % 4);
		int type = unit_rand() % 5;

		ck_assert_int_eq(boot_memory_set(&bi, base << 12, size << 12, type), 0);
		for (u64 i = base; i < base + size; i++)
			model[i] = type;
		for (u32 i = 0, page = 0; i < bi.memory_count; i++) {
			struct boot_memory *m = &bi.memory[i];

			for (; page < m->base >> 12; page++)
				ck_assert_int_eq(model[page], -1);
			for (; page < (m->base + m->size) >> 12; page++)
				ck_assert_int_eq(model[page], (int)m->type);
			if (i + 1 < bi.memory_count)
				ck_assert(m[1].type != m->type || m[1].base != m->base + m->size);
		}
	}
}

TEST(mem_limits)
{
	ck_assert_uint_eq(boot_mem_limit("quiet mem=64M"), 64UL << 20);
	ck_assert_uint_eq(boot_mem_limit("mem=1G mem=0x1000k"), 4UL << 20);
	ck_assert_uint_eq(boot_mem_limit("mem=nonsense"), UINT64_MAX);
	ck_assert_uint_eq(boot_mem_limit("mem=99999999999999T"), UINT64_MAX);
	ck_assert_uint_eq(boot_mem_limit("memory=5"), UINT64_MAX);

	boot_memory_add(&bi, 0, 0x10000, BOOT_MEM_USABLE);
	boot_memory_add(&bi, 0x10000, 0x10000, BOOT_MEM_RESERVED);
	boot_memory_add(&bi, 0x20000, 0x10000, BOOT_MEM_USABLE);
	boot_memory_limit(&bi, 0x8000);
	boot_memory_finish(&bi);
	ck_assert_uint_eq(bi.memory_count, 2);
	ck_assert_uint_eq(bi.memory[0].size, 0x8000);
}

TEST(find_takes_the_lowest_that_fits)
{
	boot_memory_add(&bi, 0x1000, 0x2000, BOOT_MEM_USABLE);
	boot_memory_add(&bi, 0x100000, 0x100000, BOOT_MEM_USABLE);
	boot_memory_finish(&bi);
	ck_assert_uint_eq(boot_memory_find(&bi, 0x1000, 0x1000, 0, ~0UL), 0x1000);
	ck_assert_uint_eq(boot_memory_find(&bi, 0x3000, 0x1000, 0, ~0UL), 0x100000);
	ck_assert_uint_eq(boot_memory_find(&bi, 0x1000, 0x1000, 0x100800, ~0UL), 0x101000);
	ck_assert_uint_eq(boot_memory_find(&bi, 0x200000, 0x1000, 0, ~0UL), 0);
	ck_assert_uint_eq(boot_memory_find(&bi, 0x1000, 0x1000, 0x200000, ~0UL), 0);
}
