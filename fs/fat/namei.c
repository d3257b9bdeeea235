/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations on directories. The order of writes is such that a power cut leaves no entry that leads to somebody else's clusters: chains are
 * on the disk before the entry that names them (fat_write_vnode, fat_dir_make), entries are gone before their chains are free (table.c). A
 * renamed file has both its names for a moment, rather than none.
 */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/clock.h"
#include "sys/lib/string.h"

static int
fat_lookup(struct vnode *dir, struct dentry *d, struct vnode **out)
{
	struct fat_scan s;
	int r;

	*out = NULL;
	d->priv = (void *)(uintptr_t)fat_v(dir)->version;
	r = fat_find(&s, dir, d->name.name, d->name.len);
	fat_scan_end(&s);
	return r == 1 ? fat_vnode_get(dir->sb, s.pos, out) : r;
}

/* sync and dirsync mounts: on the disk when the operation returns. */
static int
sync_directory(struct vnode *dir)
{
	struct fat_fs *fs = fat_fs(dir->sb);

	if (!(atomic_load_relaxed(&dir->sb->flags) & (MS_SYNCHRONOUS | MS_DIRSYNC)) && !(dir->state & (VN_SYNC | VN_DIRSYNC)))
		return 0;
	return fat_flush_metadata(fs);
}

/* --- new objects --- */

static void
stamp(struct fat_fs *fs, struct fat_dirent *de)
{
	nsec_t now = clock_realtime_coarse();

	fat_time_encode(fs, now, &de->mdate, &de->mtime, NULL);
	if (fs->vfat) {
		de->adate = de->mdate;
		fat_time_encode(fs, now, &de->cdate, &de->ctime, &de->ctime_cs);
	}
}

static int
make_object(struct vnode *dir, struct dentry *d, bool is_dir)
{
	struct fat_fs *fs = fat_fs(dir->sb);
	struct fat_dirent de;
	struct vnode *vn;
	u64 pos;
	u32 start;
	int err = 0;

	memset(&de, 0, sizeof(de));
	de.attr = is_dir ? FAT_DIR : FAT_ARCH;
	stamp(fs, &de);
	if (is_dir)
		err = fat_dir_make(dir, &de);
	if (err != 0)
		return err;
	start = le16_get(de.start) | (fs->bits == 32 ? (u32)le16_get(de.start_hi) << 16 : 0);
	err = fat_dir_add(dir, d->name.name, d->name.len, &de, &pos);
	if (err != 0) {
		if (is_dir)
			(void)fat_free_chain(fs, start, true);
		return err;
	}
	err = fat_vnode_get(dir->sb, pos, &vn);
	if (err != 0) {
		if (fat_dir_remove(dir, pos) == 0 && is_dir)
			fat_free_later(fs, start, true);
		return err;
	}
	if (is_dir)
		vnode_inc_nlink(dir);
	vnode_touch(dir, VT_MTIME | VT_ATIME);
	dentry_instantiate(d, vn);
	return sync_directory(dir);
}

static int
fat_create(struct vnode *dir, struct dentry *d, u32 mode, bool excl)
{
	(void)mode, (void)excl;
	return make_object(dir, d, false);
}

static int
fat_mkdir(struct vnode *dir, struct dentry *d, u32 mode)
{
	(void)mode;
	return make_object(dir, d, true);
}

/* --- removing --- */

static int
remove_name(struct vnode *dir, struct dentry *d)
{
	struct vnode *vn = d->vn;
	int err = fat_dir_remove(dir, READ_ONCE(fat_v(vn)->pos));

	if (err != 0)
		return err;
	fat_node_move(vn, 0);
	if (S_ISDIR(vn->mode))
		vnode_drop_nlink(dir);
	vnode_clear_nlink(vn);
	vnode_touch(vn, VT_MTIME | VT_ATIME);
	vnode_touch(dir, VT_MTIME | VT_ATIME);
	return sync_directory(dir);
}

static int
fat_rmdir(struct vnode *dir, struct dentry *d)
{
	int empty = fat_dir_is_empty(d->vn);

	if (empty < 0)
		return empty;
	return empty ? remove_name(dir, d) : -ENOTEMPTY;
}

/* --- rename --- */

/* What leads to vn's chain will be written anew: first the chain. */
static int
flush_chain(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);

	return atomic_load_relaxed(&fat_v(vn)->changed) > atomic_load_relaxed(&fs->synced) ? fat_flush_metadata(fs) : 0;
}

/* vn's attributes go to the entry at pos, which keeps its name; and that is vn's entry from now on. wait: on the disk. */
static int
take_entry(struct vnode *vn, u64 pos, bool wait)
{
	fat_node_move(vn, pos);
	return fat_update_entry(vn, wait);
}

