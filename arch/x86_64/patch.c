/* SPDX-License-Identifier: BSD-2-Clause */
/* See patch.h. */
#include "arch/x86_64/patch.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/msr.h"
#include "sys/lib/string.h"

extern const struct patch_site patch_start[], patch_end[];	/* link.ld */
extern u8 entry_has_fsgsbase;					/* entry.S */

void
patch_apply(void)
{
	static const u8 stac[3] = { 0x0f, 0x01, 0xcb }, clac[3] = { 0x0f, 0x01, 0xca };

	entry_has_fsgsbase = cpu_has(CPUF_FSGSBASE);
	if (!cpu_has(CPUF_SMAP))
		return;
	for (const struct patch_site *s = patch_start; s < patch_end; s++)
		memcpy(s->place, s->kind == PATCH_STAC ? stac : clac, 3);
	cpuid(0, 0);			/* serialise before the new instructions run */
}
