/* SPDX-License-Identifier: BSD-2-Clause */
/* splice(2), tee(2), vmsplice(2), and what a pipe may hold (pipe(7)). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "guest.h"

static int p[2], q[2];

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_ok(pipe(p));
	ck_ok(pipe(q));
}

static int
file_with(const char *text)
{
	int fd = (int)ck_ok(open("/tmp/splice-file", O_RDWR | O_CREAT | O_TRUNC, 0600));

	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	ck_ok(lseek(fd, 0, SEEK_SET));
	return fd;
}

static void
expect(int fd, const char *text)
{
	char buf[256] = "";

	ck_assert_int_eq(read(fd, buf, sizeof(buf) - 1), strlen(text));
	ck_assert_str_eq(buf, text);
}

/* --- file and pipe --- */

START_TEST(file_to_pipe_moves_the_position)
{
	int fd = file_with("hello world");
	loff_t off = 6;

	ck_assert_int_eq(splice(fd, NULL, p[1], NULL, 5, 0), 5);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 5);
	expect(p[0], "hello");
	ck_assert_int_eq(splice(fd, &off, p[1], NULL, 100, SPLICE_F_MOVE | SPLICE_F_MORE), 5);
	ck_assert_int_eq(off, 11);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 5);
	expect(p[0], "world");
	ck_assert_int_eq(splice(fd, &off, p[1], NULL, 100, 0), 0);	/* the end */
}
END_TEST

START_TEST(pages_go_by_reference)
{
	int fd = file_with("before");

	ck_assert_int_eq(splice(fd, NULL, p[1], NULL, 6, 0), 6);
	ck_assert_int_eq(pwrite(fd, "after!", 6, 0), 6);
	expect(p[0], "after!");		/* the page of the cache, not a copy */
	ck_ok(lseek(fd, 0, SEEK_SET));
	ck_assert_int_eq(splice(fd, NULL, p[1], NULL, 6, 0), 6);
	ck_assert_int_eq(write(p[1], "XY", 2), 2);	/* is not appended into the file's page */
	ck_ok(ftruncate(fd, 0));
	ck_ok(ftruncate(fd, 100));
	char buf[100];
	ck_assert_int_eq(read(p[0], buf, 100), 8);
	ck_assert_int_eq(memcmp(buf + 6, "XY", 2), 0);
	ck_assert_int_eq(pread(fd, buf, 100, 0), 100);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(buf[i], 0);
}
END_TEST

START_TEST(pipe_to_file)
{
	int fd = file_with("0123456789");
	loff_t off = 8;
	char buf[32] = "";

	ck_assert_int_eq(write(p[1], "abcdef", 6), 6);
	ck_assert_int_eq(splice(p[0], NULL, fd, NULL, 2, 0), 2);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 2);
	ck_assert_int_eq(splice(p[0], NULL, fd, &off, 100, 0), 4);
	ck_assert_int_eq(off, 12);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 0), 12);
	ck_assert_str_eq(buf, "ab234567cdef");
}
END_TEST

START_TEST(large_through_a_pipe)
{
	enum { SIZE = 1 << 20 };
	char *data = malloc(SIZE), *back = malloc(SIZE);
	int in = (int)ck_ok(open("/tmp/splice-in", O_RDWR | O_CREAT | O_TRUNC, 0600));
	int out = (int)ck_ok(open("/tmp/splice-out", O_RDWR | O_CREAT | O_TRUNC, 0600));
	size_t total = 0;

	for (int i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 + i / 4096);
	ck_assert_int_eq(write(in, data, SIZE), SIZE);
	ck_ok(lseek(in, 100, SEEK_SET));
	for (;;) {
		ssize_t n = ck_ok(splice(in, NULL, p[1], NULL, SIZE, 0)), m;

		if (n == 0)
			break;
		ck_assert_int_le(n, 65536);
		for (ssize_t left = n; left > 0; left -= m)
			m = ck_ok(splice(p[0], NULL, out, NULL, (size_t)left, 0));
		total += (size_t)n;
	}
	ck_assert_uint_eq(total, SIZE - 100);
	ck_assert_int_eq(pread(out, back, SIZE, 0), SIZE - 100);
	ck_assert_int_eq(memcmp(back, data + 100, SIZE - 100), 0);
	unlink("/tmp/splice-in");
	unlink("/tmp/splice-out");
}
END_TEST

