/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes: order of bytes, end of file, EPIPE, O_NONBLOCK, atomic small writes. POSIX pipe(), write(). */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "guest.h"

static int fds[2];

static void
open_pipe(void)
{
	ck_ok(pipe(fds));
}

static void
close_pipe(void)
{
	close(fds[0]);
	close(fds[1]);
}

START_TEST(bytes_come_out_in_order)
{
	char buf[16];

	ck_assert_int_eq(write(fds[1], "hello ", 6), 6);
	ck_assert_int_eq(write(fds[1], "world", 5), 5);
	ck_assert_int_eq(read(fds[0], buf, 3), 3);
	ck_assert_int_eq(read(fds[0], buf + 3, sizeof(buf) - 3), 8);
	ck_assert_mem_eq(buf, "hello world", 11);
}
END_TEST

START_TEST(end_of_file_when_writers_are_gone)
{
	char c;

	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &c, 1), 0);
}
END_TEST

START_TEST(epipe_when_readers_are_gone)
{
	signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	ck_fails(write(fds[1], "x", 1), EPIPE);
}
END_TEST

START_TEST(nonblocking_ends_answer_eagain)
{
	char buf[4096];

	memset(buf, 0, sizeof(buf));
	ck_ok(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	ck_ok(fcntl(fds[1], F_SETFL, O_NONBLOCK));
	ck_fails(read(fds[0], buf, 1), EAGAIN);
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(write(fds[1], buf, sizeof(buf)), sizeof(buf));
	ck_fails(write(fds[1], buf, 1), EAGAIN);
}
END_TEST

START_TEST(a_megabyte_goes_through_between_processes)
{
	static char buf[7001];
	size_t total = 0, expect = 1 << 20;
	ssize_t n;
	pid_t pid;
	int status;

	pid = ck_ok(fork());
	if (pid == 0) {
		close(fds[0]);
		for (size_t i = 0; i < expect; i++) {
			unsigned char c = i % 251;

			buf[i % 4096] = c;
			if (i % 4096 == 4095 && write(fds[1], buf, 4096) != 4096)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0) {
		ssize_t i = 0;

		for (; i < n && (unsigned char)buf[i] == total % 251; i++)
			total++;
		ck_assert_int_eq(i, n);		/* an assertion per byte would be a system call per byte */
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(total, expect);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static volatile sig_atomic_t io_signal, io_fd, io_band;

static void
on_io(int sig, siginfo_t *info, void *context)
{
	(void)context;
	io_signal = sig;
	io_fd = info->si_fd;
	io_band = info->si_code;
}

static void
wait_for_io(void)
{
	for (int i = 0; i < 2000 && io_signal == 0; i++)
		usleep(1000);
}

/* fcntl(2), O_ASYNC: a signal for each change of readiness, and none once it is off. */
START_TEST(signal_driven_reading)
{
	struct sigaction sa = { .sa_sigaction = on_io, .sa_flags = SA_SIGINFO };
	int p[2];
	char c;

	ck_ok(pipe(p));
	ck_ok(sigaction(SIGIO, &sa, NULL));
	ck_ok(sigaction(SIGRTMIN, &sa, NULL));
	ck_ok(fcntl(p[0], F_SETOWN, getpid()));
	ck_assert_int_eq(write(p[1], "a", 1), 1);
	ck_ok(fcntl(p[0], F_SETFL, O_ASYNC));
	ck_assert_int_eq(fcntl(p[0], F_GETFL), O_RDONLY | O_ASYNC);
	usleep(20000);
	ck_assert_int_eq(io_signal, 0);
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	ck_assert_int_eq(write(p[1], "b", 1), 1);
	wait_for_io();
	ck_assert_int_eq(io_signal, SIGIO);
	ck_ok(fcntl(p[0], F_SETSIG, SIGRTMIN));
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	io_signal = 0;
	ck_assert_int_eq(write(p[1], "c", 1), 1);
	wait_for_io();
	ck_assert_int_eq(io_signal, SIGRTMIN);
	ck_assert_int_eq(io_fd, p[0]);
	ck_assert_int_eq(io_band, POLL_IN);
	ck_ok(fcntl(p[0], F_SETFL, 0));
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	io_signal = 0;
	ck_assert_int_eq(write(p[1], "d", 1), 1);
	usleep(20000);
	ck_assert_int_eq(io_signal, 0);
	ck_ok(fcntl(p[0], F_SETFL, O_ASYNC));
	close(p[0]);
	close(p[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pipe");
	TCase *core = tcase_create("core");

	tcase_add_checked_fixture(core, open_pipe, close_pipe);
	tcase_add_test(core, bytes_come_out_in_order);
	tcase_add_test(core, end_of_file_when_writers_are_gone);
	tcase_add_test(core, epipe_when_readers_are_gone);
	tcase_add_test(core, nonblocking_ends_answer_eagain);
	tcase_add_test(core, a_megabyte_goes_through_between_processes);
	tcase_add_test(core, signal_driven_reading);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
