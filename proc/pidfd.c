/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pidfds as files. Readable once the whole process has exited: become_zombie() wakes the queue in its struct pid, which lives as long as
 * the file does, so that nobody reads about a stranger that got the number later.
 */
#include "proc/pidfd.h"

#include "fs/fdtable.h"
#include "proc/proc.h"
#include "proc/procfs/init.h"
#include "sys/lib/printf.h"

bool
pid_group_exited(const struct pid *pid)
{
	struct proc_thread *pt;
	bool exited;

	rcu_read_lock();
	pt = pid_bearer(pid, PID_TGID);
	exited = pt == NULL || READ_ONCE(pt->proc->state) != PROC_ALIVE;
	rcu_read_unlock();
	return exited;
}

static u32
pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *pid = f->priv;

	poll_wait(pt, f, &pid->wq);
	return pid_group_exited(pid) ? POLLIN | POLLRDNORM : 0;
}

static void
pidfd_release(struct file *f)
{
	pid_put(f->priv);
}

static void
pidfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct pid *pid = f->priv;
	int nr;

	rcu_read_lock();
	nr = pid_bearer(pid, PID_TID) != NULL ? pid_nr(pid) : -1;
	rcu_read_unlock();
	strbuf_printf(out, "Pid:\t%d\nNSpid:\t%d\n", nr, nr);
}

static const struct file_ops pidfd_fops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_fdinfo = pidfd_show_fdinfo,
};

int
pidfd_create_file(struct pid *pid, bool nonblock, struct file **out)
{
	int err = file_create_anon("pidfd", &pidfd_fops, pid, O_RDWR | (nonblock ? O_NONBLOCK : 0), out);

	if (err == 0)
		pid_get(pid);
	return err;
}

int
pidfd_get_pid(int fd, bool dirs, struct pid **out, u32 *flags)
{
	struct pid *pid = NULL;
	struct fdref r;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	if (r.file->ops == &pidfd_fops) {
		pid = r.file->priv;
		pid_get(pid);
	} else if (dirs) {
		pid = procfs_dir_pid_get(r.file);
	}
	if (flags != NULL)
		*flags = atomic_load_relaxed(&r.file->flags);
	fd_put(&r);
	*out = pid;
	return pid != NULL ? 0 : -EBADF;
}