static bool
same_block(const struct fat_fs *fs, u64 a, u64 b)
{
	u32 per_block = (1u << fs->block_bits) / (u32)sizeof(struct fat_dirent);

	return a / per_block == b / per_block;
}

static void
moved_between(struct vnode *vn, struct vnode *from, struct vnode *to)
{
	if (S_ISDIR(vn->mode) && from != to) {
		vnode_drop_nlink(from);
		vnode_inc_nlink(to);
	}
}

static int
exchange(struct vnode *odir, struct vnode *a, struct vnode *ndir, struct vnode *b)
{
	u64 pa = READ_ONCE(fat_v(a)->pos), pb = READ_ONCE(fat_v(b)->pos);
	int err = flush_chain(a), e;

	if (err == 0)
		err = flush_chain(b);
	if (err != 0)
		return err;
	fat_node_move(a, 0);
	fat_node_move(b, 0);
	err = take_entry(a, pb, false);
	e = take_entry(b, pa, false);
	err = err != 0 ? err : e;
	if (odir != ndir && err == 0) {
		if (S_ISDIR(a->mode))
			err = fat_dir_set_parent(a, ndir);
		if (err == 0 && S_ISDIR(b->mode))
			err = fat_dir_set_parent(b, odir);
		moved_between(a, odir, ndir);
		moved_between(b, ndir, odir);
	}
	return err;
}

/* The new entry of vn in ndir, under d's name. */
static int
add_entry(struct vnode *ndir, struct dentry *d, struct vnode *vn, u64 *pos)
{
	struct fat_fs *fs = fat_fs(ndir->sb);
	struct fat_dirent de;

	memset(&de, 0, sizeof(de));
	fat_fill_entry(fs, vn, &de);
	return fat_dir_add(ndir, d->name.name, d->name.len, &de, pos);
}

static int
rename_over(struct vnode *odir, struct vnode *source, struct vnode *ndir, struct dentry *nd)
{
	struct vnode *target = nd->vn;
	u64 from = READ_ONCE(fat_v(source)->pos), to;
	int err = flush_chain(source);

	if (err == 0 && target != NULL && S_ISDIR(target->mode)) {
		err = fat_dir_is_empty(target);
		err = err < 0 ? err : err == 0 ? -ENOTEMPTY : 0;
	}
	if (err == 0 && target == NULL)
		err = add_entry(ndir, nd, source, &to);
	if (err != 0)
		return err;
	if (target != NULL) {
		to = READ_ONCE(fat_v(target)->pos);
		fat_node_move(target, 0);
		if (S_ISDIR(target->mode))
			vnode_drop_nlink(ndir);
		vnode_clear_nlink(target);
		vnode_touch(target, VT_MTIME | VT_ATIME);
	}
	err = take_entry(source, to, !same_block(fat_fs(odir->sb), from, to));
	if (err == 0 && S_ISDIR(source->mode) && odir != ndir)
		err = fat_dir_set_parent(source, ndir);
	moved_between(source, odir, ndir);
	return err != 0 ? err : fat_dir_remove(odir, from);
}

static int
fat_rename(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags)
{
	int err, e;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | (fat_fs(odir->sb)->vfat ? RENAME_EXCHANGE : 0)))
		return -EINVAL;
	err = flags & RENAME_EXCHANGE ? exchange(odir, od->vn, ndir, nd->vn) : rename_over(odir, od->vn, ndir, nd);
	if (err != 0)
		return err;
	vnode_touch(odir, VT_MTIME | VT_ATIME);
	if (ndir != odir)
		vnode_touch(ndir, VT_MTIME | VT_ATIME);
	err = sync_directory(odir);
	e = sync_directory(ndir);
	return err != 0 ? err : e;
}

const struct vnode_ops fat_vfat_dir_ops = {
	.lookup = fat_lookup,
	.create = fat_create,
	.mkdir = fat_mkdir,
	.unlink = remove_name,
	.rmdir = fat_rmdir,
	.rename = fat_rename,
	.setattr = fat_setattr,
	.getattr = fat_getattr,
	.update_time = fat_update_time,
};

const struct vnode_ops fat_msdos_dir_ops = {
	.lookup = fat_lookup,
	.create = fat_create,
	.mkdir = fat_mkdir,
	.unlink = remove_name,
	.rmdir = fat_rmdir,
	.rename = fat_rename,
	.setattr = fat_setattr,
	.getattr = fat_getattr,
	.update_time = fat_update_time,
};
