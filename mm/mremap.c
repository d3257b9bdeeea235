/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mremap(2): shrink, grow in place, or move. Moving takes the entries of anonymous pages along; pages of files are
 * dropped from the old place and found again by faults at the new one.
 */
#include "mm/vma.h"

#include "mm/overcommit.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/panic.h"

/* --- moving entries --- */

static bool
moves(pte_t e)
{
	if (!arch_pte_present(e))
		return false;
	return pte_special(e) || page_flag(page_head(pfn_to_page(arch_pte_pfn(e))), PG_ANON);
}

/* The entries of one span to dst..., both sides locked. */
static void
move_entries(pte_t *src, pte_t *dst, u64 n)
{
	for (; n > 0; n--, src++, dst++) {
		pte_t e = arch_pte_read(src);

		if (moves(e)) {
			KASSERT_DEBUG(arch_pte_none(arch_pte_read(dst)));
			arch_pte_write(dst, arch_pte_xchg(src, 0));
		}
	}
}

/* As much from `va` on as lies under one table on either side. A huge leaf is moved whole, or split. *next: where to go on. */
static int
move_some(struct vma *from, struct vma *to, vaddr_t va, vaddr_t end, vaddr_t dst_va, vaddr_t *next)
{
	u64 len = MIN(HUGE_PAGE_SIZE - va % HUGE_PAGE_SIZE, HUGE_PAGE_SIZE - dst_va % HUGE_PAGE_SIZE);
	struct spinlock *slock, *dlock;
	pte_t *src, *dst;
	bool huge, whole;
	int err;

	len = MIN(len, end - va);
	*next = va + len;
	src = arch_pte_find(&from->as->arch, va, &slock, &huge);
	if (src == NULL)
		return 0;
	whole = huge && len == HUGE_PAGE_SIZE;
	if (huge && !whole) {
		err = huge_split(from, va);
		if (err == 0)
			*next = va;
		return err;
	}
	err = arch_pte_alloc(&to->as->arch, dst_va, whole ? ARCH_PT_HUGE : 0, &dst, &dlock);
	if (err == -EEXIST && whole) {
		err = huge_split(from, va);
		if (err == 0)
			*next = va;
		return err;
	}
	if (err != 0)
		return err;
	spin_lock(slock);
	if (dlock != slock)
		spin_lock_nested(dlock);	/* one space, whose lock we hold: nobody else takes two */
	move_entries(src, dst, whole ? 1 : len >> PAGE_SHIFT);
	if (dlock != slock)
		spin_unlock(dlock);
	spin_unlock(slock);
	return 0;
}

/* What can move goes over; the rest is unmapped by the caller. Both VMAs keep faults out: `from` is locked, `to` not linked. */
static int
move_range(struct vma *from, vaddr_t start, u64 len, struct vma *to)
{
	vaddr_t va = start, end = start + len;
	int err = 0;

	while (err == 0 && (va = arch_pte_next(&from->as->arch, va, end)) < end)
		err = move_some(from, to, va, end, to->start + (va - start), &va);
	arch_tlb_flush_range(&from->as->arch, start, end);
	return err;
}

/* --- the cases --- */

struct remap {
	struct aspace *as;
	vaddr_t addr, new_addr;
	u64 old_len, new_len;	/* whole pages */
	u32 flags;
};

