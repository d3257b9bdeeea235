/* SPDX-License-Identifier: BSD-2-Clause */
/* The root file system on a device: for the boot. */
#ifndef FS_ROOT_H
#define FS_ROOT_H

#include "sys/lib/types.h"

bool root_is_given(void);	/* root= is on the command line */
/* Mount it over the initramfs, with devtmpfs on its /dev if there is one, and enter it. Panics where it can't be found or mounted. */
void root_mount(void);

#endif
