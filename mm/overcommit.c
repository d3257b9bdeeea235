/* SPDX-License-Identifier: BSD-2-Clause */
/* Promised memory (Committed_AS): one number, changed by every mapping that may come to own private pages. */
#include "mm/overcommit.h"

#include "mm/page.h"
#include "mm/zone.h"
#include "sys/abi/errno.h"

int overcommit_mode = 0;
int overcommit_ratio = 50;

static s64 committed;	/* [a] pages */

u64
overcommit_committed(void)
{
	return (u64)MAX(atomic_load_relaxed(&committed), 0L);
}

u64
overcommit_limit(void)
{
	return buddy_managed_pages() * (u64)MAX(atomic_load_relaxed(&overcommit_ratio), 0) / 100;
}

static bool
allowed(u64 now, u64 pages, bool admin)
{
	u64 total = buddy_managed_pages(), limit;

	switch (atomic_load_relaxed(&overcommit_mode)) {
	case 1:
		return true;
	case 2:
		limit = overcommit_limit();
		if (!admin)
			limit -= limit / 32;
		return now <= limit;
	default:
		return pages <= total;
	}
}

int
overcommit_charge(u64 pages, bool admin)
{
	s64 now = atomic_add(&committed, (s64)pages);

	if (allowed((u64)MAX(now, 0L), pages, admin))
		return 0;
	atomic_sub(&committed, (s64)pages);
	return -ENOMEM;
}

void
overcommit_uncharge(u64 pages)
{
	atomic_sub(&committed, (s64)pages);
}
