/* SPDX-License-Identifier: BSD-2-Clause */
/* File locks: fcntl(2)'s record locks, by process and by open file description, and flock(2). */
#ifndef FS_FLOCK_H
#define FS_FLOCK_H

#include "fs/vnode.h"
#include "sys/abi/fcntl.h"

/* F_GETLK, F_OFD_GETLK: fl is changed as fcntl(2) tells. -EINVAL, -EOVERFLOW. */
int flock_test(struct file *f, struct abi_flock *fl, bool ofd);
/* F_SETLK(W), F_OFD_SETLK(W). -EAGAIN, -EBADF, -EDEADLK, -EINVAL, -EOVERFLOW, -ENOLCK, -ERESTARTSYS. */
int flock_set(struct file *f, const struct abi_flock *fl, bool ofd, bool wait);
/* flock(2). type: LOCK_SH, LOCK_EX, LOCK_UN. -EAGAIN, -ENOMEM, -ERESTARTSYS. */
int flock_whole(struct file *f, int type, bool wait);

void flock_show_all(struct strbuf *out);	/* /proc/locks */

#endif
