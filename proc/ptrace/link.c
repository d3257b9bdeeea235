/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who traces whom: attaching, letting go, inheriting, and what becomes of tracees when their tracer ends.
 */
#include "proc/ptrace.h"

#include "arch/ptrace.h"
#include "sys/abi/wait.h"

/* --- permission --- */

/* ptrace(2), "Ptrace access mode checking", PTRACE_MODE_ATTACH_REALCREDS. */
int
ptrace_may_attach(struct thread *t)
{
	const struct cred *c = cred_current(), *tc;
	bool same, dumpable = READ_ONCE(t->proc->dumpable) == 1;

	if (t->proc == process_current())
		return 0;
	rcu_read_lock();
	tc = proc_cred_rcu(t);
	same = uid_eq(c->uid, tc->euid) && uid_eq(c->uid, tc->suid) && uid_eq(c->uid, tc->uid) &&
	       gid_eq(c->gid, tc->egid) && gid_eq(c->gid, tc->sgid) && gid_eq(c->gid, tc->gid) &&
	       (tc->cap_permitted & ~c->cap_permitted) == 0;
	rcu_read_unlock();
	return (same && dumpable) || capable(CAP_SYS_PTRACE) ? 0 : -EPERM;
}

/* PTRACE_TRACEME: the parent could do as much by itself, or -EPERM. */
static int
check_parent(struct thread *parent)
{
	const struct cred *pc;
	bool may;

	rcu_read_lock();
	pc = proc_cred_rcu(parent);
	may = (cred_current()->cap_permitted & ~pc->cap_permitted) == 0 || (pc->cap_effective & BIT(CAP_SYS_PTRACE)) != 0;
	rcu_read_unlock();
	return may ? 0 : -EPERM;
}

/* --- links; [T] and the tracee's [h] held --- */

bool
ptrace_reparented(const struct proc_thread *pt)
{
	return pt->trace != 0 && pt->tracer->proc != pt->proc->parent;
}

void
ptrace_link(struct proc_thread *pt, struct thread *tracer, u32 trace)
{
	spin_assert_held(&proctree_lock);
	assert_signal_locked(pt->proc);
	KASSERT(pt->trace == 0);
	pt->tracer = tracer;
	WRITE_ONCE(pt->trace, trace);
	list_add_tail(&tracer->pt->tracees, &pt->tracee_node);
}

void
ptrace_unlink_locked(struct proc_thread *pt)
{
	struct process *p = pt->proc;
	bool in = (pt->trap & TRAP_IN) != 0;

	spin_assert_held(&proctree_lock);
	assert_signal_locked(p);
	list_del(&pt->tracee_node);
	WRITE_ONCE(pt->trace, 0);
	pt->tracer = NULL;
	pt->trap = 0;
	syscall_stops_set(pt->thread, 0);
	/* A group stop is in force: what was a ptrace stop becomes a part of that. */
	if (!pt->exiting && !p->group_exit && ((p->stop_flags & STOP_STOPPED) != 0 || p->stop_count != 0)) {
		pt->stop_pending = true;
		if (pt->stop_sig == 0)
			pt->stop_sig = SIGSTOP;
		signal_wake(pt->thread, TW_SIGNAL);
	}
	if (in)
		thread_wake_states(pt->thread, BIT(THREAD_TRACED));
}

/* --- attaching --- */

int
ptrace_traceme(void)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	u32 trace = PT_TRACED | (capable(CAP_SYS_PTRACE) ? PT_TRACER_CAPABLE : 0);	/* Linux asks the child, not its parent */
	struct thread *parent;
	struct sighand *sh;
	u64 irq, irq2;
	int err = -EPERM;

	irq = proctree_lock_irq();
	if (pt->trace != 0)
		goto out_unlock;
	err = 0;
	parent = p->parent_thread;
	/* init itself has no parent; one that has just ended traces nobody (Linux) */
	if (p->parent == NULL || parent == NULL || parent->pt->dead)
		goto out_unlock;
	err = check_parent(parent);
	if (err == 0) {
		sh = sighand_lock(p, &irq2);
		ptrace_link(pt, parent, trace);
		sighand_unlock(sh, irq2);
	}
out_unlock:
	proctree_unlock_irq(irq);
	return err;
}

/* A thread that has stopped already must come out of its group stop and into a trap: PTRACE_ATTACH waits for that. */
static bool
has_trapped(const struct proc_thread *pt)
{
	return (READ_ONCE(pt->trap) & TRAP_TRAPPING) == 0 || READ_ONCE(pt->exiting) || thread_fatal_pending(pt->thread);
}

