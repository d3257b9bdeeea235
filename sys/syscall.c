/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front door: dispatch of system calls, and the work on the way back to user mode. The table is generated from
 * sys/syscall.tbl. Restart codes go through untouched: the signal exit path (proc/signal_deliver.c) erases them.
 */
#include "arch/syscall.h"
#include "arch/thread.h"
#include "arch/trap.h"
#include "sys/abi/errno.h"
#include "sys/lib/bitmap.h"
#include "sys/lockdep.h"
#include "sys/log.h"
#include "sys/sched.h"
#include "sys/signal.h"
#include "sys/syscall.h"
#include "sys/syscall_trace.h"
#include "sys/thread.h"

static BITMAP_DECLARE(told, SYSCALL_COUNT + 1);	/* [a] numbers already logged; the last bit: beyond the table */

static __noinline long
unknown_call(long nr)
{
	size_t bit = nr >= 0 && nr < SYSCALL_COUNT ? (size_t)nr : SYSCALL_COUNT;
	const char *name = bit < SYSCALL_COUNT ? syscall_shapes[bit].name : NULL;
	struct thread *t = thread_current();

	if (!bitmap_test(told, bit) && !bitmap_test_and_set_atomic(told, bit))
		log_info("syscall: %s[%d] called %ld (%s), which is not there", t->name, thread_tid(t), nr,
			name != NULL ? name : "unknown");
	return -ENOSYS;
}

long
syscall_absent(void)
{
	return unknown_call(arch_frame_syscall(arch_thread_frame(thread_current())));
}

static __always_inline long
call(const struct trapframe *tf)
{
	long nr = arch_syscall_nr(tf);
	syscall_entry entry = (u64)nr < SYSCALL_COUNT ? syscall_table[nr] : NULL;

	return likely(entry != NULL) ? entry(tf) : unknown_call(nr);
}

u32 syscall_watchers;

void
syscall_stops_set(struct thread *t, u32 stops)
{
	u32 old = atomic_xchg(&t->syscall_stops, stops);

	atomic_add(&syscall_watchers, (u32)(stops != 0) - (u32)(old != 0));
}

static void
call_logged(struct trapframe *tf)
{
	u64 args[6];
	long nr = arch_syscall_nr(tf);

	arch_frame_syscall_args(tf, args);
	syscall_trace_enter(nr, args);
	arch_syscall_set_result(tf, call(tf));
	syscall_trace_exit(nr, args, arch_frame_result(tf));
}

/* A tracer may change the number, or make it -1: then there is no call, and the result is what it put into its register. */
static __noinline void
call_watched(struct trapframe *tf)
{
	struct thread *t = thread_current();

	if ((atomic_load_relaxed(&t->syscall_stops) == 0 || syscall_ptrace_enter(t)) && arch_syscall_nr(tf) != -1) {
		if (atomic_load_relaxed(&syscall_tracing))
			call_logged(tf);
		else
			arch_syscall_set_result(tf, call(tf));
	}
	if (atomic_load_relaxed(&t->syscall_stops) != 0)
		syscall_ptrace_exit(t);
}

void
syscall_dispatch(struct trapframe *tf)
{
	if (unlikely(atomic_load_relaxed(&syscall_watchers) != 0))
		call_watched(tf);
	else
		arch_syscall_set_result(tf, call(tf));
	lockdep_assert_none("return to user mode with a lock held");
}

void
task_work_add(struct thread *t, struct task_work *work)
{
	struct task_work *head = atomic_load_relaxed(&t->task_work);

	do
		work->next = head;
	while (!atomic_try_cas(&t->task_work, &head, work));
	thread_set_work(t, TW_TASK);
}

/* In the order in which they were added. */
void
task_work_run(void)
{
	struct thread *t = thread_current();
	struct task_work *list, *next, *ordered = NULL;

	thread_clear_work(t, TW_TASK);
	while ((list = atomic_xchg(&t->task_work, NULL)) != NULL) {
		for (; list != NULL; list = next) {
			next = list->next;
			list->next = ordered;
			ordered = list;
		}
		for (; ordered != NULL; ordered = next) {
			next = ordered->next;
			ordered->func(ordered);
		}
	}
}

void
user_return_work(struct trapframe *tf)
{
	struct thread *t = thread_current();
	u32 work = atomic_load(&t->work);

	if (this_cpu_read(percpu_need_resched))
		preempt_schedule();
	if (work & TW_TASK)
		task_work_run();
	if (work & (TW_SIGNAL | TW_EXIT | TW_RESTORE_MASK))
		signal_deliver(tf);
	if (atomic_load(&t->work) & TW_RSEQ)
		rseq_return(tf);
}
