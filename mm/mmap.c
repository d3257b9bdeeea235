/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of an address space: mapping, unmapping, the break and the stack. Limits are checked before anything
 * changes; a fixed mapping takes the place of what is there.
 */
#include "mm/vma.h"

#include "mm/overcommit.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/cred.h"
#include "sys/file.h"
#include "sys/panic.h"
#include "sys/thread.h"

/* --- numbers and limits --- */

static bool
counts_as_data(u32 prot, u32 flags)
{
	return (prot & PROT_WRITE) && !(flags & (VM_SHARED | VM_GROWSDOWN));
}

void
aspace_count(struct aspace *as, const struct vma *v, s64 pages)
{
	as->total_pages += (u64)pages;
	if (v->flags & VM_GROWSDOWN)
		as->stack_pages += (u64)pages;
	else if (counts_as_data(v->prot, v->flags))
		as->data_pages += (u64)pages;
	else if ((v->prot & PROT_EXEC) && !(v->prot & PROT_WRITE))
		as->exec_pages += (u64)pages;
	if (v->flags & VM_LOCKED) {
		as->locked_pages += (u64)pages;
		mem_count(MC_MLOCKED, pages);
	}
	as->hiwater_vm = MAX(as->hiwater_vm, as->total_pages);
}

int
aspace_check_limits(struct aspace *as, u64 pages, u32 prot, u32 vm_flags)
{
	if (as->total_pages + pages > rlimit_current(RLIMIT_AS) >> PAGE_SHIFT)
		return -ENOMEM;
	if (counts_as_data(prot, vm_flags) && as->data_pages + pages > rlimit_current(RLIMIT_DATA) >> PAGE_SHIFT)
		return -ENOMEM;
	return 0;
}

int
aspace_check_locked(struct aspace *as, u64 pages)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (as->locked_pages + pages <= limit || capable(CAP_IPC_LOCK))
		return 0;
	return limit == 0 ? -EPERM : -EAGAIN;
}

/* Pages of [start, end) that are mapped. */
static u64
mapped_pages(struct aspace *as, vaddr_t start, vaddr_t end)
{
	u64 n = 0;

	for (struct vma *v = vma_find(as, start); v != NULL && v->start < end; v = vma_next(v))
		n += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return n;
}

/* --- where to --- */

/* Room below a stack that may still grow. */
static vaddr_t
usable_end(const struct vma *v)
{
	u64 guard = v->flags & VM_GROWSDOWN ? STACK_GUARD_PAGES << PAGE_SHIFT : 0;

	return v->start > guard ? v->start - guard : 0;
}

static bool
range_free(struct aspace *as, vaddr_t addr, u64 len)
{
	struct vma *next = vma_find(as, addr), *prev;

	if (next != NULL && addr + len > usable_end(next))
		return false;
	prev = next != NULL ? vma_prev(next) : vma_of(gap_last(&as->vmas));
	return prev == NULL || prev->end <= addr;
}

#define LOW_BASE	0x40000000UL	/* MAP_32BIT: from here to 2 GiB */
#define LOW_END		0x80000000UL

int
aspace_find_free(struct aspace *as, vaddr_t hint, u64 len, u32 flags, vaddr_t *out)
{
	vaddr_t hi = MIN(as->mmap_base, ARCH_USER_MAX);
	struct vma *next;

	if (len > ARCH_USER_MAX - ARCH_USER_MIN)
		return -ENOMEM;
	if (flags & MAP_32BIT)
		return gap_find_low(&as->vmas, len, PAGE_SIZE, LOW_BASE, LOW_END, out) ? 0 : -ENOMEM;
	if (hint != 0) {
		hint = MAX(ALIGN_DOWN(hint, PAGE_SIZE), ARCH_USER_MIN);
		if (hint <= ARCH_USER_MAX - len && range_free(as, hint, len)) {
			*out = hint;
			return 0;
		}
	}
	/* From the top down; where a stack's guard is in the way, below it. */
	while (gap_find_high(&as->vmas, len, PAGE_SIZE, ARCH_USER_MIN, hi, out)) {
		next = vma_find(as, *out);
		if (next == NULL || *out + len <= usable_end(next))
			return 0;
		hi = usable_end(next);
	}
	/* And above the base, when all below is taken. */
	return gap_find_low(&as->vmas, len, PAGE_SIZE, as->mmap_base, ARCH_USER_MAX, out) && range_free(as, *out, len) ? 0 : -ENOMEM;
}

