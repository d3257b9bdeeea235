/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory: a struct page per frame, zones, the buddy allocator with per-CPU lists.
 *
 * A compound page is a block of 2^order frames handled as one: count, flags and lock live in its head, and every function
 * here takes heads (page_head() finds it).
 *
 * Lock key: [a] atomic  [I] set at allocation  [z] zone lock while free  [m] mapping's lock  [P] the page lock
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "arch/mmu.h"
#include "sys/lib/list.h"
#include "sys/kmem.h"
#include "sys/rcu.h"
#include "sys/refcount.h"
#include "sys/spinlock.h"

struct mapping;
struct kmem_cache;

enum page_flag {
	PG_LOCKED, PG_UPTODATE, PG_DIRTY, PG_WRITEBACK, PG_ERROR, PG_REFERENCED, PG_ACTIVE, PG_LRU, PG_SWAPBACKED, PG_SWAPCACHE,
	PG_ANON, PG_SLAB, PG_TABLE, PG_RESERVED, PG_HEAD, PG_TAIL, PG_BUDDY, PG_WAITERS, PG_UNEVICTABLE, PG_PRIVATE, PG_RECLAIM,
	PG_READAHEAD,	/* reaching it starts the next read-ahead */
};

struct page {
	u32 flags;			/* [a] BIT(enum page_flag); bits 24-31: order of a head or free block */
	struct refcount refs;		/* [a] */
	union {
		struct {		/* page cache and anonymous memory */
			struct list lru;	/* [LRU lock] */
			void *mapping;		/* [m|P] struct mapping, or the anonymous object (PG_ANON) */
			u64 index;		/* [m|P] page number in the mapping or in the object */
			void *private;		/* [P] block buffers, swap entry */
		};
		struct {		/* free, in the buddy allocator or a per-CPU list */
			struct list free;	/* [z] */
		};
		struct {		/* slab */
			struct kmem_cache *cache;	/* [I] */
			void *slab_free;		/* [cache lock] */
			u32 slab_inuse;
			u32 slab_pad;
			union {
				struct list slab_list;		/* [cache lock] partial or empty slabs */
				struct rcu_head slab_rcu;	/* a type-stable slab on its way out */
			};
		};
		struct {		/* page table */
			struct spinlock *pt_lock;	/* [I] points at pt_lock_store */
			struct spinlock pt_lock_store;
			u32 pt_entries;			/* [pt_lock] */
		};
		struct { struct page *head; };	/* PG_TAIL */
	};
	s32 mapcount;			/* [a] page-table entries that map it; 0: none */
	u8 zone, node;			/* [I] */
	u16 poisoned;			/* [z] debug build: the frame bears the pattern of free memory */
};
_Static_assert(sizeof(struct page) <= 64, "a struct page is at most 64 bytes");

enum page_zone { ZONE_DMA32, ZONE_NORMAL, ZONE_COUNT };

#define MAX_ORDER	10	/* 4 MiB blocks */

/* Allocation flags: KM_* of sys/kmem.h, and: */
enum { PA_DMA32 = 1 << 8, PA_COMPOUND = 1 << 9, PA_MOVABLE = 1 << 10,
	PA_NO_RECLAIM = 1 << 11 /* what is free now, or nothing: for large pages that have a fall-back */ };

static inline struct page *pfn_to_page(pfn_t pfn) { return (struct page *)arch_vmemmap_base + pfn; }
static inline pfn_t page_to_pfn(const struct page *pg) { return (pfn_t)(pg - (struct page *)arch_vmemmap_base); }
static inline paddr_t page_to_phys(const struct page *pg) { return page_to_pfn(pg) << PAGE_SHIFT; }
static inline void *page_address(const struct page *pg) { return phys_to_virt(page_to_phys(pg)); }
static inline struct page *virt_to_page(const void *va) { return pfn_to_page(virt_to_phys(va) >> PAGE_SHIFT); }
bool pfn_valid(pfn_t pfn);		/* there is a struct page for it */

