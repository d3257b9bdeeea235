/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small disks (an ext2 and an ext3) that become full: of data, directories, attributes, inodes, and by stores into a mapped file. Each time all
 * is removed, and all space is back. e2fsck looks at them afterwards.
 */
#define _GNU_SOURCE
#include "ext2_aid.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static const char *const devices[] = { "/dev/vdj", "/dev/vdk" };
static struct statfs before;

/* In an empty directory that has room for names. */
static void
begin(int i, const char *options)
{
	use(devices[i], options);
	mkdir("work", 0777);
	ck_ok(chmod("work", 0777));
	sync();
	before = space();
	ck_ok(chdir("work"));
}

static void
end(void)
{
	ck_ok(chdir(".."));
	sync();
	ck_assert_uint_eq(space().f_bfree, before.f_bfree);
	ck_assert_uint_eq(space().f_ffree, before.f_ffree);
	ck_ok(rmdir("work"));
	leave();
}

/* Fill a file till there is no room. Its size. */
static long
fill(const char *name, int piece)
{
	static char buf[65536];
	int fd = ck_ok(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666));
	long n, all = 0;

	memset(buf, 'f', sizeof(buf));
	while ((n = write(fd, buf, piece)) > 0)
		all += n;
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
	return all;
}

START_TEST(full_of_data)
{
	long size;

	begin(_i, NULL);
	size = fill("one", 65536);
	ck_assert_int_gt(size, 5 << 20);
	size += fill("two", 100);
	ck_assert_int_eq(status("one").st_size + status("two").st_size, size);
	ck_assert_uint_eq(space().f_bfree, 0);
	ck_assert_uint_eq(space().f_bavail, 0);
	ck_fails(mkdir("dir", 0755), ENOSPC);
	ck_ok(unlink("one"));
	ck_assert_int_gt(fill("three", 65536), 5 << 20);
	ck_ok(unlink("three"));
	ck_ok(unlink("two"));
	end();
}
END_TEST

/* A write over the end of the space: what there was room for is written; and nothing that was there is harmed. */
START_TEST(full_at_the_end)
{
	char c = 0;
	long size;
	int fd;

	begin(_i, NULL);
	size = fill("one", 1000);
	fd = ck_ok(open("one", O_RDWR | O_APPEND));
	ck_fails(write(fd, "more, and more than the last block has room for", 1024), ENOSPC);
	ck_assert_int_eq(status("one").st_size, size);
	for (long at = 0; at < size; at += 1021) {
		ck_ok(pread(fd, &c, 1, at));
		ck_assert_int_eq(c, 'f');
	}
	ck_ok(ftruncate(fd, 10));
	ck_assert_int_eq(ck_ok(write(fd, "there is room again", 19)), 19);
	ck_ok(fsync(fd));
	close(fd);
	ck_ok(unlink("one"));
	end();
}
END_TEST

START_TEST(full_of_inodes)
{
	char name[40];
	int n = 0, err;

	begin(_i, NULL);
	for (;; n++) {
		snprintf(name, sizeof(name), "file%d", n);
		if (mknod(name, S_IFREG | 0644, 0) == -1)
			break;
	}
	err = errno;
	ck_assert_int_eq(err, ENOSPC);
	ck_assert_int_gt(n, 900);
	ck_assert_uint_eq(space().f_ffree, 0);
	ck_fails(mkdir("dir", 0755), ENOSPC);
	ck_fails(symlink("x", "link"), ENOSPC);
	ck_fails(open(".", O_TMPFILE | O_RDWR, 0600), ENOSPC);
	ck_ok(link("file0", "hard"));
	ck_ok(unlink("hard"));
	ck_ok(unlink("file1"));
	ck_ok(mkdir("dir", 0755));
	ck_ok(rmdir("dir"));
	for (int k = 0; k < n; k++) {
		snprintf(name, sizeof(name), "file%d", k);
		if (k != 1)
			ck_ok(unlink(name));
	}
	ck_ok(chdir(".."));
	ck_ok(rmdir("work"));		/* its blocks of names */
	ck_ok(mkdir("work", 0777));
	ck_ok(chdir("work"));
	end();
}
END_TEST

START_TEST(full_of_directories)
{
	char name[40], deep[300] = "";
	int n = 0;

	begin(_i, NULL);
	fill("data", 65536);
	ck_ok(truncate("data", status("data").st_size - 100 * 1024));
	for (;; n++) {
		snprintf(name, sizeof(name), "dir%d", n);
		if (mkdir(name, 0755) == -1)
			break;
	}
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_gt(n, 50);
	ck_assert_uint_eq(space().f_bfree, 0);
	/* Names until the directory needs a block. */
	memset(deep, 'n', 200);
	for (int k = 0; k < 10; k++) {
		deep[199] = (char)('a' + k);
		if (link("data", deep) == -1) {
			ck_assert_int_eq(errno, ENOSPC);
			break;
		}
		ck_assert_int_lt(k, 9);
	}
	ck_fails(symlink("a text that needs a block of its own, since it is longer than sixty bytes", "sl"), ENOSPC);
	for (int k = 0; k < 10; k++) {
		deep[199] = (char)('a' + k);
		unlink(deep);
	}
	for (int k = 0; k < n; k++) {
		snprintf(name, sizeof(name), "dir%d", k);
		ck_ok(rmdir(name));
	}
	ck_ok(unlink("data"));
	ck_ok(chdir(".."));
	ck_ok(rmdir("work"));
	ck_ok(mkdir("work", 0777));
	ck_ok(chdir("work"));
	end();
}
END_TEST