/* --- unmap --- */

static void
destroy_detached(struct vma *dead)
{
	while (dead != NULL) {
		struct vma *v = dead;

		dead = v->next_dead;
		if (v->ops != NULL && v->ops->close != NULL)
			v->ops->close(v);
		file_rmap_unlink(v);
		anon_unlink(v);
		vma_drop(v);
	}
}

/* The tables that served only the hole around [start, end). */
static void
reclaim_tables(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct vma *next = vma_find(as, end), *prev;
	vaddr_t lo, hi;

	prev = next != NULL ? vma_prev(next) : vma_of(gap_last(&as->vmas));
	lo = prev != NULL ? prev->end : 0;
	hi = next != NULL ? next->start : ARCH_USER_MAX + PAGE_SIZE;
	KASSERT_DEBUG(lo <= start && end <= hi);
	arch_pt_reclaim(&as->arch, start, MIN(end, ARCH_USER_MAX), lo, hi);
}

int
aspace_unmap_locked(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct vma *v, *next, *dead = NULL, **tail = &dead;
	int err;

	rwlock_assert_write_held(&as->lock);
	v = vma_find(as, start);
	if (v == NULL || v->start >= end)
		return 0;
	err = vma_split_range(as, start, end);
	if (err != 0)
		return err;
	for (v = vma_find(as, start); v != NULL && v->start < end; v = next) {
		next = vma_next(v);
		aspace_count(as, v, -(s64)vma_pages(v));
		vma_detach(v);
		v->next_dead = NULL;
		*tail = v;
		tail = &v->next_dead;
	}
	for (v = dead; v != NULL; v = v->next_dead)
		(void)zap_range(v, v->start, v->end, 0);	/* whole VMAs: no huge leaf to split */
	destroy_detached(dead);
	if (start > 0 || end <= ARCH_USER_MAX)	/* else the space is about to go, with all its tables */
		reclaim_tables(as, start, end);
	return 0;
}

void
aspace_unmap_all(struct aspace *as)
{
	rwlock_write_lock(&as->lock);
	/* Whole VMAs only: there is nothing to split, so it cannot fail. */
	if (aspace_unmap_locked(as, 0, ARCH_USER_MAX + PAGE_SIZE) != 0)
		KASSERT(!"unmapping everything failed");
	rwlock_write_unlock(&as->lock);
}

static bool
range_valid(vaddr_t addr, u64 len)
{
	return IS_ALIGNED(addr, PAGE_SIZE) && len <= ARCH_USER_MAX && addr <= ARCH_USER_MAX - len;
}

int
aspace_munmap(struct aspace *as, vaddr_t addr, u64 len)
{
	int err;

	if (len > ARCH_USER_MAX)
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (len == 0 || !range_valid(addr, len))
		return -EINVAL;
	err = rwlock_write_lock_killable(&as->lock);
	if (err != 0)
		return err;
	err = aspace_unmap_locked(as, addr, addr + len);
	rwlock_write_unlock(&as->lock);
	return err;
}

int
aspace_unmap_object(struct aspace *as, vaddr_t addr, const struct vma_ops *ops)
{
	vaddr_t pos = addr, end = ARCH_USER_MAX;
	struct mapping *m = NULL;
	struct vma *v;
	int err = rwlock_write_lock_killable(&as->lock);

	if (err != 0)
		return err;
	while (err == 0 && (v = vma_find(as, pos)) != NULL && v->start < end) {
		pos = v->end;
		if (v->ops != ops || v->start < addr || v->start - addr != v->pgoff << PAGE_SHIFT || (m != NULL && v->mapping != m))
			continue;
		if (m == NULL) {
			m = v->mapping;
			end = addr + (vma_file_pages(v) << PAGE_SHIFT);
		}
		err = aspace_unmap_locked(as, v->start, v->end);
	}
	rwlock_write_unlock(&as->lock);
	return err != 0 ? err : m != NULL ? 0 : -EINVAL;
}

