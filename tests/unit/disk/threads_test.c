/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads on one file system, changing wherever a thread could sleep, as fiber_seed draws it: races that need no second CPU,
 * repeatable.
 */
#include "tests/unit/test.h"

#include "syscall_protos.h"
#include "tests/unit/disk/fiber.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/load.h"
#include "tests/unit/disk/machine.h"
#include "tests/unit/disk/volume.h"

#define MKE2FS	"mke2fs -q -F -E root_owner=0:0 "

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

#define THREADS	4
#define E2FSCK	"e2fsck -fn $D/img"
#define FSCK	"fsck.fat -n $D/img"

static u32 running;

static void
one_of_several(void *arg)
{
	struct load *l = arg;

	fiber_share(thread_current());
	load_run(l, 150);
	load_close_files(l);
	running--;
	thread_current()->files = NULL;
}

static void
several_threads(const char *mkfs, const char *type, const char *fsck, u32 can, u64 seed)
{
	struct load *l[THREADS];
	struct volume v;
	char dir[40];

	must_run("%s", mkfs);
	volume_open(&v, "img", DRIVE_CACHE);
	machine_mark();
	volume_must_mount(&v, type, "");
	fiber_seed = seed;
	for (u32 i = 0; i < THREADS; i++) {
		snprintf(dir, sizeof(dir), MNT "/t%u", can & LOAD_ERRORS ? 0 : i);
		(void)sys_mkdir(dir, 0755);
		l[i] = load_new(dir, can, seed * THREADS + i);
		running++;
		ck_assert_int_eq(thread_spawn(one_of_several, l[i], "load"), 0);
	}
	while (running > 0)
		fiber_sleep(NSEC_PER_MSEC);
	fiber_seed = 0;
	for (u32 i = 0; i < THREADS; i++) {
		if (!(can & LOAD_ERRORS))
			load_check(l[i]);
		load_free(l[i]);
	}
	volume_must_unmount();
	machine_check_leaks();
	must_run("%s", fsck);
	volume_close(&v);
}

TEST(ext2_threads_in_folders_of_their_own)
{
	several_threads(MKE2FS "-t ext2 -b 1024 $D/img 32M", "ext2", E2FSCK, LOAD_POSIX, 1);
	several_threads(MKE2FS "-t ext2 -b 1024 $D/img 32M", "ext2", E2FSCK, LOAD_POSIX, 2);
}

TEST(ext3_threads_in_folders_of_their_own)
{
	several_threads(MKE2FS "-t ext3 -b 1024 -J size=1 $D/img 32M", "ext3", E2FSCK, LOAD_POSIX, 3);
	several_threads(MKE2FS "-t ext3 -b 4096 $D/img 64M", "ext3", E2FSCK, LOAD_POSIX, 4);
}

TEST(ext3_threads_in_one_folder)
{
	several_threads(MKE2FS "-t ext3 -b 1024 -J size=1 $D/img 32M", "ext3", E2FSCK, LOAD_POSIX | LOAD_ERRORS, 5);
	several_threads(MKE2FS "-t ext3 -b 4096 $D/img 64M", "ext3", E2FSCK, LOAD_POSIX | LOAD_ERRORS, 6);
}

TEST(fat_threads_in_folders_of_their_own)
{
	several_threads("mkfs.fat -F 32 -s 1 -C $D/img 65536", "vfat", FSCK, 0, 7);
	must_run("rm $D/img");
	several_threads("mkfs.fat -F 16 -s 4 -C $D/img 32768", "vfat", FSCK, 0, 8);
}

TEST(fat_threads_in_one_folder)
{
	several_threads("mkfs.fat -F 32 -s 1 -C $D/img 65536", "vfat", FSCK, LOAD_ERRORS, 9);
}
