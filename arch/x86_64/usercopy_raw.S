/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying to and from user memory (arch/usercopy.h): leaf functions whose user accesses are all in the exception table. With
 * SMAP, user memory is open between PATCH_SITE_STAC and PATCH_SITE_CLAC only. Bulk is `rep movsq`, with the tail bytewise: when a
 * `rep` faults, rcx, rsi and rdi tell how far it came.
 */
#include "arch/x86_64/extable.h"
#include "arch/x86_64/patch.h"

#define EFAULT	14

	.text

	/* size_t arch_copy_to_user(void *dst, const void *src, size_t n): bytes not copied */
	.p2align 4
	.globl arch_copy_to_user, arch_copy_from_user
	.type arch_copy_to_user, @function
	.type arch_copy_from_user, @function
arch_copy_to_user:
arch_copy_from_user:
	PATCH_SITE_STAC
	mov %rdx, %rcx
	shr $3, %rcx
	and $7, %edx
	cmp $16, %rcx
	ja 2f
	test %ecx, %ecx
	jz 3f
1:	mov (%rsi), %rax		/* short: words */
11:	mov %rax, (%rdi)
	add $8, %rsi
	add $8, %rdi
	dec %ecx
	jnz 1b
	jmp 3f
2:	rep movsq
3:	test %edx, %edx
	jz 5f
4:	mov (%rsi), %al
14:	mov %al, (%rdi)
	inc %rsi
	inc %rdi
	dec %edx
	jnz 4b
5:	PATCH_SITE_CLAC
	xor %eax, %eax
	ret
	/* A fault among words: finish bytewise, so that all bytes before it are copied. */
6:	lea (%rdx, %rcx, 8), %rdx
7:	mov (%rsi), %al
17:	mov %al, (%rdi)
	inc %rsi
	inc %rdi
	dec %rdx
	jnz 7b
	jmp 5b
8:	PATCH_SITE_CLAC
	mov %rdx, %rax
	ret
	EXTABLE 1b, 6b
	EXTABLE 11b, 6b
	EXTABLE 2b, 6b
	EXTABLE 4b, 8b
	EXTABLE 14b, 8b
	EXTABLE 7b, 8b
	EXTABLE 17b, 8b
	.size arch_copy_to_user, . - arch_copy_to_user
	.size arch_copy_from_user, . - arch_copy_from_user

	/* size_t arch_clear_user(void *dst, size_t n): bytes not cleared */
	.p2align 4
	.globl arch_clear_user
	.type arch_clear_user, @function
arch_clear_user:
	PATCH_SITE_STAC
	mov %rsi, %rcx
	shr $3, %rcx
	and $7, %esi
	xor %eax, %eax
1:	rep stosq
	mov %esi, %ecx
2:	rep stosb
	PATCH_SITE_CLAC
	ret
3:	lea (%rsi, %rcx, 8), %rcx
4:	rep stosb
	PATCH_SITE_CLAC
	ret
5:	PATCH_SITE_CLAC
	mov %rcx, %rax
	ret
	EXTABLE 1b, 3b
	EXTABLE 2b, 5b
	EXTABLE 4b, 5b
	.size arch_clear_user, . - arch_clear_user

	/* ssize_t arch_strncpy_from_user(char *dst, const char *src, size_t max) */
	.p2align 4
	.globl arch_strncpy_from_user
	.type arch_strncpy_from_user, @function
arch_strncpy_from_user:
	PATCH_SITE_STAC
	xor %eax, %eax
	mov $0x0101010101010101, %r10
	mov %r10, %r11
	shl $7, %r11
1:	lea 8(%rax), %r8		/* words, as long as they hold no zero byte and do not fault */
	cmp %rdx, %r8
	ja 3f
2:	mov (%rsi, %rax), %rcx
	mov %rcx, %r8
	sub %r10, %r8
	mov %rcx, %r9
	not %r9
	and %r9, %r8
	test %r11, %r8
	jnz 3f
	mov %rcx, (%rdi, %rax)
	add $8, %rax
	jmp 1b
3:	cmp %rdx, %rax
	jae 5f
4:	mov (%rsi, %rax), %cl
	mov %cl, (%rdi, %rax)
	test %cl, %cl
	jz 5f
	inc %rax
	jmp 3b
5:	PATCH_SITE_CLAC
	ret
6:	PATCH_SITE_CLAC
	mov $-EFAULT, %rax
	ret
	EXTABLE 2b, 3b
	EXTABLE 4b, 6b
	.size arch_strncpy_from_user, . - arch_strncpy_from_user

	/* int arch_get_user_u32(u32 *val, const u32 *p) and so on: 0 or -EFAULT */
	.macro ACCESS name
	.p2align 4
	.globl \name
	.type \name, @function
\name:
	PATCH_SITE_STAC
	.endm

	ACCESS arch_get_user_u32
1:	mov (%rsi), %ecx
	PATCH_SITE_CLAC
	mov %ecx, (%rdi)
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

	ACCESS arch_get_user_u64
1:	mov (%rsi), %rcx
	PATCH_SITE_CLAC
	mov %rcx, (%rdi)
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

	ACCESS arch_put_user_u32
1:	mov %edi, (%rsi)
	PATCH_SITE_CLAC
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

	ACCESS arch_put_user_u64
1:	mov %rdi, (%rsi)
	PATCH_SITE_CLAC
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

	/* int arch_user_cas_u32(u32 *p, u32 old, u32 new, u32 *found) */
	ACCESS arch_user_cas_u32
	mov %esi, %eax
	mov %rcx, %r8
1:	lock cmpxchg %edx, (%rdi)
	PATCH_SITE_CLAC
	mov %eax, (%r8)
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

	/* int user_xchg_u32(u32 *p, u32 arg, u32 *old); user_add_u32 likewise */
	ACCESS user_xchg_u32
1:	xchg %esi, (%rdi)
	PATCH_SITE_CLAC
	mov %esi, (%rdx)
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

	ACCESS user_add_u32
1:	lock xadd %esi, (%rdi)
	PATCH_SITE_CLAC
	mov %esi, (%rdx)
	xor %eax, %eax
	ret
	EXTABLE 1b, access_fault

access_fault:
	PATCH_SITE_CLAC
	mov $-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
