/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT as it is on the disk: boot sector, tables, FSInfo and entries, read from the device; and the disk vdl (fat.py), with a file of nearly
 * 4 GiB and a tree that mtools wrote. What is left in its "from guest", mtools reads after the run.
 */
#define _GNU_SOURCE
#include <linux/msdos_fs.h>

#include "fat.h"

#define LARGE		"/dev/vdl"
#define LIMIT		((off_t)UINT32_MAX)
#define GIB		((off_t)1 << 30)
#define OWN		"on-disk"

/* --- the device --- */

struct volume {
	unsigned block, cluster, reserved, tables, table_blocks, root_entries, clusters, info, backup;
	unsigned state_at, label_at, id_at;
	off_t root, data;		/* bytes */
};

static void
read_at(int i, off_t at, void *buf, size_t n)
{
	int fd = ck_ok(open(devices[i], O_RDONLY));

	ck_assert_int_eq(pread(fd, buf, n, at), n);
	close(fd);
}

static unsigned
number(const unsigned char *p, int n)
{
	unsigned v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static struct volume
geometry(int i)
{
	unsigned char b[512];
	struct volume v;
	unsigned blocks;

	read_at(i, 0, b, sizeof(b));
	ck_assert_uint_eq(number(b + 510, 2), 0xaa55);
	v.block = number(b + 11, 2);
	v.cluster = number(b + 13, 1) * v.block;
	v.reserved = number(b + 14, 2);
	v.tables = number(b + 16, 1);
	v.root_entries = number(b + 17, 2);
	v.table_blocks = i == FAT32 ? number(b + 36, 4) : number(b + 22, 2);
	v.info = number(b + 48, 2);
	v.backup = number(b + 50, 2);
	v.id_at = i == FAT32 ? 67 : 39;
	v.state_at = v.id_at - 2;
	v.label_at = v.id_at + 4;
	v.root = (off_t)(v.reserved + v.tables * v.table_blocks) * v.block;
	v.data = v.root + v.root_entries * 32;
	blocks = number(b + 19, 2) != 0 ? number(b + 19, 2) : number(b + 32, 4);
	v.clusters = (unsigned)(((off_t)blocks * v.block - v.data) / v.cluster);
	return v;
}

static unsigned char *
read_table(int i, const struct volume *v, unsigned which)
{
	size_t size = (size_t)v->table_blocks * v->block;
	unsigned char *p = malloc(size);

	ck_assert_ptr_nonnull(p);
	read_at(i, ((off_t)v->reserved + which * v->table_blocks) * v->block, p, size);
	return p;
}

static unsigned
entry_of(int i, const unsigned char *table, unsigned c)
{
	unsigned v;

	switch (i) {
	case FAT12:
		v = number(table + c + c / 2, 2);
		return c & 1 ? v >> 4 : v & 0xfff;
	case FAT16:
		return number(table + c * 2, 2);
	default:
		return number(table + c * 4, 4) & 0x0fffffff;
	}
}

static bool
is_dirty(int i)
{
	struct volume v = geometry(i);
	unsigned char state;

	read_at(i, v.state_at, &state, 1);
	return state & 1;
}

static void
set_dirty(int i, bool dirty)
{
	struct volume v = geometry(i);
	int fd = ck_ok(open(devices[i], O_RDWR));
	unsigned char state;

	ck_assert_int_eq(pread(fd, &state, 1, v.state_at), 1);
	state = (unsigned char)((state & ~1) | dirty);
	ck_assert_int_eq(pwrite(fd, &state, 1, v.state_at), 1);
	ck_ok(fsync(fd));
	close(fd);
}

/* --- marks and counts --- */

START_TEST(mark_of_a_volume_in_use)
{
	begin(_i, OWN);
	put("f", "x");
	ck_assert(is_dirty(_i));
	detach();
	ck_assert(!is_dirty(_i));
	attach(_i, MS_RDONLY, NULL);
	ck_assert(!is_dirty(_i));
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT, NULL));
	ck_assert(is_dirty(_i));
	ck_ok(mount(NULL, AT, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	ck_assert(!is_dirty(_i));
	detach();
	ck_assert(!is_dirty(_i));
	set_dirty(_i, true);		/* it wasn't unmounted: whoever comes next can't tell that it is clean */
	attach(_i, 0, NULL);
	check_text(OWN "/f", "x");
	put(OWN "/g", "y");
	detach();
	ck_assert(is_dirty(_i));
	set_dirty(_i, false);
	attach(_i, 0, NULL);
	ck_assert(is_dirty(_i));
	done(OWN);
	ck_assert(!is_dirty(_i));
}
END_TEST

/* Files of many sizes, some removed, some cut, some grown. */
static void
change_much(void)
{
	static char buf[30000];
	char name[64];

	for (int i = 0; i < 60; i++) {
		int fd;

		snprintf(name, sizeof(name), "some file with number %d", i);
		fd = ck_ok(open(name, O_CREAT | O_RDWR, 0644));
		fill(buf, sizeof(buf), i);
		ck_assert_int_gt(write(fd, buf, 1 + (size_t)i * 499), 0);
		if (i % 5 == 0)
			ck_ok(ftruncate(fd, i * 100));
		if (i % 5 == 1)
			ck_ok(ftruncate(fd, 40000));
		close(fd);
		if (i % 5 == 2)
			ck_ok(unlink(name));
		if (i % 10 == 3)
			ck_assert(mkdir(strcat(name, "d"), 0755) == 0 || errno == EEXIST);
	}
}

START_TEST(tables_and_counts)
{
	struct volume v = geometry(_i);
	unsigned char *table, *other, info[512];
	unsigned unused;
	long told;

	begin(_i, OWN);
	for (int round = 0; round < 3; round++) {
		change_much();
		told = free_clusters();
		if (round == 1)		/* and something that nobody asked the number after */
			put("more", "x"), told--;
		detach();
		table = read_table(_i, &v, 0);
		unused = 0;
		for (unsigned c = 2; c < v.clusters + 2; c++)
			unused += entry_of(_i, table, c) == 0;
		ck_assert_int_eq(told, unused);
		for (unsigned k = 1; k < v.tables; k++) {
			other = read_table(_i, &v, k);
			ck_assert_mem_eq(other, table, (size_t)v.table_blocks * v.block);
			free(other);
		}
		free(table);
		if (_i == FAT32) {
			read_at(_i, (off_t)v.info * v.block, info, sizeof(info));
			ck_assert_uint_eq(number(info, 4), 0x41615252);
			ck_assert_uint_eq(number(info + 484, 4), 0x61417272);
			ck_assert_uint_eq(number(info + 488, 4), unused);
			ck_assert_uint_ge(number(info + 492, 4), 2);
			ck_assert_uint_lt(number(info + 492, 4), v.clusters + 2);
		}
		attach(_i, 0, NULL);
		ck_ok(chdir(OWN));
	}
	done(OWN);
}
END_TEST

START_TEST(boot_sectors_stay)
{
	struct volume v = geometry(_i);
	unsigned char before[2][512], after[512];
	uint32_t id;
	int dir;

	read_at(_i, 0, before[0], 512);
	if (_i == FAT32)
		read_at(_i, (off_t)v.backup * v.block, before[1], 512);
	begin(_i, OWN);
	change_much();
	dir = ck_ok(open(".", O_RDONLY));
	ck_ok(ioctl(dir, FAT_IOCTL_GET_VOLUME_ID, &id));
	ck_assert_uint_eq(id, number(before[0] + v.id_at, 4));
	close(dir);
	done(OWN);
	read_at(_i, 0, after, 512);
	ck_assert_mem_eq(after, before[0], 512);
	if (_i == FAT32) {
		read_at(_i, (off_t)v.backup * v.block, after, 512);
		ck_assert_mem_eq(after, before[1], 512);
	}
}
END_TEST

/* --- entries --- */

/* The root directory's entries (of FAT32: those of its first clusters). */
static size_t
read_root(int i, unsigned char *buf, size_t size)
{
	struct volume v = geometry(i);
	unsigned char *table;
	size_t n = 0;

	if (i != FAT32) {
		size = size < v.root_entries * 32 ? size : v.root_entries * 32;
		read_at(i, v.root, buf, size);
		return size;
	}
	table = read_table(i, &v, 0);
	for (unsigned c = 2; c >= 2 && c < v.clusters + 2 && n + v.cluster <= size; c = entry_of(i, table, c)) {
		read_at(i, v.data + (off_t)(c - 2) * v.cluster, buf + n, v.cluster);
		n += v.cluster;
	}
	free(table);
	return n;
}

static unsigned char *
find_entry(unsigned char *buf, size_t size, const char *name)
{
	for (size_t at = 0; at < size && buf[at] != 0; at += 32)
		if (memcmp(buf + at, name, 11) == 0 && buf[at + 11] != 15)
			return buf + at;
	return NULL;
}

START_TEST(the_label)
{
	static unsigned char buf[16384];
	char label[12];
	unsigned char boot[512], *e;
	size_t n;
	int fd;

	snprintf(label, sizeof(label), "LABEL VD%c  ", "DEF"[_i]);
	begin(_i, OWN);
	ck_ok(chdir(AT));
	ck_assert(!is_listed(".", "LABEL VD"));
	ck_assert_int_eq(count_entries("."), 1);
	label[9] = '\0';
	ck_fails(access(label, F_OK), ENOENT);
	put(label, "a file of the label's name");
	check_text(label, "a file of the label's name");
	fd = ck_ok(open(".", O_RDONLY));
	ck_fails(ioctl(fd, 0x81009431 /* FS_IOC_GETFSLABEL */, buf), ENOTTY);
	close(fd);
	ck_ok(unlink(label));
	done(OWN);
	label[9] = ' ';
	n = read_root(_i, buf, sizeof(buf));
	e = find_entry(buf, n, label);
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e[11], ATTR_VOLUME);
	read_at(_i, 0, boot, 512);
	ck_assert_mem_eq(boot + geometry(_i).label_at, label, 11);
}
END_TEST

