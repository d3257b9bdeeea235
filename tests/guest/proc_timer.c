/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks, sleeping, interval timers, POSIX timers. No test asserts that something happens soon, only not too soon. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

static volatile int count;
static siginfo_t info;

static void
note(int sig, siginfo_t *si, void *ctx)
{
	info = *si;
	count++;
}

static void
catch(int sig)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };

	ck_ok(sigaction(sig, &sa, NULL));
}

static int64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	ck_ok(syscall(SYS_clock_gettime, clock, &ts));
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static void
wait_for_count(int n)
{
	for (int i = 0; i < 5000 && count < n; i++)
		usleep(1000);
	ck_assert_int_ge(count, n);
}

START_TEST(clocks_go_forward)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int64_t a = now_ns(clocks[i]), b;
		struct timespec res;

		for (int j = 0; j < 1000; j++) {
			b = now_ns(clocks[i]);
			ck_assert_int_ge(b, a);
			a = b;
		}
		ck_ok(syscall(SYS_clock_getres, clocks[i], &res));
		ck_assert_int_eq(res.tv_sec, 0);
		ck_assert_int_gt(res.tv_nsec, 0);
	}
	ck_fails(syscall(SYS_clock_gettime, 99, &info), EINVAL);
	ck_fails(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void *)0x1000), EFAULT);
}
END_TEST

START_TEST(vdso_and_kernel_agree)
{
	struct timespec ts;

	for (int i = 0; i < 200; i++) {
		int64_t a = now_ns(CLOCK_MONOTONIC), b, c;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		b = ts.tv_sec * 1000000000L + ts.tv_nsec;
		c = now_ns(CLOCK_MONOTONIC);
		ck_assert_int_le(a, b);
		ck_assert_int_le(b, c);
	}
}
END_TEST

START_TEST(cpu_time_counts_work)
{
	int64_t process = now_ns(CLOCK_PROCESS_CPUTIME_ID), thread = now_ns(CLOCK_THREAD_CPUTIME_ID), wall;
	clockid_t other;

	usleep(50000);
	ck_assert_int_lt(now_ns(CLOCK_PROCESS_CPUTIME_ID) - process, 45000000);
	wall = now_ns(CLOCK_MONOTONIC);
	while (now_ns(CLOCK_MONOTONIC) - wall < 400000000 && now_ns(CLOCK_THREAD_CPUTIME_ID) - thread < 30000000)
		;
	ck_assert_int_ge(now_ns(CLOCK_THREAD_CPUTIME_ID) - thread, 30000000);
	ck_assert_int_ge(now_ns(CLOCK_PROCESS_CPUTIME_ID) - process, 30000000);
	ck_assert_int_eq(clock_getcpuclockid(getpid(), &other), 0);
	ck_assert_int_ge(now_ns(other), 30000000);
}
END_TEST

START_TEST(sleeps_are_long_enough)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };

	for (int i = 0; i < 3; i++) {
		struct timespec ts = { 0, 20000000 };
		int64_t start = now_ns(CLOCK_MONOTONIC);

		ck_assert_int_eq(clock_nanosleep(clocks[i], 0, &ts, NULL), 0);
		ck_assert_int_ge(now_ns(CLOCK_MONOTONIC) - start, 20000000);
		start = now_ns(clocks[i]) + 20000000;
		ts = (struct timespec){ start / 1000000000, start % 1000000000 };
		ck_assert_int_eq(clock_nanosleep(clocks[i], TIMER_ABSTIME, &ts, NULL), 0);
		ck_assert_int_ge(now_ns(clocks[i]), start);
		ts.tv_sec = 1;		/* long past */
		ck_assert_int_eq(clock_nanosleep(clocks[i], TIMER_ABSTIME, &ts, NULL), 0);
	}
}
END_TEST

START_TEST(sleep_errors)
{
	struct timespec ts = { 0, 1000000000 }, zero = { 0, 0 };

	ck_fails(nanosleep(&ts, NULL), EINVAL);
	ts = (struct timespec){ -1, 0 };
	ck_fails(nanosleep(&ts, NULL), EINVAL);
	ck_ok(nanosleep(&zero, NULL));
	ck_fails(syscall(SYS_nanosleep, (void *)0x1000, NULL), EFAULT);
	ck_fails(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL), EOPNOTSUPP);
	ck_fails(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &zero, NULL), EOPNOTSUPP);
	ck_fails(syscall(SYS_clock_nanosleep, 99, 0, &zero, NULL), EINVAL);
}
END_TEST

