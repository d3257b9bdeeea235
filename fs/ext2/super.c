/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounting ext2, ext3 and ext4; unmounting, remounting, sync, statfs. */
#include "fs/ext2/ext2.h"

#include "fs/ext2.h"
#include "sys/abi/mount.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/random.h"

/* --- the super block on the disk --- */

static u32
now_sec(void)
{
	return (u32)(clock_realtime() / NSEC_PER_SEC);
}

/* Counters and state, in memory; [O] */
static void
update_super(struct ext2_fs *fs)
{
	fs->es->s_free_blocks_count = (u32)atomic_load_relaxed(&fs->free_blocks);
	fs->es->s_free_inodes_count = (u32)atomic_load_relaxed(&fs->free_inodes);
	fs->es->s_wtime = now_sec();
	if (atomic_load_relaxed(&fs->error))
		fs->es->s_state |= EXT2_ERROR_FS;
}

int
ext2_write_super(struct ext2_fs *fs, bool wait)
{
	struct handle *h;
	int err = ext2_start(fs, 1, &h), e;

	if (err != 0)
		return err;
	err = ext2_access(h, fs->sb_buf);
	if (err == 0) {
		mutex_lock(&fs->orphan_lock);
		update_super(fs);
		mutex_unlock(&fs->orphan_lock);
		ext2_dirty(h, fs->sb_buf);
	}
	e = ext2_stop(h);
	if (err == 0 && e == 0 && wait && fs->journal == NULL)
		e = buf_write(fs->sb_buf, 0);
	return err != 0 ? err : e;
}

int
ext2_set_feature(struct handle *h, struct ext2_fs *fs, u32 compat, u32 ro_compat)
{
	struct ext2_super *es = fs->es;
	int err;

	if ((!compat || ext2_has_compat(fs, compat)) && (!ro_compat || ext2_has_ro_compat(fs, ro_compat)))
		return 0;
	err = ext2_access(h, fs->sb_buf);
	if (err != 0)
		return err;
	if (es->s_rev_level == 0) {
		ext2_warn(fs->sb, LOG_WARNING, "updating to rev 1 because of new feature flag, running e2fsck is recommended");
		es->s_first_ino = EXT2_OLD_FIRST_INO;
		es->s_inode_size = EXT2_OLD_INODE_SIZE;
		es->s_feature_compat = es->s_feature_incompat = es->s_feature_ro_compat = 0;	/* nothing meant anything there */
		es->s_rev_level = 1;
	}
	atomic_fetch_or(&es->s_feature_compat, compat);
	atomic_fetch_or(&es->s_feature_ro_compat, ro_compat);
	atomic_fetch_or(&fs->compat, compat);
	atomic_fetch_or(&fs->ro_compat, ro_compat);
	ext2_dirty(h, fs->sb_buf);
	return 0;
}

/* Beside the journal, which is not there or empty. */
static int
write_super_now(struct ext2_fs *fs)
{
	int err;

	mutex_lock(&fs->orphan_lock);
	update_super(fs);
	mutex_unlock(&fs->orphan_lock);
	buf_dirty(fs->sb_buf);
	err = buf_write(fs->sb_buf, BIO_PREFLUSH | BIO_FUA);
	return err;
}

/* From now on it is in use: what a crash leaves wants a check, or the journal's recovery. */
static int
mark_in_use(struct ext2_fs *fs)
{
	struct ext2_super *es = fs->es;

	if (fs->journal == NULL)
		es->s_state &= (u16)~EXT2_VALID_FS;
	else if (es->s_rev_level > 0)
		es->s_feature_incompat |= INCOMPAT_RECOVER;
	if (es->s_max_mnt_count == 0)
		es->s_max_mnt_count = -1;
	es->s_mnt_count++;
	es->s_mtime = now_sec();
	return write_super_now(fs);
}

/* Everything is in its place, and the journal is empty. */
static int
mark_clean(struct ext2_fs *fs)
{
	struct ext2_super *es = fs->es;

	if (fs->journal != NULL && journal_error(fs->journal) != 0)
		return -EIO;		/* recovery is wanted */
	if (fs->journal == NULL) {
		es->s_state &= (u16)~EXT2_VALID_FS;
		es->s_state |= fs->mount_state & EXT2_VALID_FS;
	}
	es->s_feature_incompat &= ~(u32)INCOMPAT_RECOVER;
	return write_super_now(fs);
}

