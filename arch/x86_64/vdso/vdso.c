/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vDSO's code: runs in user mode, in any process, at any address. It has no data of its own but the page before it, no
 * stack protector, no calls. What it can't answer it asks the kernel, whose word then counts.
 */
#include "arch/x86_64/trapframe.h"
#include "arch/x86_64/vdso/data.h"
#include "sys/lib/atomic.h"

#define NR_gettimeofday		96
#define NR_time			201
#define NR_clock_gettime	228
#define NR_clock_getres		229

enum { CLK_REALTIME = 0, CLK_MONOTONIC = 1, CLK_MONOTONIC_RAW = 4, CLK_REALTIME_COARSE = 5, CLK_MONOTONIC_COARSE = 6,
	CLK_BOOTTIME = 7, CLK_TAI = 11 };

struct user_timespec { s64 sec, nsec; };
struct user_timeval { s64 sec, usec; };
struct user_timezone { s32 minuteswest, dsttime; };

extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));	/* vdso.lds */

int __vdso_clock_gettime(int clock, struct user_timespec *ts);
int __vdso_clock_getres(int clock, struct user_timespec *res);
int __vdso_gettimeofday(struct user_timeval *tv, struct user_timezone *tz);
s64 __vdso_time(s64 *t);
long __vdso_getcpu(u32 *cpu, u32 *node, void *unused);

static inline long
syscall2(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return ret;
}

static inline u64
read_counter(void)
{
	u32 lo, hi;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

static inline u32
read_begin(void)
{
	u32 seq;

	while ((seq = atomic_load_acquire(&vdso_data.seq)) & 1)
		__builtin_ia32_pause();
	return seq;
}

static inline bool
read_retry(u32 seq)
{
	smp_rmb();
	return atomic_load_relaxed(&vdso_data.seq) != seq;
}

/* Nanoseconds since the data page's base, by the rule of arch/vdso.h. */
static inline u64
elapsed(u32 mult, u64 frac)
{
	const struct vdso_times *t = &vdso_data.t;
	u64 delta = (read_counter() - t->cycle_last) & t->mask;

	if ((s64)delta < 0)		/* this CPU's counter is a trace behind the one that wrote the page */
		delta = 0;
	return (u64)(((unsigned __int128)delta * mult + frac) >> t->shift);
}

/* False: ask the kernel. */
static inline bool
read_clock(int clock, nsec_t *ns)
{
	const struct vdso_times *t = &vdso_data.t;
	bool known;
	u32 seq;

	do {
		bool fine;

		seq = read_begin();
		fine = t->mode == 1;
		known = true;
		switch (clock) {
		case CLK_REALTIME:
			known = fine;
			*ns = t->mono + t->real_offset + (nsec_t)elapsed(t->mult, t->frac);
			break;
		case CLK_MONOTONIC:
			known = fine;
			*ns = t->mono + (nsec_t)elapsed(t->mult, t->frac);
			break;
		case CLK_BOOTTIME:
			known = fine;
			*ns = t->mono + t->boot_offset + (nsec_t)elapsed(t->mult, t->frac);
			break;
		case CLK_TAI:
			known = fine;
			*ns = t->mono + t->tai_offset + (nsec_t)elapsed(t->mult, t->frac);
			break;
		case CLK_MONOTONIC_RAW:
			known = fine;
			*ns = t->raw + (nsec_t)elapsed(t->raw_mult, t->raw_frac);
			break;
		case CLK_REALTIME_COARSE:
			*ns = t->coarse_mono + t->real_offset;
			break;
		case CLK_MONOTONIC_COARSE:
			*ns = t->coarse_mono;
			break;
		default:
			return false;
		}
	} while (read_retry(seq));
	return known && *ns >= 0;
}

int
__vdso_clock_gettime(int clock, struct user_timespec *ts)
{
	nsec_t ns;

	if (!read_clock(clock, &ns))
		return (int)syscall2(NR_clock_gettime, clock, (long)ts);
	ts->sec = ns / NSEC_PER_SEC;
	ts->nsec = ns % NSEC_PER_SEC;
	return 0;
}

int
__vdso_clock_getres(int clock, struct user_timespec *res)
{
	switch (clock) {
	case CLK_REALTIME:
	case CLK_MONOTONIC:
	case CLK_BOOTTIME:
	case CLK_TAI:
	case CLK_MONOTONIC_RAW:
		if (res != NULL)
			*res = (struct user_timespec){ 0, 1 };
		return 0;
	case CLK_REALTIME_COARSE:
	case CLK_MONOTONIC_COARSE:
		if (res != NULL)
			*res = (struct user_timespec){ 0, vdso_data.t.coarse_res };
		return 0;
	default:
		return (int)syscall2(NR_clock_getres, clock, (long)res);
	}
}

int
__vdso_gettimeofday(struct user_timeval *tv, struct user_timezone *tz)
{
	nsec_t ns;

	if (tv != NULL) {
		if (!read_clock(CLK_REALTIME, &ns))
			return (int)syscall2(NR_gettimeofday, (long)tv, (long)tz);
		tv->sec = ns / NSEC_PER_SEC;
		tv->usec = ns % NSEC_PER_SEC / NSEC_PER_USEC;
	}
	if (tz != NULL)
		*tz = (struct user_timezone){ 0, 0 };
	return 0;
}

s64
__vdso_time(s64 *t)
{
	nsec_t ns;

	if (!read_clock(CLK_REALTIME_COARSE, &ns))
		return syscall2(NR_time, (long)t, 0);
	ns /= NSEC_PER_SEC;
	if (t != NULL)
		*t = ns;
	return ns;
}

/* The limit of a segment that each CPU's table has: its number. */
long
__vdso_getcpu(u32 *cpu, u32 *node, void *unused)
{
	u32 limit;

	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"((u32)SEL_CPU));
	if (cpu != NULL)
		*cpu = limit & 0xfff;
	if (node != NULL)
		*node = limit >> 12;
	return 0;
}
