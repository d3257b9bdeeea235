/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll: a set of watched files with a list of those that may be ready.
 *
 * An item stands on the wait queues of its file for as long as it exists; a wake-up there puts the item on the ready list.
 * epoll_wait takes items off the list, asks each file, and reports it: edge-triggered items then wait for the next wake-up,
 * level-triggered ones go back to the end of the list. An item does not hold its file: the file's last put calls
 * epoll_file_release() before anything of the file goes away.
 *
 * Lock key: [m] ep->mutex  [s] ep->spin (taken in wake-ups, irqs off)  [f] the watched file's lock  [I] immutable
 * An instance that watches another is locked before it; epoll_control keeps the graph free of circles, and flat.
 */
#include "fs/epoll.h"

#include "fs/poll.h"
#include "mm/page.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/rbtree.h"
#include "sys/panic.h"

#define EPOLL_NEST_MAX	4	/* instances above each other (Linux) */
#define EPOLL_PRIVATE	(EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EPOLL_EXCL_OK	(POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll_height { u64 look; int height; };

struct epoll {
	struct refcount refs;		/* [a] the file, and epoll_file_release at work */
	struct mutex mutex;		/* LOCK_EPOLL */
	struct rbtree items;		/* [m] by file and descriptor */
	struct spinlock spin;		/* LOCK_EPOLL_SPIN */
	struct list ready;		/* [s] */
	bool scanning;			/* [s] a scan has the ready list: what is on it is not known */
	struct waitq wq;		/* epoll_wait sleeps here */
	struct waitq poll_wq;		/* who polls the instance */
	struct file *file;		/* [I] its own, which owns it */
	struct epoll_height below, above;	/* [nest_mutex] */
};

struct epoll_hook {			/* an item on one wait queue */
	struct waiter waiter;
	struct waitq *queue;		/* [a] NULL: it went (POLLFREE) */
	struct epoll_item *item;
	struct epoll_hook *next;
};

struct epoll_item {
	struct rbnode node;		/* [m] */
	struct list ready_node;		/* [s], or on the scanner's own list */
	struct list file_node;		/* [f] */
	struct epoll *ep;		/* [I] */
	struct file *file;		/* [I] no reference */
	int fd;				/* [I] */
	u32 events;			/* [m] written; read by wake-ups */
	u64 data;			/* [m] */
	struct epoll_hook *hooks;	/* [m] */
};

static const struct file_ops epoll_fops;
static struct kmem_cache *item_cache, *hook_cache;	/* [I] */
static struct mutex nest_mutex = MUTEX_INIT(nest_mutex, LOCK_EPOLL);	/* outermost: shape of the graph of instances */
static u64 watch_count;				/* [a] items in all */
static u64 watch_max;				/* [I] */

static struct epoll *
epoll_of(struct file *f)
{
	return f->priv;
}

static void
epoll_put(struct epoll *ep)
{
	if (refcount_put(&ep->refs))
		kmem_free(ep);
}

/* --- wake-ups --- */

/* Put the item on the ready list, and wake. Under the lock of a wait queue, so the queues here are nested ones. */
static void
item_ready(struct epoll_item *it)
{
	struct epoll *ep = it->ep;
	u64 flags = spin_lock_irqsave(&ep->spin);

	if (!list_is_linked(&it->ready_node))
		list_add_tail(&ep->ready, &it->ready_node);
	spin_unlock_irqrestore(&ep->spin, flags);
	waitq_wake_nested(&ep->wq, 1, POLLIN);
	waitq_wake_nested(&ep->poll_wq, 0, POLLIN | POLLRDNORM);
}

static bool
item_wake(struct waiter *w, u32 events)
{
	struct epoll_hook *h = container_of(w, struct epoll_hook, waiter);
	u32 want = READ_ONCE(h->item->events);

	if (events & POLLFREE) {
		item_ready(h->item);
		list_del_init(&w->node);
		atomic_store_release(&h->queue, NULL);	/* the item may be freed from here on */
		return false;
	}
	if (!(want & ~EPOLL_PRIVATE) || (events != 0 && !(events & want)))
		return false;
	item_ready(h->item);
	return true;
}

