/* SPDX-License-Identifier: BSD-2-Clause */
/* What only Lintel's log has: the trace of system calls (sysctl kernel.trace_syscalls), and one line for each unknown call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

#define SWITCH		"/proc/sys/kernel/trace_syscalls"
#define UNASSIGNED	400	/* between the tables of 2018 and 2019: no Linux will ever have it */

static char text[65536];

/* The log from here on. /dev/kmsg writes a backslash as \x5c. */
static int
log_open(void)
{
	int fd = ck_ok(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	ck_ok(lseek(fd, 0, SEEK_END));
	return fd;
}

/* What came into the log since, into text. */
static void
log_take(int fd)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof(text) - used - 1)) > 0 || (n < 0 && errno == EPIPE))
		used += n > 0 ? n : 0;
	ck_assert_int_eq(errno, EAGAIN);
	text[used] = '\0';
}

static int
count(const char *what)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static ssize_t
set(const char *value)
{
	int fd = ck_ok(open(SWITCH, O_WRONLY)), err;
	ssize_t n = write(fd, value, strlen(value));

	err = errno;
	close(fd);
	errno = err;
	return n;
}

static void
ck_is(const char *value)
{
	char got[64] = "";
	int fd = ck_ok(open(SWITCH, O_RDONLY));

	ck_ok(read(fd, got, sizeof(got) - 1));
	close(fd);
	ck_assert_str_eq(got, value);
}

static void
off(void)
{
	set("0");
}

START_TEST(switch_values)
{
	ck_is("0\n");
	ck_ok(set("nobody-has-it\n"));
	ck_is("nobody-has-it\n");
	ck_fails(set("\n"), EINVAL);
	ck_fails(set("a-name-of-sixteen"), EINVAL);
	ck_is("nobody-has-it\n");
	ck_ok(set("0"));
	ck_is("0\n");
}
END_TEST

START_TEST(switch_is_roots)
{
	int status;

	if (fork() == 0) {
		ck_ok(setuid(1000));
		_exit(open(SWITCH, O_RDONLY) == -1 && errno == EACCES && open(SWITCH, O_WRONLY) == -1 && errno == EACCES ? 0 : 1);
	}
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(traces_one_name)
{
	int log = log_open(), status;
	char want[128];
	pid_t pid;

	ck_ok(set("diag-traced"));
	pid = ck_ok(fork());
	if (pid == 0) {
		close(-7);
		prctl(PR_SET_NAME, "diag-traced");
		open("/nowhere/\"x\"\n", O_RDONLY);
		close(-8);
		_exit(3);
	}
	ck_ok(waitpid(pid, &status, 0));
	close(-9);
	ck_ok(set("0"));
	log_take(log);
	snprintf(want, sizeof(want), ";diag-traced[%d] open(path=\"/nowhere/\\x5c042x\\x5c042\\x5c012\", flags=", pid);
	ck_assert_msg(count(want) == 1, "no '%s' in: %s", want, text);
	snprintf(want, sizeof(want), ";diag-traced[%d] close(fd=-8) = -1 (errno 9)\n", pid);
	ck_assert_msg(count(want) == 1, "no '%s' in: %s", want, text);
	snprintf(want, sizeof(want), ";diag-traced[%d] exit_group(", pid);
	ck_assert_int_eq(count(want), 1);
	ck_assert_int_eq(count("fd=-7"), 0);
	ck_assert_int_eq(count("fd=-9"), 0);
	close(log);
}
END_TEST

START_TEST(traces_all_and_none)
{
	int log = log_open();

	ck_ok(set("1"));
	close(-7);
	ck_ok(set("0"));
	close(-8);
	log_take(log);
	ck_assert_int_eq(count("close(fd=-7) = -1 (errno 9)\n"), 1);
	ck_assert_int_eq(count("fd=-8"), 0);
	close(log);
}
END_TEST

START_TEST(unknown_call_is_told_once)
{
	int log = log_open(), status;
	char want[128];

	snprintf(want, sizeof(want), ";syscall: diag[%d] called %d (unknown), which is not there\n", (int)getpid(), UNASSIGNED);
	ck_fails(syscall(UNASSIGNED), ENOSYS);
	ck_fails(syscall(UNASSIGNED), ENOSYS);
	if (fork() == 0)
		_exit(syscall(UNASSIGNED) == -1 && errno == ENOSYS ? 0 : 1);
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
	log_take(log);
	ck_assert_msg(count(want) == 1, "no '%s' in: %s", want, text);
	ck_assert_int_eq(count("called 400 "), 1);
	close(log);
}
END_TEST

START_TEST(numbers_beyond_are_unknown)
{
	ck_fails(syscall(100000), ENOSYS);
	ck_fails(syscall(-1), ENOSYS);
	ck_fails(syscall(0x7fffffffffffffff), ENOSYS);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("diag");
	TCase *trace = tcase_create("trace"), *unknown = tcase_create("unknown");

	tcase_add_checked_fixture(trace, NULL, off);
	tcase_add_test(trace, switch_values);
	tcase_add_test(trace, switch_is_roots);
	tcase_add_test(trace, traces_one_name);
	tcase_add_test(trace, traces_all_and_none);
	suite_add_tcase(s, trace);
	tcase_add_test(unknown, unknown_call_is_told_once);
	tcase_add_test(unknown, numbers_beyond_are_unknown);
	suite_add_tcase(s, unknown);
	return guest_run(s);
}
