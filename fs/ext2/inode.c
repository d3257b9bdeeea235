/* SPDX-License-Identifier: BSD-2-Clause */
/* Inodes: reading one into a vnode, writing it back, its end. */
#include "fs/ext2/ext2.h"

#include "mm/slab.h"
#include "sys/abi/mount.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

static struct kmem_cache *cache;	/* [I] */

/* --- memory --- */

void
ext2_cache_init(void)
{
	cache = kmem_cache_create("ext2_inode", sizeof(struct ext2_inode), 64, 0, NULL);
	if (cache == NULL)
		panic("ext2: no memory at boot");
	kmem_cache_set_reclaimable(cache);
}

struct vnode *
ext2_alloc_vnode(struct super_block *sb)
{
	struct ext2_inode *ei = kmem_cache_alloc(cache, KM_USER);

	(void)sb;
	if (ei == NULL)
		return NULL;
	memset(ei, 0, sizeof(*ei));
	rwlock_init(&ei->map_lock, LOCK_FS_MAP);
	spin_init(&ei->cache_lock, LOCK_LEAF);
	list_init(&ei->orphan);
	ei->window.size = 8;
	journal_ordered_init(&ei->ordered, &ei->vn.mapping);
	return &ei->vn;
}

void
ext2_free_vnode(struct vnode *vn)
{
	kmem_free(ext2_i(vn)->link);		/* walks under RCU read it until now */
	kmem_cache_free(cache, ext2_i(vn));
}

/* --- place and times on the disk --- */

int
ext2_find_inode(struct ext2_fs *fs, u64 ino, struct buf **b, u32 *off)
{
	u32 g, at;

	if (ino < 1 || ino > fs->inodes)
		return -EIO;
	g = (u32)(ino - 1) / fs->inodes_per_group;
	at = (u32)(ino - 1) % fs->inodes_per_group * fs->inode_size;
	*off = at & (fs->block_size - 1);
	return ext2_read_meta(fs, ext2_group_desc(fs, g, NULL)->bg_inode_table + (at >> fs->block_bits), "inode table", b);
}

/* Does the inode on the disk have the field that ends at `end`? */
#define HAS_FIELD(ei, field) \
	(offsetof(struct ext2_dinode, field) + sizeof(((struct ext2_dinode *)0)->field) <= EXT2_OLD_INODE_SIZE + (u32)(ei)->extra_isize)

static nsec_t
time_decode(u32 sec, u32 extra, bool has_extra)
{
	s64 s = (s32)sec;

	if (!has_extra)
		return s * NSEC_PER_SEC;
	s += (s64)(extra & 3) << 32;
	return MIN(s, INT64_MAX / NSEC_PER_SEC - 1) * NSEC_PER_SEC + MIN(extra >> 2, (u32)NSEC_PER_SEC - 1);
}

static void
time_encode(nsec_t t, u32 *sec, u32 *extra)
{
	s64 s = t / NSEC_PER_SEC, ns = t % NSEC_PER_SEC;

	if (ns < 0) {
		ns += NSEC_PER_SEC;
		s--;
	}
	if (extra != NULL) {
		s = MIN(MAX(s, (s64)INT32_MIN), 0x37fffffffL);
		*extra = (u32)(((s - (s32)s) >> 32) & 3) | (u32)ns << 2;
	} else {
		s = MIN(MAX(s, (s64)INT32_MIN), (s64)INT32_MAX);
	}
	*sec = (u32)s;
}

/* --- reading --- */

static dev_t
decode_device(const u32 data[EXT2_N_BLOCKS])
{
	if (data[0] != 0)
		return makedev_k((data[0] >> 8) & 0xff, data[0] & 0xff);
	return makedev_k((data[1] >> 8) & 0xfff, (data[1] & 0xff) | ((data[1] >> 12) & 0xfff00));
}

static int
fill_link(struct vnode *vn)
{
	struct ext2_inode *ei = ext2_i(vn);
	u64 size = (u64)vnode_size(vn), own = ei->file_acl != 0 ? vn->sb->blksize / SECTOR_SIZE : 0;

	if (vn->blocks > own)
		return size >= vn->sb->blksize ? -EUCLEAN : 0;
	if (size == 0 || size >= sizeof(ei->data))
		return -EUCLEAN;
	ei->link = kmem_alloc(size + 1, KM_USER);
	if (ei->link == NULL)
		return -ENOMEM;
	memcpy(ei->link, ei->data, size);
	ei->link[size] = '\0';
	if (strlen(ei->link) != size)
		return -EUCLEAN;
	vn->link = ei->link;
	return 0;
}

