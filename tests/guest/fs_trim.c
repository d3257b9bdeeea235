/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FITRIM: what is free on ext2, ext3 and FAT is discarded, and nothing else; who may ask, and what is asked wrongly. run.py's disks forget
 * what is discarded (discard=unmap), but for vdi, which has no such command.
 */
#define _GNU_SOURCE
#include "ext2_aid.h"

#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define MIB	(1 << 20)

static const struct { const char *dev, *type; } disks[] = { { "/dev/vdb", "ext4" }, { "/dev/vdc", "ext4" }, { "/dev/vdf", "vfat" } };

static int
use_disk(int i)
{
	umount2(AT, MNT_DETACH);
	ck_ok(try_mount(disks[i].dev, disks[i].type, 0, NULL));
	ck_ok(chdir(AT));
	return ck_ok(open(".", O_RDONLY));
}

static long
trim(int fd, uint64_t start, uint64_t len, uint64_t minlen)
{
	struct fstrim_range r = { start, len, minlen };

	return ioctl(fd, FITRIM, &r) == 0 ? (long)r.len : -1;
}

static void
fill(const char *name, int c, int mib)
{
	int fd = ck_ok(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	static char buf[65536];

	memset(buf, c, sizeof(buf));
	for (int i = 0; i < mib * 16; i++)
		ck_assert_int_eq(ck_ok(write(fd, buf, sizeof(buf))), sizeof(buf));
	ck_ok(fsync(fd));
	close(fd);
}

/* Where the disk has a byte of the file, which is in a block that holds nothing else. */
static long
place(const char *name, long at)
{
	int fd = ck_ok(open(name, O_RDONLY)), size, block;

	ck_ok(ioctl(fd, FIGETBSZ, &size));
	block = at / size;
	ck_ok(ioctl(fd, FIBMAP, &block));
	ck_assert_int_ne(block, 0);
	close(fd);
	return (long)block * size;
}

/* The byte that the disk has there, beside all caches. */
static int
on_disk(const char *dev, long at)
{
	unsigned char *buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int disk = ck_ok(open(dev, O_RDONLY | O_DIRECT)), c;

	ck_assert_int_eq(ck_ok(pread(disk, buf, 512, at)), 512);
	c = buf[7];
	for (int i = 0; i < 512; i++)
		ck_assert_int_eq(buf[i], c);
	munmap(buf, 4096);
	close(disk);
	return c;
}

START_TEST(trim_free_blocks)
{
	const char *dev = disks[_i].dev;
	int fd = use_disk(_i);
	long doomed[2], kept[2];
	struct statfs st;

	fill("before", 'b', 1);
	fill("doomed", 'd', 3);
	fill("kept", 'k', 1);
	for (int k = 0; k < 2; k++) {
		doomed[k] = place("doomed", k * (3 * MIB - 4096));
		kept[k] = place("kept", k * (MIB - 4096));
		ck_assert_int_eq(on_disk(dev, doomed[k]), 'd');
	}
	ck_ok(unlink("doomed"));
	sync();
	st = space();
	ck_assert_int_eq(trim(fd, 0, UINT64_MAX, 0), st.f_bfree * st.f_bsize);
	for (int k = 0; k < 2; k++) {
		ck_assert_int_eq(on_disk(dev, doomed[k]), 0);
		ck_assert_int_eq(on_disk(dev, kept[k]), 'k');
	}
	ck_assert_int_eq(on_disk(dev, place("before", 0)), 'b');
	ck_ok(unlink("before"));
	ck_ok(unlink("kept"));
	close(fd);
	leave();
}
END_TEST

/* ext4 knows what it has discarded: only groups where something was freed are gone through again. */
START_TEST(trim_again)
{
	int fd = use_disk(_i);
	struct statfs st = space();
	long all = trim(fd, 0, UINT64_MAX, 0);

	ck_assert_int_eq(all, st.f_bfree * st.f_bsize);
	ck_assert_int_eq(trim(fd, 0, UINT64_MAX, 0), _i == 2 ? all : 0);
	fill("doomed", 'd', 2);
	ck_ok(unlink("doomed"));
	sync();
	ck_assert_int_ge(trim(fd, 0, UINT64_MAX, 0), 2 * MIB);
	close(fd);
	leave();
}
END_TEST

START_TEST(trim_part)
{
	int fd = use_disk(_i);
	struct statfs st = space();
	long half = st.f_blocks * st.f_bsize / 2, n;

	n = trim(fd, 0, half, 0);
	ck_assert_int_gt(n, 0);
	if (_i == 2)			/* ext4 goes on to the end of the group with a run that begins before the end */
		ck_assert_int_le(n, half);
	n = trim(fd, half, 8 * MIB, 0);
	ck_assert_int_ge(n, 0);
	close(fd);
	leave();
	fd = use_disk(_i);
	n = trim(fd, 0, UINT64_MAX, 4 * MIB);
	ck_assert_int_ge(n, 4 * MIB);
	close(fd);
	leave();
}
END_TEST

START_TEST(trim_arguments)
{
	int fd = use_disk(_i), file = ck_ok(open("file", O_RDWR | O_CREAT, 0644)), status;

	ck_assert_int_ge(trim(file, 0, 16 * MIB, 0), 0);
	ck_assert_int_eq(trim(fd, 0, 100, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(trim(fd, 1L << 40, 1L << 20, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	if (_i != 2) {
		ck_assert_int_eq(trim(fd, 0, UINT64_MAX, 1L << 30), -1);
		ck_assert_int_eq(errno, EINVAL);
	} else {
		ck_assert_int_eq(trim(fd, 0, UINT64_MAX, 1L << 30), 0);
	}
	ck_fails(ioctl(fd, FITRIM, (void *)8), EFAULT);
	if (fork() == 0) {
		if (setuid(1000) != 0 || trim(fd, 0, UINT64_MAX, 0) != -1)
			_exit(1);
		_exit(errno == EPERM ? 0 : 2);
	}
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
	ck_ok(unlink("file"));
	close(file);
	close(fd);
	leave();
}
END_TEST

START_TEST(trim_where_there_is_none)
{
	static const char *const places[] = { "/tmp", "/proc", "/dev/vdb", "/dev/null" };
	int fd;

	for (int i = 0; i < 4; i++) {
		fd = ck_ok(open(places[i], O_RDONLY));
		ck_fails(trim(fd, 0, UINT64_MAX, 0), ENOTTY);
		close(fd);
	}
	use("/dev/vdi", NULL);
	fd = ck_ok(open(".", O_RDONLY));
	ck_fails(trim(fd, 0, UINT64_MAX, 0), EOPNOTSUPP);
	close(fd);
	leave();
}
END_TEST

START_TEST(trim_read_only)
{
	int fd;

	umount2(AT, MNT_DETACH);
	ck_ok(try_mount("/dev/vdc", "ext4", MS_RDONLY, NULL));
	fd = ck_ok(open(AT, O_RDONLY));
	ck_assert_int_gt(trim(fd, 0, UINT64_MAX, 0), 0);
	close(fd);
	ck_ok(umount(AT));
	ck_ok(try_mount("/dev/vdc", "ext4", MS_RDONLY, "noload"));
	fd = ck_ok(open(AT, O_RDONLY));
	ck_fails(trim(fd, 0, UINT64_MAX, 0), EROFS);
	close(fd);
	ck_ok(umount(AT));
}
END_TEST

/* Files come and go while all is discarded again and again: none loses anything. */
START_TEST(trim_beside_writers)
{
	struct utsname name;
	int fd, status;

	ck_ok(uname(&name));
	if (_i == 2 && strstr(name.release, "lintel") == NULL)
		return;		/* Linux 6.1's FAT discards what was allocated since it looked: it lets go of its lock between the two */
	fd = use_disk(_i);
	for (int w = 0; w < 2; w++) {
		if (fork() != 0)
			continue;
		for (int k = 0; k < 12; k++) {
			char name[40], *buf = malloc(MIB);
			int f;

			snprintf(name, sizeof(name), "writer%d.%d", w, k & 1);
			unlink(name);
			fill(name, 'a' + k, 1);
			f = open(name, O_RDONLY);
			posix_fadvise(f, 0, 0, POSIX_FADV_DONTNEED);
			if (read(f, buf, MIB) != MIB)
				_exit(1);
			for (int i = 0; i < MIB; i += 512)
				if (buf[i] != 'a' + k)
					_exit(2);
			close(f);
			free(buf);
		}
		_exit(0);
	}
	for (int k = 0; k < 20; k++)
		ck_assert_int_ge(trim(fd, 0, UINT64_MAX, 0), 0);
	for (int w = 0; w < 2; w++) {
		ck_ok(wait(&status));
		ck_assert_int_eq(status, 0);
	}
	for (int w = 0; w < 4; w++) {
		char name[40];

		snprintf(name, sizeof(name), "writer%d.%d", w / 2, w & 1);
		ck_ok(unlink(name));
	}
	close(fd);
	leave();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_trim");
	TCase *t = tcase_create("fitrim");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, trim_free_blocks, 0, 3);
	tcase_add_loop_test(t, trim_again, 0, 3);
	tcase_add_loop_test(t, trim_part, 0, 3);
	tcase_add_loop_test(t, trim_arguments, 0, 3);
	tcase_add_test(t, trim_where_there_is_none);
	tcase_add_test(t, trim_read_only);
	tcase_add_loop_test(t, trim_beside_writers, 0, 3);
	suite_add_tcase(s, t);
	return guest_run(s);
}
