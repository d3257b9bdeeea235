/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of address spaces: what the files of mm/ share. Everybody else includes mm/aspace.h. */
#ifndef MM_VMA_H
#define MM_VMA_H

#include "mm/aspace.h"

#define STACK_GUARD_PAGES	256UL
#define HUGE_ORDER		(HUGE_PAGE_SHIFT - PAGE_SHIFT)
#define HUGE_FRAMES		(1UL << HUGE_ORDER)

extern struct page *zero_page;		/* [I] what untouched memory reads as; its entries are not counted */

static inline u64 vma_pages(const struct vma *v) { return (v->end - v->start) >> PAGE_SHIFT; }
static inline u64 vma_index(const struct vma *v, vaddr_t va) { return v->pgoff + ((va - v->start) >> PAGE_SHIFT); }
static inline struct vma *vma_of(struct gap_node *n) { return n != NULL ? container_of(n, struct vma, area) : NULL; }
static inline struct vma *vma_prev(struct vma *v) { return vma_of(gap_prev(&v->area)); }
static inline bool vma_anonymous(const struct vma *v) { return v->mapping == NULL && v->ops == NULL; }
static inline int vma_prot_bits(const struct vma *v) { return (int)(v->prot & 7) | PROT_BIT_USER; }

/* An entry for a frame that is not counted: the zero page, device memory. */
static inline bool pte_special(pte_t e) { return arch_pte_soft(e); }

void aspace_init(void);		/* boot: caches, zero page */

/* --- mm/vma.c: as->lock held for writing, unless said --- */
void vma_init_cache(void);
struct vma *vma_alloc(struct aspace *as) __must_check;	/* no lock; NULL */
void vma_link(struct vma *v);			/* into the space, with the file's reverse map */
void vma_drop(struct vma *v);			/* neither linked nor mapped: give back what it holds. May sleep */
struct vma *vma_clone(struct vma *v, struct aspace *as) __must_check;	/* with references of its own, not linked; NULL */
void vma_set_bounds(struct vma *v, vaddr_t start, vaddr_t end, u64 pgoff);
/* v keeps what is below addr. -ENOMEM. */
int __must_check vma_split(struct vma *v, vaddr_t addr);
/* Join v with its neighbours where they are alike. Returns what v has become part of. */
struct vma *vma_merge(struct vma *v);
/* Link the new v, or make a neighbour longer instead. */
struct vma *vma_link_merged(struct vma *v);
void vma_set_access(struct vma *v, u32 prot, u32 flags);	/* under both locks; keeps the space's page counts */
struct vma *vma_detach(struct vma *v);		/* out of the tree, no new faults; returns v */
/* For faults, no lock held: the VMA that covers va, its lock held shared. NULL: none. */
struct vma *vma_find_locked(struct aspace *as, vaddr_t va);
void vma_unlock(struct vma *v);
/* Cut VMAs at start and end, so that each lies wholly inside or outside. -ENOMEM. */
int __must_check vma_split_range(struct aspace *as, vaddr_t start, vaddr_t end);

/* --- mm/rmap.c --- */
void rmap_init(void);
int __must_check anon_prepare(struct vma *v);		/* v->anon is there. vma lock held. -ENOMEM */
void anon_link(struct vma *v, struct anon_object *ao);	/* v->anon = ao; v is not visible yet */
void anon_unlink(struct vma *v);
void rmap_move_bounds(struct vma *v, void (*change)(void *), void *arg);
void file_rmap_link(struct vma *v);
void file_rmap_unlink(struct vma *v);
/* A shared mapping that may become writable counts from before the file is asked for it (file_ops.mmap): so whoever, under rmap_lock,
 * finds none and forbids them, leaves none behind. */
void mapping_hold_writable(struct mapping *m);
void mapping_drop_writable(struct mapping *m);
/* Count an entry for pg (any page of a compound) in the space and the page. Page-table lock held. */
void page_map_count(struct vma *v, struct page *pg, bool anon, bool huge);
void page_unmap_count(struct vma *v, struct page *pg, bool anon, bool huge);

/* --- mm/zap.c --- */
struct span { pte_t *pte; struct spinlock *lock; vaddr_t va, end; bool huge; };
/* The next run of entries in [from, end) that share a table, which is locked. False: there is none. */
bool span_next(struct aspace *as, vaddr_t from, vaddr_t end, struct span *s);
enum { ZAP_KEEP_ANON = 1 };
/* Unmap and flush [start, end). -ENOMEM only where a huge leaf lies across a bound. Needs v in place: its lock, or the reverse
 * map's, or the space's for writing. */
int zap_range(struct vma *v, vaddr_t start, vaddr_t end, int how);

/* --- mm/huge.c --- */
bool huge_fits(const struct vma *v, vaddr_t va);
/* Make the huge leaf at va, if there is one, a table of small ones. -ENOMEM. Locks as for zap_range. */
int __must_check huge_split(struct vma *v, vaddr_t va);

/* --- mm/fault.c --- */
struct fault { struct vma *v; struct aspace *as; vaddr_t va; u64 index; int flags; bool write, major; };
enum { FAULT_FORCE = 1 << 8 /* by a debugger: private memory may be written whatever its protection is */ };
/* Resolve a fault at va. 0; -EFAULT: nothing there; -EACCES; -ENOMEM; anything else is a bus error. */
int fault_handle(struct aspace *as, vaddr_t va, int flags);
int fault_anon(struct fault *f);			/* mm/fault_anon.c: nothing mapped yet */
int fault_cow(struct fault *f, pte_t *pte, struct spinlock *lock, pte_t entry);	/* lock held, released */
int fault_install_copy(struct fault *f, struct page *src, pte_t expected);
int fault_file(struct fault *f);			/* mm/fault_file.c: nothing mapped yet */
int fault_shared_write(struct fault *f, pte_t *pte, struct spinlock *lock, pte_t entry);	/* lock held, released */
int fault_special(struct fault *f);
u64 vma_file_pages(const struct vma *v);		/* of what fills it: beyond is a bus error. inval_lock held */
/* Fault all pages of [start, end) in, private ones for writing. 0, or what stopped it (-ENOMEM where nothing is mapped). */
int aspace_populate(struct aspace *as, vaddr_t start, vaddr_t end);

/* --- mm/mmap.c: as->lock held for writing --- */
int __must_check aspace_unmap_locked(struct aspace *as, vaddr_t start, vaddr_t end);
int __must_check aspace_find_free(struct aspace *as, vaddr_t hint, u64 len, u32 flags, vaddr_t *out);
int __must_check aspace_check_limits(struct aspace *as, u64 pages, u32 prot, u32 vm_flags);
int __must_check aspace_check_locked(struct aspace *as, u64 pages);	/* RLIMIT_MEMLOCK: -EAGAIN, -EPERM */
/* The stack VMA v grows down to addr. -ENOMEM. */
int __must_check aspace_grow_stack(struct aspace *as, struct vma *v, vaddr_t addr);
/* +/- pages of v in the space's numbers. */
void aspace_count(struct aspace *as, const struct vma *v, s64 pages);
void aspace_unmap_all(struct aspace *as);

#endif
