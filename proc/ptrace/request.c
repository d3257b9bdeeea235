/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace(2)'s requests on a stopped tracee. It is frozen meanwhile (freeze): switched away, and kept so until the request is done, or
 * lets it go.
 */
#include "proc/ptrace.h"

#include "arch/ptrace.h"
#include "arch/thread.h"
#include "mm/iobuf.h"
#include "sys/syscall_trace.h"

/* --- freezing --- */

/* -ESRCH: not ours, or not stopped. running: it need not be, and is left as it is. */
static int
freeze(struct thread *t, bool running)
{
	struct proc_thread *pt = t->pt;
	struct sighand *sh = NULL;
	int err = -ESRCH;
	u64 irq;

	sh = sighand_lock(t->proc, &irq);
	if (pt->trace != 0 && pt->tracer == thread_current()) {
		if (running)
			err = pt->dead ? -ESRCH : 0;
		else if ((pt->trap & (TRAP_IN | TRAP_LISTENING)) == TRAP_IN && !thread_fatal_pending(t))
			err = 0;
	}
	if (err == 0 && !running)
		pt->trap |= TRAP_FROZEN;
	sighand_unlock(sh, irq);
	if (err == 0 && !running)
		thread_wait_off_cpu(t);		/* TRAP_IN is set a little before it sleeps */
	return err;
}

static void
unfreeze(struct thread *t)
{
	struct proc_thread *pt = t->pt;
	u64 irq;
	struct sighand *sh = sighand_lock(t->proc, &irq);

	pt->trap &= ~(u32)TRAP_FROZEN;
	if (thread_fatal_pending(t))
		thread_wake_states(t, BIT(THREAD_TRACED));
	sighand_unlock(sh, irq);
}

/* --- going on --- */

static int
resume(struct thread *t, long request, u64 sig)
{
	struct proc_thread *pt = t->pt;
	u32 stops = 0;
	struct sighand *sh;
	u64 irq;

	if (sig > NSIG)
		return -EIO;
	if (request == PTRACE_SYSCALL)
		stops |= SYSCALL_STOP_TRACE;
	if (request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP)
		stops |= SYSCALL_STOP_EMULATE;
	if (request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP)
		stops |= SYSCALL_STOP_STEP;
	arch_step_set(t, (stops & SYSCALL_STOP_STEP) != 0);
	syscall_stops_set(t, stops);
	sh = sighand_lock(t->proc, &irq);
	pt->trace_code = (int)sig;
	pt->trap &= ~(u32)(TRAP_IN | TRAP_LISTENING | TRAP_FROZEN);
	thread_wake_states(t, BIT(THREAD_TRACED));
	sighand_unlock(sh, irq);
	return 0;
}

static int
interrupt(struct thread *t)
{
	struct proc_thread *pt = t->pt;
	struct sighand *sh;
	u64 irq;

	if ((pt->trace & PT_SEIZED) == 0)
		return -EIO;
	sh = sighand_lock(t->proc, &irq);
	if (!pt->exiting && !thread_fatal_pending(t)) {
		pt->trap |= TRAP_STOP;
		ptrace_wake(pt, (pt->trap & TRAP_LISTENING) != 0);
	}
	sighand_unlock(sh, irq);
	return 0;
}

static int
listen(struct thread *t)
{
	struct proc_thread *pt = t->pt;
	struct sighand *sh;
	int err = -EIO;
	u64 irq;

	if ((pt->trace & PT_SEIZED) == 0)
		return -EIO;
	sh = sighand_lock(t->proc, &irq);
	if (pt->trace_info != NULL && pt->trace_info->abi.si_code >> 8 == PTRACE_EVENT_STOP) {
		pt->trap |= TRAP_LISTENING;
		if ((pt->trap & TRAP_NOTIFY) != 0)	/* something happened since this stop began */
			ptrace_wake(pt, true);
		err = 0;
	}
	sighand_unlock(sh, irq);
	return err;
}

