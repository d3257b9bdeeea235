/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT: run.py gives a FAT12 (vdd), a FAT16 (vde) and a FAT32 (vdf), and has all checked by fsck.fat afterwards. Each test runs on all three.
 * Names and directories here; contents of files in fs_fat_data.c.
 */
#define _GNU_SOURCE
#include "fat.h"

#ifndef RENAME_EXCHANGE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

static long
rename2(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void
repeat(char *out, const char *what, int n)
{
	for (*out = '\0'; n > 0; n--)
		strcat(out, what);
}

/* --- names --- */

START_TEST(long_names)
{
	static const struct { const char *part; int n; } names[] = {
		{ "a", 1 }, { "b", 8 }, { "C", 8 }, { "d", 9 }, { "e", 13 }, { "f", 14 }, { "g", 26 }, { "h", 27 }, { "i", 254 }, { "j", 255 },
		{ "\xc3\xa4", 100 }, { "\xc3\xb6", 255 }, { "\xe4\xb8\xad", 85 }, { "\xe4\xb8\xad", 255 }, { "\xf0\x9f\x98\x80", 60 },
		{ "\xf0\x9f\x98\x80", 127 },
	};
	char name[1100];

	begin(_i, "long_names");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		repeat(name, names[i].part, names[i].n);
		put(name, "text");
	}
	again(_i, "long_names");
	ck_assert_int_eq(count_entries("."), ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		repeat(name, names[i].part, names[i].n);
		ck_assert(is_listed(".", name));
		check_text(name, "text");
	}
	repeat(name, "k", 256);
	ck_fails(open(name, O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
	ck_fails(access(name, F_OK), ENOENT);
	repeat(name, "\xf0\x9f\x98\x80", 128);
	ck_fails(open(name, O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		repeat(name, names[i].part, names[i].n);
		ck_ok(unlink(name));
	}
	ck_assert_int_eq(count_entries("."), 0);
	done("long_names");
}
END_TEST

START_TEST(case_of_names)
{
	begin(_i, "case");
	ck_fails(access("readme.TXT", F_OK), ENOENT);
	put("ReadMe.txt", "1");
	check_text("README.TXT", "1");
	check_text("readme.txt", "1");
	ck_fails(open("README.txt", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	ck_assert(is_listed(".", "ReadMe.txt"));
	ck_assert_int_eq(count_entries("."), 1);
	ck_fails(mkdir("README.TXT", 0755), EEXIST);
	put("lower.txt", "2");
	put("UPPER.TXT", "3");
	put("MiXeD", "4");
	put("low.EXT", "5");
	again(_i, "case");
	ck_assert(is_listed(".", "ReadMe.txt"));
	ck_assert(is_listed(".", "lower.txt"));
	ck_assert(is_listed(".", "UPPER.TXT"));
	ck_assert(is_listed(".", "MiXeD"));
	ck_assert(is_listed(".", "low.EXT"));
	ck_ok(unlink("LOWER.TXT"));
	ck_fails(access("lower.txt", F_OK), ENOENT);
	put("LoWeR.txt", "6");
	ck_assert(is_listed(".", "LoWeR.txt"));
	put("\xc3\x84rger", "7");
	ck_fails(access("\xc3\xa4rger", F_OK), ENOENT);	/* only ASCII letters have two cases */
	check_text("\xc3\x84RGER", "7");
	done("case");
}
END_TEST

START_TEST(rename_of_case)
{
	begin(_i, "recase");
	put("name.txt", "1");
	ck_ok(rename("name.txt", "NAME.txt"));
	check_text("name.txt", "1");
	ck_assert_int_eq(count_entries("."), 1);
	ck_ok(rename("name.txt", "other"));
	ck_ok(rename("other", "NAME.txt"));
	ck_assert(is_listed(".", "NAME.txt"));
	put("target.TXT", "2");
	ck_ok(rename("NAME.txt", "TARGET.txt"));
	again(_i, "recase");
	ck_assert_int_eq(count_entries("."), 1);
	check_text("target.txt", "1");
	done("recase");
}
END_TEST

START_TEST(odd_names)
{
	static const char *const good[] = {
		" leading", ".hidden", "..two", "a b  c", "+,;=[]", "x.y.z", "a.very.long.extension", "nul", "CON.txt", "~", "a~1", "#%&'()-@^_`{}!$",
		"\x7f", "\xc3\xa9t\xc3\xa9", "\xe2\x82\xac", "5\xc3\xa5", "\xcf\x83", ".a.b", "noext.",
	};
	static const char *const bad[] = { "a*b", "a?b", "a<b", "a>b", "a|b", "a\"b", "a:b", "a\\b", "a\tb", "\x01", "trailing ", "t. ", " " };
	char name[64];

	begin(_i, "odd_names");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		put(good[i], good[i]);
		check_text(good[i], good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_fails(open(bad[i], O_CREAT | O_RDWR, 0644), EINVAL);
		ck_fails(mkdir(bad[i], 0755), EINVAL);
		ck_fails(access(bad[i], F_OK), ENOENT);
		ck_fails(rename("nul", bad[i]), EINVAL);
	}
	ck_fails(open("\xff\xfe", O_CREAT | O_RDWR, 0644), EINVAL);
	ck_fails(open("\xed\xa0\x80", O_CREAT | O_RDWR, 0644), EINVAL);
	ck_fails(open("...", O_CREAT | O_RDWR, 0644), ENOENT);
	ck_fails(mkdir("....", 0755), ENOENT);
	ck_fails(access("...", F_OK), ENOENT);
	again(_i, "odd_names");
	ck_assert_int_eq(count_entries("."), ARRAY_SIZE(good));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		check_text(good[i], good[i]);
		snprintf(name, sizeof(name), "%s..", good[i]);	/* dots at the end don't count */
		check_text(name, good[i]);
		if (good[i][strlen(good[i]) - 1] != '.')
			ck_assert_msg(is_listed(".", good[i]), "%s", good[i]);
	}
	ck_assert(is_listed(".", "noext"));
	ck_fails(open("nul...", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	done("odd_names");
}
END_TEST

START_TEST(short_aliases)
{
	char name[64], alias[16];

	begin(_i, "alias");
	ck_fails(access("ALONGN~1.TXT", F_OK), ENOENT);
	put("a long name.text", "long");
	check_text("ALONGN~1.TEX", "long");
	put("a long name.txt", "txt");
	check_text("alongn~1.txt", "txt");
	put("a.b.c", "dots");
	check_text("AB~1.C", "dots");
	put("x+y", "plus");
	check_text("X_Y~1", "plus");
	for (int i = 1; i <= 20; i++) {
		snprintf(name, sizeof(name), "many of them %d", i);
		put(name, name);
	}
	again(_i, "alias");
	ck_assert_int_eq(count_entries("."), 24);
	for (int i = 1; i <= 20; i++) {
		snprintf(name, sizeof(name), "many of them %d", i);
		check_text(name, name);
		if (i <= 4) {
			snprintf(alias, sizeof(alias), "MANYOF~%d", i);
			check_text(alias, name);
		}
	}
	ck_ok(unlink("MANYOF~1"));
	ck_fails(access("many of them 1", F_OK), ENOENT);
	ck_ok(rename("MANYOF~2", "short"));
	check_text("short", "many of them 2");
	ck_fails(access("many of them 2", F_OK), ENOENT);
	ck_fails(access("MANYOF~2", F_OK), ENOENT);
	done("alias");
}
END_TEST

/* --- directories --- */

START_TEST(directories_grow)
{
	char name[128];
	struct stat s;

	begin(_i, "grow");
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "a file whose name takes some entries of the directory, number %d", i);
		put(name, i % 7 == 0 ? name : "");
	}
	for (int i = 0; i < 400; i += 3) {
		snprintf(name, sizeof(name), "A FILE WHOSE NAME TAKES SOME ENTRIES OF THE DIRECTORY, NUMBER %d", i);
		ck_ok(unlink(name));
	}
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put(name, name);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "another, quite long, that needs more than what became free %d", i);
		put(name, name);
	}
	again(_i, "grow");
	ck_assert_int_eq(count_entries("."), 400 - 134 + 300);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "a file whose name takes some entries of the directory, number %d", i);
		if (i % 3 == 0)
			ck_fails(access(name, F_OK), ENOENT);
		else
			check_text(name, i % 7 == 0 ? name : "");
	}
	ck_ok(stat(".", &s));
	ck_assert_int_gt(s.st_size, 400 * 32);
	ck_assert_int_eq(s.st_nlink, 2);
	done("grow");
}
END_TEST

