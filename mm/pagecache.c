/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache's index: find, insert, read in, remove.
 *
 * A page in the cache is referenced once by the cache. Lookups run under RCU: they try-get the page and look again, because
 * the frame may have left the cache (and even belong to somebody else) in between; struct page never goes away. A page's
 * mapping and index change only under the page lock together with the mapping's lock, so whoever holds the page lock and
 * sees pg->mapping == m owns the page's place in m.
 */
#include "mm/mapping.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/rcu.h"

/* The radix nodes: allocated under the mapping's lock, so atomically; freed behind a grace period, for the lockless readers. */
static struct kmem_cache *node_cache;	/* [I] after pagecache_init */

static void *
node_alloc(void)
{
	return kmem_cache_alloc(node_cache, KM_ATOMIC);
}

static void
node_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(node_cache, head);
}

static void
node_free(void *node)
{
	struct xa_node *n = node;

	_Static_assert(sizeof(n->reclaim) >= sizeof(struct rcu_head), "a node has room for an RCU head");
	rcu_call((struct rcu_head *)n->reclaim, node_free_rcu);
}

static const struct xa_ops node_ops = { .alloc = node_alloc, .free = node_free };

void
pagecache_init(void)
{
	_Static_assert(offsetof(struct xa_node, reclaim) == 0, "node_free_rcu gets the node's address");
	node_cache = kmem_cache_create("xarray_node", sizeof(struct xa_node), 64, 0, NULL);
	if (node_cache == NULL)
		panic("page cache: no memory for the node cache");
}

void
mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner, u32 flags)
{
	memset(m, 0, sizeof(*m));
	spin_init(&m->lock, LOCK_MAPPING);
	xa_init(&m->pages, &node_ops);
	m->ops = ops;
	m->owner = owner;
	rwlock_init(&m->inval_lock, LOCK_MAPPING_INVAL);
	rwlock_init(&m->rmap_lock, LOCK_RMAP_FILE);
	interval_init(&m->vmas);
	m->flags = flags;
	list_init(&m->dirty_node);
}

void
mapping_destroy(struct mapping *m)
{
	mapping_truncate(m, 0, INT64_MAX);
	KASSERT(m->nr_pages == 0 && interval_empty(&m->vmas));
	mapping_forget_dirty(m);
	spin_lock_irq(&m->lock);
	xa_destroy(&m->pages);
	spin_unlock_irq(&m->lock);
}

static enum mem_counter
cache_counter(const struct mapping *m)
{
	return (m->flags & MAPPING_MEMORY) ? MC_SHMEM : MC_FILE_CACHE;
}

struct page *
mapping_find(struct mapping *m, u64 index)
{
	struct page *pg;

	rcu_read_lock();
	while ((pg = xa_load(&m->pages, index)) != NULL) {
		if (!refcount_try_get(&pg->refs))
			continue;
		if (likely(xa_load(&m->pages, index) == pg))
			break;
		page_put(pg);
	}
	rcu_read_unlock();
	return pg;
}

/* One try under the lock. The page is locked by the caller and gets the cache's own reference. */
static int
insert_once(struct mapping *m, u64 index, struct page *pg)
{
	int err;

	spin_lock_irq(&m->lock);
	err = xa_insert(&m->pages, index, pg);
	if (err == 0) {
		page_get(pg);
		pg->mapping = m;
		pg->index = index;
		m->nr_pages++;
	}
	spin_unlock_irq(&m->lock);
	return err;
}

int
mapping_insert(struct mapping *m, u64 index, struct page *pg)
{
	int err = insert_once(m, index, pg);

	/* The index grows with atomic allocations; let one that may sleep refill the cache behind them. */
	for (int tries = 0; err == -ENOMEM && tries < 4; tries++) {
		void *node = kmem_cache_alloc(node_cache, KM_NORMAL);

		if (node == NULL)
			break;
		kmem_cache_free(node_cache, node);
		err = insert_once(m, index, pg);
	}
	if (err == 0)
		mem_count(cache_counter(m), 1);
	return err;
}

