/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2 and ext3 when requests fail, memory is short, or the power is cut: nothing crashes, nothing is lost of the kernel's memory, and what
 * stays on the disk is what it should be.
 */
#include "tests/unit/test.h"

#include "mm/page.h"
#include "syscall_protos.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/load.h"
#include "tests/unit/disk/machine.h"
#include "tests/unit/disk/volume.h"
#include "tests/unit/shim/shim.h"

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

/* --- requests that fail, memory that isn't there --- */

static void
use_and_leave(struct volume *v, const char *type, u32 n)
{
	struct load *l;

	if (volume_mount(v, type, 0, "") != 0)
		return;
	l = load_new(MNT, LOAD_POSIX | LOAD_ERRORS, n);
	load_run(l, 60);
	load_free(l);
	(void)sys_sync();
	v->drive->fail_nth = 0;
	unit_kmem_fail_in(0);
	page_fail_interval = 0;
	volume_must_unmount();
}

static void
restore(struct volume *v, const u8 *pristine)
{
	memcpy(v->data, pristine, v->size);
	v->drive->fail_nth = 0;
	unit_kmem_fail_in(0);
	page_fail_interval = 0;
}

static void
sweep(const char *mkfs, const char *type, u32 last, void (*arm)(struct volume *v, u32 n))
{
	struct volume v;
	u8 *pristine;

	must_run("%s", mkfs);
	volume_open(&v, "img", DRIVE_CACHE);
	pristine = malloc(v.size);
	memcpy(pristine, v.data, v.size);
	machine_mark();
	for (u32 n = 1; n <= last; n += 1 + n / 24) {
		arm(&v, n);
		use_and_leave(&v, type, n);
		restore(&v, pristine);
		machine_check_leaks();
	}
	free(pristine);
	volume_close(&v);
}

static void fail_request(struct volume *v, u32 n) { v->drive->fail_nth = n; v->drive->fail_on = false; }
static void fail_requests_from(struct volume *v, u32 n) { v->drive->fail_nth = n; v->drive->fail_on = true; }
static void fail_writes_from(struct volume *v, u32 n) { v->drive->fail_nth = n; v->drive->fail_on = v->drive->fail_writes_only = true; }
static void fail_allocation(struct volume *v, u32 n) { (void)v; unit_kmem_fail_in(n); }
static void fail_pages(struct volume *v, u32 n) { (void)v; page_fail_interval = n + 1; }

#define SMALL_EXT2	MKE2FS "-t ext2 -b 1024 $D/img 4M"
#define SMALL_EXT3	MKE2FS "-t ext3 -b 1024 -J size=1 $D/img 4M"

TEST(ext2_any_request_fails)
{
	sweep(SMALL_EXT2, "ext2", 120, fail_request);
}

TEST(ext2_all_requests_fail_from_one_on)
{
	sweep(SMALL_EXT2, "ext2", 120, fail_requests_from);
}

TEST(ext3_any_request_fails)
{
	sweep(SMALL_EXT3, "ext3", 200, fail_request);
}

TEST(ext3_all_writes_fail_from_one_on)
{
	sweep(SMALL_EXT3, "ext3", 120, fail_writes_from);
}

TEST(ext2_any_allocation_fails)
{
	sweep(SMALL_EXT2, "ext2", 1000, fail_allocation);
}

TEST(ext3_any_allocation_fails)
{
	sweep(SMALL_EXT3, "ext3", 1000, fail_allocation);
}

TEST(ext3_every_nth_page_is_missing)
{
	sweep(SMALL_EXT3, "ext3", 60, fail_pages);
}

/* --- the power is cut --- */

static void
cut(const char *mkfs, const char *type, bool journal)
{
	struct volume v;
	u8 *pristine;

	must_run("%s", mkfs);
	volume_open(&v, "img", DRIVE_CACHE);
	pristine = malloc(v.size);
	memcpy(pristine, v.data, v.size);
	for (u32 n = 1; n < 150; n += 1 + n / 12) {
		struct load *l = load_new(MNT, LOAD_POSIX | LOAD_ERRORS, n);

		restore(&v, pristine);
		volume_must_mount(&v, type, "");
		v.drive->cut_after = n;
		load_run(l, 120);
		load_free(l);
		(void)sys_sync();
		(void)volume_unmount();
		v.drive->cut_after = 0;
		v.drive->cut = false;
		machine_settle();
		if (!journal) {
			must_run("e2fsck -fy $D/img; [ $? -lt 4 ]");
		} else {
			volume_must_mount(&v, type, "");
			volume_must_unmount();
		}
		must_run("e2fsck -fn $D/img");
		volume_must_mount(&v, type, "");
		tree_free(tree_from_kernel(MNT, TREE_XATTRS));
		volume_must_unmount();
	}
	free(pristine);
	volume_close(&v);
}

TEST(ext3_recovers_from_any_power_cut)
{
	cut(SMALL_EXT3, "ext3", true);
}

TEST(ext2_is_repaired_after_any_power_cut)
{
	cut(SMALL_EXT2, "ext2", false);
}
