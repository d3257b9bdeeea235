/* SPDX-License-Identifier: BSD-2-Clause */
/* fcntl(2): status flags, owners of signals, locks, pipe sizes, seals; and the ioctls of every file. */
#include "fs/fcntl.h"
#include "fs/flock.h"
#include "fs/internal.h"
#include "fs/pipe.h"
#include "fs/tmpfs.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/signal.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/pid.h"

/* --- status flags --- */

#define SETTABLE	(O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

static void
replace_flags(struct file *f, u32 mask, u32 value)
{
	spin_lock(&f->lock);
	atomic_store_relaxed(&f->flags, (f->flags & ~mask) | (value & mask));
	spin_unlock(&f->lock);
}

static int
set_flags(struct file *f, int fd, u32 flags)
{
	u32 old = atomic_load_relaxed(&f->flags);
	int err;

	if ((old & O_APPEND) && !(flags & O_APPEND) && (f->vn->state & VN_APPEND))
		return -EPERM;
	if ((flags & O_NOATIME) && !(old & O_NOATIME) && !vnode_owner_or_capable(f->vn))
		return -EPERM;
	err = file_check_flags(f, (int)flags);
	if (err == 0)
		err = file_set_async(f, fd, flags & O_ASYNC);
	if (err != 0)
		return err;
	replace_flags(f, SETTABLE, flags);
	return 0;
}

/* --- who gets SIGIO --- */

/* Replace the owner: a copy of the old one, changed. pid: a reference to take, if set_pid. */
static int
change_owner(struct file *f, bool set_pid, struct pid *pid, u8 type, int sig)
{
	struct fown *o = kmem_alloc(sizeof(*o), KM_ZERO);

	if (o == NULL) {
		pid_put(pid);
		return -ENOMEM;
	}
	spin_lock(&f->lock);
	if (f->owner != NULL) {
		o->type = f->owner->type;
		o->sig = f->owner->sig;
		o->cred.uid = f->owner->cred.uid;
		o->cred.euid = f->owner->cred.euid;
	}
	if (set_pid) {
		const struct cred *c = cred_current();

		o->pid = pid;
		o->type = type;
		o->cred.uid = c->uid.val;
		o->cred.euid = c->euid.val;
	} else {
		o->sig = sig;
		if (f->owner != NULL && f->owner->pid != NULL) {
			o->pid = f->owner->pid;
			pid_get(o->pid);
		}
	}
	spin_unlock(&f->lock);
	file_set_owner(f, o);
	return 0;
}

static int
set_owner(struct file *f, u8 type, pid_t nr)
{
	struct pid *pid = NULL;

	if (nr != 0) {
		pid = pid_find_get(nr);
		if (pid == NULL)
			return -ESRCH;
	}
	return change_owner(f, true, pid, type, 0);
}

static pid_t
get_owner(struct file *f, u8 *type)
{
	struct fown *o;
	pid_t nr = 0;

	*type = PID_TGID;
	rcu_read_lock();
	o = rcu_dereference(f->owner);
	if (o != NULL) {
		nr = pid_nr(o->pid);
		*type = o->type;
	}
	rcu_read_unlock();
	return nr;
}

static long
owner_ex(struct file *f, int cmd, void __user *arg)
{
	static const u8 kinds[3] = { PID_TID, PID_TGID, PID_PGID };	/* F_OWNER_TID, _PID, _PGRP */
	struct abi_f_owner_ex ex;
	u8 type;

	if (cmd == F_SETOWN_EX) {
		if (copy_from_user(&ex, arg, sizeof(ex)) != 0)
			return -EFAULT;
		if (ex.type < F_OWNER_TID || ex.type > F_OWNER_PGRP)
			return -EINVAL;
		return set_owner(f, kinds[ex.type], ex.pid);
	}
	ex.pid = get_owner(f, &type);
	ex.type = type == PID_TID ? F_OWNER_TID : type == PID_PGID ? F_OWNER_PGRP : F_OWNER_PID;
	return copy_to_user(arg, &ex, sizeof(ex));
}

static long
owner_uids(struct file *f, void __user *arg)
{
	struct fown *o;
	u32 ids[2] = { 0, 0 };

	rcu_read_lock();
	o = rcu_dereference(f->owner);
	if (o != NULL) {
		ids[0] = o->cred.uid;
		ids[1] = o->cred.euid;
	}
	rcu_read_unlock();
	return copy_to_user(arg, ids, sizeof(ids));
}

static long
owner_number(struct file *f)
{
	u8 type;
	pid_t nr = get_owner(f, &type);

	return type == PID_PGID ? -nr : nr;
}

static int
owner_signal(struct file *f)
{
	struct fown *o;
	int sig = 0;

	rcu_read_lock();
	o = rcu_dereference(f->owner);
	if (o != NULL)
		sig = o->sig;
	rcu_read_unlock();
	return sig;
}

/* --- locks --- */

/* A POSIX lock was set. Where the descriptor was closed while we waited, that close dropped our locks too early: now again. */
static long
check_still_open(struct file *f, int fd)
{
	struct file *now = fd_get_file(fd);

	if (now != f)
		flock_posix_closed(thread_current()->files, f);
	if (now != NULL)
		file_put(now);
	return now == f ? 0 : -EBADF;
}

