/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel memory by the byte. Contract header: mm/slab.c and mm/kmap.c define it. Failure is an error, never a panic.
 */
#ifndef SYS_KMEM_H
#define SYS_KMEM_H

#include "sys/lib/types.h"

enum {
	KM_NORMAL	= 0,		/* may sleep and reclaim */
	KM_ATOMIC	= 1 << 0,	/* any context: fails rather than sleeps */
	KM_ZERO		= 1 << 1,
	KM_USER		= 1 << 2,	/* on behalf of a user: fails before the reserves are touched */
	KM_NOFS		= 1 << 3,	/* reclaim may not call file systems: the caller holds their locks */
	KM_NOIO		= 1 << 4,	/* nor start I/O or wait for it: the caller serves it. Implies KM_NOFS */
};

/* From here on every allocation of this thread is KM_NOFS or KM_NOIO, whatever its flags say. Nests: leave gets what enter returned. */
u32 __must_check kmem_scope_enter(u32 flags);
void kmem_scope_leave(u32 old);

/* NULL where there is no memory. Up to 4 MiB, naturally aligned to its power of two up to a page. */
void *kmem_alloc(size_t size, int flags) __must_check;
void kmem_free(void *p);			/* NULL is allowed */
size_t kmem_size(const void *p);		/* usable size */
/* n * size, overflow-checked. */
void *kmem_alloc_array(size_t n, size_t size, int flags) __must_check;
/* Grow or shrink, contents kept; NULL: failed, the old one is still there. */
void *kmem_realloc(void *p, size_t size, int flags) __must_check;
char *kmem_strdup(const char *s, int flags) __must_check;

/* Large or page-wise: virtually contiguous only. May sleep. */
void *kmem_valloc(size_t size, int flags) __must_check;
void kmem_vfree(void *p);

/* Caches of equal objects. ctor runs once when the object's slab is made, not at each allocation (objects go back in a
 * constructed state). KMC_TYPESTABLE: memory stays this type through an RCU grace period (lookups with try-get). */
enum { KMC_TYPESTABLE = 1 << 0 };
struct kmem_cache;
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, int flags, void (*ctor)(void *));
void *kmem_cache_alloc(struct kmem_cache *c, int flags) __must_check;
void kmem_cache_free(struct kmem_cache *c, void *p);

/* Guarded kernel stacks, KSTACK_SIZE bytes; lowest address, or NULL. */
void *kstack_alloc(void) __must_check;
void kstack_free(void *stack);			/* not from the stack itself; doesn't sleep; not in interrupts */

/* Free after an RCU grace period. */
struct rcu_head;
void kmem_free_rcu(void *p, struct rcu_head *head);	/* head lies inside *p */

#endif
