/* SPDX-License-Identifier: BSD-2-Clause */
/* From the RTC's registers to seconds since 1970 and back. Pure code. */
#include "arch/x86_64/rtc.h"

#include "sys/abi/errno.h"

#define STATUS_B_24H	0x02
#define STATUS_B_BINARY	0x04
#define HOUR_PM		0x80
#define SECS_PER_DAY	86400

static u32
from_chip(u8 v, bool binary)
{
	return binary ? v : (v >> 4) * 10U + (v & 15);
}

static u8
to_chip(u32 v, bool binary)
{
	return (u8)(binary ? v : v / 10 << 4 | v % 10);
}

static bool
leap(u32 y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static u32
month_days(u32 month, u32 year)
{
	static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

/* A digit above 9 in BCD means that no clock is behind the register. */
static bool
digits_ok(const u8 *regs, u8 status)
{
	static const u8 used[] = { 0, 2, 4, 7, 8, 9 };

	if (status & STATUS_B_BINARY)
		return true;
	for (u32 i = 0; i < ARRAY_SIZE(used); i++) {
		u8 v = regs[used[i]] & (used[i] == 4 ? 0x7f : 0xff);

		if ((v & 15) > 9 || v >> 4 > 9)
			return false;
	}
	return true;
}

int
rtc_decode(const u8 regs[10], u8 status, u8 century, struct rtc_fields *out)
{
	bool binary = status & STATUS_B_BINARY;
	u32 hour, c = from_chip(century, binary);

	if (!digits_ok(regs, status))
		return -EIO;
	out->sec = from_chip(regs[0], binary);
	out->min = from_chip(regs[2], binary);
	out->day = from_chip(regs[7], binary);
	out->month = from_chip(regs[8], binary);
	out->year = from_chip(regs[9], binary);
	if (status & STATUS_B_24H) {
		hour = from_chip(regs[4], binary);
	} else {
		hour = from_chip(regs[4] & ~HOUR_PM, binary);
		if (hour < 1 || hour > 12)
			return -EIO;
		hour = hour % 12 + (regs[4] & HOUR_PM ? 12 : 0);
	}
	out->hour = hour;
	if (out->year > 99)
		return -EIO;
	if (century != 0 && c >= 19 && c <= 29)
		out->year += c * 100;
	else
		out->year += out->year < 70 ? 2000 : 1900;
	if (out->sec > 59 || out->min > 59 || hour > 23 || out->month < 1 || out->month > 12 || out->day < 1 ||
	    out->day > month_days(out->month, out->year))
		return -EIO;
	return 0;
}

void
rtc_encode(const struct rtc_fields *f, u8 status, u8 regs[10], u8 *century)
{
	bool binary = status & STATUS_B_BINARY;
	s64 days = rtc_to_seconds(f) / SECS_PER_DAY;

	regs[0] = to_chip(f->sec, binary);
	regs[2] = to_chip(f->min, binary);
	if (status & STATUS_B_24H)
		regs[4] = to_chip(f->hour, binary);
	else
		regs[4] = (u8)(to_chip(f->hour % 12 == 0 ? 12 : f->hour % 12, binary) | (f->hour >= 12 ? HOUR_PM : 0));
	regs[6] = to_chip((u32)((days + 4) % 7) + 1, binary);	/* 1970-01-01 was a Thursday; Sunday is 1 */
	regs[7] = to_chip(f->day, binary);
	regs[8] = to_chip(f->month, binary);
	regs[9] = to_chip(f->year % 100, binary);
	*century = to_chip(f->year / 100, binary);
}

s64
rtc_to_seconds(const struct rtc_fields *f)
{
	s64 days = 0;

	for (u32 y = 1970; y < f->year; y++)
		days += leap(y) ? 366 : 365;
	for (u32 m = 1; m < f->month; m++)
		days += month_days(m, f->year);
	days += f->day - 1;
	return ((days * 24 + f->hour) * 60 + f->min) * 60 + f->sec;
}

void
rtc_from_seconds(s64 seconds, struct rtc_fields *f)
{
	s64 days = seconds / SECS_PER_DAY;
	u32 rest = (u32)(seconds % SECS_PER_DAY);

	f->hour = rest / 3600;
	f->min = rest / 60 % 60;
	f->sec = rest % 60;
	f->year = 1970;
	while (days >= (leap(f->year) ? 366 : 365))
		days -= leap(f->year++) ? 366 : 365;
	f->month = 1;
	while (days >= month_days(f->month, f->year))
		days -= month_days(f->month++, f->year);
	f->day = (u32)days + 1;
}
