/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File locks. fcntl_locking(2), flock(2).
 *
 * The owner of a POSIX lock is the descriptor table (struct files), of an OFD or flock(2) lock the open file. A vnode gets its
 * lists with the first lock. Whoever must wait sleeps until something in the file was unlocked, and tries again. Who waits for
 * whom among POSIX locks is kept in one list: a cycle in it is EDEADLK.
 */
#include "fs/flock.h"
#include "fs/internal.h"
#include "fs/reclock.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/pid.h"
#include "sys/signal.h"
#include "sys/panic.h"
#include "sys/wait.h"

#define CHAIN_MAX	64	/* owners followed when looking for a cycle */

struct flock_list {
	struct spinlock lock;		/* LOCK_FLOCK */
	struct list posix;		/* [lock] POSIX and OFD locks */
	struct list whole;		/* [lock] flock(2) */
	struct vnode *vn;		/* [I] */
	struct list node;		/* [lists_mutex] */
	u32 released;			/* [lock] counts what may let waiters go on */
	struct waitq wq;
};

struct waiting {			/* on the stack of who waits */
	struct list node;		/* [waiting_lock] */
	const void *owner, *blocker;
	const struct flock_list *fl;
	u32 seen;			/* fl->released, when the blocker stood in the way */
	const struct reclock *want;
	const char *kind;
};

static struct kmem_cache *cache;	/* [I] struct reclock */
static struct spinlock waiting_lock;	/* LOCK_LEAF */
static struct list waiting;		/* [waiting_lock] */
static struct mutex lists_mutex = MUTEX_INIT(lists_mutex, LOCK_LEAF_SLEEP);
static struct list lists = LIST_INIT(lists);	/* [lists_mutex] of all vnodes that ever had a lock: /proc/locks */

static struct flock_list *
list_of(struct vnode *vn)
{
	struct flock_list *fl = atomic_load_acquire(&vn->flocks), *new;

	if (fl != NULL)
		return fl;
	new = kmem_alloc(sizeof(*new), KM_NORMAL);
	if (new == NULL)
		return NULL;
	spin_init(&new->lock, LOCK_FLOCK);
	list_init(&new->posix);
	list_init(&new->whole);
	new->released = 0;
	waitq_init(&new->wq);
	new->vn = vn;
	mutex_lock(&lists_mutex);
	if (vn->flocks == NULL) {
		list_add_tail(&lists, &new->node);
		atomic_store_release(&vn->flocks, new);
		new = NULL;
	}
	mutex_unlock(&lists_mutex);
	kmem_free(new);
	return atomic_load_acquire(&vn->flocks);
}

static void
free_locks(struct list *unused)
{
	struct reclock *l;

	while ((l = list_first(unused, struct reclock, node)) != NULL) {
		list_del(&l->node);
		kmem_cache_free(cache, l);
	}
}

void
flock_free_list(struct vnode *vn)
{
	struct flock_list *fl = vn->flocks;

	WARN_ON(!list_empty(&fl->posix) || !list_empty(&fl->whole));
	mutex_lock(&lists_mutex);
	list_del(&fl->node);
	mutex_unlock(&lists_mutex);
	vn->flocks = NULL;
	kmem_free(fl);
}

static int
two_new(struct reclock *new[2])
{
	new[0] = kmem_cache_alloc(cache, KM_USER);
	new[1] = kmem_cache_alloc(cache, KM_USER);
	if (new[0] != NULL && new[1] != NULL)
		return 0;
	if (new[0] != NULL)
		kmem_cache_free(cache, new[0]);
	if (new[1] != NULL)
		kmem_cache_free(cache, new[1]);
	return -ENOLCK;
}

static void
note_release_locked(struct flock_list *fl)
{
	spin_assert_held(&fl->lock);
	fl->released++;
}

/* --- waiting --- */

/* What the owner of POSIX locks waits for, or NULL. Who has been woken and will look again does not wait: its blocker may be gone,
 * and it looks for circles itself before it sleeps. */
