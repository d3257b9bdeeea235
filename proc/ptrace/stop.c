/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tracee's side: how a thread comes to a ptrace stop, tells its tracer, and goes on.
 *
 * In a stop pt->trap has TRAP_IN and the thread sleeps as THREAD_TRACED. It comes out when TRAP_IN was taken away, or to die; but not even
 * for that while its tracer has it frozen.
 */
#include "proc/ptrace.h"

#include "arch/ptrace.h"
#include "arch/thread.h"
#include "sys/abi/sched.h"
#include "sys/abi/wait.h"
#include "sys/syscall_trace.h"

/* --- telling the tracer; [T] held --- */

static void
fill_child(struct proc_thread *pt, struct siginfo_k *info, int sig, int code, int status)
{
	struct proc_usage u;

	siginfo_init(info, sig, code);
	info->abi.chld.pid = pid_nr(pt->tid);
	rcu_read_lock();
	info->abi.chld.uid = proc_cred_rcu(pt->thread)->uid.val;
	rcu_read_unlock();
	process_usage_locked(pt->proc, &u);
	info->abi.chld.utime = (s64)nsec_to_ticks(u.utime);
	info->abi.chld.stime = (s64)nsec_to_ticks(u.stime);
	info->abi.chld.status = status;
}

void
ptrace_notify_stop(struct proc_thread *pt, int code, int status)
{
	struct process *tracer = pt->tracer->proc;
	struct sigaction_k *sa;
	struct siginfo_k info;
	struct sighand *sh;
	u64 irq;

	spin_assert_held(&proctree_lock);
	fill_child(pt, &info, SIGCHLD, code, status & 0x7f);
	sh = sighand_lock(tracer, &irq);
	sa = &sh->action[SIGCHLD - 1];
	if (sa->handler != SIG_IGN && (sa->flags & SA_NOCLDSTOP) == 0)
		(void)signal_send_locked(tracer, NULL, SIGCHLD, &info, SEND_PROCESS, false);
	sighand_unlock(sh, irq);
	waitq_wake_all(&tracer->wait_children);
}

bool
ptrace_notify_death(struct proc_thread *pt, int sig)
{
	struct process *tracer = pt->tracer->proc;
	int code = (int)process_death_code(pt), term = code & 0x7f;
	struct siginfo_k info;

	fill_child(pt, &info, sig, term == 0 ? CLD_EXITED : code & WSTATUS_CORE ? CLD_DUMPED : CLD_KILLED, term == 0 ? code >> 8 & 0xff : term);
	return process_send_death(tracer, sig, &info);
}

/* --- stopping --- */

/* The group stop is complete with this thread, or it has stopped for its tracer: whoever is to know is told. */
static void
tell(struct process *p, struct proc_thread *pt, int why, int code, bool group_stopped)
{
	u64 irq = proctree_lock_irq();

	if (pt->trace != 0)
		ptrace_notify_stop(pt, why, why == CLD_STOPPED ? p->stop_sig : code);
	if (group_stopped && p->state == PROC_ALIVE && (pt->trace == 0 || ptrace_reparented(pt)))
		process_notify_stop(p, CLD_STOPPED);
	proctree_unlock_irq(irq);
}

/* Until the tracer lets it go. [h] is held on return. */
static void
sleep_traced(struct process *p, struct proc_thread *pt, struct sighand **sh, u64 *irq)
{
	for (;;) {
		*sh = sighand_lock(p, irq);
		if ((pt->trap & TRAP_IN) == 0)
			return;
		if (thread_fatal_pending(pt->thread) && (pt->trap & TRAP_FROZEN) == 0)
			return;
		thread_set_state(THREAD_TRACED);
		sighand_unlock(*sh, *irq);
		thread_schedule();
	}
}

/*
 * [h] held on entry and return. Stop, tell why (CLD_*), and sleep. code: what wait(2) reports in its upper bits; info: what GETSIGINFO
 * shows, or NULL. The signal to go on with.
 */
