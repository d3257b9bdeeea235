/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The write-back thread, and who waits for it.
 *
 * A mapping with dirty pages is on one list, in the order in which they became so. The thread writes what has been dirty for
 * dirty_expire_centisecs, looking every dirty_writeback_centisecs, but only while there is something; and what is oldest while more
 * than dirty_background_ratio percent of the memory that may be dirty is, or reclaim finds nothing clean.
 *
 * Writers. Beyond the middle between the background limit and dirty_ratio they pay for what they make dirty: each draws a number,
 * `claimed` plus its pages, and sleeps until as many pages have been written (`served`). So writers get the device in turns and in
 * equal parts, and the rate is what the device does, without estimates.
 *
 * The lock of the list is below those that ->hold may want, so a mapping is taken off the list first and held under RCU then. While it
 * is off, `in_hand` is locked: a sync(2) that comes then must not miss it, nor what is still under write-back, so such
 * mappings go back onto the list too.
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

static struct spinlock dirty_lock = SPINLOCK_INIT(LOCK_LRU);
static struct list dirty_mappings = LIST_INIT(dirty_mappings);	/* [dirty_lock] by dirtied_when */

static struct mutex in_hand = MUTEX_INIT(in_hand, LOCK_WRITEBACK);	/* some mapping is off the list to be written */
static u64 sync_round;			/* [in_hand] the last sync(2) */

static struct waitq flusher_wq = WAITQ_INIT(flusher_wq);	/* the thread */
static struct waitq progress_wq = WAITQ_INIT(progress_wq);	/* who waits for pages to be written */
static u32 kicked;			/* [a] the thread has to look */
static u64 wanted;			/* [a] pages that reclaim wants written */
static u64 claimed, served;		/* [a] see above */
static u32 waiting;			/* [a] on progress_wq */
u64 flusher_redirtied;			/* [a] pages that couldn't be written when it was their turn */

/* --- the list --- */