/* UTC, for 2001-09-09 01:46:40 and what the disk can hold of it. */
#define WHEN	1000000000
#define DATE	((2001 - 1980) << 9 | 9 << 5 | 9)
#define TIME	(1 << 11 | 46 << 5 | 40 / 2)

START_TEST(entries_on_the_disk)
{
	static unsigned char buf[65536];
	static const unsigned char pieces[2][32] = {
		{ 0x42, '.', 0, 't', 0, 'x', 0, 't', 0, 0, 0, 15, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0,
		  0xff, 0xff, 0xff, 0xff },
		{ 0x01, 'R', 0, 'a', 0, 'w', 0, 'F', 0, 'i', 0, 15, 0, 0, 'l', 0, 'e', 0, ' ', 0, 'L', 0, 'o', 0, 'n', 0, 0, 0, 'g', 0, 'x', 0 },
	};
	struct timespec ts[2] = { { WHEN, 0 }, { WHEN, 0 } };
	struct volume v = geometry(_i);
	unsigned char *e, sum = 0, data[13], piece[32];
	unsigned start;
	size_t n;

	begin(_i, OWN);
	detach();
	attach(_i, 0, "tz=UTC");
	put("RawFile Longx.txt", "what it holds");
	put("PLAIN.TXT", "");
	ck_ok(utimensat(AT_FDCWD, "RawFile Longx.txt", ts, 0));
	ck_ok(chmod("RawFile Longx.txt", 0555));
	detach();
	n = read_root(_i, buf, sizeof(buf));
	e = find_entry(buf, n, "RAWFIL~1TXT");
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e[11], ATTR_RO | ATTR_ARCH);
	ck_assert_uint_eq(e[12], 0);
	ck_assert_uint_eq(number(e + 18, 2), DATE);
	ck_assert_uint_eq(number(e + 22, 2), TIME);
	ck_assert_uint_eq(number(e + 24, 2), DATE);
	ck_assert_uint_eq(number(e + 28, 4), 13);
	for (int i = 0; i < 11; i++)
		sum = (unsigned char)((sum >> 1 | sum << 7) + e[i]);
	for (int i = 0; i < 2; i++) {
		memcpy(piece, pieces[i], 32);
		piece[13] = sum;
		ck_assert_mem_eq(e - 64 + i * 32, piece, 32);
	}
	start = number(e + 26, 2) | number(e + 20, 2) << 16;
	ck_assert_uint_ge(start, 2);
	ck_assert_uint_lt(start, v.clusters + 2);
	read_at(_i, v.data + (off_t)(start - 2) * v.cluster, data, 13);
	ck_assert_mem_eq(data, "what it holds", 13);
	e = find_entry(buf, n, "PLAIN   TXT");
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e[11], ATTR_ARCH);
	ck_assert_uint_eq(number(e + 26, 2) | number(e + 20, 2), 0);
	ck_assert_uint_ne(e[-32 + 11], 15);	/* the short name says it all */
	attach(_i, 0, NULL);
	ck_ok(chmod("RawFile Longx.txt", 0755));
	ck_ok(unlink("RawFile Longx.txt"));
	ck_ok(unlink("PLAIN.TXT"));
	done(OWN);
}
END_TEST

