/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending signals: queues, choice of the receiving thread, what stops and continues, faults.
 *
 * A signal is pending for one thread or for the whole process. Side effects happen when it is sent: SIGCONT takes pending stop
 * signals away and continues the process, stop signals take SIGCONT away, a fatal signal makes the whole group exit. What is left
 * is delivered by the receiving thread before it goes back to user mode (signal_deliver.c).
 *
 * Everything here works under the receiver's sighand lock ("[h]"), which is taken with interrupts off.
 */
#include "proc/proc.h"
#include "proc/ptrace.h"

#include "arch/thread.h"
#include "arch/trap.h"
#include "fs/path.h"
#include "sys/lib/printf.h"

static struct kmem_cache *sigqueue_cache;

void
signal_cache_init(void)
{
	sigqueue_cache = kmem_cache_create("sigqueue", sizeof(struct sigqueue), 0, 0, NULL);
}

void
siginfo_init(struct siginfo_k *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->abi.si_signo = sig;
	info->abi.si_code = code;
}

/* --- queues --- */

void
sigpending_init(struct sigpending *sp)
{
	sp->set = 0;
	list_init(&sp->queue);
}

/* A queue entry, paid by `user`. force: beyond the limit too. NULL: over the limit, or no memory. Any context. */
struct sigqueue *
sigqueue_alloc(struct user_counts *user, u64 limit, bool force)
{
	struct sigqueue *q;

	if (atomic_add(&user->nsignal, 1) > limit && !force)
		goto out_uncount;
	q = kmem_cache_alloc(sigqueue_cache, KM_ATOMIC);
	if (q == NULL)
		goto out_uncount;
	memset(q, 0, sizeof(*q));
	user_counts_get(user);
	q->user = user;
	return q;

out_uncount:
	atomic_sub(&user->nsignal, 1);
	return NULL;
}

/* An entry that is on no queue. Those of timers belong to their timer. */
void
sigqueue_free(struct sigqueue *q)
{
	if (q->timer != NULL)
		return;
	atomic_sub(&q->user->nsignal, 1);
	user_counts_put(q->user);
	kmem_cache_free(sigqueue_cache, q);
}

void
sigpending_flush_set(struct sigpending *sp, u64 set)
{
	struct sigqueue *q, *next;

	if ((sp->set & set) == 0)
		return;
	sp->set &= ~set;
	list_for_each_safe(q, next, &sp->queue, node)
		if (sig_in(set, q->info.abi.si_signo)) {
			list_del(&q->node);
			sigqueue_free(q);
		}
}

void
sigpending_flush(struct sigpending *sp)
{
	sigpending_flush_set(sp, ~0UL);
}

/* Take sig off the queue. Its info, or a bare one where there was no memory for it. */
static void
collect(struct sigpending *sp, int sig, struct siginfo_k *info)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each(q, &sp->queue, node)
		if (q->info.abi.si_signo == sig) {
			if (first != NULL) {
				more = true;
				break;
			}
			first = q;
		}
	if (!more)
		sp->set &= ~SIGBIT(sig);
	if (first == NULL) {
		siginfo_init(info, sig, SI_USER);
		return;
	}
	list_del(&first->node);
	*info = first->info;
	if (first->timer != NULL)
		posix_timer_delivered(first->timer, info);
	else
		sigqueue_free(first);
}

/* The next signal of a set: faults of the thread itself first, then by number. */
static int
next_signal(u64 set)
{
	if ((set & SIG_SYNCHRONOUS) != 0)
		set &= SIG_SYNCHRONOUS;
	return set != 0 ? (int)__builtin_ctzll(set) + 1 : 0;
}

/* [h]. The current thread takes its next pending signal that is not in `blocked`: its number, or 0. */
int
signal_dequeue(struct proc_thread *pt, u64 blocked, struct siginfo_k *info)
{
	struct process *p = pt->proc;
	int sig;

	assert_signal_locked(p);
	sig = next_signal(pt->pending.set & ~blocked);
	if (sig != 0) {
		collect(&pt->pending, sig, info);
	} else {
		sig = next_signal(p->shared_pending.set & ~blocked);
		if (sig == 0)
			return 0;
		collect(&p->shared_pending, sig, info);
		if (sig == SIGALRM)
			itimer_rearm(p);
	}
	if (sig_in(SIG_STOPS, sig))
		pt->stop_dequeued = true;
	signal_recalc(pt);
	return sig;
}

