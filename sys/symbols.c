/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for addresses, from the table that the last link put into the image (sys/ksyms_table.h). */
#include "sys/ksyms_table.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"
#include "sys/symbols.h"

u64 ksyms_slide;

bool
symbol_find(u64 addr, const char **name, u64 *offset, u64 *size)
{
	u64 at = addr - ksyms_slide - ksyms_base;
	u32 low = 0, high = ksyms_count;

	if (high == 0 || at < ksyms_offsets[0] || at >= ksyms_offsets[high - 1] + 64 * KIB)
		return false;
	while (high - low > 1) {
		u32 mid = low + (high - low) / 2;

		if (ksyms_offsets[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	*name = ksyms_names + ksyms_name_offsets[low];
	*offset = at - ksyms_offsets[low];
	*size = low + 1 < ksyms_count ? ksyms_offsets[low + 1] - ksyms_offsets[low] : *offset + 1;
	return true;
}

bool
symbol_next(u32 index, const char **name, u64 *addr)
{
	if (index >= ksyms_count)
		return false;
	*name = ksyms_names + ksyms_name_offsets[index];
	*addr = ksyms_base + ksyms_slide + ksyms_offsets[index];
	return true;
}

void
symbol_format(char *buf, size_t size, u64 addr)
{
	const char *name;
	u64 offset, len;

	if (symbol_find(addr, &name, &offset, &len))
		snprintf(buf, size, "%s+%#lx/%#lx", name, offset, len);
	else
		snprintf(buf, size, "%#lx", addr);
}