/* --- nearly 4 GiB --- */

static int
open_large(const char *path, int flags)
{
	mkdir(AT, 0755);
	umount2(AT, MNT_DETACH);
	ck_ok(mount(LARGE, AT, "vfat", 0, NULL));
	ck_ok(chdir(AT));
	return (int)ck_ok(open(path, flags));
}

static void
check_zeros(int fd, off_t from, off_t to)
{
	static char buf[65536];

	while (from < to) {
		size_t n = to - from < (off_t)sizeof(buf) ? (size_t)(to - from) : sizeof(buf);

		ck_assert_int_eq(pread(fd, buf, n, from), n);
		for (size_t i = 0; i < n; i++)
			ck_assert_msg(buf[i] == 0, "byte %lld is %d", (long long)from + (long long)i, buf[i]);
		from += (off_t)n;
	}
}

static void
check_at(int fd, off_t at, const char *text)
{
	char buf[64] = "";

	ck_assert_int_eq(pread(fd, buf, strlen(text), at), strlen(text));
	ck_assert_str_eq(buf, text);
}

START_TEST(nearly_4_gib)
{
	static const char *const texts[] = { "three", "across", "the last" };
	const off_t old = LIMIT - 100000, at[] = { 3 * GIB + 5, 2 * GIB - 3, LIMIT - 8 };
	struct stat s;
	int fd = open_large("BIG.BIN", O_RDWR);

	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, old);
	ck_assert_int_eq(s.st_blocks, (old + 65535) / 65536 * 128);
	check_zeros(fd, 3 * GIB, 3 * GIB + 100);
	for (int i = 0; i < 3; i++)	/* the last one over a gap */
		ck_assert_int_eq(pwrite(fd, texts[i], strlen(texts[i]), at[i]), strlen(texts[i]));
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, LIMIT);
	ck_fails(pwrite(fd, "x", 1, LIMIT), EFBIG);
	ck_fails(pwrite(fd, "x", 1, LIMIT + 100), EFBIG);
	ck_assert_int_eq(pwrite(fd, "the last one", 12, LIMIT - 8), 8);
	ck_fails(ftruncate(fd, LIMIT + 1), EFBIG);
	ck_fails(fallocate(fd, 0, 0, LIMIT + 1), EFBIG);
	ck_ok(ftruncate(fd, LIMIT));
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), LIMIT);
	ck_fails(write(fd, "x", 1), EFBIG);
	close(fd);
	detach();
	fd = open_large("BIG.BIN", O_RDWR);
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, LIMIT);
	check_zeros(fd, old, LIMIT - 8);
	for (int i = 0; i < 3; i++)
		check_at(fd, at[i], texts[i]);
	ck_ok(ftruncate(fd, 3 * GIB + 2));
	ck_assert_int_eq(pwrite(fd, "end", 3, 3 * GIB + 300000), 3);
	close(fd);
	detach();
	fd = open_large("BIG.BIN", O_RDWR);
	ck_ok(fstat(fd, &s));
	ck_assert_int_eq(s.st_size, 3 * GIB + 300003);
	check_at(fd, at[1], texts[1]);
	check_zeros(fd, 3 * GIB, 3 * GIB + 300000);
	check_at(fd, 3 * GIB + 300000, "end");
	close(fd);
	detach();
}
END_TEST

