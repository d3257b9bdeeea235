/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivering signals, on a thread's way back to user mode: handlers, default actions, stops, the restart of system calls; and
 * what goes with it: masks, signal stacks, telling the parent.
 *
 * A thread takes one signal at a time, builds its frame, and comes back here (user_return_work loops) while there is more.
 */
#include "proc/coredump.h"
#include "proc/proc.h"
#include "proc/ptrace.h"

#include "arch/thread.h"
#include "sys/abi/wait.h"

#define NR_RESTART_SYSCALL	219

/* --- masks --- */

u64
signal_blocked(void)
{
	return pt_current()->blocked;
}

/* [h]. Shared signals in `set`, which pt blocks now or which it leaves behind by exiting, are for other threads: wake them. */
static void
retarget_shared(struct process *p, struct proc_thread *pt, u64 set)
{
	struct proc_thread *i;

	set &= p->shared_pending.set;
	if (set == 0)
		return;
	process_for_each_thread(i, p)
		if (i != pt && !i->exiting && (set & ~i->blocked) != 0)
			signal_wake(i->thread, TW_SIGNAL);
}

void
signal_set_blocked(u64 set)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;

	set &= ~SIG_UNBLOCKABLE;
	if (set == pt->blocked)
		return;
	sh = sighand_lock(p, &irq);
	if (p->nr_threads > 1)
		retarget_shared(p, pt, set & ~pt->blocked);
	pt->blocked = set;
	signal_recalc(pt);
	sighand_unlock(sh, irq);
}

void
signal_temp_mask(u64 mask)
{
	struct proc_thread *pt = pt_current();

	pt->saved_blocked = pt->blocked;
	signal_set_blocked(mask);
}

void
signal_temp_mask_end(bool interrupted)
{
	if (interrupted)
		thread_set_work(thread_current(), TW_RESTORE_MASK);
	else
		signal_set_blocked(pt_current()->saved_blocked);
}

struct restart_block *
restart_block_current(void)
{
	return &pt_current()->restart;
}

/* --- signal stacks --- */

bool
signal_on_altstack(const struct proc_thread *pt, u64 sp)
{
	if ((pt->altstack_flags & SS_AUTODISARM) != 0)
		return false;
	return pt->altstack_size != 0 && sp > pt->altstack_sp && sp - pt->altstack_sp <= pt->altstack_size;
}

void
signal_altstack_get(u64 sp, struct abi_stack *st)
{
	const struct proc_thread *pt = pt_current();

	memset(st, 0, sizeof(*st));
	st->ss_sp = pt->altstack_sp;
	st->ss_size = pt->altstack_size;
	st->ss_flags = pt->altstack_size == 0 ? SS_DISABLE : signal_on_altstack(pt, sp) ? SS_ONSTACK : 0;
	st->ss_flags |= (s32)pt->altstack_flags;
}

/* sigaltstack(2). -EPERM: in use; -EINVAL: flags; -ENOMEM: smaller than min_size. */
int
signal_altstack_set(const struct abi_stack *st, u64 sp, size_t min_size)
{
	struct proc_thread *pt = pt_current();
	u32 mode = (u32)st->ss_flags & ~SS_FLAG_BITS;

	if (signal_on_altstack(pt, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode != SS_DISABLE && st->ss_size < min_size)
		return -ENOMEM;
	pt->altstack_sp = mode == SS_DISABLE ? 0 : st->ss_sp;
	pt->altstack_size = mode == SS_DISABLE ? 0 : st->ss_size;
	pt->altstack_flags = (u32)st->ss_flags & SS_FLAG_BITS;
	return 0;
}

/* --- the parent is told; proctree_lock held --- */

u32
process_death_code(const struct proc_thread *pt)
{
	return pt->proc->group_exit ? (u32)pt->proc->group_exit_code : pt->exit_code;
}

/* [T]. Does p want to hear nothing of its children's end? Then they need not wait for it. */
bool
process_ignores_children(struct process *p)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);
	bool ignores = sh->action[SIGCHLD - 1].handler == SIG_IGN || (sh->action[SIGCHLD - 1].flags & SA_NOCLDWAIT) != 0;

	sighand_unlock(sh, irq);
	return ignores;
}

static void
child_info(struct process *p, struct siginfo_k *info, int code, int status)
{
	struct proc_usage u;

	siginfo_init(info, SIGCHLD, code);
	info->abi.chld.pid = process_pid(p);
	rcu_read_lock();
	info->abi.chld.uid = proc_cred_rcu(p->leader)->uid.val;
	rcu_read_unlock();
	process_usage_locked(p, &u);
	info->abi.chld.utime = (s64)nsec_to_ticks(u.utime);
	info->abi.chld.stime = (s64)nsec_to_ticks(u.stime);
	info->abi.chld.status = status;
}

