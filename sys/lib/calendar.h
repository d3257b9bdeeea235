/* SPDX-License-Identifier: BSD-2-Clause */
/* The Gregorian calendar, as file systems store it, and seconds since 1970. */
#ifndef SYS_LIB_CALENDAR_H
#define SYS_LIB_CALENDAR_H

#include "sys/lib/types.h"

struct calendar { s32 year; u32 month, day, hour, minute, second; };	/* month and day from 1 */

/* Fields beyond their range count on (day 32 is the next month's first); month is taken as 1..12. */
s64 calendar_to_seconds(const struct calendar *c);
void calendar_from_seconds(s64 seconds, struct calendar *c);

#endif
