/* SPDX-License-Identifier: BSD-2-Clause */
/* The time-stamp counter as a clock (time.c starts it all), and the counters it is checked against. */
#ifndef ARCH_X86_64_TSC_H
#define ARCH_X86_64_TSC_H

#include "sys/clock.h"

/* Calibrate against ref (NULL: CPUID's word, or the PIT) and register as clock source as far as it is trusted. */
void tsc_init(const struct clocksource *ref);
/* After threads run: refine the rate, start the watchdog. */
void tsc_start_watchdog(void);
bool tsc_is_usable(void);		/* it is, and was never found unstable */
u64 tsc_khz(void);			/* 0 until it is calibrated */
u64 tsc_from_nsec(nsec_t ns);		/* ticks, rounded down */

/* Compare this CPU's counter with the other CPUs' (they call it, too, at the same time). */
void tsc_sync_round(void);
/* Judge what the rounds found. Thread context. */
void tsc_sync_finish(void);

/* Memory-mapped and port counters: NULL where there is none. */
const struct clocksource *hpet_init(void);
const struct clocksource *pmtimer_init(void);
/* Hz of the TSC, measured against r; 0 where r stands still. */
u64 tsc_measure(const struct clocksource *r);
/* Hz of the TSC by the PIT's channel 0; 0 where that doesn't count. */
u64 pit_calibrate_tsc(void);

#endif