/* --- map --- */

struct request {
	vaddr_t addr;
	u64 len;
	u32 prot, flags;	/* PROT_*, MAP_* */
	u32 vm_flags;
	u64 pgoff;
	struct file *file;
};

#define KNOWN_MAP_FLAGS	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | \
	MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE)

/* What file and flags allow, as mmap(2) lists its errors. */
static int
check_file(struct request *r)
{
	struct file *f = r->file;

	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (r->flags & ~(u32)KNOWN_MAP_FLAGS)
			return -EOPNOTSUPP;
		/* fall through */
	case MAP_SHARED:
		if ((r->prot & PROT_WRITE) && !(f->mode & FMODE_WRITE))
			return -EACCES;
		r->vm_flags |= VM_SHARED;
		if (!(f->mode & FMODE_WRITE))
			r->vm_flags &= ~(u32)VM_MAYWRITE;
		/* fall through */
	case MAP_PRIVATE:
		if (!(f->mode & FMODE_READ))
			return -EACCES;
		break;
	default:
		return -EINVAL;
	}
	if (!file_may_exec(f)) {
		if (r->prot & PROT_EXEC)
			return -EPERM;
		r->vm_flags &= ~(u32)VM_MAYEXEC;
	}
	if (f->ops->mmap == NULL)
		return -ENODEV;
	return r->flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

static int
check_kind(struct aspace *as, struct request *r)
{
	r->vm_flags = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | as->def_flags;
	if (r->flags & MAP_LOCKED)
		r->vm_flags |= VM_LOCKED;
	if (r->flags & MAP_GROWSDOWN)
		r->vm_flags |= VM_GROWSDOWN;
	if (r->flags & MAP_STACK)
		r->vm_flags |= VM_NOHUGEPAGE;
	if ((r->flags & MAP_NORESERVE) && atomic_load_relaxed(&overcommit_mode) != 2)
		r->vm_flags |= VM_NORESERVE;
	if (r->file != NULL)
		return check_file(r);
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED:
		if (r->flags & MAP_GROWSDOWN)
			return -EINVAL;
		r->vm_flags |= VM_SHARED;
		r->pgoff = 0;
		return 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;		/* MAP_SHARED_VALIDATE too: only files have it */
	}
}

