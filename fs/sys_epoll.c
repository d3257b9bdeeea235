/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll_create(2), epoll_ctl(2), epoll_wait(2) and their kin. */
#include "fs/epoll.h"
#include "fs/fdtable.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/timespec.h"
#include "sys/clock.h"
#include "sys/signal.h"
#include "syscall_protos.h"

long
sys_epoll_create1(int flags)
{
	struct file *f;
	int err;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	err = epoll_create_file(0, &f);
	if (err != 0)
		return err;
	err = fd_install_new(f, 0, flags & EPOLL_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}

long
sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

long
sys_epoll_ctl(int epfd, int op, int fd, const void __user *event)
{
	struct abi_epoll_event ev = { 0 };
	struct fdref ep, target;
	int err;

	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, event, sizeof(ev)) != 0)
		return -EFAULT;
	err = fd_get(epfd, &ep);
	if (err != 0)
		return err;
	err = fd_get(fd, &target);
	if (err == 0) {
		err = epoll_control(ep.file, op, target.file, fd, &ev);
		fd_put(&target);
	}
	fd_put(&ep);
	return err;
}

/* deadline as epoll_wait_file has it; the mask is replaced for the wait where umask is not NULL. */
static long
wait_masked(int epfd, void __user *events, int max, nsec_t deadline, const u64 __user *umask, size_t size)
{
	struct fdref ep;
	u64 mask;
	long ret;

	if (umask != NULL && size != sizeof(mask))
		return -EINVAL;
	if (umask != NULL && copy_from_user(&mask, umask, sizeof(mask)) != 0)
		return -EFAULT;
	ret = fd_get(epfd, &ep);
	if (ret != 0)
		return ret;
	if (umask != NULL)
		signal_temp_mask(mask);
	ret = epoll_wait_file(ep.file, events, max, deadline);
	if (umask != NULL)
		signal_temp_mask_end(ret == -EINTR);
	fd_put(&ep);
	return ret;
}

static nsec_t
deadline_of_ms(int timeout)
{
	if (timeout <= 0)
		return timeout == 0 ? 0 : NSEC_MAX;
	return clock_now() + (nsec_t)timeout * NSEC_PER_MSEC;
}

long
sys_epoll_wait(int epfd, void __user *events, int maxevents, int timeout)
{
	return wait_masked(epfd, events, maxevents, deadline_of_ms(timeout), NULL, 0);
}

long
sys_epoll_pwait(int epfd, void __user *events, int maxevents, int timeout, const void __user *sigmask, size_t sigsetsize)
{
	return wait_masked(epfd, events, maxevents, deadline_of_ms(timeout), sigmask, sigsetsize);
}

long
sys_epoll_pwait2(int epfd, void __user *events, int maxevents, const void __user *timeout, const void __user *sigmask,
	size_t sigsetsize)
{
	nsec_t deadline = NSEC_MAX;
	struct abi_timespec ts;

	if (timeout != NULL) {
		nsec_t ns, now = clock_now();

		if (copy_from_user(&ts, timeout, sizeof(ts)) != 0)
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		ns = timespec_to_ns(&ts);
		deadline = ns == 0 ? 0 : ns > NSEC_MAX - now ? NSEC_MAX : now + ns;
	}
	return wait_masked(epfd, events, maxevents, deadline, sigmask, sigsetsize);
}