static int
fill_extra(struct vnode *vn, const struct ext2_dinode *di)
{
	struct ext2_inode *ei = ext2_i(vn);
	u32 size = ext2_fs(vn->sb)->inode_size;
	bool c, m, a;

	if (size > EXT2_OLD_INODE_SIZE) {
		ei->extra_isize = di->i_extra_isize;
		if (ei->extra_isize > size - EXT2_OLD_INODE_SIZE || (ei->extra_isize & 3) != 0)
			return -EUCLEAN;
	}
	c = HAS_FIELD(ei, i_ctime_extra);
	m = HAS_FIELD(ei, i_mtime_extra);
	a = HAS_FIELD(ei, i_atime_extra);
	vn->ctime = time_decode(di->i_ctime, c ? di->i_ctime_extra : 0, c);
	vn->mtime = time_decode(di->i_mtime, m ? di->i_mtime_extra : 0, m);
	vn->atime = time_decode(di->i_atime, a ? di->i_atime_extra : 0, a);
	vn->btime = HAS_FIELD(ei, i_crtime_extra) ? time_decode(di->i_crtime, di->i_crtime_extra, true) : 0;
	return 0;
}

static int
check_kind(struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);

	if (ei->flags & (EXT2_EXTENTS_FL | 0x10000000u /* inline data */))
		return -EUCLEAN;
	if (ei->file_acl != 0 && !ext2_block_valid(fs, ei->file_acl, 1))
		return -EUCLEAN;
	if (vn->size < 0 || (S_ISREG(vn->mode) && vn->size > vn->sb->max_size))
		return -EUCLEAN;
	if (S_ISDIR(vn->mode) && (vn->size > (off_t)UINT32_MAX || (vn->size & (fs->block_size - 1)) != 0))
		return -EUCLEAN;
	switch (vn->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFLNK:
		return fill_link(vn);
	default:
		return -EUCLEAN;
	}
}

static int
fill_vnode(struct vnode *vn, const struct ext2_dinode *di)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	int err;

	vn->mode = di->i_mode;
	vn->uid.val = di->i_uid | (u32)di->i_uid_high << 16;
	vn->gid.val = di->i_gid | (u32)di->i_gid_high << 16;
	vn->nlink = di->i_links_count;
	vn->size = di->i_size;
	if (S_ISREG(vn->mode))
		vn->size |= (off_t)((u64)di->i_size_high << 32);	/* negative: check_kind() refuses it */
	else if (S_ISDIR(vn->mode) && di->i_size_high != 0)
		vn->size = -1;
	vn->blocks = di->i_blocks;
	if (ext2_has_ro_compat(fs, RO_COMPAT_HUGE_FILE)) {
		vn->blocks |= (u64)di->i_blocks_high << 32;
		if (di->i_flags & EXT2_HUGE_FILE_FL)
			vn->blocks <<= fs->block_bits - SECTOR_SHIFT;
	}
	vn->blkbits = fs->block_bits;
	vn->generation = di->i_generation;
	ei->flags = di->i_flags;
	ei->file_acl = di->i_file_acl;
	ei->dtime = di->i_dtime;
	ei->disk_size = 0;
	memcpy(ei->data, di->i_block, sizeof(ei->data));
	err = fill_extra(vn, di);
	if (err == 0 && vn->nlink == 0 && (vn->mode == 0 || !(fs->mount_state & EXT2_ORPHAN_FS)))
		return -ESTALE;		/* deleted; only the list of orphans may name it */
	if (err == 0)
		err = check_kind(vn);
	if (err != 0)
		return err;
	ext2_apply_flags(vn);
	ext2_set_ops(vn);
	return 0;
}

void
ext2_set_ops(struct vnode *vn)
{
	struct ext2_inode *ei = ext2_i(vn);

	switch (vn->mode & S_IFMT) {
	case S_IFREG:
		mapping_init(&vn->mapping, &blockmap_mapping_ops, vn, 0);
		journal_ordered_init(&ei->ordered, &vn->mapping);
		vn->ops = &ext2_file_ops;
		vn->fops = &ext2_file_fops;
		break;
	case S_IFDIR:
		vn->ops = &ext2_dir_ops;
		vn->fops = &ext2_dir_fops;
		break;
	case S_IFLNK:
		vn->ops = &ext2_symlink_ops;
		break;
	default:
		vn->ops = &ext2_special_ops;
		vnode_init_special(vn, vn->mode, decode_device(ei->data));
		break;
	}
}