/* parent is told of an end. True: it does not want to wait for it. */
bool
process_send_death(struct process *parent, int sig, struct siginfo_k *info)
{
	struct sigaction_k *sa;
	struct sighand *sh;
	bool reap = false;
	u64 irq;

	spin_assert_held(&proctree_lock);
	sh = sighand_lock(parent, &irq);
	sa = &sh->action[SIGCHLD - 1];
	if (sig == SIGCHLD && (sa->handler == SIG_IGN || (sa->flags & SA_NOCLDWAIT) != 0)) {
		reap = true;	/* SA_NOCLDWAIT alone still sends the signal */
		if (sa->handler == SIG_IGN)
			sig = 0;
	}
	info->abi.si_signo = sig;
	if (sig_valid(sig))
		(void)signal_send_locked(parent, NULL, sig, info, SEND_PROCESS, false);
	sighand_unlock(sh, irq);
	waitq_wake_all(&parent->wait_children);
	return reap;
}

bool
process_notify_parent(struct process *p)
{
	int term = p->exit_code & 0x7f;
	struct siginfo_k info;

	child_info(p, &info, term == 0 ? CLD_EXITED : p->exit_code & WSTATUS_CORE ? CLD_DUMPED : CLD_KILLED,
		term == 0 ? p->exit_code >> 8 & 0xff : term);
	return process_send_death(p->parent, p->exit_signal, &info);
}

/* p stopped or went on: CLD_STOPPED or CLD_CONTINUED. */
void
process_notify_stop(struct process *p, int code)
{
	struct process *parent = p->parent;
	struct sigaction_k *sa;
	struct siginfo_k info;
	struct sighand *sh;
	u64 irq;

	spin_assert_held(&proctree_lock);
	if (parent == NULL)
		return;
	child_info(p, &info, code, code == CLD_STOPPED ? p->stop_sig : SIGCONT);
	sh = sighand_lock(parent, &irq);
	sa = &sh->action[SIGCHLD - 1];
	if (sa->handler != SIG_IGN && (sa->flags & SA_NOCLDSTOP) == 0)
		(void)signal_send_locked(parent, NULL, SIGCHLD, &info, SEND_PROCESS, false);
	sighand_unlock(sh, irq);
	waitq_wake_all(&parent->wait_children);
}

/* --- stopping --- */

static void
tell_parent_stopped(struct process *p, int code)
{
	u64 irq = proctree_lock_irq();

	if (p->state == PROC_ALIVE) {
		process_notify_stop(p, code);
		if (ptrace_reparented(p->leader->pt))
			ptrace_notify_stop(p->leader->pt, code, code == CLD_STOPPED ? p->stop_sig : SIGCONT);
	}
	proctree_unlock_irq(irq);
}

/* [h]. One thread less to stop; true: it was the last, the parent is to be told. */
bool
signal_stop_counted(struct process *p, struct proc_thread *pt)
{
	bool counted = pt->stop_counted;

	pt->stop_pending = pt->stop_counted = false;
	if (!counted || p->stop_count == 0 || --p->stop_count != 0 || (p->stop_flags & STOP_STOPPED) != 0)
		return false;
	p->stop_flags = STOP_STOPPED | STOP_REPORT;
	return true;
}

/* [h] held on entry, not on return. The current thread sleeps until SIGCONT, or a fatal signal. */
static void
stop_here(struct process *p, struct proc_thread *pt, struct sighand *sh, u64 irq)
{
	bool last;

	pt->stop_dequeued = false;
	pt->stopped = true;
	last = signal_stop_counted(p, pt);
	sighand_unlock(sh, irq);
	if (last)
		tell_parent_stopped(p, CLD_STOPPED);
	for (;;) {
		sh = sighand_lock(p, &irq);
		if (!pt->stopped)
			break;
		thread_set_state(THREAD_STOPPED);
		sighand_unlock(sh, irq);
		thread_schedule();
	}
	sighand_unlock(sh, irq);
}

/* [h]. The current thread took stop signal sig: every thread of the process is to stop. False: a SIGCONT or the exit came between. */
static bool
start_group_stop(struct process *p, struct proc_thread *pt, int sig)
{
	struct proc_thread *i;

	if (!pt->stop_dequeued || p->group_exit || p->group_exec_thread != NULL)
		return false;
	if (pt->stop_pending)
		return true;	/* another thread began it */
	if ((p->stop_flags & STOP_STOPPED) == 0)	/* else a tracer let this thread run in a stopped group */
		p->stop_sig = sig;
	p->stop_count = 0;
	process_for_each_thread(i, p) {
		if (i->exiting || i->stopped)
			continue;
		i->stop_pending = i->stop_counted = true;
		i->stop_sig = sig;
		p->stop_count++;
		if (i == pt)
			continue;
		if ((i->trace & PT_SEIZED) != 0)
			ptrace_trap_notify(i);
		else
			signal_wake(i->thread, TW_SIGNAL);
	}
	return true;
}

