/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes as they lie on the disk: entries from the front, sorted, with an end mark of four zero bytes; values from the back.
 * In the inode offsets of values count from the first entry, in a block from its start.
 */
#include "fs/ext2/xattr.h"

#include "sys/lib/sort.h"
#include "sys/lib/string.h"

static u32
entry_size(u32 name_len)
{
	return (u32)ALIGN_UP(sizeof(struct ext2_xattr_entry) + name_len, 4UL);
}

int
ext2_attrs_parse(const u8 *entries, const u8 *values, const u8 *end, struct ext2_attr_set *set)
{
	const u8 *at = entries;

	for (;;) {
		const struct ext2_xattr_entry *e = (const struct ext2_xattr_entry *)at;
		u32 zero;

		if (end - at < 4)
			return -EIO;
		memcpy(&zero, at, sizeof(zero));
		if (zero == 0)
			return 0;
		if ((size_t)(end - at) < sizeof(*e) || (size_t)(end - at) < entry_size(e->e_name_len) || set->count >= set->max)
			return -EIO;
		if (e->e_value_inum != 0 || (e->e_value_size != 0 &&
		    (e->e_value_offs > end - values || e->e_value_size > (size_t)(end - values) - e->e_value_offs)))
			return -EIO;
		set->all[set->count++] = (struct ext2_attr){ e->e_name_index, e->e_name_len, e->e_value_size, e->e_name,
			values + e->e_value_offs };
		at += entry_size(e->e_name_len);
	}
}

u32
ext2_attrs_size(const struct ext2_attr_set *set)
{
	u32 size = 4;

	for (u32 i = 0; i < set->count; i++)
		size += entry_size(set->all[i].name_len) + ALIGN_UP(set->all[i].size, 4u);
	return size;
}

static int
compare_attrs(const void *a, const void *b)
{
	const struct ext2_attr *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return memcmp(x->name, y->name, x->name_len);
}

/* Of name and value, which is padded with zeros. */
static u32
entry_hash(const struct ext2_xattr_entry *e, const u8 *value)
{
	u32 hash = 0;

	for (u32 i = 0; i < e->e_name_len; i++)
		hash = hash << 5 ^ hash >> 27 ^ (u8)e->e_name[i];
	for (u32 i = 0; i < e->e_value_size; i += 4) {
		u32 word;

		memcpy(&word, value + i, sizeof(word));
		hash = hash << 16 ^ hash >> 16 ^ word;
	}
	return hash;
}

void
ext2_attrs_format(struct ext2_attr_set *set, u8 *entries, const u8 *values, u8 *end)
{
	sort(set->all, set->count, sizeof(set->all[0]), compare_attrs);
	for (u32 i = 0; i < set->count; i++) {
		const struct ext2_attr *a = &set->all[i];
		struct ext2_xattr_entry *e = (struct ext2_xattr_entry *)entries;

		end -= ALIGN_UP(a->size, 4u);
		memcpy(end, a->value, a->size);
		*e = (struct ext2_xattr_entry){ .e_name_len = a->name_len, .e_name_index = a->index, .e_value_size = a->size,
			.e_value_offs = a->size != 0 ? (u16)(end - values) : 0 };
		memcpy(e->e_name, a->name, a->name_len);
		e->e_hash = entry_hash(e, end);
		entries += entry_size(a->name_len);
	}
}

u32
ext2_attrs_hash(const u8 *entries)
{
	u32 hash = 0, zero;

	for (;;) {
		const struct ext2_xattr_entry *e = (const struct ext2_xattr_entry *)entries;

		memcpy(&zero, entries, sizeof(zero));
		if (zero == 0)
			return hash;
		if (e->e_hash == 0)
			return 0;
		hash = hash << 16 ^ hash >> 16 ^ e->e_hash;
		entries += entry_size(e->e_name_len);
	}
}

struct ext2_attr *
ext2_attrs_find(const struct ext2_attr_set *set, u8 index, const char *name)
{
	size_t len = strlen(name);

	for (u32 i = 0; i < set->count; i++)
		if (set->all[i].index == index && set->all[i].name_len == len && memcmp(set->all[i].name, name, len) == 0)
			return &set->all[i];
	return NULL;
}
