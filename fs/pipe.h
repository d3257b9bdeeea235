/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes and FIFOs: a ring of page buffers between readers and writers.
 *
 * Lock key: [l] pipe->lock  [v] the vnode's spinlock
 */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include "fs/vnode.h"
#include "sys/wait.h"

#define PIPE_BUF_K	4096		/* writes up to this are atomic */
#define PIPE_SLOTS	16		/* default: 64 KiB */
#define PIPE_SLOTS_MIN	2		/* of who has used up his soft limit */

struct pipe_buf {
	struct page *page;		/* reference */
	u32 off, len;
	bool packet;			/* O_DIRECT: one read takes it, and no more */
	bool merge;			/* later writes may be appended */
	bool foreign;			/* of a file's cache or of a user's memory: never written to, never kept */
};

struct pipe {
	struct mutex lock;		/* LOCK_PIPE */
	struct waitq readers_wq, writers_wq;
	u32 head, tail;			/* [l] free-running: written, read */
	u32 slots;			/* [l] size of the ring, a power of two */
	struct pipe_buf *bufs;		/* [l] */
	struct page *spare[2];		/* [l] emptied pages, for the next write */
	u32 readers, writers;		/* [l] open ends */
	u32 reader_opens, writer_opens;	/* [l] how often an end was opened: blocking opens of FIFOs wait for a change */
	bool busy;			/* [l] a splice has the front in hand: readers wait (fs/splice.c) */
	struct user_counts *user;	/* [I] who pays for the slots; reference */
	bool polled;			/* [a] somebody asked for readiness: each write is told, for edge-triggered epoll */
	u32 files;			/* [v] open files: the last frees the pipe */
};

extern const struct file_ops pipe_fops;	/* fops of every FIFO vnode (vnode_init_special) */

/* /proc/sys/fs: the largest size for the unprivileged, in bytes; pages of all pipes of a user, 0: no limit. */
extern int pipe_max_size, pipe_user_pages_soft, pipe_user_pages_hard;	/* [a] */

void pipe_init(void);
/* pipe(2): both ends, read end first, each with a reference. flags: O_NONBLOCK, O_DIRECT. -ENOMEM, -ENFILE. */
int __must_check pipe_create_files(struct file *ends[2], int flags);

/* --- for fs/splice.c --- */

static inline struct pipe *file_pipe(const struct file *f) { return f->ops == &pipe_fops ? f->priv : NULL; }
static inline bool ring_empty(const struct pipe *p) { return READ_ONCE(p->head) == READ_ONCE(p->tail); }
static inline u32 ring_used(const struct pipe *p) { return READ_ONCE(p->head) - READ_ONCE(p->tail); }
static inline bool ring_full(const struct pipe *p) { return ring_used(p) >= READ_ONCE(p->slots); }
static inline struct pipe_buf *ring_slot(struct pipe *p, u32 i) { return &p->bufs[i & (p->slots - 1)]; }
/* Unlock, and wake a reader, a writer, or both. The pipe stays: the caller has it open. */
void pipe_unlock_and_wake(struct pipe *p, bool reader, bool writer);
/* [l] Wait for data at the front: 1; 0: there is none and no writer; -EAGAIN, -ERESTARTSYS. */
int __must_check pipe_wait_data(struct pipe *p, bool nonblock);
/* [l] Wait for a free slot: 0; -EPIPE (and SIGPIPE), -EAGAIN, -ERESTARTSYS. */
int __must_check pipe_wait_space(struct pipe *p, bool nonblock);
void pipe_drop_front(struct pipe *p, u32 n);	/* [l] n bytes of the first buffer are used up */
ssize_t pipe_read_into(struct file *f, struct iobuf *buf, bool nonblock);

/* --- pipe_size.c --- */
/* Slots for a new pipe, charged to the current user, who is returned with a reference; 0: over the hard limit, or no memory. */
u32 pipe_charge_new(struct user_counts **user);
void pipe_uncharge(struct user_counts *user, u32 slots);	/* takes the reference */

/* F_SETPIPE_SZ (bytes, rounded up to a power of two) and F_GETPIPE_SZ: the size, -EBADF (no pipe), -EBUSY (would not hold what
 * is in it), -EPERM, -EINVAL, -ENOMEM. */
long pipe_set_size(struct file *f, u64 size);
long pipe_get_size(struct file *f);

#endif
