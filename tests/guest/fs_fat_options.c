/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT: what mount options do, and which are refused; on the FAT16 disk (see fs_fat.c). Behaviour nobody wrote down is Linux's. */
#define _GNU_SOURCE
#include <linux/msdos_fs.h>
#include <sys/wait.h>

#include "fat.h"

#define OWN	"options"

/* Mount with other options, and stand in the test's directory. */
static void
with(const char *options)
{
	detach();
	attach(FAT16, 0, options);
	ck_ok(chdir(OWN));
}

/* The disk isn't mounted. What isn't as it should be is added to `wrong`. */
static void
try_options(const char *options, int want, char *wrong, size_t size)
{
	int err = mount(devices[FAT16], AT, "vfat", 0, options) == 0 ? 0 : errno;

	if (err == 0)
		ck_ok(umount(AT));
	if (err != want)
		snprintf(wrong + strlen(wrong), size - strlen(wrong), " \"%s\": %s;", options, strerror(err));
}

static void
check_mode(const char *path, unsigned mode, uid_t uid, gid_t gid)
{
	struct stat s;

	ck_ok(stat(path, &s));
	ck_assert_msg((s.st_mode & 07777) == mode && s.st_uid == uid && s.st_gid == gid, "%s: %o %u:%u, not %o %u:%u", path, s.st_mode & 07777,
		s.st_uid, s.st_gid, mode, uid, gid);
}

static void
end(void)
{
	with(NULL);
	done(OWN);
}

START_TEST(owners_and_masks)
{
	begin(FAT16, OWN);
	put("f", "x");
	ck_ok(mkdir("d", 0755));
	with("uid=1000,gid=1001,umask=027");
	check_mode("f", 0750, 1000, 1001);
	check_mode("d", 0750, 1000, 1001);
	check_mode(AT, 0750, 1000, 1001);
	put("new", "x");
	check_mode("new", 0750, 1000, 1001);
	ck_ok(chown("f", 1000, 1001));
	ck_fails(chown("f", 0, 0), EPERM);
	ck_fails(chown("f", 1000, 0), EPERM);
	ck_ok(chmod("f", 0640));
	check_mode("f", 0750, 1000, 1001);
	ck_ok(chmod("f", 0555));
	check_mode("f", 0550, 1000, 1001);
	with("fmask=0137,dmask=077");
	check_mode("f", 0440, 0, 0);
	check_mode("new", 0640, 0, 0);
	check_mode("d", 0700, 0, 0);
	with("dmask=022,umask=0");
	check_mode("new", 0777, 0, 0);
	check_mode("d", 0777, 0, 0);
	with("umask=0,fmask=0111");
	check_mode("new", 0666, 0, 0);
	check_mode("f", 0444, 0, 0);
	check_mode("d", 0777, 0, 0);
	umask(077);
	with(NULL);
	umask(022);
	check_mode("new", 0700, 0, 0);
	check_mode("d", 0700, 0, 0);
	with("uid=2147483647,gid=65536");
	check_mode("new", 0755, 2147483647, 65536);
	end();
}
END_TEST

/* 0: open() for writing succeeds, or errno. */
static int
open_as(uid_t uid, const char *path)
{
	int status;

	if (ck_ok(fork()) == 0) {
		if (setgid(uid) != 0 || setuid(uid) != 0)
			_exit(255);
		_exit(open(path, O_RDWR) >= 0 ? 0 : errno);
	}
	ck_ok(wait(&status));
	return WEXITSTATUS(status);
}

START_TEST(other_users)
{
	begin(FAT16, OWN);
	put("f", "x");
	with("uid=1000,umask=077");
	ck_assert_int_eq(open_as(1000, AT "/" OWN "/f"), 0);
	ck_assert_int_eq(open_as(1001, AT "/" OWN "/f"), EACCES);
	with("fmask=0117,gid=1001");
	ck_assert_int_eq(open_as(1001, AT "/" OWN "/f"), 0);
	ck_assert_int_eq(open_as(1000, AT "/" OWN "/f"), EACCES);
	end();
}
END_TEST

