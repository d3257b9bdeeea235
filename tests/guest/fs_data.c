/* SPDX-License-Identifier: BSD-2-Clause */
/* Contents: vectors, positions, limits, fallocate(2), holes, sendfile(2), ioctls, memory maps beside read and write. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "guest.h"

#define F "/tmp/fs_data"

static int fd;

static void
setup(void)
{
	unlink(F);
	fd = ck_ok(open(F, O_RDWR | O_CREAT, 0644));
}

static long
size(void)
{
	struct stat st;

	ck_ok(fstat(fd, &st));
	return st.st_size;
}

static long
blocks(void)
{
	struct stat st;

	ck_ok(fstat(fd, &st));
	return st.st_blocks;
}

START_TEST(vectors)
{
	char a[3], b[5] = "", big[10];
	struct iovec in[3] = { { "abc", 3 }, { NULL, 0 }, { "defg", 4 } }, out[2] = { { a, 3 }, { b, 5 } }, bad = { a, (size_t)-1 };

	ck_assert_int_eq(writev(fd, in, 3), 7);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 7);
	ck_assert_int_eq(pwritev(fd, in, 3, 100), 7);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 7);
	ck_assert_int_eq(preadv(fd, out, 2, 1), 8);
	ck_assert_mem_eq(a, "bcd", 3);
	ck_assert_mem_eq(b, "efg\0\0", 5);
	ck_assert_int_eq(readv(fd, out, 2), 8);
	ck_fails(readv(fd, out, -1), EINVAL);
	ck_fails(readv(fd, out, 1025), EINVAL);
	ck_assert_int_eq(readv(fd, out, 0), 0);
	ck_fails(readv(fd, &bad, 1), EINVAL);
	ck_fails(pread(fd, big, 1, -1), EINVAL);
	ck_fails(pwrite(fd, big, 1, -1), EINVAL);
	ck_fails(readv(fd, (void *)8, 1), EFAULT);
	/* What was moved before a bad address counts. */
	out[1].iov_base = (void *)8;
	ck_assert_int_eq(preadv(fd, out, 2, 0), 3);
	ck_fails(preadv(fd, out + 1, 1, 0), EFAULT);
	ck_assert_int_eq(syscall(SYS_preadv2, fd, out, 1, -1L, 0, 0), 3);
	ck_fails(syscall(SYS_preadv2, fd, out, 1, 0, 0, 0x4000), EOPNOTSUPP);
}
END_TEST

START_TEST(positions)
{
	int p[2];

	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	ck_assert_int_eq(lseek(fd, -3, SEEK_END), 7);
	ck_assert_int_eq(lseek(fd, -2, SEEK_CUR), 5);
	ck_fails(lseek(fd, -6, SEEK_CUR), EINVAL);
	ck_fails(lseek(fd, 0, 17), EINVAL);
	ck_assert_int_eq(lseek(fd, 1L << 40, SEEK_SET), 1L << 40);
	ck_ok(pipe(p));
	ck_fails(lseek(p[0], 0, SEEK_SET), ESPIPE);
	ck_fails(pread(p[0], &p, 1, 0), ESPIPE);
	ck_fails(pwrite(p[1], &p, 1, 0), ESPIPE);
	ck_fails(read(p[1], &p, 1), EBADF);
	ck_fails(write(p[0], &p, 1), EBADF);
}
END_TEST

static void
on_xfsz(int sig)
{
}

START_TEST(file_size_limit)
{
	struct rlimit lim = { 1000, 2000 };
	char buf[100] = "";

	ck_ok(setrlimit(RLIMIT_FSIZE, &lim));
	signal(SIGXFSZ, on_xfsz);
	ck_assert_int_eq(pwrite(fd, buf, 100, 950), 50);
	ck_fails(pwrite(fd, buf, 100, 1000), EFBIG);
	ck_fails(ftruncate(fd, 1001), EFBIG);
	ck_ok(ftruncate(fd, 1000));
	ck_fails(fallocate(fd, 0, 0, 1001), EFBIG);
	if (fork() == 0) {
		signal(SIGXFSZ, SIG_DFL);
		(void)!pwrite(fd, buf, 1, 5000);
		_exit(0);
	}
	int status;
	ck_ok(wait(&status));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
}
END_TEST

