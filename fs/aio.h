/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux AIO: contexts, requests, polls. io_submit(2).
 *
 * A context is the private object of an anonymous file, and lives as long as that file is mapped (its ring is) or a request of it is under
 * way. It is found by the address of its ring, so it may be moved by mremap(2), and goes with munmap(2), exec and exit.
 *
 * Lock key: [I] immutable  [a] atomic  [l] ctx->lock (LOCK_EVENT, irqs off)  [m] the request's mutex
 */
#ifndef FS_AIO_H
#define FS_AIO_H

#include "sys/abi/aio.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/wait.h"
#include "sys/work.h"

struct aspace;
struct page;

struct aio_ctx {
	struct refcount refs;		/* [a] the ring's file, requests, callers at work */
	struct aspace *as;		/* [I] whose it is: no reference, only compared */
	u32 slots, nr_pages, max_reqs;	/* [I] events in the ring; its pages; what was asked for */
	struct page **pages;		/* [I] */
	struct mutex read_lock;		/* LOCK_FILE_POS: one takes events at a time */
	struct spinlock lock;
	u32 tail;			/* [l] the truth; the ring's is for the user */
	u32 active;			/* [l] requests under way: each has a slot in the ring for its event */
	bool dead;			/* [l] */
	struct list polls;		/* [l] requests that can be cancelled */
	struct waitq wq;		/* events, and the last request's end */
};

#define AIO_POLL_QUEUES	2

struct aio_req {
	struct refcount refs;		/* [a] */
	struct aio_ctx *ctx;		/* [I] reference */
	u64 obj, data;			/* [I] the user's iocb, and its cookie */
	struct file *file, *eventfd;	/* [I] references; eventfd may be NULL */
	bool datasync;			/* [I] */
	/* polls */
	struct mutex mutex;		/* LOCK_EPOLL: arming, finishing */
	struct list node;		/* [l] in ctx->polls */
	struct work work;		/* looks at the file again */
	u32 events;			/* [I] */
	bool done;			/* [m] */
	bool cancelled;			/* [a] */
	u32 nr_hooks;			/* [m] */
	struct aio_hook { struct waiter waiter; struct waitq *queue; struct aio_req *req; } hooks[AIO_POLL_QUEUES];
};

/* --- ctx.c --- */
extern int aio_max_nr;			/* [a] /proc/sys/fs: requests of all contexts */
extern u32 aio_nr;			/* [a] */
int __must_check aio_ctx_create(u32 nr, u64 *id);	/* in the current space. -EAGAIN, -ENOMEM, -EINVAL */
struct aio_ctx *aio_ctx_get(u64 id);	/* referenced; NULL */
void aio_ctx_put(struct aio_ctx *ctx);
int aio_ctx_destroy(struct aio_ctx *ctx, u64 id);	/* waits for its requests. -EINVAL: somebody else does so */
int __must_check aio_begin(struct aio_ctx *ctx);	/* a slot for an event: 0; -EAGAIN, -EINVAL */
void aio_end(struct aio_ctx *ctx, const struct abi_io_event *ev);	/* NULL: the request was never under way */
/* Events to the user: at least min unless time (NSEC_MAX: no limit) or a signal ends it. -EINTR, -EFAULT, -EINVAL. */
ssize_t aio_read_events(struct aio_ctx *ctx, u64 min, u64 nr, struct abi_io_event __user *out, nsec_t deadline);

/* --- request.c --- */
int __must_check aio_submit(struct aio_ctx *ctx, struct abi_iocb __user *uiocb);
void aio_req_put(struct aio_req *r);
void aio_req_complete(struct aio_req *r, s64 res);	/* its event; the request goes by its references */

/* --- poll.c --- */
int __must_check aio_poll_submit(struct aio_req *r, const struct abi_iocb *iocb);	/* takes the reference on success */
void aio_poll_cancel_locked(struct aio_req *r);		/* [l] */

#endif
