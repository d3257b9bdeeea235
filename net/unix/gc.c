/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors on their way in messages, and the sockets that nothing but such messages keeps alive.
 *
 * A socket whose every reference is a message's may be garbage: it is, unless some message that carries it waits at a socket that
 * somebody can still read. Everything that changes which message carries which socket, or puts such a message on a queue, holds
 * unix_gc_mutex; so the collector sees one moment. What it finds loses its messages, and dies of that.
 */
#include "net/unix/unix.h"

#include "fs/fdtable.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/user.h"
#include "sys/work.h"

struct mutex unix_gc_mutex = MUTEX_INIT(unix_gc_mutex, LOCK_LEAF_SLEEP);

static struct list inflight = LIST_INIT(inflight);	/* [g] sockets with u->inflight > 0 */
static struct work collector;

static struct unix_socket *
unix_of_file(struct file *f)
{
	struct socket *s = socket_of(f);

	return IS_ERR(s) || s->family != AF_UNIX ? NULL : unix_of(s);
}

/* --- counting --- */

int
unix_inflight_add(struct scm_files *files)
{
	struct user_counts *user = user_counts_find(cred_current()->uid);

	if (user == NULL)
		return -ENOMEM;
	if (atomic_load_relaxed(&user->inflight) > fd_limit() && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN)) {
		user_counts_put(user);
		return -ETOOMANYREFS;
	}
	atomic_add(&user->inflight, files->count);
	files->user = user;
	mutex_lock(&unix_gc_mutex);
	for (u32 i = 0; i < files->count; i++) {
		struct unix_socket *u = unix_of_file(files->file[i]);

		if (u != NULL && u->inflight++ == 0)
			list_add_tail(&inflight, &u->inflight_node);
	}
	mutex_unlock(&unix_gc_mutex);
	return 0;
}

static void
uncount(struct scm_files *files)
{
	for (u32 i = 0; i < files->count; i++) {
		struct unix_socket *u = unix_of_file(files->file[i]);

		if (u != NULL && --u->inflight == 0)
			list_del(&u->inflight_node);
	}
}

static void
uncharge(struct scm_files *files)
{
	atomic_sub(&files->user->inflight, files->count);
	user_counts_put(files->user);
	files->user = NULL;
}

void
unix_inflight_remove(struct scm_files *files)
{
	mutex_lock(&unix_gc_mutex);
	uncount(files);
	mutex_unlock(&unix_gc_mutex);
	uncharge(files);
}

struct scm_files *
unix_inflight_detach(struct unix_msg *msg)
{
	struct scm_files *files;

	mutex_lock(&unix_gc_mutex);
	files = msg->files;
	msg->files = NULL;
	uncount(files);
	mutex_unlock(&unix_gc_mutex);
	uncharge(files);
	return files;
}

/* --- the collector --- */

/* fn for every socket that a message on u's queue carries. */
static void
for_each_carried(struct unix_socket *u, void (*fn)(struct unix_socket *child, struct list *arg), struct list *arg)
{
	struct unix_msg *m;

	spin_lock(&u->lock);
	list_for_each(m, &u->queue, node) {
		for (u32 i = 0; m->files != NULL && i < m->files->count; i++) {
			struct unix_socket *child = unix_of_file(m->files->file[i]);

			if (child != NULL)
				fn(child, arg);
		}
	}
	spin_unlock(&u->lock);
}

/* A listener's connections that wait for accept, referenced. They have no file, so are not in flight: the node is free. */
static void
gather_pending(struct unix_socket *u, struct list *out)
{
	struct unix_socket *p;

	list_init(out);
	spin_lock(&u->lock);
	list_for_each(p, &u->pending, pending_node) {
		unix_get(p);
		list_add_tail(out, &p->inflight_node);
	}
	spin_unlock(&u->lock);
}

/* Everything that whoever reads u would get. */
static void
for_each_child(struct unix_socket *u, void (*fn)(struct unix_socket *child, struct list *arg), struct list *arg)
{
	struct unix_socket *p, *tmp;
	struct list pending;

	for_each_carried(u, fn, arg);
	gather_pending(u, &pending);
	list_for_each_safe(p, tmp, &pending, inflight_node) {
		list_del(&p->inflight_node);
		for_each_carried(p, fn, arg);
		unix_put(p);
	}
}