/* --- what mtools wrote, and what it will read --- */

/* As in fat.py. */
static const struct { const char *name; size_t size; } tree[] = {
	{ "a long name with spaces, of more than thirteen characters.text", 5000 },
	{ "\xc3\x9cn\xc3\xaf" "c\xc3\xb8" "d\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87.txt", 70000 }, { "UPPER.TXT", 1 }, { "lower.txt", 0 }, { "MiXeD.Case", 512 },
	{ "x.y.z", 4096 }, { "+,;=[] file", 65536 },
	{ "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", 65537 },
	{ "smile \xe2\x98\xba", 100 }, { "dir/.hidden", 33 }, { "dir/a directory with a long name/deep \xc3\x84\xc3\x96\xc3\x9c", 200001 },
	{ "dir/a directory with a long name/noext", 12345 },
};

static char content[200002];

static void
check_file(const char *path, size_t size, int seed)
{
	int fd = open(path, O_RDONLY);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(read(fd, content, sizeof(content)), size);
	ck_assert_msg(is_filled(content, size, seed, 0), "%s holds something else", path);
	close(fd);
}

START_TEST(what_mtools_wrote)
{
	char path[512];

	close(open_large(".", O_RDONLY));
	ck_assert_int_eq(count_entries("from mtools"), 10);
	ck_assert_int_eq(count_entries("from mtools/dir"), 2);
	ck_assert_int_eq(count_entries("from mtools/dir/a directory with a long name"), 2);
	for (size_t i = 0; i < ARRAY_SIZE(tree); i++) {
		snprintf(path, sizeof(path), "from mtools/%s", tree[i].name);
		check_file(path, tree[i].size, (int)i);
		if (strchr(tree[i].name, '/') == NULL)
			ck_assert_msg(is_listed("from mtools", tree[i].name), "%s", path);
	}
	ck_ok(rename("from mtools/lower.txt", "from mtools/another name of it"));
	ck_ok(rename("from mtools/another name of it", "from mtools/lower.txt"));
	detach();
}
END_TEST

