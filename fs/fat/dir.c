/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories: entries one after the other; a long name is in the entries before its own, the last piece first. Pieces that don't fit their
 * entry (by number or checksum) are nobody's and passed over.
 *
 * The directory's rwlock guards names and places; the attributes in an entry are written under node_lock (inode.c).
 */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/string.h"

#define ENTRY		((u32)sizeof(struct fat_dirent))

/* --- blocks and entries --- */

/* The device's block of the directory's block fblock; 0: behind its end. */
static int
dir_block(struct vnode *dir, u64 fblock, u64 *block)
{
	struct fat_fs *fs = fat_fs(dir->sb);
	u32 shift = fs->cluster_bits - fs->block_bits, cluster, n;
	int err;

	*block = 0;
	if ((off_t)(fblock << fs->block_bits) >= vnode_size(dir))
		return 0;
	if (fat_is_fixed_root(fs, dir)) {
		*block = fs->root_start + fblock;
		return 0;
	}
	err = fat_chain_find(dir, (u32)(fblock >> shift), 1, &cluster, &n);
	if (err == 0 && n != 0)
		*block = fat_cluster_block(fs, cluster) + (fblock & (fs->cluster_blocks - 1));
	return err;
}

static void
scan_put(struct fat_scan *s)
{
	buf_put(s->b);
	s->b = NULL;
}

void
fat_scan_begin(struct fat_scan *s, struct vnode *dir, u32 index)
{
	s->dir = dir;
	s->index = index;
	s->b = NULL;
	s->len = 0;
	s->seq = 0;
	s->want = s->run = 0;
	s->room = FAT_NO_SLOT;
}

void
fat_scan_end(struct fat_scan *s)
{
	scan_put(s);
}

/* The entry at an index; NULL with *err 0: behind the end. It stays while s->b does. */
static struct fat_dirent *
entry_of(struct fat_scan *s, u32 index, int *err)
{
	struct fat_fs *fs = fat_fs(s->dir->sb);
	u64 byte = (u64)index * ENTRY, fblock = byte >> fs->block_bits, block;

	*err = 0;
	if (s->b == NULL || s->fblock != fblock) {
		scan_put(s);
		*err = dir_block(s->dir, fblock, &block);
		if (*err != 0 || block == 0)
			return NULL;
		*err = buf_read(fs->bdev, block, &s->b);
		if (*err != 0) {
			s->b = NULL;
			return NULL;
		}
		s->fblock = fblock;
	}
	return (struct fat_dirent *)(s->b->data + (byte & ((1u << fs->block_bits) - 1)));
}

static u64
position(const struct fat_scan *s, u32 index)
{
	struct fat_fs *fs = fat_fs(s->dir->sb);
	u32 per_block = (1u << fs->block_bits) / ENTRY;

	return s->b->block * per_block + index % per_block;
}

struct fat_dirent *
fat_entry_at(struct fat_fs *fs, u64 pos, struct buf **b, int *err)
{
	u32 per_block = (1u << fs->block_bits) / ENTRY;

	*err = buf_read(fs->bdev, pos / per_block, b);
	if (*err != 0) {
		*b = NULL;
		return NULL;
	}
	return (struct fat_dirent *)((*b)->data + pos % per_block * ENTRY);
}

/* --- scanning --- */

