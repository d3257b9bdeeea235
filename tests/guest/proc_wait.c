/* SPDX-License-Identifier: BSD-2-Clause */
/* wait4, waitid with all options; stops and continues seen by the parent; reparenting; SIGCHLD rules. POSIX waitid(). */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static pid_t
sleeper(void)
{
	pid_t pid = ck_ok(fork());

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void
reap(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static long
kernel_stacks(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	ck_assert(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "KernelStack: %ld", &kib);
	fclose(f);
	ck_assert(kib > 0);
	return kib;
}

START_TEST(zombies_have_no_stack)
{
	enum { N = 200 };
	long before = kernel_stacks(), after = 0;
	siginfo_t si;
	pid_t pid[N];

	for (int i = 0; i < N; i++) {
		pid[i] = (pid_t)ck_ok(fork());
		if (pid[i] == 0)
			_exit(0);
		ck_ok(waitid(P_PID, (id_t)pid[i], &si, WEXITED | WNOWAIT));
	}
	for (int i = 0; i < 200; i++) {
		after = kernel_stacks();
		if (after < before + N * 8 / 4)		/* they are freed soon, not at once */
			break;
		usleep(10000);
	}
	ck_assert_msg(after < before + N * 8 / 4, "%ld KiB before, %ld after", before, after);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(waitpid(pid[i], NULL, 0), pid[i]);
}
END_TEST

START_TEST(waitid_tells_how_it_ended)
{
	siginfo_t si;
	pid_t pid = ck_ok(fork());

	if (pid == 0)
		_exit(300);
	memset(&si, 0xff, sizeof(si));
	ck_ok(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	ck_assert_int_eq(si.si_signo, SIGCHLD);
	ck_assert_int_eq(si.si_errno, 0);
	ck_assert_int_eq(si.si_code, CLD_EXITED);
	ck_assert_int_eq(si.si_pid, pid);
	ck_assert_int_eq(si.si_uid, 0);
	ck_assert_int_eq(si.si_status, 300 & 255);
	ck_ok(waitid(P_PID, pid, &si, WEXITED));
	ck_fails(waitid(P_PID, pid, &si, WEXITED), ECHILD);
}
END_TEST

START_TEST(waitid_sees_stop_and_continue)
{
	siginfo_t si;
	pid_t pid = sleeper();

	ck_ok(kill(pid, SIGSTOP));
	ck_ok(waitid(P_PID, pid, &si, WSTOPPED | WNOWAIT));
	ck_assert_int_eq(si.si_code, CLD_STOPPED);
	ck_assert_int_eq(si.si_status, SIGSTOP);
	ck_ok(waitid(P_PID, pid, &si, WSTOPPED));
	si.si_pid = 77;
	ck_ok(waitid(P_PID, pid, &si, WSTOPPED | WNOHANG));
	ck_assert_int_eq(si.si_pid, 0);
	ck_ok(kill(pid, SIGCONT));
	ck_ok(waitid(P_PID, pid, &si, WCONTINUED));
	ck_assert_int_eq(si.si_code, CLD_CONTINUED);
	ck_assert_int_eq(si.si_status, SIGCONT);
	ck_ok(kill(pid, SIGUSR2));
	ck_ok(waitid(P_PID, pid, &si, WEXITED));
	ck_assert_int_eq(si.si_code, CLD_KILLED);
	ck_assert_int_eq(si.si_status, SIGUSR2);
}
END_TEST

START_TEST(wait4_sees_stop_and_continue)
{
	pid_t pid = sleeper();
	int status;

	ck_ok(kill(pid, SIGTSTP));
	/* the group may be orphaned, then SIGTSTP is ignored: SIGSTOP never is */
	ck_ok(kill(pid, SIGSTOP));
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	ck_ok(kill(pid, SIGCONT));
	ck_assert_int_eq(waitpid(pid, &status, WCONTINUED), pid);
	ck_assert(WIFCONTINUED(status));
	ck_assert_int_eq(status, 0xffff);
	reap(pid);
}
END_TEST

START_TEST(bad_options_are_einval)
{
	siginfo_t si;

	ck_fails(waitid(P_ALL, 0, &si, 0), EINVAL);
	ck_fails(waitid(P_ALL, 0, &si, WNOHANG), EINVAL);
	ck_fails(waitid(P_ALL, 0, &si, WEXITED | 0x100), EINVAL);
	ck_fails(waitid(17, 0, &si, WEXITED), EINVAL);
	ck_fails(waitid(P_PID, 0, &si, WEXITED), EINVAL);
	ck_fails(waitid(P_PID, -1, &si, WEXITED), EINVAL);
	ck_fails(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
	ck_fails(syscall(SYS_wait4, -1, NULL, 0x100, NULL), EINVAL);
	ck_fails(syscall(SYS_wait4, INT32_MIN, NULL, 0, NULL), ESRCH);
	ck_fails(syscall(SYS_wait4, -1, NULL, 0, NULL), ECHILD);
	ck_fails(syscall(SYS_wait4, getpid(), NULL, 0, NULL), ECHILD);
}
END_TEST

START_TEST(process_groups_are_waited_for)
{
	pid_t a = sleeper(), b = sleeper();
	int status;

	ck_ok(setpgid(a, a));
	ck_ok(setpgid(b, a));
	ck_assert_int_eq(waitpid(-a, &status, WNOHANG), 0);
	ck_fails(waitpid(0, &status, WNOHANG), ECHILD);
	ck_ok(kill(-a, SIGKILL));
	ck_assert_int_gt(waitpid(-a, &status, 0), 0);
	ck_assert_int_gt(waitpid(-a, &status, 0), 0);
	ck_fails(waitpid(-a, &status, 0), ECHILD);
}
END_TEST

START_TEST(ignored_sigchld_leaves_no_zombie)
{
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = ck_ok(fork());
	if (pid == 0)
		_exit(0);
	ck_fails(waitpid(pid, NULL, 0), ECHILD);
	signal(SIGCHLD, SIG_DFL);
}
END_TEST

static volatile int caught;
static siginfo_t caught_info;

static void
on_signal(int sig, siginfo_t *si, void *ctx)
{
	caught_info = *si;
	caught++;
}

START_TEST(nocldwait_signals_and_reaps)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NOCLDWAIT };
	pid_t pid;

	ck_ok(sigaction(SIGCHLD, &sa, NULL));
	pid = ck_ok(fork());
	if (pid == 0)
		_exit(5);
	while (waitpid(pid, NULL, 0) != -1 || errno == EINTR)
		;
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(caught, 1);
	ck_assert_int_eq(caught_info.si_code, CLD_EXITED);
	ck_assert_int_eq(caught_info.si_pid, pid);
	ck_assert_int_eq(caught_info.si_status, 5);
}
END_TEST

START_TEST(nocldstop_hides_stops)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP };
	pid_t pid;
	int status;

	ck_ok(sigaction(SIGCHLD, &sa, NULL));
	pid = sleeper();
	ck_ok(kill(pid, SIGSTOP));
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert_int_eq(caught, 0);
	sa.sa_flags = SA_SIGINFO;
	ck_ok(sigaction(SIGCHLD, &sa, NULL));
	ck_ok(kill(pid, SIGCONT));
	while (waitpid(pid, &status, WCONTINUED) == -1)
		ck_assert_int_eq(errno, EINTR);
	for (int i = 0; i < 1000 && caught == 0; i++)
		usleep(1000);		/* the signal may come a little later than the status */
	ck_assert_int_eq(caught, 1);
	ck_assert_int_eq(caught_info.si_code, CLD_CONTINUED);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) == -1)
		;
}
END_TEST