/* The VMA that holds all of [addr, addr + old_len), fit to be remapped. */
static int
check_source(struct remap *r, struct vma **out)
{
	struct vma *v = vma_find(r->as, r->addr);
	u64 more = r->new_len > r->old_len ? (r->new_len - r->old_len) >> PAGE_SHIFT : 0;
	int err;

	if (v == NULL || v->start > r->addr)
		return -EFAULT;
	if (r->old_len == 0 && !(v->flags & VM_SHARED))
		return -EINVAL;		/* only shared memory can be had twice */
	if ((r->flags & MREMAP_DONTUNMAP) && (v->flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EINVAL;
	if (r->old_len > v->end - r->addr)
		return -EFAULT;
	if (r->new_len > r->old_len && (v->flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EFAULT;
	if (v->pgoff + ((r->addr - v->start + r->new_len) >> PAGE_SHIFT) < v->pgoff)
		return -EINVAL;
	if (v->flags & VM_LOCKED) {
		/* With MREMAP_DONTUNMAP both places count. */
		err = aspace_check_locked(r->as, r->flags & MREMAP_DONTUNMAP ? r->new_len >> PAGE_SHIFT : more);
		if (err != 0)
			return -EAGAIN;
	}
	*out = v;
	return aspace_check_limits(r->as, r->flags & MREMAP_DONTUNMAP ? r->new_len >> PAGE_SHIFT : more, v->prot, v->flags);
}

static int
charge(const struct vma *v, u64 pages)
{
	return v->flags & VM_ACCOUNT ? overcommit_charge(pages, capable(CAP_SYS_ADMIN)) : 0;
}

static bool
grow_in_place(struct remap *r, struct vma *v)
{
	vaddr_t end = r->addr + r->new_len;
	u64 pages = (r->new_len - r->old_len) >> PAGE_SHIFT;
	struct vma *next = vma_next(v);

	if (r->addr + r->old_len != v->end || end > ARCH_USER_MAX || end < r->addr)
		return false;
	if (next != NULL && end > next->start - (next->flags & VM_GROWSDOWN ? STACK_GUARD_PAGES << PAGE_SHIFT : 0))
		return false;
	if (charge(v, pages) != 0)
		return false;
	aspace_count(r->as, v, (s64)pages);
	vma_set_bounds(v, v->start, end, v->pgoff);
	vma_merge(v);
	return true;
}

/* A VMA like v for the new place; charged for all of it. */
static int
make_target(struct remap *r, struct vma *v, struct vma **out)
{
	struct vma *n = vma_clone(v, r->as);
	int err;

	if (n == NULL)
		return -ENOMEM;
	n->start = r->new_addr;
	n->end = r->new_addr + r->new_len;
	n->pgoff = vma_index(v, r->addr);
	err = charge(n, vma_pages(n));
	if (err != 0) {
		n->flags &= ~(u32)VM_ACCOUNT;
		vma_drop(n);
		return err;
	}
	if (v->anon != NULL)
		anon_link(n, v->anon);
	*out = n;
	return 0;
}

static void
link_target(struct vma *n)
{
	if (n->ops != NULL && n->ops->open != NULL)
		n->ops->open(n);
	aspace_count(n->as, n, (s64)vma_pages(n));
	vma_link(n);
}

static int
move_mapping(struct remap *r, struct vma *v)
{
	u64 len = MIN(r->old_len, r->new_len);
	struct mapping *m = v->mapping;
	struct vma *n;
	int err;

	if (r->as->nr_vmas >= (u32)atomic_load_relaxed(&vm_max_map_count))
		return -ENOMEM;
	/* The old place is cut out first: once entries have moved nothing may fail. */
	if (r->old_len != 0 && !(r->flags & MREMAP_DONTUNMAP)) {
		err = vma_split_range(r->as, r->addr, r->addr + r->old_len);
		if (err != 0)
			return err;
		v = vma_find(r->as, r->addr);
	}
	err = make_target(r, v, &n);
	if (err != 0)
		return err;
	rwlock_write_lock(&v->lock);
	if (m != NULL)
		rwlock_read_lock(&m->inval_lock);	/* no truncation looks for private copies until it finds them in n */
	err = move_range(v, r->addr, len, n);
	if (err != 0)
		(void)move_range(n, n->start, len, &(struct vma){ .as = v->as, .start = r->addr });
	else
		link_target(n);
	if (m != NULL)
		rwlock_read_unlock(&m->inval_lock);
	rwlock_write_unlock(&v->lock);
	if (err != 0) {
		anon_unlink(n);
		vma_drop(n);
		return err;
	}
	if (r->flags & MREMAP_DONTUNMAP)
		(void)zap_range(v, r->addr, r->addr + len, 0);
	else if (r->old_len != 0)
		err = aspace_unmap_locked(r->as, r->addr, r->addr + r->old_len);
	vma_merge(n);
	return err;
}

static int
remap_fixed(struct remap *r, struct vma **v)
{
	int err;

	if (!IS_ALIGNED(r->new_addr, PAGE_SIZE) || r->new_len > ARCH_USER_MAX || r->new_addr > ARCH_USER_MAX - r->new_len)
		return -EINVAL;
	if (r->new_addr < r->addr + r->old_len && r->addr < r->new_addr + r->new_len)
		return -EINVAL;		/* the old and the new place overlap */
	if (r->new_addr < ARCH_USER_MIN && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	err = check_source(r, v);
	if (err != 0)
		return err;
	err = aspace_unmap_locked(r->as, r->new_addr, r->new_addr + r->new_len);
	*v = vma_find(r->as, r->addr);
	return err;
}

static int
remap_locked(struct remap *r)
{
	struct vma *v;
	int err;

	if (r->flags & MREMAP_FIXED) {
		err = remap_fixed(r, &v);
		return err != 0 ? err : move_mapping(r, v);
	}
	if (r->flags & MREMAP_DONTUNMAP) {
		err = check_source(r, &v);
		if (err == 0)
			err = aspace_find_free(r->as, r->new_addr, r->new_len, 0, &r->new_addr);
		return err != 0 ? err : move_mapping(r, v);
	}
	r->new_addr = r->addr;
	if (r->old_len >= r->new_len && r->old_len != 0) {
		v = vma_find(r->as, r->addr);
		if (v == NULL || v->start > r->addr)
			return -EFAULT;
		return r->old_len == r->new_len ? 0 : aspace_unmap_locked(r->as, r->addr + r->new_len, r->addr + r->old_len);
	}
	err = check_source(r, &v);
	if (err != 0)
		return err;
	if (r->old_len != 0 && grow_in_place(r, v))
		return 0;
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	err = aspace_find_free(r->as, 0, r->new_len, 0, &r->new_addr);
	return err != 0 ? err : move_mapping(r, v);
}

long
aspace_mremap(struct aspace *as, vaddr_t addr, u64 old_len, u64 new_len, u32 flags, vaddr_t new_addr)
{
	struct remap r = { .as = as, .addr = addr, .new_addr = new_addr, .flags = flags };
	bool locked;
	int err;

	if (flags & ~(u32)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
		return -EINVAL;
	if (!IS_ALIGNED(addr, PAGE_SIZE) || new_len == 0 || new_len > ARCH_USER_MAX || old_len > ARCH_USER_MAX)
		return -EINVAL;
	r.old_len = ALIGN_UP(old_len, PAGE_SIZE);
	r.new_len = ALIGN_UP(new_len, PAGE_SIZE);
	if (addr > ARCH_USER_MAX - r.old_len)
		return -EFAULT;
	err = rwlock_write_lock_killable(&as->lock);
	if (err != 0)
		return err;
	err = remap_locked(&r);
	locked = err == 0 && (vma_find(as, r.new_addr)->flags & VM_LOCKED);
	rwlock_write_unlock(&as->lock);
	if (err != 0)
		return err;
	if (locked && r.new_len > r.old_len)
		(void)aspace_populate(as, r.new_addr + r.old_len, r.new_addr + r.new_len);
	return (long)r.new_addr;
}
