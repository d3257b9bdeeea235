/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: one struct mapping per file or block device holds its pages by index; read, write and mmap see the same
 * frames. Its ops are filled by file systems and block devices.
 *
 * Page state: not uptodate -> (read_page, read_ahead) uptodate -> dirty -> write-back -> clean, or dirty again.
 *
 * Rules for who fills the ops
 * - Page lock: whoever holds it and sees pg->mapping == m owns the page's place in m. A page that is locked or under write-back
 *   stays in the cache, so I/O needs no reference of its own.
 * - Completion of reads (page_end_read) and writes (mapping_end_writeback) may come in any context, hard interrupts too, and
 *   before the op that started it has returned. No lock at or behind LOCK_MAPPING may be held.
 * - read_page and write_page are entered with the page locked and leave it unlocked, now or at completion, whatever they return. The ops of one mapping run in several threads at a time, for different pages.
 * - Allocation inside the ops, and wherever a file system holds a lock or a transaction that its ops (write_page, release, a
 *   shrinker) want: KM_NOFS, or the whole stretch in kmem_scope_enter(KM_NOFS). A block driver and what it calls: KM_NOIO.
 * - Page->private belongs to the ops while PG_PRIVATE is set; it holds no reference of the page.
 * - Read errors: PG_ERROR is set, the reader gets EIO; the next reader tries again. Write errors: the page becomes clean, and
 *   each open file is told once (mapping_check_error).
 * - A page is written to (by write(2), by memory) while it is under write-back, and is then dirty again, unless the mapping has
 *   MAPPING_STABLE (checksums, parity): then writers wait for the end of the write-back.
 *
 * Lock key: [m] lock  [i] inval_lock  [v] rmap_lock  [a] atomic  [I] immutable  [d] list of dirty mappings
 */
#ifndef MM_MAPPING_H
#define MM_MAPPING_H

#include "mm/page.h"
#include "sys/lib/interval.h"
#include "sys/lib/xarray.h"
#include "sys/mutex.h"
#include "sys/thread.h"

struct file;
struct iobuf;
struct mapping;
struct read_ahead;
struct vnode;

struct writeback_control {
	u64 start, last;	/* page indexes */
	s64 nr_to_write;	/* stop after so many; <0: all */
	bool sync;		/* all that is dirty now, also what is under write-back already; and wait for the end */
	/* For write_page that gathers pages: submit what is held back, called before the loop waits for a page. NULL: none. */
	void (*before_wait)(struct writeback_control *wbc);
	void *priv;		/* write_pages' own */
};

struct mapping_ops {
	/* Fill the locked, not-uptodate page, which ends with page_end_read(), perhaps later. 0; -errno: it has not begun, and the page
	 * is unlocked. inval_lock is held shared, for regular files. */
	int (*read_page)(struct mapping *m, struct page *pg);
	/* Start reading n pages from index: they are in the cache, locked, and mapping_locked_page() finds them. Each ends with
	 * page_end_read(); what the file system doesn't care to read now too (-EAGAIN leaves no PG_ERROR). inval_lock is held
	 * shared. Optional: read_page is called for each. */
	void (*read_ahead)(struct mapping *m, u64 index, u32 n);
	/* Write the locked page: PG_WRITEBACK is set, it isn't dirty any more and write-protected in memory. mapping_end_writeback() must be
	 * called once, on failure too. To leave it dirty (pinned by a transaction, no memory): mapping_redirty() before that.
	 * A page behind the file's end or over a hole has nothing to be written: end at once. 0 or -errno. */
	int (*write_page)(struct mapping *m, struct page *pg, struct writeback_control *wbc);
	/* Optional, instead: write what is dirty in the range, usually by mapping_write_dirty(). 0 or the first error. */
	int (*write_pages)(struct mapping *m, struct writeback_control *wbc);
	/* Before and after a write of [off, off+len) inside the page: reserve blocks; if the page isn't uptodate, read or zero what the
	 * write doesn't cover, and leave it not uptodate if something is covered (mm sets PG_UPTODATE when all of that was copied). begin
	 * returns the page locked with a reference; end leaves both. copied < len: the source faulted; 0 where the page is not
	 * uptodate. The page is marked dirty between them if copied > 0. NULL: memory-only files. */
	int (*write_begin)(struct mapping *m, off_t off, size_t len, struct page **pg);
	int (*write_end)(struct mapping *m, off_t off, size_t len, size_t copied, struct page *pg);
	/* A shared mapping is about to make the locked page writable: reserve space. inval_lock is held shared. The page may be unlocked
	 * meanwhile; it is locked and still in place on success, unlocked on failure (-EAGAIN: the fault is tried again). */
	int (*page_mkwrite)(struct mapping *m, struct page *pg);
	/* After that, for a write: the file's times. No lock of the mapping or the page is held. Optional. */
	void (*written)(struct mapping *m);
	/* Part or all of the locked page is cut off, which is not under write-back: drop private data (all of it when the page goes). */
	void (*invalidate)(struct mapping *m, struct page *pg, u32 off, u32 len);
	/* n pages are about to be added (n > 0: 0, or -ENOSPC and none is) or were removed (n < 0: 0). May not sleep. Optional. */
	int (*charge)(struct mapping *m, s64 n);
	/* Reclaim wants the locked, clean page with PG_PRIVATE: drop private data and the bit? May not block on I/O, nor on locks
	 * that are held around allocations without KM_NOFS. */
	bool (*release)(struct mapping *m, struct page *pg);
	/* Keep the owner alive while somebody else writes its pages: false if it is on its way out (it writes them itself).
	 * In an RCU read section: may not sleep; the owner's memory stays for a grace period after mapping_destroy(). An unused but
	 * cached owner must be revived. NULL: the owner outlives its dirty pages. */
	bool (*hold)(struct mapping *m);
	void (*drop)(struct mapping *m);	/* may sleep */
	/* Bytes of the file at present. NULL: without end. */
	off_t (*size)(struct mapping *m);
};

