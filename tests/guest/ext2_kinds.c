/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of ext2 and what mounts them: revision 0, inodes of 128 and 256 bytes, trees of three levels, options, statfs, features that are not
 * known, errors=, counts of links. run.py gives the disks; those that are damaged are copies on loop devices.
 */
#define _GNU_SOURCE
#include "ext2_aid.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

START_TEST(kinds_revision_0)
{
	char text[8];
	int fd;

	ck_assert_uint_eq(peek("/dev/vdh", SB_REV, 4), 0);
	use("/dev/vdh", "errors=remount-ro");
	put("file", "of revision 0");
	ck_ok(mkdir("dir", 0755));
	ck_ok(symlink("file", "dir/short"));
	ck_ok(symlink("a text that needs a block of its own, since it is longer than sixty bytes", "dir/long"));
	ck_ok(chown("file", 70000, 3));
	leave();
	ck_assert_uint_eq(peek("/dev/vdh", SB_REV, 4), 0);
	use("/dev/vdh", NULL);
	ck_assert_int_eq(status("file").st_size, 13);
	ck_assert_int_eq(status("file").st_uid, 70000);
	ck_assert_int_eq(ck_ok(readlink("dir/short", text, sizeof(text))), 4);
	ck_assert_int_eq(status("dir/long").st_size, 73);
	fd = ck_ok(open("large", O_RDWR | O_CREAT, 0644));
	ck_assert_int_eq(ck_ok(pwrite(fd, "x", 1, 3L << 30)), 1);
	close(fd);
	leave();
	ck_assert_uint_eq(peek("/dev/vdh", SB_REV, 4), 1);
	ck_assert_uint_eq(peek("/dev/vdh", SB_RO_COMPAT, 4) & 2, 2);
	ck_assert_uint_eq(peek("/dev/vdh", 1024 + 84, 4), 11);
	ck_assert_uint_eq(peek("/dev/vdh", 1024 + 88, 2), 128);
	use("/dev/vdh", NULL);
	ck_assert_int_eq(status("large").st_size, (3L << 30) + 1);
	ck_ok(setxattr("file", "user.a", "value", 5, 0));
	leave();
	ck_assert_uint_eq(peek("/dev/vdh", SB_COMPAT, 4) & 8, 8);
}
END_TEST

/* With blocks of 1 KiB the third level begins at 64 MiB and a bit. */
START_TEST(kinds_three_levels)
{
	const long start = (12 + 256 + 65536) * 1024L, end = (12 + 256 + 65536 + 256L * 256 * 256) * 1024;
	int fd;

	use("/dev/vdh", "errors=remount-ro");
	fd = ck_ok(open("three", O_RDWR | O_CREAT, 0644));
	ck_ok(pwrite(fd, "a", 1, start - 1));
	ck_ok(fsync(fd));
	ck_assert_int_eq(status("three").st_blocks, 3 * 2);
	ck_ok(pwrite(fd, "b", 1, start));
	ck_ok(fsync(fd));
	ck_assert_int_eq(status("three").st_blocks, (3 + 4) * 2);
	ck_ok(pwrite(fd, "c", 1, start + 70000L * 1024));
	ck_ok(fsync(fd));
	ck_assert_int_eq(status("three").st_blocks, (3 + 4 + 3) * 2);
	ck_ok(pwrite(fd, "d", 1, end - 1));
	ck_ok(fsync(fd));
	ck_assert_int_eq(status("three").st_blocks, (3 + 4 + 3 + 3) * 2);
	ck_fails(pwrite(fd, "e", 1, end), EFBIG);
	ck_fails(ftruncate(fd, end + 1), EFBIG);
	close(fd);
	leave();
}
END_TEST

