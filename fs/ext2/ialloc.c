/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inode numbers. Where a new one goes decides where its blocks go, too: a file goes into its directory's group; a directory at the top of the tree
 * into a group that is emptier than most, one further below near its parent unless that group is full of directories (the idea is
 * G. Orlov's).
 */
#include "fs/ext2/ext2.h"

#include "sys/lib/bitmap.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/random.h"

struct average { u64 inodes, blocks, dirs; };

static struct average
averages(const struct ext2_fs *fs)
{
	return (struct average){
		.inodes = atomic_load_relaxed(&fs->free_inodes) / fs->nr_groups,
		.blocks = atomic_load_relaxed(&fs->free_blocks) / fs->nr_groups,
		.dirs = atomic_load_relaxed(&fs->dirs) / fs->nr_groups,
	};
}

/* The emptiest group that is better than the average, beginning anywhere. nr_groups: none */
static u32
spread_group(const struct ext2_fs *fs, const struct average *av)
{
	u32 start = (u32)(random_u64() % fs->nr_groups), best = fs->nr_groups, least = UINT32_MAX;

	for (u32 i = 0; i < fs->nr_groups; i++) {
		u32 g = (start + i) % fs->nr_groups;
		const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);

		if (gd->bg_free_inodes_count == 0 || gd->bg_used_dirs_count >= least ||
		    gd->bg_free_inodes_count < av->inodes || gd->bg_free_blocks_count < av->blocks)
			continue;
		best = g;
		least = gd->bg_used_dirs_count;
	}
	return best;
}

static u32
near_group(const struct ext2_fs *fs, u32 parent, const struct average *av)
{
	u64 max_dirs = av->dirs + fs->inodes_per_group / 16 + 1;
	u64 min_inodes = av->inodes - MIN(av->inodes, (u64)fs->inodes_per_group / 4);
	u64 min_blocks = av->blocks - MIN(av->blocks, (u64)fs->blocks_per_group / 4);

	for (u32 i = 0; i < fs->nr_groups; i++) {
		u32 g = (parent + i) % fs->nr_groups;
		const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);

		if (gd->bg_free_inodes_count > 0 && gd->bg_used_dirs_count < max_dirs &&
		    gd->bg_free_inodes_count >= min_inodes && gd->bg_free_blocks_count >= min_blocks &&
		    READ_ONCE(fs->groups[g].debt) < 64)
			return g;
	}
	return fs->nr_groups;
}

static u32
choose_group(const struct ext2_fs *fs, struct vnode *dir, bool is_dir)
{
	u32 parent = (u32)(dir->ino - 1) / fs->inodes_per_group, g = fs->nr_groups;
	struct average av;

	if (!is_dir)
		return parent;
	av = averages(fs);
	if (dir->ino == EXT2_ROOT_INO || (ext2_i(dir)->flags & EXT2_TOPDIR_FL))
		g = spread_group(fs, &av);
	if (g == fs->nr_groups)
		g = near_group(fs, parent, &av);
	return g < fs->nr_groups ? g : parent;
}

/* A free number of group g. [g] -ENOSPC */
static int
take_number(struct handle *h, struct ext2_fs *fs, u32 g, bool dir, u32 *ino)
{
	struct buf *map, *gb;
	struct ext2_group_desc *gd = ext2_group_desc(fs, g, &gb);
	u32 bit;
	int err = ext2_group_load(fs, g, true, &map);

	if (err != 0)
		return err;
	bit = (u32)bitmap_find_next_zero((unsigned long *)map->data, fs->inodes_per_group, g == 0 ? fs->first_ino - 1 : 0);
	if (bit >= fs->inodes_per_group)
		return -ENOSPC;
	err = ext2_access(h, map);
	if (err == 0)
		err = ext2_access(h, gb);
	if (err != 0)
		return err;
	bitmap_set((unsigned long *)map->data, bit);
	if (gd->bg_free_inodes_count > 0) {
		gd->bg_free_inodes_count--;
		atomic_sub(&fs->free_inodes, 1UL);
	}
	if (dir) {
		gd->bg_used_dirs_count++;
		if (fs->groups[g].debt < 255)
			fs->groups[g].debt++;
		atomic_add(&fs->dirs, 1UL);
	} else if (fs->groups[g].debt > 0) {
		fs->groups[g].debt--;
	}
	ext2_dirty(h, map);
	ext2_dirty(h, gb);
	*ino = g * fs->inodes_per_group + bit + 1;
	return 0;
}

