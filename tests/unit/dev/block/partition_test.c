/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partition tables on a disk in memory: honest, damaged, hostile.
 * sources: dev/block/partition.c dev/block/gpt.c
 */
#include "tests/unit/test.h"
#include "dev/block/partition_format.h"
#include "sys/lib/crc32.h"

#define BLOCKS	4096U

static u8 disk[BLOCKS * 4096];
static u32 logical = 512;
static u64 fail_at = UINT64_MAX;	/* sector that can't be read */
static struct partition_table table;

static int
read_disk(const struct partition_source *s, u64 sector, void *buf, size_t len)
{
	ck_assert_uint_eq(len % logical, 0);
	ck_assert_uint_eq(sector % (logical / 512), 0);
	if (sector + len / 512 > s->nr_sectors || (fail_at >= sector && fail_at < sector + len / 512))
		return -5;
	memcpy(buf, disk + sector * 512, len);
	return 0;
}

static int
scan(void)
{
	struct partition_source s = { .nr_sectors = (u64)BLOCKS * (logical / 512), .logical_size = logical, .read = read_disk };

	return partition_read(&s, &table);
}

static void
set_entry(u64 block, u32 i, u8 type, u32 start, u32 nr)
{
	u8 *sector = disk + block * logical;
	struct mbr_entry e = { .type = type, .start = start, .nr = nr };

	memcpy(sector + MBR_TABLE + i * sizeof(e), &e, sizeof(e));
	sector[510] = 0x55;
	sector[511] = 0xaa;
}

static void
expect(u32 i, u32 number, u64 start, u64 nr)
{
	ck_assert_uint_lt(i, table.n);
	ck_assert_uint_eq(table.parts[i].number, number);
	ck_assert_uint_eq(table.parts[i].start, start);
	ck_assert_uint_eq(table.parts[i].nr, nr);
}

TEST(an_empty_disk_has_no_table)
{
	ck_assert_int_eq(scan(), 0);
	ck_assert_ptr_null(table.scheme);
	ck_assert_uint_eq(table.n, 0);
}

TEST(an_unreadable_disk_is_an_error)
{
	fail_at = 0;
	ck_assert_int_eq(scan(), -5);
}

TEST(primary_partitions_have_their_numbers_and_uuids)
{
	u32 signature = 0x1234abcd;

	set_entry(0, 0, 0x83, 100, 200);
	set_entry(0, 2, 0x0c, 300, 400);
	memcpy(disk + MBR_SIGNATURE, &signature, 4);
	ck_assert_int_eq(scan(), 0);
	ck_assert_str_eq(table.scheme, "msdos");
	ck_assert_uint_eq(table.n, 2);
	expect(0, 1, 100, 200);
	expect(1, 3, 300, 400);
	ck_assert_str_eq(table.parts[1].uuid, "1234abcd-03");
}

TEST(what_reaches_beyond_the_end_is_cut_and_what_begins_there_dropped)
{
	set_entry(0, 0, 0x83, BLOCKS - 10, 100);
	set_entry(0, 1, 0x83, BLOCKS, 100);
	set_entry(0, 2, 0x83, 0xffffffff, 0xffffffff);
	ck_assert_int_eq(scan(), 0);
	ck_assert_uint_eq(table.n, 1);
	expect(0, 1, BLOCKS - 10, 10);
}

TEST(large_blocks_are_the_unit_of_the_table)
{
	logical = 4096;
	set_entry(0, 0, 0x83, 10, 20);
	ck_assert_int_eq(scan(), 0);
	expect(0, 1, 80, 160);
}

TEST(logical_partitions_follow_the_chain)
{
	set_entry(0, 0, 0x83, 10, 20);
	set_entry(0, 1, 0x05, 1000, 2000);
	set_entry(1000, 0, 0x83, 10, 90);	/* relative to this link */
	set_entry(1000, 1, 0x05, 200, 100);	/* relative to the first */
	set_entry(1200, 0, 0x82, 5, 50);
	ck_assert_int_eq(scan(), 0);
	ck_assert_uint_eq(table.n, 4);
	expect(1, 2, 1000, 2);
	expect(2, 5, 1010, 90);
	expect(3, 6, 1205, 50);
}

TEST(a_chain_that_loops_ends)
{
	set_entry(0, 0, 0x0f, 1000, 2000);
	set_entry(1000, 0, 0x83, 1, 10);
	set_entry(1000, 1, 0x05, 0x100, 10);
	set_entry(1256, 0, 0x83, 1, 10);
	set_entry(1256, 1, 0x05, 0x100, 10);	/* itself */
	ck_assert_int_eq(scan(), 0);
	ck_assert_uint_le(table.n, PARTITIONS_MAX);
}

TEST(a_boot_sector_of_a_file_system_is_no_table)
{
	set_entry(0, 0, 0x83, 100, 200);
	disk[MBR_TABLE] = 0x12;		/* code where the flag would be */
	ck_assert_int_eq(scan(), 0);
	ck_assert_ptr_null(table.scheme);
}

