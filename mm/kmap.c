/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own virtual areas: memory that is contiguous only virtually, device memory, and guarded stacks.
 *
 * Areas are ranges in a gap tree; each holds an unmapped page (stacks: as much as their size) at its low end, so that running
 * over the end of the one below, or off the bottom of a stack, faults. A freed area is unmapped at once and its frames go
 * back, but its addresses stay taken until a batch of them is flushed from the TLBs of all CPUs in one go.
 *
 * Stacks lie in a region of their own, in slots of twice their size: whether an address is a guard follows by arithmetic.
 * Each CPU keeps a few dead stacks for the next threads; the others are unmapped by a worker, for the switch away from a dead
 * thread, where its stack is freed, may not sleep.
 */
#include "mm/kmap.h"

#include "mm/gap.h"
#include "mm/page.h"
#include "sys/kmem.h"
#include "sys/abi/errno.h"
#include "sys/mutex.h"
#include "sys/panic.h"
#include "sys/thread.h"
#include "sys/work.h"

#define LAZY_PAGES_MAX	2048UL		/* address space that may wait for a flush */
#define STACK_SLOT	(2 * KSTACK_SIZE)
#define STACK_PAGES	(KSTACK_SIZE / PAGE_SIZE)
#define STACKS_KEPT	4

enum area_kind { AREA_OWN_PAGES, AREA_FOREIGN_PAGES, AREA_DEVICE };

struct area {
	struct gap_node range;		/* [lock] with the guard */
	vaddr_t va;			/* [I] behind the guard */
	u64 size;			/* [I] bytes mapped */
	enum area_kind kind;		/* [I] */
	u32 npages;			/* [I] in pages[] */
	struct list lazy;		/* [lock] waiting for a flush */
	struct page *pages[];		/* [I] AREA_OWN_PAGES */
};

static struct mutex lock = MUTEX_INIT(lock, LOCK_KMAP);
static struct gap_tree areas;		/* [lock] */
static struct list lazy_areas = LIST_INIT(lazy_areas);	/* [lock] */
static u64 lazy_pages;			/* [lock] */
static vaddr_t stack_base;		/* [I] stacks from here to arch_vmalloc_end; other areas below */

struct dead_stack { struct list node; };	/* at the low end of the stack itself */
static struct list dead_stacks = LIST_INIT(dead_stacks);	/* [dead_lock] */
static struct spinlock dead_lock = SPINLOCK_INIT(LOCK_LEAF);
static void unmap_dead_stacks(struct work *w);
static struct work dead_work = { .func = unmap_dead_stacks };

struct stack_cache { u32 count; void *stack[STACKS_KEPT]; };
static PERCPU_DEFINE(struct stack_cache, stack_cache);

void
kmap_init(void)
{
	gap_tree_init(&areas);
	stack_base = ALIGN_DOWN(arch_vmalloc_end - (arch_vmalloc_end - arch_vmalloc_base) / 4, (u64)STACK_SLOT);
}

/* --- ranges --- */

static void
purge_locked(void)
{
	vaddr_t lo = UINT64_MAX, hi = 0;
	struct area *a, *tmp;

	mutex_assert_held(&lock);
	if (list_empty(&lazy_areas))
		return;
	list_for_each(a, &lazy_areas, lazy) {
		lo = MIN(lo, a->va);
		hi = MAX(hi, a->va + a->size);
	}
	arch_tlb_flush_kernel(lo, hi);
	list_for_each_safe(a, tmp, &lazy_areas, lazy) {
		gap_erase(&areas, &a->range);
		kmem_free(a);
	}
	list_init(&lazy_areas);
	lazy_pages = 0;
}

