/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An inotify instance: its watches by descriptor, and a queue of events. When the queue is full, or memory is out, one event without a
 * watch says that something was lost. Instances and watches count for the user who made the instance.
 */
#include "fs/notify.h"

#include "mm/iobuf.h"
#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/wait.h"

int inotify_max_queued_events = 16384, inotify_max_user_instances = 128, inotify_max_user_watches = 8192;

struct event {
	struct list node;	/* [l] */
	struct abi_inotify_event e;
	u32 name_len;		/* without NULs */
	char name[];
};

struct inotify_user {
	struct list node;	/* [users_lock] */
	kuid_t uid;		/* [I] */
	u32 instances, watches;	/* [users_lock] */
};

struct inotify {
	struct refcount refs;
	struct spinlock lock;	/* LOCK_INOTIFY */
	struct list events;	/* [l] */
	u32 count;		/* [l] */
	u32 max_count;		/* [I] */
	bool closed;		/* [l] */
	bool overflow;		/* [l] an overflow event is in the queue */
	struct waitq wq;
	struct rbtree watches;	/* [l] by wd */
	s32 last_wd;		/* [l] */
	struct inotify_user *user;	/* [I] */
};

static struct spinlock users_lock = SPINLOCK_INIT(LOCK_LEAF);
static struct list users = LIST_INIT(users);	/* [users_lock] those who have instances */

/* --- users --- */

static struct inotify_user *
find_user_locked(kuid_t uid)
{
	struct inotify_user *u;

	list_for_each(u, &users, node)
		if (uid_eq(u->uid, uid))
			return u;
	return NULL;
}

/* Count an instance of the current user. */
static int
user_get(struct inotify_user **out)
{
	struct inotify_user *new = kmem_alloc(sizeof(*new), KM_USER | KM_ZERO), *u;
	int err = 0;

	if (new == NULL)
		return -ENOMEM;
	new->uid = cred_current()->euid;
	spin_lock(&users_lock);
	u = find_user_locked(new->uid);
	if (inotify_max_user_instances <= 0 || (u != NULL && u->instances >= (u32)inotify_max_user_instances)) {
		err = -EMFILE;
	} else {
		if (u == NULL) {
			u = new;
			new = NULL;
			list_add(&users, &u->node);
		}
		u->instances++;
	}
	spin_unlock(&users_lock);
	kmem_free(new);
	*out = u;
	return err;
}

static void
user_put(struct inotify_user *u)
{
	bool last;

	spin_lock(&users_lock);
	last = --u->instances == 0;
	if (last)
		list_del(&u->node);
	spin_unlock(&users_lock);
	if (last)
		kmem_free(u);
}

static bool
user_add_watch(struct inotify_user *u)
{
	bool ok;

	spin_lock(&users_lock);
	ok = u->watches < (u32)MAX(inotify_max_user_watches, 0);
	if (ok)
		u->watches++;
	spin_unlock(&users_lock);
	return ok;
}

static void
user_drop_watch(struct inotify_user *u)
{
	spin_lock(&users_lock);
	u->watches--;
	spin_unlock(&users_lock);
}

/* --- life --- */

struct inotify *
inotify_create(void)
{
	struct inotify *g = kmem_alloc(sizeof(*g), KM_USER | KM_ZERO);
	int err;

	if (g == NULL)
		return NULL;
	err = user_get(&g->user);
	if (err != 0) {
		kmem_free(g);
		return err == -ENOMEM ? NULL : ERR_PTR(err);
	}
	g->max_count = (u32)MAX(atomic_load_relaxed(&inotify_max_queued_events), 0);
	refcount_init(&g->refs, 1);
	spin_init(&g->lock, LOCK_INOTIFY);
	list_init(&g->events);
	waitq_init(&g->wq);
	rb_init(&g->watches);
	return g;
}

void
inotify_get(struct inotify *g)
{
	refcount_get(&g->refs);
}

static void
drop_events(struct inotify *g)
{
	struct event *e;

	while ((e = list_first(&g->events, struct event, node)) != NULL) {
		list_del(&e->node);
		kmem_free(e);
	}
	g->count = 0;
}

