/* SPDX-License-Identifier: BSD-2-Clause */
/* pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2). */
#include "proc/pidfd.h"

#include "fs/fdtable.h"
#include "proc/proc.h"
#include "syscall_protos.h"

long
sys_pidfd_open(pid_t nr, unsigned int flags)
{
	struct pid *pid;
	struct file *f;
	bool group;
	int err;

	if ((flags & ~(u32)O_NONBLOCK) != 0 || nr <= 0)
		return -EINVAL;
	pid = pid_find_get(nr);
	if (pid == NULL)
		return -ESRCH;
	rcu_read_lock();
	group = pid_bearer(pid, PID_TGID) != NULL;
	rcu_read_unlock();
	err = group ? pidfd_create_file(pid, flags & O_NONBLOCK, &f) : -EINVAL;	/* a thread's number, or a dead group's */
	pid_put(pid);
	if (err != 0)
		return err;
	err = fd_install_new(f, 0, true);
	if (err < 0)
		file_put(f);
	return err;
}

/* The process that bears pid, or its leader's thread, referenced; NULL. */
static struct process *
bearer_process_get(const struct pid *pid)
{
	struct proc_thread *pt;
	struct process *p = NULL;

	rcu_read_lock();
	pt = pid_bearer(pid, PID_TGID);
	if (pt != NULL) {
		p = pt->proc;
		process_get(p);
	}
	rcu_read_unlock();
	return p;
}

/* uinfo NULL: as kill(2). Else the user's own, not in the kernel's name unless to oneself. */
static int
make_info(struct siginfo_k *info, const struct pid *pid, int sig, const void __user *uinfo)
{
	if (uinfo == NULL) {
		siginfo_init(info, sig, SI_USER);
		info->abi.kill.pid = process_pid(process_current());
		info->abi.kill.uid = cred_current()->uid.val;
		return 0;
	}
	if (copy_from_user(info, uinfo, sizeof(*info)) != 0)
		return -EFAULT;
	if (info->abi.si_signo != sig)
		return -EINVAL;
	if ((info->abi.si_code >= 0 || info->abi.si_code == SI_TKILL) && pt_current()->tid != pid)
		return -EPERM;
	return 0;
}

long
sys_pidfd_send_signal(int pidfd, int sig, const void __user *uinfo, unsigned int flags)
{
	struct siginfo_k info;
	struct pid *pid;
	struct process *p;
	int err;

	if (flags != 0)
		return -EINVAL;
	err = pidfd_get_pid(pidfd, true, &pid, NULL);
	if (err != 0)
		return err;
	err = make_info(&info, pid, sig, uinfo);
	if (err == 0) {
		p = bearer_process_get(pid);
		err = p != NULL ? signal_send_checked(p, sig, &info) : -ESRCH;
		process_put(p);
	}
	pid_put(pid);
	return err;
}

/* The descriptor of another process, with a reference. */
static int
get_file_of(struct process *p, int fd, struct file **out)
{
	struct thread *t = process_leader_get(p);
	struct files *files;
	int err;

	if (t == NULL)
		return -ESRCH;
	err = process_may_inspect(t);
	if (err != 0)
		goto out_thread;
	files = thread_files_get(t);
	*out = files != NULL ? files_get_file(files, fd) : NULL;
	files_put(files);
	err = *out != NULL ? 0 : -EBADF;
out_thread:
	thread_put(t);
	return err;
}

long
sys_pidfd_getfd(int pidfd, int targetfd, unsigned int flags)
{
	struct process *p;
	struct pid *pid;
	struct file *f;
	int err;

	if (flags != 0)
		return -EINVAL;
	err = pidfd_get_pid(pidfd, false, &pid, NULL);
	if (err != 0)
		return err;
	p = bearer_process_get(pid);
	pid_put(pid);
	err = p != NULL ? get_file_of(p, targetfd, &f) : -ESRCH;
	process_put(p);
	if (err != 0)
		return err;
	err = fd_install_new(f, 0, true);
	if (err < 0)
		file_put(f);
	return err;
}
