/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timekeeping. The timekeeper says what MONOTONIC was at a reading of the counter, and how fast it goes:
 *
 *	ns = base + ((cycles - cycle_last) * mult + frac >> shift)
 *
 * with the product in 128 bits, so that nothing has to be done regularly but before a narrow counter wraps. It is moved on
 * (base up to now) by ticks and when a CPU leaves idle, at most every COARSE_STEP: that is also the resolution of the coarse clocks.
 * Readers retry by a sequence count. The vDSO gets a copy of every change.
 */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/vdso.h"
#include "sys/clock.h"
#include "sys/clock_update.h"
#include "sys/lib/mulddiv.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/seqlock.h"
#include "sys/spinlock.h"
#include "sys/timer.h"
#include "sys/wait.h"

#define SOURCES_MAX	8
#define COARSE_STEP	(4 * NSEC_PER_MSEC)
#define COARSE_RES	(10 * NSEC_PER_MSEC)	/* the slowest tick of a busy CPU */
#define VDSO_MODE_TSC	1
#define FREQ_ADJUST_MAX	(500L << 16)		/* 500 ppm, as adjtimex(2) has it */

/* Written under write_lock and seq. */
static struct {
	struct seqcount seq;
	const struct clocksource *cs;
	u64 freq;			/* the source's, as refined */
	u32 mult, raw_mult, shift;
	s64 freq_adjust;		/* ppm << 16 */
	u64 mask, cycle_last, frac, raw_frac;
	nsec_t mono, raw;		/* at cycle_last */
	nsec_t real_offset, boot_offset, tai_offset;
	bool tsc;			/* the source is the TSC: no indirect call */
} tk;

static struct spinlock write_lock = SPINLOCK_INIT(LOCK_CLOCK);
static const struct clocksource *sources[SOURCES_MAX];	/* [write_lock] */
static bool unstable[SOURCES_MAX];			/* [write_lock] */
static nsec_t next_update;				/* [a] hint: before it nothing is to be done */
static u32 set_count;					/* [a] */
static struct waitq set_wq = WAITQ_INIT(set_wq);
static struct timer wrap_timer;

static u64
read_counter(void)
{
	if (likely(tk.tsc))
		return arch_cycles();
	return tk.cs != NULL ? tk.cs->read() : 0;
}

/* A counter of full width may lag a little behind on another CPU: then no time has passed. */
static u64
cycles_since(void)
{
	u64 d = (read_counter() - tk.cycle_last) & tk.mask;

	return tk.mask == UINT64_MAX && (s64)d < 0 ? 0 : d;
}

static u64
scale(u64 cycles, u32 mult, u64 frac, u32 shift)
{
	return (u64)(((unsigned __int128)cycles * mult + frac) >> shift);
}

nsec_t
clock_now(void)
{
	nsec_t ns;
	u32 seq;

	do {
		seq = seq_read_begin(&tk.seq);
		ns = tk.mono + (nsec_t)scale(cycles_since(), tk.mult, tk.frac, tk.shift);
	} while (seq_read_retry(&tk.seq, seq));
	return ns;
}

/* For the log, also in an NMI that interrupted a writer: may be a little off then. */
nsec_t
clock_now_try(void)
{
	nsec_t ns = 0;
	u32 seq;

	for (int i = 0; i < 3; i++) {
		seq = seq_read_peek(&tk.seq);
		ns = tk.mono + (nsec_t)scale(cycles_since(), tk.mult, tk.frac, tk.shift);
		if (!seq_read_retry(&tk.seq, seq))
			return ns;
	}
	return atomic_load_relaxed(&tk.mono);
}

nsec_t
clock_raw(void)
{
	nsec_t ns;
	u32 seq;

	do {
		seq = seq_read_begin(&tk.seq);
		ns = tk.raw + (nsec_t)scale(cycles_since(), tk.raw_mult, tk.raw_frac, tk.shift);
	} while (seq_read_retry(&tk.seq, seq));
	return ns;
}

nsec_t
clock_realtime_offset(void)
{
	return atomic_load_relaxed(&tk.real_offset);
}

nsec_t
clock_boottime_offset(void)
{
	return atomic_load_relaxed(&tk.boot_offset);
}

nsec_t
clock_tai_offset(void)
{
	return atomic_load_relaxed(&tk.tai_offset);
}

nsec_t
clock_boottime(void)
{
	return clock_now() + clock_boottime_offset();
}

nsec_t
clock_realtime(void)
{
	nsec_t ns;
	u32 seq;

	do {
		seq = seq_read_begin(&tk.seq);
		ns = tk.mono + tk.real_offset + (nsec_t)scale(cycles_since(), tk.mult, tk.frac, tk.shift);
	} while (seq_read_retry(&tk.seq, seq));
	return ns;
}