START_TEST(kinds_three_levels_read)
{
	const long start = (12 + 256 + 65536) * 1024L, third = start + 70000L * 1024, end = (12 + 256 + 65536 + 256L * 256 * 256) * 1024;
	char c;
	int fd;

	use("/dev/vdh", "errors=remount-ro");
	fd = ck_ok(open("tree", O_RDWR | O_CREAT, 0644));
	ck_ok(pwrite(fd, "a", 1, start - 1));
	ck_ok(pwrite(fd, "b", 1, start));
	ck_ok(pwrite(fd, "c", 1, third));
	ck_ok(pwrite(fd, "d", 1, end - 1));
	close(fd);
	leave();
	use("/dev/vdh", "errors=remount-ro");
	fd = ck_ok(open("tree", O_RDWR));
	ck_ok(pread(fd, &c, 1, start - 1));
	ck_assert_int_eq(c, 'a');
	ck_ok(pread(fd, &c, 1, start));
	ck_assert_int_eq(c, 'b');
	ck_ok(pread(fd, &c, 1, third));
	ck_assert_int_eq(c, 'c');
	ck_assert_int_eq(lseek(fd, start + 1024, SEEK_DATA), third);
	ck_assert_int_eq(lseek(fd, third, SEEK_HOLE), third + 1024);
	ck_assert_int_eq(lseek(fd, third + 1024, SEEK_DATA), end - 1024);
	ck_ok(ftruncate(fd, third + 1));
	ck_assert_int_eq(status("tree").st_blocks, (3 + 4 + 3) * 2);
	ck_ok(ftruncate(fd, start));
	ck_assert_int_eq(status("tree").st_blocks, 3 * 2);
	ck_ok(ftruncate(fd, 0));
	ck_assert_int_eq(status("tree").st_blocks, 0);
	close(fd);
	leave();
}
END_TEST

static struct statx
birth(const char *path)
{
	struct statx st;

	ck_ok(syscall(SYS_statx, AT_FDCWD, path, 0, STATX_BTIME | STATX_BASIC_STATS, &st));
	return st;
}

START_TEST(kinds_old_inodes)
{
	struct timespec ts[2] = { { 1000, 123456789 }, { 4000000000L, 987654321 } };

	use("/dev/vdi", "errors=remount-ro");
	put("oldtimes", "");
	ck_ok(utimensat(AT_FDCWD, "oldtimes", ts, 0));
	ck_assert_int_eq(status("oldtimes").st_atim.tv_sec, 1000);
	ck_assert_int_eq(status("oldtimes").st_atim.tv_nsec, 0);
	ck_assert_int_eq(status("oldtimes").st_mtim.tv_sec, 0x7fffffff);
	ck_assert_int_eq(status("oldtimes").st_ctim.tv_nsec, 0);
	ck_assert_uint_eq(birth("oldtimes").stx_mask & STATX_BTIME, 0);
	leave();
	use("/dev/vdi", "errors=remount-ro");
	ck_assert_int_eq(status("oldtimes").st_mtim.tv_sec, 0x7fffffff);
	leave();
}
END_TEST

START_TEST(kinds_birth_time)
{
	struct statx a, b;

	use("/dev/vdb", "errors=remount-ro");
	unlink("born");
	put("born", "");
	a = birth("born");
	ck_assert_uint_ne(a.stx_mask & STATX_BTIME, 0);
	ck_assert_int_gt(a.stx_btime.tv_sec, 1600000000);
	leave();
	use("/dev/vdb", "errors=remount-ro");
	put("born", "changed");
	b = birth("born");
	ck_assert_int_eq(a.stx_btime.tv_sec, b.stx_btime.tv_sec);
	ck_assert_uint_eq(a.stx_btime.tv_nsec, b.stx_btime.tv_nsec);
	leave();
}
END_TEST

