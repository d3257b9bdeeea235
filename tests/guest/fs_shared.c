/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared, slave and private mounts. mount_namespaces(7), mount(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "guest.h"

/* /tmp/s is a tmpfs of its own with directories a and b; c1 and c2 are binds of it. */
static void
set_up(void)
{
	mkdir("/tmp/s", 0755);
	ck_ok(mount("s", "/tmp/s", "tmpfs", 0, NULL));
	ck_ok(mount(NULL, "/tmp/s", NULL, MS_PRIVATE, NULL));
	for (const char *const *d = (const char *const[]){ "/tmp/s/a", "/tmp/s/a/x", "/tmp/s/b", "/tmp/s/c", NULL }; *d; d++)
		ck_ok(mkdir(*d, 0755));
}

static void
tear_down(void)
{
	while (umount2("/tmp/s", MNT_DETACH) == 0)
		;
}

static int is_there(const char *path) { return access(path, F_OK) == 0; }
static void make(const char *path) { close((int)ck_ok(open(path, O_CREAT | O_WRONLY, 0600))); }

START_TEST(peers_share_mounts_and_umounts)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	make("/tmp/s/a/x/f");
	ck_assert(is_there("/tmp/s/b/x/f"));
	ck_ok(umount("/tmp/s/b/x"));
	ck_assert(!is_there("/tmp/s/a/x/f"));
	ck_assert(!is_there("/tmp/s/b/x/f"));
	ck_fails(umount("/tmp/s/a/x"), EINVAL);
}
END_TEST

START_TEST(slaves_get_and_do_not_give)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/b", NULL, MS_SLAVE, NULL));
	ck_ok(mount("t", "/tmp/s/b/x", "tmpfs", 0, NULL));
	make("/tmp/s/b/x/f");
	ck_assert(!is_there("/tmp/s/a/x/f"));
	ck_ok(umount("/tmp/s/b/x"));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	make("/tmp/s/a/x/g");
	ck_assert(is_there("/tmp/s/b/x/g"));
}
END_TEST

START_TEST(private_mounts_keep_to_themselves)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/b", NULL, MS_PRIVATE, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	make("/tmp/s/a/x/f");
	ck_assert(!is_there("/tmp/s/b/x/f"));
}
END_TEST

START_TEST(a_copy_in_use_holds_the_umount_up)
{
	int fd;

	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	fd = (int)ck_ok(open("/tmp/s/b/x", O_RDONLY | O_DIRECTORY));
	ck_fails(umount("/tmp/s/a/x"), EBUSY);
	close(fd);
	ck_ok(umount("/tmp/s/a/x"));
}
END_TEST

START_TEST(what_stands_in_a_shared_mount_is_not_moved)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	ck_fails(mount("/tmp/s/a/x", "/tmp/s/c", NULL, MS_MOVE, NULL), EINVAL);
}
END_TEST

START_TEST(recursive_binds_arrive_whole)
{
	ck_ok(mkdir("/tmp/s/c/y", 0755));
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount("t", "/tmp/s/c", "tmpfs", 0, NULL));
	ck_ok(mkdir("/tmp/s/c/y", 0755));
	ck_ok(mount("u", "/tmp/s/c/y", "tmpfs", 0, NULL));
	make("/tmp/s/c/y/deep");
	ck_ok(mount("/tmp/s/c", "/tmp/s/a/x", NULL, MS_BIND | MS_REC, NULL));
	ck_assert(is_there("/tmp/s/a/x/y/deep"));
	ck_assert(is_there("/tmp/s/b/x/y/deep"));
}
END_TEST

/* a is shared, b gets what happens there, a/x holds a mount whose copy in b/x is private. */
static void
set_up_copy(void)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	ck_ok(mkdir("/tmp/s/a/x/sub", 0755));
	make("/tmp/s/a/x/f");
	ck_ok(mount(NULL, "/tmp/s/b/x", NULL, MS_PRIVATE, NULL));
}

