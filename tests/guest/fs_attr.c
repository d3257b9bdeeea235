/* SPDX-License-Identifier: BSD-2-Clause */
/* chattr(1)'s flags and what they forbid; statx(2)'s attributes and birth time; renameat2(2); copy_file_range(2). On tmpfs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "guest.h"

#define D "/tmp/fs_attr"

/* musl's sys/stat.h and linux/stat.h do not go together. */
int mkdir(const char *, mode_t);
int chmod(const char *, mode_t);
int mkfifo(const char *, mode_t);
mode_t umask(mode_t);

static void
set_flags(const char *name, int flags)
{
	int fd = ck_ok(open(name, O_RDONLY));

	ck_ok(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
}

static int
get_flags(const char *name)
{
	int fd = ck_ok(open(name, O_RDONLY)), flags = -1;

	ck_ok(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	close(fd);
	return flags;
}

static void
clear(const char *name)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK), none = 0;

	if (fd >= 0) {
		ioctl(fd, FS_IOC_SETFLAGS, &none);
		close(fd);
	}
}

static void
make(const char *name, const char *data)
{
	int fd = ck_ok(open(name, O_CREAT | O_RDWR | O_TRUNC, 0644));

	ck_assert_int_eq(write(fd, data, strlen(data)), (ssize_t)strlen(data));
	close(fd);
}

static void
setup(void)
{
	umask(022);
	clear(D "/f");
	clear(D "/d");
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
	make("f", "hello");
	make("g", "world!");
	ck_ok(mkdir("d", 0755));
	make("d/f", "in d");
}

static void
teardown(void)
{
	clear(D "/f");
	clear(D "/d");
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

static int
rename2(const char *a, const char *b, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags);
}

static struct statx
stx(const char *name, unsigned mask)
{
	struct statx s;

	memset(&s, 0, sizeof(s));
	ck_ok(syscall(SYS_statx, AT_FDCWD, name, 0, mask, &s));
	return s;
}

START_TEST(flags)
{
	int fd, v;

	ck_assert_int_eq(get_flags("f"), 0);
	set_flags("f", FS_NODUMP_FL | FS_NOATIME_FL);
	ck_assert_int_eq(get_flags("f"), FS_NODUMP_FL | FS_NOATIME_FL);
	set_flags("d", FS_NODUMP_FL);
	ck_assert_int_eq(get_flags("d"), FS_NODUMP_FL);
	fd = ck_ok(open("f", O_RDONLY));
	v = FS_SYNC_FL;
	ck_fails(ioctl(fd, FS_IOC_SETFLAGS, &v), EOPNOTSUPP);
	ck_fails(ioctl(fd, FS_IOC_GETVERSION, &v), ENOTTY);
	ck_fails(ioctl(fd, FS_IOC_SETFLAGS, (void *)8), EFAULT);
	close(fd);
	ck_ok(mkfifo("fifo", 0644));
	fd = ck_ok(open("fifo", O_RDWR));
	ck_fails(ioctl(fd, FS_IOC_GETFLAGS, &v), ENOTTY);
	close(fd);
	ck_ok(chown("g", 1000, 1000));
	ck_ok(setuid(1000));
	fd = ck_ok(open("g", O_RDONLY));
	v = FS_NODUMP_FL;
	ck_ok(ioctl(fd, FS_IOC_SETFLAGS, &v));
	v = FS_IMMUTABLE_FL;
	ck_fails(ioctl(fd, FS_IOC_SETFLAGS, &v), EPERM);
	close(fd);
	fd = ck_ok(open("f", O_RDONLY));
	v = FS_NODUMP_FL;
	ck_fails(ioctl(fd, FS_IOC_SETFLAGS, &v), EPERM);
	close(fd);
}
END_TEST

