/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits, prctl, scheduling attributes, personality: what can be set, by whom, and what comes back. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static void
in_child(int (*fn)(void))
{
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		int line = fn();

		if (line != 0)
			dprintf(2, "# line %d: %s\n", line, strerror(errno));
		_exit(line != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

#define MUST(cond) do { if (!(cond)) return __LINE__; } while (0)
#define MUST_FAIL(call, want) do { errno = 0; if ((call) != -1 || errno != (want)) return __LINE__; } while (0)

static int
limits_are_kept(void)
{
	struct rlimit rl = { 10, 20 }, old;

	MUST(setrlimit(RLIMIT_NOFILE, &rl) == 0 && getrlimit(RLIMIT_NOFILE, &old) == 0);
	MUST(old.rlim_cur == 10 && old.rlim_max == 20);
	rl = (struct rlimit){ 30, 20 };
	MUST_FAIL(setrlimit(RLIMIT_NOFILE, &rl), EINVAL);
	MUST_FAIL(getrlimit(99, &old), EINVAL);
	MUST_FAIL(syscall(SYS_getrlimit, RLIMIT_NOFILE, (void *)0x1000), EFAULT);
	rl = (struct rlimit){ 1, 1UL << 40 };
	MUST_FAIL(syscall(SYS_setrlimit, RLIMIT_NOFILE, &rl), EPERM);	/* above nr_open */
	MUST(setuid(5) == 0);
	rl = (struct rlimit){ 10, 21 };
	MUST_FAIL(syscall(SYS_setrlimit, RLIMIT_NOFILE, &rl), EPERM);
	rl = (struct rlimit){ 5, 6 };
	MUST(syscall(SYS_setrlimit, RLIMIT_NOFILE, &rl) == 0);
	for (int i = 0; i < 10; i++)
		if (open("/dev/null", O_RDONLY) == -1)
			break;
	MUST(errno == EMFILE);
	return 0;
}

static int
limits_of_others(void)
{
	struct rlimit rl = { 7, 8 }, old;
	int fd[2], status;
	pid_t pid;

	MUST(pipe(fd) == 0);
	pid = fork();
	if (pid == 0) {
		char c;
		struct rlimit mine;

		if (read(fd[0], &c, 1) != 1 || getrlimit(RLIMIT_CORE, &mine))
			_exit(1);
		_exit(mine.rlim_cur == 7 && mine.rlim_max == 8 ? 0 : 2);
	}
	MUST(syscall(SYS_prlimit64, pid, RLIMIT_CORE, &rl, &old) == 0);
	MUST(syscall(SYS_prlimit64, pid, RLIMIT_CORE, NULL, &old) == 0 && old.rlim_cur == 7);
	MUST(write(fd[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0);
	MUST_FAIL(syscall(SYS_prlimit64, 1 << 21, RLIMIT_CORE, &rl, NULL), ESRCH);
	MUST(setuid(5) == 0);
	MUST_FAIL(syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, &rl, NULL), EPERM);
	return 0;
}

static int
prctl_options(void)
{
	char name[17] = "";
	int sig = -1;

	MUST(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, name) == 0);
	MUST(strcmp(name, "a name that is ") == 0);
	MUST_FAIL(prctl(PR_SET_NAME, 0x1000), EFAULT);
	MUST(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0 && prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGUSR1);
	MUST_FAIL(prctl(PR_SET_PDEATHSIG, 99), EINVAL);
	MUST(prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0);
	MUST_FAIL(prctl(PR_SET_DUMPABLE, 2), EINVAL);
	MUST(prctl(PR_GET_TIMERSLACK) == 50000 && prctl(PR_SET_TIMERSLACK, 1) == 0 && prctl(PR_GET_TIMERSLACK) == 1);
	MUST(prctl(PR_SET_TIMERSLACK, 0) == 0 && prctl(PR_GET_TIMERSLACK) == 50000);
	MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	MUST_FAIL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	MUST_FAIL(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	MUST(prctl(PR_GET_TIMING) == 0);
	MUST(prctl(PR_GET_SECUREBITS) == 0);
	MUST_FAIL(prctl(9999, 0, 0, 0, 0), EINVAL);
	return 0;
}

static int
nice_values(void)
{
	MUST(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 20);
	MUST(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, 0) == 5);
	MUST(setpriority(PRIO_PROCESS, 0, -50) == 0 && getpriority(PRIO_PROCESS, 0) == -20);
	MUST(setpriority(PRIO_PGRP, 0, 3) == 0 && getpriority(PRIO_PGRP, 0) <= 3);
	MUST_FAIL(setpriority(7, 0, 0), EINVAL);
	MUST_FAIL(setpriority(PRIO_PROCESS, 1 << 21, 0), ESRCH);
	MUST_FAIL(getpriority(PRIO_PROCESS, 1 << 21), ESRCH);
	MUST(setuid(5) == 0);
	MUST_FAIL(setpriority(PRIO_PROCESS, 0, 1), EACCES);
	MUST_FAIL(setpriority(PRIO_PROCESS, 1, 1), EPERM);
	MUST(setpriority(PRIO_PROCESS, 0, 9) == 0);
	MUST(setpriority(PRIO_USER, 0, 10) == 0 && getpriority(PRIO_USER, 0) == 10);
	return 0;
}

static int
policies(void)
{
	struct sched_param p = { .sched_priority = 10 };
	struct timespec ts;

	MUST(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER);
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p) == 0 && syscall(SYS_sched_getscheduler, 0) == SCHED_FIFO);
	p.sched_priority = 0;
	MUST(syscall(SYS_sched_getparam, 0, &p) == 0 && p.sched_priority == 10);
	p.sched_priority = 20;
	MUST(syscall(SYS_sched_setparam, 0, &p) == 0);
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_RR | SCHED_RESET_ON_FORK, &p) == 0);
	MUST(syscall(SYS_sched_getscheduler, 0) == (SCHED_RR | SCHED_RESET_ON_FORK));
	MUST(syscall(SYS_sched_rr_get_interval, 0, &ts) == 0 && (ts.tv_sec > 0 || ts.tv_nsec > 0));
	if (fork() == 0)
		_exit(syscall(SYS_sched_getscheduler, 0) != SCHED_OTHER);
	int status;
	MUST(wait(&status) > 0 && status == 0);
	MUST_FAIL(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p), EINVAL);
	MUST_FAIL(syscall(SYS_sched_setscheduler, 0, 77, &p), EINVAL);
	MUST_FAIL(syscall(SYS_sched_setscheduler, 0, -1, &p), EINVAL);
	MUST_FAIL(syscall(SYS_sched_setscheduler, 1 << 21, SCHED_RR, &p), ESRCH);
	p.sched_priority = 100;
	MUST_FAIL(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p), EINVAL);
	p.sched_priority = 0;
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &p) == 0);
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p) == 0);
	MUST(syscall(SYS_sched_get_priority_max, SCHED_FIFO) == 99 && syscall(SYS_sched_get_priority_min, SCHED_RR) == 1);
	MUST(syscall(SYS_sched_get_priority_max, SCHED_OTHER) == 0);
	MUST_FAIL(syscall(SYS_sched_get_priority_max, 77), EINVAL);
	MUST(setuid(5) == 0);
	p.sched_priority = 1;
	MUST_FAIL(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p), EPERM);
	p.sched_priority = 0;
	MUST_FAIL(syscall(SYS_sched_setscheduler, 1, SCHED_OTHER, &p), EPERM);
	MUST(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &p) == 0);
	return 0;
}

