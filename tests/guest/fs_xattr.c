/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes on tmpfs: namespaces, who may, sizes, lists. xattr(7), setxattr(2), getxattr(2), listxattr(2), removexattr(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "guest.h"

#define D "/tmp/fs_xattr"

static void
setup(void)
{
	umask(022);
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
	close(ck_ok(open("f", O_CREAT | O_RDWR, 0644)));
	ck_ok(symlink("f", "link"));
	ck_ok(symlink("none", "loose"));
	ck_ok(mkfifo("fifo", 0644));
	ck_ok(mkdir("dir", 0755));
}

static bool
is_listed(const char *list, ssize_t len, const char *name)
{
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1)
		if (strcmp(list + i, name) == 0)
			return true;
	return false;
}

START_TEST(set_and_get)
{
	char buf[16];
	int fd = ck_ok(open("f", O_RDONLY));

	ck_ok(setxattr("f", "trusted.a", "hello", 5, 0));
	ck_assert_int_eq(getxattr("f", "trusted.a", NULL, 0), 5);
	ck_assert_int_eq(getxattr("f", "trusted.a", buf, sizeof(buf)), 5);
	ck_assert_mem_eq(buf, "hello", 5);
	ck_assert_int_eq(fgetxattr(fd, "trusted.a", buf, 5), 5);
	ck_assert_int_eq(getxattr("link", "trusted.a", buf, 5), 5);
	ck_fails(lgetxattr("link", "trusted.a", buf, 5), ENODATA);
	ck_fails(getxattr("f", "trusted.a", buf, 4), ERANGE);
	ck_fails(getxattr("f", "trusted.b", buf, 4), ENODATA);
	ck_fails(getxattr("none", "trusted.a", buf, 4), ENOENT);
	ck_fails(getxattr("loose", "trusted.a", buf, 4), ENOENT);
	ck_ok(fsetxattr(fd, "trusted.a", "longer text", 11, 0));	/* a descriptor open for reading will do */
	ck_assert_int_eq(getxattr("f", "trusted.a", buf, sizeof(buf)), 11);
	ck_ok(setxattr("f", "trusted.a", NULL, 0, 0));			/* empty, but there */
	ck_assert_int_eq(getxattr("f", "trusted.a", buf, sizeof(buf)), 0);
	ck_assert_int_eq(getxattr("f", "trusted.a", NULL, 0), 0);
	ck_ok(fremovexattr(fd, "trusted.a"));
	ck_fails(getxattr("f", "trusted.a", buf, sizeof(buf)), ENODATA);
	ck_fails(removexattr("f", "trusted.a"), ENODATA);
	close(fd);
}
END_TEST

START_TEST(kinds_of_files)
{
	char buf[8];

	ck_ok(setxattr("dir", "trusted.d", "1", 1, 0));
	ck_ok(lsetxattr("link", "trusted.l", "22", 2, 0));
	ck_ok(setxattr("fifo", "security.p", "333", 3, 0));
	ck_assert_int_eq(getxattr("dir", "trusted.d", buf, sizeof(buf)), 1);
	ck_assert_int_eq(lgetxattr("link", "trusted.l", buf, sizeof(buf)), 2);
	ck_assert_int_eq(getxattr("fifo", "security.p", buf, sizeof(buf)), 3);
	ck_fails(getxattr("f", "trusted.l", buf, sizeof(buf)), ENODATA);
	ck_ok(lremovexattr("link", "trusted.l"));
	ck_fails(lremovexattr("link", "trusted.l"), ENODATA);
}
END_TEST

START_TEST(create_and_replace)
{
	ck_fails(setxattr("f", "trusted.c", "x", 1, XATTR_REPLACE), ENODATA);
	ck_ok(setxattr("f", "trusted.c", "x", 1, XATTR_CREATE));
	ck_fails(setxattr("f", "trusted.c", "x", 1, XATTR_CREATE), EEXIST);
	ck_ok(setxattr("f", "trusted.c", "y", 1, XATTR_REPLACE));
	ck_fails(setxattr("f", "trusted.c", "x", 1, 4), EINVAL);
	ck_fails(setxattr("f", "trusted.c", "x", 1, XATTR_CREATE | XATTR_REPLACE), EEXIST);
}
END_TEST

