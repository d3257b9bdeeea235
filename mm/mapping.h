/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: one struct mapping per file or block device holds its pages by index; read, write and mmap see the same
 * frames. Its ops are filled by file systems and block devices.
 *
 * Page state: not uptodate -> (read_page) uptodate -> dirty -> writeback (stable) -> clean.
 *
 * Lock key: [m] lock  [i] inval_lock  [v] rmap_lock  [a] atomic  [I] immutable
 */
#ifndef MM_MAPPING_H
#define MM_MAPPING_H

#include "mm/page.h"
#include "sys/lib/interval.h"
#include "sys/lib/xarray.h"
#include "sys/mutex.h"

struct file;
struct iobuf;
struct mapping;
struct vnode;

struct writeback_control {
	u64 start, last;	/* page indexes */
	s64 nr_to_write;	/* stop after so many; <0: all */
	bool sync;		/* wait for pages under write-back, report errors */
	/* For write_page that gathers pages: submit what is held back, called before the loop waits for a page. NULL: none. */
	void (*before_wait)(struct writeback_control *wbc);
	void *priv;		/* write_pages' own */
};

struct mapping_ops {
	/* Fill the locked, not-uptodate page; unlocks it when done (perhaps later, from completion). 0 or -errno. */
	int (*read_page)(struct mapping *m, struct page *pg);
	/* Start reading n pages from index (they are in the cache, locked). Optional. */
	void (*read_ahead)(struct mapping *m, u64 index, u32 n);
	/* Write the locked dirty page: set PG_WRITEBACK, unlock, page_end_writeback() at completion. */
	int (*write_page)(struct mapping *m, struct page *pg, struct writeback_control *wbc);
	/* Optional whole-range version. */
	int (*write_pages)(struct mapping *m, struct writeback_control *wbc);
	/* Before and after a write of [off, off+len) inside the page: reserve blocks, read the rest if the page isn't uptodate.
	 * begin returns the page locked with a reference. NULL: memory-only files. */
	int (*write_begin)(struct mapping *m, off_t off, size_t len, struct page **pg);
	int (*write_end)(struct mapping *m, off_t off, size_t len, size_t copied, struct page *pg);
	/* A shared mapping is about to make the page writable: reserve space; page locked on success. */
	int (*page_mkwrite)(struct mapping *m, struct page *pg);
	/* Part or all of the page is cut off: drop private data. */
	void (*invalidate)(struct mapping *m, struct page *pg, u32 off, u32 len);
	/* n pages are about to be added (n > 0: 0, or -ENOSPC and none is) or were removed (n < 0: 0). May not sleep. Optional. */
	int (*charge)(struct mapping *m, s64 n);
	bool (*release)(struct mapping *m, struct page *pg);	/* reclaim asks: drop private data? */
	/* Keep the owner alive while its pages are written by somebody else's sync: false if it is on its way out. */
	bool (*hold)(struct mapping *m);
	void (*drop)(struct mapping *m);
	/* tmpfs and block devices without holes: bytes of the file at present. */
	off_t (*size)(struct mapping *m);
};

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
	struct list dirty_node;		/* list of dirty mappings, for write-back; LOCK_LRU */
};
/* Pages have no backing store but swap (tmpfs, MAP_SHARED|MAP_ANONYMOUS): missing means zero, reclaim by swap only. */
enum { MAPPING_MEMORY = 1, MAPPING_UNEVICTABLE = 2 };

extern const struct mapping_ops memory_mapping_ops;	/* no slot filled: for MAPPING_MEMORY */

void pagecache_init(void);	/* boot, after the slab */
void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner, u32 flags);
/* All pages are dropped (no VMA maps it, nobody else can find it). May sleep. */
void mapping_destroy(struct mapping *m);

/* The page at index with a reference, uptodate or not; NULL: not in the cache. */
struct page *mapping_find(struct mapping *m, u64 index);
/* Find or allocate and insert (then not uptodate; zeroed for MAPPING_MEMORY and uptodate). Locked, with a reference. -ENOMEM. */
int __must_check mapping_get_locked(struct mapping *m, u64 index, struct page **pg);
/* An uptodate page with a reference, read in if needed. -EIO, -ENOMEM, -EINTR. */
int __must_check mapping_read(struct mapping *m, u64 index, struct page **pg);
/* Insert an own, locked page. -EEXIST, -ENOMEM. */
int __must_check mapping_insert(struct mapping *m, u64 index, struct page *pg);
void mapping_dirty(struct mapping *m, struct page *pg);		/* page locked or mapped */

/* Drop [start, end) in bytes: partial pages at the edges are zeroed, whole ones unmapped and removed. Takes inval_lock. */
void mapping_truncate(struct mapping *m, off_t start, off_t end);
void mapping_truncate_locked(struct mapping *m, off_t start, off_t end);	/* inval_lock is held exclusively */
/* Write dirty pages in [start, end] bytes out, and wait. 0 or -EIO, -ENOSPC. */
int __must_check mapping_sync(struct mapping *m, off_t start, off_t end);
/* The write of a page that write_page began has ended, with err. Any context. */
void mapping_end_writeback(struct mapping *m, struct page *pg, int err);
void mapping_forget_dirty(struct mapping *m);	/* mapping_destroy: off the list of dirty mappings */
int mapping_flush(struct mapping *m, struct writeback_control *wbc);
/* The loop over dirty pages in [wbc->start, wbc->last], with ops->write_page for each: for write_pages to build on. */
int mapping_write_dirty(struct mapping *m, struct writeback_control *wbc);
void mapping_set_error(struct mapping *m, int err);
int mapping_check_error(struct mapping *m, u32 *seen);		/* fsync: report each error once per open file */
/* Unmap all PTEs of pages [first, last] in all VMAs; cow: private copies too (truncate). */
void mapping_unmap_range(struct mapping *m, u64 first, u64 last, bool cow);
/* Write-protect and clean all PTEs of the locked page: the next write faults and makes it dirty anew. */
void mapping_protect_page(struct mapping *m, struct page *pg);
/* First offset >= off with data (hole false) or hole, below size; for SEEK_DATA/SEEK_HOLE of memory files. -ENXIO. */
off_t mapping_seek(struct mapping *m, off_t off, off_t size, bool hole);

/* The read and write of every file with a page cache; fs gives size and updates times around it.
 * Write extends through size_update when it goes beyond. */
ssize_t pagecache_read(struct mapping *m, struct iobuf *buf, off_t *pos, off_t size);
ssize_t pagecache_write(struct mapping *m, struct iobuf *buf, off_t *pos, void (*size_update)(struct mapping *m, off_t end));

/* Memory object for MAP_SHARED|MAP_ANONYMOUS: a mapping of its own with a refcount. -ENOMEM. */
struct shared_anon { struct refcount refs; struct mapping mapping; u64 pages; };
struct shared_anon *shared_anon_create(u64 pages) __must_check;
void shared_anon_get(struct shared_anon *sa);
void shared_anon_put(struct shared_anon *sa);

/* Reclaim: called by page_alloc below the low watermark and by its thread. Pages freed. Swap and OOM hooks fill in later. */
u64 reclaim_pages(u64 target, int flags);
void reclaim_wake(void);		/* kick the reclaim thread: page_alloc is below the low watermark. Any context */
/* Objects with caches of their own (dentries, vnodes). count: freeable objects; scan: free up to n, return freed. */
struct shrinker { const char *name; u64 (*count)(void); u64 (*scan)(u64 n); struct list node; };
void shrinker_register(struct shrinker *s);
int writeback_sync_all(void);		/* sync(2) for the page cache */

#endif
