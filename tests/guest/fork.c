/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes come and go: fork, wait4, exit statuses, copy on write, exec. POSIX fork(), waitpid(), exec. */
#include <signal.h>
#include <sys/wait.h>

#include "guest.h"

START_TEST(exit_status_reaches_the_parent)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0)
		_exit(42);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	ck_fails(waitpid(pid, &status, 0), ECHILD);
}
END_TEST

START_TEST(death_by_signal_is_told)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0)
		for (;;)
			pause();
	ck_ok(kill(pid, SIGKILL));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(memory_is_copied_not_shared)
{
	static volatile int words[4096];
	pid_t pid;
	int status;

	for (int i = 0; i < 4096; i++)
		words[i] = i;
	pid = ck_ok(fork());
	if (pid == 0) {
		for (int i = 0; i < 4096; i++) {
			if (words[i] != i)
				_exit(1);
			words[i] = -1;
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (int i = 0; i < 4096; i++)
		ck_assert_int_eq(words[i], i);
}
END_TEST

START_TEST(exec_runs_another_program)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		execl("/bin/busybox", "busybox", "sh", "-c", "exit 7", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 7 << 8);
}
END_TEST

START_TEST(exec_of_nothing_is_enoent)
{
	char *argv[] = { "x", NULL };

	ck_fails(execve("/no/such/program", argv, NULL), ENOENT);
	ck_fails(execve("/tmp", argv, NULL), EACCES);
}
END_TEST

START_TEST(a_hundred_children)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid = ck_ok(fork());
		int status;

		if (pid == 0)
			_exit(i);
		ck_assert_int_eq(waitpid(-1, &status, 0), pid);
		ck_assert_int_eq(WEXITSTATUS(status), i);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fork");
	TCase *core = tcase_create("core");

	tcase_add_test(core, exit_status_reaches_the_parent);
	tcase_add_test(core, death_by_signal_is_told);
	tcase_add_test(core, memory_is_copied_not_shared);
	tcase_add_test(core, exec_runs_another_program);
	tcase_add_test(core, exec_of_nothing_is_enoent);
	tcase_add_test(core, a_hundred_children);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
