/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait(2) for tracees. A tracer sees each thread by itself, whoever its parent is and whatever signal it ends with; what it does not wait
 * for, a dead tracee, stays: the parent sees that only when the tracer took it or let it go.
 */
#include "proc/ptrace.h"

#include "sys/abi/wait.h"

static bool
eligible(const struct wait_request *w, const struct proc_thread *pt)
{
	if (w->type == P_PID)
		return pt->tid == w->pid;
	return w->type != P_PGID || pt->proc->pids[PID_PGID] == w->pid;
}

/* A thread that is not its process's leader ended: it goes with this. */
static int
take_dead_thread(struct wait_request *w, struct proc_thread *pt)
{
	struct process *p = pt->proc;
	int code = (int)process_death_code(pt);
	struct sighand *sh;
	u64 irq;

	if ((w->options & WEXITED) == 0)
		return -ECHILD;
	wait_found(w, pt, code, code & 0x7f ? code & WSTATUS_CORE ? CLD_DUMPED : CLD_KILLED : CLD_EXITED,
		code & 0x7f ? code & 0x7f : code >> 8 & 0xff);
	if ((w->options & WNOWAIT) != 0)
		return 1;
	sh = sighand_lock(p, &irq);
	ptrace_unlink_locked(pt);
	sighand_unlock(sh, irq);
	process_reap_thread(p, pt);
	return 1;
}

/* The whole process is dead, and has another parent: that is its turn now. */
static int
take_foreign_zombie(struct wait_request *w, struct proc_thread *pt)
{
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;

	if ((w->options & WEXITED) == 0)
		return -ECHILD;
	wait_found_zombie(w, p);
	if ((w->options & WNOWAIT) != 0)
		return 1;
	sh = sighand_lock(p, &irq);
	ptrace_unlink_locked(pt);
	sighand_unlock(sh, irq);
	if (process_notify_parent(p))
		process_release(p);
	return 1;
}

/* Stopped for us and not reported yet; or the whole group was continued. */
static bool
take_stop(struct wait_request *w, struct proc_thread *pt)
{
	struct process *p = pt->proc;
	int code = 0;
	bool continued = false;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	if ((pt->trap & (TRAP_IN | TRAP_LISTENING)) == TRAP_IN)
		code = pt->trace_code;
	if (code == 0 && (w->options & WCONTINUED) != 0)
		continued = (p->stop_flags & STOP_CONTINUED) != 0;
	if ((w->options & WNOWAIT) == 0) {
		if (code != 0)
			pt->trace_code = 0;
		else if (continued)
			p->stop_flags &= ~(u32)STOP_CONTINUED;
	}
	sighand_unlock(sh, irq);
	if (code != 0)
		wait_found(w, pt, WSTATUS_STOP(code), CLD_TRAPPED, code);
	else if (continued)
		wait_found(w, pt, WSTATUS_CONTINUED, CLD_CONTINUED, SIGCONT);
	return code != 0 || continued;
}

int
ptrace_wait_look(struct wait_request *w, struct proc_thread *pt)
{
	struct process *p = pt->proc;
	bool leader = pt->thread == p->leader;

	if (!eligible(w, pt))
		return -ECHILD;
	if (pt->dead && !leader)
		return take_dead_thread(w, pt);
	if (leader && p->state == PROC_ZOMBIE && p->parent != process_current())
		return take_foreign_zombie(w, pt);
	if (leader && p->state == PROC_ZOMBIE)
		return (w->options & WEXITED) != 0 ? wait_take_zombie(w, p) : -ECHILD;
	if (pt->dead && (w->options & (WCONTINUED | WEXITED)) == 0)
		return -ECHILD;
	return take_stop(w, pt);
}

int
ptrace_wait_scan(struct wait_request *w)
{
	struct process *p = process_current();
	struct proc_thread *i, *pt, *next;
	int result = -ECHILD, r;

	process_for_each_thread(i, p) {
		if (list_empty(&i->tracees) || ((w->options & __WNOTHREAD) != 0 && i->thread != thread_current()))
			continue;
		list_for_each_safe(pt, next, &i->tracees, tracee_node) {
			r = ptrace_wait_look(w, pt);
			result = MAX(result, r);
			if (r == 1)
				return 1;
		}
	}
	return result;
}
