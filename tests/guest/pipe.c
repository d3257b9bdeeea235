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
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, total++)
			ck_assert_uint_eq((unsigned char)buf[i], total % 251);
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(total, expect);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
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
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
