/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partition tables on a loop device over a file in /tmp: MBR with logical partitions, GPT, bad checksums, tables that lie. And
 * what else a disk's user meets: every BLK* ioctl on a virtio disk, merging, the queue's files. Writes to the first 2 MiB of vda.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define SECTORS		32768U		/* 16 MiB */
#define FILE_PATH	"/tmp/blk_parts.img"

static unsigned char *img;
static char dev[32];
static int lo;

static void
setup(void)
{
	img = calloc(SECTORS, 512);
}

static void
put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static void
put64(unsigned char *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t
crc32(const unsigned char *p, size_t n)
{
	uint32_t c = ~0U;

	while (n-- > 0) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320U : 0);
	}
	return ~c;
}

/* Bind a loop device with partitions to the image. */
static void
attach(void)
{
	struct loop_config c = { .info = { .lo_flags = LO_FLAGS_PARTSCAN } };
	int ctl = ck_ok(open("/dev/loop-control", O_RDWR)), file = ck_ok(open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));

	ck_assert_int_eq(write(file, img, SECTORS * 512), SECTORS * 512);
	snprintf(dev, sizeof(dev), "/dev/loop%ld", ck_ok(ioctl(ctl, LOOP_CTL_GET_FREE)));
	lo = ck_ok(open(dev, O_RDWR));
	c.fd = (unsigned)file;
	ck_ok(ioctl(lo, LOOP_CONFIGURE, &c));
	close(file);
	close(ctl);
}

/* Another test reads all of vda: each word of it is its offset. */
static void
restore_vda(void)
{
	uint64_t *words = malloc(2 << 20);
	int fd = ck_ok(open("/dev/vda", O_RDWR));

	for (uint64_t i = 0; i < (2 << 20) / 8; i++)
		words[i] = 8 * i;
	ck_assert_int_eq(pwrite(fd, words, 2 << 20, 0), 2 << 20);
	close(fd);
	free(words);
}

static void
teardown(void)
{
	restore_vda();
	if (lo > 0) {
		ioctl(lo, LOOP_CLR_FD, 0);
		close(lo);
	}
	unlink(FILE_PATH);
	free(img);
}

/* Start and length of a partition in sectors; 0 of what isn't there. */
static void
expect_part(int n, unsigned long start, unsigned long size)
{
	static const char *const what[] = { "start", "size" };
	unsigned long v[2] = { 0, 0 };
	char path[96];

	for (int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/sys/block/%s/%sp%d/%s", dev + 5, dev + 5, n, what[i]);
		f = fopen(path, "r");
		if (f != NULL) {
			ck_assert_int_eq(fscanf(f, "%lu", &v[i]), 1);
			fclose(f);
		}
	}
	ck_assert_msg(v[0] == start && v[1] == size, "partition %d: %lu +%lu, not %lu +%lu", n, v[0], v[1], start, size);
}

/* --- MBR --- */

static void
mbr_entry(unsigned sector, int slot, int type, uint32_t start, uint32_t size)
{
	unsigned char *s = img + 512UL * sector, *e = s + 446 + 16 * slot;

	e[4] = (unsigned char)type;
	put32(e + 8, start);
	put32(e + 12, size);
	s[510] = 0x55;
	s[511] = 0xaa;
}

START_TEST(primary_and_logical_partitions)
{
	put32(img + 440, 0xcafe1234);
	mbr_entry(0, 0, 0x83, 64, 1000);
	mbr_entry(0, 1, 0x05, 2048, 20000);
	mbr_entry(0, 2, 0x0c, 23000, 500);
	mbr_entry(2048, 0, 0x83, 63, 3000);		/* relative to its own table */
	mbr_entry(2048, 1, 0x05, 4000, 6000);		/* relative to the extended partition */
	mbr_entry(6048, 0, 0x82, 10, 2000);
	mbr_entry(6048, 1, 0x05, 12000, 5000);
	mbr_entry(14048, 0, 0x83, 1, 100);
	attach();
	expect_part(1, 64, 1000);
	expect_part(2, 2048, 2);			/* an extended one: for its boot loader */
	expect_part(3, 23000, 500);
	expect_part(4, 0, 0);
	expect_part(5, 2048 + 63, 3000);
	expect_part(6, 6048 + 10, 2000);
	expect_part(7, 14048 + 1, 100);
	expect_part(8, 0, 0);
}
END_TEST

