/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX message queues of the ABI: mq_overview(7). */
#ifndef SYS_ABI_MQUEUE_H
#define SYS_ABI_MQUEUE_H

#include "sys/lib/types.h"

#define MQ_PRIO_MAX	32768
#define MQUEUE_MAGIC	0x19800202

struct abi_mq_attr { s64 flags, maxmsg, msgsize, curmsgs, reserved[4]; };
_Static_assert(sizeof(struct abi_mq_attr) == 64, "struct mq_attr");

#endif
