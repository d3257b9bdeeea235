/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT: contents of files, on all three disks (see fs_fat.c). */
#define _GNU_SOURCE
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fat.h"

START_TEST(unlinked_while_open)
{
	static char buf[100000];
	struct stat s;
	long before;
	int fd, other;

	begin(_i, "unlinked");
	before = free_clusters();
	fd = ck_ok(open("file", O_CREAT | O_RDWR, 0644));
	fill(buf, sizeof(buf), 1);
	ck_assert_int_eq(write(fd, buf, sizeof(buf)), sizeof(buf));
	ck_ok(fsync(fd));
	ck_ok(unlink("file"));
	other = ck_ok(open("file", O_CREAT | O_EXCL | O_RDWR, 0644));	/* in the same entry */
	ck_assert_int_eq(write(other, "other", 5), 5);
	ck_assert_int_eq(pwrite(fd, buf, 50000, 80000), 50000);
	ck_ok(fsync(fd));
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, 130000);
	ck_ok(fstat(other, &s));
	ck_assert_int_eq(s.st_size, 5);
	ck_assert_int_eq(pread(fd, buf, 80000, 0), 80000);
	ck_assert(is_filled(buf, 80000, 1, 0));
	ck_ok(ftruncate(fd, 3));
	close(fd);
	close(other);
	again(_i, "unlinked");
	check_text("file", "other");
	ck_ok(unlink("file"));
	ck_assert_int_eq(free_clusters(), before);
	done("unlinked");
}
END_TEST

START_TEST(gaps_are_zero)
{
	static char buf[70000];
	struct stat s;
	int fd;

	begin(_i, "gaps");
	fd = ck_ok(open("dirt", O_CREAT | O_RDWR, 0644));
	memset(buf, 0xff, sizeof(buf));
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(write(fd, buf, sizeof(buf)), sizeof(buf));
	close(fd);
	again(_i, "gaps");
	ck_ok(unlink("dirt"));
	sync();
	fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644));
	ck_assert_int_eq(write(fd, "start", 5), 5);
	ck_assert_int_eq(pwrite(fd, "end", 3, 60000), 3);
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, 60003);
	ck_assert_int_ge(s.st_blocks * 512, 60003);
	ck_ok(ftruncate(fd, 65000));
	ck_ok(ftruncate(fd, 1000));
	ck_ok(ftruncate(fd, 3));
	ck_ok(ftruncate(fd, 66000));
	ck_assert_int_eq(lseek(fd, 69990, SEEK_SET), 69990);
	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	close(fd);
	again(_i, "gaps");
	fd = ck_ok(open("f", O_RDONLY));
	ck_assert_int_eq(read(fd, buf, sizeof(buf)), 70000);
	ck_assert_mem_eq(buf, "sta", 3);
	for (int i = 3; i < 69990; i++)
		ck_assert_msg(buf[i] == 0, "byte %d", i);
	ck_assert_mem_eq(buf + 69990, "0123456789", 10);
	close(fd);
	done("gaps");
}
END_TEST

START_TEST(chains_interleave)
{
	static char buf[4][3000];
	char name[16];
	int fd[4];

	begin(_i, "chains");
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fd[i] = ck_ok(open(name, O_CREAT | O_RDWR | O_APPEND, 0644));
	}
	for (int round = 0; round < 60; round++)
		for (int i = 0; i < 4; i++) {
			fill(buf[i], sizeof(buf[i]), i * 1000 + round);
			ck_assert_int_eq(write(fd[i], buf[i], sizeof(buf[i])), sizeof(buf[i]));
			if (round % 16 == i)
				ck_ok(fsync(fd[i]));
		}
	ck_ok(ftruncate(fd[1], 90001));
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	ck_ok(unlink("f2"));
	again(_i, "chains");
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		snprintf(name, sizeof(name), "f%d", i);
		fd[i] = ck_ok(open(name, O_RDONLY));
		for (int round = 0; round < (i == 1 ? 30 : 60); round++) {
			ck_assert_int_eq(read(fd[i], buf[i], sizeof(buf[i])), sizeof(buf[i]));
			ck_assert(is_filled(buf[i], sizeof(buf[i]), i * 1000 + round, 0));
		}
		ck_assert_int_eq(read(fd[i], buf[i], sizeof(buf[i])), i == 1);
		ck_assert_int_eq(pread(fd[i], buf[i], sizeof(buf[i]), 45000), sizeof(buf[i]));
		ck_assert(is_filled(buf[i], sizeof(buf[i]), i * 1000 + 15, 0));
		close(fd[i]);
	}
	done("chains");
}
END_TEST

