/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reverse map: from a page to the page-table entries that map it.
 *
 * Pages of the page cache: the mapping keeps its VMAs in an interval tree by page index. Anonymous pages: page->mapping
 * points at an anon_object (PG_ANON tells), made when a VMA gets its first anonymous page, shared with all copies that fork and
 * splits make of that VMA, and page->index is the page's index in these VMAs (v->pgoff counts). A VMA in either tree may map
 * the page; the entry itself tells.
 *
 * An anon_object lives as long as a VMA is linked to it; its memory is type-stable, so a walker that comes from a page may lock
 * the object it saw and look again.
 */
#include "mm/vma.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/panic.h"

struct anon_object {
	struct refcount refs;		/* [a] linked VMAs */
	struct rwlock lock;		/* LOCK_RMAP_ANON */
	struct interval_tree vmas;	/* [l] by page index */
};

static struct kmem_cache *anon_cache;

static void
anon_construct(void *p)
{
	struct anon_object *ao = p;

	rwlock_init(&ao->lock, LOCK_RMAP_ANON);
	interval_init(&ao->vmas);
	refcount_init(&ao->refs, 0);
}

void
rmap_init(void)
{
	anon_cache = kmem_cache_create("anon_object", sizeof(struct anon_object), 0, KMC_TYPESTABLE, anon_construct);
	if (anon_cache == NULL)
		panic("memory: no anon_object cache");
}

/* --- anonymous memory --- */

static void
anon_insert(struct vma *v, struct anon_object *ao)
{
	v->anon_rmap.start = v->pgoff;
	v->anon_rmap.last = v->pgoff + vma_pages(v) - 1;
	interval_insert(&ao->vmas, &v->anon_rmap);
}

void
anon_link(struct vma *v, struct anon_object *ao)
{
	refcount_get(&ao->refs);
	rwlock_write_lock(&ao->lock);
	anon_insert(v, ao);
	rwlock_write_unlock(&ao->lock);
	v->anon = ao;
}

void
anon_unlink(struct vma *v)
{
	struct anon_object *ao = v->anon;

	if (ao == NULL)
		return;
	rwlock_write_lock(&ao->lock);
	interval_erase(&ao->vmas, &v->anon_rmap);
	rwlock_write_unlock(&ao->lock);
	v->anon = NULL;
	if (refcount_put(&ao->refs)) {
		KASSERT_DEBUG(interval_empty(&ao->vmas));
		kmem_cache_free(anon_cache, ao);
	}
}

/* Faults with the VMA's lock shared may race here: the first one's object is taken. */
int
anon_prepare(struct vma *v)
{
	struct anon_object *ao;

	if (likely(atomic_load_acquire(&v->anon) != NULL))
		return 0;
	ao = kmem_cache_alloc(anon_cache, KM_NORMAL);
	if (ao == NULL)
		return -ENOMEM;
	refcount_init(&ao->refs, 1);
	spin_lock(&v->as->anon_lock);
	if (v->anon == NULL) {
		anon_insert(v, ao);	/* nobody else knows ao yet */
		atomic_store_release(&v->anon, ao);
		ao = NULL;
	}
	spin_unlock(&v->as->anon_lock);
	if (ao != NULL) {
		refcount_init(&ao->refs, 0);
		kmem_cache_free(anon_cache, ao);
	}
	return 0;
}

/* --- files --- */

static bool
counts_as_writable(const struct vma *v)
{
	return (v->flags & VM_SHARED) && (v->flags & VM_MAYWRITE);
}

static void
file_insert(struct vma *v)
{
	v->rmap.start = v->pgoff;
	v->rmap.last = v->pgoff + vma_pages(v) - 1;
	interval_insert(&v->mapping->vmas, &v->rmap);
}

void
file_rmap_link(struct vma *v)
{
	struct mapping *m = v->mapping;

	if (m == NULL)
		return;
	rwlock_write_lock(&m->rmap_lock);
	file_insert(v);
	if (counts_as_writable(v))
		m->vmas_writable++;
	rwlock_write_unlock(&m->rmap_lock);
}