static int
read_super(struct super_block *sb, u64 offset)
{
	struct ext2_fs *fs = ext2_fs(sb);
	u32 size = sb->bdev->block_size;
	int err;

	buf_put(fs->sb_buf);
	fs->sb_buf = NULL;
	err = buf_read(sb->bdev, offset / size, &fs->sb_buf);
	if (err == 0)
		fs->es = (struct ext2_super *)(fs->sb_buf->data + offset % size);
	return err;
}

/* --- mount --- */

static void
take_geometry(struct ext2_fs *fs)
{
	const struct ext2_super *es = fs->es;

	fs->block_bits = 10 + es->s_log_block_size;
	fs->block_size = 1u << fs->block_bits;
	fs->inode_size = es->s_rev_level == 0 ? EXT2_OLD_INODE_SIZE : es->s_inode_size;
	fs->first_ino = es->s_rev_level == 0 ? EXT2_OLD_FIRST_INO : es->s_first_ino;
	fs->blocks_per_group = es->s_blocks_per_group;
	fs->inodes_per_group = es->s_inodes_per_group;
	fs->first_block = es->s_first_data_block;
	fs->blocks = es->s_blocks_count;
	fs->inodes = es->s_inodes_count;
	fs->itable_blocks = (u32)DIV_ROUND_UP((u64)fs->inodes_per_group * fs->inode_size, (u64)fs->block_size);
	fs->nr_groups = DIV_ROUND_UP(fs->blocks - fs->first_block, fs->blocks_per_group);
	fs->gd_blocks = DIV_ROUND_UP(fs->nr_groups, fs->block_size / (u32)sizeof(struct ext2_group_desc));
	fs->ptrs_bits = fs->block_bits - 2;
	fs->reserved_blocks = es->s_r_blocks_count;
}

static void
take_features(struct ext2_fs *fs)
{
	const struct ext2_super *es = fs->es;
	bool old = es->s_rev_level == 0;

	fs->compat = old ? 0 : es->s_feature_compat;
	fs->incompat = old ? 0 : es->s_feature_incompat;
	fs->ro_compat = old ? 0 : es->s_feature_ro_compat;
}

/* What recovery may have changed. */
static void
take_state(struct ext2_fs *fs)
{
	const struct ext2_super *es = fs->es;

	take_features(fs);
	fs->mount_state = es->s_state;
	memcpy(fs->hash_seed, es->s_hash_seed, sizeof(fs->hash_seed));
	fs->hash_version = es->s_def_hash_version <= DX_HASH_TEA ? es->s_def_hash_version : DX_HASH_HALF_MD4;
	fs->hash_unsigned = es->s_flags & EXT2_FLAGS_UNSIGNED_HASH;
	fs->free_blocks = fs->free_inodes = fs->dirs = 0;
	for (u32 g = 0; g < fs->nr_groups; g++) {
		const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);

		fs->free_blocks += gd->bg_free_blocks_count;
		fs->free_inodes += gd->bg_free_inodes_count;
		fs->dirs += gd->bg_used_dirs_count;
	}
}

struct ext2_group_desc *
ext2_group_desc(const struct ext2_fs *fs, u32 g, struct buf **b)
{
	u32 per_block = fs->block_size / (u32)sizeof(struct ext2_group_desc);
	struct buf *gb = fs->gd_bufs[g / per_block];

	if (b != NULL)
		*b = gb;
	return (struct ext2_group_desc *)gb->data + g % per_block;
}

static int
load_groups(struct ext2_fs *fs, u64 sb_block)
{
	int err = 0;

	fs->gd_bufs = kmem_alloc_array(fs->gd_blocks, sizeof(*fs->gd_bufs), KM_ZERO);
	fs->groups = kmem_valloc((size_t)fs->nr_groups * sizeof(*fs->groups), KM_ZERO);
	if (fs->gd_bufs == NULL || fs->groups == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < fs->gd_blocks && err == 0; i++)
		err = buf_read(fs->bdev, sb_block + 1 + i, &fs->gd_bufs[i]);
	for (u32 g = 0; g < fs->nr_groups; g++) {
		mutex_init(&fs->groups[g].lock, LOCK_FS_ALLOC);
		list_init(&fs->groups[g].windows);
	}
	return err != 0 ? err : ext2_check_groups(fs);
}