START_TEST(setting_clocks)
{
	struct timespec ts = { 1, 0 };
	int status;
	pid_t pid;

	ck_fails(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &ts), EINVAL);
	ts.tv_nsec = -1;
	ck_fails(syscall(SYS_clock_settime, CLOCK_REALTIME, &ts), EINVAL);
	pid = ck_ok(fork());
	if (pid == 0) {
		clock_gettime(CLOCK_REALTIME, &ts);
		_exit(setuid(1) == 0 && syscall(SYS_clock_settime, CLOCK_REALTIME, &ts) == -1 && errno == EPERM ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Clocks by number: of the CPU time of a process or a thread, and of a device that an open file is. */
#define CPU_CLOCK(pid, which)	((clockid_t)(~(unsigned)(pid) << 3 | (which)))
#define FD_CLOCK(fd)		((clockid_t)(~(unsigned)(fd) << 3 | 3))

START_TEST(odd_clocks)
{
	struct timespec ts = { 0, 0 };
	struct sigevent sev = { .sigev_notify = SIGEV_NONE };
	char timex[256] = "";
	int id, fd = (int)ck_ok(open("/dev/null", O_RDWR));
	const clockid_t of_fd = FD_CLOCK(fd), closed = FD_CLOCK(99), own = CPU_CLOCK(0, 2), init = CPU_CLOCK(1, 2),
		nobody = CPU_CLOCK(4000000, 2), thread = CPU_CLOCK(0, 6);

	/* setting */
	ck_fails(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_settime, CLOCK_THREAD_CPUTIME_ID, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_settime, own, &ts), EPERM);
	ck_fails(syscall(SYS_clock_settime, thread, &ts), EPERM);
	ck_fails(syscall(SYS_clock_settime, init, &ts), EPERM);
	ck_fails(syscall(SYS_clock_settime, nobody, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_settime, own, (void *)8), EFAULT);
	ck_fails(syscall(SYS_clock_settime, nobody, (void *)8), EFAULT);
	ck_fails(syscall(SYS_clock_settime, CLOCK_MONOTONIC, (void *)8), EINVAL);
	ck_fails(syscall(SYS_clock_settime, 50, (void *)8), EINVAL);
	ck_fails(syscall(SYS_clock_settime, of_fd, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_settime, closed, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_settime, closed, (void *)8), EFAULT);
	/* reading */
	ck_ok(syscall(SYS_clock_gettime, own, &ts));
	ck_ok(syscall(SYS_clock_gettime, init, &ts));
	ck_fails(syscall(SYS_clock_gettime, nobody, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_gettime, of_fd, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_gettime, closed, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_getres, of_fd, &ts), EINVAL);
	ck_fails(syscall(SYS_clock_getres, closed, NULL), EINVAL);
	/* sleeping, timers, steering */
	ts = (struct timespec){ 0, 1 };
	ck_fails(syscall(SYS_clock_nanosleep, of_fd, 0, &ts, NULL), EOPNOTSUPP);
	ck_fails(syscall(SYS_clock_nanosleep, closed, 0, (void *)8, NULL), EOPNOTSUPP);
	ck_fails(syscall(SYS_clock_nanosleep, nobody, 0, &ts, NULL), EINVAL);
	ck_fails(syscall(SYS_clock_nanosleep, thread, 0, &ts, NULL), EINVAL);
	ck_fails(syscall(SYS_timer_create, of_fd, &sev, &id), EOPNOTSUPP);
	ck_fails(syscall(SYS_timer_create, nobody, &sev, &id), EINVAL);
	ck_fails(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, &sev, &id), EOPNOTSUPP);
	ck_fails(syscall(SYS_timer_create, 50, &sev, &id), EINVAL);
	ck_fails(syscall(SYS_clock_adjtime, of_fd, timex), EINVAL);
	ck_fails(syscall(SYS_clock_adjtime, nobody, timex), EOPNOTSUPP);
	ck_fails(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, timex), EOPNOTSUPP);
	ck_fails(syscall(SYS_clock_adjtime, 50, timex), EINVAL);
	ck_fails(syscall(SYS_clock_adjtime, 50, (void *)8), EFAULT);
	close(fd);
}
END_TEST

START_TEST(alarm_rings)
{
	catch(SIGALRM);
	ck_assert_int_eq(alarm(100), 0);
	ck_assert_int_eq(alarm(1), 100);
	ck_fails(pause(), EINTR);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(alarm(0), 0);
}
END_TEST