static int __must_check
reserve(struct area *a, u64 guard, u64 align, vaddr_t lo, vaddr_t hi)
{
	u64 size = guard + a->size;
	bool found;

	mutex_lock(&lock);
	found = gap_find_low(&areas, size, align, lo, hi, &a->range.start);
	if (!found) {
		purge_locked();
		found = gap_find_low(&areas, size, align, lo, hi, &a->range.start);
	}
	if (found) {
		a->range.end = a->range.start + size;
		a->va = a->range.start + guard;
		gap_insert(&areas, &a->range);
	}
	mutex_unlock(&lock);
	return found ? 0 : -ENOMEM;
}

/* Unmapped already. */
static void
release(struct area *a)
{
	mutex_lock(&lock);
	list_add(&lazy_areas, &a->lazy);
	lazy_pages += a->size / PAGE_SIZE;
#ifdef CONFIG_DEBUG
	purge_locked();		/* so that a use after free faults */
#else
	if (lazy_pages > LAZY_PAGES_MAX)
		purge_locked();
#endif
	mutex_unlock(&lock);
}

static struct area *
find(vaddr_t va)
{
	struct gap_node *n;

	mutex_lock(&lock);
	n = gap_find(&areas, va);
	mutex_unlock(&lock);
	KASSERT(n != NULL && container_of(n, struct area, range)->va == va);
	return container_of(n, struct area, range);
}

/* An area of `size` bytes with an address, nothing mapped. NULL: no memory. */
static struct area *
area_create(u64 size, u32 npages, enum area_kind kind)
{
	struct area *a = kmem_alloc(sizeof(*a) + npages * sizeof(a->pages[0]), KM_ZERO);
	bool stack = size == KSTACK_SIZE && kind == AREA_OWN_PAGES;
	int err;

	if (a == NULL)
		return NULL;
	a->size = size;
	a->kind = kind;
	a->npages = npages;
	if (stack)
		err = reserve(a, STACK_SLOT - KSTACK_SIZE, STACK_SLOT, stack_base, arch_vmalloc_end);
	else
		err = reserve(a, PAGE_SIZE, PAGE_SIZE, arch_vmalloc_base, stack_base);
	if (err != 0) {
		kmem_free(a);
		return NULL;
	}
	return a;
}

static void
area_destroy(struct area *a)
{
	arch_kernel_unmap(a->va, a->size);
	if (a->kind == AREA_OWN_PAGES)
		for (u32 i = 0; i < a->npages && a->pages[i] != NULL; i++)
			page_put(a->pages[i]);
	release(a);
}

static int __must_check
map_pages(struct area *a, struct page **pages, int prot)
{
	u64 n = a->size / PAGE_SIZE;

	for (u64 i = 0; i < n; i++) {
		int err = arch_kernel_map(a->va + i * PAGE_SIZE, page_to_phys(pages[i]), PAGE_SIZE, prot);

		if (err != 0)
			return err;
	}
	return 0;
}

/* --- memory --- */

static struct area *
area_create_filled(u64 size, int flags)
{
	u32 n = (u32)(size / PAGE_SIZE);
	struct area *a = area_create(size, n, AREA_OWN_PAGES);

	if (a == NULL)
		return NULL;
	for (u32 i = 0; i < n; i++) {
		a->pages[i] = page_alloc(0, flags);
		if (a->pages[i] == NULL)
			goto out_destroy;
	}
	if (map_pages(a, a->pages, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_GLOBAL) != 0)
		goto out_destroy;
	return a;
out_destroy:
	area_destroy(a);
	return NULL;
}

void *
kmem_valloc(size_t size, int flags)
{
	struct area *a;

	might_sleep();
	if (size == 0 || size > (1UL << 40))
		return NULL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (size == KSTACK_SIZE)
		size += PAGE_SIZE;	/* keeps out of the stacks' region */
	a = area_create_filled(size, flags & (KM_ZERO | KM_USER));
	if (a == NULL)
		return NULL;
	mem_count(MC_VMALLOC, (s64)(size / PAGE_SIZE));
	return (void *)a->va;
}

void
kmem_vfree(void *p)
{
	struct area *a;

	if (p == NULL)
		return;
	might_sleep();
	a = find((vaddr_t)p);
	KASSERT(a->kind == AREA_OWN_PAGES);
	mem_count(MC_VMALLOC, -(s64)(a->size / PAGE_SIZE));
	area_destroy(a);
}