START_TEST(logical_partitions_in_a_ring)
{
	mbr_entry(0, 0, 0x0f, 2048, 20000);
	mbr_entry(2048, 0, 0x83, 8, 100);
	mbr_entry(2048, 1, 0x05, 4000, 6000);
	mbr_entry(6048, 0, 0x83, 8, 100);
	mbr_entry(6048, 1, 0x05, 0, 6000);		/* back to the first */
	attach();
	expect_part(1, 2048, 2);
	expect_part(5, 2056, 100);
	expect_part(6, 6056, 100);
}
END_TEST

START_TEST(partitions_beyond_the_end)
{
	mbr_entry(0, 0, 0x83, 64, 1000);
	mbr_entry(0, 1, 0x83, 2048, SECTORS);		/* cut by the disk's end */
	mbr_entry(0, 2, 0x83, SECTORS + 5, 100);
	attach();
	expect_part(1, 64, 1000);
	expect_part(2, 2048, SECTORS - 2048);
	expect_part(3, 0, 0);
}
END_TEST

START_TEST(a_boot_sector_is_no_table)
{
	mbr_entry(0, 0, 0x83, 64, 1000);
	img[446] = 0x7f;				/* neither active nor not */
	attach();
	expect_part(1, 0, 0);
}
END_TEST

/* --- GPT --- */

#define GPT_ENTRIES	128U

static void
gpt_seal(unsigned char *h, const unsigned char *entries)
{
	put32(h + 88, crc32(entries, GPT_ENTRIES * 128));
	put32(h + 16, 0);
	put32(h + 16, crc32(h, 92));
}

static void
gpt_header(uint64_t at, uint64_t other, uint64_t entries_at)
{
	unsigned char *h = img + 512 * at;

	memcpy(h, "EFI PART", 8);
	put32(h + 8, 0x10000);
	put32(h + 12, 92);
	put64(h + 24, at);
	put64(h + 32, other);
	put64(h + 40, 34);
	put64(h + 48, SECTORS - 34);
	memcpy(h + 56, "0123456789abcdef", 16);
	put64(h + 72, entries_at);
	put32(h + 80, GPT_ENTRIES);
	put32(h + 84, 128);
	gpt_seal(h, img + 512 * entries_at);
}

static void
gpt_entry(int i, uint64_t first, uint64_t last, const char *name)
{
	unsigned char *e = img + 1024 + 128 * i;

	memcpy(e, "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4", 16);
	memset(e + 16, 0x10 + i, 16);
	put64(e + 32, first);
	put64(e + 40, last);
	for (int k = 0; name[k] != 0; k++)
		e[56 + 2 * k] = (unsigned char)name[k];
}

static void
gpt(void)
{
	mbr_entry(0, 0, 0xee, 1, SECTORS - 1);
	gpt_entry(0, 2048, 4095, "one");
	gpt_entry(1, 4096, 8191, "two words");
	gpt_entry(5, 10000, 10009, "six");
	memcpy(img + 512UL * (SECTORS - 33), img + 1024, GPT_ENTRIES * 128);
	gpt_header(1, SECTORS - 1, 2);
	gpt_header(SECTORS - 1, 1, SECTORS - 33);
}

static void
expect_gpt(void)
{
	expect_part(1, 2048, 2048);
	expect_part(2, 4096, 4096);
	expect_part(3, 0, 0);
	expect_part(6, 10000, 10);
}

START_TEST(gpt_partitions_and_their_names)
{
	char path[96], text[512] = "";
	int fd;

	gpt();
	attach();
	expect_gpt();
	snprintf(path, sizeof(path), "/sys/class/block/%sp2/uevent", dev + 5);
	fd = ck_ok(open(path, O_RDONLY));
	ck_ok(read(fd, text, sizeof(text) - 1));
	close(fd);
	ck_assert_ptr_nonnull(strstr(text, "PARTN=2\n"));
	ck_assert_ptr_nonnull(strstr(text, "PARTNAME=two words\n"));
	ck_assert_ptr_nonnull(strstr(text, "DEVTYPE=partition\n"));
}
END_TEST

START_TEST(both_headers_bad_is_no_table)
{
	gpt();
	img[512 + 16] ^= 1;
	img[512UL * (SECTORS - 1) + 16] ^= 1;
	attach();
	expect_part(1, 0, 0);
	expect_part(2, 0, 0);
}
END_TEST