void
signal_exit_thread(struct proc_thread *pt)
{
	struct process *p = pt->proc;
	bool last = false;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	if (p->core_dumper != NULL) {
		sighand_unlock(sh, irq);
		coredump_join(p);
		sh = sighand_lock(p, &irq);
	}
	pt->exiting = true;
	pt->trap &= ~(u32)(TRAP_WANTED | TRAP_TRAPPING);
	if (pt->stop_pending)
		last = signal_stop_counted(p, pt);
	if (!p->group_exit)
		retarget_shared(p, pt, ~pt->blocked);
	thread_clear_work(pt->thread, TW_SIGNAL | TW_EXIT);	/* for good: what it closes may wait */
	sighand_unlock(sh, irq);
	if (last)
		tell_parent_stopped(p, CLD_STOPPED);
}

/* --- delivery --- */

/* TW_EXIT: the group exits, or another thread's exec wants to be alone. */
static void
exit_if_told(struct process *p)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);
	bool group = p->group_exit;
	bool exec = p->group_exec_thread != NULL && p->group_exec_thread != thread_current();

	if (!group && !exec)
		thread_clear_work(thread_current(), TW_EXIT);
	sighand_unlock(sh, irq);
	if (group)
		process_exit_group(0);		/* its code was set first */
	if (exec)
		thread_exit_user(0);
}

/* [h]. SIGCONT was sent: this thread tells the parent. True if [h] was released meanwhile. */
static bool
report_continue(struct process *p, struct sighand *sh, u64 irq)
{
	u32 what = p->stop_flags & (STOP_NOTIFY_STOP | STOP_NOTIFY_CONT);

	if (what == 0)
		return false;
	p->stop_flags &= ~(u32)(STOP_NOTIFY_STOP | STOP_NOTIFY_CONT);
	sighand_unlock(sh, irq);
	tell_parent_stopped(p, what & STOP_NOTIFY_CONT ? CLD_CONTINUED : CLD_STOPPED);
	return true;
}

enum action { ACT_NONE, ACT_HANDLER, ACT_FATAL };

/* [h] held on entry, not on return. What sig, just dequeued, means; a stop is done here. */
static enum action
act_on(struct process *p, struct proc_thread *pt, int sig, struct sigaction_k *out, struct sighand *sh, u64 irq)
{
	struct sigaction_k *sa = &sh->action[sig - 1];
	enum action act = ACT_NONE;

	if (sa->handler == SIG_IGN)
		goto out_unlock;
	if (sa->handler != SIG_DFL) {
		*out = *sa;
		if ((sa->flags & SA_RESETHAND) != 0)
			sa->handler = SIG_DFL;
		act = ACT_HANDLER;
		goto out_unlock;
	}
	if (sig_in(SIG_IGNORED, sig) || (p->unkillable && !sig_in(SIG_UNBLOCKABLE, sig)))
		goto out_unlock;
	if (!sig_in(SIG_STOPS, sig)) {
		act = ACT_FATAL;
		goto out_unlock;
	}
	if (sig != SIGSTOP) {
		/* Nobody could continue a job of an orphaned group. The tree lock comes before [h]; a SIGCONT in between shows in
		 * stop_dequeued. */
		sighand_unlock(sh, irq);
		if (pgrp_is_orphaned(p->pids[PID_PGID]))
			return ACT_NONE;
		sh = sighand_lock(p, &irq);
	}
	if (start_group_stop(p, pt, sig) && pt->trace == 0) {
		stop_here(p, pt, sh, irq);
		return ACT_NONE;
	}		/* a traced one finds stop_pending, and stops for its tracer */
out_unlock:
	sighand_unlock(sh, irq);
	return act;
}

/* The next signal with a handler: its number, with info and action; 0: none is left. Does not return from fatal ones. */
static int
next_handled(struct siginfo_k *info, struct sigaction_k *sa)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;
	int sig;

	for (;;) {
		if ((atomic_load_relaxed(&pt->thread->work) & TW_EXIT) != 0)
			exit_if_told(p);
		sh = sighand_lock(p, &irq);
		if (report_continue(p, sh, irq))
			continue;
		if (pt->stop_pending && pt->trace == 0) {
			stop_here(p, pt, sh, irq);
			continue;
		}
		if (pt->stop_pending || (pt->trap & TRAP_WANTED) != 0) {
			ptrace_job_trap(p, pt, sh, irq);
			continue;
		}
		sig = signal_dequeue(pt, pt->blocked, info);
		if (sig == 0) {
			signal_recalc(pt);
			sighand_unlock(sh, irq);
			return 0;
		}
		if (ptrace_traced(pt) && sig != SIGKILL && (sig = ptrace_signal(p, pt, sig, info, &sh, &irq)) == 0) {
			sighand_unlock(sh, irq);
			continue;
		}
		switch (act_on(p, pt, sig, sa, sh, irq)) {
		case ACT_HANDLER:
			return sig;
		case ACT_FATAL:
			if (sig_in(SIG_CORES, sig))
				coredump(sig, info);
			process_exit_group(sig);
		case ACT_NONE:
			break;
		}
	}
}

