/* SPDX-License-Identifier: BSD-2-Clause */
/* Permission: modes, owners, sticky and set-id bits, access(2), chmod(2), chown(2), utimensat(2), statx(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <utime.h>

#include "guest.h"

#define D "/tmp/fs_perm"

static void
make(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = ck_ok(open(name, O_CREAT | O_WRONLY | O_EXCL, 0600));

	ck_ok(fchown(fd, uid, gid));
	ck_ok(fchmod(fd, mode));
	close(fd);
}

static void
make_dir(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	ck_ok(mkdir(name, 0700));
	ck_ok(chown(name, uid, gid));
	ck_ok(chmod(name, mode));
}

static void
setup(void)
{
	umask(022);
	system("rm -rf " D);
	make_dir(D, 0755, 0, 0);
	ck_ok(chdir(D));
	make("root644", 0644, 0, 0);
	make("root600", 0600, 0, 0);
	make("own", 0600, 1000, 1000);
	make("grp", 0060, 0, 2000);
	make("x", 0711, 0, 0);
	make_dir("sgid", 02777, 0, 2000);
	make_dir("sticky", 01777, 0, 0);
	make_dir("closed", 0700, 0, 0);
	make("closed/f", 0666, 0, 0);
	make("sticky/theirs", 0666, 0, 0);
}

/* For the rest of this test's process. */
static void
become_user(void)
{
	gid_t groups[1] = { 2000 };

	ck_ok(setgroups(1, groups));
	ck_ok(setgid(1000));
	ck_ok(setuid(1000));
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags, 0644), err = errno;

	if (fd < 0)
		return err;
	close(fd);
	return 0;
}

START_TEST(the_three_classes)
{
	become_user();
	ck_assert_int_eq(try_open("root644", O_RDONLY), 0);
	ck_assert_int_eq(try_open("root644", O_RDWR), EACCES);
	ck_assert_int_eq(try_open("root600", O_RDONLY), EACCES);
	ck_assert_int_eq(try_open("own", O_RDWR), 0);
	ck_assert_int_eq(try_open("grp", O_RDWR), 0);
	ck_assert_int_eq(try_open("closed/f", O_RDONLY), EACCES);
	ck_assert_int_eq(try_open("closed/none", O_RDONLY), EACCES);
	ck_assert_int_eq(try_open("new", O_RDWR | O_CREAT), EACCES);
	ck_fails(mkdir("new", 0755), EACCES);
	ck_fails(unlink("own"), EACCES);
	ck_fails(rename("own", "new"), EACCES);
	ck_fails(symlink("a", "new"), EACCES);
	ck_fails(link("own", "new"), EACCES);
	ck_fails(chdir("closed"), EACCES);
	ck_fails(truncate("root644", 0), EACCES);
	ck_ok(access("own", R_OK | W_OK));
	ck_fails(access("own", X_OK), EACCES);
	ck_fails(access("root644", W_OK), EACCES);
	ck_ok(access("x", X_OK));
	ck_fails(access("x", R_OK), EACCES);
	ck_fails(access("closed/f", F_OK), EACCES);
	ck_fails(access("own", 8), EINVAL);
	ck_ok(chmod("own", 0));			/* the owner may always, and then may not read */
	ck_assert_int_eq(try_open("own", O_RDONLY), EACCES);
}
END_TEST

START_TEST(root_may_nearly_all)
{
	ck_assert_int_eq(try_open("grp", O_RDWR), 0);
	ck_ok(access("root600", R_OK | W_OK));
	ck_fails(access("root600", X_OK), EACCES);	/* nobody may execute it */
	ck_ok(access("x", X_OK));
	ck_ok(access("closed", X_OK));
}
END_TEST

START_TEST(access_asks_for_the_real_user)
{
	ck_ok(setresuid(1000, 0, 0));
	ck_fails(access("root600", R_OK), EACCES);
	ck_ok(faccessat(AT_FDCWD, "root600", R_OK, AT_EACCESS));
	ck_assert_int_eq(try_open("root600", O_RDONLY), 0);
	ck_ok(setresuid(0, 0, 0));
}
END_TEST

START_TEST(sticky_directories)
{
	become_user();
	ck_fails(unlink("sticky/theirs"), EPERM);
	ck_fails(rename("sticky/theirs", "sticky/new"), EPERM);
	ck_assert_int_eq(try_open("sticky/mine", O_CREAT | O_RDWR), 0);
	ck_fails(rename("sticky/mine", "sticky/theirs"), EPERM);
	ck_ok(rename("sticky/mine", "sticky/new"));
	ck_ok(unlink("sticky/new"));
}
END_TEST

