/* SPDX-License-Identifier: BSD-2-Clause */
/* Block special files as open files, and what else fs/ does with block devices. */
#ifndef FS_BLKDEV_H
#define FS_BLKDEV_H

#include "fs/vnode.h"

extern const struct file_ops blkdev_fops;	/* of a block special file's vnode */
struct block_device *file_block_device(struct file *f);	/* that f is open on, or NULL. f's reference */

#endif