/* --- items --- */

struct hook_table { struct poll_table pt; struct epoll_item *item; int err; };

static void
hook_queue(struct poll_table *pt, struct file *f, struct waitq *q)
{
	struct hook_table *t = container_of(pt, struct hook_table, pt);
	struct epoll_hook *h = kmem_cache_alloc(hook_cache, KM_USER);

	(void)f;
	if (h == NULL) {
		t->err = -ENOMEM;
		return;
	}
	waiter_init_func(&h->waiter, item_wake);
	h->queue = q;
	h->item = t->item;
	h->next = t->item->hooks;
	t->item->hooks = h;
	if (t->item->events & EPOLLEXCLUSIVE)
		waitq_add_exclusive(q, &h->waiter);
	else
		waitq_add(q, &h->waiter);
}

/* Items are ordered by file, then by descriptor. */
static int
item_compare(const struct epoll_item *it, const struct file *f, int fd)
{
	if (it->file != f)
		return it->file < f ? -1 : 1;
	return it->fd == fd ? 0 : it->fd < fd ? -1 : 1;
}

static struct epoll_item *
item_find(struct epoll *ep, const struct file *f, int fd)
{
	struct rbnode *n = ep->items.root;

	while (n != NULL) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);
		int c = item_compare(it, f, fd);

		if (c == 0)
			return it;
		n = c < 0 ? n->right : n->left;
	}
	return NULL;
}

static void
item_link(struct epoll *ep, struct epoll_item *it)
{
	struct rbnode **link = &ep->items.root, *parent = NULL;

	while (*link != NULL) {
		parent = *link;
		link = item_compare(rb_entry(parent, struct epoll_item, node), it->file, it->fd) < 0 ? &parent->right : &parent->left;
	}
	rb_insert(&ep->items, &it->node, parent, link);
	spin_lock(&it->file->lock);
	list_add_tail(&it->file->epoll_items, &it->file_node);
	spin_unlock(&it->file->lock);
}

/* Take the item away for good. [m] held. */
static void
item_destroy(struct epoll_item *it)
{
	struct epoll *ep = it->ep;

	mutex_assert_held(&ep->mutex);
	while (it->hooks != NULL) {
		struct epoll_hook *h = it->hooks;
		struct waitq *q;

		it->hooks = h->next;
		rcu_read_lock();	/* a queue that goes now stays as long as we look at it */
		q = atomic_load_acquire(&h->queue);
		if (q != NULL)
			waitq_remove(q, &h->waiter);
		rcu_read_unlock();
		kmem_cache_free(hook_cache, h);
	}
	spin_lock_irq(&ep->spin);
	if (list_is_linked(&it->ready_node))
		list_del_init(&it->ready_node);
	spin_unlock_irq(&ep->spin);
	spin_lock(&it->file->lock);
	list_del(&it->file_node);
	spin_unlock(&it->file->lock);
	rb_erase(&ep->items, &it->node);
	kmem_cache_free(item_cache, it);
	atomic_sub(&watch_count, 1);
}

/* What the file of an item says now. */
static u32
item_poll(struct epoll_item *it)
{
	return file_poll(it->file, NULL) & it->events;
}

static int
item_add(struct epoll *ep, struct file *f, int fd, const struct abi_epoll_event *ev)
{
	struct hook_table t;
	struct epoll_item *it;

	if (atomic_add(&watch_count, 1) > watch_max) {
		atomic_sub(&watch_count, 1);
		return -ENOSPC;
	}
	it = kmem_cache_alloc(item_cache, KM_USER | KM_ZERO);
	if (it == NULL) {
		atomic_sub(&watch_count, 1);
		return -ENOMEM;
	}
	list_init(&it->ready_node);
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events | POLLERR | POLLHUP;
	it->data = ev->data;
	item_link(ep, it);
	t = (struct hook_table){ .pt = { .queue = hook_queue, .events = it->events }, .item = it };
	if (file_poll(f, &t.pt) & it->events)
		item_ready(it);
	if (t.err != 0)
		item_destroy(it);
	return t.err;
}