static int
set_options(struct proc_thread *pt, u64 options)
{
	struct sighand *sh;
	u64 irq;

	if ((options & ~(u64)PTRACE_O_KNOWN) != 0)
		return -EINVAL;
	sh = sighand_lock(pt->proc, &irq);
	WRITE_ONCE(pt->trace, (pt->trace & ~PT_OPTIONS) | (u32)options);
	sighand_unlock(sh, irq);
	return 0;
}

/* --- memory --- */

static int
word(struct thread *t, u64 addr, u64 *value, bool write)
{
	struct aspace *as = process_aspace_get(t->proc);
	ssize_t n;

	if (as == NULL)
		return -EIO;
	n = -EIO;
	if (READ_ONCE(t->proc->dumpable) == 1 || (t->pt->trace & PT_TRACER_CAPABLE) != 0)
		n = aspace_access(as, addr, value, sizeof(*value), write, true);
	aspace_put_user(as);
	return n == sizeof(*value) ? 0 : -EIO;
}

static int
peek(struct thread *t, u64 addr, u64 data)
{
	u64 value;
	int err = word(t, addr, &value, false);

	return err != 0 ? err : put_user_u64(value, (u64 __user *)data);
}

/* --- registers --- */

static int
peek_user(struct thread *t, u64 addr, u64 data)
{
	u64 value;
	int err = arch_user_peek(t, addr, &value);

	return err != 0 ? err : put_user_u64(value, (u64 __user *)data);
}

/* len bytes of the set: from or to the user. */
static int
regset_copy(struct thread *t, u32 type, u32 size, u64 base, u32 len, bool set)
{
	void *buf = kmem_alloc(size, KM_USER | KM_ZERO);
	int err;

	if (buf == NULL)
		return -ENOMEM;
	if (set) {
		err = copy_from_user(buf, (const void __user *)base, len);
		if (err == 0)
			err = arch_regset_set(t, type, buf, len);
	} else {
		err = arch_regset_get(t, type, buf);
		if (err == 0)
			err = copy_to_user((void __user *)base, buf, len);
	}
	kmem_free(buf);
	return err;
}

static int
whole_regset(struct thread *t, u32 type, u64 base, bool set)
{
	u32 size, unit;
	int err = arch_regset_size(type, &size, &unit);

	return err != 0 ? err : regset_copy(t, type, size, base, size, set);
}

static int
regset(struct thread *t, u64 type, u64 data, bool set)
{
	struct abi_iovec __user *uiov = (struct abi_iovec __user *)data;
	struct abi_iovec iov;
	u32 size, unit;
	int err;

	if (copy_from_user(&iov, uiov, sizeof(iov)) != 0)
		return -EFAULT;
	err = type <= UINT32_MAX ? arch_regset_size((u32)type, &size, &unit) : -EINVAL;
	if (err != 0)
		return err;
	if (iov.len % unit != 0)
		return -EINVAL;
	iov.len = MIN(iov.len, (u64)size);
	err = regset_copy(t, (u32)type, size, iov.base, (u32)iov.len, set);
	return err != 0 ? err : put_user_u64(iov.len, &uiov->len);
}

/* --- signals --- */

static int
get_siginfo(struct proc_thread *pt, u64 data)
{
	return pt->trace_info == NULL ? -EINVAL : copy_to_user((void __user *)data, pt->trace_info, sizeof(*pt->trace_info));
}

static int
set_siginfo(struct proc_thread *pt, u64 data)
{
	struct siginfo_k info;

	if (copy_from_user(&info, (const void __user *)data, sizeof(info)) != 0)
		return -EFAULT;
	if (pt->trace_info == NULL)
		return -EINVAL;
	*pt->trace_info = info;
	return 0;
}

