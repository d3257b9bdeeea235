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
#define PIPE_SIZE_MAX	(1024 * KIB)	/* F_SETPIPE_SZ by the unprivileged */

struct pipe_buf {
	struct page *page;		/* reference */
	u32 off, len;
	bool packet;			/* O_DIRECT: one read takes it, and no more */
	bool merge;			/* later writes may be appended */
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
	bool polled;			/* [a] somebody asked for readiness: each write is told, for edge-triggered epoll */
	u32 files;			/* [v] open files: the last frees the pipe */
};

extern const struct file_ops pipe_fops;	/* fops of every FIFO vnode (vnode_init_special) */

void pipe_init(void);
/* pipe(2): both ends, read end first, each with a reference. flags: O_NONBLOCK, O_DIRECT. -ENOMEM, -ENFILE. */
int __must_check pipe_create_files(struct file *ends[2], int flags);

/* F_SETPIPE_SZ (bytes, rounded up to a power of two) and F_GETPIPE_SZ: the size, -EBADF (no pipe), -EBUSY (would not hold what
 * is in it), -EPERM, -EINVAL, -ENOMEM. */
long pipe_set_size(struct file *f, u64 size);
long pipe_get_size(struct file *f);

#endif