static void
item_modify(struct epoll_item *it, const struct abi_epoll_event *ev)
{
	it->data = ev->data;
	WRITE_ONCE(it->events, ev->events | POLLERR | POLLHUP);
	smp_mb();		/* a wake-up that saw the old events happened before this poll */
	if (item_poll(it))
		item_ready(it);
}

/* --- the graph of instances --- */

/*
 * Heights in the graph, for one look at it: memoised per instance by the look's number, so that a graph with many ways costs
 * one visit per instance. nest_mutex is held: no edge between instances appears meanwhile.
 */
static u64 look;		/* [nest_mutex] */

/* Instances on the longest way down from ep, itself included. *found is set where `target` is met. */
static int
height_below(struct epoll *ep, const struct epoll *target, bool *found)
{
	int height = 0;

	if (ep == target)
		*found = true;
	if (ep->below.look == look)
		return ep->below.height;
	mutex_lock_nested(&ep->mutex);
	for (struct rbnode *n = rb_first(&ep->items); n != NULL && !*found; n = rb_next(n)) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		if (it->file->ops == &epoll_fops)
			height = MAX(height, height_below(epoll_of(it->file), target, found));
	}
	mutex_unlock(&ep->mutex);
	ep->below = (struct epoll_height){ look, height + 1 };
	return height + 1;
}

/* Instances on the longest way up from ep, itself included. An instance that watches f can't go away while f's lock is held:
 * it would have to take its item off f's list first. */
static int
height_above(struct epoll *ep)
{
	struct epoll_item *it;
	int height = 0;

	if (ep->above.look == look)
		return ep->above.height;
	spin_lock_nested(&ep->file->lock);
	list_for_each(it, &ep->file->epoll_items, file_node)
		height = MAX(height, height_above(it->ep));
	spin_unlock(&ep->file->lock);
	ep->above = (struct epoll_height){ look, height + 1 };
	return height + 1;
}

static int
check_graph(struct epoll *ep, struct epoll *watched)
{
	bool found = false;
	int below;

	look++;
	below = height_below(watched, ep, &found);
	return found || below + height_above(ep) > EPOLL_NEST_MAX + 1 ? -ELOOP : 0;
}

/* --- control --- */

static int
check_exclusive(int op, const struct file *f, const struct epoll_item *it, const struct abi_epoll_event *ev)
{
	if (op == EPOLL_CTL_MOD && ((it != NULL && it->events & EPOLLEXCLUSIVE) || ev->events & EPOLLEXCLUSIVE))
		return -EINVAL;
	if (op == EPOLL_CTL_ADD && (ev->events & EPOLLEXCLUSIVE) &&
	    (f->ops == &epoll_fops || ev->events & ~EPOLL_EXCL_OK))
		return -EINVAL;
	return 0;
}

int
epoll_control(struct file *epf, int op, struct file *f, int fd, const struct abi_epoll_event *ev)
{
	bool nested = op == EPOLL_CTL_ADD && f->ops == &epoll_fops;
	struct epoll_item *it;
	struct epoll *ep;
	int err;

	if (f->ops->poll == NULL)
		return -EPERM;
	if (epf->ops != &epoll_fops || f == epf)
		return -EINVAL;
	ep = epoll_of(epf);
	if (nested) {
		mutex_lock(&nest_mutex);
		err = check_graph(ep, epoll_of(f));
		if (err != 0)
			goto out_nest;
	}
	mutex_lock_nested(&ep->mutex);
	it = item_find(ep, f, fd);
	err = check_exclusive(op, f, it, ev);
	if (err != 0)
		goto out_unlock;
	switch (op) {
	case EPOLL_CTL_ADD:
		err = it != NULL ? -EEXIST : item_add(ep, f, fd, ev);
		break;
	case EPOLL_CTL_MOD:
		err = it == NULL ? -ENOENT : 0;
		if (it != NULL)
			item_modify(it, ev);
		break;
	case EPOLL_CTL_DEL:
		err = it == NULL ? -ENOENT : 0;
		if (it != NULL)
			item_destroy(it);
		break;
	default:
		err = -EINVAL;
	}
out_unlock:
	mutex_unlock(&ep->mutex);
out_nest:
	if (nested)
		mutex_unlock(&nest_mutex);
	return err;
}

