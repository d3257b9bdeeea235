/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names that tests/exchange makes up: what every kernel must take.
 * sources: tests/exchange/names.c tests/exchange/model.c
 */
#include "tests/unit/test.h"

#include "tests/exchange/exchange.h"

#define COUNT	400000

/* All of them are free: the directory is empty. */
static void
check_names(const char *of, void (*check)(const char *name, size_t len))
{
	static const struct inode dir;
	char name[NAME_BYTES + 1];

	kind = kind_of(of);
	rnd_seed(1);
	for (int i = 0; i < COUNT; i++) {
		size_t len = name_make(&dir, name);

		ck_assert_uint_ge(len, 1);
		ck_assert_uint_le(len, NAME_BYTES);
		ck_assert_uint_eq(strlen(name), len);
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') != NULL)
			ck_abort_msg("name %d is \"%s\"", i, name);
		check(name, len);
	}
}

static void
ext_name_is_good(const char *name, size_t len)
{
}

TEST(names_of_any_bytes_are_no_dots)
{
	check_names("ext2-4k", ext_name_is_good);
}

static void
fat_name_is_good(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || strchr("\\:*?\"<>|", name[i]) != NULL)
			ck_abort_msg("\"%s\" can't be on FAT", name);
	if (name[len - 1] == ' ' || name[len - 1] == '.')
		ck_abort_msg("\"%s\" ends in what FAT leaves out", name);
}

TEST(names_for_fat_can_be_kept)
{
	check_names("fat32", fat_name_is_good);
}
