/* SPDX-License-Identifier: BSD-2-Clause */
/* socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), names, shutdown(2), options. */
#include "fs/fdtable.h"
#include "mm/usercopy.h"
#include "net/internal.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "syscall_protos.h"

/* --- descriptors and addresses --- */

int
socket_get(int fd, struct fdref *r, struct socket **s)
{
	int err = fd_get(fd, r);

	if (err != 0)
		return err;
	*s = socket_of(r->file);
	if (IS_ERR(*s)) {
		err = PTR_ERR(*s);
		fd_put(r);
	}
	return err;
}

static bool
is_nonblock(const struct file *f)
{
	return atomic_load_relaxed(&f->flags) & O_NONBLOCK;
}

int
socket_addr_from_user(struct socket_addr *a, const void __user *u, int len)
{
	if (len < 0 || len > SOCKADDR_MAX)
		return -EINVAL;
	a->len = (u32)len;
	return copy_from_user(a->raw, u, (size_t)len);
}

int
socket_addr_to_user(const struct socket_addr *a, void __user *u, void __user *ulen)
{
	u32 room;
	int err = get_user_u32(&room, ulen);

	if (err != 0)
		return err;
	if ((int)room < 0)
		return -EINVAL;
	if (room > 0)
		err = copy_to_user(u, a->raw, MIN(room, a->len));
	return err != 0 ? err : put_user_u32(a->len, ulen);
}

