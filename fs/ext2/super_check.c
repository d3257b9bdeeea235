/* SPDX-License-Identifier: BSD-2-Clause */
/* May this super block be trusted? Features, geometry, group descriptors; and what is done when something turns out to be wrong later. */
#include "fs/ext2/ext2.h"

#include "sys/abi/mount.h"
#include "sys/lib/bits.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

/* --- messages --- */

static void
say(struct super_block *sb, int level, const char *kind, const char *fmt, va_list ap)
{
	char text[200];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_printf((enum log_level)level, "EXT2-fs%s (%s%s): %s", kind, *kind != '\0' ? "device " : "", sb->id, text);
}

void
ext2_warn(struct super_block *sb, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(sb, level, "", fmt, ap);
	va_end(ap);
}

void
ext2_error(struct ext2_fs *fs, const char *fmt, ...)
{
	struct super_block *sb = fs->sb;
	va_list ap;

	va_start(ap, fmt);
	say(sb, LOG_ERR, " error", fmt, ap);
	va_end(ap);
	atomic_store_relaxed(&fs->error, true);
	if (atomic_load_relaxed(&sb->flags) & MS_RDONLY)
		return;
	if (fs->journal == NULL && fs->sb_buf != NULL) {
		fs->es->s_state |= EXT2_ERROR_FS;
		buf_dirty(fs->sb_buf);
	}
	switch (fs->opts.errors) {
	case EXT2_ERRORS_PANIC:
		panic("EXT2-fs (device %s): panic forced after error", sb->id);
	case EXT2_ERRORS_RO:
		ext2_warn(sb, LOG_ERR, "Remounting filesystem read-only");
		atomic_fetch_or(&sb->flags, (u32)MS_RDONLY);
		if (fs->journal != NULL)
			journal_abort(fs->journal, -EIO);
		break;
	default:
		break;
	}
}

int
ext2_read_meta(struct ext2_fs *fs, u64 block, const char *what, struct buf **b)
{
	int err = buf_read(fs->bdev, block, b);

	if (err == -EIO)
		ext2_error(fs, "%s: block %llu can't be read", what, (unsigned long long)block);
	return err;
}

/* --- features --- */

static const char *const incompat_names[32] = {
	"compression", "filetype", "needs_recovery", "journal_dev", "meta_bg", NULL, "extent", "64bit", "mmp", "flex_bg", "ea_inode", NULL,
	"dirdata", "metadata_csum_seed", "large_dir", "inline_data", "encrypt", "casefold",
};
static const char *const ro_compat_names[32] = {
	"sparse_super", "large_file", "btree_dir", "huge_file", "uninit_bg", "dir_nlink", "extra_isize", "has_snapshot", "quota", "bigalloc",
	"metadata_csum", "replica", "read-only", "project", "shared_blocks", "verity", "orphan_present",
};

static void
name_features(struct super_block *sb, int level, const char *what, u32 bits, const char *const names[32])
{
	char text[160];
	struct strbuf s;

	strbuf_init(&s, text, sizeof(text));
	for (u32 i = 0; i < 32; i++) {
		if (!(bits & BIT(i)))
			continue;
		if (names[i] != NULL)
			strbuf_printf(&s, " %s", names[i]);
		else
			strbuf_printf(&s, " bit%u", i);
	}
	ext2_warn(sb, level, "%s:%s", what, text);
}

int
ext2_check_features(struct super_block *sb, const struct ext2_super *es, u32 *flags)
{
	u32 incompat, ro;

	if (es->s_rev_level == 0)
		return 0;
	incompat = es->s_feature_incompat & ~(u32)(INCOMPAT_FILETYPE | INCOMPAT_RECOVER);
	ro = es->s_feature_ro_compat & ~(u32)(RO_COMPAT_SPARSE_SUPER | RO_COMPAT_LARGE_FILE | RO_COMPAT_BTREE_DIR |
		RO_COMPAT_HUGE_FILE | RO_COMPAT_DIR_NLINK | RO_COMPAT_EXTRA_ISIZE);
	if (incompat != 0) {
		name_features(sb, LOG_ERR, "couldn't mount because of unsupported optional features", incompat, incompat_names);
		return -EINVAL;
	}
	if ((es->s_feature_incompat & INCOMPAT_RECOVER) && !(es->s_feature_compat & COMPAT_HAS_JOURNAL)) {
		ext2_warn(sb, LOG_ERR, "needs_recovery is set, but there is no journal");
		return -EINVAL;
	}
	if (ro != 0 && !(*flags & MS_RDONLY)) {
		name_features(sb, LOG_ERR, "couldn't mount RDWR because of unsupported optional features", ro, ro_compat_names);
		return -EINVAL;
	}
	return 0;
}

/* --- geometry --- */

static int
refuse(struct super_block *sb, const char *what, u64 value)
{
	ext2_warn(sb, LOG_ERR, "bad super block: %s %llu", what, (unsigned long long)value);
	return -EINVAL;
}

