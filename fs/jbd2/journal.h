/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: atomic groups of metadata blocks, in JBD2's on-disk format (what mkfs.ext3 makes). Ordered mode.
 *
 * A file-system operation runs inside a handle: journal_start(), then for each metadata block journal_access() *before* its first
 * change and journal_dirty() after, then journal_stop(). Handles of all threads join the running transaction; it commits after 5 s, when
 * full, or when somebody asks (fsync): ordered data first, then the log blocks, then a commit record with flush and FUA. Blocks are written
 * in place later (checkpoint), by write-back. A block that was freed is revoked, so that recovery never writes it over its new use.
 *
 * A handle of a thread nests: start inside start joins it (credits of the outer must suffice; journal_extend).
 *
 * Lock order: an open handle counts as LOCK_TRANS held shared. It comes after vnode locks and the mapping's inval_lock and *before* page
 * and buffer locks: write_begin and page_mkwrite start their handle, then lock the page; write-back (write_page) never starts one, since
 * blocks are allocated when data is written. With a handle open a thread may wait for page locks, buffer locks and I/O, never for
 * a commit, for user memory or for room in the log. So the commit thread, which waits for open handles and then for page locks (ordered
 * data), always gets on. README.md has the whole argument.
 *
 * A NULL journal is legal everywhere: then access does nothing, dirty is buf_dirty(), forget is buf_clean(), call-backs run at once, and a
 * handle is NULL. So ext2 has one code path.
 */
#ifndef FS_JBD2_JOURNAL_H
#define FS_JBD2_JOURNAL_H

#include "dev/buf.h"
#include "fs/vnode.h"

struct journal;
struct handle;

/* Where the log is: an internal file's blocks, or a whole device. map: log block -> device block, 0 or -EIO. */
struct journal_place {
	struct block_device *bdev;		/* of the log */
	struct block_device *fs_bdev;
	int (*map)(void *arg, u32 log_block, u64 *block);
	void *arg;
	u32 blocks;				/* of the log */
	u8 fs_uuid[16];
};

/* Read and check the journal's super block (unknown incompat features: -EOPNOTSUPP, named in the log). Doesn't recover. */
int __must_check journal_open(const struct journal_place *place, struct journal **out);
bool journal_needs_recovery(const struct journal *j);
/* Scan, revoke, replay; then the log is empty and everything is on the disk. -EIO, -EUCLEAN (checksum). */
int __must_check journal_recover(struct journal *j);
/* Make it ready for transactions (writes its super block); starts its thread "jbd2/vda-8". */
int __must_check journal_begin(struct journal *j, u32 commit_interval_ms);
/* Of the transactions that begin from now on. */
void journal_set_interval(struct journal *j, u32 commit_interval_ms);
/* Commit, checkpoint everything, mark it empty, stop the thread, free. 0 or -EIO. */
int journal_close(struct journal *j);

/* Credits: metadata blocks that may be changed (sum of access calls). Sleeps while a commit locks the transaction or the log is full. -EROFS after
 * an abort, -ENOSPC (credits larger than the log), -ENOMEM. A NULL j gives *h = NULL. */
int __must_check journal_start(struct journal *j, u32 credits, struct handle **h);
/* More credits, without waiting: -ENOSPC where the transaction is full; then stop, or journal_restart(). */
int __must_check journal_extend(struct handle *h, u32 credits);
int __must_check journal_restart(struct handle *h, u32 credits);	/* ends the atomic unit here: only at consistent points (truncate) */
/* 0, or -EIO/-EROFS when the journal aborted. sync: commit and wait. */
int journal_stop(struct handle *h, bool sync);
struct handle *journal_current(void);		/* of this thread, or NULL */

/* Before changing b: keeps the copy that a commit under way needs. -EROFS, -ENOMEM, -EIO. b referenced, not locked. */
int __must_check journal_access(struct handle *h, struct buf *b);
int __must_check journal_access_new(struct handle *h, struct buf *b);	/* just allocated: old contents don't matter */
void journal_dirty(struct handle *h, struct buf *b);
/* b's block is freed by this handle: it isn't written any more, neither to the log nor in place, and is revoked. The caller keeps its
 * reference. Blocks of metadata only; b needn't be uptodate. */
void journal_forget(struct handle *h, struct buf *b);

/*
 * Ordered data: what was written to newly allocated blocks of a vnode reaches the disk before the transaction commits. Embed one in
 * the file system's part of the vnode; it needs no memory of its own, and holds no reference: journal_ordered_drop() at eviction.
 */
struct journal_ordered {
	struct mapping *mapping;	/* [I] */
	struct { struct list node; u32 tid; off_t from, to; } slot[2];	/* [j] by parity of tid: the running and the committing one */
	u32 busy;			/* [j] the commit thread writes it */
};
void journal_ordered_init(struct journal_ordered *o, struct mapping *m);
void journal_ordered_add(struct handle *h, struct journal_ordered *o, off_t from, off_t to);	/* bytes */
void journal_ordered_drop(struct journal *j, struct journal_ordered *o);	/* may sleep; no handle, no page lock */
/* Does the transaction that is being committed still have data of it to write? Then pages may not be thrown away unwritten by what a later
 * transaction does to the file: a crash between the two would show what lay in their blocks before. j NULL: no. */
bool journal_ordered_committing(struct journal *j, const struct journal_ordered *o);

/* fsync: remember journal_tid() of the handle that changed the vnode last, then journal_commit(). Returns when that transaction has
 * committed and all that was written to the file system's device before the call is stable (the device was flushed): also where the
 * transaction had committed before. A NULL j: only the flush, of bdev. 0, -EIO, -EROFS after an abort. No handle open. */
u32 journal_tid(const struct handle *h);	/* 0 for NULL */
int __must_check journal_commit(struct journal *j, struct block_device *bdev, u32 tid);
int __must_check journal_commit_all(struct journal *j);		/* sync(2): the running one too */
void journal_request_commit(struct journal *j);			/* start it, don't wait */
/* Commit all, bring all in place, mark the log empty (remount read-only, freeze); the next handle uses it again. */
int __must_check journal_flush(struct journal *j);
void journal_abort(struct journal *j, int err);		/* no more transactions; the log keeps what is committed */
/* The errno (negative) that an abort left in the log's super block, 0 if none; forgotten at journal_begin(). Between open and begin. */
int journal_take_error(struct journal *j);
int journal_error(const struct journal *j);		/* 0, or why it aborted */
/* A freed block may be allocated again only once the transaction that freed it has committed: call-back at commit, in the journal's thread. */
struct journal_callback { struct list node; void (*fn)(struct journal_callback *cb, int err); };
void journal_on_commit(struct handle *h, struct journal_callback *cb);

#endif
