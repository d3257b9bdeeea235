/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FS_DEVFS_DEVFS_H
#define FS_DEVFS_DEVFS_H

void devtmpfs_init(void);	/* boot, after tmpfs: the file system "devtmpfs", following the device tree */
void devpts_init(void);		/* boot: the file system "devpts", following the ptys */

#endif
