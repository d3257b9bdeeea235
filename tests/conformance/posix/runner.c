/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's /init for the Open POSIX test suite: runs each program of /list by itself, under a time limit, and powers
 * the machine off. The suite is on the first disk, read-only at /pts.
 *
 * A line of /list: name, path, time limit in seconds, seconds until SIGUSR1 (0: never; the stress programs run until then), arguments;
 * tabs between. On the console: "@@ begin NAME", lines of the output of a test that did not pass as "@@ out TEXT", "@@ end NAME RESULT
 * MILLISECONDS", and "@@ done" last.
 *
 * A test costs only itself: it has a session of its own, whatever it leaves behind is killed (this is process 1, so kill(-1) does it), /tmp,
 * /dev/shm and /dev/mqueue are emptied, and a clock that it set is set back. The runner counts by CLOCK_MONOTONIC and has a
 * real-time priority above that of any test.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/machine.h"

#define OUTPUT		"/run/output"
#define WORK		"/tmp/work"
#define OUTPUT_LINES	4	/* the last ones are shown */
#define PRIORITY	99
#define REAP_LIMIT	20	/* seconds for killed processes to go away */

struct test {
	char *name, *path, *arguments;
	int limit, stop;
};

static sigset_t child_signal;

/* One line on the console, by one write. */
static void
say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	(void)!write(1, line, n);
}

static void
mount_suite(void)
{
	mkdir("/pts", 0755);
	for (int i = 0; i < 100; i++) {
		if (!mount("/dev/vda", "/pts", "ext2", MS_RDONLY, NULL) || !mount("/dev/vda", "/pts", "ext4", MS_RDONLY, NULL))
			return;
		usleep(50000);
	}
	say("# mount /pts: %s", strerror(errno));
}

static long long
milliseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* The calendar's distance from the monotonic clock, which no test can move. */
static long long
clock_offset(void)
{
	return milliseconds(CLOCK_REALTIME) - milliseconds(CLOCK_MONOTONIC);
}

static void
clock_restore(long long offset)
{
	long long moved = clock_offset() - offset, want;
	struct timespec ts;

	if (moved > -20 && moved < 20)
		return;
	want = milliseconds(CLOCK_MONOTONIC) + offset;
	ts.tv_sec = want / 1000;
	ts.tv_nsec = want % 1000 * 1000000;
	if (clock_settime(CLOCK_REALTIME, &ts))
		say("# clock_settime: %s", strerror(errno));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (ftw->level > 0)
		remove(path);
	return 0;
}

