/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VFS does for a file system on a disk: attributes and data that come back after umount, fsync and syncfs, orphans, user
 * attributes, chattr, inotify, O_DIRECT. ext2 on the scratch disk vda, made anew for each test.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "guest.h"

#define D "/tmp/fs_disk"

static void
attach(unsigned long flags)
{
	ck_ok(mount("/dev/vda", D, "ext2", flags, NULL));
	ck_ok(chdir(D));
}

static void
detach(void)
{
	ck_ok(chdir("/"));
	ck_ok(umount(D));
}

static void
setup(void)
{
	umask(022);
	umount2(D, MNT_DETACH);
	mkdir(D, 0755);
	ck_assert_int_eq(system("mkfs.ext2 /dev/vda >/dev/null"), 0);
	attach(0);
}

static void
teardown(void)
{
	ck_ok(chdir("/"));
	umount2(D, MNT_DETACH);
}

static void
make(const char *name, const char *data)
{
	int fd = ck_ok(open(name, O_CREAT | O_RDWR | O_TRUNC, 0644));

	ck_assert_int_eq(write(fd, data, strlen(data)), (ssize_t)strlen(data));
	close(fd);
}

START_TEST(all_comes_back)
{
	struct timespec t[2] = { { 1000000, 0 }, { 2000000, 0 } };
	struct stat s;
	char buf[64];
	int fd;

	make("f", "hello");
	ck_ok(chmod("f", 0640));
	ck_ok(chown("f", 12, 34));
	ck_ok(utimensat(AT_FDCWD, "f", t, 0));
	ck_ok(link("f", "g"));
	ck_ok(symlink("f", "s"));
	ck_ok(mkdir("d", 0700));
	ck_ok(rename("g", "d/g"));
	ck_ok(setxattr("f", "user.comment", "text", 4, 0));
	ck_ok(setxattr("d", "trusted.t", "xyz", 3, 0));
	detach();
	attach(0);
	ck_ok(stat("d/g", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0640);
	ck_assert_uint_eq(s.st_uid, 12);
	ck_assert_uint_eq(s.st_gid, 34);
	ck_assert_uint_eq(s.st_nlink, 2);
	ck_assert_int_eq(s.st_size, 5);
	ck_assert_int_eq(s.st_mtim.tv_sec, 2000000);
	ck_assert_int_eq(getxattr("d/g", "user.comment", buf, sizeof(buf)), 4);
	ck_assert_int_eq(getxattr("d", "trusted.t", buf, sizeof(buf)), 3);
	ck_assert_int_eq(readlink("s", buf, sizeof(buf)), 1);
	fd = ck_ok(open("d/g", O_RDONLY));
	ck_assert_int_eq(read(fd, buf, sizeof(buf)), 5);
	ck_assert_mem_eq(buf, "hello", 5);
	close(fd);
}
END_TEST

START_TEST(user_attributes)
{
	char buf[16];

	make("f", "");
	ck_ok(mkfifo("fifo", 0666));
	ck_ok(mkdir("sticky", 0777));
	ck_ok(chmod("sticky", 01777));
	ck_ok(setxattr("f", "user.a", "1", 1, XATTR_CREATE));
	ck_fails(setxattr("f", "user.a", "1", 1, XATTR_CREATE), EEXIST);
	ck_fails(setxattr("f", "user.b", "1", 1, XATTR_REPLACE), ENODATA);
	ck_fails(setxattr("f", "user.", "1", 1, 0), EINVAL);
	ck_fails(setxattr("fifo", "user.a", "1", 1, 0), EPERM);
	ck_fails(getxattr("fifo", "user.a", buf, 1), ENODATA);
	ck_assert_int_eq(listxattr("f", buf, sizeof(buf)), 7);
	ck_assert_str_eq(buf, "user.a");
	ck_ok(chmod("f", 0600));
	ck_ok(setuid(1000));
	ck_fails(getxattr("f", "user.a", buf, 1), EACCES);
	ck_fails(setxattr("f", "user.a", "1", 1, 0), EACCES);
	ck_fails(setxattr("sticky", "user.a", "1", 1, 0), EPERM);
	ck_fails(getxattr("sticky", "user.a", buf, 1), ENODATA);
}
END_TEST

START_TEST(flags_come_back)
{
	int fd, flags = FS_IMMUTABLE_FL | FS_NODUMP_FL;

	make("f", "x");
	fd = ck_ok(open("f", O_RDONLY));
	ck_ok(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
	detach();
	attach(0);
	ck_fails(open("f", O_RDWR), EPERM);
	ck_fails(unlink("f"), EPERM);
	fd = ck_ok(open("f", O_RDONLY));
	ck_ok(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	ck_assert_int_eq(flags & (FS_IMMUTABLE_FL | FS_NODUMP_FL), FS_IMMUTABLE_FL | FS_NODUMP_FL);
	flags = 0;
	ck_ok(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
	ck_ok(unlink("f"));
}
END_TEST

/* Wait for the space to be what it was: freeing may go on behind our back. */
static bool
free_becomes(long want)
{
	struct statfs st;

	for (int i = 0; i < 100; i++) {
		ck_ok(statfs(D, &st));
		if (st.f_bfree == (unsigned long)want)
			return true;
		usleep(20000);
	}
	return false;
}

START_TEST(orphans)
{
	static char buf[65536];
	struct statfs before;
	int fd;

	ck_ok(statfs(D, &before));
	fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644));
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(write(fd, buf, sizeof(buf)), sizeof(buf));
	ck_ok(fsync(fd));
	ck_ok(unlink("f"));
	close(fd);
	fd = ck_ok(open(".", O_RDONLY));
	ck_ok(syncfs(fd));
	close(fd);
	ck_assert(free_becomes((long)before.f_bfree));
	fd = ck_ok(open("g", O_CREAT | O_RDWR, 0644));
	close(fd);
	fd = ck_ok(open("g", O_RDONLY));
	ck_ok(unlink("g"));
	ck_fails(mount(NULL, D, NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	close(fd);
	ck_ok(mount(NULL, D, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ck_fails(mkdir("d", 0755), EROFS);
	ck_ok(mount(NULL, D, NULL, MS_REMOUNT, NULL));
	ck_ok(mkdir("d", 0755));
}
END_TEST

START_TEST(many_files_and_little_memory)
{
	char name[32];
	struct stat s;

	ck_ok(mkdir("many", 0755));
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		make(name, name);
	}
	sync();
	system("echo 3 >/proc/sys/vm/drop_caches");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		ck_ok(stat(name, &s));
		ck_assert_int_eq(s.st_size, (long)strlen(name));
		ck_ok(unlink(name));
	}
	system("echo 3 >/proc/sys/vm/drop_caches");
	ck_ok(rmdir("many"));
	detach();
	attach(0);
	ck_fails(stat("many", &s), ENOENT);
}
END_TEST

START_TEST(sync_mounts)
{
	int fd;

	detach();
	attach(MS_SYNCHRONOUS | MS_DIRSYNC);
	make("f", "sync");
	ck_ok(mkdir("d", 0755));
	ck_ok(rename("f", "d/f"));
	fd = ck_ok(open("d/f", O_WRONLY | O_SYNC | O_APPEND));
	ck_assert_int_eq(write(fd, "more", 4), 4);
	ck_ok(fdatasync(fd));
	close(fd);
	fd = ck_ok(open("d", O_RDONLY));
	ck_ok(fsync(fd));
	close(fd);
	ck_ok(unlink("d/f"));
	detach();
	attach(MS_LAZYTIME);
	fd = ck_ok(open("d", O_RDONLY));
	ck_ok(fsync(fd));
	close(fd);
}
END_TEST

START_TEST(lazy_times_come_back)
{
	struct stat a, b;
	char c;
	int fd;

	detach();
	attach(MS_LAZYTIME | MS_STRICTATIME);
	make("f", "x");
	sync();
	sleep(1);
	fd = ck_ok(open("f", O_RDONLY));
	ck_assert_int_eq(read(fd, &c, 1), 1);
	close(fd);
	ck_ok(stat("f", &a));
	detach();
	attach(0);
	ck_ok(stat("f", &b));
	ck_assert_int_eq(a.st_atim.tv_sec, b.st_atim.tv_sec);
}
END_TEST

START_TEST(watched)
{
	int in = ck_ok(inotify_init1(IN_NONBLOCK));
	char buf[512] __attribute__((aligned(8)));
	struct inotify_event *e = (struct inotify_event *)buf;

	ck_ok(inotify_add_watch(in, D, IN_CREATE | IN_DELETE));
	make("f", "x");
	ck_ok(unlink("f"));
	ck_assert_int_eq(read(in, buf, sizeof(buf)), 64);
	ck_assert_uint_eq(e->mask, IN_CREATE);
	detach();
	ck_assert_int_eq(read(in, buf, sizeof(buf)), 32);
	ck_assert_uint_eq(e->mask, IN_UNMOUNT | IN_ISDIR);
	close(in);
	attach(0);
}
END_TEST

START_TEST(direct)
{
	char *p = aligned_alloc(4096, 8192);
	int fd = ck_ok(open("f", O_CREAT | O_RDWR | O_DIRECT, 0644)), plain = ck_ok(open("f", O_RDWR));

	memset(p, 'd', 8192);
	ck_assert_int_eq(write(fd, p, 8192), 8192);
	memset(p, 0, 8192);
	ck_assert_int_eq(pread(plain, p, 8192, 0), 8192);
	ck_assert_int_eq(p[8191], 'd');
	ck_assert_int_eq(pwrite(plain, "cached", 6, 0), 6);
	ck_assert_int_eq(pread(fd, p, 4096, 0), 4096);
	ck_assert_mem_eq(p, "cachedd", 7);
	ck_fails(pread(fd, p + 1, 4096, 0), EINVAL);
	ck_ok(fcntl(plain, F_SETFL, O_DIRECT));
	ck_fails(pread(plain, p, 100, 0), EINVAL);
	close(fd);
	close(plain);
	free(p);
}
END_TEST

/* A page has the first and the last copy of what `main` counts; sectors between them are written directly. */
static volatile bool done;

static void *
write_between(void *arg)
{
	int fd = ck_ok(open("f", O_RDWR | O_DIRECT));
	char *p = aligned_alloc(4096, 4096);

	memset(p, 'd', 4096);
	while (!done)
		ck_assert_int_eq(pwrite(fd, p, 1024, 1024), 1024);
	free(p);
	close(fd);
	return arg;
}

START_TEST(direct_beside_a_mapping)
{
	int fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644));
	volatile long *p;
	pthread_t t;
	char c = 0;

	ck_ok(ftruncate(fd, 4096));
	for (int i = 0; i < 4096; i++)
		ck_assert_int_eq(pwrite(fd, "x", 1, i), 1);
	ck_ok(fsync(fd));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne((void *)p, MAP_FAILED);
	done = false;
	ck_assert_int_eq(pthread_create(&t, NULL, write_between, NULL), 0);
	for (long i = 1; i < 20000; i++) {
		p[0] = p[511] = i;
		sched_yield();
		ck_assert_int_eq(p[0], i);
		ck_assert_int_eq(p[511], i);
	}
	done = true;
	pthread_join(t, NULL);
	munmap((void *)p, 4096);
	ck_assert_int_eq(pread(fd, &c, 1, 511), 1);
	ck_assert_int_eq(c, 'x');
	close(fd);
}
END_TEST

START_TEST(private_copies_stay)
{
	int fd = ck_ok(open("f", O_CREAT | O_RDWR, 0644)), direct = ck_ok(open("f", O_RDWR | O_DIRECT));
	char *data = aligned_alloc(4096, 3 * 4096), *p;

	memset(data, 'f', 3 * 4096);
	ck_assert_int_eq(write(fd, data, 3 * 4096), 3 * 4096);
	ck_ok(fsync(fd));
	p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	p[0] = p[4096] = 'p';
	ck_assert_int_eq(p[8192], 'f');
	memset(data, 'd', 4096);
	ck_assert_int_eq(pwrite(direct, data, 4096, 0), 4096);
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192));
	ck_assert_int_eq(p[0], 'p');
	ck_assert_int_eq(p[1], 'f');
	ck_assert_int_eq(p[4096], 'p');
	ck_assert_int_eq(p[4097], 'f');
	ck_assert_int_eq(p[8192], 0);
	munmap(p, 3 * 4096);
	free(data);
	close(fd);
	close(direct);
}
END_TEST

/* As run.py makes the disk: every 8 bytes hold their offset. */
static void
restore_disk(void)
{
	static unsigned long buf[8192];
	int fd = open("/dev/vda", O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);

	for (off_t at = 0; at < size; at += (off_t)sizeof(buf)) {
		for (size_t i = 0; i < 8192; i++)
			buf[i] = (unsigned long)at + 8 * i;
		if (pwrite(fd, buf, sizeof(buf), at) != (ssize_t)sizeof(buf))
			break;
	}
	fsync(fd);
	close(fd);
}

int
main(void)
{
	Suite *s = suite_create("fs_disk");
	int failed;
	TCase *t = tcase_create("ext2");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_comes_back);
	tcase_add_test(t, user_attributes);
	tcase_add_test(t, flags_come_back);
	tcase_add_test(t, orphans);
	tcase_add_test(t, many_files_and_little_memory);
	tcase_add_test(t, sync_mounts);
	tcase_add_test(t, lazy_times_come_back);
	tcase_add_test(t, watched);
	tcase_add_test(t, direct);
	tcase_add_test(t, direct_beside_a_mapping);
	tcase_add_test(t, private_copies_stay);
	suite_add_tcase(s, t);
	failed = guest_run(s);
	restore_disk();
	return failed;
}
