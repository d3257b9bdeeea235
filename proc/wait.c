/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for children: wait4(2) and waitid(2) in one. A child is looked at under the tree lock; what is found is copied out, and a
 * zombie that is not only looked at (WNOWAIT) leaves the tree there and then, so that one waiter gets it.
 */
#include "proc/proc.h"

#include "sys/abi/wait.h"

/* proctree_lock held. Is child one of those asked for? */
static bool
eligible(const struct wait_request *w, const struct process *child)
{
	bool clone = child->exit_signal != SIGCHLD;

	if (w->type == P_PID && child->pids[PID_TGID] != w->pid)
		return false;
	if (w->type == P_PGID && child->pids[PID_PGID] != w->pid)
		return false;
	if ((w->options & __WNOTHREAD) != 0 && child->parent_thread != thread_current())
		return false;
	return (w->options & __WALL) != 0 || clone == ((w->options & __WCLONE) != 0);
}

static void
found(struct wait_request *w, struct process *child, int status, int code, int si_status)
{
	w->found = process_pid(child);
	w->status = status;
	w->code = code;
	w->si_status = si_status;
	rcu_read_lock();
	w->uid = proc_cred_rcu(child->leader)->uid.val;
	rcu_read_unlock();
	process_usage_locked(child, &w->usage);
	proc_usage_add(&w->usage, &child->children_usage);
}

static bool
take_zombie(struct wait_request *w, struct process *child)
{
	struct process *p = process_current();
	int term = child->exit_code & 0x7f;

	if (term == 0)
		found(w, child, child->exit_code, CLD_EXITED, child->exit_code >> 8 & 0xff);
	else
		found(w, child, child->exit_code, child->exit_code & WSTATUS_CORE ? CLD_DUMPED : CLD_KILLED, term);
	if ((w->options & WNOWAIT) == 0) {
		proc_usage_add(&p->children_usage, &w->usage);
		process_release(child);
	}
	return true;
}

/* Stopped or continued, and not told yet. */
static bool
take_stop(struct wait_request *w, struct process *child)
{
	u64 irq;
	struct sighand *sh = sighand_lock(child, &irq);
	u32 take = 0;

	if ((w->options & WUNTRACED) != 0 && (child->stop_flags & STOP_REPORT) != 0)
		take = STOP_REPORT;
	else if ((w->options & WCONTINUED) != 0 && (child->stop_flags & STOP_CONTINUED) != 0)
		take = STOP_CONTINUED;
	if ((w->options & WNOWAIT) == 0)
		child->stop_flags &= ~take;
	sighand_unlock(sh, irq);
	if (take == STOP_REPORT)
		found(w, child, WSTATUS_STOP(child->stop_sig), CLD_STOPPED, child->stop_sig);
	else if (take == STOP_CONTINUED)
		found(w, child, WSTATUS_CONTINUED, CLD_CONTINUED, SIGCONT);
	return take != 0;
}

/* 1: found; 0: not yet; -ECHILD: nothing that w asks for will come of it. */
static int
look_at(struct wait_request *w, struct process *child)
{
	if (!eligible(w, child) || (child->state == PROC_ZOMBIE && (w->options & WEXITED) == 0))
		return -ECHILD;
	return child->state == PROC_ZOMBIE ? take_zombie(w, child) : take_stop(w, child);
}

/* The same for all whom w may mean. One process is found by its number: a parent of many does not search them under the tree's lock. */
static int
scan(struct wait_request *w)
{
	struct process *p = process_current(), *child, *next;
	struct proc_thread *pt;
	int result = -ECHILD, r;
	u64 irq;

	if (w->type != P_ALL && w->pid == NULL)
		return -ECHILD;
	irq = proctree_lock_irq();
	if (w->type == P_PID) {
		pt = pid_bearer(w->pid, PID_TGID);
		if (pt != NULL && pt->proc->parent == p)
			result = look_at(w, pt->proc);
	} else {
		list_for_each_safe(child, next, &p->children, sibling) {
			r = look_at(w, child);
			result = MAX(result, r);
			if (r == 1)
				break;
		}
	}
	proctree_unlock_irq(irq);
	return result;
}

/*
 * Wait as w says. 0: w->found tells which child, 0 for none with WNOHANG. -ECHILD, -ERESTARTSYS.
 */
int
process_wait(struct wait_request *w)
{
	struct process *p = process_current();
	struct waiter waiter;
	int n;

	w->found = 0;
	waiter_init(&waiter);
	for (;;) {
		waitq_prepare(&p->wait_children, &waiter, THREAD_INTERRUPTIBLE);
		n = scan(w);
		if (n != 0 || (w->options & WNOHANG) != 0)
			break;
		if (thread_signal_pending(thread_current())) {
			n = -ERESTARTSYS;
			break;
		}
		thread_schedule();
	}
	waitq_finish(&p->wait_children, &waiter);
	return MIN(n, 0);
}
