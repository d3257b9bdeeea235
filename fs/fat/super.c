/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounting FAT volumes; unmounting, remounting, sync, statfs. */
#include "fs/fat/fat.h"

#include "fs/fat.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

void
fat_error(struct fat_fs *fs, const char *fmt, ...)
{
	struct super_block *sb = fs->sb;
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vscnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err("FAT-fs (%s): error, %s", sb->id, text);
	atomic_store_relaxed(&fs->error, true);
	if (fs->opt.errors == FAT_ERRORS_PANIC)
		panic("FAT-fs (%s): panic forced after error", sb->id);
	if (fs->opt.errors == FAT_ERRORS_RO && !fat_read_only(fs)) {
		atomic_fetch_or(&sb->flags, (u32)MS_RDONLY);
		log_err("FAT-fs (%s): Filesystem has been set read-only", sb->id);
	}
}

/* --- mounting --- */

static void
warn_dirty(struct fat_fs *fs)
{
	if (fs->was_dirty)
		log_warn("FAT-fs (%s): Volume was not properly unmounted. Some data may be corrupt. Please run fsck.", fs->sb->id);
}

/* FSInfo's hint, and with "usefree" its count: both only where they can be true. */
static void
read_info(struct fat_fs *fs)
{
	const struct fat_info *info;
	struct buf *b;
	u32 free, next;

	if (fs->info_block == 0 || buf_read(fs->bdev, fs->info_block, &b) != 0)
		return;
	info = (const struct fat_info *)b->data;
	if (le32_get(info->sign1) != FAT_INFO_SIGN1 || le32_get(info->sign2) != FAT_INFO_SIGN2) {
		log_warn("FAT-fs (%s): Invalid FSINFO signature, sector %u", fs->sb->id, fs->info_block);
		fs->info_block = 0;
	} else {
		free = le32_get(info->free);
		next = le32_get(info->next);
		if (fat_cluster_valid(fs, next))
			fs->hint = next;
		fs->free = free <= fs->clusters ? free : FAT_UNKNOWN;
		fs->free_known = fs->opt.usefree && fs->free != FAT_UNKNOWN;
	}
	buf_put(b);
}

static int
read_boot_sector(struct super_block *sb, bool quiet)
{
	struct fat_fs *fs = fat_fs(sb);
	struct fat_bpb *b = kmem_alloc(sizeof(*b), KM_NORMAL);
	int err = -ENOMEM;

	if (b != NULL)
		err = block_rw_kernel(fs->bdev, BIO_READ, 0, b, sizeof(*b));
	if (err == 0 && fs->opt.dos1xfloppy)
		fs->no_mark = fat_dos1x_bpb(b, block_device_bytes(fs->bdev));
	if (err == 0)
		err = fat_check_bpb(fs, b, block_device_bytes(fs->bdev), quiet);
	kmem_free(b);
	return err;
}

static int
make_writable(struct fat_fs *fs)
{
	struct buf *b;
	int err = buf_read(fs->bdev, 0, &b);

	if (err != 0)
		return err;
	fs->was_dirty = !fs->no_mark && (fat_bpb_tail(fs, (struct fat_bpb *)b->data)->state & FAT_STATE_DIRTY);
	buf_put(b);
	warn_dirty(fs);
	return fs->was_dirty ? 0 : fat_set_dirty(fs, true);
}

static const struct dentry_ops *
name_rules(const struct fat_fs *fs)
{
	if (!fs->vfat)
		return &fat_msdos_dops;
	return fs->opt.check == 's' ? &fat_vfat_strict_dops : &fat_vfat_dops;
}

/* As on Linux: times of access are not kept where the format has no place for them. */
static u32
atime_flags(const struct fat_fs *fs)
{
	return fs->vfat ? MS_NODIRATIME : MS_NODIRATIME | MS_NOATIME;
}

static int
fill_super(struct super_block *sb, u32 flags, const char *data)
{
	struct fat_fs *fs = fat_fs(sb);
	struct vnode *root;
	int err;

	fat_default_options(&fs->opt, fs->vfat);
	err = fat_parse_options(&fs->opt, data, fs->vfat);
	if (err == 0)
		err = read_boot_sector(sb, flags & MS_SILENT);
	if (err == 0)
		err = block_device_set_block_size(sb->bdev, 1u << fs->block_bits);
	if (err != 0)
		return err;
	fs->hint = FAT_FIRST;
	fs->free = FAT_UNKNOWN;
	read_info(fs);
	sb->magic = FAT_MAGIC;
	sb->blksize = 1u << fs->block_bits;
	sb->max_size = UINT32_MAX;
	sb->time_gran = 1;
	sb->name_max = fs->vfat ? FAT_NAME_BYTES : 0;
	sb->allow_utime = fs->opt.allow_utime;
	sb->blockmap = &fat_blockmap_ops;
	sb->dops = name_rules(fs);
	atomic_fetch_or(&sb->flags, atime_flags(fs));
	err = fat_root_get(sb, &root);
	if (err == 0 && !(flags & MS_RDONLY)) {
		err = make_writable(fs);
		if (err != 0)
			vnode_put(root);
	}
	if (err != 0)
		return err;
	sb->root = dentry_alloc_root(root);
	return sb->root != NULL ? 0 : -ENOMEM;
}

