/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: a thread's machine state. struct arch_thread (arch/x86_64/thread_types.h) is embedded in struct thread:
 * saved stack pointer, user FS and GS base, FPU area.
 */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#include "sys/lib/types.h"
#include "arch/x86_64/thread_types.h"

struct thread;
struct trapframe;

/* Every thread that has user mode has its struct trapframe at the top of its kernel stack. */
struct trapframe *arch_thread_frame(struct thread *t);

/* Prepare t (stack at t->kstack, KSTACK_SIZE) so that its first switch-in calls thread_start(fn, arg) (sys/thread.c). */
void arch_thread_init_kernel(struct thread *t, void (*fn)(void *), void *arg);
/* t becomes a copy of the current user thread: registers, FPU, TLS. It returns 0 from the system call after calling
 * thread_start_user(). stack != 0: its user stack pointer; set_tls: tls is its thread pointer. -ENOMEM (FPU area). */
int __must_check arch_thread_init_fork(struct thread *t, u64 stack, bool set_tls, u64 tls);
/* Free what arch holds for t (FPU area). */
void arch_thread_free(struct thread *t);
/* exec: reset registers and FPU of the current thread; user mode starts at entry with the stack pointer given. */
void arch_thread_exec(u64 entry, u64 stack);
/* A kernel thread becomes a user thread: go to user mode by the current thread's frame (after arch_thread_exec). */
__noreturn void arch_enter_user(void);

/* Where arch_stack_walk() starts for a thread that does not run. */
u64 arch_thread_fp(const struct thread *t);

/* Switch stacks, FPU (eagerly or lazily), FS/GS base and the TSS stack. Run queue lock held, interrupts off. Returns in
 * `next`, giving the thread that ran before it on this CPU. */
struct thread *arch_switch_to(struct thread *prev, struct thread *next);

/* --- user registers, by meaning --- */
u64 arch_frame_pc(const struct trapframe *tf);
void arch_frame_set_pc(struct trapframe *tf, u64 pc);	/* one of user mode */
u64 arch_frame_sp(const struct trapframe *tf);
bool arch_frame_user(const struct trapframe *tf);	/* saved CS.RPL is 3 */
/* The system call number the frame came in with, or -1 when it didn't come by a system call. */
long arch_frame_syscall(const struct trapframe *tf);
void arch_frame_syscall_args(const struct trapframe *tf, u64 args[6]);
void arch_frame_set_result(struct trapframe *tf, long value);
long arch_frame_result(const struct trapframe *tf);
/* Back up to run the system call instruction again, with number nr. */
void arch_frame_restart(struct trapframe *tf, long nr);

/* arch_prctl(2): ARCH_SET_FS ... -EINVAL, -EPERM (address not canonical) */
long arch_thread_prctl(struct thread *t, int code, u64 addr);

/* --- signals (proc/signal_deliver.c) --- */
struct siginfo_k;	/* sys/signal.h */
struct sigaction_k;
struct abi_stack;	/* sys/abi/signal.h */
/* Build a frame in Linux's x86-64 format (ucontext, XSAVE area, siginfo) on the user stack (altstack_top != 0: there) and point tf at the
 * handler. oldmask and signal_altstack_get() go into the frame. -EFAULT: the caller kills with SIGSEGV. */
int __must_check arch_signal_setup(struct trapframe *tf, int sig, const struct siginfo_k *info,
	const struct sigaction_k *sa, u64 oldmask, u64 altstack_top);
/* rt_sigreturn: restore registers and FPU from the frame at the user stack pointer; *mask is the mask to restore,
 * *altstack the saved stack_t. Never raises privilege. Returns the value for the result register, or -EFAULT. */
long arch_signal_return(struct trapframe *tf, u64 *mask, struct abi_stack *altstack);

/* ELF identity and auxv values of this port. */
u64 arch_elf_hwcap(void);		/* AT_HWCAP */
u64 arch_elf_hwcap2(void);		/* AT_HWCAP2 */
const char *arch_elf_platform(void);	/* "x86_64" */
u64 arch_signal_min_stack(void);	/* AT_MINSIGSTKSZ */

#endif
