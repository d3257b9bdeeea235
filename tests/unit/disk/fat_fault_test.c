/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT when requests fail, memory is short, or the power is cut. */
#include "tests/unit/test.h"

#include "mm/page.h"
#include "syscall_protos.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/load.h"
#include "tests/unit/disk/machine.h"
#include "tests/unit/disk/volume.h"
#include "tests/unit/shim/shim.h"

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
disarm(struct volume *v)
{
	v->drive->fail_nth = 0;
	unit_kmem_fail_in(0);
	page_fail_interval = 0;
}

static void
sweep(const char *mkfs, u32 last, void (*arm)(struct volume *v, u32 n))
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
		if (volume_mount(&v, "vfat", 0, "utf8") == 0) {
			struct load *l = load_new(MNT, LOAD_ERRORS, n);

			load_run(l, 60);
			load_free(l);
			(void)sys_sync();
			disarm(&v);
			volume_must_unmount();
		}
		disarm(&v);
		memcpy(v.data, pristine, v.size);
		machine_check_leaks();
	}
	free(pristine);
	volume_close(&v);
}

static void fail_request(struct volume *v, u32 n) { v->drive->fail_nth = n; v->drive->fail_on = false; }
static void fail_requests_from(struct volume *v, u32 n) { v->drive->fail_nth = n; v->drive->fail_on = true; }
static void fail_allocation(struct volume *v, u32 n) { (void)v; unit_kmem_fail_in(n); }
static void fail_pages(struct volume *v, u32 n) { (void)v; page_fail_interval = n + 1; }

#define FAT12	"mkfs.fat -F 12 -C $D/img 2048"
#define FAT32	"mkfs.fat -F 32 -s 1 -C $D/img 34000"

TEST(fat12_any_request_fails)
{
	sweep(FAT12, 120, fail_request);
}

TEST(fat12_all_requests_fail_from_one_on)
{
	sweep(FAT12, 120, fail_requests_from);
}

TEST(fat32_any_request_fails)
{
	sweep(FAT32, 60, fail_request);
}

TEST(fat12_any_allocation_fails)
{
	sweep(FAT12, 1000, fail_allocation);
}

TEST(fat32_every_nth_page_is_missing)
{
	sweep(FAT32, 40, fail_pages);
}

/* No journal: a cut leaves entries and tables that don't fit (and that fsck.fat doesn't repair in one go). They are lived with. */
TEST(fat12_can_be_used_after_any_power_cut)
{
	struct volume v;
	u8 *pristine;

	must_run(FAT12);
	volume_open(&v, "img", DRIVE_CACHE);
	pristine = malloc(v.size);
	memcpy(pristine, v.data, v.size);
	for (u32 n = 1; n < 100; n += 1 + n / 8) {
		struct load *l = load_new(MNT, LOAD_ERRORS, n);

		memcpy(v.data, pristine, v.size);
		volume_must_mount(&v, "vfat", "utf8");
		v.drive->cut_after = n;
		load_run(l, 120);
		load_free(l);
		(void)sys_sync();
		(void)volume_unmount();
		v.drive->cut_after = 0;
		v.drive->cut = false;
		machine_settle();
		volume_must_mount(&v, "vfat", "utf8");
		l = load_new(MNT, LOAD_ERRORS, n);
		load_run(l, 100);
		load_free(l);
		volume_must_unmount();
	}
	free(pristine);
	volume_close(&v);
}
