/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system calls of net/ share. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "fs/fdtable.h"
#include "net/socket.h"

/* net/sys_socket.c. -EBADF, -ENOTSOCK; end with fd_put(r). */
int __must_check socket_get(int fd, struct fdref *r, struct socket **s);
/* -EINVAL (length), -EFAULT. */
int __must_check socket_addr_from_user(struct socket_addr *a, const void __user *u, int len);
/* As much as there is room for by *ulen, which becomes the address's whole length. */
int __must_check socket_addr_to_user(const struct socket_addr *a, void __user *u, void __user *ulen);

#endif
