/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories: blocks of entries, each of which reaches to the next one. Here is what is done in one block, and with directories
 * that have no index; htree.c finds the block by the name's hash where there is one. Nothing on the disk is believed: every
 * entry is checked when it is passed.
 */
#include "fs/ext2/ext2.h"

#include "sys/lib/string.h"

bool
ext2_is_indexed(struct vnode *dir)
{
	return ext2_has_compat(ext2_fs(dir->sb), COMPAT_DIR_INDEX) && (ext2_i(dir)->flags & EXT2_INDEX_FL);
}

/* Entries are looked for in all blocks then: those of the index look empty. */
void
ext2_dir_drop_index(struct vnode *dir)
{
	spin_lock(&dir->lock);
	ext2_i(dir)->flags &= ~(u32)EXT2_INDEX_FL;
	spin_unlock(&dir->lock);
}

u8
ext2_dirent_type(const struct ext2_fs *fs, u32 mode)
{
	static const u8 types[16] = { [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2, [S_IFCHR >> 12] = 3, [S_IFBLK >> 12] = 4,
		[S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6, [S_IFLNK >> 12] = 7 };

	return ext2_has_incompat(fs, INCOMPAT_FILETYPE) ? types[(mode & S_IFMT) >> 12] : 0;
}

static void
report(struct vnode *dir, const struct buf *b, u32 off, const char *what)
{
	ext2_error(ext2_fs(dir->sb), "bad entry in directory #%llu, block %llu, offset %u: %s", (unsigned long long)dir->ino,
		(unsigned long long)b->block, off, what);
}

bool
ext2_dirent_ok(struct vnode *dir, const struct buf *b, u32 off)
{
	const struct ext2_dirent *de = (const struct ext2_dirent *)(b->data + off);
	const char *what = NULL;

	if (off + EXT2_DIRENT_HEAD > b->size || (off & 3) != 0)
		what = "offset";
	else if (de->rec_len < ext2_rec_len(1) || (de->rec_len & 3) != 0 || de->rec_len > b->size - off)
		what = "record length";
	else if (ext2_rec_len(de->name_len) > de->rec_len)
		what = "name length";
	else if (de->inode > ext2_fs(dir->sb)->inodes)
		what = "inode number";
	if (what != NULL)
		report(dir, b, off, what);
	return what == NULL;
}

int
ext2_dir_read(struct vnode *dir, u64 fblock, struct buf **b)
{
	struct block_extent e;
	int err = ext2_map(NULL, dir, fblock, 1, false, &e);

	if (err != 0)
		return err;
	if (e.hole) {
		ext2_error(ext2_fs(dir->sb), "directory #%llu has a hole at block %llu", (unsigned long long)dir->ino,
			(unsigned long long)fblock);
		return -EIO;
	}
	return ext2_read_meta(ext2_fs(dir->sb), e.block, "directory", b);
}

/* A new, empty block at fblock: one entry that is not used. Its buffer is the handle's. A block that the map has there already is one kept for
 * the directory, or was left by a try that failed. */
static int
new_block(struct handle *h, struct vnode *dir, u64 fblock, struct buf **b)
{
	struct block_extent e;
	struct ext2_dirent *de;
	int err = ext2_map(h, dir, fblock, 1, true, &e);

	if (err == 0)
		err = buf_get_zeroed(dir->sb->bdev, e.block, b);
	if (err != 0)
		return err;
	err = journal_access_new(h, *b);
	if (err != 0) {
		buf_put(*b);
		return err;
	}
	de = (struct ext2_dirent *)(*b)->data;
	de->rec_len = (u16)dir->sb->blksize;
	ext2_dirty(h, *b);
	return 0;
}

int
ext2_dir_append(struct handle *h, struct vnode *dir, u64 *fblock, struct buf **b)
{
	int err;

	*fblock = ext2_dir_blocks(dir);
	if (vnode_size(dir) + dir->sb->blksize > (off_t)INT32_MAX)
		return -ENOSPC;
	err = new_block(h, dir, *fblock, b);
	if (err == 0)
		vnode_set_size(dir, vnode_size(dir) + dir->sb->blksize);
	return err;
}

int
ext2_dir_next(struct vnode *dir, u64 *fblock, u32 *passed, struct block_extent *e)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);

	for (u64 blocks = ext2_dir_blocks(dir); *fblock < blocks; *fblock += e->n) {
		int err = ext2_map(NULL, dir, *fblock, UINT32_MAX, false, e);

		if (err != 0)
			return err;
		if (e->hole)
			continue;
		if (++*passed <= fs->blocks)
			return 1;
		ext2_error(fs, "directory #%llu has more blocks than the device", (unsigned long long)dir->ino);
		return -EIO;
	}
	return 0;
}

