/* SPDX-License-Identifier: BSD-2-Clause */
/* sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2). */
#include "fs/fdtable.h"
#include "mm/usercopy.h"
#include "net/internal.h"
#include "sys/abi/errno.h"
#include "sys/abi/timespec.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "syscall_protos.h"

#define MMSG_MAX	1024		/* longer vectors are cut, as Linux does */

static u32
with_nonblock(const struct file *f, u32 flags)
{
	return atomic_load_relaxed(&f->flags) & O_NONBLOCK ? flags | MSG_DONTWAIT : flags;
}

/* --- one message --- */

static ssize_t
send_one(struct fdref *r, struct socket *s, const struct abi_msghdr *h, u32 flags)
{
	struct socket_msg m = { .flags = with_nonblock(r->file, flags & ~(MSG_CMSG_CLOEXEC)) };
	struct abi_iovec *to_free = NULL;
	struct iobuf buf;
	ssize_t n;

	if (h->msg_namelen < 0)
		return -EINVAL;
	if (h->msg_name != 0 && h->msg_namelen > 0) {
		n = socket_addr_from_user(&m.name, (const void __user *)h->msg_name, MIN(h->msg_namelen, SOCKADDR_MAX));
		if (n != 0)
			return n;
	}
	if (h->msg_iovlen > IOV_MAX_KERNEL)
		return -EMSGSIZE;
	n = iobuf_init_iovec(&buf, (const struct abi_iovec __user *)h->msg_iov, h->msg_iovlen, false, &to_free);
	if (n != 0)
		return n;
	if (h->msg_controllen > 0) {
		n = -ENOBUFS;
		if (h->msg_controllen > OPTMEM_MAX)
			goto out_iov;
		m.control_len = h->msg_controllen;
		m.control = kmem_alloc(m.control_len, KM_USER);
		if (m.control == NULL)
			goto out_iov;
		n = copy_from_user(m.control, (const void __user *)h->msg_control, m.control_len);
		if (n != 0)
			goto out_control;
	}
	m.buf = &buf;
	n = s->ops->sendmsg(s, &m);
out_control:
	kmem_free(m.control);
out_iov:
	kmem_free(to_free);
	return n;
}

/* h's lengths and flags become what was received. */
static ssize_t
receive_one(struct fdref *r, struct socket *s, struct abi_msghdr *h, u32 flags)
{
	struct socket_msg m = { .flags = with_nonblock(r->file, flags) };
	struct abi_iovec *to_free = NULL;
	struct iobuf buf;
	ssize_t n;
	int err;

	if (h->msg_namelen < 0)
		return -EINVAL;
	if (h->msg_iovlen > IOV_MAX_KERNEL)
		return -EMSGSIZE;
	err = iobuf_init_iovec(&buf, (const struct abi_iovec __user *)h->msg_iov, h->msg_iovlen, true, &to_free);
	if (err != 0)
		return err;
	m.buf = &buf;
	m.control_to = h->msg_controllen > 0 ? (u8 __user *)h->msg_control : NULL;
	m.control_len = m.control_to != NULL ? h->msg_controllen : 0;
	n = s->ops->recvmsg(s, &m);
	kmem_free(to_free);
	if (n < 0)
		return n;
	if (h->msg_name != 0) {
		err = copy_to_user((void __user *)h->msg_name, m.name.raw, MIN((u32)h->msg_namelen, m.name.len));
		if (err != 0)
			return err;
		h->msg_namelen = (s32)m.name.len;
	}
	h->msg_controllen = m.control_to != NULL ? (u64)(m.control_to - (u8 __user *)h->msg_control) : 0;
	h->msg_flags = m.out_flags | (flags & MSG_CMSG_CLOEXEC);
	return n;
}

/* The parts of the user's header that a receive changes. */
static int
store_header(struct abi_msghdr __user *uh, const struct abi_msghdr *h)
{
	int err = 0;

	if (h->msg_name != 0)
		err = put_user_u32((u32)h->msg_namelen, (u32 __user *)&uh->msg_namelen);
	if (err == 0)
		err = put_user_u32(h->msg_flags, &uh->msg_flags);
	return err != 0 ? err : put_user_u64(h->msg_controllen, &uh->msg_controllen);
}

/* --- the calls --- */

long
sys_sendto(int fd, const void __user *ubuf, size_t len, unsigned int flags, const void __user *uaddr, int addrlen)
{
	struct socket_msg m = { .flags = flags };
	struct iobuf buf;
	struct socket *s;
	struct fdref r;
	ssize_t n = iobuf_init_user(&buf, (void __user *)(uintptr_t)ubuf, len, false);

	if (n != 0)
		return n;
	n = socket_get(fd, &r, &s);
	if (n != 0)
		return n;
	m.flags = with_nonblock(r.file, flags & ~MSG_CMSG_CLOEXEC);
	m.buf = &buf;
	if (uaddr != NULL)
		n = socket_addr_from_user(&m.name, uaddr, addrlen);
	if (n == 0)
		n = s->ops->sendmsg(s, &m);
	fd_put(&r);
	return n;
}