START_TEST(space_and_holes)
{
	char c = 'x';

	ck_ok(fallocate(fd, 0, 0, 10000));
	ck_assert_int_eq(size(), 10000);
	ck_assert_int_eq(blocks(), 24);
	ck_ok(fallocate(fd, FALLOC_FL_KEEP_SIZE, 20000, 4096));
	ck_assert_int_eq(size(), 10000);
	ck_assert_int_eq(pwrite(fd, "abcdef", 6, 4094), 6);
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	ck_assert_int_eq(pread(fd, &c, 1, 4095), 1);
	ck_assert_int_eq(c, 'b');
	ck_assert_int_eq(pread(fd, &c, 1, 4096), 1);
	ck_assert_int_eq(c, 0);
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4094, 1));
	ck_assert_int_eq(pread(fd, &c, 1, 4094), 1);
	ck_assert_int_eq(c, 0);
	ck_fails(fallocate(fd, 0, -1, 1), EINVAL);
	ck_fails(fallocate(fd, 0, 0, 0), EINVAL);
	ck_fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
	ck_fails(fallocate(fd, 8, 0, 4096), EOPNOTSUPP);
	ck_fails(fallocate(fd, 16, 0, 4096), EOPNOTSUPP);
	ck_fails(fallocate(fd, 0x1000, 0, 1), EOPNOTSUPP);
	ck_fails(fallocate(fd, 0, 0x7ffffffffffff000, 0x1000), EFBIG);
}
END_TEST

START_TEST(seeking_data_and_holes)
{
	ck_ok(ftruncate(fd, 100000));
	ck_assert_int_eq(pwrite(fd, "x", 1, 40960), 1);
	ck_assert_int_eq(lseek(fd, 0, SEEK_DATA), 40960);
	ck_assert_int_eq(lseek(fd, 0, SEEK_HOLE), 0);
	ck_assert_int_eq(lseek(fd, 40960, SEEK_HOLE), 45056);
	ck_assert_int_eq(lseek(fd, 41000, SEEK_DATA), 41000);
	ck_fails(lseek(fd, 50000, SEEK_DATA), ENXIO);
	ck_assert_int_eq(lseek(fd, 50000, SEEK_HOLE), 50000);
	ck_fails(lseek(fd, 100000, SEEK_HOLE), ENXIO);
	ck_fails(lseek(fd, -1, SEEK_DATA), ENXIO);
	ck_ok(ftruncate(fd, 41000));
	ck_assert_int_eq(lseek(fd, 40970, SEEK_HOLE), 41000);
}
END_TEST

START_TEST(sendfile_moves_bytes)
{
	char buf[9000], got[9000];
	int out = ck_ok(open(F "2", O_RDWR | O_CREAT | O_TRUNC, 0644)), p[2], app;
	off_t off = 10;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7);
	ck_assert_int_eq(write(fd, buf, sizeof(buf)), sizeof(buf));
	ck_assert_int_eq(sendfile(out, fd, &off, 5000), 5000);
	ck_assert_int_eq(off, 5010);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), sizeof(buf));
	ck_assert_int_eq(pread(out, got, 5000, 0), 5000);
	ck_assert_mem_eq(got, buf + 10, 5000);
	ck_ok(lseek(fd, 8000, SEEK_SET));
	ck_assert_int_eq(sendfile(out, fd, NULL, 100000), 1000);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 9000);
	ck_assert_int_eq(sendfile(out, fd, NULL, 100), 0);
	ck_ok(pipe(p));
	off = 0;
	ck_assert_int_eq(sendfile(p[1], fd, &off, 6000), 6000);
	ck_assert_int_eq(read(p[0], got, 6000), 6000);
	ck_assert_mem_eq(got, buf, 6000);
	ck_fails(sendfile(out, p[0], NULL, 1), EINVAL);
	ck_fails(sendfile(out, p[0], &off, 1), ESPIPE);
	off = -1;
	ck_fails(sendfile(out, fd, &off, 1), EINVAL);
	ck_fails(sendfile(99, fd, NULL, 1), EBADF);
	app = ck_ok(open(F "2", O_WRONLY | O_APPEND));
	ck_fails(sendfile(app, fd, NULL, 1), EINVAL);
	ck_fails(sendfile(fd, app, NULL, 1), EBADF);
	unlink(F "2");
}
END_TEST