START_TEST(lists)
{
	char buf[256];
	ssize_t n;

	ck_assert_int_eq(listxattr("f", buf, sizeof(buf)), 0);
	ck_assert_int_eq(listxattr("f", NULL, 0), 0);
	ck_ok(setxattr("f", "trusted.one", "1", 1, 0));
	ck_ok(setxattr("f", "security.two", "1", 1, 0));
	ck_ok(setxattr("f", "trusted.three", "1", 1, 0));
	n = listxattr("f", NULL, 0);
	ck_assert_int_eq(n, 12 + 13 + 14);
	ck_assert_int_eq(listxattr("link", buf, sizeof(buf)), n);
	ck_assert(is_listed(buf, n, "trusted.one"));
	ck_assert(is_listed(buf, n, "security.two"));
	ck_assert(is_listed(buf, n, "trusted.three"));
	ck_fails(listxattr("f", buf, (size_t)n - 1), ERANGE);
	ck_assert_int_eq(llistxattr("link", buf, sizeof(buf)), 0);
	ck_fails(flistxattr(-1, buf, sizeof(buf)), EBADF);
	ck_ok(setuid(1000));
	ck_assert_int_eq(listxattr("f", buf, sizeof(buf)), 13);		/* trusted ones are not for everybody's eyes */
	ck_assert(is_listed(buf, 13, "security.two"));
	ck_assert_int_eq(listxattr("f", NULL, 0), 13);
}
END_TEST

START_TEST(sizes)
{
	static char big[65537], back[65536];
	char name[300];

	memset(big, 'v', sizeof(big));
	ck_fails(setxattr("f", "trusted.big", big, 65537, 0), E2BIG);
	ck_ok(setxattr("f", "trusted.big", big, 65536, 0));
	ck_assert_int_eq(getxattr("f", "trusted.big", back, sizeof(back)), 65536);
	ck_assert_mem_eq(big, back, 65536);
	ck_assert_int_eq(getxattr("f", "trusted.big", back, 1 << 30), 65536);
	ck_fails(getxattr("f", "trusted.big", back, 65535), ERANGE);
	memset(name, 'n', sizeof(name));
	memcpy(name, "trusted.", 8);
	name[256] = '\0';
	ck_fails(setxattr("f", name, "x", 1, 0), ERANGE);
	ck_fails(getxattr("f", name, back, 1), ERANGE);
	ck_fails(removexattr("f", name), ERANGE);
	name[255] = '\0';
	ck_ok(setxattr("f", name, "x", 1, 0));
	ck_assert_int_eq(getxattr("f", name, back, 1), 1);
	ck_fails(setxattr("f", "", "x", 1, 0), ERANGE);
	ck_fails(setxattr("f", (char *)8, "x", 1, 0), EFAULT);
	ck_fails(setxattr("f", "trusted.x", (char *)8, 1, 0), EFAULT);
	ck_fails(getxattr("f", name, (char *)8, 1), EFAULT);
}
END_TEST

START_TEST(namespaces)
{
	char buf[8];

	ck_fails(setxattr("f", "user.a", "x", 1, 0), EOPNOTSUPP);	/* tmpfs has none on Linux 6.1 */
	ck_fails(getxattr("f", "user.a", buf, 1), EOPNOTSUPP);
	ck_fails(removexattr("f", "user.a"), EOPNOTSUPP);
	ck_fails(setxattr("fifo", "user.a", "x", 1, 0), EPERM);
	ck_fails(getxattr("fifo", "user.a", buf, 1), ENODATA);
	ck_fails(lsetxattr("link", "user.a", "x", 1, 0), EPERM);
	ck_fails(setxattr("f", "other.a", "x", 1, 0), EOPNOTSUPP);
	ck_fails(setxattr("f", "noprefix", "x", 1, 0), EOPNOTSUPP);
	ck_fails(getxattr("f", "noprefix", buf, 1), EOPNOTSUPP);
	ck_fails(setxattr("f", "trusted.", "x", 1, 0), EINVAL);
	ck_fails(setxattr("f", "system.other", "x", 1, 0), EOPNOTSUPP);
	ck_fails(setxattr("f", "security.capability", "x", 1, 0), EINVAL);
}
END_TEST

