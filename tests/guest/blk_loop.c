/* SPDX-License-Identifier: BSD-2-Clause */
/* Loop devices: /dev/loop-control, binding, status, offset and size limit, autoclear, read-only, CHANGE_FD, loops on loops. */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define SIZE		(1 << 20)
#define FILE_PATH	"/tmp/blk_loop.img"

static int ctl, file, lo;
static int number;

static int
open_loop(int n, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/loop%d", n);
	return open(path, flags);
}

static void
setup(void)
{
	ctl = ck_ok(open("/dev/loop-control", O_RDWR));
	file = ck_ok(open(FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0600));
	ck_ok(ftruncate(file, SIZE));
	number = ck_ok(ioctl(ctl, LOOP_CTL_GET_FREE));
	lo = ck_ok(open_loop(number, O_RDWR));
}

static void
teardown(void)
{
	ioctl(lo, LOOP_CLR_FD, 0);
	close(lo);
	close(file);
	close(ctl);
	unlink(FILE_PATH);
}

static uint64_t
size_of(int fd)
{
	uint64_t size = 12345;

	ck_ok(ioctl(fd, BLKGETSIZE64, &size));
	return size;
}

START_TEST(an_unbound_device_is_empty)
{
	struct loop_info64 info;
	char c;

	ck_assert_uint_eq(size_of(lo), 0);
	ck_assert_int_eq(read(lo, &c, 1), 0);
	ck_fails(write(lo, "x", 1), ENOSPC);
	ck_fails(ioctl(lo, LOOP_GET_STATUS64, &info), ENXIO);
	ck_fails(ioctl(lo, LOOP_CLR_FD, 0), ENXIO);
	ck_fails(ioctl(lo, LOOP_SET_CAPACITY, 0), ENXIO);
	ck_fails(ioctl(lo, LOOP_SET_BLOCK_SIZE, 512), ENXIO);
	ck_fails(ioctl(lo, LOOP_SET_DIRECT_IO, 0), ENXIO);
	ck_fails(ioctl(lo, LOOP_CHANGE_FD, file), ENXIO);
}
END_TEST

START_TEST(binding_what_is_no_file)
{
	int dir = ck_ok(open("/tmp", O_RDONLY)), null = ck_ok(open("/dev/null", O_RDWR)), p[2];

	ck_fails(ioctl(lo, LOOP_SET_FD, -1), EBADF);
	ck_fails(ioctl(lo, LOOP_SET_FD, 999), EBADF);
	ck_fails(ioctl(lo, LOOP_SET_FD, dir), EINVAL);
	ck_fails(ioctl(lo, LOOP_SET_FD, null), EINVAL);
	ck_ok(pipe(p));
	ck_fails(ioctl(lo, LOOP_SET_FD, p[0]), EINVAL);
	ck_fails(ioctl(lo, LOOP_SET_FD, lo), EBADF);
	close(p[0]);
	close(p[1]);
	close(null);
	close(dir);
}
END_TEST

START_TEST(a_bound_device_tells_its_status)
{
	struct loop_info64 info;
	struct loop_info old;
	struct stat st;

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_fails(ioctl(lo, LOOP_SET_FD, file), EBUSY);
	ck_assert_uint_eq(size_of(lo), SIZE);
	ck_ok(fstat(file, &st));
	ck_ok(ioctl(lo, LOOP_GET_STATUS64, &info));
	ck_assert_uint_eq(info.lo_inode, st.st_ino);
	ck_assert_uint_eq(info.lo_device, st.st_dev);
	ck_assert_uint_eq(info.lo_number, (unsigned)number);
	ck_assert_uint_eq(info.lo_offset, 0);
	ck_assert_uint_eq(info.lo_sizelimit, 0);
	ck_assert_uint_eq(info.lo_flags, 0);
	strcpy((char *)info.lo_file_name, "some name");
	ck_ok(ioctl(lo, LOOP_SET_STATUS64, &info));
	ck_ok(ioctl(lo, LOOP_GET_STATUS, &old));
	ck_assert_str_eq(old.lo_name, "some name");
	ck_assert_int_eq(old.lo_number, number);
	ck_ok(ioctl(lo, LOOP_CLR_FD, 0));
	ck_fails(ioctl(lo, LOOP_GET_STATUS64, &info), ENXIO);
	ck_assert_uint_eq(size_of(lo), 0);
}
END_TEST

