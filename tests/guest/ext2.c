/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk file system: run.py gives an ext2 with blocks of 1 KiB (vdb), an ext3 with blocks of 4 KiB (vdc), and an ext2 with blocks of 2 KiB,
 * small inodes and no dir_index (vdi), 64 MiB each, and has all checked by e2fsck afterwards. Linux mounts them by its ext4 driver.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "guest.h"

#define AT	"/tmp/disk"

#ifndef RENAME_EXCHANGE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

static long
rename2(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static const char *const devices[] = { "/dev/vdb", "/dev/vdc", "/dev/vdi" };

/* Mount, and stand in an empty directory of the test's own. */
static void
begin(int i, const char *name)
{
	mkdir(AT, 0755);
	umount2(AT, MNT_DETACH);	/* of a test that failed */
	ck_ok(mount(devices[i], AT, "ext4", 0, "errors=remount-ro"));
	ck_ok(chdir(AT));
	ck_ok(mkdir(name, 0755));
	ck_ok(chdir(name));
}

static void
end(void)
{
	ck_ok(chdir("/"));
	ck_ok(umount(AT));
}

/* Everything out of memory: what is read next comes from the disk. */
static void
again(int i, const char *name)
{
	end();
	ck_ok(mount(devices[i], AT, "ext4", 0, NULL));
	ck_ok(chdir(AT));
	ck_ok(chdir(name));
}

static void
put(const char *path, const char *text)
{
	int fd = ck_ok(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	ck_assert_int_eq(ck_ok(write(fd, text, strlen(text))), strlen(text));
	close(fd);
}

static void
check_text(const char *path, const char *text)
{
	char buf[256];
	int fd = ck_ok(open(path, O_RDONLY));
	long n = ck_ok(read(fd, buf, sizeof(buf)));

	ck_assert_int_eq(n, strlen(text));
	ck_assert_int_eq(memcmp(buf, text, n), 0);
	close(fd);
}

static struct stat
status(const char *path)
{
	struct stat st;

	ck_ok(lstat(path, &st));
	return st;
}

START_TEST(ext2_files_last)
{
	struct stat st;

	begin(_i, "last");
	put("a", "hello");
	ck_ok(link("a", "b"));
	ck_ok(symlink("a", "short"));
	ck_ok(symlink("0123456789012345678901234567890123456789012345678901234567890123456789", "long"));
	ck_ok(mknod("dev", S_IFCHR | 0600, makedev(5, 1)));
	ck_ok(mknod("big", S_IFBLK | 0600, makedev(259, 70000)));
	ck_ok(mkfifo("fifo", 0600));
	ck_ok(chown("a", 70000, 80000));
	ck_ok(chmod("a", 04751));
	again(_i, "last");
	check_text("b", "hello");
	st = status("a");
	ck_assert_int_eq(st.st_nlink, 2);
	ck_assert_int_eq(st.st_uid, 70000);
	ck_assert_int_eq(st.st_gid, 80000);
	ck_assert_int_eq(st.st_mode, S_IFREG | 04751);
	ck_assert_int_eq(status("short").st_size, 1);
	ck_assert_int_eq(status("long").st_size, 70);
	ck_assert_uint_eq(status("dev").st_rdev, makedev(5, 1));
	ck_assert_uint_eq(status("big").st_rdev, makedev(259, 70000));
	ck_assert(S_ISFIFO(status("fifo").st_mode));
	end();
}
END_TEST

START_TEST(ext2_times)
{
	struct timespec ts[2] = { { 1, 123456789 }, { 4000000000L, 987654321 } };
	struct stat st;

	begin(_i, "times");
	put("a", "x");
	ck_ok(utimensat(AT_FDCWD, "a", ts, 0));
	again(_i, "times");
	st = status("a");
	ck_assert_int_eq(st.st_atim.tv_sec, 1);
	ck_assert_int_eq(st.st_atim.tv_nsec, 123456789);
	ck_assert_int_eq(st.st_mtim.tv_sec, 4000000000L);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 987654321);
	end();
}
END_TEST

/* A pattern that tells its place. */
static void
fill(unsigned char *buf, size_t n, long at)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (unsigned char)((at + (long)i) * 31 >> 3);
}

