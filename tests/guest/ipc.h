/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of IPC: children, waiting until one sleeps, limits in /proc/sys. */
#ifndef TESTS_GUEST_IPC_H
#define TESTS_GUEST_IPC_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

#define BAD_ADDRESS	((void *)0x1000)

/* A child runs the statement, and ends with status 0 if it is not left before. */
#define ipc_child(...)                                          \
	({                                                       \
		pid_t ipc_child_pid = (pid_t)ck_ok(fork());      \
		if (ipc_child_pid == 0) {                        \
			__VA_ARGS__;                             \
			_exit(0);                                \
		}                                                \
		ipc_child_pid;                                   \
	})

/* In a child: what must hold, or the exit status is its line. */
#define MUST(cond) do { if (!(cond)) { dprintf(2, "# line %d: %s\n", __LINE__, strerror(errno)); _exit(1); } } while (0)

static inline void
ipc_wait(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static inline char
ipc_state(pid_t pid)
{
	char path[40], text[256], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return '?';
	text[n] = 0;
	p = strrchr(text, ')');
	return p != NULL ? p[2] : '?';
}

/* Until the child sleeps, and goes on doing so. */
static inline void
ipc_asleep(pid_t pid)
{
	for (int seen = 0; seen < 4; usleep(3000))
		seen = ipc_state(pid) == 'S' ? seen + 1 : 0;
}

static inline void
ipc_write(const char *path, const char *text)
{
	int fd = (int)ck_ok(open(path, O_WRONLY));

	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void
ipc_read(const char *path, char *text, size_t size)
{
	int fd = (int)ck_ok(open(path, O_RDONLY));
	ssize_t n, got = 0;

	while (got < (ssize_t)size - 1 && (n = ck_ok(read(fd, text + got, size - 1 - (size_t)got))) > 0)
		got += n;
	text[got] = 0;
	close(fd);
}

/* Lines of a table in /proc/sysvipc, besides its head, which is as on Linux. */
static inline int
ipc_lines(const char *path, const char *head)
{
	static char text[65536];
	int n = 0;

	ipc_read(path, text, sizeof(text));
	ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%s", text);
	for (char *p = text + strlen(head); *p != 0; p++)
		n += *p == '\n';
	return n;
}

static inline void
ipc_no_handler(int sig)
{
	(void)sig;
}

/* A handler that does nothing, with SA_RESTART: calls that are never restarted end with EINTR all the same. */
static inline void
ipc_catch(int sig)
{
	struct sigaction sa = { .sa_handler = ipc_no_handler, .sa_flags = SA_RESTART };

	ck_ok(sigaction(sig, &sa, NULL));
}

#endif
