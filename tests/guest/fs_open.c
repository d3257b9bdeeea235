/* SPDX-License-Identifier: BSD-2-Clause */
/* open(2), openat2(2): flags, errors, path resolution, symlinks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

#define D "/tmp/fs_open"

static void
setup(void)
{
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
	close(ck_ok(open("file", O_CREAT | O_WRONLY, 0644)));
	ck_ok(mkdir("dir", 0755));
	ck_ok(symlink("file", "link"));
	ck_ok(symlink("none", "dangling"));
	ck_ok(symlink("dir", "dirlink"));
	ck_ok(symlink("loop2", "loop1"));
	ck_ok(symlink("loop1", "loop2"));
	ck_ok(mkfifo("fifo", 0644));
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags, 0600), err = errno;

	if (fd < 0)
		return -err;
	close(fd);
	return 0;
}

START_TEST(errors_of_open)
{
	char longname[NAME_MAX + 2], longpath[PATH_MAX + 10];

	ck_assert_int_eq(try_open("none", O_RDONLY), -ENOENT);
	ck_assert_int_eq(try_open("", O_RDONLY), -ENOENT);
	ck_assert_int_eq(try_open("file/", O_RDONLY), -ENOTDIR);
	ck_assert_int_eq(try_open("file/x", O_RDONLY), -ENOTDIR);
	ck_assert_int_eq(try_open("file/.", O_RDONLY), -ENOTDIR);
	ck_assert_int_eq(try_open("file/..", O_RDONLY), -ENOTDIR);
	ck_assert_int_eq(try_open("none/..", O_RDONLY), -ENOENT);
	ck_assert_int_eq(try_open("dir", O_WRONLY), -EISDIR);
	ck_assert_int_eq(try_open("dir", O_RDWR), -EISDIR);
	ck_assert_int_eq(try_open("dir", O_RDONLY | O_TRUNC), -EISDIR);
	ck_assert_int_eq(try_open("dir", O_RDONLY | O_CREAT), -EISDIR);
	ck_assert_int_eq(try_open("new/", O_RDWR | O_CREAT), -EISDIR);
	ck_assert_int_eq(try_open("file/", O_RDWR | O_CREAT), -EISDIR);
	ck_assert_int_eq(try_open(".", O_RDWR | O_CREAT), -EISDIR);
	ck_assert_int_eq(try_open("/", O_RDWR | O_CREAT), -EISDIR);
	ck_assert_int_eq(try_open("file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	ck_assert_int_eq(try_open("dirlink", O_RDONLY | O_DIRECTORY), 0);
	ck_assert_int_eq(try_open("file", O_CREAT | O_EXCL), -EEXIST);
	ck_assert_int_eq(try_open("dir", O_CREAT | O_EXCL), -EEXIST);
	ck_assert_int_eq(try_open("link", O_CREAT | O_EXCL), -EEXIST);
	ck_assert_int_eq(try_open("dangling", O_CREAT | O_EXCL), -EEXIST);
	ck_assert_int_eq(try_open("fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
	ck_assert_int_eq(try_open("fifo", O_RDONLY | O_NONBLOCK), 0);
	memset(longname, 'x', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	ck_assert_int_eq(try_open(longname, O_RDONLY), -ENAMETOOLONG);
	ck_assert_int_eq(try_open(longname, O_RDWR | O_CREAT), -ENAMETOOLONG);
	longname[NAME_MAX] = '\0';
	ck_assert_int_eq(try_open(longname, O_RDONLY), -ENOENT);
	for (size_t i = 0; i < sizeof(longpath); i += 2)
		memcpy(longpath + i, "./", 2);
	longpath[PATH_MAX] = '\0';
	ck_assert_int_eq(try_open(longpath, O_RDONLY), -ENAMETOOLONG);
	longpath[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(try_open(longpath, O_RDONLY), 0);
	ck_assert_int_eq(try_open((char *)0xffff800000000000, O_RDONLY), -EFAULT);
	ck_assert_int_eq(try_open((char *)8, O_RDONLY), -EFAULT);
}
END_TEST

START_TEST(symlinks_are_followed_or_not)
{
	char buf[10];
	struct stat a, b;

	ck_assert_int_eq(try_open("link", O_RDONLY), 0);
	ck_assert_int_eq(try_open("link", O_RDONLY | O_NOFOLLOW), -ELOOP);
	ck_assert_int_eq(try_open("link/", O_RDONLY), -ENOTDIR);
	ck_assert_int_eq(try_open("dirlink/", O_RDONLY), 0);
	ck_assert_int_eq(try_open("dirlink/", O_RDONLY | O_NOFOLLOW), 0);
	ck_assert_int_eq(try_open("dirlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), -ENOTDIR);
	ck_assert_int_eq(try_open("loop1", O_RDONLY), -ELOOP);
	ck_assert_int_eq(try_open("loop1/x", O_RDONLY), -ELOOP);
	ck_assert_int_eq(try_open("loop1/", O_RDONLY | O_NOFOLLOW), -ELOOP);
	ck_assert_int_eq(try_open("loop1", O_RDWR | O_CREAT), -ELOOP);
	ck_assert_int_eq(try_open("dangling", O_RDONLY), -ENOENT);
	ck_assert_int_eq(try_open("dangling", O_RDWR | O_CREAT), 0);	/* makes "none" */
	ck_ok(stat("none", &a));
	ck_ok(stat("dangling", &b));
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_int_eq(readlink("link", buf, sizeof(buf)), 4);
	ck_assert_int_eq(readlink("link", buf, 2), 2);
	ck_fails(syscall(SYS_readlink, "link", buf, 0), EINVAL);
	ck_fails(readlink("file", buf, 10), EINVAL);
	ck_fails(symlink("", "x"), ENOENT);
	ck_fails(symlink("a", "file"), EEXIST);
}
END_TEST

