/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest of an exchange, as init. Command line: seed= files= big=0|1 jobs=DEVICE/KIND/STAGES/NEXT,...
 * A job's disk has been through STAGES stages: they are verified; NEXT=1: the next one is done. Then it is unmounted.
 */
#include "exchange.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/machine.h"

#define AT_ONCE	2

static char cmdline[4096];
static uint64_t seed = 1;
static unsigned files = 300, big;
static char *jobs;

static void
end(void)
{
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void
parse_command_line(void)
{
	int fd = open("/proc/cmdline", O_RDONLY);
	ssize_t n = read(fd, cmdline, sizeof(cmdline) - 1);
	char *word, *rest;

	cmdline[n > 0 ? n - (cmdline[n - 1] == '\n') : 0] = '\0';
	close(fd);
	for (word = strtok_r(cmdline, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (strncmp(word, "seed=", 5) == 0)
			seed = strtoull(word + 5, NULL, 10);
		else if (strncmp(word, "files=", 6) == 0)
			files = (unsigned)strtoul(word + 6, NULL, 10);
		else if (strncmp(word, "big=", 4) == 0)
			big = (unsigned)strtoul(word + 4, NULL, 10);
		else if (strncmp(word, "jobs=", 5) == 0)
			jobs = word + 5;
	}
}

/* In a process of its own. */
static int
job(char *text)
{
	char *rest, *dev = strtok_r(text, "/", &rest), *what = strtok_r(NULL, "/", &rest);
	char *done = strtok_r(NULL, "/", &rest), *next = strtok_r(NULL, "/", &rest), path[64];
	time_t start = time(NULL);
	unsigned stage = 0;

	kind = next != NULL ? kind_of(what) : NULL;
	if (kind == NULL) {
		printf("FAULT no such job\n");
		return 1;
	}
	snprintf(path, sizeof(path), "/dev/%s", dev);
	snprintf(mount_point, sizeof(mount_point), "/m-%s", dev);
	snprintf(label, sizeof(label), "%s %s", dev, kind->name);
	mkdir(mount_point, 0755);
	umask(0);
	if (mount(path, mount_point, kind->fs, MS_NOATIME, kind->opts) != 0) {
		printf("FAULT %s: mount: %s\n", label, strerror(errno));
		return 1;
	}
	while (stage < strtoul(done, NULL, 10))
		plan_stage(seed, stage++, files, big);
	if (stage > 0)
		verify_tree(seed);
	printf("JOB %s: %u names verified, %u faults\n", label, stage > 0 ? entry_count : 0, faults);
	if (*next == '1') {
		live = true;
		plan_stage(seed, stage, files, big);
		printf("JOB %s: stage %u done, %u names, %u faults\n", label, stage, entry_count, faults);
	}
	if (umount(mount_point) != 0) {
		printf("FAULT %s: umount: %s\n", label, strerror(errno));
		faults++;
	}
	printf("END %s %ld s\n", label, (long)(time(NULL) - start));
	fflush(stdout);
	return faults != 0;
}

int
main(void)
{
	char *rest, *text;
	int running = 0, status, bad = 0;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	if ((mount("proc", "/proc", "proc", 0, NULL) != 0 && errno != EBUSY) || (mount("dev", "/dev", "devtmpfs", 0, NULL) != 0 && errno != EBUSY)) {
		printf("FAULT mount of /proc or /dev: %s\n", strerror(errno));
		end();
	}
	machine_load_modules();
	parse_command_line();
	printf("BEGIN\n");
	for (text = strtok_r(jobs, ",", &rest); text != NULL || running > 0;) {
		if (text == NULL || running == AT_ONCE) {
			if (wait(&status) > 0 && status != 0)
				bad++;
			running--;
			continue;
		}
		fflush(stdout);
		if (fork() == 0)
			_exit(job(text));
		running++;
		text = strtok_r(NULL, ",", &rest);
	}
	printf("DONE %d bad\n", bad);
	end();
	return 0;
}