static int
affinity(void)
{
	unsigned long mask = 0, all;
	unsigned cpu, node;

	MUST(syscall(SYS_sched_getaffinity, 0, 8, &all) == 8 && (all & 1));
	mask = 1;
	MUST(syscall(SYS_sched_setaffinity, 0, 8, &mask) == 0);
	MUST(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && cpu == 0 && node == 0);
	mask = 0;
	MUST(syscall(SYS_sched_getaffinity, 0, 8, &mask) == 8 && mask == 1);
	MUST_FAIL(syscall(SYS_sched_getaffinity, 0, 3, &mask), EINVAL);
	mask = 0;
	MUST_FAIL(syscall(SYS_sched_setaffinity, 0, 8, &mask), EINVAL);
	mask = 1;
	MUST_FAIL(syscall(SYS_sched_setaffinity, 1 << 21, 8, &mask), ESRCH);
	MUST_FAIL(syscall(SYS_sched_setaffinity, 0, 8, (void *)0x1000), EFAULT);
	MUST(syscall(SYS_sched_setaffinity, 0, 8, &all) == 0);
	MUST(setuid(5) == 0);
	MUST_FAIL(syscall(SYS_sched_setaffinity, 1, 8, &mask), EPERM);
	return 0;
}

static int
attributes(void)
{
	struct { unsigned size, policy; unsigned long flags; int nice; unsigned prio; unsigned long dl[3]; unsigned util[2]; } a = { 0 };

	MUST(syscall(SYS_sched_getattr, 0, &a, 48, 0) == 0 && a.size == 48 && a.policy == SCHED_OTHER && a.nice == 0);
	a.nice = 7;
	MUST(syscall(SYS_sched_setattr, 0, &a, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 7);
	a = (__typeof__(a)){ .size = 48, .policy = SCHED_RR, .prio = 5, .flags = 1 };
	MUST(syscall(SYS_sched_setattr, 0, &a, 0) == 0);
	MUST(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) == 0 && a.policy == SCHED_RR && a.prio == 5 && a.flags == 1);
	MUST_FAIL(syscall(SYS_sched_getattr, 0, &a, 20, 0), EINVAL);
	MUST_FAIL(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
	a.size = 20;
	MUST_FAIL(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
	return 0;
}

static int
personalities(void)
{
	int old = personality(0xffffffff);

	MUST(old == 0 && personality(ADDR_NO_RANDOMIZE) == 0 && personality(0xffffffff) == ADDR_NO_RANDOMIZE);
	return 0;
}

static int
usage(void)
{
	struct rusage ru;
	struct tms tms;
	volatile char *mem;

	MUST(times(&tms) > 0 && times(NULL) > 0);
	MUST_FAIL(getrusage(17, &ru), EINVAL);
	MUST(getrusage(RUSAGE_SELF, &ru) == 0 && ru.ru_maxrss > 0);
	long before = ru.ru_minflt, switches = ru.ru_nvcsw;
	mem = mmap(NULL, 40 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 40; i++)
		mem[i * 4096] = 1;
	usleep(20000);
	MUST(getrusage(RUSAGE_SELF, &ru) == 0 && ru.ru_minflt > before && ru.ru_nvcsw > switches);
	MUST(getrusage(RUSAGE_THREAD, &ru) == 0 && ru.ru_nvcsw > 0);
	return 0;
}

#define CASE(fn) START_TEST(test_##fn) { in_child(fn); } END_TEST
CASE(limits_are_kept)
CASE(limits_of_others)
CASE(prctl_options)
CASE(nice_values)
CASE(policies)
CASE(affinity)
CASE(attributes)
CASE(personalities)
CASE(usage)

int
main(void)
{
	Suite *suite = suite_create("proc_limits");
	TCase *core = tcase_create("core");

	tcase_add_test(core, test_limits_are_kept);
	tcase_add_test(core, test_limits_of_others);
	tcase_add_test(core, test_prctl_options);
	tcase_add_test(core, test_nice_values);
	tcase_add_test(core, test_policies);
	tcase_add_test(core, test_affinity);
	tcase_add_test(core, test_attributes);
	tcase_add_test(core, test_personalities);
	tcase_add_test(core, test_usage);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