START_TEST(the_disk_is_full)
{
	static char buf[65536];
	long before, blocks = 0;
	struct stat s;
	int fd, i;
	ssize_t n;

	begin(_i, "full");
	put("small", "");
	before = free_clusters();
	fd = ck_ok(open("big", O_CREAT | O_RDWR, 0644));
	for (i = 0; ; i++) {
		fill(buf, sizeof(buf), i);
		n = write(fd, buf, sizeof(buf));
		if (n != sizeof(buf))
			break;
		blocks++;
	}
	if (n > 0)
		n = write(fd, buf, sizeof(buf));
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_le(free_clusters(), 8);	/* less than a page */
	for (i = 0; free_clusters() > 0; i++) {
		snprintf(buf, sizeof(buf), "r%d", i);
		put(buf, "rest");
	}
	ck_fails(mkdir("dir", 0755), ENOSPC);
	ck_assert_int_eq(write_to("small", "x", 0), -ENOSPC);
	ck_ok(stat("small", &s));
	ck_assert_int_eq(s.st_size, 0);
	ck_fails(truncate("small", 100000), ENOSPC);
	ck_ok(stat("small", &s));
	ck_assert_int_eq(s.st_size, 0);
	ck_ok(fsync(fd));
	close(fd);
	again(_i, "full");
	ck_assert_int_eq(free_clusters(), 0);
	fd = ck_ok(open("big", O_RDWR));
	for (i = 0; i < blocks; i++) {
		ck_assert_int_eq(read(fd, buf, sizeof(buf)), sizeof(buf));
		ck_assert(is_filled(buf, sizeof(buf), i, 0));
	}
	ck_ok(ftruncate(fd, 65536));
	put("small", "now there is room");
	ck_ok(mkdir("dir", 0755));
	close(fd);
	ck_ok(unlink("big"));
	ck_ok(rmdir("dir"));
	ck_assert_int_eq(system("rm -f r? small"), 0);
	ck_assert_int_ge(free_clusters(), before - 2);	/* the directory may have grown */
	fd = ck_ok(open("big", O_CREAT | O_RDWR, 0644));
	for (i = 0; i < (_i == FAT32 ? 1 : 3); i++) {	/* what was unlinked is room at once */
		while (write(fd, buf, sizeof(buf)) == sizeof(buf))
			;
		ck_ok(ftruncate(fd, 0));
		ck_ok(lseek(fd, 0, SEEK_SET));
	}
	close(fd);
	ck_ok(unlink("big"));
	ck_assert_int_ge(free_clusters(), before - 2);	/* the directory may have grown */
	done("full");
}
END_TEST

START_TEST(mapped_files)
{
	char *p, c;
	int fd;

	begin(_i, "mapped");
	fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644));
	ck_ok(ftruncate(fd, 20000));
	p = mmap(NULL, 20480, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	fill(p, 20000, 5);
	memset(p + 20000, 'x', 480);
	ck_ok(msync(p, 20480, MS_SYNC));
	ck_assert_int_eq(pread(fd, &c, 1, 19999), 1);
	ck_ok(munmap(p, 20480));
	close(fd);
	again(_i, "mapped");
	fd = ck_ok(open("f", O_RDWR));
	ck_ok(ftruncate(fd, 20480));
	p = mmap(NULL, 20480, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert(is_filled(p, 20000, 5, 0));
	for (int i = 20000; i < 20480; i++)
		ck_assert_int_eq(p[i], 0);
	ck_ok(munmap(p, 20480));
	close(fd);
	done("mapped");
}
END_TEST

START_TEST(direct_and_sync)
{
	char *p = aligned_alloc(4096, 16384);
	int fd, plain;

	begin(_i, "direct");
	fd = ck_ok(open("f", O_CREAT | O_RDWR | O_DIRECT, 0644));
	plain = ck_ok(open("f", O_RDWR | O_SYNC));
	fill(p, 16384, 9);
	ck_assert_int_eq(write(fd, p, 16384), 16384);
	memset(p, 0, 16384);
	ck_assert_int_eq(pread(plain, p, 16384, 0), 16384);
	ck_assert(is_filled(p, 16384, 9, 0));
	ck_assert_int_eq(pwrite(plain, "cached", 6, 20000), 6);
	ck_assert_int_eq(pread(fd, p, 512, 19968), 38);
	ck_assert_mem_eq(p + 32, "cached", 6);
	ck_ok(fdatasync(plain));
	ck_ok(fsync(fd));
	ck_ok(syncfs(fd));
	close(plain);
	close(fd);
	free(p);
	done("direct");
}
END_TEST

START_TEST(preallocation)
{
	struct stat s;
	long before;
	int fd;

	begin(_i, "prealloc");
	before = free_clusters();
	fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644));
	ck_ok(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, 0);
	ck_assert_int_ge(s.st_blocks * 512, 100000);
	ck_assert_int_lt(free_clusters(), before);
	ck_assert_int_eq(write(fd, "data", 4), 4);
	ck_fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EOPNOTSUPP);
	ck_fails(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), EOPNOTSUPP);
	close(fd);
	again(_i, "prealloc");
	check_text("f", "data");
	ck_ok(stat("f", &s));
	fd = ck_ok(open("f", O_RDWR));
	ck_ok(fallocate(fd, 0, 0, 50000));
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, 50000);
	close(fd);
	ck_ok(unlink("f"));
	ck_assert_int_eq(free_clusters(), before);
	done("prealloc");
}
END_TEST

