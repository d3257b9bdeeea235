/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest of a crash test, as init: a write load on a file system that takes notes of what is safe.
 *
 * Each worker changes files in a directory of its own. Before an operation on a name it notes "B name", and when the file and its directory
 * have been fsync'ed "S name checksum size" ("S name -" where it is gone). Notes are blocks written with O_DIRECT behind the
 * file system's end on the same disk, so that their order among the disk's writes is known.
 *
 * mode=errors: the disk fails at times; errors are counted by errno, and nothing is noted. disks=n: n of them, from dev on, one after the other.
 * forget=1: caches are dropped after each operation. fails=1,2,3: the kernel itself is told to fail the n-th request of each disk, or with
 * kind=read|write|flush (a debug kernel, ATA) the n-th command of that kind.
 *
 * Command line: fs= opts= dev= disks= size= (bytes of the file system) seed= ops= workers= forget= fails= kind= mode=load|check|errors
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/machine.h"

#define NOTE_BYTES	4096
#define NOTES_PER_WORKER 2048
#define FILES		24
#define FILE_MAX	(192 << 10)

static char cmdline[4096];
static const char *fs = "ext3", *opts = "", *mode = "load", *fails, *kind;
static char dev[16] = "/dev/vda";
static uint64_t fs_size;
static unsigned seed = 1, ops = 200, workers = 2, disks = 1, forgets;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