int
ext2_get_inode(struct super_block *sb, u64 ino, struct vnode **out)
{
	struct ext2_fs *fs = ext2_fs(sb);
	struct vnode *vn;
	struct buf *b;
	u32 off;
	int err;

	if ((ino < fs->first_ino && ino != EXT2_ROOT_INO && ino != EXT2_JOURNAL_INO) || ino > fs->inodes)
		return -EUCLEAN;
	err = vnode_get_cached(sb, ino, &vn);
	if (err != 0)
		return err;
	if (!(vn->state & VN_NEW)) {
		*out = vn;
		return 0;
	}
	err = ext2_find_inode(fs, ino, &b, &off);
	if (err == 0) {
		err = fill_vnode(vn, (const struct ext2_dinode *)(b->data + off));
		buf_put(b);
	}
	if (err != 0) {
		vnode_fail_new(vn);
		if (err == -EUCLEAN)
			ext2_error(fs, "inode %llu is damaged", (unsigned long long)ino);
		return err;
	}
	vnode_unlock_new(vn);
	*out = vn;
	return 0;
}

/* --- writing --- */

void
ext2_encode_device(struct vnode *vn)
{
	struct ext2_inode *ei = ext2_i(vn);
	u32 major = dev_major(vn->rdev), minor = dev_minor(vn->rdev);

	memset(ei->data, 0, sizeof(ei->data));
	if (major < 256 && minor < 256)
		ei->data[0] = major << 8 | minor;
	else
		ei->data[1] = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static void
encode_extra(const struct vnode *vn, struct ext2_dinode *di)
{
	const struct ext2_inode *ei = (const struct ext2_inode *)vn;

	time_encode(vn->ctime, &di->i_ctime, HAS_FIELD(ei, i_ctime_extra) ? &di->i_ctime_extra : NULL);
	time_encode(vn->mtime, &di->i_mtime, HAS_FIELD(ei, i_mtime_extra) ? &di->i_mtime_extra : NULL);
	time_encode(vn->atime, &di->i_atime, HAS_FIELD(ei, i_atime_extra) ? &di->i_atime_extra : NULL);
	if (HAS_FIELD(ei, i_crtime_extra))
		time_encode(vn->btime, &di->i_crtime, &di->i_crtime_extra);
}

/* [s] is held. True: the file is larger than revision 0 knows. */
static bool
encode(struct vnode *vn, struct ext2_dinode *di)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	off_t size = MAX(vnode_size(vn), ei->disk_size);
	u64 blocks = vn->blocks;

	di->i_mode = (u16)vn->mode;
	di->i_uid = (u16)vn->uid.val;
	di->i_uid_high = (u16)(vn->uid.val >> 16);
	di->i_gid = (u16)vn->gid.val;
	di->i_gid_high = (u16)(vn->gid.val >> 16);
	di->i_links_count = (u16)vn->nlink;
	di->i_size = (u32)size;
	if (S_ISREG(vn->mode))
		di->i_size_high = (u32)(size >> 32);
	if (ext2_has_ro_compat(fs, RO_COMPAT_HUGE_FILE)) {
		if (ei->flags & EXT2_HUGE_FILE_FL)
			blocks >>= fs->block_bits - SECTOR_SHIFT;
		di->i_blocks_high = (u16)(blocks >> 32);
	}
	di->i_blocks = (u32)blocks;
	di->i_flags = ei->flags;
	di->i_file_acl = ei->file_acl;
	di->i_dtime = ei->dtime;
	di->i_generation = vn->generation;
	memcpy(di->i_block, ei->data, sizeof(di->i_block));
	if (fs->inode_size > EXT2_OLD_INODE_SIZE)
		di->i_extra_isize = ei->extra_isize;
	encode_extra(vn, di);
	return S_ISREG(vn->mode) && size > INT32_MAX;
}

int
ext2_write_inode(struct handle *h, struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	bool large = false;
	struct buf *b;
	u32 off;
	int err = ext2_find_inode(fs, vn->ino, &b, &off);

	if (err != 0)
		return err;
	err = ext2_access(h, b);
	if (err == 0) {
		spin_lock(&vn->lock);
		large = encode(vn, (struct ext2_dinode *)(b->data + off));
		spin_unlock(&vn->lock);
		ext2_dirty(h, b);
		atomic_store_relaxed(&ei->tid, journal_tid(h));
	}
	buf_put(b);
	if (err == 0 && large)
		err = ext2_set_feature(h, fs, 0, RO_COMPAT_LARGE_FILE);
	return err;
}

