/* SPDX-License-Identifier: BSD-2-Clause */
/* execve(2), execveat(2). */
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/file.h"

long
sys_execve(const char __user *path, const void __user *argv, const void __user *envp)
{
	return process_exec(AT_FDCWD, path, (u64)argv, (u64)envp, 0);
}

long
sys_execveat(int dirfd, const char __user *path, const void __user *argv, const void __user *envp, int flags)
{
	return process_exec(dirfd, path, (u64)argv, (u64)envp, flags);
}
