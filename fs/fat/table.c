/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table: reading and changing entries, allocating clusters and giving them back.
 *
 * All copies are kept equal: a block that was changed is copied whole. Entries are changed under fat_lock; they are read without: a byte
 * of an entry never changes but with the entry itself (FAT12's shared bytes keep the neighbour's half).
 *
 * A chain is given back only when no entry on the disk names it any more: until then it waits in fs->pending. So a power cut leaves
 * clusters that nobody owns, and never one that two files own.
 */
#include "fs/fat/fat.h"

#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/thread.h"

#define PENDING_MAX	512U
#define READ_AHEAD	32U		/* blocks of the table */

struct pending { struct list node; u32 start; bool metadata; };

/* --- entries --- */

void
fat_cursor_end(struct fat_cursor *cur)
{
	buf_put(cur->b[0]);
	buf_put(cur->b[1]);
	cur->b[0] = cur->b[1] = NULL;
}

/* The block with c's entry, in the copy that counts; *off in it. */
static u64
entry_block(const struct fat_fs *fs, u32 c, u32 *off)
{
	u64 byte = fs->bits == 12 ? (u64)c + c / 2 : (u64)c * (fs->bits / 8);

	*off = (u32)byte & ((1u << fs->block_bits) - 1);
	return fs->fat_start + (u64)fs->active * fs->fat_blocks + (byte >> fs->block_bits);
}

/* Who goes along the table finds what comes next already under way. */
static void
read_ahead(struct fat_fs *fs, struct fat_cursor *cur, u64 block)
{
	u64 end = fs->fat_start + (u64)(fs->active + 1) * fs->fat_blocks;
	struct block_plug plug;

	if (cur->ahead >= block + READ_AHEAD / 2 || cur->ahead >= end)
		return;
	block_plug_start(&plug);
	for (cur->ahead = MAX(cur->ahead, block); cur->ahead < MIN(block + READ_AHEAD, end); cur->ahead++)
		buf_read_ahead(fs->bdev, cur->ahead);
	block_plug_finish(&plug);
}

/* The block(s) with c's entry; *off in the first. */
static int
load(struct fat_fs *fs, struct fat_cursor *cur, u32 c, u32 *off)
{
	u64 block = entry_block(fs, c, off);
	int err = 0;

	if (cur->b[0] == NULL || cur->block != block) {
		if (cur->b[0] != NULL && block == cur->block + 1)
			read_ahead(fs, cur, block);
		fat_cursor_end(cur);
		err = buf_read(fs->bdev, block, &cur->b[0]);
		cur->block = block;
	}
	if (err == 0 && *off == (1u << fs->block_bits) - 1 && cur->b[1] == NULL)
		err = buf_read(fs->bdev, block + 1, &cur->b[1]);
	if (err != 0)
		fat_cursor_end(cur);
	return err;
}

static u8 *
byte_at(struct fat_cursor *cur, u32 off)
{
	return off < cur->b[0]->size ? &cur->b[0]->data[off] : &cur->b[1]->data[off - cur->b[0]->size];
}

static u32
raw_get(const struct fat_fs *fs, struct fat_cursor *cur, u32 c, u32 off)
{
	const u8 *p = byte_at(cur, off);
	u32 v;

	switch (fs->bits) {
	case 12:
		v = READ_ONCE(*p) | (u32)READ_ONCE(*byte_at(cur, off + 1)) << 8;
		return c & 1 ? v >> 4 : v & 0xfff;
	case 16:
		return le16_get(*(const le16_t *)p);
	default:
		return le32_get(*(const le32_t *)p) & 0x0fffffff;
	}
}

static void
raw_set(const struct fat_fs *fs, struct fat_cursor *cur, u32 c, u32 off, u32 value)
{
	u8 *p = byte_at(cur, off), *q;

	switch (fs->bits) {
	case 12:
		q = byte_at(cur, off + 1);
		if (c & 1) {
			WRITE_ONCE(*p, (u8)((*p & 0x0f) | (value << 4)));
			WRITE_ONCE(*q, (u8)(value >> 4));
		} else {
			WRITE_ONCE(*p, (u8)value);
			WRITE_ONCE(*q, (u8)((*q & 0xf0) | ((value >> 8) & 0x0f)));
		}
		break;
	case 16:
		*(le16_t *)p = le16_make((u16)value);
		break;
	default:
		*(le32_t *)p = le32_make((value & 0x0fffffff) | (le32_get(*(le32_t *)p) & 0xf0000000));
		break;
	}
}

