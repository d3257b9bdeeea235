/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2 and ext3 on images that mke2fs made: random operations against a model, trees that mke2fs put there, all judged by e2fsck and read
 * by debugfs.
 */
#include "tests/unit/test.h"

#include "sys/abi/fcntl.h"
#include "sys/abi/stat.h"
#include "syscall_protos.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/load.h"
#include "tests/unit/disk/machine.h"
#include "tests/unit/disk/sample.h"
#include "tests/unit/disk/volume.h"

void
unit_setup(void)
{
	machine_boot(64 * MIB);
}

void
unit_teardown(void)
{
	host_cleanup();
}

static void
check_clean(void)
{
	must_run("e2fsck -fn $D/img");
}

static void
check_debugfs(struct tree_entry *model)
{
	struct tree_entry *seen;
	const char *text;

	must_run("mkdir $D/out && debugfs -R 'rdump / '$D/out $D/img && rmdir $D/out/lost+found");
	seen = tree_from_host("out");
	text = tree_differs(model, seen, 0);
	ck_assert_msg(text == NULL, "debugfs reads something else: %s", text);
	tree_free(seen);
	must_run("rm -rf $D/out");
}

/* The model doesn't know of lost+found. */
static void
remove_lost_found(void)
{
	ck_assert_int_eq(sys_unlinkat(AT_FDCWD, MNT "/lost+found", AT_REMOVEDIR), 0);
}

static void
random_load(const char *mkfs, const char *type, const char *options, u64 seed)
{
	struct volume v;
	struct load *l;

	must_run("%s", mkfs);
	volume_open(&v, "img", DRIVE_CACHE);
	machine_mark();
	volume_must_mount(&v, type, options);
	remove_lost_found();
	l = load_new(MNT, LOAD_POSIX, seed);
	for (u32 i = 0; i < 4; i++) {
		load_run(l, 250);
		load_check(l);
		load_close_files(l);
		volume_must_unmount();
		check_clean();
		volume_must_mount(&v, type, options);
		load_check(l);
	}
	ck_assert_int_eq(sys_mkdir(MNT "/lost+found", 0700), 0);
	volume_must_unmount();
	must_run("e2fsck -fn $D/img");
	check_debugfs(l->root);
	load_free(l);
	machine_check_leaks();
	volume_close(&v);
}

#define MKE2FS	"mke2fs -q -F -E root_owner=0:0 "

TEST(ext2_1k_random_operations)
{
	random_load(MKE2FS "-t ext2 -b 1024 $D/img 48M", "ext2", "", 1);
}

TEST(ext2_2k_random_operations)
{
	random_load(MKE2FS "-t ext2 -b 2048 -O ^dir_index $D/img 48M", "ext2", "", 2);
}

TEST(ext2_4k_random_operations)
{
	random_load(MKE2FS "-t ext2 -b 4096 -I 256 $D/img 48M", "ext2", "", 3);
}

TEST(ext3_1k_random_operations)
{
	random_load(MKE2FS "-t ext3 -b 1024 -J size=2 $D/img 48M", "ext3", "", 4);
}

TEST(ext3_4k_random_operations)
{
	random_load(MKE2FS "-t ext3 -b 4096 $D/img 64M", "ext3", "", 5);
}

/* --- trees that mke2fs put there --- */

static void
read_sample(const char *mkfs, const char *type)
{
	struct tree_entry *wanted, *seen;
	const char *text;
	struct volume v;

	sample_make("in", SAMPLE_LINKS | SAMPLE_LONG | SAMPLE_MANY | SAMPLE_DEEP);
	must_run("%s", mkfs);
	wanted = tree_from_host("in");
	volume_open(&v, "img", 0);
	machine_mark();
	volume_must_mount(&v, type, "");
	remove_lost_found();
	seen = tree_from_kernel(MNT, 0);
	text = tree_differs(wanted, seen, TREE_MODES);
	ck_assert_msg(text == NULL, "%s", text);
	tree_free(seen);
	tree_free(wanted);
	ck_assert_int_eq(sys_mkdir(MNT "/lost+found", 0700), 0);
	volume_must_unmount();
	machine_check_leaks();
	check_clean();
	volume_close(&v);
}

TEST(what_mke2fs_put_on_1k_blocks)
{
	read_sample(MKE2FS "-t ext2 -b 1024 -d $D/in $D/img 16M", "ext2");
}

TEST(what_mke2fs_put_on_4k_blocks_with_journal)
{
	read_sample(MKE2FS "-t ext3 -b 4096 -d $D/in $D/img 32M", "ext3");
}

/* Rev 0: inodes of 128 bytes, no features. */
TEST(what_mke2fs_put_on_revision_0)
{
	read_sample(MKE2FS "-t ext2 -b 1024 -r 0 -O none -d $D/in $D/img 16M", "ext2");
}

/* --- single matters --- */