START_TEST(set_group_id_directories)
{
	struct stat st;

	become_user();
	ck_assert_int_eq(try_open("sgid/f", O_CREAT | O_RDWR), 0);
	ck_ok(stat("sgid/f", &st));
	ck_assert_uint_eq(st.st_uid, 1000);
	ck_assert_uint_eq(st.st_gid, 2000);
	ck_ok(mkdir("sgid/sub", 0755));
	ck_ok(stat("sgid/sub", &st));
	ck_assert_uint_eq(st.st_gid, 2000);
	ck_assert_uint_eq(st.st_mode & 07777, 02755);
}
END_TEST

START_TEST(chmod_rules)
{
	struct stat st;

	ck_ok(chown("own", 1000, 3000));
	become_user();
	ck_fails(chmod("root644", 0666), EPERM);
	ck_ok(chmod("own", 06755));		/* not in the group: no set-group-id bit */
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 04755);
	ck_ok(chown("own", -1, 2000));
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	ck_ok(chmod("own", 02755));
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 02755);
	ck_fails(chown("own", 0, -1), EPERM);
	ck_fails(chown("own", -1, 0), EPERM);
	ck_fails(chown("root644", -1, 2000), EPERM);
	ck_ok(chown("own", 1000, -1));
	ck_ok(chown("own", -1, -1));
}
END_TEST

START_TEST(set_id_bits_are_lost)
{
	struct stat st;
	int fd;

	ck_ok(chmod("own", 06711));
	ck_ok(chown("own", 1000, 1000));
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_ok(chmod("own", 06777));
	fd = ck_ok(open("own", O_WRONLY));
	ck_assert_int_eq(write(fd, "x", 1), 1);	/* root keeps them */
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 06777);
	close(fd);
	become_user();
	fd = ck_ok(open("own", O_WRONLY));
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 0777);
	close(fd);
	ck_ok(chmod("own", 04777));
	ck_ok(truncate("own", 0));
	ck_ok(stat("own", &st));
	ck_assert_uint_eq(st.st_mode & 07777, 0777);
}
END_TEST

static void
get_times(const char *path, struct timespec *a, struct timespec *m)
{
	struct stat st;

	ck_ok(lstat(path, &st));
	*a = st.st_atim;
	*m = st.st_mtim;
}