long
sys_recvfrom(int fd, void __user *ubuf, size_t len, unsigned int flags, void __user *uaddr, void __user *ulen)
{
	struct socket_msg m = { .flags = flags };
	struct iobuf buf;
	struct socket *s;
	struct fdref r;
	ssize_t n = iobuf_init_user(&buf, ubuf, len, true);

	if (n != 0)
		return n;
	n = socket_get(fd, &r, &s);
	if (n != 0)
		return n;
	m.flags = with_nonblock(r.file, flags);
	m.buf = &buf;
	n = s->ops->recvmsg(s, &m);
	if (n >= 0 && uaddr != NULL) {
		int err = socket_addr_to_user(&m.name, uaddr, ulen);

		n = err != 0 ? err : n;
	}
	fd_put(&r);
	return n;
}

long
sys_sendmsg(int fd, const void __user *umsg, unsigned int flags)
{
	struct abi_msghdr h;
	struct socket *s;
	struct fdref r;
	ssize_t n = socket_get(fd, &r, &s);

	if (n != 0)
		return n;
	n = copy_from_user(&h, umsg, sizeof(h));
	if (n == 0)
		n = send_one(&r, s, &h, flags);
	fd_put(&r);
	return n;
}

long
sys_recvmsg(int fd, void __user *umsg, unsigned int flags)
{
	struct abi_msghdr h;
	struct socket *s;
	struct fdref r;
	ssize_t n = socket_get(fd, &r, &s);

	if (n != 0)
		return n;
	n = copy_from_user(&h, umsg, sizeof(h));
	if (n == 0)
		n = receive_one(&r, s, &h, flags);
	if (n >= 0) {
		int err = store_header(umsg, &h);

		n = err != 0 ? err : n;
	}
	fd_put(&r);
	return n;
}

long
sys_sendmmsg(int fd, void __user *umsgs, unsigned int count, unsigned int flags)
{
	struct abi_mmsghdr __user *u = umsgs;
	struct abi_msghdr h;
	struct socket *s;
	struct fdref r;
	unsigned int done = 0;
	ssize_t n = socket_get(fd, &r, &s);

	if (n != 0)
		return n;
	count = MIN(count, (unsigned int)MMSG_MAX);
	for (; done < count; done++) {
		n = copy_from_user(&h, &u[done].hdr, sizeof(h));
		if (n == 0)
			n = send_one(&r, s, &h, flags);
		if (n >= 0)
			n = put_user_u32((u32)n, &u[done].msg_len);
		if (n < 0)
			break;
	}
	fd_put(&r);
	return done > 0 ? (long)done : n;
}

/* The time left at the end goes back to the caller. */
static int
store_time_left(void __user *utimeout, nsec_t deadline)
{
	struct abi_timespec ts = timespec_from_ns(MAX(deadline - clock_now(), (nsec_t)0));

	return copy_to_user(utimeout, &ts, sizeof(ts));
}

long
sys_recvmmsg(int fd, void __user *umsgs, unsigned int count, unsigned int flags, void __user *utimeout)
{
	struct abi_mmsghdr __user *u = umsgs;
	nsec_t deadline = NSEC_MAX;
	unsigned int done = 0;
	struct abi_timespec ts;
	struct abi_msghdr h;
	struct socket *s;
	struct fdref r;
	ssize_t n;

	if (utimeout != NULL) {
		if (copy_from_user(&ts, utimeout, sizeof(ts)) != 0)
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = socket_deadline(timespec_to_ns(&ts), false);
	}
	n = socket_get(fd, &r, &s);
	if (n != 0)
		return n;
	n = socket_take_error(s);
	count = MIN(count, (unsigned int)MMSG_MAX);
	while (n == 0 && done < count) {
		n = copy_from_user(&h, &u[done].hdr, sizeof(h));
		if (n == 0)
			n = receive_one(&r, s, &h, flags & ~MSG_WAITFORONE);
		if (n < 0)
			break;
		if (put_user_u32((u32)n, &u[done].msg_len) != 0 || store_header(&u[done].hdr, &h) != 0) {
			n = -EFAULT;
			break;
		}
		n = 0;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if ((h.msg_flags & MSG_OOB) || clock_now() >= deadline)
			break;
	}
	if (done > 0 && n < 0 && n != -EAGAIN)
		socket_set_error(s, (int)n);	/* the next call tells it: recvmmsg(2) */
	if (done > 0)
		n = done;
	if (utimeout != NULL && n > 0 && store_time_left(utimeout, deadline) != 0)
		n = -EFAULT;
	fd_put(&r);
	return n;
}