START_TEST(full_of_attributes)
{
	char name[40], value[800], got[800];
	int n = 0;

	begin(_i, NULL);
	fill("data", 65536);
	ck_ok(truncate("data", status("data").st_size - 50 * 1024));
	for (;; n++) {
		snprintf(name, sizeof(name), "file%d", n);
		put(name, "");
		memset(value, n, sizeof(value));
		if (setxattr(name, "user.large", value, sizeof(value), 0) == -1)
			break;
	}
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_gt(n, 20);
	ck_fails(getxattr(name, "user.large", got, sizeof(got)), ENODATA);
	ck_assert_int_eq(ck_ok(getxattr("file0", "user.large", got, sizeof(got))), 800);
	ck_assert_int_eq(got[799], 0);
	ck_ok(removexattr("file0", "user.large"));
	ck_ok(setxattr(name, "user.large", value, sizeof(value), 0));
	for (int k = 0; k <= n; k++) {
		snprintf(name, sizeof(name), "file%d", k);
		ck_ok(unlink(name));
	}
	ck_ok(unlink("data"));
	end();
}
END_TEST

static sigjmp_buf bus;

static void
on_bus(int sig)
{
	siglongjmp(bus, 1);
}

/* A sparse file larger than the disk, mapped and stored into. */
START_TEST(full_by_stores)
{
	static volatile long page;
	long size = 32 << 20;
	volatile char *m;
	char c;
	int fd;

	begin(_i, NULL);
	fd = ck_ok(open("sparse", O_RDWR | O_CREAT, 0644));
	ck_ok(ftruncate(fd, size));
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne((void *)m, MAP_FAILED);
	signal(SIGBUS, on_bus);
	if (sigsetjmp(bus, 1) == 0) {
		for (page = 0; page < size / 4096; page++)
			m[page * 4096 + 5] = 's';
		ck_abort_msg("all of it could be stored");
	}
	ck_assert_int_gt(page, 1000);
	ck_assert_int_eq(m[5], 's');
	ck_assert_int_eq(m[(page - 1) * 4096 + 5], 's');
	ck_assert_int_eq(m[page * 4096 + 5], 0);
	ck_ok(msync((void *)m, size, MS_SYNC));
	ck_ok(pread(fd, &c, 1, (page - 1) * 4096 + 5));
	ck_assert_int_eq(c, 's');
	munmap((void *)m, size);
	close(fd);
	ck_ok(unlink("sparse"));
	end();
}
END_TEST

static int
fill_as(uid_t uid, const char *name)
{
	int status;

	if (fork() == 0) {
		if (setgid(uid) != 0 || setuid(uid) != 0)
			_exit(2);
		_exit(fill(name, 65536) > 0 ? 0 : 1);
	}
	wait(&status);
	return status;
}

/* The reserved blocks are root's, and for whom a mount option says so. */
START_TEST(full_but_for_the_reserve)
{
	long reserve;

	begin(_i, NULL);
	reserve = before.f_bfree - before.f_bavail;
	ck_assert_int_gt(reserve, 100);
	ck_assert_int_eq(fill_as(1000, "user"), 0);
	ck_assert_uint_le(space().f_bavail, 4);		/* a few may be left, where the tree wanted one more than there was */
	ck_assert_int_ge(space().f_bfree, reserve - 4);
	ck_assert_int_ge(fill("root", 65536), (reserve - 16) * 1024);
	ck_assert_uint_le(space().f_bfree, 4);
	ck_ok(unlink("root"));
	ck_ok(unlink("user"));
	end();
	begin(_i, "resuid=1000");
	ck_assert_int_eq(fill_as(1000, "user"), 0);
	ck_assert_uint_le(space().f_bfree, 4);
	ck_ok(unlink("user"));
	end();
	begin(_i, "resgid=1001");
	ck_assert_int_eq(fill_as(1001, "user"), 0);
	ck_assert_uint_le(space().f_bfree, 4);
	ck_ok(unlink("user"));
	end();
}
END_TEST

/* What is removed while its pages are being written gives its space back at once. */
START_TEST(full_again_and_again)
{
	begin(_i, NULL);
	for (int k = 0; k < 4; k++) {
		ck_assert_int_gt(fill("round", 65536), 5 << 20);
		ck_ok(unlink("round"));
	}
	end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		full_of_data, full_at_the_end, full_of_inodes, full_of_directories, full_of_attributes, full_by_stores, full_but_for_the_reserve,
		full_again_and_again,
	};
	Suite *s = suite_create("ext2_full");
	TCase *t = tcase_create("full");

	tcase_set_timeout(t, 60);
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_loop_test(t, tests[i], 0, 2);
	suite_add_tcase(s, t);
	return guest_run(s);
}
