/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX timers (timer_create(2)). A timer owns one queue entry, so that its signal can always be sent. A periodic one runs on when
 * its signal is taken: the periods that went by meanwhile are its overrun.
 */
#include "proc/proc.h"

#include "sys/lib/idalloc.h"
#include "sys/abi/time.h"

#define OVERRUN_MAX	INT32_MAX	/* DELAYTIMER_MAX */

struct posix_timer {
	struct list node;		/* [h] in process.posix_timers */
	struct process *proc;		/* [I] */
	int id;				/* [I] */
	clockid_t clock;		/* [I] as given */
	bool on_cpu_time;		/* [I] */
	int notify;			/* [I] SIGEV_* */
	struct thread *target;		/* [I] SIGEV_THREAD_ID: reference; else NULL */
	struct sigqueue *q;		/* [h] */
	struct timer timer;		/* clocks that pass */
	struct cpu_timer cpu;		/* CPU-time clocks */
	enum timer_clock base;		/* [h] what `timer` is armed on */
	bool armed;			/* [h] it will fire, or (SIGEV_NONE) is counted as if */
	nsec_t expires, interval;	/* [h] */
	s64 overrun;			/* [h] since the last signal was taken */
	int overrun_last;		/* [h] of that one */
};

static nsec_t
base_now(enum timer_clock base)
{
	return base == TIMER_REALTIME ? clock_realtime() : base == TIMER_BOOTTIME ? clock_boottime() : clock_now();
}

static nsec_t
now_of(struct posix_timer *tm)
{
	return tm->on_cpu_time ? cpu_clock_read_locked(tm->proc, tm->cpu.thread, tm->cpu.which) : base_now(tm->base);
}

/* [h]. Go on from `expires`. */
static void
start(struct posix_timer *tm)
{
	tm->armed = true;
	if (tm->notify == SIGEV_NONE)
		return;
	if (tm->on_cpu_time)
		cpu_timer_arm_locked(&tm->cpu, tm->expires);
	else
		timer_arm(&tm->timer, tm->expires);
}

/* [h]. Move expires past now: how many periods that took. */
static s64
forward(struct posix_timer *tm, nsec_t now)
{
	s64 n;

	if (tm->expires > now)
		return 0;
	n = (now - tm->expires) / tm->interval + 1;
	tm->expires += n * tm->interval;
	return n;
}

/* [h]. It fired. */
static void
fire(struct posix_timer *tm)
{
	nsec_t now = now_of(tm);

	tm->armed = false;
	if (signal_send_queue_locked(tm->proc, tm->target, tm->q, tm->target != NULL ? SEND_THREAD : SEND_PROCESS) == 0 ||
	    tm->interval == 0)
		return;
	/* Ignored: nobody will take it. It runs on, but not so fast that it eats the machine. */
	tm->overrun += forward(tm, now + (tm->interval < NSEC_PER_MSEC ? NSEC_PER_MSEC : 0));
	start(tm);
}

/* Hard-irq context. */
static nsec_t
clock_expire(struct timer *timer, nsec_t now)
{
	struct posix_timer *tm = container_of(timer, struct posix_timer, timer);
	u64 irq;
	struct sighand *sh = sighand_lock(tm->proc, &irq);

	if (tm->armed && tm->expires <= base_now(tm->base))	/* else it was moved meanwhile */
		fire(tm);
	sighand_unlock(sh, irq);
	return 0;
}

static void
cpu_expire(struct cpu_timer *ct)
{
	fire(container_of(ct, struct posix_timer, cpu));
}

void
posix_timer_delivered(struct posix_timer *tm, struct siginfo_k *info)
{
	assert_signal_locked(tm->proc);
	if (tm->interval != 0 && !tm->armed) {
		tm->overrun += forward(tm, now_of(tm)) - 1;
		start(tm);
	}
	tm->overrun_last = (int)MIN(tm->overrun, OVERRUN_MAX);
	tm->overrun = 0;
	info->abi.timer.overrun = tm->overrun_last;
}

/* --- life --- */

static void *ids_alloc(size_t n) { return kmem_alloc(n, KM_ATOMIC); }
static void ids_free(void *p) { kmem_free(p); }
static const struct idalloc_ops id_ops = { .alloc = ids_alloc, .free = ids_free };

/* [h]. A number. -EAGAIN. */
static int
take_id(struct process *p)
{
	if (p->timer_ids == NULL) {
		p->timer_ids = kmem_alloc(sizeof(*p->timer_ids), KM_ATOMIC);
		if (p->timer_ids == NULL)
			return -EAGAIN;
		idalloc_init(p->timer_ids, 0, INT32_MAX - 1, &id_ops);
	}
	return MAX(idalloc_get(p->timer_ids), -EAGAIN);
}

