/* SPDX-License-Identifier: BSD-2-Clause */
/* Features of file systems that Lintel does not know (Linux knows some of them): the mount is refused, and the log names each. */
#define _GNU_SOURCE
#include "ext2_aid.h"

#include <sys/klog.h>

/* The end of the kernel's log. */
static void
check_log(const char *words)
{
	static char log[1 << 18];
	int n = ck_ok(klogctl(3, log, sizeof(log) - 1));

	log[n] = '\0';
	for (char *line = strrchr(log, '\n'); line != NULL && line > log + n - 4000; line = memrchr(log, '\n', line - log)) {
		if (strstr(line, words) != NULL)
			return;
		if (line == log)
			break;
	}
	ck_abort_msg("the log's end has no \"%s\"", words);
}

static const struct { const char *name; unsigned bit; } incompat[] = {
	{ "compression", 0x1 }, { "journal_dev", 0x8 }, { "meta_bg", 0x10 }, { "extent", 0x40 }, { "64bit", 0x80 }, { "mmp", 0x100 },
	{ "flex_bg", 0x200 }, { "ea_inode", 0x400 }, { "dirdata", 0x1000 }, { "metadata_csum_seed", 0x2000 }, { "large_dir", 0x4000 },
	{ "inline_data", 0x8000 }, { "encrypt", 0x10000 }, { "casefold", 0x20000 }, { "bit31", 0x80000000 },
};

START_TEST(features_incompat)
{
	char words[80];

	copy_disk("/dev/vdj");
	poke(COPY, SB_INCOMPAT, 4, peek(COPY, SB_INCOMPAT, 4) | incompat[_i].bit);
	ck_fails(mount_copy("ext4", _i % 2 != 0 ? MS_RDONLY : 0, NULL), EINVAL);
	snprintf(words, sizeof(words), "unsupported optional features: %s\n", incompat[_i].name);
	check_log(words);
}
END_TEST

static const struct { const char *name; unsigned bit; } ro_compat[] = {
	{ "uninit_bg", 0x10 }, { "quota", 0x100 }, { "bigalloc", 0x200 }, { "metadata_csum", 0x400 }, { "project", 0x2000 }, { "verity", 0x8000 },
};

/* To be read they will do. */
START_TEST(features_ro_compat)
{
	char words[80];

	copy_disk("/dev/vdj");
	poke(COPY, SB_RO_COMPAT, 4, peek(COPY, SB_RO_COMPAT, 4) | ro_compat[_i].bit);
	ck_fails(mount_copy("ext4", 0, NULL), EINVAL);
	snprintf(words, sizeof(words), "couldn't mount RDWR because of unsupported optional features: %s\n", ro_compat[_i].name);
	check_log(words);
	ck_ok(mount_copy("ext4", MS_RDONLY, NULL));
	ck_ok(umount(AT));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ext2_features");
	TCase *t = tcase_create("unknown");

	tcase_add_loop_test(t, features_incompat, 0, sizeof(incompat) / sizeof(incompat[0]));
	tcase_add_loop_test(t, features_ro_compat, 0, sizeof(ro_compat) / sizeof(ro_compat[0]));
	suite_add_tcase(s, t);
	return guest_run(s);
}
