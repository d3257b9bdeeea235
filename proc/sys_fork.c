/* SPDX-License-Identifier: BSD-2-Clause */
/* fork(2), vfork(2), clone(2), clone3(2), set_tid_address(2). */
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
	if ((flags & CLONE_PIDFD) != 0 && (flags & CLONE_PARENT_SETTID) != 0)
		return -EINVAL;		/* both would be stored there */
	return process_fork(&(struct fork_args){ .flags = flags & ~CSIGNAL, .exit_signal = (int)(flags & CSIGNAL), .stack = stack,
		.parent_tid = parent_tid, .pidfd = parent_tid, .child_tid = (u64)child_tid, .tls = tls });
}

static int
check_clone_args(const struct abi_clone_args *c, size_t size)
{
	if ((c->set_tid == 0) != (c->set_tid_size == 0) || c->set_tid_size > 32 /* namespaces above each other */)
		return -EINVAL;
	if ((c->exit_signal & ~CSIGNAL) != 0 || c->exit_signal > NSIG)
		return -EINVAL;
	if ((c->flags & CLONE_INTO_CGROUP) != 0 && (c->cgroup > INT32_MAX || size < CLONE_ARGS_SIZE_VER2))
		return -EINVAL;
	if ((c->flags & ~(CLONE_LEGACY_FLAGS | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)) != 0 ||
	    (c->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME))) != 0)
		return -EINVAL;
	if ((c->flags & CLONE_SIGHAND) != 0 && (c->flags & CLONE_CLEAR_SIGHAND) != 0)
		return -EINVAL;
	if ((c->flags & (CLONE_THREAD | CLONE_PARENT)) != 0 && c->exit_signal != 0)
		return -EINVAL;
	if ((c->stack == 0) != (c->stack_size == 0) || !user_range_ok((void __user *)c->stack, c->stack_size))
		return -EINVAL;
	return 0;
}

/* clone3's set_tid: one number, as there is one namespace. */
static int
get_set_tid(const struct abi_clone_args *c, pid_t *out)
{
	u32 nr;

	*out = 0;
	if (c->set_tid_size == 0)
		return 0;
	if (get_user_u32(&nr, (const u32 __user *)c->set_tid) != 0)
		return -EFAULT;
	if (c->set_tid_size > 1 || (s32)nr < 1)
		return -EINVAL;
	if (!capable(CAP_CHECKPOINT_RESTORE) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	*out = (pid_t)nr;
	return 0;
}

long
sys_clone3(const void __user *uargs, size_t size)
{
	struct abi_clone_args c;
	struct fork_args a;
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(&c, sizeof(c), uargs, size);
	if (err == 0)
		err = check_clone_args(&c, size);
	if (err != 0)
		return err;
	a = (struct fork_args){ .flags = c.flags, .exit_signal = (int)c.exit_signal, .stack = c.stack + c.stack_size, .tls = c.tls,
		.parent_tid = (u32 __user *)c.parent_tid, .pidfd = (u32 __user *)c.pidfd, .child_tid = c.child_tid };
	err = get_set_tid(&c, &a.set_tid);
	if (err == 0 && (c.flags & CLONE_INTO_CGROUP) != 0)
		err = -EBADF;		/* no descriptor is a cgroup's */
	return err != 0 ? err : process_fork(&a);
}

long
sys_set_tid_address(void __user *tidptr)
{
	struct proc_thread *pt = pt_current();

	pt->clear_child_tid = (u64)tidptr;
	return pid_nr(pt->tid);
}