static int
find_number(struct handle *h, struct vnode *dir, bool is_dir, u32 *ino)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	u32 first = choose_group(fs, dir, is_dir);
	int err = -ENOSPC;

	/* First groups that have blocks as well, then any that has a number. */
	for (u32 i = 0; i < 2 * fs->nr_groups; i++) {
		u32 g = (first + i) % fs->nr_groups;
		const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);
		int e;

		if (READ_ONCE(gd->bg_free_inodes_count) == 0 || (i < fs->nr_groups && READ_ONCE(gd->bg_free_blocks_count) == 0))
			continue;
		mutex_lock(&fs->groups[g].lock);
		e = take_number(h, fs, g, is_dir, ino);
		mutex_unlock(&fs->groups[g].lock);
		if (e == 0 || e == -EROFS || e == -ENOMEM)
			return e;
		if (e != -ENOSPC)
			err = e;
	}
	return err;
}

/* The place on the disk is all zero before the inode comes: what its last owner left behind the standard part would count. */
static int
clear_place(struct handle *h, struct ext2_fs *fs, u32 ino)
{
	struct buf *b;
	u32 off;
	int err = ext2_find_inode(fs, ino, &b, &off);

	if (err != 0)
		return err;
	err = ext2_access(h, b);
	if (err == 0) {
		memset(b->data + off, 0, fs->inode_size);
		ext2_dirty(h, b);
	}
	buf_put(b);
	return err;
}

static void
fill(struct vnode *vn, struct vnode *dir, u32 mode)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	u32 inherited = ext2_i(dir)->flags & EXT2_FL_INHERITED;

	vnode_init_owner(vn, dir, mode);
	if (fs->opts.grpid)
		vn->gid = dir->gid;
	if (!S_ISDIR(mode))
		inherited &= ~(u32)EXT2_DIRSYNC_FL;
	if (!S_ISDIR(mode) && !S_ISREG(mode))
		inherited &= EXT2_NODUMP_FL | EXT2_NOATIME_FL;
	ei->flags = inherited;
	vn->nlink = 1;
	vn->blkbits = fs->block_bits;
	vn->generation = (u32)atomic_fetch_add(&fs->next_generation, 1u);
	if (fs->inode_size > EXT2_OLD_INODE_SIZE)
		ei->extra_isize = (u16)MIN((u32)EXT2_EXTRA_ISIZE, fs->inode_size - EXT2_OLD_INODE_SIZE);
	vnode_touch(vn, VT_ATIME | VT_MTIME | VT_CTIME | VT_BTIME);
	ext2_apply_flags(vn);
}

int
ext2_new_inode(struct handle *h, struct vnode *dir, u32 mode, struct vnode **out)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	struct vnode *vn;
	u32 ino = 0;
	int err = find_number(h, dir, S_ISDIR(mode), &ino);

	if (err != 0)
		return err;
	err = clear_place(h, fs, ino);
	if (err == 0)
		err = vnode_get_cached(dir->sb, ino, &vn);
	if (err == 0 && !(vn->state & VN_NEW)) {
		ext2_error(fs, "inode %u is free in the bitmap, and in use", ino);
		vnode_put(vn);
		return -EIO;		/* the bit stays set */
	}
	if (err != 0) {
		ext2_free_inode(h, fs, ino, S_ISDIR(mode));
		return err;
	}
	fill(vn, dir, mode);
	*out = vn;
	return 0;
}

void
ext2_free_inode(struct handle *h, struct ext2_fs *fs, u32 ino, bool dir)
{
	u32 g = (ino - 1) / fs->inodes_per_group, bit = (ino - 1) % fs->inodes_per_group;
	struct buf *map, *gb;
	struct ext2_group_desc *gd;
	int err;

	if (ino < fs->first_ino || ino > fs->inodes) {
		ext2_error(fs, "freeing inode %u", ino);
		return;
	}
	gd = ext2_group_desc(fs, g, &gb);
	mutex_lock(&fs->groups[g].lock);
	err = ext2_group_load(fs, g, true, &map);
	if (err == 0)
		err = ext2_access(h, map);
	if (err == 0)
		err = ext2_access(h, gb);
	if (err != 0)
		goto out_unlock;
	if (!bitmap_test((unsigned long *)map->data, bit)) {
		ext2_error(fs, "inode %u is free already", ino);
		goto out_unlock;
	}
	bitmap_clear((unsigned long *)map->data, bit);
	if (gd->bg_free_inodes_count < fs->inodes_per_group) {
		gd->bg_free_inodes_count++;
		atomic_add(&fs->free_inodes, 1UL);
	}
	if (dir && gd->bg_used_dirs_count > 0) {
		gd->bg_used_dirs_count--;
		atomic_sub(&fs->dirs, 1UL);
	}
	ext2_dirty(h, map);
	ext2_dirty(h, gb);
out_unlock:
	mutex_unlock(&fs->groups[g].lock);
}
