/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads' machine state: first frames, the switch, exec, and user registers by meaning (arch/thread.h).
 *
 * User state that the kernel does not use itself (FPU, FS and GS base, data selectors) stays in the registers while kernel
 * threads run: percpu_user_owner names the thread whose state they hold, and a switch back to it loads nothing.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/thread.h"
#include "arch/usercopy.h"
#include "arch/x86_64/cpu_init.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/debugreg.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/thread_state.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/trapframe.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/thread.h"

_Static_assert(offsetof(struct thread, arch) == 0 && offsetof(struct arch_thread, sp) == ARCH_THREAD_SP, "switch.S");
_Static_assert(KSTACK_SIZE == 16384, "boot_entry.S");

struct thread *switch_stacks(struct thread *prev, struct thread *next);
void thread_kernel_start(void);
void thread_fork_return(void);
__noreturn void enter_user_by_frame(struct trapframe *tf);

static PERCPU_DEFINE(struct thread *, percpu_user_owner);	/* only compared, never followed */

/* What switch_stacks() pops. */
struct switch_frame { u64 r15, r14, r13, r12, bx, bp, ip; };

static u64
stack_top(const struct thread *t)
{
	return (u64)t->kstack + KSTACK_SIZE;
}

struct trapframe *
arch_thread_frame(struct thread *t)
{
	return (struct trapframe *)stack_top(t) - 1;
}

/* The saved frame pointer and return address stand side by side, as in a frame record. */
u64
arch_thread_fp(const struct thread *t)
{
	return (u64)&((const struct switch_frame *)t->arch.sp)->bp;
}

/* --- new threads --- */

void
arch_thread_init_kernel(struct thread *t, void (*fn)(void *), void *arg)
{
	/* room for a user frame, in case it becomes a user thread */
	struct switch_frame *f = (struct switch_frame *)((u64)arch_thread_frame(t)) - 1;

	*f = (struct switch_frame){ .r12 = (u64)fn, .r13 = (u64)arg, .ip = (u64)thread_kernel_start };
	t->arch.sp = (u64)f;
}

/* --- FS and GS base, selectors --- */

static void
save_bases(struct arch_thread *at)
{
	__asm__ volatile("mov %%fs, %0\n\tmov %%gs, %1\n\tmov %%ds, %2\n\tmov %%es, %3" : "=rm"(at->fs), "=rm"(at->gs),
		"=rm"(at->ds), "=rm"(at->es));
	if (cpu_has(CPUF_FSGSBASE)) {
		at->fs_base = rdfsbase();
		swapgs();
		at->gs_base = rdgsbase();
		swapgs();
	} else {
		/* Only arch_prctl sets them, which writes the fields, and loading a selector, which makes them 0. */
		if (at->fs)
			at->fs_base = 0;
		if (at->gs)
			at->gs_base = 0;
	}
}

static void
load_selectors(u32 ds, u32 es, u32 fs, u32 gs)
{
	__asm__ volatile("mov %0, %%ds\n\tmov %1, %%es\n\tmov %2, %%fs" :: "r"(ds), "r"(es), "r"(fs) : "memory");
	/* Loading gs replaces the base that is active: do it while that is the user's. */
	__asm__ volatile("swapgs\n\tmov %0, %%gs\n\tswapgs" :: "r"(gs) : "memory");
}

static void
write_fs_base(u64 base)
{
	if (cpu_has(CPUF_FSGSBASE))
		wrfsbase(base);
	else
		wrmsr(MSR_FS_BASE, base);
}

static void
write_user_gs_base(u64 base)
{
	if (cpu_has(CPUF_FSGSBASE)) {
		swapgs();
		wrgsbase(base);
		swapgs();
	} else {
		wrmsr(MSR_KERNEL_GS_BASE, base);
	}
}

/* The selectors a user thread may have are null or its data segment, so loading them cannot fault. */
static void
load_bases(const struct arch_thread *at)
{
	u32 ds, es, fs, gs;

	__asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3" : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
	if (unlikely(ds | es | fs | gs | at->ds | at->es | at->fs | at->gs))
		load_selectors(at->ds, at->es, at->fs, at->gs);
	write_fs_base(at->fs_base);
	write_user_gs_base(at->gs_base);
}

/* --- the switch --- */

static void
save_user_state(struct arch_thread *at)
{
	if (at->fpu_live)
		fpu_save(at->fpu);
	save_bases(at);
}

static void
load_user_state(struct thread *next)
{
	u32 cpu = cpu_id() + 1;

	if (this_cpu_read(percpu_user_owner) == next && next->arch.user_cpu == cpu)
		return;
	load_bases(&next->arch);
	if (next->arch.fpu_live)
		fpu_load(next->arch.fpu);
	next->arch.user_cpu = cpu;
	this_cpu_write(percpu_user_owner, next);
}

struct thread *
arch_switch_to(struct thread *prev, struct thread *next)
{
	if (prev->arch.fpu)
		save_user_state(&prev->arch);
	cpu_set_kernel_stack(stack_top(next));
	if (next->arch.fpu)
		load_user_state(next);
	if (unlikely((prev->arch.dr7 | next->arch.dr7) != 0))
		debugreg_switch(next);
	return switch_stacks(prev, next);
}

/* --- fork and exec --- */

