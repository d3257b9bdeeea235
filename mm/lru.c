/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists of the page LRU and the batches in front of them; mm/reclaim.c decides. See mm/lru.h. */
#include "mm/lru.h"

#include "arch/cpu.h"
#include "arch/smp.h"
#include "sys/panic.h"
#include "sys/percpu.h"

#define BATCH	15

/* This CPU's, interrupts off. */
struct lru_batch { u32 n; struct page *pages[BATCH]; };
struct lru_batches { struct lru_batch add, activate; };
static PERCPU_DEFINE(struct lru_batches, lru_batches);

static struct spinlock lru_lock = SPINLOCK_INIT(LOCK_LRU);
static struct list lists[LRU_LISTS] = {		/* [lru_lock] */
	[LRU_INACTIVE_ANON] = LIST_INIT(lists[LRU_INACTIVE_ANON]), [LRU_ACTIVE_ANON] = LIST_INIT(lists[LRU_ACTIVE_ANON]),
	[LRU_INACTIVE_FILE] = LIST_INIT(lists[LRU_INACTIVE_FILE]), [LRU_ACTIVE_FILE] = LIST_INIT(lists[LRU_ACTIVE_FILE]),
	[LRU_UNEVICTABLE] = LIST_INIT(lists[LRU_UNEVICTABLE]),
};

/* --- lists, under the lock --- */

static enum lru_list
list_of(const struct page *pg)
{
	bool file = !page_flag(pg, PG_SWAPBACKED) && !page_flag(pg, PG_ANON);

	if (page_flag(pg, PG_UNEVICTABLE))
		return LRU_UNEVICTABLE;
	return (file ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON) + (page_flag(pg, PG_ACTIVE) ? 1 : 0);
}

static void
link_locked(struct page *pg, bool tail)
{
	enum lru_list l = list_of(pg);

	page_set_flag(pg, PG_LRU);
	if (tail)
		list_add_tail(&lists[l], &pg->lru);
	else
		list_add(&lists[l], &pg->lru);
	mem_count((enum mem_counter)(MC_LRU + l), 1);
}

static void
unlink_locked(struct page *pg)
{
	mem_count((enum mem_counter)(MC_LRU + list_of(pg)), -1);
	list_del_init(&pg->lru);
	page_clear_flag(pg, PG_LRU);
}

/* New pages: those that have left their cache meanwhile stay off. */
static void
add_locked(struct page *pg)
{
	if (!page_flag(pg, PG_LRU) && READ_ONCE(pg->mapping) != NULL)
		link_locked(pg, false);
}

static void
activate_locked(struct page *pg)
{
	if (!page_flag(pg, PG_LRU) || page_flag(pg, PG_ACTIVE) || page_flag(pg, PG_UNEVICTABLE))
		return;
	unlink_locked(pg);
	page_clear_flag(pg, PG_REFERENCED);
	page_set_flag(pg, PG_ACTIVE);
	link_locked(pg, false);
	mem_count(MC_PGACTIVATE, 1);
}

/* --- batches --- */

static void
drain_batch(struct lru_batch *b, void (*fn)(struct page *))
{
	if (b->n == 0)
		return;
	spin_lock(&lru_lock);
	for (u32 i = 0; i < b->n; i++)
		fn(b->pages[i]);
	spin_unlock(&lru_lock);
	for (u32 i = 0; i < b->n; i++)
		page_put(b->pages[i]);
	b->n = 0;
}

static void
batch_push(struct lru_batch *b, struct page *pg, void (*fn)(struct page *))
{
	page_get(pg);
	b->pages[b->n++] = pg;
	if (b->n == BATCH)
		drain_batch(b, fn);
}

void
lru_add(struct page *pg)
{
	u64 irq = arch_irq_save();

	batch_push(&this_cpu_ptr(lru_batches)->add, pg, add_locked);
	arch_irq_restore(irq);
}

void
lru_activate(struct page *pg)
{
	u64 irq = arch_irq_save();

	batch_push(&this_cpu_ptr(lru_batches)->activate, pg, activate_locked);
	arch_irq_restore(irq);
}

static void
drain_this_cpu(void *unused)
{
	u64 irq = arch_irq_save();
	struct lru_batches *b = this_cpu_ptr(lru_batches);

	drain_batch(&b->add, add_locked);
	drain_batch(&b->activate, activate_locked);
	arch_irq_restore(irq);
}

void
lru_drain(bool all)
{
	preempt_disable();
	drain_this_cpu(NULL);
	if (all && cpu_count > 1)
		arch_ipi_call(atomic_load(&cpu_online_mask), drain_this_cpu, NULL);
	preempt_enable();
}

/* --- single pages --- */

void
lru_remove(struct page *pg)
{
	u64 irq;

	KASSERT_DEBUG(pg->mapping == NULL);
	irq = spin_lock_irqsave(&lru_lock);
	if (page_flag(pg, PG_LRU))
		unlink_locked(pg);
	spin_unlock_irqrestore(&lru_lock, irq);
}

void
lru_rotate(struct page *pg)
{
	u64 irq = spin_lock_irqsave(&lru_lock);

	if (page_flag(pg, PG_LRU) && !page_flag(pg, PG_ACTIVE) && !page_flag(pg, PG_UNEVICTABLE)) {
		unlink_locked(pg);
		link_locked(pg, true);
		mem_count(MC_PGROTATED, 1);
	}
	spin_unlock_irqrestore(&lru_lock, irq);
}

/* --- for reclaim --- */

u32
lru_isolate(enum lru_list l, u32 n, struct list *out)
{
	u32 taken = 0;
	struct page *pg;

	spin_lock_irq(&lru_lock);
	while (taken < n && (pg = list_last(&lists[l], struct page, lru)) != NULL) {
		unlink_locked(pg);
		page_get(pg);		/* the cache has one: it can't have left without coming off the list */
		list_add_tail(out, &pg->lru);
		taken++;
	}
	spin_unlock_irq(&lru_lock);
	return taken;
}

bool
lru_isolate_page(struct page *pg)
{
	bool linked;

	spin_lock_irq(&lru_lock);
	linked = page_flag(pg, PG_LRU);
	if (linked)
		unlink_locked(pg);
	spin_unlock_irq(&lru_lock);
	return linked;
}

void
lru_putback(struct list *pages)
{
	struct list left = LIST_INIT(left);
	struct page *pg;

	spin_lock_irq(&lru_lock);
	while ((pg = list_first(pages, struct page, lru)) != NULL) {
		list_del_init(&pg->lru);
		if (READ_ONCE(pg->mapping) != NULL) {
			link_locked(pg, false);
			page_put(pg);	/* not the last: who removes pg comes here for the lock before the cache's goes */
		} else {
			list_add(&left, &pg->lru);
		}
	}
	spin_unlock_irq(&lru_lock);
	while ((pg = list_first(&left, struct page, lru)) != NULL) {
		list_del_init(&pg->lru);
		page_put(pg);
	}
}