START_TEST(a_gpt_without_protective_mbr_is_none)
{
	gpt();
	memset(img, 0, 512);
	attach();
	expect_part(1, 0, 0);
}
END_TEST

START_TEST(gpt_partitions_must_lie_inside)
{
	gpt();
	gpt_entry(3, SECTORS - 20, SECTORS + 20, "outside");
	gpt_seal(img + 512, img + 1024);
	attach();
	expect_gpt();
	expect_part(4, 0, 0);
}
END_TEST

/* --- a table that changes --- */

START_TEST(a_table_is_read_anew_unless_a_partition_is_open)
{
	unsigned char sector[512];
	char path[64];
	int p;

	mbr_entry(0, 0, 0x83, 64, 1000);
	attach();
	expect_part(1, 64, 1000);
	memcpy(sector, img, 512);
	put32(sector + 446 + 12, 2000);
	ck_assert_int_eq(pwrite(lo, sector, 512, 0), 512);
	snprintf(path, sizeof(path), "%sp1", dev);
	p = ck_ok(open(path, O_RDONLY));
	ck_fails(ioctl(lo, BLKRRPART, 0), EBUSY);
	ck_fails(ioctl(p, BLKRRPART, 0), EINVAL);
	close(p);
	ck_ok(ioctl(lo, BLKRRPART, 0));
	expect_part(1, 64, 2000);
}
END_TEST

/* --- a virtio disk --- */

struct query { unsigned long cmd; const char *name; int err; };

#define Q(cmd, err)	{ cmd, #cmd, err }

/* What takes no argument that could harm; the data of vda doesn't matter. */
static const struct query queries[] = {
	Q(BLKROGET, 0), Q(BLKGETSIZE, 0), Q(BLKFLSBUF, 0), Q(BLKRAGET, 0), Q(BLKFRAGET, 0), Q(BLKSECTSET, ENOTTY), Q(BLKSECTGET, 0),
	Q(BLKSSZGET, 0), Q(BLKBSZGET, 0), Q(BLKGETSIZE64, 0), Q(BLKIOMIN, 0), Q(BLKIOOPT, 0), Q(BLKALIGNOFF, 0), Q(BLKPBSZGET, 0),
	Q(BLKDISCARDZEROES, 0), Q(BLKROTATIONAL, 0), Q(_IOR(0x12, 128, uint64_t), 0) /* BLKGETDISKSEQ */,
	Q(_IO(0x12, 77), ENOTTY), Q(_IOWR(0x12, 130, char[16]), ENOTTY), Q(_IOR(0x12, 132, uint32_t), 0) /* zone size */,
	Q(_IOR(0x12, 133, uint32_t), 0) /* zones */, Q(HDIO_GETGEO, 0), Q(HDIO_GET_IDENTITY, ENOTTY), Q(HDIO_GET_MULTCOUNT, ENOTTY),
	Q(0x5331 /* CDROM_GET_CAPABILITY */, ENOTTY), Q(0x1234, ENOTTY), Q(FIGETBSZ, 0), Q(FIBMAP, ENOTTY), Q(FIONREAD, ENOTTY), Q(FS_IOC_GETFLAGS, ENOTTY),
	Q(FIFREEZE, EOPNOTSUPP), Q(FITRIM, ENOTTY),
};

START_TEST(every_query_of_a_virtio_disk)
{
	int fd = ck_ok(open("/dev/vda", O_RDWR));
	uint64_t room[64];
	char wrong[2048] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const struct query *q = &queries[i];
		int r, err;

		memset(room, 0, sizeof(room));
		errno = 0;
		r = ioctl(fd, q->cmd, room);
		err = r < 0 ? errno : 0;
		if (err != q->err)
			n += (size_t)snprintf(wrong + n, sizeof(wrong) - n, " %s: %d not %d;", q->name, err, q->err);
	}
	ck_assert_msg(n == 0, "%s", wrong);
	close(fd);
}
END_TEST

