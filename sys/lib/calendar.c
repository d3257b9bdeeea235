/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Days are counted in years that begin with March, so that the leap day is a year's last, and in eras of 400 years, which
 * have 146,097 days.
 */
#include "sys/lib/calendar.h"

#define DAYS_PER_ERA	146097
#define DAYS_TO_1970	719468	/* from 1 March of the year 0 */

s64
calendar_to_seconds(const struct calendar *c)
{
	u32 month = c->month < 1 ? 1 : c->month > 12 ? 12 : c->month;
	s64 y = c->year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	s64 year_of_era = y - era * 400;
	s64 day_of_year = (153 * (s64)((month + 9) % 12) + 2) / 5 + (s64)c->day - 1;
	s64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return ((era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970) * 24 + c->hour) * 3600 + (s64)c->minute * 60 + c->second;
}

void
calendar_from_seconds(s64 seconds, struct calendar *c)
{
	s64 days = seconds / 86400, rest = seconds % 86400, era, day_of_era, year_of_era, day_of_year, march_month;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += DAYS_TO_1970;
	era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	day_of_era = days - era * DAYS_PER_ERA;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	march_month = (5 * day_of_year + 2) / 153;
	c->day = (u32)(day_of_year - (153 * march_month + 2) / 5 + 1);
	c->month = (u32)(march_month < 10 ? march_month + 3 : march_month - 9);
	c->year = (s32)(year_of_era + era * 400 + (c->month <= 2));
	c->hour = (u32)(rest / 3600);
	c->minute = (u32)(rest / 60 % 60);
	c->second = (u32)(rest % 60);
}