START_TEST(immutable_file)
{
	struct timeval tv[2] = { { 1, 0 }, { 2, 0 } };
	char buf[8];

	set_flags("f", FS_IMMUTABLE_FL);
	ck_assert_int_eq(try_open("f", O_WRONLY), EPERM);
	ck_assert_int_eq(try_open("f", O_RDONLY | O_TRUNC), EPERM);
	ck_assert_int_eq(try_open("f", O_RDONLY), 0);
	ck_fails(access("f", W_OK), EPERM);
	ck_fails(truncate("f", 0), EPERM);
	ck_fails(unlink("f"), EPERM);
	ck_fails(rename("f", "h"), EPERM);
	ck_fails(rename("g", "f"), EPERM);
	ck_fails(link("f", "h"), EPERM);
	ck_fails(chmod("f", 0600), EPERM);
	ck_fails(chown("f", 1, 1), EPERM);
	ck_fails(utimes("f", tv), EPERM);
	ck_fails(utimes("f", NULL), EPERM);
	ck_fails(setxattr("f", "trusted.x", "1", 1, 0), EPERM);
	ck_fails(getxattr("f", "trusted.x", buf, 1), ENODATA);
	ck_assert_uint_eq(stx("f", STATX_BASIC_STATS).stx_attributes & STATX_ATTR_IMMUTABLE, STATX_ATTR_IMMUTABLE);
	clear("f");
	ck_ok(unlink("f"));
}
END_TEST

START_TEST(immutable_directory)
{
	set_flags("d", FS_IMMUTABLE_FL);
	ck_assert_int_eq(try_open("d/new", O_CREAT | O_RDWR), EPERM);
	ck_assert_int_eq(try_open("d", O_TMPFILE | O_RDWR), EPERM);
	ck_assert_int_eq(try_open("d/f", O_RDWR), 0);		/* its contents are another matter */
	ck_fails(mkdir("d/sub", 0755), EPERM);
	ck_fails(unlink("d/f"), EPERM);
	ck_fails(rename("d/f", "x"), EPERM);
	ck_fails(rename("g", "d/g"), EPERM);
	ck_fails(link("g", "d/g"), EPERM);
	ck_fails(symlink("g", "d/g"), EPERM);
	ck_fails(rmdir("d"), EPERM);
	ck_fails(chmod("d", 0700), EPERM);
}
END_TEST

START_TEST(append_only)
{
	struct timeval tv[2] = { { 1, 0 }, { 2, 0 } };
	int fd;

	set_flags("f", FS_APPEND_FL);
	ck_assert_int_eq(try_open("f", O_WRONLY), EPERM);
	ck_assert_int_eq(try_open("f", O_WRONLY | O_APPEND | O_TRUNC), EPERM);
	fd = ck_ok(open("f", O_RDWR | O_APPEND));
	ck_assert_int_eq(write(fd, "!", 1), 1);
	ck_fails(fcntl(fd, F_SETFL, 0), EPERM);
	ck_fails(ftruncate(fd, 0), EPERM);
	ck_fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1), EPERM);
	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_ptr_ne(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
	close(fd);
	ck_fails(truncate("f", 0), EPERM);
	ck_fails(unlink("f"), EPERM);
	ck_fails(rename("f", "h"), EPERM);
	ck_fails(link("f", "h"), EPERM);
	ck_fails(chmod("f", 0600), EPERM);
	ck_fails(utimes("f", tv), EPERM);
	ck_ok(utimes("f", NULL));
	ck_fails(setxattr("f", "trusted.x", "1", 1, 0), EPERM);
	set_flags("d", FS_APPEND_FL);
	ck_assert_int_eq(try_open("d/new", O_CREAT | O_RDWR), 0);
	ck_ok(mkdir("d/sub", 0755));
	ck_fails(unlink("d/new"), EPERM);
	ck_fails(rename("d/new", "d/other"), EPERM);
	ck_fails(rmdir("d/sub"), EPERM);
}
END_TEST