void *
kmap_pages(struct page **pages, size_t n, int prot)
{
	struct area *a;

	might_sleep();
	if (n == 0 || n > UINT32_MAX)
		return NULL;
	a = area_create(n * PAGE_SIZE, 0, AREA_FOREIGN_PAGES);
	if (a == NULL)
		return NULL;
	if (map_pages(a, pages, prot | PROT_BIT_READ | PROT_BIT_GLOBAL) != 0) {
		area_destroy(a);
		return NULL;
	}
	return (void *)a->va;
}

void
kmap_unmap(void *va)
{
	struct area *a;

	if (va == NULL)
		return;
	a = find((vaddr_t)va);
	KASSERT(a->kind == AREA_FOREIGN_PAGES);
	area_destroy(a);
}

void *
kmap_device(paddr_t pa, size_t size, int prot)
{
	u64 offset = pa & ~PAGE_MASK;
	struct area *a;

	if (size == 0 || pa + size < pa)
		return NULL;
	a = area_create(ALIGN_UP(offset + size, PAGE_SIZE), 0, AREA_DEVICE);
	if (a == NULL)
		return NULL;
	if (arch_kernel_map(a->va, pa - offset, a->size, prot | PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_GLOBAL) != 0) {
		area_destroy(a);
		return NULL;
	}
	return (void *)(a->va + offset);
}

void
kmap_device_unmap(void *va)
{
	struct area *a;

	if (va == NULL)
		return;
	a = find((vaddr_t)va & PAGE_MASK);
	KASSERT(a->kind == AREA_DEVICE);
	area_destroy(a);
}

/* --- stacks --- */

static void *
take_dead_stack(void)
{
	struct dead_stack *dead;
	u64 flags;

	if (list_empty(&dead_stacks))
		return NULL;
	flags = spin_lock_irqsave(&dead_lock);
	dead = list_first(&dead_stacks, struct dead_stack, node);
	if (dead != NULL)
		list_del(&dead->node);
	spin_unlock_irqrestore(&dead_lock, flags);
	return dead;
}

static void
unmap_dead_stacks(struct work *w)
{
	void *stack;

	(void)w;
	while ((stack = take_dead_stack()) != NULL) {
		mem_count(MC_KSTACK, -(s64)STACK_PAGES);
		area_destroy(find((vaddr_t)stack));
	}
}

void *
kstack_alloc(void)
{
	struct stack_cache *sc;
	struct area *a;
	void *stack = NULL;

	might_sleep();
	preempt_disable();
	sc = this_cpu_ptr(stack_cache);
	if (sc->count > 0)
		stack = sc->stack[--sc->count];
	preempt_enable();
	if (stack == NULL)
		stack = take_dead_stack();
	if (stack != NULL)
		return stack;
	a = area_create_filled(KSTACK_SIZE, KM_NORMAL);
	if (a == NULL)
		return NULL;
	mem_count(MC_KSTACK, STACK_PAGES);
	return (void *)a->va;
}

void
kstack_free(void *stack)
{
	struct dead_stack *dead = stack;
	struct stack_cache *sc;
	bool kept;
	u64 flags;

	preempt_disable();
	sc = this_cpu_ptr(stack_cache);
	kept = sc->count < STACKS_KEPT;
	if (kept)
		sc->stack[sc->count++] = stack;
	preempt_enable();
	if (kept)
		return;
	flags = spin_lock_irqsave(&dead_lock);
	list_add(&dead_stacks, &dead->node);
	spin_unlock_irqrestore(&dead_lock, flags);
	work_queue(&dead_work);
}

bool
kmap_is_stack_guard(vaddr_t va)
{
	return va >= stack_base && va < arch_vmalloc_end && va % STACK_SLOT < STACK_SLOT - KSTACK_SIZE;
}
