/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time-stamp counter as clock source.
 *
 * Rate: from CPUID or the hypervisor where they say it (and a measurement agrees), else measured against the HPET or the PM
 * timer: a few windows of some milliseconds, each end a reading of the reference between two of the TSC; the tightest window
 * counts, since whatever disturbs a reading (a host that takes the CPU away) only widens it. A second or more later, the
 * rate is refined over the whole time since.
 *
 * Trust: an invariant TSC is taken as it is. In a virtual machine without that promise it is used while a watchdog sees it
 * agree with the reference. On other machines the reference itself is the better clock.
 */
#include "arch/x86_64/tsc.h"

#include "arch/cpu.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/msr.h"
#include "sys/lib/atomic.h"
#include "sys/lib/mulddiv.h"
#include "sys/log.h"
#include "sys/timer.h"
#include "sys/work.h"

#define WINDOWS		5
#define WINDOW		(2 * NSEC_PER_MSEC)	/* by a reference of 10 MHz or more */
#define WINDOW_COARSE	(5 * NSEC_PER_MSEC)
#define TRIES		8			/* readings at each end of a window */
#define WATCH_PERIOD	(2 * NSEC_PER_SEC)	/* below half of what the PM timer's 24 bits hold */
#define WATCH_STRIKES	3
#define REFINE_PRECISION	200000		/* 5 ppm */

enum { RATING_TRUSTED = 300, RATING_DOUBTFUL = 100 };

static u64 tsc_hz;			/* [a] written by the boot CPU, then by the watchdog */
static u64 ticks_mult;			/* [a] ticks per ns << 30 */
static bool usable;			/* [a] */
static const struct clocksource *ref;	/* [I] NULL: none */

/* --- reading both counters at one moment --- */

struct moment { u64 tsc, ref, gap; };	/* gap: how far apart, in TSC ticks, they may be */

static struct moment
take_moment(const struct clocksource *r)
{
	struct moment best = { .gap = UINT64_MAX };

	for (u32 i = 0; i < TRIES; i++) {
		u64 before = rdtsc_ordered();
		u64 value = r->read();
		u64 after = rdtsc_ordered();

		if (after - before < best.gap)
			best = (struct moment){ .tsc = before + (after - before) / 2, .ref = value, .gap = after - before };
	}
	return best;
}

static u64
ref_ticks(const struct clocksource *r, const struct moment *a, const struct moment *b)
{
	return (b->ref - a->ref) & r->mask;
}

/* One window; false where the reference stands still. */
static bool
measure_window(const struct clocksource *r, u64 ticks, struct moment *a, struct moment *b)
{
	*a = take_moment(r);
	while (((r->read() - a->ref) & r->mask) < ticks) {
		if (rdtsc() - a->tsc > BIT(32))
			return false;
		arch_pause();
	}
	*b = take_moment(r);
	return true;
}

/* Hz of the TSC, 0 where it cannot be told. */
static u64
measure(const struct clocksource *r)
{
	nsec_t window = r->freq_hz >= 10000000 ? WINDOW : WINDOW_COARSE;
	u64 best = UINT64_MAX, hz = 0, flags;

	for (u32 i = 0; i < WINDOWS; i++) {
		struct moment a, b;
		bool ok;

		flags = arch_irq_save();
		ok = measure_window(r, muldiv_u64((u64)window, r->freq_hz, NSEC_PER_SEC), &a, &b);
		arch_irq_restore(flags);
		if (!ok)
			return 0;
		if (a.gap + b.gap < best) {
			best = a.gap + b.gap;
			hz = muldiv_u64(b.tsc - a.tsc, r->freq_hz, ref_ticks(r, &a, &b));
		}
	}
	return hz;
}

/* What the hypervisor (leaf 0x40000010, a convention of VMware, KVM and others) or the CPU (leaf 0x15) says; 0: nothing. */
static u64
told_rate(void)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);

	if (cpu_has(CPUF_HYPERVISOR) && r.eax >= 0x40000010 && r.eax < 0x40010000) {
		r = cpuid(0x40000010, 0);
		if (r.eax > 100000 && r.eax < 20000000)
			return r.eax * 1000UL;
	}
	if (cpuid(0, 0).eax < 0x15)
		return 0;
	r = cpuid(0x15, 0);
	if (r.eax == 0 || r.ebx == 0 || r.ecx == 0)
		return 0;
	return muldiv_u64(r.ecx, r.ebx, r.eax);
}

static bool
within(u64 a, u64 b, u64 part)
{
	return (a > b ? a - b : b - a) <= b / part;
}

static void
set_rate(u64 hz)
{
	atomic_store(&tsc_hz, hz);
	atomic_store(&ticks_mult, muldiv_u64(hz, BIT(30), NSEC_PER_SEC));
}

u64
tsc_khz(void)
{
	return atomic_load_relaxed(&tsc_hz) / 1000;
}

u64
tsc_from_nsec(nsec_t ns)
{
	return mul_u64_u64_shr((u64)ns, atomic_load_relaxed(&ticks_mult), 30);
}

bool
tsc_is_usable(void)
{
	return atomic_load_relaxed(&usable);
}

static struct clocksource tsc_source = {
	.name = "tsc", .read = rdtsc_ordered, .mask = UINT64_MAX, .rating = RATING_DOUBTFUL,
};