START_TEST(real_itimer_repeats)
{
	struct itimerval it = { { 0, 5000 }, { 0, 10000 } }, old;

	catch(SIGALRM);
	ck_ok(setitimer(ITIMER_REAL, &it, NULL));
	wait_for_count(5);
	ck_ok(getitimer(ITIMER_REAL, &old));
	ck_assert_int_eq(old.it_interval.tv_usec, 5000);
	ck_assert_int_le(old.it_value.tv_usec, 5000);
	ck_assert_int_eq(info.si_code, SI_KERNEL);
	it = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	ck_ok(setitimer(ITIMER_REAL, &it, &old));
	ck_ok(getitimer(ITIMER_REAL, &old));
	ck_assert_int_eq(old.it_value.tv_usec, 0);
	it.it_value.tv_usec = 1000000;
	ck_fails(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	ck_fails(setitimer(5, &old, NULL), EINVAL);
	ck_fails(getitimer(5, &old), EINVAL);
}
END_TEST

START_TEST(cpu_itimers)
{
	struct itimerval it = { { 0, 0 }, { 0, 20000 } };
	int64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);

	catch(SIGVTALRM);
	catch(SIGPROF);
	ck_ok(setitimer(ITIMER_PROF, &it, NULL));
	while (count == 0 && now_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 3000000000L)
		;
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(info.si_signo, SIGPROF);
	ck_assert_int_ge(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start, 16000000);
	ck_ok(setitimer(ITIMER_VIRTUAL, &it, NULL));
	for (volatile long i = 0; i < 4000000000L && count == 1; i++)
		;
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(info.si_signo, SIGVTALRM);
}
END_TEST

START_TEST(cpu_limit_signals)
{
	struct rlimit rl = { 1, 2 };
	int status;
	pid_t pid = ck_ok(fork());

	if (pid == 0) {
		catch(SIGXCPU);
		setrlimit(RLIMIT_CPU, &rl);
		while (count == 0)
			;
		for (;;)
			;
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

static timer_t
make_timer(clockid_t clock, int sig)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig, .sigev_value.sival_int = 42 };
	timer_t timer;

	ck_ok(timer_create(clock, &ev, &timer));
	return timer;
}

START_TEST(posix_timers_fire)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	struct itimerspec its = { { 0, 0 }, { 0, 10000000 } }, cur;

	catch(SIGRTMIN);
	for (int i = 0; i < 3; i++) {
		timer_t t = make_timer(clocks[i], SIGRTMIN);

		count = 0;
		ck_ok(timer_settime(t, 0, &its, NULL));
		wait_for_count(1);
		ck_assert_int_eq(info.si_code, SI_TIMER);
		ck_assert_int_eq(info.si_value.sival_int, 42);
		ck_assert_int_eq(info.si_overrun, 0);
		ck_ok(timer_gettime(t, &cur));
		ck_assert_int_eq(cur.it_value.tv_nsec, 0);
		ck_ok(timer_delete(t));
	}
}
END_TEST

START_TEST(absolute_timers)
{
	int64_t when = now_ns(CLOCK_REALTIME) + 20000000;
	struct itimerspec its = { { 0, 0 }, { when / 1000000000, when % 1000000000 } };
	timer_t t = make_timer(CLOCK_REALTIME, SIGRTMIN);

	catch(SIGRTMIN);
	ck_ok(timer_settime(t, TIMER_ABSTIME, &its, NULL));
	wait_for_count(1);
	ck_assert_int_ge(now_ns(CLOCK_REALTIME), when);
	its.it_value.tv_sec = 1;
	ck_ok(timer_settime(t, TIMER_ABSTIME, &its, NULL));
	wait_for_count(2);
	ck_ok(timer_delete(t));
}
END_TEST

START_TEST(overruns_are_counted)
{
	struct itimerspec its = { { 0, 1000000 }, { 0, 1000000 } }, zero = { { 0, 0 }, { 0, 0 } }, cur;
	timer_t t = make_timer(CLOCK_MONOTONIC, SIGRTMIN);
	sigset_t set;
	siginfo_t si;

	catch(SIGRTMIN);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ck_ok(sigprocmask(SIG_BLOCK, &set, NULL));
	ck_ok(timer_settime(t, 0, &its, NULL));
	usleep(30000);
	ck_assert_int_eq(sigwaitinfo(&set, &si), SIGRTMIN);
	ck_assert_int_ge(si.si_overrun, 25);
	ck_assert_int_eq(timer_getoverrun(t), si.si_overrun);
	ck_ok(timer_gettime(t, &cur));
	ck_assert_int_eq(cur.it_interval.tv_nsec, 1000000);
	ck_ok(timer_settime(t, 0, &zero, &cur));
	ck_ok(timer_gettime(t, &cur));
	ck_assert_int_eq(cur.it_value.tv_nsec, 0);
	ck_ok(timer_delete(t));
}
END_TEST