START_TEST(forty_symlinks_and_no_more)
{
	char name[16], to[16];

	for (int i = 0; i < 41; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		snprintf(to, sizeof(to), i == 0 ? "file" : "c%d", i - 1);
		ck_ok(symlink(to, name));
	}
	ck_assert_int_eq(try_open("c39", O_RDONLY), 0);
	ck_assert_int_eq(try_open("c40", O_RDONLY), -ELOOP);
}
END_TEST

START_TEST(links_in_the_middle_of_a_path)
{
	close(ck_ok(open("dir/f", O_CREAT | O_WRONLY, 0644)));
	ck_ok(symlink("../dirlink/../dir", "dir/up"));
	ck_ok(symlink(D "/dirlink//up/./", "abs"));
	ck_assert_int_eq(try_open("dir/up/up/f", O_RDONLY), 0);
	ck_assert_int_eq(try_open("abs/f", O_RDONLY), 0);
	ck_assert_int_eq(try_open("abs/../file", O_RDONLY), 0);
	ck_assert_int_eq(try_open("abs/up/../dirlink/up/./f", O_RDONLY), 0);
	ck_assert_int_eq(try_open("abs/f/", O_RDONLY), -ENOTDIR);
	ck_ok(symlink("/", "slash"));
	ck_assert_int_eq(try_open("slash/tmp/fs_open/file", O_RDONLY), 0);
	ck_assert_int_eq(try_open("slash", O_RDONLY | O_DIRECTORY), 0);
	ck_assert_int_eq(try_open("/../../..//tmp/./fs_open/../fs_open/file", O_RDONLY), 0);
}
END_TEST

START_TEST(path_descriptors)
{
	int fd = ck_ok(open("file", O_PATH)), dfd, n;
	struct stat st;
	char c;

	ck_fails(read(fd, &c, 1), EBADF);
	ck_fails(write(fd, &c, 1), EBADF);
	ck_fails(syscall(SYS_fchmod, fd, 0600), EBADF);
	ck_fails(ftruncate(fd, 0), EBADF);
	ck_fails(lseek(fd, 0, SEEK_SET), EBADF);
	ck_fails(fcntl(fd, F_SETFL, 0), EBADF);
	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	n = ck_ok(dup(fd));
	close(n);
	close(fd);
	fd = ck_ok(open("link", O_PATH | O_NOFOLLOW));
	ck_ok(fstat(fd, &st));
	ck_assert(S_ISLNK(st.st_mode));
	ck_ok(fstatat(fd, "", &st, AT_EMPTY_PATH));
	ck_assert(S_ISLNK(st.st_mode));
	ck_fails(openat(fd, "x", O_RDONLY), ENOTDIR);
	close(fd);
	dfd = ck_ok(open("dir", O_PATH | O_DIRECTORY));
	close(ck_ok(openat(dfd, "../file", O_RDONLY)));
	ck_ok(fchdir(dfd));
	ck_ok(chdir(".."));
	close(dfd);
	ck_fails(openat(99, "file", O_RDONLY), EBADF);
	ck_ok(close(openat(99, "/tmp", O_RDONLY)));
}
END_TEST