/* Where attributes go: into the inode behind its fields, or a block that equal ones share. */
START_TEST(kinds_places_of_attributes)
{
	const char *const devices[] = { "/dev/vdb", "/dev/vdi" };
	char value[500];
	struct statfs before;

	use(devices[_i], "errors=remount-ro");
	memset(value, 'v', sizeof(value));
	put("x1", "");
	put("x2", "");
	ck_ok(setxattr("x1", "user.small", "s", 1, 0));
	ck_assert_int_eq(status("x1").st_blocks, _i == 0 ? 0 : 4);
	ck_ok(removexattr("x1", "user.small"));
	ck_assert_int_eq(status("x1").st_blocks, 0);
	ck_ok(setxattr("x1", "trusted.large", value, sizeof(value), 0));
	ck_assert_int_eq(status("x1").st_blocks, _i == 0 ? 2 : 4);
	before = space();
	ck_ok(setxattr("x2", "trusted.large", value, sizeof(value), 0));
	ck_assert_int_eq(status("x2").st_blocks, _i == 0 ? 2 : 4);
	ck_assert_uint_eq(space().f_bfree, before.f_bfree);
	ck_ok(unlink("x1"));
	ck_assert_int_eq(ck_ok(getxattr("x2", "trusted.large", value, sizeof(value))), 500);
	ck_assert_int_eq(value[499], 'v');
	ck_fails(setxattr("x2", "system.nothing", "x", 1, 0), EOPNOTSUPP);
	ck_fails(setxattr("x2", "other.name", "x", 1, 0), EOPNOTSUPP);
	ck_fails(setxattr("x2", "user.", "x", 1, 0), EINVAL);
	leave();
}
END_TEST

static void
mounted_options(const char *dev, char *type, char *options)
{
	FILE *f = fopen("/proc/mounts", "r");
	char line[500], from[100], at[100];

	while (fgets(line, sizeof(line), f) != NULL) {
		ck_assert_int_eq(sscanf(line, "%99s %99s %99s %199s", from, at, type, options), 4);
		if (strcmp(at, AT) == 0) {
			ck_assert_str_eq(from, dev);
			fclose(f);
			return;
		}
	}
	ck_abort_msg("not mounted");
}

START_TEST(kinds_options)
{
	static const struct { const char *dev, *type, *given, *shown; unsigned long flags; } rows[] = {
		{ "/dev/vdb", "ext4", NULL, "rw,relatime", 0 },
		{ "/dev/vdb", "ext2", NULL, "rw,relatime", 0 },
		{ "/dev/vdc", "ext3", NULL, "rw,relatime", 0 },
		{ "/dev/vdc", "ext4", "data=ordered", "rw,relatime,data=ordered", 0 },
		{ "/dev/vdb", "ext4", "errors=remount-ro", "rw,relatime,errors=remount-ro", 0 },
		{ "/dev/vdb", "ext4", "errors=panic", "rw,relatime,errors=panic", 0 },
		{ "/dev/vdb", "ext4", "errors=continue", "rw,relatime", 0 },
		{ "/dev/vdb", "ext4", "minixdf", "rw,relatime,minixdf", 0 },
		{ "/dev/vdb", "ext4", "minixdf,bsddf", "rw,relatime", 0 },
		{ "/dev/vdb", "ext4", "grpid", "rw,relatime,grpid", 0 },
		{ "/dev/vdb", "ext4", "bsdgroups", "rw,relatime,grpid", 0 },
		{ "/dev/vdb", "ext4", "grpid,nogrpid", "rw,relatime", 0 },
		{ "/dev/vdb", "ext4", "resuid=5,resgid=6", "rw,relatime,resuid=5,resgid=6", 0 },
		{ "/dev/vdb", "ext4", "sb=1", "rw,relatime", 0 },
		{ "/dev/vdb", "ext4", "debug", "rw,relatime,debug", 0 },
		{ "/dev/vdc", "ext4", "commit=9", "rw,relatime,commit=9", 0 },
		{ "/dev/vdc", "ext4", "nobarrier", "rw,relatime,nobarrier", 0 },
		{ "/dev/vdc", "ext4", "nobarrier,barrier=1", "rw,relatime", 0 },
		{ "/dev/vdc", "ext4", "noload", "ro,relatime,norecovery", MS_RDONLY },
		{ "/dev/vdb", "ext4", NULL, "rw,sync,relatime", MS_SYNCHRONOUS },
		{ "/dev/vdb", "ext4", NULL, "rw,dirsync,relatime", MS_DIRSYNC },
		{ "/dev/vdb", "ext4", NULL, "ro,nosuid,nodev,noexec,noatime", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME },
	};
	char type[100], options[200];

	umount2(AT, MNT_DETACH);
	ck_ok(try_mount(rows[_i].dev, rows[_i].type, rows[_i].flags, rows[_i].given));
	mounted_options(rows[_i].dev, type, options);
	ck_assert_str_eq(type, rows[_i].type);
	ck_assert_str_eq(options, rows[_i].shown);
	ck_ok(umount(AT));
}
END_TEST