START_TEST(maps_and_calls_see_the_same)
{
	char *m, c;

	ck_ok(ftruncate(fd, 8192));
	m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(m != MAP_FAILED);
	ck_assert_int_eq(pwrite(fd, "abc", 3, 4095), 3);
	ck_assert_mem_eq(m + 4095, "abc", 3);
	m[5000] = 'q';
	ck_assert_int_eq(pread(fd, &c, 1, 5000), 1);
	ck_assert_int_eq(c, 'q');
	ck_ok(ftruncate(fd, 4096));
	ck_ok(ftruncate(fd, 8192));
	ck_assert_int_eq(m[5000], 0);
	/* A write whose source is the page that it writes. */
	memset(m, 'z', 4096);
	ck_assert_int_eq(pwrite(fd, m, 4096, 100), 4096);
	ck_assert_int_eq(m[4195], 'z');
	munmap(m, 8192);
}
END_TEST

START_TEST(ioctls_of_files)
{
	int n = -1, on = 1;

	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	ck_ok(lseek(fd, 4, SEEK_SET));
	ck_ok(ioctl(fd, FIONREAD, &n));
	ck_assert_int_eq(n, 6);
	ck_ok(ioctl(fd, FIONBIO, &on));
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_ok(ioctl(fd, FIOCLEX));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_ok(ioctl(fd, FIONCLEX));
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	ck_fails(ioctl(fd, TIOCGWINSZ, &n), ENOTTY);
	ck_fails(ioctl(fd, 0x12345678, &n), ENOTTY);
	ck_fails(ioctl(99, FIONREAD, &n), EBADF);
	ck_fails(fsync(99), EBADF);
	ck_ok(fsync(fd));
	ck_ok(fdatasync(fd));
	ck_ok(syncfs(fd));
	ck_ok(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	sync();
}
END_TEST

static void *
append_many(void *arg)
{
	int f = open(F, O_WRONLY | O_APPEND);

	for (int i = 0; i < 500; i++)
		if (write(f, arg, 8) != 8)
			return arg;
	close(f);
	return NULL;
}

START_TEST(appends_do_not_tear)
{
	static char text[4][9] = { "aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd" };
	char rec[8];
	pthread_t t[4];
	void *r;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, append_many, text[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		ck_assert(r == NULL);
	}
	ck_assert_int_eq(size(), 4 * 500 * 8);
	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(read(fd, rec, 8), 8);
		for (int j = 1; j < 8; j++)
			ck_assert_int_eq(rec[j], rec[0]);
	}
}
END_TEST

static void *
walk_names(void *arg)
{
	struct stat st;

	for (int i = 0; i < 3000; i++) {
		/* It is always under one of the two names, or on its way. */
		if (stat(F "d/one/x", &st) != 0 && errno != ENOENT)
			return "one";
		if (stat(F "d/two/x", &st) != 0 && errno != ENOENT)
			return "two";
		if (stat(F "d/../fs_datad", &st) != 0)
			return "dir";
	}
	return NULL;
}

START_TEST(walks_beside_renames)
{
	pthread_t t[3];
	void *r;

	system("rm -rf " F "d");
	ck_ok(mkdir(F "d", 0755));
	ck_ok(mkdir(F "d/one", 0755));
	close(ck_ok(open(F "d/one/x", O_CREAT | O_WRONLY, 0644)));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, walk_names, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		ck_ok(rename(F "d/one", F "d/two"));
		ck_ok(rename(F "d/two", F "d/one"));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &r);
		ck_assert_msg(r == NULL, "%s", (char *)r);
	}
	system("rm -rf " F "d");
}
END_TEST

static void *
open_close(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		int f = open(F, O_RDONLY);
		char c;

		if (f < 0 || read(f, &c, 1) != 1 || c != 'k' || close(f) != 0)
			return "failed";
	}
	return NULL;
}

START_TEST(descriptors_shared_by_threads)
{
	pthread_t t[4];
	void *r;

	ck_assert_int_eq(write(fd, "k", 1), 1);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, open_close, NULL), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		ck_assert(r == NULL);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_data");
	TCase *t = tcase_create("data");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, vectors);
	tcase_add_test(t, positions);
	tcase_add_test(t, file_size_limit);
	tcase_add_test(t, space_and_holes);
	tcase_add_test(t, seeking_data_and_holes);
	tcase_add_test(t, sendfile_moves_bytes);
	tcase_add_test(t, maps_and_calls_see_the_same);
	tcase_add_test(t, ioctls_of_files);
	tcase_add_test(t, appends_do_not_tear);
	tcase_add_test(t, walks_beside_renames);
	tcase_add_test(t, descriptors_shared_by_threads);
	suite_add_tcase(s, t);
	return guest_run(s);
}
