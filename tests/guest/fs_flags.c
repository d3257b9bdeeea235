/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags of mounts by what they do: nosuid, nodev, noexec, the times, ro by mount and by super block; remounts; tmpfs' options; O_TMPFILE. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

#ifndef MS_LAZYTIME
#define MS_LAZYTIME	(1 << 25)
#endif
#define D "/tmp/fs_flags"

static void
setup(void)
{
	umask(022);
	while (umount2(D "/a", MNT_DETACH) == 0)
		;
	while (umount2(D "/b", MNT_DETACH) == 0)
		;
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(chdir(D));
	ck_ok(mkdir("a", 0755));
	ck_ok(mkdir("b", 0755));
}

static void
teardown(void)
{
	ck_ok(chdir("/"));
	umount2(D "/b", MNT_DETACH);
	umount2(D "/a", MNT_DETACH);
}

static void
tmpfs(unsigned long flags, const char *data)
{
	ck_ok(mount("src", "a", "tmpfs", flags, data));
}

static void
remount(const char *at, unsigned long flags)
{
	ck_ok(mount(NULL, at, NULL, MS_REMOUNT | flags, NULL));
}

static void
make(const char *name)
{
	close(ck_ok(open(name, O_CREAT | O_RDWR, 0644)));
}

/* The options of what is mounted at D/a (field 4 of /proc/mounts). */
static const char *
options(void)
{
	static char line[512];
	FILE *f = fopen("/proc/mounts", "r");
	char *p = NULL;

	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "src " D "/a tmpfs ", strlen("src " D "/a tmpfs ")) == 0) {
			p = line + strlen("src " D "/a tmpfs ");
			p[strcspn(p, " ")] = '\0';
			break;
		}
	}
	fclose(f);
	return p != NULL ? p : "";
}

static void
ck_has(const char *opt, bool want)
{
	char all[520], one[64];

	snprintf(all, sizeof(all), ",%s,", options());
	snprintf(one, sizeof(one), ",%s,", opt);
	ck_assert_msg((strstr(all, one) != NULL) == want, "%s: %s", opt, all);
}

/* --- nosuid --- */