int
arch_thread_init_fork(struct thread *t, u64 stack, bool set_tls, u64 tls)
{
	struct thread *cur = thread_current();
	struct trapframe *tf = arch_thread_frame(t);
	struct switch_frame *f = (struct switch_frame *)tf - 1;
	u64 flags;

	t->arch = (struct arch_thread){ .fpu = fpu_alloc() };
	if (!t->arch.fpu)
		return -ENOMEM;
	flags = arch_irq_save();
	save_bases(&cur->arch);
	fpu_save_copy(t->arch.fpu);
	arch_irq_restore(flags);

	t->arch.fpu_live = true;
	t->arch.ds = cur->arch.ds;
	t->arch.es = cur->arch.es;
	t->arch.fs = cur->arch.fs;
	t->arch.gs = cur->arch.gs;
	t->arch.fs_base = set_tls ? tls : cur->arch.fs_base;
	t->arch.gs_base = cur->arch.gs_base;
	if (set_tls)
		t->arch.fs = 0;

	*tf = *arch_thread_frame(cur);
	tf->ax = 0;
	if (cur->arch.forced_tf)	/* who steps the parent does not step the child */
		tf->flags &= ~(u64)FLAG_TF;
	if (stack)
		tf->sp = stack;
	*f = (struct switch_frame){ .ip = (u64)thread_fork_return };
	t->arch.sp = (u64)f;
	return 0;
}

void
arch_thread_free(struct thread *t)
{
	fpu_free(t->arch.fpu);
	t->arch.fpu = NULL;
}

void
arch_thread_exec(u64 entry, u64 stack)
{
	struct thread *t = thread_current();
	struct trapframe *tf = arch_thread_frame(t);
	void *area = t->arch.fpu ? t->arch.fpu : fpu_alloc();
	u64 flags, nr = t->arch.fpu ? tf->orig_ax : (u64)-1;

	if (!area)		/* only a kernel thread has none: the first process */
		panic("no memory for the FPU state of the first process");
	flags = arch_irq_save();
	t->arch.fs_base = t->arch.gs_base = 0;
	load_selectors(0, 0, 0, 0);
	write_fs_base(0);
	write_user_gs_base(0);
	fpu_load_init();
	t->arch.fpu = area;
	t->arch.fpu_live = true;
	t->arch.user_cpu = cpu_id() + 1;
	this_cpu_write(percpu_user_owner, t);
	arch_irq_restore(flags);

	debugreg_clear(t);
	t->arch.forced_tf = false;
	memset(tf, 0, sizeof(*tf));
	tf->trapno = TRAP_SYSCALL;
	tf->orig_ax = nr;		/* a tracer sees which call it was */
	tf->ip = entry;
	tf->sp = stack;
	tf->cs = SEL_USER_CS;
	tf->ss = SEL_USER_DS;
	tf->flags = FLAG_IF | FLAG_FIXED;
}

void
arch_enter_user(void)
{
	struct trapframe *tf = arch_thread_frame(thread_current());

	trap_return_to_user(tf);
	enter_user_by_frame(tf);
}

/* --- arch_prctl(2) --- */

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004, ARCH_GET_CPUID = 0x1011,
	ARCH_SET_CPUID = 0x1012, ARCH_GET_XCOMP_SUPP = 0x1021, ARCH_GET_XCOMP_PERM = 0x1022 };

static void
set_base(struct thread *t, bool gs, u64 base)
{
	u64 flags = arch_irq_save();

	if (t == thread_current()) {
		if (gs) {
			__asm__ volatile("swapgs\n\tmov %0, %%gs\n\tswapgs" :: "r"(0) : "memory");
			write_user_gs_base(base);
		} else {
			__asm__ volatile("mov %0, %%fs" :: "r"(0));
			write_fs_base(base);
		}
	} else {
		t->arch.user_cpu = 0;
	}
	if (gs) {
		t->arch.gs = 0;
		t->arch.gs_base = base;
	} else {
		t->arch.fs = 0;
		t->arch.fs_base = base;
	}
	arch_irq_restore(flags);
}

static u64
get_base(struct thread *t, bool gs)
{
	if (t == thread_current()) {
		u64 flags = arch_irq_save();

		save_bases(&t->arch);
		arch_irq_restore(flags);
	}
	return gs ? t->arch.gs_base : t->arch.fs_base;
}

void
thread_state_sync(struct thread *t)
{
	u64 flags;

	if (t != thread_current())
		return;
	flags = arch_irq_save();
	save_bases(&t->arch);
	if (t->arch.fpu_live)
		fpu_save_copy(t->arch.fpu);
	arch_irq_restore(flags);
}

void
thread_state_set_base(struct thread *t, bool gs, u64 base)
{
	set_base(t, gs, base);
}

static long
put_user(u64 value, u64 addr)
{
	if (addr > ARCH_USER_MAX - sizeof(u64))
		return -EFAULT;
	return arch_put_user_u64(value, (u64 __user *)addr);
}

long
arch_thread_prctl(struct thread *t, int code, u64 addr)
{
	switch (code) {
	case ARCH_SET_GS: case ARCH_SET_FS:
		if (addr >= ARCH_USER_MAX)
			return -EPERM;
		set_base(t, code == ARCH_SET_GS, addr);
		return 0;
	case ARCH_GET_FS: case ARCH_GET_GS:
		return put_user(get_base(t, code == ARCH_GET_GS), addr);
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;		/* no CPUID faulting */
	case ARCH_GET_XCOMP_SUPP: case ARCH_GET_XCOMP_PERM:
		return put_user(fpu_features ? fpu_features : 3, addr);
	default:
		return -EINVAL;
	}
}
