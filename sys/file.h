/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open file description and its operations: a contract header, so that ttys, sockets and eventfds are files without an
 * upward include. Defined in fs/file.c.
 *
 * Lock key: [I] immutable after open  [a] atomic  [p] pos_lock  [l] lock
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "sys/abi/fcntl.h"	/* O_*, F_*, AT_*, SEEK_* */
#include "sys/abi/poll.h"	/* POLLIN ... (= EPOLLIN ...) */
#include "sys/lib/atomic.h"
#include "sys/lib/types.h"
#include "sys/mutex.h"
#include "sys/rcu.h"
#include "sys/refcount.h"

struct cred;
struct dentry;
struct file;
struct file_async;
struct iobuf;		/* mm/iobuf.h: the memory a read fills or a write takes */
struct mapping;
struct mount;
struct pid;
struct vma;
struct vnode;
struct strbuf;	/* sys/lib/printf.h */
struct waitq;
struct epoll_item;

/* Readiness: ops->poll calls poll_wait() for each queue whose wake-up could change the answer, and returns what is ready now.
 * pt NULL: only the answer is wanted. */
struct poll_table {
	void (*queue)(struct poll_table *pt, struct file *f, struct waitq *q);
	u32 events;		/* what the caller is interested in (POLL* bits) */
};

static inline void
poll_wait(struct poll_table *pt, struct file *f, struct waitq *q)
{
	if (pt != NULL && pt->queue != NULL) {
		pt->queue(pt, f, q);
		smp_mb();	/* on the queue before the caller looks: pairs with waitq_active() */
	}
}

/* getdents call-back: 0 to go on, nonzero stops (full). */
struct dir_context {
	int (*emit)(struct dir_context *ctx, const char *name, size_t len, u64 ino, u8 dtype);
	off_t pos;		/* where the next entry starts: opaque cookie, 0 at the start */
};

/*
 * A NULL slot means what Linux answers for such a file: read/write -EINVAL, ioctl -ENOTTY, poll: always ready,
 * mmap -ENODEV, fsync -EINVAL, lseek: see flags.
 */
struct file_ops {
	/* Bytes moved, or -errno. *pos is the offset to use and advance. Blocks unless O_NONBLOCK (then -EAGAIN);
	 * -ERESTARTSYS when a signal came first and nothing was moved. */
	ssize_t (*read)(struct file *f, struct iobuf *buf, off_t *pos);
	ssize_t (*write)(struct file *f, struct iobuf *buf, off_t *pos);
	off_t (*llseek)(struct file *f, off_t off, int whence);	/* pos_lock held */
	int (*iterate)(struct file *f, struct dir_context *ctx);	/* directory vnode locked */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	long (*ioctl)(struct file *f, unsigned int cmd, u64 arg);	/* -ENOTTY: not known */
	int (*mmap)(struct file *f, struct vma *vma);	/* set vma->mapping or vma->ops */
	int (*open)(struct vnode *vn, struct file *f);	/* may replace f->ops and set f->priv */
	void (*flush)(struct file *f);			/* a descriptor was closed */
	void (*release)(struct file *f);		/* the last reference is gone */
	int (*fsync)(struct file *f, off_t start, off_t end, bool datasync);
	int (*fallocate)(struct file *f, int mode, off_t off, off_t len);
	/* Move pages instead of bytes; NULL: the generic path through the page cache or a bounce page. */
	ssize_t (*splice_read)(struct file *f, off_t *pos, struct file *pipe, size_t len, unsigned int flags);
	ssize_t (*splice_write)(struct file *pipe, struct file *f, off_t *pos, size_t len, unsigned int flags);
	int (*set_flags)(struct file *f, int flags);	/* F_SETFL asks: O_ASYNC, O_DIRECT; NULL: allowed as by default */
	void (*show_fdinfo)(struct file *f, struct strbuf *out);
};

/* f->mode */
enum { FMODE_READ = 1, FMODE_WRITE = 2, FMODE_EXEC = 4, FMODE_PATH = 8, FMODE_SEEK = 16, FMODE_PREAD = 32, FMODE_PWRITE = 64,
	FMODE_NOWAIT = 128, FMODE_STREAM = 256 /* no position at all */, FMODE_CREATED = 512,
	FMODE_WRITE_HELD = 1024 /* counts as a writer of vnode and mount */, FMODE_EXEC_HELD = 2048 /* denies writing */,
	FMODE_OPENED = 4096 /* ops->open succeeded: ops->release is due */, FMODE_CLAIM = 8192 /* O_EXCL of a block device */ };

