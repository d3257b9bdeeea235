/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From blocks of a file to blocks of the device: twelve direct pointers, then trees of one, two and three levels.
 *
 * The last answer is kept (ei->cached), as a run: sequential reads and writes ask the tree once in a while only. The tree changes
 * under map_lock held exclusively; who frees takes the file's pages away first, so a run that was told stays true while its pages
 * are locked.
 */
#include "fs/ext2/ext2.h"

#include "sys/lib/string.h"

#define SCAN	256u	/* pointers looked at for a run, whatever was asked for */

int
ext2_block_path(const struct ext2_fs *fs, u64 fblock, u32 idx[4])
{
	u32 bits = fs->ptrs_bits, mask = (1u << bits) - 1;

	if (fblock < EXT2_NDIR) {
		idx[0] = (u32)fblock;
		return 0;
	}
	fblock -= EXT2_NDIR;
	for (u32 depth = 1; depth <= 3; depth++) {
		u64 span = 1UL << (bits * depth);

		if (fblock < span) {
			idx[0] = EXT2_NDIR + depth - 1;
			for (u32 level = 1; level <= depth; level++)
				idx[level] = (u32)(fblock >> (bits * (depth - level))) & mask;
			return (int)depth;
		}
		fblock -= span;
	}
	return -EFBIG;
}

off_t
ext2_max_size(const struct ext2_fs *fs)
{
	u64 bits = fs->ptrs_bits, tree = EXT2_NDIR + (1UL << bits) + (1UL << (2 * bits)) + (1UL << (3 * bits));
	u64 meta = 2 + 2 * (1UL << bits) + (1UL << (2 * bits)) + 1, count = (1UL << 32) - 1;
	u64 data;

	/* The count of 512-byte units in the inode has 32 bits, and holds the tree's own blocks too. */
	count >>= fs->block_bits - SECTOR_SHIFT;
	data = MIN(tree, count - meta);
	return (off_t)(MIN(data, (1UL << 32) - 1) << fs->block_bits);
}

/* --- the last answer --- */

static bool
cached_answer(struct ext2_inode *ei, u64 fblock, u32 max, struct block_extent *out)
{
	bool hit = false;

	spin_lock(&ei->cache_lock);
	if (fblock >= ei->cached.fblock && fblock - ei->cached.fblock < ei->cached.n) {
		u32 skip = (u32)(fblock - ei->cached.fblock);

		*out = (struct block_extent){ .block = ei->cached.block + skip, .n = MIN(ei->cached.n - skip, max),
			.hole = ei->cached.hole };
		hit = true;
	}
	spin_unlock(&ei->cache_lock);
	return hit;
}

static void
keep_answer(struct ext2_inode *ei, u64 fblock, const struct block_extent *e)
{
	spin_lock(&ei->cache_lock);
	if (!e->hole && !ei->cached.hole && fblock == ei->cached.fblock + ei->cached.n && e->block == ei->cached.block + ei->cached.n &&
	    ei->cached.n != 0 && ei->cached.n < UINT32_MAX / 2 - e->n) {
		ei->cached.n += e->n;
	} else {
		ei->cached.fblock = fblock;
		ei->cached.block = e->block;
		ei->cached.n = e->n;
		ei->cached.hole = e->hole;
	}
	spin_unlock(&ei->cache_lock);
}

void
ext2_map_forget(struct vnode *vn)
{
	struct ext2_inode *ei = ext2_i(vn);

	spin_lock(&ei->cache_lock);
	ei->cached.n = 0;
	spin_unlock(&ei->cache_lock);
}

/* --- looking up --- */

/* Where the way to a block ends. */
struct way {
	u32 idx[4];
	int depth;		/* levels below the inode */
	int level;		/* of the last array that exists: 0 is the inode's */
	struct buf *b;		/* it, referenced; NULL: the inode's */
	u32 *slots;
};

static void
way_end(struct way *w)
{
	buf_put(w->b);
	w->b = NULL;
}

