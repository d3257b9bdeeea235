/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loop devices, inside of dev/loop/.
 *
 * Lock key: [I] immutable  [L] loop->lock (LOCK_LOOP)  [s] loop->spin (LOCK_DISK_HW, irqs off)  [a] atomic
 */
#ifndef DEV_LOOP_LOOP_H
#define DEV_LOOP_LOOP_H

#include "dev/block.h"
#include "sys/abi/block.h"
#include "sys/file.h"
#include "sys/wait.h"

struct loop {
	struct disk *disk;		/* [I] */
	u32 number;			/* [I] */
	struct list node;		/* [loops_lock] */
	struct mutex lock;
	struct file *file;		/* [L], and [s] for the worker; reference. NULL: not bound */
	struct file *direct;		/* [L, s] the same, for transfers beside its cache (LO_FLAGS_DIRECT_IO), or NULL */
	u32 direct_align;		/* [L] */
	struct file *put[3];		/* [L] what loop_unlock() puts: it may be a block device, another loop even */
	u32 nput;			/* [L] */
	u64 offset, sizelimit;		/* [L, s] bytes */
	u32 flags;			/* [L] LO_FLAGS_* */
	u8 name[LO_NAME_SIZE];		/* [L] */
	struct spinlock spin;
	struct list requests;		/* [s] */
	struct waitq wq;		/* the worker's */
	bool serving;			/* [s] the worker has one of them */
	struct waitq idle;		/* it has none */
	bool quit;			/* [a] */
	struct completion done;		/* of the worker */
};

extern const struct block_ops loop_ops;

/* loop.c: what a device is bound to. l->lock held; errors as Linux 6.1's. */
int __must_check loop_bind(struct loop *l, u32 fd, u32 block_size, const struct abi_loop_info64 *info);
void loop_unbind(struct loop *l);		/* it is bound */
void loop_put_later(struct loop *l, struct file *f);	/* NULL allowed */
void loop_unlock(struct loop *l);		/* and puts */
int loop_set_direct(struct loop *l, bool on);	/* -EINVAL: the file, or how the device lies on it, doesn't allow it */
void loop_check_direct(struct loop *l);		/* offset or block size has changed: off, where it isn't allowed any more */
u64 loop_capacity(const struct loop *l);	/* sectors */
bool loop_file_is_fit(struct loop *l, struct file *f, int *err);
void loop_set_block_size(struct loop *l, u32 size);
/* worker.c */
int __must_check loop_worker_start(struct loop *l);
void loop_pause(struct loop *l);		/* nothing is under way until loop_resume() */
void loop_resume(struct loop *l);
void loop_worker_stop(struct loop *l);		/* what was asked is done first */
int loop_submit(struct block_queue *q, struct block_request *rq);
/* ioctl.c */
long loop_ioctl(struct disk *d, unsigned int cmd, u64 arg);
/* attrs.c */
extern const struct device_attr *const loop_attrs[];

static inline struct loop *loop_of(struct disk *d) { return d->priv; }

#endif
