/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounting block devices: several at once, one beside its end, and what a remount changes. On run.py's vdb (ext2) and vdc (ext3). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

#define MOUNTERS	4
#define ROUNDS		15

static char at[MOUNTERS][32];

static void
setup(void)
{
	for (int i = 0; i < MOUNTERS; i++) {
		snprintf(at[i], sizeof(at[i]), "/tmp/blk_mount%d", i);
		mkdir(at[i], 0755);
	}
}

static void
teardown(void)
{
	for (int i = 0; i < MOUNTERS; i++)
		umount2(at[i], MNT_DETACH);
}

/* All children call fn(i) at once; each must return 0. */
static void
at_once(int (*fn)(int i))
{
	int *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;
	pid_t pid[MOUNTERS];

	ck_assert_ptr_ne(go, MAP_FAILED);
	for (int i = 0; i < MOUNTERS; i++) {
		pid[i] = ck_ok(fork());
		if (pid[i] == 0) {
			while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
				sched_yield();
			_exit(fn(i));
		}
	}
	__atomic_store_n(go, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < MOUNTERS; i++) {
		ck_ok(waitpid(pid[i], &status, 0));
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: %s", i, strerror(WEXITSTATUS(status)));
	}
	munmap(go, 4096);
}

static int
mount_one(int i)
{
	return mount("/dev/vdc", at[i], "ext4", 0, NULL) == 0 ? 0 : errno;
}

static int
mount_and_umount(int i)
{
	for (int n = 0; n < ROUNDS; n++) {
		if (mount_one(i) != 0)
			return errno;
		if (umount(at[i]) != 0)
			return errno;
	}
	return 0;
}

START_TEST(first_mounts_at_once_share_one_super_block)
{
	struct stat a, b;
	char path[64];

	for (int n = 0; n < ROUNDS; n++) {
		at_once(mount_one);
		snprintf(path, sizeof(path), "%s/made-%d", at[0], n);
		ck_ok(mkdir(path, 0755));
		ck_ok(stat(path, &a));
		snprintf(path, sizeof(path), "%s/made-%d", at[MOUNTERS - 1], n);
		ck_ok(stat(path, &b));
		ck_assert(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
		ck_ok(rmdir(path));
		for (int i = 0; i < MOUNTERS; i++)
			ck_ok(umount(at[i]));
	}
}
END_TEST

START_TEST(mounts_beside_umounts)
{
	at_once(mount_and_umount);
}
END_TEST

START_TEST(another_kind_or_mode_is_busy)
{
	ck_ok(mount("/dev/vdb", at[0], "ext4", 0, NULL));
	ck_fails(mount("/dev/vdb", at[1], "ext4", MS_RDONLY, NULL), EBUSY);
	ck_fails(mount("/dev/vdb", at[1], "vfat", 0, NULL), EBUSY);
	ck_fails(mount("/dev/vdb", at[0], "ext4", 0, NULL), EBUSY);
	ck_fails(open("/dev/vdb", O_RDONLY | O_EXCL), EBUSY);
	ck_ok(umount(at[0]));
	ck_fails(mount("/dev/vdb", at[0], "vfat", 0, NULL), EINVAL);
	ck_ok(mount("/dev/vdb", at[0], "ext4", MS_RDONLY, NULL));
	ck_ok(umount(at[0]));
}
END_TEST

static unsigned long
writes_done(void)
{
	unsigned long n = 0;
	FILE *f = fopen("/sys/block/vdc/stat", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*u %*u %*u %*u %lu", &n), 1);
	fclose(f);
	return n;
}

/* Has the change been committed within s seconds? */
static int
commits_within(const char *path, int s)
{
	unsigned long before;

	sync();
	before = writes_done();
	ck_ok(mkdir(path, 0755));
	for (int i = 0; i < 10 * s; i++) {
		usleep(100000);
		if (writes_done() != before)
			return 1;
	}
	return 0;
}

static int
mount_line_has(const char *word)
{
	char line[512];
	FILE *f = fopen("/proc/mounts", "r");
	int found = 0;

	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "/dev/vdc ", 9) == 0)
			found = strstr(line, word) != NULL;
	fclose(f);
	return found;
}

START_TEST(a_remount_changes_the_commit_interval)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/committed", at[0]);
	ck_ok(mount("/dev/vdc", at[0], "ext4", 0, "commit=100"));
	ck_assert(mount_line_has("commit=100"));
	ck_assert(!commits_within(path, 7));
	ck_ok(rmdir(path));
	ck_ok(mount(NULL, at[0], NULL, MS_REMOUNT, "commit=1"));
	ck_assert(mount_line_has("commit=1"));
	ck_assert(commits_within(path, 10));
	ck_ok(rmdir(path));
	ck_ok(mount(NULL, at[0], NULL, MS_REMOUNT, "commit=0"));	/* the default */
	ck_assert(!mount_line_has("commit="));
	ck_fails(mount(NULL, at[0], NULL, MS_REMOUNT, "commit=x"), EINVAL);
	ck_ok(umount(at[0]));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("blk_mount");
	TCase *t = tcase_create("mount");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, first_mounts_at_once_share_one_super_block);
	tcase_add_test(t, mounts_beside_umounts);
	tcase_add_test(t, another_kind_or_mode_is_busy);
	tcase_add_test(t, a_remount_changes_the_commit_interval);
	suite_add_tcase(s, t);
	return guest_run(s);
}
