/* SPDX-License-Identifier: BSD-2-Clause */
/* iso9660 images that xorriso made: Rock Ridge, Joliet, plain. */
#include "tests/unit/test.h"

#include "sys/abi/errno.h"
#include "syscall_protos.h"
#include "tests/unit/disk/host.h"
#include "tests/unit/disk/machine.h"
#include "tests/unit/disk/sample.h"
#include "tests/unit/disk/tree.h"
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
check_image(const char *options, unsigned what, const char *mount_options, u32 drive_flags, u32 compare)
{
	struct tree_entry *wanted, *seen;
	const char *text;
	struct volume v;

	sample_make("in", what);
	must_run("xorriso -as mkisofs -quiet %s -o $D/img $D/in", options);
	wanted = tree_from_host("in");
	volume_open(&v, "img", drive_flags | DRIVE_READ_ONLY);
	machine_mark();
	ck_assert_int_eq(volume_mount(&v, "iso9660", 1, mount_options), 0);
	for (u32 i = 0; i < 2; i++) {
		seen = tree_from_kernel(MNT, compare);
		text = tree_differs(wanted, seen, compare);
		ck_assert_msg(text == NULL, "%s", text);
		tree_free(seen);
		machine_settle();
	}
	ck_assert_int_eq(sys_mkdir(MNT "/new", 0755), -EROFS);
	volume_must_unmount();
	machine_check_leaks();
	tree_free(wanted);
	volume_close(&v);
}

TEST(rock_ridge)
{
	check_image("-R", SAMPLE_LINKS | SAMPLE_LONG | SAMPLE_MANY | SAMPLE_DEEP, "", DRIVE_SECTOR_2K, TREE_MODES);
}

TEST(rock_ridge_beside_joliet)
{
	check_image("-R -J", SAMPLE_LINKS | SAMPLE_MANY, "", 0, TREE_MODES);
}

TEST(joliet)
{
	check_image("-J", SAMPLE_MANY, "", 0, 0);
	must_run("rm -r $D/in");
	check_image("-R -J", SAMPLE_MANY, "norock", DRIVE_SECTOR_2K, 0);
}

TEST(plain_names)
{
	check_image("", 0, "norock", 0, 0);
}

TEST(errors_at_any_request)
{
	struct volume v;

	sample_make("in", SAMPLE_LINKS | SAMPLE_DEEP);
	must_run("xorriso -as mkisofs -quiet -R -o $D/img $D/in");
	volume_open(&v, "img", DRIVE_READ_ONLY);
	machine_mark();
	for (u32 n = 1; n < 40; n++) {
		v.drive->fail_nth = n;
		v.drive->fail_on = n % 2;
		if (volume_mount(&v, "iso9660", 1, "") == 0) {
			char buf[100];
			long fd = sys_open(MNT "/1/2/3/4/5/6/7/8/9/10/11/12/bottom", 0, 0);

			if (fd >= 0) {
				(void)!sys_pread64((int)fd, buf, sizeof(buf), 0);
				(void)!sys_close((int)fd);
			}
			v.drive->fail_nth = 0;
			volume_must_unmount();
		}
		v.drive->fail_nth = 0;
		machine_check_leaks();
	}
	volume_close(&v);
}
