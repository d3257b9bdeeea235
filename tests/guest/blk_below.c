/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing a disk below the file system that is mounted from it: the device's page cache and the file system's metadata are the
 * same bytes, and neither's writes are lost to the other. vdb has blocks of 1 KiB and no journal, vdc of 4 KiB and one; the boot block
 * lies in a page with the super block, on vdc in a block with it.
 */
#define _GNU_SOURCE
#include "ext2_aid.h"

#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/wait.h>

static const char *const devices[] = { "/dev/vdb", "/dev/vdc" };
static const int block_size[] = { 1024, 4096 };

#define ROUNDS	60

/* Where the disk has an inode. */
static long
inode_at(int i, uint32_t ino)
{
	uint32_t per_group = peek(devices[i], 1024 + 40, 4), size = peek(devices[i], 1024 + 88, 2);
	long table = peek(devices[i], (i == 0 ? 2048 : 4096) + (ino - 1) / per_group * 32 + 8, 4);

	return table * block_size[i] + (long)((ino - 1) % per_group) * size;
}

static void
drop_caches(void)
{
	int fd = ck_ok(open("/proc/sys/vm/drop_caches", O_WRONLY));

	ck_assert_int_eq(ck_ok(write(fd, "3\n", 2)), 2);
	close(fd);
}

/* What an operation has changed is seen at once by who reads the device. */
START_TEST(below_sees_metadata)
{
	long at;

	use(devices[_i], NULL);
	put("seen", "");
	at = inode_at(_i, status("seen").st_ino);
	for (int mode = 0600; mode < 0620; mode++) {
		ck_ok(chmod("seen", mode));
		ck_assert_int_eq(peek(devices[_i], at, 2), S_IFREG | mode);
	}
	ck_ok(chown("seen", 1234, 0));
	ck_assert_int_eq(peek(devices[_i], at + 2, 2), 1234);
	ck_ok(unlink("seen"));
	leave();
}
END_TEST

/* And what is written to the device is what the file system reads, before it is on the disk. */
START_TEST(below_changes_metadata)
{
	long at;

	use(devices[_i], NULL);
	put("changed", "");
	at = inode_at(_i, status("changed").st_ino);
	sync();
	leave();
	use(devices[_i], NULL);
	drop_caches();
	poke(devices[_i], at, 2, S_IFREG | 0741);
	ck_assert_int_eq(status("changed").st_mode, S_IFREG | 0741);
	ck_ok(chown("changed", 77, 77));
	ck_assert_int_eq(peek(devices[_i], at, 2), S_IFREG | 0741);
	leave();
	use(devices[_i], NULL);
	ck_assert_int_eq(status("changed").st_mode, S_IFREG | 0741);
	ck_assert_int_eq(status("changed").st_uid, 77);
	ck_ok(unlink("changed"));
	leave();
}
END_TEST

/* Operations that change the super block, inodes and bitmaps, with sync between. */
static void
operate(int round)
{
	char name[40];

	snprintf(name, sizeof(name), "file%d", round % 7);
	put(name, "some text");
	ck_ok(mkdir("dir", 0755));
	ck_ok(rename(name, "dir/other"));
	if (round % 4 == 0)
		sync();
	ck_ok(unlink("dir/other"));
	ck_ok(rmdir("dir"));
}

/* The boot block is written in each way there is while the file system works: both are there afterwards. */
static void
write_boot_block(int way, int fd, char *buf, char *map, int c)
{
	switch (way) {
	case 0:
		memset(buf, c, 512);
		ck_assert_int_eq(ck_ok(pwrite(fd, buf, 512, 0)), 512);
		break;
	case 1:
		memset(map, c, 512);
		break;
	default:
		memset(buf, c, 512);
		ck_assert_int_eq(ck_ok(pwrite(fd, buf, 512, 512)), 512);
		ck_assert_int_eq(ck_ok(pwrite(fd, buf, 512, 0)), 512);
		break;
	}
}