START_TEST(removed_while_read)
{
	struct dirent *e;
	char name[64];
	int n = 0;
	long at;
	DIR *d;

	begin(_i, "reading");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "name with more than one entry %d", i);
		put(name, "");
	}
	d = opendir(".");
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		ck_ok(unlink(e->d_name));
	}
	ck_assert_int_eq(n, 100);
	rewinddir(d);
	for (n = 0; readdir(d) != NULL; n++)
		;
	ck_assert_int_eq(n, 2);
	put("one two three four five six", "");
	put("six seven eight nine ten eleven", "");
	rewinddir(d);
	ck_assert_ptr_nonnull(readdir(d));
	ck_assert_ptr_nonnull(readdir(d));
	ck_assert_str_eq(readdir(d)->d_name, "one two three four five six");
	at = telldir(d);
	ck_assert_str_eq(readdir(d)->d_name, "six seven eight nine ten eleven");
	ck_assert_ptr_null(readdir(d));
	seekdir(d, at);
	ck_assert_str_eq(readdir(d)->d_name, "six seven eight nine ten eleven");
	closedir(d);
	done("reading");
}
END_TEST

START_TEST(root_of_fixed_size)
{
	char name[64];
	int n = 0, fd, more = 0;

	begin(_i, "fixed");
	ck_ok(chdir(AT));
	while (n < 600) {
		snprintf(name, sizeof(name), "fill%d", n);
		fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);
		if (fd < 0)
			break;
		close(fd);
		n++;
	}
	if (_i == FAT32) {
		ck_assert_int_eq(n, 600);
	} else {
		ck_assert_int_eq(errno, ENOSPC);
		ck_assert_int_gt(n, 200);
		ck_fails(mkdir("dir", 0755), ENOSPC);
		ck_ok(unlink("fill7"));
		ck_fails(open("this one needs two", O_CREAT | O_RDWR, 0644), ENOSPC);
		put("ONE", "1");
		ck_fails(rename("fill8", "a longer name"), ENOSPC);
		ck_ok(access("fill8", F_OK));
	}
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "fill%d", i);
		more += unlink(name) != 0;
	}
	ck_assert_int_eq(more, _i == FAT32 ? 0 : 1);
	unlink("ONE");
	put("this one needs two", "2");
	ck_ok(unlink("this one needs two"));
	done("fixed");
}
END_TEST

