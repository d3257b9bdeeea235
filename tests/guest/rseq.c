/* SPDX-License-Identifier: BSD-2-Clause */
/* rseq(2): the processor's number in user memory, critical sections that are aborted. Linux's include/uapi/linux/rseq.h. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "guest.h"

#define SIG	0x53053053u
#define SIG_TEXT "0x53053053"

struct area { uint32_t start, cpu; uint64_t cs; uint32_t flags, pad[3]; } __attribute__((aligned(32)));
struct section { uint32_t version, flags; uint64_t start, len, abort; } __attribute__((aligned(32)));

static __thread volatile struct area area = { .cpu = -1u };

static long reg(volatile void *a, unsigned len, int flags, unsigned sig) { return syscall(SYS_rseq, a, len, flags, sig); }

START_TEST(registration)
{
	ck_assert_uint_eq(area.cpu, -1u);
	ck_ok(reg(&area, 32, 0, SIG));
	ck_assert_uint_lt(area.cpu, 64);
	ck_assert_uint_eq(area.cpu, area.start);
	ck_fails(reg(&area, 32, 0, SIG), EBUSY);
	ck_fails(reg(&area, 32, 0, SIG + 1), EPERM);
	ck_fails(reg(&area + 1, 32, 0, SIG), EINVAL);
	ck_fails(reg(&area, 64, 0, SIG), EINVAL);
	ck_fails(reg(&area, 32, 2, SIG), EINVAL);
	ck_fails(reg(&area, 32, 3, SIG), EINVAL);
	ck_fails(reg(&area, 32, 1, SIG + 1), EPERM);
	ck_fails(reg(&area + 1, 32, 1, SIG), EINVAL);
	ck_fails(reg(&area, 16, 1, SIG), EINVAL);
	ck_ok(reg(&area, 32, 1, SIG));
	ck_assert_uint_eq(area.cpu, -1u);
	ck_assert_uint_eq(area.start, 0);
	ck_fails(reg(&area, 32, 1, SIG), EINVAL);
	ck_fails(reg((char *)&area + 8, 32, 0, SIG), EINVAL);
	ck_fails(reg(&area, 31, 0, SIG), EINVAL);
	ck_fails(reg((void *)-4096ul, 32, 0, SIG), EFAULT);
}
END_TEST

START_TEST(the_number_follows)
{
	cpu_set_t set, all;

	ck_ok(sched_getaffinity(0, sizeof(all), &all));
	ck_ok(reg(&area, 32, 0, SIG));
	for (int round = 0; round < 20; round++)
		for (int cpu = 0; cpu < 64; cpu++) {
			if (!CPU_ISSET(cpu, &all))
				continue;
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			ck_ok(sched_setaffinity(0, sizeof(set), &set));
			ck_assert_uint_eq(area.cpu, (unsigned)cpu);
			ck_assert_uint_eq(area.start, (unsigned)cpu);
		}
}
END_TEST

/* Spin in a critical section until it is aborted: 1; or for a number of turns: 0. */
static int
spin_in_section(volatile struct area *a, long turns)
{
	int aborted;

	__asm__ volatile(
		".pushsection .data.rel, \"aw\"\n\t"
		".balign 32\n"
		"9:\t.long 0, 0\n\t"
		".quad 1f, 2f - 1f, 4f\n\t"
		".popsection\n\t"
		"lea 9b(%%rip), %%rax\n\t"
		"mov %%rax, 8(%[a])\n"
		"1:\n\t"
		"dec %[n]\n\t"
		"jnz 1b\n"
		"2:\n\t"
		"movq $0, 8(%[a])\n\t"
		"xor %[r], %[r]\n\t"
		"jmp 5f\n\t"
		".long " SIG_TEXT "\n"
		"4:\n\t"
		"mov $1, %[r]\n"
		"5:"
		: [r] "=&r"(aborted), [n] "+r"(turns) : [a] "r"(a) : "rax", "memory", "cc");
	return aborted;
}

static volatile int signals;
static volatile uint64_t cs_in_handler;
static void on_signal(int s) { signals++; cs_in_handler = area.cs; }

START_TEST(a_signal_aborts)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval it = { .it_value = { 0, 50000 } };

	ck_ok(sigaction(SIGALRM, &sa, NULL));
	ck_ok(reg(&area, 32, 0, SIG));
	cs_in_handler = 1;
	ck_ok(setitimer(ITIMER_REAL, &it, NULL));
	while (spin_in_section(&area, 1000000000) == 0)
		;
	while (signals == 0)
		;
	ck_assert_uint_eq(area.cs, 0);
	ck_assert_uint_eq(cs_in_handler, 0);
}
END_TEST

static volatile int stop;
static void *
hog(void *arg)
{
	while (!stop)
		sched_yield();
	return NULL;
}