START_TEST(utimensat_sets_times)
{
	struct timespec t[2] = { { 1000, 5 }, { 2000, 6 } }, a, m;
	struct timespec omit[2] = { { 0, UTIME_OMIT }, { 7, 8 } };
	struct timespec bad[2] = { { 0, 1000000000 }, { 0, 0 } };
	struct timespec none[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct timespec before[2] = { { -5, 0 }, { -6, 999999999 } };
	struct timeval tv[2] = { { 10, 20 }, { 30, 40 } };
	struct utimbuf ut = { 50, 60 };
	int fd;

	make("t", 0644, 1000, 1000);
	ck_ok(symlink("t", "l"));
	ck_ok(utimensat(AT_FDCWD, "t", t, 0));
	get_times("t", &a, &m);
	ck_assert_int_eq(a.tv_sec, 1000);
	ck_assert_int_eq(a.tv_nsec, 5);
	ck_assert_int_eq(m.tv_sec, 2000);
	ck_assert_int_eq(m.tv_nsec, 6);
	ck_ok(utimensat(AT_FDCWD, "t", omit, 0));
	get_times("t", &a, &m);
	ck_assert_int_eq(a.tv_sec, 1000);
	ck_assert_int_eq(m.tv_sec, 7);
	ck_ok(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
	get_times("l", &a, &m);
	ck_assert_int_eq(m.tv_sec, 2000);
	get_times("t", &a, &m);
	ck_assert_int_eq(m.tv_sec, 7);
	ck_ok(utimensat(AT_FDCWD, "t", before, 0));
	get_times("t", &a, &m);
	ck_assert_int_eq(a.tv_sec, -5);
	ck_assert_int_eq(m.tv_sec, -6);
	ck_assert_int_eq(m.tv_nsec, 999999999);
	ck_fails(utimensat(AT_FDCWD, "t", bad, 0), EINVAL);
	ck_ok(utimensat(AT_FDCWD, "nothing here", none, 0));	/* not even looked up */
	ck_fails(utimensat(AT_FDCWD, "nothing here", t, 0), ENOENT);
	ck_fails(utimensat(AT_FDCWD, "t", t, 1), EINVAL);
	ck_ok(utimes("t", tv));
	get_times("t", &a, &m);
	ck_assert_int_eq(m.tv_sec, 30);
	ck_assert_int_eq(m.tv_nsec, 40000);
	ck_ok(utime("t", &ut));
	get_times("t", &a, &m);
	ck_assert_int_eq(m.tv_sec, 60);
	fd = ck_ok(open("t", O_RDONLY));
	ck_ok(futimens(fd, t));
	close(fd);
	get_times("t", &a, &m);
	ck_assert_int_eq(m.tv_sec, 2000);
	ck_ok(chmod("t", 0666));
	ck_ok(setuid(2000));
	ck_ok(utimensat(AT_FDCWD, "t", now, 0));	/* may write, so may touch */
	ck_fails(utimensat(AT_FDCWD, "t", t, 0), EPERM);
	now[0].tv_nsec = UTIME_OMIT;
	ck_fails(utimensat(AT_FDCWD, "t", now, 0), EPERM);
	ck_fails(utimensat(AT_FDCWD, "root644", NULL, 0), EACCES);
}
END_TEST

START_TEST(what_changes_which_time)
{
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st;
	char c;
	int fd;

	make("t", 0644, 0, 0);
	fd = ck_ok(open("t", O_RDWR));
	ck_assert_int_eq(write(fd, "ab", 2), 2);
	ck_ok(futimens(fd, old));
	ck_ok(fstat(fd, &st));
	ck_assert_int_gt(st.st_ctim.tv_sec, 1000000);
	ck_assert_int_eq(pread(fd, &c, 1, 0), 1);
	ck_ok(fstat(fd, &st));
	ck_assert_int_gt(st.st_atim.tv_sec, 1000000);	/* relatime: it was not newer than mtime */
	ck_assert_int_eq(st.st_mtim.tv_sec, 1000);
	ck_assert_int_eq(write(fd, "c", 1), 1);
	ck_ok(fstat(fd, &st));
	ck_assert_int_gt(st.st_mtim.tv_sec, 1000000);
	ck_ok(futimens(fd, old));
	ck_ok(ftruncate(fd, 1));
	ck_ok(fstat(fd, &st));
	ck_assert_int_gt(st.st_mtim.tv_sec, 1000000);
	close(fd);
	ck_ok(utimensat(AT_FDCWD, ".", old, 0));
	ck_ok(rename("t", "l"));
	ck_ok(stat(".", &st));
	ck_assert_int_gt(st.st_mtim.tv_sec, 1000000);
	ck_ok(unlink("l"));
}
END_TEST

#ifndef STATX_BASIC_STATS	/* older musl */
#define STATX_BASIC_STATS	0x7ffu
#define STATX_BTIME		0x800u
struct statx_timestamp { long tv_sec; unsigned tv_nsec; int pad; };
struct statx {
	unsigned stx_mask, stx_blksize;
	unsigned long stx_attributes;
	unsigned stx_nlink, stx_uid, stx_gid;
	unsigned short stx_mode, pad0;
	unsigned long stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
	unsigned stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	unsigned long spare[14];
};
#endif

START_TEST(statx_and_stat_agree)
{
	struct statx x;
	struct stat st;

	ck_ok(stat("own", &st));
	ck_ok(syscall(SYS_statx, AT_FDCWD, "own", 0, STATX_BASIC_STATS | STATX_BTIME, &x));
	ck_assert_uint_eq(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	ck_assert_uint_eq(x.stx_ino, st.st_ino);
	ck_assert_uint_eq(x.stx_mode, st.st_mode);
	ck_assert_uint_eq(x.stx_uid, 1000);
	ck_assert_uint_eq(x.stx_size, st.st_size);
	ck_assert_uint_eq(x.stx_nlink, 1);
	ck_assert_uint_eq(x.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	ck_assert_uint_eq(x.stx_dev_major << 8 | x.stx_dev_minor, st.st_dev);
	ck_fails(syscall(SYS_statx, AT_FDCWD, "own", 0x6000, 0, &x), EINVAL);
	ck_fails(syscall(SYS_statx, AT_FDCWD, "own", 0, 0x80000000u, &x), EINVAL);
	ck_fails(syscall(SYS_statx, AT_FDCWD, "none", 0, 0, &x), ENOENT);
	ck_fails(syscall(SYS_statx, AT_FDCWD, "", 0, 0, &x), ENOENT);
	ck_ok(syscall(SYS_statx, AT_FDCWD, "", AT_EMPTY_PATH, 0, &x));
	ck_fails(fstatat(AT_FDCWD, "own", &st, 0x10), EINVAL);
	ck_fails(syscall(SYS_stat, "own", (void *)8), EFAULT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_perm");
	TCase *t = tcase_create("permission");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, the_three_classes);
	tcase_add_test(t, root_may_nearly_all);
	tcase_add_test(t, access_asks_for_the_real_user);
	tcase_add_test(t, sticky_directories);
	tcase_add_test(t, set_group_id_directories);
	tcase_add_test(t, chmod_rules);
	tcase_add_test(t, set_id_bits_are_lost);
	tcase_add_test(t, utimensat_sets_times);
	tcase_add_test(t, what_changes_which_time);
	tcase_add_test(t, statx_and_stat_agree);
	suite_add_tcase(s, t);
	return guest_run(s);
}