START_TEST(below_boot_block)
{
	int disk = _i / 3, way = _i % 3, fd;
	char *buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	use(devices[disk], NULL);
	fd = ck_ok(open(devices[disk], O_RDWR | (way == 2 ? O_DIRECT : 0)));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	for (int k = 1; k < ROUNDS; k++) {
		write_boot_block(way, fd, buf, map, k);
		operate(k);
		if (k % 5 == 0)
			ck_ok(fsync(fd));
		if (k % 11 == 0)
			ck_ok(ioctl(fd, BLKFLSBUF, 0));
		ck_assert_int_eq(peek(devices[disk], 0, 1), k);
		ck_assert_int_eq(map[511], k);
	}
	munmap(map, 4096);
	close(fd);
	leave();
	ck_assert_int_eq(peek(devices[disk], 0, 1), ROUNDS - 1);
	ck_assert_int_eq(peek(devices[disk], 511, 1), ROUNDS - 1);
	ck_assert_int_eq(peek(devices[disk], 1024 + 56, 2), 0xef53);
	use(devices[disk], NULL);
	leave();
	poke(devices[disk], 0, 1, 0);
	munmap(buf, 4096);
}
END_TEST

/* Blocks of a file, written on the device and read there: the file has its own cache, so it sees them when that is dropped. */
START_TEST(below_data)
{
	int fd, block = 0;
	char text[8] = "";
	long at;

	use(devices[_i], NULL);
	put("data", "by file");
	fd = ck_ok(open("data", O_RDWR));
	ck_ok(fsync(fd));
	ck_ok(ioctl(fd, FIBMAP, &block));
	ck_assert_int_ne(block, 0);
	at = (long)block * block_size[_i];
	ck_assert_int_eq(peek(devices[_i], at, 1), 'b');
	poke(devices[_i], at, 2, 'B' | 'Y' << 8);
	ck_ok(pread(fd, text, 7, 0));
	ck_assert_str_eq(text, "by file");
	sync();
	ck_ok(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	ck_ok(pread(fd, text, 7, 0));
	ck_assert_str_eq(text, "BY file");
	close(fd);
	ck_ok(unlink("data"));
	leave();
}
END_TEST

/* All of the device is read and its caches flushed and dropped while the file system works. */
START_TEST(below_reading_all)
{
	int status, fd;

	use(devices[_i], NULL);
	if (fork() == 0) {
		static char buf[65536];

		for (int k = 0; k < 3; k++) {
			long n;

			fd = open(devices[_i], k == 1 ? O_RDONLY | O_DIRECT : O_RDONLY);
			char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			while ((n = read(fd, k == 1 ? p : buf, 65536)) > 0)
				;
			if (n != 0 || ioctl(fd, BLKFLSBUF, 0) != 0)
				_exit(1);
			close(fd);
			drop_caches();
		}
		_exit(0);
	}
	for (int k = 1; k < 2 * ROUNDS; k++)
		operate(k);
	ck_ok(wait(&status));
	ck_assert_int_eq(status, 0);
	leave();
}
END_TEST

/* What would take away what the file system holds is refused. */
START_TEST(below_claimed)
{
	int size = 512, fd;

	use(devices[_i], NULL);
	fd = ck_ok(open(devices[_i], O_RDWR));
	ck_fails(ioctl(fd, BLKBSZSET, &size), EBUSY);
	ck_fails(open(devices[_i], O_RDWR | O_EXCL), EBUSY);
	close(fd);
	leave();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("blk_below");
	TCase *t = tcase_create("below");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, below_sees_metadata, 0, 2);
	tcase_add_loop_test(t, below_changes_metadata, 0, 2);
	tcase_add_loop_test(t, below_boot_block, 0, 6);
	tcase_add_loop_test(t, below_data, 0, 2);
	tcase_add_loop_test(t, below_reading_all, 0, 2);
	tcase_add_loop_test(t, below_claimed, 0, 2);
	suite_add_tcase(s, t);
	return guest_run(s);
}