void
file_rmap_unlink(struct vma *v)
{
	struct mapping *m = v->mapping;

	if (m == NULL)
		return;
	rwlock_write_lock(&m->rmap_lock);
	interval_erase(&m->vmas, &v->rmap);
	if (counts_as_writable(v))
		m->vmas_writable--;
	rwlock_write_unlock(&m->rmap_lock);
}

void
mapping_hold_writable(struct mapping *m)
{
	rwlock_write_lock(&m->rmap_lock);
	m->vmas_writable++;
	rwlock_write_unlock(&m->rmap_lock);
}

void
mapping_drop_writable(struct mapping *m)
{
	rwlock_write_lock(&m->rmap_lock);
	m->vmas_writable--;
	rwlock_write_unlock(&m->rmap_lock);
}

/* Move v's bounds, by change(), while it is in no tree; walkers of the trees see it before or after. */
void
rmap_move_bounds(struct vma *v, void (*change)(void *), void *arg)
{
	struct mapping *m = v->mapping;
	struct anon_object *ao = v->anon;

	if (m != NULL) {
		rwlock_write_lock(&m->rmap_lock);
		interval_erase(&m->vmas, &v->rmap);
	}
	if (ao != NULL) {
		rwlock_write_lock(&ao->lock);
		interval_erase(&ao->vmas, &v->anon_rmap);
	}
	change(arg);
	if (ao != NULL) {
		anon_insert(v, ao);
		rwlock_write_unlock(&ao->lock);
	}
	if (m != NULL) {
		file_insert(v);
		rwlock_write_unlock(&m->rmap_lock);
	}
}

/* --- counting entries --- */

static s64 *
rss_of(struct vma *v, bool anon)
{
	if (anon)
		return &v->as->rss_anon;
	return v->mapping != NULL && (v->mapping->flags & MAPPING_MEMORY) ? &v->as->rss_shmem : &v->as->rss_file;
}

void
page_map_count(struct vma *v, struct page *pg, bool anon, bool huge)
{
	pg = page_head(pg);
	if (__atomic_fetch_add(&pg->mapcount, 1, __ATOMIC_RELAXED) == 0)
		mem_count(anon ? MC_ANON : MC_MAPPED, 1L << page_order(pg));
	atomic_add_relaxed(rss_of(v, anon), huge ? (s64)HUGE_FRAMES : 1);
}

void
page_unmap_count(struct vma *v, struct page *pg, bool anon, bool huge)
{
	pg = page_head(pg);
	if (__atomic_fetch_sub(&pg->mapcount, 1, __ATOMIC_RELAXED) == 1)
		mem_count(anon ? MC_ANON : MC_MAPPED, -(1L << page_order(pg)));
	atomic_add_relaxed(rss_of(v, anon), huge ? -(s64)HUGE_FRAMES : -1);
}

/* --- walks, for the page cache --- */

void
mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool cow)
{
	struct interval_node *n;

	rwlock_read_lock(&m->rmap_lock);
	interval_for_each(n, &m->vmas, first, last) {
		struct vma *v = container_of(n, struct vma, rmap);
		vaddr_t start = v->start + ((MAX(first, n->start) - n->start) << PAGE_SHIFT);
		vaddr_t end = v->start + ((MIN(last, n->last) - n->start + 1) << PAGE_SHIFT);

		/* Cannot fail: file memory has no huge leaves. */
		(void)zap_range(v, start, end, cow ? 0 : ZAP_KEEP_ANON);
	}
	rwlock_read_unlock(&m->rmap_lock);
}