/* A descriptor for a new socket, which is taken over. */
static int
install(struct socket *s, int flags)
{
	struct file *f;
	int err = socket_file(s, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0, &f);

	if (err != 0)
		return err;
	err = fd_install_new(f, 0, flags & SOCK_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}

/* --- making sockets --- */

long
sys_socket(int family, int type, int protocol)
{
	struct socket *s;
	int err;

	if (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = socket_create(family, type & SOCK_TYPE_MASK, protocol, &s);
	return err != 0 ? err : install(s, type);
}

long
sys_socketpair(int family, int type, int protocol, void __user *usv)
{
	struct file *f[2] = { NULL, NULL };
	struct socket *s[2];
	int fds[2] = { -1, -1 }, err;

	if (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		err = socket_create(family, type & SOCK_TYPE_MASK, protocol, &s[i]);
		if (err == 0)
			err = socket_file(s[i], type & SOCK_NONBLOCK ? O_NONBLOCK : 0, &f[i]);
		if (err != 0)
			goto out_files;
	}
	err = s[0]->ops->pair != NULL ? s[0]->ops->pair(s[0], s[1]) : -EOPNOTSUPP;
	if (err != 0)
		goto out_files;
	for (int i = 0; i < 2; i++) {
		fds[i] = err = fd_reserve(0, type & SOCK_CLOEXEC);
		if (err < 0)
			goto out_fds;
	}
	err = copy_to_user(usv, fds, sizeof(fds));
	if (err != 0)
		goto out_fds;
	fd_install(fds[0], f[0]);
	fd_install(fds[1], f[1]);
	return 0;
out_fds:
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			fd_unreserve(fds[i]);
out_files:
	for (int i = 0; i < 2; i++)
		if (f[i] != NULL)
			file_put(f[i]);
	return err;
}

/* --- names and connections --- */

long
sys_bind(int fd, const void __user *uaddr, int len)
{
	struct socket_addr a;
	struct socket *s;
	struct fdref r;
	int err = socket_get(fd, &r, &s);

	if (err != 0)
		return err;
	err = socket_addr_from_user(&a, uaddr, len);
	if (err == 0)
		err = s->ops->bind != NULL ? s->ops->bind(s, &a) : -EOPNOTSUPP;
	fd_put(&r);
	return err;
}

long
sys_connect(int fd, const void __user *uaddr, int len)
{
	struct socket_addr a;
	struct socket *s;
	struct fdref r;
	int err = socket_get(fd, &r, &s);

	if (err != 0)
		return err;
	err = socket_addr_from_user(&a, uaddr, len);
	if (err == 0)
		err = s->ops->connect != NULL ? s->ops->connect(s, &a, is_nonblock(r.file)) : -EOPNOTSUPP;
	fd_put(&r);
	return err;
}

long
sys_listen(int fd, int backlog)
{
	struct socket *s;
	struct fdref r;
	int err = socket_get(fd, &r, &s);

	if (err != 0)
		return err;
	err = s->ops->listen != NULL ? s->ops->listen(s, MIN((u32)backlog, (u32)READ_ONCE(net_somaxconn))) : -EOPNOTSUPP;
	fd_put(&r);
	return err;
}

long
sys_accept4(int fd, void __user *uaddr, void __user *ulen, int flags)
{
	struct socket *s, *new;
	struct socket_addr peer;
	struct fdref r;
	struct file *f;
	int err, newfd;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = socket_get(fd, &r, &s);
	if (err != 0)
		return err;
	newfd = fd_reserve(0, flags & SOCK_CLOEXEC);
	if (newfd < 0) {
		err = newfd;
		goto out_put;
	}
	err = s->ops->accept != NULL ? s->ops->accept(s, is_nonblock(r.file), &new) : -EOPNOTSUPP;
	if (err == 0)
		err = socket_file(new, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0, &f);
	if (err != 0)
		goto out_unreserve;
	if (uaddr != NULL) {
		err = new->ops->getname(new, true, &peer);
		if (err != 0)
			err = -ECONNABORTED;
		else
			err = socket_addr_to_user(&peer, uaddr, ulen);
		if (err != 0) {
			file_put(f);
			goto out_unreserve;
		}
	}
	fd_install(newfd, f);
	fd_put(&r);
	return newfd;
out_unreserve:
	fd_unreserve(newfd);
out_put:
	fd_put(&r);
	return err;
}

long
sys_accept(int fd, void __user *uaddr, void __user *ulen)
{
	return sys_accept4(fd, uaddr, ulen, 0);
}

static long
get_name(int fd, bool peer, void __user *uaddr, void __user *ulen)
{
	struct socket_addr a;
	struct socket *s;
	struct fdref r;
	int err = socket_get(fd, &r, &s);

	if (err != 0)
		return err;
	err = s->ops->getname(s, peer, &a);
	if (err == 0)
		err = socket_addr_to_user(&a, uaddr, ulen);
	fd_put(&r);
	return err;
}

long
sys_getsockname(int fd, void __user *uaddr, void __user *ulen)
{
	return get_name(fd, false, uaddr, ulen);
}

long
sys_getpeername(int fd, void __user *uaddr, void __user *ulen)
{
	return get_name(fd, true, uaddr, ulen);
}

long
sys_shutdown(int fd, int how)
{
	struct socket *s;
	struct fdref r;
	int err = socket_get(fd, &r, &s);

	if (err != 0)
		return err;
	err = s->ops->shutdown != NULL ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	fd_put(&r);
	return err;
}

/* --- options --- */

long
sys_setsockopt(int fd, int level, int name, const void __user *uval, int len)
{
	u8 val[SOCKOPT_MAX] = { 0 };
	struct socket *s;
	struct fdref r;
	int err;

	if (len < 0)
		return -EINVAL;
	err = socket_get(fd, &r, &s);
	if (err != 0)
		return err;
	len = MIN(len, SOCKOPT_MAX);
	err = copy_from_user(val, uval, (size_t)len);
	if (err == 0)
		err = socket_set_option(s, level, name, val, (u32)len);
	fd_put(&r);
	return err;
}

long
sys_getsockopt(int fd, int level, int name, void __user *uval, void __user *ulen)
{
	u8 val[SOCKOPT_MAX];
	struct socket *s;
	struct fdref r;
	u32 len, room;
	int err = socket_get(fd, &r, &s);

	if (err != 0)
		return err;
	err = get_user_u32(&len, ulen);
	if (err == 0 && (int)len < 0)
		err = -EINVAL;
	if (err != 0)
		goto out_put;
	room = len = MIN(len, (u32)SOCKOPT_MAX);
	err = socket_get_option(s, level, name, val, &len);
	if (err == -ERANGE && put_user_u32(len, ulen) != 0)
		err = -EFAULT;
	if (err == 0)
		err = copy_to_user(uval, val, MIN(len, room));
	if (err == 0)
		err = put_user_u32(len, ulen);
out_put:
	fd_put(&r);
	return err;
}