static int
stop(struct process *p, struct proc_thread *pt, int code, int why, u64 message, struct siginfo_k *info, struct sighand **sh, u64 *irq)
{
	bool group_stopped = false;

	if (pt->trace == 0 || thread_fatal_pending(pt->thread))
		return pt->trace == 0 ? code & 0x7f : 0;
	pt->trace_code = code;
	pt->trace_message = message;
	pt->trace_info = info;
	pt->trap = (pt->trap | TRAP_IN) & ~(u32)(TRAP_STOP | TRAP_TRAPPING | TRAP_LISTENING);
	if (why == CLD_STOPPED && pt->stop_pending)
		group_stopped = signal_stop_counted(p, pt);
	if (info != NULL && info->abi.si_code >> 8 == PTRACE_EVENT_STOP)
		pt->trap &= ~(u32)TRAP_NOTIFY;
	sighand_unlock(*sh, *irq);
	tell(p, pt, why, code, group_stopped);
	sleep_traced(p, pt, sh, irq);
	code = pt->trace_code;
	pt->trace_code = 0;
	pt->trace_message = 0;
	pt->trace_info = NULL;
	pt->trap &= ~(u32)(TRAP_IN | TRAP_LISTENING);
	signal_recalc(pt);
	return code;
}

/* [h] held. A stop that no signal caused: its siginfo says so. */
static int
stop_by_code(struct process *p, struct proc_thread *pt, int sig, int code, int why, u64 message, struct sighand **sh, u64 *irq)
{
	struct siginfo_k info;

	siginfo_init(&info, sig, code);
	info.abi.kill.pid = pid_nr(pt->tid);
	info.abi.kill.uid = cred_current()->uid.val;
	return stop(p, pt, code, why, message, &info, sh, irq);
}

/* The same by the current thread, anywhere in the kernel where it may sleep. */
static int
notify_stop(int code, u64 message)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;
	int sig;

	sh = sighand_lock(p, &irq);
	sig = pt->trace != 0 ? stop_by_code(p, pt, SIGTRAP, code, CLD_TRAPPED, message, &sh, &irq) : 0;
	sighand_unlock(sh, irq);
	return sig;
}

/* --- job control --- */

void
ptrace_wake(struct proc_thread *pt, bool resume)
{
	if (resume && (pt->trap & TRAP_IN) != 0) {
		pt->trap &= ~(u32)(TRAP_IN | TRAP_LISTENING);
		thread_set_work(pt->thread, TW_SIGNAL);
		thread_wake_states(pt->thread, BIT(THREAD_TRACED));
	} else {
		signal_wake(pt->thread, TW_SIGNAL);
	}
}

void
ptrace_trap_notify(struct proc_thread *pt)
{
	if (pt->exiting)
		return;
	pt->trap |= TRAP_NOTIFY;
	ptrace_wake(pt, (pt->trap & TRAP_LISTENING) != 0);
}

void
ptrace_job_trap(struct process *p, struct proc_thread *pt, struct sighand *sh, u64 irq)
{
	int sig = pt->stop_sig;

	if ((pt->trace & PT_SEIZED) != 0) {
		if (p->stop_count == 0 && (p->stop_flags & STOP_STOPPED) == 0)
			sig = SIGTRAP;
		(void)stop_by_code(p, pt, sig, sig | PTRACE_EVENT_STOP << 8, CLD_STOPPED, 0, &sh, &irq);
	} else {
		(void)stop(p, pt, sig, CLD_STOPPED, 0, NULL, &sh, &irq);
	}
	sighand_unlock(sh, irq);
}

/* --- signal-delivery-stop --- */

int
ptrace_signal(struct process *p, struct proc_thread *pt, int sig, struct siginfo_k *info, struct sighand **sh, u64 *irq)
{
	struct process *tracer;

	/* The tracer may make a stop signal of it: a SIGCONT meanwhile takes this mark away. */
	pt->stop_dequeued = true;
	sig = stop(p, pt, sig, CLD_TRAPPED, 0, info, sh, irq);
	if (sig == 0)
		return 0;
	if (sig != info->abi.si_signo) {
		siginfo_init(info, sig, SI_USER);
		tracer = pt->trace != 0 ? pt->tracer->proc : p;
		info->abi.kill.pid = process_pid(tracer);
		rcu_read_lock();
		info->abi.kill.uid = proc_cred_rcu(tracer->leader)->uid.val;
		rcu_read_unlock();
	}
	if (sig_in(pt->blocked, sig) || thread_fatal_pending(pt->thread)) {
		(void)signal_send_locked(p, pt->thread, sig, info, SEND_THREAD, false);
		return 0;
	}
	return sig;
}

/* --- events --- */

void
ptrace_event(int event, u64 message)
{
	struct proc_thread *pt = pt_current();

	if (ptrace_option(pt, BIT(event)) && event < 8)
		(void)notify_stop(event << 8 | SIGTRAP, message);
}

