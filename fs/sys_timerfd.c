/* SPDX-License-Identifier: BSD-2-Clause */
/* timerfd_create(2): a timer as a file. */
#include "fs/fdtable.h"
#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/time.h"
#include "sys/clock.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/timer.h"
#include "sys/wait.h"
#include "syscall_protos.h"

#define TFD_TIMER_ABSTIME	1
#define TFD_TIMER_CANCEL_ON_SET	2

struct timerfd {
	struct spinlock lock;	/* LOCK_EVENT; irqs off: the timer takes it */
	struct timer timer;
	struct mutex set_mutex;	/* LOCK_LEAF_SLEEP: one settime at a time */
	clockid_t clock;	/* [I] as given */
	nsec_t interval;	/* [lock] */
	u64 ticks;		/* [lock] expirations not read yet */
	bool armed;		/* [lock] */
	bool cancel_on_set;	/* [lock] */
	bool canceled;		/* [lock] the clock was set: the next read says ECANCELED */
	u32 set_count;		/* [lock] clock_set_count() when armed */
	struct waiter clock_waiter;	/* on clock_set_waitq() */
	struct waitq wq;
};

static enum timer_clock
timer_clock_of(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		return TIMER_REALTIME;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return TIMER_BOOTTIME;
	default:
		return TIMER_MONOTONIC;
	}
}

static nsec_t
clock_read(clockid_t clock)
{
	switch (timer_clock_of(clock)) {
	case TIMER_REALTIME:
		return clock_realtime();
	case TIMER_BOOTTIME:
		return clock_boottime();
	default:
		return clock_now();
	}
}

/* Hard-irq context. */
static nsec_t
timerfd_expire(struct timer *t, nsec_t now)
{
	struct timerfd *tf = container_of(t, struct timerfd, timer);
	nsec_t next = 0;
	u64 flags = spin_lock_irqsave(&tf->lock);

	tf->ticks++;
	if (tf->interval > 0) {
		u64 missed = (u64)MAX(now - t->expires, (nsec_t)0) / (u64)tf->interval;

		tf->ticks += missed;
		next = t->expires + (nsec_t)(missed + 1) * tf->interval;
	} else {
		tf->armed = false;
	}
	spin_unlock_irqrestore(&tf->lock, flags);
	waitq_wake(&tf->wq, 0, POLLIN);
	return next;
}

/* A step of the wall clock cancels such timers. [lock] held. */
static void
notice_clock_set(struct timerfd *tf)
{
	if (tf->cancel_on_set && tf->set_count != clock_set_count()) {
		tf->set_count = clock_set_count();
		tf->canceled = true;
	}
}

/* The wall clock was stepped: readers look whether that cancels the timer. */
static bool
clock_stepped(struct waiter *w, u32 events)
{
	(void)events;
	waitq_wake_nested(&container_of(w, struct timerfd, clock_waiter)->wq, 0, POLLIN);
	return true;
}

/* What a read gets: true if there is something to tell. */
static bool
take(struct timerfd *tf, u64 *ticks, bool *canceled)
{
	spin_lock_irq(&tf->lock);
	notice_clock_set(tf);
	*ticks = tf->ticks;
	*canceled = tf->canceled;
	tf->ticks = 0;
	tf->canceled = false;
	spin_unlock_irq(&tf->lock);
	return *ticks != 0 || *canceled;
}

static ssize_t
timerfd_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct timerfd *tf = f->priv;
	bool canceled;
	u64 ticks;
	int err;

	(void)pos;
	if (iobuf_left(buf) < sizeof(ticks))
		return -EINVAL;
	if (!take(tf, &ticks, &canceled)) {
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&tf->wq, take(tf, &ticks, &canceled));
		if (err != 0)
			return err;
	}
	if (canceled)
		return -ECANCELED;
	return iobuf_copy_out(buf, &ticks, sizeof(ticks)) == sizeof(ticks) ? (ssize_t)sizeof(ticks) : -EFAULT;
}

static u32
timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *tf = f->priv;
	bool ready;

	poll_wait(pt, f, &tf->wq);
	spin_lock_irq(&tf->lock);
	notice_clock_set(tf);
	ready = tf->ticks > 0 || tf->canceled;
	spin_unlock_irq(&tf->lock);
	return ready ? POLLIN : 0;
}

static void
timerfd_release(struct file *f)
{
	struct timerfd *tf = f->priv;

	waitq_remove(clock_set_waitq(), &tf->clock_waiter);
	timer_cancel_sync(&tf->timer);
	kmem_free(tf);
}

