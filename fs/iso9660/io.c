/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes and records of the volume, through the buffers of its device. */
#include "fs/iso9660/iso9660.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

int
iso_read_bytes(struct super_block *sb, u64 pos, void *out, u32 len)
{
	u32 size = sb->bdev->block_size;

	while (len > 0) {
		u32 off = (u32)(pos & (size - 1)), n = size - off < len ? size - off : len;
		struct buf *b;
		int err = buf_read(sb->bdev, pos / size, &b);

		if (err != 0)
			return err;
		memcpy(out, b->data + off, n);
		buf_put(b);
		out = (u8 *)out + n;
		pos += n;
		len -= n;
	}
	return 0;
}

static void
plain_fields(struct iso_entry *e, const struct iso_record *r, u64 pos)
{
	char *link = e->link;

	memset(e, 0, sizeof(*e));
	e->link = link;
	e->pos = pos;
	e->extent = le32_get(r->extent.le);
	e->size = le32_get(r->size.le);
	e->flags = r->flags;
	e->xattr_blocks = r->xattr_blocks;
	e->unreadable = r->unit != 0 || r->gap != 0;
	e->date = iso_date7(r->date);
	e->raw_len = r->name_len;
	memcpy(e->raw_name, r->name, r->name_len);
	e->dot = r->name_len == 1 && r->name[0] <= 1;
}

int
iso_read_entry(struct super_block *sb, u64 pos, struct iso_entry *e, u32 *len)
{
	const struct iso_fs *fs = iso_fs(sb);
	u8 raw[ISO_RECORD_MAX + 1];
	const struct iso_record *r = (const struct iso_record *)raw;
	u32 area;
	int err = iso_read_bytes(sb, pos, raw, 1);

	*len = 0;
	if (err != 0 || raw[0] == 0)
		return err;
	if (raw[0] < sizeof(*r) || raw[0] > ISO_SECTOR - (pos & (ISO_SECTOR - 1)))
		return -EUCLEAN;
	err = iso_read_bytes(sb, pos, raw, raw[0]);
	if (err != 0)
		return err;
	if (r->name_len == 0 || sizeof(*r) + r->name_len > r->len)
		return -EUCLEAN;
	plain_fields(e, r, pos);
	*len = r->len;
	area = (u32)sizeof(*r) + r->name_len;
	area += (area & 1) + fs->su_skip;
	if (fs->names != ISO_NAMES_ROCK || area >= r->len)
		return 0;
	return iso_rock_parse(sb, raw + area, r->len - area, e);
}
