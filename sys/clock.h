/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timekeeping. One seqcount timekeeper (mult, shift) feeds the kernel and the vDSO page. Times are nsec_t.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "sys/lib/types.h"

struct waitq;

/* A free-running counter. The best rated one that is stable is used; arch registers them. */
struct clocksource {
	const char *name;		/* "tsc", "hpet", "acpi_pm" */
	u64 (*read)(void);		/* any context */
	u64 mask;			/* width of the counter */
	u64 freq_hz;
	int rating;			/* higher is better */
	int vdso_mode;			/* 0: not readable from user mode, 1: TSC */
};

void clock_register_source(const struct clocksource *cs);
/* Switch to a refined frequency, or away from a source found unstable. Thread context. */
void clock_update_freq(const struct clocksource *cs, u64 freq_hz);
void clock_mark_unstable(const struct clocksource *cs);

nsec_t clock_now(void);			/* CLOCK_MONOTONIC; any context */
nsec_t clock_raw(void);			/* CLOCK_MONOTONIC_RAW */
nsec_t clock_boottime(void);		/* CLOCK_BOOTTIME */
nsec_t clock_realtime(void);		/* CLOCK_REALTIME, ns since 1970 */
nsec_t clock_realtime_coarse(void);	/* of the last tick or update, for file times: cheap */
/* Step the wall clock; wakes TFD_TIMER_CANCEL_ON_SET and realtime timers. */
void clock_set_realtime(nsec_t now);
nsec_t clock_realtime_offset(void);	/* realtime - monotonic */
u32 clock_set_count(void);		/* bumped by every step */
struct waitq *clock_set_waitq(void);	/* woken by every step */
nsec_t clock_boottime_offset(void);	/* boottime - monotonic */
nsec_t clock_coarse(void);		/* CLOCK_MONOTONIC_COARSE */
nsec_t clock_coarse_resolution(void);
const char *clock_source_name(void);
/* adjtimex(2): frequency in ppm << 16 (at most 500 ppm); TAI - UTC. */
s64 clock_freq_adjust(void);
void clock_set_freq_adjust(s64 scaled_ppm);
void clock_step_realtime(nsec_t delta);
nsec_t clock_tai_offset(void);
void clock_set_tai_offset(nsec_t offset);
extern s32 clock_minutes_west;		/* [a] settimeofday(2)'s time zone, of no effect but for file systems that keep local time */
void clock_init(void);			/* reads the RTC */

/* Busy wait, for hardware with documented delays below a few microseconds only. */
void clock_delay(nsec_t ns);

#endif