/* [f] held. A block of the table was changed: the other copies get all of it, so that they need not be read. */
static void
copy_block(struct fat_fs *fs, struct buf *from)
{
	u64 at = from->block - fs->fat_start - (u64)fs->active * fs->fat_blocks;

	buf_dirty(from);
	for (u32 i = 0; fs->mirror && i < fs->fats; i++) {
		u64 block = fs->fat_start + (u64)i * fs->fat_blocks + at;
		struct buf *b;
		int err;

		if (i == fs->active)
			continue;
		err = buf_get(fs->bdev, block, &b);
		if (err == 0 && !(atomic_load_relaxed(&b->state) & BUF_UPTODATE)) {
			buf_put(b);
			err = buf_get_zeroed(fs->bdev, block, &b);
		}
		if (err != 0)
			continue;	/* a copy that can't be had can't be kept */
		memcpy(b->data, from->data, from->size);
		buf_dirty(b);
		buf_put(b);
	}
}

static void
changed(struct fat_fs *fs, struct fat_cursor *cur)
{
	if (cur->b[0] != NULL)
		copy_block(fs, cur->b[0]);
	if (cur->b[1] != NULL)
		copy_block(fs, cur->b[1]);
}

int
fat_get(struct fat_fs *fs, struct fat_cursor *cur, u32 c, u32 *out)
{
	u32 mask = fs->bits == 32 ? 0x0fffffff : fs->bits == 16 ? 0xffff : 0xfff, off;
	int err = load(fs, cur, c, &off);

	if (err != 0)
		return err;
	*out = raw_get(fs, cur, c, off);
	if (*out >= (mask & ~7u))
		*out = FAT_CHAIN_END;
	else if (*out == (mask & ~8u))
		*out = FAT_BAD;
	return 0;
}

/* [f] held. The entries of n neighbours, from the last one on: what isn't linked yet is named by nobody. link: each one leads to the next, the
 * last to `value`; without it all are `value`. *left: how many were not set. */
static int
set_run(struct fat_fs *fs, u32 c, u32 n, bool link, u32 value, u32 *left)
{
	struct fat_cursor cur = { 0 };
	int err = 0;
	u32 off;

	mutex_assert_held(&fs->fat_lock);
	value = value == FAT_CHAIN_END ? 0x0fffffff : value;
	for (*left = n; *left > 0; --*left) {
		u32 at = c + *left - 1;

		if (cur.b[0] != NULL && cur.block != entry_block(fs, at, &off))
			changed(fs, &cur);
		err = load(fs, &cur, at, &off);
		if (err != 0)
			break;
		raw_set(fs, &cur, at, off, link && *left < n ? at + 1 : value);
	}
	changed(fs, &cur);
	fat_cursor_end(&cur);
	return err;
}

int
fat_set(struct fat_fs *fs, u32 c, u32 value)
{
	u32 left;

	return set_run(fs, c, 1, false, value, &left);
}

/* --- allocation --- */

/* The first free cluster from `from` on, once around. */
static int
find_free(struct fat_fs *fs, struct fat_cursor *cur, u32 from, u32 *out)
{
	if (!fat_cluster_valid(fs, from))
		from = FAT_FIRST;
	for (u32 i = 0; i < fs->clusters; i++) {
		u32 c = from + i, next;
		int err;

		if (c - FAT_FIRST >= fs->clusters)
			c -= fs->clusters;
		err = fat_get(fs, cur, c, &next);
		if (err != 0)
			return err;
		if (next == 0) {
			*out = c;
			return 0;
		}
	}
	fs->free = 0;
	fs->free_known = true;
	return -ENOSPC;
}

static int
take_run(struct fat_fs *fs, struct fat_cursor *cur, u32 goal, u32 want, u32 *cluster, u32 *n)
{
	u32 count = 1, next = 0, left, failed;
	int err = find_free(fs, cur, goal, cluster);

	while (err == 0 && count < want && fat_cluster_valid(fs, *cluster + count)) {
		err = fat_get(fs, cur, *cluster + count, &next);
		if (err != 0 || next != 0)
			break;
		count++;
	}
	if (err == 0) {
		err = set_run(fs, *cluster, count, true, FAT_CHAIN_END, &left);
		if (err != 0)
			(void)!set_run(fs, *cluster + left, count - left, false, 0, &failed);
	}
	if (err != 0)
		return err;
	*n = count;
	return 0;
}

