/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and sleeping: clock_gettime(2) and its kin, nanosleep(2), settimeofday(2), adjtimex(2). */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/abi/time.h"

#define COARSE_RESOLUTION	(4 * NSEC_PER_MSEC)

static struct abi_timezone kernel_timezone;	/* [a] settimeofday's: kept for who asks */

/* --- reading --- */

static bool
is_cpu_clock(clockid_t clock)
{
	return (clock < 0 && !clock_is_dynamic(clock)) || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

static int
read_cpu_clock(clockid_t clock, nsec_t *now)
{
	struct process *p;
	struct thread *t;
	int which, err = cpu_clock_find(clock, &p, &t, &which);

	if (err != 0)
		return err;
	*now = cpu_clock_read(p, t, which);
	if (t != NULL)
		thread_put(t);
	process_put(p);
	return 0;
}

static int
read_clock(clockid_t clock, nsec_t *now)
{
	if (is_cpu_clock(clock))
		return read_cpu_clock(clock, now);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:		/* no leap-second table: offset 0 */
		*now = clock_realtime();
		return 0;
	case CLOCK_REALTIME_COARSE:
		*now = clock_realtime_coarse();
		return 0;
	case CLOCK_MONOTONIC:
		*now = clock_now();
		return 0;
	case CLOCK_MONOTONIC_COARSE:
		*now = clock_realtime_coarse() - clock_realtime_offset();
		return 0;
	case CLOCK_MONOTONIC_RAW:
		*now = clock_raw();
		return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*now = clock_boottime();
		return 0;
	}
	return -EINVAL;
}

long
sys_clock_gettime(clockid_t clock, void __user *tp)
{
	struct abi_timespec ts;
	nsec_t now;
	int err = read_clock(clock, &now);

	if (err != 0)
		return err;
	ts = timespec_from_ns(now);
	return copy_to_user(tp, &ts, sizeof(ts));
}

long
sys_clock_getres(clockid_t clock, void __user *res)
{
	struct abi_timespec ts = { 0, 1 };
	nsec_t now;
	int err = read_clock(clock, &now);

	if (err != 0)
		return err;
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ||
	    (clock < 0 && (clock & CPUCLOCK_CLOCK_MASK) != CPUCLOCK_SCHED))
		ts.tv_nsec = COARSE_RESOLUTION;
	return res != NULL ? copy_to_user(res, &ts, sizeof(ts)) : 0;
}

long
sys_gettimeofday(void __user *utv, void __user *utz)
{
	struct abi_timeval tv = timeval_from_ns(clock_realtime());

	if (utv != NULL && copy_to_user(utv, &tv, sizeof(tv)) != 0)
		return -EFAULT;
	return utz != NULL ? copy_to_user(utz, &kernel_timezone, sizeof(kernel_timezone)) : 0;
}

long
sys_time(void __user *tloc)
{
	s64 now = clock_realtime() / NSEC_PER_SEC;

	if (tloc != NULL && put_user_u64((u64)now, tloc) != 0)
		return -EFAULT;
	return now;
}

/* --- setting --- */

/* CLOCK_MONOTONIC must not come out before the boot. */
static int
set_wall_clock(const struct abi_timespec *ts)
{
	nsec_t now = timespec_to_ns(ts);

	if (!timespec_valid(ts) || now == NSEC_MAX || now < clock_now())
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_set_realtime(now);
	return 0;
}

long
sys_clock_settime(clockid_t clock, const void __user *tp)
{
	struct abi_timespec ts;
	nsec_t now;

	if (clock > 0)
		return -EINVAL;		/* nobody sets these, and nobody looks at tp */
	if (copy_from_user(&ts, tp, sizeof(ts)) != 0)
		return -EFAULT;
	if (clock == CLOCK_REALTIME)
		return set_wall_clock(&ts);
	/* CPU time can't be set, but the clock must be there; no file is a clock. */
	return clock_is_dynamic(clock) || read_cpu_clock(clock, &now) != 0 ? -EINVAL : -EPERM;
}