/* The entry of v that maps pg, locked, or NULL. */
static pte_t *
lock_entry(struct vma *v, struct page *pg, vaddr_t *va, struct spinlock **lock)
{
	bool huge;
	pte_t *pte, e;

	*va = v->start + ((pg->index - v->rmap.start) << PAGE_SHIFT);
	pte = arch_pte_find(&v->as->arch, *va, lock, &huge);
	if (pte == NULL || huge)
		return NULL;
	spin_lock(*lock);
	e = arch_pte_read(pte);
	if (arch_pte_present(e) && !pte_special(e) && arch_pte_pfn(e) == page_to_pfn(pg))
		return pte;
	spin_unlock(*lock);
	return NULL;
}

static void
protect_in_vma(struct vma *v, struct page *pg)
{
	struct spinlock *lock;
	vaddr_t va;
	pte_t *pte = lock_entry(v, pg, &va, &lock), e;
	bool changed;

	if (pte == NULL)
		return;
	e = arch_pte_read(pte);
	changed = arch_pte_writable(e) || arch_pte_dirty(e);
	if (changed) {
		e = arch_pte_xchg(pte, 0);
		arch_pte_write(pte, arch_pte_clear_dirty(arch_pte_wrprotect(e)));
	}
	spin_unlock(lock);
	if (changed)
		arch_tlb_flush_page(&v->as->arch, va);
}

/* Clearing the accessed bit needs no flush: a CPU that has the entry in its TLB may count as not having used it. */
u32
mapping_page_referenced(struct mapping *m, struct page *pg, u32 *vm_flags)
{
	struct interval_node *n;
	u32 referenced = 0;

	*vm_flags = 0;
	if (atomic_load_relaxed(&pg->mapcount) == 0)
		return 0;
	if (!rwlock_try_read_lock(&m->rmap_lock))
		return 1;		/* busy: take it for used */
	interval_for_each(n, &m->vmas, pg->index, pg->index) {
		struct vma *v = container_of(n, struct vma, rmap);
		struct spinlock *lock;
		vaddr_t va;
		pte_t *pte = lock_entry(v, pg, &va, &lock), e;

		if (pte == NULL)
			continue;
		*vm_flags |= (v->flags & ~(u32)VM_MAYEXEC) | (v->prot & PROT_EXEC ? VM_MAYEXEC : 0);
		e = arch_pte_read(pte);
		while (arch_pte_accessed(e) && !atomic_try_cas(pte, &e, arch_pte_clear_accessed(e)))
			;
		referenced += arch_pte_accessed(e);
		spin_unlock(lock);
	}
	rwlock_read_unlock(&m->rmap_lock);
	return referenced;
}

bool
mapping_unmap_page(struct mapping *m, struct page *pg)
{
	struct interval_node *n;

	if (atomic_load_relaxed(&pg->mapcount) == 0)
		return true;
	if (!rwlock_try_read_lock(&m->rmap_lock))
		return false;
	interval_for_each(n, &m->vmas, pg->index, pg->index) {
		struct vma *v = container_of(n, struct vma, rmap);
		struct spinlock *lock;
		vaddr_t va;
		pte_t *pte = lock_entry(v, pg, &va, &lock);

		if (pte == NULL)
			continue;
		arch_pte_xchg(pte, 0);
		page_unmap_count(v, pg, false, false);
		spin_unlock(lock);
		arch_tlb_flush_page(&v->as->arch, va);
		page_put(pg);		/* the entry's: the caller has one */
	}
	rwlock_read_unlock(&m->rmap_lock);
	return atomic_load_relaxed(&pg->mapcount) == 0;
}

void
mapping_protect_page(struct mapping *m, struct page *pg)
{
	struct interval_node *n;

	if (atomic_load_relaxed(&pg->mapcount) == 0)
		return;
	rwlock_read_lock(&m->rmap_lock);
	interval_for_each(n, &m->vmas, pg->index, pg->index) {
		struct vma *v = container_of(n, struct vma, rmap);

		if (v->flags & VM_SHARED)
			protect_in_vma(v, pg);
	}
	rwlock_read_unlock(&m->rmap_lock);
}