int
fat_alloc(struct fat_fs *fs, u32 goal, u32 want, u32 *cluster, u32 *n)
{
	struct fat_cursor cur = { 0 };
	int err = -ENOSPC;

	mutex_lock(&fs->fat_lock);
	if (!(fs->free_known && fs->free == 0))
		err = take_run(fs, &cur, goal != 0 ? goal : fs->hint, want, cluster, n);
	if (err == 0) {
		fs->hint = fat_cluster_valid(fs, *cluster + *n) ? *cluster + *n : FAT_FIRST;
		if (fs->free != FAT_UNKNOWN)
			fs->free -= MIN(*n, fs->free);
	}
	if (err == -ENOSPC)
		atomic_store_relaxed(&fs->full, true);
	mutex_unlock(&fs->fat_lock);
	fat_cursor_end(&cur);
	return err;
}

int
fat_count_free(struct fat_fs *fs)
{
	struct fat_cursor cur = { 0 };
	u32 n = 0, next;
	int err = 0;

	mutex_lock(&fs->fat_lock);
	for (u32 c = FAT_FIRST; !fs->free_known && c - FAT_FIRST < fs->clusters; c++) {
		err = fat_get(fs, &cur, c, &next);
		if (err != 0)
			break;
		n += next == 0;
	}
	if (err == 0 && !fs->free_known) {
		fs->free = n;
		fs->free_known = true;
	}
	mutex_unlock(&fs->fat_lock);
	fat_cursor_end(&cur);
	return err;
}

/* --- giving back --- */

static void
forget_run(struct fat_fs *fs, u32 first, u32 n, bool metadata)
{
	u64 block = fat_cluster_block(fs, first), blocks = (u64)n * fs->cluster_blocks;

	if (metadata)
		buf_forget_range(fs->bdev, block, blocks);
	if (fs->opt.discard)
		(void)!block_discard(fs->bdev, block << (fs->block_bits - SECTOR_SHIFT), blocks << (fs->block_bits - SECTOR_SHIFT));
}

/* The run of neighbours that begins at c: how long, and what follows it. */
static int
measure_run(struct fat_fs *fs, u32 c, u32 limit, u32 *n, u32 *next)
{
	struct fat_cursor cur = { 0 };
	int err;

	*n = 0;
	do {
		err = fat_get(fs, &cur, c + *n, next);
		++*n;
	} while (err == 0 && *n < limit && *next == c + *n && fat_cluster_valid(fs, *next));
	fat_cursor_end(&cur);
	return err;
}

int
fat_free_chain(struct fat_fs *fs, u32 start, bool metadata)
{
	u32 c = start, left = fs->clusters, next, n, rest;
	int err = 0;

	while (err == 0 && left > 0 && fat_cluster_valid(fs, c)) {
		err = measure_run(fs, c, MIN(left, 4096u), &n, &next);
		if (err != 0)
			break;
		if (next == 0 || next == FAT_BAD)
			fat_error(fs, "a chain of clusters ends at %u without a mark", c + n - 1);
		forget_run(fs, c, n, metadata);
		mutex_lock(&fs->fat_lock);
		err = set_run(fs, c, n, false, 0, &rest);
		if (fs->free != FAT_UNKNOWN)
			fs->free = MIN(fs->free + n - rest, fs->clusters);
		atomic_store_relaxed(&fs->full, false);
		mutex_unlock(&fs->fat_lock);
		left -= n;
		c = next;
	}
	return err;
}

int
fat_free_pending(struct fat_fs *fs)
{
	u32 before = atomic_load(&fs->given_back);
	struct list all;
	struct pending *p;
	int err = 0, n = 0;

	list_init(&all);
	mutex_lock(&fs->pending_lock);
	mutex_lock(&fs->fat_lock);
	while ((p = list_first(&fs->pending, struct pending, node)) != NULL)
		list_move(&all, &p->node);
	fs->npending = 0;
	mutex_unlock(&fs->fat_lock);
	if (!list_empty(&all))
		err = fat_flush_metadata(fs);
	while ((p = list_first(&all, struct pending, node)) != NULL) {
		list_del(&p->node);
		if (err == 0)
			err = fat_free_chain(fs, p->start, p->metadata);
		kmem_free(p);
		n++;
	}
	if (n != 0)
		atomic_add(&fs->given_back, 1u);
	else if (atomic_load(&fs->given_back) != before)
		n = 1;			/* somebody else's work, while we waited */
	mutex_unlock(&fs->pending_lock);
	return err != 0 ? err : n;
}

void
fat_free_later(struct fat_fs *fs, u32 start, bool metadata)
{
	struct pending *p = kmem_alloc(sizeof(*p), KM_NOFS);
	bool many;

	if (p == NULL) {
		if (fat_flush_metadata(fs) == 0)
			(void)fat_free_chain(fs, start, metadata);
		return;
	}
	p->start = start;
	p->metadata = metadata;
	mutex_lock(&fs->fat_lock);
	list_add_tail(&fs->pending, &p->node);
	many = ++fs->npending > PENDING_MAX;
	mutex_unlock(&fs->fat_lock);
	if (many)
		(void)fat_free_pending(fs);
}