START_TEST(ext2_large_offsets)
{
	static const long places[] = { 0, 11 * 4096, 5L << 20, 300L << 20, 4500L << 20, 9000L << 20 };
	unsigned char buf[5000], got[5000];
	int fd;

	begin(_i, "large");
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	for (unsigned k = 0; k < 6; k++) {
		fill(buf, sizeof(buf), places[k]);
		ck_assert_int_eq(pwrite(fd, buf, sizeof(buf), places[k] + k), sizeof(buf));
	}
	close(fd);
	again(_i, "large");
	fd = ck_ok(open("f", O_RDWR));
	ck_assert_int_eq(status("f").st_size, (9000L << 20) + 5005);
	ck_assert_int_lt(status("f").st_blocks, 400);
	for (unsigned k = 0; k < 6; k++) {
		fill(buf, sizeof(buf), places[k]);
		ck_assert_int_eq(pread(fd, got, sizeof(got), places[k] + k), sizeof(got));
		ck_assert_int_eq(memcmp(buf, got, sizeof(buf)), 0);
	}
	ck_ok(ftruncate(fd, 1000));
	ck_ok(ftruncate(fd, 20000));
	ck_assert_int_eq(pread(fd, got, 5000, 900), 5000);
	for (int k = 100; k < 5000; k++)
		ck_assert_int_eq(got[k], 0);
	ck_assert_int_le(status("f").st_blocks, 8);
	close(fd);
	end();
}
END_TEST

START_TEST(ext2_holes)
{
	long bs = _i == 0 ? 1024 : _i == 1 ? 4096 : 2048, hole = (10 * 4096 + 100 + bs - 1) / bs * bs, data = (30 * 4096 + 100) / bs * bs;
	char buf[4096];
	int fd;

	begin(_i, "holes");
	memset(buf, 'x', sizeof(buf));
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	for (int k = 0; k < 64; k++)
		ck_ok(pwrite(fd, buf, 4096, k * 4096L));
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * 4096 + 100, 20 * 4096));
	ck_assert_int_eq(lseek(fd, 0, SEEK_HOLE), hole);
	ck_assert_int_eq(lseek(fd, 12 * 4096, SEEK_DATA), data);
	ck_assert_int_eq(lseek(fd, 31 * 4096, SEEK_HOLE), 64 * 4096);
	ck_fails(lseek(fd, 64 * 4096, SEEK_DATA), ENXIO);
	ck_ok(pread(fd, buf, 200, 10 * 4096 + 50));
	ck_assert_int_eq(buf[49], 'x');
	ck_assert_int_eq(buf[50], 0);
	ck_ok(pread(fd, buf, 200, 30 * 4096 + 50));
	ck_assert_int_eq(buf[49], 0);
	ck_assert_int_eq(buf[50], 'x');
	ck_fails(fallocate(fd, 0, 0, 4096), EOPNOTSUPP);
	close(fd);
	again(_i, "holes");
	fd = ck_ok(open("f", O_RDONLY));
	ck_assert_int_eq(lseek(fd, 0, SEEK_HOLE), hole);
	ck_ok(pread(fd, buf, 200, 30 * 4096 + 50));
	ck_assert_int_eq(buf[49], 0);
	ck_assert_int_eq(buf[50], 'x');
	close(fd);
	end();
}
END_TEST

START_TEST(ext2_fiemap)
{
	struct { struct fiemap head; struct fiemap_extent e[8]; } map = { .head = { .fm_length = ~0UL, .fm_flags = FIEMAP_FLAG_SYNC,
		.fm_extent_count = 8 } };
	char buf[4096] = "data";
	int fd;

	begin(_i, "fiemap");
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	ck_ok(pwrite(fd, buf, 4096, 0));
	ck_ok(pwrite(fd, buf, 4096, 40960));
	ck_ok(ioctl(fd, FS_IOC_FIEMAP, &map));
	ck_assert_uint_eq(map.head.fm_mapped_extents, 2);
	ck_assert_uint_eq(map.e[0].fe_logical, 0);
	ck_assert_uint_eq(map.e[0].fe_length, 4096);
	ck_assert_uint_eq(map.e[1].fe_logical, 40960);
	ck_assert(map.e[1].fe_flags & FIEMAP_EXTENT_LAST);
	ck_assert(!(map.e[0].fe_flags & FIEMAP_EXTENT_LAST));
	close(fd);
	end();
}
END_TEST

