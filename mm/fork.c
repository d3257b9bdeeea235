/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork(2)'s copy of an address space. The VMAs are copied; entries only where faults could not bring them back (anonymous
 * pages, device memory): both sides then share the frame, write-protected, with a reference each.
 *
 * The source is locked against layout changes as a whole, and each VMA against faults while it is copied. Other threads go on
 * writing through stale TLB entries until the flush; so it comes before the VMA's faults do, which may copy those pages.
 */
#include "mm/vma.h"

#include "mm/overcommit.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/file.h"

/* What the child's entry is, and the parent's from now on. Lock held. */
static pte_t
share_entry(struct vma *to, pte_t *pte, bool huge)
{
	pte_t e = arch_pte_read(pte);
	struct page *pg;

	if (!arch_pte_present(e) || pte_special(e))
		return e;
	if (arch_pte_writable(e) && !(to->flags & VM_SHARED)) {
		e = arch_pte_wrprotect(arch_pte_xchg(pte, arch_pte_wrprotect(e)));
		arch_pte_write(pte, e);
	}
	pg = pfn_to_page(arch_pte_pfn(e));
	page_get(pg);
	page_map_count(to, pg, page_flag(page_head(pg), PG_ANON), huge);
	return e;
}

/* The next table of the source, from va on. Returns where it ends, or -errno in *err. */
static vaddr_t
copy_table(struct vma *from, struct vma *to, vaddr_t va, int *err)
{
	vaddr_t end = MIN(from->end, ALIGN_DOWN(va, HUGE_PAGE_SIZE) + HUGE_PAGE_SIZE);
	struct spinlock *slock, *dlock;
	pte_t *src, *dst;
	bool huge;

	src = arch_pte_find(&from->as->arch, va, &slock, &huge);
	if (src == NULL)
		return end;
	/* The child's table first: it may sleep. The source cannot change its kind meanwhile, faults are locked out. */
	*err = arch_pte_alloc(&to->as->arch, va, huge ? ARCH_PT_HUGE : 0, &dst, &dlock);
	if (*err != 0)
		return end;
	spin_lock(slock);
	spin_lock_nested(dlock);	/* the child's: nobody else has it */
	if (huge) {
		arch_pte_write(dst, share_entry(to, src, true));
	} else {
		for (; va < end; va += PAGE_SIZE, src++, dst++)
			if (!arch_pte_none(arch_pte_read(src)))
				arch_pte_write(dst, share_entry(to, src, false));
	}
	spin_unlock(dlock);
	spin_unlock(slock);
	return end;
}

static int
copy_entries(struct vma *from, struct vma *to)
{
	vaddr_t va = from->start;
	int err = 0;

	while (err == 0 && (va = arch_pte_next(&from->as->arch, va, from->end)) < from->end)
		va = copy_table(from, to, va, &err);
	return err;
}

static int
charge_copy(struct vma *n)
{
	int err;

	if (!(n->flags & VM_ACCOUNT))
		return 0;
	err = overcommit_charge(vma_pages(n), capable(CAP_SYS_ADMIN));
	if (err != 0)
		n->flags &= ~(u32)VM_ACCOUNT;
	return err;
}

/* v is locked for writing. */
static int
fork_vma(struct vma *v, struct aspace *as)
{
	struct vma *n = vma_clone(v, as);
	int err;

	if (n == NULL)
		return -ENOMEM;
	err = charge_copy(n);
	if (err != 0) {
		vma_drop(n);
		return err;
	}
	n->flags &= ~(u32)VM_LOCKED;
	if (v->anon != NULL && !(v->flags & VM_WIPEONFORK))
		anon_link(n, v->anon);
	if (n->ops != NULL && n->ops->open != NULL)
		n->ops->open(n);
	aspace_count(as, n, (s64)vma_pages(n));
	vma_link(n);
	if (v->flags & VM_WIPEONFORK)
		return 0;
	return v->anon != NULL || (v->flags & VM_PFNMAP) ? copy_entries(v, n) : 0;
}

static void
copy_fields(struct aspace *src, struct aspace *as)
{
	as->mmap_base = src->mmap_base;
	as->brk_start = src->brk_start;
	as->brk = src->brk;
	as->code_start = src->code_start;
	as->code_end = src->code_end;
	as->data_start = src->data_start;
	as->data_end = src->data_end;
	as->stack_start = src->stack_start;
	as->arg_start = src->arg_start;
	as->arg_end = src->arg_end;
	as->env_start = src->env_start;
	as->env_end = src->env_end;
	as->vdso = src->vdso;
	for (u32 i = 0; i < ARRAY_SIZE(as->auxv); i++)
		as->auxv[i] = src->auxv[i];
	as->dumpable = src->dumpable;
	as->membarrier = atomic_load_relaxed(&src->membarrier);
	as->exe = src->exe;
	if (as->exe != NULL)
		file_get(as->exe);
}

int
aspace_fork(struct aspace *src, struct aspace **out)
{
	bool alone = refcount_read(&src->users) == 1;	/* then nobody faults meanwhile: one flush at the end will do */
	struct aspace *as;
	int err = aspace_create(&as);

	if (err != 0)
		return err;
	err = rwlock_write_lock_killable(&src->lock);
	if (err != 0) {
		aspace_put_user(as);
		return err;
	}
	copy_fields(src, as);
	rwlock_write_lock_nested(&as->lock);	/* nobody knows it yet */
	for (struct vma *v = vma_find(src, 0); v != NULL && err == 0; v = vma_next(v)) {
		if (v->flags & VM_DONTCOPY)
			continue;
		rwlock_write_lock(&v->lock);
		err = fork_vma(v, as);
		if (!alone && v->anon != NULL)
			arch_tlb_flush_range(&src->arch, v->start, v->end);
		rwlock_write_unlock(&v->lock);
	}
	rwlock_write_unlock(&as->lock);
	if (alone)
		arch_tlb_flush_range(&src->arch, 0, ARCH_USER_MAX);
	rwlock_write_unlock(&src->lock);
	if (err != 0) {
		aspace_put_user(as);
		return err;
	}
	*out = as;
	return 0;
}
