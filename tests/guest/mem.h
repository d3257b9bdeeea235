/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of memory: mapping with a word, and catching the signal an access raises. */
#ifndef TESTS_GUEST_MEM_H
#define TESTS_GUEST_MEM_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"

/* What a signal handler jumps over is not used again, or is volatile. */
#pragma GCC diagnostic ignored "-Wclobbered"

#define P	4096UL
#define HUGE_P	(2UL << 20)

static sigjmp_buf mem_jump;
static volatile sig_atomic_t mem_signal, mem_code;
static void *volatile mem_addr;
static volatile char mem_sink __attribute__((unused));

static inline void
mem_handler(int sig, siginfo_t *info, void *context)
{
	mem_signal = sig;
	mem_code = info->si_code;
	mem_addr = info->si_addr;
	siglongjmp(mem_jump, 1);
}

static inline void
mem_catch(void)
{
	struct sigaction sa = { .sa_sigaction = mem_handler, .sa_flags = SA_SIGINFO };

	ck_ok(sigaction(SIGSEGV, &sa, NULL));
	ck_ok(sigaction(SIGBUS, &sa, NULL));
}

/* The statement raises sig with code at address at. */
#define ck_faults(stmt, sig, code, at)                                            \
	do {                                                                      \
		mem_signal = 0;                                                   \
		if (sigsetjmp(mem_jump, 1) == 0) {                                \
			stmt;                                                     \
		}                                                                 \
		ck_assert_int_eq(mem_signal, sig);                                \
		ck_assert_int_eq(mem_code, code);                                 \
		ck_assert_ptr_eq(mem_addr, (void *)(at));                         \
	} while (0)

static inline char *
anon_prot(size_t len, int prot)
{
	char *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

static inline char *
anon(size_t len)
{
	return anon_prot(len, PROT_READ | PROT_WRITE);
}

/* Run the statement in a child, which must exit with 0. */
#define in_child(stmt)                                                            \
	do {                                                                      \
		pid_t mem_pid = ck_ok(fork());                                    \
		int mem_status;                                                   \
		if (mem_pid == 0) {                                               \
			stmt;                                                     \
			_exit(0);                                                 \
		}                                                                 \
		ck_assert_int_eq(waitpid(mem_pid, &mem_status, 0), mem_pid);      \
		ck_assert_int_eq(mem_status, 0);                                  \
	} while (0)

#endif