static const void *
blocker_of_locked(const void *owner)
{
	struct waiting *w;

	list_for_each(w, &waiting, node)
		if (w->owner == owner && *w->kind == 'P' && READ_ONCE(w->fl->released) == w->seen)
			return w->blocker;
	return NULL;
}

/* Would w's owner wait for itself, by way of its blocker? */
static bool
is_circle_locked(const struct waiting *w)
{
	const void *at = w->blocker;

	for (u32 n = 0; n < CHAIN_MAX && at != NULL; n++) {
		if (at == w->owner)
			return true;
		at = blocker_of_locked(at);
	}
	return false;
}

/* Note that w waits; -EDEADLK where that would make a circle, if that is to be looked for. */
static int
note_waiting(struct waiting *w, bool check)
{
	int err = 0;

	spin_lock(&waiting_lock);
	if (check && is_circle_locked(w))
		err = -EDEADLK;
	else
		list_add_tail(&waiting, &w->node);
	spin_unlock(&waiting_lock);
	return err;
}

static void
stop_waiting(struct waiting *w)
{
	spin_lock(&waiting_lock);
	list_del(&w->node);
	spin_unlock(&waiting_lock);
}

/* Until something was released after `seen`. */
static int
wait_release(struct flock_list *fl, u32 seen)
{
	return wait_event_interruptible(&fl->wq, READ_ONCE(fl->released) != seen);
}

/* --- record locks --- */

/* The range that struct flock means. */
static int
to_range(struct file *f, const struct abi_flock *in, struct reclock *out)
{
	off_t base, start, last;

	switch (in->l_whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = vnode_size(f->vn);
		break;
	default:
		return -EINVAL;
	}
	if (in->l_start > INT64_MAX - base)
		return -EOVERFLOW;
	start = base + in->l_start;
	if (start < 0)
		return -EINVAL;
	if (in->l_len > 0) {
		if (in->l_len - 1 > INT64_MAX - start)
			return -EOVERFLOW;
		last = start + in->l_len - 1;
	} else if (in->l_len < 0) {
		if (start + in->l_len < 0)
			return -EINVAL;
		last = start - 1;
		start += in->l_len;
	} else {
		last = INT64_MAX;
	}
	out->start = (u64)start;
	out->last = (u64)last;
	return 0;
}

static int
prepare(struct file *f, const struct abi_flock *in, bool ofd, struct reclock *out)
{
	if (in->l_type != F_RDLCK && in->l_type != F_WRLCK && in->l_type != F_UNLCK)
		return -EINVAL;
	if (ofd && in->l_pid != 0)
		return -EINVAL;
	out->type = (u8)in->l_type;
	out->owner = ofd ? (const void *)f : (const void *)thread_current()->files;
	out->pid = ofd ? -1 : pid_nr(process_tgid_current());
	return to_range(f, in, out);
}

int
flock_test(struct file *f, struct abi_flock *fl, bool ofd)
{
	struct reclock want, *l;
	int err = prepare(f, fl, ofd, &want);

	if (err != 0)
		return err;
	if (fl->l_type == F_UNLCK)
		return -EINVAL;
	fl->l_type = F_UNLCK;
	if (f->vn->flocks == NULL)
		return 0;
	spin_lock(&f->vn->flocks->lock);
	l = reclock_conflict(&f->vn->flocks->posix, &want);
	if (l != NULL) {
		fl->l_type = l->type;
		fl->l_whence = SEEK_SET;
		fl->l_start = (s64)l->start;
		fl->l_len = l->last == INT64_MAX ? 0 : (s64)(l->last - l->start + 1);
		fl->l_pid = l->pid;
	}
	spin_unlock(&f->vn->flocks->lock);
	return 0;
}