void
inotify_put(struct inotify *g)
{
	if (!refcount_put(&g->refs))
		return;
	drop_events(g);
	user_put(g->user);
	kmem_free(g);
}

void
inotify_close(struct inotify *g)
{
	struct watch *w;

	spin_lock(&g->lock);
	g->closed = true;
	drop_events(g);
	spin_unlock(&g->lock);
	while ((w = inotify_find_watch(g, -1)) != NULL) {
		watch_remove(w);
		watch_put(w);
	}
	inotify_put(g);
}

/* --- watches --- */

int
inotify_add_watch(struct inotify *g, struct watch *w)
{
	struct rbnode **link, *parent = NULL;

	if (!user_add_watch(g->user))
		return -ENOSPC;
	spin_lock(&g->lock);
	if (g->last_wd == INT32_MAX) {
		spin_unlock(&g->lock);
		user_drop_watch(g->user);
		return -ENOSPC;
	}
	w->wd = ++g->last_wd;
	for (link = &g->watches.root; *link != NULL; link = &parent->right)	/* the largest so far */
		parent = *link;
	rb_insert(&g->watches, &w->group_node, parent, link);
	w->group_linked = true;
	spin_unlock(&g->lock);
	return w->wd;
}

bool
inotify_unlink_watch(struct inotify *g, struct watch *w)
{
	bool linked;

	spin_lock(&g->lock);
	linked = w->group_linked;
	if (linked) {
		rb_erase(&g->watches, &w->group_node);
		w->group_linked = false;
	}
	spin_unlock(&g->lock);
	if (linked)
		user_drop_watch(g->user);
	return linked;
}

bool
inotify_has_watch(struct inotify *g, const struct watch *w)
{
	bool linked;

	spin_lock(&g->lock);
	linked = w->group_linked;
	spin_unlock(&g->lock);
	return linked;
}

/* wd -1: any. */
struct watch *
inotify_find_watch(struct inotify *g, s32 wd)
{
	struct watch *w = NULL;
	struct rbnode *n;

	spin_lock(&g->lock);
	for (n = g->watches.root; n != NULL; ) {
		w = rb_entry(n, struct watch, group_node);
		if (wd == -1 || w->wd == wd)
			break;
		n = wd < w->wd ? n->left : n->right;
	}
	if (n != NULL)
		refcount_get(&w->refs);
	spin_unlock(&g->lock);
	return n != NULL ? w : NULL;
}

/* --- the queue --- */

static u32
padded(u32 name_len)
{
	return name_len == 0 ? 0 : (u32)ALIGN_UP(name_len + 1, (u32)sizeof(struct abi_inotify_event));
}

static bool
is_same(const struct event *last, s32 wd, u32 mask, const char *name, u32 len)
{
	return last != NULL && !(mask & (IN_IGNORED | IN_Q_OVERFLOW)) && last->e.wd == wd && last->e.mask == mask &&
	       last->name_len == len && memcmp(last->name, name, len) == 0;
}

/* False: no memory. */
static bool
append_locked(struct inotify *g, s32 wd, u32 mask, u32 cookie, const char *name, u32 len)
{
	struct event *e = kmem_alloc(sizeof(*e) + len + 1, KM_ATOMIC | KM_USER);

	if (e == NULL)
		return false;
	e->e = (struct abi_inotify_event){ .wd = wd, .mask = mask, .cookie = cookie, .len = padded(len) };
	e->name_len = len;
	memcpy(e->name, name, len);
	e->name[len] = '\0';
	list_add_tail(&g->events, &e->node);
	g->count++;
	return true;
}

