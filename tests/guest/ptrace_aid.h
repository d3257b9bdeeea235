/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ptrace tests share: raw requests, tracees in their usual beginnings, and waiting for a stop that is named. */
#ifndef TESTS_GUEST_PTRACE_AID_H
#define TESTS_GUEST_PTRACE_AID_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "guest.h"

#define EVENT(sig, event)	((sig) | (event) << 8)
#define ANY_CHILD		0x40000000	/* __WALL */
#define DEAD_TRACEE		(-2)

/* The raw call, with the kernel's own return value and types. */
static inline long
pt(long request, pid_t pid, uintptr_t addr, uintptr_t data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

/* The next stop of pid must be this one: signal | event << 8. */
static inline void
stopped_at(pid_t pid, int code)
{
	int status;

	ck_assert_int_eq(ck_ok(waitpid(pid, &status, ANY_CHILD)), pid);
	ck_assert_msg(WIFSTOPPED(status) && status >> 8 == code, "status %#x, expected stop %#x", status, code);
}

#define resume(request, pid, sig)	ck_ok(pt(request, pid, 0, sig))

static inline void
killed(pid_t pid)
{
	int status;

	ck_ok(kill(pid, SIGKILL));
	do
		ck_assert_int_eq(ck_ok(waitpid(pid, &status, ANY_CHILD)), pid);
	while (WIFSTOPPED(status));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static inline void
exited(pid_t pid, int code)
{
	int status;

	ck_assert_int_eq(ck_ok(waitpid(pid, &status, ANY_CHILD)), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "status %#x, expected exit %d", status, code);
}

/* A child that traces itself for us, stopped by its own SIGSTOP; then it runs body and exits with what that returns. */
static inline pid_t
tracee(int (*body)(void))
{
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0) {
		if (pt(PTRACE_TRACEME, 0, 0, 0) != 0)
			_exit(99);
		raise(SIGSTOP);
		_exit(body());
	}
	stopped_at(pid, SIGSTOP);
	return pid;
}

static inline uintptr_t
user_word(pid_t pid, size_t offset)
{
	uintptr_t value = 0;

	ck_ok(pt(PTRACE_PEEKUSER, pid, offset, (uintptr_t)&value));
	return value;
}

static inline struct user_regs_struct
registers(pid_t pid)
{
	struct user_regs_struct regs;

	ck_ok(pt(PTRACE_GETREGS, pid, 0, (uintptr_t)&regs));
	return regs;
}

static inline char
state_of(pid_t pid)
{
	char path[64], line[512], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 'X';
	if (fgets(line, sizeof(line), f) != NULL)
		sscanf(strrchr(line, ')') + 1, " %c", &state);
	fclose(f);
	return state;
}

static inline void
until_state(pid_t pid, char state)
{
	for (int i = 0; state_of(pid) != state; i++) {
		ck_assert_msg(i < 20000, "%d is %c, not %c", pid, state_of(pid), state);
		usleep(1000);
	}
}

/* A child that sleeps and knows nothing of us. */
static inline pid_t
sleeper(void)
{
	pid_t pid = (pid_t)ck_ok(fork());

	if (pid == 0)
		for (;;)
			pause();
	until_state(pid, 'S');	/* not before: in fork() it blocks its signals */
	return pid;
}

static inline int
tracer_of(pid_t pid)
{
	char path[64], line[256];
	int nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	ck_assert(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "TracerPid: %d", &nr);
	fclose(f);
	return nr;
}

#endif
