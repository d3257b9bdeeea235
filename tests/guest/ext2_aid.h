/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of ext2 share: mounting at AT, small files, and a copy of a disk on a loop device that may be damaged. */
#ifndef TESTS_GUEST_EXT2_AID_H
#define TESTS_GUEST_EXT2_AID_H

#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "guest.h"

#define AT	"/tmp/disk"
#define COPY	"/tmp/copy.img"

static inline int
try_mount(const char *dev, const char *type, unsigned long flags, const char *options)
{
	mkdir(AT, 0755);
	return mount(dev, AT, type, flags, options);
}

static inline void
use(const char *dev, const char *options)
{
	umount2(AT, MNT_DETACH);	/* of a test that failed */
	ck_ok(try_mount(dev, "ext4", 0, options));
	ck_ok(chdir(AT));
}

static inline void
leave(void)
{
	ck_ok(chdir("/"));
	ck_ok(umount(AT));
}

static inline void
put(const char *path, const char *text)
{
	int fd = ck_ok(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	ck_assert_int_eq(ck_ok(write(fd, text, strlen(text))), strlen(text));
	close(fd);
}

static inline struct stat
status(const char *path)
{
	struct stat st;

	ck_ok(lstat(path, &st));
	return st;
}

static inline struct statfs
space(void)
{
	struct statfs st;

	ck_ok(statfs(".", &st));
	return st;
}

/* A field of n bytes at `at` of a device or image that nobody has mounted. */
static inline uint64_t
peek(const char *dev, long at, int n)
{
	int fd = ck_ok(open(dev, O_RDONLY));
	uint64_t v = 0;

	ck_assert_int_eq(ck_ok(pread(fd, &v, n, at)), n);
	close(fd);
	return v;
}

static inline void
poke(const char *dev, long at, int n, uint64_t v)
{
	int fd = ck_ok(open(dev, O_WRONLY));

	ck_assert_int_eq(ck_ok(pwrite(fd, &v, n, at)), n);
	close(fd);
}

/* The disk's bytes in a file that may be damaged. */
static inline void
copy_disk(const char *dev)
{
	static char buf[65536];
	int from = ck_ok(open(dev, O_RDONLY)), to = ck_ok(open(COPY, O_RDWR | O_CREAT | O_TRUNC, 0600));
	long n;

	while ((n = ck_ok(read(from, buf, sizeof(buf)))) > 0)
		ck_assert_int_eq(ck_ok(write(to, buf, n)), n);
	close(from);
	close(to);
}

/* Mount the copy; the loop device goes with the mount. */
static inline int
mount_copy(const char *type, unsigned long flags, const char *options)
{
	int ctl = ck_ok(open("/dev/loop-control", O_RDWR)), image = ck_ok(open(COPY, O_RDWR)), lo, ret, err;
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	char dev[32];

	umount2(AT, MNT_DETACH);
	snprintf(dev, sizeof(dev), "/dev/loop%ld", ck_ok(ioctl(ctl, LOOP_CTL_GET_FREE)));
	lo = ck_ok(open(dev, O_RDWR));
	ck_ok(ioctl(lo, LOOP_SET_FD, image));
	ck_ok(ioctl(lo, LOOP_SET_STATUS64, &info));
	ret = try_mount(dev, type, flags, options);
	err = errno;
	close(lo);
	close(image);
	close(ctl);
	errno = err;
	return ret;
}

/* Where `text` is in the copy, from `at` on; -1: nowhere. */
static inline long
find_in_copy(const char *text, long at)
{
	static char buf[65536];
	int fd = ck_ok(open(COPY, O_RDONLY));
	long n;
	char *p;

	while ((n = ck_ok(pread(fd, buf, sizeof(buf), at))) > (long)strlen(text)) {
		p = memmem(buf, n, text, strlen(text));
		if (p != NULL) {
			close(fd);
			return at + (p - buf);
		}
		at += n - (long)strlen(text);
	}
	close(fd);
	return -1;
}

/* Offsets in the image */
enum { SB_STATE = 1024 + 58, SB_ERRORS = 1024 + 60, SB_REV = 1024 + 76, SB_COMPAT = 1024 + 92, SB_INCOMPAT = 1024 + 96, SB_RO_COMPAT = 1024 + 100 };

#endif
