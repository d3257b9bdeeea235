/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calendar against libc's.
 * sources: sys/lib/calendar.c
 */
#include "tests/unit/test.h"

#include "sys/lib/calendar.h"

#include <time.h>

TEST(agrees_with_libc_over_centuries)
{
	s64 t;

	for (t = -70L * 366 * 86400; t < 600L * 366 * 86400; t += 86400L * 3 + 3723) {
		time_t lt = t;
		struct calendar c;
		struct tm tm;

		gmtime_r(&lt, &tm);
		calendar_from_seconds(t, &c);
		ck_assert_int_eq(c.year, tm.tm_year + 1900);
		ck_assert_uint_eq(c.month, (u32)tm.tm_mon + 1);
		ck_assert_uint_eq(c.day, (u32)tm.tm_mday);
		ck_assert_uint_eq(c.hour, (u32)tm.tm_hour);
		ck_assert_uint_eq(c.minute, (u32)tm.tm_min);
		ck_assert_uint_eq(c.second, (u32)tm.tm_sec);
		ck_assert_int_eq(calendar_to_seconds(&c), t);
	}
}
