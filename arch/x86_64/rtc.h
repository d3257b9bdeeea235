/* SPDX-License-Identifier: BSD-2-Clause */
/* The CMOS memory with its clock (MC146818 data sheet), and the calendar arithmetic, which unit tests use. */
#ifndef ARCH_X86_64_RTC_H
#define ARCH_X86_64_RTC_H

#include "sys/lib/types.h"

struct rtc_fields { u32 sec, min, hour, day, month, year; };	/* month 1-12, year in full */

u8 cmos_read(u8 reg);
void cmos_write(u8 reg, u8 value);

/* Registers as the chip has them -> fields; status is register B (binary or BCD, 12 or 24 hours). century: the register's
 * value, or 0 where there is none. -EIO: no possible time. */
int __must_check rtc_decode(const u8 regs[10], u8 status, u8 century, struct rtc_fields *out);
/* The other way; *century is set as well. */
void rtc_encode(const struct rtc_fields *f, u8 status, u8 regs[10], u8 *century);
s64 rtc_to_seconds(const struct rtc_fields *f);
void rtc_from_seconds(s64 seconds, struct rtc_fields *f);

#endif
