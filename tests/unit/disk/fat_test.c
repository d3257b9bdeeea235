/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT on images that mkfs.fat made: random operations against a model, and what mtools put there; judged by fsck.fat, read by mtools. */
#include "tests/unit/test.h"

#include "sys/abi/fcntl.h"
#include "syscall_protos.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/load.h"
#include "tests/unit/disk/machine.h"
#include "tests/unit/disk/sample.h"
#include "tests/unit/disk/volume.h"

#define MTOOLS	"export MTOOLS_SKIP_CHECK=1 LC_ALL=C.UTF-8; "

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
check_mtools(struct tree_entry *model)
{
	struct tree_entry *seen;
	const char *text;

	must_run("mkdir $D/out; " MTOOLS "if mdir -b -i $D/img ::/ | grep -q .; then mcopy -s -n -i $D/img '::/*' $D/out; fi");
	seen = tree_from_host("out");
	text = tree_differs(model, seen, 0);
	ck_assert_msg(text == NULL, "mtools read something else: %s", text);
	tree_free(seen);
	must_run("rm -rf $D/out");
}

static void
random_load(const char *mkfs, bool full, size_t max_size, u64 seed)
{
	struct volume v;
	struct load *l;

	must_run("%s", mkfs);
	volume_open(&v, "img", DRIVE_CACHE);
	machine_mark();
	volume_must_mount(&v, "vfat", "utf8");
	l = load_new(MNT, full ? LOAD_FULL : 0, seed);
	l->max_size = max_size;
	for (u32 i = 0; i < 4; i++) {
		load_run(l, 250);
		load_check(l);
		load_close_files(l);
		volume_must_unmount();
		must_run("fsck.fat -n $D/img");
		volume_must_mount(&v, "vfat", "utf8");
		load_check(l);
	}
	volume_must_unmount();
	check_mtools(l->root);
	ck_assert_msg(!full || l->nospace > 0, "it never became full");
	load_free(l);
	machine_check_leaks();
	volume_close(&v);
}

TEST(fat12_random_operations)
{
	random_load("mkfs.fat -F 12 -r 512 -C $D/img 4096", true, 300000, 1);
}

TEST(fat16_random_operations)
{
	random_load("mkfs.fat -F 16 -r 4096 -C $D/img 32768", false, 900000, 2);
}

TEST(fat32_random_operations)
{
	random_load("mkfs.fat -F 32 -s 1 -C $D/img 65536", false, 300000, 3);
}

static void
read_sample(const char *mkfs)
{
	struct tree_entry *wanted, *seen;
	const char *text;
	struct volume v;

	sample_make("in", SAMPLE_LONG | SAMPLE_MANY | SAMPLE_DEEP);
	must_run("%s; " MTOOLS "mcopy -s -i $D/img $D/in/* ::/", mkfs);
	wanted = tree_from_host("in");
	volume_open(&v, "img", DRIVE_READ_ONLY);
	ck_assert_int_eq(volume_mount(&v, "vfat", 1, "utf8"), 0);
	seen = tree_from_kernel(MNT, 0);
	text = tree_differs(wanted, seen, 0);
	ck_assert_msg(text == NULL, "%s", text);
	tree_free(seen);
	tree_free(wanted);
	volume_must_unmount();
	volume_close(&v);
}

TEST(what_mtools_put_on_fat16)
{
	read_sample("mkfs.fat -F 16 -C $D/img 16384");
}

TEST(what_mtools_put_on_fat32)
{
	read_sample("mkfs.fat -F 32 -s 8 -C $D/img 300000");
}

/* 8 MiB in clusters of 512 bytes: 128 blocks of the table. It isn't read block by block, and the other table not at all. */
TEST(a_long_chain_takes_few_requests)
{
	static char buf[65536];
	struct volume v;
	u32 requests, writes;
	int fd;

	must_run("mkfs.fat -F 32 -s 1 -C $D/img 65536");
	volume_open(&v, "img", DRIVE_CACHE);
	volume_must_mount(&v, "vfat", "");
	fd = sys_open(MNT "/long", O_RDWR | O_CREAT, 0644);
	for (u32 i = 0; i < 128; i++) {
		ck_assert_int_eq(sys_pwrite64(fd, buf, sizeof(buf), (off_t)(i * sizeof(buf))), sizeof(buf));
		ck_assert_int_eq(sys_fsync(fd), 0);
	}
	ck_assert_int_eq(sys_close(fd), 0);
	volume_must_unmount();
	volume_must_mount(&v, "vfat", "");
	fd = sys_open(MNT "/long", O_RDWR, 0);
	requests = v.drive->requests;
	ck_assert_int_eq(sys_pread64(fd, buf, 1, (8 << 20) - 1), 1);
	ck_assert_uint_lt(v.drive->requests - requests, 20);
	requests = v.drive->requests;
	writes = v.drive->writes;
	ck_assert_int_eq(sys_ftruncate(fd, 0), 0);
	ck_assert_int_eq(sys_close(fd), 0);
	(void)sys_sync();
	ck_assert_uint_lt(v.drive->requests - requests - (v.drive->writes - writes), 5);
	volume_must_unmount();
	must_run("fsck.fat -n $D/img");
	volume_close(&v);
}