/* The nth info on the queue. */
static bool
queued_info(struct proc_thread *pt, bool shared, u64 nth, struct siginfo_k *info)
{
	struct process *p = pt->proc;
	struct sigqueue *q;
	bool found = false;
	u64 irq;
	struct sighand *sh = sighand_lock(p, &irq);

	list_for_each(q, shared ? &p->shared_pending.queue : &pt->pending.queue, node)
		if (nth-- == 0) {
			*info = q->info;
			found = true;
			break;
		}
	sighand_unlock(sh, irq);
	return found;
}

static int
peek_siginfo(struct proc_thread *pt, u64 addr, u64 data)
{
	struct abi_ptrace_peeksiginfo a;
	struct siginfo_k info;
	int i;

	if (copy_from_user(&a, (const void __user *)addr, sizeof(a)) != 0)
		return -EFAULT;
	if ((a.flags & ~PTRACE_PEEKSIGINFO_SHARED) != 0 || a.nr < 0)
		return -EINVAL;
	for (i = 0; i < a.nr; i++) {
		if (!queued_info(pt, (a.flags & PTRACE_PEEKSIGINFO_SHARED) != 0, a.off + (u64)i, &info))
			break;
		if (copy_to_user((void __user *)(data + (u64)i * sizeof(info)), &info, sizeof(info)) != 0)
			return i > 0 ? i : -EFAULT;
		if (thread_signal_pending(thread_current())) {
			i++;
			break;
		}
	}
	return i;
}

/* While it waits with another mask (sigsuspend), the one that it will have again. */
static int
get_sigmask(struct proc_thread *pt, u64 size, u64 data)
{
	bool temp = (atomic_load_relaxed(&pt->thread->work) & TW_RESTORE_MASK) != 0;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	return put_user_u64(temp ? pt->saved_blocked : pt->blocked, (u64 __user *)data);
}

static int
set_sigmask(struct proc_thread *pt, u64 size, u64 data)
{
	struct sighand *sh;
	u64 irq, set;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, (const u64 __user *)data) != 0)
		return -EFAULT;
	sh = sighand_lock(pt->proc, &irq);
	pt->blocked = set & ~SIG_UNBLOCKABLE;
	thread_clear_work(pt->thread, TW_RESTORE_MASK);
	thread_set_work(pt->thread, TW_SIGNAL);		/* it looks for itself */
	sighand_unlock(sh, irq);
	return 0;
}

/* --- what the stop is about --- */

static u32
entry_info(struct thread *t, struct abi_ptrace_syscall_info *info)
{
	info->op = PTRACE_SYSCALL_INFO_ENTRY;
	info->entry.nr = (u64)arch_frame_syscall(arch_thread_frame(t));
	arch_frame_syscall_args(arch_thread_frame(t), info->entry.args);
	return offsetof(struct abi_ptrace_syscall_info, entry) + sizeof(info->entry);
}

static u32
exit_info(struct thread *t, struct abi_ptrace_syscall_info *info)
{
	long value = arch_frame_result(arch_thread_frame(t));

	info->op = PTRACE_SYSCALL_INFO_EXIT;
	info->exit.rval = value;
	info->exit.is_error = (u64)value >= (u64)-4095L;
	return offsetof(struct abi_ptrace_syscall_info, exit.is_error) + sizeof(info->exit.is_error);
}

static long
syscall_info(struct thread *t, u64 size, u64 data)
{
	struct proc_thread *pt = t->pt;
	struct abi_ptrace_syscall_info info;
	u32 len = offsetof(struct abi_ptrace_syscall_info, entry);

	memset(&info, 0, sizeof(info));
	info.op = PTRACE_SYSCALL_INFO_NONE;
	info.arch = ARCH_AUDIT;
	info.ip = arch_frame_pc(arch_thread_frame(t));
	info.sp = arch_frame_sp(arch_thread_frame(t));
	if (pt->trace_info != NULL && pt->trace_info->abi.si_code == (SIGTRAP | 0x80)) {
		if (pt->trace_message == PTRACE_EVENTMSG_SYSCALL_ENTRY)
			len = entry_info(t, &info);
		else if (pt->trace_message == PTRACE_EVENTMSG_SYSCALL_EXIT)
			len = exit_info(t, &info);
	}
	return copy_to_user((void __user *)data, &info, MIN(size, (u64)len)) != 0 ? -EFAULT : (long)len;
}