/* Set or clear, if nothing stands against it: 0, or -EAGAIN with what to wait for in w. */
static int
try_set(struct flock_list *fl, const struct reclock *want, struct waiting *w)
{
	struct list unused = LIST_INIT(unused);
	struct reclock *new[2], *l = NULL;
	bool wake = false;
	int err = two_new(new);

	if (err != 0)
		return err;
	spin_lock(&fl->lock);
	if (want->type != RECLOCK_NONE)
		l = reclock_conflict(&fl->posix, want);
	if (l == NULL) {
		wake = reclock_apply(&fl->posix, want, new, &unused);
		if (wake)
			note_release_locked(fl);
	} else {
		w->blocker = l->owner;
		w->seen = fl->released;
		list_add(&unused, &new[0]->node);
		list_add(&unused, &new[1]->node);
		err = -EAGAIN;
	}
	spin_unlock(&fl->lock);
	if (wake)
		waitq_wake_all(&fl->wq);
	free_locks(&unused);
	return err;
}

int
flock_set(struct file *f, const struct abi_flock *in, bool ofd, bool wait)
{
	struct flock_list *fl;
	struct reclock want;
	int err = prepare(f, in, ofd, &want);

	if (err != 0)
		return err;
	if ((want.type == RECLOCK_READ && !(f->mode & FMODE_READ)) || (want.type == RECLOCK_WRITE && !(f->mode & FMODE_WRITE)))
		return -EBADF;
	if (want.type == RECLOCK_NONE && f->vn->flocks == NULL)
		return 0;
	fl = list_of(f->vn);
	if (fl == NULL)
		return -ENOLCK;
	for (;;) {
		struct waiting w = { .owner = want.owner, .fl = fl, .want = &want, .kind = ofd ? "OFDLCK" : "POSIX " };

		err = try_set(fl, &want, &w);
		if (err != -EAGAIN || !wait)
			return err;
		err = note_waiting(&w, !ofd);
		if (err != 0)
			return err;
		err = wait_release(fl, w.seen);
		stop_waiting(&w);
		if (err != 0)
			return err;
	}
}

/* All of the owner's record locks go. */
static void
drop_all(struct flock_list *fl, const void *owner)
{
	struct list unused = LIST_INIT(unused);
	struct reclock *l, *tmp;

	spin_lock(&fl->lock);
	list_for_each_safe(l, tmp, &fl->posix, node) {
		if (l->owner == owner) {
			list_del(&l->node);
			list_add(&unused, &l->node);
			note_release_locked(fl);
		}
	}
	spin_unlock(&fl->lock);
	if (!list_empty(&unused))
		waitq_wake_all(&fl->wq);
	free_locks(&unused);
}

void
flock_posix_closed(struct files *owner, struct file *f)
{
	drop_all(f->vn->flocks, owner);
}

/* --- flock(2) --- */

/* 0, or -EAGAIN with what to wait for in w. The file's earlier lock of another type goes first: a change of type is not atomic. */
static int
try_whole(struct flock_list *fl, struct file *f, u8 type, struct reclock **new, struct waiting *w)
{
	struct reclock *l, *tmp, *old = NULL;
	bool wake = false;
	int err = 0;

	spin_lock(&fl->lock);
	list_for_each_safe(l, tmp, &fl->whole, node) {
		if (l->owner == f && l->type == type)
			goto out_unlock;
		if (l->owner == f) {
			list_del(&l->node);
			old = l;
			note_release_locked(fl);
			wake = true;
		} else if (l->type == RECLOCK_WRITE || type == RECLOCK_WRITE) {
			w->blocker = l->owner;
		}
	}
	if (type == RECLOCK_NONE)
		goto out_unlock;
	if (w->blocker != NULL) {
		w->seen = fl->released;
		err = -EAGAIN;
	} else {
		**new = (struct reclock){ .owner = f, .type = type, .last = INT64_MAX, .pid = pid_nr(process_tgid_current()) };
		list_add(&fl->whole, &(*new)->node);
		*new = NULL;
	}
out_unlock:
	spin_unlock(&fl->lock);
	if (wake)
		waitq_wake_all(&fl->wq);
	if (old != NULL)
		kmem_cache_free(cache, old);
	return err;
}