START_TEST(end_of_a_pipe)
{
	int fd = file_with("");

	close(p[1]);
	ck_assert_int_eq(splice(p[0], NULL, fd, NULL, 10, 0), 0);
	p[1] = -1;
}
END_TEST

START_TEST(no_readers)
{
	int fd = file_with("x");

	close(p[0]);
	ck_fails(splice(fd, NULL, p[1], NULL, 1, 0), EPIPE);
	ck_assert_int_eq(write(q[1], "x", 1), 1);
	ck_fails(splice(q[0], NULL, p[1], NULL, 1, 0), EPIPE);
	ck_fails(tee(q[0], p[1], 1, 0), EPIPE);
}
END_TEST

static void *
write_later(void *arg)
{
	usleep(30000);
	if (write(p[1], "late", 4) != 4)
		abort();
	return NULL;
}

START_TEST(waits_for_data)
{
	int fd = file_with("");
	pthread_t th;

	ck_fails(splice(p[0], NULL, fd, NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
	pthread_create(&th, NULL, write_later, NULL);
	ck_assert_int_eq(splice(p[0], NULL, fd, NULL, 10, 0), 4);
	pthread_join(th, NULL);
	pthread_create(&th, NULL, write_later, NULL);
	ck_assert_int_eq(splice(p[0], NULL, q[1], NULL, 10, 0), 4);
	pthread_join(th, NULL);
	pthread_create(&th, NULL, write_later, NULL);
	ck_assert_int_eq(tee(p[0], q[1], 10, 0), 4);
	pthread_join(th, NULL);
	expect(q[0], "latelate");
	expect(p[0], "late");
}
END_TEST

START_TEST(waits_for_space)
{
	int fd = file_with("x");
	char buf[4096];

	ck_ok(fcntl(p[1], F_SETPIPE_SZ, 4096));
	memset(buf, 'a', sizeof(buf));
	ck_assert_int_eq(write(p[1], buf, 4096), 4096);
	ck_fails(splice(fd, NULL, p[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	ck_ok(fcntl(p[1], F_SETFL, O_NONBLOCK));
	ck_fails(splice(fd, NULL, p[1], NULL, 1, 0), EAGAIN);
	ck_ok(fcntl(p[1], F_SETFL, 0));
	if (fork() == 0) {
		usleep(20000);
		_exit(read(p[0], buf, 4096) == 4096 ? 0 : 1);
	}
	ck_assert_int_eq(splice(fd, NULL, p[1], NULL, 1, 0), 1);
	expect(p[0], "x");
	wait(NULL);
}
END_TEST

static void on_signal(int s) { }

START_TEST(a_signal_interrupts)
{
	struct sigaction sa = { .sa_handler = on_signal };

	ck_ok(sigaction(SIGALRM, &sa, NULL));
	ck_ok(ualarm(20000, 0));
	ck_fails(splice(p[0], NULL, q[1], NULL, 10, 0), EINTR);
}
END_TEST

/* --- pipe and pipe --- */

START_TEST(pipe_to_pipe)
{
	ck_assert_int_eq(write(p[1], "abcdef", 6), 6);
	ck_assert_int_eq(splice(p[0], NULL, q[1], NULL, 4, 0), 4);
	ck_assert_int_eq(write(q[1], "Z", 1), 1);
	expect(q[0], "abcdZ");
	expect(p[0], "ef");
	ck_fails(splice(p[0], NULL, q[1], NULL, 4, SPLICE_F_NONBLOCK), EAGAIN);
	ck_ok(fcntl(q[1], F_SETFL, O_NONBLOCK));
	ck_fails(splice(p[0], NULL, q[1], NULL, 4, 0), EAGAIN);
	close(p[1]);
	ck_assert_int_eq(splice(p[0], NULL, q[1], NULL, 4, 0), 0);
}
END_TEST

START_TEST(tee_copies)
{
	ck_assert_int_eq(write(p[1], "abcdef", 6), 6);
	ck_assert_int_eq(tee(p[0], q[1], 3, 0), 3);
	ck_assert_int_eq(write(q[1], "X", 1), 1);	/* not into the shared page */
	ck_assert_int_eq(write(p[1], "Y", 1), 1);
	expect(q[0], "abcX");
	expect(p[0], "abcdefY");
	ck_fails(tee(p[0], q[1], 3, SPLICE_F_NONBLOCK), EAGAIN);
	ck_assert_int_eq(tee(p[0], q[1], 0, 0), 0);
}
END_TEST

START_TEST(tee_errors)
{
	ck_fails(tee(p[0], p[1], 1, 0), EINVAL);
	ck_fails(tee(p[0], q[1], 1, 16), EINVAL);
	ck_fails(tee(p[1], q[1], 1, 0), EBADF);
	ck_fails(tee(p[0], q[0], 1, 0), EBADF);
	ck_fails(tee(999, q[1], 1, 0), EBADF);
	ck_fails(tee(p[0], 999, 1, 0), EBADF);
	int fd = file_with("x");
	ck_fails(tee(fd, q[1], 1, 0), EINVAL);
	ck_fails(tee(p[0], fd, 1, 0), EINVAL);
}
END_TEST

/* --- sockets, devices --- */

START_TEST(unix_sockets)
{
	int s[2];

	ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	ck_assert_int_eq(write(p[1], "to a socket", 11), 11);
	ck_assert_int_eq(splice(p[0], NULL, s[0], NULL, 100, SPLICE_F_MORE), 11);
	ck_assert_int_eq(splice(s[1], NULL, q[1], NULL, 4, 0), 4);
	ck_assert_int_eq(splice(s[1], NULL, q[1], NULL, 100, 0), 7);
	expect(q[0], "to a socket");
	ck_fails(splice(s[1], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
	ck_fails(splice(s[1], &(loff_t){ 0 }, q[1], NULL, 100, 0), EINVAL);
	close(s[0]);
	ck_assert_int_eq(splice(s[1], NULL, q[1], NULL, 100, 0), 0);
}
END_TEST

START_TEST(devices)
{
	int null = (int)ck_ok(open("/dev/null", O_RDWR)), rnd = (int)ck_ok(open("/dev/urandom", O_RDONLY));
	char buf[8192];

	ck_assert_int_eq(write(p[1], "abc", 3), 3);
	ck_assert_int_eq(splice(p[0], NULL, null, NULL, 100, 0), 3);
	ck_assert_int_eq(splice(rnd, NULL, p[1], NULL, 5000, 0), 5000);
	ck_assert_int_eq(read(p[0], buf, sizeof(buf)), 5000);
}
END_TEST

START_TEST(sendfile_and_pipes)
{
	int fd = file_with("sent file");

	ck_assert_int_eq(sendfile(p[1], fd, NULL, 100), 9);
	expect(p[0], "sent file");
	ck_fails(sendfile(fd, p[0], NULL, 1), EINVAL);
}
END_TEST

START_TEST(splice_errors)
{
	int fd = file_with("x"), append = (int)ck_ok(open("/tmp/splice-file", O_WRONLY | O_APPEND)), e = (int)ck_ok(eventfd(1, 0));
	int rd = (int)ck_ok(open("/tmp/splice-file", O_RDONLY)), dir = (int)ck_ok(open("/tmp", O_RDONLY));
	loff_t off = 0, minus = -1;

	ck_assert_int_eq(write(p[1], "abc", 3), 3);
	ck_fails(splice(fd, NULL, fd, NULL, 1, 0), EINVAL);
	ck_fails(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL);
	ck_fails(splice(p[0], NULL, append, NULL, 1, 0), EINVAL);
	ck_fails(splice(p[0], NULL, e, NULL, 1, 0), EINVAL);
	ck_fails(splice(dir, NULL, p[1], NULL, 1, 0), EINVAL);
	ck_fails(splice(fd, NULL, p[1], NULL, 1, 16), EINVAL);
	ck_fails(splice(fd, &minus, p[1], NULL, 1, 0), EINVAL);
	ck_fails(splice(p[0], NULL, fd, &minus, 1, 0), EINVAL);
	ck_fails(splice(p[0], &off, fd, NULL, 1, 0), ESPIPE);
	ck_fails(splice(fd, NULL, p[1], &off, 1, 0), ESPIPE);
	ck_fails(splice(p[0], &off, q[1], NULL, 1, 0), ESPIPE);
	ck_fails(splice(p[0], NULL, q[1], &off, 1, 0), ESPIPE);
	ck_fails(splice(fd, (loff_t *)8, p[1], NULL, 1, 0), EFAULT);
	ck_fails(splice(p[0], NULL, fd, (loff_t *)8, 1, 0), EFAULT);
	ck_fails(splice(999, NULL, p[1], NULL, 1, 0), EBADF);
	ck_fails(splice(p[0], NULL, 999, NULL, 1, 0), EBADF);
	ck_fails(splice(p[1], NULL, fd, NULL, 1, 0), EBADF);
	ck_fails(splice(p[0], NULL, rd, NULL, 1, 0), EBADF);
	ck_fails(splice(append, NULL, p[1], NULL, 1, 0), EBADF);
	ck_assert_int_eq(splice(999, NULL, 999, NULL, 0, 0), 0);
	expect(p[0], "abc");		/* nothing was taken */
	ck_ok(fcntl(p[0], F_SETFL, O_NONBLOCK));
	ck_fails(splice(p[0], NULL, fd, NULL, 1, 0), EAGAIN);
}
END_TEST

/* --- vmsplice --- */

START_TEST(memory_to_pipe)
{
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov[2] = { { m + 4090, 12 }, { "tail", 4 } };

	memcpy(m + 4090, "over a border", 13);
	ck_assert_int_eq(vmsplice(p[1], iov, 2, 0), 16);
	expect(p[0], "over a bordetail");
	iov[0] = (struct iovec){ m, 4096 };
	memset(m, 'g', 4096);
	ck_assert_int_eq(vmsplice(p[1], iov, 1, SPLICE_F_GIFT), 4096);
	ck_ok(munmap(m, 4096));
	m = malloc(4096);
	ck_assert_int_eq(read(p[0], m, 4096), 4096);
	ck_assert_int_eq(m[4095], 'g');
}
END_TEST

START_TEST(pipe_to_memory)
{
	char a[3], b[10];
	struct iovec iov[2] = { { a, 3 }, { b, 10 } };

	ck_assert_int_eq(write(p[1], "abcdef", 6), 6);
	ck_assert_int_eq(vmsplice(p[0], iov, 2, 0), 6);
	ck_assert_int_eq(memcmp(a, "abc", 3), 0);
	ck_assert_int_eq(memcmp(b, "def", 3), 0);
	ck_fails(vmsplice(p[0], iov, 2, SPLICE_F_NONBLOCK), EAGAIN);
}
END_TEST

START_TEST(vmsplice_as_much_as_fits)
{
	char *m = mmap(NULL, 32 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov = { m, 32 * 4096 };

	ck_assert_int_eq(vmsplice(p[1], &iov, 1, 0), 65536);
	ck_fails(vmsplice(p[1], &iov, 1, SPLICE_F_NONBLOCK), EAGAIN);
}
END_TEST

START_TEST(vmsplice_errors)
{
	char c;
	struct iovec iov = { &c, 1 }, bad = { (void *)8, 1 };
	int fd = file_with("x");

	ck_fails(vmsplice(p[1], &iov, 1, 16), EINVAL);
	ck_fails(vmsplice(p[1], &iov, 1025, 0), EINVAL);
	ck_fails(vmsplice(999, &iov, 1, 0), EBADF);
	ck_fails(vmsplice(fd, &iov, 1, 0), EBADF);
	ck_fails(vmsplice(p[1], &bad, 1, 0), EFAULT);
	ck_fails(vmsplice(p[1], (void *)8, 1, 0), EFAULT);
	ck_assert_int_eq(vmsplice(p[1], &iov, 0, 0), 0);
	close(p[0]);
	ck_fails(vmsplice(p[1], &iov, 1, 0), EPIPE);
}
END_TEST

/* --- sizes --- */

static int
number(const char *path)
{
	int n = -1;
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &n), 1);
	fclose(f);
	return n;
}

static void
set_number(const char *path, int n)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "%d\n", n);
	fclose(f);
}

static int
as_user(int (*f)(void))
{
	int status;
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		if (setuid(1234) != 0)
			_exit(99);
		_exit(f());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static int
grow_too_far(void)
{
	int r[2];

	if (pipe(r) != 0 || fcntl(r[0], F_GETPIPE_SZ) != 65536)
		return 1;
	if (fcntl(r[0], F_SETPIPE_SZ, 1 << 20) != 1 << 20)
		return 2;
	if (fcntl(r[0], F_SETPIPE_SZ, (1 << 20) + 1) != -1 || errno != EPERM)
		return 3;
	return 0;
}

static int
soft_limit(void)
{
	int r[2], first[2];

	if (pipe(first) != 0 || pipe(r) != 0 || fcntl(first[0], F_GETPIPE_SZ) != 65536 || fcntl(r[0], F_GETPIPE_SZ) != 8192)
		return 1;
	return fcntl(r[0], F_SETPIPE_SZ, 16384) == -1 && errno == EPERM ? 0 : 2;
}

static int
hard_limit(void)
{
	int r[2];

	if (pipe(r) != 0)
		return 1;
	return pipe(r) == -1 && errno == ENFILE ? 0 : 2;
}

START_TEST(limits)
{
	ck_assert_int_eq(number("/proc/sys/fs/pipe-max-size"), 1 << 20);
	ck_assert_int_eq(number("/proc/sys/fs/pipe-user-pages-soft"), 16384);
	ck_assert_int_eq(number("/proc/sys/fs/pipe-user-pages-hard"), 0);
	ck_assert_int_eq(as_user(grow_too_far), 0);
	ck_assert_int_eq(ck_ok(fcntl(p[0], F_SETPIPE_SZ, 2 << 20)), 2 << 20);	/* root may */
	ck_assert_int_eq(ck_ok(fcntl(p[0], F_SETPIPE_SZ, 0)), 4096);
	ck_fails(fcntl(p[0], F_SETPIPE_SZ, (1u << 31) + 1), EINVAL);
	set_number("/proc/sys/fs/pipe-max-size", 100000);
	ck_assert_int_eq(number("/proc/sys/fs/pipe-max-size"), 131072);
	set_number("/proc/sys/fs/pipe-max-size", 1 << 20);
	set_number("/proc/sys/fs/pipe-user-pages-soft", 17);
	ck_assert_int_eq(as_user(soft_limit), 0);
	set_number("/proc/sys/fs/pipe-user-pages-soft", 16384);
	set_number("/proc/sys/fs/pipe-user-pages-hard", 17);
	ck_assert_int_eq(as_user(hard_limit), 0);
	set_number("/proc/sys/fs/pipe-user-pages-hard", 0);
}
END_TEST

START_TEST(a_full_one_cannot_shrink)
{
	char buf[8192] = "";

	ck_assert_int_eq(write(p[1], buf, sizeof(buf)), sizeof(buf));
	ck_fails(fcntl(p[0], F_SETPIPE_SZ, 4096), EBUSY);
	ck_fails(fcntl(0, F_SETPIPE_SZ, 4096), EBADF);
}
END_TEST

/* --- many at once --- */

static void *
pump(void *arg)
{
	for (int i = 0; i < 400; i++)
		if (splice(p[0], NULL, q[1], NULL, 1000, 0) <= 0)
			break;
	return NULL;
}

static volatile long moved;

static void *
drain(void *arg)
{
	int null = open("/dev/null", O_WRONLY);
	ssize_t n;

	while ((n = splice(q[0], NULL, null, NULL, 4096, 0)) > 0)
		__sync_fetch_and_add(&moved, n);
	return NULL;
}

START_TEST(threads)
{
	pthread_t a[2], b[2];
	char buf[1000] = "";
	long sent = 0;

	for (int i = 0; i < 2; i++) {
		pthread_create(&a[i], NULL, pump, NULL);
		pthread_create(&b[i], NULL, drain, NULL);
	}
	for (int i = 0; i < 500; i++)
		sent += ck_ok(write(p[1], buf, (size_t)(i % 1000 + 1)));
	close(p[1]);
	pthread_join(a[0], NULL);
	pthread_join(a[1], NULL);
	close(q[1]);
	pthread_join(b[0], NULL);
	pthread_join(b[1], NULL);
	ck_assert_int_eq(moved, sent);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("splice");
	TCase *t = tcase_create("core");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, file_to_pipe_moves_the_position);
	tcase_add_test(t, pages_go_by_reference);
	tcase_add_test(t, pipe_to_file);
	tcase_add_test(t, large_through_a_pipe);
	tcase_add_test(t, end_of_a_pipe);
	tcase_add_test(t, no_readers);
	tcase_add_test(t, waits_for_data);
	tcase_add_test(t, waits_for_space);
	tcase_add_test(t, a_signal_interrupts);
	tcase_add_test(t, pipe_to_pipe);
	tcase_add_test(t, tee_copies);
	tcase_add_test(t, tee_errors);
	tcase_add_test(t, unix_sockets);
	tcase_add_test(t, devices);
	tcase_add_test(t, sendfile_and_pipes);
	tcase_add_test(t, splice_errors);
	tcase_add_test(t, memory_to_pipe);
	tcase_add_test(t, pipe_to_memory);
	tcase_add_test(t, vmsplice_as_much_as_fits);
	tcase_add_test(t, vmsplice_errors);
	tcase_add_test(t, limits);
	tcase_add_test(t, a_full_one_cannot_shrink);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return guest_run(s);
}
