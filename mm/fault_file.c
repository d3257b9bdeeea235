/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory filled from the page cache, or by a VMA's own ops.
 *
 * The mapping's inval_lock is held shared until the entry stands: a truncation waits for that, and then unmaps it. A read fault
 * maps what the cache has of the neighbourhood too. Pages of shared mappings are mapped read-only first: the write that
 * follows makes the page dirty and the entry writable under the page lock, and write-back takes the right to write away
 * again (mapping_protect_page). Memory without a store behind it (tmpfs, shared anonymous) skips that.
 */
#include "arch/trap.h"
#include "mm/vma.h"
#include "sys/abi/errno.h"
#include "sys/file.h"
#include "sys/panic.h"

#define AROUND_PAGES	16UL

u64
vma_file_pages(const struct vma *v)
{
	struct mapping *m = v->mapping;
	off_t size;

	if (v->shared != NULL)
		return v->shared->pages;
	if (m->ops == NULL || m->ops->size == NULL)
		return UINT64_MAX;
	size = m->ops->size(m);
	return size > 0 ? DIV_ROUND_UP((u64)size, PAGE_SIZE) : 0;
}

/* The entry for pg, if there is none yet. Takes the caller's reference. */
static int
install_file(struct fault *f, struct page *pg, bool writable)
{
	struct spinlock *lock;
	pte_t *pte, e;
	int err;

	err = arch_pte_alloc(&f->as->arch, f->va, 0, &pte, &lock);
	if (err != 0) {
		page_put(pg);
		return err;
	}
	e = arch_pte_mkaccessed(arch_pte_make(page_to_pfn(pg), vma_prot_bits(f->v) & (writable ? ~0 : ~PROT_BIT_WRITE)));
	spin_lock(lock);
	if (arch_pte_none(arch_pte_read(pte))) {
		page_map_count(f->v, pg, false, false);
		arch_pte_write(pte, f->write && writable ? arch_pte_mkdirty(e) : e);
		pg = NULL;
	}
	spin_unlock(lock);
	if (pg != NULL)
		page_put(pg);
	return 0;
}

/* --- fault-around --- */

/* Cached pages of the window around f, which lies in the VMA, in the file and under one table: page i is for va + i pages. */
static u32
collect_window(struct fault *f, u64 file_pages, vaddr_t *first, struct page *pages[AROUND_PAGES])
{
	vaddr_t start = MAX(ALIGN_DOWN(f->va, AROUND_PAGES * PAGE_SIZE), f->v->start);
	vaddr_t end = MIN(ALIGN_DOWN(f->va, AROUND_PAGES * PAGE_SIZE) + AROUND_PAGES * PAGE_SIZE, f->v->end);
	u32 n = 0;

	*first = start;
	for (vaddr_t va = start; va < end; va += PAGE_SIZE, n++) {
		u64 index = vma_index(f->v, va);

		pages[n] = index < file_pages ? mapping_find(f->v->mapping, index) : NULL;
		if (pages[n] != NULL && (!page_flag(pages[n], PG_UPTODATE) || page_flag(pages[n], PG_READAHEAD))) {
			page_put(pages[n]);
			pages[n] = NULL;
		}
	}
	return n;
}

/* Map what is in the cache around f, read-only. 1: f's own page is mapped now; 0: it is not. */
static int
fault_around(struct fault *f, u64 file_pages)
{
	struct page *pages[AROUND_PAGES];
	struct spinlock *lock;
	vaddr_t first;
	pte_t *pte;
	int err, done = 0;
	u32 n;

	n = collect_window(f, file_pages, &first, pages);
	err = arch_pte_alloc(&f->as->arch, first, 0, &pte, &lock);
	if (err == 0) {
		spin_lock(lock);
		for (u32 i = 0; i < n; i++) {
			bool mine = first + i * PAGE_SIZE == f->va;
			pte_t e;

			if (pages[i] == NULL)
				continue;
			done |= mine;
			if (!arch_pte_none(arch_pte_read(pte + i)))
				continue;
			e = arch_pte_make(page_to_pfn(pages[i]), vma_prot_bits(f->v) & ~PROT_BIT_WRITE);
			page_map_count(f->v, pages[i], false, false);
			arch_pte_write(pte + i, mine ? arch_pte_mkaccessed(e) : e);
			pages[i] = NULL;
		}
		spin_unlock(lock);
	}
	for (u32 i = 0; i < n; i++)
		if (pages[i] != NULL)
			page_put(pages[i]);
	return err != 0 ? err : done;
}

/* --- faults --- */

/* Lock the page of a shared mapping and make it fit for writing. -EAGAIN: it has left the file. */
static int
begin_write(struct mapping *m, struct page *pg)
{
	int err = 0;

	page_lock(pg);
	if (pg->mapping != m) {
		page_unlock(pg);
		return -EAGAIN;
	}
	if (m->flags & MAPPING_STABLE)
		page_wait_writeback(pg);
	if (m->ops != NULL && m->ops->page_mkwrite != NULL) {
		err = m->ops->page_mkwrite(m, pg);
		if (err != 0)
			return err;
	}
	mapping_dirty(m, pg);
	return 0;
}

static int
map_cached(struct fault *f, struct page *pg)
{
	struct mapping *m = f->v->mapping;
	bool shared = f->v->flags & VM_SHARED;
	int err;

	if (f->write && !shared) {
		err = fault_install_copy(f, pg, 0);
		page_put(pg);
		return err;
	}
	if (!shared || !(f->v->prot & PROT_WRITE) || (!f->write && !(m->flags & MAPPING_MEMORY)))
		return install_file(f, pg, false);
	page_get(pg);
	err = begin_write(m, pg);
	if (err == 0) {
		err = install_file(f, pg, true);
		page_unlock(pg);
	} else {
		page_put(pg);
		if (err == -EAGAIN)
			err = 0;	/* fault again */
	}
	page_put(pg);
	return err;
}