/* --- telling the device --- */

static int
discard_run(struct fat_fs *fs, u32 c, u32 n)
{
	u32 shift = fs->block_bits - SECTOR_SHIFT;

	return block_discard(fs->bdev, fat_cluster_block(fs, c) << shift, (u64)n * fs->cluster_blocks << shift);
}

/* The first `least` free clusters in a row in [*c, end): how many there are is *n, 0: none; they are discarded. */
static int
trim_next(struct fat_fs *fs, u32 *c, u32 end, u32 least, u32 *n)
{
	struct fat_cursor cur = { 0 };
	u32 next = 1;
	int err = 0;

	*n = 0;
	mutex_lock(&fs->fat_lock);
	for (; err == 0 && *c + *n < end; ) {
		err = fat_get(fs, &cur, *c + *n, &next);
		if (err == 0 && next == 0) {
			++*n;
			continue;
		}
		if (*n >= least)
			break;
		*c += *n + 1;
		*n = 0;
	}
	if (*n < least)
		*n = 0;
	if (err == 0 && *n != 0)
		err = discard_run(fs, *c, *n);
	mutex_unlock(&fs->fat_lock);
	fat_cursor_end(&cur);
	return err;
}

int
fat_trim_free(struct super_block *sb, struct abi_fstrim_range *r)
{
	struct fat_fs *fs = fat_fs(sb);
	u64 start = MAX(r->start >> fs->cluster_bits, (u64)FAT_FIRST), end = start + (r->len >> fs->cluster_bits), sum = 0;
	u64 least = MAX(r->minlen, (u64)block_discard_granularity(fs->bdev)) >> fs->cluster_bits;
	u32 c, n, stop;
	int err;

	if (start >= fs->clusters + FAT_FIRST || r->len < 1UL << fs->cluster_bits)
		return -EINVAL;
	stop = (u32)MIN(end, (u64)fs->clusters + FAT_FIRST);
	err = fat_free_pending(fs);
	for (c = (u32)start; err >= 0 && c < stop; c += n) {
		err = trim_next(fs, &c, stop, (u32)MIN(MAX(least, 1UL), (u64)UINT32_MAX), &n);
		if (err == 0 && n == 0)
			break;
		sum += n;
		if (err == 0 && thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
			err = -EINTR;
	}
	r->len = sum << fs->cluster_bits;
	return MIN(err, 0);
}

/* --- the state of the volume --- */

int
fat_set_dirty(struct fat_fs *fs, bool dirty)
{
	u32 clean_bit = fs->bits == 32 ? 0x08000000 : 0x8000, value;
	struct fat_cursor cur = { 0 };
	struct fat_bpb_tail *tail;
	struct buf *b;
	int err;

	if (fs->no_mark)
		return 0;
	err = buf_read(fs->bdev, 0, &b);
	if (err != 0)
		return err;
	tail = fat_bpb_tail(fs, (struct fat_bpb *)b->data);
	tail->state = dirty ? tail->state | FAT_STATE_DIRTY : tail->state & (u8)~FAT_STATE_DIRTY;
	buf_dirty(b);
	err = buf_write(b, 0);
	buf_put(b);
	if (err != 0 || fs->bits == 12)
		return err;
	mutex_lock(&fs->fat_lock);
	err = load(fs, &cur, 1, &value);
	if (err == 0) {
		value = raw_get(fs, &cur, 1, value);
		err = fat_set(fs, 1, dirty ? value & ~clean_bit : value | clean_bit);
	}
	mutex_unlock(&fs->fat_lock);
	fat_cursor_end(&cur);
	return err;
}

int
fat_write_info(struct fat_fs *fs)
{
	struct fat_info *info;
	struct buf *b;
	int err;

	if (fs->info_block == 0)
		return 0;
	err = buf_read(fs->bdev, fs->info_block, &b);
	if (err != 0)
		return err;
	info = (struct fat_info *)b->data;
	if (le32_get(info->sign1) == FAT_INFO_SIGN1 && le32_get(info->sign2) == FAT_INFO_SIGN2) {
		u32 free, next;

		mutex_lock(&fs->fat_lock);
		free = fs->free;
		next = fs->hint;
		mutex_unlock(&fs->fat_lock);
		if (le32_get(info->free) != free || le32_get(info->next) != next) {
			info->free = le32_make(free);
			info->next = le32_make(next);
			buf_dirty(b);
		}
	}
	buf_put(b);
	return 0;
}
