/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message queue, which is a vnode's.
 *
 * Lock key: [I] immutable  [a] atomic  [l] q->lock
 */
#ifndef FS_MQUEUE_QUEUE_H
#define FS_MQUEUE_QUEUE_H

#include "fs/mqueue.h"
#include "fs/vnode.h"
#include "sys/lib/rbtree.h"
#include "sys/wait.h"

struct user_counts;

struct mq_notification {
	struct pid *owner;		/* a process; reference, or NULL: nobody */
	int how, signo;			/* SIGEV_NONE, SIGEV_SIGNAL */
	union abi_sigval value;
};

struct mqueue {
	struct spinlock lock;		/* LOCK_MQUEUE */
	s64 max_msgs, msg_size;		/* [I] */
	struct rbtree msgs;		/* [l] in the order they are received in */
	s64 count;			/* [l] */
	u64 bytes;			/* [l] */
	struct list receivers, senders;	/* [l] struct mq_waiter, in the order they are served in */
	struct waitq wq;		/* readiness */
	struct mq_notification notify;	/* [l] */
	struct user_counts *user;	/* [I] who pays; reference */
	u64 charged;			/* [I] bytes */
};

struct mqueue_node {
	struct vnode vn;		/* first: alloc_vnode returns it */
	bool is_queue;			/* [I] else the directory */
	struct mqueue q;
};

static inline struct mqueue *
mqueue_of(const struct vnode *vn)
{
	return &((struct mqueue_node *)vn)->q;
}

extern const struct file_ops mqueue_fops;

/* --- queue.c --- */
/* Charges the current user. attr is checked. -EMFILE, -ENOMEM. */
int __must_check mqueue_init_queue(struct mqueue *q, const struct abi_mq_attr *attr);
void mqueue_destroy_queue(struct mqueue *q);

#endif
