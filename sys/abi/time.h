/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and timers of the ABI (clock_gettime(2), timer_create(2), setitimer(2), adjtimex(2)). */
#ifndef SYS_ABI_TIME_H
#define SYS_ABI_TIME_H

#include "sys/abi/timespec.h"

#define CLOCK_REALTIME			0
#define CLOCK_MONOTONIC			1
#define CLOCK_PROCESS_CPUTIME_ID	2
#define CLOCK_THREAD_CPUTIME_ID		3
#define CLOCK_MONOTONIC_RAW		4
#define CLOCK_REALTIME_COARSE		5
#define CLOCK_MONOTONIC_COARSE		6
#define CLOCK_BOOTTIME			7
#define CLOCK_REALTIME_ALARM		8
#define CLOCK_BOOTTIME_ALARM		9
#define CLOCK_SGI_CYCLE			10
#define CLOCK_TAI			11
#define MAX_CLOCKS			16

/* Negative clock ids: ~pid << 3 | which clock; bit 2: of a thread. The values 3 and 7 in the low bits mean an fd. */
#define CPUCLOCK_PROF			0
#define CPUCLOCK_VIRT			1
#define CPUCLOCK_SCHED			2
#define CPUCLOCK_CLOCK_MASK		3
#define CPUCLOCK_PERTHREAD		4
#define CLOCKFD				3	/* in the low three bits: the rest is a file descriptor, of a device that is a clock */
#define CLOCKFD_MASK			7
#define CPUCLOCK_PID(clock)		((pid_t)~((clock) >> 3))

#define TIMER_ABSTIME			1

#define ITIMER_REAL			0
#define ITIMER_VIRTUAL			1
#define ITIMER_PROF			2

struct abi_itimerval { struct abi_timeval it_interval, it_value; };
struct abi_itimerspec { struct abi_timespec it_interval, it_value; };
struct abi_timezone { s32 tz_minuteswest, tz_dsttime; };

/* struct timex: 208 bytes */
struct abi_timex {
	u32 modes, pad0;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad1;
	s64 constant, precision, tolerance;
	struct abi_timeval time;
	s64 tick, ppsfreq, jitter;
	s32 shift, pad2;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai;
	s32 pad3[11];
};
_Static_assert(sizeof(struct abi_timex) == 208, "timex layout");

#define ADJ_OFFSET		0x0001
#define ADJ_FREQUENCY		0x0002
#define ADJ_MAXERROR		0x0004
#define ADJ_ESTERROR		0x0008
#define ADJ_STATUS		0x0010
#define ADJ_TIMECONST		0x0020
#define ADJ_TAI			0x0080
#define ADJ_SETOFFSET		0x0100
#define ADJ_MICRO		0x1000
#define ADJ_NANO		0x2000
#define ADJ_TICK		0x4000
#define ADJ_OFFSET_SINGLESHOT	0x8001
#define ADJ_OFFSET_SS_READ	0xa001

#define STA_UNSYNC		0x0040
#define TIME_OK			0
#define TIME_ERROR		5

#endif
