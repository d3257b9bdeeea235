/* SPDX-License-Identifier: BSD-2-Clause */
/* mlock(2) and its kin: the VMAs are marked, their pages faulted in; what reclaims memory leaves them alone. */
#include "mm/madvise.h"

#include "mm/vma.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/cred.h"

static void
set_locked(struct vma *v, bool lock)
{
	rwlock_write_lock(&v->lock);
	vma_set_access(v, v->prot, lock ? v->flags | VM_LOCKED : v->flags & ~(u32)VM_LOCKED);
	rwlock_write_unlock(&v->lock);
}

/* Mark [start, end). -ENOMEM where it is not mapped throughout. */
static int
mark_range(struct aspace *as, vaddr_t start, vaddr_t end, bool lock)
{
	struct vma *v = vma_find(as, start);
	int err;

	while (start < end) {
		if (v == NULL || v->start > start)
			return -ENOMEM;
		if (!!(v->flags & VM_LOCKED) != lock && !(v->flags & VM_SPECIAL)) {
			err = vma_split_range(as, start, MIN(end, v->end));
			if (err != 0)
				return err;
			v = vma_find(as, start);
			set_locked(v, lock);
			v = vma_merge(v);
		}
		start = v->end;
		v = vma_next(v);
	}
	return 0;
}

/* Pages of [start, end) that are locked already. */
static u64
locked_pages(struct aspace *as, vaddr_t start, vaddr_t end)
{
	u64 n = 0;

	for (struct vma *v = vma_find(as, start); v != NULL && v->start < end; v = vma_next(v))
		if (v->flags & VM_LOCKED)
			n += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return n;
}

/* mlock(2)'s errors for what stopped the populating. */
static int
populate_error(int err)
{
	if (err == -ENOMEM)
		return -EAGAIN;
	return err == -EFAULT || err == -EACCES ? -ENOMEM : err;
}

int
aspace_mlock(struct aspace *as, vaddr_t addr, u64 len, bool on_fault)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK) >> PAGE_SHIFT, already;
	int err;

	if (limit == 0 && !capable(CAP_IPC_LOCK))
		return -EPERM;
	err = rwlock_write_lock_killable(&as->lock);
	if (err != 0)
		return err;
	already = locked_pages(as, addr, addr + len);
	if (as->locked_pages - already + (len >> PAGE_SHIFT) > limit && !capable(CAP_IPC_LOCK))
		err = -ENOMEM;
	else
		err = mark_range(as, addr, addr + len, true);
	rwlock_write_unlock(&as->lock);
	if (err != 0 || on_fault)
		return err;
	return populate_error(aspace_populate(as, addr, addr + len));
}

int
aspace_munlock(struct aspace *as, vaddr_t addr, u64 len)
{
	int err = rwlock_write_lock_killable(&as->lock);

	if (err != 0)
		return err;
	err = mark_range(as, addr, addr + len, false);
	rwlock_write_unlock(&as->lock);
	return err;
}

static void
mark_all(struct aspace *as, bool lock)
{
	for (struct vma *v = vma_find(as, 0); v != NULL; v = vma_next(v)) {
		if (!!(v->flags & VM_LOCKED) == lock || (v->flags & VM_SPECIAL))
			continue;
		set_locked(v, lock);
		v = vma_merge(v);
	}
}

static void
populate_all(struct aspace *as)
{
	vaddr_t at = 0, start, end;

	for (;;) {
		struct vma *v;

		rwlock_read_lock(&as->lock);
		v = vma_find(as, at);
		start = v != NULL ? v->start : 0;
		end = v != NULL ? v->end : 0;
		rwlock_read_unlock(&as->lock);
		if (v == NULL)
			return;
		(void)aspace_populate(as, start, end);	/* errors are not mlockall's to tell */
		at = end;
	}
}

int
aspace_mlockall(struct aspace *as, u32 flags)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	int err;

	if (limit == 0 && !capable(CAP_IPC_LOCK))
		return -EPERM;
	err = rwlock_write_lock_killable(&as->lock);
	if (err != 0)
		return err;
	if ((flags & MCL_CURRENT) && as->total_pages > limit && !capable(CAP_IPC_LOCK)) {
		rwlock_write_unlock(&as->lock);
		return -ENOMEM;
	}
	as->def_flags = flags & MCL_FUTURE ? VM_LOCKED : 0;
	if (flags & MCL_CURRENT)
		mark_all(as, true);
	rwlock_write_unlock(&as->lock);
	if ((flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
		populate_all(as);
	return 0;
}

int
aspace_munlockall(struct aspace *as)
{
	int err = rwlock_write_lock_killable(&as->lock);

	if (err != 0)
		return err;
	as->def_flags = 0;
	mark_all(as, false);
	rwlock_write_unlock(&as->lock);
	return 0;
}
