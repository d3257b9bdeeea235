/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small integers handed out from [min, max]: a bitmap that grows with use. The caller locks; nothing sleeps but what
 * ops->alloc does.
 */
#ifndef SYS_LIB_IDALLOC_H
#define SYS_LIB_IDALLOC_H

#include "sys/lib/types.h"

struct idalloc_ops {
	void *(*alloc)(size_t bytes);	/* NULL where there is no memory; need not be zeroed */
	void (*free)(void *p);
};

/* Lock key: [I] immutable; everything else under the owner's lock. */
struct idalloc {
	const struct idalloc_ops *ops;	/* [I] */
	u32 min, max;			/* [I] max <= INT32_MAX */
	unsigned long *bits;		/* bit i: id min + i is taken */
	u32 nbits;			/* how many bits there are room for */
	u32 hint;			/* no bit below is free */
	u32 next;			/* where cyclic search goes on (bit) */
	u32 used;
};

void idalloc_init(struct idalloc *ia, u32 min, u32 max, const struct idalloc_ops *ops);
void idalloc_destroy(struct idalloc *ia);

/* The smallest free id. -ENOSPC: all are taken; -ENOMEM. */
__must_check int idalloc_get(struct idalloc *ia);
/* The smallest free id >= from. */
__must_check int idalloc_get_from(struct idalloc *ia, u32 from);
/* The first free id behind the one that was given last, going round at max: freed ids rest as long as possible. */
__must_check int idalloc_get_cyclic(struct idalloc *ia);
/* This very id: 0, -EBUSY if taken, -EINVAL if outside [min, max], -ENOMEM. */
__must_check int idalloc_claim(struct idalloc *ia, u32 id);
/* The id must be taken. */
void idalloc_put(struct idalloc *ia, u32 id);
bool idalloc_is_taken(const struct idalloc *ia, u32 id);

#endif