long
sys_settimeofday(const void __user *utv, const void __user *utz)
{
	struct abi_timezone tz;
	struct abi_timespec ts;
	struct abi_timeval tv;

	if (utv != NULL) {
		if (copy_from_user(&tv, utv, sizeof(tv)) != 0)
			return -EFAULT;
		if (tv.tv_usec < 0 || tv.tv_usec > 1000000)
			return -EINVAL;
		ts = (struct abi_timespec){ tv.tv_sec, tv.tv_usec * NSEC_PER_USEC };
	}
	if (utz != NULL && copy_from_user(&tz, utz, sizeof(tz)) != 0)
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (utz != NULL) {
		if (tz.tz_minuteswest > 15 * 60 || tz.tz_minuteswest < -15 * 60)
			return -EINVAL;
		kernel_timezone = tz;
		atomic_store_relaxed(&clock_minutes_west, tz.tz_minuteswest);
	}
	return utv != NULL ? set_wall_clock(&ts) : 0;
}

/* The clock is not steered: it can be read and stepped. */
static int
adjust(struct abi_timex *tx)
{
	u32 modes = tx->modes;
	nsec_t now;

	if (modes != 0 && modes != ADJ_OFFSET_SS_READ) {
		if (!capable(CAP_SYS_TIME))
			return -EPERM;
		if ((modes & ~(u32)(ADJ_SETOFFSET | ADJ_NANO | ADJ_MICRO)) != 0)
			return -EOPNOTSUPP;
		if ((modes & ADJ_SETOFFSET) != 0) {
			if (tx->time.tv_usec < 0 || tx->time.tv_usec >= ((modes & ADJ_NANO) != 0 ? NSEC_PER_SEC : NSEC_PER_MSEC))
				return -EINVAL;
			now = clock_realtime() + tx->time.tv_sec * NSEC_PER_SEC +
				tx->time.tv_usec * ((modes & ADJ_NANO) != 0 ? 1 : NSEC_PER_USEC);
			if (now < clock_now())
				return -EINVAL;
			clock_set_realtime(now);
		}
	}
	*tx = (struct abi_timex){ .modes = modes, .maxerror = 16000000, .esterror = 16000000, .status = STA_UNSYNC, .constant = 2,
		.precision = 1, .tolerance = 32768000, .tick = 10000, .time = timeval_from_ns(clock_realtime()) };
	return TIME_ERROR;
}

long
sys_adjtimex(void __user *buf)
{
	return sys_clock_adjtime(CLOCK_REALTIME, buf);
}

long
sys_clock_adjtime(clockid_t clock, void __user *buf)
{
	struct abi_timex tx;
	nsec_t now;
	int state;

	if (copy_from_user(&tx, buf, sizeof(tx)) != 0)
		return -EFAULT;
	if (clock != CLOCK_REALTIME)
		return is_cpu_clock(clock) || read_clock(clock, &now) == 0 ? -EOPNOTSUPP : -EINVAL;
	state = adjust(&tx);
	return state < 0 || copy_to_user(buf, &tx, sizeof(tx)) == 0 ? state : -EFAULT;
}

/* --- sleeping --- */

/* What is left of a sleep that a signal ended goes to the user, who may not want it. */
static int
store_left(nsec_t left, u64 urem)
{
	struct abi_timespec ts = timespec_from_ns(MAX(left, (nsec_t)0));

	return urem != 0 ? copy_to_user((void __user *)urem, &ts, sizeof(ts)) : 0;
}

static nsec_t
base_now(enum timer_clock base)
{
	return base == TIMER_REALTIME ? clock_realtime() : base == TIMER_BOOTTIME ? clock_boottime() : clock_now();
}

/* Until the deadline or a signal: 0 or -EINTR. */
static int
sleep_on(enum timer_clock base, nsec_t deadline)
{
	struct thread *t = thread_current();

	while (base_now(base) < deadline) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (thread_signal_pending(t)) {
			thread_set_state(THREAD_RUNNING);
			return -EINTR;
		}
		(void)thread_sleep_until(base, deadline);
		thread_set_state(THREAD_RUNNING);
	}
	return 0;
}

/* rb: args 0 the base, 1 where the rest goes; deadline. */
static long
restart_sleep(struct restart_block *rb)
{
	enum timer_clock base = (enum timer_clock)rb->args[0];
	long err = sleep_on(base, rb->deadline);

	if (err == -EINTR)
		err = store_left(rb->deadline - base_now(base), rb->args[1]) != 0 ? -EFAULT : -ERESTART_RESTARTBLOCK;
	return err;
}

/* A relative sleep never moves with the wall clock. */
static long
sleep_relative(enum timer_clock base, nsec_t ns, u64 urem)
{
	struct restart_block *rb = restart_block_current();
	nsec_t now = base_now(base);

	*rb = (struct restart_block){ .fn = restart_sleep, .args = { base, urem },
		.deadline = ns > NSEC_MAX - now ? NSEC_MAX : now + ns };
	return restart_sleep(rb);
}

