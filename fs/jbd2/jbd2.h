/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal's inside: see README.md for the design.
 *
 * Lock key: [I] immutable after journal_begin  [j] j->lock (LOCK_JOURNAL_LIST)  [b] the buffer's lock *and* j->lock to change  [c] the
 * commit thread only  [S] j->super_mutex  [t] the thread that has the handle
 */
#ifndef FS_JBD2_JBD2_H
#define FS_JBD2_JBD2_H

#include "fs/jbd2/format.h"
#include "fs/jbd2/journal.h"
#include "fs/jbd2/revoke.h"

#include "sys/wait.h"

enum trans_state {
	TRANS_RUNNING,		/* handles join it */
	TRANS_LOCKED,		/* no new handles; waits for the open ones */
	TRANS_COMMIT,		/* being written to the log; a new one may run */
	TRANS_DONE,		/* in the log; its blocks are brought in place */
};

struct transaction {
	struct journal *j;		/* [I] */
	u32 tid;			/* [I] */
	u32 state;			/* [j] */
	u32 updates;			/* [j] open handles */
	u32 reserved;			/* [j] blocks: joined ones and what open handles may still join */
	u32 nbufs;			/* [j] joined ones */
	struct list bufs;		/* [j] jbuf.node */
	struct list ordered;		/* [j] journal_ordered.slot[tid & 1].node */
	struct list callbacks;		/* [j] */
	struct revoke_table revokes;	/* [j] blocks freed in it */
	nsec_t expires;			/* [I] monotonic: commit by then */
	u32 log_start;			/* [j] its first log block, from TRANS_COMMIT on */
	struct list cp_bufs;		/* [j] jbuf.cp_node: committed here, not in place yet */
	struct list node;		/* [j] j->checkpoints */
};

/* A buffer's place in the journal. Exists while the buffer is in a transaction or on a checkpoint list. Type-stable: the fast path
 * reads it under RCU. */
struct jbuf {
	struct buf *b;			/* [j] reference */
	struct transaction *t;		/* [b] the transaction its contents belong to, the older one of two; NULL: to none */
	struct transaction *next;	/* [b] the running one, when t is being committed and it was joined anew */
	struct transaction *cp;		/* [j] the last committed one that changed it, if it is not in place */
	bool changed, next_changed;	/* [j] journal_dirty() was called in t, in next */
	bool forget, next_forget;	/* [j] its block was freed in t, in next */
	bool copied;			/* [j] the commit has its copy: the contents may change */
	void *frozen;			/* [j] the copy, until it is in the log */
	struct list node;		/* [j] t->bufs */
	struct list cp_node;		/* [j] cp->cp_bufs */
};

#define SWEEP_MAX	128U	/* buffers that a sweep lets go of at a time */
#define LOG_GROUP_MAX	128U	/* blocks whose copies the commit holds at a time */

struct log_group {		/* blocks behind one descriptor */
	u32 n;
	struct jbuf *jb[LOG_GROUP_MAX];
	void *copy[LOG_GROUP_MAX];
	bool escaped[LOG_GROUP_MAX];
};

struct handle {
	struct journal *j;		/* [I] */
	struct transaction *t;		/* [t] NULL after a failed restart */
	u32 credits;			/* [t] blocks it may still join */
	u32 depth;			/* [t] nested starts */
	bool sync;			/* [t] */
	u32 km_scope;			/* [t] to go back to when it stops */
};

struct journal {
	struct journal_place place;	/* [I] */
	u32 block_size;			/* [I] */
	u32 first, last;		/* [I] log blocks [first, last) hold transactions */
	u32 tag_bytes;			/* [I] of the tags we write */
	u32 tags_per_block;		/* [I] in a descriptor block of ours */
	u32 revokes_per_block;		/* [I] */
	u32 max_trans;			/* [I] blocks of one transaction */
	u32 room;			/* [I] log blocks that must be free before one begins */
	nsec_t interval;		/* [j] age at which a transaction commits */
	u32 compat, incompat;		/* features found; once begun, those that we write */
	u32 csum_seed;			/* [I] CRC32C of the UUID */
	bool wide;			/* [I] 64BIT */
	char name[40];			/* [I] for the log */

	struct spinlock lock;		/* LOCK_JOURNAL_LIST */
	struct transaction *running, *committing;	/* [j] */
	struct list checkpoints;	/* [j] committed ones with blocks not in place, oldest first */
	u32 handovers;			/* [j] times that a running one became the committing one */
	u32 next_tid;			/* [j] of the next transaction */
	u32 committed;			/* [j] the last committed one */
	u32 wanted;			/* [j] commit up to this one */
	u32 head;			/* [c] next log block to write */
	u32 tail, tail_tid;		/* [j] where recovery begins */
	u32 free;			/* [j] log blocks between head and tail */
	bool empty;			/* [j] the super block on disk says that there is nothing to recover */
	int error;			/* [j] aborted: -errno; readers without the lock see it late */
	bool stop;			/* [j] */
	bool noted;			/* [c] the abort is in the super block */
	bool over_credit;		/* [j] told once */