void
inotify_queue(struct inotify *g, s32 wd, u32 mask, u32 cookie, const char *name)
{
	u32 len = name != NULL ? (u32)strlen(name) : 0;
	bool queued = false;

	mask &= IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ISDIR;
	if (mask & (IN_MOVE_SELF | IN_DELETE_SELF))
		mask &= ~IN_ISDIR;
	spin_lock(&g->lock);
	if (g->closed || is_same(list_last(&g->events, struct event, node), wd, mask, name != NULL ? name : "", len))
		goto out_unlock;
	if (g->count < g->max_count)
		queued = append_locked(g, wd, mask, cookie, name != NULL ? name : "", len);
	if (!queued && !g->overflow)
		queued = g->overflow = append_locked(g, -1, IN_Q_OVERFLOW, 0, "", 0);
out_unlock:
	spin_unlock(&g->lock);
	if (queued)
		waitq_wake(&g->wq, 0, POLLIN | POLLRDNORM);
}

/* The next event if it fits into `room`. NULL: none; -EINVAL: it does not fit. */
static struct event *
take(struct inotify *g, size_t room)
{
	struct event *e;

	spin_lock(&g->lock);
	e = list_first(&g->events, struct event, node);
	if (e != NULL && sizeof(e->e) + e->e.len > room) {
		e = ERR_PTR(-EINVAL);
	} else if (e != NULL) {
		list_del(&e->node);
		g->count--;
		if (e->e.mask & IN_Q_OVERFLOW)
			g->overflow = false;
	}
	spin_unlock(&g->lock);
	return e;
}

static int
put_event(struct iobuf *buf, const struct event *e)
{
	static const char zeros[sizeof(struct abi_inotify_event)];
	u32 pad = e->e.len - e->name_len;

	if (iobuf_copy_out(buf, &e->e, sizeof(e->e)) != sizeof(e->e) || iobuf_copy_out(buf, e->name, e->name_len) != e->name_len)
		return -EFAULT;
	return iobuf_copy_out(buf, zeros, pad) == pad ? 0 : -EFAULT;
}

ssize_t
inotify_read(struct inotify *g, struct iobuf *buf, bool nonblock)
{
	size_t start = iobuf_left(buf);
	int err;

	for (;;) {
		struct event *e = take(g, iobuf_left(buf));

		if (e == NULL) {
			if (iobuf_left(buf) != start)
				break;
			if (nonblock)
				return -EAGAIN;
			err = wait_event_interruptible(&g->wq, !list_empty(&g->events));
			if (err != 0)
				return err;
			continue;
		}
		if (IS_ERR(e)) {
			if (iobuf_left(buf) == start)
				return -EINVAL;
			break;
		}
		err = put_event(buf, e);
		kmem_free(e);
		if (err != 0)
			return err;
	}
	return (ssize_t)(start - iobuf_left(buf));
}

u32
inotify_poll(struct inotify *g, struct file *f, struct poll_table *pt)
{
	poll_wait(pt, f, &g->wq);
	return READ_ONCE(g->count) != 0 ? POLLIN | POLLRDNORM : 0;
}

u32
inotify_bytes(struct inotify *g)
{
	struct event *e;
	u32 n = 0;

	spin_lock(&g->lock);
	list_for_each(e, &g->events, node)
		n += (u32)sizeof(e->e) + e->e.len;
	spin_unlock(&g->lock);
	return n;
}

void
inotify_show(struct inotify *g, struct strbuf *out)
{
	struct rbnode *n;

	spin_lock(&g->lock);
	for (n = rb_first(&g->watches); n != NULL; n = rb_next(n)) {
		struct watch *w = rb_entry(n, struct watch, group_node);
		dev_t dev = w->vn->sb->dev;

		strbuf_printf(out, "inotify wd:%x ino:%lx sdev:%x mask:%x ignored_mask:0 \n", (unsigned)w->wd, w->vn->ino,
			(dev_major(dev) << 20) | dev_minor(dev), w->mask);
	}
	spin_unlock(&g->lock);
}

void
inotify_init(void)
{
	struct mem_stats st;

	/* As Linux: a hundredth of memory, at about 1 KiB for a watch and the vnode that it keeps. */
	mem_stats_get(&st);
	inotify_max_user_watches = (int)MIN(MAX(st.total / 100 * (PAGE_SIZE / 1024), 8192UL), 1048576UL);
}
