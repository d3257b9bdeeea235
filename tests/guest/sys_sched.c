/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling calls: policies, priorities, affinity, and what they do. musl's sched_* are stubs, so the raw calls are used. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

struct param { int prio; };

static long
set_policy(pid_t pid, int policy, int prio)
{
	struct param p = { prio };

	return syscall(SYS_sched_setscheduler, pid, policy, &p);
}

static long
nsec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void
spin(long ns)
{
	for (long end = nsec() + ns; nsec() < end;)
		;
}

static void
pin(int cpu)
{
	unsigned long mask = 1UL << cpu;

	ck_ok(syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask));
}

START_TEST(default_policy)
{
	struct param p = { 7 };

	ck_assert_int_eq(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
	ck_ok(syscall(SYS_sched_getparam, 0, &p));
	ck_assert_int_eq(p.prio, 0);
}
END_TEST

START_TEST(policy_arguments)
{
	ck_fails(set_policy(0, SCHED_FIFO, 0), EINVAL);
	ck_fails(set_policy(0, SCHED_FIFO, 100), EINVAL);
	ck_fails(set_policy(0, SCHED_OTHER, 1), EINVAL);
	ck_fails(set_policy(0, 99, 0), EINVAL);
	ck_fails(set_policy(-1, SCHED_OTHER, 0), EINVAL);
	ck_fails(set_policy(999999, SCHED_OTHER, 0), ESRCH);
	ck_fails(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	ck_fails(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, 8L), EFAULT);
	ck_fails(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	ck_fails(syscall(SYS_sched_getscheduler, -1), EINVAL);
}
END_TEST

START_TEST(priority_ranges)
{
	ck_assert_int_eq(syscall(SYS_sched_get_priority_max, SCHED_FIFO), 99);
	ck_assert_int_eq(syscall(SYS_sched_get_priority_min, SCHED_RR), 1);
	ck_assert_int_eq(syscall(SYS_sched_get_priority_max, SCHED_OTHER), 0);
	ck_fails(syscall(SYS_sched_get_priority_max, 42), EINVAL);
}
END_TEST

START_TEST(round_robin_slice)
{
	struct timespec t = { 9, 9 };

	ck_ok(set_policy(0, SCHED_RR, 3));
	ck_ok(syscall(SYS_sched_rr_get_interval, 0, &t));
	ck_assert(t.tv_sec == 0 && t.tv_nsec > 0);
	ck_ok(set_policy(0, SCHED_FIFO, 3));
	ck_ok(syscall(SYS_sched_rr_get_interval, 0, &t));
	ck_assert(t.tv_sec == 0 && t.tv_nsec == 0);
}
END_TEST

START_TEST(policy_is_inherited_by_fork)
{
	int status;

	ck_ok(set_policy(0, SCHED_RR, 5));
	if (fork() == 0)
		_exit(syscall(SYS_sched_getscheduler, 0) == SCHED_RR ? 0 : 1);
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
	ck_ok(set_policy(0, SCHED_RR | SCHED_RESET_ON_FORK, 5));
	ck_assert_int_eq(syscall(SYS_sched_getscheduler, 0), SCHED_RR | SCHED_RESET_ON_FORK);
	if (fork() == 0)
		_exit(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER ? 0 : 1);
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(unprivileged_may_not_raise)
{
	ck_ok(nice(5));
	ck_ok(setuid(1000));
	ck_fails(set_policy(0, SCHED_FIFO, 1), EPERM);
	ck_fails(setpriority(PRIO_PROCESS, 0, 0), EACCES);
	ck_ok(setpriority(PRIO_PROCESS, 0, 10));
	errno = 0;
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), 10);
	ck_ok(set_policy(0, SCHED_BATCH, 0));
	ck_ok(set_policy(0, SCHED_IDLE, 0));
	ck_fails(set_policy(0, SCHED_OTHER, 0), EPERM);
}
END_TEST

START_TEST(priority_is_clamped)
{
	ck_ok(setpriority(PRIO_PROCESS, 0, -100));
	errno = 0;
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), -20);
	ck_ok(setpriority(PRIO_PROCESS, 0, 100));
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), 19);
	ck_fails(setpriority(42, 0, 0), EINVAL);
	ck_fails(setpriority(PRIO_PROCESS, 999999, 0), ESRCH);
}
END_TEST

