/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of a disk, made by /sys/block/NAME/fail_nth: they are told once to who is to know them, and the next request works. */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define DEV	"/dev/vda"
#define AT	(8 << 20)

static char *buf;

static void
fail_nth(int n)
{
	int fd = ck_ok(open("/sys/block/vda/fail_nth", O_WRONLY));

	ck_ok(dprintf(fd, "%d\n", n));
	close(fd);
}

static void
setup(void)
{
	ck_assert_int_eq(posix_memalign((void **)&buf, 4096, 65536), 0);
	sync();
}

static void
teardown(void)
{
	fail_nth(0);
	free(buf);
}

START_TEST(a_direct_read_fails_once)
{
	int fd = ck_ok(open(DEV, O_RDONLY | O_DIRECT));

	fail_nth(1);
	ck_fails(pread(fd, buf, 4096, AT), EIO);
	ck_assert_int_eq(pread(fd, buf, 4096, AT), 4096);
	close(fd);
}
END_TEST

/* Read-ahead may have had the error, and the reader tries again; the data is right then. */
START_TEST(a_cached_read_fails_or_is_tried_again)
{
	int fd = ck_ok(open(DEV, O_RDONLY));

	ck_ok(ioctl(fd, BLKFLSBUF, 0));
	fail_nth(1);
	if (pread(fd, buf, 4096, AT) == -1)
		ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(pread(fd, buf, 4096, AT), 4096);
	close(fd);
}
END_TEST

START_TEST(fsync_tells_of_a_failed_write_once)
{
	int fd = ck_ok(open(DEV, O_RDWR)), other = ck_ok(open(DEV, O_RDWR));

	ck_assert_int_eq(pread(fd, buf, 4096, AT), 4096);
	ck_assert_int_eq(pwrite(fd, buf, 4096, AT), 4096);
	fail_nth(1);
	ck_fails(fsync(fd), EIO);
	ck_ok(fsync(fd));
	ck_fails(fsync(other), EIO);
	ck_ok(fsync(other));
	close(other);
	close(fd);
}
END_TEST

START_TEST(fsync_tells_of_a_failed_flush)
{
	int fd = ck_ok(open(DEV, O_RDWR));

	ck_assert_int_eq(pread(fd, buf, 4096, AT), 4096);
	ck_assert_int_eq(pwrite(fd, buf, 4096, AT), 4096);
	fail_nth(2);		/* the write, then the flush */
	ck_fails(fsync(fd), EIO);
	ck_ok(fsync(fd));
	close(fd);
}
END_TEST

START_TEST(every_nth_of_many)
{
	int fd = ck_ok(open(DEV, O_RDWR | O_DIRECT));

	for (int n = 1; n <= 50; n++) {
		int failed = 0;

		fail_nth(n);
		for (int i = 0; i < 50; i++)
			failed += pread(fd, buf, 4096, AT + 8192L * i) != 4096;
		ck_assert_int_eq(failed, 1);
	}
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("blk_fail");
	TCase *t = tcase_create("errors");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_direct_read_fails_once);
	tcase_add_test(t, a_cached_read_fails_or_is_tried_again);
	tcase_add_test(t, fsync_tells_of_a_failed_write_once);
	tcase_add_test(t, fsync_tells_of_a_failed_flush);
	tcase_add_test(t, every_nth_of_many);
	suite_add_tcase(s, t);
	return guest_run(s);
}
