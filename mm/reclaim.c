/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting memory back: the caches that can give it up register a shrinker, and page_alloc asks here when it runs low: by itself
 * when it may sleep, and before that by waking background work, which goes on until there is a reserve again or nothing
 * more to be had.
 */
#include "mm/mapping.h"
#include "mm/slab.h"

#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/mutex.h"
#include "sys/thread.h"
#include "sys/work.h"

#define BACKGROUND_TARGET	64
#define PAUSE_AFTER_NOTHING	(100 * NSEC_PER_MSEC)	/* caches that gave nothing are left alone for a while */

static struct mutex shrinker_lock = MUTEX_INIT(shrinker_lock, LOCK_SLAB_LIST);
static struct list shrinkers = LIST_INIT(shrinkers);	/* [shrinker_lock] */

void
shrinker_register(struct shrinker *s)
{
	mutex_lock(&shrinker_lock);
	list_add_tail(&shrinkers, &s->node);
	mutex_unlock(&shrinker_lock);
}

static u64
shrink_all(u64 target)
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

u64
reclaim_pages(u64 target, int flags)
{
	struct thread *t = thread_current();
	u64 freed;

	/* One at a time: a second caller, or one that came here from a shrinker, goes on without. */
	if ((flags & KM_ATOMIC) || !mutex_trylock(&shrinker_lock))
		return 0;
	t->in_reclaim = true;
	freed = shrink_all(target);
	t->in_reclaim = false;
	mutex_unlock(&shrinker_lock);
	return freed + slab_trim();
}

/* --- in the background --- */

static nsec_t quiet_until;	/* [a] */

static void
reclaim_work(struct work *w)
{
	while (page_memory_low()) {
		if (reclaim_pages(BACKGROUND_TARGET, KM_NORMAL) == 0) {
			atomic_store_relaxed(&quiet_until, clock_now() + PAUSE_AFTER_NOTHING);
			return;
		}
	}
}

static struct work background = { .func = reclaim_work };

void
reclaim_wake(void)
{
	if (thread_current() != NULL && clock_now() >= atomic_load_relaxed(&quiet_until))
		work_queue(&background);
}