/* --- in between --- */

int
fat_flush_metadata(struct fat_fs *fs)
{
	u64 changes = atomic_load(&fs->changes), old;
	int err = buf_sync(fs->bdev);

	if (err != 0) {
		if (err == -EIO)
			fat_error(fs, "metadata could not be written");
		return err;
	}
	old = atomic_load_relaxed(&fs->synced);
	while (old < changes && !atomic_try_cas(&fs->synced, &old, changes))
		;
	return 0;
}

static int
fat_sync(struct super_block *sb, bool wait)
{
	struct fat_fs *fs = fat_fs(sb);
	int err;

	if (fs == NULL || sb->root == NULL || fat_read_only(fs))
		return 0;
	err = wait ? MIN(fat_free_pending(fs), 0) : 0;
	if (err == 0)
		err = fat_write_info(fs);
	if (err == 0 && wait)
		err = fat_flush_metadata(fs);
	return err == 0 && wait ? block_flush(fs->bdev) : err;
}

static int
fat_statfs(struct super_block *sb, struct abi_statfs *st)
{
	struct fat_fs *fs = fat_fs(sb);
	int err = 0;

	if (!fat_read_only(fs))
		err = MIN(fat_free_pending(fs), 0);
	if (err == 0)
		err = fat_count_free(fs);
	if (err != 0)
		return err;
	st->f_type = FAT_MAGIC;
	st->f_bsize = st->f_frsize = 1 << fs->cluster_bits;
	st->f_blocks = fs->clusters;
	st->f_bfree = st->f_bavail = atomic_load_relaxed(&fs->free);
	st->f_namelen = (fs->vfat ? FAT_NAME_MAX : 12) * 6;
	st->f_fsid[0] = (s32)sb->dev;
	st->f_fsid[1] = (s32)(sb->dev >> 32);
	return 0;
}

/* All is on the disk; then the mark of a volume in use goes. */
static int
make_clean(struct fat_fs *fs)
{
	int err = MIN(fat_free_pending(fs), 0);

	if (err == 0)
		err = fat_write_info(fs);
	if (err == 0)
		err = fat_flush_metadata(fs);
	if (err == 0)
		err = block_flush(fs->bdev);
	if (err == 0 && !fs->was_dirty && !atomic_load_relaxed(&fs->error)) {
		err = fat_set_dirty(fs, false);
		if (err == 0)
			err = fat_flush_metadata(fs);
		if (err == 0)
			err = block_flush(fs->bdev);
	}
	return err;
}

static int
fat_remount(struct super_block *sb, u32 *flags, const char *data)
{
	struct fat_fs *fs = fat_fs(sb);
	bool was = sb->flags & MS_RDONLY, want = *flags & MS_RDONLY;

	(void)data;			/* not looked at, as on Linux */
	*flags |= atime_flags(fs);
	if (was == want)
		return 0;
	if (want)
		return make_clean(fs);
	return block_device_is_read_only(fs->bdev) ? -EACCES : make_writable(fs);
}

static void
fat_put(struct super_block *sb)
{
	struct fat_fs *fs = fat_fs(sb);

	if (fs != NULL && sb->root != NULL && !(sb->flags & MS_RDONLY)) {
		int err = make_clean(fs);

		if (err != 0)
			log_err("FAT-fs (%s): not all could be written at unmount: error %d", sb->id, -err);
	} else if (fs != NULL) {
		struct list *p;

		/* Made read-only by an error: nothing is given back any more. */
		while (!list_empty(&fs->pending)) {
			p = fs->pending.next;
			list_del(p);
			kmem_free(p);
		}
	}
	super_close_bdev(sb);
	kmem_free(fs);
}

static const struct super_ops fat_super_ops = {
	.alloc_vnode = fat_alloc_vnode,
	.free_vnode = fat_free_vnode,
	.evict = fat_evict,
	.write_vnode = fat_write_vnode,
	.sync_vnode = fat_sync_vnode,
	.sync = fat_sync,
	.statfs = fat_statfs,
	.remount = fat_remount,
	.show_options = fat_show_options,
	.trim = fat_trim_free,
	.put = fat_put,
};

static int
fat_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct super_block *sb;
	struct fat_fs *fs;
	int err = super_open_bdev(type, &fat_super_ops, flags, dev, &sb);

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
		fs->vfat = strcmp(type->name, "vfat") == 0;
		fs->next_ino = FAT_ROOT_INO + 1;
		mutex_init(&fs->fat_lock, LOCK_FS_ALLOC);
		mutex_init(&fs->node_lock, LOCK_FS_ALLOC);
		mutex_init(&fs->pending_lock, LOCK_JOURNAL);
		list_init(&fs->pending);
		err = fill_super(sb, flags, data);
	}
	if (err != 0) {
		super_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}

static struct fs_type types[] = {
	{ .name = "vfat", .mount = fat_mount, .probe = fat_probe },
	{ .name = "msdos", .mount = fat_mount },
};

void
fat_init(void)
{
	fat_cache_init();
	for (u32 i = 0; i < ARRAY_SIZE(types); i++)
		if (fs_register(&types[i]) != 0)
			panic("fat: cannot register");
}
