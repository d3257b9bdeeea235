/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: rename(2) with all flags, link(2), unlink(2), rmdir(2), mknod(2), getcwd(2), reading directories that change. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "guest.h"

#define D "/tmp/fs_names"

static void
setup(void)
{
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
}

static void
touch(const char *path)
{
	close(ck_ok(open(path, O_CREAT | O_WRONLY, 0644)));
}

static unsigned long
ino(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static unsigned
links(const char *path)
{
	struct stat st;

	ck_ok(lstat(path, &st));
	return (unsigned)st.st_nlink;
}

static long
rename2(const char *from, const char *to, unsigned flags)
{
	return syscall(316, AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* What there is: f, g files; e, e2 empty directories; d a directory with d/x and d/sub; s a symlink to f. */
static void
populate(void)
{
	system("rm -rf w");
	ck_ok(mkdir("w", 0755));
	ck_ok(chdir("w"));
	touch("f");
	touch("g");
	ck_ok(mkdir("e", 0755));
	ck_ok(mkdir("e2", 0755));
	ck_ok(mkdir("d", 0755));
	ck_ok(mkdir("d/sub", 0755));
	touch("d/x");
	ck_ok(symlink("f", "s"));
	ck_ok(link("f", "h"));
}

START_TEST(rename_matrix)
{
	static const struct { const char *from, *to; int err; } cases[] = {
		{ "f", "new", 0 }, { "f", "g", 0 }, { "f", "h", 0 }, { "f", "f", 0 }, { "e", "e", 0 }, { "f", "e", EISDIR },
		{ "e", "f", ENOTDIR }, { "e", "e2", 0 }, { "e", "d", ENOTEMPTY }, { "d", "e", 0 }, { "d", "d/sub", EINVAL },
		{ "d", "d/sub/new", EINVAL }, { "d", "d/new", EINVAL }, { "d/sub", "d", ENOTEMPTY }, { "d/sub", "e", 0 },
		{ "d/x", "f", 0 }, { "d/x", "d/sub", EISDIR }, { "d/x", "d/y", 0 }, { "none", "new", ENOENT }, { "f", "none/x", ENOENT },
		{ "f", "g/x", ENOTDIR }, { "f/", "new", ENOTDIR }, { "f", "new/", ENOTDIR }, { "e/", "new/", 0 }, { "e", "new/", 0 },
		{ "s", "new", 0 }, { "s", "g", 0 }, { "f", "s", 0 }, { "s/", "new", ENOTDIR }, { ".", "new", EBUSY }, { "e", ".", EBUSY },
		{ "e", "..", EBUSY }, { "d/..", "new", EBUSY }, { "", "new", ENOENT }, { "f", "", ENOENT }, { "e/.", "new", EBUSY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r, err;

		populate();
		r = rename(cases[i].from, cases[i].to);
		err = r == 0 ? 0 : errno;
		ck_assert_msg(err == cases[i].err, "rename %s %s: %s", cases[i].from, cases[i].to, strerror(err));
		ck_ok(chdir(D));
	}
}
END_TEST

START_TEST(rename_keeps_counts_and_files)
{
	unsigned long a;

	populate();
	a = ino("d");
	ck_assert_uint_eq(links("."), 5);
	ck_assert_uint_eq(links("d"), 3);
	ck_ok(rename("d", "e"));
	ck_assert_uint_eq(ino("e"), a);
	ck_assert_uint_eq(links("."), 4);
	ck_ok(rename("e/sub", "e2/sub"));
	ck_assert_uint_eq(links("e"), 2);
	ck_assert_uint_eq(links("e2"), 3);
	a = ino("f");
	ck_assert_uint_eq(links("f"), 2);
	ck_ok(rename("g", "f"));
	ck_assert_uint_eq(links("h"), 1);
	ck_assert_uint_eq(ino("h"), a);
	ck_ok(rename("h", "h"));
	ck_ok(link("h", "h2"));
	ck_ok(rename("h", "h2"));		/* the same file: both stay */
	ck_assert_uint_eq(links("h"), 2);
	ck_ok(chdir(D));
}
END_TEST

START_TEST(rename_flags)
{
	unsigned long f, d;

	populate();
	f = ino("f");
	d = ino("d");
	ck_fails(rename2("f", "g", 1), EEXIST);
	ck_ok(rename2("f", "new", 1));
	ck_ok(rename2("new", "f", 0));
	ck_fails(rename2("f", "none", 2), ENOENT);
	ck_ok(rename2("f", "d", 2));
	ck_assert_uint_eq(ino("d"), f);
	ck_assert_uint_eq(ino("f"), d);
	ck_assert_uint_eq(ino("f/x") != 0, 1);
	ck_ok(rename2("f", "d", 2));
	ck_ok(rename2("d/sub", "g", 2));
	ck_assert_uint_eq(links("d"), 2);
	ck_assert_uint_eq(links("g"), 2);
	ck_fails(rename2("d", "d/x", 2), EINVAL);
	ck_fails(rename2("f", "g", 3), EINVAL);
	ck_fails(rename2("f", "g", 64), EINVAL);
	ck_ok(chdir(D));
}
END_TEST

START_TEST(links_and_unlinks)
{
	struct stat st;
	int fd;

	populate();
	ck_fails(link("e", "new"), EPERM);
	ck_fails(link("f", "g"), EEXIST);
	ck_fails(link("none", "new"), ENOENT);
	ck_fails(link("f", "none/new"), ENOENT);
	ck_fails(link("f", "new/"), ENOENT);
	ck_ok(link("s", "s2"));			/* the link itself */
	ck_ok(lstat("s2", &st));
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_uint_eq(st.st_nlink, 2);
	ck_ok(linkat(AT_FDCWD, "s", AT_FDCWD, "f3", AT_SYMLINK_FOLLOW));
	ck_assert_uint_eq(links("f"), 3);
	ck_fails(linkat(AT_FDCWD, "f", AT_FDCWD, "f4", 0x10), EINVAL);
	ck_fails(unlink("e"), EISDIR);
	ck_fails(unlink("f/"), ENOTDIR);
	ck_fails(unlink("e/"), EISDIR);
	ck_fails(unlink("."), EISDIR);
	ck_fails(unlink("none"), ENOENT);
	ck_fails(rmdir("f"), ENOTDIR);
	ck_fails(rmdir("d"), ENOTEMPTY);
	ck_fails(rmdir("."), EINVAL);
	ck_fails(rmdir("e/."), EINVAL);
	ck_fails(rmdir(".."), ENOTEMPTY);
	ck_fails(rmdir("d/sub/.."), ENOTEMPTY);
	ck_fails(rmdir("/"), EBUSY);
	ck_fails(unlinkat(AT_FDCWD, "e", 1), EINVAL);
	ck_ok(unlinkat(AT_FDCWD, "e", AT_REMOVEDIR));
	fd = ck_ok(open("g", O_RDWR));
	ck_ok(unlink("g"));
	ck_ok(fstat(fd, &st));
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(write(fd, "abc", 3), 3);
	close(fd);
	ck_fails(mkdir("d", 0755), EEXIST);
	ck_fails(mkdir("s", 0755), EEXIST);
	ck_fails(mkdir("none/x", 0755), ENOENT);
	ck_ok(mkdir("m/", 0755));
	ck_ok(chdir(D));
}
END_TEST

START_TEST(special_nodes)
{
	struct stat st;

	ck_ok(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
	ck_ok(stat("null", &st));
	ck_assert(S_ISCHR(st.st_mode));
	ck_assert_uint_eq(st.st_rdev, makedev(1, 3));
	ck_assert_int_eq(write(ck_ok(open("null", O_WRONLY)), "x", 1), 1);
	ck_ok(mknod("big", S_IFCHR | 0600, makedev(300, 70000)));
	ck_ok(stat("big", &st));
	ck_assert_uint_eq(major(st.st_rdev), 300);
	ck_assert_uint_eq(minor(st.st_rdev), 70000);
	ck_fails(open("big", O_RDONLY), ENXIO);
	ck_ok(mknod("plain", 0644, 0));
	ck_ok(stat("plain", &st));
	ck_assert(S_ISREG(st.st_mode));
	ck_fails(mknod("x", S_IFDIR | 0600, 0), EPERM);
	ck_fails(mknod("x", S_IFLNK | 0600, 0), EINVAL);
	ck_ok(mknod("sock", S_IFSOCK | 0600, 0));
	ck_fails(open("sock", O_RDONLY), ENXIO);
}
END_TEST

START_TEST(where_am_i)
{
	char buf[200];

	ck_ok(mkdir("a", 0755));
	ck_ok(mkdir("a/b", 0755));
	ck_ok(chdir("a/b"));
	ck_assert_str_eq(getcwd(buf, sizeof(buf)), D "/a/b");
	ck_assert_int_eq(syscall(SYS_getcwd, buf, sizeof(buf)), sizeof(D "/a/b"));
	ck_fails(syscall(SYS_getcwd, buf, 3), ERANGE);
	ck_ok(rename(D "/a", D "/moved"));
	ck_assert_str_eq(getcwd(buf, sizeof(buf)), D "/moved/b");
	ck_ok(rmdir(D "/moved/b"));
	ck_fails(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	ck_fails(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
	ck_fails(mkdir("x", 0700), ENOENT);
	ck_ok(chdir(".."));
	ck_assert_str_eq(getcwd(buf, sizeof(buf)), D "/moved");
	ck_fails(chdir("none"), ENOENT);
	touch("file");
	ck_fails(chdir("file"), ENOTDIR);
	ck_fails(fchdir(99), EBADF);
}
END_TEST

struct raw_dirent { unsigned long ino; long off; unsigned short reclen; unsigned char type; char name[]; };

START_TEST(raw_getdents)
{
	char buf[400], small[20];
	int fd, n, dots = 0, entries = 0;
	long offs[8];

	populate();
	fd = ck_ok(open(".", O_RDONLY | O_DIRECTORY));
	ck_fails(syscall(SYS_getdents64, fd, small, sizeof(small)), EINVAL);
	n = ck_ok(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	for (int at = 0; at < n;) {
		struct raw_dirent *e = (struct raw_dirent *)(buf + at);

		ck_assert_int_eq(e->reclen % 8, 0);
		if (e->name[0] == '.') {
			dots++;
			ck_assert_int_eq(e->type, DT_DIR);
		} else {
			struct stat st;

			ck_ok(lstat(e->name, &st));
			ck_assert_uint_eq(st.st_ino, e->ino);
			ck_assert_uint_eq((st.st_mode & S_IFMT) >> 12, e->type);
			entries++;
		}
		if (at == 0)
			offs[0] = e->off;
		at += e->reclen;
	}
	ck_assert_int_eq(dots, 2);
	ck_assert_int_eq(entries, 7);
	ck_assert_int_eq(syscall(SYS_getdents64, fd, buf, sizeof(buf)), 0);
	ck_ok(lseek(fd, offs[0], SEEK_SET));
	ck_assert_int_eq(syscall(SYS_getdents64, fd, buf, sizeof(buf)), n - ((struct raw_dirent *)buf)->reclen);
	ck_ok(lseek(fd, 0, SEEK_SET));
	ck_assert_int_eq(syscall(SYS_getdents64, fd, buf, sizeof(buf)), n);
	close(fd);
	fd = ck_ok(open("f", O_RDONLY));
	ck_fails(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOTDIR);
	close(fd);
	fd = ck_ok(open("e", O_RDONLY));
	ck_ok(rmdir("e"));
	ck_fails(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOENT);
	close(fd);
	fd = ck_ok(open(".", O_RDONLY));
	ck_fails(read(fd, buf, 1), EISDIR);
	close(fd);
	ck_ok(chdir(D));
}
END_TEST

#define MANY 500

START_TEST(removing_while_reading)
{
	char name[16];
	int seen = 0;
	struct dirent *e;
	DIR *d;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		touch(name);
	}
	d = opendir(".");
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] != 'n')
			continue;
		ck_ok(unlink(e->d_name));
		seen++;
	}
	closedir(d);
	ck_assert_int_eq(seen, MANY);
	ck_ok(rmdir(D));
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
}
END_TEST

START_TEST(others_come_and_go_while_reading)
{
	bool seen[MANY] = { false };
	char name[16];
	int n = 0;
	struct dirent *e;
	DIR *d;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		touch(name);
	}
	d = opendir(".");
	while ((e = readdir(d)) != NULL) {
		int i;

		if (sscanf(e->d_name, "n%d", &i) != 1)
			continue;
		ck_assert_msg(!seen[i], "%s twice", e->d_name);
		seen[i] = true;
		snprintf(name, sizeof(name), "t%d", n);	/* names that were not there at the start */
		touch(name);
		if (n > 3) {
			snprintf(name, sizeof(name), "t%d", n - 3);
			unlink(name);
		}
		n++;
	}
	closedir(d);
	ck_assert_int_eq(n, MANY);	/* each that was there all the time, once */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_names");
	TCase *t = tcase_create("names");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, rename_matrix);
	tcase_add_test(t, rename_keeps_counts_and_files);
	tcase_add_test(t, rename_flags);
	tcase_add_test(t, links_and_unlinks);
	tcase_add_test(t, special_nodes);
	tcase_add_test(t, where_am_i);
	tcase_add_test(t, raw_getdents);
	tcase_add_test(t, removing_while_reading);
	tcase_add_test(t, others_come_and_go_while_reading);
	suite_add_tcase(s, t);
	return guest_run(s);
}
