/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What entry.S calls: system calls, exceptions and interrupts, from user mode and from the kernel, and the way back to user
 * mode. Who was interrupted is judged by the saved CS.RPL and never by the page-fault error code: QEMU's TCG reports
 * some ring-3 faults with U clear when SMAP is on.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/thread.h"
#include "arch/trap.h"
#include "arch/x86_64/debugreg.h"
#include "arch/x86_64/extable.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/trapframe.h"
#include "arch/x86_64/vectors.h"
#include "sys/abi/signal.h"
#include "sys/lib/printf.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/thread.h"

/* Page-fault error code (SDM volume 3, 4.7) */
#define PF_PRESENT	0x1
#define PF_WRITE	0x2
#define PF_USER		0x4
#define PF_RESERVED	0x8
#define PF_FETCH	0x10

static const char *const names[32] = {
	"divide error", "debug", "NMI", "int3", "overflow", "bounds", "invalid opcode", "device not available", "double fault",
	"coprocessor segment overrun", "invalid TSS", "segment not present", "stack segment", "general protection fault",
	"page fault", "vector 15", "coprocessor error", "alignment check", "machine check", "simd exception",
	"virtualization exception", "control protection", "vector 22", "vector 23", "vector 24", "vector 25", "vector 26",
	"vector 27", "hypervisor injection", "VMM communication", "security exception", "vector 31",
};

/* --- the way back --- */

static bool
is_canonical(u64 va)
{
	return (u64)((s64)(va << 16) >> 16) == va;
}

static __always_inline bool
work_left(struct thread *t)
{
	return READ_ONCE(t->work) | this_cpu_read(percpu_need_resched);
}

/* Until nothing is left to do; interrupts are off at entry and at the end. An instruction pointer that IRETQ would refuse is a
 * fault of the program: it gets what it would get from a jump there. */
static __noinline void
finish_work(struct trapframe *tf)
{
	struct thread *t = thread_current();

	for (;;) {
		if (likely(!work_left(t))) {
			if (likely(is_canonical(tf->ip)))
				return;
			arch_irq_enable();
			trap_user_exception(tf, SIGSEGV, SI_KERNEL, 0, 13, 0);
		} else {
			arch_irq_enable();
		}
		user_return_work(tf);
		arch_irq_disable();
	}
}

/* SYSRET loads rip from rcx, flags from r11 and fixed selectors (a user thread's frame never has others, if it came by
 * SYSCALL); on Intel a non-canonical rcx faults in ring 0. */
static __always_inline bool
sysret_fits(const struct trapframe *tf)
{
	return tf->cx == tf->ip && tf->r11 == tf->flags && tf->ip < ARCH_USER_MAX && !(tf->flags & (FLAG_RF | FLAG_TF));
}

/* The frame came by SYSCALL, or by arch_thread_exec(). */
bool
trap_return_to_user(struct trapframe *tf)
{
	arch_irq_disable();
	if (unlikely(work_left(thread_current())))
		finish_work(tf);
	if (likely(sysret_fits(tf)))
		return true;
	finish_work(tf);
	return false;
}

bool
trap_syscall(struct trapframe *tf)
{
	arch_irq_enable();
	syscall_dispatch(tf);
	return trap_return_to_user(tf);
}

/* --- page faults --- */

static int
fault_flags(const struct trapframe *tf)
{
	int flags = 0;

	if (tf->error & PF_WRITE)
		flags |= FAULT_WRITE;
	if (tf->error & PF_FETCH)
		flags |= FAULT_EXEC;
	if (tf->error & PF_PRESENT)
		flags |= FAULT_PROTECTION;
	if (trapframe_user(tf))
		flags |= FAULT_USER;
	return flags;
}

static void
note_user_trap(const struct trapframe *tf, u64 addr)
{
	struct arch_thread *at = &thread_current()->arch;

	at->trap_nr = (u8)tf->trapno;
	at->trap_error = tf->error;
	at->trap_addr = addr;
}

static void
user_page_fault(struct trapframe *tf, vaddr_t va)
{
	if (unlikely(tf->error & PF_RESERVED))
		panic("corrupted page table for %#lx", va);
	arch_irq_enable();
	note_user_trap(tf, va);
	if (va >= ARCH_USER_MAX)	/* a kernel address always looks protected, whatever is there */
		thread_current()->arch.trap_error |= PF_PRESENT;
	trap_page_fault(tf, va, fault_flags(tf));
}

/* Kernel code touches user memory only at places that the exception table knows, so a fault elsewhere is a bug, and is
 * never taken for a demand fault. */
