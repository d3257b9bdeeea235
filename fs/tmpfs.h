/* SPDX-License-Identifier: BSD-2-Clause */
/* tmpfs for others: files without a name (memfd), and their seals. */
#ifndef FS_TMPFS_H
#define FS_TMPFS_H

#include "fs/path.h"

void tmpfs_init(void);		/* registers "tmpfs" and "rootfs" */

/* A new file of no directory, open for reading and writing; "/memfd:NAME (deleted)" in /proc/PID/fd. seals: the first ones
 * (F_SEAL_SEAL: none can be added). -ENOMEM, -ENFILE. */
int __must_check tmpfs_file_create(const char *name, u32 seals, struct file **out);
/* The same, "/NAME (deleted)", of so many bytes, for what the kernel maps itself (System V shared memory). */
int __must_check tmpfs_file_create_sized(const char *name, off_t size, struct file **out);
/* fcntl's F_GET_SEALS, F_ADD_SEALS. -EINVAL: not a file of tmpfs. -EPERM, -EBUSY. */
int tmpfs_get_seals(struct file *f);
int tmpfs_add_seals(struct file *f, u32 seals);

#endif
