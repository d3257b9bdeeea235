/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file descriptions.
 *
 * struct file lives in type-stable memory: a lookup under RCU may hold a pointer to one that was closed, or even opened anew;
 * file_try_get() and a second look at the table tell (fs/fdtable.c). So refs is the only field that such a reader touches, and
 * it is zero while the file is free.
 */
#include "fs/epoll.h"
#include "fs/internal.h"
#include "fs/notify.h"

#include "mm/iobuf.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/pid.h"
#include "sys/signal.h"

static struct kmem_cache *cache;		/* [I] */
u64 file_count;					/* [a] open ones: /proc/sys/fs/file-nr */
u64 file_max;					/* [I] */

static void
construct(void *p)
{
	struct file *f = p;

	memset(f, 0, sizeof(*f));
	mutex_init(&f->pos_lock, LOCK_FILE_POS);
	spin_init(&f->lock, LOCK_LEAF);
	list_init(&f->epoll_items);
}

int
file_alloc(const struct path *p, int flags, struct file **out)
{
	struct file *f;

	if (atomic_load_relaxed(&file_count) >= file_max && !capable(CAP_SYS_ADMIN))
		return -ENFILE;
	f = kmem_cache_alloc(cache, KM_USER);
	if (f == NULL)
		return -ENOMEM;
	atomic_add_relaxed(&file_count, 1UL);
	path_get(p);
	f->mnt = p->mnt;
	f->dentry = p->dentry;
	f->vn = p->dentry->vn;
	f->ops = f->vn->fops;
	f->mapping = f->vn->i_mapping;
	f->flags = (u32)flags;
	f->mode = 0;
	f->pos = 0;
	f->cred = cred_get(cred_current());
	f->priv = NULL;
	f->owner = NULL;
	f->async = NULL;
	f->wb_err = f->mapping != NULL ? mapping_sample_error(f->mapping) : 0;
	f->ra = (struct read_ahead){ .prev = RA_NONE };
	f->dir_version = 0;
	atomic_store_release(&f->refs.n, 1);
	*out = f;
	return 0;
}

void
file_get(struct file *f)
{
	refcount_get(&f->refs);
}

bool
file_try_get(struct file *f)
{
	return refcount_try_get(&f->refs);
}

static void
owner_free_rcu(struct rcu_head *head)
{
	struct fown *o = container_of(head, struct fown, rcu);

	pid_put(o->pid);
	kmem_free(o);
}

/* Takes o, which may be NULL. */
void
file_set_owner(struct file *f, struct fown *o)
{
	struct fown *old;

	spin_lock(&f->lock);
	old = f->owner;
	rcu_assign(f->owner, o);
	spin_unlock(&f->lock);
	if (old != NULL)
		rcu_call(&old->rcu, owner_free_rcu);
}

