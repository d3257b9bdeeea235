/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: VMAs in a balanced tree, filled lazily by faults.
 *
 * Lock key: [l] as->lock (write to change, read to walk)  [v] vma->lock  [l+v] written under both, read under either
 *           [a] atomic  [I] immutable
 * A fault finds its VMA by walking the tree under RCU without any lock, takes vma->lock shared by a try, and then checks that the
 * VMA still is there and covers the address. Where that fails it goes the slow way, through as->lock. Whoever changes a VMA
 * holds as->lock for writing and takes vma->lock for writing too.
 */
#ifndef MM_ASPACE_H
#define MM_ASPACE_H

#include "mm/gap.h"
#include "mm/mapping.h"
#include "mm/overcommit.h"
#include "sys/abi/mman.h"	/* PROT_*, MAP_*, MREMAP_*, MADV_*, MS_*, MCL_* */

struct anon_object;	/* shared along the fork tree: finds all VMAs that may map an anonymous page (mm/rmap.c) */
struct file;
struct strbuf;
struct vma;

struct vma_ops {
	void (*open)(struct vma *v);	/* copied by fork or split */
	void (*close)(struct vma *v);
	/* Instead of the page cache: give the frame for page index `index` of the VMA's file. *pg with a reference, or
	 * *pfn for device memory (returns 1). -errno: SIGBUS. */
	int (*fault)(struct vma *v, u64 index, bool write, struct page **pg, pfn_t *pfn);
	const char *(*name)(struct vma *v);	/* for /proc/PID/maps: "[vdso]" */
};

struct vma {
	union {
		struct gap_node area;			/* [l] place in as->vmas */
		struct { vaddr_t start, end; };		/* [l+v] page aligned, end exclusive */
	};
	struct aspace *as;		/* [I] */
	u32 prot;			/* [l+v] PROT_READ|WRITE|EXEC */
	u32 flags;			/* [l+v] VM_* below */
	bool detached;			/* [l+v] no longer in the space: a fault that found it looks again */
	struct rwlock lock;		/* LOCK_VMA */
	struct file *file;		/* [I] reference; NULL: anonymous */
	struct mapping *mapping;	/* [I] page cache that fills it, or NULL */
	struct shared_anon *shared;	/* [I] for shared anonymous memory: holds a reference */
	u64 pgoff;			/* [l+v] page index of `start`: in the mapping; anonymous memory: where it was first mapped */
	const struct vma_ops *ops;	/* [I] or NULL */
	void *priv;			/* [I] the ops' own */
	struct anon_object *anon;	/* [a] set once, at the first anonymous page; holds a reference */
	struct interval_node anon_rmap;	/* [anon object's lock] by page index */
	struct interval_node rmap;	/* [mapping->rmap_lock] by page index */
	union {
		struct rcu_head rcu;
		struct vma *next_dead;	/* detached ones, on their way out */
	};
};
_Static_assert(offsetof(struct vma, area.start) == offsetof(struct vma, start) &&
	offsetof(struct vma, area.end) == offsetof(struct vma, end), "the union in struct vma");

enum { VM_SHARED = 1, VM_GROWSDOWN = 2, VM_LOCKED = 4, VM_STACK = 8, VM_HEAP = 16, VM_DONTCOPY = 32, VM_WIPEONFORK = 64,
	VM_IO = 128 /* device memory: no struct page, not dumped */, VM_MAYREAD = 256, VM_MAYWRITE = 512, VM_MAYEXEC = 1024,
	VM_DONTEXPAND = 2048, VM_NORESERVE = 4096, VM_DONTDUMP = 8192, VM_HUGEPAGE = 16384, VM_NOHUGEPAGE = 32768,
	VM_RANDREAD = 65536, VM_SEQREAD = 1 << 17, VM_ACCOUNT = 1 << 18 /* charged against overcommit */,
	VM_PFNMAP = 1 << 19 /* entries point at frames that are not counted */,
	VM_SPECIAL = VM_IO | VM_PFNMAP | VM_DONTEXPAND /* a driver's or the kernel's own: not locked in memory */ };

struct aspace {
	struct refcount users;		/* [a] threads (and /proc readers at work) that use the user mappings */
	struct refcount refs;		/* [a] the struct; users hold one together */
	struct arch_as arch;
	struct rwlock lock;		/* LOCK_AS */
	struct gap_tree vmas;		/* [l], walked under RCU by faults */
	u32 nr_vmas;			/* [l] */
	struct spinlock anon_lock;	/* LOCK_LEAF: publishes vma->anon */
	u64 total_pages, locked_pages, data_pages, stack_pages, exec_pages;	/* [l] */
	s64 rss_anon, rss_file, rss_shmem;	/* [a] pages */
	u64 hiwater_rss, hiwater_vm;	/* [a] */
	vaddr_t mmap_base;		/* [I] after exec: top-down allocation starts below it */
	vaddr_t brk_start, brk;		/* [l] */
	vaddr_t code_start, code_end, data_start, data_end, stack_start;	/* [l] set by exec */
	vaddr_t arg_start, arg_end, env_start, env_end;	/* [l] set by exec */
	vaddr_t vdso;			/* [I] */
	u64 auxv[2 * 24];		/* [I] for /proc/PID/auxv */
	struct file *exe;		/* [l] reference */
	u32 def_flags;			/* [l] mlockall(MCL_FUTURE) */
	u64 minflt, majflt;		/* [a] */
	u32 membarrier;			/* [a] commands of membarrier(2) registered for */
	u64 key_id;			/* [a] for struct mem_key; 0: not asked for yet */
	bool dumpable;
};

