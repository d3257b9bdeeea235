/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel objects (after Bonwick, "The Slab Allocator", 1994, and "Magazines and Vmem", 2001).
 *
 * A cache carves slabs, blocks of 2^order frames, into equal objects. What a slab needs to know lies in its struct page:
 * cache, list of free objects, count in use. In front of the slabs each CPU keeps a magazine, a stack of free objects
 * that is used with interrupts off and no lock; it is filled from and emptied to the slabs half at a time.
 *
 * Free objects are linked by a word at `link` in the object: its start, or, where the object must keep its contents
 * while free (a constructor's state, type-stable memory that lookups may still read), behind its end.
 *
 * The debug build adds two words behind each object: a mark that says allocated or free (double frees, overruns),
 * and who did it last; and it fills free objects with a pattern that is checked at the next allocation.
 *
 * Byte-sized requests go to caches by size class up to 8 KiB, to page_alloc beyond.
 */
#include "mm/slab.h"

#include "mm/mapping.h"
#include "mm/page.h"
#include "sys/lib/bits.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/rcu.h"

#define CACHES_MAX	160	/* caches with magazines; later ones work without */
#define EMPTY_KEPT	2	/* empty slabs a cache keeps */
#define SLAB_ORDER_MAX	3
#define NAME_MAX_LEN	24

struct kmem_cache {
	struct spinlock lock;		/* LOCK_SLAB; irqs off */
	struct list partial;		/* [l] slabs with free objects and used ones */
	struct list empty;		/* [l] */
	u32 nr_empty;			/* [l] */
	u64 nr_slabs, nr_pages;		/* [l] */
	u64 nr_inuse;			/* [l] objects out of the slabs, those in magazines included */
	u32 size;			/* [I] as asked for */
	u32 stride;			/* [I] from object to object */
	u32 link;			/* [I] offset of the free-list word in an object */
	u32 order;			/* [I] preferred slab order */
	u32 mag_size;			/* [I] objects in a full magazine */
	u32 id;				/* [I] index of the magazines; CACHES_MAX: none */
	bool typestable;		/* [I] */
	bool reclaimable;		/* [I] */
	bool poison;			/* [I] debug: fill free objects */
	void (*ctor)(void *);		/* [I] */
	char name[NAME_MAX_LEN];	/* [I] */
	struct list node;		/* [LOCK_SLAB_LIST] */
};

struct magazine { void *first; u32 count; };	/* this CPU only, interrupts off */
struct magazines { struct magazine m[CACHES_MAX]; };
static PERCPU_DEFINE(struct magazines, magazines);

static struct mutex list_lock = MUTEX_INIT(list_lock, LOCK_SLAB_LIST);
static struct list all_caches = LIST_INIT(all_caches);	/* [list_lock] */
static u32 next_id;					/* [list_lock] */

static const u16 class_size[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192 };
#define CLASS_MAX	8192UL
static struct kmem_cache class_cache[ARRAY_SIZE(class_size)];
static u8 small_class[1024 / 16 + 1];			/* [I] by (size + 15) / 16 */

static void **
link_of(const struct kmem_cache *c, void *obj)
{
	return (void **)((char *)obj + c->link);
}

/* --- the debug build's checks --- */

#ifdef CONFIG_DEBUG
#define DEBUG_WORDS	2
#define MARK_FREE	0xf4eef4eef4eef4eeUL
#define MARK_USED	0xa110ca7eda110ca7UL
#define FILL_FREE	0x6b
#define DEBUG_SIZE_MAX	4096UL	/* larger ones would double their slabs */

static u64 *
debug_words(const struct kmem_cache *c, void *obj)
{
	return (u64 *)((char *)obj + ALIGN_UP(c->size, 8U));
}

static bool
debug_marks(const struct kmem_cache *c)
{
	return c->size < DEBUG_SIZE_MAX;
}

static void
debug_new(const struct kmem_cache *c, void *obj)
{
	if (debug_marks(c))
		debug_words(c, obj)[0] = MARK_FREE;
	if (c->poison)
		memset(obj, FILL_FREE, c->size);
}

static void
debug_complain(const struct kmem_cache *c, void *obj, const char *what)
{
	log_err("slab: %s: object %p of %s, last handled by %pS", what, obj, c->name,
		debug_marks(c) ? (void *)debug_words(c, obj)[1] : NULL);
	WARN_ON(true);
}

static void
debug_alloc(const struct kmem_cache *c, void *obj, void *caller)
{
	const u8 *p = obj;

	for (u32 i = c->link == 0 ? 8 : 0; c->poison && i < c->size; i++) {
		if (p[i] != FILL_FREE) {
			debug_complain(c, obj, "written after it was freed");
			break;
		}
	}
	if (!debug_marks(c))
		return;
	if (debug_words(c, obj)[0] != MARK_FREE)
		debug_complain(c, obj, "free object's mark is damaged");
	debug_words(c, obj)[0] = MARK_USED;
	debug_words(c, obj)[1] = (u64)caller;
}

/* False: not to be freed. */
static bool
debug_free(const struct kmem_cache *c, void *obj, void *caller)
{
	char *slab = page_address(page_head(virt_to_page(obj)));

	if (((u64)obj - (u64)slab) % c->stride != 0) {
		debug_complain(c, obj, "free of a pointer inside an object");
		return false;
	}
	if (debug_marks(c)) {
		u64 *w = debug_words(c, obj);

		if (w[0] != MARK_USED) {
			debug_complain(c, obj, w[0] == MARK_FREE ? "double free" : "written beyond its end");
			return false;
		}
		w[0] = MARK_FREE;
		w[1] = (u64)caller;
	}
	if (c->poison)
		memset(obj, FILL_FREE, c->size);
	return true;
}
#else
#define DEBUG_WORDS	0
#define debug_marks(c)	false
#define debug_new(c, obj)	((void)(c), (void)(obj))
#define debug_alloc(c, obj, caller)	((void)(c), (void)(obj), (void)(caller))
#define debug_free(c, obj, caller)	((void)(c), (void)(obj), (void)(caller), true)
#endif

/* --- slabs --- */

static u32
objects_per_slab(const struct kmem_cache *c, u32 order)
{
	return (u32)((PAGE_SIZE << order) / c->stride);
}

static void
count_pages(const struct kmem_cache *c, s64 n)
{
	mem_count(c->reclaimable ? MC_SLAB_RECLAIMABLE : MC_SLAB, n);
}

/* The smallest order that holds four objects or wastes little. */
static u32
choose_order(const struct kmem_cache *c)
{
	for (u32 order = 0; order < SLAB_ORDER_MAX; order++) {
		u64 bytes = PAGE_SIZE << order;

		if (bytes / c->stride >= 4 && bytes % c->stride <= bytes / 8)
			return order;
	}
	return SLAB_ORDER_MAX;
}

/* A fresh slab, on no list. Less than the preferred order where memory is in pieces. */
static struct page *
slab_create(struct kmem_cache *c, int flags)
{
	u32 order = c->order, least = 0;
	struct page *pg;
	char *base;

	while (PAGE_SIZE << least < c->stride)
		least++;
	flags &= KM_ATOMIC | KM_USER | KM_NOFS | KM_NOIO;
	pg = page_alloc(order, flags | PA_COMPOUND | (order > least ? PA_NO_RECLAIM : 0));
	if (pg == NULL && order > least) {
		order = least;
		pg = page_alloc(order, flags | PA_COMPOUND);
	}
	if (pg == NULL)
		return NULL;
	pg->cache = c;
	pg->slab_inuse = 0;
	pg->slab_free = NULL;
	list_init(&pg->slab_list);
	base = page_address(pg);
	for (u32 i = objects_per_slab(c, order); i-- > 0;) {
		void *obj = base + (u64)i * c->stride;

		debug_new(c, obj);
		if (c->ctor != NULL)
			c->ctor(obj);
		*link_of(c, obj) = pg->slab_free;
		pg->slab_free = obj;
	}
	page_set_flag(pg, PG_SLAB);
	count_pages(c, 1L << order);
	return pg;
}

static void
slab_free_pages(struct page *pg)
{
	page_clear_flag(pg, PG_SLAB);
	page_put(pg);
}

static void
slab_free_rcu(struct rcu_head *head)
{
	slab_free_pages(container_of(head, struct page, slab_rcu));
}

/* An empty slab, taken off its list and out of the cache's numbers. */
static void
slab_destroy(struct kmem_cache *c, struct page *pg)
{
	count_pages(c, -(1L << page_order(pg)));
	if (c->typestable)
		rcu_call(&pg->slab_rcu, slab_free_rcu);
	else
		slab_free_pages(pg);
}

static void *
slab_take_locked(struct kmem_cache *c)
{
	struct page *pg = list_first(&c->partial, struct page, slab_list);
	void *obj;

	spin_assert_held(&c->lock);
	if (pg == NULL) {
		pg = list_first(&c->empty, struct page, slab_list);
		if (pg == NULL)
			return NULL;
		c->nr_empty--;
		list_move(&c->partial, &pg->slab_list);
	}
	obj = pg->slab_free;
	pg->slab_free = *link_of(c, obj);
	pg->slab_inuse++;
	c->nr_inuse++;
	if (pg->slab_free == NULL)
		list_del_init(&pg->slab_list);	/* full: found again through its objects */
	return obj;
}

/* Returns a slab to destroy outside the lock, or NULL. */
static struct page *
slab_return_locked(struct kmem_cache *c, void *obj)
{
	struct page *pg = page_head(virt_to_page(obj));

	spin_assert_held(&c->lock);
	*link_of(c, obj) = pg->slab_free;
	if (pg->slab_free == NULL)
		list_add(&c->partial, &pg->slab_list);
	pg->slab_free = obj;
	c->nr_inuse--;
	if (--pg->slab_inuse != 0)
		return NULL;
	if (c->nr_empty < EMPTY_KEPT) {
		list_move(&c->empty, &pg->slab_list);
		c->nr_empty++;
		return NULL;
	}
	list_del(&pg->slab_list);
	c->nr_slabs--;
	c->nr_pages -= 1UL << page_order(pg);
	return pg;
}

static void
slab_add_locked(struct kmem_cache *c, struct page *pg)
{
	list_add(&c->empty, &pg->slab_list);
	c->nr_empty++;
	c->nr_slabs++;
	c->nr_pages += 1UL << page_order(pg);
}

/* --- magazines, interrupts off --- */

static struct magazine *
magazine_of(const struct kmem_cache *c)
{
	return &this_cpu_ptr(magazines)->m[c->id];
}

static void
magazine_push(const struct kmem_cache *c, struct magazine *m, void *obj)
{
	*link_of(c, obj) = m->first;
	m->first = obj;
	m->count++;
}

static void *
magazine_pop(const struct kmem_cache *c, struct magazine *m)
{
	void *obj = m->first;

	if (obj != NULL) {
		m->first = *link_of(c, obj);
		m->count--;
	}
	return obj;
}

static void
magazine_empty(struct kmem_cache *c, struct magazine *m, u32 keep)
{
	while (m->count > keep) {
		struct page *doomed = NULL;

		spin_lock(&c->lock);
		while (m->count > keep && doomed == NULL)
			doomed = slab_return_locked(c, magazine_pop(c, m));
		spin_unlock(&c->lock);
		if (doomed != NULL)
			slab_destroy(c, doomed);
	}
}

/* Fill the magazine by half, and give one object more. */
static void *
refill(struct kmem_cache *c)
{
	void *obj, *more;

	spin_lock(&c->lock);
	obj = slab_take_locked(c);
	if (obj != NULL && c->id < CACHES_MAX) {
		struct magazine *m = magazine_of(c);

		while (m->count < c->mag_size / 2 && (more = slab_take_locked(c)) != NULL)
			magazine_push(c, m, more);
	}
	spin_unlock(&c->lock);
	return obj;
}

static void *
alloc_slow(struct kmem_cache *c, int flags)
{
	for (;;) {
		u64 irq = arch_irq_save();
		void *obj = refill(c);
		struct page *pg;

		arch_irq_restore(irq);
		if (obj != NULL)
			return obj;
		pg = slab_create(c, flags);
		if (pg == NULL)
			return NULL;
		irq = spin_lock_irqsave(&c->lock);
		slab_add_locked(c, pg);
		spin_unlock_irqrestore(&c->lock, irq);
	}
}

static void *
cache_alloc(struct kmem_cache *c, int flags, void *caller)
{
	void *obj = NULL;
	u64 irq;

	if (!(flags & KM_ATOMIC))
		might_sleep();
	if (likely(c->id < CACHES_MAX)) {
		irq = arch_irq_save();
		obj = magazine_pop(c, magazine_of(c));
		arch_irq_restore(irq);
	}
	if (unlikely(obj == NULL)) {
		obj = alloc_slow(c, flags);
		if (obj == NULL)
			return NULL;
	}
	debug_alloc(c, obj, caller);
	if (flags & KM_ZERO)
		memset(obj, 0, c->size);
	return obj;
}

static void
cache_free(struct kmem_cache *c, void *obj, void *caller)
{
	u64 irq;

	if (!debug_free(c, obj, caller))
		return;
	irq = arch_irq_save();
	if (likely(c->id < CACHES_MAX)) {
		struct magazine *m = magazine_of(c);

		magazine_push(c, m, obj);
		if (m->count > c->mag_size)
			magazine_empty(c, m, c->mag_size / 2);
	} else {
		struct page *doomed;

		spin_lock(&c->lock);
		doomed = slab_return_locked(c, obj);
		spin_unlock(&c->lock);
		if (doomed != NULL)
			slab_destroy(c, doomed);
	}
	arch_irq_restore(irq);
}

/* --- caches --- */

static void
cache_setup(struct kmem_cache *c, const char *name, size_t size, size_t align, int flags, void (*ctor)(void *))
{
	bool keep = ctor != NULL || (flags & KMC_TYPESTABLE);
	u32 end;

	memset(c, 0, sizeof(*c));
	spin_init(&c->lock, LOCK_SLAB);
	list_init(&c->partial);
	list_init(&c->empty);
	strlcpy(c->name, name, sizeof(c->name));
	c->size = (u32)MAX(size, sizeof(void *));
	c->ctor = ctor;
	c->typestable = flags & KMC_TYPESTABLE;
	end = ALIGN_UP(c->size, 8U);
	if (debug_marks(c)) {
		end += DEBUG_WORDS * 8;
		c->poison = !keep;
	}
	if (keep) {
		c->link = end;
		end += 8;
	}
	c->stride = (u32)ALIGN_UP((size_t)end, MAX(align, 8UL));
	c->order = choose_order(c);
	c->mag_size = c->stride <= 256 ? 64 : c->stride <= 1024 ? 24 : c->stride <= 4096 ? 8 : 4;
	c->id = next_id < CACHES_MAX ? next_id++ : CACHES_MAX;
	list_add_tail(&all_caches, &c->node);
}

struct kmem_cache *
kmem_cache_create(const char *name, size_t size, size_t align, int flags, void (*ctor)(void *))
{
	struct kmem_cache *c;

	KASSERT(size != 0 && size <= PAGE_SIZE << SLAB_ORDER_MAX && (align == 0 || is_pow2(align)) && align <= PAGE_SIZE);
	c = kmem_alloc(sizeof(*c), KM_NORMAL);
	if (c == NULL)
		return NULL;
	mutex_lock(&list_lock);
	cache_setup(c, name, size, align, flags, ctor);
	mutex_unlock(&list_lock);
	return c;
}

void
kmem_cache_set_reclaimable(struct kmem_cache *c)
{
	c->reclaimable = true;
}

void *
kmem_cache_alloc(struct kmem_cache *c, int flags)
{
	return cache_alloc(c, flags, __builtin_return_address(0));
}

void
kmem_cache_free(struct kmem_cache *c, void *p)
{
	KASSERT_DEBUG(page_head(virt_to_page(p))->cache == c);
	cache_free(c, p, __builtin_return_address(0));
}

static u64
cache_trim(struct kmem_cache *c)
{
	u64 freed = 0, irq;
	struct page *pg;

	irq = arch_irq_save();
	if (c->id < CACHES_MAX)
		magazine_empty(c, magazine_of(c), 0);
	arch_irq_restore(irq);
	for (;;) {
		irq = spin_lock_irqsave(&c->lock);
		pg = list_first(&c->empty, struct page, slab_list);
		if (pg != NULL) {
			list_del(&pg->slab_list);
			c->nr_empty--;
			c->nr_slabs--;
			c->nr_pages -= 1UL << page_order(pg);
		}
		spin_unlock_irqrestore(&c->lock, irq);
		if (pg == NULL)
			return freed;
		freed += 1UL << page_order(pg);
		slab_destroy(c, pg);
	}
}

u64
slab_trim(void)
{
	struct kmem_cache *c;
	u64 freed = 0;

	if (!mutex_trylock(&list_lock))
		return 0;
	list_for_each(c, &all_caches, node)
		freed += cache_trim(c);
	mutex_unlock(&list_lock);
	return freed;
}

/* --- by the byte --- */

void
slab_init(void)
{
	u32 class = 0;

	for (u32 i = 0; i < ARRAY_SIZE(class_size); i++) {
		char name[NAME_MAX_LEN];
		u64 align = class_size[i] & -class_size[i];

		snprintf(name, sizeof(name), "kmem-%u", class_size[i]);
		cache_setup(&class_cache[i], name, class_size[i], MIN(align, PAGE_SIZE), 0, NULL);
	}
	for (u32 i = 0; i < ARRAY_SIZE(small_class); i++) {
		if (i * 16 > class_size[class])
			class++;
		small_class[i] = (u8)class;
	}
}

static struct kmem_cache *
class_of(size_t size)
{
	u32 i;

	if (size <= 1024)
		return &class_cache[small_class[(size + 15) / 16]];
	for (i = small_class[1024 / 16]; class_size[i] < size; i++)
		;
	return &class_cache[i];
}

static void *
alloc_bytes(size_t size, int flags, void *caller)
{
	struct page *pg;

	if (likely(size <= CLASS_MAX))
		return cache_alloc(class_of(size), flags, caller);
	if (size > PAGE_SIZE << MAX_ORDER)
		return NULL;
	pg = page_alloc(fls64((size - 1) >> PAGE_SHIFT), flags | PA_COMPOUND);
	if (pg == NULL)
		return NULL;
	mem_count(MC_SLAB, 1L << page_order(pg));
	return page_address(pg);
}

void *
kmem_alloc(size_t size, int flags)
{
	return alloc_bytes(size, flags, __builtin_return_address(0));
}

static void
free_bytes(void *p, void *caller)
{
	struct page *pg = page_head(virt_to_page(p));

	if (likely(page_flag(pg, PG_SLAB))) {
		cache_free(pg->cache, p, caller);
		return;
	}
	KASSERT(page_order(pg) > 0 && p == page_address(pg));
	mem_count(MC_SLAB, -(1L << page_order(pg)));
	page_put(pg);
}

void
kmem_free(void *p)
{
	if (p != NULL)
		free_bytes(p, __builtin_return_address(0));
}

size_t
kmem_size(const void *p)
{
	struct page *pg = page_head(virt_to_page(p));

	return page_flag(pg, PG_SLAB) ? pg->cache->size : PAGE_SIZE << page_order(pg);
}

void *
kmem_alloc_array(size_t n, size_t size, int flags)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return alloc_bytes(bytes, flags, __builtin_return_address(0));
}