static void
destroy(struct file *f)
{
	struct path p = { f->mnt, f->dentry };

	might_sleep();
	if (f->mode & FMODE_OPENED)
		notify_file(f, f->mode & FMODE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (!list_empty(&f->epoll_items))
		epoll_file_release(f);
	if (f->async != NULL)
		(void)!file_set_async(f, -1, false);
	if (f->vn->flocks != NULL)
		flock_file_closed(f);
	if (f->ops != NULL && f->ops->release != NULL && (f->mode & FMODE_OPENED))
		f->ops->release(f);
	if (f->mode & FMODE_WRITE_HELD) {
		vnode_put_write(f->vn);
		mount_drop_write(f->mnt);
	}
	if (f->mode & FMODE_EXEC_HELD)
		vnode_allow_write(f->vn);
	if (f->owner != NULL)
		file_set_owner(f, NULL);
	cred_put(f->cred);
	atomic_sub(&file_count, 1UL);
	kmem_cache_free(cache, f);
	path_put(&p);
}

void
file_put(struct file *f)
{
	if (f != NULL && refcount_put(&f->refs))
		destroy(f);
}

/* --- transfers --- */

/* A position that only the caller can see needs no lock. */
static inline bool
lock_pos(struct file *f, bool shared)
{
	if ((f->mode & FMODE_STREAM) || (!shared && refcount_read(&f->refs) == 1))
		return false;
	mutex_lock(&f->pos_lock);
	return true;
}

ssize_t
file_read(struct file *f, struct iobuf *buf, bool shared)
{
	bool locked;
	ssize_t n;
	off_t pos;

	if (!(f->mode & FMODE_READ))
		return -EBADF;
	if (f->ops->read == NULL)
		return -EINVAL;
	locked = lock_pos(f, shared);
	pos = f->pos;
	n = f->ops->read(f, buf, &pos);
	if (n >= 0)
		f->pos = pos;
	if (locked)
		mutex_unlock(&f->pos_lock);
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

ssize_t
file_write(struct file *f, struct iobuf *buf, bool shared)
{
	bool locked;
	ssize_t n;
	off_t pos;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (f->ops->write == NULL)
		return -EINVAL;
	locked = lock_pos(f, shared);
	pos = f->pos;
	n = f->ops->write(f, buf, &pos);
	if (n >= 0)
		f->pos = pos;
	if (locked)
		mutex_unlock(&f->pos_lock);
	if (n > 0)
		notify_file(f, IN_MODIFY);
	return n;
}

ssize_t
file_read_at(struct file *f, struct iobuf *buf, off_t *pos)
{
	ssize_t n;

	if (!(f->mode & FMODE_PREAD))
		return -ESPIPE;
	if (!(f->mode & FMODE_READ))
		return -EBADF;
	n = f->ops->read != NULL ? f->ops->read(f, buf, pos) : -EINVAL;
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

ssize_t
file_write_at(struct file *f, struct iobuf *buf, off_t *pos)
{
	ssize_t n;

	if (!(f->mode & FMODE_PWRITE))
		return -ESPIPE;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	n = f->ops->write != NULL ? f->ops->write(f, buf, pos) : -EINVAL;
	if (n > 0)
		notify_file(f, IN_MODIFY);
	return n;
}

off_t
file_seek(struct file *f, off_t off, int whence)
{
	off_t r;

	if (whence < SEEK_SET || whence > SEEK_HOLE)
		return -EINVAL;
	if (!(f->mode & FMODE_SEEK) || f->ops->llseek == NULL)
		return -ESPIPE;
	mutex_lock(&f->pos_lock);
	r = f->ops->llseek(f, off, whence);
	mutex_unlock(&f->pos_lock);
	return r;
}

/* --- with kernel memory --- */

ssize_t
file_read_kernel(struct file *f, void *buf, size_t len, off_t *pos)
{
	struct iobuf b;
	ssize_t n;

	if (!(f->mode & FMODE_READ))
		return -EBADF;
	if (f->ops->read == NULL)
		return -EINVAL;
	iobuf_init_kernel(&b, buf, len, true);
	n = f->ops->read(f, &b, pos);
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

ssize_t
file_write_kernel(struct file *f, const void *buf, size_t len, off_t *pos)
{
	struct iobuf b;
	ssize_t n;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (f->ops->write == NULL)
		return -EINVAL;
	iobuf_init_kernel(&b, (void *)(uintptr_t)buf, len, false);
	n = f->ops->write(f, &b, pos);
	if (n > 0)
		notify_file(f, IN_MODIFY);
	return n;
}

/* --- boot --- */

void
file_init(void)
{
	struct mem_stats st;

	cache = kmem_cache_create("file", sizeof(struct file), 64, KMC_TYPESTABLE, construct);
	if (cache == NULL)
		panic("vfs: no memory for files");
	mem_stats_get(&st);
	file_max = MAX(st.total / 10 * (PAGE_SIZE / 1024), 8192UL);	/* 10% of memory, at 1 KiB each */
}