START_TEST(tmpfile_has_no_name_until_linked)
{
	int fd = ck_ok(open("dir", O_TMPFILE | O_RDWR, 0600));
	struct stat st;
	char path[64];

	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(st.st_nlink, 0);
	ck_assert_int_eq(write(fd, "abc", 3), 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_ok(linkat(fd, "", AT_FDCWD, "new", AT_EMPTY_PATH));
	ck_ok(stat("new", &st));
	ck_assert_int_eq(st.st_nlink, 1);
	ck_assert_int_eq(st.st_size, 3);
	close(fd);
	ck_fails(open("dir", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	ck_fails(open("file", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	fd = ck_ok(open("dir", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	ck_fails(linkat(fd, "", AT_FDCWD, "none", AT_EMPTY_PATH), ENOENT);
	close(fd);
}
END_TEST

START_TEST(create_mode_and_umask)
{
	struct stat st;
	int fd;

	umask(027);
	fd = ck_ok(open("new", O_CREAT | O_WRONLY, 06777));
	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(st.st_mode & 07777, 06750);
	close(fd);
	ck_ok(unlink("new"));
	fd = ck_ok(open("new", O_CREAT | O_RDWR, 0));	/* the creator may write all the same */
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
	ck_assert_int_eq(umask(022), 027);
	fd = ck_ok(open("new", O_WRONLY | O_TRUNC));
	ck_ok(fstat(fd, &st));
	ck_assert_int_eq(st.st_size, 0);
	close(fd);
}
END_TEST

START_TEST(flags_as_fcntl_tells_them)
{
	int fd = ck_ok(open("file", O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_CREAT | O_TRUNC | O_NOCTTY, 0600));
	int fl = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fl & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC),
			 O_RDWR | O_APPEND | O_NONBLOCK);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_ok(fcntl(fd, F_SETFL, O_RDONLY));
	ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR);
	ck_ok(fcntl(fd, F_SETFD, 0));
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	ck_fails(fcntl(fd, 9999, 0), EINVAL);
	ck_fails(fcntl(99, F_GETFD), EBADF);
	close(fd);
}
END_TEST

struct how { unsigned long long flags, mode, resolve; };

static long
openat2(int dfd, const char *path, unsigned long long flags, unsigned long long resolve)
{
	struct how how = { flags, 0, resolve };

	return syscall(437, dfd, path, &how, sizeof(how));
}

enum { NO_XDEV = 1, NO_MAGIC = 2, NO_SYM = 4, BENEATH = 8, IN_ROOT = 16 };

START_TEST(openat2_scopes)
{
	int dfd = ck_ok(open("dir", O_PATH | O_DIRECTORY));
	struct { struct how how; long more; } big = { { O_RDONLY, 0, 0 }, 0 };

	close(ck_ok(open("dir/f", O_CREAT | O_WRONLY, 0644)));
	close(ck_ok(openat2(dfd, "f", O_RDONLY, BENEATH)));
	ck_fails(openat2(dfd, "../file", O_RDONLY, BENEATH), EXDEV);
	ck_fails(openat2(dfd, "/etc", O_RDONLY, BENEATH), EXDEV);
	ck_fails(openat2(dfd, "x/../..", O_RDONLY, BENEATH), ENOENT);
	close(ck_ok(openat2(dfd, "/f", O_RDONLY, IN_ROOT)));
	close(ck_ok(openat2(dfd, "../../f", O_RDONLY, IN_ROOT)));
	ck_ok(symlink("/f", "dir/x"));
	close(ck_ok(openat2(dfd, "x", O_RDONLY, IN_ROOT)));
	ck_fails(openat2(dfd, "x", O_RDONLY, BENEATH), EXDEV);
	ck_fails(openat2(dfd, "x", O_RDONLY, NO_SYM), ELOOP);
	ck_fails(openat2(AT_FDCWD, "dirlink/f", O_RDONLY, NO_SYM), ELOOP);
	ck_fails(openat2(AT_FDCWD, "file", O_RDONLY, BENEATH | IN_ROOT), EINVAL);
	ck_fails(openat2(AT_FDCWD, "file", 1ULL << 40, 0), EINVAL);
	ck_fails(openat2(AT_FDCWD, "file", O_RDONLY, 1 << 20), EINVAL);
	ck_fails(syscall(437, AT_FDCWD, "file", &big, 8), EINVAL);
	close(ck_ok(syscall(437, AT_FDCWD, "file", &big, sizeof(big))));
	big.more = 1;
	ck_fails(syscall(437, AT_FDCWD, "file", &big, sizeof(big)), E2BIG);
	close(dfd);
}
END_TEST

START_TEST(descriptor_numbers)
{
	struct rlimit lim = { 40, 100 };
	int fd, top;

	fd = ck_ok(open("file", O_RDONLY));
	ck_assert_int_eq(ck_ok(fcntl(fd, F_DUPFD, 30)), 30);
	ck_assert_int_eq(ck_ok(fcntl(fd, F_DUPFD_CLOEXEC, 30)), 31);
	ck_assert_int_eq(fcntl(31, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(ck_ok(dup2(fd, 35)), 35);
	ck_assert_int_eq(ck_ok(dup2(fd, fd)), fd);
	ck_fails(syscall(SYS_dup3, fd, fd, 0), EINVAL);
	ck_fails(syscall(SYS_dup3, fd, 36, O_NONBLOCK), EINVAL);
	ck_fails(dup2(99, 36), EBADF);
	ck_fails(dup2(fd, -1), EBADF);
	ck_ok(setrlimit(RLIMIT_NOFILE, &lim));
	ck_fails(dup2(fd, 40), EBADF);
	ck_fails(fcntl(fd, F_DUPFD, 40), EINVAL);
	while ((top = dup(fd)) >= 0)
		ck_assert_int_lt(top, 40);
	ck_assert_int_eq(errno, EMFILE);
	ck_fails(open("file", O_RDONLY), EMFILE);
	ck_ok(syscall(436, fd, 20, 0));		/* close_range */
	ck_fails(fcntl(fd, F_GETFD), EBADF);
	ck_fails(fcntl(20, F_GETFD), EBADF);
	ck_ok(fcntl(21, F_GETFD));
	ck_ok(syscall(436, 21, ~0U, 4));
	ck_assert_int_eq(fcntl(21, F_GETFD), FD_CLOEXEC);
	ck_fails(syscall(436, 5, 4, 0), EINVAL);
}
END_TEST

START_TEST(thousands_of_descriptors)
{
	struct rlimit lim;
	int fd, high;

	ck_ok(getrlimit(RLIMIT_NOFILE, &lim));
	lim.rlim_cur = lim.rlim_max < 4000 ? lim.rlim_max : 4000;
	ck_ok(setrlimit(RLIMIT_NOFILE, &lim));
	fd = ck_ok(open("file", O_RDWR));
	high = (int)lim.rlim_cur - 1;
	ck_assert_int_eq(ck_ok(dup2(fd, high)), high);
	for (int i = 0; i < 2000; i++)
		ck_ok(dup(fd));
	ck_assert_int_eq(write(high, "x", 1), 1);
	if (fork() == 0) {
		char c;

		_exit(pread(high, &c, 1, 0) == 1 && c == 'x' && fcntl(1500, F_GETFD) == 0 ? 0 : 1);
	}
	int status;
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(an_executed_file_is_busy)
{
	int status, p[2];
	pid_t pid;

	ck_ok(pipe(p));
	pid = fork();
	if (pid == 0) {
		dup2(p[0], 0);
		close(p[1]);
		execl("/proc/self/exe", "x", "--wait", NULL);
		_exit(1);
	}
	close(p[0]);
	usleep(200000);
	/* We run from that file ourselves, too. */
	ck_fails(open("/proc/self/exe", O_WRONLY), ETXTBSY);
	ck_fails(truncate("/proc/self/exe", 0), ETXTBSY);
	close(p[1]);
	ck_assert_int_eq(ck_ok(waitpid(pid, &status, 0)), pid);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("fs_open");
	TCase *t = tcase_create("open");
	char c;

	if (argc > 1) {
		(void)!read(0, &c, 1);
		return 0;
	}
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, errors_of_open);
	tcase_add_test(t, symlinks_are_followed_or_not);
	tcase_add_test(t, forty_symlinks_and_no_more);
	tcase_add_test(t, links_in_the_middle_of_a_path);
	tcase_add_test(t, path_descriptors);
	tcase_add_test(t, tmpfile_has_no_name_until_linked);
	tcase_add_test(t, create_mode_and_umask);
	tcase_add_test(t, flags_as_fcntl_tells_them);
	tcase_add_test(t, openat2_scopes);
	tcase_add_test(t, descriptor_numbers);
	tcase_add_test(t, thousands_of_descriptors);
	tcase_add_test(t, an_executed_file_is_busy);
	suite_add_tcase(s, t);
	return guest_run(s);
}