/* A new locked page at index. -EEXIST when somebody was faster. */
static int
add_new(struct mapping *m, u64 index, struct page **out)
{
	bool memory = m->flags & MAPPING_MEMORY, counted = m->ops != NULL && m->ops->charge != NULL;
	struct page *pg;
	int err;

	err = counted ? m->ops->charge(m, 1) : 0;
	if (err != 0)
		return err;
	pg = page_alloc(0, KM_USER | (int)m->gfp | (memory ? KM_ZERO : 0));
	if (pg == NULL) {
		err = -ENOMEM;
		goto out_uncharge;
	}
	page_set_flag(pg, PG_LOCKED);
	if (memory) {
		page_set_flag(pg, PG_UPTODATE);
		page_set_flag(pg, PG_SWAPBACKED);
	}
	err = mapping_insert(m, index, pg);
	if (err != 0) {
		page_clear_flag(pg, PG_LOCKED);
		page_clear_flag(pg, PG_UPTODATE);
		page_clear_flag(pg, PG_SWAPBACKED);
		page_put(pg);
		goto out_uncharge;
	}
	*out = pg;
	return 0;
out_uncharge:
	if (counted)
		(void)m->ops->charge(m, -1);
	return err;
}

int
mapping_get_locked(struct mapping *m, u64 index, struct page **out)
{
	for (;;) {
		struct page *pg = mapping_find(m, index);
		int err;

		if (pg == NULL) {
			err = add_new(m, index, out);
			if (err != -EEXIST)
				return err;
			continue;
		}
		page_lock(pg);
		if (likely(pg->mapping == m && pg->index == index)) {
			*out = pg;
			return 0;
		}
		page_unlock(pg);	/* truncated meanwhile */
		page_put(pg);
	}
}

int
mapping_read(struct mapping *m, u64 index, struct page **out)
{
	struct page *pg = mapping_find(m, index);
	int err;

	if (pg != NULL && likely(page_flag(pg, PG_UPTODATE))) {
		*out = pg;
		return 0;
	}
	if (pg != NULL)
		page_put(pg);
	err = mapping_get_locked(m, index, &pg);
	if (err != 0)
		return err;
	if (page_flag(pg, PG_UPTODATE)) {
		page_unlock(pg);
		*out = pg;
		return 0;
	}
	err = m->ops->read_page(m, pg);		/* unlocks, now or at completion */
	if (err == 0) {
		page_wait_locked(pg);
		if (!page_flag(pg, PG_UPTODATE))
			err = -EIO;
	}
	if (err != 0) {
		page_put(pg);
		return err;
	}
	*out = pg;
	return 0;
}

/* Take the locked page out of the cache, dirty or not, and drop the cache's reference. The caller has one of its own. */
static void
remove_locked_page(struct mapping *m, struct page *pg)
{
	page_wait_writeback(pg);
	if (page_flag(pg, PG_PRIVATE) && m->ops->invalidate != NULL)
		m->ops->invalidate(m, pg, 0, PAGE_SIZE);
	if (page_test_clear_flag(pg, PG_DIRTY))
		mem_count(MC_DIRTY, -1);
	spin_lock_irq(&m->lock);
	xa_erase(&m->pages, pg->index);
	pg->mapping = NULL;
	m->nr_pages--;
	spin_unlock_irq(&m->lock);
	mem_count(cache_counter(m), -1);
	if (m->ops != NULL && m->ops->charge != NULL)
		(void)m->ops->charge(m, -1);
	page_put(pg);
}

/* Zero bytes [from, to) of the cached page at index, if there is one. */
static void
zero_part(struct mapping *m, u64 index, u32 from, u32 to)
{
	struct page *pg = mapping_find(m, index);

	if (pg == NULL)
		return;
	page_lock(pg);
	if (pg->mapping == m && page_flag(pg, PG_UPTODATE)) {
		page_wait_writeback(pg);
		memset((char *)page_address(pg) + from, 0, to - from);
		if (m->ops != NULL && m->ops->invalidate != NULL && page_flag(pg, PG_PRIVATE))
			m->ops->invalidate(m, pg, from, to - from);
		mapping_dirty(m, pg);
	}
	page_unlock(pg);
	page_put(pg);
}