void *
kmem_realloc(void *p, size_t size, int flags)
{
	size_t old = p != NULL ? kmem_size(p) : 0;
	void *q;

	if (p != NULL && size <= old && size > old / 4)
		return p;
	q = alloc_bytes(size, flags & ~KM_ZERO, __builtin_return_address(0));
	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, MIN(old, size));
	if ((flags & KM_ZERO) && size > old)
		memset((char *)q + old, 0, size - old);
	kmem_free(p);
	return q;
}

char *
kmem_strdup(const char *s, int flags)
{
	size_t n = strlen(s) + 1;
	char *copy = alloc_bytes(n, flags, __builtin_return_address(0));

	if (copy != NULL)
		memcpy(copy, s, n);
	return copy;
}

/* The head lies somewhere in its object: the start follows from the slab's geometry. */
static void
free_after_grace(struct rcu_head *head)
{
	struct page *pg = page_head(virt_to_page(head));
	char *base = page_address(pg);

	if (page_flag(pg, PG_SLAB))
		base += ((char *)head - base) / pg->cache->stride * pg->cache->stride;
	free_bytes(base, __builtin_return_address(0));
}

void
kmem_free_rcu(void *p, struct rcu_head *head)
{
	KASSERT_DEBUG((char *)head >= (char *)p && (char *)head < (char *)p + kmem_size(p));
	rcu_call(head, free_after_grace);
}

