/* SPDX-License-Identifier: BSD-2-Clause */
/* mount(2), umount2(2): tmpfs and its limits, flags of mounts, bind, move, remount, detach, chroot(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "guest.h"

#define D "/tmp/fs_mount"

static void
clean(void)
{
	static const char *const where[] = { D "/a/sub", D "/a/in", D "/b/in", D "/a", D "/b", D "/c", D "/f" };

	for (int again = 0; again < 3; again++)
		for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++)
			umount2(where[i], MNT_DETACH);
}

static void
setup(void)
{
	clean();
	system("rm -rf " D);
	ck_ok(mkdir(D, 0755));
	ck_ok(mkdir(D "/a", 0755));
	ck_ok(mkdir(D "/b", 0755));
	ck_ok(mkdir(D "/c", 0755));
	close(ck_ok(open(D "/f", O_CREAT | O_WRONLY, 0644)));
	ck_ok(chdir(D));
}

static void
teardown(void)
{
	ck_ok(chdir("/"));
	clean();
}

static void
tmpfs(const char *where, unsigned long flags, const char *data)
{
	ck_ok(mount("none", where, "tmpfs", flags, data));
}

static void
touch(const char *path)
{
	close(ck_ok(open(path, O_CREAT | O_WRONLY, 0644)));
}

START_TEST(mount_covers_and_umount_uncovers)
{
	struct stat a, b;

	touch("a/below");
	ck_ok(stat("a", &a));
	tmpfs("a", 0, "");
	ck_ok(stat("a", &b));
	ck_assert(a.st_dev != b.st_dev);
	ck_fails(access("a/below", F_OK), ENOENT);
	touch("a/above");
	ck_ok(stat("a/..", &b));
	ck_assert(a.st_dev == b.st_dev);
	ck_fails(rmdir("a"), EBUSY);
	ck_fails(rename("a", "new"), EBUSY);
	ck_fails(rename("a/above", "b/above"), EXDEV);
	ck_fails(link("a/above", "b/above"), EXDEV);
	ck_ok(umount("a"));
	ck_ok(access("a/below", F_OK));
	ck_fails(umount("a"), EINVAL);
	ck_fails(umount("none"), ENOENT);
}
END_TEST

START_TEST(mounts_stack)
{
	tmpfs("a", 0, "");
	touch("a/one");
	tmpfs("a", 0, "");
	touch("a/two");
	ck_fails(access("a/one", F_OK), ENOENT);
	ck_ok(umount("a"));
	ck_ok(access("a/one", F_OK));
	ck_ok(umount("a"));
}
END_TEST

START_TEST(bad_requests)
{
	ck_fails(mount("none", "a", "no such fs", 0, ""), ENODEV);
	ck_fails(mount("none", "none", "tmpfs", 0, ""), ENOENT);
	ck_fails(mount("none", "f", "tmpfs", 0, ""), ENOTDIR);
	ck_fails(mount("none", "a", NULL, 0, ""), EINVAL);
	ck_fails(mount("none", "a", "tmpfs", 0, "size=x"), EINVAL);
	ck_fails(mount("none", "a", "tmpfs", 0, "nonsense=1"), EINVAL);
	ck_fails(mount("none", "a", "tmpfs", MS_REMOUNT, ""), EINVAL);
	ck_fails(umount2("a", 0x1000), EINVAL);
	tmpfs("a", 0, "");
	ck_fails(umount2("a", MNT_EXPIRE | MNT_DETACH), EINVAL);
	ck_fails(umount2("a", MNT_EXPIRE), EAGAIN);
	ck_ok(umount2("a", MNT_EXPIRE));
	ck_ok(setuid(1000));
	ck_fails(mount("none", "a", "tmpfs", 0, ""), EPERM);
	ck_fails(umount("a"), EPERM);
	ck_fails(chroot("a"), EPERM);
}
END_TEST

START_TEST(a_used_mount_is_busy)
{
	int fd;

	tmpfs("a", 0, "");
	fd = ck_ok(open("a/x", O_CREAT | O_RDWR, 0644));
	ck_fails(umount("a"), EBUSY);
	ck_ok(umount2("a", MNT_DETACH));
	ck_fails(access("a/x", F_OK), ENOENT);
	ck_assert_int_eq(write(fd, "abc", 3), 3);	/* but it lives on */
	close(fd);
	tmpfs("a", 0, "");
	ck_ok(chdir("a"));
	ck_fails(umount(D "/a"), EBUSY);
	ck_ok(chdir(".."));
	ck_ok(umount("a"));
}
END_TEST