START_TEST(preemption_aborts)
{
	pthread_t th;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ck_ok(sched_setaffinity(0, sizeof(set), &set));
	ck_ok(reg(&area, 32, 0, SIG));
	pthread_create(&th, NULL, hog, NULL);
	while (spin_in_section(&area, 1000000) == 0)
		;
	stop = 1;
	pthread_join(th, NULL);
}
END_TEST

START_TEST(undisturbed)
{
	int done = 0;

	ck_ok(reg(&area, 32, 0, SIG));
	for (int i = 0; i < 1000; i++)
		done += spin_in_section(&area, 10) == 0;
	ck_assert_int_gt(done, 500);
	ck_assert_uint_eq(area.cs, 0);
}
END_TEST

/* What a child dies of that has this section, or this pointer to one. */
static int
death_by(volatile struct section *cs, uint64_t pointer)
{
	struct itimerval it = { .it_value = { 0, 10000 } };
	int status;
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		alarm(0);
		if (reg(&area, 32, 0, SIG) != 0)
			_exit(1);
		area.cs = cs != NULL ? (uint64_t)cs : pointer;
		signal(SIGALRM, on_signal);
		setitimer(ITIMER_REAL, &it, NULL);
		while (signals == 0)
			;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

START_TEST(bad_sections)
{
	static uint32_t code[4] = { 0, SIG, 0, 0 };
	struct section good = { 0, 0, 4096, 16, (uint64_t)&code[2] }, cs = good;

	ck_assert_int_eq(death_by(&good, 0), 0);
	cs.version = 1;
	ck_assert_int_eq(death_by(&cs, 0), SIGSEGV);
	cs = good;
	cs.abort = (uint64_t)&code[3];		/* no signature there */
	ck_assert_int_eq(death_by(&cs, 0), SIGSEGV);
	cs = good;
	cs.start = -4096ul;
	ck_assert_int_eq(death_by(&cs, 0), SIGSEGV);
	cs = good;
	cs.abort = good.start + 4;		/* inside itself */
	ck_assert_int_eq(death_by(&cs, 0), SIGSEGV);
	ck_assert_int_eq(death_by(NULL, 8), SIGSEGV);
	ck_assert_int_eq(death_by(NULL, -8ul), SIGSEGV);
}
END_TEST

START_TEST(an_area_that_goes)
{
	int status;
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (reg(m, 32, 0, SIG) != 0)
			_exit(1);
		munmap(m, 4096);
		for (;;)
			usleep(1000);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

static void *
in_a_thread(void *arg)
{
	long *r = arg;

	r[0] = reg(&area, 32, 0, SIG);		/* not inherited by threads */
	r[1] = area.cpu;
	return NULL;
}

START_TEST(who_inherits)
{
	int status;
	pthread_t th;
	long r[2] = { -1, -1 };
	pid_t pid;

	ck_ok(reg(&area, 32, 0, SIG));
	pid = (pid_t)ck_ok(fork());
	if (pid == 0)
		_exit(reg(&area, 32, 0, SIG) == -1 && errno == EBUSY && area.cpu < 64 ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	pthread_create(&th, NULL, in_a_thread, r);
	pthread_join(th, NULL);
	ck_assert_int_eq(r[0], 0);
	ck_assert_int_lt(r[1], 64);
}
END_TEST

/* membarrier(2) restarts the sections of other threads. */
static volatile int inside, aborts;
static void *
sections(void *arg)
{
	reg(&area, 32, 0, SIG);
	inside = 1;
	while (!stop)
		aborts += spin_in_section(&area, 100000000);
	return NULL;
}

START_TEST(membarrier_aborts)
{
	pthread_t th;

	ck_assert_int_eq(syscall(SYS_membarrier, 0, 0, 0) & 384, 384);
	ck_fails(syscall(SYS_membarrier, 128, 0, 0), EPERM);
	ck_ok(syscall(SYS_membarrier, 256, 0, 0));
	ck_fails(syscall(SYS_membarrier, 128, 2, 0), EINVAL);
	stop = 0;
	pthread_create(&th, NULL, sections, NULL);
	while (!inside)
		usleep(1000);
	for (int i = 0; i < 200 || aborts == 0; i++) {
		ck_ok(syscall(SYS_membarrier, 128, i & 1, i & 1 ? i >> 1 & 1 : 0));
		usleep(100);
	}
	stop = 1;
	pthread_join(th, NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rseq");
	TCase *t = tcase_create("core");

	tcase_add_test(t, registration);
	tcase_add_test(t, the_number_follows);
	tcase_add_test(t, a_signal_aborts);
	tcase_add_test(t, preemption_aborts);
	tcase_add_test(t, undisturbed);
	tcase_add_test(t, bad_sections);
	tcase_add_test(t, an_area_that_goes);
	tcase_add_test(t, who_inherits);
	tcase_add_test(t, membarrier_aborts);
	suite_add_tcase(s, t);
	return guest_run(s);
}