START_TEST(affinity_calls)
{
	unsigned long mask[16] = { 0 };
	unsigned cpu = 99;
	long n;

	n = ck_ok(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask));
	ck_assert(n >= 8 && n % 8 == 0);
	ck_assert(mask[0] & 1);
	ck_fails(syscall(SYS_sched_getaffinity, 0, 3, mask), EINVAL);
	ck_fails(syscall(SYS_sched_getaffinity, 999999, sizeof(mask), mask), ESRCH);
	memset(mask, 0, sizeof(mask));
	ck_fails(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask), EINVAL);
	ck_fails(syscall(SYS_sched_setaffinity, 0, 8, 8L), EFAULT);
	pin(0);
	ck_ok(syscall(SYS_getcpu, &cpu, NULL, NULL));
	ck_assert_uint_eq(cpu, 0);
}
END_TEST

START_TEST(moves_at_once)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	for (int i = 0; i < 100; i++) {
		unsigned cpu = 99;

		pin(i % cpus);
		syscall(SYS_getcpu, &cpu, NULL, NULL);
		ck_assert_uint_eq(cpu, (unsigned)(i % cpus));
	}
}
END_TEST

START_TEST(fifo_runs_before_others)
{
	int go[2], status;
	char c;

	pin(0);
	ck_ok(pipe(go));
	pid_t low = fork();
	if (low == 0) {		/* would spin for ever */
		for (;;)
			;
	}
	ck_ok(set_policy(0, SCHED_FIFO, 10));
	pid_t child = fork();
	if (child == 0) {
		write(go[1], "x", 1);
		_exit(0);
	}
	long start = nsec();
	ck_assert_int_eq(read(go[0], &c, 1), 1);
	ck_assert_int_lt(nsec() - start, 1000000000L);
	ck_ok(waitpid(child, &status, 0));
	kill(low, SIGKILL);
	ck_ok(waitpid(low, &status, 0));
}
END_TEST

