/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: the vDSO, a small shared object in every process, which reads the clock without entering the kernel.
 *
 * exec maps two things side by side: the data page (arch_vdso_data_page(), read-only, no execute) and right behind it the
 * image [arch_vdso_start, arch_vdso_end) (read and execute; whole pages). AT_SYSINFO_EHDR is the image's address.
 * sys/clock.c publishes a struct vdso_times at every change of the timekeeper.
 *
 * All clocks follow one rule, in the kernel as in the vDSO, so that neither ever sees the other run backwards (a counter
 * behind cycle_last counts as cycle_last):
 *
 *	ns = base + (((cycles - cycle_last) & mask) * mult + frac) / 2^shift	(in 128 bits, rounded down)
 */
#ifndef ARCH_VDSO_H
#define ARCH_VDSO_H

#include "sys/lib/types.h"

struct page;

struct vdso_times {
	int mode;		/* the source's vdso_mode; 0: every call enters the kernel */
	u32 mult, shift;
	u32 raw_mult;		/* MONOTONIC_RAW's (never steered) */
	u64 cycle_last;		/* the counter when the bases below were taken */
	u64 mask;
	u64 frac;		/* of MONOTONIC, units of 2^-shift ns, at cycle_last */
	u64 raw_frac;
	nsec_t mono;		/* CLOCK_MONOTONIC at cycle_last */
	nsec_t raw;		/* CLOCK_MONOTONIC_RAW at cycle_last */
	nsec_t real_offset;	/* CLOCK_REALTIME - CLOCK_MONOTONIC */
	nsec_t boot_offset;	/* CLOCK_BOOTTIME - CLOCK_MONOTONIC */
	nsec_t tai_offset;	/* CLOCK_TAI - CLOCK_MONOTONIC */
	nsec_t coarse_mono;	/* CLOCK_MONOTONIC_COARSE; with real_offset also REALTIME_COARSE and time() */
	nsec_t coarse_res;	/* clock_getres of the coarse clocks */
};

/* Copy *t to the data page. The caller serialises (LOCK_CLOCK); interrupts off. */
void arch_vdso_update(const struct vdso_times *t);

extern const char arch_vdso_start[], arch_vdso_end[];	/* page aligned */
struct page *arch_vdso_data_page(void);

#endif
