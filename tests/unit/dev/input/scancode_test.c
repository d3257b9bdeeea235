/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scan codes of set 1 to key codes.
 * sources: dev/input/scancode.c
 */
#include "tests/unit/test.h"

#include "dev/input/ps2.h"
#include "dev/vt/keymap.h"

static struct ps2_decoder d;
static bool down;

static u32
last(const char *bytes, u32 n)
{
	u32 key = 0;

	for (u32 i = 0; i < n; i++) {
		u32 k = ps2_decode(&d, (u8)bytes[i], &down);

		if (k != 0)
			key = k;
	}
	return key;
}
#define KEY_OF(s)	last(s, sizeof(s) - 1)

TEST(plain_and_extended_keys)
{
	ck_assert_uint_eq(KEY_OF("\x1e"), 30);
	ck_assert(down);
	ck_assert_uint_eq(KEY_OF("\x9e"), 30);
	ck_assert(!down);
	ck_assert_uint_eq(KEY_OF("\xe0\x48"), KEY_UP);
	ck_assert(down);
	ck_assert_uint_eq(KEY_OF("\xe0\xc8"), KEY_UP);
	ck_assert(!down);
	ck_assert_uint_eq(KEY_OF("\x48"), KEY_KP7 + 1);
	ck_assert_uint_eq(KEY_OF("\xe0\x2a\xe0\x37"), KEY_SYSRQ);
	ck_assert_uint_eq(KEY_OF("\x54"), KEY_SYSRQ);
	ck_assert_uint_eq(KEY_OF("\xe0\x2a"), 0);
	ck_assert_uint_eq(KEY_OF("\x7f"), 0);
}

TEST(pause_is_one_key)
{
	u32 keys = 0;

	for (const char *p = "\xe1\x1d\x45\xe1\x9d\xc5"; *p != '\0'; p++)
		if (ps2_decode(&d, (u8)*p, &down) != 0 && down)
			keys++;
	ck_assert_uint_eq(keys, 1);
	ck_assert_uint_eq(KEY_OF("\x1e"), 30);
}

TEST(any_bytes)
{
	for (u32 i = 0; i < 100000; i++)
		ck_assert_uint_lt(ps2_decode(&d, (u8)unit_rand(), &down), NR_KEYS);
}
