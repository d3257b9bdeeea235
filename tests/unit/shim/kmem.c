/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/kmem.h over malloc, poisoned, with failures on demand. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "mm/slab.h"
#include "sys/kmem.h"
#include "sys/lib/bits.h"
#include "sys/panic.h"
#include "sys/preempt.h"
#include "sys/rcu.h"
#include "sys/thread.h"
#include "tests/unit/shim/shim.h"

static unsigned fail_in, live;

void
unit_kmem_fail_in(unsigned n)
{
	fail_in = n;
}

unsigned
unit_kmem_live(void)
{
	unit_rcu_flush();
	return live;
}

static void *
allocate(size_t size, size_t align, int flags)
{
	void *p;

	if (!(flags & KM_ATOMIC))
		might_sleep();
	if ((fail_in && !--fail_in) || posix_memalign(&p, MAX(align, 16UL), size))
		return NULL;
	memset(p, flags & KM_ZERO ? 0 : 0xa5, size);
	live++;
	return p;
}

static void
release(void *p)
{
	if (p)
		live--;
	free(p);
}

void *
kmem_alloc(size_t size, int flags)
{
	if (size > 4 * MIB)
		return NULL;
	return allocate(size, is_pow2(size) ? MIN(size, 4096UL) : 16, flags);
}

void
kmem_free(void *p)
{
	release(p);
}

size_t
kmem_size(const void *p)
{
	return malloc_usable_size((void *)p);
}

void *
kmem_alloc_array(size_t n, size_t size, int flags)
{
	size_t total;

	return __builtin_mul_overflow(n, size, &total) ? NULL : kmem_alloc(total, flags);
}

void *
kmem_realloc(void *p, size_t size, int flags)
{
	void *q = kmem_alloc(size, flags);

	if (q && p) {
		memcpy(q, p, MIN(size, kmem_size(p)));
		kmem_free(p);
	}
	return q;
}

char *
kmem_strdup(const char *s, int flags)
{
	size_t n = strlen(s) + 1;
	char *p = kmem_alloc(n, flags);

	return p ? memcpy(p, s, n) : NULL;
}

void *
kmem_valloc(size_t size, int flags)
{
	return allocate(size, 4096, flags);
}

void
kmem_vfree(void *p)
{
	release(p);
}

/* Caches: every object is made anew, so that stale pointers are found. */

struct kmem_cache {
	size_t size, align;
	int flags;
	void (*ctor)(void *);
};

struct kmem_cache *
kmem_cache_create(const char *name, size_t size, size_t align, int flags, void (*ctor)(void *))
{
	static struct kmem_cache caches[64];	/* they live for ever */
	static unsigned count;

	KASSERT(count < ARRAY_SIZE(caches));
	caches[count] = (struct kmem_cache){ size, align, flags, ctor };
	return &caches[count++];
}

void *
kmem_cache_alloc(struct kmem_cache *c, int flags)
{
	void *p = allocate(c->size, c->align, c->ctor ? flags & ~KM_ZERO : flags);

	if (p && c->ctor)
		c->ctor(p);
	return p;
}

/* What is freed after a grace period without an rcu_head of its own. */
struct deferred {
	struct rcu_head rcu;
	void *p;
};

static void
deferred_free(struct rcu_head *head)
{
	struct deferred *d = container_of(head, struct deferred, rcu);

	release(d->p);
	free(d);
}

static void
free_later(void *p)
{
	struct deferred *d = malloc(sizeof(*d));

	d->p = p;
	rcu_call(&d->rcu, deferred_free);
}

void
kmem_cache_free(struct kmem_cache *c, void *p)
{
	if (p && (c->flags & KMC_TYPESTABLE))
		free_later(p);
	else
		release(p);
}

void
kmem_free_rcu(void *p, struct rcu_head *head)
{
	(void)head;
	free_later(p);
}

void *
kstack_alloc(void)
{
	return allocate(KSTACK_SIZE, KSTACK_SIZE, KM_NORMAL);
}

void
kstack_free(void *stack)
{
	release(stack);
}

void
kmem_cache_set_reclaimable(struct kmem_cache *c)
{
	(void)c;
}
