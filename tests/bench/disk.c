/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disk benchmarks, as init: rows of guest wall-clock time on a fresh file system on /dev/vda. "disk NAME microseconds".
 *
 * Each row begins with nothing of the disk in memory (unmounted and mounted again) and ends when what was written is on the disk (fsync
 * or sync counts).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
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

#define FILE_BYTES	(64UL << 20)
#define CHUNK		(128UL << 10)
#define RANDOM_OPS	4096
#define SMALL_FILES	10000

static char buf[CHUNK];
static const char *fs = "ext2";

static void
stop(const char *what)
{
	printf("FAULT %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
mount_disk(void)
{
	if (mount("/dev/vda", "/m", fs, 0, NULL) != 0)
		stop("mount");
}

static void
remount(void)
{
	if (umount("/m") != 0)
		stop("umount");
	mount_disk();
}

static int
open_file(int flags)
{
	int fd = open("/m/file", flags, 0644);

	if (fd < 0)
		stop("open");
	return fd;
}

static void
sequential_write(void)
{
	int fd = open_file(O_CREAT | O_WRONLY | O_TRUNC);
	size_t i;

	for (i = 0; i < FILE_BYTES; i += CHUNK)
		if (write(fd, buf, CHUNK) != (ssize_t)CHUNK)
			stop("write");
	if (fsync(fd) != 0)
		stop("fsync");
	close(fd);
}

static void
sequential_read(void)
{
	int fd = open_file(O_RDONLY);
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, CHUNK)) > 0)
		total += (size_t)n;
	if (total != FILE_BYTES)
		stop("read");
	close(fd);
}

static off_t
random_block(void)
{
	static uint32_t state = 12345;

	state = state * 1103515245 + 12345;
	return (off_t)((state >> 8) % (FILE_BYTES / 4096)) * 4096;
}

static void
random_read(void)
{
	int fd = open_file(O_RDONLY), i;

	for (i = 0; i < RANDOM_OPS; i++)
		if (pread(fd, buf, 4096, random_block()) != 4096)
			stop("pread");
	close(fd);
}

static void
random_write(void)
{
	int fd = open_file(O_WRONLY), i;

	for (i = 0; i < RANDOM_OPS; i++)
		if (pwrite(fd, buf, 4096, random_block()) != 4096)
			stop("pwrite");
	if (fsync(fd) != 0)
		stop("fsync");
	close(fd);
}

static void
small_files(void)
{
	char name[64];
	struct stat st;
	int i, fd;

	mkdir("/m/small", 0755);
	for (i = 0; i < SMALL_FILES; i++) {
		snprintf(name, sizeof(name), "/m/small/file-%d", i);
		fd = open(name, O_CREAT | O_WRONLY, 0644);
		if (fd < 0)
			stop("create");
		close(fd);
	}
	for (i = 0; i < SMALL_FILES; i++) {
		snprintf(name, sizeof(name), "/m/small/file-%d", i);
		if (stat(name, &st) != 0)
			stop("stat");
	}
	for (i = 0; i < SMALL_FILES; i++) {
		snprintf(name, sizeof(name), "/m/small/file-%d", i);
		if (unlink(name) != 0)
			stop("unlink");
	}
	sync();
}

static void
untar(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/busybox", "tar", "xf", "/tree.tar", "-C", "/m", (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		stop("tar");
	sync();
}

static const struct { const char *name; void (*run)(void); } rows[] = {
	{ "write", sequential_write }, { "read", sequential_read }, { "random-read", random_read }, { "random-write", random_write },
	{ "files", small_files }, { "untar", untar },
};

int
main(int argc, char **argv)
{
	size_t i;

	if (argc > 1)
		fs = argv[1];
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/m", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	machine_load_modules();
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7);
	mount_disk();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t start;

		remount();
		start = now_us();
		rows[i].run();
		printf("disk %s %llu\n", rows[i].name, (unsigned long long)(now_us() - start));
		fflush(stdout);
	}
	umount("/m");
	printf("disk-end\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
