/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll(7): the event bits are poll's, and these. */
#ifndef SYS_ABI_EPOLL_H
#define SYS_ABI_EPOLL_H

#include "arch/x86_64/abi/epoll_event.h"
#include "sys/abi/fcntl.h"
#include "sys/abi/poll.h"

#define EPOLL_CLOEXEC	O_CLOEXEC

#define EPOLL_CTL_ADD	1
#define EPOLL_CTL_DEL	2
#define EPOLL_CTL_MOD	3

#define EPOLLEXCLUSIVE	(1u << 28)
#define EPOLLWAKEUP	(1u << 29)
#define EPOLLONESHOT	(1u << 30)
#define EPOLLET		(1u << 31)

#endif
