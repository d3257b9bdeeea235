/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chain of a file: which cluster is where, and its growing and shrinking. A vnode keeps some runs of neighbours that were seen, so a
 * look-up goes on from the nearest one before it.
 *
 * A chain never has more clusters than the volume: what goes on for longer is a loop. Files have no holes; what lies behind the
 * size has no meaning, and is written (with zeros, if need be) before the size grows over it.
 */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"

void
fat_chain_init(struct fat_vnode *fv, u32 start)
{
	fv->start = start;
	fv->length = fv->last = 0;
	fv->whole = start == 0;
	fv->next_run = 0;
	for (u32 i = 0; i < FAT_RUNS; i++)
		fv->runs[i].n = 0;
}

u32
fat_chain_start(struct vnode *vn)
{
	return atomic_load_relaxed(&fat_v(vn)->start);
}

/* --- finding; [m] held --- */

/* The known run that begins at or before fc and nearest to it. */
static struct fat_run
nearest_run(const struct fat_vnode *fv, u32 fc)
{
	struct fat_run best = { 0, fv->start, 1 };

	for (u32 i = 0; i < FAT_RUNS; i++) {
		const struct fat_run *r = &fv->runs[i];

		if (r->n != 0 && r->fcluster <= fc && (r->fcluster > best.fcluster || (r->fcluster == best.fcluster && r->n > best.n)))
			best = *r;
	}
	return best;
}

static void
keep_run(struct fat_vnode *fv, const struct fat_run *run)
{
	for (u32 i = 0; i < FAT_RUNS; i++) {
		if (fv->runs[i].n != 0 && fv->runs[i].fcluster == run->fcluster) {
			fv->runs[i] = *run;
			return;
		}
	}
	fv->runs[1 + fv->next_run++ % (FAT_RUNS - 1)] = *run;
}

/* The file has grown by `run`. That has a place of its own, or it would drive out where write-back is, behind it, in the chain. */
static void
keep_new_run(struct fat_vnode *fv, const struct fat_run *run)
{
	for (u32 i = 0; i < FAT_RUNS; i++) {
		struct fat_run *r = &fv->runs[i];

		if (r->n != 0 && r->fcluster + r->n == run->fcluster && r->cluster + r->n == run->cluster) {
			r->n += run->n;
			return;
		}
	}
	fv->runs[0] = *run;
}

static int
damaged(struct fat_fs *fs, const struct vnode *vn, const char *how)
{
	fat_error(fs, "the chain of inode %llu %s", (unsigned long long)vn->ino, how);
	return -EIO;
}

/* Go along the chain until run holds fc, and `more` clusters behind it if they are neighbours. 1: it does, 0: the chain ends before. */
static int
walk(struct vnode *vn, u32 fc, u32 more, struct fat_run *run)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);
	struct fat_cursor cur = { 0 };
	u32 next;
	int err = 0;

	*run = nearest_run(fv, fc);
	if (!fat_cluster_valid(fs, run->cluster))
		return damaged(fs, vn, "begins nowhere");
	while (run->fcluster + run->n <= fc || run->fcluster + run->n - fc < more) {
		u32 tail = run->cluster + run->n - 1, end = run->fcluster + run->n;

		if (fv->whole && end >= fv->length)
			break;
		err = fat_get(fs, &cur, tail, &next);
		if (err != 0)
			break;
		if (next == FAT_CHAIN_END) {
			fv->whole = true;
			fv->length = end;
			fv->last = tail;
			break;
		}
		if (!fat_cluster_valid(fs, next) || end >= fs->clusters) {
			err = damaged(fs, vn, end >= fs->clusters ? "has a loop" : "leads out of the volume");
			break;
		}
		if (next == tail + 1) {
			run->n++;
		} else if (end > fc) {
			break;
		} else {
			keep_run(fv, run);
			*run = (struct fat_run){ end, next, 1 };
		}
	}
	fat_cursor_end(&cur);
	if (err != 0)
		return err;
	keep_run(fv, run);
	return run->fcluster + run->n > fc;
}

static int
find_locked(struct vnode *vn, u32 fc, u32 max, u32 *cluster, u32 *n)
{
	struct fat_vnode *fv = fat_v(vn);
	struct fat_run run;
	int found;

	*n = 0;
	if (fv->start == 0 || (fv->whole && fc >= fv->length))
		return 0;
	found = walk(vn, fc, MIN(max, 1024u), &run);
	if (found <= 0)
		return found;
	*cluster = run.cluster + (fc - run.fcluster);
	*n = MIN(run.n - (fc - run.fcluster), max);
	return 0;
}

int
fat_chain_find(struct vnode *vn, u32 fc, u32 max, u32 *cluster, u32 *n)
{
	struct fat_vnode *fv = fat_v(vn);
	int err;

	mutex_lock(&fv->map_lock);
	err = find_locked(vn, fc, max, cluster, n);
	mutex_unlock(&fv->map_lock);
	return err;
}

static int
find_end(struct vnode *vn)
{
	struct fat_vnode *fv = fat_v(vn);
	struct fat_run run;
	int err;

	if (fv->whole)
		return 0;
	err = walk(vn, UINT32_MAX - 2, 1, &run);
	return MIN(err, 0);
}

int
fat_chain_length(struct vnode *vn, u32 *length)
{
	struct fat_vnode *fv = fat_v(vn);
	int err;

	mutex_lock(&fv->map_lock);
	err = find_end(vn);
	*length = fv->length;
	mutex_unlock(&fv->map_lock);
	return err;
}

/* --- growing and shrinking --- */

static void
count_blocks(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);

	spin_lock(&vn->lock);
	vn->blocks = (u64)fat_v(vn)->length << (fs->cluster_bits - SECTOR_SHIFT);
	spin_unlock(&vn->lock);
}