static int
check_sizes(struct super_block *sb, const struct ext2_super *es)
{
	u32 bs, isize = es->s_rev_level == 0 ? EXT2_OLD_INODE_SIZE : es->s_inode_size;

	if (es->s_log_block_size > 2)
		return refuse(sb, "log2 of the block size - 10:", es->s_log_block_size);
	bs = 1024u << es->s_log_block_size;
	if (bs < block_device_logical_size(sb->bdev))
		return refuse(sb, "block smaller than the device's:", bs);
	if (es->s_log_frag_size != es->s_log_block_size)
		return refuse(sb, "log2 of the fragment size - 10:", es->s_log_frag_size);
	if (isize < EXT2_OLD_INODE_SIZE || isize > bs || (isize & (isize - 1)) != 0)
		return refuse(sb, "inode size", isize);
	if (es->s_blocks_per_group == 0 || es->s_blocks_per_group > bs * 8 || es->s_blocks_per_group % 8 != 0)
		return refuse(sb, "blocks per group", es->s_blocks_per_group);
	if (es->s_inodes_per_group < bs / isize || es->s_inodes_per_group > bs * 8 || es->s_inodes_per_group % 8 != 0)
		return refuse(sb, "inodes per group", es->s_inodes_per_group);
	if (es->s_first_data_block != (bs == 1024 ? 1 : 0))
		return refuse(sb, "first data block", es->s_first_data_block);
	if (es->s_rev_level > 0 && (es->s_first_ino < EXT2_OLD_FIRST_INO || es->s_first_ino > es->s_inodes_per_group))
		return refuse(sb, "first inode", es->s_first_ino);
	return 0;
}

static int
check_counts(struct super_block *sb, const struct ext2_super *es)
{
	u32 bits = 10 + es->s_log_block_size;
	u64 groups, device = block_device_bytes(sb->bdev) >> bits;

	if (es->s_blocks_count <= es->s_first_data_block + 3)
		return refuse(sb, "block count", es->s_blocks_count);
	if (es->s_blocks_count > device)
		return refuse(sb, "block count exceeds size of device:", es->s_blocks_count);
	groups = DIV_ROUND_UP((u64)es->s_blocks_count - es->s_first_data_block, (u64)es->s_blocks_per_group);
	if (groups * es->s_inodes_per_group != es->s_inodes_count)
		return refuse(sb, "inode count", es->s_inodes_count);
	if (es->s_r_blocks_count > es->s_blocks_count)
		return refuse(sb, "reserved blocks", es->s_r_blocks_count);
	return 0;
}

int
ext2_check_super(struct super_block *sb, const struct ext2_super *es, const char *type)
{
	bool journal;
	int err;

	if (es->s_magic != EXT2_MAGIC) {
		if (!(sb->flags & MS_SILENT))
			ext2_warn(sb, LOG_ERR, "VFS: Can't find an %s filesystem", type);
		return -EINVAL;
	}
	if (es->s_rev_level > 1)
		return refuse(sb, "revision", es->s_rev_level);
	journal = es->s_rev_level > 0 && (es->s_feature_compat & COMPAT_HAS_JOURNAL);
	if (strcmp(type, "ext3") == 0 && !journal) {
		ext2_warn(sb, LOG_ERR, "couldn't mount as ext3: there is no journal");
		return -EINVAL;
	}
	if (strcmp(type, "ext2") == 0 && es->s_rev_level > 0 && (es->s_feature_incompat & INCOMPAT_RECOVER)) {
		ext2_warn(sb, LOG_ERR, "couldn't mount as ext2 due to feature incompatibilities: needs_recovery");
		return -EINVAL;
	}
	err = check_sizes(sb, es);
	return err != 0 ? err : check_counts(sb, es);
}

/* Bitmaps and inode table of each group lie in it, apart from each other and from super block and descriptors. */
int
ext2_check_groups(struct ext2_fs *fs)
{
	for (u32 g = 0; g < fs->nr_groups; g++) {
		const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);
		u32 first = ext2_group_first(fs, g), blocks = ext2_group_blocks(fs, g), head = ext2_super_gd_blocks(fs, g);
		u32 bb = gd->bg_block_bitmap - first, ib = gd->bg_inode_bitmap - first, it = gd->bg_inode_table - first;
		const char *what = NULL;

		if (head >= blocks || bb < head || bb >= blocks)
			what = "block bitmap";
		else if (ib < head || ib >= blocks || ib == bb)
			what = "inode bitmap";
		else if (it < head || it >= blocks || fs->itable_blocks > blocks - it ||
			 (bb >= it && bb < it + fs->itable_blocks) || (ib >= it && ib < it + fs->itable_blocks))
			what = "inode table";
		else if (gd->bg_free_blocks_count > blocks || gd->bg_free_inodes_count > fs->inodes_per_group)
			what = "count of free blocks or inodes";
		if (what != NULL) {
			ext2_warn(fs->sb, LOG_ERR, "group %u: %s is impossible", g, what);
			return -EUCLEAN;
		}
	}
	return 0;
}
