/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy, memmove, memset and the page forms, with general registers only.
 *
 * Small sizes use loads that may overlap, all of them done before the first store, so that they are right for
 * overlapping operands too. From BULK bytes on it is `rep movsq`/`rep stosq` and one overlapping word at the end:
 * fast on hardware, and in QEMU's TCG eight times faster than `rep movsb`. The direction flag is clear in the kernel.
 */
#define BULK	128

	.text

	/* void *memmove(void *dst, const void *src, size_t n) */
	.p2align 4
	.globl memmove
	.type memmove, @function
memmove:
	mov %rdi, %rax
	sub %rsi, %rax
	cmp %rdx, %rax			/* unsigned dst - src < n: dst lies inside src */
	jb backward
	/* fall through: copying upwards is right also for dst < src */

	/* void *memcpy(void *dst, const void *src, size_t n) */
	.globl memcpy
	.type memcpy, @function
memcpy:
	mov %rdi, %rax
	cmp $16, %rdx
	jbe small
	mov -8(%rsi,%rdx), %r8		/* the last word, before the copy can overwrite it */
	lea -8(%rdi,%rdx), %r9
	cmp $BULK, %rdx
	jae 2f
	lea -8(%rdx), %rcx		/* bytes before the last word, rounded up below */
1:	mov (%rsi), %r10
	mov %r10, (%rdi)
	add $8, %rsi
	add $8, %rdi
	sub $8, %rcx
	ja 1b
	mov %r8, (%r9)
	ret
2:	mov %rdx, %rcx
	shr $3, %rcx
	rep movsq
	mov %r8, (%r9)
	ret

small:
	cmp $8, %rdx
	jae 3f
	cmp $4, %rdx
	jae 4f
	cmp $1, %rdx
	ja 5f
	jb 6f
	movzbl (%rsi), %ecx
	mov %cl, (%rdi)
6:	ret
5:	movzwl (%rsi), %ecx
	movzwl -2(%rsi,%rdx), %r8d
	mov %cx, (%rdi)
	mov %r8w, -2(%rdi,%rdx)
	ret
4:	mov (%rsi), %ecx
	mov -4(%rsi,%rdx), %r8d
	mov %ecx, (%rdi)
	mov %r8d, -4(%rdi,%rdx)
	ret
3:	mov (%rsi), %rcx
	mov -8(%rsi,%rdx), %r8
	mov %rcx, (%rdi)
	mov %r8, -8(%rdi,%rdx)
	ret
	.size memcpy, . - memcpy

backward:
	mov %rdi, %rax
	cmp $16, %rdx
	jbe small
	mov (%rsi), %r8			/* the first word, before the copy can overwrite it */
	cmp $40, %rdx
	jb 2f
1:	mov -8(%rsi,%rdx), %rcx
	mov -16(%rsi,%rdx), %r9
	mov -24(%rsi,%rdx), %r10
	mov -32(%rsi,%rdx), %r11
	mov %rcx, -8(%rdi,%rdx)
	mov %r9, -16(%rdi,%rdx)
	mov %r10, -24(%rdi,%rdx)
	mov %r11, -32(%rdi,%rdx)
	sub $32, %rdx
	cmp $40, %rdx
	jae 1b
2:	mov -8(%rsi,%rdx), %rcx		/* 8..39 bytes are left */
	mov %rcx, -8(%rdi,%rdx)
	sub $8, %rdx
	cmp $8, %rdx
	ja 2b
	mov %r8, (%rdi)
	ret
	.size memmove, . - memmove

	/* void *memset(void *dst, int c, size_t n) */
	.p2align 4
	.globl memset
	.type memset, @function
memset:
	mov %rdi, %r9
	movzbl %sil, %esi
	movabs $0x0101010101010101, %rax
	imul %rsi, %rax
	cmp $16, %rdx
	jbe 3f
	lea -8(%rdi,%rdx), %r8
	cmp $BULK, %rdx
	jae 2f
	lea -8(%rdx), %rcx
1:	mov %rax, (%rdi)
	add $8, %rdi
	sub $8, %rcx
	ja 1b
	mov %rax, (%r8)
	mov %r9, %rax
	ret
2:	mov %rdx, %rcx
	shr $3, %rcx
	rep stosq
	mov %rax, (%r8)
	mov %r9, %rax
	ret
3:	cmp $8, %rdx
	jae 6f
	cmp $4, %rdx
	jae 5f
	test %rdx, %rdx
	jz 4f
	mov %al, (%rdi)
	mov %al, -1(%rdi,%rdx)
	cmp $3, %rdx
	jb 4f
	mov %al, 1(%rdi)
4:	mov %r9, %rax
	ret
5:	mov %eax, (%rdi)
	mov %eax, -4(%rdi,%rdx)
	mov %r9, %rax
	ret
6:	mov %rax, (%rdi)
	mov %rax, -8(%rdi,%rdx)
	mov %r9, %rax
	ret
	.size memset, . - memset

	/* void arch_copy_page(void *dst, const void *src): 4096 bytes, both aligned to 8 */
	.p2align 4
	.globl arch_copy_page
	.type arch_copy_page, @function
arch_copy_page:
	mov $512, %ecx
	rep movsq
	ret
	.size arch_copy_page, . - arch_copy_page

	/* void arch_clear_page(void *page): 4096 bytes, aligned to 8 */
	.p2align 4
	.globl arch_clear_page
	.type arch_clear_page, @function
arch_clear_page:
	xor %eax, %eax
	mov $512, %ecx
	rep stosq
	ret
	.size arch_clear_page, . - arch_clear_page

	.section .note.GNU-stack, "", @progbits
