/* SPDX-License-Identifier: BSD-2-Clause */
/* The iso9660 file system: CDs, DVDs and images of them. */
#ifndef FS_ISO9660_H
#define FS_ISO9660_H

void iso9660_init(void);	/* boot: makes the type known */

#endif