TEST(a_file_beyond_4_gib_in_every_kind_of_block)
{
	static const off_t places[] = { 0, 11 * 1024L, 12 * 1024L, 200 * 1024L, 300 * 1024L, 66 * 1024 * 1024L, 67 * 1024 * 1024L + 5,
		(4L << 30) - 3, (4L << 30) + 100000, 15L << 30 };
	struct volume v;
	struct abi_stat st;
	char buf[8];
	long fd;

	must_run(MKE2FS "-t ext2 -b 1024 $D/img 8M");
	volume_open(&v, "img", 0);
	machine_mark();
	volume_must_mount(&v, "ext2", "");
	fd = sys_open(MNT "/big", O_RDWR | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	for (u32 i = 0; i < ARRAY_SIZE(places); i++)
		ck_assert_int_eq(sys_pwrite64((int)fd, "lintel!", 8, places[i]), 8);
	ck_assert_int_eq(sys_close((int)fd), 0);
	volume_must_unmount();
	check_clean();
	volume_must_mount(&v, "ext2", "");
	fd = sys_open(MNT "/big", O_RDWR, 0);
	ck_assert_int_eq(sys_fstat((int)fd, &st), 0);
	ck_assert_int_eq(st.st_size, (15L << 30) + 8);
	ck_assert_int_lt(st.st_blocks, 200);
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		ck_assert_int_eq(sys_pread64((int)fd, buf, 8, places[i]), 8);
		ck_assert_mem_eq(buf, "lintel!", 8);
	}
	ck_assert_int_eq(sys_pread64((int)fd, buf, 8, 1L << 30), 8);
	ck_assert_mem_eq(buf, "\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(sys_ftruncate((int)fd, 67 * 1024 * 1024L), 0);
	ck_assert_int_eq(sys_close((int)fd), 0);
	volume_must_unmount();
	check_clean();
	volume_close(&v);
}

static int
name_exists(const char *name)
{
	struct abi_stat st;

	return (int)sys_stat(name, &st);
}

/* A directory of 4 GiB that has one block: what is done with it takes the time of one block. */
TEST(a_directory_of_holes)
{
	char name[40];
	struct volume v;

	must_run(MKE2FS "-t ext2 -b 1024 $D/img 8M && debugfs -w -R 'mkdir dir' $D/img && debugfs -w -R 'sif dir size 4294966272' $D/img");
	volume_open(&v, "img", 0);
	machine_mark();
	volume_must_mount(&v, "ext2", "");
	for (u32 i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), MNT "/dir/%u", i);
		ck_assert_int_eq(name_exists(name), -ENOENT);
	}
	for (u32 i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), MNT "/dir/%u", i);
		ck_assert_int_eq(sys_mkdir(name, 0700), 0);
		ck_assert_int_eq(sys_unlinkat(AT_FDCWD, MNT "/dir", AT_REMOVEDIR), -ENOTEMPTY);
	}
	for (u32 i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), MNT "/dir/%u", i);
		ck_assert_int_eq(sys_unlinkat(AT_FDCWD, name, AT_REMOVEDIR), 0);
	}
	ck_assert_int_eq(sys_unlinkat(AT_FDCWD, MNT "/dir", AT_REMOVEDIR), 0);
	volume_must_unmount();
	machine_check_leaks();
	check_clean();
	volume_close(&v);
}

/* The same, and all of its pointers lead to one block. */
TEST(a_directory_of_one_block_4_million_times)
{
	const u32 top = 5000;
	struct volume v;
	u32 *p;

	must_run(MKE2FS "-t ext2 -b 1024 $D/img 8M && debugfs -w -R 'mkdir dir' $D/img && debugfs -w -R 'sif dir size 4294966272' $D/img &&"
		"debugfs -w -R 'sif dir block[TIND] %u' $D/img", top);
	volume_open(&v, "img", 0);
	p = (u32 *)(v.data + top * 1024);
	for (u32 level = 1; level <= 3; level++)
		for (u32 i = 0; i < 256; i++)
			*p++ = top + level;
	p[0] = 0;
	p[1] = 1024;		/* the record's length: one free entry */
	machine_mark();
	volume_must_mount(&v, "ext2", "errors=continue");
	for (u32 i = 0; i < 5; i++)
		ck_assert_int_eq(name_exists(MNT "/dir/none"), -EIO);
	volume_must_unmount();
	machine_check_leaks();
	volume_close(&v);
}

/* Operations until nothing fits, and all of the space comes back. */
static void
fill_disk(const char *mkfs, const char *type)
{
	struct abi_statfs before, after;
	struct volume v;
	struct load *l;

	must_run("%s", mkfs);
	volume_open(&v, "img", 0);
	machine_mark();
	volume_must_mount(&v, type, "");
	remove_lost_found();
	ck_assert_int_eq(sys_statfs(MNT, &before), 0);
	l = load_new(MNT, LOAD_POSIX | LOAD_FULL, 77);
	load_run(l, 700);
	ck_assert_uint_gt(l->nospace, 10);
	load_check(l);
	load_close_files(l);
	volume_must_unmount();
	must_run("cp $D/img $D/copy; mke2fs -q -F -t ext2 $D/none 1M; e2fsck -fn $D/copy || [ $? = 4 ]");
	volume_must_mount(&v, type, "");
	load_check(l);
	while (l->root->node->entries != NULL) {
		struct tree_entry *e = l->root->node->entries;
		char path[4200];

		while (e->node->kind == TREE_DIR && e->node->entries != NULL)
			e = e->node->entries;
		tree_path(e, path, sizeof(path));
		ck_assert_int_eq(sys_unlinkat(AT_FDCWD, path, e->node->kind == TREE_DIR ? AT_REMOVEDIR : 0), 0);
		tree_remove(e);
	}
	machine_settle();
	ck_assert_int_eq(sys_statfs(MNT, &after), 0);
	ck_assert_uint_eq(after.f_ffree, before.f_ffree);
	ck_assert_uint_ge(after.f_bfree + 64, before.f_bfree);	/* the root directory has grown */
	load_free(l);
	ck_assert_int_eq(sys_mkdir(MNT "/lost+found", 0700), 0);
	volume_must_unmount();
	machine_check_leaks();
	check_clean();
	volume_close(&v);
}

TEST(a_full_ext2)
{
	fill_disk(MKE2FS "-t ext2 -b 1024 -m 0 $D/img 3M", "ext2");
}

TEST(a_full_ext3)
{
	fill_disk(MKE2FS "-t ext3 -b 1024 -m 0 -J size=1 $D/img 5M", "ext3");
}