/* --- GPT --- */

static void
put_header(u64 my, u64 other, u64 entries_lba, const u8 *entries)
{
	struct gpt_header h = { .signature = "EFI PART", .revision = 0x10000, .header_size = sizeof(h), .my_lba = my, .alternate_lba = other,
		.first_usable = 34, .last_usable = BLOCKS - 34, .entries_lba = entries_lba, .entries = 128, .entry_size = 128 };

	memcpy(disk + entries_lba * logical, entries, 128 * 128);
	h.entries_crc = ~crc32_le(~0U, entries, 128 * 128);
	h.header_crc = ~crc32_le(~0U, &h, sizeof(h));
	memcpy(disk + my * logical, &h, sizeof(h));
}

static void
make_gpt(void)
{
	static u8 entries[128 * 128];
	struct gpt_entry e = { .first = 100, .last = 199, .guid = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
		.name = { 'r', 0, 0xe4, 0, 0x3d, 0xd8, 0x00, 0xde, 1, 0 } };

	e.type[0] = 1;
	memcpy(entries, &e, sizeof(e));
	e.first = 300;
	e.last = BLOCKS + 5;		/* beyond the end: not taken */
	memcpy(entries + 128, &e, sizeof(e));
	e.last = 300;
	memcpy(entries + 7 * 128, &e, sizeof(e));
	set_entry(0, 0, MBR_TYPE_GPT, 1, BLOCKS - 1);
	put_header(1, BLOCKS - 1, 2, entries);
	put_header(BLOCKS - 1, 1, BLOCKS - 33, entries);
}

static void
expect_gpt(bool backup)
{
	ck_assert_int_eq(scan(), 0);
	ck_assert_str_eq(table.scheme, "gpt");
	ck_assert_uint_eq(table.backup_used, backup);
	ck_assert_uint_eq(table.n, 2);
	expect(0, 1, 100 * (logical / 512), 100 * (logical / 512));
	expect(1, 8, 300 * (logical / 512), logical / 512);
	ck_assert_str_eq(table.parts[0].uuid, "04030201-0605-0807-090a-0b0c0d0e0f10");
	ck_assert_str_eq(table.parts[0].label, "r\xc3\xa4\xf0\x9f\x98\x80!");
}

TEST(a_gpt_is_read_with_its_names)
{
	make_gpt();
	expect_gpt(false);
}

TEST(a_gpt_of_large_blocks)
{
	logical = 4096;
	make_gpt();
	expect_gpt(false);
}

TEST(the_backup_serves_where_the_first_header_is_bad)
{
	make_gpt();
	disk[512 + 40] ^= 1;
	expect_gpt(true);
}

TEST(the_backup_serves_where_the_first_entries_are_bad_or_unreadable)
{
	make_gpt();
	disk[2 * 512 + 1000] ^= 1;
	expect_gpt(true);
	fail_at = 1;
	expect_gpt(true);
}

TEST(without_a_good_header_the_protective_entry_is_no_partition)
{
	make_gpt();
	disk[512] ^= 1;
	disk[(BLOCKS - 1) * 512] ^= 1;
	ck_assert_int_eq(scan(), 0);
	ck_assert_ptr_null(table.scheme);
	ck_assert_uint_eq(table.n, 0);
}

TEST(hostile_headers_with_right_sums_do_no_harm)
{
	for (u32 i = 0; i < 20000; i++) {
		struct gpt_header h;
		u8 *at;

		make_gpt();
		at = disk + 512;
		at[8 + unit_rand_below(sizeof(h) - 8)] = (u8)unit_rand();
		at[8 + unit_rand_below(sizeof(h) - 8)] = (u8)unit_rand();
		memcpy(&h, at, sizeof(h));
		h.header_crc = 0;
		if (h.header_size >= 92 && h.header_size <= 512)
			h.header_crc = ~crc32_le(~0U, memcpy(at, &h, sizeof(h)), h.header_size);
		memcpy(at, &h, sizeof(h));
		ck_assert_int_eq(scan(), 0);
		for (u32 k = 0; k < table.n; k++)
			ck_assert(table.parts[k].start + table.parts[k].nr <= BLOCKS);
	}
}

TEST(random_tables_do_no_harm)
{
	for (u32 i = 0; i < 2000; i++) {
		for (u32 k = 0; k < 64; k++)
			disk[k * 512 * 64 + 446 + unit_rand_below(64)] = (u8)unit_rand();
		for (u32 k = 0; k < BLOCKS; k += 64) {
			disk[k * 512 + 510] = 0x55;
			disk[k * 512 + 511] = 0xaa;
		}
		for (u32 k = 0; k < 4; k++)
			disk[446 + 16 * k] = 0;
		disk[450] = 5;
		ck_assert_int_eq(scan(), 0);
		for (u32 k = 0; k < table.n; k++) {
			ck_assert(table.parts[k].start + table.parts[k].nr <= BLOCKS);
			ck_assert(table.parts[k].number >= 1 && table.parts[k].number <= PARTITIONS_MAX);
		}
	}
}