START_TEST(ext2_direct)
{
	unsigned char *buf = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), got[1000];
	int fd, direct;

	begin(_i, "direct");
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	direct = ck_ok(open("f", O_RDWR | O_DIRECT));
	fill(buf, 65536, 0);
	ck_assert_int_eq(ck_ok(write(direct, buf, 65536)), 65536);
	ck_assert_int_eq(ck_ok(pread(fd, got, 1000, 3000)), 1000);
	ck_assert_int_eq(memcmp(got, buf + 3000, 1000), 0);
	memset(got, 7, sizeof(got));
	ck_assert_int_eq(pwrite(fd, got, 1000, 5000), 1000);
	ck_assert_int_eq(ck_ok(pread(direct, buf + 4096, 4096, 4096)), 4096);
	ck_assert_int_eq(memcmp(buf + 5000, got, 1000), 0);
	memset(buf, 9, 8192);
	ck_assert_int_eq(ck_ok(pwrite(direct, buf, 8192, 8192)), 8192);
	ck_assert_int_eq(ck_ok(pread(fd, got, 1000, 9000)), 1000);
	ck_assert_int_eq(got[0], 9);
	ck_fails(pread(direct, buf, 100, 0), EINVAL);
	ck_fails(pread(direct, buf, 4096, 100), EINVAL);
	ck_fails(pread(direct, buf + 1, 4096, 0), EINVAL);
	close(fd);
	close(direct);
	end();
}
END_TEST

START_TEST(ext2_mapped)
{
	unsigned char *m, got[3000];
	int fd;

	begin(_i, "mapped");
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	ck_ok(ftruncate(fd, 100000));
	m = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(m, MAP_FAILED);
	fill(m + 2000, 3000, 0);
	m[99999] = 1;
	ck_ok(msync(m, 100000, MS_SYNC));
	munmap(m, 100000);
	close(fd);
	again(_i, "mapped");
	fd = ck_ok(open("f", O_RDONLY));
	ck_assert_int_eq(ck_ok(pread(fd, got, 3000, 2000)), 3000);
	for (int k = 0; k < 3000; k++)
		ck_assert_int_eq(got[k], (unsigned char)((long)k * 31 >> 3));
	ck_assert_int_lt(status("f").st_blocks, 80);
	close(fd);
	end();
}
END_TEST

static int
count_entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(ext2_many_names)
{
	char name[256];

	begin(_i, "many");
	for (int k = 0; k < 3000; k++) {
		snprintf(name, sizeof(name), "a name that is made longer, so that there are many blocks, %d", k);
		close(ck_ok(open(name, O_WRONLY | O_CREAT | O_EXCL, 0644)));
	}
	ck_assert_int_eq(count_entries(), 3002);
	for (int k = 0; k < 3000; k += 3) {
		snprintf(name, sizeof(name), "a name that is made longer, so that there are many blocks, %d", k);
		ck_ok(unlink(name));
	}
	again(_i, "many");
	ck_assert_int_eq(count_entries(), 2002);
	for (int k = 0; k < 3000; k++) {
		snprintf(name, sizeof(name), "a name that is made longer, so that there are many blocks, %d", k);
		ck_assert_int_eq(access(name, F_OK), k % 3 == 0 ? -1 : 0);
	}
	end();
}
END_TEST

/* Positions stay good while the directory grows and loses entries: each old name comes exactly once. */
START_TEST(ext2_positions)
{
	char name[64], seen[300] = { 0 };
	struct dirent *e;
	DIR *d;
	int more = 0;

	begin(_i, "positions");
	for (int k = 0; k < 300; k++) {
		snprintf(name, sizeof(name), "old-%d", k);
		put(name, "");
	}
	d = opendir(".");
	for (int k; (e = readdir(d)) != NULL; ) {
		if (sscanf(e->d_name, "old-%d", &k) != 1)
			continue;
		ck_assert_int_eq(seen[k], 0);
		seen[k] = 1;
		for (int x = 0; x < 5; x++) {
			snprintf(name, sizeof(name), "new-%d", more++);
			put(name, "");
		}
		seekdir(d, telldir(d));
	}
	for (int k = 0; k < 300; k++)
		ck_assert_int_eq(seen[k], 1);
	closedir(d);
	end();
}
END_TEST