static long
lock_command(struct file *f, int fd, int cmd, void __user *arg)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	struct abi_flock fl;
	long err;

	if (copy_from_user(&fl, arg, sizeof(fl)) != 0)
		return -EFAULT;
	if (cmd != F_GETLK && cmd != F_OFD_GETLK) {
		err = flock_set(f, &fl, ofd, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
		return err == 0 && !ofd && fl.l_type != F_UNLCK ? check_still_open(f, fd) : err;
	}
	err = flock_test(f, &fl, ofd);
	return err != 0 ? err : copy_to_user(arg, &fl, sizeof(fl));
}

/* --- the switch --- */

static long
dup_fd(struct file *f, unsigned long min, bool cloexec)
{
	int fd;

	if (min >= fd_limit())
		return -EINVAL;
	fd = fd_reserve((int)min, cloexec);
	if (fd >= 0) {
		file_get(f);
		fd_install(fd, f);
	}
	return fd;
}

static long
path_fcntl(struct file *f, int fd, int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_fd(f, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(fd);
	case F_SETFD:
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return (long)atomic_load_relaxed(&f->flags);
	default:
		return -EBADF;
	}
}

static long
signal_fcntl(struct file *f, int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_GETOWN:
		return owner_number(f);
	case F_SETOWN:
		if ((int)arg == INT32_MIN)
			return -EINVAL;
		return (int)arg < 0 ? set_owner(f, PID_PGID, -(int)arg) : set_owner(f, PID_TGID, (int)arg);
	case F_GETOWN_EX:
	case F_SETOWN_EX:
		return owner_ex(f, cmd, (void __user *)arg);
	case F_GETOWNER_UIDS:
		return owner_uids(f, (void __user *)arg);
	case F_GETSIG:
		return owner_signal(f);
	case F_SETSIG:
		if (arg > 64)
			return -EINVAL;
		return change_owner(f, false, NULL, 0, (int)arg);
	default:
		return -EINVAL;
	}
}

long
file_fcntl(struct file *f, int fd, int cmd, unsigned long arg)
{
	if (f->mode & FMODE_PATH)
		return path_fcntl(f, fd, cmd, arg);
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
		return path_fcntl(f, fd, cmd, arg);
	case F_SETFL:
		return set_flags(f, fd, (u32)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_command(f, fd, cmd, (void __user *)arg);
	case F_GETLEASE:
		return F_UNLCK;			/* nobody can set one */
	case F_GETPIPE_SZ:
		return pipe_get_size(f);
	case F_SETPIPE_SZ:
		return pipe_set_size(f, arg > INT32_MAX ? UINT32_MAX : arg);
	case F_GET_SEALS:
		return tmpfs_get_seals(f);
	case F_ADD_SEALS:
		return arg > UINT32_MAX ? -EINVAL : tmpfs_add_seals(f, (u32)arg);
	default:
		return signal_fcntl(f, cmd, arg);
	}
}

/* --- ioctls of every file --- */

static int
ioctl_flag(struct file *f, int fd, u32 flag, unsigned long arg)
{
	u32 on;

	if (get_user_u32(&on, (const u32 __user *)arg) != 0)
		return -EFAULT;
	if (flag == O_ASYNC) {
		int err = f->ops->poll == NULL ? -ENOTTY : file_set_async(f, fd, on != 0);

		if (err != 0)
			return err;
	}
	replace_flags(f, flag, on != 0 ? flag : 0);
	return 0;
}

/* What the VFS answers for files of a file system. -ENOTTY: ask the file. */
static long
vnode_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	bool reg = S_ISREG(f->vn->mode);

	switch (cmd) {
	case FIONREAD:
		return reg ? put_user_u32((u32)(vnode_size(f->vn) - f->pos), (u32 __user *)arg) : -ENOTTY;
	case FIOQSIZE:
		if (reg || S_ISDIR(f->vn->mode) || S_ISLNK(f->vn->mode))
			return put_user_u64((u64)vnode_size(f->vn), (u64 __user *)arg);
		return -ENOTTY;
	case FIGETBSZ:
		return put_user_u32(f->vn->sb->blksize, (u32 __user *)arg);
	case FICLONE:
	case FICLONERANGE:	/* no file system here can share blocks between files */
		return reg ? -EOPNOTSUPP : -ENOTTY;
	case FIFREEZE:		/* nor be frozen */
		return capable(CAP_SYS_ADMIN) ? -EOPNOTSUPP : -EPERM;
	case FITHAW:
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	case FITRIM:
		return reg || S_ISDIR(f->vn->mode) ? super_trim(f->vn->sb, (struct abi_fstrim_range __user *)arg) : -ENOTTY;
	case FS_IOC_GETFLAGS:
	case FS_IOC_SETFLAGS:
	case FS_IOC_GETVERSION:
		return fileattr_ioctl(f, cmd, arg);
	default:
		return -ENOTTY;
	}
}

long
file_ioctl(struct file *f, int fd, unsigned int cmd, unsigned long arg)
{
	long r;

	switch (cmd) {
	case FIOCLEX:
		return fd_set_cloexec(fd, true);
	case FIONCLEX:
		return fd_set_cloexec(fd, false);
	case FIONBIO:
		return ioctl_flag(f, fd, O_NONBLOCK, arg);
	case FIOASYNC:
		return ioctl_flag(f, fd, O_ASYNC, arg);
	default:
		break;
	}
	r = vnode_ioctl(f, cmd, arg);
	if (r == -ENOTTY && f->ops->ioctl != NULL)
		r = f->ops->ioctl(f, cmd, arg);
	return r;
}
