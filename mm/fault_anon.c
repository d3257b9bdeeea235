/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anonymous memory: demand zero, huge pages, and copy on write.
 *
 * Reading untouched memory maps the one zero page. A write to a page that only this entry holds (one reference: no other
 * space, no I/O) makes it writable in place; else it is copied.
 */
#include "arch/trap.h"
#include "mm/vma.h"
#include "mm/zone.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

struct page *zero_page;

static bool
same_entry(pte_t a, pte_t b)
{
	return arch_pte_clear_accessed(arch_pte_clear_dirty(a)) == arch_pte_clear_accessed(arch_pte_clear_dirty(b));
}

static void
mark_anon(struct fault *f, struct page *pg, u64 index)
{
	pg->mapping = f->v->anon;
	pg->index = index;
	atomic_fetch_or(&pg->flags, (u32)(BIT(PG_ANON) | BIT(PG_SWAPBACKED) | BIT(PG_UPTODATE)));
}

/* Put pg, a new page of ours, where `expected` is; its reference goes to the entry. Where the entry is another by now, the
 * page is dropped: the fault was resolved. */
static int
install_anon(struct fault *f, struct page *pg, pte_t expected)
{
	struct page *old = NULL;
	struct spinlock *lock;
	bool old_anon = false;
	pte_t *pte, e;
	int err;

	err = arch_pte_alloc(&f->as->arch, f->va, 0, &pte, &lock);
	if (err != 0) {
		page_put(pg);
		return err == -EEXIST ? 0 : err;
	}
	mark_anon(f, pg, f->index);
	e = arch_pte_mkaccessed(arch_pte_make(page_to_pfn(pg), vma_prot_bits(f->v)));
	if (f->write && arch_pte_writable(e))
		e = arch_pte_mkdirty(e);
	spin_lock(lock);
	if (!same_entry(arch_pte_read(pte), expected)) {
		spin_unlock(lock);
		page_put(pg);
		return 0;
	}
	page_map_count(f->v, pg, true, false);
	if (!arch_pte_none(expected) && !pte_special(expected)) {
		old = page_head(pfn_to_page(arch_pte_pfn(expected)));
		old_anon = page_flag(old, PG_ANON);
		page_unmap_count(f->v, old, old_anon, false);
	}
	if (!arch_pte_none(expected)) {		/* nobody reads the old page once another can write the new one */
		(void)arch_pte_xchg(pte, 0);
		arch_tlb_flush_page(&f->as->arch, f->va);
	}
	arch_pte_write(pte, e);
	spin_unlock(lock);
	if (old != NULL)
		page_put(old);
	return 0;
}

static int
map_zero_page(struct fault *f)
{
	struct spinlock *lock;
	pte_t *pte;
	int err;

	err = arch_pte_alloc(&f->as->arch, f->va, 0, &pte, &lock);
	if (err != 0)
		return err == -EEXIST ? 0 : err;
	spin_lock(lock);
	if (arch_pte_none(arch_pte_read(pte)))
		arch_pte_write(pte, arch_pte_mksoft(arch_pte_mkaccessed(arch_pte_make(page_to_pfn(zero_page),
			vma_prot_bits(f->v) & ~PROT_BIT_WRITE))));
	spin_unlock(lock);
	return 0;
}

/* A huge page, if the VMA is large enough here and memory is plenty. 1: no, go on with a small one. */
static int
try_huge(struct fault *f)
{
	vaddr_t base = ALIGN_DOWN(f->va, HUGE_PAGE_SIZE);
	struct spinlock *lock;
	struct page *pg;
	pte_t *pte;
	int err;

	if (!huge_fits(f->v, f->va) || (f->flags & FAULT_FORCE) || buddy_free_pages() < buddy_managed_pages() / 4)
		return 1;
	err = arch_pte_alloc(&f->as->arch, base, ARCH_PT_HUGE, &pte, &lock);
	if (err != 0)
		return err == -EEXIST ? 1 : err;
	pg = page_alloc(HUGE_ORDER, KM_ZERO | KM_USER | PA_COMPOUND | PA_NO_RECLAIM | PA_MOVABLE);
	if (pg == NULL)
		return 1;
	mark_anon(f, pg, vma_index(f->v, base));
	spin_lock(lock);
	if (!arch_pte_none(arch_pte_read(pte))) {
		spin_unlock(lock);
		page_put(pg);
		return 1;
	}
	page_map_count(f->v, pg, true, true);
	arch_pte_write(pte, arch_pte_mkdirty(arch_pte_make_huge(page_to_pfn(pg), vma_prot_bits(f->v))));
	spin_unlock(lock);
	return 0;
}

int
fault_anon(struct fault *f)
{
	struct page *pg;
	int err;

	if (!f->write)
		return map_zero_page(f);
	err = anon_prepare(f->v);
	if (err != 0)
		return err;
	err = try_huge(f);
	if (err <= 0)
		return err;
	pg = page_alloc(0, KM_ZERO | KM_USER | PA_MOVABLE);
	if (pg == NULL)
		return -ENOMEM;
	return install_anon(f, pg, 0);
}

/* A private copy of src (NULL: of nothing, zeros) in place of `expected`. */
int
fault_install_copy(struct fault *f, struct page *src, pte_t expected)
{
	struct page *pg;
	int err = anon_prepare(f->v);

	if (err != 0)
		return err;
	pg = page_alloc(0, KM_USER | PA_MOVABLE | (src == NULL ? KM_ZERO : 0));
	if (pg == NULL)
		return -ENOMEM;
	if (src != NULL)
		memcpy(page_address(pg), page_address(src), PAGE_SIZE);
	return install_anon(f, pg, expected);
}

int
fault_cow(struct fault *f, pte_t *pte, struct spinlock *lock, pte_t e)
{
	struct page *pg;
	int err;

	if (pte_special(e)) {
		bool zero = arch_pte_pfn(e) == page_to_pfn(zero_page);

		spin_unlock(lock);
		return zero ? fault_install_copy(f, NULL, e) : -ENXIO;
	}
	pg = pfn_to_page(arch_pte_pfn(e));
	if (page_flag(page_head(pg), PG_ANON) && refcount_read(&page_head(pg)->refs) == 1) {
		if (f->v->prot & PROT_WRITE)
			arch_pte_write(pte, arch_pte_mkdirty(arch_pte_mkwrite(e)));
		spin_unlock(lock);
		return 0;
	}
	page_get(pg);
	spin_unlock(lock);
	err = fault_install_copy(f, pg, e);
	page_put(pg);
	return err;
}