START_TEST(showexec_and_quiet)
{
	static const char *const yes[] = { "prog.exe", "RUN.COM", "a.bat", "A long name.EXE" };
	static const char *const no[] = { "plain", "a.exf", "com", "b.ba" };

	begin(FAT16, OWN);
	put("prog.exe", "x");
	put("plain", "x");
	with("showexec");
	for (size_t i = 0; i < 4; i++) {
		put(yes[i], "x");
		put(no[i], "x");
	}
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 4; i++) {
			check_mode(yes[i], 0755, 0, 0);
			check_mode(no[i], 0644, 0, 0);
		}
		with("showexec");
	}
	check_mode(".", 0755, 0, 0);
	with("quiet");
	ck_ok(chown("plain", 1, 1));
	ck_ok(chmod("plain", 04700));
	check_mode("plain", 0755, 0, 0);
	end();
}
END_TEST

START_TEST(read_only)
{
	begin(FAT16, OWN);
	put("f", "x");
	detach();
	attach(FAT16, MS_RDONLY, NULL);
	ck_ok(chdir(OWN));
	check_text("f", "x");
	ck_fails(open("f", O_RDWR), EROFS);
	ck_fails(open("new", O_CREAT | O_RDWR, 0644), EROFS);
	ck_fails(mkdir("d", 0755), EROFS);
	ck_fails(unlink("f"), EROFS);
	ck_fails(rename("f", "g"), EROFS);
	ck_fails(chmod("f", 0444), EROFS);
	ck_fails(truncate("f", 0), EROFS);
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT, NULL));
	put("f", "y");
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ck_fails(open("f", O_RDWR), EROFS);
	end();
}
END_TEST

/* --- times --- */

static void
set_time(const char *path, time_t mtime, time_t atime, long nsec)
{
	struct timespec ts[2] = { { atime, nsec }, { mtime, nsec } };

	ck_ok(utimensat(AT_FDCWD, path, ts, 0));
}

static void
check_time(const char *path, time_t mtime, time_t atime)
{
	struct stat s;

	ck_ok(stat(path, &s));
	ck_assert_int_eq(s.st_mtim.tv_sec, mtime);
	ck_assert_int_eq(s.st_mtim.tv_nsec, 0);
	ck_assert_int_eq(s.st_atim.tv_sec, atime);
}

START_TEST(time_zones)
{
	static const time_t day = 86400, then = 11574 * 86400 + 45296;

	begin(FAT16, OWN);
	with("tz=UTC");
	put("f", "x");
	put("old", "x");
	put("late", "x");
	set_time("f", then + 1, then, 500000000);
	check_time("f", then, then - then % day);
	set_time("old", 100, 100, 0);
	set_time("late", 5000000000, 5000000000, 0);
	with("tz=UTC");
	check_time("f", then, then - then % day);
	check_time("old", 315532800, 315532800);
	check_time("late", 4354819198, 4354819198 - 4354819198 % day);
	with("time_offset=60");
	check_time("f", then - 3600, then - then % day - 3600);
	with("time_offset=-90");
	check_time("f", then + 5400, then - then % day + 5400);
	set_time("f", then, then, 0);
	with("tz=UTC");
	check_time("f", then - 5400, then - then % day);
	with("time_offset=1440");
	check_time("f", then - 5400 - day, then - then % day - day);
	end();
}
END_TEST

/* --- names --- */

/* What a name becomes that was made with the option of the row, and is shown with that of the column: lower, win95, winnt, mixed. */
static const char *const shown_as[4] = { "shortname=lower", "shortname=win95", "shortname=winnt", "shortname=mixed" };
static const struct { const char *name, *any[4], *winnt[4]; } shown[] = {
	{ "UPPER.TXT", { "upper.txt", "UPPER.TXT", "UPPER.TXT", "UPPER.TXT" }, { "upper.txt", "UPPER.TXT", "UPPER.TXT", "UPPER.TXT" } },
	{ "lower.txt", { "lower.txt", "lower.txt", "lower.txt", "lower.txt" }, { "lower.txt", "LOWER.TXT", "lower.txt", "lower.txt" } },
	{ "low.EXT", { "low.EXT", "low.EXT", "low.EXT", "low.EXT" }, { "low.ext", "LOW.EXT", "low.EXT", "low.EXT" } },
	{ "UP.ext", { "UP.ext", "UP.ext", "UP.ext", "UP.ext" }, { "up.ext", "UP.EXT", "UP.ext", "UP.ext" } },
	{ "MiX.txt", { "MiX.txt", "MiX.txt", "MiX.txt", "MiX.txt" }, { "MiX.txt", "MiX.txt", "MiX.txt", "MiX.txt" } },
	{ "A Longer Name", { "A Longer Name", "A Longer Name", "A Longer Name", "A Longer Name" },
	  { "A Longer Name", "A Longer Name", "A Longer Name", "A Longer Name" } },
};

