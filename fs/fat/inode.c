/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes. FAT has no inodes: a file is its directory entry, which moves when it is renamed. So a file gets a number when it is first seen,
 * and fs->nodes finds the vnode of an entry by the entry's position.
 */
#include "fs/fat/fat.h"

#include "mm/slab.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/hash.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

static struct kmem_cache *cache;	/* [I] */

void
fat_cache_init(void)
{
	cache = kmem_cache_create("fat_vnode", sizeof(struct fat_vnode), 64, 0, NULL);
	if (cache == NULL)
		panic("fat: no memory at boot");
	kmem_cache_set_reclaimable(cache);
}

struct vnode *
fat_alloc_vnode(struct super_block *sb)
{
	struct fat_vnode *fv = kmem_cache_alloc(cache, KM_USER);

	(void)sb;
	if (fv == NULL)
		return NULL;
	memset(fv, 0, sizeof(*fv));
	mutex_init(&fv->map_lock, LOCK_FS_MAP);
	fat_chain_init(fv, 0);
	return &fv->vn;
}

void
fat_free_vnode(struct vnode *vn)
{
	kmem_cache_free(cache, fat_v(vn));
}

u64
fat_changed(struct fat_fs *fs)
{
	return atomic_add(&fs->changes, 1UL);
}

/* --- by position --- */

static struct hlist *
bucket_of(struct fat_fs *fs, u64 pos)
{
	return &fs->nodes[hash_u64(pos, 8)];
}

static struct fat_vnode *
find_node(struct fat_fs *fs, u64 pos)
{
	struct fat_vnode *fv;

	mutex_assert_held(&fs->node_lock);
	hlist_for_each(fv, bucket_of(fs, pos), node)
		if (fv->pos == pos)
			return fv;
	return NULL;
}

static u64
new_ino(struct fat_fs *fs)
{
	return atomic_fetch_add(&fs->next_ino, 1UL);
}

u64
fat_ino_at(struct fat_fs *fs, u64 pos)
{
	struct fat_vnode *fv;
	u64 ino;

	mutex_lock(&fs->node_lock);
	fv = find_node(fs, pos);
	ino = fv != NULL ? fv->vn.ino : new_ino(fs);
	mutex_unlock(&fs->node_lock);
	return ino;
}

static void
unlink_node(struct fat_vnode *fv)
{
	if (hlist_is_linked(&fv->node))
		hlist_del(&fv->node);
	fv->pos = 0;
}

void
fat_node_move(struct vnode *vn, u64 pos)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);

	mutex_lock(&fs->node_lock);
	unlink_node(fv);
	if (pos != 0) {
		fv->pos = pos;
		hlist_add(bucket_of(fs, pos), &fv->node);
	}
	mutex_unlock(&fs->node_lock);
}

/* --- directories by their first cluster --- */

/* A directory that is reached in two ways could be its own child. */
static int
enter_directory(struct fat_fs *fs, struct fat_vnode *fv)
{
	struct hlist *bucket = &fs->dirs[hash_u64(fv->start, 6)];
	struct fat_vnode *other;
	bool twice = false;

	mutex_lock(&fs->node_lock);
	hlist_for_each(other, bucket, dir_node)
		twice |= other->start == fv->start;
	if (!twice)
		hlist_add(bucket, &fv->dir_node);
	mutex_unlock(&fs->node_lock);
	if (!twice)
		return 0;
	fat_error(fs, "the directory at cluster %u has two names", fv->start);
	return -EIO;
}

static void
leave_directory(struct fat_fs *fs, struct fat_vnode *fv)
{
	mutex_lock(&fs->node_lock);
	if (hlist_is_linked(&fv->dir_node))
		hlist_del(&fv->dir_node);
	mutex_unlock(&fs->node_lock);
}

/* --- from entries --- */

bool
fat_holds_ro(const struct fat_fs *fs, const struct vnode *vn)
{
	u32 mask = S_ISDIR(vn->mode) ? fs->opt.dmask : fs->opt.fmask;

	if (S_ISDIR(vn->mode) && !fs->opt.rodir)
		return false;
	return (~mask & S_IWUGO) != 0;
}

static bool
is_program(const u8 *name)
{
	return memcmp(name + 8, "EXE", 3) == 0 || memcmp(name + 8, "COM", 3) == 0 || memcmp(name + 8, "BAT", 3) == 0;
}

u32
fat_mode(const struct fat_fs *fs, u8 attr, const u8 *name, u32 mode)
{
	bool dir = attr & FAT_DIR;

	if (!dir && fs->opt.showexec && name != NULL && !is_program(name))
		mode &= ~(u32)S_IXUGO;
	if ((attr & FAT_RO) && (!dir || fs->opt.rodir))
		mode &= ~(u32)S_IWUGO;
	return dir ? (mode & ~fs->opt.dmask) | S_IFDIR : (mode & ~fs->opt.fmask) | S_IFREG;
}