START_TEST(ranges_of_a_virtio_disk)
{
	int fd = ck_ok(open("/dev/vda", O_RDWR));
	uint64_t range[2] = { 1 << 20, 65536 };
	unsigned char buf[4096], zero[4096] = { 0 };

	memset(buf, 0x77, sizeof(buf));
	ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), 1 << 20), sizeof(buf));
	ck_ok(ioctl(fd, BLKZEROOUT, range));
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 1 << 20), sizeof(buf));
	ck_assert_mem_eq(buf, zero, sizeof(buf));
	ck_ok(ioctl(fd, BLKDISCARD, range));
	ck_fails(ioctl(fd, BLKSECDISCARD, range), EOPNOTSUPP);
	range[1] = 0;
	ck_fails(ioctl(fd, BLKDISCARD, range), EINVAL);
	range[1] = 1;
	ck_fails(ioctl(fd, BLKDISCARD, range), EINVAL);
	range[0] = UINT64_MAX - 511;
	range[1] = 512;
	ck_fails(ioctl(fd, BLKDISCARD, range), EINVAL);
	close(fd);
}
END_TEST

static void
attr(const char *file, char *text, size_t size)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/vda/%s", file);
	fd = ck_ok(open(path, O_RDONLY));
	n = ck_ok(read(fd, text, size - 1));
	text[n] = 0;
	close(fd);
}

static int
set_attr(const char *file, const char *text)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), "/sys/block/vda/%s", file);
	fd = ck_ok(open(path, O_WRONLY));
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static void
expect_attr(const char *file, const char *want)
{
	char text[128];

	attr(file, text, sizeof(text));
	ck_assert_msg(strcmp(text, want) == 0, "%s: %s", file, text);
}

START_TEST(the_queue_files_of_a_virtio_disk)
{
	static const char *const files[][2] = {
		{ "queue/add_random", "0\n" }, { "queue/chunk_sectors", "0\n" }, { "queue/dax", "0\n" }, { "queue/dma_alignment", "511\n" },
		{ "queue/io_poll", "0\n" }, { "queue/io_poll_delay", "-1\n" }, { "queue/iostats", "1\n" }, { "queue/max_discard_segments", "1\n" },
		{ "queue/max_hw_sectors_kb", "2147483647\n" }, { "queue/max_integrity_segments", "0\n" }, { "queue/max_sectors_kb", "1280\n" },
		{ "queue/nomerges", "0\n" }, { "queue/nr_zones", "0\n" }, { "queue/rotational", "1\n" }, { "queue/stable_writes", "0\n" },
		{ "queue/virt_boundary_mask", "0\n" }, { "queue/write_same_max_bytes", "0\n" }, { "queue/zone_append_max_bytes", "0\n" },
		{ "queue/zone_write_granularity", "0\n" }, { "queue/zoned", "none\n" }, { "queue/discard_granularity", "512\n" },
		{ "queue/max_segment_size", "4294967295\n" }, { "queue/nr_requests", "256\n" }, { "events", "" }, { "events_async", "" },
		{ "events_poll_msecs", "-1\n" }, { "ext_range", "256\n" }, { "hidden", "0\n" }, { "removable", "0\n" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		expect_attr(files[i][0], files[i][1]);
}
END_TEST

START_TEST(queue_files_that_can_be_set)
{
	char text[128], max[32];

	attr("queue/scheduler", text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "mq-deadline"));
	ck_assert_ptr_nonnull(strstr(text, "none"));
	ck_assert_int_eq(set_attr("queue/scheduler", "none\n"), 0);
	attr("queue/scheduler", text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "[none]"));
	ck_assert_int_eq(set_attr("queue/scheduler", "mq-deadline"), 0);
	attr("queue/scheduler", text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "[mq-deadline]"));
	ck_assert_int_eq(set_attr("queue/scheduler", "fastest"), EINVAL);
	ck_assert_int_eq(set_attr("queue/max_sectors_kb", "64"), 0);
	expect_attr("queue/max_sectors_kb", "64\n");
	ck_assert_int_eq(set_attr("queue/max_sectors_kb", "1"), EINVAL);
	ck_assert_int_eq(set_attr("queue/max_sectors_kb", "1280"), 0);
	ck_assert_int_eq(set_attr("queue/read_ahead_kb", "256"), 0);
	expect_attr("queue/read_ahead_kb", "256\n");
	ck_assert_int_eq(set_attr("queue/read_ahead_kb", "128"), 0);
	ck_assert_int_eq(set_attr("queue/rotational", "0"), 0);
	expect_attr("queue/rotational", "0\n");
	ck_assert_int_eq(set_attr("queue/rotational", "1"), 0);
	ck_assert_int_eq(set_attr("queue/nomerges", "2"), 0);
	expect_attr("queue/nomerges", "2\n");
	ck_assert_int_eq(set_attr("queue/nomerges", "0"), 0);
	attr("queue/discard_max_hw_bytes", max, sizeof(max));
	ck_assert_int_eq(set_attr("queue/discard_max_bytes", "1048576"), 0);
	expect_attr("queue/discard_max_bytes", "1048576\n");
	ck_assert_int_eq(set_attr("queue/discard_max_bytes", "1000"), EINVAL);
	ck_assert_int_eq(set_attr("queue/discard_max_bytes", max), 0);
	expect_attr("queue/discard_max_bytes", max);
	ck_assert_int_eq(set_attr("queue/write_cache", "write through"), 0);
	expect_attr("queue/write_cache", "write through\n");
	ck_assert_int_eq(set_attr("queue/write_cache", "write back"), 0);
	expect_attr("queue/write_cache", "write back\n");
	ck_assert_int_eq(set_attr("queue/write_cache", "write sideways"), EINVAL);
}
END_TEST