s32 clock_minutes_west;

nsec_t
clock_realtime_coarse(void)
{
	nsec_t ns;
	u32 seq;

	do {
		seq = seq_read_begin(&tk.seq);
		ns = tk.mono + tk.real_offset;
	} while (seq_read_retry(&tk.seq, seq));
	return ns;
}

nsec_t
clock_coarse(void)
{
	return atomic_load_relaxed(&tk.mono);
}

nsec_t
clock_coarse_resolution(void)
{
	return COARSE_RES;
}

/* --- the write side: write_lock held, interrupts off --- */

static void
publish(void)
{
	struct vdso_times t = {
		.mode = tk.cs->vdso_mode, .mult = tk.mult, .shift = tk.shift, .raw_mult = tk.raw_mult,
		.cycle_last = tk.cycle_last, .mask = tk.mask, .frac = tk.frac, .raw_frac = tk.raw_frac,
		.mono = tk.mono, .raw = tk.raw, .real_offset = tk.real_offset, .boot_offset = tk.boot_offset,
		.tai_offset = tk.real_offset + tk.tai_offset, .coarse_mono = tk.mono, .coarse_res = COARSE_RES,
	};

	arch_vdso_update(&t);
}

/* Inside seq_write_begin. */
static void
move_on(void)
{
	u64 cycles = cycles_since();
	unsigned __int128 mono = (unsigned __int128)cycles * tk.mult + tk.frac;
	unsigned __int128 raw = (unsigned __int128)cycles * tk.raw_mult + tk.raw_frac;
	u64 low = (1UL << tk.shift) - 1;

	tk.cycle_last = (tk.cycle_last + cycles) & tk.mask;
	tk.mono += (nsec_t)(u64)(mono >> tk.shift);
	tk.frac = (u64)mono & low;
	tk.raw += (nsec_t)(u64)(raw >> tk.shift);
	tk.raw_frac = (u64)raw & low;
}

/* mult and shift of a frequency: the most precise that keep mult in 32 bits, with room for steering. */
static void
set_rate(u64 freq)
{
	u32 shift = 32;
	u64 mult;

	for (;; shift--) {
		u64 m = ((u64)NSEC_PER_SEC << shift) / freq;	/* fits: 2^30 << 32 */

		if (m < (1UL << 32) - (1UL << 20)) {
			mult = (u64)m;
			break;
		}
	}
	if (shift != tk.shift && tk.shift != 0) {
		tk.frac = shift > tk.shift ? tk.frac << (shift - tk.shift) : tk.frac >> (tk.shift - shift);
		tk.raw_frac = shift > tk.shift ? tk.raw_frac << (shift - tk.shift) : tk.raw_frac >> (tk.shift - shift);
	}
	tk.freq = freq;
	tk.shift = shift;
	tk.raw_mult = (u32)mult;
	tk.mult = (u32)((s64)mult + (s64)mult * tk.freq_adjust / (1000000L << 16));
}

static void
use_source(const struct clocksource *cs, u64 freq)
{
	seq_write_begin(&tk.seq);
	if (tk.cs != NULL)
		move_on();
	tk.cs = cs;
	tk.tsc = cs->vdso_mode == VDSO_MODE_TSC;
	tk.mask = cs->mask;
	set_rate(freq);
	tk.cycle_last = read_counter() & tk.mask;
	seq_write_end(&tk.seq);
	publish();
}

static const struct clocksource *
best_source(void)
{
	const struct clocksource *best = NULL;

	for (u32 i = 0; i < SOURCES_MAX; i++)
		if (sources[i] != NULL && !unstable[i] && (best == NULL || sources[i]->rating > best->rating))
			best = sources[i];
	return best;
}

/* A narrow counter must be read twice per turn. */
static nsec_t
half_turn(void)
{
	if (tk.mask == UINT64_MAX)
		return 600 * NSEC_PER_SEC;
	return (nsec_t)(muldiv_u64(tk.mask, NSEC_PER_SEC, tk.freq) / 2);
}

static nsec_t
wrap_expired(struct timer *t, nsec_t now)
{
	clock_update(NSEC_MAX);
	return now + half_turn();
}

