/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a processor starts: in real mode at the page that the start-up message names (Intel SDM volume 3, 9.4), below 1 MiB.
 * The code up to ap_trampoline_end is copied there. It goes straight to long mode on the boot page tables (boot_entry.S), which map
 * low memory where it is, then to the kernel's image. There it finds its slot by its APIC id, says that it is alive and
 * waits for a number and a stack.
 *
 * All processors run this at once. They share nothing but reads, and a word of their own slot.
 */
#include "arch/x86_64/apboot.h"
#include "arch/x86_64/regs.h"

#define PHYS(sym)	((sym) - KERNEL_VMA)
#define LOW(sym)	((sym) - ap_trampoline_start)

	.section .rodata, "a"
	.globl ap_trampoline_start
	.globl ap_trampoline_end
	.balign 16
	.code16
ap_trampoline_start:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	xor %ebx, %ebx
	mov %cs, %bx
	shl $4, %ebx				/* linear address of this page */
	lea LOW(ap_gdt)(%ebx), %eax
	mov %eax, LOW(ap_gdtr) + 2		/* all processors write the same */
	lea LOW(ap_long)(%ebx), %eax
	mov %eax, LOW(ap_far)
	lgdtl LOW(ap_gdtr)

	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx			/* LME, and what else the boot CPU has: NX is in its tables */
	mov LOW(ap_efer_low), %eax
	xor %edx, %edx
	wrmsr
	mov $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	mov %eax, %cr0				/* to protected mode with paging: long mode, compatibility segment */
	ljmpl *LOW(ap_far)

	.code64
ap_long:
	mov $ap_high, %rax
	jmp *%rax

	.balign 8
ap_gdt:
	.quad 0
	.quad 0x00af9b000000ffff		/* 0x08: 64-bit code */
	.quad 0x00cf93000000ffff		/* 0x10: data */
ap_gdtr:
	.word ap_gdtr - ap_gdt - 1
	.long 0
ap_far:
	.long 0
	.word 0x08
	.balign 4
	.globl ap_efer_low
ap_efer_low:
	.long 0
ap_trampoline_end:

	.text
	.code64
ap_high:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs

	/* APIC id: leaf 0xb where there is one (32 bits), else leaf 1. */
	xor %eax, %eax
	cpuid
	cmp $0xb, %eax
	jb 1f
	mov $0xb, %eax
	xor %ecx, %ecx
	cpuid
	test %ebx, %ebx
	jnz 2f
1:	mov $1, %eax
	cpuid
	shr $24, %ebx
	mov %ebx, %edx
2:
	mov $ap_slots, %rsi
	mov ap_slot_count(%rip), %ecx
3:	test %ecx, %ecx
	jz ap_park
	cmp %edx, AP_ID(%rsi)
	je 4f
	add $AP_SIZE, %rsi
	dec %ecx
	jmp 3b

4:	movl $1, AP_ALIVE(%rsi)
5:	mov AP_STACK(%rsi), %rsp
	test %rsp, %rsp
	jnz 6f
	pause
	jmp 5b
6:	cmp $AP_TOO_LATE, %rsp
	je ap_park
	mov ap_cr3(%rip), %rax
	mov %rax, %cr3
	mov AP_CPU(%rsi), %edi
	xor %ebp, %ebp
	pushq $0				/* ends the back-trace; aligns the stack for a call */
	jmp smp_ap_main

	/* Not one of ours, or too late. */
ap_park:
	cli
	hlt
	jmp ap_park

	.section .note.GNU-stack, "", @progbits
