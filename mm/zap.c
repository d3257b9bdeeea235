/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking the entries of a range, and unmapping it. Frames are given back only when no CPU can have them in its TLB: they
 * are gathered, the range is flushed once for the batch, then they are put.
 *
 * Until the flush a CPU may store through its TLB to a page of a file. Write-back that comes in between finds no entry to take the right
 * to write from, so what could be written to is dirty anew after the flush.
 */
#include "mm/vma.h"

#include "sys/abi/errno.h"
#include "sys/panic.h"

bool
span_next(struct aspace *as, vaddr_t from, vaddr_t end, struct span *s)
{
	while (from < end) {
		from = arch_pte_next(&as->arch, from, end);
		if (from >= end)
			return false;
		s->va = from;
		s->end = MIN(end, ALIGN_DOWN(from, HUGE_PAGE_SIZE) + HUGE_PAGE_SIZE);
		s->pte = arch_pte_find(&as->arch, from, &s->lock, &s->huge);
		if (s->pte != NULL) {
			spin_lock(s->lock);
			if (!s->huge || arch_pte_huge(arch_pte_read(s->pte)))
				return true;
			spin_unlock(s->lock);	/* split or gone meanwhile: look again */
			if (!arch_pte_none(arch_pte_read(s->pte)))
				continue;
		}
		from = s->end;
	}
	return false;
}

#define BATCH	64

struct gather {
	struct page *pages[BATCH];
	u64 dirty;		/* bit i: a file's page i, by an entry that was dirty */
	u32 count;
	vaddr_t lo, hi;		/* what must be flushed */
};

static void
gather_flush(struct vma *v, struct gather *g)
{
	if (g->lo < g->hi)
		arch_tlb_flush_range(&v->as->arch, g->lo, g->hi);
	for (u32 i = 0; i < g->count; i++) {
		if (g->dirty >> i & 1)
			mapping_dirty(v->mapping, g->pages[i]);		/* unless it has left the file */
		page_put(g->pages[i]);
	}
	g->count = 0;
	g->dirty = 0;
	g->lo = UINT64_MAX;
	g->hi = 0;
}

static void
note_peak(struct aspace *as)
{
	u64 rss = aspace_rss(as), peak = atomic_load_relaxed(&as->hiwater_rss);

	while (rss > peak && !atomic_try_cas(&as->hiwater_rss, &peak, rss))
		;
}

/* One entry. Returns the frame to put, or NULL. *dirty: a store may have gone by it to a page of a file, and still may. */
static struct page *
zap_entry(struct vma *v, pte_t *pte, bool huge, int how, bool *dirty)
{
	pte_t e = arch_pte_read(pte);
	struct page *pg;
	bool anon;

	if (!arch_pte_present(e) || pte_special(e)) {
		arch_pte_write(pte, 0);
		return NULL;
	}
	pg = pfn_to_page(arch_pte_pfn(e));
	anon = page_flag(page_head(pg), PG_ANON);
	if (anon && (how & ZAP_KEEP_ANON))
		return NULL;
	e = arch_pte_xchg(pte, 0);
	*dirty = !anon && v->mapping != NULL && !(v->mapping->flags & MAPPING_MEMORY) && arch_pte_dirty(e);
	page_unmap_count(v, pg, anon, huge);
	return pg;
}

/* Entries of the locked span, until the batch is full. Returns where it stopped. */
static vaddr_t
zap_span(struct vma *v, struct span *s, struct gather *g, int how)
{
	u64 step = s->huge ? HUGE_PAGE_SIZE : PAGE_SIZE;
	vaddr_t va = s->va;

	for (pte_t *pte = s->pte; va < s->end && g->count < BATCH; va += step, pte++) {
		struct page *pg;
		bool dirty;

		if (arch_pte_none(arch_pte_read(pte)))
			continue;
		pg = zap_entry(v, pte, s->huge, how, &dirty);
		if (pg != NULL) {
			g->dirty |= (u64)dirty << g->count;
			g->pages[g->count++] = page_head(pg);
		}
		g->lo = MIN(g->lo, va);
		g->hi = MAX(g->hi, va + step);
	}
	return MIN(va, s->end);
}

int
zap_range(struct vma *v, vaddr_t start, vaddr_t end, int how)
{
	struct gather g = { .lo = UINT64_MAX };
	struct span s;
	int err = 0;

	note_peak(v->as);
	while (start < end && span_next(v->as, start, end, &s)) {
		if (s.huge && s.end - s.va != HUGE_PAGE_SIZE) {
			spin_unlock(s.lock);
			err = huge_split(v, s.va);
			if (err != 0)
				break;
			start = s.va;
			continue;
		}
		start = zap_span(v, &s, &g, how);
		spin_unlock(s.lock);
		if (g.count == BATCH)
			gather_flush(v, &g);
	}
	gather_flush(v, &g);
	return err;
}