int
ext2_write_vnode(struct vnode *vn, bool wait)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct handle *h;
	struct buf *b;
	u32 off;
	int err;

	if (atomic_load_relaxed(&vn->sb->flags) & MS_RDONLY)
		return 0;
	err = ext2_start(fs, EXT2_CREDITS_INODE, &h);
	if (err != 0)
		return err;
	err = ext2_write_inode(h, vn);
	if (err == 0)
		err = ext2_stop(h);
	else
		ext2_stop(h);
	if (err != 0 || !wait || fs->journal != NULL)
		return err;
	err = ext2_find_inode(fs, vn->ino, &b, &off);
	if (err == 0) {
		err = buf_write(b, 0);
		buf_put(b);
	}
	return err;
}

void
ext2_add_blocks(struct vnode *vn, s64 n)
{
	s64 units = n * (s64)(vn->sb->blksize / SECTOR_SIZE);

	spin_lock(&vn->lock);
	vn->blocks = units < 0 && (u64)-units > vn->blocks ? 0 : vn->blocks + (u64)units;
	spin_unlock(&vn->lock);
}

/* --- attributes --- */

void
ext2_apply_flags(struct vnode *vn)
{
	vnode_set_fileattr(vn, ext2_i(vn)->flags);
}

int
ext2_getattr(struct vnode *vn, struct kstat *st)
{
	struct ext2_inode *ei = ext2_i(vn);

	if (HAS_FIELD(ei, i_crtime_extra))
		st->result_mask |= STATX_BTIME;
	st->attributes_mask |= STATX_ATTR_NODUMP;
	if (ei->flags & EXT2_NODUMP_FL)
		st->attributes |= STATX_ATTR_NODUMP;
	return 0;
}

/* What the inode can hold. */
static nsec_t
clamp_time(const struct vnode *vn, nsec_t t)
{
	const struct ext2_inode *ei = (const struct ext2_inode *)vn;
	nsec_t max = (HAS_FIELD(ei, i_atime_extra) ? MIN(0x37fffffffL, INT64_MAX / NSEC_PER_SEC - 1) : INT32_MAX) * NSEC_PER_SEC;

	return MIN(MAX(t, INT32_MIN * NSEC_PER_SEC), max);
}

int
ext2_setattr(struct vnode *vn, const struct iattr *a)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct iattr rest = *a;
	struct handle *h;
	int err = 0, e;

	if ((a->valid & ATTR_SIZE) && S_ISREG(vn->mode))
		err = ext2_truncate(vn, a->size);
	if (err != 0)
		return err;
	rest.valid &= ~(u32)ATTR_SIZE;
	rest.atime = clamp_time(vn, rest.atime);
	rest.mtime = clamp_time(vn, rest.mtime);
	err = ext2_start(fs, EXT2_CREDITS_INODE, &h);
	if (err != 0)
		return err;
	err = vnode_generic_setattr(vn, &rest);
	if (err == 0)
		err = ext2_write_inode(h, vn);
	e = ext2_stop_sync(fs, h, vn);
	return err != 0 ? err : e;
}

/* --- the end --- */

/* A vnode without links: what it has on the disk is free. */
static void
delete_inode(struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	bool has_blocks = S_ISREG(vn->mode) || S_ISDIR(vn->mode) || (S_ISLNK(vn->mode) && vn->link == NULL);
	struct handle *h;

	if (ext2_start(fs, EXT2_CREDITS_TRUNCATE + EXT2_CREDITS_XATTR, &h) != 0)
		return;
	vnode_set_size(vn, 0);
	ei->disk_size = 0;
	if (ext2_write_inode(h, vn) == 0 && (!has_blocks || ext2_free_range(&h, vn, 0, UINT64_MAX) == 0) &&
	    ext2_xattr_free(h, vn) == 0) {
		(void)ext2_orphan_del(h, vn);
		ei->dtime = (u32)(clock_realtime_coarse() / NSEC_PER_SEC);
		if (ext2_write_inode(h, vn) == 0)
			ext2_free_inode(h, fs, (u32)vn->ino, S_ISDIR(vn->mode));
	}
	ext2_stop(h);
}

void
ext2_evict(struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	bool gone = vn->nlink == 0 && vn->ops != NULL && !(atomic_load_relaxed(&vn->sb->flags) & MS_RDONLY);

	if (S_ISREG(vn->mode)) {
		if (gone)
			ext2_settle_data(vn, 0);
		mapping_truncate(&vn->mapping, 0, INT64_MAX);
	}
	journal_ordered_drop(fs->journal, &ei->ordered);
	if (gone)
		delete_inode(vn);
	ext2_window_drop(vn);
	if (list_is_linked(&ei->orphan))
		(void)ext2_orphan_del(NULL, vn);
}
