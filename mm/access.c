/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing another space's memory: exec fills the new stack, debuggers and /proc/PID/mem look in. The page is
 * faulted in and held, then copied through the direct map.
 */
#include "arch/trap.h"
#include "mm/vma.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

#define FAULT_TRIES	16

/* May the entry's frame be used as it is? */
static bool
usable(const struct vma *v, pte_t e, int flags)
{
	struct page *head;

	if (!arch_pte_present(e) || (v->flags & VM_IO) || (v->prot == PROT_NONE && !(flags & FAULT_FORCE)))
		return false;
	if (!(flags & FAULT_WRITE) || arch_pte_writable(e))
		return true;
	if (!(flags & FAULT_FORCE) || (v->flags & VM_SHARED) || pte_special(e))
		return false;
	head = page_head(pfn_to_page(arch_pte_pfn(e)));
	return page_flag(head, PG_ANON) && refcount_read(&head->refs) == 1;
}

/* The frame at va with a reference, or NULL. */
static struct page *
hold_mapped(struct aspace *as, vaddr_t va, int flags)
{
	struct vma *v = vma_find_locked(as, va);
	struct page *pg = NULL;
	struct spinlock *lock;
	bool huge;
	pte_t *pte, e;

	if (v == NULL)
		return NULL;
	pte = arch_pte_find(&as->arch, va, &lock, &huge);
	if (pte != NULL) {
		spin_lock(lock);
		e = arch_pte_read(pte);
		if (usable(v, e, flags) && huge == arch_pte_huge(e)) {
			pg = pfn_to_page(arch_pte_pfn(e) + (huge ? va % HUGE_PAGE_SIZE >> PAGE_SHIFT : 0));
			page_get(pg);
		}
		spin_unlock(lock);
	}
	vma_unlock(v);
	return pg;
}

struct page *
aspace_hold_page(struct aspace *as, vaddr_t va, int flags)
{
	for (int i = 0; i < FAULT_TRIES; i++) {
		struct page *pg = hold_mapped(as, va, flags);

		if (pg != NULL)
			return pg;
		if (fault_handle(as, va, flags) != 0)
			return NULL;
	}
	return NULL;
}

vaddr_t
aspace_next_mapped(struct aspace *as, vaddr_t va, vaddr_t end)
{
	rwlock_read_lock(&as->lock);		/* tables stay */
	va = arch_pte_next(&as->arch, va, end);
	rwlock_read_unlock(&as->lock);
	return va;
}

ssize_t
aspace_access(struct aspace *as, vaddr_t addr, void *buf, size_t len, bool write, bool force)
{
	int flags = (write ? FAULT_WRITE : 0) | (force ? FAULT_FORCE : 0);
	size_t done = 0;

	while (done < len && addr + done < ARCH_USER_MAX && addr + done >= addr) {
		vaddr_t va = addr + done;
		size_t n = MIN(PAGE_SIZE - va % PAGE_SIZE, len - done);
		struct page *pg = aspace_hold_page(as, va & PAGE_MASK, flags);
		char *p;

		if (pg == NULL)
			break;
		p = (char *)page_address(pg) + va % PAGE_SIZE;
		if (write)
			memcpy(p, (char *)buf + done, n);
		else
			memcpy((char *)buf + done, p, n);
		page_put(pg);
		done += n;
	}
	return done == 0 && len != 0 ? -EIO : (ssize_t)done;
}
