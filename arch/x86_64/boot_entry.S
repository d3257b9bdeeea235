/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where loaders enter, in 32-bit protected mode with paging off: Multiboot2 (BIOS and UEFI alike, eax = magic, ebx = its
 * information) and PVH (ebx = hvm_start_info, which has a magic of its own). From here to boot_main() in 64-bit mode at
 * the link address.
 *
 * The first page tables map the first 4 GiB twice, at 0 and at the direct map's base, and the first 1 GiB at KERNEL_VMA.
 * They stay in memory: starting processors come up on them (boot_pml4), for which they need the identity map. LA57 is
 * never switched on.
 */
#include "arch/x86_64/regs.h"
#include "arch/x86_64/trapframe.h"

#define PHYS(sym)	((sym) - KERNEL_VMA)
#define LEAF		0x83		/* present, writable, 2 MiB */
#define TABLE		0x03
#define DIRECT_SLOT	273		/* of 0xffff888000000000 */

	/* --- Multiboot2 header (specification 2.0, 3.1) --- */
	.section .multiboot2, "a"
	.balign 8
mb2_header:
	.long 0xe85250d6, 0, mb2_end - mb2_header
	.long -(0xe85250d6 + (mb2_end - mb2_header))
	.balign 8
	.word 6, 0			/* modules page aligned */
	.long 8
	.balign 8
	.word 5, 1			/* a framebuffer, if there is one */
	.long 20
	.long 1024, 768, 32
	.balign 8
	.word 0, 0
	.long 8
mb2_end:

	/* --- PVH note (Xen's elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY) --- */
	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18
	.asciz "Xen"
	.long PHYS(boot_entry)

	/* --- 32-bit entry --- */
	.section .boot.text, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	mov $PHYS(boot_stack_top), %esp
	mov %eax, %ebp			/* magic */
	mov %ebx, %esi			/* information */

	mov $0x80000000, %eax		/* long mode? */
	cpuid
	cmp $0x80000001, %eax
	jb no_long_mode
	mov $0x80000001, %eax
	cpuid
	bt $29, %edx
	jnc no_long_mode
	mov %edx, %edi			/* kept for NX, bit 20 */

	mov $PHYS(boot_pd), %eax	/* 2048 leaves of 2 MiB: the first 4 GiB */
	mov $LEAF, %ecx
1:	mov %ecx, (%eax)
	movl $0, 4(%eax)
	add $8, %eax
	add $0x200000, %ecx
	jnc 1b				/* wraps at 4 GiB */

	mov $PHYS(boot_pdpt_low), %eax
	mov $PHYS(boot_pd) + TABLE, %ecx
	mov $4, %edx
2:	mov %ecx, (%eax)
	add $8, %eax
	add $4096, %ecx
	dec %edx
	jnz 2b
	movl $PHYS(boot_pd) + TABLE, PHYS(boot_pdpt_high) + 510 * 8
	movl $PHYS(boot_pdpt_low) + TABLE, PHYS(boot_pml4)
	movl $PHYS(boot_pdpt_low) + TABLE, PHYS(boot_pml4) + DIRECT_SLOT * 8
	movl $PHYS(boot_pdpt_high) + TABLE, PHYS(boot_pml4) + 511 * 8

	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME | EFER_SCE, %eax
	bt $20, %edi
	jnc 3f
	or $EFER_NXE, %eax
3:	wrmsr
	mov $CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE, %eax
	mov %eax, %cr0
	lgdt PHYS(boot_gdt_pointer)
	ljmp $SEL_KERNEL_CS, $PHYS(boot_entry64)

no_long_mode:
	mov $PHYS(no_long_mode_text), %esi
	mov $0xb8000, %edi
4:	lodsb
	test %al, %al
	jz 6f
	mov $0x4f, %ah			/* to the screen, white on red */
	mov %ax, (%edi)
	add $2, %edi
	mov %al, %bl
	mov $0x3fd, %dx			/* and to the first serial port */
	mov $100000, %ecx
5:	in (%dx), %al
	test $0x20, %al
	loopz 5b
	mov $0x3f8, %dx
	mov %bl, %al
	out %al, (%dx)
	jmp 4b
6:	hlt
	jmp 6b
no_long_mode_text:
	.asciz "Lintel needs a 64-bit processor.\r\n"

	/* --- 64-bit, still at the identity map --- */
	.code64
boot_entry64:
	mov $boot_entry_high, %rax
	jmp *%rax
boot_entry_high:
	mov $SEL_KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $boot_stack_top, %rsp
	mov %ebp, %edi
	xor %ebp, %ebp
	mov %esi, %esi
	call boot_main
	ud2

	.balign 8
	.globl boot_gdt
boot_gdt:				/* also for starting processors */
	.quad 0, 0
	.quad 0x00af9b000000ffff	/* SEL_KERNEL_CS */
	.quad 0x00cf93000000ffff	/* SEL_KERNEL_DS */
boot_gdt_end:
	.word 0, 0, 0
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)

	.section .bss.page, "aw", @nobits
	.balign 4096
	.globl boot_pml4, boot_stack_guard, boot_stack, boot_stack_top
boot_pml4:	.skip 4096
boot_pdpt_low:	.skip 4096
boot_pdpt_high:	.skip 4096
boot_pd:	.skip 4 * 4096
boot_stack_guard: .skip 4096		/* unmapped by mmu_boot_init() */
boot_stack:	.skip 16384		/* KSTACK_SIZE; becomes the idle thread's of CPU 0 */
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