static void
prepare_work(void)
{
	static const char *const dirs[] = { "/tmp", "/dev/shm", "/dev/mqueue" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		nftw(dirs[i], remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	mkdir(WORK, 0777);
	chmod(WORK, 0777);
	(void)!symlink("/pts/conformance", WORK "/conformance");
}

/* In the child: a session of its own, no terminal, default signals, and an ordinary thread again. */
static void
run_child(const struct test *t)
{
	struct sched_param normal = { .sched_priority = 0 };
	struct rlimit no_core = { 0, RLIM_INFINITY };
	char path[512], *argv[8];
	sigset_t none;
	int out = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644), argc = 0;
	int in = open("/dev/null", O_RDONLY);

	setsid();
	setrlimit(RLIMIT_CORE, &no_core);
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &normal);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(path, sizeof(path), "/pts/%s", t->path);
	if (!strcmp(path + strlen(path) - 3, ".sh"))
		argv[argc++] = "/bin/sh";
	argv[argc++] = path;
	for (char *word = strtok(t->arguments, " "); word && argc < 7; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	if (chdir(WORK))
		say("# chdir: %s", strerror(errno));
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	close(in);
	close(out);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

/* Kill everything but this process, and wait until it is gone. Returns 0 if something stays. */
static int
kill_stragglers(void)
{
	long long start = milliseconds(CLOCK_MONOTONIC);
	struct timespec nap = { 0, 20000000 };

	for (;;) {
		pid_t got;

		kill(-1, SIGKILL);
		while ((got = waitpid(-1, NULL, WNOHANG)) > 0)
			continue;
		if (got < 0)
			return 1;
		if (milliseconds(CLOCK_MONOTONIC) - start > REAP_LIMIT * 1000)
			return 0;
		sigtimedwait(&child_signal, NULL, &nap);
	}
}

/* Waits for the test, sends it SIGUSR1 when that is due. Returns false if it was still there at its limit. */
static int
wait_for(const struct test *t, pid_t pid, int *status)
{
	long long start = milliseconds(CLOCK_MONOTONIC), left;
	struct timespec timeout;
	int told = t->stop == 0;
	pid_t got;

	for (;;) {
		while ((got = waitpid(-1, status, WNOHANG)) > 0)
			if (got == pid)
				return 1;
		if (!told && milliseconds(CLOCK_MONOTONIC) - start >= t->stop * 1000LL) {
			kill(pid, SIGUSR1);
			told = 1;
		}
		left = start + t->limit * 1000LL - milliseconds(CLOCK_MONOTONIC);
		if (left <= 0)
			return 0;
		if (left > 500)
			left = 500;
		timeout.tv_sec = 0;
		timeout.tv_nsec = left * 1000000;
		sigtimedwait(&child_signal, NULL, &timeout);
	}
}

static void
show_output(void)
{
	char lines[OUTPUT_LINES][200], line[200];
	FILE *f = fopen(OUTPUT, "r");
	int n = 0;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		for (char *p = line; *p; p++)
			if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
				*p = '?';
		if (line[0])
			memcpy(lines[n++ % OUTPUT_LINES], line, sizeof(line));
	}
	fclose(f);
	for (int i = n > OUTPUT_LINES ? n - OUTPUT_LINES : 0; i < n; i++)
		say("@@ out %s", lines[i % OUTPUT_LINES]);
}

static const char *
verdict(int ended, int status)
{
	static const char *const codes[] = { "PASS", "FAIL", "UNRESOLVED", NULL, "UNSUPPORTED", "UNTESTED" };
	static char other[32];

	if (!ended)
		return "HUNG";
	if (WIFSIGNALED(status)) {
		snprintf(other, sizeof(other), "SIGNAL%d", WTERMSIG(status));
		return other;
	}
	if (WEXITSTATUS(status) < 6 && codes[WEXITSTATUS(status)])
		return codes[WEXITSTATUS(status)];
	snprintf(other, sizeof(other), "EXIT%d", WEXITSTATUS(status));
	return other;
}

static void
run_test(const struct test *t)
{
	long long offset, start;
	const char *result;
	int status = 0, ended, took;
	pid_t pid;

	prepare_work();
	say("@@ begin %s", t->name);
	offset = clock_offset();
	start = milliseconds(CLOCK_MONOTONIC);
	pid = fork();
	if (pid == 0)
		run_child(t);
	ended = pid > 0 && wait_for(t, pid, &status);
	took = milliseconds(CLOCK_MONOTONIC) - start;
	if (!kill_stragglers())
		say("@@ stuck %s", t->name);
	clock_restore(offset);
	result = verdict(ended, status);
	if (strcmp(result, "PASS"))
		show_output();
	say("@@ end %s %s %d", t->name, result, took);
}

/* The list's next line, in place; false at its end. */
static int
next_test(FILE *list, char *line, size_t size, struct test *t)
{
	char *limit, *stop;

	if (!fgets(line, size, list))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	t->name = strsep(&line, "\t");
	t->path = strsep(&line, "\t");
	limit = strsep(&line, "\t");
	stop = strsep(&line, "\t");
	t->arguments = line ? line : "";
	t->limit = limit ? atoi(limit) : 60;
	t->stop = stop ? atoi(stop) : 0;
	return t->path != NULL;
}

int
main(void)
{
	struct sched_param priority = { .sched_priority = PRIORITY };
	char line[1024];
	struct test t;
	FILE *list;

	sigemptyset(&child_signal);
	sigaddset(&child_signal, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_signal, NULL);
	machine_mount_all();
	if (mount("tmpfs", "/run", "tmpfs", MS_REMOUNT, "size=4m"))
		say("# remount /run: %s", strerror(errno));
	machine_load_modules();
	mount_suite();
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &priority))
		say("# sched_setscheduler: %s", strerror(errno));
	list = fopen("/list", "re");
	while (list && next_test(list, line, sizeof(line), &t))
		run_test(&t);
	say("@@ done");
	tcdrain(1);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
