/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The write-back threads, one for each disk in use, and who waits for them.
 *
 * A mapping with dirty pages is on its disk's list, in the order in which they became so. The thread writes what has been dirty for
 * dirty_expire_centisecs, looking every dirty_writeback_centisecs, but only while there is something; and what is oldest while more
 * than dirty_background_ratio percent of the memory that may be dirty is, or reclaim finds nothing clean.
 *
 * Writers. Beyond the middle between the background limit and dirty_ratio they pay for what they make dirty: each draws a number,
 * `claimed` plus its pages, and sleeps until as many pages have been written (`served`). So writers get the device in turns and in
 * equal parts, and the rate is what the device does, without estimates.
 *
 * Several disks. The limits are for all together, but beyond them only who has more than its part (the limit by the number of disks
 * with dirty pages) writes and waits, and waits for its own disk: a slow one that has filled the limit stops its own writers.
 *
 * A flusher lives for ever; a disk that goes leaves it to the next one. So pointers to it need no care. Its thread is started by
 * the first one, kflushd, when there is something to write, and kflushd does the work where there is no memory for a thread.
 *
 * The lock of the lists is below those that ->hold may want, so a mapping is taken off the list first and held under RCU then. While it
 * is off, `in_hand` is locked: a sync(2) that comes then must not miss it, nor what is still under write-back, so such
 * mappings go back onto the list too.
 *
 * Lock key: [D] dirty_lock  [a] atomic  [I] immutable
 */
#include "mm/lru.h"
#include "mm/pagecache.h"
#include "mm/zone.h"

#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/panic.h"
#include "sys/rcu.h"
#include "sys/thread.h"
#include "sys/wait.h"

#define CHUNK		1024			/* pages of one mapping before it is another's turn */
#define PAUSE_MAX	(200 * NSEC_PER_MSEC)	/* a throttled writer looks again */
#define CENTISEC	(10 * NSEC_PER_MSEC)
#define WAKE_EVERY	16

int dirty_ratio = 20, dirty_background_ratio = 10, dirty_expire_centisecs = 3000, dirty_writeback_centisecs = 500;

struct flusher {
	struct list dirty;	/* [D] mappings by dirtied_when */
	struct mutex in_hand;	/* some mapping is off the list to be written */
	struct waitq wq;	/* the thread */
	struct waitq progress;	/* writers that wait for pages to be written */
	s64 pages;		/* [a] dirty or under write-back */
	u64 wanted;		/* [a] pages that reclaim wants written */
	u64 claimed, served;	/* [a] see above */
	u32 waiting;		/* [a] on progress */
	bool kicked;		/* [a] the thread has to look */
	bool running;		/* [a] it has a thread */
	bool used;		/* [D] by a disk */
	u32 number;		/* [I] */
	struct flusher *next;	/* [D] set once, then read without */
};

static struct flusher common = {	/* of what has no disk, and the head of the list of all */
	.dirty = LIST_INIT(common.dirty), .in_hand = MUTEX_INIT(common.in_hand, LOCK_WRITEBACK), .wq = WAITQ_INIT(common.wq),
	.progress = WAITQ_INIT(common.progress), .running = true, .used = true,
};
static struct spinlock dirty_lock = SPINLOCK_INIT(LOCK_LRU);
static u32 active;			/* [a] flushers with pages */
static bool orphans;			/* [a] a flusher without a thread was kicked: that is kflushd's business */
static u64 sync_round;			/* [a] the last sync(2) */
u64 flusher_redirtied;			/* [a] pages that couldn't be written when it was their turn */

/* Reclaim waits for any page at all. */
static struct waitq reclaim_wq = WAITQ_INIT(reclaim_wq);
static u32 reclaim_waiting;		/* [a] */
static u64 written;			/* [a] while somebody waits */

#define for_each_flusher(f) \
	for (struct flusher *f = &common; f != NULL; f = atomic_load_acquire(&f->next))

static void
wake(struct flusher *f)
{
	atomic_store(&f->kicked, true);
	if (likely(atomic_load(&f->running))) {
		waitq_wake_all(&f->wq);
		return;
	}
	atomic_store(&orphans, true);
	waitq_wake_all(&common.wq);
}

/* --- flushers and their disks --- */

struct flusher *
flusher_of(const struct mapping *m)
{
	return m->backing != NULL && m->backing->flusher != NULL ? m->backing->flusher : &common;
}

static struct flusher *
take_unused_locked(void)
{
	for_each_flusher(f)
		if (!f->used) {
			f->used = true;
			return f;
		}
	return NULL;
}