/* Shared with children: what they have done. */
static volatile int *
shared_counters(void)
{
	return (volatile int *)ck_ok(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void
unpin(void)
{
	unsigned long all = ~0UL;

	ck_ok(syscall(SYS_sched_setaffinity, 0, sizeof(all), &all));
}

/* A thread of the CPU that it last ran on, taken by a higher one for good, runs on another one, which has only ordinary threads. */
START_TEST(real_time_goes_where_it_can)
{
	volatile int *done = shared_counters();
	int go[2], ready[2];
	char c;

	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		return;
	ck_ok(pipe(go));
	ck_ok(pipe(ready));
	ck_ok(set_policy(0, SCHED_FIFO, 60));
	pid_t ordinary = fork();
	if (ordinary == 0) {
		pin(1);
		set_policy(0, SCHED_OTHER, 0);
		for (;;)
			;
	}
	pid_t low = fork();
	if (low == 0) {
		pin(0);
		set_policy(0, SCHED_FIFO, 20);
		unpin();
		write(ready[1], "x", 1);
		read(go[0], &c, 1);
		done[0] = 1;
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	usleep(50000);
	pin(0);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	while (!done[0])
		;
	kill(ordinary, SIGKILL);
	ck_ok(waitpid(low, NULL, 0));
	ck_ok(waitpid(ordinary, NULL, 0));
}
END_TEST

/* The same where it runs when the higher one comes. */
START_TEST(preempted_real_time_goes_on_elsewhere)
{
	volatile int *counter = shared_counters();

	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		return;
	ck_ok(set_policy(0, SCHED_FIFO, 60));
	pid_t ordinary = fork();
	if (ordinary == 0) {
		pin(1);
		set_policy(0, SCHED_OTHER, 0);
		for (;;)
			;
	}
	pid_t low = fork();
	if (low == 0) {
		pin(0);
		set_policy(0, SCHED_FIFO, 20);
		unpin();
		for (;;)
			counter[0]++;
	}
	while (!counter[0])
		usleep(1000);
	for (int i = 0; i < 3; i++) {
		pin(i & 1);
		int before = counter[0];

		while (counter[0] - before < 1000)
			;
	}
	kill(low, SIGKILL);
	kill(ordinary, SIGKILL);
	ck_ok(waitpid(low, NULL, 0));
	ck_ok(waitpid(ordinary, NULL, 0));
}
END_TEST

/* The CPU time that two hogs on one CPU get in 1.5 s. */
static void
two_hogs(int nice0, int nice1, double *share)
{
	struct rusage u;
	pid_t pid[2];
	double got[2];
	int nices[2] = { nice0, nice1 };

	pin(0);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			setpriority(PRIO_PROCESS, 0, nices[i]);
			for (;;)
				;
		}
	}
	setpriority(PRIO_PROCESS, 0, -20);
	usleep(1500000);
	for (int i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		ck_ok(wait4(pid[i], NULL, 0, &u));
		got[i] = u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6 + u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6;
	}
	*share = got[0] / (got[0] + got[1]);
}

START_TEST(equal_hogs_share_evenly)
{
	double share;

	two_hogs(0, 0, &share);
	ck_assert_msg(share > 0.25 && share < 0.75, "share %.2f", share);	/* a loaded host stops CPUs */
}
END_TEST

START_TEST(nice_weighs)
{
	double share;

	two_hogs(0, 15, &share);	/* 1024 : 36 */
	ck_assert_msg(share > 0.65, "share %.2f", share);
}
END_TEST

START_TEST(sleeper_wakes_beside_a_hog)
{
	int late = 0;
	pid_t hog;

	pin(0);
	hog = fork();
	if (hog == 0)
		for (;;)
			;
	for (int i = 0; i < 50; i++) {
		long start = nsec();

		usleep(2000);
		late += nsec() - start > 50000000L;
	}
	kill(hog, SIGKILL);
	wait(NULL);
	ck_assert_msg(late < 25, "%d of 50 sleeps of 2 ms took over 50", late);
}
END_TEST

START_TEST(cpu_time_is_counted)
{
	struct timespec a, b;
	struct rusage u;
	struct tms t;

	ck_ok(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a));
	spin(200000000L);
	ck_ok(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b));
	long used = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;

	ck_assert_msg(used > 10000000L && used < 400000000L, "%ld", used);
	ck_ok(getrusage(RUSAGE_SELF, &u));
	ck_assert(u.ru_utime.tv_sec > 0 || u.ru_utime.tv_usec > 10000 || u.ru_stime.tv_usec > 10000);
	ck_assert((long)times(&t) > 0);
	ck_assert(t.tms_utime + t.tms_stime >= 1);
	long before = u.ru_nvcsw;

	for (int i = 0; i < 20; i++)		/* a sleep that ends before the switch isn't one */
		usleep(1000);
	ck_ok(getrusage(RUSAGE_SELF, &u));
	ck_assert_int_gt(u.ru_nvcsw, before);
}
END_TEST

START_TEST(user_and_system_time_never_go_back)
{
	struct rusage u;
	long last_u = 0, last_s = 0;

	for (int i = 0; i < 3000; i++) {
		ck_ok(getrusage(RUSAGE_SELF, &u));
		long nu = u.ru_utime.tv_sec * 1000000L + u.ru_utime.tv_usec, ns = u.ru_stime.tv_sec * 1000000L + u.ru_stime.tv_usec;

		ck_assert_int_ge(nu, last_u);
		ck_assert_int_ge(ns, last_s);
		last_u = nu;
		last_s = ns;
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sys_sched");
	TCase *t = tcase_create("core");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, default_policy);
	tcase_add_test(t, policy_arguments);
	tcase_add_test(t, priority_ranges);
	tcase_add_test(t, round_robin_slice);
	tcase_add_test(t, policy_is_inherited_by_fork);
	tcase_add_test(t, unprivileged_may_not_raise);
	tcase_add_test(t, priority_is_clamped);
	tcase_add_test(t, affinity_calls);
	tcase_add_test(t, moves_at_once);
	tcase_add_test(t, fifo_runs_before_others);
	tcase_add_test(t, real_time_goes_where_it_can);
	tcase_add_test(t, preempted_real_time_goes_on_elsewhere);
	tcase_add_test(t, equal_hogs_share_evenly);
	tcase_add_test(t, nice_weighs);
	tcase_add_test(t, sleeper_wakes_beside_a_hog);
	tcase_add_test(t, cpu_time_is_counted);
	tcase_add_test(t, user_and_system_time_never_go_back);
	suite_add_tcase(s, t);
	return guest_run(s);
}