/* [h]. Set or clear pt's flag "look for signals"; clearing is only for the thread itself. */
void
signal_recalc(struct proc_thread *pt)
{
	struct process *p = pt->proc;
	u64 pending = (pt->pending.set | p->shared_pending.set) & ~pt->blocked;

	if (pending != 0 || pt->stop_pending || (pt->trap & TRAP_WANTED) != 0 || (p->stop_flags & (STOP_NOTIFY_STOP | STOP_NOTIFY_CONT)) != 0)
		thread_set_work(pt->thread, TW_SIGNAL);
	else if (pt->thread == thread_current())
		thread_clear_work(pt->thread, TW_SIGNAL);
}

/* --- what a signal does when it is sent; all under [h] --- */

/* Is sig without any effect on p, as it would be for pt? A blocked one is kept: its action may change. */
bool
signal_is_ignored(struct process *p, struct proc_thread *pt, int sig, bool force)
{
	u64 handler = p->sighand->action[sig - 1].handler;

	if (sig_in(pt->blocked | pt->real_blocked, sig))
		return false;
	if (ptrace_traced(pt) && sig != SIGKILL)
		return false;		/* its tracer may want to know */
	if (p->unkillable && handler == SIG_DFL && !(force && sig_in(SIG_UNBLOCKABLE, sig)))
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && sig_in(SIG_IGNORED, sig));
}

/* Pending signals of the set that now are ignored go away, for all threads. */
void
signal_flush_ignored(struct process *p, u64 set)
{
	struct proc_thread *pt;

	assert_signal_locked(p);
	sigpending_flush_set(&p->shared_pending, set);
	process_for_each_thread(pt, p)
		sigpending_flush_set(&pt->pending, set);
}

/* Make t look at its signals, now if it sleeps. TW_EXIT reaches it in killable and stopped states too. */
void
signal_wake(struct thread *t, u32 work)
{
	u32 states = BIT(THREAD_INTERRUPTIBLE);

	if (work & TW_EXIT) {
		states |= BIT(THREAD_KILLABLE) | BIT(THREAD_STOPPED);
		if ((t->pt->trap & TRAP_FROZEN) == 0)	/* else its tracer does, when the request is done */
			states |= BIT(THREAD_TRACED);
	}
	thread_set_work(t, work);
	thread_wake_states(t, states);
}

/* All threads of p are to exit with this wait status. */
void
signal_group_kill_locked(struct process *p, int wait_status)
{
	struct proc_thread *pt;

	assert_signal_locked(p);
	p->group_exit = true;
	p->group_exit_code = wait_status;
	p->stop_count = 0;
	p->stop_flags = 0;
	process_for_each_thread(pt, p) {
		pt->stop_pending = pt->stop_counted = pt->stop_dequeued = pt->stopped = false;
		if (!pt->exiting)
			signal_wake(pt->thread, TW_SIGNAL | TW_EXIT);
	}
}

static void
continue_process(struct process *p)
{
	struct proc_thread *pt;

	signal_flush_ignored(p, SIG_STOPS);
	process_for_each_thread(pt, p) {
		pt->stop_dequeued = pt->stop_pending = pt->stop_counted = false;
		if ((pt->trace & PT_SEIZED) != 0) {
			ptrace_trap_notify(pt);
		} else if (pt->stopped) {
			pt->stopped = false;
			thread_wake_states(pt->thread, BIT(THREAD_STOPPED));
		}
	}
	/* One of the threads tells the parent: here the tree must not be locked. */
	if ((p->stop_flags & STOP_STOPPED) != 0)
		p->stop_flags = STOP_CONTINUED | STOP_NOTIFY_CONT;
	else if (p->stop_count != 0)
		p->stop_flags = STOP_CONTINUED | STOP_NOTIFY_STOP;
	p->stop_count = 0;
	if ((p->stop_flags & (STOP_NOTIFY_CONT | STOP_NOTIFY_STOP)) != 0)
		process_for_each_thread(pt, p)
			if (!pt->exiting)
				signal_wake(pt->thread, TW_SIGNAL);	/* a tracee may run and sleep in a stopped group */
}

