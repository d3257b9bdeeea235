/* SPDX-License-Identifier: BSD-2-Clause */
/* futex_waitv: several words at once. Linux's Documentation/userspace-api/futex2.rst. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

#ifndef FUTEX_32
#define FUTEX_32 2
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct word { uint64_t val, uaddr; uint32_t flags, reserved; };

static uint32_t *f;
static struct word w[129];

static long waitv(void *words, unsigned n, unsigned flags, void *ts, int clock) { return syscall(SYS_futex_waitv, words, n, flags, ts, clock); }

static void
setup(void)
{
	f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 129; i++)
		w[i] = (struct word){ 0, (uint64_t)&f[i], FUTEX_32, 0 };
}

static struct timespec
after(int clock, long ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void *
wake(void *arg)
{
	long i = (long)arg;
	int op = w[i].flags & FUTEX_PRIVATE_FLAG ? FUTEX_WAKE_PRIVATE : FUTEX_WAKE;

	while (syscall(SYS_futex, w[i].uaddr, op, 1, NULL, NULL, 0) == 0)
		usleep(1000);
	return NULL;
}

START_TEST(one_of_many_wakes)
{
	static const long which[] = { 0, 64, 127 };

	for (int i = 0; i < 3; i++) {
		pthread_t th;

		w[which[i]].flags |= i == 1 ? FUTEX_PRIVATE_FLAG : 0;
		pthread_create(&th, NULL, wake, (void *)which[i]);
		ck_assert_int_eq(waitv(w, 128, 0, NULL, CLOCK_MONOTONIC), which[i]);
		pthread_join(th, NULL);
	}
}
END_TEST

START_TEST(another_process_wakes)
{
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		wake((void *)3);
		_exit(0);
	}
	ck_assert_int_eq(waitv(w, 8, 0, NULL, CLOCK_REALTIME), 3);
	ck_ok(waitpid(pid, NULL, 0));
}
END_TEST

START_TEST(a_word_differs)
{
	struct timespec ts = after(CLOCK_MONOTONIC, 100);

	f[5] = 1;
	ck_fails(waitv(w, 8, 0, &ts, CLOCK_MONOTONIC), EAGAIN);
	ck_assert_int_eq(syscall(SYS_futex, &f[0], FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);	/* nobody was left behind */
}
END_TEST

START_TEST(time_runs_out)
{
	struct timespec ts = after(CLOCK_MONOTONIC, 20);

	ck_fails(waitv(w, 8, 0, &ts, CLOCK_MONOTONIC), ETIMEDOUT);
	ts = after(CLOCK_REALTIME, 20);
	ck_fails(waitv(w, 8, 0, &ts, CLOCK_REALTIME), ETIMEDOUT);
	ck_assert_int_eq(syscall(SYS_futex, &f[7], FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
}
END_TEST

static void on_signal(int s) { }

START_TEST(a_signal_interrupts)
{
	struct sigaction sa = { .sa_handler = on_signal };

	ck_ok(sigaction(SIGALRM, &sa, NULL));
	ck_ok(ualarm(20000, 0));
	ck_fails(waitv(w, 8, 0, NULL, CLOCK_MONOTONIC), EINTR);
}
END_TEST

START_TEST(errors)
{
	struct timespec ts = after(CLOCK_MONOTONIC, 100), bad = { 0, 1000000000 };

	ck_fails(waitv(w, 1, 1, NULL, 0), EINVAL);
	ck_fails(waitv(w, 0, 0, NULL, 0), EINVAL);
	ck_fails(waitv(w, 129, 0, NULL, 0), EINVAL);
	ck_fails(waitv(NULL, 1, 0, NULL, 0), EINVAL);
	ck_fails(waitv((void *)8, 1, 0, NULL, 0), EFAULT);
	ck_fails(waitv(w, 1, 0, (void *)8, CLOCK_MONOTONIC), EFAULT);
	ck_fails(waitv(w, 1, 0, &ts, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	ck_fails(waitv(w, 1, 0, &bad, CLOCK_MONOTONIC), EINVAL);
	w[0].flags = 0;
	ck_fails(waitv(w, 1, 0, &ts, CLOCK_MONOTONIC), EINVAL);
	w[0].flags = FUTEX_32 | 4;
	ck_fails(waitv(w, 1, 0, &ts, CLOCK_MONOTONIC), EINVAL);
	w[0].flags = FUTEX_32;
	w[0].reserved = 1;
	ck_fails(waitv(w, 1, 0, &ts, CLOCK_MONOTONIC), EINVAL);
	w[0].reserved = 0;
	w[0].uaddr += 1;
	ck_fails(waitv(w, 1, 0, &ts, CLOCK_MONOTONIC), EINVAL);
	w[0].uaddr = 8;
	ck_fails(waitv(w, 1, 0, &ts, CLOCK_MONOTONIC), EFAULT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("futex_waitv");
	TCase *t = tcase_create("core");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, one_of_many_wakes);
	tcase_add_test(t, another_process_wakes);
	tcase_add_test(t, a_word_differs);
	tcase_add_test(t, time_runs_out);
	tcase_add_test(t, a_signal_interrupts);
	tcase_add_test(t, errors);
	suite_add_tcase(s, t);
	return guest_run(s);
}
