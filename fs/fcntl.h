/* SPDX-License-Identifier: BSD-2-Clause */
/* fcntl(2) and the ioctls that every file knows: fs/fcntl.c. */
#ifndef FS_FCNTL_H
#define FS_FCNTL_H

#include "sys/file.h"

long file_fcntl(struct file *f, int fd, int cmd, unsigned long arg);
/* -ENOTTY where neither this nor the file's ops know cmd. */
long file_ioctl(struct file *f, int fd, unsigned int cmd, unsigned long arg);

#endif
