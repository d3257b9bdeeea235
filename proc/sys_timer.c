/* SPDX-License-Identifier: BSD-2-Clause */
/* alarm(2), interval timers, POSIX timers: the calls. The timers are itimer.c and posix_timer.c. */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/abi/time.h"

static int
itimer_from_user(struct itimer_value *v, const void __user *u)
{
	struct abi_itimerval abi;

	if (copy_from_user(&abi, u, sizeof(abi)) != 0)
		return -EFAULT;
	if (!timeval_valid(&abi.it_value) || !timeval_valid(&abi.it_interval))
		return -EINVAL;
	v->value = timeval_to_ns(&abi.it_value);
	v->interval = timeval_to_ns(&abi.it_interval);
	return 0;
}

static int
itimer_to_user(const struct itimer_value *v, void __user *u)
{
	struct abi_itimerval abi = { .it_value = timeval_from_ns(v->value), .it_interval = timeval_from_ns(v->interval) };

	return copy_to_user(u, &abi, sizeof(abi));
}

static bool
valid_itimer(int which)
{
	return which == ITIMER_REAL || which == ITIMER_VIRTUAL || which == ITIMER_PROF;
}

long
sys_getitimer(int which, void __user *cur)
{
	struct itimer_value v;

	if (!valid_itimer(which))
		return -EINVAL;
	itimer_get(which, &v);
	return itimer_to_user(&v, cur);
}

/* new NULL stops the timer, as on Linux. */
long
sys_setitimer(int which, const void __user *unew, void __user *uold)
{
	struct itimer_value new = { 0 }, old;
	int err = unew != NULL ? itimer_from_user(&new, unew) : 0;

	if (err != 0)
		return err;
	if (!valid_itimer(which))
		return -EINVAL;
	itimer_set(which, &new, &old);
	return uold != NULL ? itimer_to_user(&old, uold) : 0;
}

/* Returns the seconds that were left, rounded, but not down to zero. */
long
sys_alarm(unsigned int seconds)
{
	struct itimer_value new = { .value = (nsec_t)MIN(seconds, (unsigned int)INT32_MAX) * NSEC_PER_SEC }, old;
	long left;

	itimer_set(ITIMER_REAL, &new, &old);
	left = old.value / NSEC_PER_SEC;
	if ((left == 0 && old.value != 0) || old.value % NSEC_PER_SEC >= NSEC_PER_SEC / 2)
		left++;
	return left;
}

long
sys_timer_create(clockid_t clock, const void __user *event, void __user *timer)
{
	struct abi_sigevent ev;

	if (event != NULL && copy_from_user(&ev, event, sizeof(ev)) != 0)
		return -EFAULT;
	return posix_timer_create(clock, event != NULL ? &ev : NULL, timer);
}

long
sys_timer_settime(int timer, int flags, const void __user *unew, void __user *uold)
{
	struct abi_itimerspec new, old;
	int err;

	if (unew == NULL)
		return -EINVAL;
	if (copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	if (!timespec_valid(&new.it_value) || !timespec_valid(&new.it_interval))
		return -EINVAL;
	err = posix_timer_settime(timer, (flags & TIMER_ABSTIME) != 0, &new, &old);
	return err == 0 && uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : err;
}

long
sys_timer_gettime(int timer, void __user *ucur)
{
	struct abi_itimerspec cur;
	int err = posix_timer_gettime(timer, &cur);

	return err == 0 ? copy_to_user(ucur, &cur, sizeof(cur)) : err;
}

long
sys_timer_getoverrun(int timer)
{
	return posix_timer_getoverrun(timer);
}

long
sys_timer_delete(int timer)
{
	return posix_timer_delete(timer);
}
