/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading directories.
 *
 * Where the file system has dir_index, indexed directories and those of one block (which may get an index) are read in the order of the
 * hashes: the position is (hash, minor hash), so it stays good whatever is added, removed and split meanwhile. Other directories are read
 * block by block; the position is the offset of the entry, and a block is gone through from its start, since an entry may have been merged
 * with the one before it.
 *
 * An open directory keeps a cursor: the entries of the last leaf, sorted, until the directory changes.
 */
#include "fs/ext2/ext2.h"

#include "sys/kmem.h"
#include "sys/lib/sort.h"
#include "sys/lib/string.h"

#define END_POS		INT64_MAX
#define LEAVES_MAX	64	/* that names of one hash may fill */

struct item { u64 pos; u32 ino, name; u8 len, type; };

struct cursor {
	u64 version;		/* of the directory */
	u64 from, to;		/* positions that it covers, [from, to) */
	u32 count, size;
	u32 text_used, text_size;
	struct item *items;	/* by position */
	char *text;
};

static u8
dtype_of(u8 type)
{
	static const u8 map[8] = { 0, 8, 4, 2, 6, 1, 12, 10 };

	return type < 8 ? map[type] : 0;
}

static u64
position(const struct ext2_hash *h)
{
	return (u64)(h->major >> 1) << 32 | h->minor;
}

static void
cursor_free(struct cursor *c)
{
	if (c == NULL)
		return;
	kmem_free(c->items);
	kmem_free(c->text);
	kmem_free(c);
}

void
ext2_dir_release(struct file *f)
{
	cursor_free(f->priv);
	f->priv = NULL;
}

static int
cursor_room(struct cursor *c, u32 block_size)
{
	u32 items = c->count + block_size / ext2_rec_len(1), text = c->text_used + block_size;

	if (items > c->size) {
		struct item *n = kmem_realloc(c->items, items * sizeof(*n), KM_NORMAL);

		if (n == NULL)
			return -ENOMEM;
		c->items = n;
		c->size = items;
	}
	if (text > c->text_size) {
		char *n = kmem_realloc(c->text, text, KM_NORMAL);

		if (n == NULL)
			return -ENOMEM;
		c->text = n;
		c->text_size = text;
	}
	return 0;
}

static u64
item_position(const struct ext2_dirent *de, struct ext2_hash *hash)
{
	if (de->name[0] == '.' && de->name_len == 1)
		return 0;
	if (de->name[0] == '.' && de->name_len == 2 && de->name[1] == '.')
		return 2;
	(void)ext2_dirhash(de->name, de->name_len, hash);
	return MAX(position(hash), 3UL);
}

/* The entries of a block with positions from c->from on. */
static int
collect(struct vnode *dir, const struct buf *b, struct ext2_hash *hash, struct cursor *c)
{
	int err = cursor_room(c, b->size);

	for (u32 off = 0; err == 0 && off < b->size; ) {
		const struct ext2_dirent *de = (const struct ext2_dirent *)(b->data + off);
		u64 pos;

		if (!ext2_dirent_ok(dir, b, off))
			return -EIO;
		off += de->rec_len;
		if (de->inode == 0 || de->name_len == 0)
			continue;
		pos = item_position(de, hash);
		if (pos < c->from)
			continue;
		memcpy(c->text + c->text_used, de->name, de->name_len);
		c->items[c->count++] = (struct item){ pos, de->inode, c->text_used, de->name_len, dtype_of(de->file_type) };
		c->text_used += de->name_len;
	}
	return err;
}

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* "." and "..", which the root of an index has, and no leaf. */
static int
collect_root(struct vnode *dir, struct cursor *c)
{
	struct ext2_slot slot;
	struct ext2_hash any = { .seed = ext2_fs(dir->sb)->hash_seed };	/* a damaged block may hold other names, too */
	int err;

	if (c->from > 2)
		return 0;
	err = ext2_dir_dotdot(dir, &slot);
	if (err != 0)
		return err;
	err = collect(dir, slot.b, &any, c);
	buf_put(slot.b);
	return err;
}

/* The leaf with position c->from, and those that go on with its last hash; if there is nothing in it, the ones behind. */
static int
fill_indexed(struct vnode *dir, struct cursor *c)
{
	u32 key = (u32)(c->from >> 32) << 1, next = 0, leaves = 0;
	int err = collect_root(dir, c);

	while (err == 0) {
		struct ext2_hash hash;
		struct buf *b;

		err = ext2_htree_leaf(dir, key, &b, &next, &hash);
		if (err != 0)
			break;
		err = collect(dir, b, &hash, c);
		buf_put(b);
		if (next == UINT32_MAX || (!(next & 1) && c->count > 0))
			break;
		if (c->count > 0 && ++leaves > LEAVES_MAX)
			err = -EUCLEAN;
		key = next;
	}
	c->to = next == UINT32_MAX ? (u64)END_POS : (u64)(next >> 1) << 32;
	return err;
}

static int
fill_single(struct vnode *dir, struct cursor *c)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	struct ext2_hash hash = { .version = fs->hash_version + (fs->hash_unsigned ? DX_HASH_LEGACY_UNSIGNED : 0), .seed = fs->hash_seed };
	struct buf *b;
	int err = ext2_dir_read(dir, 0, &b);

	if (err != 0)
		return err;
	err = collect(dir, b, &hash, c);
	buf_put(b);
	c->to = (u64)END_POS;
	return err;
}

