/* SPDX-License-Identifier: BSD-2-Clause */
/* The real-time clock as a device. */
#ifndef DEV_RTC_H
#define DEV_RTC_H

void rtc_device_init(void);	/* boot; nothing where there is no clock */

#endif
