/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/rtc0: the clock that runs while the machine is off, for hwclock(8). See rtc(4); alarms and update interrupts aren't there. */
#include "arch/smp.h"
#include "dev/chrdev.h"
#include "dev/device.h"
#include "dev/rtc.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/log.h"

#define MAJOR_RTC	254u
#define RTC_RD_TIME	0x80247009u
#define RTC_SET_TIME	0x4024700au
#define SECS_PER_DAY	86400

struct abi_rtc_time { s32 sec, min, hour, mday, mon, year, wday, yday, isdst; };	/* mon from 0, year - 1900 */
_Static_assert(sizeof(struct abi_rtc_time) == 36, "struct rtc_time");

static bool
leap(s64 y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static s32
month_days(s64 year, s32 mon)
{
	static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[mon] + (mon == 1 && leap(year) ? 1 : 0);
}

/* Days from 1970-01-01 to the first of January of year, which is 1970 or later. */
static s64
days_before_year(s64 year)
{
	s64 y = year - 1;

	return 365 * (year - 1970) + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) + (y / 400 - 1969 / 400);
}

static void
to_calendar(s64 seconds, struct abi_rtc_time *t)
{
	s64 days = seconds / SECS_PER_DAY, year = 1970 + days / 366;
	s32 rest = (s32)(seconds % SECS_PER_DAY), mon = 0;

	while (days_before_year(year + 1) <= days)
		year++;
	*t = (struct abi_rtc_time){ .sec = rest % 60, .min = rest / 60 % 60, .hour = rest / 3600, .year = (s32)(year - 1900),
		.wday = (s32)((days + 4) % 7), .yday = (s32)(days - days_before_year(year)) };
	rest = t->yday;
	for (; rest >= month_days(year, mon); mon++)
		rest -= month_days(year, mon);
	t->mon = mon;
	t->mday = rest + 1;
}

/* -EINVAL: no such date, or before 1970. */
static int
from_calendar(const struct abi_rtc_time *t, s64 *seconds)
{
	s64 year = (s64)t->year + 1900, days;

	if (year < 1970 || t->mon < 0 || t->mon > 11 || t->mday < 1 || t->mday > month_days(year, t->mon) || t->hour < 0 ||
	    t->hour > 23 || t->min < 0 || t->min > 59 || t->sec < 0 || t->sec > 59)
		return -EINVAL;
	days = days_before_year(year) + t->mday - 1;
	for (s32 m = 0; m < t->mon; m++)
		days += month_days(year, m);
	*seconds = days * SECS_PER_DAY + t->hour * 3600 + t->min * 60 + t->sec;
	return 0;
}

static long
rtc_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	struct abi_rtc_time t;
	s64 seconds;
	int err;

	switch (cmd) {
	case RTC_RD_TIME:
		err = arch_rtc_read(&seconds);
		if (err != 0)
			return err;
		to_calendar(seconds, &t);
		return copy_to_user((void __user *)arg, &t, sizeof(t));
	case RTC_SET_TIME:
		if (!capable(CAP_SYS_TIME))
			return -EACCES;
		if (copy_from_user(&t, (const void __user *)arg, sizeof(t)) != 0)
			return -EFAULT;
		err = from_calendar(&t, &seconds);
		return err != 0 ? err : arch_rtc_write(seconds);
	default:
		return -ENOTTY;
	}
}

static int
show_date(struct device *d, struct strbuf *out)
{
	struct abi_rtc_time t;
	s64 seconds;
	int err = arch_rtc_read(&seconds);

	if (err != 0)
		return err;
	to_calendar(seconds, &t);
	strbuf_printf(out, "%04d-%02d-%02d\n", t.year + 1900, t.mon + 1, t.mday);
	return 0;
}

static int
show_time(struct device *d, struct strbuf *out)
{
	struct abi_rtc_time t;
	s64 seconds;
	int err = arch_rtc_read(&seconds);

	if (err != 0)
		return err;
	to_calendar(seconds, &t);
	strbuf_printf(out, "%02d:%02d:%02d\n", t.hour, t.min, t.sec);
	return 0;
}

static int
show_since_epoch(struct device *d, struct strbuf *out)
{
	s64 seconds;
	int err = arch_rtc_read(&seconds);

	if (err == 0)
		strbuf_printf(out, "%ld\n", seconds);
	return err;
}

static int
show_hctosys(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "1\n");	/* the system's time was set from it at boot */
	return 0;
}

static const struct device_attr attr_date = { .name = "date", .mode = 0444, .show = show_date };
static const struct device_attr attr_time = { .name = "time", .mode = 0444, .show = show_time };
static const struct device_attr attr_since_epoch = { .name = "since_epoch", .mode = 0444, .show = show_since_epoch };
static const struct device_attr attr_hctosys = { .name = "hctosys", .mode = 0444, .show = show_hctosys };
static const struct device_attr *const attrs[] = { &attr_date, &attr_time, &attr_since_epoch, &attr_hctosys, NULL };

static const struct file_ops rtc_fops = { .ioctl = rtc_ioctl };
static struct chrdev rtc_chrdev = { .name = "rtc", .major = MAJOR_RTC, .first = 0, .count = 1, .ops = &rtc_fops };
static const struct device_class rtc_class = { .name = "rtc" };
static struct device rtc_device = { .name = "rtc0", .class = &rtc_class, .devt = DEV_NUMBER(MAJOR_RTC, 0u), .mode = 0600, .attrs = attrs };

void
rtc_device_init(void)
{
	s64 seconds;

	if (arch_rtc_read(&seconds) != 0)
		return;
	if (chrdev_register(&rtc_chrdev) != 0 || device_register(&rtc_device) != 0)
		log_err("rtc: cannot register rtc0");
}