static void
set_ops(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);

	if (S_ISDIR(vn->mode)) {
		vn->ops = fs->vfat ? &fat_vfat_dir_ops : &fat_msdos_dir_ops;
		vn->fops = &fat_dir_fops;
	} else {
		vn->ops = &fat_file_ops;
		vn->fops = &fat_file_fops;
		mapping_init(&vn->mapping, &blockmap_mapping_ops, vn, 0);
	}
}

static int
fill_directory(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	u32 length;
	int n;

	if (fat_is_fixed_root(fs, vn)) {
		vn->size = (off_t)fs->root_entries * (off_t)sizeof(struct fat_dirent);
		vn->blocks = (u64)vn->size >> SECTOR_SHIFT;
	} else {
		int err = fat_chain_length(vn, &length);

		if (err != 0)
			return err;
		vn->size = (off_t)length << fs->cluster_bits;
		vn->blocks = (u64)vn->size >> SECTOR_SHIFT;
		if (vn->size > (off_t)FAT_DIR_MAX) {
			fat_error(fs, "directory of %lld bytes", (long long)vn->size);
			return -EIO;
		}
	}
	n = fat_dir_subdirs(vn);
	if (n < 0)
		return n;
	vn->nlink = (u32)n + 2;
	return 0;
}

static int
fill(struct vnode *vn, const struct fat_dirent *de)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);
	u32 start = le16_get(de->start);
	int err;

	if (fs->bits == 32)
		start |= (u32)le16_get(de->start_hi) << 16;
	fv->attr = de->attr;
	fv->lcase = de->lcase;
	vn->mode = fat_mode(fs, de->attr, de->name, S_IRWXUGO);
	vn->uid = fs->opt.uid;
	vn->gid = fs->opt.gid;
	vn->blkbits = fs->cluster_bits;
	vn->mtime = vn->ctime = fat_time_decode(fs, de->mdate, de->mtime, 0);
	vn->atime = vn->mtime;
	if (fs->vfat) {
		vn->atime = fat_time_decode(fs, de->adate, le16_make(0), 0);
		vn->btime = fat_time_decode(fs, de->cdate, de->ctime, de->ctime_cs);
	}
	if (start != 0 && !fat_cluster_valid(fs, start)) {
		fat_error(fs, "an entry begins at cluster %u", start);
		return -EIO;
	}
	fat_chain_init(fv, start);
	if ((de->attr & FAT_SYS) && fs->opt.sys_immutable)
		atomic_fetch_or(&vn->state, (u32)VN_IMMUTABLE);
	set_ops(vn);
	if (S_ISDIR(vn->mode)) {
		if (start == 0 && vn->ino != FAT_ROOT_INO) {
			fat_error(fs, "a directory begins nowhere");
			return -EIO;
		}
		err = start != 0 ? enter_directory(fs, fv) : 0;
		return err == 0 ? fill_directory(vn) : err;
	}
	vn->nlink = 1;
	vn->size = le32_get(de->size);
	vn->blocks = ALIGN_UP((u64)vn->size, 1UL << fs->cluster_bits) >> SECTOR_SHIFT;
	return 0;
}

/* Enter a new vnode for pos, unless somebody else was faster. */
static bool
enter_node(struct fat_fs *fs, struct vnode *vn, u64 pos)
{
	struct fat_vnode *fv = fat_v(vn);
	bool ok;

	mutex_lock(&fs->node_lock);
	ok = find_node(fs, pos) == NULL;
	if (ok) {
		fv->pos = pos;
		hlist_add(bucket_of(fs, pos), &fv->node);
	}
	mutex_unlock(&fs->node_lock);
	return ok;
}

/* --- getting one --- */

static void
fail_new(struct vnode *vn)
{
	vn->nlink = 1;		/* nothing on the disk is its own */
	leave_directory(fat_fs(vn->sb), fat_v(vn));
	vnode_fail_new(vn);
}

/* From its entry as it is now that nobody else writes there: what a look-up saw may be older than the last vnode's end. */
static int
fill_from(struct vnode *vn, u64 pos)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	const struct fat_dirent *at;
	struct fat_dirent de;
	struct buf *b;
	int err;

	mutex_lock(&fs->node_lock);
	at = fat_entry_at(fs, pos, &b, &err);
	if (at != NULL)
		de = *at;
	mutex_unlock(&fs->node_lock);
	buf_put(b);
	return err == 0 ? fill(vn, &de) : err;
}