/* Side effects of sending. False: it is not to be queued. */
static bool
prepare(struct process *p, struct proc_thread *pt, int sig, bool force)
{
	if (p->group_exit) {
		if (sig == SIGKILL && p->core_dumper != NULL) {
			p->group_exit_code = SIGKILL;
			signal_wake(p->core_dumper, TW_SIGNAL | TW_EXIT);
		}
		return false;
	}
	if (sig_in(SIG_STOPS, sig))
		signal_flush_ignored(p, SIGBIT(SIGCONT));
	else if (sig == SIGCONT)
		continue_process(p);
	return !signal_is_ignored(p, pt, sig, force);
}

static bool
wants(const struct proc_thread *pt, int sig)
{
	if (sig_in(pt->blocked, sig) || pt->exiting)
		return false;
	if (sig == SIGKILL)
		return true;
	if (pt->stopped || (pt->trap & TRAP_IN) != 0)
		return false;
	return atomic_load_relaxed(&pt->thread->on_cpu) || !thread_signal_pending(pt->thread);
}

/* sig was queued: choose who handles it. A fatal one starts the group's exit here, so that nobody can block its way. */
static void
complete(struct process *p, struct proc_thread *pt, int sig, bool process_wide)
{
	struct proc_thread *target = NULL, *i;

	if (wants(pt, sig))
		target = pt;
	else if (process_wide)
		process_for_each_thread(i, p)
			if (wants(i, sig)) {
				target = i;
				break;
			}
	if (target == NULL)
		return;		/* whoever unblocks it first takes it */
	if (!sig_in(SIG_IGNORED | SIG_STOPS | SIG_CORES, sig) && p->sighand->action[sig - 1].handler == SIG_DFL &&
	    !sig_in(target->real_blocked, sig) && (sig == SIGKILL || !ptrace_traced(pt))) {
		signal_group_kill_locked(p, sig);
		return;
	}
	signal_wake(target->thread, TW_SIGNAL);
}

static int
enqueue(struct process *p, struct proc_thread *pt, struct sigpending *sp, int sig, const struct siginfo_k *info)
{
	bool override = sig < SIGRTMIN && (info == NULL || info->abi.si_code >= 0);
	struct sigqueue *q = sigqueue_alloc(pt->user, process_rlimit(p, RLIMIT_SIGPENDING), override);

	if (q == NULL) {
		if (info != NULL && sig >= SIGRTMIN && info->abi.si_code != SI_USER)
			return -EAGAIN;
		return 0;	/* delivered without its info */
	}
	if (info != NULL)
		q->info = *info;
	else
		siginfo_init(&q->info, sig, SI_KERNEL);
	q->info.abi.si_signo = sig;
	list_add_tail(&sp->queue, &q->node);
	return 0;
}

/* [h] of p. t: the thread for SEND_THREAD, else NULL. force: from the kernel, reaches init too. 0 (also where it is ignored) or -EAGAIN. */
int
signal_send_locked(struct process *p, struct thread *t, int sig, const struct siginfo_k *info, enum send_how how, bool force)
{
	struct proc_thread *pt = t != NULL ? t->pt : p->leader->pt;
	struct sigpending *sp = how == SEND_THREAD ? &pt->pending : &p->shared_pending;
	int err;

	assert_signal_locked(p);
	if (how == SEND_GROUP)
		p->group_signal_seq++;
	if (pt->dead && (how == SEND_THREAD || p->nr_threads == 1))
		return 0;
	if (!prepare(p, pt, sig, force))
		return 0;
	if (sig < SIGRTMIN && sig_in(sp->set, sig))
		return 0;	/* the classic ones don't queue */
	if (sig != SIGKILL) {
		err = enqueue(p, pt, sp, sig, info);
		if (err != 0)
			return err;
	}
	sp->set |= SIGBIT(sig);
	if (waitq_active(&p->sighand->signalfd_wq))
		waitq_wake_all(&p->sighand->signalfd_wq);
	complete(p, pt, sig, how != SEND_THREAD);
	return 0;
}

int
signal_send_queue_locked(struct process *p, struct thread *t, struct sigqueue *q, enum send_how how)
{
	int sig = q->info.abi.si_signo;
	struct proc_thread *pt = t != NULL ? t->pt : p->leader->pt;
	struct sigpending *sp = how == SEND_THREAD ? &pt->pending : &p->shared_pending;

	assert_signal_locked(p);
	if (pt->dead && (how == SEND_THREAD || p->nr_threads == 1))
		return 0;
	if (!prepare(p, pt, sig, false))
		return 1;
	if (list_is_linked(&q->node))
		return 0;
	list_add_tail(&sp->queue, &q->node);
	sp->set |= SIGBIT(sig);
	if (waitq_active(&p->sighand->signalfd_wq))
		waitq_wake_all(&p->sighand->signalfd_wq);
	complete(p, pt, sig, how != SEND_THREAD);
	return 0;
}

