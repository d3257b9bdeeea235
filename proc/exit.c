/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a thread, and of a process with its last one.
 *
 * A thread lets go of what it shares, then takes its leave from the tree (notify): children get a new parent, a non-leader
 * disappears at once, and when all are gone the leader becomes the zombie that the parent waits for.
 */
#include "proc/proc.h"
#include "proc/ptrace.h"

#include "fs/fdtable.h"
#include "fs/path.h"
#include "proc/ipc.h"

/* Let the parent that waits in vfork go on: the address space is its own again. */
void
proc_thread_vfork_done(struct proc_thread *pt)
{
	struct process *p = pt->proc;
	u64 irq = spin_lock_irqsave(&p->lock);

	/* Under the lock: the parent's completion is on its stack, and goes when the parent gives up (fork.c). */
	if (pt->vfork_done != NULL) {
		completion_complete(pt->vfork_done);
		pt->vfork_done = NULL;
	}
	spin_unlock_irqrestore(&p->lock, irq);
}

/* What must be done to the address space before the thread leaves it, by exit or exec: locks it holds, its tid word. */
void
proc_thread_release_user(struct proc_thread *pt)
{
	struct aspace *as = pt->thread->as;

	futex_exit(pt);
	if (pt->clear_child_tid != 0) {
		/* Nobody is left to look at it where the space has no other user. */
		if (refcount_read(&as->users) > 1 && put_user_u32(0, (u32 __user *)pt->clear_child_tid) == 0)
			(void)futex_wake_user(pt->clear_child_tid, 1);
		pt->clear_child_tid = 0;
	}
	proc_thread_vfork_done(pt);
}

static void
leave_aspace(struct proc_thread *pt, bool last)
{
	struct process *p = pt->proc;
	struct aspace *as = pt->thread->as;
	struct proc_usage u = { 0 };
	struct sighand *sh;
	u64 irq, irq2;

	if (as == NULL)
		return;
	proc_thread_release_user(pt);
	if (last) {
		irq = proctree_lock_irq();
		u = (struct proc_usage){ .minflt = as->minflt, .majflt = as->majflt,
			.maxrss = proc_maxrss(as) };
		sh = sighand_lock(p, &irq2);
		proc_usage_add(&p->dead_threads, &u);
		spin_lock(&p->lock);
		p->as = NULL;
		spin_unlock(&p->lock);
		sighand_unlock(sh, irq2);
		proctree_unlock_irq(irq);
	}
	aspace_activate(NULL);
	pt->thread->as = NULL;
	aspace_put_user(as);
}

static void
leave_files(struct thread *t)
{
	struct process *p = t->proc;
	struct files *files;
	struct fsctx *fsctx;
	u64 irq = spin_lock_irqsave(&p->lock);

	files = t->files;
	fsctx = t->fsctx;
	t->files = NULL;
	t->fsctx = NULL;
	spin_unlock_irqrestore(&p->lock, irq);
	if (files != NULL)
		files_put(files);
	task_work_run();	/* files whose release was put off: while paths can still be walked */
	if (fsctx != NULL)
		fsctx_put(fsctx);
}

/* --- leaving the tree; proctree_lock held --- */

static struct process *
find_reaper(struct process *p)
{
	struct process *r;

	for (r = p->parent; r != NULL && !is_init(r); r = r->parent)
		if (r->child_subreaper && atomic_load_relaxed(&r->nr_live) != 0)
			return r;
	return init_process;
}

static void
send_parent_death(struct process *child)
{
	struct proc_thread *pt;
	struct siginfo_k info;

	process_for_each_thread(pt, child)
		if (pt->pdeath_signal != 0) {
			siginfo_init(&info, pt->pdeath_signal, SI_USER);
			info.abi.kill.pid = process_pid(process_current());
			info.abi.kill.uid = cred_current()->uid.val;
			(void)signal_send_process(child, pt->pdeath_signal, &info);
		}
}