START_TEST(offset_and_size_limit)
{
	struct loop_info64 info = { .lo_offset = 4096, .lo_sizelimit = 10000 };
	char buf[8];

	ck_assert_int_eq(pwrite(file, "here", 4, 4096 + 512), 4);
	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_ok(ioctl(lo, LOOP_SET_STATUS64, &info));
	ck_assert_uint_eq(size_of(lo), 9728);
	ck_assert_int_eq(pread(lo, buf, 4, 512), 4);
	ck_assert(memcmp(buf, "here", 4) == 0);
	ck_assert_int_eq(pwrite(lo, "there", 5, 1024), 5);
	ck_ok(fsync(lo));
	ck_assert_int_eq(pread(file, buf, 5, 4096 + 1024), 5);
	ck_assert(memcmp(buf, "there", 5) == 0);
	info.lo_sizelimit = 0;
	ck_ok(ioctl(lo, LOOP_SET_STATUS64, &info));
	ck_assert_uint_eq(size_of(lo), SIZE - 4096);
	info.lo_offset = (uint64_t)1 << 63;
	ck_fails(ioctl(lo, LOOP_SET_STATUS64, &info), EOVERFLOW);
	info.lo_offset = 0;
	info.lo_encrypt_type = LO_CRYPT_XOR;
	ck_fails(ioctl(lo, LOOP_SET_STATUS64, &info), EINVAL);
}
END_TEST

START_TEST(a_file_that_grows)
{
	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_ok(ftruncate(file, 2 * SIZE));
	ck_assert_uint_eq(size_of(lo), SIZE);
	ck_ok(ioctl(lo, LOOP_SET_CAPACITY, 0));
	ck_assert_uint_eq(size_of(lo), 2 * SIZE);
}
END_TEST

START_TEST(configure_sets_all_at_once)
{
	struct loop_config c = { .fd = (unsigned)file, .block_size = 4096, .info = { .lo_offset = 8192, .lo_flags = LO_FLAGS_READ_ONLY } };
	int i = 0;

	ck_ok(ioctl(lo, LOOP_CONFIGURE, &c));
	ck_fails(ioctl(lo, LOOP_CONFIGURE, &c), EBUSY);
	ck_assert_uint_eq(size_of(lo), SIZE - 8192);
	ck_ok(ioctl(lo, BLKSSZGET, &i));
	ck_assert_int_eq(i, 4096);
	ck_ok(ioctl(lo, BLKROGET, &i));
	ck_assert_int_eq(i, 1);
	ck_fails(write(lo, "x", 1), EPERM);
}
END_TEST

START_TEST(configure_checks_first)
{
	struct loop_config c = { .fd = (unsigned)file, .block_size = 1000 };

	ck_fails(ioctl(lo, LOOP_CONFIGURE, &c), EINVAL);
	c.block_size = 8192;
	ck_fails(ioctl(lo, LOOP_CONFIGURE, &c), EINVAL);
	c.block_size = 0;
	c.info.lo_flags = 1 << 10;
	ck_fails(ioctl(lo, LOOP_CONFIGURE, &c), EINVAL);
	ck_fails(ioctl(lo, LOOP_CONFIGURE, 0), EFAULT);
	c.info.lo_flags = 0;
	c.fd = 999;
	ck_fails(ioctl(lo, LOOP_CONFIGURE, &c), EBADF);
}
END_TEST

START_TEST(the_logical_block_size)
{
	int i = 0;

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_ok(ioctl(lo, LOOP_SET_BLOCK_SIZE, 2048));
	ck_ok(ioctl(lo, BLKSSZGET, &i));
	ck_assert_int_eq(i, 2048);
	ck_fails(ioctl(lo, LOOP_SET_BLOCK_SIZE, 256), EINVAL);
	ck_fails(ioctl(lo, LOOP_SET_BLOCK_SIZE, 3000), EINVAL);
	ck_fails(ioctl(lo, LOOP_SET_BLOCK_SIZE, 65536), EINVAL);
}
END_TEST

START_TEST(a_read_only_file_makes_a_read_only_device)
{
	int ro = ck_ok(open(FILE_PATH, O_RDONLY)), i = 0;
	struct loop_info64 info;

	ck_ok(ioctl(lo, LOOP_SET_FD, ro));
	ck_ok(ioctl(lo, LOOP_GET_STATUS64, &info));
	ck_assert_uint_eq(info.lo_flags, LO_FLAGS_READ_ONLY);
	ck_ok(ioctl(lo, BLKROGET, &i));
	ck_assert_int_eq(i, 1);
	ck_fails(write(lo, "x", 1), EPERM);
	close(ro);
}
END_TEST

