/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting memory back: the caches that can give it up register a shrinker, and page_alloc asks here when it runs low.
 */
#include "mm/mapping.h"

#include "sys/kmem.h"
#include "sys/mutex.h"

static struct mutex shrinker_lock = MUTEX_INIT(shrinker_lock, LOCK_SLAB_LIST);
static struct list shrinkers = LIST_INIT(shrinkers);	/* [shrinker_lock] */

void
shrinker_register(struct shrinker *s)
{
	mutex_lock(&shrinker_lock);
	list_add_tail(&shrinkers, &s->node);
	mutex_unlock(&shrinker_lock);
}

u64
reclaim_pages(u64 target, int flags)
{
	struct shrinker *s;
	u64 freed = 0;

	/* One at a time: a second caller, or one that came here from a shrinker, goes on without. */
	if ((flags & KM_ATOMIC) || !mutex_trylock(&shrinker_lock))
		return 0;
	list_for_each(s, &shrinkers, node) {
		u64 n = s->count();

		/* Objects are a fraction of a page: ask for eight to the page, and at least an eighth of the cache. */
		if (n > 0 && freed < target)
			freed += DIV_ROUND_UP(s->scan(MIN(n, MAX(target * 8, n / 8))), 8UL);
	}
	mutex_unlock(&shrinker_lock);
	return freed;
}
