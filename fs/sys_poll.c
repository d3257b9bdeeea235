/* SPDX-License-Identifier: BSD-2-Clause */
/* poll(2), ppoll(2), select(2), pselect(2). */
#include "fs/fdtable.h"
#include "fs/poll.h"
#include "mm/aspace.h"
#include "mm/usercopy.h"
#include "sys/abi/resource.h"
#include "sys/abi/timespec.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/bitmap.h"
#include "sys/lib/string.h"
#include "sys/signal.h"
#include "syscall_protos.h"

/* Absolute deadline of a relative wait, cut where it would not fit. */
static nsec_t
deadline_after(nsec_t ns)
{
	nsec_t now = clock_now();

	return ns > NSEC_MAX - now ? NSEC_MAX : now + ns;
}

/* --- poll --- */

/* What the descriptors of a running poll refer to: held for the whole wait, since the poller stands on their queues. */
struct poll_set { struct abi_pollfd *fds; struct fdref *refs; u32 n; u32 always; /* events nobody needs to ask for */ };

static void
poll_get_files(struct poll_set *s)
{
	for (u32 i = 0; i < s->n; i++) {
		s->fds[i].revents = 0;
		s->refs[i] = (struct fdref){ NULL, false };
		if (s->fds[i].fd >= 0 && fd_get(s->fds[i].fd, &s->refs[i]) != 0)
			s->fds[i].revents = POLLNVAL;
	}
}

static void
poll_put_files(struct poll_set *s)
{
	for (u32 i = 0; i < s->n; i++)
		if (s->refs[i].file != NULL)
			fd_put(&s->refs[i]);
}

/* One look at all of them: how many are ready. */
static u32
poll_pass(struct poll_set *s, struct poller *p)
{
	u32 ready = 0;

	for (u32 i = 0; i < s->n; i++) {
		struct abi_pollfd *pf = &s->fds[i];
		u32 want = (u16)pf->events | s->always;

		if (s->refs[i].file != NULL) {
			p->table.events = want;
			pf->revents = (s16)(file_poll(s->refs[i].file, p->table.queue != NULL ? &p->table : NULL) & want);
		}
		if (pf->revents != 0) {
			ready++;
			p->table.queue = NULL;	/* will not sleep */
		}
	}
	return ready;
}

static int
poll_wait_ready(struct poll_set *s, nsec_t deadline)
{
	struct poller p;
	int err = 0;
	u32 ready;

	poller_init(&p);
	if (deadline == 0)
		p.table.queue = NULL;
	while ((ready = poll_pass(s, &p)) == 0 && err == 0 && deadline != 0) {
		err = p.err;
		if (err == 0)
			err = poller_sleep(&p, deadline);
	}
	poller_finish(&p);
	if (ready > 0)
		return (int)ready;
	return err == -ETIMEDOUT ? 0 : err;
}

/* deadline 0: do not wait; NSEC_MAX: for ever. -EINTR when a signal ended it. */
static long
poll_user(struct abi_pollfd __user *ufds, u32 nfds, nsec_t deadline)
{
	struct poll_set s = { .n = nfds, .always = POLLERR | POLLHUP };
	long ret;

	if (nfds > rlimit_current(RLIMIT_NOFILE))
		return -EINVAL;
	s.fds = kmem_alloc_array(MAX(nfds, 1u), sizeof(*s.fds), KM_USER);
	s.refs = kmem_alloc_array(MAX(nfds, 1u), sizeof(*s.refs), KM_USER);
	ret = -ENOMEM;
	if (s.fds == NULL || s.refs == NULL)
		goto out_free;
	ret = copy_from_user(s.fds, ufds, nfds * sizeof(*s.fds));
	if (ret != 0)
		goto out_free;
	poll_get_files(&s);
	ret = poll_wait_ready(&s, deadline);
	poll_put_files(&s);
	/* Only revents is the kernel's to write. */
	for (u32 i = 0; ret >= 0 && i < nfds; i++)
		if (copy_to_user(&ufds[i].revents, &s.fds[i].revents, sizeof(s.fds[i].revents)) != 0)
			ret = -EFAULT;
out_free:
	kmem_free(s.refs);
	kmem_free(s.fds);
	return ret;
}

static long
poll_restart(struct restart_block *rb)
{
	long ret = poll_user((struct abi_pollfd __user *)rb->args[0], (u32)rb->args[1], rb->deadline);

	return ret == -EINTR ? -ERESTART_RESTARTBLOCK : ret;
}

