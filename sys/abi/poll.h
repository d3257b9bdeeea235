/* SPDX-License-Identifier: BSD-2-Clause */
/* poll(2): event bits; epoll's are the same. */
#ifndef SYS_ABI_POLL_H
#define SYS_ABI_POLL_H

#include "sys/lib/types.h"

#define POLLIN		0x0001u
#define POLLPRI		0x0002u
#define POLLOUT		0x0004u
#define POLLERR		0x0008u
#define POLLHUP		0x0010u
#define POLLNVAL	0x0020u
#define POLLRDNORM	0x0040u
#define POLLRDBAND	0x0080u
#define POLLWRNORM	0x0100u
#define POLLWRBAND	0x0200u
#define POLLMSG		0x0400u
#define POLLREMOVE	0x1000u
#define POLLRDHUP	0x2000u
/* Never seen by users: a queue's last wake-up, it is freed after a grace period of RCU. A call-back that outlives it takes its waiter off
 * the list, forgets the queue and returns false. Only queues whose owner may go before the file do so (signalfd). */
#define POLLFREE	0x4000u

struct abi_pollfd { s32 fd; s16 events; s16 revents; };

#endif