/* Not findable any more, or never. */
static void
destroy(struct posix_timer *tm)
{
	timer_cancel_sync(&tm->timer);
	if (tm->target != NULL)
		thread_put(tm->target);
	if (tm->cpu.thread != NULL)
		thread_put(tm->cpu.thread);
	kmem_free(tm);
}

/* [h]. Take it out; its signal, if one waits, becomes an ordinary one. */
static void
unlink_timer(struct posix_timer *tm)
{
	struct process *p = tm->proc;

	list_del(&tm->node);
	tm->armed = false;
	timer_cancel(&tm->timer);
	if (tm->on_cpu_time)
		cpu_timer_disarm_locked(&tm->cpu);
	idalloc_put(p->timer_ids, (u32)tm->id);
	tm->q->timer = NULL;
	if (!list_is_linked(&tm->q->node))
		sigqueue_free(tm->q);
	tm->q = NULL;
}

void
posix_timers_exit(struct process *p)
{
	struct posix_timer *tm;
	struct sighand *sh;
	u64 irq;

	for (;;) {
		sh = sighand_lock(p, &irq);
		tm = list_first(&p->posix_timers, struct posix_timer, node);
		if (tm != NULL)
			unlink_timer(tm);
		sighand_unlock(sh, irq);
		if (tm == NULL)
			return;
		destroy(tm);
	}
}

/* [h]. By number, or NULL. */
static struct posix_timer *
find(struct process *p, int id)
{
	struct posix_timer *tm;

	list_for_each(tm, &p->posix_timers, node)
		if (tm->id == id)
			return tm;
	return NULL;
}

/* Is it a clock for timers? -EINVAL: no clock at all; -EOPNOTSUPP; -EPERM. */
static int
set_clock(struct posix_timer *tm, clockid_t clock)
{
	struct process *p;
	int err;

	tm->clock = clock;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		tm->base = TIMER_REALTIME;
		return 0;
	case CLOCK_MONOTONIC:
		tm->base = TIMER_MONOTONIC;
		return 0;
	case CLOCK_BOOTTIME:
		tm->base = TIMER_BOOTTIME;
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	}
	if (clock_is_dynamic(clock))
		return -EOPNOTSUPP;
	err = cpu_clock_find(clock, &p, &tm->cpu.thread, &tm->cpu.which);
	if (err != 0)
		return err;
	process_put(p);		/* the current one, which outlives its timers */
	tm->on_cpu_time = true;
	return p == tm->proc ? 0 : -EINVAL;
}

/* Who is notified, and how. */
static int
set_event(struct posix_timer *tm, const struct abi_sigevent *ev)
{
	struct thread *t;

	tm->notify = ev->sigev_notify;
	if ((tm->notify & SIGEV_THREAD_ID) != 0) {
		t = thread_find_get(ev->sigev_tid);
		if (t == NULL)
			return -EINVAL;
		tm->target = t;
		if (t->proc != tm->proc || tm->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
			return -EINVAL;
	} else if (tm->notify != SIGEV_SIGNAL && tm->notify != SIGEV_NONE && tm->notify != SIGEV_THREAD) {
		return -EINVAL;
	}
	return tm->notify == SIGEV_NONE || sig_valid(ev->sigev_signo) ? 0 : -EINVAL;
}

static int
set_queue(struct posix_timer *tm, const struct abi_sigevent *ev)
{
	tm->q = sigqueue_alloc(pt_current()->user, process_rlimit(tm->proc, RLIMIT_SIGPENDING), false);
	if (tm->q == NULL)
		return -EAGAIN;
	tm->q->timer = tm;
	siginfo_init(&tm->q->info, ev->sigev_signo, SI_TIMER);
	tm->q->info.abi.timer.value = ev->sigev_value;
	return 0;
}

/* Number it and make it findable; the number goes to the user first. */
static int
publish(struct posix_timer *tm, bool default_value, void __user *uid)
{
	struct process *p = tm->proc;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);
	int id = take_id(p), err;

	sighand_unlock(sh, irq);
	if (id < 0)
		return id;
	tm->id = id;
	tm->q->info.abi.timer.tid = id;
	if (default_value)
		tm->q->info.abi.timer.value = (union abi_sigval){ .sival_int = id };
	err = put_user_u32((u32)id, uid);
	sh = sighand_lock(p, &irq);
	if (err == 0)
		list_add_tail(&p->posix_timers, &tm->node);
	else
		idalloc_put(p->timer_ids, (u32)id);
	sighand_unlock(sh, irq);
	return err;
}