START_TEST(links_and_modes)
{
	struct stat s;
	int dir, fd;

	begin(_i, "modes");
	put("f", "x");
	ck_ok(mkdir("d", 0700));
	ck_ok(stat("f", &s));
	ck_assert_uint_eq(s.st_mode, S_IFREG | 0755);
	ck_assert_uint_eq(s.st_nlink, 1);
	ck_ok(stat("d", &s));
	ck_assert_uint_eq(s.st_mode, S_IFDIR | 0755);
	ck_assert_uint_eq(s.st_nlink, 2);
	ck_ok(mkdir("d/e", 0700));
	ck_ok(stat("d", &s));
	ck_assert_uint_eq(s.st_nlink, 3);
	ck_fails(link("f", "g"), EPERM);
	ck_fails(symlink("f", "g"), EPERM);
	ck_fails(mkfifo("g", 0644), EPERM);
	ck_fails(mknod("g", S_IFCHR | 0644, 0x103), EPERM);
	ck_ok(mknod("g", S_IFREG | 0644, 0));
	ck_ok(unlink("g"));
	ck_fails(chown("f", 1, 1), EPERM);
	ck_ok(chown("f", 0, 0));
	ck_fails(chmod("f", 04755), EPERM);
	ck_ok(chmod("f", 0600));
	ck_ok(stat("f", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0755);
	ck_ok(chmod("f", 0555));
	ck_ok(chmod("d", 0555));
	ck_ok(stat("f", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0555);
	again(_i, "modes");
	ck_ok(stat("f", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0555);
	ck_ok(stat("d", &s));
	ck_assert_uint_eq(s.st_mode & 07777, 0755);
	ck_ok(chmod("f", 0755));
	dir = ck_ok(open("d/e", O_RDONLY | O_DIRECTORY));
	ck_fails(rmdir("d"), ENOTEMPTY);
	ck_fails(unlink("d"), EISDIR);
	ck_fails(rmdir("f"), ENOTDIR);
	ck_ok(rmdir("d/e"));
	ck_fails(openat(dir, "x", O_CREAT | O_RDWR, 0644), ENOENT);
	ck_fails(mkdirat(dir, "x", 0755), ENOENT);
	ck_ok(fstat(dir, &s));
	ck_assert_uint_eq(s.st_nlink, 0);
	close(dir);
	ck_ok(mkdir("d/e", 0755));
	fd = ck_ok(open("d/e/f", O_CREAT | O_RDWR, 0644));
	close(fd);
	done("modes");
}
END_TEST

START_TEST(renames)
{
	struct stat a, b;
	int fd;

	begin(_i, "renames");
	ck_ok(mkdir("d1", 0755));
	ck_ok(mkdir("d2", 0755));
	ck_ok(mkdir("d1/sub with a long name", 0755));
	put("d1/sub with a long name/f", "deep");
	put("f1", "one");
	put("f2", "two");
	fd = ck_ok(open("f2", O_RDWR));
	ck_ok(rename("f1", "f2"));
	check_text("f2", "one");
	ck_assert_int_eq(pwrite(fd, "TWO", 3, 0), 3);
	ck_ok(fstat(fd, &a));
	ck_assert_uint_eq(a.st_nlink, 0);
	close(fd);
	check_text("f2", "one");
	ck_fails(rename("f1", "f3"), ENOENT);
	ck_ok(rename("d1/sub with a long name", "d2/sub"));
	ck_ok(stat("d1", &a));
	ck_ok(stat("d2", &b));
	ck_assert_uint_eq(a.st_nlink, 2);
	ck_assert_uint_eq(b.st_nlink, 3);
	ck_ok(stat("d2/sub/..", &a));
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_fails(rename("d2", "d2/sub/x"), EINVAL);
	ck_fails(rename("f2", "d1"), EISDIR);
	ck_fails(rename("d1", "f2"), ENOTDIR);
	ck_fails(rename("d1", "d2"), ENOTEMPTY);
	ck_fails(rename2("f2", "d1", RENAME_NOREPLACE), EEXIST);
	ck_ok(rename2("f2", "d1/a name of more than thirteen", RENAME_NOREPLACE));
	check_text("d1/A NAME OF MORE THAN THIRTEEN", "one");
	ck_ok(mkdir("empty", 0755));
	ck_ok(rename("d2", "empty"));
	check_text("empty/sub/f", "deep");
	again(_i, "renames");
	check_text("empty/sub/f", "deep");
	check_text("d1/a name of more than thirteen", "one");
	ck_ok(rename2("d1/a name of more than thirteen", "empty/sub", RENAME_EXCHANGE));
	check_text("empty/sub", "one");
	check_text("d1/a name of more than thirteen/f", "deep");
	ck_ok(stat("d1", &a));
	ck_ok(stat("empty", &b));
	ck_assert_uint_eq(a.st_nlink, 3);
	ck_assert_uint_eq(b.st_nlink, 2);
	again(_i, "renames");
	check_text("empty/sub", "one");
	check_text("d1/a name of more than thirteen/f", "deep");
	ck_ok(rename("d1/a name of more than thirteen", AT "/top"));
	ck_ok(rename(AT "/top", "back"));
	check_text("back/f", "deep");
	done("renames");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		long_names, case_of_names, rename_of_case, odd_names, short_aliases, directories_grow, removed_while_read, root_of_fixed_size,
		links_and_modes, renames,
	};
	Suite *s = suite_create("fs_fat");
	TCase *t = tcase_create("fat");

	umask(022);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, leave);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_loop_test(t, tests[i], 0, FATS);
	suite_add_tcase(s, t);
	return guest_run(s);
}
