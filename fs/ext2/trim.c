/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FITRIM: the device is told which blocks are free. One group after the other, each locked for one discard at a time, so nobody is given
 * the blocks meanwhile. Blocks freed in transactions that haven't committed are left out, as they are for allocation: after a crash they are
 * their old owner's.
 *
 * A group that was gone through and where nothing was freed since is passed.
 */
#include "fs/ext2/ext2.h"

#include "sys/abi/ioctl.h"
#include "sys/thread.h"

static bool
killed(void)
{
	return thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current());
}

/* The next run from *at on. Its blocks, 0: there is none, -errno */
static int
trim_next(struct ext2_fs *fs, u32 g, u32 *at, u32 end, u32 least)
{
	u32 first = ext2_group_first(fs, g), n, shift = fs->block_bits - SECTOR_SHIFT;
	struct ext2_group *grp = &fs->groups[g];
	struct buf *b;
	int err;

	mutex_lock(&grp->lock);
	err = ext2_group_load(fs, g, false, &b);
	n = err == 0 ? ext2_group_free_run(grp, at, end, least) : 0;
	if (n != 0 && !ext2_block_valid(fs, first + *at, n)) {
		ext2_error(fs, "blocks %u-%u are metadata, and free in the bitmap of group %u", first + *at, first + *at + n - 1, g);
		grp->bad = true;
		err = -EIO;
	} else if (n != 0) {
		err = block_discard(fs->bdev, (u64)(first + *at) << shift, (u64)n << shift);
	}
	mutex_unlock(&grp->lock);
	*at += n;
	return err != 0 ? err : (int)n;
}

/* Bits [from, end) of group g. The blocks that were discarded, or -errno. */
static s64
trim_group(struct ext2_fs *fs, u32 g, u32 from, u32 end, u32 least)
{
	struct ext2_group *grp = &fs->groups[g];
	bool whole = from == 0 && end == ext2_group_blocks(fs, g);
	s64 sum = 0;
	int n;

	mutex_lock(&grp->lock);
	if (grp->trimmed != 0 && grp->trimmed <= least) {
		mutex_unlock(&grp->lock);
		return 0;
	}
	if (whole)
		grp->trimmed = least;		/* until something is freed */
	mutex_unlock(&grp->lock);
	while ((n = trim_next(fs, g, &from, end, least)) > 0) {
		sum += n;
		if (killed())
			n = -EINTR;
		if (n < 0)
			break;
	}
	if (n == 0)
		return sum;
	mutex_lock(&grp->lock);
	grp->trimmed = 0;
	mutex_unlock(&grp->lock);
	return n;
}

int
ext2_trim(struct super_block *sb, struct abi_fstrim_range *r)
{
	struct ext2_fs *fs = ext2_fs(sb);
	u32 granularity = block_discard_granularity(fs->bdev);
	u64 start = r->start >> fs->block_bits, end = start + (r->len >> fs->block_bits), least = r->minlen >> fs->block_bits;
	u64 sum = 0;

	if (fs->opts.noload && ext2_has_compat(fs, COMPAT_HAS_JOURNAL))
		return -EROFS;			/* the bitmaps may be old */
	if (least > fs->blocks_per_group || start >= fs->blocks || r->len < fs->block_size)
		return -EINVAL;
	if (r->minlen < granularity)
		least = granularity >> fs->block_bits;
	least = MAX(least, 1UL);
	end = MIN(end, (u64)fs->blocks);
	start = MAX(start, (u64)fs->first_block);
	while (start < end && least <= fs->blocks_per_group) {
		u32 g = (u32)(start - fs->first_block) / fs->blocks_per_group, first = ext2_group_first(fs, g);
		u32 last = (u32)MIN(end - first, (u64)ext2_group_blocks(fs, g));
		s64 n = trim_group(fs, g, (u32)start - first, last, (u32)least);

		if (n < 0)
			return (int)n;
		sum += (u64)n;
		start = first + last;
	}
	r->len = sum << fs->block_bits;
	return 0;
}