long
sys_poll(void __user *fds, unsigned int nfds, int timeout)
{
	nsec_t deadline = timeout < 0 ? NSEC_MAX : timeout == 0 ? 0 : deadline_after((nsec_t)timeout * NSEC_PER_MSEC);
	long ret = poll_user(fds, nfds, deadline);

	if (ret == -EINTR) {
		struct restart_block *rb = restart_block_current();

		rb->fn = poll_restart;
		rb->args[0] = (u64)fds;
		rb->args[1] = nfds;
		rb->deadline = deadline;
		ret = -ERESTART_RESTARTBLOCK;
	}
	return ret;
}

/* --- what ppoll and pselect share: a time that is updated, and a mask --- */

static int
get_timeout(const struct abi_timespec __user *uts, nsec_t *deadline)
{
	struct abi_timespec ts;

	*deadline = NSEC_MAX;
	if (uts == NULL)
		return 0;
	if (copy_from_user(&ts, uts, sizeof(ts)) != 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*deadline = timespec_to_ns(&ts) == 0 ? 0 : deadline_after(timespec_to_ns(&ts));
	return 0;
}

static nsec_t
time_left(nsec_t deadline)
{
	return deadline == 0 ? 0 : MAX(deadline - clock_now(), (nsec_t)0);
}

/* Linux writes the time left back, and does not fail where it cannot. */
static void
put_timeout(struct abi_timespec __user *uts, nsec_t deadline)
{
	struct abi_timespec ts;

	if (uts == NULL || deadline == NSEC_MAX)
		return;
	ts = timespec_from_ns(time_left(deadline));
	if (copy_to_user(uts, &ts, sizeof(ts)) != 0)
		return;
}

static int
set_mask(const u64 __user *umask, size_t size)
{
	u64 mask;

	if (umask == NULL)
		return 0;
	if (size != sizeof(u64))
		return -EINVAL;
	if (copy_from_user(&mask, umask, sizeof(mask)) != 0)
		return -EFAULT;
	signal_temp_mask(mask);
	return 0;
}

long
sys_ppoll(void __user *fds, unsigned int nfds, const void __user *timeout, const void __user *sigmask, size_t sigsetsize)
{
	struct abi_timespec __user *uts = (struct abi_timespec __user *)timeout;
	nsec_t deadline;
	long ret;

	ret = get_timeout(uts, &deadline);
	if (ret == 0)
		ret = set_mask(sigmask, sigsetsize);
	if (ret != 0)
		return ret;
	ret = poll_user(fds, nfds, deadline);
	if (sigmask != NULL)
		signal_temp_mask_end(ret == -EINTR);
	put_timeout(uts, deadline);
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

/* --- select --- */

enum { SET_IN, SET_OUT, SET_EX, SETS };

static const u32 set_events[SETS] = {
	[SET_IN] = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
	[SET_OUT] = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
	[SET_EX] = POLLPRI,
};

struct select_set {
	u32 n;				/* descriptors 0..n-1 */
	unsigned long *want[SETS], *got[SETS];	/* bitmaps */
	struct poll_set poll;		/* one entry for each descriptor that is in any set */
};

#define FD_WORDS(n)	DIV_ROUND_UP(n, 64u)

static int
select_copy_in(struct select_set *s, void __user *const usets[SETS])
{
	for (int k = 0; k < SETS; k++) {
		size_t bytes = FD_WORDS(s->n) * sizeof(long);

		if (usets[k] != NULL && copy_from_user(s->want[k], usets[k], bytes) != 0)
			return -EFAULT;
		if (s->n % 64 != 0)
			s->want[k][s->n / 64] &= BIT(s->n % 64) - 1;
	}
	return 0;
}

/* Make the list of descriptors, with references. -EBADF, -ENOMEM. */
static int
select_get_files(struct select_set *s)
{
	u32 used = 0;

	for (u32 w = 0; w < FD_WORDS(s->n); w++)
		used += popcount64(s->want[0][w] | s->want[1][w] | s->want[2][w]);
	s->poll.fds = kmem_alloc_array(MAX(used, 1u), sizeof(*s->poll.fds), KM_USER);
	s->poll.refs = kmem_alloc_array(MAX(used, 1u), sizeof(*s->poll.refs), KM_USER);
	if (s->poll.fds == NULL || s->poll.refs == NULL)
		return -ENOMEM;
	for (u32 fd = 0; fd < s->n; fd++) {
		u32 events = 0;

		for (int k = 0; k < SETS; k++)
			if (s->want[k][fd / 64] & BIT(fd % 64))
				events |= set_events[k];
		if (events != 0)
			s->poll.fds[s->poll.n++] = (struct abi_pollfd){ .fd = (s32)fd, .events = (s16)events };
	}
	poll_get_files(&s->poll);
	for (u32 i = 0; i < s->poll.n; i++)
		if (s->poll.fds[i].revents & POLLNVAL)
			return -EBADF;
	return 0;
}

/* From revents back to the three bitmaps: the number of bits set. A revents bit counts in a set only where that was asked. */
static long
select_collect(struct select_set *s)
{
	long bits = 0;

	for (u32 i = 0; i < s->poll.n; i++) {
		u32 fd = (u32)s->poll.fds[i].fd;

		for (int k = 0; k < SETS; k++) {
			if (!(s->want[k][fd / 64] & BIT(fd % 64)) || !((u16)s->poll.fds[i].revents & set_events[k]))
				continue;
			s->got[k][fd / 64] |= BIT(fd % 64);
			bits++;
		}
	}
	return bits;
}

static long
select_run(struct select_set *s, void __user *const usets[SETS], nsec_t deadline)
{
	long ret;

	ret = select_copy_in(s, usets);
	if (ret != 0)
		return ret;
	ret = select_get_files(s);
	if (ret == 0)
		ret = poll_wait_ready(&s->poll, deadline);
	if (ret >= 0)
		ret = select_collect(s);
	poll_put_files(&s->poll);
	for (int k = 0; ret >= 0 && k < SETS; k++)
		if (usets[k] != NULL && copy_to_user(usets[k], s->got[k], FD_WORDS(s->n) * sizeof(long)) != 0)
			ret = -EFAULT;
	return ret;
}

static long
select_user(int nfds, void __user *in, void __user *out, void __user *ex, nsec_t deadline)
{
	void __user *const usets[SETS] = { in, out, ex };
	struct select_set s = { 0 };
	unsigned long *maps;
	long ret;

	if (nfds < 0)
		return -EINVAL;
	s.n = MIN((u32)nfds, files_size(thread_current()->files));
	maps = kmem_alloc_array(2 * SETS, MAX(FD_WORDS(s.n), 1u) * sizeof(long), KM_USER | KM_ZERO);
	if (maps == NULL)
		return -ENOMEM;
	for (u32 k = 0; k < SETS; k++) {
		s.want[k] = maps + 2 * k * FD_WORDS(s.n);
		s.got[k] = s.want[k] + FD_WORDS(s.n);
	}
	ret = select_run(&s, usets, deadline);
	kmem_free(s.poll.fds);
	kmem_free(s.poll.refs);
	kmem_free(maps);
	return ret;
}

long
sys_select(int nfds, void __user *readfds, void __user *writefds, void __user *exceptfds, void __user *timeout)
{
	struct abi_timeval tv;
	nsec_t deadline = NSEC_MAX;
	long ret;

	if (timeout != NULL) {
		if (copy_from_user(&tv, timeout, sizeof(tv)) != 0)
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		struct abi_timespec ts = { tv.tv_sec, 0 };
		nsec_t ns = timespec_to_ns(&ts);
		nsec_t extra = tv.tv_usec > NSEC_MAX / NSEC_PER_USEC ? NSEC_MAX : tv.tv_usec * NSEC_PER_USEC;

		ns = ns > NSEC_MAX - extra ? NSEC_MAX : ns + extra;
		deadline = ns == 0 ? 0 : deadline_after(ns);
	}
	ret = select_user(nfds, readfds, writefds, exceptfds, deadline);
	if (timeout != NULL && deadline != NSEC_MAX) {
		tv = timeval_from_ns(time_left(deadline));
		if (copy_to_user(timeout, &tv, sizeof(tv)) != 0)
			return ret == -EINTR ? -EINTR : ret;	/* restarting would wait the whole time again */
	}
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

long
sys_pselect6(int nfds, void __user *readfds, void __user *writefds, void __user *exceptfds, void __user *timeout,
	const void __user *sigmask)
{
	struct { const u64 __user *mask; size_t size; } arg = { NULL, 0 };
	nsec_t deadline;
	long ret;

	if (sigmask != NULL && copy_from_user(&arg, sigmask, sizeof(arg)) != 0)
		return -EFAULT;
	ret = get_timeout(timeout, &deadline);
	if (ret == 0)
		ret = set_mask(arg.mask, arg.size);
	if (ret != 0)
		return ret;
	ret = select_user(nfds, readfds, writefds, exceptfds, deadline);
	if (arg.mask != NULL)
		signal_temp_mask_end(ret == -EINTR);
	put_timeout(timeout, deadline);
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}
