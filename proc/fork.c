/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone(2): a new thread, in the same process or in one of its own.
 *
 * Everything that can fail is made first (struct builder). Then, under the tree lock and the parent's signal lock, the new thread
 * is linked in: from there on signals sent to the group find it, so one that came meanwhile makes the fork start again.
 */
#include "proc/pidfd.h"
#include "proc/proc.h"
#include "proc/ptrace.h"

#include "arch/thread.h"
#include "fs/fdtable.h"
#include "fs/path.h"
#include "proc/ipc.h"
#include "sys/job_control.h"
#include "sys/abi/sched.h"

/* What process_fork has made so far; on failure build_undo gives it back. */
struct builder {
	u64 flags;
	struct thread *t;
	struct process *p;		/* CLONE_THREAD: the current one */
	struct proc_thread *pt;
	struct pid *pid;
	bool counted;
	bool charged;			/* one of the user's nproc is ours, until pt has it */
	u32 group_signal_seq;		/* of the parent, at the start */
	struct file *pidfd;		/* to be installed at pidfd_nr; NULL: none */
	int pidfd_nr;
	u32 trace_event;		/* PTRACE_EVENT_*: the tracer wants to know, and to trace the child; 0: no */
};

static int
check_flags(u64 flags)
{
	const u64 namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
		CLONE_NEWTIME;

	if ((flags & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS) ||
	    (flags & (CLONE_NEWUSER | CLONE_FS)) == (CLONE_NEWUSER | CLONE_FS))
		return -EINVAL;
	if ((flags & CLONE_THREAD) != 0 && (flags & CLONE_SIGHAND) == 0)
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) != 0 && (flags & CLONE_VM) == 0)
		return -EINVAL;
	if ((flags & CLONE_PARENT) != 0 && is_init(process_current()))
		return -EINVAL;
	if ((flags & CLONE_THREAD) != 0 && (flags & (CLONE_NEWUSER | CLONE_NEWPID)) != 0)
		return -EINVAL;
	if ((flags & CLONE_PIDFD) != 0 && (flags & (CLONE_THREAD | CLONE_DETACHED)) != 0)
		return -EINVAL;
	if ((flags & namespaces & ~CLONE_NEWUSER) != 0 && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return (flags & namespaces) != 0 ? -EINVAL : 0;	/* as a Linux that was built without them */
}

