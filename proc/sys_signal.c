/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls of signals: sending, masks, actions, waiting, stacks, returning from handlers. */
#include "proc/proc.h"

#include "arch/thread.h"
#include "syscall_protos.h"
#include "sys/abi/timespec.h"

/* --- actions, masks, stacks --- */

#define SA_KNOWN	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | SA_RESTART | \
			 SA_NODEFER | SA_RESETHAND)

long
sys_rt_sigaction(int sig, const void __user *act, void __user *oldact, size_t sigsetsize)
{
	struct process *p = process_current();
	struct sigaction_k new, old;
	struct sighand *sh;
	u64 irq;

	if (sigsetsize != SIGSET_SIZE)
		return -EINVAL;
	if (act != NULL && copy_from_user(&new, act, sizeof(new)) != 0)
		return -EFAULT;
	if (!sig_valid(sig) || (act != NULL && sig_in(SIG_UNBLOCKABLE, sig)))
		return -EINVAL;
	sh = sighand_lock(p, &irq);
	old = sh->action[sig - 1];
	if (act != NULL) {
		new.flags &= SA_KNOWN;
		new.mask &= ~SIG_UNBLOCKABLE;
		sh->action[sig - 1] = new;
		/* POSIX: setting it to be ignored drops what is pending, also where it is blocked. */
		if (new.handler == SIG_IGN || (new.handler == SIG_DFL && sig_in(SIG_IGNORED, sig)))
			signal_flush_ignored(p, SIGBIT(sig));
	}
	sighand_unlock(sh, irq);
	return oldact != NULL ? copy_to_user(oldact, &old, sizeof(old)) : 0;
}

long
sys_rt_sigprocmask(int how, const void __user *set, void __user *oldset, size_t sigsetsize)
{
	u64 new, old = signal_blocked();

	if (sigsetsize != SIGSET_SIZE)
		return -EINVAL;
	if (set != NULL) {
		if (get_user_u64(&new, set) != 0)
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			new |= old;
			break;
		case SIG_UNBLOCK:
			new = old & ~new;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_blocked(new);
	}
	return oldset != NULL ? put_user_u64(old, oldset) : 0;
}

long
sys_rt_sigpending(void __user *set, size_t sigsetsize)
{
	struct proc_thread *pt = pt_current();
	struct sighand *sh;
	u64 pending, irq;

	if (sigsetsize > SIGSET_SIZE)
		return -EINVAL;
	sh = sighand_lock(pt->proc, &irq);
	pending = (pt->pending.set | pt->proc->shared_pending.set) & pt->blocked;
	sighand_unlock(sh, irq);
	return copy_to_user(set, &pending, sigsetsize);
}

long
sys_sigaltstack(const void __user *ss, void __user *old_ss)
{
	u64 sp = arch_frame_sp(arch_thread_frame(thread_current()));
	struct abi_stack new, old;
	int err;

	if (ss != NULL && copy_from_user(&new, ss, sizeof(new)) != 0)
		return -EFAULT;
	signal_altstack_get(sp, &old);
	if (ss != NULL && (err = signal_altstack_set(&new, sp, MINSIGSTKSZ)) != 0)
		return err;
	return old_ss != NULL ? copy_to_user(old_ss, &old, sizeof(old)) : 0;
}

long
sys_rt_sigreturn(void)
{
	struct trapframe *tf = arch_thread_frame(thread_current());
	struct siginfo_k info;
	struct abi_stack stack;
	u64 mask;
	long result = arch_signal_return(tf, &mask, &stack);

	/* A frame that cannot be read: result is -EFAULT, and so may be a register that was restored. The frame's
	 * system call number tells them apart: it is -1 once the frame was restored. */
	pt_current()->restart.fn = NULL;
	if (result == -EFAULT && arch_frame_syscall(tf) >= 0) {
		siginfo_init(&info, SIGSEGV, SI_KERNEL);
		signal_force(SIGSEGV, &info);
		return 0;
	}
	signal_set_blocked(mask);
	(void)signal_altstack_set(&stack, arch_frame_sp(tf), 0);
	return result;
}

/* --- waiting --- */

