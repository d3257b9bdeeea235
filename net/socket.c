/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets as files: sockfs, where their vnodes live, and the file operations, which hand on to the family. Readiness and sleeping
 * callers share the socket's one wait queue.
 */
#include "net/socket.h"

#include "fs/path.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "sys/clock.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

int net_wmem_max = SOCKET_BUF_DEFAULT, net_rmem_max = SOCKET_BUF_DEFAULT, net_somaxconn = SOMAXCONN_K;

static const struct socket_family *families[AF_MAX];	/* [I] after boot */
static struct mount *sockfs_mnt;			/* [I] */
static const struct file_ops socket_fops;

/* --- the object --- */

void
socket_register(const struct socket_family *fam)
{
	KASSERT(families[fam->family] == NULL);
	families[fam->family] = fam;
}

void
socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
	s->ops = ops;
	s->family = (u16)family;
	s->type = (u16)type;
	s->protocol = protocol;
	waitq_init(&s->wq);
	s->sndbuf = s->rcvbuf = SOCKET_BUF_DEFAULT;
	s->rcvlowat = 1;
	s->rcvtimeo = s->sndtimeo = NSEC_MAX;
	s->peek_off = -1;
}

int
socket_create(int family, int type, int protocol, struct socket **out)
{
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (type < 0 || type >= SOCK_TYPE_MAX)
		return -EINVAL;
	if (families[family] == NULL)
		return -EAFNOSUPPORT;
	return families[family]->create(type, protocol, out);
}

void
socket_wake(struct socket *s, u32 events)
{
	if (waitq_active(&s->wq))
		waitq_wake(&s->wq, 0, events);
}

int
socket_take_error(struct socket *s)
{
	return atomic_load_relaxed(&s->error) == 0 ? 0 : -atomic_xchg(&s->error, 0);
}

nsec_t
socket_deadline(nsec_t timeo, bool nonblock)
{
	nsec_t now = nonblock ? 0 : clock_now();

	return nonblock ? 0 : timeo > NSEC_MAX - now ? NSEC_MAX : now + timeo;
}

int
socket_sleep_error(int err, nsec_t timeo)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && timeo != NSEC_MAX ? -EINTR : err;
}

/* --- file operations --- */

struct socket *
socket_of(struct file *f)
{
	return f->ops == &socket_fops ? f->priv : ERR_PTR(-ENOTSOCK);
}

u64
socket_ino(const struct socket *s)
{
	struct file *f;
	u64 ino = 0;

	rcu_read_lock();
	f = atomic_load_acquire(&s->file);
	if (f != NULL && f->vn != NULL)
		ino = f->vn->ino;
	rcu_read_unlock();
	return ino;
}

static u32
call_flags(struct file *f)
{
	return atomic_load_relaxed(&f->flags) & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

static ssize_t
socket_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct socket *s = f->priv;
	struct socket_msg m = { .buf = buf, .flags = call_flags(f) };

	(void)pos;
	if (iobuf_left(buf) == 0)
		return 0;
	return s->ops->recvmsg(s, &m);
}

static ssize_t
socket_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct socket *s = f->priv;
	struct socket_msg m = { .buf = buf, .flags = call_flags(f) };

	(void)pos;
	if (s->type == SOCK_SEQPACKET)
		m.flags |= MSG_EOR;
	return s->ops->sendmsg(s, &m);
}

static u32
socket_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;

	return s->ops->poll(s, f, pt);
}

static long
socket_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	struct socket *s = f->priv;

	return s->ops->ioctl != NULL ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
}

static void
socket_release(struct file *f)
{
	struct socket *s = f->priv;

	atomic_store_release(&s->file, NULL);
	s->ops->release(s);
}

static const struct file_ops socket_fops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

/* --- sockfs --- */

static int
sockfs_show_name(struct dentry *d, struct strbuf *out)
{
	strbuf_printf(out, "socket:[%lu]", d->vn->ino);
	return 0;
}

/* /proc/PID/fd/N of a socket does not open. */
static int
sockfs_no_open(struct vnode *vn, struct file *f)
{
	(void)vn, (void)f;
	return -ENXIO;
}

static const struct file_ops sockfs_fops = { .open = sockfs_no_open };
static const struct dentry_ops sockfs_dops = { .show_name = sockfs_show_name };

static int
sockfs_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	(void)dev, (void)data;
	return libfs_mount_nameless(type, flags, 0x534f434b /* SOCKFS_MAGIC, statfs(2) */, &sockfs_dops, out);
}

static const struct fs_type sockfs_type = { .name = "sockfs", .flags = FS_NODEV, .mount = sockfs_mount };

int
socket_file(struct socket *s, int flags, struct file **out)
{
	struct path path;
	struct file *f;
	int err = libfs_new_nameless(sockfs_mnt, S_IFSOCK | 0777, &sockfs_fops, &path);

	if (err != 0)
		goto fail;
	err = file_alloc(&path, O_RDWR | (flags & O_NONBLOCK), &f);
	path_put(&path);
	if (err != 0)
		goto fail;
	f->ops = &socket_fops;
	f->priv = s;
	f->mapping = NULL;
	f->mode = FMODE_READ | FMODE_WRITE | FMODE_OPENED | FMODE_STREAM;
	atomic_store_release(&s->file, f);
	*out = f;
	return 0;
fail:
	s->ops->release(s);
	return err;
}

void
net_init(void)
{
	if (mount_internal(&sockfs_type, &sockfs_mnt) != 0)
		panic("net: no memory for sockfs");
	unix_init();
}