START_TEST(what_covers_a_copy_outlives_it)
{
	for (int flags = 0; flags <= MNT_DETACH; flags += MNT_DETACH) {
		set_up_copy();
		ck_ok(mount("u", "/tmp/s/b/x", "tmpfs", 0, NULL));
		make("/tmp/s/b/x/top");
		ck_ok(umount2("/tmp/s/a/x", flags));
		ck_assert(!is_there("/tmp/s/a/x/f"));
		ck_assert(is_there("/tmp/s/b/x/top"));
		ck_ok(umount("/tmp/s/b/x"));
		ck_assert(!is_there("/tmp/s/b/x/f"));	/* the copy below it is gone */
		ck_fails(umount("/tmp/s/b/x"), EINVAL);
		ck_ok(umount("/tmp/s/b"));
		ck_ok(umount("/tmp/s/a"));
	}
}
END_TEST

START_TEST(copies_with_mounts_of_their_own_stay)
{
	for (int flags = 0; flags <= MNT_DETACH; flags += MNT_DETACH) {
		set_up_copy();
		ck_ok(mount("u", "/tmp/s/b/x/sub", "tmpfs", 0, NULL));
		make("/tmp/s/b/x/sub/own");
		ck_ok(umount2("/tmp/s/a/x", flags));
		ck_assert(!is_there("/tmp/s/a/x/f"));
		ck_assert(is_there("/tmp/s/b/x/f"));
		ck_assert(is_there("/tmp/s/b/x/sub/own"));
		ck_ok(umount2("/tmp/s/b", MNT_DETACH));
		ck_ok(umount("/tmp/s/a"));
	}
}
END_TEST

START_TEST(whole_trees_leave_together)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	ck_ok(mkdir("/tmp/s/a/x/y", 0755));
	ck_ok(mount("u", "/tmp/s/a/x/y", "tmpfs", 0, NULL));
	make("/tmp/s/a/x/y/deep");
	ck_assert(is_there("/tmp/s/b/x/y/deep"));
	ck_ok(umount2("/tmp/s/b/x", MNT_DETACH));
	ck_fails(umount("/tmp/s/a/x/y"), ENOENT);
	ck_fails(umount("/tmp/s/a/x"), EINVAL);
	ck_fails(umount("/tmp/s/b/x"), EINVAL);
}
END_TEST

START_TEST(umounts_reach_what_a_slave_put_there)
{
	ck_ok(mount("/tmp/s/a", "/tmp/s/a", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/a", NULL, MS_SHARED, NULL));
	ck_ok(mount("/tmp/s/a", "/tmp/s/b", NULL, MS_BIND, NULL));
	ck_ok(mount(NULL, "/tmp/s/b", NULL, MS_SLAVE, NULL));
	ck_ok(mount("t", "/tmp/s/a/x", "tmpfs", 0, NULL));
	ck_ok(umount("/tmp/s/b/x"));
	ck_ok(mount("own", "/tmp/s/b/x", "tmpfs", 0, NULL));
	make("/tmp/s/b/x/own");
	ck_ok(umount("/tmp/s/a/x"));
	ck_assert(!is_there("/tmp/s/b/x/own"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_shared");
	TCase *t = tcase_create("core");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, peers_share_mounts_and_umounts);
	tcase_add_test(t, slaves_get_and_do_not_give);
	tcase_add_test(t, private_mounts_keep_to_themselves);
	tcase_add_test(t, a_copy_in_use_holds_the_umount_up);
	tcase_add_test(t, what_stands_in_a_shared_mount_is_not_moved);
	tcase_add_test(t, recursive_binds_arrive_whole);
	tcase_add_test(t, what_covers_a_copy_outlives_it);
	tcase_add_test(t, copies_with_mounts_of_their_own_stay);
	tcase_add_test(t, whole_trees_leave_together);
	tcase_add_test(t, umounts_reach_what_a_slave_put_there);
	suite_add_tcase(s, t);
	return guest_run(s);
}
