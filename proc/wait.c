/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for children: wait4(2) and waitid(2) in one. A child is looked at under the tree lock; what is found is copied out, and a
 * zombie that is not only looked at (WNOWAIT) leaves the tree there and then, so that one waiter gets it.
 */
#include "proc/proc.h"
#include "proc/ptrace.h"

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

void
wait_found(struct wait_request *w, struct proc_thread *pt, int status, int code, int si_status)
{
	struct process *child = pt->proc;

	w->found = pid_nr(pt->tid);
	w->status = status;
	w->code = code;
	w->si_status = si_status;
	rcu_read_lock();
	w->uid = proc_cred_rcu(pt->thread)->uid.val;
	rcu_read_unlock();
	process_usage_locked(child, &w->usage);
	proc_usage_add(&w->usage, &child->children_usage);
}

void
wait_found_zombie(struct wait_request *w, struct process *child)
{
	int term = child->exit_code & 0x7f;

	if (term == 0)
		wait_found(w, child->leader->pt, child->exit_code, CLD_EXITED, child->exit_code >> 8 & 0xff);
	else
		wait_found(w, child->leader->pt, child->exit_code, child->exit_code & WSTATUS_CORE ? CLD_DUMPED : CLD_KILLED, term);
}

int
wait_take_zombie(struct wait_request *w, struct process *child)
{
	struct process *p = process_current();

	wait_found_zombie(w, child);
	if ((w->options & WNOWAIT) == 0) {
		proc_usage_add(&p->children_usage, &w->usage);
		process_release(child);
	}
	return 1;
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
		wait_found(w, child->leader->pt, WSTATUS_STOP(child->stop_sig), CLD_STOPPED, child->stop_sig);
	else if (take == STOP_CONTINUED)
		wait_found(w, child->leader->pt, WSTATUS_CONTINUED, CLD_CONTINUED, SIGCONT);
	return take != 0;
}

/* 1: found; 0: not yet; -ECHILD: nothing that w asks for will come of it. */
static int
look_at(struct wait_request *w, struct process *child)
{
	struct proc_thread *leader = child->leader->pt;

	if (!eligible(w, child))
		return -ECHILD;
	if (leader->trace != 0) {
		if (leader->tracer->proc == process_current())
			return ptrace_wait_look(w, leader);	/* one who is both sees it as a tracer */
		if (child->state == PROC_ZOMBIE)
			return 0;				/* when its tracer has seen it */
	}
	if (child->state == PROC_ZOMBIE)
		return (w->options & WEXITED) != 0 ? wait_take_zombie(w, child) : -ECHILD;
	return take_stop(w, child);
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
	if (result != 1)
		result = MAX(result, ptrace_wait_scan(w));
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
