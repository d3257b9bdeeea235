/* SPDX-License-Identifier: BSD-2-Clause */
/* Plain files on tmpfs: create, read, write, seek, append, truncate, unlink, holes. POSIX open(), lseek(), ftruncate(). */
#include <fcntl.h>
#include <sys/stat.h>

#include "guest.h"

static int fd;

static void
open_file(void)
{
	fd = ck_ok(open("/tmp/file-test", O_RDWR | O_CREAT | O_EXCL, 0640));
}

static void
close_file(void)
{
	close(fd);
	unlink("/tmp/file-test");
}

START_TEST(what_is_written_is_read)
{
	char buf[32] = "";

	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	ck_assert_int_eq(lseek(fd, 3, SEEK_SET), 3);
	ck_assert_int_eq(read(fd, buf, sizeof(buf)), 7);
	ck_assert_str_eq(buf, "3456789");
	ck_assert_int_eq(pread(fd, buf, 2, 8), 2);
	ck_assert_mem_eq(buf, "89", 2);
	ck_assert_int_eq(read(fd, buf, 1), 0);
}
END_TEST

START_TEST(holes_read_as_zero)
{
	char buf[100];
	struct stat st;

	ck_assert_int_eq(pwrite(fd, "x", 1, 100000), 1);
	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(st.st_size, 100001);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 50000), sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		ck_assert_int_eq(buf[i], 0);
}
END_TEST

START_TEST(truncate_cuts_and_zeroes)
{
	char c = 'a';

	ck_assert_int_eq(pwrite(fd, "abcdef", 6, 0), 6);
	ck_ok(ftruncate(fd, 2));
	ck_ok(ftruncate(fd, 6));
	ck_assert_int_eq(pread(fd, &c, 1, 4), 1);
	ck_assert_int_eq(c, 0);
	ck_fails(ftruncate(fd, -1), EINVAL);
}
END_TEST

START_TEST(append_goes_to_the_end)
{
	int other = ck_ok(open("/tmp/file-test", O_WRONLY | O_APPEND));
	char buf[8];

	ck_assert_int_eq(write(fd, "abc", 3), 3);
	ck_assert_int_eq(write(other, "def", 3), 3);
	ck_assert_int_eq(pread(fd, buf, 8, 0), 6);
	ck_assert_mem_eq(buf, "abcdef", 6);
	close(other);
}
END_TEST

START_TEST(errors_are_linux_errors)
{
	char c;

	ck_fails(open("/tmp/file-test", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	ck_fails(open("/tmp/none", O_RDONLY), ENOENT);
	ck_fails(open("/tmp/file-test/x", O_RDONLY), ENOTDIR);
	ck_fails(open("/tmp", O_WRONLY), EISDIR);
	ck_fails(lseek(fd, -1, SEEK_SET), EINVAL);
	ck_fails(read(99, &c, 1), EBADF);
	ck_fails(write(fd, (void *)0xffffffff80000000UL, 1), EFAULT);
	ck_fails(close(99), EBADF);
}
END_TEST

START_TEST(an_unlinked_file_lives_until_closed)
{
	struct stat st;
	char c;

	ck_assert_int_eq(write(fd, "z", 1), 1);
	ck_ok(unlink("/tmp/file-test"));
	ck_fails(stat("/tmp/file-test", &st), ENOENT);
	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(st.st_nlink, 0);
	ck_assert_int_eq(pread(fd, &c, 1, 0), 1);
	ck_assert_int_eq(c, 'z');
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("file");
	TCase *core = tcase_create("core");

	umask(022);
	tcase_add_checked_fixture(core, open_file, close_file);
	tcase_add_test(core, what_is_written_is_read);
	tcase_add_test(core, holes_read_as_zero);
	tcase_add_test(core, truncate_cuts_and_zeroes);
	tcase_add_test(core, append_goes_to_the_end);
	tcase_add_test(core, errors_are_linux_errors);
	tcase_add_test(core, an_unlinked_file_lives_until_closed);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
