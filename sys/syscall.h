/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system-call table. sys/syscall.tbl is its source; sys/gen_syscalls.py makes syscall_table.c (entries), syscall_trace.c
 * (names and shapes for the decoder) and syscall_protos.h (the prototype of every sys_x(), which its home file includes).
 */
#ifndef SYS_SYSCALL_H
#define SYS_SYSCALL_H

#include "sys/lib/list.h"
#include "sys/lib/types.h"

#define SYSCALL_COUNT	451

struct trapframe;

typedef long (*syscall_entry)(const struct trapframe *tf);
extern const syscall_entry syscall_table[SYSCALL_COUNT];	/* NULL: no home yet */

/* For the decoder. Letters: i int, u unsigned, l long, z size, x address or flags, h 32-bit flags, o octal, d directory fd, s string. */
struct syscall_shape {
	const char *name;	/* NULL: no such number */
	const char *args;	/* "ifd,xbuf,zlen": letter and name of each; NULL: no home yet */
	char result;
};
extern const struct syscall_shape syscall_shapes[SYSCALL_COUNT];

/* What the stand-in of a call without a function does: log once which program called what; -ENOSYS. */
long syscall_absent(void);

/* A thread whose system calls are traced (ptrace(2)); while there is one, or the trace switch is on, all calls take the slow way. */
struct thread;
enum {
	SYSCALL_STOP_TRACE	= 1 << 0,	/* stop at entry and exit */
	SYSCALL_STOP_EMULATE	= 1 << 1,	/* stop at entry; the call is not made */
	SYSCALL_STOP_STEP	= 1 << 2,	/* it is stepped: SIGTRAP at exit */
};
extern u32 syscall_watchers;		/* [a] such threads, and 1 for the switch */
void syscall_stops_set(struct thread *t, u32 stops);
/* Contract; proc/ptrace/stop.c. False: the call is not to be made. */
bool syscall_ptrace_enter(struct thread *t);
void syscall_ptrace_exit(struct thread *t);

/* Trace switch (trace_syscalls= on the command line, sysctl kernel.trace_syscalls): off, every process, or the threads of one name. */
extern bool syscall_tracing;		/* [a] */
void syscall_trace_set(const char *value);	/* "0"; "" and "1": all; else a name as /proc/PID/comm has it */
/* The same text into buf. */
void syscall_trace_get(char *buf, size_t size);

/* Run fn in thread t before it next returns to user mode. Any context; the work is the caller's until it has run. */
struct thread;
struct task_work { struct task_work *next; void (*func)(struct task_work *); };
void task_work_add(struct thread *t, struct task_work *work);
/* Run what is queued for the current thread (exit: nothing is left behind). */
void task_work_run(void);

#endif