static void
counts(unsigned long *ios, unsigned long *merges, unsigned long *sectors)
{
	char text[256];

	attr("stat", text, sizeof(text));
	ck_assert_int_eq(sscanf(text, "%*u %*u %*u %*u %lu %lu %lu", ios, merges, sectors), 3);
}

static unsigned long
write_and_count(void)
{
	static char buf[1 << 20];
	unsigned long a[3], b[3];
	int fd = ck_ok(open("/dev/vda", O_RDWR));

	counts(&a[0], &a[1], &a[2]);
	memset(buf, 'm', sizeof(buf));
	ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), 0), sizeof(buf));
	ck_ok(fsync(fd));
	counts(&b[0], &b[1], &b[2]);
	close(fd);
	ck_assert_uint_eq(b[2] - a[2], sizeof(buf) / 512);
	return b[0] - a[0];
}

START_TEST(neighbours_become_few_requests)
{
	ck_assert_uint_le(write_and_count(), 32);
	ck_assert_int_eq(set_attr("queue/scheduler", "none"), 0);
	ck_assert_uint_le(write_and_count(), 32);
	ck_assert_int_eq(set_attr("queue/scheduler", "mq-deadline"), 0);
}
END_TEST

START_TEST(statistics_can_be_off)
{
	ck_assert_uint_gt(write_and_count(), 0);
	ck_assert_int_eq(set_attr("queue/iostats", "0"), 0);
	expect_attr("queue/iostats", "0\n");
	unsigned long a[3], b[3];
	char buf[4096] = "";
	int fd = ck_ok(open("/dev/vda", O_RDWR));

	counts(&a[0], &a[1], &a[2]);
	ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), 8192), sizeof(buf));
	ck_ok(fsync(fd));
	close(fd);
	counts(&b[0], &b[1], &b[2]);
	ck_assert_uint_eq(a[0], b[0]);
	ck_assert_uint_eq(a[2], b[2]);
	ck_assert_int_eq(set_attr("queue/iostats", "1"), 0);
	expect_attr("inflight", "       0        0\n");
}
END_TEST

START_TEST(a_cd_drive_is_in_proc_partitions)
{
	char line[128];
	FILE *f = fopen("/proc/partitions", "r");
	int found = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		found += strstr(line, " sr0\n") != NULL;
	fclose(f);
	ck_assert_int_eq(found, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("blk_parts");
	TCase *t = tcase_create("parts");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, primary_and_logical_partitions);
	tcase_add_test(t, logical_partitions_in_a_ring);
	tcase_add_test(t, partitions_beyond_the_end);
	tcase_add_test(t, a_boot_sector_is_no_table);
	tcase_add_test(t, gpt_partitions_and_their_names);
	tcase_add_test(t, both_headers_bad_is_no_table);
	tcase_add_test(t, a_gpt_without_protective_mbr_is_none);
	tcase_add_test(t, gpt_partitions_must_lie_inside);
	tcase_add_test(t, a_table_is_read_anew_unless_a_partition_is_open);
	tcase_add_test(t, every_query_of_a_virtio_disk);
	tcase_add_test(t, ranges_of_a_virtio_disk);
	tcase_add_test(t, the_queue_files_of_a_virtio_disk);
	tcase_add_test(t, queue_files_that_can_be_set);
	tcase_add_test(t, neighbours_become_few_requests);
	tcase_add_test(t, statistics_can_be_off);
	tcase_add_test(t, a_cd_drive_is_in_proc_partitions);
	suite_add_tcase(s, t);
	return guest_run(s);
}
