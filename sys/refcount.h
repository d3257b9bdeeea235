/* SPDX-License-Identifier: BSD-2-Clause */
/* Reference count that saturates instead of wrapping: an object whose count saturated is leaked, never reused. */
#ifndef SYS_REFCOUNT_H
#define SYS_REFCOUNT_H

#include "sys/lib/atomic.h"

struct refcount { s32 n; };	/* [a] */

#define REFCOUNT_SATURATED	(INT32_MIN / 2)

void refcount_report(struct refcount *r);	/* sys/panic.c: WARN on overflow, underflow, use after free; saturates */

static inline void
refcount_init(struct refcount *r, s32 n)
{
	atomic_store_relaxed(&r->n, n);
}

static inline s32
refcount_read(const struct refcount *r)
{
	return atomic_load_relaxed(&r->n);
}

/* The caller has a reference already. */
static inline void
refcount_get(struct refcount *r)
{
	if (unlikely(__atomic_fetch_add(&r->n, 1, __ATOMIC_RELAXED) <= 0))
		refcount_report(r);
}

/* False where the count was zero: the object is on its way out (lookups under RCU). */
static inline bool __must_check
refcount_try_get(struct refcount *r)
{
	s32 n = atomic_load_relaxed(&r->n);

	while (n > 0)
		if (atomic_try_cas(&r->n, &n, n + 1))
			return true;
	return n < 0;
}

/* True where this was the last reference: the caller destroys the object. */
static inline bool __must_check
refcount_put(struct refcount *r)
{
	s32 old = __atomic_fetch_sub(&r->n, 1, __ATOMIC_ACQ_REL);

	if (unlikely(old <= 0)) {
		refcount_report(r);
		return false;
	}
	return old == 1;
}

#endif