static void
count_down(struct unix_socket *child, struct list *arg)
{
	(void)arg;
	child->gc_count--;
}

static void
mark_reachable(struct unix_socket *child, struct list *reachable)
{
	if (child->gc_candidate) {
		child->gc_candidate = false;
		list_move_tail(reachable, &child->inflight_node);
	}
}

static void
take_carriers(struct unix_socket *u, struct list *out)
{
	struct unix_msg *m, *tmp;

	spin_lock(&u->lock);
	list_for_each_safe(m, tmp, &u->queue, node) {
		if (m->files == NULL)
			continue;
		u->queue_len--;
		u->queued -= m->len - m->off;
		list_move_tail(out, &m->node);
	}
	spin_unlock(&u->lock);
}

/* Sort the sockets in flight; the messages that carry garbage go to `out`. unix_gc_mutex is held. */
static void
find_garbage(struct list *out)
{
	struct list candidates = LIST_INIT(candidates), reachable = LIST_INIT(reachable), pending;
	struct unix_socket *u, *p, *tmp;

	list_for_each_safe(u, tmp, &inflight, inflight_node) {
		u->gc_count = (s32)u->inflight;
		u->gc_candidate = refcount_read(&u->sock.file->refs) == (s32)u->inflight;
		if (u->gc_candidate)
			list_move_tail(&candidates, &u->inflight_node);
	}
	list_for_each(u, &candidates, inflight_node)
		for_each_child(u, count_down, NULL);
	/* What is left over are messages at sockets that are no candidates, or on no queue yet: somebody may read them. */
	list_for_each_safe(u, tmp, &candidates, inflight_node)
		if (u->gc_count > 0)
			mark_reachable(u, &reachable);
	list_for_each(u, &reachable, inflight_node)
		for_each_child(u, mark_reachable, &reachable);
	list_for_each(u, &candidates, inflight_node) {
		take_carriers(u, out);
		gather_pending(u, &pending);
		list_for_each_safe(p, tmp, &pending, inflight_node) {
			list_del(&p->inflight_node);
			take_carriers(p, out);
			unix_put(p);
		}
	}
	list_splice_tail(&candidates, &inflight);
	list_splice_tail(&reachable, &inflight);
}

static void
collect(struct work *w)
{
	struct list garbage = LIST_INIT(garbage);
	struct unix_msg *m, *tmp;

	(void)w;
	mutex_lock(&unix_gc_mutex);
	find_garbage(&garbage);
	mutex_unlock(&unix_gc_mutex);
	list_for_each_safe(m, tmp, &garbage, node) {
		list_del(&m->node);
		unix_msg_free(m);
	}
}

/* By a worker: a thousand sockets that close one after the other are one search, or a few. */
void
unix_gc(void)
{
	if (!list_empty(&inflight))	/* looked at without the lock: whoever adds to it holds a descriptor that he will close */
		work_queue(&collector);
}

void
unix_gc_init(void)
{
	work_init(&collector, collect);
}

/* --- releasing --- */

struct drain { struct list node; struct thread *thread; struct scm_files *todo; };

static struct spinlock drain_lock = SPINLOCK_INIT(LOCK_LEAF);
static struct list drains = LIST_INIT(drains);	/* [drain_lock] threads that are in unix_discard_files() */

static struct drain *
own_drain(void)
{
	struct drain *d;

	list_for_each(d, &drains, node)
		if (d->thread == thread_current())
			return d;
	return NULL;
}

void
unix_discard_files(struct scm_files *files)
{
	struct drain own = { .thread = thread_current() }, *d;

	spin_lock(&drain_lock);
	d = own_drain();
	files->next = NULL;
	if (d != NULL) {		/* a socket that is released down there had files waiting: not on this stack */
		files->next = d->todo;
		d->todo = files;
		spin_unlock(&drain_lock);
		return;
	}
	own.todo = files;
	list_add(&drains, &own.node);
	while (own.todo != NULL) {
		files = own.todo;
		own.todo = files->next;
		spin_unlock(&drain_lock);
		scm_files_free(files);
		spin_lock(&drain_lock);
	}
	list_del(&own.node);
	spin_unlock(&drain_lock);
}
