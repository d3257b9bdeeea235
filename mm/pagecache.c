/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache's index: find, insert, read in, evict.
 *
 * A page in the cache is referenced once by the cache. Lookups run under RCU: they try-get the page and look again, because
 * the frame may have left the cache (and even belong to somebody else) in between; struct page never goes away. A page's
 * mapping and index change only under the page lock together with the mapping's lock, so whoever holds the page lock and
 * sees pg->mapping == m owns the page's place in m.
 */
#include "mm/lru.h"
#include "mm/mapping.h"
#include "mm/pagecache.h"

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
	pagecache_remove_all(m);
	mapping_forget_dirty(m);
	spin_lock_irq(&m->lock);	/* reclaim may just be taking the last page */
	KASSERT(m->nr_pages == 0 && interval_empty(&m->vmas));
	xa_destroy(&m->pages);
	spin_unlock_irq(&m->lock);
}

enum mem_counter
pagecache_counter(const struct mapping *m)
{
	if (m->flags & MAPPING_MEMORY)
		return MC_SHMEM;
	return m->flags & MAPPING_BLOCKS ? MC_BUFFERS : MC_FILE_CACHE;
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
	if (err == 0) {
		mem_count(pagecache_counter(m), 1);
		if (!(m->flags & (MAPPING_MEMORY | MAPPING_UNEVICTABLE)))
			lru_add(pg);
	}
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
	pg = page_alloc(0, KM_USER | (int)m->gfp | (memory ? KM_ZERO : KM_NOFS));
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

static int
wait_read(struct page *pg, bool killable)
{
	if (killable)
		return page_wait_locked_killable(pg);
	page_wait_locked(pg);
	return 0;
}

/* Read it ourselves. */
static int
read_once(struct mapping *m, u64 index, bool killable, struct page **out)
{
	struct page *pg;
	int err = mapping_get_locked(m, index, &pg);

	if (err != 0)
		return err;
	if (page_flag(pg, PG_UPTODATE)) {
		page_unlock(pg);
		*out = pg;
		return 0;
	}
	page_clear_flag(pg, PG_ERROR);
	err = m->ops->read_page(m, pg);		/* unlocks, now or at completion */
	if (err == 0)
		err = wait_read(pg, killable);
	if (err == 0 && !page_flag(pg, PG_UPTODATE))
		err = -EIO;
	if (err != 0) {
		page_put(pg);
		return err;
	}
	*out = pg;
	return 0;
}

/* The page is there, perhaps being read in by somebody. 0 and no page: it must be read. */
static int
wait_cached(struct mapping *m, u64 index, bool killable, struct page **out)
{
	struct page *pg = mapping_find(m, index);
	int err = 0;

	*out = NULL;
	if (pg == NULL)
		return 0;
	if (!page_flag(pg, PG_UPTODATE))
		err = wait_read(pg, killable);
	if (err == 0 && page_flag(pg, PG_UPTODATE))
		*out = pg;
	else
		page_put(pg);
	return err;
}

static int
read_in(struct mapping *m, u64 index, bool killable, struct page **out)
{
	int err = wait_cached(m, index, killable, out);

	if (err != 0 || *out != NULL)
		return err;
	return read_once(m, index, killable, out);
}

int
mapping_read(struct mapping *m, u64 index, struct page **out)
{
	return read_in(m, index, false, out);
}

int
mapping_read_killable(struct mapping *m, u64 index, struct page **out)
{
	return read_in(m, index, true, out);
}

struct page *
mapping_locked_page(struct mapping *m, u64 index)
{
	struct page *pg;

	rcu_read_lock();
	pg = xa_load(&m->pages, index);
	rcu_read_unlock();
	KASSERT_DEBUG(pg != NULL && page_flag(pg, PG_LOCKED));
	return pg;
}

bool
mapping_evict(struct mapping *m, struct page *pg)
{
	enum mem_counter counter = pagecache_counter(m);

	KASSERT_DEBUG(page_flag(pg, PG_LOCKED) && pg->mapping == m);
	spin_lock_irq(&m->lock);
	if (page_flag(pg, PG_DIRTY) || page_flag(pg, PG_WRITEBACK) || page_flag(pg, PG_PRIVATE) || !page_freeze(pg, 2)) {
		spin_unlock_irq(&m->lock);
		return false;
	}
	xa_erase(&m->pages, pg->index);
	pg->mapping = NULL;
	m->nr_pages--;
	spin_unlock_irq(&m->lock);	/* m may be gone from here on */
	mem_count(counter, -1);
	page_clear_flag(pg, PG_LOCKED);
	page_free_frozen(pg);
	return true;
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