static void
append_locked(struct flusher *new)
{
	struct flusher *last = &common;

	while (last->next != NULL)
		last = last->next;
	new->number = last->number + 1;
	atomic_store_release(&last->next, new);
}

void
backing_dev_init(struct backing_dev *b)
{
	struct flusher *new;
	u64 irq = spin_lock_irqsave(&dirty_lock);

	b->ra_pages = RA_PAGES_DEFAULT;
	b->flusher = take_unused_locked();
	spin_unlock_irqrestore(&dirty_lock, irq);
	if (b->flusher != NULL)
		return;
	new = kmem_alloc(sizeof(*new), KM_NORMAL | KM_ZERO);
	if (new == NULL)
		return;
	list_init(&new->dirty);
	mutex_init(&new->in_hand, LOCK_WRITEBACK);
	waitq_init(&new->wq);
	waitq_init(&new->progress);
	new->used = true;
	irq = spin_lock_irqsave(&dirty_lock);
	append_locked(new);
	spin_unlock_irqrestore(&dirty_lock, irq);
	b->flusher = new;
}

void
backing_dev_destroy(struct backing_dev *b)
{
	u64 irq;

	if (b->flusher == NULL)
		return;
	irq = spin_lock_irqsave(&dirty_lock);
	KASSERT_DEBUG(list_empty(&b->flusher->dirty) && b->flusher->pages == 0);
	b->flusher->used = false;
	spin_unlock_irqrestore(&dirty_lock, irq);
	b->flusher = NULL;
}

void
flusher_count(const struct mapping *m, int n)
{
	struct flusher *f = flusher_of(m);
	s64 old = atomic_fetch_add(&f->pages, (s64)n);

	if (old == 0)
		atomic_add(&active, 1u);
	else if (old + n == 0)
		atomic_sub(&active, 1u);
}

/* --- the list of dirty mappings --- */

void
flusher_add(struct mapping *m)
{
	struct flusher *f = flusher_of(m);
	bool first;
	u64 irq = spin_lock_irqsave(&dirty_lock);

	first = list_empty(&f->dirty);
	if (!list_is_linked(&m->dirty_node)) {
		m->dirtied_when = clock_now();
		list_add_tail(&f->dirty, &m->dirty_node);
	}
	spin_unlock_irqrestore(&dirty_lock, irq);
	if (first)
		wake(f);
}

void
mapping_forget_dirty(struct mapping *m)
{
	u64 irq = spin_lock_irqsave(&dirty_lock);

	if (list_is_linked(&m->dirty_node))
		list_del_init(&m->dirty_node);
	spin_unlock_irqrestore(&dirty_lock, irq);
}

/* The first that was dirty at `before` and that sync(2) number `round` (0: any) has not seen. */
static struct mapping *
find_locked(struct flusher *f, nsec_t before, u64 round)
{
	struct mapping *m;

	list_for_each(m, &f->dirty, dirty_node) {
		if (m->dirtied_when > before)
			return NULL;
		if (round == 0 || m->synced < round)
			return m;
	}
	return NULL;
}

/* Take a mapping off the list and hold its owner: the one that has been dirty for longest. NULL: there is none such. */
static struct mapping *
take_oldest(struct flusher *f, nsec_t before, u64 round)
{
	struct mapping *m;
	bool held;

	mutex_assert_held(&f->in_hand);
	do {
		rcu_read_lock();
		spin_lock_irq(&dirty_lock);
		m = find_locked(f, before, round);
		if (m != NULL) {
			list_del_init(&m->dirty_node);
			m->synced = MAX(m->synced, round);
		}
		spin_unlock_irq(&dirty_lock);
		held = m == NULL || m->ops->hold == NULL || m->ops->hold(m);
		rcu_read_unlock();
	} while (!held);	/* it is on its way out, and written by its owner */
	return m;
}

static void
put_back(struct mapping *m)
{
	smp_mb();	/* off the list, before the look at the tags: who has set one since sees that it must be listed again */
	if (xa_tagged(&m->pages, MTAG_DIRTY) || xa_tagged(&m->pages, MTAG_WRITEBACK))
		flusher_add(m);
	if (m->ops->drop != NULL)
		m->ops->drop(m);
}

/* --- limits --- */

/* Pages that may be dirty at all: what is free and what caches hold. */
static u64
dirtyable_pages(void)
{
	u64 n = buddy_free_pages() + lru_size(LRU_INACTIVE_FILE) + lru_size(LRU_ACTIVE_FILE), reserve = buddy_reserve_pages();

	return n > reserve ? n - reserve : 0;
}

