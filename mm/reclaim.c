/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting memory back. Two sources: clean pages of files, from the tail of the inactive list (mm/lru.h), and caches of objects that
 * register a shrinker. Who asks: the reclaim thread, woken by page_alloc below the low watermark, until there is a reserve again;
 * and page_alloc itself where the thread is too slow.
 *
 * A page at the tail is given up if it is clean and was used at most once. Used twice, or from memory since the last look, it goes to the
 * active list, whose own tail comes back to the inactive one while that is the shorter. Nothing is written from here, for who
 * allocates may hold any lock: dirty pages go to the head and the write-back thread is asked; who finds nothing else waits for
 * it, in steps that end. KM_NOFS: no shrinkers, no pages with private data. KM_NOIO: no waiting either.
 */
#include "mm/aspace.h"
#include "mm/lru.h"
#include "mm/pagecache.h"
#include "mm/slab.h"

#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/thread.h"
#include "sys/wait.h"

#define BACKGROUND_TARGET	64
#define PAUSE_AFTER_NOTHING	(100 * NSEC_PER_MSEC)	/* caches that gave nothing are left alone for a while */
#define SCAN_BATCH		32
#define FIRST_PRIORITY		6	/* 1/64 of the list is looked at first, then twice as much, ... */
#define WRITEBACK_WAIT		(100 * NSEC_PER_MSEC)
#define WRITEBACK_WAITS		10

static struct mutex shrinker_lock = MUTEX_INIT(shrinker_lock, LOCK_SLAB_LIST);
static struct list shrinkers = LIST_INIT(shrinkers);	/* [shrinker_lock] */

u32
kmem_scope_enter(u32 flags)
{
	struct thread *t = thread_current();
	u32 old = t->km_scope;

	t->km_scope = old | flags;
	return old;
}

void
kmem_scope_leave(u32 old)
{
	thread_current()->km_scope = old;
}

/* --- pages of files --- */

struct scan {
	u64 target, freed, scanned;
	u32 dirty, writeback;	/* pages that could be freed after their write-back, or when the I/O on them ends */
	bool background;	/* the reclaim thread */
	bool fs;		/* file systems may be asked */
	bool drop;		/* drop_caches: clean ones go even if used, but nothing is unmapped */
};

/* PG_ACTIVE is set if it is to stay for longer. */
static bool
is_used(struct mapping *m, struct page *pg, const struct scan *sc)
{
	u32 vm_flags, mapped = mapping_page_referenced(m, pg, &vm_flags);

	if (sc->drop)
		return atomic_load_relaxed(&pg->mapcount) != 0;
	if (vm_flags & VM_LOCKED) {
		page_set_flag(pg, PG_ACTIVE);
		return true;
	}
	if (mapped == 0)
		return false;		/* read once is not used */
	/* Programs' text, and what is used again and again. */
	if ((vm_flags & VM_MAYEXEC) || mapped > 1 || page_flag(pg, PG_REFERENCED))
		page_set_flag(pg, PG_ACTIVE);
	page_set_flag(pg, PG_REFERENCED);
	return true;
}

/* The locked, isolated page. True: it is gone, with lock and reference. */
static bool
reclaim_locked(struct page *pg, struct scan *sc)
{
	struct mapping *m = pg->mapping;

	if (m == NULL || page_flag(pg, PG_ANON) || (m->flags & (MAPPING_MEMORY | MAPPING_UNEVICTABLE)))
		return false;
	if (page_flag(pg, PG_WRITEBACK)) {
		page_set_flag(pg, PG_RECLAIM);
		if (!page_flag(pg, PG_WRITEBACK))
			page_clear_flag(pg, PG_RECLAIM);
		sc->writeback++;
		return false;
	}
	if (is_used(m, pg, sc))
		return false;
	if (page_flag(pg, PG_DIRTY)) {
		page_set_flag(pg, PG_RECLAIM);
		sc->dirty++;
		return false;
	}
	if (!mapping_unmap_page(m, pg))
		return false;
	if (page_flag(pg, PG_PRIVATE) && (!sc->fs || m->ops->release == NULL || !m->ops->release(m, pg)))
		return false;
	return mapping_evict(m, pg);
}

