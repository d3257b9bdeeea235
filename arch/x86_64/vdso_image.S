/* SPDX-License-Identifier: BSD-2-Clause */
/* The vDSO's image, in whole pages of its own: they are mapped into every process. */
	.section .rodata, "a"
	.balign 4096
	.globl arch_vdso_start
	.globl arch_vdso_end
arch_vdso_start:
	.incbin VDSO_IMAGE
	.balign 4096
arch_vdso_end:

	.section .note.GNU-stack, "", @progbits
