/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interval timers (setitimer(2)): ITIMER_REAL on a timer of its own, VIRTUAL and PROF checked by the tick (cpu_timer.c).
 * As on Linux, the real one runs on when its signal is taken, not when it is sent: however short the interval, an unread SIGALRM
 * costs nothing.
 */
#include "proc/proc.h"

#include "sys/abi/time.h"

/* Hard-irq context. */
static nsec_t
real_expire(struct timer *timer, nsec_t now)
{
	struct process *p = container_of(timer, struct process, real_itimer.timer);
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	/* It may have been stopped or moved while we came here. */
	if (p->real_itimer.expires != 0 && p->real_itimer.expires <= now) {
		struct siginfo_k info;

		if (p->real_itimer.interval == 0)
			p->real_itimer.expires = 0;
		siginfo_init(&info, SIGALRM, SI_KERNEL);
		(void)signal_send_locked(p, NULL, SIGALRM, &info, SEND_PROCESS, true);
	}
	sighand_unlock(sh, irq);
	return 0;
}

void
itimer_process_init(struct process *p)
{
	timer_init(&p->real_itimer.timer, TIMER_MONOTONIC, real_expire);
}

/* The process ends. */
void
itimer_cancel(struct process *p)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	p->real_itimer.expires = p->real_itimer.interval = 0;
	sighand_unlock(sh, irq);
	timer_cancel_sync(&p->real_itimer.timer);
}

void
itimer_rearm(struct process *p)
{
	nsec_t now = clock_now(), interval = p->real_itimer.interval;

	assert_signal_locked(p);
	if (interval == 0 || p->real_itimer.expires == 0 || p->real_itimer.expires > now)
		return;
	p->real_itimer.expires += ((now - p->real_itimer.expires) / interval + 1) * interval;
	timer_arm(&p->real_itimer.timer, p->real_itimer.expires);
}

/* [h]. Where a timer stands. One that is due but not handled yet has a microsecond left. */
static struct itimer_value
read_locked(struct process *p, int which)
{
	struct itimer_value v = { 0 };
	nsec_t expires, now;

	if (which == ITIMER_REAL) {
		expires = p->real_itimer.expires;
		v.interval = p->real_itimer.interval;
		now = clock_now();
	} else {
		expires = p->cpu_itimer[which - ITIMER_VIRTUAL];
		v.interval = p->cpu_itimer_interval[which - ITIMER_VIRTUAL];
		now = cpu_clock_read_locked(p, NULL, which == ITIMER_VIRTUAL ? CPUCLOCK_VIRT : CPUCLOCK_PROF);
	}
	if (expires != 0)
		v.value = MAX(expires - now, NSEC_PER_USEC);
	return v;
}

void
itimer_get(int which, struct itimer_value *out)
{
	struct process *p = process_current();
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	*out = read_locked(p, which);
	sighand_unlock(sh, irq);
}

static nsec_t
later(nsec_t now, nsec_t value)
{
	return value > NSEC_MAX - now ? NSEC_MAX : now + value;
}

void
itimer_set(int which, const struct itimer_value *new, struct itimer_value *old)
{
	struct process *p = process_current();
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);
	int i = which - ITIMER_VIRTUAL;

	*old = read_locked(p, which);
	if (which == ITIMER_REAL) {
		timer_cancel(&p->real_itimer.timer);
		p->real_itimer.interval = new->interval;
		p->real_itimer.expires = new->value != 0 ? later(clock_now(), new->value) : 0;
		if (new->value != 0)
			timer_arm(&p->real_itimer.timer, p->real_itimer.expires);
	} else {
		p->cpu_itimer_interval[i] = new->interval;
		p->cpu_itimer[i] = new->value != 0 ?
			later(cpu_clock_read_locked(p, NULL, which == ITIMER_VIRTUAL ? CPUCLOCK_VIRT : CPUCLOCK_PROF), new->value) : 0;
		cpu_timing_update_locked(p);
	}
	sighand_unlock(sh, irq);
}

void
itimer_check_cpu(struct process *p)
{
	static const struct { int sig, clock; } kinds[2] = { { SIGVTALRM, CPUCLOCK_VIRT }, { SIGPROF, CPUCLOCK_PROF } };
	struct siginfo_k info;

	assert_signal_locked(p);
	for (int i = 0; i < 2; i++) {
		if (p->cpu_itimer[i] == 0 || cpu_clock_read_locked(p, NULL, kinds[i].clock) < p->cpu_itimer[i])
			continue;
		p->cpu_itimer[i] = p->cpu_itimer_interval[i] != 0 ? p->cpu_itimer[i] + p->cpu_itimer_interval[i] : 0;
		siginfo_init(&info, kinds[i].sig, SI_KERNEL);
		(void)signal_send_locked(p, NULL, kinds[i].sig, &info, SEND_PROCESS, true);
	}
}
