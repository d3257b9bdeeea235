/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATA commands that fail on purpose (dev/ata/fault.c; debug kernels only): the n-th read, write and flush of each of run.py's disks and
 * of the CD. The caller gets EIO, the next try is good.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "guest.h"

#define BLOCK	4096
#define AT	(6L << 20)

static const char *const disks[] = { "sda", "sdb", "sr0" };
static uint64_t page[BLOCK / 8] __attribute__((aligned(BLOCK)));

/* False: not this kernel. */
static int
plan(int which, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/ata_fail_nth", disks[which]);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return 0;
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return 1;
}

static int
open_disk(int which, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/%s", disks[which]);
	return ck_ok(open(path, flags));
}

START_TEST(the_nth_read_fails)
{
	int fd = open_disk(_i, O_RDONLY | O_DIRECT);
	char text[32];

	for (int n = 1; n <= 10; n++) {
		snprintf(text, sizeof(text), "read %d error", n);
		if (!plan(_i, text))
			break;
		for (int i = 1; i < n; i++)
			ck_assert_int_eq(ck_ok(pread(fd, page, BLOCK, i * BLOCK)), BLOCK);
		ck_fails(pread(fd, page, BLOCK, n * BLOCK), EIO);
		ck_assert_int_eq(ck_ok(pread(fd, page, BLOCK, n * BLOCK)), BLOCK);
		ck_assert_uint_eq(page[1], (uint64_t)n * BLOCK + 8);
	}
	close(fd);
}
END_TEST

START_TEST(the_nth_write_fails)
{
	int fd = open_disk(_i, O_RDWR | O_DIRECT);
	char text[32];

	for (int n = 1; n <= 5; n++) {
		snprintf(text, sizeof(text), "write %d", n);
		if (!plan(_i, text))
			break;
		for (int i = 0; i < BLOCK / 8; i++)
			page[i] = (uint64_t)n;
		for (int i = 1; i < n; i++)
			ck_assert_int_eq(ck_ok(pwrite(fd, page, BLOCK, AT + i * BLOCK)), BLOCK);
		ck_fails(pwrite(fd, page, BLOCK, AT), EIO);
		ck_assert_int_eq(ck_ok(pwrite(fd, page, BLOCK, AT)), BLOCK);
		page[0] = 0;
		ck_assert_int_eq(ck_ok(pread(fd, page, BLOCK, AT)), BLOCK);
		ck_assert_uint_eq(page[0], n);
	}
	close(fd);
}
END_TEST

START_TEST(a_flush_fails)
{
	int fd = open_disk(_i, O_RDWR);

	memset(page, 0x55, sizeof(page));
	ck_assert_int_eq(pwrite(fd, page, BLOCK, AT), BLOCK);
	if (plan(_i, "flush")) {
		ck_fails(fsync(fd), EIO);
		ck_assert_int_eq(pwrite(fd, page, BLOCK, AT), BLOCK);
		ck_ok(fsync(fd));
	}
	close(fd);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	int fd = open("/sys/block/sda/ata_fail_nth", O_WRONLY);

	if (fd < 0)
		return;
	ck_fails(write(fd, "read 0 error", 12), EINVAL);
	ck_fails(write(fd, "fetch 1 error", 13), EINVAL);
	ck_fails(write(fd, "read 1 smoke", 12), EINVAL);
	ck_fails(write(fd, "read x", 6), EINVAL);
	ck_assert_int_eq(write(fd, "off", 3), 3);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ata_faults");
	TCase *tc = tcase_create("faults");

	tcase_add_loop_test(tc, the_nth_read_fails, 0, 3);
	tcase_add_loop_test(tc, the_nth_write_fails, 0, 2);
	tcase_add_loop_test(tc, a_flush_fails, 0, 2);
	tcase_add_test(tc, nonsense_is_refused);
	suite_add_tcase(s, tc);
	return guest_run(s);
}
