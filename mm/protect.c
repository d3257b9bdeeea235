/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mprotect(2). Entries never get a right to write here that they must earn by a fault (copy on write, dirty tracking), but
 * where it is plain that the fault would give it: a private page that nobody else holds.
 */
#include "mm/vma.h"

#include "mm/overcommit.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/cred.h"

static bool
may_stay_writable(const struct vma *v, pte_t e)
{
	if (arch_pte_writable(e))
		return true;
	if (pte_special(e))
		return v->flags & VM_SHARED;
	if (v->flags & VM_SHARED)
		return false;
	return page_flag(page_head(pfn_to_page(arch_pte_pfn(e))), PG_ANON) &&
		refcount_read(&page_head(pfn_to_page(arch_pte_pfn(e)))->refs) == 1;
}

/* Entries of v, all of it, to its (new) protection. v locked for writing. */
static void
protect_entries(struct vma *v)
{
	vaddr_t va = v->start;
	struct span s;
	bool any = false;

	while (va < v->end && span_next(v->as, va, v->end, &s)) {
		u64 step = s.huge ? HUGE_PAGE_SIZE : PAGE_SIZE;

		for (pte_t *pte = s.pte; s.va < s.end; s.va += step, pte++) {
			pte_t e = arch_pte_read(pte);
			int prot = vma_prot_bits(v);

			if (!arch_pte_present(e))
				continue;
			if (!may_stay_writable(v, e))
				prot &= ~PROT_BIT_WRITE;
			e = arch_pte_xchg(pte, 0);
			arch_pte_write(pte, arch_pte_with_prot(e, prot));
			any = true;
		}
		spin_unlock(s.lock);
		va = s.end;
	}
	if (any)
		arch_tlb_flush_range(&v->as->arch, v->start, v->end);
}

/* Private memory that can be written from now on is a promise. */
static int
charge_writable(struct vma *v, u32 prot, u32 *flags)
{
	int err;

	if (!(prot & PROT_WRITE) || (v->flags & (VM_SHARED | VM_NORESERVE | VM_ACCOUNT)))
		return 0;
	err = overcommit_charge(vma_pages(v), capable(CAP_SYS_ADMIN));
	if (err == 0)
		*flags |= VM_ACCOUNT;
	return err;
}

static int
protect_vma(struct vma *v, u32 prot)
{
	u32 flags = v->flags;
	int err;

	if ((prot & PROT_WRITE) && !(v->prot & PROT_WRITE) && !(v->flags & VM_SHARED)) {
		if (!(flags & VM_GROWSDOWN) && v->as->data_pages + vma_pages(v) > rlimit_current(RLIMIT_DATA) >> PAGE_SHIFT)
			return -ENOMEM;
		err = charge_writable(v, prot, &flags);
		if (err != 0)
			return err;
	}
	rwlock_write_lock(&v->lock);
	vma_set_access(v, prot, flags);
	protect_entries(v);
	rwlock_write_unlock(&v->lock);
	return 0;
}

static bool
prot_allowed(const struct vma *v, u32 prot)
{
	return !((prot & PROT_READ) && !(v->flags & VM_MAYREAD)) && !((prot & PROT_WRITE) && !(v->flags & VM_MAYWRITE)) &&
		!((prot & PROT_EXEC) && !(v->flags & VM_MAYEXEC));
}

/* Linux goes VMA by VMA and stops at the first that fails, leaving those before changed. */
static int
protect_locked(struct aspace *as, vaddr_t start, vaddr_t end, u32 prot)
{
	struct vma *v = vma_find(as, start);
	int err;

	while (start < end) {
		if (v == NULL || v->start > start)
			return -ENOMEM;
		if (!prot_allowed(v, prot))
			return -EACCES;
		if (v->prot != prot) {
			err = vma_split_range(as, start, MIN(end, v->end));
			if (err != 0)
				return err;
			v = vma_find(as, start);
			err = protect_vma(v, prot);
			if (err != 0)
				return err;
			v = vma_merge(v);
		}
		start = v->end;
		v = vma_next(v);
	}
	return 0;
}

int
aspace_mprotect(struct aspace *as, vaddr_t addr, u64 len, u32 prot)
{
	bool down = prot & PROT_GROWSDOWN;
	vaddr_t end;
	struct vma *v;
	int err;

	if ((prot & PROT_GROWSDOWN) && (prot & PROT_GROWSUP))
		return -EINVAL;
	prot &= ~(u32)(PROT_GROWSDOWN | PROT_GROWSUP);
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (len == 0)
		return 0;
	end = addr + ALIGN_UP(len, PAGE_SIZE);
	if (end <= addr)
		return -ENOMEM;
	if (prot & ~(u32)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	err = rwlock_write_lock_killable(&as->lock);
	if (err != 0)
		return err;
	v = vma_find(as, addr);
	if (down && v != NULL && v->start < end) {
		if (v->flags & VM_GROWSDOWN)
			addr = v->start;
		else
			err = -EINVAL;
	}
	if (err == 0)
		err = protect_locked(as, addr, end, prot);
	rwlock_write_unlock(&as->lock);
	return err;
}
