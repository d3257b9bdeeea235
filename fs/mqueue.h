/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX message queues for their system calls, and for /proc: mq_overview(7). */
#ifndef FS_MQUEUE_H
#define FS_MQUEUE_H

#include "sys/abi/mqueue.h"
#include "sys/abi/signal.h"
#include "sys/file.h"

void mqueue_init(void);		/* boot: registers "mqueue" */

/* All of a namespace; its limits are those of /proc/sys/fs/mqueue. */
struct mqueue_ns {
	u32 count;		/* [a] queues */
	int queues_max, msg_max, msgsize_max, msg_default, msgsize_default;	/* [a] */
};
extern struct mqueue_ns init_mqueue_ns;
#define MQUEUE_HARD_MSGS	65536
#define MQUEUE_HARD_SIZE	(16 * 1024 * 1024)

/* name: one component, without the slash. attr NULL: the defaults. -EACCES, -EEXIST, -ENOENT, -EINVAL, -EMFILE (RLIMIT_MSGQUEUE), -ENOSPC,
 * -ENAMETOOLONG, -ENOMEM ... */
int __must_check mqueue_open(const char *name, int flags, u32 mode, const struct abi_mq_attr *attr, struct file **out);
int mqueue_unlink(const char *name);
bool file_is_mqueue(const struct file *f);

/* The following want a file that is one. */
struct mq_msg;
struct mq_msg *mq_msg_alloc(size_t len, u32 prio) __must_check;	/* NULL: no memory */
void *mq_msg_data(struct mq_msg *m);
void mq_msg_free(struct mq_msg *m);
size_t mq_msg_len(const struct mq_msg *m);
u32 mq_msg_prio(const struct mq_msg *m);
s64 mqueue_msgsize(struct file *f);
/* deadline: of CLOCK_REALTIME, NSEC_MAX: none. -EAGAIN, -ETIMEDOUT, -ERESTARTSYS. send takes m on success. */
int __must_check mqueue_send(struct file *f, struct mq_msg *m, nsec_t deadline);
int __must_check mqueue_receive(struct file *f, nsec_t deadline, struct mq_msg **m);
/* ev NULL: no more. -EBUSY: somebody is registered. */
int mqueue_notify(struct file *f, const struct abi_sigevent *ev);
void mqueue_get_attr(struct file *f, struct abi_mq_attr *attr);

#endif