static void
shrink_inactive(enum lru_list l, u32 n, struct scan *sc)
{
	struct list pages = LIST_INIT(pages), kept = LIST_INIT(kept);
	u64 freed = 0, scanned = lru_isolate(l, n, &pages);
	struct page *pg;

	while ((pg = list_first(&pages, struct page, lru)) != NULL) {
		list_del_init(&pg->lru);
		if (page_trylock(pg)) {
			if (reclaim_locked(pg, sc)) {
				freed++;
				continue;
			}
			page_unlock(pg);
		} else {
			sc->writeback++;	/* being read or written: its lock won't be held for long */
		}
		list_add_tail(&kept, &pg->lru);
	}
	lru_putback(&kept);
	sc->scanned += scanned;
	sc->freed += freed;
	if (!sc->drop) {
		mem_count(sc->background ? MC_PGSCAN_KSWAPD : MC_PGSCAN_DIRECT, (s64)scanned);
		mem_count(sc->background ? MC_PGSTEAL_KSWAPD : MC_PGSTEAL_DIRECT, (s64)freed);
	}
}

/* Pages from the active tail: to the inactive list, but for programs' text in use. */
static void
shrink_active(u32 n)
{
	struct list pages = LIST_INIT(pages), out = LIST_INIT(out);
	struct page *pg;

	(void)lru_isolate(LRU_ACTIVE_FILE, n, &pages);
	while ((pg = list_first(&pages, struct page, lru)) != NULL) {
		bool keep = false;

		list_del_init(&pg->lru);
		if (page_trylock(pg)) {
			u32 vm_flags = 0;

			if (pg->mapping != NULL && mapping_page_referenced(pg->mapping, pg, &vm_flags) != 0)
				keep = vm_flags & VM_MAYEXEC;
			keep |= (vm_flags & VM_LOCKED) != 0;
			page_unlock(pg);
		}
		if (!keep) {
			page_clear_flag(pg, PG_ACTIVE);
			mem_count(MC_PGDEACTIVATE, 1);
		}
		list_add_tail(&out, &pg->lru);
	}
	lru_putback(&out);
}

static void
shrink_pages(struct scan *sc)
{
	lru_drain(false);
	for (int priority = FIRST_PRIORITY; priority >= 0 && sc->freed < sc->target; priority--) {
		u64 inactive = lru_size(LRU_INACTIVE_FILE), active = lru_size(LRU_ACTIVE_FILE), n;

		if (inactive + active == 0)
			return;
		n = MAX(inactive >> priority, (u64)SCAN_BATCH);
		for (u64 i = 0; i < n && sc->freed < sc->target; i += SCAN_BATCH) {
			if (lru_size(LRU_INACTIVE_FILE) < lru_size(LRU_ACTIVE_FILE))
				shrink_active(SCAN_BATCH);
			shrink_inactive(LRU_INACTIVE_FILE, SCAN_BATCH, sc);
		}
	}
}

/* --- objects --- */

void
shrinker_register(struct shrinker *s)
{
	mutex_lock(&shrinker_lock);
	list_add_tail(&shrinkers, &s->node);
	mutex_unlock(&shrinker_lock);
}

static u64
shrink_objects(u64 target)
{
	struct shrinker *s;
	u64 freed = 0;

	list_for_each(s, &shrinkers, node) {
		u64 n = s->count();

		/* Objects are a fraction of a page: ask for eight to the page, and at least an eighth of the cache. */
		if (n > 0 && freed < target)
			freed += DIV_ROUND_UP(s->scan(MIN(n, MAX(target * 8, n / 8))), 8UL);
	}
	return freed;
}