START_TEST(attributes_and_birth)
{
	struct statx s = stx("f", STATX_ALL), t;

	ck_assert(s.stx_mask & STATX_BTIME);
	ck_assert(s.stx_btime.tv_sec > 0);
	ck_assert(!(s.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	ck_assert_uint_eq(s.stx_attributes_mask & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP | STATX_ATTR_MOUNT_ROOT),
		STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP | STATX_ATTR_MOUNT_ROOT);
	usleep(20000);
	make("f", "new contents");
	t = stx("f", STATX_BASIC_STATS);
	ck_assert(!(t.stx_mask & STATX_BTIME));
	t = stx("f", STATX_BTIME);
	ck_assert_int_eq(t.stx_btime.tv_nsec, s.stx_btime.tv_nsec);
	ck_assert(t.stx_mtime.tv_nsec != s.stx_mtime.tv_nsec || t.stx_mtime.tv_sec != s.stx_mtime.tv_sec);
	set_flags("f", FS_NODUMP_FL | FS_APPEND_FL);
	ck_assert_uint_eq(stx("f", 0).stx_attributes, STATX_ATTR_NODUMP | STATX_ATTR_APPEND);
	ck_assert(stx("/proc", 0).stx_attributes & STATX_ATTR_MOUNT_ROOT);
}
END_TEST

START_TEST(rename_noreplace)
{
	ck_fails(rename2("f", "g", RENAME_NOREPLACE), EEXIST);
	ck_fails(rename2("f", "d", RENAME_NOREPLACE), EEXIST);
	ck_fails(rename2("f", "f", RENAME_NOREPLACE), EEXIST);
	ck_fails(rename2("none", "g", RENAME_NOREPLACE), ENOENT);
	ck_fails(rename2("f", ".", RENAME_NOREPLACE), EEXIST);
	ck_ok(rename2("f", "h", RENAME_NOREPLACE));
	ck_ok(rename2("d", "e", RENAME_NOREPLACE));
	ck_fails(access("f", F_OK), ENOENT);
	ck_ok(access("e/f", F_OK));
	ck_fails(rename2("h", "f", 8), EINVAL);
	ck_fails(rename2("h", "f", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
	ck_fails(rename2("h", "f", RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
}
END_TEST

START_TEST(rename_exchange)
{
	struct statx f = stx("f", STATX_BASIC_STATS), d = stx("d", STATX_BASIC_STATS), df = stx("d/f", STATX_BASIC_STATS);

	ck_ok(rename2("f", "d", RENAME_EXCHANGE));
	ck_assert_uint_eq(stx("d", STATX_BASIC_STATS).stx_ino, f.stx_ino);
	ck_assert_uint_eq(stx("f", STATX_BASIC_STATS).stx_ino, d.stx_ino);
	ck_assert_uint_eq(stx("f/f", STATX_BASIC_STATS).stx_ino, df.stx_ino);
	ck_ok(rename2("f/f", "d", RENAME_EXCHANGE));
	ck_assert_uint_eq(stx("d", STATX_BASIC_STATS).stx_ino, df.stx_ino);
	ck_assert_uint_eq(stx("f/f", STATX_BASIC_STATS).stx_ino, f.stx_ino);
	ck_ok(mkdir("a", 0755));
	ck_ok(mkdir("a/b", 0755));
	ck_fails(rename2("a", "a/b", RENAME_EXCHANGE), EINVAL);
	ck_fails(rename2("a/b", "a", RENAME_EXCHANGE), EINVAL);
	ck_fails(rename2("g", "none", RENAME_EXCHANGE), ENOENT);
	ck_fails(rename2("none", "g", RENAME_EXCHANGE), ENOENT);
	ck_ok(rename2("g", "g", RENAME_EXCHANGE));
	/* Links are counted: a directory comes to where a file was. */
	ck_assert_uint_eq(stx("a", STATX_NLINK).stx_nlink, 3);
	ck_ok(rename2("a/b", "g", RENAME_EXCHANGE));
	ck_assert_uint_eq(stx("a", STATX_NLINK).stx_nlink, 2);
	ck_ok(rmdir("g"));
}
END_TEST

static ssize_t
cfr(int in, off_t *oin, int out, off_t *oout, size_t n, unsigned flags)
{
	return syscall(SYS_copy_file_range, in, oin, out, oout, n, flags);
}

START_TEST(copies)
{
	int in = ck_ok(open("f", O_RDONLY)), out = ck_ok(open("g", O_RDWR));
	off_t a = 1, b = 10;
	char buf[32];

	ck_assert_int_eq(cfr(in, NULL, out, NULL, 100, 0), 5);
	ck_assert_int_eq(lseek(in, 0, SEEK_CUR), 5);
	ck_assert_int_eq(lseek(out, 0, SEEK_CUR), 5);
	ck_assert_int_eq(cfr(in, NULL, out, NULL, 100, 0), 0);
	ck_assert_int_eq(cfr(in, &a, out, &b, 3, 0), 3);
	ck_assert_int_eq(a, 4);
	ck_assert_int_eq(b, 13);
	ck_assert_int_eq(lseek(in, 0, SEEK_CUR), 5);
	ck_assert_int_eq(pread(out, buf, sizeof(buf), 0), 13);
	ck_assert_mem_eq(buf, "hello!\0\0\0\0ell", 13);
	a = 100;
	ck_assert_int_eq(cfr(in, &a, out, NULL, 3, 0), 0);
	close(in);
	close(out);
}
END_TEST

START_TEST(copies_much)
{
	enum { N = 300001 };
	char *p = malloc(N), *q = malloc(N);
	int in = ck_ok(open("big", O_RDWR | O_CREAT, 0644)), out = ck_ok(open("copy", O_RDWR | O_CREAT, 0644));
	size_t done = 0;
	off_t from = 0, to = 0;

	for (int i = 0; i < N; i++)
		p[i] = (char)(i * 7 + i / 4096);
	ck_assert_int_eq(write(in, p, N), N);
	while (done < N) {
		ssize_t n = cfr(in, &from, out, NULL, N, 0);

		ck_assert_int_gt(n, 0);
		done += (size_t)n;
	}
	ck_assert_int_eq(pread(out, q, N, 0), N);
	ck_assert_mem_eq(p, q, N);
	from = 0;
	to = 200000;			/* in the same file, side by side */
	ck_assert_int_eq(cfr(in, &from, in, &to, 50001, 0), 50001);
	ck_assert_int_eq(pread(in, q, 50001, 200000), 50001);
	ck_assert_mem_eq(p, q, 50001);
	close(in);
	close(out);
	free(p);
	free(q);
}
END_TEST

START_TEST(copy_errors)
{
	int in = ck_ok(open("f", O_RDONLY)), out = ck_ok(open("g", O_RDWR)), dir = ck_ok(open("d", O_RDONLY)), p[2], other;
	off_t a, b;

	ck_ok(pipe(p));
	ck_fails(cfr(in, NULL, out, NULL, 5, 1), EINVAL);
	ck_fails(cfr(-1, NULL, out, NULL, 5, 0), EBADF);
	ck_fails(cfr(in, NULL, -1, NULL, 5, 0), EBADF);
	ck_fails(cfr(out, NULL, in, NULL, 5, 0), EBADF);
	ck_fails(cfr(dir, NULL, out, NULL, 5, 0), EISDIR);
	ck_fails(cfr(in, NULL, p[1], NULL, 5, 0), EINVAL);
	ck_fails(cfr(p[0], NULL, out, NULL, 5, 0), EINVAL);
	ck_fails(cfr(in, (off_t *)8, out, NULL, 5, 0), EFAULT);
	a = 0;
	b = 2;
	ck_fails(cfr(out, &a, out, &b, 4, 0), EINVAL);		/* overlap */
	ck_assert_int_eq(cfr(out, &a, out, &b, 2, 0), 2);
	a = -1;
	ck_fails(cfr(in, &a, out, NULL, 5, 0), EOVERFLOW);
	a = -10;
	ck_fails(cfr(in, &a, out, NULL, 5, 0), EINVAL);
	ck_ok(fcntl(out, F_SETFL, O_APPEND));
	ck_fails(cfr(in, NULL, out, NULL, 5, 0), EBADF);
	ck_ok(mkdir("m", 0755));
	ck_ok(mount("t", "m", "tmpfs", 0, ""));
	other = ck_ok(open("m/x", O_RDWR | O_CREAT, 0644));
	ck_fails(cfr(in, NULL, other, NULL, 5, 0), EXDEV);
	close(other);
	ck_ok(umount("m"));
	close(in);
	close(out);
	close(dir);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_attr");
	TCase *t = tcase_create("tmpfs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, flags);
	tcase_add_test(t, immutable_file);
	tcase_add_test(t, immutable_directory);
	tcase_add_test(t, append_only);
	tcase_add_test(t, attributes_and_birth);
	tcase_add_test(t, rename_noreplace);
	tcase_add_test(t, rename_exchange);
	tcase_add_test(t, copies);
	tcase_add_test(t, copies_much);
	tcase_add_test(t, copy_errors);
	suite_add_tcase(s, t);
	return guest_run(s);
}