void
ext2_dir_changed(struct vnode *dir)
{
	ext2_i(dir)->dir_version++;
	vnode_touch(dir, VT_MTIME | VT_CTIME);
}

/* --- in one block --- */

int
ext2_find_in_block(struct vnode *dir, struct buf *b, const char *name, u32 len, struct ext2_slot *out)
{
	u32 prev = 0;

	for (u32 off = 0; off < b->size; ) {
		struct ext2_dirent *de = (struct ext2_dirent *)(b->data + off);

		if (!ext2_dirent_ok(dir, b, off))
			return -EUCLEAN;
		if (de->inode != 0 && de->name_len == len && memcmp(de->name, name, len) == 0) {
			out->b = b;
			out->de = de;
			out->prev = prev;
			return 1;
		}
		prev = off;
		off += de->rec_len;
	}
	return 0;
}

int
ext2_add_to_block(struct handle *h, struct vnode *dir, struct buf *b, const char *name, u32 len, u64 ino, u8 type)
{
	u32 need = ext2_rec_len(len);

	for (u32 off = 0; off < b->size; ) {
		struct ext2_dirent *de = (struct ext2_dirent *)(b->data + off);
		u32 used;
		int err;

		if (!ext2_dirent_ok(dir, b, off))
			return -EIO;
		used = de->inode != 0 ? ext2_rec_len(de->name_len) : 0;
		if (de->rec_len - used < need) {
			off += de->rec_len;
			continue;
		}
		err = ext2_access(h, b);
		if (err != 0)
			return err;
		if (used != 0) {
			struct ext2_dirent *next = (struct ext2_dirent *)(b->data + off + used);

			next->rec_len = (u16)(de->rec_len - used);
			de->rec_len = (u16)used;
			de = next;
		}
		de->inode = (u32)ino;
		de->name_len = (u8)len;
		de->file_type = type;
		memcpy(de->name, name, len);
		ext2_dirty(h, b);
		return 0;
	}
	return -ENOSPC;
}

int
ext2_dir_remove(struct handle *h, struct vnode *dir, struct ext2_slot *slot)
{
	struct ext2_dirent *prev = (struct ext2_dirent *)(slot->b->data + slot->prev);
	int err = ext2_access(h, slot->b);

	if (err != 0)
		return err;
	if (prev != slot->de)
		prev->rec_len = (u16)(prev->rec_len + slot->de->rec_len);
	slot->de->inode = 0;
	ext2_dirty(h, slot->b);
	ext2_i(dir)->dir_hint = 0;
	ext2_dir_changed(dir);
	return 0;
}

int
ext2_dir_set(struct handle *h, struct vnode *dir, struct ext2_slot *slot, struct vnode *vn)
{
	int err = ext2_access(h, slot->b);

	if (err != 0)
		return err;
	slot->de->inode = (u32)vn->ino;
	slot->de->file_type = ext2_dirent_type(ext2_fs(dir->sb), vn->mode);
	ext2_dirty(h, slot->b);
	return 0;
}

/* --- whole directories --- */

static int
find_linear(struct vnode *dir, const char *name, u32 len, struct ext2_slot *out)
{
	struct block_extent e;
	u32 passed = 0;
	int err;

	for (u64 i = 0; (err = ext2_dir_next(dir, &i, &passed, &e)) == 1; i++) {
		struct buf *b;

		for (u32 k = 1; i % EXT2_DIR_AHEAD == 0 && k < MIN(e.n, EXT2_DIR_AHEAD); k++)
			buf_read_ahead(dir->sb->bdev, e.block + k);
		err = ext2_read_meta(ext2_fs(dir->sb), e.block, "directory", &b);
		if (err != 0)
			return err;
		err = ext2_find_in_block(dir, b, name, len, out);
		if (err == 1) {
			out->fblock = i;
			return 0;
		}
		buf_put(b);
		if (err != 0)
			return err;
	}
	return err < 0 ? err : -ENOENT;
}

int
ext2_dir_find(struct vnode *dir, const char *name, u32 len, struct ext2_slot *out)
{
	bool dots = len <= 2 && name[0] == '.' && (len == 1 || name[1] == '.');

	if (ext2_is_indexed(dir) && !dots) {
		int err = ext2_htree_find(dir, name, len, out);

		if (err != -EUCLEAN)
			return err;
	}
	return find_linear(dir, name, len, out);
}

/* Block i of a directory without index; a hole gets a block, as on Linux. */
static int
block_to_fill(struct handle *h, struct vnode *dir, u64 i, struct buf **b)
{
	struct block_extent e;
	int err = ext2_map(NULL, dir, i, 1, false, &e);

	if (err != 0)
		return err;
	return e.hole ? new_block(h, dir, i, b) : ext2_read_meta(ext2_fs(dir->sb), e.block, "directory", b);
}