START_TEST(limits_of_tmpfs)
{
	char page[4096] = "";
	struct statfs st;
	struct stat s;
	int fd, n = 0;

	tmpfs("a", 0, "size=64k,nr_inodes=5,mode=1750,uid=7,gid=8");
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_type, 0x01021994);
	ck_assert_int_eq(st.f_bsize, 4096);
	ck_assert_int_eq(st.f_blocks, 16);
	ck_assert_int_eq(st.f_bfree, 16);
	ck_assert_int_eq(st.f_files, 5);
	ck_assert_int_eq(st.f_ffree, 4);
	ck_assert_int_eq(st.f_namelen, 255);
	ck_ok(stat("a", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 01750);
	ck_assert_uint_eq(s.st_uid, 7);
	ck_assert_uint_eq(s.st_gid, 8);
	fd = ck_ok(open("a/x", O_CREAT | O_RDWR, 0644));
	while (write(fd, page, sizeof(page)) == sizeof(page))
		n++;
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(n, 16);
	ck_ok(ftruncate(fd, 8 * 4096));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 8);
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_blocks, 64);
	ck_assert_int_eq(pwrite(fd, page, 1, 1000000), 1);	/* a hole costs nothing */
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 7);
	touch("a/1");
	touch("a/2");
	touch("a/3");
	ck_fails(open("a/4", O_CREAT | O_WRONLY, 0644), ENOSPC);
	ck_fails(mkdir("a/4", 0755), ENOSPC);
	ck_ok(unlink("a/1"));
	ck_ok(mkdir("a/4", 0755));
	ck_ok(mount("none", "a", NULL, MS_REMOUNT, "size=1m"));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_blocks, 256);
	ck_fails(mount("none", "a", NULL, MS_REMOUNT, "size=4k"), EINVAL);
	close(fd);
	ck_ok(unlink("a/x"));
	ck_ok(statfs("a", &st));
	ck_assert_int_eq(st.f_bfree, 256);
}
END_TEST