/* --- /proc/slabinfo --- */

static void
show_cache(struct strbuf *sb, struct kmem_cache *c)
{
	u64 irq = spin_lock_irqsave(&c->lock);
	u64 inuse = c->nr_inuse, slabs = c->nr_slabs, pages = c->nr_pages;

	spin_unlock_irqrestore(&c->lock, irq);
	for_each_cpu(cpu)
		if (c->id < CACHES_MAX)
			inuse -= MIN(inuse, (u64)READ_ONCE(per_cpu_ptr(magazines, cpu)->m[c->id].count));
	strbuf_printf(sb, "%-17s %6lu %6lu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6lu %6lu %6u\n", c->name, inuse,
		pages * PAGE_SIZE / c->stride, c->size, objects_per_slab(c, c->order), 1U << c->order, 0U, 0U, 0U, slabs, slabs, 0U);
}

u32
slab_show(struct strbuf *sb, u32 from)
{
	struct kmem_cache *c;
	u32 i = 0, shown = 0;

	if (from == 0)
		strbuf_puts(sb, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> "
			"<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
			"<sharedavail>\n");
	mutex_lock(&list_lock);
	list_for_each(c, &all_caches, node) {
		size_t before = sb->len;

		if (i++ < from)
			continue;
		show_cache(sb, c);
		if (sb->overflow) {
			sb->len = before;
			break;
		}
		shown++;
	}
	mutex_unlock(&list_lock);
	return shown;
}
