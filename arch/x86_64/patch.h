/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that only some processors have, in code that may not branch for them: sites of three bytes which are no-ops
 * until patch_apply() writes the instruction, at boot, before text is write-protected.
 */
#ifndef ARCH_X86_64_PATCH_H
#define ARCH_X86_64_PATCH_H

#define PATCH_STAC	1	/* open user memory, with SMAP */
#define PATCH_CLAC	2	/* close it */

#ifdef __ASSEMBLER__

	.macro PATCH_SITE kind
771:	.byte 0x0f, 0x1f, 0x00
	.pushsection .patch, "a"
	.balign 8
	.quad 771b
	.quad \kind
	.popsection
	.endm

	.macro PATCH_SITE_STAC
	PATCH_SITE PATCH_STAC
	.endm

	.macro PATCH_SITE_CLAC
	PATCH_SITE PATCH_CLAC
	.endm

#else

#include "sys/lib/types.h"

struct patch_site { u8 *place; u64 kind; };

/* Write what this CPU has. Boot CPU, text still writable. */
void patch_apply(void);

#endif
#endif