START_TEST(read_only)
{
	struct statvfs v;
	int fd;

	tmpfs("a", 0, "");
	touch("a/x");
	fd = ck_ok(open("a/x", O_WRONLY));
	ck_fails(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	close(fd);
	ck_ok(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ck_fails(open("a/x", O_WRONLY), EROFS);
	ck_fails(open("a/new", O_CREAT | O_WRONLY, 0644), EROFS);
	ck_fails(open("a/x", O_RDONLY | O_TRUNC), EROFS);
	close(ck_ok(open("a/x", O_RDONLY | O_CREAT, 0644)));
	ck_fails(mkdir("a/d", 0755), EROFS);
	ck_fails(mkdir("a/x", 0755), EEXIST);
	ck_fails(unlink("a/x"), EROFS);
	ck_fails(rename("a/x", "a/y"), EROFS);
	ck_fails(chmod("a/x", 0600), EROFS);
	ck_fails(truncate("a/x", 0), EROFS);
	ck_fails(access("a/x", W_OK), EROFS);
	ck_fails(utimensat(AT_FDCWD, "a/x", NULL, 0), EROFS);
	ck_ok(statvfs("a", &v));
	ck_assert_uint_eq(v.f_flag & ST_RDONLY, ST_RDONLY);
	ck_ok(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
	ck_ok(unlink("a/x"));
}
END_TEST

START_TEST(flags_are_enforced)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";
	int fd;

	tmpfs("a", MS_NODEV | MS_NOEXEC | MS_NOSUID, "");
	ck_ok(mknod("a/null", S_IFCHR | 0666, makedev(1, 3)));
	ck_fails(open("a/null", O_RDWR), EACCES);
	fd = ck_ok(open("a/run", O_CREAT | O_RDWR, 0755));
	ck_assert_int_eq(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	ck_fails(access("a/run", X_OK), EACCES);
	ck_fails(execl("a/run", "run", NULL), EACCES);
	ck_assert(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	ck_assert_int_eq(errno, EPERM);
	close(fd);
	ck_ok(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
	close(ck_ok(open("a/null", O_RDWR)));
	ck_ok(access("a/run", X_OK));
}
END_TEST

START_TEST(binds)
{
	struct stat a, b;
	int fd;

	tmpfs("a", 0, "");
	ck_ok(mkdir("a/in", 0755));
	tmpfs("a/in", 0, "");
	touch("a/in/x");
	touch("a/y");
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
	ck_ok(stat("a/y", &a));
	ck_ok(stat("b/y", &b));
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_fails(access("b/in/x", F_OK), ENOENT);
	ck_fails(rename("a/y", "b/z"), EXDEV);
	ck_ok(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	ck_fails(open("b/y", O_WRONLY), EROFS);
	close(ck_ok(open("a/y", O_WRONLY)));
	ck_ok(umount("b"));
	ck_ok(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	ck_ok(access("b/in/x", F_OK));
	ck_fails(umount("b"), EBUSY);
	ck_ok(umount2("b", MNT_DETACH));
	ck_ok(access("a/in/x", F_OK));
	ck_ok(mount("a/y", "f", NULL, MS_BIND, NULL));
	fd = ck_ok(open("f", O_WRONLY));
	ck_assert_int_eq(write(fd, "abc", 3), 3);
	close(fd);
	ck_ok(stat("a/y", &a));
	ck_assert_int_eq(a.st_size, 3);
	ck_fails(unlink("f"), EBUSY);
	ck_fails(mount("a/y", "c", NULL, MS_BIND, NULL), ENOTDIR);
	ck_fails(mount("none", "c", NULL, MS_BIND, NULL), ENOENT);
	ck_ok(umount("f"));
}
END_TEST

START_TEST(moves)
{
	tmpfs("a", 0, "");
	touch("a/x");
	ck_ok(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL));
	ck_ok(mount("a", "b", NULL, MS_MOVE, NULL));
	ck_ok(access("b/x", F_OK));
	ck_fails(access("a/x", F_OK), ENOENT);
	ck_ok(mkdir("b/in", 0755));
	ck_fails(mount("b", "b/in", NULL, MS_MOVE, NULL), ELOOP);
	ck_fails(mount("c", "a", NULL, MS_MOVE, NULL), EINVAL);
	ck_ok(umount("b"));
}
END_TEST

START_TEST(a_new_root)
{
	char buf[64];
	struct stat a, b;

	tmpfs("a", 0, "");
	ck_ok(mkdir("a/d", 0755));
	ck_ok(stat("a", &a));
	ck_ok(chroot("a"));
	ck_assert_str_ne(getcwd(buf, sizeof(buf)) ? buf : "", "/");
	ck_ok(chdir("/d/../../.."));
	ck_ok(stat(".", &b));
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_str_eq(getcwd(buf, sizeof(buf)), "/");
	ck_ok(symlink("/d", "l"));
	ck_ok(chdir("/l"));
	ck_assert_str_eq(getcwd(buf, sizeof(buf)), "/d");
}
END_TEST

START_TEST(pivoting)
{
	struct stat in, out, st;
	char buf[64];

	tmpfs("a", 0, "");
	ck_ok(mkdir("a/in", 0755));
	ck_ok(mkdir("a/plain", 0755));
	tmpfs("a/in", 0, "");
	ck_ok(mkdir("a/in/old", 0755));
	ck_ok(stat("a", &out));
	ck_ok(stat("a/in", &in));
	ck_fails(syscall(SYS_pivot_root, D "/a", D "/a/in/old"), EINVAL);	/* the root has no parent, or is no mount */
	ck_ok(chroot("a"));
	ck_ok(chdir("/"));
	ck_fails(syscall(SYS_pivot_root, "/plain", "/plain"), EBUSY);
	ck_fails(syscall(SYS_pivot_root, "/in", "/plain"), EBUSY);
	ck_fails(syscall(SYS_pivot_root, "/in/old", "/in/old"), EINVAL);
	ck_fails(syscall(SYS_pivot_root, "/none", "/in/old"), ENOENT);
	ck_ok(syscall(SYS_pivot_root, "/in", "/in/old"));
	ck_ok(stat("/", &st));
	ck_assert(st.st_dev == in.st_dev && st.st_ino == in.st_ino);
	ck_ok(stat("/old", &st));
	ck_assert(st.st_dev == out.st_dev && st.st_ino == out.st_ino);
	ck_ok(stat(".", &st));			/* who stood in the old root stands in the new one */
	ck_assert(st.st_dev == in.st_dev);
	ck_assert_str_eq(getcwd(buf, sizeof(buf)), "/");
	ck_ok(access("/old/plain", F_OK));
	ck_ok(umount2("/old", MNT_DETACH));
	ck_fails(access("/old/plain", F_OK), ENOENT);
}
END_TEST

static void
change(const char *where, unsigned long type)
{
	ck_ok(mount(NULL, where, NULL, type, NULL));
}

/* a: a shared tmpfs with directories x, y; b: bound to it. */
static void
shared_pair(void)
{
	tmpfs("a", 0, "");
	change("a", MS_SHARED);
	ck_ok(mkdir("a/x", 0755));
	ck_ok(mkdir("a/y", 0755));
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
}

START_TEST(peers_see_each_others_mounts)
{
	int fd;

	shared_pair();
	tmpfs("a/x", 0, "");
	touch("a/x/one");
	ck_ok(access("b/x/one", F_OK));
	ck_ok(mkdir("b/x/deep", 0755));
	tmpfs("b/x/deep", 0, "");		/* what came along is shared, too */
	touch("b/x/deep/two");
	ck_ok(access("a/x/deep/two", F_OK));
	ck_fails(umount("a/x"), EBUSY);
	ck_ok(umount("a/x/deep"));
	ck_fails(access("b/x/deep/two", F_OK), ENOENT);
	fd = ck_ok(open("b/x/one", O_RDONLY));
	ck_fails(umount("a/x"), EBUSY);		/* the copy is in use */
	close(fd);
	ck_ok(umount("b/x"));
	ck_fails(access("a/x/one", F_OK), ENOENT);
	ck_ok(mount("a/x", "c", NULL, MS_BIND, NULL));	/* a bind of a part joins, and sees what is below it */
	ck_ok(mkdir("a/x/in", 0755));
	tmpfs("a/x/in", 0, "");
	touch("a/x/in/f");
	ck_ok(access("c/in/f", F_OK));
	tmpfs("a/y", 0, "");
	touch("a/y/f");
	ck_ok(access("b/y/f", F_OK));
	ck_ok(umount("c/in"));
	ck_fails(access("b/x/in/f", F_OK), ENOENT);
	ck_ok(umount2("a/y", MNT_DETACH));
	ck_fails(access("b/y/f", F_OK), ENOENT);
}
END_TEST

START_TEST(private_ones_are_left_alone)
{
	shared_pair();
	change("b", MS_PRIVATE);
	tmpfs("a/x", 0, "");
	touch("a/x/one");
	ck_fails(access("b/x/one", F_OK), ENOENT);
	tmpfs("b/y", 0, "");
	touch("b/y/two");
	ck_fails(access("a/y/two", F_OK), ENOENT);
	change("b", MS_UNBINDABLE);
	ck_fails(mount("b", "c", NULL, MS_BIND, NULL), EINVAL);
	ck_fails(mount(NULL, "c", NULL, MS_SHARED, NULL), EINVAL);
	ck_fails(mount(NULL, "b", NULL, MS_SHARED | MS_PRIVATE, NULL), EINVAL);
	change("b", MS_SHARED);
	ck_ok(mount("b", "c", NULL, MS_BIND, NULL));
}
END_TEST

START_TEST(slaves_only_receive)
{
	shared_pair();
	change("b", MS_SLAVE);
	tmpfs("a/x", 0, "");
	touch("a/x/one");
	ck_ok(access("b/x/one", F_OK));
	tmpfs("b/y", 0, "");
	touch("b/y/two");
	ck_fails(access("a/y/two", F_OK), ENOENT);
	change("b", MS_SHARED);			/* a slave that has peers of its own */
	ck_ok(mount("b", "c", NULL, MS_BIND, NULL));
	ck_ok(umount("a/x"));
	ck_fails(access("b/x/one", F_OK), ENOENT);
	tmpfs("a/x", 0, "");
	touch("a/x/three");
	ck_ok(access("b/x/three", F_OK));
	ck_ok(access("c/x/three", F_OK));
	ck_ok(mkdir("c/x/sub", 0755));
	tmpfs("c/x/sub", 0, "");
	touch("c/x/sub/f");
	ck_ok(access("b/x/sub/f", F_OK));
	ck_fails(access("a/x/sub/f", F_OK), ENOENT);
}
END_TEST

START_TEST(propagation_goes_below_what_is_there)
{
	shared_pair();
	change("b", MS_SLAVE);
	tmpfs("b/x", 0, "");
	touch("b/x/own");
	tmpfs("a/x", 0, "");
	touch("a/x/theirs");
	ck_ok(access("b/x/own", F_OK));
	ck_ok(umount("b/x"));
	ck_ok(access("b/x/theirs", F_OK));
}
END_TEST

START_TEST(trees_bound_and_moved_into_shared_ones)
{
	shared_pair();
	tmpfs("c", 0, "");
	ck_ok(mkdir("c/d", 0755));
	tmpfs("c/d", 0, "");
	touch("c/d/f");
	ck_ok(mount("c", "a/x", NULL, MS_BIND | MS_REC, NULL));
	ck_ok(access("b/x/d/f", F_OK));
	ck_ok(umount2("a/x", MNT_DETACH));
	ck_fails(access("b/x/d/f", F_OK), ENOENT);
	ck_ok(mount("c", "b/y", NULL, MS_MOVE, NULL));
	ck_ok(access("a/y/d/f", F_OK));
	ck_fails(mount("a/y", "c", NULL, MS_MOVE, NULL), EINVAL);	/* its parent is shared */
}
END_TEST

/* Someone makes and removes d while we mount on it. */
START_TEST(mount_points_are_not_removed)
{
	struct stat below, st;
	pid_t pid = fork();

	if (pid == 0)
		for (;;) {
			(void)mkdir("d", 0755);
			(void)rmdir("d");
		}
	ck_ok(stat(".", &below));
	for (int i = 0, done = 0; i < 5000 && done < 100; i++) {
		if (mount("none", "d", "tmpfs", 0, "") != 0) {
			ck_assert_int_eq(errno, ENOENT);
			continue;
		}
		ck_ok(stat("d", &st));
		ck_assert(st.st_dev != below.st_dev);
		ck_fails(rmdir("d"), EBUSY);
		ck_ok(umount("d"));
		done++;
	}
	kill(pid, SIGKILL);
	ck_ok(waitpid(pid, NULL, 0));
}
END_TEST

static int
mounts_now(void)
{
	FILE *f = fopen("/proc/mounts", "r");
	int n = 0, c;

	ck_assert(f != NULL);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static void
set_limit(int n)
{
	FILE *f = fopen("/proc/sys/fs/mount-max", "w");

	ck_assert(f != NULL);
	ck_assert(fprintf(f, "%d\n", n) > 0);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(there_is_a_limit_to_mounts)
{
	int n;

	tmpfs("a", 0, "");
	ck_ok(mount(NULL, "a", NULL, MS_SHARED, NULL));
	ck_ok(mount("a", "b", NULL, MS_BIND, NULL));
	ck_ok(mkdir("a/in", 0755));
	tmpfs("c", 0, "");
	ck_ok(mkdir("c/1", 0755));
	ck_ok(mkdir("c/2", 0755));
	tmpfs("c/1", 0, "");
	tmpfs("c/2", 0, "");
	n = mounts_now();
	set_limit(n + 5);				/* three, in two peers, are one too many */
	ck_fails(mount("c", "a/in", NULL, MS_BIND | MS_REC, NULL), ENOSPC);
	ck_assert_int_eq(mounts_now(), n);
	set_limit(n + 6);
	ck_ok(mount("c", "a/in", NULL, MS_BIND | MS_REC, NULL));
	ck_assert_int_eq(mounts_now(), n + 6);
	ck_fails(mount("none", "f", "tmpfs", 0, ""), ENOTDIR);
	ck_fails(mount("none", "c/1", "tmpfs", 0, ""), ENOSPC);
	ck_fails(mount("f", "f", NULL, MS_BIND, NULL), ENOSPC);
	ck_ok(umount2("a/in", MNT_DETACH));
	ck_assert_int_eq(mounts_now(), n);
	ck_ok(mount("f", "f", NULL, MS_BIND, NULL));
	ck_ok(umount("f"));
	set_limit(100000);
	ck_ok(umount2("c", MNT_DETACH));
}
END_TEST

START_TEST(the_table_tells)
{
	char line[300];
	int found = 0;
	FILE *f;

	ck_ok(mkdir("with space", 0755));
	ck_ok(mount("my dev", "with space", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=755"));
	f = fopen("/proc/mounts", "r");
	ck_assert(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "my\\040dev " D "/with\\040space tmpfs rw,nosuid,nodev,noexec,relatime,size=64k,", 80) == 0 &&
		    strstr(line, "mode=755") != NULL)
			found++;
	fclose(f);
	ck_ok(umount("with space"));
	ck_assert_int_eq(found, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_mount");
	TCase *t = tcase_create("mounts");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_unchecked_fixture(t, NULL, teardown);
	tcase_add_test(t, mount_covers_and_umount_uncovers);
	tcase_add_test(t, mounts_stack);
	tcase_add_test(t, bad_requests);
	tcase_add_test(t, a_used_mount_is_busy);
	tcase_add_test(t, limits_of_tmpfs);
	tcase_add_test(t, read_only);
	tcase_add_test(t, flags_are_enforced);
	tcase_add_test(t, binds);
	tcase_add_test(t, moves);
	tcase_add_test(t, a_new_root);
	tcase_add_test(t, pivoting);
	tcase_add_test(t, peers_see_each_others_mounts);
	tcase_add_test(t, private_ones_are_left_alone);
	tcase_add_test(t, slaves_only_receive);
	tcase_add_test(t, propagation_goes_below_what_is_there);
	tcase_add_test(t, trees_bound_and_moved_into_shared_ones);
	tcase_add_test(t, mount_points_are_not_removed);
	tcase_add_test(t, there_is_a_limit_to_mounts);
	tcase_add_test(t, the_table_tells);
	suite_add_tcase(s, t);
	return guest_run(s);
}
