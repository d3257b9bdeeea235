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
 * Lock order: LOCK_TRANS (a handle counts as held shared) comes after page locks and before buffer locks. Never start a handle, or fault on user
 * memory, with a handle open.
 *
 * A NULL journal is legal everywhere: then access does nothing, dirty is buf_dirty(), and a handle is NULL. So ext2 has one code path.
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
/* b's block is freed by this handle: no write of it any more, revoked where it was in the log. Drops nothing of b's references. */
void journal_forget(struct handle *h, struct buf *b);
void journal_revoke(struct handle *h, u64 block);	/* the same by number, no buffer in the cache */
/* Ordered data: vn's dirty pages in [from, to) reach the disk before this transaction commits. Keeps vn's mapping until then. */
int __must_check journal_add_ordered(struct handle *h, struct vnode *vn, off_t from, off_t to);
void journal_drop_ordered(struct journal *j, struct vnode *vn);	/* vn is evicted */

/* The transaction that the handle (or the last one) belongs to; commit up to it and wait: fsync. -EIO. */
u32 journal_tid(struct handle *h);
int __must_check journal_commit(struct journal *j, u32 tid);	/* tid committed already: returns at once */
int __must_check journal_commit_all(struct journal *j);
void journal_abort(struct journal *j, int err);		/* no more transactions; the log keeps what is committed */
int journal_error(const struct journal *j);		/* 0, or why it aborted */
/* A freed block may be allocated again only once the transaction that freed it has committed: call-back at commit, in the journal's thread. */
struct journal_callback { struct list node; void (*fn)(struct journal_callback *cb, int err); };
void journal_on_commit(struct handle *h, struct journal_callback *cb);

#endif