START_TEST(timers_without_signals)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	struct itimerspec its = { { 0, 0 }, { 0, 20000000 } }, cur;
	timer_t t;

	ck_ok(timer_create(CLOCK_MONOTONIC, &ev, &t));
	ck_ok(timer_settime(t, 0, &its, NULL));
	ck_ok(timer_gettime(t, &cur));
	ck_assert_int_gt(cur.it_value.tv_nsec, 0);
	usleep(30000);
	ck_ok(timer_gettime(t, &cur));
	ck_assert_int_eq(cur.it_value.tv_nsec, 0);
	ck_ok(timer_delete(t));
}
END_TEST

START_TEST(timer_to_a_thread)
{
	struct sigevent ev = { .sigev_notify = 4 /* SIGEV_THREAD_ID */, .sigev_signo = SIGRTMIN };
	struct itimerspec its = { { 0, 0 }, { 0, 5000000 } };
	int id;

	catch(SIGRTMIN);
	*(int *)((char *)&ev + 16) = (int)syscall(SYS_gettid);
	ck_ok(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
	ck_ok(syscall(SYS_timer_settime, id, 0, &its, NULL));
	wait_for_count(1);
	ck_ok(syscall(SYS_timer_delete, id));
	*(int *)((char *)&ev + 16) = 1;		/* not ours */
	ck_fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
}
END_TEST

START_TEST(cpu_time_timer)
{
	struct itimerspec its = { { 0, 0 }, { 0, 20000000 } };
	timer_t t = make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGRTMIN);
	int64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);

	catch(SIGRTMIN);
	ck_ok(timer_settime(t, 0, &its, NULL));
	while (count == 0 && now_ns(CLOCK_PROCESS_CPUTIME_ID) - start < 3000000000L)
		;
	ck_assert_int_eq(count, 1);
	ck_assert_int_ge(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start, 20000000);
	ck_ok(timer_delete(t));
}
END_TEST

START_TEST(timer_errors)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99 };
	struct itimerspec its = { { 0, 0 }, { 0, -1 } };
	int id;
	timer_t t = make_timer(CLOCK_MONOTONIC, SIGRTMIN);

	ck_fails(timer_settime(t, 0, &its, NULL), EINVAL);
	ck_fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	ev.sigev_notify = 7;
	ev.sigev_signo = SIGUSR1;
	ck_fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	ck_fails(syscall(SYS_timer_create, 99, NULL, &id), EINVAL);
	ck_fails(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, NULL, &id), EOPNOTSUPP);
	ck_fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, (void *)0x1000), EFAULT);
	ck_fails(syscall(SYS_timer_gettime, 12345, &its), EINVAL);
	ck_fails(syscall(SYS_timer_getoverrun, 12345), EINVAL);
	ck_fails(syscall(SYS_timer_delete, 12345), EINVAL);
	ck_ok(timer_delete(t));
}
END_TEST

START_TEST(fork_inherits_no_timers)
{
	struct itimerval it = { { 0, 0 }, { 100, 0 } }, cur;
	timer_t t = make_timer(CLOCK_MONOTONIC, SIGRTMIN);
	int status;
	pid_t pid;

	ck_ok(setitimer(ITIMER_REAL, &it, NULL));
	pid = ck_ok(fork());
	if (pid == 0) {
		struct itimerspec its;

		getitimer(ITIMER_REAL, &cur);
		_exit(cur.it_value.tv_sec == 0 && timer_gettime(t, &its) == -1 && errno == EINVAL ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_ok(getitimer(ITIMER_REAL, &cur));
	ck_assert_int_ge(cur.it_value.tv_sec, 90);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc_timer");
	TCase *core = tcase_create("core");

	tcase_add_test(core, clocks_go_forward);
	tcase_add_test(core, vdso_and_kernel_agree);
	tcase_add_test(core, cpu_time_counts_work);
	tcase_add_test(core, sleeps_are_long_enough);
	tcase_add_test(core, sleep_errors);
	tcase_add_test(core, setting_clocks);
	tcase_add_test(core, odd_clocks);
	tcase_add_test(core, alarm_rings);
	tcase_add_test(core, real_itimer_repeats);
	tcase_add_test(core, cpu_itimers);
	tcase_add_test(core, cpu_limit_signals);
	tcase_add_test(core, posix_timers_fire);
	tcase_add_test(core, absolute_timers);
	tcase_add_test(core, overruns_are_counted);
	tcase_add_test(core, timers_without_signals);
	tcase_add_test(core, timer_to_a_thread);
	tcase_add_test(core, cpu_time_timer);
	tcase_add_test(core, timer_errors);
	tcase_add_test(core, fork_inherits_no_timers);
	suite_add_tcase(suite, core);
	return guest_run(suite);
}
