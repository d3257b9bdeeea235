/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signal frames: built on the user stack, read back by rt_sigreturn. What comes back is the user's word: selectors are
 * set, flags and the FPU header are masked, so that nothing in a frame can fault or gain privilege when it is loaded.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/thread.h"
#include "arch/usercopy.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/signal.h"
#include "arch/x86_64/trapframe.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/signal.h"
#include "sys/thread.h"

#define RED_ZONE	128
#define FLAGS_USER	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_TF | FLAG_DF | FLAG_OF | FLAG_RF | FLAG_AC)

static u64
fpu_frame_size(void)
{
	return fpu_area_size + (fpu_features ? sizeof(u32) : 0);
}

u64
signal_frame_max(void)
{
	return RED_ZONE + fpu_frame_size() + 63 + sizeof(struct signal_frame) + 24;
}

static bool
user_range_ok(u64 addr, u64 size)
{
	return size <= ARCH_USER_MAX && addr <= ARCH_USER_MAX - size;
}

static int
to_user(u64 dst, const void *src, size_t n)
{
	if (!user_range_ok(dst, n) || arch_copy_to_user((void __user *)dst, src, n) != 0)
		return -EFAULT;
	return 0;
}

static int
from_user(void *dst, u64 src, size_t n)
{
	if (!user_range_ok(src, n) || arch_copy_from_user(dst, (const void __user *)src, n) != 0)
		return -EFAULT;
	return 0;
}

/* --- delivery --- */

/* The registers go to the thread's area and from there to the user: page faults on the way do no harm. */
static int
put_fpu(struct thread *t, u64 dst)
{
	struct fpu_area *a = t->arch.fpu;
	struct fpu_software sw = {
		.magic1 = FP_XSTATE_MAGIC1, .extended_size = (u32)fpu_frame_size(), .features = fpu_features,
		.xstate_size = fpu_area_size,
	};
	const u32 magic2 = FP_XSTATE_MAGIC2;
	u64 flags = arch_irq_save();
	int err;

	fpu_save_copy(a);	/* all of it: the user reads the bytes, whatever XSTATE_BV says */
	arch_irq_restore(flags);
	err = to_user(dst, a, fpu_area_size);
	if (!err && fpu_features) {
		err = to_user(dst + offsetof(struct fpu_area, software), &sw, sizeof(sw));
		if (!err)
			err = to_user(dst + fpu_area_size, &magic2, sizeof(magic2));
	}
	return err;
}