/* The interrupted system call, if it was one: restart it, or let it return EINTR. handler: its SA_* flags, or NULL. */
static void
restart(struct trapframe *tf, const struct sigaction_k *handler)
{
	long nr = arch_frame_syscall(tf);

	if (nr < 0)
		return;
	switch (arch_frame_result(tf)) {
	case -ERESTART_RESTARTBLOCK:
		if (handler == NULL)
			arch_frame_restart(tf, NR_RESTART_SYSCALL);
		else
			arch_frame_set_result(tf, -EINTR);
		break;
	case -ERESTARTNOHAND:
		if (handler == NULL)
			arch_frame_restart(tf, nr);
		else
			arch_frame_set_result(tf, -EINTR);
		break;
	case -ERESTARTSYS:
		if (handler == NULL || (handler->flags & SA_RESTART) != 0)
			arch_frame_restart(tf, nr);
		else
			arch_frame_set_result(tf, -EINTR);
		break;
	case -ERESTARTNOINTR:
		arch_frame_restart(tf, nr);
		break;
	}
}

/* The top of the signal stack if the handler is to run there, 0 to go on where sp is; false: the signal stack would overflow. */
static bool
choose_stack(const struct proc_thread *pt, u64 sp, u64 sa_flags, u64 *top)
{
	*top = 0;
	if (signal_on_altstack(pt, sp))
		return sp - pt->altstack_sp >= arch_signal_min_stack();
	if ((sa_flags & SA_ONSTACK) != 0 && pt->altstack_size != 0) {
		*top = pt->altstack_sp + pt->altstack_size;
		return pt->altstack_size >= arch_signal_min_stack();
	}
	return true;
}

static void
handle(struct trapframe *tf, int sig, const struct siginfo_k *info, const struct sigaction_k *sa)
{
	struct thread *t = thread_current();
	struct proc_thread *pt = t->pt;
	bool temp = (atomic_load_relaxed(&t->work) & TW_RESTORE_MASK) != 0, stepping = ptrace_step_suspend();
	struct siginfo_k segv;
	u64 top;

	restart(tf, sa);
	rseq_signal(tf);
	if (!choose_stack(pt, arch_frame_sp(tf), sa->flags, &top) ||
	    arch_signal_setup(tf, sig, info, sa, temp ? pt->saved_blocked : pt->blocked, top) != 0) {
		/* No room for the frame. The handler of SIGSEGV may try on its own stack, but not for itself. */
		siginfo_init(&segv, SIGSEGV, SI_KERNEL);
		if (sig == SIGSEGV)
			process_exit_group(SIGSEGV);
		signal_force(SIGSEGV, &segv);
		return;
	}
	thread_clear_work(t, TW_RESTORE_MASK);
	if ((pt->altstack_flags & SS_AUTODISARM) != 0)
		pt->altstack_sp = pt->altstack_size = pt->altstack_flags = 0;
	signal_set_blocked(pt->blocked | sa->mask | ((sa->flags & SA_NODEFER) != 0 ? 0 : SIGBIT(sig)));
	if (stepping)
		ptrace_step_handler();
}

void
signal_deliver(struct trapframe *tf)
{
	struct thread *t = thread_current();
	struct sigaction_k sa;
	struct siginfo_k info;
	int sig = next_handled(&info, &sa);

	if (sig != 0) {
		handle(tf, sig, &info, &sa);
		return;
	}
	restart(tf, NULL);
	if ((atomic_load_relaxed(&t->work) & TW_RESTORE_MASK) != 0) {
		thread_clear_work(t, TW_RESTORE_MASK);
		signal_set_blocked(t->pt->saved_blocked);
	}
}

/* exec: caught signals become default, ignored ones stay; no signal stack. The process has one thread and its own handlers. */
void
signal_exec_reset(struct process *p)
{
	struct proc_thread *pt = pt_current();
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	sighand_clear(sh);
	sighand_unlock(sh, irq);
	pt->altstack_sp = pt->altstack_size = pt->altstack_flags = 0;
}
