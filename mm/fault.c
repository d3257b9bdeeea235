/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page faults: from the trap to the VMA, and from its kind to what fills the page (fault_anon.c, fault_file.c).
 *
 * The VMA's lock is held shared all along, so that its bounds and protection stand; an entry changes only under the lock of
 * its table. What a fault prepares without that lock it checks again under it: somebody may have been faster, and then the
 * instruction is simply tried again.
 */
#include "arch/thread.h"
#include "arch/trap.h"
#include "mm/oom.h"
#include "mm/vma.h"
#include "sys/abi/errno.h"
#include "sys/abi/signal.h"
#include "sys/preempt.h"
#include "sys/thread.h"

static bool
access_allowed(const struct vma *v, int flags)
{
	if (flags & FAULT_FORCE)
		return !(flags & FAULT_WRITE) || (v->prot & PROT_WRITE) || (!(v->flags & VM_SHARED) && (v->flags & VM_MAYWRITE));
	if (flags & FAULT_WRITE)
		return v->prot & PROT_WRITE;
	if (flags & FAULT_EXEC)
		return v->prot & PROT_EXEC;
	return v->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* A huge leaf maps va: make it writable, split it, or there is nothing to do. */
static int
fault_huge_leaf(struct fault *f, pte_t *pte, struct spinlock *lock)
{
	pte_t e;

	spin_lock(lock);
	e = arch_pte_read(pte);
	if (!arch_pte_huge(e) || !f->write || arch_pte_writable(e) || !(f->v->prot & PROT_WRITE)) {
		spin_unlock(lock);
		return f->write && arch_pte_huge(e) && !arch_pte_writable(e) ? huge_split(f->v, f->va) : 0;
	}
	if (refcount_read(&pfn_to_page(arch_pte_pfn(e))->refs) == 1) {
		arch_pte_write(pte, arch_pte_mkdirty(arch_pte_mkwrite(e)));
		spin_unlock(lock);
		return 0;
	}
	spin_unlock(lock);
	return huge_split(f->v, f->va);
}

/* An entry is there: a write to a write-protected one, or a fault that has been resolved meanwhile. */
static int
fault_present(struct fault *f, pte_t *pte, struct spinlock *lock)
{
	pte_t e;

	spin_lock(lock);
	e = arch_pte_read(pte);
	if (f->write && arch_pte_present(e) && !arch_pte_writable(e)) {
		if ((f->v->flags & VM_SHARED) && !pte_special(e))
			return fault_shared_write(f, pte, lock, e);
		if (!(f->v->flags & VM_SHARED))
			return fault_cow(f, pte, lock, e);
	}
	if (arch_pte_present(e)) {
		e = arch_pte_mkaccessed(e);
		arch_pte_write(pte, f->write && arch_pte_writable(e) ? arch_pte_mkdirty(e) : e);
	}
	spin_unlock(lock);
	return 0;
}

static int
fault_in_vma(struct fault *f)
{
	struct spinlock *lock;
	bool huge;
	pte_t *pte = arch_pte_find(&f->as->arch, f->va, &lock, &huge);

	if (pte != NULL && huge)
		return fault_huge_leaf(f, pte, lock);
	if (pte != NULL && !arch_pte_none(arch_pte_read(pte)))
		return fault_present(f, pte, lock);
	if (f->v->ops != NULL && f->v->ops->fault != NULL)
		return fault_special(f);
	if (f->v->mapping != NULL)
		return fault_file(f);
	return f->v->ops == NULL ? fault_anon(f) : -ENXIO;
}

int
fault_handle(struct aspace *as, vaddr_t va, int flags)
{
	struct fault f = { .as = as, .va = va & PAGE_MASK, .flags = flags, .write = flags & FAULT_WRITE };
	int err;

	f.v = vma_find_locked(as, va);
	if (f.v == NULL)
		return -EFAULT;
	if (access_allowed(f.v, flags)) {
		f.index = vma_index(f.v, f.va);
		err = fault_in_vma(&f);
	} else {
		err = -EACCES;
	}
	vma_unlock(f.v);
	mem_count(f.major ? MC_PGMAJFAULT : MC_PGFAULT, 1);
	if (f.major) {
		mem_count(MC_PGFAULT, 1);
		atomic_add_relaxed(&as->majflt, 1);
	} else {
		atomic_add_relaxed(&as->minflt, 1);
	}
	return err;
}

/* --- from the trap --- */

/* Bits of x86's error code, which si_* and core dumps of this ABI show. */
static u64
error_bits(int flags)
{
	return (flags & FAULT_PROTECTION ? 1 : 0) | (flags & FAULT_WRITE ? 2 : 0) | (flags & FAULT_USER ? 4 : 0) |
		(flags & FAULT_EXEC ? 16 : 0);
}

static void
send_signal(struct trapframe *tf, vaddr_t va, int flags, int err)
{
	if (err == -EFAULT)
		trap_user_exception(tf, SIGSEGV, SEGV_MAPERR, va, 14, error_bits(flags));
	else if (err == -EACCES)
		trap_user_exception(tf, SIGSEGV, SEGV_ACCERR, va, 14, error_bits(flags));
	else
		trap_user_exception(tf, SIGBUS, BUS_ADRERR, va, 14, error_bits(flags));
}

int
trap_page_fault(struct trapframe *tf, vaddr_t va, int flags)
{
	struct thread *t = thread_current();
	bool user = flags & FAULT_USER;
	int err = -EFAULT;

	if (!user && (t->as == NULL || t->no_fault_depth != 0 || in_atomic() || !arch_irqs_enabled()))
		return -EFAULT;
	if (va < ARCH_USER_MAX)
		err = fault_handle(t->as, va, flags);
	if (likely(err == 0)) {
		if (user)		/* else who copies may hold locks */
			writeback_throttle();
		return 0;
	}
	if (err == -ENOMEM) {
		if (oom_kill("page fault") && (user || !thread_fatal_pending(t)))
			return 0;		/* again; or the signal first */
		if (!user)
			return -EFAULT;
		trap_user_exception(tf, SIGBUS, BUS_ADRERR, va, 14, error_bits(flags));	/* nobody left to kill: not this, then */
		return 0;
	}
	if (err == -EINTR)
		return user ? 0 : -EFAULT;	/* a fatal signal came while it waited for a disk */
	if (!user)
		return -EFAULT;
	send_signal(tf, va, flags, err);
	return 0;
}

int
aspace_populate(struct aspace *as, vaddr_t start, vaddr_t end)
{
	struct vma *v;
	int err = 0;

	for (vaddr_t va = start; va < end && err == 0; va += PAGE_SIZE) {
		int flags = 0;

		if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			return -EINTR;
		v = vma_find_locked(as, va);
		if (v == NULL)
			return -ENOMEM;
		if ((v->prot & PROT_WRITE) && !(v->flags & VM_SHARED))
			flags |= FAULT_WRITE;
		if (v->prot == PROT_EXEC)
			flags |= FAULT_EXEC;
		vma_unlock(v);
		err = fault_handle(as, va, flags);
	}
	return err;
}
