/* SPDX-License-Identifier: BSD-2-Clause */
/* fiber_swap(save, sp): the callee-saved registers go on the stack, which goes to *save; those of the stack at sp come back. */
	.text
	.globl	fiber_swap
	.type	fiber_swap, @function
fiber_swap:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	fiber_swap, . - fiber_swap
	.section .note.GNU-stack,"",@progbits