static int
euid_of(const char *program)
{
	pid_t pid = ck_ok(fork());
	int status;

	if (pid == 0) {
		execl(program, program, "--euid", NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(nosuid)
{
	int in = ck_ok(open("/proc/self/exe", O_RDONLY)), out;
	struct stat st;
	off_t done = 0;

	tmpfs(0, "mode=755");
	out = ck_ok(open("a/prog", O_CREAT | O_WRONLY, 0755));
	ck_ok(fstat(in, &st));
	while (done < st.st_size)
		ck_assert_int_gt(sendfile(out, in, &done, (size_t)st.st_size), 0);
	close(in);
	close(out);
	ck_ok(chown("a/prog", 77, 0));
	ck_ok(chmod("a/prog", 04755));
	ck_assert_int_eq(euid_of("a/prog"), 77);
	remount("a", MS_NOSUID | MS_BIND);
	ck_assert_int_eq(euid_of("a/prog"), 0);
	ck_has("nosuid", true);
	remount("a", MS_BIND);
	ck_assert_int_eq(euid_of("a/prog"), 77);
	ck_has("nosuid", false);
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
	remount("b", MS_NOEXEC | MS_BIND);
	ck_assert_int_eq(euid_of("b/prog"), 99);
	ck_assert_int_eq(euid_of("a/prog"), 77);	/* the other mount of the same is not concerned */
}
END_TEST

START_TEST(nodev)
{
	tmpfs(MS_NODEV, "");
	ck_ok(mknod("a/null", S_IFCHR | 0666, makedev(1, 3)));
	ck_ok(mkfifo("a/fifo", 0666));
	ck_fails(open("a/null", O_RDONLY), EACCES);
	close(ck_ok(open("a/null", O_PATH)));
	close(ck_ok(open("a/fifo", O_RDWR)));
	ck_ok(access("a/null", R_OK));
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
	remount("b", MS_BIND);
	close(ck_ok(open("b/null", O_RDONLY)));
	ck_fails(open("a/null", O_RDONLY), EACCES);
}
END_TEST

START_TEST(read_only_mounts)
{
	int fd;

	tmpfs(0, "");
	make("a/f");
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
	fd = ck_ok(open("a/f", O_WRONLY));
	remount("b", MS_BIND | MS_RDONLY);		/* a writer in another mount is no obstacle */
	ck_fails(open("b/f", O_WRONLY), EROFS);
	ck_fails(mkdir("b/d", 0755), EROFS);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_ok(mkdir("a/d", 0755));
	close(fd);
	ck_fails(rename("b/f", "b/g"), EROFS);
	remount("b", MS_BIND);
	close(ck_ok(open("b/f", O_WRONLY)));
	remount("a", MS_RDONLY);			/* the super block: both */
	ck_fails(open("b/f", O_WRONLY), EROFS);
	ck_fails(open("a/f", O_WRONLY), EROFS);
	ck_fails(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND, NULL) ? -1 : open("b/f", O_WRONLY), EROFS);
	remount("a", 0);
	close(ck_ok(open("b/f", O_WRONLY)));
}
END_TEST

START_TEST(orphans_keep_it_writable)
{
	int fd;

	tmpfs(0, "");
	fd = ck_ok(open("a/f", O_CREAT | O_RDWR, 0644));
	close(fd);
	fd = ck_ok(open("a/f", O_RDONLY));
	ck_ok(unlink("a/f"));
	ck_fails(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	close(fd);
	remount("a", MS_RDONLY);
}
END_TEST

/* --- access times --- */

static void
set_times(const char *name, time_t a, time_t m)
{
	struct timespec t[2] = { { a, 0 }, { m, 0 } };

	ck_ok(utimensat(AT_FDCWD, name, t, 0));
}

static bool
read_changes_atime(const char *name)
{
	struct stat before, after;
	char buf[16];
	int fd;

	ck_ok(stat(name, &before));
	usleep(20000);				/* more than the clock's tick */
	fd = ck_ok(open(name, O_RDONLY));
	ck_ok(read(fd, buf, sizeof(buf)));
	close(fd);
	ck_ok(stat(name, &after));
	return before.st_atim.tv_sec != after.st_atim.tv_sec || before.st_atim.tv_nsec != after.st_atim.tv_nsec;
}

static bool
list_changes_atime(const char *name)
{
	struct stat before, after;
	char cmd[64];

	ck_ok(stat(name, &before));
	usleep(20000);
	snprintf(cmd, sizeof(cmd), "ls %s >/dev/null", name);
	system(cmd);
	ck_ok(stat(name, &after));
	return before.st_atim.tv_sec != after.st_atim.tv_sec || before.st_atim.tv_nsec != after.st_atim.tv_nsec;
}

START_TEST(access_times)
{
	time_t now = time(NULL);
	int fd;

	tmpfs(0, "");
	fd = ck_ok(open("a/f", O_CREAT | O_RDWR, 0644));
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	close(fd);
	ck_ok(mkdir("a/d", 0755));
	ck_has("relatime", true);
	set_times("a/f", 1000, 2000);			/* older than mtime */
	ck_assert(read_changes_atime("a/f"));
	ck_assert(!read_changes_atime("a/f"));		/* newer than mtime and ctime, and not a day old */
	set_times("a/f", now - 90000, now - 100000);
	ck_assert(read_changes_atime("a/f"));
	remount("a", MS_STRICTATIME);
	ck_has("relatime", false);
	ck_assert(read_changes_atime("a/f"));
	ck_assert(read_changes_atime("a/f"));
	remount("a", MS_NOATIME);
	ck_has("noatime", true);
	set_times("a/f", 1000, 2000);
	set_times("a/d", 1000, 2000);
	ck_assert(!read_changes_atime("a/f"));
	ck_assert(!list_changes_atime("a/d"));
	remount("a", MS_NODIRATIME);
	ck_has("nodiratime", true);
	ck_has("relatime", true);
	ck_assert(read_changes_atime("a/f"));
	ck_assert(!list_changes_atime("a/d"));
	remount("a", MS_RELATIME);
	ck_assert(list_changes_atime("a/d"));
	set_times("a/f", 1000, 2000);
	remount("a", 0);				/* no word on times: they stay as they are */
	ck_has("relatime", true);
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
	remount("b", MS_BIND | MS_NOATIME);
	ck_assert(!read_changes_atime("b/f"));
	ck_assert(read_changes_atime("a/f"));
	fd = ck_ok(open("a/f", O_RDONLY | O_NOATIME));
	close(fd);
	remount("a", MS_NOSUID);			/* what is not said is taken away, but for the times */
	ck_has("nosuid", true);
	remount("a", MS_NODEV);
	ck_has("nosuid", false);
	ck_has("nodev", true);
}
END_TEST

START_TEST(flags_of_the_super_block)
{
	struct statfs st;
	int fd;

	tmpfs(MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME, "");
	ck_has("sync", true);
	ck_has("dirsync", true);
	ck_has("lazytime", true);
	ck_ok(statfs("a", &st));
	ck_assert_uint_eq((unsigned)st.f_flags & ST_SYNCHRONOUS, ST_SYNCHRONOUS);
	fd = ck_ok(open("a/f", O_CREAT | O_RDWR, 0644));
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_ok(fsync(fd));
	ck_ok(fdatasync(fd));
	ck_ok(syncfs(fd));
	close(fd);
	remount("a", 0);
	ck_has("sync", false);
	ck_has("dirsync", true);			/* not for remounts to change */
	ck_has("lazytime", false);
	remount("a", MS_LAZYTIME);
	ck_has("lazytime", true);
	ck_fails(mount(NULL, "a/f", NULL, MS_REMOUNT, NULL), EINVAL);
	ck_fails(mount(NULL, "a", NULL, MS_REMOUNT, "nonsense=1"), EINVAL);
}
END_TEST

START_TEST(statvfs_tells)
{
	struct statvfs v;
	unsigned long want = ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NODIRATIME | ST_NOATIME;

	tmpfs(MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME | MS_NOATIME, "");
	ck_ok(statvfs("a", &v));
	ck_assert_uint_eq(v.f_flag & (want | ST_RDONLY | ST_RELATIME), want);
}
END_TEST

/* --- tmpfs --- */

START_TEST(options_of_tmpfs)
{
	struct statfs st;
	struct stat s;

	tmpfs(0, "size=1m,nr_inodes=100,mode=0700,uid=3,gid=4");
	ck_has("size=1024k", true);
	ck_has("nr_inodes=100", true);
	ck_has("mode=700", true);
	ck_has("uid=3", true);
	ck_has("gid=4", true);
	ck_ok(mount(NULL, "a", NULL, MS_REMOUNT, "nr_blocks=512,nr_inodes=1k"));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_blocks, 512);
	ck_assert_int_eq(st.f_files, 1024);
	ck_has("size=2048k", true);
	ck_ok(mount(NULL, "a", NULL, MS_REMOUNT, "mode=755,uid=9"));	/* for the first mount only */
	ck_ok(stat("a", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0700);
	ck_assert_uint_eq(s.st_uid, 3);
	ck_fails(mount(NULL, "a", NULL, MS_REMOUNT, "size=12q"), EINVAL);
	ck_fails(mount(NULL, "a", NULL, MS_REMOUNT, "mode=9"), EINVAL);
	ck_fails(mount("src", "b", "tmpfs", 0, "uid=-1"), EINVAL);
	ck_fails(mount("src", "b", "tmpfs", 0, "unknown"), EINVAL);
	ck_ok(mount("src", "b", "tmpfs", 0, "size=0,nr_inodes=0"));
	ck_ok(statfs("b", &st));
	ck_assert_int_eq(st.f_blocks, 0);
	ck_assert_int_eq(st.f_files, 0);
	ck_fails(mount(NULL, "b", NULL, MS_REMOUNT, "size=1m"), EINVAL);
	make("b/f");
	ck_ok(truncate("b/f", 100000));
}
END_TEST

START_TEST(space_is_accounted)
{
	static char buf[65536];
	struct statfs st;
	char *p;
	int fd;

	tmpfs(0, "size=64k");
	fd = ck_ok(open("a/f", O_CREAT | O_RDWR, 0644));
	ck_assert_int_eq(write(fd, buf, 60000), 60000);
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 1);
	ck_fails(fallocate(fd, 0, 0, 100000), ENOSPC);
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 1);
	ck_ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 3);
	ck_ok(fallocate(fd, FALLOC_FL_KEEP_SIZE, 60000, 5000));	/* beyond the end */
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 2);
	ck_ok(ftruncate(fd, 0));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 16);
	ck_ok(ftruncate(fd, 1 << 20));				/* a hole, larger than the file system */
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	for (int i = 0; i < 16; i++)
		p[i * 4096] = 1;
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 0);
	ck_assert_int_eq(pwrite(fd, buf, 10, 4096), 10);	/* what is there can be written */
	ck_fails(pwrite(fd, buf, 10, 100 * 4096), ENOSPC);
	munmap(p, 1 << 20);
	ck_ok(unlink("a/f"));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 0);			/* still open */
	close(fd);
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 16);
}
END_TEST