static void
fail(const char *what)
{
	printf("FAULT %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	exit(1);
}

/* mode=errors: what went wrong, counted in memory that the workers share. */
static bool tolerant;
static struct { unsigned eio, erofs, other; } *errors;

static void
went_wrong(const char *what)
{
	if (!tolerant)
		fail(what);
	if (errno == EIO)
		__atomic_fetch_add(&errors->eio, 1, __ATOMIC_RELAXED);
	else if (errno == EROFS)
		__atomic_fetch_add(&errors->erofs, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&errors->other, 1, __ATOMIC_RELAXED);
}

static void
parse_command_line(void)
{
	int fd = open("/proc/cmdline", O_RDONLY);
	char *word, *rest;
	ssize_t n = read(fd, cmdline, sizeof(cmdline) - 1);

	if (n <= 0)
		fail("cmdline");
	cmdline[n - (cmdline[n - 1] == '\n')] = '\0';
	close(fd);
	for (word = strtok_r(cmdline, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		char *v = strchr(word, '=');

		if (v == NULL)
			continue;
		*v++ = '\0';
		if (strcmp(word, "fs") == 0)
			fs = v;
		else if (strcmp(word, "opts") == 0)
			opts = v;
		else if (strcmp(word, "dev") == 0)
			snprintf(dev, sizeof(dev), "%s", v);
		else if (strcmp(word, "disks") == 0)
			disks = (unsigned)strtoul(v, NULL, 10);
		else if (strcmp(word, "mode") == 0)
			mode = v;
		else if (strcmp(word, "size") == 0)
			fs_size = strtoull(v, NULL, 10);
		else if (strcmp(word, "seed") == 0)
			seed = (unsigned)strtoul(v, NULL, 10);
		else if (strcmp(word, "ops") == 0)
			ops = (unsigned)strtoul(v, NULL, 10);
		else if (strcmp(word, "forget") == 0)
			forgets = (unsigned)strtoul(v, NULL, 10);
		else if (strcmp(word, "fails") == 0)
			fails = v;
		else if (strcmp(word, "kind") == 0)
			kind = v;
		else if (strcmp(word, "workers") == 0)
			workers = (unsigned)strtoul(v, NULL, 10);
	}
}

/* --- notes --- */

static int note_fd;
static uint64_t note_at;

static void
note(const char *text)
{
	static _Alignas(4096) char block[NOTE_BYTES];

	if (tolerant)
		return;
	memset(block, 0, sizeof(block));
	snprintf(block, sizeof(block), "NOTE %s\n", text);
	if (pwrite(note_fd, block, sizeof(block), (off_t)note_at) != sizeof(block))
		fail("note");
	note_at += sizeof(block);
}

static uint32_t
crc32(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;

	crc = ~crc;
	while (n-- > 0) {
		crc ^= *s++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

/* Checksum of what the file holds now. -1: it isn't there. */
static int
sum_file(const char *path, uint32_t *crc, long *size)
{
	static char buf[64 << 10];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	*crc = 0;
	*size = 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		*crc = crc32(*crc, buf, (size_t)n);
		*size += n;
	}
	if (n < 0)
		went_wrong("read back");
	close(fd);
	return 0;
}

/* --- the load --- */

static char dir[64];

static void
path_of(char *out, size_t size, unsigned i)
{
	snprintf(out, size, "%s/file-%u", dir, i);
}

static void
begin(const char *path)
{
	char text[200];

	snprintf(text, sizeof(text), "B %s", path + strlen("/m/"));
	note(text);
}

static void
sync_dir(void)
{
	int fd = open(dir, O_RDONLY);

	if (fd < 0 || fsync(fd) != 0)
		went_wrong("fsync of a directory");
	close(fd);
}

static void
made_safe(const char *path)
{
	char text[240];
	uint32_t crc;
	long size;
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		if (fsync(fd) != 0)
			went_wrong("fsync");
		close(fd);
	}
	sync_dir();
	if (sum_file(path, &crc, &size) == 0)
		snprintf(text, sizeof(text), "S %s %08x %ld", path + strlen("/m/"), crc, size);
	else
		snprintf(text, sizeof(text), "S %s -", path + strlen("/m/"));
	note(text);
}

static int
write_some(const char *path, int flags)
{
	static char data[FILE_MAX];
	size_t n = rnd(4) == 0 ? rnd(FILE_MAX) : rnd(9000), i;
	off_t at = 0;
	int fd = open(path, O_RDWR | O_CREAT | flags, 0644);

	if (fd < 0) {
		went_wrong("open");
		return -1;
	}
	for (i = 0; i < n; i += 4) {
		uint32_t v = rnd(0xffffff);

		memcpy(data + i, &v, i + 4 <= n ? 4 : n - i);
	}
	if (flags == 0)
		at = (off_t)rnd(FILE_MAX);	/* in the middle, or leaving a hole */
	if (flags & O_APPEND)
		at = lseek(fd, 0, SEEK_END);
	for (i = 0; i < n;) {
		ssize_t did = pwrite(fd, data + i, n - i < 5000 ? n - i : 5000, at + (off_t)i);

		if (did <= 0) {
			went_wrong("write");
			break;
		}
		i += (size_t)did;
	}
	close(fd);
	return 0;
}

static void
operation(void)
{
	char path[100], other[100];
	unsigned i = rnd(FILES);

	path_of(path, sizeof(path), i);
	path_of(other, sizeof(other), (i + 1 + rnd(FILES - 1)) % FILES);
	begin(path);
	switch (rnd(10)) {
	case 0:
		unlink(path);
		break;
	case 1:
		begin(other);
		rename(path, other);
		made_safe(other);
		break;
	case 2:
		truncate(path, (off_t)rnd(FILE_MAX));
		break;
	case 3:
		write_some(path, O_APPEND);
		break;
	case 4:
		/* a second name, unjudged: what is written through the first shows under it */
		snprintf(other, sizeof(other), "%s/link-%u", dir, rnd(6));
		if (link(path, other) != 0)
			unlink(other);
		break;
	case 5:
		write_some(path, 0);
		break;
	default:
		write_some(path, O_TRUNC);
		break;
	}
	if (rnd(3) != 0)
		made_safe(path);
	if (rnd(8) == 0) {	/* directories come and go beside them, unjudged */
		snprintf(other, sizeof(other), "%s/dir-%u", dir, rnd(6));
		if (mkdir(other, 0755) != 0)
			rmdir(other);
	}
}

/* What is read comes from the disk, so that reads can fail. */
static void
forget(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0 || write(fd, "3", 1) != 1)
		fail("drop_caches");
	close(fd);
}

static void
worker(unsigned nr)
{
	unsigned i;

	seed = seed * 7919 + nr;
	note_fd = open(dev, O_WRONLY | O_DIRECT);
	if (note_fd < 0)
		fail("open of the disk for notes");
	note_at = fs_size + (uint64_t)nr * NOTES_PER_WORKER * NOTE_BYTES;
	snprintf(dir, sizeof(dir), "/m/w%u", nr);
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		went_wrong("mkdir");
	sync();
	for (i = 0; i < ops; i++) {
		operation();
		if (forgets)
			forget();
	}
	exit(0);
}

static void
run_load(void)
{
	unsigned i;
	int status;

	for (i = 0; i < workers; i++) {
		if (fork() == 0)
			worker(i);
	}
	for (i = 0; i < workers; i++) {
		if (wait(&status) < 0 || status != 0)
			fail("a worker");
	}
}

/* --- what is there --- */

static void
check_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		char name[512];
		uint32_t crc;
		long size;

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_type == DT_REG && sum_file(name, &crc, &size) == 0)
			printf("IS %s %08x %ld\n", name + strlen("/m/"), crc, size);
	}
	closedir(d);
}

