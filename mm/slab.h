/* SPDX-License-Identifier: BSD-2-Clause */
/* The slab allocator, as seen from mm/ and procfs. Everybody else uses sys/kmem.h. */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "sys/kmem.h"

struct strbuf;

void slab_init(void);
/* Pages of a cache count as reclaimable (caches with a shrinker). Right after creation. */
void kmem_cache_set_reclaimable(struct kmem_cache *c);
/* Give empty slabs back. Pages freed. May sleep. */
u64 slab_trim(void);
/* /proc/slabinfo, version 2.1: the head lines, then caches from number `from` on; how many lines fitted. */
u32 slab_show(struct strbuf *sb, u32 from);

#endif