START_TEST(who_may)
{
	char buf[8];

	ck_ok(setxattr("f", "trusted.t", "x", 1, 0));
	ck_ok(setxattr("f", "security.s", "x", 1, 0));
	ck_ok(chown("f", 1000, 1000));
	ck_ok(mkdir("sticky", 0777));
	ck_ok(chmod("sticky", 01777));
	ck_ok(setuid(1000));
	ck_fails(getxattr("f", "trusted.t", buf, 1), ENODATA);
	ck_fails(setxattr("f", "trusted.t", "y", 1, 0), EPERM);
	ck_fails(removexattr("f", "trusted.t"), EPERM);
	ck_assert_int_eq(getxattr("f", "security.s", buf, 1), 1);
	/* Who may write security.s is not asked here: with the BPF security module, Linux 6.1 forgets to ask for CAP_SYS_ADMIN. */
	ck_fails(setxattr("f", "user.u", "y", 1, 0), EOPNOTSUPP);
	ck_fails(setxattr("dir", "user.u", "y", 1, 0), EACCES);
	ck_fails(setxattr("sticky", "user.u", "y", 1, 0), EPERM);
	ck_fails(getxattr("dir", "user.u", buf, 1), EOPNOTSUPP);
	ck_fails(setxattr("dir", "what.u", "y", 1, 0), EACCES);
}
END_TEST

START_TEST(read_only_and_o_path)
{
	char buf[8];
	int fd = ck_ok(open("f", O_PATH));

	ck_fails(fgetxattr(fd, "trusted.a", buf, 1), EBADF);
	ck_fails(fsetxattr(fd, "trusted.a", buf, 1, 0), EBADF);
	ck_fails(flistxattr(fd, buf, 1), EBADF);
	close(fd);
	ck_ok(mkdir("m", 0755));
	ck_ok(mount("t", "m", "tmpfs", 0, ""));
	close(ck_ok(open("m/f", O_CREAT | O_RDWR, 0644)));
	ck_ok(setxattr("m/f", "trusted.a", "x", 1, 0));
	ck_ok(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ck_fails(setxattr("m/f", "trusted.a", "y", 1, 0), EROFS);
	ck_fails(setxattr("m/f", "trusted.a", "y", 1, 77), EROFS);
	ck_fails(removexattr("m/f", "trusted.a"), EROFS);
	ck_assert_int_eq(getxattr("m/f", "trusted.a", buf, sizeof(buf)), 1);
	ck_ok(umount("m"));
}
END_TEST

START_TEST(others_have_none)
{
	char buf[64];

	ck_assert_int_eq(listxattr("/proc/self/status", buf, sizeof(buf)), 0);
	ck_fails(getxattr("/proc/self/status", "trusted.a", buf, sizeof(buf)), EOPNOTSUPP);
	ck_fails(setxattr("/proc/self/status", "trusted.a", "x", 1, 0), EOPNOTSUPP);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_xattr");
	TCase *t = tcase_create("tmpfs");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, set_and_get);
	tcase_add_test(t, kinds_of_files);
	tcase_add_test(t, create_and_replace);
	tcase_add_test(t, lists);
	tcase_add_test(t, sizes);
	tcase_add_test(t, namespaces);
	tcase_add_test(t, who_may);
	tcase_add_test(t, read_only_and_o_path);
	tcase_add_test(t, others_have_none);
	suite_add_tcase(s, t);
	return guest_run(s);
}