static void
limits(u64 *background, u64 *hard)
{
	u64 n = dirtyable_pages(), b = (u64)atomic_load_relaxed(&dirty_background_ratio);

	*hard = MAX(n * (u64)atomic_load_relaxed(&dirty_ratio) / 100, 32UL);
	*background = MIN(n * b / 100, *hard / 2);
}

/* Is more than `limit` dirty or under write-back, and by f more than its part of it? Where the first holds, the second does for some. */
static bool
beyond(const struct flusher *f, u64 limit)
{
	s64 pages = atomic_load_relaxed(&f->pages);

	return (u64)(mem_counter_read(MC_DIRTY) + mem_counter_read(MC_WRITEBACK)) > limit && pages > 0 &&
		(u64)pages > limit / MAX(atomic_load_relaxed(&active), 1u);
}

static bool
above_background(const struct flusher *f)
{
	u64 background, hard;

	limits(&background, &hard);
	return beyond(f, background);
}

/* --- the threads --- */

void
writeback_wake(void)
{
	for_each_flusher(f)
		wake(f);
}

/* Some pages of m, from where the last round ended. How many went out. */
static u64
write_some(struct mapping *m, u64 n)
{
	struct writeback_control wbc = { .start = m->wb_next, .last = UINT64_MAX, .nr_to_write = (s64)n };
	s64 before = (s64)n;

	(void)mapping_flush(m, &wbc);
	if (wbc.nr_to_write > 0 && m->wb_next != 0) {
		wbc.start = 0;
		wbc.last = m->wb_next - 1;
		m->wb_next = 0;
		(void)mapping_flush(m, &wbc);
	}
	if (wbc.nr_to_write == 0)
		m->wb_next += (u64)before;	/* roughly: holes make it less */
	else
		m->wb_next = 0;
	return (u64)(before - wbc.nr_to_write);
}

/* One turn of the oldest mapping. Pages that went out; false in *any: none is old enough. */
static u64
write_turn(struct flusher *f, nsec_t before, bool *any)
{
	struct mapping *m;
	u64 n = 0;

	mutex_lock(&f->in_hand);
	m = take_oldest(f, before, 0);
	*any = m != NULL;
	if (m != NULL) {
		n = write_some(m, CHUNK);
		put_back(m);
	}
	mutex_unlock(&f->in_hand);
	return n;
}

/* What has been dirty since `before`. What isn't done at one turn is young again: so all of it goes out now. */
static void
write_expired(struct flusher *f, nsec_t before)
{
	struct mapping *m;

	mutex_lock(&f->in_hand);
	while ((m = take_oldest(f, before, 0)) != NULL) {
		u64 left = m->nr_pages;

		while (write_some(m, CHUNK) == CHUNK && left > CHUNK)
			left -= CHUNK;
		put_back(m);
		mutex_unlock(&f->in_hand);
		mutex_lock(&f->in_hand);
	}
	mutex_unlock(&f->in_hand);
}

/* A chunk of each mapping, until fewer pages are dirty or reclaim has what it wants. */
static void
write_background(struct flusher *f)
{
	nsec_t begun = clock_now();
	u64 done = 0, want = atomic_xchg(&f->wanted, 0UL), again = atomic_load_relaxed(&flusher_redirtied);
	bool any = true;

	while (any && (done < want || above_background(f)))
		done += write_turn(f, begun, &any);
	/* Another round, unless it helps nothing, for what was to be written stays dirty. */
	if (done > atomic_load_relaxed(&flusher_redirtied) - again && above_background(f))
		wake(f);
}

static nsec_t
next_look(const struct flusher *f, nsec_t last)
{
	int period = atomic_load_relaxed(&dirty_writeback_centisecs);

	return period == 0 || list_empty(&f->dirty) ? NSEC_MAX : last + period * CENTISEC;
}

/* What f's thread does when it is woken or its time has come. When it looked last at what is old. */
static nsec_t
look(struct flusher *f, nsec_t last)
{
	nsec_t now, expire = atomic_load_relaxed(&dirty_expire_centisecs) * CENTISEC;

	atomic_store(&f->kicked, false);
	now = clock_now();
	if (now >= next_look(f, last)) {
		write_expired(f, now - expire);
		last = now;
	}
	if (atomic_load_relaxed(&f->wanted) != 0 || above_background(f))
		write_background(f);
	return last;
}

static void
flusher_main(void *arg)
{
	struct flusher *f = arg;
	nsec_t last = clock_now();

	(void)!kmem_scope_enter(KM_NOFS);	/* reclaim from here would come back here */
	for (;;) {
		(void)wait_event_interruptible_until(&f->wq, atomic_load(&f->kicked), next_look(f, last));
		last = look(f, last);
	}
}

