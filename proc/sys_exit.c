/* SPDX-License-Identifier: BSD-2-Clause */
/* exit(2), exit_group(2), wait4(2), waitid(2). */
#include "proc/pidfd.h"
#include "proc/proc.h"

#include "syscall_protos.h"
#include "sys/abi/wait.h"

long
sys_exit(int status)
{
	thread_exit_user(WSTATUS_EXIT(status));
}

long
sys_exit_group(int status)
{
	process_exit_group(WSTATUS_EXIT(status));
}

static int
put_rusage(const struct proc_usage *u, void __user *rusage)
{
	struct abi_rusage r;

	proc_usage_to_abi(u, &r);
	return copy_to_user(rusage, &r, sizeof(r));
}

long
sys_wait4(pid_t pid, void __user *status, int options, void __user *rusage)
{
	struct wait_request w = { .type = P_ALL, .options = (u32)options | WEXITED };
	int err;

	if (((u32)options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)) != 0)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid > 0) {
		w.type = P_PID;
		w.pid = pid_find_get(pid);
	} else if (pid != -1) {
		w.type = P_PGID;
		w.pid = pid != 0 ? pid_find_get(-pid) : process_pid_get(process_current(), PID_PGID);
	}
	err = process_wait(&w);
	pid_put(w.pid);
	if (err != 0 || w.found == 0)
		return err;
	if (status != NULL && put_user_u32((u32)w.status, status) != 0)
		return -EFAULT;
	if (rusage != NULL && put_rusage(&w.usage, rusage) != 0)
		return -EFAULT;
	return w.found;
}

/* The fields that waitid(2) sets; the rest of the user's siginfo is left as it is. */
static int
put_child_info(const struct wait_request *w, void __user *uinfo)
{
	struct abi_siginfo info;

	memset(&info, 0, sizeof(info));
	if (w->found != 0) {
		info.si_signo = SIGCHLD;
		info.si_code = w->code;
		info.chld.pid = w->found;
		info.chld.uid = w->uid;
		info.chld.status = w->si_status;
	}
	if (copy_to_user(uinfo, &info, offsetof(struct abi_siginfo, pad0)) != 0)
		return -EFAULT;
	return copy_to_user((char __user *)uinfo + offsetof(struct abi_siginfo, chld), &info.chld,
		offsetof(struct abi_siginfo, chld.pad1) - offsetof(struct abi_siginfo, chld));
}

long
sys_waitid(int idtype, pid_t id, void __user *info, int options, void __user *rusage)
{
	struct wait_request w = { .options = (u32)options };
	u32 fd_flags = 0;
	int err;

	if (((u32)options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)) != 0 ||
	    ((u32)options & (WEXITED | WSTOPPED | WCONTINUED)) == 0)
		return -EINVAL;
	switch (idtype) {
	case P_ALL:
		break;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		w.pid = pid_find_get(id);
		break;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		w.pid = id != 0 ? pid_find_get(id) : process_pid_get(process_current(), PID_PGID);
		break;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		err = pidfd_get_pid(id, false, &w.pid, &fd_flags);
		if (err != 0)
			return err;
		idtype = P_PID;
		w.options |= fd_flags & O_NONBLOCK ? WNOHANG : 0;
		break;
	default:
		return -EINVAL;
	}
	w.type = idtype;
	err = process_wait(&w);
	pid_put(w.pid);
	if (err == 0 && w.found == 0 && (fd_flags & O_NONBLOCK) && !((u32)options & WNOHANG))
		err = -EAGAIN;
	if (err != 0)
		return err;
	if (w.found != 0 && rusage != NULL && put_rusage(&w.usage, rusage) != 0)
		return -EFAULT;
	return info != NULL ? put_child_info(&w, info) : 0;
}
