/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: their life, exec's layout, and keys for futexes.
 *
 * Two counts: `users` are those who use the user mappings (threads; /proc while it reads), and when the last is gone all is
 * unmapped; `refs` keep the struct, and the users hold one of them together.
 */
#include "mm/aspace.h"

#include "mm/vma.h"
#include "sys/abi/errno.h"
#include "sys/abi/resource.h"
#include "sys/file.h"
#include "sys/kmem.h"
#include "sys/panic.h"
#include "sys/preempt.h"
#include "sys/random.h"
#include "sys/thread.h"

static struct kmem_cache *aspace_cache;
int vm_max_map_count = 65530;

void
aspace_init(void)
{
	aspace_cache = kmem_cache_create("mm_struct", sizeof(struct aspace), 0, 0, NULL);
	zero_page = page_alloc(0, KM_ZERO);
	if (aspace_cache == NULL || zero_page == NULL)
		panic("memory: too little for address spaces");
	page_set_flag(zero_page, PG_RESERVED);
	vma_init_cache();
	rmap_init();
}

int
aspace_create(struct aspace **out)
{
	struct aspace *as = kmem_cache_alloc(aspace_cache, KM_ZERO);
	int err;

	if (as == NULL)
		return -ENOMEM;
	err = arch_as_create(&as->arch);
	if (err != 0) {
		kmem_cache_free(aspace_cache, as);
		return err;
	}
	refcount_init(&as->users, 1);
	refcount_init(&as->refs, 1);
	rwlock_init(&as->lock, LOCK_AS);
	spin_init(&as->anon_lock, LOCK_LEAF);
	gap_tree_init(&as->vmas);
	as->mmap_base = ARCH_USER_MAX;
	as->dumpable = true;
	*out = as;
	return 0;
}

void
aspace_get(struct aspace *as)
{
	refcount_get(&as->refs);
}

void
aspace_put(struct aspace *as)
{
	if (refcount_put(&as->refs))
		kmem_cache_free(aspace_cache, as);
}

void
aspace_get_user(struct aspace *as)
{
	refcount_get(&as->users);
}

bool
aspace_try_get_user(struct aspace *as)
{
	return refcount_try_get(&as->users);
}

void
aspace_put_user(struct aspace *as)
{
	if (!refcount_put(&as->users))
		return;
	might_sleep();
	aspace_unmap_all(as);
	if (as->exe != NULL)
		file_put(as->exe);
	as->exe = NULL;
	arch_as_destroy(&as->arch);
	aspace_put(as);
}

void
aspace_activate(struct aspace *as)
{
	preempt_disable();
	thread_current()->as = as;
	arch_as_switch(as != NULL ? &as->arch : NULL);
	preempt_enable();
}

u64
aspace_rss(struct aspace *as)
{
	s64 n = atomic_load_relaxed(&as->rss_anon) + atomic_load_relaxed(&as->rss_file) + atomic_load_relaxed(&as->rss_shmem);

	return (u64)MAX(n, 0L);
}

/* --- exec's layout --- */

#define MMAP_RANDOM_BITS	28
#define STACK_RANDOM_BITS	22
#define BRK_RANDOM_BITS		13
#define STACK_GAP_MIN		(128 * MIB)

static u64
random_pages(u32 bits)
{
	return (random_u64() & (BIT(bits) - 1)) << PAGE_SHIFT;
}

/* The mapping area ends below the stack's limit, its guard, and as far as the stack's top can be shifted. */
void
aspace_layout_random(struct aspace *as, bool randomize)
{
	u64 gap = rlimit_current(RLIMIT_STACK);

	gap = MIN(MAX(gap, STACK_GAP_MIN), ARCH_USER_MAX / 6 * 5);
	gap += STACK_GUARD_PAGES << PAGE_SHIFT;
	if (randomize)
		gap += BIT(STACK_RANDOM_BITS) << PAGE_SHIFT;
	gap = MIN(gap, ARCH_USER_MAX / 6 * 5);
	as->mmap_base = ALIGN_DOWN(ARCH_USER_MAX - gap - (randomize ? random_pages(MMAP_RANDOM_BITS) : 0), PAGE_SIZE);
	as->stack_start = ARCH_USER_MAX - (randomize ? random_pages(STACK_RANDOM_BITS) : 0);
}

vaddr_t
aspace_pie_base(bool randomize)
{
	return ALIGN_DOWN(ARCH_USER_MAX / 3 * 2, PAGE_SIZE) + (randomize ? random_pages(MMAP_RANDOM_BITS) : 0);
}

void
aspace_set_brk(struct aspace *as, vaddr_t bss_end, bool randomize)
{
	as->brk_start = as->brk = ALIGN_UP(bss_end, PAGE_SIZE) + (randomize ? random_pages(BRK_RANDOM_BITS) : 0);
}

/* --- keys --- */

/* The number of a space or a mapping, given on first demand. */
static u64
key_id(u64 *id)
{
	static u64 last;	/* [a] */

	if (unlikely(atomic_load(id) == 0))
		(void)atomic_cas(id, (u64)0, atomic_add(&last, 1UL));
	return atomic_load(id);
}

int
aspace_key(struct aspace *as, vaddr_t addr, bool shared, struct mem_key *key)
{
	struct vma *v;
	int err = 0;

	if (addr >= ARCH_USER_MAX)
		return -EFAULT;
	*key = (struct mem_key){ .object = key_id(&as->key_id), .offset = addr };
	if (!shared)
		return 0;
	v = vma_find_locked(as, addr);
	if (v == NULL)
		return -EFAULT;
	if ((v->flags & VM_SHARED) && v->mapping == NULL) {
		err = -EFAULT;		/* device memory */
	} else if (v->flags & VM_SHARED) {
		key->object = key_id(&v->mapping->key_id);
		key->offset = (vma_index(v, addr) << PAGE_SHIFT) | (addr & ~PAGE_MASK);
	}
	vma_unlock(v);
	return err;
}

/* For the scheduler, which sees no further. */
struct arch_as *
aspace_arch(struct aspace *as)
{
	return as != NULL ? &as->arch : NULL;
}