static int
fill_cursor(struct file *f, u64 pos, struct cursor **out)
{
	struct vnode *dir = f->vn;
	struct cursor *c = f->priv;
	int err;

	if (c != NULL && c->version == ext2_i(dir)->dir_version && pos >= c->from && pos < c->to) {
		*out = c;
		return 0;
	}
	if (c == NULL) {
		c = f->priv = kmem_alloc(sizeof(*c), KM_ZERO);
		if (c == NULL)
			return -ENOMEM;
	}
	c->version = ext2_i(dir)->dir_version;
	c->from = pos;
	c->to = pos;
	c->count = c->text_used = 0;
	err = ext2_is_indexed(dir) ? fill_indexed(dir, c) : fill_single(dir, c);
	if (err != 0) {
		c->to = c->from;
		return err;
	}
	sort(c->items, c->count, sizeof(*c->items), compare_items);
	*out = c;
	return 0;
}

/* Give out from pos on; f->dir_version: how many of those with that very position went out before. 1: no more room. */
static int
emit_items(struct file *f, struct dir_context *ctx, const struct cursor *c)
{
	u32 low = 0, high = c->count;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (c->items[mid].pos < (u64)ctx->pos)
			low = mid + 1;
		else
			high = mid;
	}
	low += (u32)MIN(f->dir_version, (u64)(c->count - low));
	for (; low < c->count; low++) {
		const struct item *it = &c->items[low];

		if ((u64)ctx->pos != it->pos) {
			ctx->pos = (off_t)it->pos;
			f->dir_version = 0;
		}
		if (ctx->emit(ctx, c->text + it->name, it->len, it->ino, it->type) != 0)
			return 1;
		f->dir_version++;
	}
	ctx->pos = (off_t)c->to;
	f->dir_version = 0;
	return 0;
}

static int
iterate_hashed(struct file *f, struct dir_context *ctx)
{
	while (ctx->pos < END_POS) {
		struct cursor *c;
		int err = fill_cursor(f, (u64)ctx->pos, &c);

		if (err != 0)
			return err;
		if (emit_items(f, ctx, c) != 0)
			return 0;
	}
	return 0;
}

/* --- by offset --- */

/* 1: no more room. */
static int
emit_block(struct vnode *dir, struct dir_context *ctx, const struct buf *b, off_t start)
{
	for (u32 off = 0; off < b->size; ) {
		const struct ext2_dirent *de = (const struct ext2_dirent *)(b->data + off);

		if (!ext2_dirent_ok(dir, b, off))
			return -EIO;
		if (start + off >= ctx->pos && de->inode != 0 && de->name_len != 0) {
			ctx->pos = start + off;
			if (ctx->emit(ctx, de->name, de->name_len, de->inode, dtype_of(de->file_type)) != 0)
				return 1;
		}
		off += de->rec_len;
		ctx->pos = MAX(ctx->pos, start + (off_t)off);
	}
	return 0;
}

static int
iterate_linear(struct file *f, struct dir_context *ctx)
{
	struct vnode *dir = f->vn;
	u32 bits = ext2_fs(dir->sb)->block_bits, passed = 0;
	struct block_extent e;
	int err = 0;

	while (ctx->pos < vnode_size(dir)) {
		u64 fblock = (u64)ctx->pos >> bits, found = fblock;
		struct buf *b;

		err = ext2_dir_next(dir, &found, &passed, &e);
		if (err < 0)
			return err;
		if (found != fblock)
			ctx->pos = (off_t)MIN(found << bits, (u64)vnode_size(dir));
		if (err == 0)
			break;
		for (u32 k = 1; k < MIN(e.n, EXT2_DIR_AHEAD) && (found & 7) == 0; k++)
			buf_read_ahead(dir->sb->bdev, e.block + k);
		err = ext2_read_meta(ext2_fs(dir->sb), e.block, "directory", &b);
		if (err != 0)
			return err;
		err = emit_block(dir, ctx, b, (off_t)(found << bits));
		buf_put(b);
		if (err != 0)
			return MIN(err, 0);
	}
	return 0;
}

static bool
is_hashed(struct vnode *dir)
{
	return ext2_has_compat(ext2_fs(dir->sb), COMPAT_DIR_INDEX) &&
		((ext2_i(dir)->flags & EXT2_INDEX_FL) || ext2_dir_blocks(dir) == 1);
}

int
ext2_iterate(struct file *f, struct dir_context *ctx)
{
	int err;

	if (ctx->pos < 0)
		return 0;
	if (is_hashed(f->vn)) {
		err = iterate_hashed(f, ctx);
		if (err != -EUCLEAN)
			return err;
		if (ctx->pos != 0)		/* a position in hashes means nothing without them */
			return -EIO;
		ext2_dir_drop_index(f->vn);
		if (is_hashed(f->vn))
			return iterate_hashed(f, ctx);
	}
	return iterate_linear(f, ctx);
}

off_t
ext2_dir_llseek(struct file *f, off_t off, int whence)
{
	off_t base = 0;

	if (whence == SEEK_CUR)
		base = f->pos;
	else if (whence == SEEK_END)
		base = is_hashed(f->vn) ? END_POS : vnode_size(f->vn);
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, off, &off) || off < 0)
		return -EINVAL;
	if (off != f->pos)
		f->dir_version = 0;
	f->pos = off;
	return off;
}
