/* SPDX-License-Identifier: BSD-2-Clause */
/* iso9660: run.py gives an ISO with Rock Ridge and Joliet (vdg, see iso.py), read here by each of its three trees. */
#define _GNU_SOURCE
#include "fat.h"

#define LONG	"a long name with spaces, of more than sixty-four characters, that Joliet has to cut down.text"
#define UNICODE	"\xc3\x9cn\xc3\xaf" "c\xc3\xb8" "d\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87"
#define DEEP	"level1/level2/level3/level4/level5/level6/level7/level8/level9/level10"

static void
open_iso(const char *options)
{
	mkdir(AT, 0755);
	umount2(AT, MNT_DETACH);
	ck_ok(mount("/dev/vdg", AT, "iso9660", MS_RDONLY, options));
	ck_ok(chdir(AT));
}

static void
check_filled(const char *path, int size, int seed)
{
	static char buf[200000];
	int fd = ck_ok(open(path, O_RDONLY));

	ck_assert_int_eq(ck_ok(read(fd, buf, sizeof(buf))), size);
	ck_assert(is_filled(buf, size, seed, 0));
	ck_assert_int_eq(pread(fd, buf, 3000, size - 2500), 2500);
	ck_assert(is_filled(buf, 2500, seed, size - 2500));
	close(fd);
}

START_TEST(rock_ridge)
{
	char link[512], want[512] = "/absolute/../with//parts/";
	struct stat s, t;

	open_iso(NULL);
	ck_assert(is_listed(".", LONG));
	ck_assert(is_listed(".", UNICODE));
	check_text(LONG, "long");
	check_text(UNICODE, "unicode");
	check_text("x.y.z", "dots");
	check_text("empty", "");
	check_text(DEEP "/bottom", "deep down");
	ck_fails(access("upper.txt", F_OK), ENOENT);
	check_filled("big.bin", 100001, 1);
	check_filled("second name", 100001, 1);
	ck_ok(stat("big.bin", &s));
	ck_assert_uint_eq(s.st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(s.st_nlink, 2);
	ck_ok(stat("UPPER.TXT", &s));
	ck_assert_uint_eq(s.st_mode, S_IFREG | 04755);
	ck_ok(lstat("link", &s));
	ck_assert(S_ISLNK(s.st_mode));
	ck_assert_int_eq(s.st_size, 7);
	check_filled("link", 100001, 1);
	for (int i = 0; i < 12; i++)
		strcat(want, "very-long-component-");
	strcat(want, "/end");
	link[ck_ok(readlink("long link", link, sizeof(link) - 1))] = '\0';
	ck_assert_str_eq(link, want);
	ck_ok(stat("level1/level2/..", &t));
	ck_ok(stat("level1", &s));
	ck_assert_uint_eq(s.st_ino, t.st_ino);
	leave();
}
END_TEST

START_TEST(many_files)
{
	char name[32], text[16];
	struct dirent *e;
	long at = 0;
	int n = 0;
	DIR *d;

	open_iso(NULL);
	ck_assert_int_eq(count_entries("many"), 200);
	for (int i = 0; i < 200; i += 7) {
		snprintf(name, sizeof(name), "many/file number %d", i);
		snprintf(text, sizeof(text), "%d", i);
		check_text(name, text);
	}
	d = opendir("many");
	for (; (e = readdir(d)) != NULL; n++)
		if (n == 100)
			at = telldir(d);
	seekdir(d, at);
	for (n = 0; readdir(d) != NULL; n++)
		;
	ck_assert_int_eq(n, 101);
	closedir(d);
	leave();
}
END_TEST

START_TEST(several_sections)
{
	struct stat s;

	open_iso(_i == 0 ? NULL : "norock");
	ck_assert_int_eq(count_entries("sections"), 3);
	ck_assert(is_listed("sections", "z"));
	check_text("sections/a", "first");
	check_text("sections/z", "last");
	ck_ok(stat("sections/multi", &s));
	ck_assert_int_eq(s.st_size, 4096);
	check_filled("sections/multi", 4096, 2);
	leave();
}
END_TEST

START_TEST(joliet)
{
	struct stat s;

	open_iso("norock");
	ck_assert(is_listed(".", UNICODE));
	check_text(UNICODE, "unicode");
	check_text("UPPER.TXT", "upper");
	check_text("upper.txt", "upper");	/* case doesn't count here */
	check_text(LONG, "long");
	check_filled("BIG.bin", 100001, 1);
	ck_ok(stat("big.bin", &s));
	ck_assert_uint_eq(s.st_mode, S_IFREG | 0555);
	ck_assert_uint_eq(s.st_uid, 0);
	leave();
	open_iso("norock,check=strict");
	ck_fails(access("upper.txt", F_OK), ENOENT);
	check_text("UPPER.TXT", "upper");
	leave();
	open_iso("norock,uid=12,gid=34,mode=0440,dmode=0550");
	ck_ok(stat("big.bin", &s));
	ck_assert_uint_eq(s.st_mode, S_IFREG | 0440);
	ck_assert_uint_eq(s.st_uid, 12);
	ck_assert_uint_eq(s.st_gid, 34);
	ck_ok(stat("many", &s));
	ck_assert_uint_eq(s.st_mode, S_IFDIR | 0550);
	leave();
}
END_TEST

START_TEST(plain_names)
{
	open_iso("norock,nojoliet");
	check_text("upper.txt", "upper");
	ck_fails(access("UPPER.TXT", F_OK), ENOENT);
	check_filled("big.bin", 100001, 1);
	leave();
	open_iso("norock,nojoliet,map=off");
	check_text("UPPER.TXT;1", "upper");
	ck_fails(access("upper.txt", F_OK), ENOENT);
	leave();
	open_iso("norock,nojoliet,check=relaxed");
	check_text("Upper.txt", "upper");
	leave();
}
END_TEST

START_TEST(read_only)
{
	struct statfs st;

	open_iso(NULL);
	ck_fails(open("new", O_CREAT | O_RDWR, 0644), EROFS);
	ck_fails(open("big.bin", O_RDWR), EROFS);
	ck_fails(mkdir("new", 0755), EROFS);
	ck_fails(unlink("big.bin"), EROFS);
	ck_fails(chmod("big.bin", 0600), EROFS);
	ck_fails(truncate("big.bin", 0), EROFS);
	ck_fails(mount(NULL, AT, NULL, MS_REMOUNT, NULL), EROFS);
	ck_ok(statfs(".", &st));
	ck_assert_uint_eq(st.f_type, 0x9660);
	ck_assert_int_eq(st.f_bsize, 2048);
	ck_assert_int_eq(st.f_bfree, 0);
	ck_assert_int_gt(st.f_blocks, 100);
	leave();
	ck_fails(mount("/dev/vdg", AT, "iso9660", MS_RDONLY, "nonsense"), EINVAL);
	ck_fails(mount("/dev/vdg", AT, "iso9660", MS_RDONLY, "block=700"), EINVAL);
	ck_fails(mount("/dev/vdb", AT, "iso9660", MS_RDONLY, NULL), EINVAL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fs_iso");
	TCase *t = tcase_create("iso9660");

	umask(022);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, leave);
	tcase_add_test(t, rock_ridge);
	tcase_add_test(t, many_files);
	tcase_add_loop_test(t, several_sections, 0, 2);
	tcase_add_test(t, joliet);
	tcase_add_test(t, plain_names);
	tcase_add_test(t, read_only);
	suite_add_tcase(s, t);
	return guest_run(s);
}