/* Time to the next expiry (at least 1 ns while armed), and the interval. */
static void
get_setting(struct timerfd *tf, struct abi_itimerspec *out)
{
	nsec_t left = 0, interval;

	spin_lock_irq(&tf->lock);
	interval = tf->interval;
	if (tf->armed)
		left = MAX(tf->timer.expires - clock_read(tf->clock), (nsec_t)1);
	spin_unlock_irq(&tf->lock);
	out->it_value = timespec_from_ns(left);
	out->it_interval = timespec_from_ns(interval);
}

static void
timerfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct timerfd *tf = f->priv;
	struct abi_itimerspec its;

	get_setting(tf, &its);
	strbuf_printf(out, "clockid: %d\nticks: %lu\nsettime flags: 0%o\nit_value: (%ld, %ld)\nit_interval: (%ld, %ld)\n",
		tf->clock, READ_ONCE(tf->ticks), tf->cancel_on_set ? TFD_TIMER_CANCEL_ON_SET : 0, its.it_value.tv_sec,
		its.it_value.tv_nsec, its.it_interval.tv_sec, its.it_interval.tv_nsec);
}

static const struct file_ops timerfd_fops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.show_fdinfo = timerfd_show_fdinfo,
};

static void
set_timer(struct timerfd *tf, int flags, const struct abi_itimerspec *new)
{
	nsec_t value = timespec_to_ns(&new->it_value), now = clock_read(tf->clock);

	timer_cancel_sync(&tf->timer);
	if (value != 0 && !(flags & TFD_TIMER_ABSTIME))
		value = value > NSEC_MAX - now ? NSEC_MAX : now + value;
	spin_lock_irq(&tf->lock);
	tf->ticks = 0;
	tf->canceled = false;
	tf->interval = timespec_to_ns(&new->it_interval);
	tf->armed = value != 0;
	tf->cancel_on_set = (flags & TFD_TIMER_CANCEL_ON_SET) && (flags & TFD_TIMER_ABSTIME) &&
		timer_clock_of(tf->clock) == TIMER_REALTIME;
	tf->set_count = clock_set_count();
	spin_unlock_irq(&tf->lock);
	if (value != 0)
		timer_arm(&tf->timer, value);
}

long
sys_timerfd_create(clockid_t clock, int flags)
{
	struct timerfd *tf;
	struct file *f;
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	switch (clock) {
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		if (!capable(CAP_WAKE_ALARM))
			return -EPERM;
		break;
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		break;
	default:
		return -EINVAL;
	}
	tf = kmem_alloc(sizeof(*tf), KM_USER | KM_ZERO);
	if (tf == NULL)
		return -ENOMEM;
	spin_init(&tf->lock, LOCK_EVENT);
	mutex_init(&tf->set_mutex, LOCK_LEAF_SLEEP);
	waitq_init(&tf->wq);
	timer_init(&tf->timer, timer_clock_of(clock), timerfd_expire);
	tf->clock = clock;
	err = file_create_anon("timerfd", &timerfd_fops, tf, O_RDWR | (flags & O_NONBLOCK), &f);
	if (err != 0) {
		kmem_free(tf);
		return err;
	}
	waiter_init_func(&tf->clock_waiter, clock_stepped);
	waitq_add(clock_set_waitq(), &tf->clock_waiter);
	err = fd_install_new(f, 0, flags & O_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}

/* A descriptor that must be a timerfd. */
static int
timerfd_get(int fd, struct fdref *r)
{
	int err = fd_get(fd, r);

	if (err == 0 && r->file->ops != &timerfd_fops) {
		fd_put(r);
		err = -EINVAL;
	}
	return err;
}

long
sys_timerfd_settime(int fd, int flags, const void __user *unew, void __user *uold)
{
	struct abi_itimerspec new, old;
	struct timerfd *tf;
	struct fdref r;
	int err;

	if (copy_from_user(&new, unew, sizeof(new)) != 0)
		return -EFAULT;
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || !timespec_valid(&new.it_value) ||
	    !timespec_valid(&new.it_interval))
		return -EINVAL;
	err = timerfd_get(fd, &r);
	if (err != 0)
		return err;
	tf = r.file->priv;
	mutex_lock(&tf->set_mutex);
	get_setting(tf, &old);
	set_timer(tf, flags, &new);
	mutex_unlock(&tf->set_mutex);
	fd_put(&r);
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

long
sys_timerfd_gettime(int fd, void __user *cur)
{
	struct abi_itimerspec its;
	struct fdref r;
	int err = timerfd_get(fd, &r);

	if (err != 0)
		return err;
	get_setting(r.file->priv, &its);
	fd_put(&r);
	return copy_to_user(cur, &its, sizeof(its));
}