START_TEST(largest_file)
{
	int fd;

	begin(_i, "largest");
	fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644));
	ck_fails(ftruncate(fd, 1L << 32), EFBIG);
	ck_fails(pwrite(fd, "x", 1, (1L << 32) - 1), EFBIG);
	ck_fails(pwrite(fd, "x", 1, 1L << 33), EFBIG);
	ck_fails(fallocate(fd, 0, 0, 1L << 32), EFBIG);
	ck_fails(ftruncate(fd, (1L << 32) - 1), ENOSPC);
	ck_ok(ftruncate(fd, 0));
	close(fd);
	done("largest");
}
END_TEST

/* --- many at once --- */

static void
worker(int me)
{
	static char buf[20000];
	char name[64], other[64];

	for (int i = 0; i < 40; i++) {
		int fd, n = 1 + (i * 977 + me * 131) % (int)sizeof(buf);

		snprintf(name, sizeof(name), "worker %d has a file %d", me, i);
		snprintf(other, sizeof(other), "w%d-%d", me, i);
		fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);
		fill(buf, n, me * 1000 + i);
		if (fd < 0 || write(fd, buf, n) != n || close(fd) != 0)
			_exit(1);
		if (i % 3 == 0 && rename(name, other) != 0)
			_exit(2);
		if (i % 3 == 1 && unlink(name) != 0)
			_exit(3);
		if (i % 10 == 0 && (mkdir("shared", 0755) != 0 && errno != EEXIST))
			_exit(4);
		if (i % 10 == 5 && (rmdir("shared") != 0 && errno != ENOENT))
			_exit(5);
		if (i % 3 == 2 && truncate(name, n / 2) != 0)
			_exit(6);
	}
	_exit(0);
}

START_TEST(many_at_once)
{
	static char buf[20000];
	char name[64];
	int status;

	begin(_i, "many");
	for (int me = 0; me < 4; me++)
		if (ck_ok(fork()) == 0)
			worker(me);
	for (int me = 0; me < 4; me++) {
		ck_ok(wait(&status));
		ck_assert_msg(status == 0, "worker ended with %#x", status);
	}
	again(_i, "many");
	for (int me = 0; me < 4; me++) {
		for (int i = 0; i < 40; i++) {
			int fd, n = 1 + (i * 977 + me * 131) % (int)sizeof(buf);

			if (i % 3 == 1)
				continue;
			snprintf(name, sizeof(name), i % 3 == 0 ? "w%d-%d" : "worker %d has a file %d", me, i);
			n = i % 3 == 2 ? n / 2 : n;
			fd = ck_ok(open(name, O_RDONLY));
			ck_assert_int_eq(read(fd, buf, sizeof(buf)), n);
			ck_assert(is_filled(buf, n, me * 1000 + i, 0));
			close(fd);
		}
	}
	done("many");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		unlinked_while_open, gaps_are_zero, chains_interleave, the_disk_is_full, mapped_files, direct_and_sync, preallocation, largest_file,
		many_at_once,
	};
	Suite *s = suite_create("fs_fat_data");
	TCase *t = tcase_create("fat");

	umask(022);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, leave);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_loop_test(t, tests[i], 0, FATS);
	suite_add_tcase(s, t);
	return guest_run(s);
}