START_TEST(kinds_bad_options)
{
	static const char *const bad[] = { "errors=never", "resuid=x", "commit=-1", "nosuch", "minixdf=1", "sb=", "errors" };

	umount2(AT, MNT_DETACH);
	ck_fails(try_mount("/dev/vdb", "ext4", 0, bad[_i]), EINVAL);
	usleep(50000);		/* what the kernel says of it goes to the same line as our result */
}
END_TEST

START_TEST(kinds_types)
{
	umount2(AT, MNT_DETACH);
	ck_fails(try_mount("/dev/vdb", "ext3", 0, NULL), EINVAL);
	ck_ok(try_mount("/dev/vdc", "ext2", 0, NULL));
	ck_ok(umount(AT));
	ck_fails(try_mount("/dev/vda", "ext4", 0, NULL), EINVAL);
}
END_TEST

START_TEST(kinds_statfs)
{
	static const struct { const char *dev; long size, blocks, shown, reserved, files; } rows[] = {
		{ "/dev/vdb", 1024, 65536, 60138, 3276, 16384 },
		{ "/dev/vdc", 4096, 16384, 14329, 819, 16384 },
		{ "/dev/vdh", 1024, 32768, 31727, 1638, 8192 },
		{ "/dev/vdi", 2048, 32768, 31674, 1638, 16384 },
	};
	struct statfs st;

	use(rows[_i].dev, NULL);
	st = space();
	ck_assert_int_eq(st.f_type, 0xef53);
	ck_assert_int_eq(st.f_bsize, rows[_i].size);
	ck_assert_int_eq(st.f_frsize, rows[_i].size);
	ck_assert_int_eq(st.f_namelen, 255);
	ck_assert_int_eq(st.f_blocks, rows[_i].shown);
	ck_assert_int_eq(st.f_bfree - st.f_bavail, rows[_i].reserved);
	ck_assert_int_eq(st.f_files, rows[_i].files);
	leave();
	use(rows[_i].dev, "minixdf");
	ck_assert_int_eq(space().f_blocks, rows[_i].blocks);
	ck_assert_int_eq(memcmp(&st.f_fsid, &(struct statfs){ .f_fsid = space().f_fsid }.f_fsid, sizeof(st.f_fsid)), 0);
	leave();
}
END_TEST

START_TEST(kinds_unknown_features)
{
	copy_disk("/dev/vdj");
	poke(COPY, SB_INCOMPAT, 4, peek(COPY, SB_INCOMPAT, 4) | 0x80000000);
	ck_fails(mount_copy("ext4", 0, NULL), EINVAL);
	ck_fails(mount_copy("ext4", MS_RDONLY, NULL), EINVAL);
	copy_disk("/dev/vdj");
	poke(COPY, SB_RO_COMPAT, 4, peek(COPY, SB_RO_COMPAT, 4) | 0x80000000);
	ck_fails(mount_copy("ext4", 0, NULL), EINVAL);
	ck_ok(mount_copy("ext4", MS_RDONLY, NULL));
	ck_fails(mount(NULL, AT, NULL, MS_REMOUNT, NULL), EROFS);
	ck_ok(umount(AT));
	poke(COPY, SB_RO_COMPAT, 4, peek(COPY, SB_RO_COMPAT, 4) & 0x7fffffff);
	poke(COPY, SB_COMPAT, 4, peek(COPY, SB_COMPAT, 4) | 0x40000000);	/* such a one does no harm */
	ck_ok(mount_copy("ext4", 0, NULL));
	ck_ok(umount(AT));
}
END_TEST

/* A directory whose first entry's length is impossible. */
static void
damage(const char *dev, const char *name)
{
	int n = 0;

	copy_disk(dev);
	ck_ok(mount_copy("ext4", 0, NULL));
	ck_ok(chdir(AT));
	ck_ok(mkdir("dir", 0755));
	ck_ok(chdir("dir"));
	put(name, "");
	leave();
	for (long at = 0; (at = find_in_copy(name, at)) > 0; at++, n++)		/* the journal may have one, too */
		poke(COPY, at - 4, 2, 3);
	ck_assert_int_gt(n, 0);
}

