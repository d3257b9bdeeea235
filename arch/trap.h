/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract, upward: what arch's entry code calls in the rest of the kernel. Declared low, defined high.
 */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#include "sys/lib/types.h"

struct trapframe;

enum { FAULT_WRITE = 1, FAULT_EXEC = 2, FAULT_USER = 4, FAULT_PROTECTION = 8 };

/* mm/fault.c. A page fault at va; interrupts are on if they were on in the interrupted code. Returns 0 (retry the
 * instruction), or for a user-mode fault after having sent the signal; -EFAULT for a kernel-mode fault that could not be
 * resolved: arch then tries the exception table, then oopses. */
int trap_page_fault(struct trapframe *tf, vaddr_t va, int flags);

/* proc/signal.c. A user-mode exception: sig, si_code and si_addr as signal(7) and Linux have them. */
void trap_user_exception(struct trapframe *tf, int sig, int code, u64 addr, int trapno, u64 error);

/* sys/syscall.c. Interrupts on. The result is put into the frame. */
void syscall_dispatch(struct trapframe *tf);

/* sys/syscall.c. Before every return to user mode while current->work is not zero or a reschedule is wanted: called with
 * interrupts on; arch re-checks with interrupts off. */
void user_return_work(struct trapframe *tf);

/* dev/irq.c: a device interrupt by number (see arch/irq.h). Hard-irq context. */
void irq_dispatch(u32 irq);

/* sys/timer.c: the CPU's timer fired while tf ran. Hard-irq context. */
void timer_interrupt(struct trapframe *tf);

/* sys/sched.c: at the end of the outermost interrupt: reschedule if wanted and preemptible. Interrupts off. */
void preempt_schedule_irq(void);

/* sys/panic.c: an exception in the kernel that nothing explains. Prints registers and trace; kills the thread or panics. */
void oops(const char *what, struct trapframe *tf, u64 code);

/* arch: for sys/panic.c and SysRq. */
void arch_print_frame(struct trapframe *tf);		/* registers, Linux's shape */
/* Registers of what the current interrupt came over; outside one, of the user mode that entered the kernel, if that did. */
void arch_print_interrupted(void);
/* Walk frame pointers from fp (0: the caller's): calls fn(pc) for at most 64 frames, checking that each lies on stack. */
void arch_stack_walk(u64 fp, void (*fn)(u64 pc, void *arg), void *arg);
/* The other CPUs stop for good (panic). */
void arch_stop_other_cpus(void);
/* NMI to these CPUs: each prints its trace. */
void arch_backtrace(u64 cpus);

#endif