static void
fill_context(struct signal_frame *f, const struct trapframe *tf, const struct thread *t, u64 fpstate)
{
	f->uc.mcontext = (struct sigcontext){
		.r8 = tf->r8, .r9 = tf->r9, .r10 = tf->r10, .r11 = tf->r11, .r12 = tf->r12, .r13 = tf->r13, .r14 = tf->r14,
		.r15 = tf->r15, .di = tf->di, .si = tf->si, .bp = tf->bp, .bx = tf->bx, .dx = tf->dx, .ax = tf->ax,
		.cx = tf->cx, .sp = tf->sp, .ip = tf->ip, .flags = tf->flags,
		.cs = (u16)tf->cs, .ss = (u16)tf->ss,
		.err = t->arch.trap_error, .trapno = t->arch.trap_nr, .oldmask = f->uc.sigmask, .cr2 = t->arch.trap_addr,
		.fpstate = fpstate,
	};
	f->uc.flags = (fpu_features ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
}

int
arch_signal_setup(struct trapframe *tf, int sig, const struct siginfo_k *info, const struct sigaction_k *sa, u64 oldmask,
	u64 altstack_top)
{
	struct thread *t = thread_current();
	u64 sp = altstack_top ? altstack_top : tf->sp - RED_ZONE;
	u64 fpstate = ALIGN_DOWN(sp - fpu_frame_size(), 64UL);
	u64 frame = ALIGN_DOWN(fpstate - sizeof(struct signal_frame), 16UL) - 8;
	struct signal_frame f;
	u64 flags;

	/* Linux has no frame without a restorer on x86-64 either. */
	if (!(sa->flags & SA_RESTORER) || !user_range_ok(frame, sp - frame))
		return -EFAULT;
	memset(&f, 0, sizeof(f));
	f.restorer = sa->restorer;
	f.uc.sigmask = oldmask;
	signal_altstack_get(tf->sp, &f.uc.stack);
	f.info = info->abi;
	fill_context(&f, tf, t, fpstate);
	if (put_fpu(t, fpstate) != 0 || to_user(frame, &f, sizeof(f)) != 0)
		return -EFAULT;

	tf->di = (u64)sig;
	tf->si = frame + offsetof(struct signal_frame, info);
	tf->dx = frame + offsetof(struct signal_frame, uc);
	tf->ax = 0;
	tf->ip = sa->handler;
	tf->sp = frame;
	tf->cs = SEL_USER_CS;
	tf->ss = SEL_USER_DS;
	tf->flags &= ~(u64)(FLAG_DF | FLAG_RF | FLAG_TF);
	tf->orig_ax = (u64)-1;
	flags = arch_irq_save();
	fpu_load_init();
	arch_irq_restore(flags);
	return 0;
}

/* --- return --- */

/* Is there an extended state behind the legacy part? Its size, or 0. */
static u32
extended_size(u64 src, const struct fpu_software *sw)
{
	u32 magic2;

	if (!fpu_features || sw->magic1 != FP_XSTATE_MAGIC1 || sw->xstate_size < FPU_HEADER_END ||
	    sw->xstate_size > fpu_area_size || sw->extended_size < sw->xstate_size)
		return 0;
	if (from_user(&magic2, src + sw->xstate_size, sizeof(magic2)) != 0 || magic2 != FP_XSTATE_MAGIC2)
		return 0;
	return sw->xstate_size;
}

/* Nothing in the area may make XRSTOR fault. */
static void
sanitise(struct fpu_area *a, u32 extended, u64 features)
{
	a->mxcsr &= fpu_mxcsr_mask;
	if (!fpu_features)
		return;
	if (!extended)
		a->xstate_bv = 3;
	a->xstate_bv &= fpu_features & (extended ? features : 3);
	a->xcomp_bv = 0;
	memset(a->reserved2, 0, sizeof(a->reserved2));
}

static int
get_fpu(struct thread *t, u64 src)
{
	struct fpu_area *a = t->arch.fpu;
	struct fpu_software sw;
	u32 extended;
	int err = 0;

	/* From here the registers are nobody's: a switch away leaves the area alone. */
	t->arch.fpu_live = false;
	barrier();
	fpu_area_init(a);
	if (src) {
		err = from_user(&sw, src + offsetof(struct fpu_area, software), sizeof(sw));
		extended = err ? 0 : extended_size(src, &sw);
		if (!err)
			err = from_user(a, src, extended ? extended : FPU_LEGACY_SIZE);
		if (err)
			fpu_area_init(a);
		else
			sanitise(a, extended, sw.features);
	}
	arch_irq_disable();
	fpu_load(a);
	t->arch.fpu_live = true;
	arch_irq_enable();
	return err;
}

static void
restore_context(struct trapframe *tf, const struct sigcontext *sc)
{
	tf->r8 = sc->r8;
	tf->r9 = sc->r9;
	tf->r10 = sc->r10;
	tf->r11 = sc->r11;
	tf->r12 = sc->r12;
	tf->r13 = sc->r13;
	tf->r14 = sc->r14;
	tf->r15 = sc->r15;
	tf->di = sc->di;
	tf->si = sc->si;
	tf->bp = sc->bp;
	tf->bx = sc->bx;
	tf->dx = sc->dx;
	tf->ax = sc->ax;
	tf->cx = sc->cx;
	tf->sp = sc->sp;
	tf->ip = sc->ip;
	tf->flags = (tf->flags & ~(u64)FLAGS_USER) | (sc->flags & FLAGS_USER);
	tf->cs = SEL_USER_CS;
	tf->ss = SEL_USER_DS;
	tf->orig_ax = (u64)-1;	/* no system call any more: nothing to restart */
}

long
arch_signal_return(struct trapframe *tf, u64 *mask, struct abi_stack *altstack)
{
	u64 frame = tf->sp - 8;		/* the handler's ret popped the restorer */
	struct ucontext uc;

	if (from_user(&uc, frame + offsetof(struct signal_frame, uc), sizeof(uc)) != 0)
		return -EFAULT;
	if (get_fpu(thread_current(), uc.mcontext.fpstate) != 0)
		return -EFAULT;
	restore_context(tf, &uc.mcontext);
	*mask = uc.sigmask;
	*altstack = uc.stack;
	return (long)tf->ax;
}
