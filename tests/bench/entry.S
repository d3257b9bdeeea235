/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel of a few instructions, booted by PVH: prints the time-stamp counter at its entry on the serial line as "entry"
 * and 16 hexadecimal digits, so that firmware's share of a boot is known, and stops.
 */
	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18
	.asciz "Xen"
	.long entry

	.code32
	.text
	.globl entry
entry:
	rdtsc
	movl $stack_end, %esp
	pushl %eax
	pushl %edx
	movl $message, %esi
1:	lodsb
	testb %al, %al
	jz 2f
	call put
	jmp 1b
2:	popl %ebx
	call hex
	popl %ebx
	call hex
	movb $'\n', %al
	call put
3:	cli
	hlt
	jmp 3b

hex:	movl $8, %ecx
4:	roll $4, %ebx
	movl %ebx, %eax
	andl $15, %eax
	movb digits(%eax), %al
	call put
	loop 4b
	ret

put:	movw $0x3f8, %dx
	outb %al, %dx
	ret

	.section .rodata
message: .asciz "entry "
digits:	.ascii "0123456789abcdef"

	.bss
	.balign 16
	.skip 256
stack_end:
	.section .note.GNU-stack, "", @progbits