/* The options' bits are numbered as the events are: PTRACE_O_TRACEFORK is bit 1. */
_Static_assert(PTRACE_O_TRACEFORK == 1 << PTRACE_EVENT_FORK && PTRACE_O_TRACEEXIT == 1 << PTRACE_EVENT_EXIT, "ptrace options");

u32
ptrace_fork_event(u64 flags, int exit_signal)
{
	struct proc_thread *pt = pt_current();
	int event = PTRACE_EVENT_FORK;

	if (!ptrace_traced(pt) || (flags & CLONE_UNTRACED) != 0)
		return 0;
	if ((flags & CLONE_VFORK) != 0)
		event = PTRACE_EVENT_VFORK;
	else if (exit_signal != SIGCHLD)
		event = PTRACE_EVENT_CLONE;
	return ptrace_option(pt, BIT(event)) ? (u32)event : 0;
}

/* The current thread is a new program. */
void
ptrace_exec(pid_t old_tid)
{
	struct proc_thread *pt = pt_current();
	struct siginfo_k info;

	if (!ptrace_traced(pt))
		return;
	if (ptrace_option(pt, PTRACE_O_TRACEEXEC)) {
		ptrace_event(PTRACE_EVENT_EXEC, (u64)old_tid);
	} else if ((pt->trace & PT_SEIZED) == 0) {
		siginfo_init(&info, SIGTRAP, SI_USER);
		info.abi.kill.pid = pid_nr(pt->tid);
		info.abi.kill.uid = cred_current()->uid.val;
		(void)signal_send_thread(pt->thread, SIGTRAP, &info);
	}
}

/* The current thread is about to end, and can still be looked at. That it is told to is no reason not to stop; to be told so in the stop is. */
void
ptrace_exit(int wait_status)
{
	struct proc_thread *pt = pt_current();

	if (!ptrace_option(pt, PTRACE_O_TRACEEXIT))
		return;
	thread_clear_work(pt->thread, TW_EXIT);
	ptrace_event(PTRACE_EVENT_EXIT, (u64)(u32)wait_status);
}

/* --- system calls and steps --- */

static void
syscall_stop(struct proc_thread *pt, u64 message)
{
	struct siginfo_k info;
	int sig;

	if (!ptrace_traced(pt))
		return;
	sig = notify_stop(SIGTRAP | (ptrace_option(pt, PTRACE_O_TRACESYSGOOD) ? 0x80 : 0), message);
	if (sig != 0 && !thread_fatal_pending(pt->thread)) {
		siginfo_init(&info, sig, SI_KERNEL);
		(void)signal_send_thread(pt->thread, sig, &info);
	}
}

bool
syscall_ptrace_enter(struct thread *t)
{
	u32 stops = atomic_load_relaxed(&t->syscall_stops);

	if ((stops & (SYSCALL_STOP_TRACE | SYSCALL_STOP_EMULATE)) == 0)
		return true;
	syscall_stop(t->pt, PTRACE_EVENTMSG_SYSCALL_ENTRY);
	return (stops & SYSCALL_STOP_EMULATE) == 0 && !thread_fatal_pending(t);
}

void
syscall_ptrace_exit(struct thread *t)
{
	u32 stops = atomic_load_relaxed(&t->syscall_stops);
	struct siginfo_k info;

	if ((stops & (SYSCALL_STOP_STEP | SYSCALL_STOP_EMULATE)) == SYSCALL_STOP_STEP) {
		siginfo_init(&info, SIGTRAP, TRAP_BRKPT);
		info.abi.fault.addr = arch_frame_pc(arch_thread_frame(t));
		signal_force(SIGTRAP, &info);
	} else if ((stops & SYSCALL_STOP_TRACE) != 0) {
		syscall_stop(t->pt, PTRACE_EVENTMSG_SYSCALL_EXIT);
	}
}

bool
ptrace_step_suspend(void)
{
	struct thread *t = thread_current();

	if (likely(!arch_step_get(t)))
		return false;
	arch_step_set(t, false);
	syscall_stops_set(t, t->syscall_stops & ~(u32)SYSCALL_STOP_STEP);
	return true;
}

void
ptrace_step_handler(void)
{
	struct proc_thread *pt = pt_current();

	if (ptrace_traced(pt))
		(void)notify_stop(SIGTRAP, 0);
}
