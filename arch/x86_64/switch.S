/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing kernel stacks. What is on the stack of a thread that does not run: the callee-saved registers and the return
 * address into thread_switch's caller; for a new thread, what arch_thread_init_*() made to look like that.
 */
#include "arch/x86_64/thread_types.h"

	.text

	/* struct thread *switch_stacks(struct thread *prev, struct thread *next): returns prev */
	.p2align 4
	.globl switch_stacks
	.type switch_stacks, @function
switch_stacks:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, ARCH_THREAD_SP(%rdi)
	mov ARCH_THREAD_SP(%rsi), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	mov %rdi, %rax
	ret
	.size switch_stacks, . - switch_stacks

	/* First code of a kernel thread: r12 = fn, r13 = arg. rdi is the thread that ran before. */
	.globl thread_kernel_start
	.type thread_kernel_start, @function
thread_kernel_start:
	xor %ebp, %ebp
	mov %r12, %rdi
	mov %r13, %rsi
	call thread_start
	ud2
	.size thread_kernel_start, . - thread_kernel_start

	.section .note.GNU-stack, "", @progbits
