/* SPDX-License-Identifier: BSD-2-Clause */
/* struct epoll_event: packed on x86-64 only, so that it has the layout of the 32-bit one. */
#ifndef ARCH_X86_64_ABI_EPOLL_EVENT_H
#define ARCH_X86_64_ABI_EPOLL_EVENT_H

#include "sys/lib/types.h"

struct abi_epoll_event { u32 events; u64 data; } __packed;

#endif
