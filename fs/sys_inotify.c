/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2). */
#include "fs/internal.h"
#include "fs/notify.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "syscall_protos.h"

#define VALID_MASK	(IN_ALL_EVENTS | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT | \
			 IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED)

static struct mutex add_mutex = MUTEX_INIT(add_mutex, LOCK_LEAF_SLEEP);	/* one watch of an instance on a vnode */

static ssize_t
inotify_file_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)pos;
	return inotify_read(f->priv, buf, atomic_load_relaxed(&f->flags) & O_NONBLOCK);
}

static u32
inotify_file_poll(struct file *f, struct poll_table *pt)
{
	return inotify_poll(f->priv, f, pt);
}

static long
inotify_file_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	return cmd == FIONREAD ? put_user_u32(inotify_bytes(f->priv), (u32 __user *)arg) : -ENOTTY;
}

static void
inotify_file_release(struct file *f)
{
	inotify_close(f->priv);
}

static void
inotify_file_show_fdinfo(struct file *f, struct strbuf *out)
{
	inotify_show(f->priv, out);
}

static const struct file_ops inotify_fops = {
	.read = inotify_file_read,
	.poll = inotify_file_poll,
	.ioctl = inotify_file_ioctl,
	.release = inotify_file_release,
	.show_fdinfo = inotify_file_show_fdinfo,
};

long
sys_inotify_init1(int flags)
{
	struct inotify *g;
	struct file *f;
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	g = inotify_create();
	if (g == NULL)
		return -ENOMEM;
	if (IS_ERR(g))
		return PTR_ERR(g);
	err = file_create_anon("inotify", &inotify_fops, g, O_RDONLY | (flags & O_NONBLOCK), &f);
	if (err != 0) {
		inotify_close(g);
		return err;
	}
	err = fd_install_new(f, 0, flags & O_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}

long
sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

static int
add_watch(struct inotify *g, const char __user *name, u32 mask)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, name, (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0), &p);

	if (err != 0)
		return err;
	err = vnode_permission(p.dentry->vn, MAY_READ);
	if (err == 0) {
		mutex_lock(&add_mutex);
		err = watch_update(g, p.dentry->vn, mask);
		mutex_unlock(&add_mutex);
	}
	path_put(&p);
	return err;
}

long
sys_inotify_add_watch(int fd, const char __user *path, unsigned int mask)
{
	struct fdref r;
	int err;

	if (mask == 0 || (mask & ~(unsigned)VALID_MASK))
		return -EINVAL;
	err = fd_get(fd, &r);
	if (err != 0)
		return err;
	if (((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)) || r.file->ops != &inotify_fops)
		err = -EINVAL;
	else
		err = add_watch(r.file->priv, path, mask);
	fd_put(&r);
	return err;
}

long
sys_inotify_rm_watch(int fd, int wd)
{
	struct fdref r;
	struct watch *w;
	int err = fd_get(fd, &r);

	if (err != 0)
		return err;
	err = -EINVAL;
	if (r.file->ops != &inotify_fops || wd < 0)
		goto out_put;
	w = inotify_find_watch(r.file->priv, wd);
	if (w != NULL) {
		watch_remove(w);
		watch_put(w);
		err = 0;
	}
out_put:
	fd_put(&r);
	return err;
}