/* f's page, uptodate: from the cache, or read in with others around it. */
static int
get_page(struct fault *f, struct page **out)
{
	struct mapping *m = f->v->mapping;
	struct page *pg = mapping_find(m, f->index);
	struct file *file = f->v->file;

	if (likely(pg != NULL && page_flag(pg, PG_UPTODATE) && !page_flag(pg, PG_READAHEAD))) {
		*out = pg;
		return 0;
	}
	if (pg != NULL)
		page_put(pg);
	if (!(m->flags & MAPPING_MEMORY) && !(f->v->flags & VM_RANDREAD))
		readahead_fault(m, file != NULL ? &file->ra : NULL, f->index, f->v->flags & VM_SEQREAD);
	f->major = !(m->flags & MAPPING_MEMORY) && pg == NULL;
	return mapping_read_killable(m, f->index, out);
}

/* A write to a shared mapping succeeded so far; no lock of the mapping is held. */
static void
note_write(struct fault *f, struct mapping *m)
{
	if (m->ops != NULL && m->ops->written != NULL && (f->v->prot & PROT_WRITE))
		m->ops->written(m);
}

int
fault_file(struct fault *f)
{
	struct mapping *m = f->v->mapping;
	struct spinlock *lock;
	struct page *pg;
	u64 pages;
	pte_t *pte;
	int err;

	/* The table first: the page lock is no place for large allocations. */
	err = arch_pte_alloc(&f->as->arch, f->va, 0, &pte, &lock);
	if (err != 0)
		return err;
	rwlock_read_lock(&m->inval_lock);
	pages = vma_file_pages(f->v);
	if (f->index >= pages) {
		err = -ENXIO;
		goto out_unlock;
	}
	if (!f->write) {
		err = fault_around(f, pages);
		if (err != 0) {
			err = MIN(err, 0);
			goto out_unlock;
		}
	}
	err = get_page(f, &pg);
	if (err == 0)
		err = map_cached(f, pg);
out_unlock:
	rwlock_read_unlock(&m->inval_lock);
	if (err == 0 && f->write && (f->v->flags & VM_SHARED))
		note_write(f, m);
	return err;
}

int
fault_shared_write(struct fault *f, pte_t *pte, struct spinlock *lock, pte_t e)
{
	struct page *pg = pfn_to_page(arch_pte_pfn(e));
	struct mapping *m = f->v->mapping;
	int err;

	if (m == NULL) {	/* a page of the VMA's ops: nothing keeps track of writes to it */
		if (f->v->prot & PROT_WRITE)
			arch_pte_write(pte, arch_pte_mkdirty(arch_pte_mkwrite(e)));
		spin_unlock(lock);
		return 0;
	}
	page_get(pg);
	spin_unlock(lock);
	rwlock_read_lock(&m->inval_lock);
	err = begin_write(m, pg);
	if (err == 0) {
		spin_lock(lock);
		e = arch_pte_read(pte);
		if (arch_pte_present(e) && arch_pte_pfn(e) == page_to_pfn(pg) && (f->v->prot & PROT_WRITE))
			arch_pte_write(pte, arch_pte_mkdirty(arch_pte_mkwrite(e)));
		spin_unlock(lock);
		page_unlock(pg);
	}
	rwlock_read_unlock(&m->inval_lock);
	page_put(pg);
	if (err == 0)
		note_write(f, m);
	return err == -EAGAIN ? 0 : err;
}

/* --- VMAs with ops of their own --- */

static int
install_pfn(struct fault *f, pfn_t pfn)
{
	bool writable = f->v->flags & VM_SHARED;
	struct spinlock *lock;
	pte_t *pte;
	int err;

	err = arch_pte_alloc(&f->as->arch, f->va, 0, &pte, &lock);
	if (err != 0)
		return err;
	spin_lock(lock);
	if (arch_pte_none(arch_pte_read(pte)))
		arch_pte_write(pte, arch_pte_mksoft(arch_pte_mkaccessed(arch_pte_make(pfn,
			vma_prot_bits(f->v) & (writable ? ~0 : ~PROT_BIT_WRITE)))));
	spin_unlock(lock);
	return 0;
}

int
fault_special(struct fault *f)
{
	struct page *pg = NULL;
	pfn_t pfn = 0;
	int r = f->v->ops->fault(f->v, f->index, f->write, &pg, &pfn);

	if (r < 0)
		return r;
	if (r == 1)
		return install_pfn(f, pfn);
	if (f->write && !(f->v->flags & VM_SHARED)) {
		r = fault_install_copy(f, pg, 0);
		page_put(pg);
		return r;
	}
	return install_file(f, pg, f->v->flags & VM_SHARED);
}

int
vma_map_pfns(struct vma *v, pfn_t pfn, u64 pages, int caching)
{
	int prot = vma_prot_bits(v) | caching;

	if (pages > vma_pages(v))
		return -EINVAL;
	if (!(v->flags & VM_SHARED))
		prot &= ~PROT_BIT_WRITE;	/* there are no private copies of device memory */
	v->flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	for (u64 i = 0; i < pages; i++) {
		struct spinlock *lock;
		pte_t *pte;
		int err = arch_pte_alloc(&v->as->arch, v->start + i * PAGE_SIZE, 0, &pte, &lock);

		if (err != 0) {
			(void)zap_range(v, v->start, v->end, 0);
			return err;
		}
		spin_lock(lock);
		arch_pte_write(pte, arch_pte_mksoft(arch_pte_make(pfn + i, prot)));
		spin_unlock(lock);
	}
	return 0;
}