struct fown {			/* SIGIO, F_SETOWN: replaced as a whole under f->lock, read under RCU */
	struct pid *pid;	/* reference, or NULL */
	u8 type;		/* enum pid_type */
	int sig;		/* 0: SIGIO without siginfo */
	struct { unsigned int uid, euid; } cred;
	struct rcu_head rcu;
};

/* Where a reader of a file is, for mm/readahead.c. Threads that share the file change it without a lock: it is only a guess. */
struct read_ahead {
	u64 start;		/* [a] page index of the window read last; size 0: there is none */
	u32 size;		/* [a] its pages */
	u32 async;		/* [a] its last so many: who reaches the first of them starts the next window */
	u64 prev;		/* [a] page read last, or RA_NONE */
	u32 advice;		/* [a] POSIX_FADV_NORMAL, SEQUENTIAL, RANDOM */
	bool noreuse;		/* [a] POSIX_FADV_NOREUSE: reads don't make pages look used */
};
#define RA_NONE	UINT64_MAX

struct file {
	const struct file_ops *ops;	/* [I] */
	struct refcount refs;		/* [a] type-stable memory: lookups try-get under RCU */
	u32 flags;			/* [a] O_* status flags */
	u32 mode;			/* [I] FMODE_* */
	struct mutex pos_lock;
	off_t pos;			/* [p] */
	struct vnode *vn;		/* [I] holds a reference through the dentry */
	struct mount *mnt;		/* [I] reference */
	struct dentry *dentry;		/* [I] reference */
	struct mapping *mapping;	/* [I] page cache to use, or NULL */
	const struct cred *cred;	/* [I] of the opener */
	void *priv;			/* [I] the ops' own object */
	struct spinlock lock;		/* LOCK_LEAF-like: owner, epoll list */
	struct fown *owner;		/* [l, r] NULL: none */
	struct file_async *async;	/* [l] O_ASYNC is on (fs/async.c) */
	struct list epoll_items;	/* [l] epoll instances that watch it (fs/epoll.c) */
	u32 wb_err;			/* [a] write-back error sequence seen */
	struct read_ahead ra;
	u64 dir_version;		/* [p] for directory iteration */
	struct rcu_head rcu;
};

void file_get(struct file *f);
bool __must_check file_try_get(struct file *f);		/* under RCU */
void file_put(struct file *f);				/* may sleep: the last one releases */

/* A file without a name in any directory (eventfd, epoll, pipes): "anon_inode:[name]" in /proc/PID/fd.
 * flags: O_RDONLY/O_WRONLY/O_RDWR and O_NONBLOCK. -ENOMEM, -ENFILE. */
int __must_check file_create_anon(const char *name, const struct file_ops *ops, void *priv, int flags, struct file **out);
int __must_check fd_install_new(struct file *f, int min, bool cloexec);	/* fd or -EMFILE, -ENOMEM; takes f's reference on success */

extern u64 file_count, file_max;	/* [a], [I] /proc/sys/fs/file-nr, file-max */

/* read(2), write(2) at the file's own position, which is locked if `shared` (others may use the file). -EBADF, -EINVAL, what
 * the ops say. */
ssize_t file_read(struct file *f, struct iobuf *buf, bool shared);
ssize_t file_write(struct file *f, struct iobuf *buf, bool shared);
/* At *pos, which is advanced. -ESPIPE */
ssize_t file_read_at(struct file *f, struct iobuf *buf, off_t *pos);
ssize_t file_write_at(struct file *f, struct iobuf *buf, off_t *pos);
off_t file_seek(struct file *f, off_t off, int whence);		/* -ESPIPE, -EINVAL */

/* Run read or write with a kernel buffer. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t len, off_t *pos);
ssize_t file_write_kernel(struct file *f, const void *buf, size_t len, off_t *pos);

/* For mm/, which doesn't see descriptors, paths and vnodes (fs/file_map.c). */
struct file *fd_get_file(int fd);			/* with a reference; NULL: none, or O_PATH */
void file_show_path(struct file *f, struct strbuf *out);	/* as in /proc/PID/maps: newlines escaped, " (deleted)" */
/* The same file once more, for transfers beside its cache, in units of *align bytes: to be put. -EINVAL: it has none such. */
int __must_check file_open_direct(struct file *f, u32 *align, struct file **out);
void file_identity(struct file *f, dev_t *dev, u64 *ino);
bool file_may_exec(struct file *f);			/* not on a noexec mount */

#endif