#define RSEQ_AREA_SIZE	32	/* struct rseq */

static long
rseq_configuration(struct proc_thread *pt, u64 size, u64 data)
{
	struct abi_ptrace_rseq conf = { .area = pt->rseq, .size = RSEQ_AREA_SIZE, .signature = pt->rseq_sig };

	return copy_to_user((void __user *)data, &conf, MIN(size, (u64)sizeof(conf))) != 0 ? -EFAULT : (long)sizeof(conf);
}

/* --- dispatch --- */

static long
frozen_request(struct thread *t, long request, u64 addr, u64 data)
{
	struct proc_thread *pt = t->pt;
	u64 value = data;

	switch (request) {
	case PTRACE_PEEKTEXT: case PTRACE_PEEKDATA:
		return peek(t, addr, data);
	case PTRACE_POKETEXT: case PTRACE_POKEDATA:
		return word(t, addr, &value, true);
	case PTRACE_PEEKUSER:
		return peek_user(t, addr, data);
	case PTRACE_POKEUSER:
		return arch_user_poke(t, addr, data);
	case PTRACE_GETREGS: case PTRACE_SETREGS:
		return whole_regset(t, NT_PRSTATUS, data, request == PTRACE_SETREGS);
	case PTRACE_GETFPREGS: case PTRACE_SETFPREGS:
		return whole_regset(t, NT_PRFPREG, data, request == PTRACE_SETFPREGS);
	case PTRACE_GETREGSET: case PTRACE_SETREGSET:
		return regset(t, addr, data, request == PTRACE_SETREGSET);
	case PTRACE_ARCH_PRCTL:
		return arch_thread_prctl(t, (int)data, addr);
	case PTRACE_SETOPTIONS: case PTRACE_OLDSETOPTIONS:
		return set_options(pt, data);
	case PTRACE_GETEVENTMSG:
		return put_user_u64(pt->trace_message, (u64 __user *)data);
	case PTRACE_GETSIGINFO:
		return get_siginfo(pt, data);
	case PTRACE_SETSIGINFO:
		return set_siginfo(pt, data);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(pt, addr, data);
	case PTRACE_GETSIGMASK:
		return get_sigmask(pt, addr, data);
	case PTRACE_SETSIGMASK:
		return set_sigmask(pt, addr, data);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(t, addr, data);
	case PTRACE_GET_RSEQ_CONFIGURATION:
		return rseq_configuration(pt, addr, data);
	case PTRACE_LISTEN:
		return listen(t);
	}
	return -EIO;
}

/* Any request but TRACEME, ATTACH and SEIZE. */
long
ptrace_request(struct thread *t, long request, u64 addr, u64 data)
{
	bool running = request == PTRACE_KILL || request == PTRACE_INTERRUPT;
	long err = freeze(t, running);

	if (err != 0)
		return err;
	switch (request) {
	case PTRACE_KILL:
		(void)signal_send_thread(t, SIGKILL, NULL);
		return 0;
	case PTRACE_INTERRUPT:
		return interrupt(t);
	case PTRACE_CONT: case PTRACE_SYSCALL: case PTRACE_SINGLESTEP: case PTRACE_SYSEMU: case PTRACE_SYSEMU_SINGLESTEP:
		err = resume(t, request, data);
		break;
	case PTRACE_DETACH:
		err = data <= NSIG ? ptrace_detach(t, (int)data) : -EIO;
		break;
	default:
		err = frozen_request(t, request, addr, data);
		unfreeze(t);
		return err;
	}
	if (err != 0)
		unfreeze(t);
	return err;
}