/* --- the public calls: sys/signal.h --- */

/* Sent by the kernel, not by a program? Then it also reaches init. */
static bool
from_kernel(const struct siginfo_k *info)
{
	return info == NULL || info->abi.si_code == SI_KERNEL;
}

int
signal_send_thread(struct thread *t, int sig, const struct siginfo_k *info)
{
	struct process *p = t->proc;
	struct sighand *sh;
	u64 irq;
	int err;

	if (p == NULL)
		return -ESRCH;
	sh = sighand_lock(p, &irq);
	if (t->pt->dead && t != p->leader)
		err = -ESRCH;
	else
		err = signal_send_locked(p, t, sig, info, SEND_THREAD, from_kernel(info));
	sighand_unlock(sh, irq);
	return err;
}

static int
send_process(struct process *p, int sig, const struct siginfo_k *info, enum send_how how)
{
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);
	int err = -ESRCH;

	if (p->state != PROC_REAPED)
		err = signal_send_locked(p, NULL, sig, info, how, from_kernel(info));
	sighand_unlock(sh, irq);
	return err;
}

int
signal_send_process(struct process *p, int sig, const struct siginfo_k *info)
{
	return send_process(p, sig, info, SEND_PROCESS);
}

int
signal_send_pgrp(struct pid *pgrp, int sig, const struct siginfo_k *info)
{
	struct proc_thread *pt;
	u64 irq = proctree_lock_irq();
	int err = -ESRCH;

	pid_for_each_bearer(pt, pgrp, PID_PGID)
		err = send_process(pt->proc, sig, info, SEND_GROUP);
	proctree_unlock_irq(irq);
	return err;
}

int
signal_send_pid(struct pid *tgid, int sig, const struct siginfo_k *info)
{
	struct proc_thread *pt;
	struct process *p = NULL;
	int err = -ESRCH;

	rcu_read_lock();
	pt = pid_bearer(tgid, PID_TGID);
	if (pt != NULL) {
		p = pt->proc;
		process_get(p);
	}
	rcu_read_unlock();
	if (p != NULL) {
		err = signal_send_process(p, sig, info);
		process_put(p);
	}
	return err;
}

/* Linux's rule for signals that a file's owner asked for: kill(2)'s, with the ids of who set the owner. */
static bool
owner_may_signal(const struct thread *t, uid_t uid, uid_t euid)
{
	const struct cred *c = rcu_dereference(t->cred);

	return euid == 0 || euid == c->uid.val || euid == c->suid.val || uid == c->uid.val || uid == c->suid.val;
}

void
signal_send_owner(struct pid *pid, int type, int sig, const struct siginfo_k *info, uid_t uid, uid_t euid)
{
	struct proc_thread *pt;
	u64 irq = proctree_lock_irq();		/* also a read section of RCU: preemption is off */

	if (type == PID_PGID) {
		pid_for_each_bearer(pt, pid, PID_PGID)
			if (owner_may_signal(pt->thread, uid, euid))
				(void)send_process(pt->proc, sig, info, SEND_GROUP);
	} else {
		pt = pid_bearer(pid, type == PID_TID ? PID_TID : PID_TGID);
		if (pt != NULL && owner_may_signal(pt->thread, uid, euid)) {
			if (type == PID_TID)
				(void)signal_send_thread(pt->thread, sig, info);
			else
				(void)send_process(pt->proc, sig, info, SEND_PROCESS);
		}
	}
	proctree_unlock_irq(irq);
}

void
signal_force(int sig, const struct siginfo_k *info)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	struct sigaction_k *sa;
	struct sighand *sh;
	u64 irq;

	sh = sighand_lock(p, &irq);
	sa = &sh->action[sig - 1];
	if (sig_in(pt->blocked, sig) || sa->handler == SIG_IGN) {
		sa->handler = SIG_DFL;
		pt->blocked &= ~SIGBIT(sig);
	}
	if (sa->handler == SIG_DFL && !ptrace_traced(pt))
		p->unkillable = false;
	(void)signal_send_locked(p, pt->thread, sig, info, SEND_THREAD, true);
	signal_recalc(pt);
	sighand_unlock(sh, irq);
}