static int
choose_address(struct aspace *as, struct request *r)
{
	if (r->flags & MAP_FIXED_NOREPLACE)
		r->flags |= MAP_FIXED;
	if (!(r->flags & MAP_FIXED))
		return aspace_find_free(as, r->addr, r->len, r->flags, &r->addr);
	if (!IS_ALIGNED(r->addr, PAGE_SIZE))
		return -EINVAL;
	if (!range_valid(r->addr, r->len))
		return -ENOMEM;
	if (r->addr < ARCH_USER_MIN && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if ((r->flags & MAP_FIXED_NOREPLACE) && mapped_pages(as, r->addr, r->addr + r->len) != 0)
		return -EEXIST;
	return 0;
}

/* A private mapping that can be written, and any shared anonymous one, is a promise of memory. */
static bool
wants_charge(const struct request *r)
{
	if (r->vm_flags & VM_NORESERVE)
		return false;
	if (r->file == NULL && (r->vm_flags & VM_SHARED))
		return true;
	return (r->prot & PROT_WRITE) && !(r->vm_flags & VM_SHARED);
}

static int
check_request(struct aspace *as, struct request *r)
{
	u64 pages = r->len >> PAGE_SHIFT, replaced = 0;
	int err;

	if (as->nr_vmas > (u32)atomic_load_relaxed(&vm_max_map_count))
		return -ENOMEM;
	err = choose_address(as, r);
	if (err != 0)
		return err;
	err = check_kind(as, r);
	if (err != 0)
		return err;
	if (r->vm_flags & VM_LOCKED) {
		err = aspace_check_locked(as, pages);
		if (err != 0)
			return err;
	}
	if (r->flags & MAP_FIXED)
		replaced = mapped_pages(as, r->addr, r->addr + r->len);
	return aspace_check_limits(as, pages - replaced, r->prot, r->vm_flags);
}

/* The VMA for r, charged, not linked; its file or memory object is attached once the place is free. */
static int
make_vma(struct aspace *as, const struct request *r, struct vma **out)
{
	struct vma *v = vma_alloc(as);

	if (v == NULL)
		return -ENOMEM;
	v->start = r->addr;
	v->end = r->addr + r->len;
	v->prot = r->prot;
	v->flags = r->vm_flags;
	v->pgoff = r->file != NULL ? r->pgoff : r->vm_flags & VM_SHARED ? 0 : r->addr >> PAGE_SHIFT;
	if (wants_charge(r)) {
		if (overcommit_charge(vma_pages(v), capable(CAP_SYS_ADMIN)) != 0) {
			vma_drop(v);
			return -ENOMEM;
		}
		v->flags |= VM_ACCOUNT;
	}
	*out = v;
	return 0;
}

static int
attach(struct vma *v, const struct request *r)
{
	if (r->file != NULL) {
		file_get(r->file);
		v->file = r->file;
		return r->file->ops->mmap(r->file, v);
	}
	if (!(v->flags & VM_SHARED))
		return 0;
	v->shared = shared_anon_create(vma_pages(v));
	if (v->shared == NULL)
		return -ENOMEM;
	v->mapping = &v->shared->mapping;
	return 0;
}

/* attach(), and into the space. On failure v is the caller's. */
static int
attach_and_link(struct aspace *as, struct vma *v, const struct request *r)
{
	bool writable = (v->flags & VM_SHARED) && (v->flags & VM_MAYWRITE);
	struct mapping *m = writable && r->file != NULL ? r->file->mapping : NULL;
	int err;

	if (m != NULL)
		mapping_hold_writable(m);
	err = attach(v, r);
	if (err == 0) {
		aspace_count(as, v, (s64)vma_pages(v));
		vma_link_merged(v);
	}
	if (m != NULL)
		mapping_drop_writable(m);
	return err;
}

static int
map_locked(struct aspace *as, struct request *r)
{
	struct vma *v;
	int err;

	rwlock_assert_write_held(&as->lock);
	err = check_request(as, r);
	if (err != 0)
		return err;
	err = make_vma(as, r, &v);
	if (err != 0)
		return err;
	err = aspace_unmap_locked(as, r->addr, r->addr + r->len);
	if (err == 0)
		err = attach_and_link(as, v, r);
	if (err != 0)
		vma_drop(v);
	return err;
}

long
aspace_mmap(struct aspace *as, vaddr_t addr, u64 len, u32 prot, u32 flags, struct file *f, u64 off)
{
	struct request r = { .addr = addr, .prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC), .flags = flags, .file = f };
	bool populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	int err;

	if (len == 0 || !IS_ALIGNED(off, PAGE_SIZE))
		return -EINVAL;
	if (len > ARCH_USER_MAX)
		return -ENOMEM;
	r.len = ALIGN_UP(len, PAGE_SIZE);
	r.pgoff = off >> PAGE_SHIFT;
	if (off + r.len < off)
		return -EOVERFLOW;
	err = rwlock_write_lock_killable(&as->lock);
	if (err != 0)
		return err;
	err = map_locked(as, &r);
	rwlock_write_unlock(&as->lock);
	if (err != 0)
		return err;
	if (populate || (r.vm_flags & VM_LOCKED))
		(void)aspace_populate(as, r.addr, r.addr + r.len);	/* as far as it goes: mmap has succeeded */
	return (long)r.addr;
}