/* What mappings on one device have in common; embedded by a disk or a mounted file system. */
struct backing_dev {
	u32 ra_pages;		/* [a] largest read-ahead window: /sys/block/X/queue/read_ahead_kb */
	struct flusher *flusher;	/* [I] who writes its dirty pages; NULL: as for all without a device (mm/flusher.c) */
};
void backing_dev_init(struct backing_dev *b);		/* may sleep */
void backing_dev_destroy(struct backing_dev *b);	/* no mapping is on it any more */
#define RA_PAGES_DEFAULT	(128 * KIB / PAGE_SIZE)

#define MTAG_DIRTY	XTAG_0
#define MTAG_WRITEBACK	XTAG_1
#define MTAG_TOWRITE	XTAG_2

struct mapping {
	struct spinlock lock;		/* LOCK_MAPPING; irqs off (write-back completion takes it) */
	struct xarray pages;		/* [m], readers under RCU */
	u64 nr_pages;			/* [m] */
	const struct mapping_ops *ops;	/* [I] */
	void *owner;			/* [I] the vnode or block device */
	struct rwlock inval_lock;	/* LOCK_MAPPING_INVAL: faults and reads take it shared, truncate exclusively */
	struct rwlock rmap_lock;	/* LOCK_RMAP_FILE */
	struct interval_tree vmas;	/* [v] VMAs that map it, by page index */
	u32 vmas_writable;		/* [v] shared ones that are or may become writable, being made ones too */
	u32 flags;			/* [a] MAPPING_* */
	u32 wb_err;			/* [a] count and errno of write-back errors, see mm/writeback.c */
	u32 gfp;			/* [I] extra page_alloc flags */
	u64 key_id;			/* [a] for struct mem_key (mm/aspace.h); 0: not asked for yet */
	struct backing_dev *backing;	/* [I] after mapping_init; NULL: defaults */
	struct list dirty_node;		/* [d] list of dirty mappings, for write-back */
	nsec_t dirtied_when;		/* [d] when it came onto the list */
	u64 wb_next;			/* [a] where background write-back goes on */
	u64 synced;			/* [d] last sync(2) that wrote it */
};
enum {
	MAPPING_MEMORY = 1,	/* no backing store but swap (tmpfs, MAP_SHARED|MAP_ANONYMOUS): missing means zero, reclaim by swap only */
	MAPPING_UNEVICTABLE = 2,	/* reclaim leaves its pages alone */
	MAPPING_STABLE = 4,	/* pages may not change while they are written */
	MAPPING_BLOCKS = 8,	/* a device's own blocks: "Buffers" in /proc/meminfo */
};