/* Go down as far as there are blocks. map_lock is held. */
static int
way_find(struct vnode *vn, u64 fblock, struct way *w)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);

	w->b = NULL;
	w->level = 0;
	w->slots = ext2_i(vn)->data;
	w->depth = ext2_block_path(fs, fblock, w->idx);
	if (w->depth < 0)
		return w->depth;
	while (w->level < w->depth) {
		u32 block = READ_ONCE(w->slots[w->idx[w->level]]);
		struct buf *b;
		int err;

		if (block == 0)
			return 0;
		if (!ext2_block_valid(fs, block, 1)) {
			ext2_error(fs, "inode %llu: block %llu is reached through block %u", (unsigned long long)vn->ino,
				(unsigned long long)fblock, block);
			way_end(w);
			return -EIO;
		}
		err = buf_read(fs->bdev, block, &b);
		way_end(w);
		if (err != 0)
			return err;
		w->b = b;
		w->slots = (u32 *)b->data;
		w->level++;
	}
	return 0;
}

/* The run of pointers that begins at the way's end. */
static int
way_run(struct vnode *vn, const struct way *w, u32 max, struct block_extent *out)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	u32 at = w->idx[w->level], limit = w->level == 0 ? EXT2_NDIR : 1u << fs->ptrs_bits;
	u32 first, n = 1;

	memset(out, 0, sizeof(*out));
	if (w->level < w->depth) {		/* all that a missing block would lead to */
		u64 left = 1, skip = 0;

		for (int l = w->level + 1; l <= w->depth; l++) {
			left <<= fs->ptrs_bits;
			skip = (skip << fs->ptrs_bits) + w->idx[l];
		}
		out->hole = true;
		out->n = (u32)MIN(left - skip, (u64)max);
		return 0;
	}
	first = w->slots[at];
	limit = MIN(limit - at, MAX(max, SCAN));
	while (n < limit && w->slots[at + n] == (first == 0 ? 0 : first + n))
		n++;
	out->hole = first == 0;
	out->block = first;
	out->n = n;
	if (!out->hole && !ext2_block_valid(fs, first, n)) {
		ext2_error(fs, "inode %llu has blocks %u-%u", (unsigned long long)vn->ino, first, first + n - 1);
		return -EIO;
	}
	return 0;
}

static int
look_up(struct vnode *vn, u64 fblock, u32 max, struct block_extent *out)
{
	struct ext2_inode *ei = ext2_i(vn);
	struct way w;
	int err;

	if (cached_answer(ei, fblock, max, out))
		return 0;
	rwlock_read_lock(&ei->map_lock);
	err = way_find(vn, fblock, &w);
	if (err == 0) {
		err = way_run(vn, &w, max, out);
		if (err == 0)
			keep_answer(ei, fblock, out);
		way_end(&w);
	}
	rwlock_read_unlock(&ei->map_lock);
	out->n = MIN(out->n, max);
	return err;
}

/* --- allocating --- */

static u32
find_goal(struct vnode *vn, u64 fblock, const struct way *w)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);

	if (ei->next_block != 0 && fblock == ei->next_fblock)
		return (u32)ei->next_block;
	for (u32 i = w->idx[w->level]; i-- > 0; )
		if (w->slots[i] != 0)
			return w->slots[i] + 1;
	if (w->b != NULL)
		return (u32)w->b->block + 1;
	return ext2_group_first(fs, (u32)(vn->ino - 1) / fs->inodes_per_group);
}

/* New blocks of one allocation: the tree's, from the top down, then the data. */
struct branch {
	u32 block[4];
	struct buf *b[4];
	int n;			/* blocks of the tree */
	u32 data, count;
};

static void
branch_undo(struct handle *h, struct ext2_fs *fs, struct branch *br)
{
	for (int i = 0; i < br->n; i++) {
		if (br->b[i] != NULL) {
			journal_forget(h, br->b[i]);
			buf_put(br->b[i]);
		}
		if (br->block[i] != 0)
			ext2_free_blocks(h, fs, br->block[i], 1);
	}
	if (br->count != 0)
		ext2_free_blocks(h, fs, br->data, br->count);
}

/* Take the blocks, and write the new part of the tree. */
static int
branch_make(struct handle *h, struct vnode *vn, const struct way *w, u32 goal, u32 want, struct branch *br)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	int err = 0;
	u32 one;

	memset(br, 0, sizeof(*br));
	for (int need = w->depth - w->level; br->n < need && err == 0; br->n++) {
		err = ext2_alloc_blocks(h, vn, goal, 1, &br->block[br->n], &one);
		if (err == 0)
			goal = br->block[br->n] + 1;
	}
	if (err == 0)
		err = ext2_alloc_blocks(h, vn, goal, want, &br->data, &br->count);
	for (int i = br->n - 1; i >= 0 && err == 0; i--) {
		u32 *slots, at = w->idx[w->level + 1 + i];

		err = buf_get_zeroed(fs->bdev, br->block[i], &br->b[i]);
		if (err == 0)
			err = journal_access_new(h, br->b[i]);
		if (err != 0)
			break;
		slots = (u32 *)br->b[i]->data;
		if (i + 1 < br->n)
			slots[at] = br->block[i + 1];
		for (u32 k = 0; i + 1 == br->n && k < br->count; k++)
			slots[at + k] = br->data + k;
		ext2_dirty(h, br->b[i]);
	}
	return err;
}

