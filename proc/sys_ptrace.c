/* SPDX-License-Identifier: BSD-2-Clause */
/* ptrace(2). */
#include "proc/ptrace.h"

#include "syscall_protos.h"

long
sys_ptrace(long request, long pid, u64 addr, u64 data)
{
	struct thread *t;
	long err;

	if (request == PTRACE_TRACEME)
		return ptrace_traceme();
	t = pid > 0 ? thread_find_get((pid_t)pid) : NULL;
	if (t == NULL)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		err = ptrace_attach(t, request == PTRACE_SEIZE, addr, data);
	else
		err = ptrace_request(t, request, addr, data);
	thread_put(t);
	return err;
}