/* [m] held. */
static int
append_locked(struct vnode *vn, u32 want, u32 *cluster, u32 *n)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);
	struct fat_run run;
	int err = find_end(vn);

	if (err == 0)
		err = fat_alloc(fs, fv->length != 0 ? fv->last + 1 : 0, want, cluster, n);
	if (err != 0)
		return err;
	if (S_ISDIR(vn->mode))		/* before anything leads to it, a directory's cluster is clear on the disk */
		for (u32 i = 0; i < *n && err == 0; i++)
			err = fat_clear_cluster(fs, *cluster + i, NULL, 0);
	if (err == 0 && fv->length != 0) {
		mutex_lock(&fs->fat_lock);
		err = fat_set(fs, fv->last, *cluster);
		mutex_unlock(&fs->fat_lock);
	}
	if (err != 0) {
		(void)fat_free_chain(fs, *cluster, S_ISDIR(vn->mode));
		return err;
	}
	if (fv->length == 0)
		atomic_store_relaxed(&fv->start, *cluster);
	run = (struct fat_run){ fv->length, *cluster, *n };
	keep_new_run(fv, &run);
	fv->last = *cluster + *n - 1;
	fv->length += *n;
	atomic_store_relaxed(&fv->changed, fat_changed(fs));
	count_blocks(vn);
	return 0;
}

int
fat_chain_append(struct vnode *vn, u32 want, u32 *cluster, u32 *n)
{
	struct fat_vnode *fv = fat_v(vn);
	int err;

	mutex_lock(&fv->map_lock);
	err = append_locked(vn, want, cluster, n);
	mutex_unlock(&fv->map_lock);
	return err;
}

int
fat_chain_cut(struct vnode *vn, u32 keep)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);
	u32 rest = 0, n, last;
	int err = 0;

	mutex_lock(&fv->map_lock);
	if (fv->start == 0)
		goto out_unlock;
	if (keep == 0) {
		rest = fv->start;
		fat_chain_init(fv, 0);
		err = fat_update_entry(vn, false);
	} else {
		err = find_locked(vn, keep, 1, &rest, &n);
		if (err != 0 || n == 0)
			goto out_unlock;
		err = find_locked(vn, keep - 1, 1, &last, &n);
		if (err == 0)
			err = fat_update_entry(vn, true);
		if (err == 0) {
			mutex_lock(&fs->fat_lock);
			err = fat_set(fs, last, FAT_CHAIN_END);
			mutex_unlock(&fs->fat_lock);
		}
		if (err != 0)
			goto out_unlock;
		fat_chain_init(fv, fv->start);
		fv->whole = true;
		fv->length = keep;
		fv->last = last;
	}
	atomic_store_relaxed(&fv->changed, fat_changed(fs));
	count_blocks(vn);
	mutex_unlock(&fv->map_lock);
	if (err == 0)
		fat_free_later(fs, rest, S_ISDIR(vn->mode));
	return err;
out_unlock:
	mutex_unlock(&fv->map_lock);
	return err;
}

/* --- for fs/blockmap.c --- */

/* [m] held. Clusters until fc is there: the run that holds it. */
static int
grow_to(struct vnode *vn, u32 fc, u32 want, u32 *cluster, u32 *n)
{
	struct fat_vnode *fv = fat_v(vn);
	int err = find_end(vn);

	while (err == 0 && fv->length <= fc) {
		u32 before = fv->length;

		err = append_locked(vn, fc - before + want, cluster, n);
		if (err == 0 && fv->length > fc) {
			*cluster += fc - before;
			*n -= fc - before;
		}
	}
	return err;
}

static int
fat_map(struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct fat_vnode *fv = fat_v(vn);
	u32 shift = fs->cluster_bits - fs->block_bits, within = (u32)fblock & (fs->cluster_blocks - 1), cluster = 0, n = 0, want;
	bool fresh = false;
	int err;

	if (fblock >> shift >= fs->clusters) {
		*out = (struct block_extent){ .n = max, .hole = true };
		return create ? -ENOSPC : 0;
	}
	want = (u32)MIN((((u64)within + max - 1) >> shift) + 1, (u64)fs->clusters);
	mutex_lock(&fv->map_lock);
	err = find_locked(vn, (u32)(fblock >> shift), want, &cluster, &n);
	if (err == 0 && n == 0 && create) {
		err = grow_to(vn, (u32)(fblock >> shift), want, &cluster, &n);
		fresh = true;
	}
	mutex_unlock(&fv->map_lock);
	if (err != 0)
		return err;
	if (n == 0) {
		if ((off_t)(fblock << fs->block_bits) < vnode_size(vn))
			return damaged(fs, vn, "is shorter than the file");
		*out = (struct block_extent){ .n = max, .hole = true };
		return 0;
	}
	*out = (struct block_extent){
		.block = fat_cluster_block(fs, cluster) + within,
		.n = (u32)MIN((u64)n * fs->cluster_blocks - within, (u64)max),
		.fresh = fresh,
	};
	return 0;
}

/* Room may come from what waits to be free. No page is locked yet. */
static int
fat_begin(struct vnode *vn, u32 blocks, void **handle)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	int err = 0;

	(void)blocks;
	*handle = NULL;
	if (atomic_load_relaxed(&fs->full))
		err = fat_free_pending(fs);
	return MIN(err, 0);
}

static void
fat_trim(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	u64 size = (u64)vnode_size(vn), cluster = 1UL << fs->cluster_bits;

	(void)!fat_chain_cut(vn, (u32)((size + cluster - 1) >> fs->cluster_bits));
}

const struct blockmap_ops fat_blockmap_ops = {
	.map = fat_map,
	.begin = fat_begin,
	.trim = fat_trim,
	.fill_gap = fat_fill_gap,
};