void
clock_register_source(const struct clocksource *cs)
{
	u64 flags = spin_lock_irqsave(&write_lock);
	bool used = false;

	for (u32 i = 0; i < SOURCES_MAX; i++) {
		if (sources[i] == NULL) {
			sources[i] = cs;
			break;
		}
	}
	if (best_source() == cs && cs != tk.cs) {
		use_source(cs, cs->freq_hz);
		used = true;
	}
	spin_unlock_irqrestore(&write_lock, flags);
	log_info("clock: %s, %lu.%06lu MHz%s", cs->name, cs->freq_hz / 1000000, cs->freq_hz % 1000000, used ? ", in use" : "");
	if (used && wrap_timer.func != NULL)
		timer_arm(&wrap_timer, clock_now() + half_turn());
}

void
clock_update_freq(const struct clocksource *cs, u64 freq_hz)
{
	u64 flags = spin_lock_irqsave(&write_lock);

	if (cs == tk.cs) {
		seq_write_begin(&tk.seq);
		move_on();
		set_rate(freq_hz);
		seq_write_end(&tk.seq);
		publish();
	}
	spin_unlock_irqrestore(&write_lock, flags);
}

void
clock_mark_unstable(const struct clocksource *cs)
{
	u64 flags = spin_lock_irqsave(&write_lock);
	const struct clocksource *best;

	for (u32 i = 0; i < SOURCES_MAX; i++)
		if (sources[i] == cs)
			unstable[i] = true;
	best = best_source();
	if (cs == tk.cs && best != NULL)
		use_source(best, best->freq_hz);
	spin_unlock_irqrestore(&write_lock, flags);
	log_warn("clock: %s is unstable, using %s", cs->name, tk.cs->name);
	if (wrap_timer.func != NULL)
		timer_arm(&wrap_timer, clock_now() + half_turn());
}

const char *
clock_source_name(void)
{
	return tk.cs != NULL ? tk.cs->name : "none";
}

void
clock_update(nsec_t now)
{
	u64 flags;

	if (likely(now < atomic_load_relaxed(&next_update)) || tk.cs == NULL)
		return;
	flags = arch_irq_save();
	if (spin_trylock(&write_lock)) {
		seq_write_begin(&tk.seq);
		move_on();
		seq_write_end(&tk.seq);
		atomic_store_relaxed(&next_update, tk.mono + COARSE_STEP);
		publish();
		spin_unlock(&write_lock);
	}
	arch_irq_restore(flags);
}

void
clock_set_realtime(nsec_t now)
{
	u64 flags = spin_lock_irqsave(&write_lock);

	seq_write_begin(&tk.seq);
	move_on();
	atomic_store_relaxed(&tk.real_offset, now - tk.mono);
	seq_write_end(&tk.seq);
	atomic_add(&set_count, 1);
	if (tk.cs != NULL)
		publish();
	spin_unlock_irqrestore(&write_lock, flags);
	timer_clock_was_set();
	waitq_wake_all(&set_wq);
}

void
clock_step_realtime(nsec_t delta)
{
	clock_set_realtime(clock_realtime() + delta);
}

u32
clock_set_count(void)
{
	return atomic_load(&set_count);
}

struct waitq *
clock_set_waitq(void)
{
	return &set_wq;
}

s64
clock_freq_adjust(void)
{
	return atomic_load_relaxed(&tk.freq_adjust);
}

void
clock_set_freq_adjust(s64 scaled_ppm)
{
	u64 flags = spin_lock_irqsave(&write_lock);

	scaled_ppm = MAX(MIN(scaled_ppm, FREQ_ADJUST_MAX), -FREQ_ADJUST_MAX);
	seq_write_begin(&tk.seq);
	move_on();
	atomic_store_relaxed(&tk.freq_adjust, scaled_ppm);
	if (tk.cs != NULL)
		set_rate(tk.freq);
	seq_write_end(&tk.seq);
	if (tk.cs != NULL)
		publish();
	spin_unlock_irqrestore(&write_lock, flags);
}

void
clock_set_tai_offset(nsec_t offset)
{
	u64 flags = spin_lock_irqsave(&write_lock);

	atomic_store_relaxed(&tk.tai_offset, offset);
	if (tk.cs != NULL)
		publish();
	spin_unlock_irqrestore(&write_lock, flags);
}

void
clock_init(void)
{
	s64 seconds;

	if (arch_rtc_read(&seconds) == 0)
		clock_set_realtime(seconds * NSEC_PER_SEC);
	else
		log_warn("clock: the RTC cannot be read, the date is 1970");
	timer_init(&wrap_timer, TIMER_MONOTONIC, wrap_expired);
	timer_arm(&wrap_timer, clock_now() + half_turn());
}

void
clock_delay(nsec_t ns)
{
	nsec_t end = clock_now() + ns;

	if (tk.cs == NULL)
		panic("clock_delay() before there is a clock");
	while (clock_now() < end)
		arch_pause();
}
