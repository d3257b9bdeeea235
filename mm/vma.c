/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMAs: made, found, cut, joined, taken out. Layout changes come here with as->lock held for writing.
 */
#include "mm/vma.h"

#include "mm/overcommit.h"
#include "sys/abi/errno.h"
#include "sys/file.h"
#include "sys/kmem.h"
#include "sys/panic.h"
#include "sys/rcu.h"

static struct kmem_cache *vma_cache;

void
vma_init_cache(void)
{
	vma_cache = kmem_cache_create("vm_area", sizeof(struct vma), 0, 0, NULL);
	if (vma_cache == NULL)
		panic("memory: no vm_area cache");
}

/* --- make and drop --- */

struct vma *
vma_alloc(struct aspace *as)
{
	struct vma *v = kmem_cache_alloc(vma_cache, KM_ZERO);

	if (v == NULL)
		return NULL;
	v->as = as;
	v->detached = true;
	rwlock_init(&v->lock, LOCK_VMA);
	return v;
}

void
vma_drop(struct vma *v)
{
	if (v->flags & VM_ACCOUNT)
		overcommit_uncharge(vma_pages(v));
	if (v->file != NULL)
		file_put(v->file);
	if (v->shared != NULL)
		shared_anon_put(v->shared);
	kmem_free_rcu(v, &v->rcu);
}

/* A copy for a fork or a split. Charges nothing: VM_ACCOUNT is the caller's to settle. */
struct vma *
vma_clone(struct vma *v, struct aspace *as)
{
	struct vma *n = vma_alloc(as);

	if (n == NULL)
		return NULL;
	n->start = v->start;
	n->end = v->end;
	n->prot = v->prot;
	n->flags = v->flags;
	n->pgoff = v->pgoff;
	n->file = v->file;
	n->mapping = v->mapping;
	n->shared = v->shared;
	n->ops = v->ops;
	n->priv = v->priv;
	if (n->file != NULL)
		file_get(n->file);
	if (n->shared != NULL)
		shared_anon_get(n->shared);
	return n;
}

static void
link_area(struct vma *v)
{
	struct aspace *as = v->as;

	rwlock_assert_write_held(&as->lock);
	v->detached = false;
	gap_insert(&as->vmas, &v->area);
	as->nr_vmas++;
}

void
vma_link(struct vma *v)
{
	file_rmap_link(v);
	link_area(v);
}

struct vma *
vma_detach(struct vma *v)
{
	struct aspace *as = v->as;

	rwlock_assert_write_held(&as->lock);
	rwlock_write_lock(&v->lock);
	v->detached = true;
	gap_erase(&as->vmas, &v->area);
	as->nr_vmas--;
	rwlock_write_unlock(&v->lock);
	return v;
}

/* --- find --- */

struct vma *
vma_find(struct aspace *as, vaddr_t addr)
{
	rwlock_assert_held(&as->lock);
	return vma_of(gap_find(&as->vmas, addr));
}

struct vma *
vma_next(struct vma *v)
{
	return vma_of(gap_next(&v->area));
}

/* Under RCU: may miss, or find one that changes; never wanders off (sys/lib/rbtree.h). */
static struct vma *
find_lockless(struct aspace *as, vaddr_t va)
{
	struct rbnode *rb = READ_ONCE(as->vmas.tree.root);

	while (rb != NULL) {
		struct vma *v = rb_entry(rb, struct vma, area.rb);

		if (va < READ_ONCE(v->start))
			rb = READ_ONCE(rb->left);
		else if (va < READ_ONCE(v->end))
			return v;
		else
			rb = READ_ONCE(rb->right);
	}
	return NULL;
}

static bool
covers(const struct vma *v, vaddr_t va)
{
	return !v->detached && v->start <= va && va < v->end;
}

/* Inside an RCU section, since the VMA may be freed as soon as a writer waiting for it gets the lock. */
void
vma_unlock(struct vma *v)
{
	rcu_read_lock();
	rwlock_read_unlock(&v->lock);
	rcu_read_unlock();
}

static struct vma *
find_and_grow(struct aspace *as, vaddr_t va)
{
	struct vma *v;

	rwlock_write_lock(&as->lock);
	v = vma_find(as, va);
	if (v != NULL && v->start > va && (!(v->flags & VM_GROWSDOWN) || aspace_grow_stack(as, v, va) != 0))
		v = NULL;
	if (v != NULL)
		rwlock_read_lock(&v->lock);
	rwlock_write_unlock(&as->lock);
	return v;
}

struct vma *
vma_find_locked(struct aspace *as, vaddr_t va)
{
	struct vma *v;

	rcu_read_lock();
	v = find_lockless(as, va);
	if (likely(v != NULL && rwlock_try_read_lock(&v->lock))) {
		if (likely(covers(v, va))) {
			rcu_read_unlock();
			return v;
		}
		rwlock_read_unlock(&v->lock);
	}
	rcu_read_unlock();

	rwlock_read_lock(&as->lock);
	v = vma_find(as, va);
	if (v != NULL && v->start <= va) {
		rwlock_read_lock(&v->lock);
		rwlock_read_unlock(&as->lock);
		return v;
	}
	rwlock_read_unlock(&as->lock);
	return v != NULL && (v->flags & VM_GROWSDOWN) ? find_and_grow(as, va) : NULL;
}