static void
run_check(void)
{
	char path[32];
	unsigned i;

	for (i = 0; i < workers; i++) {
		snprintf(path, sizeof(path), "/m/w%u", i);
		check_dir(path);
	}
}

static void
run_one(void)
{
	if (mount(dev, "/m", fs, 0, opts) != 0)
		fail("mount");
	printf("MOUNTED\n");
	fflush(stdout);
	if (strcmp(mode, "check") == 0)
		run_check();
	else
		run_load();
	fflush(stdout);
	if (umount("/m") != 0)
		fail("umount");
}

/* Into the kernel's log: so its lines and ours stand in order, and whole. */
static void
say(const char *what, const char *more)
{
	char text[160];
	int fd = open("/dev/kmsg", O_WRONLY);

	snprintf(text, sizeof(text), "load: %s %s\n", what, more);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("kmsg");
	close(fd);
}

/* Take the next of `fails`, and tell the kernel. */
static void
order_failure(void)
{
	char path[64], text[64];
	unsigned n;
	int fd;

	if (fails == NULL)
		return;
	n = (unsigned)strtoul(fails, (char **)&fails, 10);
	fails += *fails == ',';
	snprintf(path, sizeof(path), "/sys/block/%s/%s", dev + strlen("/dev/"), kind != NULL ? "ata_fail_nth" : "fail_nth");
	if (kind != NULL)
		snprintf(text, sizeof(text), "%s %u error", kind, n);
	else
		snprintf(text, sizeof(text), "%u", n);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

static void
run_on_failing_disk(void)
{
	char text[80];

	order_failure();
	if (mount(dev, "/m", fs, 0, opts) != 0) {
		say("MOUNT", strerror(errno));
		return;
	}
	memset(errors, 0, sizeof(*errors));
	run_load();
	sync();
	snprintf(text, sizeof(text), "eio %u erofs %u other %u", errors->eio, errors->erofs, errors->other);
	say("ERRORS", text);
	if (umount("/m") != 0)
		fail("umount");
}

static void
run_errors(void)
{
	char text[16];

	tolerant = true;
	errors = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < disks; i++) {
		snprintf(text, sizeof(text), "%u", i);
		say("DISK", text);
		run_on_failing_disk();
		say("OVER", text);
		dev[strlen(dev) - 1]++;
		seed++;
	}
}

int
main(void)
{
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/m", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) != 0 && errno != EBUSY)
		fail("mount of /proc");
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) != 0 && errno != EBUSY)
		fail("mount of /dev");
	mkdir("/sys", 0755);
	if (mount("sys", "/sys", "sysfs", 0, NULL) != 0 && errno != EBUSY)
		fail("mount of /sys");
	machine_load_modules();
	parse_command_line();
	if (strcmp(mode, "errors") == 0)
		run_errors();
	else
		run_one();
	printf("DONE\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