static void
warn_state(struct super_block *sb)
{
	const struct ext2_super *es = ext2_fs(sb)->es;

	if (!(es->s_state & EXT2_VALID_FS))
		ext2_warn(sb, LOG_WARNING, "warning: mounting unchecked fs, running e2fsck is recommended");
	else if (es->s_state & EXT2_ERROR_FS)
		ext2_warn(sb, LOG_WARNING, "warning: mounting fs with errors, running e2fsck is recommended");
	else if (es->s_max_mnt_count > 0 && es->s_mnt_count >= (u16)es->s_max_mnt_count)
		ext2_warn(sb, LOG_WARNING, "warning: maximal mount count reached, running e2fsck is recommended");
	else if (es->s_checkinterval != 0 && es->s_lastcheck + (u64)es->s_checkinterval <= now_sec())
		ext2_warn(sb, LOG_WARNING, "warning: checktime reached, running e2fsck is recommended");
}

static int
load_super(struct super_block *sb, const char *data)
{
	struct ext2_fs *fs = ext2_fs(sb);
	u64 offset;
	int err;

	ext2_default_options(&fs->opts, NULL);
	err = ext2_parse_options(sb, &fs->opts, data, false);
	if (err != 0)
		return err;
	offset = fs->opts.sb_block * 1024;
	err = block_device_set_block_size(sb->bdev, MAX(1024u, block_device_logical_size(sb->bdev)));
	if (err == 0)
		err = read_super(sb, offset);
	if (err != 0)
		return err;
	err = ext2_check_super(sb, fs->es, sb->type->name);
	if (err == 0)
		err = ext2_check_features(sb, fs->es, &sb->flags);
	if (err != 0)
		return err;
	take_geometry(fs);
	take_features(fs);
	if (sb->bdev->block_size != fs->block_size) {
		buf_put(fs->sb_buf);
		fs->sb_buf = NULL;
		err = block_device_set_block_size(sb->bdev, fs->block_size);
		if (err == 0)
			err = read_super(sb, offset);
		if (err != 0)
			return err;
	}
	if (fs->es->s_magic != EXT2_MAGIC)
		return -EINVAL;		/* it changed under our hands */
	return load_groups(fs, fs->sb_buf->block);
}

static void
set_super(struct super_block *sb)
{
	struct ext2_fs *fs = ext2_fs(sb);

	sb->magic = EXT2_MAGIC;
	sb->blksize = fs->block_size;
	sb->max_size = ext2_max_size(fs);
	sb->time_gran = fs->inode_size > EXT2_OLD_INODE_SIZE ? 1 : (u32)NSEC_PER_SEC;
	sb->blockmap = &ext2_blockmap_ops;
	fs->next_generation = (u32)random_u64();
}

static int
load_root(struct super_block *sb)
{
	struct vnode *root;
	int err = ext2_get_inode(sb, EXT2_ROOT_INO, &root);

	if (err != 0)
		return err;
	if (!S_ISDIR(root->mode) || root->size == 0 || root->blocks == 0) {
		ext2_warn(sb, LOG_ERR, "corrupt root inode, run e2fsck");
		vnode_put(root);
		return -EUCLEAN;
	}
	sb->root = dentry_alloc_root(root);
	return sb->root != NULL ? 0 : -ENOMEM;
}

static int
fill_super(struct super_block *sb, const char *data)
{
	struct ext2_fs *fs = ext2_fs(sb);
	bool read_only;
	int err = load_super(sb, data);

	if (err != 0)
		return err;
	read_only = sb->flags & MS_RDONLY;
	set_super(sb);
	take_state(fs);
	ext2_default_options(&fs->opts, fs->es);
	err = ext2_open_journal(fs, read_only);
	if (err != 0)
		return err;
	take_state(fs);			/* of the recovered file system */
	if (!read_only) {
		warn_state(sb);
		err = mark_in_use(fs);
	}
	if (err == 0)
		err = load_root(sb);
	if (err == 0 && !read_only)
		ext2_orphan_cleanup(fs);
	return err;
}

static int
ext2_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct super_block *sb;
	struct ext2_fs *fs;
	int err = super_open_bdev(type, &ext2_super_ops, flags, dev, &sb);

	if (err == 1) {
		*out = sb;
		return 0;
	}
	if (err != 0)
		return err;
	fs = sb->priv = kmem_alloc(sizeof(*fs), KM_ZERO);
	err = -ENOMEM;
	if (fs != NULL) {
		fs->sb = sb;
		fs->bdev = sb->bdev;
		mutex_init(&fs->orphan_lock, LOCK_FS_ALLOC);
		mutex_init(&fs->xattr_lock, LOCK_FS_MAP);
		list_init(&fs->orphans);
		err = fill_super(sb, data);
	}
	if (err != 0) {
		super_put(sb);
		return err;
	}
	ext2_warn(sb, LOG_INFO, "mounted filesystem %s journal, %s", fs->journal != NULL ? "with" : "without",
		sb->flags & MS_RDONLY ? "read-only" : "read-write");
	*out = sb;
	return 0;
}