/* map_lock is held exclusively; fblock has no block. */
static int
allocate(struct handle *h, struct vnode *vn, u64 fblock, u32 max, struct way *w, struct block_extent *out)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	u32 at = w->idx[w->level], in_leaf = w->depth == 0 ? EXT2_NDIR : 1u << fs->ptrs_bits, want = 1;
	struct branch br;
	int err;

	in_leaf = MIN(in_leaf - w->idx[w->depth], max);
	while (want < in_leaf && (w->level < w->depth || w->slots[at + want] == 0))
		want++;
	err = w->b != NULL ? ext2_access(h, w->b) : 0;
	if (err != 0)
		return err;
	err = branch_make(h, vn, w, find_goal(vn, fblock, w), want, &br);
	if (err != 0) {
		branch_undo(h, fs, &br);
		return err;
	}
	if (br.n > 0)
		w->slots[at] = br.block[0];
	for (u32 k = 0; br.n == 0 && k < br.count; k++)
		w->slots[at + k] = br.data + k;
	if (w->b != NULL)
		ext2_dirty(h, w->b);
	for (int i = 0; i < br.n; i++)
		buf_put(br.b[i]);
	ext2_add_blocks(vn, br.n + (s64)br.count);
	ei->next_fblock = fblock + br.count;
	ei->next_block = br.data + br.count;
	*out = (struct block_extent){ .block = br.data, .n = br.count, .fresh = true };
	return 0;
}

int
ext2_map(struct handle *h, struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out)
{
	struct ext2_inode *ei = ext2_i(vn);
	struct way w;
	int err = look_up(vn, fblock, max, out);

	if (err != 0 || !create || !out->hole)
		return err;
	rwlock_write_lock(&ei->map_lock);
	err = way_find(vn, fblock, &w);
	if (err == 0) {
		err = way_run(vn, &w, max, out);
		if (err == 0 && out->hole) {
			if (ei->cached.hole)
				ext2_map_forget(vn);
			err = allocate(h, vn, fblock, max, &w, out);
		}
		if (err == 0)
			keep_answer(ei, fblock, out);
		way_end(&w);
	}
	rwlock_write_unlock(&ei->map_lock);
	out->n = MIN(out->n, max);
	return err;
}

/* --- for fs/blockmap.c --- */

static int
blockmap_map(struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out)
{
	return ext2_map(create ? journal_current() : NULL, vn, fblock, max, create, out);
}

static int
blockmap_begin(struct vnode *vn, u32 blocks, void **handle)
{
	struct handle *h;
	int err = ext2_start_alloc(ext2_fs(vn->sb), EXT2_CREDITS_MAP(blocks), &h);

	*handle = h;
	return err;
}

static void
blockmap_end(struct vnode *vn, void *handle, off_t from, off_t to)
{
	struct ext2_inode *ei = ext2_i(vn);

	if (to > from) {
		if (handle != NULL)
			journal_ordered_add(handle, &ei->ordered, from, to);
		spin_lock(&vn->lock);
		if (to > vnode_size(vn) && to > ei->disk_size) {
			ei->disk_size = to;
			ei->stale_size = true;	/* until the write has moved the size there */
		}
		spin_unlock(&vn->lock);
	} else {
		ei->stale_size = true;
	}
	(void)!ext2_write_inode(handle, vn);
	ext2_stop(handle);
}

static void
blockmap_trim(struct vnode *vn)
{
	off_t size = vnode_size(vn);

	if (ext2_i(vn)->stale_size)
		(void)!ext2_truncate(vn, size);
}

static bool
blockmap_droppable(struct vnode *vn)
{
	return !journal_ordered_committing(ext2_fs(vn->sb)->journal, &ext2_i(vn)->ordered);
}

const struct blockmap_ops ext2_blockmap_ops = {
	.map = blockmap_map,
	.begin = blockmap_begin,
	.end = blockmap_end,
	.trim = blockmap_trim,
	.droppable = blockmap_droppable,
};
