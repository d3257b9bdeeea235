/* SPDX-License-Identifier: BSD-2-Clause */
/* unshare(2): the current thread's own copy of what clone(2) made it share. */
#include "proc/proc.h"

#include "fs/fdtable.h"
#include "fs/path.h"
#include "proc/ipc.h"
#include "syscall_protos.h"
#include "sys/abi/sched.h"

#define NAMESPACES	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define KNOWN		(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_NEWUSER | NAMESPACES)

/* Threads, handlers and memory cannot be taken apart: asking for it succeeds where nothing is shared. */
static int
check_shared(u64 flags)
{
	struct process *p = process_current();

	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) != 0 && READ_ONCE(p->nr_threads) != 1)
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_VM)) != 0 && refcount_read(&p->sighand->refs) > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) != 0 && refcount_read(&thread_current()->as->users) > 1)
		return -EINVAL;
	return 0;
}

static int
unshare_fsctx(void)
{
	struct thread *t = thread_current();
	struct fsctx *old = t->fsctx, *own;
	u64 irq;

	if (refcount_read(&old->refs) == 1)
		return 0;
	own = fsctx_copy(old);
	if (own == NULL)
		return -ENOMEM;
	irq = spin_lock_irqsave(&t->proc->lock);
	t->fsctx = own;
	spin_unlock_irqrestore(&t->proc->lock, irq);
	fsctx_put(old);
	return 0;
}

/* No namespaces but the first of each kind are here: the answers are those of a Linux that was built without them. */
long
sys_unshare(unsigned long flags)
{
	int err;

	flags = (u32)flags;
	if ((flags & CLONE_NEWUSER) != 0)
		flags |= CLONE_THREAD | CLONE_FS;
	if ((flags & CLONE_VM) != 0)
		flags |= CLONE_SIGHAND;
	if ((flags & CLONE_SIGHAND) != 0)
		flags |= CLONE_THREAD;
	if ((flags & ~KNOWN) != 0)
		return -EINVAL;
	err = check_shared(flags);
	if (err != 0)
		return err;
	if ((flags & CLONE_NEWUSER) != 0)
		return -EINVAL;
	if ((flags & NAMESPACES) != 0)
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	if ((flags & CLONE_FS) != 0)
		err = unshare_fsctx();
	if (err == 0 && (flags & CLONE_FILES) != 0)
		err = files_unshare();
	if (err == 0 && (flags & CLONE_SYSVSEM) != 0)
		ipc_unshare();
	return err;
}