START_TEST(what_mtools_will_read)
{
	char path[512], other[600];

	close(open_large(".", O_RDONLY));
	ck_assert_int_eq(system("rm -rf 'from guest'"), 0);
	ck_ok(mkdir("from guest", 0755));
	ck_ok(mkdir("from guest/dir", 0755));
	ck_ok(mkdir("from guest/dir/a directory with a long name", 0755));
	for (size_t i = 0; i < ARRAY_SIZE(tree); i++) {
		int fd;

		snprintf(path, sizeof(path), "from guest/%s", tree[i].name);
		snprintf(other, sizeof(other), "from guest/goes %zu", i);
		fd = ck_ok(open(path, O_CREAT | O_EXCL | O_RDWR, 0644));
		put(other, "it will be gone");
		fill(content, tree[i].size, (int)i + 100);
		ck_assert_int_eq(write(fd, content, tree[i].size), tree[i].size);
		close(fd);
	}
	ck_assert_int_eq(system("rm 'from guest/goes '*"), 0);
	detach();
	close(open_large(".", O_RDONLY));
	for (size_t i = 0; i < ARRAY_SIZE(tree); i++) {
		snprintf(path, sizeof(path), "from guest/%s", tree[i].name);
		check_file(path, tree[i].size, (int)i + 100);
	}
	detach();
}
END_TEST

int
main(void)
{
	const TTest *const each[] = { mark_of_a_volume_in_use, tables_and_counts, boot_sectors_stay, the_label, entries_on_the_disk };
	const TTest *const large[] = { nearly_4_gib, what_mtools_wrote, what_mtools_will_read };
	Suite *s = suite_create("fs_fat_disk");
	TCase *t = tcase_create("disk");

	umask(022);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, leave);
	for (size_t i = 0; i < ARRAY_SIZE(each); i++)
		tcase_add_loop_test(t, each[i], 0, FATS);
	for (size_t i = 0; i < ARRAY_SIZE(large); i++)
		tcase_add_test(t, large[i]);
	suite_add_tcase(s, t);
	return guest_run(s);
}