static int
add_linear(struct handle *h, struct vnode *dir, const char *name, u32 len, u64 ino, u8 type)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	u64 blocks = ext2_dir_blocks(dir), fblock;
	struct buf *b;
	int err;

	for (u64 i = MIN((u64)ext2_i(dir)->dir_hint, blocks); i < blocks; i++) {
		err = block_to_fill(h, dir, i, &b);
		if (err != 0)
			return err;
		err = ext2_add_to_block(h, dir, b, name, len, ino, type);
		if (err == -ENOSPC && blocks == 1 && ext2_has_compat(fs, COMPAT_DIR_INDEX)) {
			err = ext2_htree_make(h, dir, b, name, len, ino, type);
			buf_put(b);
			return err;
		}
		buf_put(b);
		if (err != -ENOSPC) {
			ext2_i(dir)->dir_hint = (u32)i;
			return err;
		}
	}
	err = ext2_dir_append(h, dir, &fblock, &b);
	if (err != 0)
		return err;
	ext2_i(dir)->dir_hint = (u32)fblock;
	err = ext2_add_to_block(h, dir, b, name, len, ino, type);
	buf_put(b);
	return err;
}

int
ext2_dir_add(struct handle *h, struct vnode *dir, const char *name, u32 len, struct vnode *vn)
{
	u8 type = ext2_dirent_type(ext2_fs(dir->sb), vn->mode);
	int err = -EUCLEAN;

	if (ext2_i(dir)->flags & EXT2_INDEX_FL) {
		if (ext2_is_indexed(dir))
			err = ext2_htree_add(h, dir, name, len, vn->ino, type);
		if (err == -EUCLEAN)		/* no index that we could keep right: from now on there is none */
			ext2_dir_drop_index(dir);
	}
	if (err == -EUCLEAN)
		err = add_linear(h, dir, name, len, vn->ino, type);
	if (err == 0)
		ext2_dir_changed(dir);
	return err;
}

int
ext2_dir_make(struct handle *h, struct vnode *vn, struct vnode *parent)
{
	u8 type = ext2_dirent_type(ext2_fs(vn->sb), S_IFDIR);
	struct ext2_dirent *de;
	struct buf *b;
	u64 fblock;
	int err = ext2_dir_append(h, vn, &fblock, &b);

	if (err != 0)
		return err;
	de = (struct ext2_dirent *)b->data;
	*de = (struct ext2_dirent){ .inode = (u32)vn->ino, .rec_len = (u16)ext2_rec_len(1), .name_len = 1, .file_type = type };
	de->name[0] = '.';
	de = (struct ext2_dirent *)(b->data + de->rec_len);
	*de = (struct ext2_dirent){ .inode = (u32)parent->ino, .rec_len = (u16)(vn->sb->blksize - ext2_rec_len(1)), .name_len = 2,
		.file_type = type };
	de->name[0] = de->name[1] = '.';
	ext2_dirty(h, b);
	buf_put(b);
	return 0;
}

int
ext2_dir_dotdot(struct vnode *dir, struct ext2_slot *out)
{
	struct buf *b;
	int err = ext2_dir_read(dir, 0, &b);

	if (err != 0)
		return err;
	if (ext2_find_in_block(dir, b, "..", 2, out) == 1)
		return 0;
	buf_put(b);
	ext2_error(ext2_fs(dir->sb), "directory #%llu has no \"..\"", (unsigned long long)dir->ino);
	return -EIO;
}

static bool
is_dots(const struct ext2_dirent *de)
{
	return de->name[0] == '.' && (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));
}

/* 1: it has none but dots. 0, -errno */
static int
block_is_empty(struct vnode *dir, const struct buf *b)
{
	for (u32 off = 0; off < b->size; ) {
		const struct ext2_dirent *de = (const struct ext2_dirent *)(b->data + off);

		if (!ext2_dirent_ok(dir, b, off))
			return -EIO;
		if (de->inode != 0 && !is_dots(de))
			return 0;
		off += de->rec_len;
	}
	return 1;
}

int
ext2_dir_is_empty(struct vnode *dir)
{
	struct block_extent e;
	u32 passed = 0;
	int err;

	for (u64 i = 0; (err = ext2_dir_next(dir, &i, &passed, &e)) == 1; i++) {
		struct buf *b;

		err = ext2_read_meta(ext2_fs(dir->sb), e.block, "directory", &b);
		if (err != 0)
			return err;
		err = block_is_empty(dir, b);
		buf_put(b);
		if (err != 1)
			return err;
	}
	return err < 0 ? err : 1;
}
