/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of FAT share: the disks, mounting them, small helpers. */
#ifndef TESTS_GUEST_FAT_H
#define TESTS_GUEST_FAT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "guest.h"

#define AT	"/tmp/fat"
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum { FAT12, FAT16, FAT32, FATS };
static const char *const devices[FATS] = { "/dev/vdd", "/dev/vde", "/dev/vdf" };

static inline void
attach(int i, unsigned long flags, const char *options)
{
	ck_ok(mount(devices[i], AT, "vfat", flags, options));
	ck_ok(chdir(AT));
}

static inline void
detach(void)
{
	ck_ok(chdir("/"));
	ck_ok(umount(AT));
}

/* Mount, and stand in an empty directory of the test's own. */
static inline void
begin(int i, const char *name)
{
	mkdir(AT, 0755);
	umount2(AT, MNT_DETACH);	/* of a test that failed */
	attach(i, 0, NULL);
	ck_assert_int_eq(system("rm -rf *"), 0);
	ck_ok(mkdir(name, 0755));
	ck_ok(chdir(name));
}

/* Everything out of memory: what is read next comes from the disk. */
static inline void
again(int i, const char *name)
{
	detach();
	attach(i, 0, NULL);
	ck_ok(chdir(name));
}

/* The end of a test: what it made goes. */
static inline void
done(const char *name)
{
	char cmd[128];

	ck_ok(chdir(AT));
	snprintf(cmd, sizeof(cmd), "rm -r %s", name);
	ck_assert_int_eq(system(cmd), 0);
	detach();
}

static inline void
leave(void)
{
	ck_ok(chdir("/"));
	umount2(AT, MNT_DETACH);
}

static inline void
put(const char *path, const char *text)
{
	int fd = ck_ok(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	ck_assert_int_eq(ck_ok(write(fd, text, strlen(text))), strlen(text));
	close(fd);
}

/* write(2)'s result or -errno. */
static inline long
write_to(const char *path, const char *text, off_t pos)
{
	int fd = ck_ok(open(path, O_WRONLY));
	long n = pwrite(fd, text, strlen(text), pos);

	n = n < 0 ? -errno : n;
	close(fd);
	return n;
}

static inline void
check_text(const char *path, const char *text)
{
	char buf[1200];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	n = ck_ok(read(fd, buf, sizeof(buf) - 1));
	buf[n] = '\0';
	ck_assert_str_eq(buf, text);
	close(fd);
}

static inline int
count_entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

/* readdir() of musl has names of 255 bytes; these may be longer. */
struct entry { uint64_t ino; int64_t off; uint16_t len; uint8_t type; char name[]; };

static inline bool
is_listed(const char *path, const char *name)
{
	static char buf[65536] __attribute__((aligned(8)));
	int fd = ck_ok(open(path, O_RDONLY | O_DIRECTORY));
	bool found = false;
	long n;

	while ((n = ck_ok(syscall(SYS_getdents64, fd, buf, sizeof(buf)))) > 0) {
		for (long at = 0; at < n; ) {
			const struct entry *e = (const struct entry *)(buf + at);

			found |= strcmp(e->name, name) == 0;
			at += e->len;
		}
	}
	close(fd);
	return found;
}

/* Bytes that depend on a number and their place. */
static inline void
fill(char *p, size_t n, int seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)((i * 2654435761u >> 7) + (unsigned)seed * 37);
}

static inline bool
is_filled(const char *p, size_t n, int seed, size_t from)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (char)(((i + from) * 2654435761u >> 7) + (unsigned)seed * 37))
			return false;
	return true;
}

static inline long
free_clusters(void)
{
	struct statfs st;

	ck_ok(statfs(AT, &st));
	return (long)st.f_bfree;
}

#endif
