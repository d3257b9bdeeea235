/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching for what hangs, from the tick; lines as Linux writes them.
 *
 * Soft lockup: the CPU has been in code that can't be preempted for so long, without a switch. Each tick that comes over such code
 * adds the time since the last one; any other, or a switch, starts anew. After a second a reschedule is asked for, so that code which
 * lets go of the CPU between two ticks is seen to do so.
 * RCU stall: the same grace period has been going on for so long. That finds CPUs whose interrupts are off, too: others see it.
 *
 * A tick counts for at most TICK_MAX. So it takes thousands of ticks in a row that find the same: a machine that was stopped and goes on,
 * or one that an overloaded host lets run now and then, is not reported, however much time went by.
 */
#include "sys/watchdog.h"

#include "arch/smp.h"
#include "arch/trap.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/percpu.h"
#include "sys/rcu.h"
#include "sys/thread.h"
#include "sys/lib/bits.h"
#include "sys/lib/printf.h"

#define LOCKUP_AFTER	(22 * NSEC_PER_SEC)
#define STALL_AFTER	(21 * NSEC_PER_SEC)
#define ASK_AFTER	NSEC_PER_SEC
#define TICK_MAX	(20 * NSEC_PER_MSEC)

/* Own CPU, interrupts off. */
struct watch {
	nsec_t last;		/* tick */
	nsec_t stuck;		/* in code that can't be preempted */
	nsec_t report_at;	/* of `stuck` */
	u64 switches;
	bool asked;		/* for a reschedule */
	u64 period;		/* the grace period that is looked at */
	nsec_t stalled;		/* how long */
	u32 touched;
};

static PERCPU_DEFINE(struct watch, watches);
static u32 touched;		/* [a] */
static u64 reported_period;	/* [a] a stall is reported once */
int watchdog_enabled = 1;

void
watchdog_touch(void)
{
	atomic_add(&touched, 1u);
}

static void
start_anew(struct watch *w)
{
	w->stuck = 0;
	w->report_at = LOCKUP_AFTER;
	w->asked = false;
}

static void
report_lockup(struct watch *w)
{
	struct thread *t = thread_current();

	w->report_at += LOCKUP_AFTER;
	log_emerg("watchdog: BUG: soft lockup - CPU#%u stuck for %lus! [%s:%d]", cpu_id(), (u64)w->stuck / NSEC_PER_SEC, t->name,
		thread_tid(t));
	arch_print_interrupted();
	trace_print(LOG_EMERG);
}

static void
watch_cpu(struct watch *w, bool quiescent, u64 switches, nsec_t passed)
{
	bool went_on = quiescent || switches != w->switches || (w->asked && !this_cpu_read(percpu_need_resched));

	w->switches = switches;
	if (went_on) {
		start_anew(w);
		return;
	}
	w->stuck += passed;
	if (!w->asked && w->stuck >= ASK_AFTER) {
		this_cpu_write(percpu_need_resched, 1);
		w->asked = true;
	}
	if (w->stuck >= w->report_at)
		report_lockup(w);
}

static void
report_stall(u64 period, u64 cpus, nsec_t stalled)
{
	char list[CPU_MAX * 3 + 1];
	struct strbuf sb;

	strbuf_init(&sb, list, sizeof(list));
	for (u64 m = cpus; m != 0; m &= m - 1)
		strbuf_printf(&sb, "%u ", ctz64(m));
	log_err("rcu: INFO: rcu_preempt detected stalls on CPUs: { %s} (detected by %u, t=%lus, g=%lu)", list, cpu_id(),
		(u64)stalled / NSEC_PER_SEC, period);
	arch_backtrace(cpus);
}

static void
watch_rcu(struct watch *w, nsec_t passed)
{
	u64 period, seen, cpus = rcu_waiting_for(&period);

	if (cpus == 0 || period != w->period) {
		w->period = period;
		w->stalled = 0;
		return;
	}
	w->stalled += passed;
	seen = atomic_load_relaxed(&reported_period);
	if (w->stalled >= STALL_AFTER && seen != period && atomic_cas(&reported_period, seen, period))
		report_stall(period, cpus, w->stalled);
}

void
watchdog_tick(bool quiescent, u64 switches, nsec_t now)
{
	struct watch *w = this_cpu_ptr(watches);
	nsec_t passed = MIN(now - w->last, (nsec_t)TICK_MAX);
	u32 touches = atomic_load_relaxed(&touched);

	w->last = now;
	if (w->touched != touches || !atomic_load_relaxed(&watchdog_enabled)) {
		w->touched = touches;
		w->stalled = 0;
		start_anew(w);
		return;
	}
	watch_cpu(w, quiescent, switches, passed);
	watch_rcu(w, passed);
	w->touched = atomic_load_relaxed(&touched);	/* a report of ours is no reason to start anew */
}