	struct mutex checkpoint_mutex;	/* LOCK_JOURNAL: one checkpoints at a time */
	struct mutex super_mutex;	/* LOCK_LEAF_SLEEP: writes of the super block */
	u8 *super;			/* [S] the super block's whole log block */
	u64 super_block;		/* [I] on the device */
	void *reserve;			/* [c] a block's copy, when memory is short */
	u8 *descriptor;			/* [c] the descriptor block being written */
	struct log_group *group;	/* [c] */
	struct buf *swept[SWEEP_MAX];	/* [c] */

	struct waitq wait_start;	/* a new transaction may begin, or there is room */
	struct waitq wait_updates;	/* the commit thread: the last handle of a locked transaction */
	struct waitq wait_work;		/* the commit thread */
	struct waitq wait_commit;	/* somebody waits for a commit */
	struct waitq wait_ordered;	/* an ordered vnode is no longer busy */
	bool thread;			/* [I] there is one */
	struct completion gone;		/* it has ended */
};

static inline bool tid_after(u32 a, u32 b) { return (s32)(a - b) > 0; }

/* --- super.c --- */
int journal_write_super(struct journal *j);	/* tail and error as they are now, to stable storage; may sleep */

/* --- log.c: blocks of the log --- */
int log_map(struct journal *j, u32 log_block, u64 *block);	/* -EIO beyond the log or where the map has a hole */
u32 log_next(const struct journal *j, u32 log_block, u32 n);	/* n further, round the end */
/* Read blocks one after the other: a window of them is read at a time. */
struct log_reader { struct journal *j; u8 *window; u32 at, n; };
int log_reader_init(struct log_reader *r, struct journal *j);
void log_reader_fini(struct log_reader *r);
int log_read_block(struct log_reader *r, u32 log_block, u8 **data);	/* data: valid until the next call */
/* Write blocks to the head of the log, several on their way at a time. */
struct log_writer { struct journal *j; struct bio *bio; u64 next_block; u32 pending; int error; struct completion done; };
void log_writer_init(struct log_writer *w, struct journal *j);
void log_write_block(struct log_writer *w, void *data, u32 bio_flags);	/* data lives until log_writer_wait() */
int log_writer_wait(struct log_writer *w);
int log_write_at(struct journal *j, u64 block, void *data, u32 bio_flags);	/* one, by device block; waits */

/* --- handle.c --- */
void jbuf_init(void);			/* caches, once */
/* The jbuf is in no transaction: take it off its checkpoint list too, and free it, when nothing holds it. j->lock held; returns the
 * buffer whose reference the caller drops without the lock, or NULL. */
struct buf *jbuf_release_locked(struct jbuf *jb);
u32 trans_log_blocks(const struct transaction *t);	/* what its commit needs at most; j->lock held */
struct transaction *trans_alloc(struct journal *j) __must_check;
void trans_free(struct transaction *t);

/* --- commit.c --- */
void journal_thread(void *arg);
bool journal_work(struct journal *j);	/* what the thread does at a time: false where nothing is due */
void journal_discard(struct journal *j);	/* after an abort, the thread gone: let go of all buffers */

/* --- checkpoint.c --- */
void checkpoint_sweep(struct journal *j);	/* forget blocks that write-back has brought in place meanwhile */
int checkpoint_make_room(struct journal *j);	/* until a transaction may begin; -EIO, -EROFS. No handle open */
int checkpoint_all(struct journal *j);		/* everything that is committed is in place and the tail is at the head */
void checkpoint_try_advance(struct journal *j);	/* move the tail past transactions that are done, unless somebody checkpoints */
u32 checkpoint_room_locked(const struct journal *j);	/* log blocks free, but for what the committing one will take */

/* --- ordered.c --- */
void ordered_write(struct transaction *t);	/* commit thread: write and wait for the ordered data */

/* --- csum.c --- */
bool csum_super_ok(const struct jbd2_super *sb);
void csum_super_set(struct jbd2_super *sb);	/* where it says that there is one */
bool csum_tail_ok(const struct journal *j, const u8 *block);		/* descriptor and revoke blocks */
bool csum_commit_ok(const struct journal *j, const u8 *block);
bool csum_data_ok(const struct journal *j, u32 tid, const u8 *data, u32 csum);	/* csum: as in the tag */

#endif