/* Threads for those that were kicked and have none. False: there was no memory, and their work is done here. */
static bool
start_threads(nsec_t last)
{
	bool all = true;

	atomic_store(&orphans, false);
	for_each_flusher(f) {
		if (atomic_load_relaxed(&f->running) || (!atomic_load(&f->kicked) && list_empty(&f->dirty)))
			continue;
		atomic_store(&f->running, true);	/* a kick from here on is the new thread's */
		if (thread_spawn(flusher_main, f, "kflushd/%u", f->number) != 0) {
			atomic_store(&f->running, false);
			(void)look(f, last);
			all = false;
		}
	}
	return all;
}

static void
kflushd_main(void *arg)
{
	nsec_t last = clock_now(), again = NSEC_MAX;

	(void)arg;
	(void)!kmem_scope_enter(KM_NOFS);
	for (;;) {
		(void)wait_event_interruptible_until(&common.wq, atomic_load(&common.kicked) || atomic_load(&orphans),
			MIN(next_look(&common, last), again));
		if (atomic_load(&orphans) || clock_now() >= again)
			again = start_threads(last) ? NSEC_MAX : clock_now() + NSEC_PER_SEC;
		last = look(&common, last);
	}
}

void
flusher_init(void)
{
	if (thread_spawn(kflushd_main, NULL, "kflushd") != 0)
		panic("no memory for the write-back thread");
}

/* --- waiting for it --- */

void
flusher_written(struct flusher *f)
{
	u64 n = atomic_add(&f->served, 1UL);

	if (unlikely(atomic_load_relaxed(&f->waiting) != 0) && (n % WAKE_EVERY == 0 || atomic_load_relaxed(&f->pages) <= 0))
		waitq_wake_all(&f->progress);
	if (unlikely(atomic_load_relaxed(&reclaim_waiting) != 0) &&
	    (atomic_add(&written, 1UL) % WAKE_EVERY == 0 || mem_counter_read(MC_WRITEBACK) == 0))
		waitq_wake_all(&reclaim_wq);
}

void
flusher_request(u64 n)
{
	for_each_flusher(f) {
		if (atomic_load_relaxed(&f->pages) <= 0)
			continue;
		atomic_add(&f->wanted, n);
		wake(f);
	}
}

void
flusher_wait(nsec_t deadline)
{
	u64 start;

	atomic_add(&reclaim_waiting, 1u);
	start = atomic_load(&written);
	(void)wait_event_until(&reclaim_wq, atomic_load(&written) != start, deadline);
	atomic_sub(&reclaim_waiting, 1u);
}

static u64
draw_number(struct flusher *f, u32 pages)
{
	u64 old = atomic_load(&f->claimed), base;

	do
		base = MAX(old, atomic_load(&f->served));
	while (!atomic_try_cas(&f->claimed, &old, base + pages));
	return base + pages;
}

static bool
within_limits(const struct flusher *f)
{
	u64 background, hard;

	limits(&background, &hard);
	return !beyond(f, (background + hard) / 2);
}

void
writeback_throttle_slow(void)
{
	struct thread *t = thread_current();
	struct flusher *f = t->dirtied_of;
	u32 pages = t->dirtied;
	u64 number;

	t->dirtied = 0;
	if (t->in_reclaim || (t->km_scope & KM_NOIO))
		return;
	if (above_background(f))
		wake(f);
	if (within_limits(f))
		return;
	number = draw_number(f, pages);
	atomic_add(&f->waiting, 1u);
	while (atomic_load(&f->served) < number && !within_limits(f)) {
		int err;

		wake(f);
		err = wait_event_full(&f->progress, atomic_load(&f->served) >= number || within_limits(f), THREAD_KILLABLE,
			clock_now() + PAUSE_MAX, waitq_prepare);
		if (err == -EINTR)
			break;
	}
	atomic_sub(&f->waiting, 1u);
}

/* --- sync(2) --- */

static int
sync_flusher(struct flusher *f, u64 round)
{
	struct mapping *m;
	int err = 0;

	mutex_lock(&f->in_hand);
	while ((m = take_oldest(f, NSEC_MAX, round)) != NULL) {
		int e = mapping_sync(m, 0, INT64_MAX);

		put_back(m);
		err = err != 0 ? err : e;
		mutex_unlock(&f->in_hand);	/* the write-back thread has its turns */
		mutex_lock(&f->in_hand);
	}
	mutex_unlock(&f->in_hand);
	return err;
}

int
writeback_sync_all(void)
{
	u64 round = atomic_add(&sync_round, 1UL);
	int err = 0;

	for_each_flusher(f) {
		int e = sync_flusher(f, round);

		err = err != 0 ? err : e;
	}
	return err;
}