START_TEST(case_of_short_names)
{
	begin(FAT16, OWN);
	for (int made = 0; made < 4; made++) {
		with(shown_as[made]);
		for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
			put(shown[i].name, shown[i].name);
		for (int by = 0; by < 4; by++) {
			with(shown_as[by]);
			for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
				const char *want = made == 2 ? shown[i].winnt[by] : shown[i].any[by];

				ck_assert_msg(is_listed(".", want), "%s, made with %s, isn't %s with %s", shown[i].name, shown_as[made], want, shown_as[by]);
				check_text(shown[i].name, shown[i].name);
			}
			ck_assert_int_eq(count_entries("."), ARRAY_SIZE(shown));
		}
		ck_assert_int_eq(system("rm -f *"), 0);
	}
	end();
}
END_TEST

START_TEST(character_sets)
{
	begin(FAT16, OWN);
	with("iocharset=utf8");
	put("\xc3\xa4\xe2\x82\xac\xe4\xb8\xad.txt", "1");
	with("utf8=0,iocharset=iso8859-1,codepage=437");
	ck_assert(is_listed(".", "\xe4??.txt"));
	put("\xfc" "ber", "2");
	check_text("\xfc" "BER", "2");
	put("\xc3\xa4", "3");			/* two letters */
	with("utf8");
	check_text("\xc3\xbc" "ber", "2");
	check_text("\xc3\x83\xc2\xa4", "3");
	check_text("\xc3\xa4\xe2\x82\xac\xe4\xb8\xad.txt", "1");
	with("utf8=no,iocharset=ascii");
	ck_assert(is_listed(".", "???.txt"));
	ck_assert(is_listed(".", "?ber"));
	put("ascii", "4");
	ck_fails(open("\xc3\xa4", O_CREAT | O_RDWR, 0644), EINVAL);
	ck_fails(access("\xfc" "ber", F_OK), ENOENT);
	end();
}
END_TEST

/* --- which are taken, and told --- */

static void
check_told(const char *options, const char *told)
{
	char line[1024], *found = NULL;
	FILE *f;

	attach(FAT16, 0, options);
	f = fopen("/proc/mounts", "r");
	ck_assert_ptr_nonnull(f);
	while (found == NULL && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, " " AT " vfat ");
	fclose(f);
	ck_assert_ptr_nonnull(found);
	ck_assert_msg(strstr(found, told) != NULL, "%s: %s", options, found);
	detach();
}

START_TEST(options_are_told)
{
	begin(FAT16, OWN);
	done(OWN);
	check_told(NULL, "rw,relatime,fmask=0022,dmask=0022,codepage=437,iocharset=ascii,shortname=mixed,utf8,errors=remount-ro ");
	check_told("uid=5,gid=6,umask=0", ",uid=5,gid=6,fmask=0000,dmask=0000,");
	check_told("fmask=0137,dmask=007", ",fmask=0137,dmask=0007,");
	check_told("shortname=winnt,quiet,showexec", ",shortname=winnt,quiet,showexec,utf8,");
	check_told("iocharset=iso8859-1,utf8=0", ",iocharset=iso8859-1,shortname=mixed,");
	check_told("tz=UTC", ",tz=UTC,");
	check_told("time_offset=-90", ",time_offset=-90,");
	check_told("errors=continue", ",errors=continue ");
	check_told("check=s,flush,usefree", ",check=s,");
}
END_TEST

