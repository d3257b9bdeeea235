/* SPDX-License-Identifier: BSD-2-Clause */
/* The VFS on the host: tests/unit/fs/host.c gives what it asks of the other floors. List VFS_SOURCES' files in the test. */
#ifndef TESTS_UNIT_FS_HOST_H
#define TESTS_UNIT_FS_HOST_H

#include "fs/path.h"
#include "mm/mapping.h"

void host_boot(void);			/* vfs_init() with an empty root; the thread gets descriptors */
void host_shutdown(void);
extern u64 host_nofile;			/* RLIMIT_NOFILE */
extern u64 host_live_pages;		/* in all mappings */

extern struct shrinker *host_shrinkers[4];	/* in order of registering: dentries, vnodes */

/* Whole files. */
void host_write(const char *name, const void *data, size_t len);
char *host_read(const char *name);	/* malloc'ed, terminated; NULL: cannot be opened */

#endif
