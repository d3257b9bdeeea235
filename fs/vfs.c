/* SPDX-License-Identifier: BSD-2-Clause */
/* Brings the VFS up: caches first, then the file systems that are always there, then the root. */
#include "fs/epoll.h"
#include "fs/ext2.h"
#include "fs/internal.h"
#include "fs/notify.h"
#include "fs/pipe.h"
#include "fs/tmpfs.h"

#include "sys/panic.h"

void
vfs_init(void)
{
	dentry_init();
	vnode_cache_init();
	mount_init();
	pathname_init();
	file_init();
	fdtable_init();
	flock_init();
	anon_init();
	tmpfs_init();
	ext2_init();
	pipe_init();
	epoll_init();
	inotify_init();
	if (mount_root("rootfs", 0, NULL) != 0)
		panic("vfs: cannot mount the root");
}