START_TEST(unknown_options)
{
	static const char *const bad[] = { "nonsense", "uid", "uid=", "uid=x", "uid=-1", "uid=4294967294", "umask=9", "umask=x", "dmask=08", "shortname=x",
		"shortname", "errors=x", "check=x", "utf8=2", "fat=x", "tz=CET", "time_offset=1441", "time_offset=-1441", "time_offset=x",
		"codepage=12345", "codepage=x", "iocharset=none", "quiet=1", "showexec=yes", "quiet,,nonsense", "dots", "nodiscard", "ro", "rw", "defaults" };
	static const char *const good[] = { "", ",", "quiet,,flush", "debug", "blocksize=511", "conv=b", "conv=auto", "conv=binary", "fat=11", "posix",
		"check=relaxed", "check=n", "usefree", "nocase", "sys_immutable", "rodir", "nonumtail", "nonumtail=no", "allow_utime=20",
		"codepage=437", "uid=2147483647", "cvf_format=x" };
	char wrong[2000] = "";

	begin(FAT16, OWN);
	done(OWN);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		try_options(bad[i], EINVAL, wrong, sizeof(wrong));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		try_options(good[i], 0, wrong, sizeof(wrong));
	ck_assert_str_eq(wrong, "");
}
END_TEST

START_TEST(a_remount_keeps_them)
{
	begin(FAT16, OWN);
	put("f", "x");
	with("uid=7,umask=077");
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT, "uid=8,umask=0"));
	check_mode("f", 0700, 7, 0);
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT, "nonsense"));
	check_mode("f", 0700, 7, 0);
	end();
}
END_TEST

/* --- attributes --- */

static unsigned
attributes(const char *path)
{
	int fd = ck_ok(open(path, O_RDONLY));
	uint32_t attr = 0;

	ck_ok(ioctl(fd, FAT_IOCTL_GET_ATTRIBUTES, &attr));
	close(fd);
	return attr;
}

static long
set_attributes(const char *path, uint32_t attr)
{
	int fd = ck_ok(open(path, O_RDONLY));
	long r = ioctl(fd, FAT_IOCTL_SET_ATTRIBUTES, &attr);

	close(fd);
	return r;
}

START_TEST(attributes_of_dos)
{
	begin(FAT16, OWN);
	put("f", "x");
	ck_ok(mkdir("d", 0755));
	ck_assert_uint_eq(attributes("f"), ATTR_ARCH);
	ck_assert_uint_eq(attributes("d"), ATTR_DIR);
	ck_assert_uint_eq(attributes(AT), ATTR_DIR);
	ck_ok(set_attributes("f", ATTR_HIDDEN | ATTR_SYS));
	ck_ok(set_attributes("d", ATTR_DIR | ATTR_HIDDEN));
	ck_fails(set_attributes(AT, ATTR_DIR | ATTR_HIDDEN), EINVAL);
	ck_assert(is_listed(".", "f"));
	with(NULL);
	ck_assert_uint_eq(attributes("f"), ATTR_HIDDEN | ATTR_SYS);
	ck_assert_uint_eq(attributes("d"), ATTR_DIR | ATTR_HIDDEN);
	ck_ok(set_attributes("f", ATTR_RO | ATTR_ARCH));
	check_mode("f", 0555, 0, 0);
	ck_ok(chmod("f", 0755));
	ck_assert_uint_eq(attributes("f"), ATTR_ARCH);
	ck_ok(set_attributes("f", ATTR_SYS));
	with("sys_immutable");
	ck_fails(open("f", O_RDWR), EPERM);
	ck_fails(unlink("f"), EPERM);
	ck_ok(set_attributes("f", 0));
	put("f", "y");
	with("rodir");
	ck_ok(chmod("d", 0555));
	with("rodir");
	check_mode("d", 0555, 0, 0);
	with(NULL);
	check_mode("d", 0755, 0, 0);
	with("rodir");
	ck_ok(chmod("d", 0755));
	end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		owners_and_masks, other_users, showexec_and_quiet, read_only, time_zones, case_of_short_names, character_sets, options_are_told,
		unknown_options, a_remount_keeps_them, attributes_of_dos,
	};
	Suite *s = suite_create("fs_fat_options");
	TCase *t = tcase_create("options");

	umask(022);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, leave);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return guest_run(s);
}