long
sys_pause(void)
{
	struct thread *t = thread_current();

	while (!thread_signal_pending(t)) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		if (!thread_signal_pending(t))
			thread_schedule();
		thread_set_state(THREAD_RUNNING);
	}
	return -ERESTARTNOHAND;
}

long
sys_rt_sigsuspend(const void __user *mask, size_t sigsetsize)
{
	u64 set;

	if (sigsetsize != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, mask) != 0)
		return -EFAULT;
	signal_temp_mask(set);
	(void)sys_pause();
	signal_temp_mask_end(true);
	return -ERESTARTNOHAND;
}

/* Take one signal of the set, waiting until the deadline: its number, -EAGAIN, -EINTR. */
static int
wait_for_signal(u64 set, nsec_t deadline, struct siginfo_k *info)
{
	struct proc_thread *pt = pt_current();
	struct process *p = pt->proc;
	struct sighand *sh;
	u64 irq;
	int sig;

	sh = sighand_lock(p, &irq);
	sig = signal_dequeue(pt, ~set, info);
	if (sig != 0 || deadline == 0) {
		sighand_unlock(sh, irq);
		return sig != 0 ? sig : -EAGAIN;
	}
	/* Unblocked for the sleep, so that senders wake us; real_blocked keeps them from killing us for it. */
	pt->real_blocked = pt->blocked;
	pt->blocked &= ~set;
	signal_recalc(pt);
	thread_set_state(THREAD_INTERRUPTIBLE);
	sighand_unlock(sh, irq);
	if (thread_signal_pending(pt->thread))
		thread_set_state(THREAD_RUNNING);
	else
		(void)thread_schedule_until(deadline);
	sh = sighand_lock(p, &irq);
	pt->blocked = pt->real_blocked;
	pt->real_blocked = 0;
	sig = signal_dequeue(pt, ~set, info);
	signal_recalc(pt);
	sighand_unlock(sh, irq);
	if (sig != 0)
		return sig;
	return clock_now() >= deadline ? -EAGAIN : -EINTR;
}

long
sys_rt_sigtimedwait(const void __user *uset, void __user *uinfo, const void __user *utimeout, size_t sigsetsize)
{
	nsec_t deadline = NSEC_MAX;
	struct abi_timespec ts;
	struct siginfo_k info;
	u64 set;
	int sig;

	if (sigsetsize != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, uset) != 0)
		return -EFAULT;
	if (utimeout != NULL) {
		if (copy_from_user(&ts, utimeout, sizeof(ts)) != 0)
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = timespec_to_ns(&ts);
		if (deadline != 0 && deadline != NSEC_MAX)
			deadline = deadline > NSEC_MAX - clock_now() ? NSEC_MAX : deadline + clock_now();
	}
	sig = wait_for_signal(set & ~SIG_UNBLOCKABLE, deadline, &info);
	if (sig > 0 && uinfo != NULL && copy_to_user(uinfo, &info, sizeof(info)) != 0)
		return -EFAULT;
	return sig;
}

long
sys_restart_syscall(void)
{
	struct restart_block *rb = restart_block_current();

	return rb->fn != NULL ? rb->fn(rb) : -EINTR;
}

/* --- sending --- */

static void
user_info(struct siginfo_k *info, int sig, int code)
{
	siginfo_init(info, sig, code);
	info->abi.kill.pid = process_pid(process_current());
	info->abi.kill.uid = cred_current()->uid.val;
}

/* With permission; sig 0 only asks. proctree_lock held for SEND_GROUP. */
static int
send_checked(struct process *p, struct thread *t, int sig, const struct siginfo_k *info, enum send_how how)
{
	struct sighand *sh;
	u64 irq;
	int err;

	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	err = signal_may_send(p, t, sig);
	if (err != 0 || sig == 0)
		return err;
	sh = sighand_lock(p, &irq);
	err = signal_send_locked(p, how == SEND_THREAD ? t : NULL, sig, info, how, false);
	sighand_unlock(sh, irq);
	return err;
}

