/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * madvise(2), msync(2), mincore(2). Hints that need no action are accepted as hints; advice that would change what memory
 * holds or who gets it is carried out or refused.
 *
 * MADV_FREE allows the pages to be dropped at any time from now on: it is done at once.
 */
#include "mm/madvise.h"

#include "arch/trap.h"
#include "mm/vma.h"
#include "sys/abi/errno.h"
#include "sys/abi/fcntl.h"
#include "sys/cred.h"
#include "sys/file.h"
#include "sys/thread.h"

/* --- advice that changes the VMA --- */

/* Bits to set and to clear. False: not such advice. */
static bool
flag_advice(int advice, u32 *set, u32 *clear)
{
	*set = *clear = 0;
	switch (advice) {
	case MADV_NORMAL:
		*clear = VM_RANDREAD | VM_SEQREAD;
		return true;
	case MADV_RANDOM:
		*set = VM_RANDREAD, *clear = VM_SEQREAD;
		return true;
	case MADV_SEQUENTIAL:
		*set = VM_SEQREAD, *clear = VM_RANDREAD;
		return true;
	case MADV_DONTFORK:
		*set = VM_DONTCOPY;
		return true;
	case MADV_DOFORK:
		*clear = VM_DONTCOPY;
		return true;
	case MADV_WIPEONFORK:
		*set = VM_WIPEONFORK;
		return true;
	case MADV_KEEPONFORK:
		*clear = VM_WIPEONFORK;
		return true;
	case MADV_DONTDUMP:
		*set = VM_DONTDUMP;
		return true;
	case MADV_DODUMP:
		*clear = VM_DONTDUMP;
		return true;
	case MADV_HUGEPAGE:
		*set = VM_HUGEPAGE, *clear = VM_NOHUGEPAGE;
		return true;
	case MADV_NOHUGEPAGE:
		*set = VM_NOHUGEPAGE, *clear = VM_HUGEPAGE;
		return true;
	}
	return false;
}

static int
check_flag_advice(const struct vma *v, int advice)
{
	if (advice == MADV_WIPEONFORK && ((v->flags & VM_SHARED) || !vma_anonymous(v)))
		return -EINVAL;
	if ((advice == MADV_DOFORK && (v->flags & VM_IO)) || (advice == MADV_DODUMP && (v->flags & VM_SPECIAL)))
		return -EINVAL;
	return 0;
}

static int
change_flags(struct aspace *as, vaddr_t start, vaddr_t end, int advice, u32 set, u32 clear)
{
	struct vma *v = vma_find(as, start);
	bool hole = false;
	int err;

	while (v != NULL && v->start < end) {
		hole |= v->start > start;
		start = MAX(start, v->start);
		err = check_flag_advice(v, advice);
		if (err != 0)
			return err;
		if (((v->flags & ~clear) | set) != v->flags) {
			err = vma_split_range(as, start, MIN(end, v->end));
			if (err != 0)
				return err == -ENOMEM ? -EAGAIN : err;
			v = vma_find(as, start);
			rwlock_write_lock(&v->lock);
			vma_set_access(v, v->prot, (v->flags & ~clear) | set);
			rwlock_write_unlock(&v->lock);
			v = vma_merge(v);
		}
		start = v->end;
		v = vma_next(v);
	}
	return hole || start < end ? -ENOMEM : 0;
}

/* --- advice about pages --- */

static int
punch_hole(struct vma *v, vaddr_t start, vaddr_t end)
{
	off_t off = (off_t)(vma_index(v, start) << PAGE_SHIFT), len = (off_t)(end - start);

	if (v->mapping == NULL || (v->flags & VM_LOCKED))
		return -EINVAL;
	if (!(v->flags & VM_SHARED) || !(v->flags & VM_MAYWRITE))
		return -EACCES;
	if (v->shared != NULL) {
		struct shared_anon *sa = v->shared;

		shared_anon_get(sa);
		vma_unlock(v);
		mapping_truncate(&sa->mapping, off, off + len);
		shared_anon_put(sa);
		return 1;
	}
	if (v->file->ops->fallocate != NULL) {
		struct file *f = v->file;
		int err;

		file_get(f);
		vma_unlock(v);
		err = f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
		file_put(f);
		return err != 0 ? err : 1;
	}
	return -EOPNOTSUPP;
}

/* The space isn't locked while this waits for room in a disk's queue. */
static int
will_need(struct vma *v, vaddr_t start, vaddr_t end)
{
	u64 index = vma_index(v, start);
	struct file *f = v->file;

	if (v->mapping == NULL || (v->mapping->flags & MAPPING_MEMORY) || f == NULL)
		return 0;
	file_get(f);
	vma_unlock(v);
	readahead_force(f->mapping, index, (end - start) >> PAGE_SHIFT);
	file_put(f);
	return 1;
}