int
fat_vnode_get(struct super_block *sb, u64 pos, struct vnode **out)
{
	struct fat_fs *fs = fat_fs(sb);
	struct vnode *vn;
	int err;

	for (;;) {
		u64 ino = fat_ino_at(fs, pos);

		err = vnode_get_cached(sb, ino, &vn);
		if (err != 0)
			return err;
		if (!(vn->state & VN_NEW)) {
			if (READ_ONCE(fat_v(vn)->pos) == pos) {
				*out = vn;
				return 0;
			}
			vnode_put(vn);		/* it has moved meanwhile */
			continue;
		}
		if (enter_node(fs, vn, pos))
			break;
		fail_new(vn);
	}
	err = fill_from(vn, pos);
	if (err != 0) {
		fat_node_move(vn, 0);
		fail_new(vn);
		return err;
	}
	vnode_unlock_new(vn);
	*out = vn;
	return 0;
}

int
fat_root_get(struct super_block *sb, struct vnode **out)
{
	struct fat_fs *fs = fat_fs(sb);
	struct fat_dirent de = {
		.attr = FAT_DIR,
		.start = le16_make((u16)fs->root_cluster),
		.start_hi = le16_make((u16)(fs->root_cluster >> 16)),
	};
	struct vnode *vn;
	int err = vnode_get_cached(sb, FAT_ROOT_INO, &vn);

	if (err != 0)
		return err;
	err = fill(vn, &de);
	if (err != 0) {
		fail_new(vn);
		return err;
	}
	vn->mtime = vn->ctime = vn->atime = vn->btime = 0;
	vnode_unlock_new(vn);
	*out = vn;
	return 0;
}

/* --- to entries --- */

void
fat_fill_entry(struct fat_fs *fs, struct vnode *vn, struct fat_dirent *de)
{
	struct fat_vnode *fv = fat_v(vn);
	u32 start = fat_chain_start(vn);
	u8 attr;

	spin_lock(&vn->lock);
	attr = fv->attr & (u8)~FAT_RO;
	if (fat_holds_ro(fs, vn) ? !(vn->mode & S_IWUGO) : fv->attr & FAT_RO)
		attr |= FAT_RO;
	de->attr = S_ISDIR(vn->mode) ? attr | FAT_DIR : attr;
	de->size = le32_make(S_ISDIR(vn->mode) || start == 0 ? 0 : (u32)vnode_size(vn));
	de->start = le16_make((u16)start);
	if (fs->bits == 32)
		de->start_hi = le16_make((u16)(start >> 16));
	fat_time_encode(fs, vn->mtime, &de->mdate, &de->mtime, NULL);
	if (fs->vfat) {
		fat_time_encode(fs, vn->atime, &de->adate, NULL, NULL);
		fat_time_encode(fs, vn->btime, &de->cdate, &de->ctime, &de->ctime_cs);
	}
	spin_unlock(&vn->lock);
}

/* The entry says what the vnode says: in its buffer, which is referenced then; NULL: there is none. */
static int
update_entry(struct vnode *vn, struct buf **b)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_dirent *de;
	int err = 0;

	*b = NULL;
	mutex_lock(&fs->node_lock);
	if (fat_v(vn)->pos != 0) {
		de = fat_entry_at(fs, fat_v(vn)->pos, b, &err);
		if (de != NULL) {
			fat_fill_entry(fs, vn, de);
			buf_dirty(*b);
		}
	}
	mutex_unlock(&fs->node_lock);
	return err;
}

int
fat_update_entry(struct vnode *vn, bool wait)
{
	struct buf *b;
	int err = update_entry(vn, &b);

	if (err == 0 && wait && b != NULL)
		err = buf_write(b, 0);
	buf_put(b);
	return err;
}

int
fat_write_vnode(struct vnode *vn, bool wait)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);
	int err = 0;

	if (fat_read_only(fs) || vn->nlink == 0)
		return 0;
	/* The chain before the entry that leads to it. */
	for (int i = 0; i < 3 && err == 0 && atomic_load_relaxed(&fv->changed) > atomic_load_relaxed(&fs->synced); i++)
		err = fat_flush_metadata(fs);
	return err == 0 ? fat_update_entry(vn, wait) : err;
}

int
fat_sync_vnode(struct vnode *vn, bool datasync)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	int err;

	(void)datasync;
	if (fat_read_only(fs))
		return atomic_load_relaxed(&fs->error) ? -EIO : 0;
	err = fat_write_info(fs);
	if (err == 0)
		err = fat_flush_metadata(fs);
	return err == 0 ? block_flush(fs->bdev) : err;
}

void
fat_evict(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	bool reg = vn->ops == &fat_file_ops;

	if (reg)
		mapping_truncate(&vn->mapping, 0, INT64_MAX);
	leave_directory(fs, fat_v(vn));
	if (vn->ops != NULL && !fat_read_only(fs)) {
		u64 cluster = 1UL << fs->cluster_bits, keep = ((u64)vn->size + cluster - 1) >> fs->cluster_bits;

		if (vn->nlink == 0)
			(void)!fat_chain_cut(vn, 0);
		else if (reg && (vn->blocks << SECTOR_SHIFT) > keep << fs->cluster_bits)
			(void)!fat_chain_cut(vn, (u32)keep);	/* what was reserved and not used */
	}
	fat_node_move(vn, 0);
}