/* To every member: 0 if one got it, else the last error. */
static long
kill_group(struct pid *pgrp, int sig, const struct siginfo_k *info)
{
	struct proc_thread *pt;
	int err = -ESRCH, one;
	bool success = false;
	u64 irq = proctree_lock_irq();

	if (pgrp != NULL)
		pid_for_each_bearer(pt, pgrp, PID_PGID) {
			one = send_checked(pt->proc, pt->thread, sig, info, SEND_GROUP);
			success |= one == 0;
			err = one;
		}
	proctree_unlock_irq(irq);
	return success ? 0 : err;
}

/* To all but init and oneself. */
static long
kill_all(int sig, const struct siginfo_k *info)
{
	struct process *p;
	int err = 0, one;
	u32 count = 0;
	u64 irq = proctree_lock_irq();

	list_for_each(p, &process_list, all_node) {
		if (is_init(p) || p == process_current())
			continue;
		one = send_checked(p, p->leader, sig, info, SEND_GROUP);
		count++;
		if (one != -EPERM)
			err = one;
	}
	proctree_unlock_irq(irq);
	return count != 0 ? err : -ESRCH;
}

/* To one process, if the caller may; sig 0 only asks. -ESRCH, -EPERM, -EINVAL, -EAGAIN. */
int
signal_send_checked(struct process *p, int sig, const struct siginfo_k *info)
{
	struct thread *leader = process_leader_get(p);
	int err = -ESRCH;

	if (leader != NULL) {
		err = send_checked(p, leader, sig, info, SEND_PROCESS);
		thread_put(leader);
	}
	return err;
}

static long
kill_one(pid_t pid, int sig, const struct siginfo_k *info)
{
	struct process *p = process_find_get(pid);
	int err;

	if (p == NULL)
		return -ESRCH;
	err = signal_send_checked(p, sig, info);
	process_put(p);
	return err;
}

long
sys_kill(pid_t pid, int sig)
{
	struct siginfo_k info;
	struct pid *pgrp;
	long err;

	user_info(&info, sig, SI_USER);
	if (pid > 0)
		return kill_one(pid, sig, &info);
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1)
		return kill_all(sig, &info);
	pgrp = pid == 0 ? process_pid_get(process_current(), PID_PGID) : pid_find_get(-pid);
	err = kill_group(pgrp, sig, &info);
	pid_put(pgrp);
	return err;
}

/* tgid 0: whichever process the thread belongs to. */
static long
kill_thread(pid_t tgid, pid_t tid, int sig, const struct siginfo_k *info)
{
	struct thread *t = thread_find_get(tid);
	long err = -ESRCH;

	if (t == NULL)
		return -ESRCH;
	if (tgid <= 0 || process_pid(t->proc) == tgid) {
		err = send_checked(t->proc, t, sig, info, SEND_THREAD);
		/* The sender may have lost a race with an exec or exit: the signal is gone with the thread. */
	}
	thread_put(t);
	return err;
}

long
sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	struct siginfo_k info;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	user_info(&info, sig, SI_TKILL);
	return kill_thread(tgid, tid, sig, &info);
}

long
sys_tkill(pid_t tid, int sig)
{
	struct siginfo_k info;

	if (tid <= 0)
		return -EINVAL;
	user_info(&info, sig, SI_TKILL);
	return kill_thread(0, tid, sig, &info);
}

/* A siginfo that the user made up: not in the kernel's name, unless to oneself. */
static int
info_from_user(struct siginfo_k *info, const void __user *uinfo, pid_t pid, int sig)
{
	if (copy_from_user(info, uinfo, sizeof(*info)) != 0)
		return -EFAULT;
	info->abi.si_signo = sig;
	if ((info->abi.si_code >= 0 || info->abi.si_code == SI_TKILL) && process_pid(process_current()) != pid)
		return -EPERM;
	return 0;
}

long
sys_rt_sigqueueinfo(pid_t pid, int sig, const void __user *uinfo)
{
	struct siginfo_k info;
	int err = info_from_user(&info, uinfo, pid, sig);

	return err != 0 ? err : kill_one(pid, sig, &info);
}

long
sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, const void __user *uinfo)
{
	struct siginfo_k info;
	int err = info_from_user(&info, uinfo, tgid, sig);

	if (err == 0 && (tgid <= 0 || tid <= 0))
		err = -EINVAL;
	return err != 0 ? err : kill_thread(tgid, tid, sig, &info);
}
