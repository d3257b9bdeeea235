/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All ways into the kernel and out of it.
 *
 *	syscall_entry	SYSCALL, from user mode only, interrupts off by FMASK. Own stack switch.
 *	trap_stubs	vectors 0-255. The CPU switched stacks if it came from user mode.
 *	paranoid_entry	vectors on IST stacks (NMI, #DB, #DF, #MC), which may hit anywhere: also between a swapgs and the
 *			instruction before it. From user mode they move to the thread's stack and go on as all others.
 *
 * Each saves a full struct trapframe, so that signals, ptrace and fork see and change all registers. Exit is by
 * SYSRET only where the C side says that rcx, r11 and the selectors are what SYSRET gives; else by IRETQ.
 * C code is entered with rbp = 0 from user mode, so that call traces end there; from the kernel a frame record (rbp, rip) of
 * the interrupted code is pushed, so that call traces go on.
 */
#include "arch/x86_64/patch.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/trapframe.h"

	.section .entry.text, "ax"

	/* di is pushed already */
	.macro PUSH_REGS
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	/* leaves rsp at orig_ax */
	.macro POP_REGS
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	.endm

	/* edi: vector. Moves the error code from orig_ax' place to the frame's first word. */
	.macro PUSH_TRAPNO
	mov TF_ORIG_AX - 8(%rsp), %esi
	shl $32, %rsi
	or %rdi, %rsi
	push %rsi
	movq $-1, TF_ORIG_AX(%rsp)
	.endm

	/* --- system calls --- */

	.globl syscall_entry
	.p2align 6
syscall_entry:
	swapgs
	mov %rsp, %gs:percpu_user_sp(%rip)
	mov %gs:percpu_kstack_top(%rip), %rsp
	push $SEL_USER_DS
	push %gs:percpu_user_sp(%rip)
	push %r11			/* flags */
	push $SEL_USER_CS
	push %rcx			/* ip */
	push %rax			/* orig_ax: the number */
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push $-38			/* ax: -ENOSYS, until there is a result */
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push $TRAP_SYSCALL
	mov %rsp, %rdi
	xor %ebp, %ebp
	call trap_syscall

	/* al: may SYSRET be used? Interrupts off, nothing left to do. */
syscall_exit:
	test %al, %al
	jz return_to_user
	add $8, %rsp
	POP_REGS
	mov TF_SP - TF_ORIG_AX(%rsp), %rsp
	swapgs
	sysretq

	/* A 32-bit program's SYSCALL (AMD): there is no 32-bit ABI here. */
	.globl syscall_entry_compat
	.p2align 4
syscall_entry_compat:
	mov $-38, %eax
	sysretl

	/* rsp: a frame of user mode. Interrupts off. */
return_to_user:
	add $8, %rsp
	POP_REGS
	add $8, %rsp
	swapgs
	iretq

	/* First run of a forked thread: rsp is at its frame. */
	.globl thread_fork_return
thread_fork_return:
	xor %ebp, %ebp
	call thread_start_user
	mov %rsp, %rdi
	call trap_return_to_user
	jmp syscall_exit

	/* void enter_user_by_frame(struct trapframe *tf): no way back; interrupts off */
	.globl enter_user_by_frame
enter_user_by_frame:
	mov %rdi, %rsp
	jmp return_to_user

	/* --- exceptions and interrupts --- */

	.p2align 6
common_entry:
	PUSH_REGS
	PUSH_TRAPNO
	cld
	testb $3, TF_CS(%rsp)
	jz 1f
	swapgs
	PATCH_SITE_CLAC
	mov %rsp, %rdi
	xor %ebp, %ebp
	call trap_from_user
	jmp return_to_user

1:	PATCH_SITE_CLAC
	mov %rsp, %rdi
	push TF_IP(%rsp)
	push %rbp
	mov %rsp, %rbp
	call trap_from_kernel
	add $16 + 8, %rsp
	POP_REGS
	add $8, %rsp
	iretq

	/* --- vectors on IST stacks --- */

	.p2align 6
paranoid_entry:
	testb $3, 24(%rsp)		/* di, error, ip, cs */
	jz 2f
	cmp $8, %edi			/* a double fault stays where it is */
	je 2f
	swapgs
	push %rsi
	mov %rsp, %rsi
	mov %gs:percpu_kstack_top(%rip), %rsp
	push 56(%rsi)			/* ss */
	push 48(%rsi)
	push 40(%rsi)
	push 32(%rsi)
	push 24(%rsi)
	push 16(%rsi)			/* error */
	push 8(%rsi)			/* di */
	mov (%rsi), %rsi
	swapgs				/* common_entry does it again */
	jmp common_entry

2:	PUSH_REGS
	PUSH_TRAPNO
	cld
	PATCH_SITE_CLAC
	xor %ebx, %ebx			/* ebx: swapgs needed at the end; r12: gs base to restore */
	cmpb $0, entry_has_fsgsbase(%rip)
	je 3f
	rdgsbase %r12
	mov $SEL_CPU, %eax
	lsl %eax, %eax
	and $0xfff, %eax
	mov percpu_offset(, %rax, 8), %rax
	wrgsbase %rax
	jmp 4f
3:	mov $MSR_GS_BASE, %ecx		/* users cannot make it negative */
	rdmsr
	test %edx, %edx
	js 4f
	swapgs
	inc %ebx
4:	mov %rsp, %rdi
	push TF_IP(%rsp)
	push %rbp
	mov %rsp, %rbp
	call trap_paranoid
	add $16, %rsp
	cmpb $0, entry_has_fsgsbase(%rip)
	je 5f
	wrgsbase %r12
	jmp 6f
5:	test %ebx, %ebx
	jz 6f
	swapgs
6:	add $8, %rsp
	POP_REGS
	add $8, %rsp
	iretq

	/* --- a stub of 16 bytes for each vector --- */

	.p2align 4
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.p2align 4
	/* these push an error code by themselves */
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	push $0
	.endif
	push %rdi
	mov $vector, %edi
	.if vector == 1 || vector == 2 || vector == 8 || vector == 18
	jmp paranoid_entry
	.else
	jmp common_entry
	.endif
	.set vector, vector + 1
	.endr
	.p2align 4

	.section .data
	.globl entry_has_fsgsbase
entry_has_fsgsbase:
	.byte 0

	.section .note.GNU-stack, "", @progbits