int
aspace_map_special(struct aspace *as, vaddr_t addr, u64 len, u32 prot, u32 flags, const struct vma_ops *ops, void *priv)
{
	struct vma *v = vma_alloc(as);
	int err = 0;

	if (v == NULL)
		return -ENOMEM;
	v->start = addr;
	v->end = addr + len;
	v->prot = prot;
	v->flags = flags | VM_MAYREAD | VM_MAYEXEC | VM_DONTEXPAND;
	v->ops = ops;
	v->priv = priv;
	rwlock_write_lock(&as->lock);
	if (!range_valid(addr, len) || len == 0 || mapped_pages(as, addr, addr + len) != 0)
		err = -EINVAL;
	if (err == 0) {
		aspace_count(as, v, (s64)vma_pages(v));
		vma_link(v);
	}
	rwlock_write_unlock(&as->lock);
	if (err != 0)
		vma_drop(v);
	return err;
}

/* --- the break --- */

static int
grow_brk(struct aspace *as, vaddr_t from, vaddr_t to)
{
	struct request r = { .addr = from, .len = to - from, .prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE };
	struct vma *next = vma_find(as, from);

	if (next != NULL && to > usable_end(next))
		return -ENOMEM;
	if (to - as->brk_start + (as->data_end - as->data_start) > rlimit_current(RLIMIT_DATA))
		return -ENOMEM;
	return map_locked(as, &r);
}

vaddr_t
aspace_brk(struct aspace *as, vaddr_t brk)
{
	bool populate = false;
	vaddr_t from, to;
	int err = 0;

	rwlock_write_lock(&as->lock);
	from = ALIGN_UP(as->brk, PAGE_SIZE);
	to = ALIGN_UP(brk, PAGE_SIZE);
	if (brk < as->brk_start || brk > ARCH_USER_MAX) {
		err = -EINVAL;
	} else if (to > from) {
		err = grow_brk(as, from, to);
		populate = as->def_flags & VM_LOCKED;
	} else if (to < from) {
		err = aspace_unmap_locked(as, to, from);
	}
	if (err == 0)
		as->brk = brk;
	brk = as->brk;
	rwlock_write_unlock(&as->lock);
	if (err == 0 && populate)
		(void)aspace_populate(as, from, to);
	return brk;
}

/* --- the stack --- */

int
aspace_map_stack(struct aspace *as, vaddr_t top, u64 size, bool exec)
{
	struct request r = { .addr = top - size, .len = size, .prot = PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0),
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE };
	struct vma *v;
	int err;

	rwlock_write_lock(&as->lock);
	err = map_locked(as, &r);
	if (err == 0) {
		v = vma_find(as, r.addr);
		rwlock_write_lock(&v->lock);
		v->flags |= VM_STACK;
		rwlock_write_unlock(&v->lock);
	}
	rwlock_write_unlock(&as->lock);
	return err;
}

int
aspace_grow_stack(struct aspace *as, struct vma *v, vaddr_t addr)
{
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	u64 pages = (v->start - start) >> PAGE_SHIFT;
	struct vma *prev = vma_prev(v);
	int err;

	rwlock_assert_write_held(&as->lock);
	if (start < ARCH_USER_MIN || v->end - start > rlimit_current(RLIMIT_STACK) || v->pgoff < pages)
		return -ENOMEM;
	/* Another stack, or a guard page that the program made, may be nearer. */
	if (prev != NULL && !(prev->flags & VM_GROWSDOWN) && prev->prot != PROT_NONE &&
	    start - prev->end < STACK_GUARD_PAGES << PAGE_SHIFT)
		return -ENOMEM;
	if (prev != NULL && prev->end > start)
		return -ENOMEM;
	err = aspace_check_limits(as, pages, v->prot, v->flags);
	if (err == 0 && (v->flags & VM_LOCKED))
		err = aspace_check_locked(as, pages);
	if (err != 0)
		return -ENOMEM;
	if (v->flags & VM_ACCOUNT) {
		err = overcommit_charge(pages, capable(CAP_SYS_ADMIN));
		if (err != 0)
			return err;
	}
	aspace_count(as, v, (s64)pages);
	vma_set_bounds(v, start, v->end, v->pgoff - pages);
	return 0;
}
