/* SPDX-License-Identifier: BSD-2-Clause */
/* See extable.h. */
#include "arch/x86_64/extable.h"
#include "sys/lib/sort.h"

struct extable_entry { u64 place, fixup; };

extern struct extable_entry extable_start[], extable_end[];	/* link.ld */

static int
compare(const void *a, const void *b)
{
	const struct extable_entry *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

void
extable_init(void)
{
	sort(extable_start, (size_t)(extable_end - extable_start), sizeof(extable_start[0]), compare);
}

u64
extable_find(u64 ip)
{
	const struct extable_entry *lo = extable_start, *hi = extable_end;

	while (lo < hi) {
		const struct extable_entry *mid = lo + (hi - lo) / 2;

		if (mid->place == ip)
			return mid->fixup;
		if (mid->place < ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}