/* RLIMIT_NPROC and threads-max: counted first and then compared, so that two forks at once cannot both have the last one. */
static int
count_thread(struct builder *b)
{
	struct user_counts *user = pt_current()->user;

	b->charged = true;
	if (atomic_add(&user->nproc, 1) > rlimit_current(RLIMIT_NPROC) && user->uid.val != 0 &&
	    !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -EAGAIN;
	if (!proc_thread_count_inc())
		return -EAGAIN;
	b->counted = true;
	return 0;
}

/* The process part: handlers shared or copied, terminal inherited. */
static int
build_process(struct builder *b)
{
	struct process *parent = process_current();
	struct sighand *sh;
	u64 irq;

	if ((b->flags & CLONE_THREAD) != 0) {
		b->p = parent;
		process_get(parent);
		return 0;
	}
	b->p = process_alloc(parent);
	if (b->p == NULL)
		return -ENOMEM;
	if ((b->flags & CLONE_SIGHAND) != 0) {
		/* The own thread keeps the handlers from being replaced by an exec. */
		refcount_get(&parent->sighand->refs);
		b->p->sighand = parent->sighand;
	} else {
		b->p->sighand = sighand_create(NULL);
		if (b->p->sighand == NULL)
			return -ENOMEM;
	}
	sh = sighand_lock(parent, &irq);
	if (b->p->sighand != sh)
		memcpy(b->p->sighand->action, sh->action, sizeof(sh->action));
	if ((b->flags & CLONE_CLEAR_SIGHAND) != 0)
		sighand_clear(b->p->sighand);
	b->p->tty = parent->tty;
	if (b->p->tty != NULL)
		tty_get(b->p->tty);
	sighand_unlock(sh, irq);
	return 0;
}

/* The per-thread part: mask, ids, address space, files. */
static int
build_thread(struct builder *b)
{
	struct thread *t = b->t, *cur = thread_current();
	struct proc_thread *pt;
	int err;

	pt = b->pt = proc_thread_alloc(t, b->p);
	if (pt == NULL)
		return -ENOMEM;
	pt->user = cur->pt->user;
	user_counts_get(pt->user);
	b->charged = false;		/* proc_thread_free takes it back */
	pt->blocked = cur->pt->blocked;
	pt->ioprio = atomic_load_relaxed(&cur->pt->ioprio);
	pt->default_timer_slack = pt->timer_slack = cur->pt->timer_slack;
	if ((b->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
		pt->altstack_sp = cur->pt->altstack_sp;
		pt->altstack_size = cur->pt->altstack_size;
		pt->altstack_flags = cur->pt->altstack_flags;
	}
	if ((b->flags & CLONE_VM) == 0) {
		t->rseq = cur->rseq;
		pt->rseq = cur->pt->rseq;
		pt->rseq_sig = cur->pt->rseq_sig;
	}
	memcpy(t->name, cur->name, sizeof(t->name));
	t->cred = cred_get(cur->cred);
	t->nsset = cur->nsset;
	if ((b->flags & CLONE_FILES) != 0) {
		files_get(cur->files);
		t->files = cur->files;
	} else if ((err = files_copy(cur->files, &t->files)) != 0) {
		return err;
	}
	if ((b->flags & CLONE_FS) != 0) {
		fsctx_get(cur->fsctx);
		t->fsctx = cur->fsctx;
	} else if ((t->fsctx = fsctx_copy(cur->fsctx)) == NULL) {
		return -ENOMEM;
	}
	if ((b->flags & CLONE_VM) != 0) {
		aspace_get_user(cur->as);
		t->as = cur->as;
	} else if ((err = aspace_fork(cur->as, &t->as)) != 0) {
		return err;
	}
	if (b->p != cur->proc)
		b->p->as = t->as;
	return ipc_fork(pt, (b->flags & CLONE_SYSVSEM) != 0);
}

/* Nobody has seen it: take all apart. */
static void
build_undo(struct builder *b)
{
	struct thread *t = b->t;

	if (b->pidfd != NULL) {
		fd_unreserve(b->pidfd_nr);
		file_put(b->pidfd);
	}
	if (b->pid != NULL) {
		pid_free_number(b->pid);
		pid_put(b->pid);
	}
	if (t != NULL) {
		if (t->as != NULL)
			aspace_put_user(t->as);
		if (t->fsctx != NULL)
			fsctx_put(t->fsctx);
		if (t->files != NULL)
			files_put(t->files);
		if (t->cred != NULL)
			cred_put(t->cred);
		t->as = NULL;
		t->fsctx = NULL;
		t->files = NULL;
		t->cred = NULL;
		t->pt = NULL;
		t->proc = NULL;
		thread_discard(t);
	}
	if (b->pt != NULL) {
		ipc_unfork(b->pt);
		proc_thread_free(b->pt);
	}
	if (b->p != NULL)
		process_put(b->p);
	if (b->charged)
		atomic_sub(&pt_current()->user->nproc, 1);
	if (b->counted)
		proc_thread_count_dec();
}

/* Signals that are pending are handled first, so that the child is made after the handler ran: -ERESTARTNOINTR. */
static int
check_signals(struct builder *b)
{
	struct process *p = process_current();
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	b->group_signal_seq = p->group_signal_seq;
	signal_recalc(pt_current());
	sighand_unlock(sh, irq);
	return thread_signal_pending(thread_current()) ? -ERESTARTNOINTR : 0;
}

/* The new thread becomes visible. -ERESTARTNOINTR: a signal for the whole process group came since check_signals, and the child
 * would have missed it; or the process is ending. */
static int
link_in(struct builder *b)
{
	struct process *cur = process_current(), *parent = cur;
	struct proc_thread *me = pt_current();
	struct sighand *sh;
	u64 irq, irq2;
	int err = 0;

	irq = proctree_lock_irq();
	sh = sighand_lock(cur, &irq2);
	if (cur->group_signal_seq != b->group_signal_seq || (atomic_load_relaxed(&me->thread->work) & TW_EXIT) != 0) {
		thread_set_work(me->thread, TW_SIGNAL);
		err = -ERESTARTNOINTR;
		goto out_unlock;
	}
	if ((b->flags & CLONE_THREAD) != 0) {
		process_link_thread(cur, b->pt, b->pid);
		if (me->stop_pending) {		/* a stop began: the new one takes part */
			b->pt->stop_pending = b->pt->stop_counted = true;
			b->pt->stop_sig = me->stop_sig;
			cur->stop_count++;
			thread_set_work(b->t, TW_SIGNAL);
		}
		goto out_linked;
	}
	if ((b->flags & CLONE_PARENT) != 0) {
		parent = cur->parent;
		b->p->parent_thread = cur->parent_thread;
		b->p->exit_signal = cur->exit_signal;
	} else {
		b->p->parent_thread = me->thread;
	}
	sighand_unlock(sh, irq2);
	sh = sighand_lock(b->p, &irq2);
	process_link(b->p, parent, b->pt, b->pid);
	process_get(b->p);	/* the tree's; ours goes with the builder */
out_linked:
	ptrace_fork(b->pt, b->trace_event != 0 || (b->flags & CLONE_PTRACE) != 0);
	b->pid = NULL;		/* belongs to the thread now */
out_unlock:
	sighand_unlock(sh, irq2);
	proctree_unlock_irq(irq);
	return err;
}

/* In the child, before it first sees user mode. */
static void
store_child_tid(struct task_work *work)
{
	struct proc_thread *pt = container_of(work, struct proc_thread, set_tid_work);

	/* As Linux: a bad address is the caller's loss. */
	if (put_user_u32((u32)pid_nr(pt->tid), (u32 __user *)pt->set_child_tid) != 0)
		return;
}

/* CLONE_PIDFD: the number is told now, the file gets there when the child exists. */
static int
build_pidfd(struct builder *b, const struct fork_args *a)
{
	int err;

	b->pidfd_nr = fd_reserve(0, true);
	if (b->pidfd_nr < 0)
		return b->pidfd_nr;
	err = pidfd_create_file(b->pid, false, &b->pidfd);
	if (err != 0) {
		fd_unreserve(b->pidfd_nr);
		return err;
	}
	return put_user_u32((u32)b->pidfd_nr, a->pidfd);
}

static int
build(struct builder *b, const struct fork_args *a)
{
	int err;

	if ((err = count_thread(b)) != 0 || (err = thread_create_user(&b->t)) != 0 || (err = build_process(b)) != 0 ||
	    (err = build_thread(b)) != 0)
		return err;
	err = arch_thread_init_fork(b->t, a->stack, (b->flags & CLONE_SETTLS) != 0, a->tls);
	if (err != 0)
		return err;
	if ((b->flags & CLONE_CHILD_CLEARTID) != 0)
		b->pt->clear_child_tid = a->child_tid;
	if ((b->flags & CLONE_CHILD_SETTID) != 0) {
		b->pt->set_child_tid = a->child_tid;
		b->pt->set_tid_work.func = store_child_tid;
		task_work_add(b->t, &b->pt->set_tid_work);
	}
	if (b->p != process_current())
		b->p->exit_signal = a->exit_signal;
	err = pid_alloc(a->set_tid, &b->pid);
	if (err == 0 && (b->flags & CLONE_PIDFD) != 0)
		err = build_pidfd(b, a);
	return err;
}

/* vfork: sleep until the child has another address space. A fatal signal ends the wait. */
static void
vfork_wait(struct builder *b, struct completion *done)
{
	int err = completion_wait_killable(done);
	u64 irq;

	/* Also when it is done: the child may be inside completion_complete() yet, and `done` is on our stack. */
	irq = spin_lock_irqsave(&b->p->lock);
	if (err != 0)
		b->pt->vfork_done = NULL;
	spin_unlock_irqrestore(&b->p->lock, irq);
}

/* The new thread's number, or -errno: -EAGAIN, -ENOMEM, -EINVAL, -EPERM, -EEXIST, -EMFILE, -ENFILE, -EFAULT, -ERESTARTNOINTR. */
long
process_fork(const struct fork_args *a)
{
	struct builder b = { .flags = a->flags, .trace_event = ptrace_fork_event(a->flags, a->exit_signal) };
	struct completion vfork_done;
	pid_t nr;
	int err;

	err = check_flags(a->flags);
	if (err == 0)
		err = check_signals(&b);
	if (err != 0)
		return err;
	err = build(&b, a);
	if (err != 0)
		goto out_undo;
	nr = pid_nr(b.pid);
	b.t->pt = b.pt;
	b.t->proc = b.p;
	b.t->sighand = b.p->sighand;
	if ((a->flags & CLONE_VFORK) != 0) {
		completion_init(&vfork_done);
		b.pt->vfork_done = &vfork_done;
	}
	/* A bad address is the caller's loss here too; it is written before the child runs. */
	if ((a->flags & CLONE_PARENT_SETTID) != 0)
		err = put_user_u32((u32)nr, a->parent_tid);
	thread_get(b.t);	/* proc/'s */
	thread_get(b.t);	/* ours, for as long as we look at it */
	err = link_in(&b);
	if (err != 0) {
		thread_put(b.t);
		thread_put(b.t);
		goto out_undo;
	}
	if (b.pidfd != NULL)
		fd_install(b.pidfd_nr, b.pidfd);
	thread_wake(b.t);
	if (b.trace_event != 0)
		ptrace_event((int)b.trace_event, (u64)nr);
	if ((a->flags & CLONE_VFORK) != 0) {
		vfork_wait(&b, &vfork_done);
		ptrace_event(PTRACE_EVENT_VFORK_DONE, (u64)nr);
	}
	thread_put(b.t);
	process_put(b.p);
	return nr;

out_undo:
	build_undo(&b);
	return err;
}