START_TEST(ext2_rename)
{
	begin(_i, "rename");
	ck_ok(mkdir("a", 0755));
	ck_ok(mkdir("b", 0755));
	ck_ok(mkdir("a/sub", 0755));
	put("a/sub/f", "1");
	put("b/g", "2");
	ck_ok(rename("a/sub", "b/sub"));
	check_text("b/sub/f", "1");
	ck_assert_uint_eq(status("b/sub/..").st_ino, status("b").st_ino);
	ck_assert_int_eq(status("a").st_nlink, 2);
	ck_assert_int_eq(status("b").st_nlink, 3);
	ck_ok(rename("b/g", "b/sub/f"));
	check_text("b/sub/f", "2");
	ck_ok(mkdir("a/empty", 0755));
	ck_fails(rename("a", "b"), ENOTEMPTY);
	ck_ok(rename("b/sub", "a/empty"));
	check_text("a/empty/f", "2");
	ck_ok(mkdir("b/x", 0755));
	put("y", "file");
	ck_ok(rename2("b/x", "y", RENAME_EXCHANGE));
	check_text("b/x", "file");
	ck_assert(S_ISDIR(status("y").st_mode));
	ck_assert_uint_eq(status("y/..").st_ino, status(".").st_ino);
	ck_assert_int_eq(status("b").st_nlink, 2);
	ck_fails(rename2("b/x", "y", RENAME_NOREPLACE), EEXIST);
	ck_fails(rmdir("a"), ENOTEMPTY);
	end();
}
END_TEST

START_TEST(ext2_open_unlinked)
{
	struct statfs before, after;
	char buf[65536] = "still here";
	int fd;

	begin(_i, "unlinked");
	sync();
	ck_ok(statfs(".", &before));
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	for (int k = 0; k < 64; k++)
		ck_ok(write(fd, buf, sizeof(buf)));
	ck_ok(unlink("f"));
	ck_assert_int_eq(ck_ok(pread(fd, buf, 10, 65536)), 10);
	ck_assert_int_eq(memcmp(buf, "still here", 10), 0);
	ck_ok(statfs(".", &after));
	ck_assert_uint_lt(after.f_bfree, before.f_bfree);
	close(fd);
	sync();
	ck_ok(statfs(".", &after));
	ck_assert_uint_eq(after.f_bfree, before.f_bfree);
	ck_assert_uint_eq(after.f_ffree, before.f_ffree);
	end();
}
END_TEST

