/* SPDX-License-Identifier: BSD-2-Clause */
/* Random operations on a mounted file system, each done in a model too; and comparing the two. Repeatable by the seed. */
#ifndef TESTS_UNIT_DISK_LOAD_H
#define TESTS_UNIT_DISK_LOAD_H

#include "tests/unit/disk/tree.h"

enum { LOAD_LINKS = 1, LOAD_XATTRS = 2, LOAD_MODES = 4, LOAD_EXCHANGE = 8, LOAD_SPARSE = 16,
	LOAD_POSIX = LOAD_LINKS | LOAD_XATTRS | LOAD_MODES | LOAD_EXCHANGE | LOAD_SPARSE,
	LOAD_FULL = 32,			/* ENOSPC is no surprise */
	LOAD_ERRORS = 64 };		/* nor is any other error: the model is given up */

struct load_file { int fd; struct tree_node *node; };

struct load {
	struct tree_entry *root;	/* of the model */
	u32 can;			/* LOAD_* */
	u64 seed;
	size_t max_size;		/* of files */
	u32 nospace, errors;		/* so many operations ended with ENOSPC; with other errors (LOAD_ERRORS) */
	struct load_file open[6];	/* kept open, perhaps unlinked */
	u8 buf[256 * 1024];
};

struct load *load_new(const char *mountpoint, u32 can, u64 seed);
void load_run(struct load *l, u32 operations);
void load_close_files(struct load *l);		/* before unmounting */
void load_check(struct load *l);		/* the file system shows what the model says, or a panic */
u32 load_compares(const struct load *l);	/* TREE_* */
void load_free(struct load *l);

#endif
