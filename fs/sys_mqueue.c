/* SPDX-License-Identifier: BSD-2-Clause */
/* mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2). */
#include "fs/fdtable.h"
#include "fs/mqueue.h"
#include "fs/path.h"
#include "fs/vnode.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/timespec.h"
#include "syscall_protos.h"

#define COOKIE_SIZE	32	/* what SIGEV_THREAD's sigval points at */

long
sys_mq_open(const char __user *uname, int flags, mode_t mode, const void __user *uattr)
{
	struct abi_mq_attr attr;
	struct path_name name;
	struct file *f;
	int err;

	if (uattr != NULL && copy_from_user(&attr, uattr, sizeof(attr)) != 0)
		return -EFAULT;
	err = path_name_from_user(&name, uname, 0);
	if (err != 0)
		return err;
	err = mqueue_open(name.s, flags, mode, uattr != NULL ? &attr : NULL, &f);
	path_name_free(&name);
	if (err != 0)
		return err;
	err = fd_install_new(f, 0, true);
	if (err < 0)
		file_put(f);
	return err;
}

long
sys_mq_unlink(const char __user *uname)
{
	struct path_name name;
	int err = path_name_from_user(&name, uname, 0);

	if (err != 0)
		return err;
	err = mqueue_unlink(name.s);
	path_name_free(&name);
	return err;
}

/* An open queue with all of mode. -EBADF */
static int
get_queue(int fd, u32 mode, struct fdref *r)
{
	int err = fd_get(fd, r);

	if (err != 0)
		return err;
	if (file_is_mqueue(r->file) && (r->file->mode & mode) == mode)
		return 0;
	fd_put(r);
	return -EBADF;
}

static int
get_deadline(const void __user *timeout, nsec_t *deadline)
{
	struct abi_timespec ts;

	*deadline = NSEC_MAX;
	if (timeout == NULL)
		return 0;
	if (copy_from_user(&ts, timeout, sizeof(ts)) != 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*deadline = timespec_to_ns(&ts);
	return 0;
}

static int
send(struct file *f, const void __user *buf, size_t len, u32 prio, nsec_t deadline)
{
	struct mq_msg *m;
	int err;

	if (len > (size_t)mqueue_msgsize(f))
		return -EMSGSIZE;
	m = mq_msg_alloc(len, prio);
	if (m == NULL)
		return -ENOMEM;
	err = copy_from_user(mq_msg_data(m), buf, len);
	if (err == 0)
		err = mqueue_send(f, m, deadline);
	if (err != 0)
		mq_msg_free(m);
	return err;
}

long
sys_mq_timedsend(int fd, const void __user *buf, size_t len, unsigned int prio, const void __user *timeout)
{
	struct fdref r;
	nsec_t deadline;
	int err = get_deadline(timeout, &deadline);

	if (err != 0)
		return err;
	if (prio >= MQ_PRIO_MAX)
		return -EINVAL;
	err = get_queue(fd, FMODE_WRITE, &r);
	if (err != 0)
		return err;
	err = send(r.file, buf, len, prio, deadline);
	fd_put(&r);
	return err;
}

static long
receive(struct file *f, void __user *buf, size_t len, void __user *uprio, nsec_t deadline)
{
	struct mq_msg *m;
	long ret;

	if (len < (size_t)mqueue_msgsize(f))
		return -EMSGSIZE;
	ret = mqueue_receive(f, deadline, &m);
	if (ret != 0)
		return ret;
	if ((uprio != NULL && put_user_u32(mq_msg_prio(m), uprio) != 0) || copy_to_user(buf, mq_msg_data(m), mq_msg_len(m)) != 0)
		ret = -EFAULT;		/* and the message is lost, as on Linux */
	else
		ret = (long)mq_msg_len(m);
	mq_msg_free(m);
	return ret;
}

long
sys_mq_timedreceive(int fd, void __user *buf, size_t len, void __user *uprio, const void __user *timeout)
{
	struct fdref r;
	nsec_t deadline;
	long ret = get_deadline(timeout, &deadline);

	if (ret != 0)
		return ret;
	ret = get_queue(fd, FMODE_READ, &r);
	if (ret != 0)
		return ret;
	ret = receive(r.file, buf, len, uprio, deadline);
	fd_put(&r);
	return ret;
}

/* SIGEV_THREAD tells through a netlink socket of the program's, and there are none yet: what a wrong descriptor gives. */
static int
check_thread_event(const struct abi_sigevent *ev)
{
	u8 cookie[COOKIE_SIZE];
	struct fdref r;
	int err;

	if (copy_from_user(cookie, (const void __user *)ev->sigev_value.sival_ptr, sizeof(cookie)) != 0)
		return -EFAULT;
	err = fd_get(ev->sigev_signo, &r);
	if (err != 0)
		return err;
	err = S_ISSOCK(r.file->vn->mode) ? -EINVAL : -ENOTSOCK;
	fd_put(&r);
	return err;
}

static int
check_event(const struct abi_sigevent *ev)
{
	switch (ev->sigev_notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL:
		return (u32)ev->sigev_signo <= NSIG ? 0 : -EINVAL;
	case SIGEV_THREAD:
		return check_thread_event(ev);
	}
	return -EINVAL;
}

long
sys_mq_notify(int fd, const void __user *uevent)
{
	struct abi_sigevent ev;
	struct fdref r;
	int err = 0;

	if (uevent != NULL) {
		if (copy_from_user(&ev, uevent, sizeof(ev)) != 0)
			return -EFAULT;
		err = check_event(&ev);
	}
	if (err == 0)
		err = get_queue(fd, 0, &r);
	if (err != 0)
		return err;
	err = mqueue_notify(r.file, uevent != NULL ? &ev : NULL);
	fd_put(&r);
	return err;
}

long
sys_mq_getsetattr(int fd, const void __user *unew, void __user *uold)
{
	struct abi_mq_attr new, old;
	struct fdref r;
	int err;

	if (unew != NULL) {
		if (copy_from_user(&new, unew, sizeof(new)) != 0)
			return -EFAULT;
		if (new.flags & ~(s64)O_NONBLOCK)
			return -EINVAL;
	}
	err = get_queue(fd, 0, &r);
	if (err != 0)
		return err;
	mqueue_get_attr(r.file, &old);
	if (unew != NULL && (new.flags & O_NONBLOCK))
		(void)atomic_fetch_or(&r.file->flags, (u32)O_NONBLOCK);
	else if (unew != NULL)
		(void)atomic_fetch_and(&r.file->flags, ~(u32)O_NONBLOCK);
	fd_put(&r);
	return uold != NULL ? copy_to_user(uold, &old, sizeof(old)) : 0;
}
