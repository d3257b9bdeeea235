/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Restartable sequences: rseq(2). A thread's area of user memory tells it on which processor it runs; and a critical section that it
 * announces there is aborted when the thread was switched away or gets a signal inside it.
 *
 * The scheduler sets TW_RSEQ for a thread with `rseq` when it switches it in; before user mode the work is done here. It touches user
 * memory and may sleep: then TW_RSEQ is set anew, and the way out of the kernel comes here once more.
 */
#include "proc/proc.h"

#include "arch/thread.h"
#include "sys/percpu.h"
#include "sys/syscall.h"
#include "syscall_protos.h"

#define RSEQ_SIZE		32	/* also its alignment */
#define RSEQ_FLAG_UNREGISTER	1
#define CPU_UNINITIALIZED	(~0u)

struct abi_rseq {
	u32 cpu_id_start, cpu_id;
	u64 cs;			/* the critical section's address, 0: none */
	u32 flags, pad[3];
};
_Static_assert(sizeof(struct abi_rseq) == RSEQ_SIZE, "struct rseq");

struct abi_rseq_cs { u32 version, flags; u64 start_ip, post_commit_offset, abort_ip; };

static struct abi_rseq __user *
area(const struct proc_thread *pt)
{
	return (struct abi_rseq __user *)pt->rseq;
}

static int
put_cpu(struct abi_rseq __user *r, u32 start, u32 cpu)
{
	return put_user_u32(start, &r->cpu_id_start) != 0 || put_user_u32(cpu, &r->cpu_id) != 0 ? -EFAULT : 0;
}

/* The section at `addr` must make sense, and its abort address must bear the signature, lest it be used to jump anywhere. */
static int
read_section(const struct proc_thread *pt, u64 addr, struct abi_rseq_cs *cs)
{
	u32 sig;

	if (copy_from_user(cs, (const void __user *)addr, sizeof(*cs)) != 0)
		return -EFAULT;
	if (cs->start_ip >= ARCH_USER_MAX || cs->start_ip + cs->post_commit_offset >= ARCH_USER_MAX ||
	    cs->start_ip + cs->post_commit_offset < cs->start_ip || cs->abort_ip >= ARCH_USER_MAX || cs->version != 0 ||
	    cs->abort_ip - cs->start_ip < cs->post_commit_offset)
		return -EINVAL;
	if (get_user_u32(&sig, (const u32 __user *)(cs->abort_ip - sizeof(sig))) != 0)
		return -EFAULT;
	return sig == pt->rseq_sig ? 0 : -EINVAL;
}

/* Leave the critical section, if the thread is in one. */
static int
abort_section(struct proc_thread *pt, struct trapframe *tf)
{
	struct abi_rseq __user *r = area(pt);
	struct abi_rseq_cs cs;
	u32 flags;
	u64 addr;
	int err;

	if (get_user_u64(&addr, &r->cs) != 0)
		return -EFAULT;
	if (addr == 0)
		return 0;
	err = read_section(pt, addr, &cs);
	if (err != 0)
		return err;
	if (arch_frame_pc(tf) - cs.start_ip >= cs.post_commit_offset)
		return put_user_u64(0, &r->cs);		/* it is behind it, and forgot to say so */
	/* Flags that were to keep a section going exist no more. */
	if (get_user_u32(&flags, &r->flags) != 0)
		return -EFAULT;
	if (flags != 0 || cs.flags != 0)
		return -EINVAL;
	if (put_user_u64(0, &r->cs) != 0)
		return -EFAULT;
	arch_frame_set_pc(tf, cs.abort_ip);
	return 0;
}

/* Its area or section is nonsense: it gets a SIGSEGV, and no more of this, or the way to the handler would fail again. */
static void
fail(void)
{
	struct siginfo_k info;

	rseq_forget(thread_current());
	siginfo_init(&info, SIGSEGV, SI_KERNEL);
	signal_force(SIGSEGV, &info);
}

void
rseq_signal(struct trapframe *tf)
{
	struct proc_thread *pt = pt_current();

	if (pt->rseq != 0 && abort_section(pt, tf) != 0)
		fail();
}

void
rseq_return(struct trapframe *tf)
{
	struct thread *t = thread_current();
	struct proc_thread *pt = t->pt;
	u32 cpu;

	thread_clear_work(t, TW_RSEQ);
	if (pt->rseq == 0)
		return;
	/* Where the thread moves between, TW_RSEQ brings it here again. */
	cpu = cpu_id();
	if (abort_section(pt, tf) != 0 || put_cpu(area(pt), cpu, cpu) != 0)
		fail();
}

void
rseq_forget(struct thread *t)
{
	t->rseq = false;
	t->pt->rseq = 0;
	thread_clear_work(t, TW_RSEQ);
}

static long
unregister(u64 addr, u32 len, u32 sig)
{
	struct thread *t = thread_current();
	struct proc_thread *pt = t->pt;

	if (pt->rseq != addr || addr == 0 || len != RSEQ_SIZE)
		return -EINVAL;
	if (pt->rseq_sig != sig)
		return -EPERM;
	if (put_cpu(area(pt), 0, CPU_UNINITIALIZED) != 0)
		return -EFAULT;
	rseq_forget(t);
	return 0;
}

long
sys_rseq(u64 addr, u32 len, unsigned int flags, u32 sig)
{
	struct thread *t = thread_current();
	struct proc_thread *pt = t->pt;

	if (flags & RSEQ_FLAG_UNREGISTER)
		return flags & ~(u32)RSEQ_FLAG_UNREGISTER ? -EINVAL : unregister(addr, len, sig);
	if (flags != 0)
		return -EINVAL;
	if (pt->rseq != 0) {
		if (pt->rseq != addr || len != RSEQ_SIZE)
			return -EINVAL;
		return pt->rseq_sig == sig ? -EBUSY : -EPERM;
	}
	if (!IS_ALIGNED(addr, RSEQ_SIZE) || len != RSEQ_SIZE)
		return -EINVAL;
	if (!user_range_ok((void __user *)addr, RSEQ_SIZE))
		return -EFAULT;
	pt->rseq = addr;
	pt->rseq_sig = sig;
	t->rseq = addr != 0;
	if (t->rseq)
		thread_set_work(t, TW_RSEQ);
	return 0;
}