extern const struct mapping_ops memory_mapping_ops;	/* no slot filled: for MAPPING_MEMORY */

void pagecache_init(void);	/* boot, after the slab */
void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner, u32 flags);
/* All pages are dropped (no VMA maps it, nobody else can find it). May sleep. */
void mapping_destroy(struct mapping *m);

/* The page at index with a reference, uptodate or not; NULL: not in the cache. */
struct page *mapping_find(struct mapping *m, u64 index);
/* Find or allocate and insert (then not uptodate; zeroed for MAPPING_MEMORY and uptodate). Locked, with a reference. -ENOMEM. */
int __must_check mapping_get_locked(struct mapping *m, u64 index, struct page **pg);
/* An uptodate page with a reference, read in if needed, without read-ahead. -EIO, -ENOMEM; -EINTR by fatal signals only where it is
 * called killable. Takes no inval_lock: the caller holds it, or nothing truncates m (block devices). */
int __must_check mapping_read(struct mapping *m, u64 index, struct page **pg);
int __must_check mapping_read_killable(struct mapping *m, u64 index, struct page **pg);
/* For the read_ahead op: the page at index, which is locked for the op and so needs no reference. */
struct page *mapping_locked_page(struct mapping *m, u64 index);
/* The reading of the locked page has ended: 0: it is uptodate, else PG_ERROR (but for -EAGAIN); unlocks. Any context. */
void page_end_read(struct page *pg, int err);
/* Insert an own, locked page. -EEXIST, -ENOMEM. */
int __must_check mapping_insert(struct mapping *m, u64 index, struct page *pg);

/* --- dirty pages: mm/writeback.c --- */
/* The page has changed. In the cache, by a lock or a reference of the caller's; locked, but for buffers that keep it in place. Any
 * context, no lock at or behind LOCK_MAPPING. */
void mapping_dirty(struct mapping *m, struct page *pg);
/* From write_page: the page stays dirty. Before mapping_end_writeback(). */
void mapping_redirty(struct mapping *m, struct page *pg);
/* The locked page needs no writing any more (its buffers went out by another way). */
void mapping_clean(struct mapping *m, struct page *pg);
/* The loop over dirty pages in [wbc->start, wbc->last], with ops->write_page for each: for write_pages to build on. 0, the first error. */
int mapping_write_dirty(struct mapping *m, struct writeback_control *wbc);
/* Write dirty pages in [start, end] bytes out, and wait: an error that came up meanwhile (-EIO, -ENOSPC), or 0. */
int __must_check mapping_sync(struct mapping *m, off_t start, off_t end);
/* The same by page index and wbc. */
int mapping_flush(struct mapping *m, struct writeback_control *wbc);
/* Wait for the pages of [first, last] that are under write-back. */
void mapping_wait_writeback(struct mapping *m, u64 first, u64 last);
/* The write of a page has ended, with err. Any context. m may be gone afterwards. */
void mapping_end_writeback(struct mapping *m, struct page *pg, int err);
void mapping_forget_dirty(struct mapping *m);	/* mapping_destroy: off the list of dirty mappings */
void mapping_set_error(struct mapping *m, int err);
/* Errors of write-back, each told once to each open file: a cursor for a new file (an error that nobody was told yet is told to
 * it), and what is new since (0 or -errno). */
u32 mapping_sample_error(struct mapping *m);
int mapping_check_error(struct mapping *m, u32 *seen);

/* --- truncation: mm/truncate.c --- */
/* Drop [start, end) in bytes: partial pages at the edges are zeroed (and told to ->invalidate), whole ones unmapped and removed, after
 * their write-back. INT64_MAX: to the end, and private copies go too. Takes inval_lock. A file gets its new size first: then no page comes back behind it. */
void mapping_truncate(struct mapping *m, off_t start, off_t end);
/* The same with inval_lock held exclusively: hole punching holds it until the blocks are freed. */
void mapping_truncate_locked(struct mapping *m, off_t start, off_t end);
/* Drop clean pages of [first, last] that nobody uses. unmap: also those in use, for what they hold is old; wait for write-back and page
 * locks (with inval_lock held exclusively none comes back). Dirty ones and private copies stay. 0, or -EBUSY where some page stayed. */
