/* SPDX-License-Identifier: BSD-2-Clause */
/* What both boot protocols share: bounded access to physical memory, the command line, modules. Pure code. */
#include "arch/x86_64/boot_proto.h"
#include "sys/lib/string.h"

const void *
boot_source_get(const struct boot_source *src, paddr_t pa, u64 len)
{
	if (pa == 0 || len > src->limit || pa > src->limit - len)
		return NULL;
	return src->map(pa);
}

/* At most max bytes are looked at. Only printable text is taken over: a control character becomes a blank. */
void
boot_cmdline_set(struct boot_info *bi, const char *line, size_t max)
{
	size_t n = strnlen(line, MIN(max, (size_t)BOOT_CMDLINE_MAX));

	bi->cmdline_truncated = n == BOOT_CMDLINE_MAX && n < max;
	if (n > BOOT_CMDLINE_MAX - 1)
		n = BOOT_CMDLINE_MAX - 1;
	for (size_t i = 0; i < n; i++)
		bi->cmdline[i] = (u8)line[i] < ' ' ? ' ' : line[i];
	bi->cmdline[n] = '\0';
}

void
boot_module_add(struct boot_info *bi, paddr_t base, u64 size)
{
	if (size == 0 || base + size < base || bi->initrd_count == ARRAY_SIZE(bi->initrd))
		return;
	if (bi->initrd_count == 0) {
		bi->initrd_base = base;
		bi->initrd_size = size;
	}
	bi->initrd[bi->initrd_count].base = base;
	bi->initrd[bi->initrd_count].size = size;
	bi->initrd_count++;
	boot_memory_add(bi, base, size, BOOT_MEM_INITRD);
}
