/* SPDX-License-Identifier: BSD-2-Clause */
/* fork(2), vfork(2), clone(2), set_tid_address(2). */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/abi/sched.h"

long
sys_fork(void)
{
	return process_fork(&(struct fork_args){ .exit_signal = SIGCHLD });
}

long
sys_vfork(void)
{
	return process_fork(&(struct fork_args){ .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD });
}

long
sys_clone(unsigned long flags, u64 stack, void __user *parent_tid, void __user *child_tid, unsigned long tls)
{
	flags = (u32)flags;
	return process_fork(&(struct fork_args){ .flags = flags & ~CSIGNAL, .exit_signal = (int)(flags & CSIGNAL), .stack = stack,
		.parent_tid = parent_tid, .child_tid = (u64)child_tid, .tls = tls });
}

long
sys_set_tid_address(void __user *tidptr)
{
	struct proc_thread *pt = pt_current();

	pt->clear_child_tid = (u64)tidptr;
	return pid_nr(pt->tid);
}
