/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FS_SYSFS_SYSFS_H
#define FS_SYSFS_SYSFS_H

void sysfs_init(void);		/* boot: the file system "sysfs", a view of the device tree */

#endif