START_TEST(kinds_errors_continue)
{
	damage("/dev/vdj", "needle one");
	ck_ok(mount_copy("ext4", 0, "errors=continue"));
	ck_ok(chdir(AT));
	ck_fails(access("dir/needle one", F_OK), EUCLEAN);
	ck_ok(mkdir("another", 0755));
	leave();
	ck_assert_uint_eq(peek(COPY, SB_STATE, 2) & 2, 2);
	ck_ok(mount_copy("ext4", 0, NULL));
	ck_ok(umount(AT));
}
END_TEST

START_TEST(kinds_errors_remount_ro)
{
	damage("/dev/vdk", "needle two");
	if (_i == 0) {
		ck_ok(mount_copy("ext4", 0, "errors=remount-ro"));
	} else {		/* as the super block says */
		poke(COPY, SB_ERRORS, 2, 2);
		ck_ok(mount_copy("ext4", 0, NULL));
	}
	ck_ok(chdir(AT));
	put("before", "x");
	ck_fails(access("dir/needle two", F_OK), EUCLEAN);
	ck_fails(mkdir("another", 0755), EROFS);
	leave();
	ck_ok(mount_copy("ext4", 0, NULL));		/* recovery, which hears of the error from the journal */
	ck_ok(umount(AT));
	ck_assert_uint_eq(peek(COPY, SB_STATE, 2) & 2, 2);
}
END_TEST

/* Counts of links at their limit, as the inode on the disk says. */
START_TEST(kinds_too_many_links)
{
	uint32_t per_group, ino, table;
	long at;

	copy_disk("/dev/vdj");
	ck_ok(mount_copy("ext4", 0, NULL));
	ck_ok(chdir(AT));
	put("f", "");
	ck_ok(mkdir("d", 0755));
	ino = status(_i == 0 ? "f" : "d").st_ino;
	leave();
	per_group = peek(COPY, 1024 + 40, 4);
	table = peek(COPY, 2048 + (ino - 1) / per_group * 32 + 8, 4);
	at = table * 1024L + (ino - 1) % per_group * 128;
	poke(COPY, at + 26, 2, 64999);
	ck_ok(mount_copy("ext4", 0, NULL));
	ck_ok(chdir(AT));
	if (_i == 0) {
		ck_ok(link("f", "g"));
		ck_assert_int_eq(status("f").st_nlink, 65000);
		ck_fails(link("f", "h"), EMLINK);
		ck_ok(unlink("g"));
		ck_ok(link("f", "h"));
	} else {
		ck_ok(mkdir("d/1", 0755));
		ck_assert_int_eq(status("d").st_nlink, 65000);
		ck_fails(mkdir("d/2", 0755), EMLINK);
		ck_ok(mkdir("e", 0755));
		ck_fails(rename("e", "d/e"), EMLINK);
		ck_ok(rmdir("d/1"));
		ck_ok(rename("e", "d/e"));
	}
	leave();
}
END_TEST

/* Directories at the top are spread over the groups, files are with their directory. */
START_TEST(kinds_spread)
{
	uint32_t per_group = peek("/dev/vdb", 1024 + 40, 4), groups = 0;
	char name[40];

	use("/dev/vdb", NULL);
	for (int k = 0; k < 6; k++) {
		uint32_t group;

		snprintf(name, sizeof(name), "spread%d", k);
		ck_ok(mkdir(name, 0755));
		group = (status(name).st_ino - 1) / per_group;
		groups |= 1u << group;
		strcat(name, "/file");
		put(name, "x");
		ck_assert_uint_eq((status(name).st_ino - 1) / per_group, group);
	}
	ck_assert_int_ge(__builtin_popcount(groups), 2);
	leave();
}
END_TEST