START_TEST(another_file_under_a_read_only_device)
{
	int ro = ck_ok(open(FILE_PATH, O_RDONLY)), other = ck_ok(open("/tmp/blk_loop2.img", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char c = 0;

	ck_ok(ftruncate(other, SIZE / 2));
	ck_assert_int_eq(pwrite(other, "2", 1, 4096), 1);
	ck_ok(ioctl(lo, LOOP_SET_FD, ro));
	ck_fails(ioctl(lo, LOOP_CHANGE_FD, other), EINVAL);	/* not of the same size */
	ck_ok(ftruncate(other, SIZE));
	ck_ok(ioctl(lo, LOOP_CHANGE_FD, other));
	ck_assert_int_eq(pread(lo, &c, 1, 4096), 1);
	ck_assert_int_eq(c, '2');
	ck_ok(ioctl(lo, LOOP_CLR_FD, 0));
	ck_ok(ioctl(lo, LOOP_SET_FD, other));
	ck_fails(ioctl(lo, LOOP_CHANGE_FD, file), EINVAL);	/* not read-only */
	close(other);
	close(ro);
	unlink("/tmp/blk_loop2.img");
}
END_TEST

START_TEST(autoclear_at_the_last_close)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	int again;

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_ok(ioctl(lo, LOOP_SET_STATUS64, &info));
	again = ck_ok(open_loop(number, O_RDONLY));
	close(lo);
	ck_assert_uint_eq(size_of(again), SIZE);
	close(again);
	lo = ck_ok(open_loop(number, O_RDWR));
	ck_fails(ioctl(lo, LOOP_GET_STATUS64, &info), ENXIO);
}
END_TEST

START_TEST(clearing_what_others_have_open_waits_for_them)
{
	int again = ck_ok(open_loop(number, O_RDONLY));
	struct loop_info64 info;

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_ok(ioctl(lo, LOOP_CLR_FD, 0));
	ck_ok(ioctl(lo, LOOP_GET_STATUS64, &info));
	ck_assert_uint_eq(info.lo_flags, LO_FLAGS_AUTOCLEAR);
	close(again);
	close(lo);
	lo = ck_ok(open_loop(number, O_RDWR));
	ck_fails(ioctl(lo, LOOP_GET_STATUS64, &info), ENXIO);
}
END_TEST

START_TEST(the_control_device)
{
	int n = ck_ok(ioctl(ctl, LOOP_CTL_ADD, 40));

	ck_assert_int_eq(n, 40);
	ck_fails(ioctl(ctl, LOOP_CTL_ADD, 40), EEXIST);
	n = ck_ok(open_loop(40, O_RDWR));
	ck_fails(ioctl(ctl, LOOP_CTL_REMOVE, 40), EBUSY);
	close(n);
	ck_assert_int_eq(ioctl(ctl, LOOP_CTL_REMOVE, 40), 0);
	ck_fails(ioctl(ctl, LOOP_CTL_REMOVE, 40), ENODEV);
	ck_fails(open_loop(40, O_RDWR), ENOENT);
	ck_fails(ioctl(ctl, LOOP_CTL_REMOVE, -1), EINVAL);
	ck_fails(ioctl(ctl, 0x4cff, 0), ENOSYS);
}
END_TEST

START_TEST(a_loop_on_a_loop)
{
	int n, second;
	char buf[16];

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	n = ck_ok(ioctl(ctl, LOOP_CTL_GET_FREE));
	ck_assert_int_ne(n, number);
	second = ck_ok(open_loop(n, O_RDWR));
	ck_ok(ioctl(second, LOOP_SET_FD, lo));
	ck_assert_uint_eq(size_of(second), SIZE);
	ck_assert_int_eq(pwrite(second, "deep", 4, 70000), 4);
	ck_ok(fsync(second));
	ck_assert_int_eq(pread(file, buf, 4, 70000), 4);
	ck_assert(memcmp(buf, "deep", 4) == 0);
	ck_ok(ioctl(second, LOOP_CLR_FD, 0));
	close(second);
}
END_TEST

START_TEST(much_data_through_a_loop)
{
	static char buf[65536], back[65536];

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	for (int i = 0; i < SIZE / 65536; i++) {
		memset(buf, 'a' + i, sizeof(buf));
		ck_assert_int_eq(pwrite(lo, buf, sizeof(buf), i * 65536L), sizeof(buf));
	}
	ck_ok(fsync(lo));
	ck_ok(ioctl(lo, BLKFLSBUF, 0));
	for (int i = SIZE / 65536 - 1; i >= 0; i--) {
		memset(buf, 'a' + i, sizeof(buf));
		ck_assert_int_eq(pread(lo, back, sizeof(back), i * 65536L), sizeof(back));
		ck_assert(memcmp(buf, back, sizeof(buf)) == 0);
		ck_assert_int_eq(pread(file, back, sizeof(back), i * 65536L), sizeof(back));
		ck_assert(memcmp(buf, back, sizeof(buf)) == 0);
	}
}
END_TEST

/* On a disk's file system: /tmp has no direct transfers. */
START_TEST(direct_io)
{
	struct loop_config c = { .info = { .lo_flags = LO_FLAGS_DIRECT_IO } };
	struct loop_info64 info;
	static char buf[8192], back[8192];
	int f;

	ck_ok(ioctl(lo, LOOP_SET_FD, file));
	ck_fails(ioctl(lo, LOOP_SET_DIRECT_IO, 1), EINVAL);
	ck_ok(ioctl(lo, LOOP_SET_DIRECT_IO, 0));
	ck_ok(ioctl(lo, LOOP_CLR_FD, 0));
	mkdir("/tmp/blk_loop", 0755);
	ck_ok(mount("/dev/vdc", "/tmp/blk_loop", "ext4", 0, NULL));
	f = ck_ok(open("/tmp/blk_loop/image", O_RDWR | O_CREAT | O_TRUNC, 0600));
	ck_ok(ftruncate(f, SIZE + 700));
	c.fd = (unsigned)f;
	ck_ok(ioctl(lo, LOOP_CONFIGURE, &c));
	ck_ok(ioctl(lo, LOOP_GET_STATUS64, &info));
	ck_assert_uint_eq(info.lo_flags, LO_FLAGS_DIRECT_IO);
	for (int on = 1; on >= 0; on--) {
		ck_ok(ioctl(lo, LOOP_SET_DIRECT_IO, on));
		memset(buf, 'x' + on, sizeof(buf));
		ck_assert_int_eq(pwrite(lo, buf, sizeof(buf), 40960 + 512), sizeof(buf));
		ck_assert_int_eq(pwrite(lo, buf, 512, SIZE), 512);
		ck_ok(fsync(lo));
		ck_ok(ioctl(lo, BLKFLSBUF, 0));
		ck_assert_int_eq(pread(f, back, sizeof(back), 40960 + 512), sizeof(back));
		ck_assert_mem_eq(back, buf, sizeof(buf));
		ck_assert_int_eq(pread(lo, back, sizeof(back), 40960 + 512), sizeof(back));
		ck_assert_mem_eq(back, buf, sizeof(buf));
		ck_assert_int_eq(pread(lo, back, 512, SIZE), 512);
		ck_assert_mem_eq(back, buf, 512);
	}
	ck_ok(ioctl(lo, LOOP_GET_STATUS64, &info));
	ck_assert_uint_eq(info.lo_flags, 0);
	ck_ok(ioctl(lo, LOOP_SET_DIRECT_IO, 1));
	info.lo_offset = 100;		/* now the blocks lie across the file's */
	ck_ok(ioctl(lo, LOOP_SET_STATUS64, &info));
	ck_ok(ioctl(lo, LOOP_GET_STATUS64, &info));
	ck_assert_uint_eq(info.lo_flags & LO_FLAGS_DIRECT_IO, 0);
	ck_fails(ioctl(lo, LOOP_SET_DIRECT_IO, 1), EINVAL);
	ck_assert_int_eq(pread(lo, back, sizeof(back), 40960), sizeof(back));
	ck_ok(ioctl(lo, LOOP_CLR_FD, 0));
	close(f);
	ck_ok(unlink("/tmp/blk_loop/image"));
	ck_ok(umount("/tmp/blk_loop"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("blk_loop");
	TCase *t = tcase_create("loop");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_unbound_device_is_empty);
	tcase_add_test(t, binding_what_is_no_file);
	tcase_add_test(t, a_bound_device_tells_its_status);
	tcase_add_test(t, offset_and_size_limit);
	tcase_add_test(t, a_file_that_grows);
	tcase_add_test(t, configure_sets_all_at_once);
	tcase_add_test(t, configure_checks_first);
	tcase_add_test(t, the_logical_block_size);
	tcase_add_test(t, a_read_only_file_makes_a_read_only_device);
	tcase_add_test(t, another_file_under_a_read_only_device);
	tcase_add_test(t, autoclear_at_the_last_close);
	tcase_add_test(t, clearing_what_others_have_open_waits_for_them);
	tcase_add_test(t, the_control_device);
	tcase_add_test(t, a_loop_on_a_loop);
	tcase_add_test(t, much_data_through_a_loop);
	tcase_add_test(t, direct_io);
	suite_add_tcase(s, t);
	return guest_run(s);
}