/* --- cut and join --- */

struct bounds { struct vma *v; vaddr_t start, end; u64 pgoff; };

static void
change_bounds(void *arg)
{
	struct bounds *b = arg;

	b->v->pgoff = b->pgoff;
	gap_resize(&b->v->as->vmas, &b->v->area, b->start, b->end);
}

static void
set_bounds_locked(struct vma *v, vaddr_t start, vaddr_t end, u64 pgoff)
{
	struct bounds b = { v, start, end, pgoff };

	rwlock_assert_write_held(&v->lock);
	rmap_move_bounds(v, change_bounds, &b);
}

void
vma_set_bounds(struct vma *v, vaddr_t start, vaddr_t end, u64 pgoff)
{
	rwlock_write_lock(&v->lock);
	set_bounds_locked(v, start, end, pgoff);
	rwlock_write_unlock(&v->lock);
}

int
vma_split(struct vma *v, vaddr_t addr)
{
	struct vma *n;
	int err;

	KASSERT_DEBUG(addr > v->start && addr < v->end);
	if (v->as->nr_vmas >= (u32)atomic_load_relaxed(&vm_max_map_count))
		return -ENOMEM;
	n = vma_clone(v, v->as);
	if (n == NULL)
		return -ENOMEM;
	n->start = addr;
	n->pgoff = vma_index(v, addr);
	rwlock_write_lock(&v->lock);	/* no fault makes a huge leaf across the cut */
	err = IS_ALIGNED(addr, HUGE_PAGE_SIZE) ? 0 : huge_split(v, addr);
	if (err != 0) {
		rwlock_write_unlock(&v->lock);
		n->flags &= ~(u32)VM_ACCOUNT;
		vma_drop(n);
		return err;
	}
	if (v->anon != NULL)
		anon_link(n, v->anon);
	file_rmap_link(n);	/* before v shrinks: a truncation must find the upper part in one of the two */
	set_bounds_locked(v, v->start, addr, v->pgoff);
	rwlock_write_unlock(&v->lock);
	if (n->ops != NULL && n->ops->open != NULL)
		n->ops->open(n);
	link_area(n);
	return 0;
}

int
vma_split_range(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_find(as, start);
	int err;

	if (v != NULL && v->start < start) {
		err = vma_split(v, start);
		if (err != 0)
			return err;
	}
	v = vma_find(as, end - 1);
	if (v != NULL && v->start < end && end < v->end)
		return vma_split(v, end);
	return 0;
}

/* b lies right behind a: may they be one? */
static bool
alike(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->prot != b->prot || a->flags != b->flags || a->ops != NULL || b->ops != NULL)
		return false;
	if (a->flags & (VM_IO | VM_PFNMAP | VM_GROWSDOWN))
		return false;
	if (a->file != b->file || a->mapping != b->mapping || a->shared != b->shared || a->priv != b->priv)
		return false;
	if (a->anon != NULL && b->anon != NULL && a->anon != b->anon)
		return false;
	return a->pgoff + vma_pages(a) == b->pgoff;
}

/* b goes, a becomes longer. Faults meanwhile find neither and wait for as->lock. */
static void
absorb(struct vma *a, struct vma *b)
{
	vaddr_t end = b->end;

	vma_detach(b);
	rwlock_write_lock(&a->lock);
	if (a->anon == NULL && b->anon != NULL)
		anon_link(a, b->anon);
	set_bounds_locked(a, a->start, end, a->pgoff);
	rwlock_write_unlock(&a->lock);
	file_rmap_unlink(b);
	anon_unlink(b);
	b->flags &= ~(u32)VM_ACCOUNT;	/* the charge goes over to a */
	vma_drop(b);
}

struct vma *
vma_merge(struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = vma_next(v);

	if (next != NULL && alike(v, next))
		absorb(v, next);
	if (prev != NULL && alike(prev, v)) {
		absorb(prev, v);
		return prev;
	}
	return v;
}

struct vma *
vma_link_merged(struct vma *v)
{
	struct vma *next = vma_find(v->as, v->end - 1), *prev;

	KASSERT_DEBUG(next == NULL || next->start >= v->end);
	prev = next != NULL ? vma_prev(next) : vma_of(gap_last(&v->as->vmas));
	if (prev != NULL && alike(prev, v)) {
		vma_set_bounds(prev, prev->start, v->end, prev->pgoff);
		if (next != NULL && alike(prev, next))
			absorb(prev, next);
	} else if (next != NULL && alike(v, next)) {
		vma_set_bounds(next, v->start, next->end, v->pgoff);
		prev = next;
	} else {
		vma_link(v);
		return v;
	}
	v->flags &= ~(u32)VM_ACCOUNT;
	vma_drop(v);
	return prev;
}

void
vma_set_access(struct vma *v, u32 prot, u32 flags)
{
	rwlock_assert_write_held(&v->lock);
	aspace_count(v->as, v, -(s64)vma_pages(v));
	v->prot = prot;
	v->flags = flags;
	aspace_count(v->as, v, (s64)vma_pages(v));
}
