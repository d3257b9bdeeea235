/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vDSO's clock code, compiled into the test with a data page of ours: the arithmetic, the clocks it knows, and that it
 * falls back to the system call for what it doesn't.
 * sources: arch/x86_64/vdso/vdso.c
 */
#include "tests/unit/test.h"
#include <time.h>
#include "arch/x86_64/vdso/data.h"

struct user_timespec { s64 sec, nsec; };
struct user_timeval { s64 sec, usec; };

int __vdso_clock_gettime(int clock, struct user_timespec *ts);
int __vdso_clock_getres(int clock, struct user_timespec *res);
int __vdso_gettimeofday(struct user_timeval *tv, void *tz);
s64 __vdso_time(s64 *t);

struct vdso_data vdso_data;

void
unit_setup(void)
{
	vdso_data.t = (struct vdso_times){ .mode = 1, .mult = 1U << 20, .raw_mult = 1U << 20, .shift = 20, .mask = UINT64_MAX,
		.cycle_last = __builtin_ia32_rdtsc(), .mono = 5 * NSEC_PER_SEC, .raw = 6 * NSEC_PER_SEC,
		.real_offset = 1000 * NSEC_PER_SEC, .boot_offset = 10 * NSEC_PER_SEC, .tai_offset = 1037 * NSEC_PER_SEC,
		.coarse_mono = 5 * NSEC_PER_SEC - 1, .coarse_res = 4000000 };
}

static nsec_t
get(int clock)
{
	struct user_timespec ts = { -1, -1 };

	ck_assert_int_eq(__vdso_clock_gettime(clock, &ts), 0);
	ck_assert(ts.nsec >= 0 && ts.nsec < NSEC_PER_SEC);
	return ts.sec * NSEC_PER_SEC + ts.nsec;
}

static void
near(nsec_t got, nsec_t base)
{
	ck_assert_int_ge(got, base);
	ck_assert_int_lt(got, base + 60 * NSEC_PER_SEC);
}

TEST(each_clock_has_its_base)
{
	near(get(CLOCK_MONOTONIC), 5 * NSEC_PER_SEC);
	near(get(CLOCK_REALTIME), 1005 * NSEC_PER_SEC);
	near(get(CLOCK_BOOTTIME), 15 * NSEC_PER_SEC);
	near(get(CLOCK_MONOTONIC_RAW), 6 * NSEC_PER_SEC);
	near(get(CLOCK_TAI), 1042 * NSEC_PER_SEC);
	ck_assert_int_eq(get(CLOCK_MONOTONIC_COARSE), 5 * NSEC_PER_SEC - 1);
	ck_assert_int_eq(get(CLOCK_REALTIME_COARSE), 1005 * NSEC_PER_SEC - 1);
	ck_assert_int_eq(__vdso_time(NULL), 1004);
}

TEST(it_never_runs_backwards)
{
	nsec_t last = 0;

	for (u32 i = 0; i < 10000; i++) {
		nsec_t now = get(CLOCK_MONOTONIC);

		ck_assert_int_ge(now, last);
		last = now;
	}
}

TEST(a_counter_behind_the_page_counts_as_the_page)
{
	vdso_data.t.cycle_last = __builtin_ia32_rdtsc() + (1UL << 40);
	ck_assert_int_eq(get(CLOCK_MONOTONIC), 5 * NSEC_PER_SEC);
}

TEST(long_sleeps_do_not_overflow)
{
	vdso_data.t.cycle_last = __builtin_ia32_rdtsc() - (1UL << 55);	/* a year at 1 GHz */
	near(get(CLOCK_MONOTONIC), 5 * NSEC_PER_SEC + (nsec_t)(1UL << 55));
}

TEST(what_it_does_not_know_the_kernel_answers)
{
	struct user_timespec ts;
	struct user_timeval tv;

	ck_assert_int_eq(__vdso_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	ck_assert_int_eq(__vdso_clock_gettime(9999, &ts), -EINVAL);
	ck_assert_int_eq(__vdso_clock_getres(9999, &ts), -EINVAL);
	vdso_data.t.mode = 0;
	ck_assert_int_eq(__vdso_clock_gettime(CLOCK_REALTIME, &ts), 0);
	ck_assert_int_ge(ts.sec, 1600000000);
	ck_assert_int_eq(__vdso_gettimeofday(&tv, NULL), 0);
	ck_assert_int_ge(tv.sec, 1600000000);
}

TEST(resolutions)
{
	struct user_timespec ts;

	ck_assert_int_eq(__vdso_clock_getres(CLOCK_MONOTONIC, &ts), 0);
	ck_assert(ts.sec == 0 && ts.nsec == 1);
	ck_assert_int_eq(__vdso_clock_getres(CLOCK_REALTIME_COARSE, &ts), 0);
	ck_assert(ts.sec == 0 && ts.nsec == 4000000);
	ck_assert_int_eq(__vdso_clock_getres(CLOCK_MONOTONIC, NULL), 0);
}