/* Remove all whole pages [first, last]. inval_lock is held, so faults add none behind our back; their mappings are
 * taken away again under the page lock, for a fault that had the page already. */
static void
remove_range(struct mapping *m, u64 first, u64 last)
{
	u64 index = first;

	for (;;) {
		struct page *pg;

		rcu_read_lock();
		pg = xa_find(&m->pages, &index, last);
		if (pg != NULL && !refcount_try_get(&pg->refs)) {
			rcu_read_unlock();
			continue;
		}
		rcu_read_unlock();
		if (pg == NULL)
			return;
		page_lock(pg);
		if (pg->mapping == m && pg->index >= first && pg->index <= last) {
			if (atomic_load_relaxed(&pg->mapcount) > 0)
				mapping_unmap_range(m, pg->index, pg->index, true);
			remove_locked_page(m, pg);
		}
		page_unlock(pg);
		page_put(pg);
	}
}

void
mapping_truncate_locked(struct mapping *m, off_t start, off_t end)
{
	u64 first = DIV_ROUND_UP((u64)start, PAGE_SIZE);	/* first whole page */
	u64 limit = (u64)end >> PAGE_SHIFT;		/* behind the last whole page */
	u32 head = (u32)(start & (PAGE_SIZE - 1)), tail = (u32)(end & (PAGE_SIZE - 1));

	if (start >= end)
		return;
	if (end == INT64_MAX) {
		limit = UINT64_MAX >> PAGE_SHIFT;
		tail = 0;
	}
	rwlock_assert_write_held(&m->inval_lock);
	if (head != 0 && (u64)start >> PAGE_SHIFT == limit && tail != 0) {	/* inside one page */
		zero_part(m, limit, head, tail);
		return;
	}
	if (head != 0)
		zero_part(m, (u64)start >> PAGE_SHIFT, head, PAGE_SIZE);
	if (first < limit) {
		mapping_unmap_range(m, first, limit - 1, true);
		remove_range(m, first, limit - 1);
	}
	if (tail != 0)
		zero_part(m, limit, 0, tail);
}

void
mapping_truncate(struct mapping *m, off_t start, off_t end)
{
	rwlock_write_lock(&m->inval_lock);
	mapping_truncate_locked(m, start, end);
	rwlock_write_unlock(&m->inval_lock);
}

off_t
mapping_seek(struct mapping *m, off_t off, off_t size, bool hole)
{
	u64 index = (u64)off >> PAGE_SHIFT;

	if (off < 0 || off >= size)
		return -ENXIO;
	rcu_read_lock();
	if (hole) {
		while ((off_t)(index << PAGE_SHIFT) < size && xa_load(&m->pages, index) != NULL)
			index++;
	} else if (xa_find(&m->pages, &index, UINT64_MAX) == NULL) {
		index = UINT64_MAX >> PAGE_SHIFT;
	}
	rcu_read_unlock();
	if (!hole && (index >= UINT64_MAX >> PAGE_SHIFT || (off_t)(index << PAGE_SHIFT) >= size))
		return -ENXIO;
	return MIN(MAX((off_t)(index << PAGE_SHIFT), off), size);
}

/* --- memory objects: MAP_SHARED|MAP_ANONYMOUS --- */

struct shared_anon *
shared_anon_create(u64 pages)
{
	struct shared_anon *sa = kmem_alloc(sizeof(*sa), KM_NORMAL);

	if (sa == NULL)
		return NULL;
	refcount_init(&sa->refs, 1);
	sa->pages = pages;
	mapping_init(&sa->mapping, &memory_mapping_ops, sa, MAPPING_MEMORY);
	return sa;
}

void
shared_anon_get(struct shared_anon *sa)
{
	refcount_get(&sa->refs);
}

void
shared_anon_put(struct shared_anon *sa)
{
	if (!refcount_put(&sa->refs))
		return;
	mapping_destroy(&sa->mapping);
	kmem_free(sa);
}
