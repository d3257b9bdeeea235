/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large directories: 20,000 entries with an index (5,000 on the second disk), made, renamed, removed, and a large one that goes. They are links to a few files, since the
 * disks have fewer inodes. e2fsck looks at the indexes afterwards.
 */
#define _GNU_SOURCE
#include "ext2_aid.h"

#include <dirent.h>

#define ENTRIES	(_i == 0 ? 20000 : 5000)	/* blocks of 1 KiB: an index of two levels; of 4 KiB: of one */

static const char *const devices[] = { "/dev/vdb", "/dev/vdc" };

static void
name_of(char *name, int k)
{
	snprintf(name, 100, "entry %d of a directory with many, and so with %s names", k, k % 7 == 0 ? "long and rather talkative" : "such");
}

static int
entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(dirs_20000)
{
	char name[100], to[100];
	int removed = 0;

	use(devices[_i], "errors=remount-ro");
	put("source", "linked often");
	ck_ok(mkdir("twenty thousand", 0755));
	ck_ok(chdir("twenty thousand"));
	for (int k = 0; k < ENTRIES; k++) {
		name_of(name, k);
		ck_ok(link("../source", name));
	}
	ck_assert_int_eq(status("../source").st_nlink, ENTRIES + 1);
	ck_assert_int_eq(entries(), ENTRIES + 2);
	for (int k = 0; k < ENTRIES; k += 10) {
		name_of(name, k);
		snprintf(to, sizeof(to), "renamed %d", k);
		ck_ok(rename(name, to));
	}
	for (int k = 1; k < ENTRIES; k += 3) {
		if (k % 10 == 0)
			continue;
		name_of(name, k);
		ck_ok(unlink(name));
		removed++;
	}
	ck_assert_int_eq(entries(), ENTRIES + 2 - removed);
	leave();
	use(devices[_i], "errors=remount-ro");
	ck_ok(chdir("twenty thousand"));
	ck_assert_int_eq(entries(), ENTRIES + 2 - removed);
	ck_assert_int_eq(status("../source").st_nlink, ENTRIES + 1 - removed);
	for (int k = 0; k < ENTRIES; k += 7) {
		int gone = k % 3 == 1 || k % 10 == 0;

		name_of(name, k);
		ck_assert_int_eq(access(name, F_OK), gone ? -1 : 0);
		snprintf(to, sizeof(to), "renamed %d", k);
		ck_assert_int_eq(access(to, F_OK), k % 10 == 0 ? 0 : -1);
	}
	leave();
}
END_TEST

/* All of it is emptied and goes: its blocks, too. */
START_TEST(dirs_large_one_goes)
{
	struct statfs before;
	char name[100];

	use(devices[_i], "errors=remount-ro");
	put("source", "linked often");
	sync();
	before = space();
	ck_ok(mkdir("gone", 0755));
	ck_ok(chdir("gone"));
	for (int k = 0; k < 4000; k++) {
		name_of(name, k);
		ck_ok(link("../source", name));
	}
	ck_assert_int_gt(status(".").st_size, 200000);
	for (int k = 0; k < 4000; k++) {
		name_of(name, k);
		ck_ok(unlink(name));
	}
	ck_assert_int_eq(entries(), 2);
	ck_ok(chdir(".."));
	ck_ok(rmdir("gone"));
	sync();
	ck_assert_uint_eq(space().f_bfree, before.f_bfree);
	ck_assert_uint_eq(space().f_ffree, before.f_ffree);
	leave();
}
END_TEST

/* Names of one directory come and go while it is read. */
START_TEST(dirs_read_beside_removal)
{
	char name[100];
	struct dirent *e;
	int n = 0;
	DIR *d;

	use(devices[_i], "errors=remount-ro");
	ck_ok(mkdir("reading", 0755));
	ck_ok(chdir("reading"));
	for (int k = 0; k < 2000; k++) {
		name_of(name, k);
		ck_ok(symlink("x", name));
	}
	d = opendir(".");
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		ck_assert_int_eq(e->d_type, DT_LNK);
		ck_ok(unlink(e->d_name));
		n++;
	}
	closedir(d);
	ck_assert_int_eq(n, 2000);
	ck_assert_int_eq(entries(), 2);
	ck_ok(chdir(".."));
	ck_ok(rmdir("reading"));
	leave();
}
END_TEST

/* Where the copy has the inode. */
static long
inode_at(uint32_t ino)
{
	uint32_t per_group = peek(COPY, 1024 + 40, 4), size = peek(COPY, 1024 + 88, 2);

	return peek(COPY, 2048 + (ino - 1) / per_group * 32 + 8, 4) * 1024L + (long)((ino - 1) % per_group) * size;
}

/* A directory with one block that says it is 32 MiB long. Holes are passed, and filled by what is made. */
START_TEST(dirs_of_holes)
{
	uint32_t ino;
	int n = 0;
	DIR *d;

	copy_disk(_i == 0 ? "/dev/vdj" : "/dev/vdk");
	ck_ok(mount_copy("ext4", 0, NULL));
	ck_ok(chdir(AT));
	ck_ok(mkdir("holes", 0755));
	put("holes/first", "");
	ino = status("holes").st_ino;
	leave();
	poke(COPY, inode_at(ino) + 4, 4, 32 << 20);
	ck_ok(mount_copy("ext4", 0, "errors=remount-ro"));
	ck_ok(chdir(AT));
	ck_ok(access("holes/first", F_OK));
	ck_fails(access("holes/none", F_OK), ENOENT);
	d = opendir("holes");
	errno = 0;
	while (readdir(d) != NULL)
		n++;
	ck_assert_int_eq(errno, 0);
	ck_assert_int_eq(n, 3);
	closedir(d);
	ck_fails(rmdir("holes"), ENOTEMPTY);
	for (int k = 0; k < 12; k++) {
		char name[250];

		snprintf(name, sizeof(name), "holes/%0200d", k);
		ck_ok(mkdir(name, 0700));
		if (k > 8)
			ck_ok(rmdir(name));
	}
	ck_assert_int_eq(status("holes").st_blocks, 3 * 2);
	ck_assert_int_eq(status("holes").st_size, 32 << 20);
	for (int k = 0; k < 9; k++) {
		char name[250];

		snprintf(name, sizeof(name), "holes/%0200d", k);
		ck_ok(rmdir(name));
	}
	ck_ok(unlink("holes/first"));
	ck_ok(rmdir("holes"));
	leave();
	ck_assert_uint_eq(peek(COPY, SB_STATE, 2) & 2, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ext2_dirs");
	TCase *t = tcase_create("large");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, dirs_20000, 0, 2);
	tcase_add_loop_test(t, dirs_large_one_goes, 0, 2);
	tcase_add_loop_test(t, dirs_read_beside_removal, 0, 2);
	tcase_add_loop_test(t, dirs_of_holes, 0, 2);
	suite_add_tcase(s, t);
	return guest_run(s);
}