void
epoll_file_release(struct file *f)
{
	for (;;) {
		struct epoll_item *it;
		struct epoll *ep = NULL;

		spin_lock(&f->lock);
		it = list_first(&f->epoll_items, struct epoll_item, file_node);
		if (it != NULL) {
			ep = it->ep;
			refcount_get(&ep->refs);	/* an instance drops its items before its last reference */
		}
		spin_unlock(&f->lock);
		if (ep == NULL)
			return;
		/* Only this instance's holder changes its items, and new ones for a dead file don't come. */
		mutex_lock_nested(&ep->mutex);
		for (struct rbnode *n = rb_first(&ep->items), *next; n != NULL; n = next) {
			next = rb_next(n);
			it = rb_entry(n, struct epoll_item, node);
			if (it->file == f)
				item_destroy(it);
		}
		mutex_unlock(&ep->mutex);
		epoll_put(ep);
	}
}

/* --- waiting --- */

/* Surely nothing to report. While a scan is on, one has to ask again behind it, under the mutex. */
static bool
ready_empty(struct epoll *ep)
{
	bool empty;

	spin_lock_irq(&ep->spin);
	empty = list_empty(&ep->ready) && !ep->scanning;
	spin_unlock_irq(&ep->spin);
	return empty;
}

/* Take the next item off `from`. */
static struct epoll_item *
pop(struct epoll *ep, struct list *from)
{
	struct epoll_item *it;

	spin_lock_irq(&ep->spin);
	it = list_first(from, struct epoll_item, ready_node);
	if (it != NULL)
		list_del_init(&it->ready_node);
	spin_unlock_irq(&ep->spin);
	return it;
}

static void
push(struct epoll *ep, struct epoll_item *it)
{
	spin_lock_irq(&ep->spin);
	if (!list_is_linked(&it->ready_node))
		list_add_tail(&ep->ready, &it->ready_node);
	spin_unlock_irq(&ep->spin);
}

/* The ready list is taken over as a whole, so that items that come back to it are not seen twice. */
static void
take_ready(struct epoll *ep, struct list *todo)
{
	list_init(todo);
	spin_lock_irq(&ep->spin);
	list_splice_tail(&ep->ready, todo);
	list_init(&ep->ready);
	ep->scanning = true;
	spin_unlock_irq(&ep->spin);
}

/* What was not looked at comes first again. */
static void
give_back(struct epoll *ep, struct list *todo)
{
	spin_lock_irq(&ep->spin);
	list_splice_tail(&ep->ready, todo);
	list_init(&ep->ready);
	list_splice_tail(todo, &ep->ready);
	ep->scanning = false;
	spin_unlock_irq(&ep->spin);
}

static int
report(struct epoll *ep, struct abi_epoll_event __user *uevents, int max)
{
	struct epoll_item *it;
	struct list todo;
	int n = 0, err = 0;

	mutex_lock_nested(&ep->mutex);
	take_ready(ep, &todo);
	while (n < max && (it = pop(ep, &todo)) != NULL) {
		struct abi_epoll_event ev = { .events = item_poll(it), .data = it->data };

		if (ev.events == 0)
			continue;
		err = copy_to_user(&uevents[n], &ev, sizeof(ev));
		if (err != 0) {
			push(ep, it);
			break;
		}
		n++;
		if (it->events & EPOLLONESHOT)
			WRITE_ONCE(it->events, it->events & EPOLL_PRIVATE);
		else if (!(it->events & EPOLLET))
			push(ep, it);
	}
	give_back(ep, &todo);
	mutex_unlock(&ep->mutex);
	if (!ready_empty(ep))
		waitq_wake(&ep->wq, 1, POLLIN);		/* there is more, for another waiter */
	return n > 0 ? n : err;
}