/* A piece of a long name. False: it isn't what must come next. */
static bool
take_piece(struct fat_scan *s, const struct fat_long *l, u32 index)
{
	u32 seq = l->seq & 0x3f, at;

	if (l->seq & FAT_LONG_LAST) {
		if (seq == 0 || seq > (FAT_NAME_MAX + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS)
			return false;
		s->first = index;
		s->csum = l->csum;
		s->len = seq * FAT_LONG_UNITS;
	} else if (s->seq == 0 || seq != s->seq - 1u || l->csum != s->csum) {
		return false;
	}
	if (seq == 0)
		return false;
	s->seq = (u8)seq;
	at = (seq - 1) * FAT_LONG_UNITS;
	memcpy(&s->name[at], l->name1, 10);
	memcpy(&s->name[at + 5], l->name2, 12);
	memcpy(&s->name[at + 11], l->name3, 4);
	return true;
}

static void
no_long(struct fat_scan *s)
{
	s->len = 0;
	s->seq = 0;
}

/* The name is whole and goes with s->de: cut it at its end, and take out what no user can be shown. */
static void
settle_name(struct fat_scan *s)
{
	u32 n = 0;

	if (s->len == 0 || s->seq != 1 || s->csum != fat_checksum(s->de.name)) {
		no_long(s);
		s->first = s->at;
		return;
	}
	while (n < s->len && s->name[n] != 0)
		n++;
	s->len = n <= FAT_NAME_MAX ? n : 0;
	s->seq = 0;
	for (u32 i = 0; i < n; i++) {
		u16 c = s->name[i];

		if (c == '/')
			s->len = 0;
		if ((c & 0xfc00) == 0xd800 && i + 1 < n && (s->name[i + 1] & 0xfc00) == 0xdc00)
			i++;
		else if ((c & 0xf800) == 0xd800)
			s->name[i] = 0xfffd;
	}
	if ((s->len == 1 && s->name[0] == '.') || (s->len == 2 && s->name[0] == '.' && s->name[1] == '.'))
		s->len = 0;
}

static void
count_free(struct fat_scan *s, bool is_free, u32 index)
{
	s->run = is_free ? s->run + 1 : 0;
	if (s->room == FAT_NO_SLOT && s->want != 0 && s->run >= s->want)
		s->room = index + 1 - s->want;
}

int
fat_scan_next(struct fat_scan *s)
{
	no_long(s);
	for (;;) {
		u32 index = s->index;
		int err;
		const struct fat_dirent *de = entry_of(s, index, &err);

		if (de == NULL || de->name[0] == 0)
			return err;
		s->index++;
		if (de->name[0] == FAT_DELETED) {
			count_free(s, true, index);
			no_long(s);
			continue;
		}
		count_free(s, false, index);
		if ((de->attr & FAT_LONG_MASK) == FAT_LONG) {
			if (!fat_fs(s->dir->sb)->vfat || !take_piece(s, (const struct fat_long *)de, index))
				no_long(s);
			continue;
		}
		if (de->attr & FAT_VOLUME) {
			no_long(s);
			continue;
		}
		s->de = *de;
		s->at = index;
		s->pos = position(s, index);
		settle_name(s);
		return 1;
	}
}

static bool
is_dot(const struct fat_dirent *de)
{
	return memcmp(de->name, ".          ", 11) == 0 || memcmp(de->name, "..         ", 11) == 0;
}

static int
find_msdos(struct fat_scan *s, const char *name, u32 len)
{
	struct fat_fs *fs = fat_fs(s->dir->sb);
	bool hidden;
	u8 want[11];
	int r;

	if (fat_msdos_name(fs, name, len, want, &hidden) != 0)
		return 0;
	while ((r = fat_scan_next(s)) == 1)
		if (memcmp(s->de.name, want, sizeof(want)) == 0 && (!fs->opt.dots || hidden == !!(s->de.attr & FAT_HIDDEN)))
			break;
	return r;
}

int
fat_find(struct fat_scan *s, struct vnode *dir, const char *name, u32 len)
{
	struct fat_fs *fs = fat_fs(dir->sb);
	u16 want[FAT_NAME_MAX + 1], shown[13];
	u32 n;
	int r;

	fat_scan_begin(s, dir, 0);
	if (!fs->vfat)
		return find_msdos(s, name, len);
	r = fat_name_from_user(fs, name, len, want, &n);
	if (r != 0 || n == 0)
		return 0;		/* no file can have such a name */
	while ((r = fat_scan_next(s)) == 1) {
		if (is_dot(&s->de))
			continue;
		if (s->len != 0 && fat_names_equal(fs, want, n, s->name, s->len))
			break;
		if (n <= 12 && fat_names_equal(fs, want, n, shown, fat_short_to_utf16(fs, &s->de, shown)))
			break;
	}
	return r;
}

int
fat_dir_is_empty(struct vnode *dir)
{
	struct fat_scan s;
	int r;

	fat_scan_begin(&s, dir, 0);
	while ((r = fat_scan_next(&s)) == 1)
		if (!is_dot(&s.de))
			break;
	fat_scan_end(&s);
	return r < 0 ? r : r == 0;
}

int
fat_dir_subdirs(struct vnode *dir)
{
	struct fat_scan s;
	int r, n = 0;

	fat_scan_begin(&s, dir, 0);
	while ((r = fat_scan_next(&s)) == 1)
		n += (s.de.attr & FAT_DIR) && !is_dot(&s.de);
	fat_scan_end(&s);
	return r < 0 ? r : n;
}

/* --- adding --- */

int
fat_clear_cluster(struct fat_fs *fs, u32 cluster, const void *head, u32 len)
{
	u64 block = fat_cluster_block(fs, cluster);
	int err = 0, e;

	for (u32 i = 0; i < fs->cluster_blocks && err == 0; i++) {
		struct buf *b;

		err = buf_get_zeroed(fs->bdev, block + i, &b);
		if (err != 0)
			break;
		if (i == 0 && len != 0)
			memcpy(b->data, head, len);
		buf_dirty(b);
		buf_write_start(b, 0);
		buf_put(b);
	}
	for (u32 i = 0; i < fs->cluster_blocks && err == 0; i++) {
		struct buf *b;

		err = buf_get(fs->bdev, block + i, &b);
		if (err != 0)
			break;
		e = buf_wait(b);
		err = err != 0 ? err : e;
		buf_put(b);
	}
	return err;
}

static int
extend(struct vnode *dir)
{
	struct fat_fs *fs = fat_fs(dir->sb);
	off_t size = vnode_size(dir);
	u32 cluster, n;
	int err;

	if (fat_is_fixed_root(fs, dir) || size + (1L << fs->cluster_bits) > (off_t)FAT_DIR_MAX)
		return -ENOSPC;
	err = fat_chain_append(dir, 1, &cluster, &n);
	if (err == -ENOSPC && fat_free_pending(fs) > 0)
		err = fat_chain_append(dir, 1, &cluster, &n);
	if (err == 0)
		vnode_set_size(dir, size + (off_t)(n << fs->cluster_bits));
	return err;
}

static void
make_piece(struct fat_long *l, const u16 *name, u32 n, u32 seq, u8 csum)
{
	u16 units[FAT_LONG_UNITS];
	u32 from = (seq - 1) * FAT_LONG_UNITS;

	for (u32 i = 0; i < FAT_LONG_UNITS; i++)
		units[i] = from + i < n ? name[from + i] : from + i == n ? 0 : 0xffff;
	memset(l, 0, sizeof(*l));
	l->seq = (u8)(seq | (seq == DIV_ROUND_UP(n, FAT_LONG_UNITS) ? FAT_LONG_LAST : 0));
	l->attr = FAT_LONG;
	l->csum = csum;
	memcpy(l->name1, units, 10);
	memcpy(l->name2, units + 5, 12);
	memcpy(l->name3, units + 11, 4);
}

/* pieces of the long name and the entry itself into the free ones from s->room on. */
static int
put_entries(struct fat_scan *s, const u16 *name, u32 n, u32 pieces, const struct fat_dirent *de, u64 *pos)
{
	u8 csum = fat_checksum(de->name);
	struct fat_dirent *to;
	int err = 0;
	u32 i;

	for (i = 0; i <= pieces; i++) {
		to = entry_of(s, s->room + i, &err);
		if (to == NULL)
			break;
		if (i < pieces)
			make_piece((struct fat_long *)to, name, n, pieces - i, csum);
		else
			*to = *de;
		buf_dirty(s->b);
		*pos = position(s, s->room + i);
	}
	if (i > pieces)
		return 0;
	while (i-- > 0) {		/* what is there belongs to nobody */
		int e;

		to = entry_of(s, s->room + i, &e);
		if (to != NULL) {
			to->name[0] = FAT_DELETED;
			buf_dirty(s->b);
		}
	}
	return err != 0 ? err : -EIO;
}

/* Behind the last entry all is free; the directory grows if that is not enough. */
static int
make_room(struct fat_scan *s)
{
	u32 start;

	if (s->room != FAT_NO_SLOT)
		return 0;
	start = s->index - s->run;
	while ((u64)(start + s->want) * ENTRY > (u64)vnode_size(s->dir)) {
		int err = extend(s->dir);

		if (err != 0)
			return err;
	}
	s->room = start;
	return 0;
}

/* What lies behind the last entry may be anything but the mark: it must stay the last one. */
static int
keep_end(struct fat_scan *s, u32 end)
{
	struct fat_dirent *de;
	int err;

	if (s->room + s->want <= end)
		return 0;
	de = entry_of(s, s->room + s->want, &err);
	if (de != NULL && de->name[0] != 0) {
		memset(de, 0, sizeof(*de));
		buf_dirty(s->b);
	}
	return err;
}

static bool
is_bad_char(u16 c)
{
	return c < 0x20 || (c < 0x80 && strchr("*?<>|\":/\\", c) != NULL);
}

static int
check_name(const u16 *name, u32 n)
{
	if (n == 0)
		return -ENOENT;
	for (u32 i = 0; i < n; i++)
		if (is_bad_char(name[i]))
			return -EINVAL;
	return name[n - 1] == ' ' ? -EINVAL : 0;
}

static int
short_is_taken(struct vnode *dir, const u8 name[11])
{
	struct fat_scan s;
	int r;

	fat_scan_begin(&s, dir, 0);
	while ((r = fat_scan_next(&s)) == 1)
		if (memcmp(s.de.name, name, 11) == 0)
			break;
	fat_scan_end(&s);
	return r;
}

/* The short name, and where there is room for all: one pass over the directory. */
static int
choose(struct fat_scan *s, struct vnode *dir, struct fat_alias *a, u32 want, struct fat_dirent *de)
{
	int r;

	fat_scan_begin(s, dir, 0);
	s->want = want;
	while ((r = fat_scan_next(s)) == 1)
		fat_alias_seen(a, s->de.name);
	if (r == 0 && (a->used & 1) && !a->with_long)
		r = -EEXIST;
	for (u32 i = 0; r == 0; i++) {
		fat_alias_number(a, i, de->name);
		if (i == 0 && ((a->used & 0x3fe) != 0x3fe || (!a->tail && !(a->used & 1))))
			break;
		r = short_is_taken(dir, de->name);
		if (r == 0)
			break;
		r = r < 0 ? r : i > 1000 ? -EEXIST : 0;
	}
	return r;
}

static int
add_vfat(struct vnode *dir, const char *text, u32 len, struct fat_dirent *de, u64 *pos)
{
	struct fat_fs *fs = fat_fs(dir->sb);
	u16 name[FAT_NAME_MAX + 1];
	struct fat_alias a;
	struct fat_scan s;
	u32 n, pieces, end;
	int err = fat_name_from_user(fs, text, len, name, &n);

	if (err == 0)
		err = check_name(name, n);
	if (err == 0)
		err = fat_alias_make(fs, name, n, &a);
	if (err != 0)
		return err;
	pieces = a.with_long ? DIV_ROUND_UP(n, FAT_LONG_UNITS) : 0;
	de->lcase = a.lcase;
	err = choose(&s, dir, &a, pieces + 1, de);
	end = s.index;
	if (err == 0)
		err = make_room(&s);
	if (err == 0)
		err = keep_end(&s, end);
	if (err == 0)
		err = put_entries(&s, name, n, pieces, de, pos);
	fat_scan_end(&s);
	return err;
}

static int
add_msdos(struct vnode *dir, const char *text, u32 len, struct fat_dirent *de, u64 *pos)
{
	struct fat_scan s;
	bool hidden;
	u32 end;
	int err = fat_msdos_name(fat_fs(dir->sb), text, len, de->name, &hidden);

	if (err != 0)
		return err;
	de->attr = hidden ? de->attr | FAT_HIDDEN : de->attr & (u8)~FAT_HIDDEN;
	de->lcase = 0;
	fat_scan_begin(&s, dir, 0);
	s.want = 1;
	while ((err = fat_scan_next(&s)) == 1)
		if (memcmp(s.de.name, de->name, 11) == 0) {
			err = -EINVAL;		/* the other one of a hidden and a shown file */
			break;
		}
	end = s.index;
	if (err == 0)
		err = make_room(&s);
	if (err == 0)
		err = keep_end(&s, end);
	if (err == 0)
		err = put_entries(&s, NULL, 0, 0, de, pos);
	fat_scan_end(&s);
	return err;
}

int
fat_dir_add(struct vnode *dir, const char *name, u32 len, struct fat_dirent *de, u64 *pos)
{
	int err;

	rwlock_assert_write_held(&dir->rwlock);
	err = fat_fs(dir->sb)->vfat ? add_vfat(dir, name, len, de, pos) : add_msdos(dir, name, len, de, pos);
	if (err == 0)
		WRITE_ONCE(fat_v(dir)->version, fat_v(dir)->version + 1);
	return err;
}

/* --- removing, changing --- */

int
fat_dir_remove(struct vnode *dir, u64 pos)
{
	struct fat_scan s;
	int r;

	rwlock_assert_write_held(&dir->rwlock);
	fat_scan_begin(&s, dir, 0);
	while ((r = fat_scan_next(&s)) == 1)
		if (s.pos == pos)
			break;
	if (r == 0) {
		fat_error(fat_fs(dir->sb), "an entry is not where it was");
		r = -EIO;
	}
	for (u32 i = s.at + 1; r == 1 && i-- > s.first; ) {
		int err;
		struct fat_dirent *de = entry_of(&s, i, &err);

		if (de == NULL) {
			r = err != 0 ? err : -EIO;
			break;
		}
		de->name[0] = FAT_DELETED;
		buf_dirty(s.b);
	}
	fat_scan_end(&s);
	(void)fat_changed(fat_fs(dir->sb));
	return MIN(r, 0);
}

static void
dot_entry(struct fat_dirent *de, const char *name, u32 cluster)
{
	memcpy(de->name, name, 11);
	de->attr = FAT_DIR;
	de->lcase = 0;
	de->size = le32_make(0);
	de->start = le16_make((u16)cluster);
	de->start_hi = le16_make((u16)(cluster >> 16));
}

static u32
parent_cluster(struct vnode *dir)
{
	return dir->ino == FAT_ROOT_INO ? 0 : fat_chain_start(dir);
}

int
fat_dir_make(struct vnode *dir, struct fat_dirent *de)
{
	struct fat_fs *fs = fat_fs(dir->sb);
	struct fat_dirent dots[2];
	u32 cluster, n;
	int err = fat_alloc(fs, 0, 1, &cluster, &n);

	if (err == -ENOSPC && fat_free_pending(fs) > 0)
		err = fat_alloc(fs, 0, 1, &cluster, &n);
	if (err != 0)
		return err;
	dots[0] = dots[1] = *de;
	dot_entry(&dots[0], ".          ", cluster);
	dot_entry(&dots[1], "..         ", parent_cluster(dir));
	err = fat_clear_cluster(fs, cluster, dots, sizeof(dots));
	(void)fat_changed(fs);
	if (err == 0)
		err = fat_flush_metadata(fs);	/* before an entry leads to it */
	if (err != 0) {
		(void)fat_free_chain(fs, cluster, true);
		return err;
	}
	de->start = le16_make((u16)cluster);
	if (fs->bits == 32)
		de->start_hi = le16_make((u16)(cluster >> 16));
	return 0;
}

int
fat_dir_set_parent(struct vnode *dir, struct vnode *parent)
{
	u32 cluster = parent_cluster(parent);
	struct fat_dirent *de;
	struct fat_scan s;
	int err;

	fat_scan_begin(&s, dir, 0);
	de = entry_of(&s, 1, &err);
	if (de == NULL || memcmp(de->name, "..         ", 11) != 0) {
		fat_error(fat_fs(dir->sb), "a directory has no \"..\"");
		err = err != 0 ? err : -EIO;
	} else {
		de->start = le16_make((u16)cluster);
		if (fat_fs(dir->sb)->bits == 32)
			de->start_hi = le16_make((u16)(cluster >> 16));
		buf_dirty(s.b);
	}
	fat_scan_end(&s);
	return err;
}

/* --- reading --- */

/* Position: 0 and 1 are "." and "..", then 2 and the index of an entry. */
static int
emit_dots(struct file *f, struct dir_context *ctx)
{
	struct dentry *up;
	u64 ino;

	if (ctx->pos == 0) {
		if (ctx->emit(ctx, ".", 1, f->vn->ino, DT_DIR) != 0)
			return 1;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		up = dentry_get_parent(f->dentry);
		ino = up->vn->ino;
		dentry_put(up);
		if (ctx->emit(ctx, "..", 2, ino, DT_DIR) != 0)
			return 1;
		ctx->pos = 2;
	}
	return 0;
}

static int
emit_entry(struct fat_scan *s, struct dir_context *ctx, char *text)
{
	struct fat_fs *fs = fat_fs(s->dir->sb);
	u16 shown[13];
	u32 n, dot = 0;

	if (s->len != 0) {
		n = fat_name_to_user(fs, s->name, s->len, text);
	} else {
		if (fs->opt.dots && (s->de.attr & FAT_HIDDEN))
			text[dot++] = '.';
		n = dot + fat_name_to_user(fs, shown, fat_short_to_utf16(fs, &s->de, shown), text + dot);
	}
	if (n == 0 || (n == 1 && text[0] == '.') || (n == 2 && text[0] == '.' && text[1] == '.'))
		return 0;
	return ctx->emit(ctx, text, n, fat_ino_at(fs, s->pos), s->de.attr & FAT_DIR ? DT_DIR : DT_REG);
}

int
fat_iterate(struct file *f, struct dir_context *ctx)
{
	char text[FAT_NAME_BYTES + 1];
	struct fat_scan s;
	int r;

	if (ctx->pos < 0 || ctx->pos > (off_t)UINT32_MAX || emit_dots(f, ctx) != 0)
		return 0;
	fat_scan_begin(&s, f->vn, (u32)ctx->pos - 2);
	while ((r = fat_scan_next(&s)) == 1) {
		if (!is_dot(&s.de) && emit_entry(&s, ctx, text) != 0) {
			r = 0;
			break;
		}
		ctx->pos = (off_t)s.index + 2;
	}
	fat_scan_end(&s);
	return r;
}