void
tsc_init(const struct clocksource *reference)
{
	u64 told = told_rate(), hz;
	bool trusted = cpu_has(CPUF_TSC_INVARIANT) || (cpu_has(CPUF_HYPERVISOR) && reference != NULL);

	ref = reference;
	hz = ref != NULL ? measure(ref) : pit_calibrate_tsc();
	if (told != 0 && (hz == 0 || within(told, hz, 100)))
		hz = told;
	if (hz < 1000000) {
		log_err("tsc: its rate cannot be told; assuming 1 GHz");
		hz = 1000000000;
		trusted = false;
	}
	set_rate(hz);
	tsc_source.freq_hz = hz;
	tsc_source.rating = trusted ? RATING_TRUSTED : RATING_DOUBTFUL;
	tsc_source.vdso_mode = trusted || ref == NULL ? 1 : 0;	/* without any other clock, the kernel uses it, too */
	atomic_store(&usable, trusted);
	log_info("tsc: %lu.%03lu MHz by %s%s%s", (unsigned long)(hz / 1000000), (unsigned long)(hz / 1000 % 1000),
		hz == told ? "CPUID" : ref != NULL ? ref->name : "PIT",
		cpu_has(CPUF_TSC_INVARIANT) ? ", invariant" : "", trusted ? "" : ", not trusted");
	clock_register_source(&tsc_source);
}

u64
tsc_measure(const struct clocksource *r)
{
	return measure(r);
}

/* --- refinement and watchdog: a timer queues the work, the work compares --- */

static struct moment refine_start;	/* the work only */
static u64 refine_last;			/* the work only; Hz by the window before, 0: none */
static struct moment watch_last;	/* the work only */
static u32 strikes;			/* the work only */
static bool refined;			/* the work only */
static struct timer watch_timer;
static struct work watch_work;

static void
mark_unstable(const char *why)
{
	if (!atomic_xchg(&usable, false))
		return;
	log_warn("tsc: unstable (%s)", why);
	clock_mark_unstable(&tsc_source);
}

/* One more window of some seconds. The rate is taken over when two windows in a row say the same: a host that is busy makes
 * single ones wrong. */
static void
refine(const struct moment *now)
{
	struct moment start = refine_start;
	u64 elapsed = now->tsc - start.tsc, hz, before = refine_last;

	refine_start = *now;
	refine_last = 0;
	/* The reference must not have wrapped (at most half of its range, by the TSC), and both readings must be tight. */
	if (muldiv_u64(elapsed, ref->freq_hz, tsc_hz) > ref->mask / 2 || start.gap + now->gap > elapsed / REFINE_PRECISION)
		return;
	hz = muldiv_u64(elapsed, ref->freq_hz, ref_ticks(ref, &start, now));
	if (!within(hz, tsc_hz, 200))
		return;
	refine_last = hz;
	if (before == 0 || !within(hz, before, REFINE_PRECISION / 4))
		return;
	refined = true;
	hz = (hz + before) / 2;
	log_info("tsc: refined to %lu.%03lu MHz", (unsigned long)(hz / 1000000), (unsigned long)(hz / 1000 % 1000));
	set_rate(hz);
	clock_update_freq(&tsc_source, hz);
}

/* True while the two counters agree to a sixteenth and a millisecond, or nothing can be said. */
static bool
agrees(const struct moment *now)
{
	u64 by_tsc = muldiv_u64(now->tsc - watch_last.tsc, NSEC_PER_SEC, tsc_hz);
	u64 by_ref = muldiv_u64(ref_ticks(ref, &watch_last, now), NSEC_PER_SEC, ref->freq_hz);
	u64 diff = by_tsc > by_ref ? by_tsc - by_ref : by_ref - by_tsc;

	/* A reference that may have wrapped (the host stood still) says nothing. */
	if (muldiv_u64(by_tsc, ref->freq_hz, NSEC_PER_SEC) > ref->mask / 8 * 7)
		return true;
	return diff <= by_ref / 16 + NSEC_PER_MSEC;
}

static void
watch(struct work *w)
{
	struct moment now = take_moment(ref);

	/* A reading that took long is no reading. */
	if (now.gap > tsc_hz / 10000) {
		watch_last = now;
		return;
	}
	if (!refined)
		refine(&now);
	strikes = agrees(&now) ? 0 : strikes + 1;
	watch_last = now;
	if (strikes >= WATCH_STRIKES) {
		timer_cancel(&watch_timer);
		mark_unstable("its watchdog disagrees");
	}
}

static nsec_t
watch_expired(struct timer *t, nsec_t now)
{
	work_queue(&watch_work);
	if (refined && cpu_has(CPUF_TSC_INVARIANT))
		return 0;
	return now + WATCH_PERIOD;
}

void
tsc_start_watchdog(void)
{
	if (ref == NULL || !tsc_is_usable() || (tsc_source.freq_hz == told_rate() && cpu_has(CPUF_TSC_INVARIANT)))
		return;
	refine_start = watch_last = take_moment(ref);
	work_init(&watch_work, watch);
	timer_init(&watch_timer, TIMER_MONOTONIC, watch_expired);
	timer_arm(&watch_timer, clock_now() + WATCH_PERIOD);
}

/* --- do the CPUs' counters agree? Each in turn compares its own with the last that any published: a step back is a warp.
 * No lock: a CPU that its host holds up must not hold up the others. --- */

static u64 sync_last, sync_warp;		/* [a] */

void
tsc_sync_round(void)
{
	u64 last = atomic_load_acquire(&sync_last);
	u64 now = rdtsc_ordered();

	if (unlikely(now < last)) {
		if (last - now > atomic_load_relaxed(&sync_warp))
			atomic_store_relaxed(&sync_warp, last - now);
	} else {
		(void)atomic_cas(&sync_last, last, now);
	}
}

void
tsc_sync_finish(void)
{
	u64 warp = atomic_load(&sync_warp);

	if (warp == 0 || !tsc_is_usable())
		return;
	log_warn("tsc: CPUs differ by up to %lu ticks", (unsigned long)warp);
	mark_unstable("it differs between CPUs");
}
