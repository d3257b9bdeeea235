/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of an allocated frame: references, the page lock and write-back waits, page-table frames.
 *
 * The page lock is a bit. Who must wait sets PG_WAITERS and sleeps on one of a few hashed queues; who clears the bit takes
 * PG_WAITERS with it in the same instruction and wakes the queue, where each sleeper looks again. So a lock that nobody
 * waits for costs one atomic instruction each way.
 */
#include "mm/zone.h"

#include "mm/mapping.h"
#include "sys/lib/hash.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/wait.h"

#define WAIT_BITS	6

static struct waitq wait_table[1 << WAIT_BITS];

void
page_wait_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(wait_table); i++)
		waitq_init(&wait_table[i]);
}

static struct waitq *
wait_queue_of(const struct page *pg)
{
	return &wait_table[hash_u64((u64)pg >> 6, WAIT_BITS)];
}

/* --- references --- */

/* State that must be gone when the last reference goes. */
#define FREE_FORBIDDEN	(u32)(BIT(PG_LOCKED) | BIT(PG_WRITEBACK) | BIT(PG_LRU) | BIT(PG_BUDDY) | BIT(PG_TAIL) | BIT(PG_RESERVED))

void
page_put(struct page *pg)
{
	pg = page_head(pg);
	if (!refcount_put(&pg->refs))
		return;
	if (unlikely((pg->flags & FREE_FORBIDDEN) != 0 || pg->mapcount != 0)) {
		log_err("page: frame %#lx freed in use: flags %#x, mapped %d times", page_to_pfn(pg), pg->flags, pg->mapcount);
		WARN_ON(true);
		return;		/* lost rather than used twice */
	}
	buddy_free(pg, page_order(pg));
}

bool
page_freeze(struct page *pg, s32 n)
{
	return atomic_cas(&pg->refs.n, n, 0);
}

void
page_free_frozen(struct page *pg)
{
	KASSERT_DEBUG(pg->refs.n == 0 && pg->mapcount == 0 && (pg->flags & FREE_FORBIDDEN) == 0);
	buddy_free(pg, page_order(pg));
}

/* --- bits to wait for --- */

static bool
try_lock_or_announce(struct page *pg)
{
	page_set_flag(pg, PG_WAITERS);
	return page_trylock(pg);
}

static bool
clear_or_announce(struct page *pg, enum page_flag f)
{
	if (!page_flag(pg, f))
		return true;
	page_set_flag(pg, PG_WAITERS);
	smp_mb();
	return !page_flag(pg, f);
}

/* Clear the bit and wake whoever waits for any of this page's bits. */
static void
clear_and_wake(struct page *pg, enum page_flag f)
{
	u32 old = atomic_fetch_and(&pg->flags, ~(u32)(BIT(f) | BIT(PG_WAITERS)));

	KASSERT_DEBUG(old & BIT(f));
	if (unlikely(old & BIT(PG_WAITERS)))
		waitq_wake_all(wait_queue_of(pg));
}

bool
page_trylock(struct page *pg)
{
	return !page_flag(pg, PG_LOCKED) && !page_test_set_flag(pg, PG_LOCKED);
}

void
page_lock(struct page *pg)
{
	might_sleep();
	if (likely(page_trylock(pg)))
		return;
	wait_event(wait_queue_of(pg), try_lock_or_announce(pg));
}

int
page_lock_killable(struct page *pg)
{
	might_sleep();
	if (likely(page_trylock(pg)))
		return 0;
	return wait_event_killable(wait_queue_of(pg), try_lock_or_announce(pg));
}

void
page_unlock(struct page *pg)
{
	clear_and_wake(pg, PG_LOCKED);
}

void
page_wait_locked(struct page *pg)
{
	wait_event(wait_queue_of(pg), clear_or_announce(pg, PG_LOCKED));
}

int
page_wait_locked_killable(struct page *pg)
{
	return wait_event_killable(wait_queue_of(pg), clear_or_announce(pg, PG_LOCKED));
}

void
page_end_read(struct page *pg, int err)
{
	if (err == 0)
		page_set_flag(pg, PG_UPTODATE);
	else if (err != -EAGAIN)
		page_set_flag(pg, PG_ERROR);
	page_unlock(pg);
}

void
page_wait_writeback(struct page *pg)
{
	if (!page_flag(pg, PG_WRITEBACK))
		return;
	wait_event(wait_queue_of(pg), clear_or_announce(pg, PG_WRITEBACK));
}

void
page_end_writeback(struct page *pg)
{
	clear_and_wake(pg, PG_WRITEBACK);
}

/* --- frames for page tables --- */

struct page *
pt_page_alloc(void)
{
	struct page *pg = page_alloc(0, KM_ZERO);

	if (pg == NULL)
		return NULL;
	page_set_flag(pg, PG_TABLE);
	spin_init(&pg->pt_lock_store, LOCK_PT);
	pg->pt_lock = &pg->pt_lock_store;
	pg->pt_entries = 0;
	mem_count(MC_PAGE_TABLES, 1);
	return pg;
}

void
pt_page_free(struct page *pg)
{
	KASSERT_DEBUG(page_flag(pg, PG_TABLE));
	mem_count(MC_PAGE_TABLES, -1);
	page_put(pg);
}
