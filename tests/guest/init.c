/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest tests' /init: mounts what programs expect, runs every program of /tests under a time limit, and powers
 * the machine off. It leans on as little of the kernel as it can: no shell, no signals, no threads.
 *
 * On the console: "# begin NAME", the program's TAP lines, "# end NAME exit N" (or "signal N", "time-out"), and at last
 * "GUEST TESTS: N passed, N failed", counting programs; tests/guest/run.py counts the tests.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/machine.h"

#define MAX_PROGRAMS	256
#define TIME_LIMIT	240	/* seconds of guest time for one program */

static char *programs[MAX_PROGRAMS];
static int program_count;

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_programs(void)
{
	DIR *dir = opendir("/tests");
	struct dirent *entry;

	if (!dir) {
		printf("# /tests: %s\n", strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) && program_count < MAX_PROGRAMS)
		if (entry->d_name[0] != '.')
			programs[program_count++] = strdup(entry->d_name);
	closedir(dir);
	qsort(programs, program_count, sizeof(programs[0]), by_name);
}

/* In the child: its own process group, so that what it leaves behind can be killed with it. */
static void
run_child(const char *name)
{
	char path[512];

	setpgid(0, 0);
	if (chdir("/tmp"))
		printf("# chdir /tmp: %s\n", strerror(errno));
	snprintf(path, sizeof(path), "/tests/%s", name);
	execl(path, name, (char *)NULL);
	printf("# exec %s: %s\n", path, strerror(errno));
	fflush(stdout);
	_exit(127);
}

static long
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* What every thread waits for, onto the console. */
static void
show_threads(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, "t", 1);
		close(fd);
		sleep(1);
	}
}

/* Returns true if the program ended by itself with status 0. Reaps orphans meanwhile: this is process 1. */
static int
run_program(const char *name)
{
	struct timespec nap = { 0, 5000000 };
	long start = seconds();
	int status = 0;
	pid_t pid, got;

	printf("# begin %s\n", name);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(name);
	if (pid < 0) {
		printf("# end %s fork: %s\n", name, strerror(errno));
		return 0;
	}
	while ((got = waitpid(-1, &status, WNOHANG)) != pid) {
		if (got > 0)
			continue;
		if (seconds() - start >= TIME_LIMIT) {
			show_threads();
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			printf("# end %s time-out\n", name);
			return 0;
		}
		nanosleep(&nap, NULL);
	}
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	if (WIFSIGNALED(status))
		printf("# end %s signal %d\n", name, WTERMSIG(status));
	else
		printf("# end %s exit %d\n", name, WEXITSTATUS(status));
	fflush(stdout);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int
main(void)
{
	int passed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	machine_mount_all();
	machine_load_modules();
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	list_programs();
	for (int i = 0; i < program_count; i++)
		passed += run_program(programs[i]);
	printf("GUEST TESTS: %d passed, %d failed\n", passed, program_count - passed);
	fflush(stdout);
	tcdrain(1);
	sync();
	reboot(RB_POWER_OFF);
	printf("# reboot: %s\n", strerror(errno));
	for (;;)
		pause();
}