/* On the part of v, which is locked shared. 1: done, and v was unlocked. */
static int
advise_vma(struct vma *v, vaddr_t start, vaddr_t end, int advice)
{
	switch (advice) {
	case MADV_FREE:
		/* At once, as DONTNEED does: the call lets us free at any time until the page is written, and a write from now on finds
		 * a fresh page, which stays. */
		if (!vma_anonymous(v) || (v->flags & VM_SHARED))
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED:
		if (v->flags & VM_LOCKED)
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED_LOCKED:
		if (v->flags & (VM_PFNMAP | VM_IO))
			return -EINVAL;
		return zap_range(v, start, end, 0);
	case MADV_REMOVE:
		return punch_hole(v, start, end);
	case MADV_WILLNEED:
		return will_need(v, start, end);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return v->flags & (VM_LOCKED | VM_PFNMAP) ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int
advise_pages(struct aspace *as, vaddr_t start, vaddr_t end, int advice)
{
	bool hole = false;

	while (start < end) {
		struct vma *v;
		vaddr_t stop;
		int err;

		rwlock_read_lock(&as->lock);
		v = vma_find(as, start);
		if (v == NULL || v->start >= end) {
			rwlock_read_unlock(&as->lock);
			return -ENOMEM;
		}
		rwlock_read_lock(&v->lock);
		rwlock_read_unlock(&as->lock);
		hole |= v->start > start;
		start = MAX(start, v->start);
		stop = MIN(end, v->end);
		err = advise_vma(v, start, stop, advice);
		if (err != 1)
			vma_unlock(v);
		if (err < 0)
			return err;
		start = stop;
	}
	return hole ? -ENOMEM : 0;
}

static int
populate_advice(struct aspace *as, vaddr_t start, vaddr_t end, bool write)
{
	int err = 0;

	for (vaddr_t va = start; va < end && err == 0; va += PAGE_SIZE) {
		if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			return -EINTR;
		err = fault_handle(as, va, write ? FAULT_WRITE : 0);
	}
	if (err == -EFAULT)
		return -ENOMEM;		/* nothing mapped */
	if (err == -EACCES)
		return -EINVAL;
	return err == 0 || err == -ENOMEM || err == -EINTR ? err : -EFAULT;
}

int
aspace_madvise(struct aspace *as, vaddr_t addr, u64 len, int advice)
{
	u32 set, clear;
	int err;

	if (flag_advice(advice, &set, &clear)) {
		if (len == 0)
			return 0;
		err = rwlock_write_lock_killable(&as->lock);
		if (err != 0)
			return err;
		err = change_flags(as, addr, addr + len, advice, set, clear);
		rwlock_write_unlock(&as->lock);
		return err;
	}
	switch (advice) {
	case MADV_FREE: case MADV_DONTNEED: case MADV_DONTNEED_LOCKED: case MADV_REMOVE: case MADV_WILLNEED: case MADV_COLD:
	case MADV_PAGEOUT:
		return advise_pages(as, addr, addr + len, advice);
	case MADV_POPULATE_READ: case MADV_POPULATE_WRITE:
		return populate_advice(as, addr, addr + len, advice == MADV_POPULATE_WRITE);
	case MADV_HWPOISON: case MADV_SOFT_OFFLINE:
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	}
	return -EINVAL;		/* merging of equal pages, collapsing, and what nobody knows */
}

/* --- msync --- */

/* Write v's part of its file out; the space is not locked meanwhile. */
static int
sync_part(struct aspace *as, vaddr_t start, vaddr_t end, u32 flags, vaddr_t *next, bool *hole)
{
	struct vma *v;
	struct file *f = NULL;
	off_t from = 0, to = 0;
	int err = 0;

	rwlock_read_lock(&as->lock);
	v = vma_find(as, start);
	if (v == NULL || v->start >= end) {
		rwlock_read_unlock(&as->lock);
		*next = end;
		*hole = true;
		return 0;
	}
	*hole |= v->start > start;
	start = MAX(start, v->start);
	*next = MIN(end, v->end);
	if ((flags & MS_INVALIDATE) && (v->flags & VM_LOCKED)) {
		err = -EBUSY;
	} else if ((flags & MS_SYNC) && v->file != NULL && (v->flags & VM_SHARED) && v->file->ops->fsync != NULL) {
		f = v->file;
		file_get(f);
		from = (off_t)(vma_index(v, start) << PAGE_SHIFT);
		to = from + (off_t)(*next - start) - 1;
	}
	rwlock_read_unlock(&as->lock);
	if (f != NULL) {
		err = f->ops->fsync(f, from, to, true);
		file_put(f);
	}
	return err;
}

int
aspace_msync(struct aspace *as, vaddr_t addr, u64 len, u32 flags)
{
	vaddr_t end = addr + len;
	bool hole = false;
	int err = 0;

	while (addr < end && err == 0)
		err = sync_part(as, addr, end, flags, &addr, &hole);
	return err != 0 ? err : hole ? -ENOMEM : 0;
}

/* --- mincore --- */

static u8
page_resident(struct vma *v, vaddr_t va)
{
	struct spinlock *lock;
	struct page *pg;
	bool huge, there;
	pte_t *pte = arch_pte_find(&v->as->arch, va, &lock, &huge);

	if (pte != NULL && arch_pte_present(arch_pte_read(pte)))
		return 1;
	if (v->mapping == NULL)
		return 0;
	pg = mapping_find(v->mapping, vma_index(v, va));
	if (pg == NULL)
		return 0;
	there = page_flag(pg, PG_UPTODATE);
	page_put(pg);
	return there;
}

int
aspace_mincore(struct aspace *as, vaddr_t addr, u64 n, u8 *vec)
{
	struct vma *v = NULL;
	int err = 0;

	rwlock_read_lock(&as->lock);
	for (u64 i = 0; i < n; i++, addr += PAGE_SIZE) {
		if (v == NULL || addr >= v->end)
			v = vma_find(as, addr);
		if (v == NULL || v->start > addr) {
			err = -ENOMEM;
			break;
		}
		vec[i] = page_resident(v, addr);
	}
	rwlock_read_unlock(&as->lock);
	return err;
}
