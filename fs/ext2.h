/* SPDX-License-Identifier: BSD-2-Clause */
/* What others see of ext2, ext3 and ext4: fs/ext2/. */
#ifndef FS_EXT2_H
#define FS_EXT2_H

#include "sys/lib/types.h"

struct block_device;

void ext2_init(void);		/* boot: registers the file-system types */
/* Is there an ext2, ext3 or ext4 file system on the device? Its label and UUID (as text), for root=LABEL=, UUID=. May sleep. */
bool ext2_probe(struct block_device *bdev, char label[17], char uuid[37]);

#endif
