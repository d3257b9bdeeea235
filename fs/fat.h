/* SPDX-License-Identifier: BSD-2-Clause */
/* The FAT file systems: types "vfat" and "msdos". */
#ifndef FS_FAT_H
#define FS_FAT_H

void fat_init(void);	/* boot: makes the types known */

#endif