static int
attach_locked(struct thread *t, u32 trace)
{
	struct proc_thread *pt = t->pt;
	struct sighand *sh;
	u64 irq, irq2;
	int err = -EPERM;

	irq = proctree_lock_irq();
	if (pt->dead || pt->exiting || pt->trace != 0)
		goto out_unlock;
	sh = sighand_lock(t->proc, &irq2);
	ptrace_link(pt, thread_current(), trace);
	if ((trace & PT_SEIZED) == 0)
		(void)signal_send_locked(t->proc, t, SIGSTOP, NULL, SEND_THREAD, true);
	if (pt->stopped) {
		pt->trap |= TRAP_STOP | TRAP_TRAPPING;
		pt->stopped = false;
		thread_set_work(t, TW_SIGNAL);
		thread_wake_states(t, BIT(THREAD_STOPPED));
	}
	sighand_unlock(sh, irq2);
	err = 0;
out_unlock:
	proctree_unlock_irq(irq);
	return err;
}

int
ptrace_attach(struct thread *t, bool seize, u64 addr, u64 options)
{
	u32 trace = PT_TRACED;
	int err;

	if (seize) {
		if (addr != 0 || (options & ~(u64)PTRACE_O_KNOWN) != 0)
			return -EIO;
		trace |= PT_SEIZED | (u32)options;
	}
	if (t->proc == process_current())
		return -EPERM;
	if (capable(CAP_SYS_PTRACE))
		trace |= PT_TRACER_CAPABLE;
	/* Not in the middle of an exec: its credentials are computed with a tracer in mind or without. */
	if (mutex_lock_interruptible(&t->proc->exec_lock) != 0)
		return -ERESTARTNOINTR;
	err = ptrace_may_attach(t);
	if (err == 0)
		err = attach_locked(t, trace);
	mutex_unlock(&t->proc->exec_lock);
	if (err == 0)
		(void)wait_event_killable(&process_current()->wait_children, has_trapped(t->pt));
	return err;
}

/* --- letting go --- */

/* [T]. pt is free. A zombie that nobody but the tracer waited for goes, or its parent is told. */
static void
release(struct proc_thread *pt, struct process *tracer)
{
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;

	sh = sighand_lock(p, &irq);
	ptrace_unlink_locked(pt);
	sighand_unlock(sh, irq);
	if (!pt->dead)
		return;
	if (pt->thread != p->leader)
		process_reap_thread(p, pt);
	else if (p->state == PROC_ZOMBIE && p->parent != tracer && process_notify_parent(p))
		process_release(p);
	else if (p->state == PROC_ZOMBIE && p->parent == tracer && process_ignores_children(tracer))
		process_release(p);
}

/* PTRACE_DETACH: the tracee is frozen, and goes on with sig. */
int
ptrace_detach(struct thread *t, int sig)
{
	struct proc_thread *pt = t->pt;
	struct sighand *sh;
	u64 irq, irq2;

	if (sig < 0 || sig > NSIG)
		return -EIO;
	arch_step_set(t, false);
	irq = proctree_lock_irq();
	sh = sighand_lock(t->proc, &irq2);
	pt->trace_code = sig;
	ptrace_unlink_locked(pt);
	sighand_unlock(sh, irq2);
	proctree_unlock_irq(irq);
	return 0;
}

void
ptrace_exit_tracer(struct proc_thread *pt)
{
	struct proc_thread *i;

	/* One that goes may take others along: its process, and the leader with that. */
	while (!list_empty(&pt->tracees)) {
		i = container_of(pt->tracees.next, struct proc_thread, tracee_node);
		if (ptrace_option(i, PTRACE_O_EXITKILL))
			(void)signal_send_thread(i->thread, SIGKILL, NULL);
		release(i, pt->proc);
	}
}

/* --- children of tracees --- */

void
ptrace_fork(struct proc_thread *child, bool wanted)
{
	struct proc_thread *me = pt_current();

	if (!wanted || me->trace == 0)
		return;
	ptrace_link(child, me->tracer, me->trace);
	if ((child->trace & PT_SEIZED) != 0)
		child->trap |= TRAP_STOP;
	else
		child->pending.set |= SIGBIT(SIGSTOP);
	thread_set_work(child->thread, TW_SIGNAL);
}

pid_t
ptrace_tracer_nr(struct thread *t)
{
	u64 irq = proctree_lock_irq();
	pid_t nr = t->pt->trace != 0 ? process_pid(t->pt->tracer->proc) : 0;

	proctree_unlock_irq(irq);
	return nr;
}
