/* SPDX-License-Identifier: BSD-2-Clause */
/* ext3's journal: where its blocks are, recovery at mount; and the handles of all that changes metadata. */
#include "fs/ext2/ext2.h"

#include "sys/abi/mount.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/log.h"
#include "sys/lib/string.h"

/* --- handles --- */

int
ext2_start(struct ext2_fs *fs, u32 credits, struct handle **h)
{
	int err;

	if (atomic_load_relaxed(&fs->sb->flags) & MS_RDONLY)
		return -EROFS;
	err = journal_start(fs->journal, credits, h);
	if (err == -EROFS && !(atomic_fetch_or(&fs->sb->flags, (u32)MS_RDONLY) & MS_RDONLY)) {
		atomic_store_relaxed(&fs->error, true);
		ext2_warn(fs->sb, LOG_ERR, "journal has aborted: Remounting filesystem read-only");
	}
	return err;
}

#define LOW_BLOCKS	256

int
ext2_start_alloc(struct ext2_fs *fs, u32 credits, struct handle **h)
{
	u64 low = fs->reserved_blocks + LOW_BLOCKS;

	if (journal_current() == NULL && fs->journal != NULL && atomic_load_relaxed(&fs->busy_blocks) != 0 &&
	    atomic_load_relaxed(&fs->free_blocks) < low + atomic_load_relaxed(&fs->busy_blocks))
		(void)!journal_commit_all(fs->journal);
	return ext2_start(fs, credits, h);
}

int
ext2_stop(struct handle *h)
{
	return h != NULL ? journal_stop(h, false) : 0;
}

int
ext2_stop_sync(struct ext2_fs *fs, struct handle *h, struct vnode *vn)
{
	bool sync = (fs->sb->flags & MS_SYNCHRONOUS) || (ext2_i(vn)->flags & EXT2_SYNC_FL) ||
		(S_ISDIR(vn->mode) && ((fs->sb->flags & MS_DIRSYNC) || (ext2_i(vn)->flags & EXT2_DIRSYNC_FL)));
	int err;

	if (h != NULL)
		return journal_stop(h, sync);
	if (!sync)
		return 0;
	err = buf_sync(fs->bdev);
	return err != 0 ? err : block_flush(fs->bdev);
}

/* --- the log's blocks --- */

/* The journal's map is read once: its inode doesn't change while it is mounted. */
static int
journal_map(void *arg, u32 log_block, u64 *block)
{
	struct ext2_fs *fs = arg;

	if (log_block >= fs->journal_blocks || fs->journal_map[log_block] == 0)
		return -EIO;
	*block = fs->journal_map[log_block];
	return 0;
}

static int
read_map(struct ext2_fs *fs, struct vnode *vn)
{
	u64 blocks = (u64)vnode_size(vn) >> fs->block_bits;
	int err = 0;

	if (!S_ISREG(vn->mode) || vn->nlink == 0 || blocks < 1024 || blocks > fs->blocks)
		return -EINVAL;
	fs->journal_map = kmem_valloc(blocks * sizeof(u32), KM_ZERO);
	if (fs->journal_map == NULL)
		return -ENOMEM;
	for (u64 i = 0; i < blocks && err == 0; ) {
		struct block_extent e;

		err = ext2_map(NULL, vn, i, (u32)MIN(blocks - i, 65536UL), false, &e);
		if (err == 0 && e.hole)
			err = -EINVAL;
		for (u32 k = 0; err == 0 && k < e.n; k++)
			fs->journal_map[i + k] = (u32)e.block + k;
		i += err == 0 ? e.n : 0;
	}
	fs->journal_blocks = (u32)blocks;
	return err;
}

static int
find_log(struct ext2_fs *fs, struct journal_place *place)
{
	const struct ext2_super *es = fs->es;
	struct vnode *vn;
	int err;

	if (es->s_journal_dev != 0 || es->s_journal_inum == 0) {
		ext2_warn(fs->sb, LOG_ERR, "the journal is on another device, which is not supported");
		return -EINVAL;
	}
	err = es->s_journal_inum == EXT2_JOURNAL_INO ? ext2_get_inode(fs->sb, EXT2_JOURNAL_INO, &vn) : -EINVAL;
	if (err == 0) {
		if (fs->journal_map == NULL)
			err = read_map(fs, vn);
		vnode_put(vn);
	}
	if (err != 0) {
		ext2_warn(fs->sb, LOG_ERR, "no journal found, or a damaged one");
		return err == -ENOMEM ? err : -EINVAL;
	}
	*place = (struct journal_place){ .bdev = fs->bdev, .fs_bdev = fs->bdev, .map = journal_map, .arg = fs,
		.blocks = fs->journal_blocks };
	memcpy(place->fs_uuid, es->s_uuid, sizeof(place->fs_uuid));
	return 0;
}

static int
recover(struct ext2_fs *fs, struct journal *j)
{
	int err;

	if (block_device_is_read_only(fs->bdev)) {
		ext2_warn(fs->sb, LOG_ERR, "write access unavailable, cannot recover");
		return -EROFS;
	}
	ext2_warn(fs->sb, LOG_INFO, "recovery required%s", fs->sb->flags & MS_RDONLY ? " on readonly filesystem" : "");
	err = journal_recover(j);
	if (err == 0) {
		fs->es->s_feature_incompat &= ~(u32)INCOMPAT_RECOVER;
		buf_dirty(fs->sb_buf);
		err = buf_write(fs->sb_buf, BIO_PREFLUSH | BIO_FUA);
		ext2_warn(fs->sb, LOG_INFO, "recovery complete");
	}
	return err;
}

/* What made the journal end, the last time, is the file system's trouble: e2fsck shall look at all of it. */
static int
take_error(struct ext2_fs *fs, struct journal *j)
{
	int err = journal_take_error(j);

	if (err == 0)
		return 0;
	ext2_warn(fs->sb, LOG_WARNING, "its journal ended with error %d", err < 0 ? -err : err);
	fs->es->s_state |= EXT2_ERROR_FS;
	buf_dirty(fs->sb_buf);
	return buf_write(fs->sb_buf, BIO_PREFLUSH | BIO_FUA);
}

int
ext2_open_journal(struct ext2_fs *fs, bool read_only)
{
	struct journal_place place;
	struct journal *j;
	int err;

	if (!ext2_has_compat(fs, COMPAT_HAS_JOURNAL))
		return 0;
	if (fs->opts.noload) {
		if (!read_only && ext2_has_incompat(fs, INCOMPAT_RECOVER)) {
			ext2_warn(fs->sb, LOG_ERR, "required journal recovery suppressed and not mounted read-only");
			return -EINVAL;
		}
		return 0;
	}
	err = find_log(fs, &place);
	if (err == 0)
		err = journal_open(&place, &j);
	if (err != 0)
		return err;
	if (journal_needs_recovery(j) || ext2_has_incompat(fs, INCOMPAT_RECOVER))
		err = recover(fs, j);
	if (err == 0 && !read_only)
		err = take_error(fs, j);
	if (err == 0 && !read_only) {
		err = journal_begin(j, fs->opts.commit_ms);
		if (err == 0) {
			fs->journal = j;
			return 0;
		}
	}
	(void)journal_close(j);
	return err;
}

int
ext2_close_journal(struct ext2_fs *fs)
{
	int err = journal_close(fs->journal);

	fs->journal = NULL;
	return err;
}