/* --- the end --- */

static void
ext2_put(struct super_block *sb)
{
	struct ext2_fs *fs = ext2_fs(sb);

	if (fs != NULL) {
		bool write = !(sb->flags & MS_RDONLY) && sb->root != NULL;
		int err = 0;

		if (fs->journal != NULL)
			err = ext2_close_journal(fs);
		if (write && err == 0) {
			err = buf_sync(fs->bdev);
			if (err == 0)
				err = mark_clean(fs);
		}
		if (err != 0)
			ext2_warn(sb, LOG_ERR, "not all could be written at unmount: error %d", -err);
		buf_put(fs->sb_buf);
		ext2_groups_free(fs);
		kmem_vfree(fs->journal_map);
	}
	super_close_bdev(sb);
	kmem_free(fs);
}

/* --- in between --- */

/* Does the super block on the disk tell the counters and state as they are? Then a sync of what is clean writes nothing. */
static bool
super_is_current(const struct ext2_fs *fs)
{
	const struct ext2_super *es = fs->es;

	return es->s_free_blocks_count == (u32)atomic_load_relaxed(&fs->free_blocks) &&
		es->s_free_inodes_count == (u32)atomic_load_relaxed(&fs->free_inodes) &&
		(!atomic_load_relaxed(&fs->error) || (es->s_state & EXT2_ERROR_FS));
}

static int
ext2_sync(struct super_block *sb, bool wait)
{
	struct ext2_fs *fs = ext2_fs(sb);
	int err;

	if (fs == NULL || sb->root == NULL || (atomic_load_relaxed(&sb->flags) & MS_RDONLY))
		return 0;
	err = super_is_current(fs) ? 0 : ext2_write_super(fs, false);
	if (err != 0)
		return err;
	if (fs->journal != NULL) {
		if (wait)
			return journal_commit_all(fs->journal);
		journal_request_commit(fs->journal);
		return 0;
	}
	if (!wait)
		return 0;
	err = buf_sync(fs->bdev);
	if (err == 0)
		err = block_flush(fs->bdev);
	if (err == -EIO)
		ext2_error(fs, "metadata could not be written");
	return err;
}

int
ext2_sync_vnode(struct vnode *vn, bool datasync)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	int err = 0;

	(void)datasync;
	if (atomic_load_relaxed(&vn->sb->flags) & MS_RDONLY)
		return atomic_load_relaxed(&fs->error) ? -EIO : 0;
	if (fs->journal == NULL) {
		err = buf_sync(fs->bdev);
		if (err == -EIO)
			ext2_error(fs, "metadata could not be written");
	}
	return err != 0 ? err : journal_commit(fs->journal, fs->bdev, atomic_load_relaxed(&ext2_i(vn)->tid));
}

static u64
overhead(const struct ext2_fs *fs)
{
	u64 n = fs->first_block + (u64)fs->nr_groups * (2 + fs->itable_blocks);

	for (u32 g = 0; g < fs->nr_groups; g++) {
		u32 descriptors = ext2_super_gd_blocks(fs, g);

		n += descriptors + (descriptors != 0 ? fs->es->s_reserved_gdt_blocks : 0);
	}
	return n + fs->journal_blocks;
}

static int
ext2_statfs(struct super_block *sb, struct abi_statfs *st)
{
	struct ext2_fs *fs = ext2_fs(sb);
	u64 free = atomic_load_relaxed(&fs->free_blocks), id[2];

	st->f_type = EXT2_MAGIC;
	st->f_bsize = st->f_frsize = fs->block_size;
	st->f_blocks = fs->blocks - (fs->opts.minixdf ? 0 : MIN(overhead(fs), (u64)fs->blocks));
	st->f_bfree = free;
	st->f_bavail = free > fs->reserved_blocks ? free - fs->reserved_blocks : 0;
	st->f_files = fs->inodes;
	st->f_ffree = atomic_load_relaxed(&fs->free_inodes);
	st->f_namelen = EXT2_NAME_LEN;
	memcpy(id, fs->es->s_uuid, sizeof(id));
	id[0] ^= id[1];
	st->f_fsid[0] = (s32)id[0];
	st->f_fsid[1] = (s32)(id[0] >> 32);
	return 0;
}

