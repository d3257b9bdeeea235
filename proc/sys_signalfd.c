/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signalfd(2): pending signals as a file.
 *
 * The file holds nothing but a mask: who reads it takes signals of his own process and thread, so a descriptor that a child inherited
 * reads the child's signals. Readiness comes from the queue in the caller's sighand, which every signal sent wakes; that queue may go
 * before the file does, and then says POLLFREE (sys/wait.h).
 */
#include "proc/proc.h"

#include "mm/iobuf.h"
#include "sys/file.h"
#include "sys/lib/printf.h"
#include "syscall_protos.h"

struct signalfd { u64 mask; };		/* [a] signals to take */

struct abi_signalfd_siginfo {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value_int;
	u64 value_ptr, utime, stime, addr;
	u16 addr_lsb, pad2;
	s32 syscall;
	u64 call_addr;
	u32 arch;
	u8 pad[28];
};
_Static_assert(sizeof(struct abi_signalfd_siginfo) == 128 && offsetof(struct abi_signalfd_siginfo, arch) == 96, "signalfd_siginfo");

enum kind { KIND_KILL, KIND_TIMER, KIND_POLL, KIND_FAULT, KIND_CHILD, KIND_RT, KIND_SYS };

/* Which part of the union a siginfo uses: by its code, and for the kernel's own codes by the signal. */
static enum kind
kind_of(int sig, int code)
{
	if (code == SI_TIMER)
		return KIND_TIMER;
	if (code == SI_SIGIO)
		return KIND_POLL;
	if (code < 0)
		return KIND_RT;
	if (code == SI_USER || code >= SI_KERNEL)
		return KIND_KILL;
	switch (sig) {
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		return KIND_FAULT;
	case SIGCHLD:
		return KIND_CHILD;
	case SIGSYS:
		return KIND_SYS;
	default:
		return code <= POLL_HUP ? KIND_POLL : KIND_KILL;
	}
}

static void
fill(struct abi_signalfd_siginfo *out, const struct abi_siginfo *in)
{
	memset(out, 0, sizeof(*out));
	out->signo = (u32)in->si_signo;
	out->err = in->si_errno;
	out->code = in->si_code;
	switch (kind_of(in->si_signo, in->si_code)) {
	case KIND_KILL:
		out->pid = (u32)in->kill.pid;
		out->uid = in->kill.uid;
		break;
	case KIND_TIMER:
		out->tid = (u32)in->timer.tid;
		out->overrun = (u32)in->timer.overrun;
		out->value_ptr = in->timer.value.sival_ptr;
		out->value_int = in->timer.value.sival_int;
		break;
	case KIND_POLL:
		out->band = (u32)in->poll.band;
		out->fd = in->poll.fd;
		break;
	case KIND_FAULT:
		out->addr = in->fault.addr;
		if (in->si_signo == SIGBUS && (in->si_code == BUS_MCEERR_AR || in->si_code == BUS_MCEERR_AO))
			out->addr_lsb = (u16)in->fault.addr_lsb;
		break;
	case KIND_CHILD:
		out->pid = (u32)in->chld.pid;
		out->uid = in->chld.uid;
		out->status = in->chld.status;
		out->utime = (u64)in->chld.utime;
		out->stime = (u64)in->chld.stime;
		break;
	case KIND_RT:
		out->pid = (u32)in->rt.pid;
		out->uid = in->rt.uid;
		out->value_ptr = in->rt.value.sival_ptr;
		out->value_int = in->rt.value.sival_int;
		break;
	case KIND_SYS:
		out->call_addr = in->sys.call_addr;
		out->syscall = in->sys.syscall;
		out->arch = in->sys.arch;
		break;
	}
}

/* The caller's next pending signal of the mask: its number, or 0. */
static int
take(struct signalfd *s, struct siginfo_k *info)
{
	struct proc_thread *pt = pt_current();
	u64 irq;
	struct sighand *sh = sighand_lock(pt->proc, &irq);
	int sig = signal_dequeue(pt, ~atomic_load_relaxed(&s->mask), info);

	sighand_unlock(sh, irq);
	return sig;
}

static ssize_t
signalfd_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	bool nonblock = atomic_load_relaxed(&f->flags) & O_NONBLOCK;
	struct waitq *q = &process_current()->sighand->signalfd_wq;	/* ours for as long as we run in the process */
	struct signalfd *s = f->priv;
	struct abi_signalfd_siginfo out;
	struct siginfo_k info;
	ssize_t done = 0;
	int err;

	(void)pos;
	if (iobuf_left(buf) < sizeof(out))
		return -EINVAL;
	while (iobuf_left(buf) >= sizeof(out)) {
		if (take(s, &info) == 0) {
			if (done > 0)
				break;
			if (nonblock)
				return -EAGAIN;
			err = wait_event_interruptible(q, take(s, &info) != 0);
			if (err != 0)
				return err;
		}
		fill(&out, &info.abi);
		if (iobuf_copy_out(buf, &out, sizeof(out)) != sizeof(out))
			return done > 0 ? done : -EFAULT;
		done += (ssize_t)sizeof(out);
	}
	return done;
}

static u32
signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;
	struct proc_thread *me = pt_current();
	struct sighand *sh;
	u64 pending, irq;

	if (me == NULL)
		return 0;	/* a kernel thread asks (AIO): it has no signals */
	poll_wait(pt, f, &me->proc->sighand->signalfd_wq);
	sh = sighand_lock(me->proc, &irq);
	pending = me->pending.set | me->proc->shared_pending.set;
	sighand_unlock(sh, irq);
	return pending & atomic_load_relaxed(&s->mask) ? POLLIN : 0;
}

static void
signalfd_release(struct file *f)
{
	kmem_free(f->priv);
}

static void
signalfd_show_fdinfo(struct file *f, struct strbuf *out)
{
	struct signalfd *s = f->priv;

	strbuf_printf(out, "sigmask:\t%016lx\n", atomic_load_relaxed(&s->mask));
}

static const struct file_ops signalfd_fops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_show_fdinfo,
};

static long
create(u64 mask, int flags)
{
	struct signalfd *s = kmem_alloc(sizeof(*s), KM_USER);
	struct file *f;
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->mask = mask;
	err = file_create_anon("signalfd", &signalfd_fops, s, O_RDWR | (flags & O_NONBLOCK), &f);
	if (err != 0) {
		kmem_free(s);
		return err;
	}
	err = fd_install_new(f, 0, flags & O_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}

/* Another mask for a descriptor that there is: its number. */
static long
change(int fd, u64 mask)
{
	struct file *f = fd_get_file(fd);
	long err = -EINVAL;

	if (f == NULL)
		return -EBADF;
	if (f->ops == &signalfd_fops) {
		atomic_store_relaxed(&((struct signalfd *)f->priv)->mask, mask);
		waitq_wake_all(&process_current()->sighand->signalfd_wq);
		err = fd;
	}
	file_put(f);
	return err;
}

long
sys_signalfd4(int fd, const void __user *umask, size_t sizemask, int flags)
{
	u64 mask;

	if (sizemask != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&mask, umask) != 0)
		return -EFAULT;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	mask &= ~SIG_UNBLOCKABLE;
	return fd == -1 ? create(mask, flags) : change(fd, mask);
}

long
sys_signalfd(int fd, const void __user *umask, size_t sizemask)
{
	return sys_signalfd4(fd, umask, sizemask, 0);
}