/* ev NULL: SIGALRM with the timer's number. The number is stored at uid. */
int
posix_timer_create(clockid_t clock, const struct abi_sigevent *ev, void __user *uid)
{
	static const struct abi_sigevent standard = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	const struct abi_sigevent *event = ev != NULL ? ev : &standard;
	struct posix_timer *tm;
	int err;

	tm = kmem_alloc(sizeof(*tm), KM_USER | KM_ZERO);
	if (tm == NULL)
		return -EAGAIN;
	tm->proc = tm->cpu.proc = process_current();
	tm->cpu.fire = cpu_expire;
	err = set_clock(tm, clock);
	if (err == 0)
		err = set_event(tm, event);
	if (err == 0)
		err = set_queue(tm, event);
	timer_init(&tm->timer, tm->base, clock_expire);
	if (err == 0)
		err = publish(tm, ev == NULL, uid);
	if (err != 0) {
		if (tm->q != NULL) {
			tm->q->timer = NULL;
			sigqueue_free(tm->q);
		}
		destroy(tm);
	}
	return err;
}

int
posix_timer_delete(int timer)
{
	struct process *p = process_current();
	struct posix_timer *tm;
	struct sighand *sh;
	u64 irq;

	sh = sighand_lock(p, &irq);
	tm = find(p, timer);
	if (tm != NULL)
		unlink_timer(tm);
	sighand_unlock(sh, irq);
	if (tm == NULL)
		return -EINVAL;
	destroy(tm);
	return 0;
}

/* --- use --- */

/* [h]. What timer_gettime(2) tells. */
static void
read_timer(struct posix_timer *tm, struct abi_itimerspec *out)
{
	nsec_t now, left = 0;

	if (tm->expires != 0) {
		now = now_of(tm);
		left = tm->expires - now;
		if (left <= 0 && tm->interval != 0 && (!tm->armed || tm->notify == SIGEV_NONE))
			left = tm->interval - (now - tm->expires) % tm->interval;	/* its signal was not taken yet */
		else if (left <= 0)
			left = tm->armed && tm->notify != SIGEV_NONE ? 1 : 0;	/* about to fire, or over */
	}
	out->it_value = timespec_from_ns(left);
	out->it_interval = timespec_from_ns(tm->interval);
}

/* The base clock: a relative time on the wall clock does not move when that is set. */
static enum timer_clock
base_for(const struct posix_timer *tm, bool absolute)
{
	if (tm->clock == CLOCK_BOOTTIME)
		return TIMER_BOOTTIME;
	return absolute && tm->clock != CLOCK_MONOTONIC ? TIMER_REALTIME : TIMER_MONOTONIC;
}

/* [h]. */
static void
set_timer(struct posix_timer *tm, const struct abi_itimerspec *new, bool absolute)
{
	nsec_t value = timespec_to_ns(&new->it_value);

	timer_cancel(&tm->timer);
	if (tm->on_cpu_time)
		cpu_timer_disarm_locked(&tm->cpu);
	tm->armed = false;
	tm->overrun = tm->overrun_last = 0;
	tm->expires = tm->interval = 0;
	/* A signal of the old setting that waits is delivered all the same, as on Linux. */
	if (value == 0)
		return;
	tm->interval = timespec_to_ns(&new->it_interval);
	if (!tm->on_cpu_time && tm->base != base_for(tm, absolute)) {
		tm->base = base_for(tm, absolute);
		tm->timer.clock = (u8)tm->base;
	}
	if (!absolute)
		value = value > NSEC_MAX - now_of(tm) ? NSEC_MAX : value + now_of(tm);
	tm->expires = value;
	start(tm);
}

int
posix_timer_settime(int timer, bool absolute, const struct abi_itimerspec *new, struct abi_itimerspec *old)
{
	struct process *p = process_current();
	struct posix_timer *tm;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	tm = find(p, timer);
	if (tm != NULL) {
		read_timer(tm, old);
		set_timer(tm, new, absolute);
	}
	sighand_unlock(sh, irq);
	return tm != NULL ? 0 : -EINVAL;
}

int
posix_timer_gettime(int timer, struct abi_itimerspec *cur)
{
	struct process *p = process_current();
	struct posix_timer *tm;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	tm = find(p, timer);
	if (tm != NULL)
		read_timer(tm, cur);
	sighand_unlock(sh, irq);
	return tm != NULL ? 0 : -EINVAL;
}

int
posix_timer_getoverrun(int timer)
{
	struct process *p = process_current();
	struct posix_timer *tm;
	int n = -EINVAL;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	tm = find(p, timer);
	if (tm != NULL)
		n = tm->overrun_last;
	sighand_unlock(sh, irq);
	return n;
}