static int
make_read_only(struct ext2_fs *fs)
{
	int err = ext2_write_super(fs, false);

	if (err == 0)
		err = fs->journal != NULL ? journal_flush(fs->journal) : buf_sync(fs->bdev);
	return err != 0 ? err : mark_clean(fs);
}

/* It was mounted read-only with orphans on the disk, which must be finished before new ones come to them. Others can't write yet. */
static int
finish_orphans(struct ext2_fs *fs)
{
	struct super_block *sb = fs->sb;

	if (fs->es->s_last_orphan == 0)
		return 0;
	atomic_fetch_or(&sb->flags, SB_RO_REMOUNT);
	atomic_fetch_and(&sb->flags, ~(u32)MS_RDONLY);
	ext2_orphan_cleanup(fs);
	return atomic_load_relaxed(&sb->flags) & MS_RDONLY ? -EROFS : 0;	/* it found an error */
}

static int
make_writable(struct ext2_fs *fs)
{
	struct super_block *sb = fs->sb;
	u32 flags = 0;
	int err;

	if (atomic_load_relaxed(&fs->error) && fs->opts.errors != EXT2_ERRORS_CONTINUE)
		return -EROFS;
	if (block_device_is_read_only(fs->bdev))
		return -EACCES;
	err = ext2_check_features(sb, fs->es, &flags) != 0 ? -EROFS : 0;
	if (err == 0 && fs->journal == NULL) {
		err = ext2_open_journal(fs, false);
		take_state(fs);
	}
	if (err != 0)
		return err;
	warn_state(sb);
	fs->mount_state = fs->es->s_state;
	err = mark_in_use(fs);
	return err != 0 ? err : finish_orphans(fs);
}

static int
ext2_remount(struct super_block *sb, u32 *flags, const char *data)
{
	struct ext2_fs *fs = ext2_fs(sb);
	struct ext2_opts opts = fs->opts;
	bool was = sb->flags & MS_RDONLY, want = *flags & MS_RDONLY;
	int err = ext2_parse_options(sb, &opts, data, true);

	if (err != 0)
		return err;
	if (was && !want)
		err = make_writable(fs);
	else if (!was && want)
		err = make_read_only(fs);
	if (err != 0)
		return err;
	fs->opts = opts;
	journal_set_interval(fs->journal, opts.commit_ms);
	return 0;
}

const struct super_ops ext2_super_ops = {
	.alloc_vnode = ext2_alloc_vnode,
	.free_vnode = ext2_free_vnode,
	.evict = ext2_evict,
	.write_vnode = ext2_write_vnode,
	.sync_vnode = ext2_sync_vnode,
	.sync = ext2_sync,
	.statfs = ext2_statfs,
	.remount = ext2_remount,
	.show_options = ext2_show_options,
	.trim = ext2_trim,
	.put = ext2_put,
};

/* --- who else asks --- */

bool
ext2_probe(struct block_device *bdev, char label[17], char uuid[37])
{
	struct ext2_super *es = kmem_alloc(sizeof(*es), KM_NORMAL);
	u32 at = 0;
	bool ok;

	ok = es != NULL && block_rw_kernel(bdev, BIO_READ, EXT2_SUPER_OFFSET >> SECTOR_SHIFT, es, sizeof(*es)) == 0 &&
		es->s_magic == EXT2_MAGIC;
	if (ok) {
		memcpy(label, es->s_volume_name, 16);
		label[16] = '\0';
		for (u32 i = 0; i < 16; i++)
			at += (u32)scnprintf(uuid + at, 37 - at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				es->s_uuid[i]);
	}
	kmem_free(es);
	return ok;
}

/* The type's own form of ext2_probe(). */
static int
probe_type(struct block_device *bdev, struct fs_probe *out)
{
	return ext2_probe(bdev, out->label, out->uuid) ? 0 : -EINVAL;
}

static struct fs_type types[] = {
	{ .name = "ext2", .mount = ext2_mount, .probe = probe_type },
	{ .name = "ext3", .mount = ext2_mount, .probe = probe_type },
	{ .name = "ext4", .mount = ext2_mount, .probe = probe_type },
};

void
ext2_init(void)
{
	ext2_cache_init();
	for (u32 i = 0; i < ARRAY_SIZE(types); i++)
		if (fs_register(&types[i]) != 0)
			panic("ext2: cannot register");
}
