/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CMOS clock's registers: every encoding, against libc's calendar.
 * sources: arch/x86_64/rtc_calendar.c
 */
#include "tests/unit/test.h"
#include <time.h>
#include "arch/x86_64/rtc.h"

static void
check_second(s64 seconds)
{
	static const u8 statuses[] = { 0x00, 0x02, 0x04, 0x06 };
	struct rtc_fields f, back;
	struct tm tm;
	time_t t = seconds;

	gmtime_r(&t, &tm);
	rtc_from_seconds(seconds, &f);
	ck_assert_uint_eq(f.year, tm.tm_year + 1900);
	ck_assert_uint_eq(f.month, tm.tm_mon + 1);
	ck_assert_uint_eq(f.day, tm.tm_mday);
	ck_assert_uint_eq(f.hour, tm.tm_hour);
	ck_assert_uint_eq(f.min, tm.tm_min);
	ck_assert_uint_eq(f.sec, tm.tm_sec);
	ck_assert_int_eq(rtc_to_seconds(&f), seconds);
	for (u32 i = 0; i < 4; i++) {
		u8 regs[10] = { 0 }, century;

		rtc_encode(&f, statuses[i], regs, &century);
		ck_assert_uint_eq(regs[6], tm.tm_wday + 1);
		ck_assert_int_eq(rtc_decode(regs, statuses[i], century, &back), 0);
		ck_assert_int_eq(rtc_to_seconds(&back), seconds);
	}
}

TEST(every_encoding_there_and_back)
{
	check_second(0);
	check_second(951782399);	/* 2000-02-28 23:59:59 */
	check_second(951782400);	/* 2000-02-29 */
	check_second(4107542399);	/* 2100-02-28, no leap year */
	check_second(4107542400);
	for (u32 i = 0; i < 2000; i++)
		check_second((s64)unit_rand_below(29000000000UL));	/* to the year 2888 */
}

TEST(noon_and_midnight_by_12_hours)
{
	u8 regs[10] = { 0, 0, 0, 0, 0x12, 0, 0, 1, 1, 0x24 };
	struct rtc_fields f;

	ck_assert_int_eq(rtc_decode(regs, 0, 0x20, &f), 0);
	ck_assert_uint_eq(f.hour, 0);
	regs[4] = 0x92;
	ck_assert_int_eq(rtc_decode(regs, 0, 0x20, &f), 0);
	ck_assert_uint_eq(f.hour, 12);
	regs[4] = 0x81;
	ck_assert_int_eq(rtc_decode(regs, 0, 0x20, &f), 0);
	ck_assert_uint_eq(f.hour, 13);
}

TEST(without_a_century_register_70_is_1970)
{
	u8 regs[10] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 0x70 };
	struct rtc_fields f;

	ck_assert_int_eq(rtc_decode(regs, 2, 0, &f), 0);
	ck_assert_uint_eq(f.year, 1970);
	regs[9] = 0x69;
	ck_assert_int_eq(rtc_decode(regs, 2, 0, &f), 0);
	ck_assert_uint_eq(f.year, 2069);
}

TEST(no_clock_is_an_error)
{
	u8 regs[10];
	struct rtc_fields f;

	memset(regs, 0xff, sizeof(regs));
	ck_assert_int_lt(rtc_decode(regs, 0xff, 0xff, &f), 0);
	ck_assert_int_lt(rtc_decode(regs, 2, 0xff, &f), 0);
	memset(regs, 0, sizeof(regs));
	ck_assert_int_lt(rtc_decode(regs, 2, 0x20, &f), 0);	/* day 0 */
	regs[7] = 0x30;
	regs[8] = 0x02;
	ck_assert_int_lt(rtc_decode(regs, 2, 0x20, &f), 0);	/* 30 February */
	for (u32 i = 0; i < 20000; i++) {
		for (u32 r = 0; r < 10; r++)
			regs[r] = (u8)unit_rand();
		if (rtc_decode(regs, (u8)unit_rand(), (u8)unit_rand(), &f) == 0)
			ck_assert(f.month >= 1 && f.month <= 12 && f.day >= 1 && f.day <= 31 && f.hour < 24);
	}
}