int
epoll_wait_file(struct file *epf, struct abi_epoll_event __user *uevents, int max, nsec_t deadline)
{
	struct epoll *ep;
	int err = 0;

	if (max <= 0 || max > INT32_MAX / (int)sizeof(*uevents))
		return -EINVAL;
	if (!user_range_ok(uevents, (size_t)max * sizeof(*uevents)))
		return -EFAULT;
	if (epf->ops != &epoll_fops)
		return -EINVAL;
	ep = epoll_of(epf);
	for (;;) {
		int n = ready_empty(ep) ? 0 : report(ep, uevents, max);

		if (n != 0)
			return n;
		if (deadline == 0 || err == -ETIMEDOUT)
			return 0;
		if (err != 0)
			return -EINTR;
		err = wait_event_full(&ep->wq, !ready_empty(ep), THREAD_INTERRUPTIBLE, deadline, waitq_prepare_exclusive);
	}
}

/* --- the instance as a file --- */

static u32
epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = epoll_of(f);
	struct epoll_item *it;
	struct list todo;
	u32 ready = 0;

	poll_wait(pt, f, &ep->poll_wq);
	if (ready_empty(ep))
		return 0;
	mutex_lock_nested(&ep->mutex);
	take_ready(ep, &todo);
	while (ready == 0 && (it = pop(ep, &todo)) != NULL) {
		if (item_poll(it) == 0)
			continue;
		push(ep, it);
		ready = POLLIN | POLLRDNORM;
	}
	give_back(ep, &todo);
	mutex_unlock(&ep->mutex);
	return ready;
}

static void
epoll_release(struct file *f)
{
	struct epoll *ep = epoll_of(f);
	struct rbnode *n;

	mutex_lock(&ep->mutex);
	while ((n = rb_first(&ep->items)) != NULL)
		item_destroy(rb_entry(n, struct epoll_item, node));
	mutex_unlock(&ep->mutex);
	epoll_put(ep);
}

static void
epoll_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct epoll *ep = epoll_of(f);

	mutex_lock(&ep->mutex);
	for (struct rbnode *n = rb_first(&ep->items); n != NULL; n = rb_next(n)) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		strbuf_printf(out, "tfd: %8d events: %8x data: %16lx\n", it->fd, it->events, it->data);
	}
	mutex_unlock(&ep->mutex);
}

static const struct file_ops epoll_fops = {
	.poll = epoll_poll,
	.release = epoll_release,
	.show_fdinfo = epoll_show_fdinfo,
};

int
epoll_create_file(int flags, struct file **out)
{
	struct epoll *ep = kmem_alloc(sizeof(*ep), KM_USER | KM_ZERO);
	int err;

	if (ep == NULL)
		return -ENOMEM;
	refcount_init(&ep->refs, 1);
	mutex_init(&ep->mutex, LOCK_EPOLL);
	spin_init(&ep->spin, LOCK_EPOLL_SPIN);
	list_init(&ep->ready);
	waitq_init(&ep->wq);
	waitq_init(&ep->poll_wq);
	err = file_create_anon("eventpoll", &epoll_fops, ep, O_RDWR | flags, out);
	if (err != 0)
		kmem_free(ep);
	else
		ep->file = *out;
	return err;
}

void
epoll_init(void)
{
	struct mem_stats ms;

	item_cache = kmem_cache_create("epoll_item", sizeof(struct epoll_item), 0, 0, NULL);
	hook_cache = kmem_cache_create("epoll_hook", sizeof(struct epoll_hook), 0, 0, NULL);
	if (item_cache == NULL || hook_cache == NULL)
		panic("epoll: no memory at boot");
	/* As Linux: items may take up to 4 % of memory. */
	mem_stats_get(&ms);
	watch_max = ms.total * PAGE_SIZE / 25 / (sizeof(struct epoll_item) + sizeof(struct epoll_hook));
}
