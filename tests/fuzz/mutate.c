/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damaged file systems, as init of a guest: an image is changed at random places, loop-mounted, walked, read, written to and unmounted,
 * as many times as asked. Whatever the image says, the answer is an error or a mount.
 *
 * Command line: fs=ext2 image=/image count=1000 seed=1. The image's metadata blocks, where changes do most, are those that
 * are not zero; a few of them get a few random bytes, words of all ones, zeros, or small numbers.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	512
#define DEPTH_MAX 6
#define ENTRIES_MAX 3000

static char cmdline[2048];
static unsigned long long seed = 1;
static unsigned count = 100;
static const char *fs = "ext2", *image = "";
static unsigned char *base, *work;
static size_t image_size;
static uint32_t *hot, nhot;	/* blocks that aren't zero */
static unsigned entries;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % n;
}

static void
stop(const char *what)
{
	printf("FAULT %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

static void
parse_command_line(void)
{
	int fd = open("/proc/cmdline", O_RDONLY);
	char *word, *rest;
	ssize_t n = read(fd, cmdline, sizeof(cmdline) - 1);

	if (n <= 0)
		stop("cmdline");
	cmdline[n - 1] = '\0';
	close(fd);
	for (word = strtok_r(cmdline, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (strncmp(word, "fs=", 3) == 0)
			fs = word + 3;
		else if (strncmp(word, "image=", 6) == 0)
			image = word + 6;
		else if (strncmp(word, "count=", 6) == 0)
			count = (unsigned)atoi(word + 6);
		else if (strncmp(word, "seed=", 5) == 0)
			seed = strtoull(word + 5, NULL, 10);
	}
}

static void
load_image(void)
{
	int fd = open(image, O_RDONLY);
	struct stat st;
	size_t i, j;

	if (fd < 0 || fstat(fd, &st) != 0)
		stop("image");
	image_size = (size_t)st.st_size;
	base = malloc(image_size);
	work = malloc(image_size);
	hot = malloc(image_size / BLOCK * sizeof(*hot));
	if (base == NULL || work == NULL || hot == NULL || read(fd, base, image_size) != (ssize_t)image_size)
		stop("read of the image");
	close(fd);
	for (i = 0; i < image_size / BLOCK; i++) {
		for (j = 0; j < BLOCK && base[i * BLOCK + j] == 0; j++)
			;
		if (j < BLOCK)
			hot[nhot++] = (uint32_t)i;
	}
}

static void
damage(void)
{
	uint32_t changes = 1 + rnd(12), i;

	for (i = 0; i < changes; i++) {
		/* the front, where super blocks and tables are, gets its share */
		uint32_t block = rnd(3) == 0 ? hot[rnd(nhot < 12 ? nhot : 12)] : hot[rnd(nhot)];
		unsigned char *p = work + (size_t)block * BLOCK + rnd(BLOCK / 4) * 4;
		uint32_t values[] = { 0, 0xffffffffU, 0x7fffffffU, rnd(64), rnd(0xffffffffU), 0x80000000U, rnd(65536) };

		switch (rnd(4)) {
		case 0:
			p[rnd(4)] = (unsigned char)rnd(256);
			break;
		case 1:
			p[rnd(4)] ^= (unsigned char)(1U << rnd(8));
			break;
		default:
			memcpy(p, &values[rnd(7)], rnd(2) ? 4 : 2);
			break;
		}
	}
}

/* --- what a user may do with it --- */

static void
try_file(const char *path)
{
	static char buf[8192];
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW), i;

	if (fd < 0)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return;
	for (i = 0; i < 16 && read(fd, buf, sizeof(buf)) > 0; i++)
		;
	lseek(fd, 0, SEEK_DATA);
	lseek(fd, 0, SEEK_HOLE);
	if (rnd(3) == 0)
		(void)!pwrite(fd, buf, 1 + rnd(sizeof(buf) - 1), (off_t)rnd(1 << 20));
	if (rnd(6) == 0)
		(void)!ftruncate(fd, (off_t)rnd(1 << 18));
	if (rnd(8) == 0)
		fsync(fd);
	close(fd);
}

static void
try_entry(const char *path, const struct stat *st)
{
	char buf[512], other[64];

	if (S_ISREG(st->st_mode))
		try_file(path);
	else if (S_ISLNK(st->st_mode))
		(void)!readlink(path, buf, sizeof(buf));
	if (rnd(4) == 0) {
		listxattr(path, buf, sizeof(buf));
		getxattr(path, "user.test", buf, sizeof(buf));
		setxattr(path, "user.more", "value", 5, 0);
	}
	snprintf(other, sizeof(other), "/m/r%u", rnd(40));
	switch (rnd(12)) {
	case 0:
		unlink(path);
		break;
	case 1:
		rename(path, other);
		break;
	case 2:
		link(path, other);
		break;
	case 3:
		mkdir(other, 0755);
		break;
	case 4:
		rmdir(path);
		break;
	case 5:
		close(open(other, O_CREAT | O_WRONLY, 0644));
		break;
	default:
		break;
	}
}

static void
walk(const char *path, int depth)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		return;
	while (entries < ENTRIES_MAX && (e = readdir(d)) != NULL) {
		char name[1300];
		struct stat st;

		entries++;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strlen(path) + strlen(e->d_name) > 900)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (lstat(name, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			walk(name, depth + 1);
		try_entry(name, &st);
	}
	closedir(d);
}

static int
attach(int file)
{
	struct loop_config c = { .fd = (unsigned)file, .block_size = 0 };
	char name[32];
	int ctl = open("/dev/loop-control", O_RDWR), nr = ioctl(ctl, LOOP_CTL_GET_FREE), loop, i;

	close(ctl);
	snprintf(name, sizeof(name), "/dev/loop%d", nr);
	for (i = 0; (loop = open(name, O_RDWR)) < 0 && errno == ENOENT && i < 100; i++)
		usleep(1000);
	c.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, &c) != 0)
		stop("loop device");
	return nr << 16 | loop;
}

static int
one(int intact)
{
	struct statfs sf;
	char name[32];
	int file = open("/work.img", O_RDWR | O_CREAT | O_TRUNC, 0600), loop, mounted;

	memcpy(work, base, image_size);
	if (!intact)
		damage();
	if (file < 0 || write(file, work, image_size) != (ssize_t)image_size)
		stop("work image");
	loop = attach(file);
	snprintf(name, sizeof(name), "/dev/loop%d", loop >> 16);
	mounted = mount(name, "/m", fs, 0, NULL) == 0 || mount(name, "/m", fs, MS_RDONLY, NULL) == 0;
	if (mounted) {
		entries = 0;
		statfs("/m", &sf);
		walk("/m", 0);
		sync();
		if (umount("/m") != 0)
			stop("umount");
	}
	close(loop & 0xffff);
	close(file);
	return mounted;
}

int
main(void)
{
	unsigned i, mounted = 0;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/m", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) != 0 || (mount("dev", "/dev", "devtmpfs", 0, NULL) != 0 && errno != EBUSY))
		stop("mount of /proc or /dev");
	parse_command_line();
	load_image();
	if (!one(1))
		stop("mount of the undamaged image");
	for (i = 0; i < count; i++) {
		printf("ROUND %u seed %llu\n", i, seed);
		fflush(stdout);
		mounted += (unsigned)one(0);
	}
	printf("DONE %u rounds, %u mounted\n", count, mounted);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