void
flusher_add(struct mapping *m)
{
	bool first;
	u64 irq = spin_lock_irqsave(&dirty_lock);

	first = list_empty(&dirty_mappings);
	if (!list_is_linked(&m->dirty_node)) {
		m->dirtied_when = clock_now();
		list_add_tail(&dirty_mappings, &m->dirty_node);
	}
	spin_unlock_irqrestore(&dirty_lock, irq);
	if (first)
		writeback_wake();
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
find_locked(nsec_t before, u64 round)
{
	struct mapping *m;

	list_for_each(m, &dirty_mappings, dirty_node) {
		if (m->dirtied_when > before)
			return NULL;
		if (round == 0 || m->synced < round)
			return m;
	}
	return NULL;
}

/* Take a mapping off the list and hold its owner: the one that has been dirty for longest. NULL: there is none such. */
static struct mapping *
take_oldest(nsec_t before, u64 round)
{
	struct mapping *m;
	bool held;

	mutex_assert_held(&in_hand);
	do {
		rcu_read_lock();
		spin_lock_irq(&dirty_lock);
		m = find_locked(before, round);
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

static u64
dirty_pages(void)
{
	return (u64)mem_counter_read(MC_DIRTY);
}

static bool
above_background(void)
{
	u64 background, hard;

	limits(&background, &hard);
	return dirty_pages() > background;
}

/* --- the thread --- */

void
writeback_wake(void)
{
	atomic_store(&kicked, 1u);
	waitq_wake_all(&flusher_wq);
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
write_turn(nsec_t before, bool *any)
{
	struct mapping *m;
	u64 n = 0;

	mutex_lock(&in_hand);
	m = take_oldest(before, 0);
	*any = m != NULL;
	if (m != NULL) {
		n = write_some(m, CHUNK);
		put_back(m);
	}
	mutex_unlock(&in_hand);
	return n;
}

/* What has been dirty since `before`. What isn't done at one turn is young again: so all of it goes out now. */
static void
write_expired(nsec_t before)
{
	struct mapping *m;

	mutex_lock(&in_hand);
	while ((m = take_oldest(before, 0)) != NULL) {
		u64 left = m->nr_pages;

		while (write_some(m, CHUNK) == CHUNK && left > CHUNK)
			left -= CHUNK;
		put_back(m);
		mutex_unlock(&in_hand);
		mutex_lock(&in_hand);
	}
	mutex_unlock(&in_hand);
}

/* A chunk of each mapping, until fewer pages are dirty or reclaim has what it wants. */
static void
write_background(void)
{
	nsec_t begun = clock_now();
	u64 done = 0, want = atomic_xchg(&wanted, 0UL), again = atomic_load_relaxed(&flusher_redirtied);
	bool any = true;

	while (any && (done < want || above_background()))
		done += write_turn(begun, &any);
	/* Another round, unless it helps nothing, for what was to be written stays dirty. */
	if (done > atomic_load_relaxed(&flusher_redirtied) - again && above_background())
		writeback_wake();
}

static nsec_t
next_look(nsec_t last)
{
	int period = atomic_load_relaxed(&dirty_writeback_centisecs);

	return period == 0 || list_empty(&dirty_mappings) ? NSEC_MAX : last + period * CENTISEC;
}

static void
flusher_main(void *arg)
{
	nsec_t last = clock_now();

	(void)arg;
	(void)!kmem_scope_enter(KM_NOFS);	/* reclaim from here would come back here */
	for (;;) {
		nsec_t now, expire = atomic_load_relaxed(&dirty_expire_centisecs) * CENTISEC;

		(void)wait_event_interruptible_until(&flusher_wq, atomic_load(&kicked) != 0, next_look(last));
		atomic_store(&kicked, 0u);
		now = clock_now();
		if (now >= next_look(last)) {
			write_expired(now - expire);
			last = now;
		}
		if (atomic_load_relaxed(&wanted) != 0 || above_background())
			write_background();
	}
}

void
flusher_init(void)
{
	if (thread_spawn(flusher_main, NULL, "kflushd") != 0)
		panic("no memory for the write-back thread");
}

/* --- waiting for it --- */

void
flusher_written(void)
{
	u64 n = atomic_add(&served, 1UL);

	if (unlikely(atomic_load_relaxed(&waiting) != 0) && (n % WAKE_EVERY == 0 || mem_counter_read(MC_WRITEBACK) == 0))
		waitq_wake_all(&progress_wq);
}

void
flusher_request(u64 n)
{
	atomic_add(&wanted, n);
	writeback_wake();
}

void
flusher_wait(nsec_t deadline)
{
	u64 start = atomic_load(&served);

	atomic_add(&waiting, 1u);
	(void)wait_event_until(&progress_wq, atomic_load(&served) != start, deadline);
	atomic_sub(&waiting, 1u);
}

static u64
draw_number(u32 pages)
{
	u64 old = atomic_load(&claimed), base;

	do
		base = MAX(old, atomic_load(&served));
	while (!atomic_try_cas(&claimed, &old, base + pages));
	return base + pages;
}

static bool
within_limits(void)
{
	u64 background, hard;

	limits(&background, &hard);
	return dirty_pages() + (u64)mem_counter_read(MC_WRITEBACK) <= (background + hard) / 2;
}

void
writeback_throttle_slow(void)
{
	struct thread *t = thread_current();
	u32 pages = t->dirtied;
	u64 number;

	t->dirtied = 0;
	if (t->in_reclaim || (t->km_scope & KM_NOIO))
		return;
	if (above_background())
		writeback_wake();
	if (within_limits())
		return;
	number = draw_number(pages);
	atomic_add(&waiting, 1u);
	while (atomic_load(&served) < number && !within_limits()) {
		int err;

		writeback_wake();
		err = wait_event_full(&progress_wq, atomic_load(&served) >= number || within_limits(), THREAD_KILLABLE,
			clock_now() + PAUSE_MAX, waitq_prepare);
		if (err == -EINTR)
			break;
	}
	atomic_sub(&waiting, 1u);
}

/* --- sync(2) --- */

int
writeback_sync_all(void)
{
	struct mapping *m;
	u64 round;
	int err = 0;

	mutex_lock(&in_hand);
	round = ++sync_round;
	while ((m = take_oldest(NSEC_MAX, round)) != NULL) {
		int e = mapping_sync(m, 0, INT64_MAX);

		put_back(m);
		err = err != 0 ? err : e;
		mutex_unlock(&in_hand);		/* the write-back thread has its turns */
		mutex_lock(&in_hand);
	}
	mutex_unlock(&in_hand);
	return err;
}