static inline bool page_flag(const struct page *pg, enum page_flag f) { return atomic_load_relaxed(&pg->flags) & BIT(f); }
static inline void page_set_flag(struct page *pg, enum page_flag f) { atomic_fetch_or(&pg->flags, (u32)BIT(f)); }
static inline void page_clear_flag(struct page *pg, enum page_flag f) { atomic_fetch_and(&pg->flags, ~(u32)BIT(f)); }
static inline bool page_test_set_flag(struct page *pg, enum page_flag f) { return atomic_fetch_or(&pg->flags, (u32)BIT(f)) & BIT(f); }
static inline bool page_test_clear_flag(struct page *pg, enum page_flag f) { return atomic_fetch_and(&pg->flags, ~(u32)BIT(f)) & BIT(f); }
static inline u32 page_order(const struct page *pg) { return atomic_load_relaxed(&pg->flags) >> 24; }
static inline struct page *page_head(struct page *pg) { return page_flag(pg, PG_TAIL) ? pg->head : pg; }

/* 2^order frames, refs 1; contents undefined without KM_ZERO. NULL where there is none. May sleep without KM_ATOMIC. */
struct page *page_alloc(u32 order, int flags) __must_check;
static inline void page_get(struct page *pg) { refcount_get(&page_head(pg)->refs); }
static inline bool page_try_get(struct page *pg) { return refcount_try_get(&pg->refs); }	/* heads; under RCU or a lock */
void page_put(struct page *pg);		/* the last reference frees it. Any context but NMI */
/* All n references are the caller's (or under his locks): take them, so that no try-get succeeds any more. False: there are others. */
bool __must_check page_freeze(struct page *pg, s32 n);
void page_free_frozen(struct page *pg);	/* off all lists, unlocked */

/* The page lock: sleeping, a bit with a hashed wait queue. Guards contents being read in, mapping and index. */
void page_lock(struct page *pg);
int __must_check page_lock_killable(struct page *pg);
bool page_trylock(struct page *pg);
void page_unlock(struct page *pg);
void page_wait_writeback(struct page *pg);
int __must_check page_wait_locked_killable(struct page *pg);	/* 0 or -EINTR */
void page_end_writeback(struct page *pg);	/* any context; wakes */
void page_wait_locked(struct page *pg);		/* until PG_LOCKED is clear, without taking it */

/* Statistics, in pages unless said; /proc/meminfo, sysinfo(2). */
struct mem_stats { u64 total, free, available, cached, buffers, dirty, writeback, anon, mapped, shmem, slab_reclaimable,
	slab_unreclaimable, kernel_stack_kib, page_tables, active_anon, inactive_anon, active_file, inactive_file, unevictable,
	mlocked, committed, swap_total, swap_free, vmalloc_used; };
void mem_stats_get(struct mem_stats *out);
/* Counters other parts keep: per-CPU, summed at reading. */
enum mem_counter { MC_ANON, MC_FILE_CACHE, MC_SHMEM, MC_MAPPED, MC_DIRTY, MC_WRITEBACK, MC_SLAB_RECLAIMABLE, MC_SLAB, MC_KSTACK,
	MC_PAGE_TABLES, MC_BUFFERS, MC_VMALLOC, MC_MLOCKED, MC_PGFAULT, MC_PGMAJFAULT,
	MC_LRU, MC_LRU_LAST = MC_LRU + 4 /* one for each list of mm/lru.h */, MC_PGSCAN_KSWAPD, MC_PGSCAN_DIRECT, MC_PGSTEAL_KSWAPD,
	MC_PGSTEAL_DIRECT, MC_PGACTIVATE, MC_PGDEACTIVATE, MC_PGROTATED, MC_DIRTIED, MC_WRITTEN, MC_DROP_PAGECACHE, MC_DROP_SLAB, MC_COUNT };
void mem_count(enum mem_counter c, s64 delta);
s64 mem_counter_read(enum mem_counter c);

/* /proc/buddyinfo and /proc/zoneinfo. */
struct zone_stats { const char *name; u64 free, managed, min, low, high; u64 blocks[MAX_ORDER + 1]; };
void page_zone_stats(enum page_zone zone, struct zone_stats *out);
/* Take the pages on this CPU's (all CPUs') lists back to the zones. all: thread context, interrupts on. */
void page_drain_lists(bool all);
bool page_memory_low(void);		/* below the high watermark: the reclaim thread should go on */

#ifdef CONFIG_DEBUG
/* Fault injection: every n-th page_alloc that may fail does; 0: off. */
extern u32 page_fail_interval;	/* [a] */
#endif

/* Boot: from boot_info; everything but what is reserved goes to the buddy allocator. */
void page_wait_init(void);
void page_init(void);
/* Give frames back that were reserved at boot (initramfs, init code). */
void page_free_reserved(paddr_t start, paddr_t end);
/* page_low_frame(): arch/mmu.h. */

#endif
