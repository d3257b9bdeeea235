/* SPDX-License-Identifier: BSD-2-Clause */
/* The system-call trace: one log line per call, as strace(1) prints it. Only sys/syscall.c calls this. */
#ifndef SYS_SYSCALL_TRACE_H
#define SYS_SYSCALL_TRACE_H

#include "sys/lib/types.h"

/* Calls that may not come back (exit, execve ...) are shown on the way in, the others with their result. */
void syscall_trace_enter(long nr, const u64 *args);
void syscall_trace_exit(long nr, const u64 *args, long result);

#endif