static void
kernel_page_fault(struct trapframe *tf, vaddr_t va)
{
	u64 fixup = extable_find(tf->ip);
	char what[96];

	if (likely(fixup != 0)) {
		int err = -1;

		if (va < ARCH_USER_MAX && !(tf->error & (PF_RESERVED | PF_FETCH))) {
			if (tf->flags & FLAG_IF)
				arch_irq_enable();
			err = trap_page_fault(tf, va, fault_flags(tf));
			arch_irq_disable();
		}
		if (err)
			tf->ip = fixup;
		return;
	}
	snprintf(what, sizeof(what), "%s at %#lx%s", va < PAGE_SIZE ? "kernel NULL pointer dereference" : "page fault",
		va, tf->error & PF_FETCH ? " (instruction fetch)" : tf->error & PF_WRITE ? " (write)" : "");
	oops(what, tf, tf->error);
}

/* --- other exceptions --- */

static int
fpu_error_code(u32 errors)
{
	if (errors & 0x01)
		return FPE_FLTINV;
	if (errors & 0x04)
		return FPE_FLTDIV;
	if (errors & 0x08)
		return FPE_FLTOVF;
	if (errors & 0x12)
		return FPE_FLTUND;
	if (errors & 0x20)
		return FPE_FLTRES;
	return 0;
}

/* Signal, code and address as Linux gives them. */
static void
user_exception(struct trapframe *tf)
{
	u32 v = tf->trapno;
	int sig = SIGSEGV, code = SI_KERNEL;
	u64 addr = 0;

	switch (v) {
	case 0:
		sig = SIGFPE, code = FPE_INTDIV, addr = tf->ip;
		break;
	case 1:
		sig = SIGTRAP, code = debugreg_user_trap(tf), addr = tf->ip;
		break;
	case 2:
		if (!irq_nmi(tf))
			log_warn("NMI of unknown origin in user mode");
		return;
	case 3:
		sig = SIGTRAP;
		break;
	case 6:
		sig = SIGILL, code = ILL_ILLOPN, addr = tf->ip;
		break;
	case 11: case 12:
		sig = SIGBUS;
		break;
	case 16: case 19:
		sig = SIGFPE, code = fpu_error_code(v == 16 ? fpu_x87_errors() : fpu_simd_errors()), addr = tf->ip;
		if (code == 0)
			return;
		break;
	case 17:
		sig = SIGBUS, code = BUS_ADRALN;
		break;
	case 18:
		panic("machine check in user mode");
	}
	note_user_trap(tf, 0);
	arch_irq_enable();
	trap_user_exception(tf, sig, code, addr, (int)v, tf->error);
}

static void
kernel_exception(struct trapframe *tf)
{
	u64 fixup = extable_find(tf->ip);

	if (tf->trapno == 13 && fixup) {	/* a non-canonical user address */
		tf->ip = fixup;
		return;
	}
	oops(names[tf->trapno], tf, tf->error);
	if (tf->trapno != 3)			/* there is no way on, should oops return */
		panic("%s in the kernel", names[tf->trapno]);
}

/* --- from entry.S --- */

void
trap_from_user(struct trapframe *tf)
{
	if (tf->trapno >= 32)
		irq_vector_dispatch((u8)tf->trapno, tf);
	else if (tf->trapno == 14)
		user_page_fault(tf, read_cr2());
	else
		user_exception(tf);
	arch_irq_disable();
	finish_work(tf);
}

void
trap_from_kernel(struct trapframe *tf)
{
	if (tf->trapno >= 32)
		irq_vector_dispatch((u8)tf->trapno, tf);
	else if (tf->trapno == 14)
		kernel_page_fault(tf, read_cr2());
	else
		kernel_exception(tf);
}

static void
double_fault(struct trapframe *tf)
{
	struct thread *t = thread_current();
	u64 cr2 = read_cr2(), low = t ? (u64)t->kstack : 0;

	log_panic_mode();
	arch_print_frame(tf);
	if (t && cr2 >= low - PAGE_SIZE && cr2 < low + 64)
		panic("kernel stack overflow of thread \"%s\": stack %#lx-%#lx, touched %#lx", t->name, low, low + KSTACK_SIZE, cr2);
	panic("double fault, cr2 %#lx", cr2);
}

/* On an IST stack, over kernel code of any kind: no locks, nothing that may fault. */
void
trap_paranoid(struct trapframe *tf)
{
	switch (tf->trapno) {
	case 1: {
		u64 dr6 = debugreg_take_dr6();

		if ((dr6 & DR6_HITS) != 0)	/* the kernel touched what a debugger watches: not the program's doing */
			break;
		tf->flags &= ~(u64)FLAG_TF;
		log_warn("debug exception in the kernel at %pS, dr6 %#lx", (void *)tf->ip, dr6);
		break;
	}
	case 2:
		if (!irq_nmi(tf))
			log_warn("NMI of unknown origin at %pS", (void *)tf->ip);
		break;
	case 8:
		double_fault(tf);
		break;
	default:
		panic("machine check at %pS", (void *)tf->ip);
	}
}