int
flock_whole(struct file *f, int op, bool wait)
{
	u8 type = op == LOCK_SH ? RECLOCK_READ : op == LOCK_EX ? RECLOCK_WRITE : RECLOCK_NONE;
	struct flock_list *fl;
	struct reclock *new = NULL;
	int err;

	if (type == RECLOCK_NONE && f->vn->flocks == NULL)
		return 0;
	fl = list_of(f->vn);
	if (fl == NULL)
		return -ENOMEM;
	if (type != RECLOCK_NONE) {
		new = kmem_cache_alloc(cache, KM_USER);
		if (new == NULL)
			return -ENOMEM;
	}
	for (;;) {
		struct waiting w = { .owner = f, .fl = fl, .want = new, .kind = "FLOCK " };

		err = try_whole(fl, f, type, &new, &w);
		if (err != -EAGAIN || !wait)
			break;
		new->type = type;
		new->start = 0;
		new->last = INT64_MAX;
		new->pid = pid_nr(process_tgid_current());
		(void)!note_waiting(&w, false);
		err = wait_release(fl, w.seen);
		stop_waiting(&w);
		if (err != 0)
			break;
	}
	if (new != NULL)
		kmem_cache_free(cache, new);
	return err;
}

void
flock_file_closed(struct file *f)
{
	drop_all(f->vn->flocks, f);
	(void)!flock_whole(f, LOCK_UN, false);
}

/* --- /proc/locks --- */

static void
show_line(struct strbuf *out, u64 nr, bool waits, const char *kind, const struct reclock *l, const struct vnode *vn)
{
	dev_t dev = vn->sb->dev;

	strbuf_printf(out, "%lu: %s%s ADVISORY  %s %d %02x:%02x:%lu ", nr, waits ? "-> " : "", kind, l->type == RECLOCK_WRITE ? "WRITE" : "READ",
		l->pid, dev_major(dev), dev_minor(dev), vn->ino);
	if (*kind == 'F')
		strbuf_puts(out, "0 EOF\n");
	else if (l->last == INT64_MAX)
		strbuf_printf(out, "%lu EOF\n", l->start);
	else
		strbuf_printf(out, "%lu %lu\n", l->start, l->last);
}

/* A lock, and who waits for its owner. */
static void
show_lock(struct strbuf *out, u64 nr, const char *kind, const struct reclock *l, const struct flock_list *fl)
{
	struct waiting *w;

	show_line(out, nr, false, kind, l, fl->vn);
	spin_lock(&waiting_lock);
	list_for_each(w, &waiting, node)
		if (w->fl == fl && w->blocker == l->owner && (*kind == 'F') == (*w->kind == 'F') && w->want->start <= l->last &&
		    w->want->last >= l->start)
			show_line(out, nr, true, w->kind, w->want, fl->vn);
	spin_unlock(&waiting_lock);
}

void
flock_show_all(struct strbuf *out)
{
	struct flock_list *fl;
	struct reclock *l;
	u64 nr = 0;

	mutex_lock(&lists_mutex);
	list_for_each(fl, &lists, node) {
		spin_lock(&fl->lock);
		list_for_each(l, &fl->posix, node)
			show_lock(out, ++nr, l->pid == -1 ? "OFDLCK" : "POSIX ", l, fl);
		list_for_each(l, &fl->whole, node)
			show_lock(out, ++nr, "FLOCK ", l, fl);
		spin_unlock(&fl->lock);
	}
	mutex_unlock(&lists_mutex);
}

void
flock_init(void)
{
	cache = kmem_cache_create("reclock", sizeof(struct reclock), 0, 0, NULL);
	if (cache == NULL)
		panic("vfs: no memory for file locks");
	spin_init(&waiting_lock, LOCK_LEAF);
	list_init(&waiting);
}
