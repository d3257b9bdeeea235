/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tree of files as data: what a mounted file system shows, what a folder of the host holds, or what a test believes is there. Two of
 * them can be compared.
 */
#ifndef TESTS_UNIT_DISK_TREE_H
#define TESTS_UNIT_DISK_TREE_H

#include "sys/lib/types.h"

enum tree_kind { TREE_FILE, TREE_DIR, TREE_LINK, TREE_OTHER };

struct tree_xattr { struct tree_xattr *next; char name[64]; u8 value[4096]; size_t size; };

struct tree_node {			/* an inode */
	enum tree_kind kind;
	u32 refs;			/* entries, and open files of a load */
	u32 links;			/* as stat(2) says; 0: unknown */
	u32 mode;			/* permission bits */
	u8 *data;			/* contents of a file, target of a symlink */
	size_t size, room;
	struct tree_entry *entries;	/* of a directory, by name */
	struct tree_xattr *xattrs;	/* by name */
};

struct tree_entry {
	char name[260];			/* of the root: where it is mounted */
	struct tree_entry *parent, *next;
	struct tree_node *node;
};

enum { TREE_MODES = 1, TREE_LINKS = 2, TREE_XATTRS = 4 };	/* what is compared, beside names, kinds and contents */

struct tree_entry *tree_new(const char *root);
struct tree_entry *tree_from_kernel(const char *path, u32 what);	/* panics where something cannot be read */
struct tree_entry *tree_from_host(const char *name);		/* a folder in host_folder() */
void tree_free(struct tree_entry *t);
/* The first difference, as text (until the next call), or NULL. */
const char *tree_differs(const struct tree_entry *a, const struct tree_entry *b, u32 what);

/* For who builds one: */
struct tree_node *tree_node_new(enum tree_kind kind);
void tree_node_put(struct tree_node *n);
void tree_node_resize(struct tree_node *n, size_t size);	/* new bytes are zeros */
struct tree_xattr **tree_xattr_find(struct tree_node *n, const char *name);	/* where it is, or belongs */
struct tree_entry *tree_find(struct tree_entry *dir, const char *name);
struct tree_entry *tree_add(struct tree_entry *dir, const char *name, struct tree_node *n);	/* takes a reference anew */
void tree_remove(struct tree_entry *e);				/* puts it, and what is below */
void tree_move(struct tree_entry *e, struct tree_entry *dir, const char *name);	/* nothing is there */
void tree_path(const struct tree_entry *e, char *buf, size_t size);

#endif
