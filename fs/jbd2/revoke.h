/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of revoked blocks: of a running transaction, and of a recovery (with the transaction that revoked last). The owner locks. */
#ifndef FS_JBD2_REVOKE_H
#define FS_JBD2_REVOKE_H

#include "sys/lib/rbtree.h"

struct revoke { struct rbnode node; u64 block; u32 tid; };
struct revoke_table { struct rbtree tree; u32 n; };

void revoke_init(void);				/* the cache, once */
struct revoke *revoke_alloc(void) __must_check;	/* may sleep */
void revoke_free(struct revoke *r);		/* NULL allowed */
/* Enters r, which is the table's from now on; one that is there already gets the later tid and r is freed. */
void revoke_add(struct revoke_table *t, struct revoke *r);
struct revoke *revoke_find(const struct revoke_table *t, u64 block);
void revoke_remove(struct revoke_table *t, u64 block);	/* used again: no longer revoked */
void revoke_clear(struct revoke_table *t);

#endif
