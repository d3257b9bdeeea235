/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of extended attributes in memory, between xattr.c (what is asked) and xattr_format.c (how they lie on the disk). */
#ifndef FS_EXT2_XATTR_H
#define FS_EXT2_XATTR_H

#include "fs/ext2/ext2.h"

struct ext2_attr { u8 index, name_len; u32 size; const char *name; const void *value; };

struct ext2_attr_set { struct ext2_attr *all; u32 count, max; };

#define EXT2_ATTRS_MAX(space)	((space) / 20 + 2)	/* that fit, and one to add */

/* The attributes in [entries, end); value offsets count from `values`. They point into that memory. -EIO: damaged. */
int __must_check ext2_attrs_parse(const u8 *entries, const u8 *values, const u8 *end, struct ext2_attr_set *set);
/* Bytes that the set needs: entries, values, and the end mark. */
u32 ext2_attrs_size(const struct ext2_attr_set *set);
/* Lay them out in [entries, end), which is as large as needed and zero. Sorts the set. */
void ext2_attrs_format(struct ext2_attr_set *set, u8 *entries, const u8 *values, u8 *end);
u32 ext2_attrs_hash(const u8 *entries);			/* of a whole block, for sharing it */
struct ext2_attr *ext2_attrs_find(const struct ext2_attr_set *set, u8 index, const char *name);

#endif
