/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of a mapping reach threads on other CPUs: after munmap or mprotect returns, no thread may use the old translation.
 * A partner thread hammers on a page; the main thread changes it. mmap(2), mprotect(2), munmap(2).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"

#define ROUNDS	200

static volatile char *page;
static volatile unsigned long writes, faults;
static volatile int quit;
static __thread sigjmp_buf back;

static void
on_fault(int sig)
{
	faults++;
	siglongjmp(back, 1);
}

static void
stick_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *
writer(void *arg)
{
	stick_to(1);
	while (!quit) {
		if (sigsetjmp(back, 1) == 0) {
			*page = 'w';
			writes++;
		}
	}
	return NULL;
}

static pthread_t partner;

static void
start(void)
{
	struct sigaction sa = { .sa_handler = on_fault };

	sigaction(SIGSEGV, &sa, NULL);
	stick_to(0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	quit = 0;
	ck_assert_int_eq(pthread_create(&partner, NULL, writer, NULL), 0);
	while (writes == 0)
		sched_yield();
}

static void
stop(void)
{
	quit = 1;
	pthread_join(partner, NULL);
}

static void
wait_more(volatile unsigned long *count)
{
	unsigned long old = *count;

	while (*count == old)
		sched_yield();
}

START_TEST(write_protection_is_seen_at_once)
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long done;

		ck_ok(mprotect((void *)page, 4096, PROT_READ));
		done = writes;
		/* One write may be counted late; a second one would be through a stale entry. */
		wait_more(&faults);
		ck_assert_uint_le(writes, done + 1);
		ck_ok(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE));
		wait_more(&writes);
	}
}
END_TEST

START_TEST(a_page_mapped_anew_holds_nothing_of_the_old)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *p;

		ck_ok(munmap((void *)page, 4096));
		wait_more(&faults);
		p = mmap((void *)page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ck_assert_ptr_eq(p, (void *)page);
		ck_assert_int_eq(*page, 0);
		sched_yield();
		ck_assert_int_eq(*page, 0);
		ck_ok(mprotect(p, 4096, PROT_READ | PROT_WRITE));
		wait_more(&writes);
		ck_assert_int_eq(*page, 'w');
	}
}
END_TEST

/* fork write-protects the parent's pages for copy-on-write while the partner writes them. */
START_TEST(a_child_sees_one_moment_of_the_parent)
{
	volatile unsigned long *pair = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < ROUNDS / 4; i++) {
		int status;
		pid_t pid;

		pair[0] = (unsigned long)i;
		pid = ck_ok(fork());
		if (pid == 0) {
			char first = *page;

			sched_yield();
			_exit(first == 'w' && *page == 'w' && pair[0] == (unsigned long)i ? 0 : 1);
		}
		pair[0] = ~0UL;
		ck_ok(waitpid(pid, &status, 0));
		ck_assert_int_eq(status, 0);
		wait_more(&writes);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tlb");
	TCase *tc = tcase_create("tlb");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, write_protection_is_seen_at_once);
	tcase_add_test(tc, a_page_mapped_anew_holds_nothing_of_the_old);
	tcase_add_test(tc, a_child_sees_one_moment_of_the_parent);
	suite_add_tcase(s, tc);
	return guest_run(s);
}