/* The children that t made belong to another thread of the process now, or, when it was the last, to the reaper. */
static void
give_children_away(struct process *p, struct thread *t, bool last)
{
	struct process *child, *next, *reaper;
	struct proc_thread *i, *heir = NULL;

	if (list_empty(&p->children))
		return;
	reaper = last ? find_reaper(p) : p;
	if (!last)
		process_for_each_thread(i, p)
			if (i->thread != t && !i->dead) {
				heir = i;
				break;
			}
	list_for_each_safe(child, next, &p->children, sibling) {
		if (!last && child->parent_thread != t)
			continue;
		child->parent_thread = heir != NULL ? heir->thread : reaper->leader;
		send_parent_death(child);
		if (!last)
			continue;
		child->parent = reaper;
		list_move_tail(&reaper->children, &child->sibling);
		child->exit_signal = SIGCHLD;
		if (child->state == PROC_ZOMBIE && child->leader->pt->trace == 0 && process_notify_parent(child)) {
			process_release(child);
			continue;
		}
		pgrp_hangup_if_orphaned(child, p);
	}
}

/* The process is dead: tell the parent, or go at once. */
static void
become_zombie(struct process *p)
{
	p->state = PROC_ZOMBIE;
	p->exit_code = (int)process_death_code(p->leader->pt);
	waitq_wake_all(&p->pids[PID_TGID]->wq);
	if (ptrace_reparented(p->leader->pt)) {
		(void)ptrace_notify_death(p->leader->pt, SIGCHLD);	/* it waits, then the parent is told */
		return;
	}
	if (process_notify_parent(p))
		process_release(p);
}

void
process_reap_thread(struct process *p, struct proc_thread *pt)
{
	struct sighand *sh;
	u64 irq;

	sh = sighand_lock(p, &irq);
	process_unlink_thread(p, pt);
	sighand_unlock(sh, irq);
	waitq_wake_all(&p->exec_wq);
	if (p->nr_threads == 1 && p->leader->pt->dead && p->state == PROC_ALIVE)
		become_zombie(p);
}

static void
notify(struct proc_thread *pt, bool last)
{
	struct process *p = pt->proc;
	struct sighand *sh;
	bool keep;
	u64 irq, irq2;

	irq = proctree_lock_irq();
	ptrace_exit_tracer(pt);
	give_children_away(p, pt->thread, last);
	if (last)
		pgrp_hangup_if_orphaned(p, NULL);
	sh = sighand_lock(p, &irq2);
	pt->dead = true;
	sigpending_flush(&pt->pending);
	keep = pt->thread == p->leader || pt->trace != 0;
	if (!keep)
		process_unlink_thread(p, pt);
	sighand_unlock(sh, irq2);
	if (p->group_exec_thread != NULL)
		waitq_wake_all(&p->exec_wq);
	if (keep && pt->thread != p->leader && ptrace_notify_death(pt, SIGCHLD))
		process_reap_thread(p, pt);
	else if (p->nr_threads == 1 && p->leader->pt->dead)
		become_zombie(p);
	proctree_unlock_irq(irq);
}

__noreturn void
thread_exit_user(int wait_status)
{
	struct thread *t = thread_current();
	struct proc_thread *pt = t->pt;
	struct process *p = t->proc;
	bool last;

	if (in_atomic())
		panic("exit of %s[%d] in atomic context", t->name, thread_tid(t));
	ptrace_exit(wait_status);
	pt->exit_code = (u32)wait_status;
	signal_exit_thread(pt);
	last = atomic_sub(&p->nr_live, 1) == 0;
	if (last && is_init(p))
		panic("Attempted to kill init! exitcode=0x%08x", p->group_exit ? (u32)p->group_exit_code : (u32)wait_status);
	if (last) {
		itimer_cancel(p);
		posix_timers_exit(p);
	}
	leave_aspace(pt, last);
	ipc_exit(pt);
	leave_files(t);
	if (last)
		job_leader_exit(p);
	notify(pt, last);
	thread_exit();
}

__noreturn void
process_exit_group(int wait_status)
{
	struct thread *t = thread_current();
	struct process *p = t->proc;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	if (p->group_exit) {
		wait_status = p->group_exit_code;
	} else if (p->group_exec_thread != NULL && p->group_exec_thread != t) {
		wait_status = 0;	/* an exec ends this thread anyway; the process goes on */
	} else {
		signal_group_kill_locked(p, wait_status);
	}
	sighand_unlock(sh, irq);
	thread_exit_user(wait_status);
}