/* --- sleeping on CPU time --- */

struct cpu_sleeper { struct cpu_timer timer; struct thread *thread; bool fired; /* [h] */ };

static void
wake_cpu_sleeper(struct cpu_timer *ct)
{
	struct cpu_sleeper *s = container_of(ct, struct cpu_sleeper, timer);

	s->fired = true;
	thread_wake(s->thread);
}

/* Until p (t, if not NULL) has used so much: 0 or -EINTR; what is left in *left. */
static int
sleep_on_cpu(struct process *p, struct thread *t, int which, nsec_t deadline, nsec_t *left)
{
	struct cpu_sleeper s = { .timer = { .proc = p, .thread = t, .which = which, .fire = wake_cpu_sleeper },
		.thread = thread_current() };
	struct sighand *sh;
	bool done;
	u64 irq;

	sh = sighand_lock(p, &irq);
	cpu_timer_arm_locked(&s.timer, deadline);
	sighand_unlock(sh, irq);
	for (;;) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (READ_ONCE(s.fired) || thread_signal_pending(s.thread))
			break;
		thread_schedule();
	}
	thread_set_state(THREAD_RUNNING);
	sh = sighand_lock(p, &irq);
	cpu_timer_disarm_locked(&s.timer);
	done = s.fired;
	*left = deadline - cpu_clock_read_locked(p, t, which);
	sighand_unlock(sh, irq);
	return done ? 0 : -EINTR;
}

/* rb: args 0 the clock id, 1 where the rest goes; deadline in CPU time. */
static long
restart_cpu_sleep(struct restart_block *rb)
{
	struct process *p;
	struct thread *t;
	nsec_t left;
	int which;
	long err = cpu_clock_find((clockid_t)rb->args[0], &p, &t, &which);

	if (err != 0)
		return err;
	err = t == thread_current() ? -EINVAL : sleep_on_cpu(p, t, which, rb->deadline, &left);	/* it would not wake */
	if (t != NULL)
		thread_put(t);
	process_put(p);
	if (err == -EINTR)
		err = store_left(left, rb->args[1]) != 0 ? -EFAULT : -ERESTART_RESTARTBLOCK;
	return err;
}

static long
cpu_nanosleep(clockid_t clock, nsec_t ns, bool absolute, u64 urem)
{
	struct restart_block *rb = restart_block_current();
	nsec_t now;
	long err = read_cpu_clock(clock, &now);

	if (err != 0)
		return err;
	*rb = (struct restart_block){ .fn = restart_cpu_sleep, .args = { (u64)clock, absolute ? 0 : urem },
		.deadline = absolute ? ns : ns > NSEC_MAX - now ? NSEC_MAX : now + ns };
	err = restart_cpu_sleep(rb);
	return absolute && err == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : err;
}

static int
time_from_user(nsec_t *ns, const void __user *ureq)
{
	struct abi_timespec ts;

	if (copy_from_user(&ts, ureq, sizeof(ts)) != 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*ns = timespec_to_ns(&ts);
	return 0;
}

long
sys_nanosleep(const void __user *req, void __user *rem)
{
	nsec_t ns;
	int err = time_from_user(&ns, req);

	return err != 0 ? err : sleep_relative(TIMER_MONOTONIC, ns, (u64)rem);
}

long
sys_clock_nanosleep(clockid_t clock, int flags, const void __user *req, void __user *rem)
{
	bool absolute = (flags & TIMER_ABSTIME) != 0;
	enum timer_clock base;
	nsec_t ns;
	int err;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		base = absolute ? TIMER_REALTIME : TIMER_MONOTONIC;
		break;
	case CLOCK_MONOTONIC:
		base = TIMER_MONOTONIC;
		break;
	case CLOCK_BOOTTIME:
		base = TIMER_BOOTTIME;
		break;
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	default:
		if (!is_cpu_clock(clock))
			return clock_is_dynamic(clock) ? -EOPNOTSUPP : -EINVAL;
		err = time_from_user(&ns, req);
		return err != 0 ? err : cpu_nanosleep(clock, ns, absolute, (u64)rem);
	}
	err = time_from_user(&ns, req);
	if (err != 0)
		return err;
	if (!absolute)
		return sleep_relative(base, ns, (u64)rem);
	return sleep_on(base, ns) != 0 ? -ERESTARTNOHAND : 0;
}