/* What the disk has, beside all caches, of the file's first block. */
static void
check_on_disk(const char *dev, int fd, const char *text)
{
	struct { struct fiemap head; struct fiemap_extent e[1]; } map = { .head = { .fm_length = 1024, .fm_extent_count = 1 } };
	char *buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int disk = ck_ok(open(dev, O_RDONLY | O_DIRECT));

	ck_ok(ioctl(fd, FS_IOC_FIEMAP, &map));
	ck_assert_uint_eq(map.head.fm_mapped_extents, 1);
	ck_ok(pread(disk, buf, 1024, map.e[0].fe_physical));
	ck_assert_int_eq(memcmp(buf, text, strlen(text)), 0);
	munmap(buf, 4096);
	close(disk);
}

START_TEST(kinds_synchronous)
{
	const char *dev = _i == 0 ? "/dev/vdb" : "/dev/vdc";
	int fd;

	use(dev, NULL);
	fd = ck_ok(open("synced", O_RDWR | O_CREAT | O_TRUNC | O_SYNC, 0644));
	ck_ok(write(fd, "with O_SYNC", 11));
	check_on_disk(dev, fd, "with O_SYNC");
	close(fd);
	fd = ck_ok(open("synced", O_RDWR | O_DSYNC, 0644));
	ck_ok(write(fd, "with O_DSYNC", 12));
	check_on_disk(dev, fd, "with O_DSYNC");
	close(fd);
	fd = ck_ok(open("synced", O_RDWR, 0644));
	ck_ok(write(fd, "and an fsync", 12));
	ck_ok(fdatasync(fd));
	check_on_disk(dev, fd, "and an fsync");
	close(fd);
	leave();
	umount2(AT, MNT_DETACH);
	ck_ok(try_mount(dev, "ext4", MS_SYNCHRONOUS, NULL));
	fd = ck_ok(open(AT "/synced", O_RDWR, 0644));
	ck_ok(write(fd, "mounted sync", 12));
	check_on_disk(dev, fd, "mounted sync");
	close(fd);
	ck_ok(umount(AT));
}
END_TEST

/* A hole inside a mapped page: what is stored there next has a block again. */
START_TEST(kinds_hole_in_mapped_page)
{
	char *m, c;
	int fd;

	use("/dev/vdb", NULL);
	fd = ck_ok(open("pierced", O_RDWR | O_CREAT | O_TRUNC, 0644));
	ck_ok(ftruncate(fd, 4096));
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(m, 'a', 4096);
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1024, 1024));
	ck_assert_int_eq(m[1500], 0);
	ck_assert_int_eq(status("pierced").st_blocks, 6);
	m[1500] = 'b';
	ck_ok(msync(m, 4096, MS_SYNC));
	munmap(m, 4096);
	close(fd);
	leave();
	use("/dev/vdb", NULL);
	fd = ck_ok(open("pierced", O_RDONLY));
	ck_ok(pread(fd, &c, 1, 1500));
	ck_assert_int_eq(c, 'b');
	ck_ok(pread(fd, &c, 1, 1600));
	ck_assert_int_eq(c, 0);
	ck_ok(pread(fd, &c, 1, 2048));
	ck_assert_int_eq(c, 'a');
	close(fd);
	leave();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ext2_kinds");
	TCase *t = tcase_create("kinds");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, kinds_revision_0);
	tcase_add_test(t, kinds_three_levels);
	tcase_add_test(t, kinds_three_levels_read);
	tcase_add_test(t, kinds_old_inodes);
	tcase_add_test(t, kinds_birth_time);
	tcase_add_loop_test(t, kinds_places_of_attributes, 0, 2);
	tcase_add_loop_test(t, kinds_options, 0, 22);
	tcase_add_loop_test(t, kinds_bad_options, 0, 7);
	tcase_add_test(t, kinds_types);
	tcase_add_loop_test(t, kinds_statfs, 0, 4);
	tcase_add_test(t, kinds_unknown_features);
	tcase_add_test(t, kinds_errors_continue);
	tcase_add_loop_test(t, kinds_errors_remount_ro, 0, 2);
	tcase_add_loop_test(t, kinds_too_many_links, 0, 2);
	tcase_add_test(t, kinds_spread);
	tcase_add_loop_test(t, kinds_synchronous, 0, 2);
	tcase_add_test(t, kinds_hole_in_mapped_page);
	suite_add_tcase(s, t);
	return guest_run(s);
}