int mapping_invalidate(struct mapping *m, u64 first, u64 last, bool unmap);
/* Reclaim: the locked page, which is clean, unmapped, without private data, leaves the cache and is freed, if only the cache and the
 * caller have references, which are gone then; so is the lock. False: it stays. */
bool mapping_evict(struct mapping *m, struct page *pg);

/* Unmap all PTEs of pages [first, last] in all VMAs; cow: private copies too (truncate). */
void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool cow);
/* Write-protect and clean all PTEs of the locked page: the next write faults and makes it dirty anew. */
void mapping_protect_page(struct mapping *m, struct page *pg);
/* The locked page's entries, by the reverse map. referenced: how many were accessed since it was asked last; *vm_flags of all VMAs that
 * map it (VM_MAYEXEC: some may execute it). unmap: true if none is left. */
u32 mapping_page_referenced(struct mapping *m, struct page *pg, u32 *vm_flags);
bool mapping_unmap_page(struct mapping *m, struct page *pg);
/* First offset >= off with data (hole false) or hole, below size; for SEEK_DATA/SEEK_HOLE of memory files. -ENXIO. */
off_t mapping_seek(struct mapping *m, off_t off, off_t size, bool hole);

/* The read and write of every file with a page cache; fs gives size and updates times around it.
 * Write extends through size_update when it goes beyond. */
ssize_t pagecache_read(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size);
/* The same with the open file's read-ahead state. */
ssize_t pagecache_read_ahead(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size, struct read_ahead *ra);
ssize_t pagecache_write(struct mapping *m, struct iobuf *buf, off_t *pos, void (*size_update)(struct mapping *m, off_t end));

/* --- read-ahead: mm/readahead.c; the state is in sys/file.h, and may be NULL --- */
/* The uptodate page at index, referenced, for a reader who wants `want` pages from there in a file of `pages` pages. Takes inval_lock.
 * -EIO, -ENOMEM, -EINTR; -ENODATA: behind the file's end by now. */
int __must_check readahead_get(struct mapping *m, struct read_ahead *ra, u64 index, u64 want, struct page **pg);
/* For a fault, inval_lock held shared: start reading around index, which is missing, or further, for its page bears the mark. */
void readahead_fault(struct mapping *m, struct read_ahead *ra, u64 index, bool sequential);
/* Start reading all that is missing of n pages from index (fadvise, readahead, madvise). Takes inval_lock. */
void readahead_force(struct mapping *m, u64 index, u64 n);

/* Memory object for MAP_SHARED|MAP_ANONYMOUS: a mapping of its own with a refcount. -ENOMEM. */
struct shared_anon { struct refcount refs; struct mapping mapping; u64 pages; };
struct shared_anon *shared_anon_create(u64 pages) __must_check;
void shared_anon_get(struct shared_anon *sa);
void shared_anon_put(struct shared_anon *sa);

/* Reclaim: called by page_alloc below the low watermark and by its thread. Pages freed. Swap and OOM hooks fill in later. */
u64 reclaim_pages(u64 target, int flags);
void reclaim_wake(void);		/* kick the reclaim thread: page_alloc is below the low watermark. Any context */
/* Objects with caches of their own (dentries, vnodes). count: freeable objects; scan: free up to n, return freed. Called in any
 * thread that allocates without KM_NOFS. */
struct shrinker { const char *name; u64 (*count)(void); u64 (*scan)(u64 n); struct list node; };
void shrinker_register(struct shrinker *s);
void reclaim_drop_pagecache(void);	/* /proc/sys/vm/drop_caches 1: clean pages that nobody maps */
void reclaim_drop_slab(void);		/* 2: what the shrinkers give */

/* --- the write-back threads: mm/flusher.c --- */
int writeback_sync_all(void);		/* sync(2) for the page cache */
/* This thread has made pages dirty: it may have to sleep until write-back of their disk (the last one's) has caught up. No page lock, no transaction held. */
#define THROTTLE_EVERY	32	/* pages made dirty between two looks at how many there are */
void writeback_throttle_slow(void);
static inline void
writeback_throttle(void)
{
	if (unlikely(thread_current()->dirtied >= THROTTLE_EVERY))
		writeback_throttle_slow();
}
extern int dirty_ratio, dirty_background_ratio, dirty_expire_centisecs, dirty_writeback_centisecs;	/* [a] /proc/sys/vm */
void writeback_wake(void);		/* there may be something to do: also by the sysctls */

#endif
