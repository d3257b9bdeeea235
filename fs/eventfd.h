/* SPDX-License-Identifier: BSD-2-Clause */
/* eventfds that the kernel signals. */
#ifndef FS_EVENTFD_H
#define FS_EVENTFD_H

#include "sys/file.h"

/* With a reference. -EBADF, -EINVAL: no eventfd. */
int __must_check eventfd_get_file(int fd, struct file **out);
void eventfd_signal(struct file *f);	/* adds 1, but never overflows. Any context */

#endif