/* As much of the objects as was looked at of the pages; all that is needed where those gave too little. */
static u64
shrink_caches(const struct scan *sc)
{
	u64 pages = lru_size(LRU_INACTIVE_FILE) + lru_size(LRU_ACTIVE_FILE) + 1;
	u64 target = sc->freed < sc->target ? sc->target - sc->freed : sc->target * MIN(sc->scanned, pages) / pages / 2;
	u64 freed;

	/* One at a time: a second caller, or one that came here from a shrinker, goes on without. */
	if (!sc->fs || target == 0 || !mutex_trylock(&shrinker_lock))
		return 0;
	freed = shrink_objects(target);
	mutex_unlock(&shrinker_lock);
	return freed;
}

/* --- both --- */

static u64
reclaim_once(struct scan *sc)
{
	struct thread *t = thread_current();
	bool nested = t->in_reclaim;
	u64 freed;

	t->in_reclaim = true;
	shrink_pages(sc);
	freed = sc->freed + shrink_caches(sc);
	t->in_reclaim = nested;
	if (sc->dirty != 0)
		flusher_request(sc->dirty);
	return freed < sc->target ? freed + slab_trim() : freed;
}

u64
reclaim_pages(u64 target, int flags)
{
	u64 freed = 0;

	flags |= (int)thread_current()->km_scope;
	if ((flags & KM_ATOMIC) || thread_current()->in_reclaim)
		return 0;
	for (u32 i = 0; i < WRITEBACK_WAITS; i++) {
		struct scan sc = { .target = target, .fs = !(flags & (KM_NOFS | KM_NOIO)) };

		freed = reclaim_once(&sc);
		if (freed != 0 || (flags & KM_NOIO) || sc.dirty + sc.writeback == 0)
			break;
		if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			break;
		flusher_wait(clock_now() + WRITEBACK_WAIT);
	}
	return freed;
}

/* --- in the background --- */

static nsec_t quiet_until;	/* [a] */
static struct waitq reclaim_wq = WAITQ_INIT(reclaim_wq);
static bool reclaim_due;	/* [a] */

static void
reclaim_main(void *arg)
{
	(void)arg;
	for (;;) {
		u64 freed = 1;

		(void)wait_event_interruptible(&reclaim_wq, atomic_load(&reclaim_due));
		atomic_store(&reclaim_due, false);
		while (freed != 0 && page_memory_low()) {
			struct scan sc = { .target = BACKGROUND_TARGET, .background = true, .fs = true };

			freed = reclaim_once(&sc);
			if (freed == 0 && sc.dirty + sc.writeback != 0) {
				flusher_wait(clock_now() + WRITEBACK_WAIT);
				freed = 1;
			}
		}
		if (freed == 0)
			atomic_store_relaxed(&quiet_until, clock_now() + PAUSE_AFTER_NOTHING);
	}
}

void
reclaim_wake(void)
{
	if (thread_current() == NULL || atomic_load_relaxed(&reclaim_due) || clock_now() < atomic_load_relaxed(&quiet_until))
		return;
	atomic_store(&reclaim_due, true);
	waitq_wake_all(&reclaim_wq);
}

void
reclaim_init(void)
{
	if (thread_spawn(reclaim_main, NULL, "kswapd0") != 0)
		panic("no memory for the reclaim thread");
}

/* --- drop_caches --- */

void
reclaim_drop_pagecache(void)
{
	static const enum lru_list file_lists[] = { LRU_INACTIVE_FILE, LRU_ACTIVE_FILE };
	struct scan sc = { .fs = true, .drop = true };

	lru_drain(true);
	for (u32 i = 0; i < ARRAY_SIZE(file_lists); i++) {
		u64 n = lru_size(file_lists[i]);

		for (u64 done = 0; done < n; done += SCAN_BATCH)
			shrink_inactive(file_lists[i], (u32)MIN(n - done, (u64)SCAN_BATCH), &sc);
	}
	mem_count(MC_DROP_PAGECACHE, 1);
}

void
reclaim_drop_slab(void)
{
	u64 freed = UINT64_MAX;

	mutex_lock(&shrinker_lock);
	for (u32 i = 0; i < 10 && freed > 10; i++)	/* vnodes become free when their dentries go */
		freed = shrink_objects(UINT64_MAX / 16);
	mutex_unlock(&shrinker_lock);
	(void)slab_trim();
	mem_count(MC_DROP_SLAB, 1);
}