/* May the current thread send sig to t's process? kill(2): the same user, CAP_KILL, or SIGCONT within the session. */
int
signal_may_send(struct process *to, struct thread *t, int sig)
{
	const struct cred *c = cred_current(), *tc;
	bool same;

	if (to == process_current())
		return 0;
	rcu_read_lock();
	tc = proc_cred_rcu(t);
	same = uid_eq(c->euid, tc->suid) || uid_eq(c->euid, tc->uid) || uid_eq(c->uid, tc->suid) || uid_eq(c->uid, tc->uid);
	rcu_read_unlock();
	if (same || capable(CAP_KILL))
		return 0;
	if (sig == SIGCONT && to->pids[PID_SID] == process_current()->pids[PID_SID])
		return 0;
	return -EPERM;
}

bool
thread_fatal_pending(const struct thread *t)
{
	return (atomic_load_relaxed(&t->work) & TW_EXIT) != 0;
}

bool
signal_is_blocked_or_ignored(int sig)
{
	struct proc_thread *pt = pt_current();

	return sig_in(pt->blocked, sig) || READ_ONCE(pt->proc->sighand->action[sig - 1].handler) == SIG_IGN;
}

/* --- faults --- */

static const char *const trap_names[] = { "divide error", "debug", "NMI", "int3", "overflow", "bounds", "invalid opcode",
	"device not available", "double fault", "coprocessor segment overrun", "invalid TSS", "segment not present", "stack segment",
	"general protection fault", "page fault", "spurious interrupt", "x87 FPU exception", "alignment check", "machine check",
	"SIMD FPU exception" };

/* " in name[start+size]" of what is mapped at pc. */
static void
describe_mapping(vaddr_t pc, char *buf, size_t size)
{
	struct aspace *as = thread_current()->as;
	char name[NAME_MAX_K + 1];
	struct vma *v;

	buf[0] = '\0';
	rwlock_read_lock(&as->lock);
	v = vma_find(as, pc);
	if (v != NULL && v->start <= pc && v->file != NULL && v->file->dentry != NULL) {
		rcu_read_lock();
		strlcpy(name, v->file->dentry->name.name, sizeof(name));
		rcu_read_unlock();
		snprintf(buf, size, " in %s[%lx+%lx]", name, v->start, v->end - v->start);
	}
	rwlock_read_unlock(&as->lock);
}

/* At most ten lines in five seconds. */
static bool
fault_log_allowed(void)
{
	static nsec_t window;	/* [a] races only blur the limit */
	static u32 lines;	/* [a] */
	nsec_t now = clock_now();

	if (now - atomic_load_relaxed(&window) > 5 * NSEC_PER_SEC) {
		atomic_store_relaxed(&window, now);
		atomic_store_relaxed(&lines, 0);
	}
	return atomic_add(&lines, 1) <= 10;
}

/* The line in the log of a fault that nobody handles, in Linux's words. */
static void
log_fault(const struct trapframe *tf, int trapno, u64 addr, u64 error)
{
	struct thread *t = thread_current();
	char where[NAME_MAX_K + 48];
	vaddr_t pc = arch_frame_pc(tf), sp = arch_frame_sp(tf);

	if (!fault_log_allowed())
		return;
	describe_mapping(pc, where, sizeof(where));
	if (trapno == 14)
		log_info("%s[%d]: segfault at %lx ip %016lx sp %016lx error %lx%s", t->name, thread_tid(t), addr, pc, sp, error, where);
	else
		log_info("traps: %s[%d] %s%s ip:%lx sp:%lx error:%lx%s", t->name, thread_tid(t), trapno == 13 ? "" : "trap ",
			(size_t)trapno < ARRAY_SIZE(trap_names) ? trap_names[trapno] : "unknown", pc, sp, error, where);
}

void
trap_user_exception(struct trapframe *tf, int sig, int code, u64 addr, int trapno, u64 error)
{
	struct proc_thread *pt = pt_current();
	u64 handler = READ_ONCE(pt->proc->sighand->action[sig - 1].handler);
	struct siginfo_k info;

	if ((handler == SIG_DFL || handler == SIG_IGN || sig_in(pt->blocked, sig)) && sig != SIGTRAP)
		log_fault(tf, trapno, addr, error);
	siginfo_init(&info, sig, code);
	info.abi.fault.addr = addr;
	signal_force(sig, &info);
}