START_TEST(tmpfiles)
{
	struct statfs st;
	struct stat s;
	char path[64];
	int fd;

	tmpfs(0, "nr_inodes=3");
	fd = ck_ok(open("a", O_TMPFILE | O_RDWR, 0640));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_ffree, 1);
	ck_ok(fstat(fd, &s));
	ck_assert_uint_eq(s.st_nlink, 0);
	ck_fails(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_ok(linkat(AT_FDCWD, path, AT_FDCWD, "a/named", AT_SYMLINK_FOLLOW));
	ck_ok(fstat(fd, &s));
	ck_assert_uint_eq(s.st_nlink, 1);
	ck_ok(unlink("a/named"));
	ck_fails(linkat(AT_FDCWD, path, AT_FDCWD, "a/again", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	fd = ck_ok(open("a", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_fails(linkat(AT_FDCWD, path, AT_FDCWD, "a/x", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_ffree, 2);
	remount("a", MS_RDONLY);
	ck_fails(open("a", O_TMPFILE | O_RDWR, 0640), EROFS);
}
END_TEST

/* --- sticky and set-group-id directories --- */

START_TEST(sticky_and_setgid)
{
	struct stat s;

	tmpfs(0, "mode=1777");
	make("a/theirs");
	ck_ok(chown("a/theirs", 1000, 1000));
	make("a/roots");
	ck_ok(mkdir("a/sg", 0777));
	ck_ok(chown("a/sg", 0, 2000));
	ck_ok(chmod("a/sg", 02777));
	ck_ok(setgid(1000));
	ck_ok(setuid(1000));
	ck_fails(unlink("a/roots"), EPERM);
	ck_fails(rename("a/roots", "a/x"), EPERM);
	ck_fails(rename("a/theirs", "a/roots"), EPERM);
	ck_ok(rename("a/theirs", "a/mine"));
	make("a/sg/f");
	ck_ok(mkdir("a/sg/d", 0755));
	ck_ok(stat("a/sg/f", &s));
	ck_assert_uint_eq(s.st_gid, 2000);
	ck_ok(stat("a/sg/d", &s));
	ck_assert_uint_eq(s.st_gid, 2000);
	ck_assert_uint_eq(s.st_mode & 07777, 02755);
	ck_ok(chmod("a/sg/f", 02755));			/* not a member: the bit is dropped */
	ck_ok(stat("a/sg/f", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0755);
	close(ck_ok(open("a/sg/g", O_CREAT | O_RDWR, 02775)));
	ck_ok(stat("a/sg/g", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0755);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s;
	TCase *t = tcase_create("flags");

	if (argc > 1 && strcmp(argv[1], "--euid") == 0)
		return (int)geteuid();
	s = suite_create("fs_flags");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nosuid);
	tcase_add_test(t, nodev);
	tcase_add_test(t, read_only_mounts);
	tcase_add_test(t, orphans_keep_it_writable);
	tcase_add_test(t, access_times);
	tcase_add_test(t, flags_of_the_super_block);
	tcase_add_test(t, statvfs_tells);
	tcase_add_test(t, options_of_tmpfs);
	tcase_add_test(t, space_is_accounted);
	tcase_add_test(t, tmpfiles);
	tcase_add_test(t, sticky_and_setgid);
	suite_add_tcase(s, t);
	return guest_run(s);
}
