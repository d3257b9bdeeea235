/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll(7) inside the kernel. */
#ifndef FS_EPOLL_H
#define FS_EPOLL_H

#include "sys/abi/epoll.h"
#include "sys/file.h"

void epoll_init(void);
int __must_check epoll_create_file(int flags, struct file **out);	/* -ENOMEM, -ENFILE */
/* -EINVAL (epf is no epoll file, or watches itself), -EPERM (f has no readiness), -EEXIST, -ENOENT, -ELOOP, -ENOSPC, -ENOMEM */
int __must_check epoll_control(struct file *epf, int op, struct file *f, int fd, const struct abi_epoll_event *ev);
/* Number of events stored at uevents, 0 at the deadline (0: do not wait), -EINTR, -EFAULT, -EINVAL. */
int __must_check epoll_wait_file(struct file *epf, struct abi_epoll_event __user *uevents, int max, nsec_t deadline);
/* The last reference of f is gone, ops->release has not run: take it out of all instances. May sleep. */
void epoll_file_release(struct file *f);

#endif
