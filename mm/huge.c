/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 2 MiB pages of anonymous memory. A huge leaf maps a whole compound page and holds one reference of its head. When a part
 * of it must be treated by itself (unmapped, protected, copied on write), the leaf is split into a table of small ones, each with
 * a reference of the head; and where nobody else has the compound page, it falls into 512 single pages, so that each can be
 * freed or taken over alone.
 */
#include "mm/vma.h"

#include "sys/abi/errno.h"
#include "sys/panic.h"

bool
huge_fits(const struct vma *v, vaddr_t va)
{
	vaddr_t base = ALIGN_DOWN(va, HUGE_PAGE_SIZE);

	return base >= v->start && v->end - base >= HUGE_PAGE_SIZE && base < v->end && !(v->flags & (VM_NOHUGEPAGE | VM_GROWSDOWN));
}

/* Under the lock of the table whose entries map all of head, and nobody else does: 512 pages with one reference each. */
static void
break_up(struct page *head)
{
	u32 flags = atomic_load_relaxed(&head->flags) & (u32)(BIT(PG_ANON) | BIT(PG_SWAPBACKED) | BIT(PG_UPTODATE));

	for (u64 i = HUGE_FRAMES; i-- > 0;) {
		struct page *pg = head + i;

		if (i != 0) {
			pg->mapping = head->mapping;
			pg->index = head->index + i;
			pg->private = NULL;
			pg->lru.next = pg->lru.prev = &pg->lru;
		}
		pg->mapcount = 1;
		refcount_init(&pg->refs, 1);
		atomic_store_release(&pg->flags, flags);
	}
}

static void
try_break_up(struct vma *v, vaddr_t base, struct page *head)
{
	struct spinlock *lock;
	bool huge;
	pte_t *pte = arch_pte_find(&v->as->arch, base, &lock, &huge);
	u64 ours = 0;

	if (pte == NULL || huge)
		return;
	spin_lock(lock);
	while (ours < HUGE_FRAMES) {
		pte_t e = arch_pte_read(pte + ours);

		if (!arch_pte_present(e) || arch_pte_pfn(e) != page_to_pfn(head) + ours)
			break;
		ours++;
	}
	if (ours == HUGE_FRAMES && refcount_read(&head->refs) == (s32)HUGE_FRAMES && head->mapcount == (s32)HUGE_FRAMES)
		break_up(head);
	spin_unlock(lock);
}

/* Somebody else split the leaf first, or unmapped it: give back what was counted for our split. */
static void
undo_counts(struct page *head)
{
	if (__atomic_sub_fetch(&head->mapcount, (s32)HUGE_FRAMES - 1, __ATOMIC_RELAXED) == 0)
		mem_count(MC_ANON, -(s64)HUGE_FRAMES);
	for (u64 i = 0; i < HUGE_FRAMES - 1; i++)
		page_put(head);
}

int
huge_split(struct vma *v, vaddr_t va)
{
	vaddr_t base = ALIGN_DOWN(va, HUGE_PAGE_SIZE);
	struct aspace *as = v->as;
	struct spinlock *lock;
	struct page *head;
	bool huge;
	pte_t *pte, e;
	int err;

	pte = arch_pte_find(&as->arch, base, &lock, &huge);
	if (pte == NULL || !huge)
		return 0;
	spin_lock(lock);
	e = arch_pte_read(pte);
	if (!arch_pte_huge(e)) {
		spin_unlock(lock);
		return 0;
	}
	/* The counts first: too high for a moment makes others copy, too low would make them take what is not theirs. */
	head = pfn_to_page(arch_pte_pfn(e));
	__atomic_fetch_add(&head->refs.n, (s32)HUGE_FRAMES - 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&head->mapcount, (s32)HUGE_FRAMES - 1, __ATOMIC_RELAXED);
	spin_unlock(lock);
	err = arch_pte_split(&as->arch, base);
	if (err != 0) {
		undo_counts(head);
		return err < 0 ? err : 0;
	}
	arch_tlb_flush_range(&as->arch, base, base + HUGE_PAGE_SIZE);
	try_break_up(v, base, head);
	return 0;
}