START_TEST(orphans_go_to_the_subreaper)
{
	int fd[2], status;
	pid_t child, grandchild = 0;

	ck_ok(pipe(fd));
	ck_ok(prctl(PR_SET_CHILD_SUBREAPER, 1));
	child = ck_ok(fork());
	if (child == 0) {
		pid_t g = fork();

		if (g == 0) {
			while (getppid() == getpid())
				;
			pause();
		}
		if (write(fd[1], &g, sizeof(g)) != sizeof(g))
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(read(fd[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_ok(kill(grandchild, SIGKILL));
	ck_assert_int_eq(waitpid(grandchild, &status, 0), grandchild);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_ok(prctl(PR_SET_CHILD_SUBREAPER, 0));
}
END_TEST

START_TEST(usage_is_added_up)
{
	struct rusage ru, self;
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		struct timespec ts;

		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
		while (ts.tv_sec == 0 && ts.tv_nsec < 60000000);
		_exit(0);
	}
	ck_assert_int_eq(wait4(pid, &status, 0, &ru), pid);
	ck_assert_int_ge((ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec, 50000);
	ck_assert_int_gt(ru.ru_minflt, 0);
	ck_assert_int_gt(ru.ru_maxrss, 0);
	ck_ok(getrusage(RUSAGE_CHILDREN, &self));
	ck_assert_int_ge((self.ru_utime.tv_sec + self.ru_stime.tv_sec) * 1000000 + self.ru_utime.tv_usec + self.ru_stime.tv_usec,
		50000);
}
END_TEST

START_TEST(wait_is_interrupted_by_a_handler)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	pid_t me = getpid(), pid = sleeper(), killer;

	ck_ok(sigaction(SIGUSR1, &sa, NULL));
	killer = ck_ok(fork());
	if (killer == 0) {
		usleep(50000);
		kill(me, SIGUSR1);
		pause();
	}
	ck_fails(waitpid(pid, NULL, 0), EINTR);
	ck_assert_int_eq(caught, 1);
	reap(killer);
	reap(pid);
}
END_TEST

START_TEST(faults_are_told)
{
	pid_t pid = ck_ok(fork());
	siginfo_t si;

	if (pid == 0) {
		*(volatile int *)8 = 1;
		_exit(0);
	}
	ck_ok(waitid(P_PID, pid, &si, WEXITED));
	ck_assert(si.si_code == CLD_KILLED || si.si_code == CLD_DUMPED);
	ck_assert_int_eq(si.si_status, SIGSEGV);
}
END_TEST

START_TEST(vfork_waits_for_exec_or_exit)
{
	static volatile int shared;
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		usleep(20000);
		shared = 1;
		_exit(3);
	}
	ck_assert_int_eq(shared, 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 3);
	pid = vfork();
	if (pid == 0) {
		execl("/aid/hello", "hello", "x", (char *)NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

START_TEST(parent_death_is_signalled)
{
	int fd[2], status;
	pid_t child;
	char c = 0;

	ck_ok(pipe(fd));
	child = ck_ok(fork());
	if (child == 0) {
		int ready[2];

		if (pipe(ready))
			_exit(1);
		if (fork() == 0) {
			sigset_t set;
			int sig;

			sigemptyset(&set);
			sigaddset(&set, SIGUSR2);
			sigprocmask(SIG_BLOCK, &set, NULL);
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			if (write(ready[1], "r", 1) != 1)
				_exit(1);
			sigwait(&set, &sig);
			if (write(fd[1], "d", 1) != 1)
				_exit(1);
			_exit(0);
		}
		if (read(ready[0], &c, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	ck_assert_int_eq(c, 'd');
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_wait");
	TCase *core = tcase_create("core");

	tcase_add_test(core, zombies_have_no_stack);
	tcase_add_test(core, waitid_tells_how_it_ended);
	tcase_add_test(core, waitid_sees_stop_and_continue);
	tcase_add_test(core, wait4_sees_stop_and_continue);
	tcase_add_test(core, bad_options_are_einval);
	tcase_add_test(core, process_groups_are_waited_for);
	tcase_add_test(core, ignored_sigchld_leaves_no_zombie);
	tcase_add_test(core, nocldwait_signals_and_reaps);
	tcase_add_test(core, nocldstop_hides_stops);
	tcase_add_test(core, orphans_go_to_the_subreaper);
	tcase_add_test(core, usage_is_added_up);
	tcase_add_test(core, wait_is_interrupted_by_a_handler);
	tcase_add_test(core, faults_are_told);
	tcase_add_test(core, vfork_waits_for_exec_or_exit);
	tcase_add_test(core, parent_death_is_signalled);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