START_TEST(ext2_tmpfile)
{
	char path[64];
	int fd;

	begin(_i, "tmpfile");
	fd = ck_ok(open(".", O_RDWR | O_TMPFILE, 0644));
	ck_ok(write(fd, "nameless", 8));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_ok(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	close(fd);
	close(ck_ok(open(".", O_RDWR | O_TMPFILE, 0644)));
	again(_i, "tmpfile");
	check_text("named", "nameless");
	ck_assert_int_eq(status("named").st_nlink, 1);
	end();
}
END_TEST

START_TEST(ext2_full)
{
	char buf[65536] = { 0 };
	struct statfs st;
	int fd, err = 0;

	begin(_i, "full");
	fd = ck_ok(open("f", O_RDWR | O_CREAT, 0644));
	for (int k = 0; k < 2000; k++) {
		if (write(fd, buf, sizeof(buf)) == -1) {
			err = errno;
			break;
		}
	}
	ck_assert_int_eq(err, ENOSPC);
	close(fd);
	ck_ok(unlink("f"));
	put("small", "there is room again");
	check_text("small", "there is room again");
	sync();
	ck_ok(statfs(".", &st));
	ck_assert_uint_gt(st.f_bfree * st.f_bsize, 40UL << 20);
	end();
}
END_TEST

START_TEST(ext2_xattrs)
{
	char value[900], got[1024], name[64];

	begin(_i, "xattrs");
	put("f", "");
	ck_ok(setxattr("f", "user.small", "abc", 3, 0));
	memset(value, 'v', sizeof(value));
	ck_ok(setxattr("f", "user.large", value, 700, XATTR_CREATE));
	ck_fails(setxattr("f", "user.small", "x", 1, XATTR_CREATE), EEXIST);
	ck_fails(setxattr("f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	ck_ok(setxattr("f", "trusted.t", "tt", 2, 0));
	ck_ok(setxattr("f", "security.s", "ss", 2, 0));
	ck_ok(setxattr("f", "user.empty", "", 0, 0));
	for (int k = 0; k < 20; k++) {		/* equal blocks */
		snprintf(name, sizeof(name), "g%d", k);
		put(name, "");
		ck_ok(setxattr(name, "user.large", value, 700, 0));
	}
	ck_ok(setxattr("g3", "user.large", value, 600, 0));
	ck_ok(unlink("g4"));
	again(_i, "xattrs");
	ck_assert_int_eq(ck_ok(getxattr("f", "user.small", got, sizeof(got))), 3);
	ck_assert_int_eq(memcmp(got, "abc", 3), 0);
	ck_assert_int_eq(ck_ok(getxattr("f", "user.large", NULL, 0)), 700);
	ck_fails(getxattr("f", "user.large", got, 699), ERANGE);
	ck_assert_int_eq(ck_ok(getxattr("f", "user.empty", got, sizeof(got))), 0);
	ck_assert_int_eq(ck_ok(getxattr("g3", "user.large", got, sizeof(got))), 600);
	ck_assert_int_eq(ck_ok(getxattr("g19", "user.large", got, sizeof(got))), 700);
	ck_assert_int_eq(ck_ok(listxattr("f", NULL, 0)), 11 + 11 + 11 + 10 + 11);
	ck_ok(removexattr("f", "user.large"));
	ck_fails(getxattr("f", "user.large", got, sizeof(got)), ENODATA);
	ck_fails(setxattr("f", "user.huge", malloc(60000), 60000, 0), ENOSPC);
	end();
}
END_TEST

START_TEST(ext2_flags)
{
	int flags, fd;

	begin(_i, "flags");
	put("f", "x");
	fd = ck_ok(open("f", O_RDONLY));
	flags = FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;
	ck_ok(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	ck_fails(open("f", O_WRONLY), EPERM);
	close(fd);
	again(_i, "flags");
	fd = ck_ok(open("f", O_RDONLY));
	ck_ok(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	ck_assert_int_eq(flags & (FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_IMMUTABLE_FL), FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL);
	flags = 0;
	ck_ok(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	close(fd);
	ck_ok(unlink("f"));
	end();
}
END_TEST

START_TEST(ext2_parallel_writers)
{
	char buf[4096], name[32];
	struct { struct fiemap head; } map;
	int fd;

	begin(_i, "parallel");
	memset(buf, 'p', sizeof(buf));
	for (int w = 0; w < 4; w++) {
		if (fork() != 0)
			continue;
		snprintf(name, sizeof(name), "w%d", w);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		for (int k = 0; k < 256; k++)
			if (write(fd, buf, sizeof(buf)) != sizeof(buf))
				_exit(1);
		_exit(0);
	}
	for (int w = 0; w < 4; w++) {
		int st;

		ck_ok(wait(&st));
		ck_assert_int_eq(st, 0);
	}
	for (int w = 0; w < 4; w++) {
		snprintf(name, sizeof(name), "w%d", w);
		fd = ck_ok(open(name, O_RDONLY));
		memset(&map, 0, sizeof(map));
		map.head.fm_length = ~0UL;
		map.head.fm_flags = FIEMAP_FLAG_SYNC;
		ck_ok(ioctl(fd, FS_IOC_FIEMAP, &map));
		ck_assert_uint_lt(map.head.fm_mapped_extents, 40);
		close(fd);
	}
	end();
}
END_TEST

START_TEST(ext2_read_only)
{
	begin(_i, "readonly");
	put("f", "x");
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ck_fails(open("f", O_WRONLY), EROFS);
	ck_fails(mkdir("d", 0755), EROFS);
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT, NULL));
	put("f", "y");
	ck_ok(chdir("/"));
	ck_ok(umount(AT));
	ck_fails(mount(devices[_i], AT, "ext4", 0, "no_such_option"), EINVAL);
	ck_fails(mount(devices[_i], AT, "tmpfs_or_so", 0, NULL), ENODEV);
	ck_fails(mount("/dev/null", AT, "ext4", 0, NULL), ENOTBLK);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {		/* these on the third disk, too */
		ext2_files_last, ext2_large_offsets, ext2_holes, ext2_mapped, ext2_many_names, ext2_positions, ext2_rename,
		ext2_open_unlinked, ext2_xattrs,
	};
	const TTest *const on_two[] = {
		ext2_times, ext2_fiemap, ext2_direct, ext2_tmpfile, ext2_full, ext2_flags, ext2_parallel_writers, ext2_read_only,
	};
	Suite *s = suite_create("ext2");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_loop_test(t, tests[i], 0, 3);
	for (unsigned i = 0; i < sizeof(on_two) / sizeof(on_two[0]); i++)
		tcase_add_loop_test(t, on_two[i], 0, 2);
	suite_add_tcase(s, t);
	return guest_run(s);
}