/* --- life --- */
int __must_check aspace_create(struct aspace **out);		/* empty; -ENOMEM */
int __must_check aspace_fork(struct aspace *src, struct aspace **out);	/* copy on write; -ENOMEM */
void aspace_get_user(struct aspace *as);
bool __must_check aspace_try_get_user(struct aspace *as);
void aspace_put_user(struct aspace *as);		/* last: unmaps all. May sleep */
void aspace_get(struct aspace *as);
void aspace_put(struct aspace *as);
/* Make it the current thread's (exec, exit: NULL). Does not touch references. */
void aspace_activate(struct aspace *as);

/* --- layout; all take as->lock for writing themselves --- */
/* mmap(2): addr 0 or hint; f may be NULL. The address, or -errno. flags: MAP_*. Checks RLIMIT_AS, DATA, MEMLOCK, overcommit. */
long aspace_mmap(struct aspace *as, vaddr_t addr, u64 len, u32 prot, u32 flags, struct file *f, u64 off);
int __must_check aspace_munmap(struct aspace *as, vaddr_t addr, u64 len);
int __must_check aspace_mprotect(struct aspace *as, vaddr_t addr, u64 len, u32 prot);
/* shmdt(2): unmap what is left in its place of an object that was mapped at addr: VMAs with these ops and one mapping. -EINVAL: nothing. */
int __must_check aspace_unmap_object(struct aspace *as, vaddr_t addr, const struct vma_ops *ops);
long aspace_mremap(struct aspace *as, vaddr_t addr, u64 old_len, u64 new_len, u32 flags, vaddr_t new_addr);
vaddr_t aspace_brk(struct aspace *as, vaddr_t brk);		/* the resulting break */
/* A mapping with own ops (vDSO). */
int __must_check aspace_map_special(struct aspace *as, vaddr_t addr, u64 len, u32 prot, u32 flags, const struct vma_ops *ops,
	void *priv);
/* exec: the stack VMA, growing down to RLIMIT_STACK, ending at top. */
int __must_check aspace_map_stack(struct aspace *as, vaddr_t top, u64 size, bool exec);
/* For exec before the new space is active, and ptrace, /proc/PID/mem: bytes copied, or -EIO. as->lock is taken shared. */
ssize_t aspace_access(struct aspace *as, vaddr_t addr, void *buf, size_t len, bool write, bool force);
/* The first page in [va, end) that was ever touched, or may have been; end: none. Takes as->lock shared. */
vaddr_t aspace_next_mapped(struct aspace *as, vaddr_t va, vaddr_t end);
/* The frame at a page's address, faulted in, with a reference, or NULL. flags: FAULT_WRITE, FAULT_FORCE. It may be one of a huge page. */
struct page *aspace_hold_page(struct aspace *as, vaddr_t va, int flags);

/* --- helpers for drivers' mmap --- */
/* Map device frames [pfn, pfn + pages) eagerly at v->start; prot bits for caching as in arch/mmu.h. */
int __must_check vma_map_pfns(struct vma *v, pfn_t pfn, u64 pages, int caching);

/* --- views --- */
struct vma *vma_find(struct aspace *as, vaddr_t addr);		/* first with end > addr; as->lock held */
struct vma *vma_next(struct vma *v);
/* /proc/PID/maps or smaps from the VMA at or behind `from` on: as many as fit whole. Where to go on; 0: that was all. Where not
 * even one fits, `from` again. Takes as->lock shared. */
vaddr_t aspace_show_maps(struct aspace *as, struct strbuf *out, vaddr_t from, bool smaps);
u64 aspace_rss(struct aspace *as);			/* pages */

/* --- exec's layout; randomised as wide as Linux's: mmap and PIE 28 bits of pages, stack 22, break 13 --- */
/* Sets mmap_base by RLIMIT_STACK, and stack_start to where the stack's top shall be. */
void aspace_layout_random(struct aspace *as, bool randomize);
vaddr_t aspace_pie_base(bool randomize);		/* load address of a position-independent program */
/* The break begins behind bss_end, or some random pages further. */
void aspace_set_brk(struct aspace *as, vaddr_t bss_end, bool randomize);

/* Limits of the current process (contract; proc/rlimit.c). */
u64 rlimit_current(int resource);

/* Futex keys and the like: what is behind an address, by numbers that are never given twice, so that a key holds no reference. Private
 * memory: the space and the address; shared: the page cache of the file or the memory object, and the offset in it. */
struct mem_key { u64 object, offset; };
int __must_check aspace_key(struct aspace *as, vaddr_t addr, bool shared, struct mem_key *key);	/* -EFAULT */

extern int vm_max_map_count;		/* [a] /proc/sys/vm/max_map_count */

#endif
