/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks: the groups' bitmaps, taking and giving back.
 *
 * A file that is written gets a window: a stretch of a group behind its last block, which others leave alone while they can. So files
 * written in parallel don't interleave. Windows live in memory only.
 *
 * With a journal, a freed block must not be used again before the transaction that freed it has committed: after a crash the old
 * owner would find foreign data in it. Its bit is clear in the bitmap then, but set in the group's `busy` until the commit.
 */
#include "fs/ext2/ext2.h"

#include "sys/kmem.h"
#include "sys/lib/bitmap.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define WINDOW_FIRST	8
#define WINDOW_MAX	1024

u32
ext2_group_blocks(const struct ext2_fs *fs, u32 g)
{
	return MIN(fs->blocks_per_group, fs->blocks - ext2_group_first(fs, g));
}

/* --- bitmaps --- */

static bool
is_power(u32 n, u32 base)
{
	while (n % base == 0)
		n /= base;
	return n == 1;
}

u32
ext2_super_gd_blocks(const struct ext2_fs *fs, u32 g)
{
	bool has = g <= 1 || !ext2_has_ro_compat(fs, RO_COMPAT_SPARSE_SUPER) || is_power(g, 3) || is_power(g, 5) || is_power(g, 7);

	return has ? 1 + fs->gd_blocks : 0;
}

static bool
overlaps(u32 block, u32 n, u32 start, u32 count)
{
	return block < start + count && start < block + n;
}

bool
ext2_block_valid(const struct ext2_fs *fs, u32 block, u32 n)
{
	u32 g, last;

	if (block < fs->first_block || block >= fs->blocks || n > fs->blocks - block)
		return false;
	g = (block - fs->first_block) / fs->blocks_per_group;
	last = (block + n - 1 - fs->first_block) / fs->blocks_per_group;
	for (; g <= last; g++) {
		const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);

		if (overlaps(block, n, ext2_group_first(fs, g), ext2_super_gd_blocks(fs, g)) ||
		    overlaps(block, n, gd->bg_block_bitmap, 1) || overlaps(block, n, gd->bg_inode_bitmap, 1) ||
		    overlaps(block, n, gd->bg_inode_table, fs->itable_blocks))
			return false;
	}
	return true;
}

/* The group's own blocks must be marked in its bitmap, or allocation would hand them out. */
static bool
block_map_ok(const struct ext2_fs *fs, u32 g, const struct buf *b)
{
	const struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);
	const unsigned long *map = (const unsigned long *)b->data;
	u32 first = ext2_group_first(fs, g), table = gd->bg_inode_table - first;

	return bitmap_test(map, gd->bg_block_bitmap - first) && bitmap_test(map, gd->bg_inode_bitmap - first) &&
		bitmap_find_next_zero(map, table + fs->itable_blocks, table) == table + fs->itable_blocks;
}

int
ext2_group_load(struct ext2_fs *fs, u32 g, bool inodes, struct buf **b)
{
	struct ext2_group *grp = &fs->groups[g];
	struct ext2_group_desc *gd = ext2_group_desc(fs, g, NULL);
	struct buf **slot = inodes ? &grp->inode_map : &grp->block_map;
	int err;

	mutex_assert_held(&grp->lock);
	if (grp->bad)
		return -EIO;
	if (*slot == NULL) {
		err = ext2_read_meta(fs, inodes ? gd->bg_inode_bitmap : gd->bg_block_bitmap, "bitmap", slot);
		if (err == 0 && !inodes && !block_map_ok(fs, g, *slot)) {
			ext2_error(fs, "block bitmap of group %u does not have its own blocks", g);
			buf_put(*slot);
			err = -EIO;
		}
		if (err != 0) {
			*slot = NULL;
			grp->bad = true;
			return err;
		}
	}
	*b = *slot;
	return 0;
}

void
ext2_groups_free(struct ext2_fs *fs)
{
	for (u32 g = 0; fs->groups != NULL && g < fs->nr_groups; g++) {
		buf_put(fs->groups[g].block_map);
		buf_put(fs->groups[g].inode_map);
		kmem_free(fs->groups[g].busy);
	}
	for (u32 i = 0; fs->gd_bufs != NULL && i < fs->gd_blocks; i++)
		buf_put(fs->gd_bufs[i]);
	kmem_vfree(fs->groups);
	kmem_free(fs->gd_bufs);
	fs->groups = NULL;
	fs->gd_bufs = NULL;
}

/* --- windows --- */

static void
window_unlink(struct ext2_window *w)
{
	list_del(&w->node);
	w->linked = false;
}

static void
window_link(struct ext2_group *grp, struct ext2_window *w, u32 g, u32 start, u32 end)
{
	struct list *pos = grp->windows.prev;

	while (pos != &grp->windows && list_entry(pos, struct ext2_window, node)->start > start)
		pos = pos->prev;
	w->group = g;
	w->start = start;
	w->end = end;
	list_add(pos, &w->node);
	w->linked = true;
}

void
ext2_window_drop(struct vnode *vn)
{
	struct ext2_window *w = &ext2_i(vn)->window;
	struct ext2_group *grp;

	if (!w->linked)
		return;
	grp = &ext2_fs(vn->sb)->groups[w->group];
	mutex_lock(&grp->lock);
	window_unlink(w);
	mutex_unlock(&grp->lock);
	w->size = WINDOW_FIRST;
}

/* --- searching a group --- */

static u32
next_free(const struct ext2_group *grp, u32 from, u32 limit)
{
	const unsigned long *map = (const unsigned long *)grp->block_map->data;

	for (;;) {
		from = (u32)bitmap_find_next_zero(map, limit, from);
		if (from >= limit || grp->busy == NULL || !bitmap_test(grp->busy, from))
			return MIN(from, limit);
		from = (u32)bitmap_find_next_zero(grp->busy, limit, from);
	}
}

static u32
count_free(const struct ext2_group *grp, u32 from, u32 limit)
{
	u32 end = (u32)bitmap_find_next_set((const unsigned long *)grp->block_map->data, limit, from);

	if (grp->busy != NULL)
		end = (u32)bitmap_find_next_set(grp->busy, end, from);
	return MIN(end, limit) - from;
}

u32
ext2_group_free_run(const struct ext2_group *grp, u32 *from, u32 end, u32 least)
{
	mutex_assert_held(&grp->lock);
	for (u32 n = 0; (*from = next_free(grp, *from, end)) < end; *from += n) {
		n = count_free(grp, *from, end);
		if (n >= least)
			return n;
	}
	return 0;
}

/* The first free bit in [from, limit) that is in nobody's window; *end: where the next window begins. limit: none. */
static u32
free_outside(const struct ext2_group *grp, u32 from, u32 limit, u32 *end)
{
	struct ext2_window *w;

	for (;;) {
		u32 bit = next_free(grp, from, limit);
		bool taken = false;

		*end = limit;
		if (bit >= limit)
			return limit;
		list_for_each(w, &grp->windows, node) {
			if (w->end <= bit)
				continue;
			if (w->start > bit) {
				*end = MIN(*end, w->start);
				break;
			}
			from = w->end;
			taken = true;
			break;
		}
		if (!taken)
			return bit;
	}
}

/* --- taking --- */

struct request {
	struct handle *h;
	struct ext2_fs *fs;
	struct ext2_window *win;	/* NULL: none wanted */
	u32 want, block, n;
};

/* Mark [bit, bit + n) of group g. [g] */
static int
take(struct request *r, u32 g, u32 bit, u32 n)
{
	struct ext2_fs *fs = r->fs;
	struct ext2_group *grp = &fs->groups[g];
	struct buf *gb;
	struct ext2_group_desc *gd = ext2_group_desc(fs, g, &gb);
	u32 block = ext2_group_first(fs, g) + bit, counted;
	int err;

	if (!ext2_block_valid(fs, block, n)) {
		ext2_error(fs, "blocks %u-%u are metadata, and free in the bitmap of group %u", block, block + n - 1, g);
		grp->bad = true;
		return -EIO;
	}
	err = ext2_access(r->h, grp->block_map);
	if (err == 0)
		err = ext2_access(r->h, gb);
	if (err != 0)
		return err;
	bitmap_set_range((unsigned long *)grp->block_map->data, bit, n);
	counted = MIN(n, (u32)gd->bg_free_blocks_count);	/* a damaged image: fewer than its bitmap has */
	gd->bg_free_blocks_count = (u16)(gd->bg_free_blocks_count - counted);
	ext2_dirty(r->h, grp->block_map);
	ext2_dirty(r->h, gb);
	atomic_sub(&fs->free_blocks, (u64)counted);
	r->block = block;
	r->n = n;
	return 0;
}

/* In the window that the file has. -ENOSPC: it is used up, and gone. */
static int
take_from_window(struct request *r, u32 goal)
{
	struct ext2_window *w = r->win;
	struct ext2_group *grp = &r->fs->groups[w->group];
	u32 first = ext2_group_first(r->fs, w->group), bit, g = w->group;
	struct buf *b;
	int err;

	mutex_lock(&grp->lock);
	err = ext2_group_load(r->fs, g, false, &b);
	if (err == 0) {
		bit = next_free(grp, goal - first, w->end);
		err = bit < w->end ? take(r, g, bit, count_free(grp, bit, MIN(bit + r->want, w->end))) : -ENOSPC;
	}
	if (err != 0) {
		window_unlink(w);
		w->size = MIN(w->size * 2, (u32)WINDOW_MAX);
	}
	mutex_unlock(&grp->lock);
	return err;
}

/* In group g from bit `from` on, then from its start. */
static int
take_from_group(struct request *r, u32 g, u32 from, bool respect)
{
	struct ext2_group *grp = &r->fs->groups[g];
	u32 bits = ext2_group_blocks(r->fs, g), end = bits, bit, n;
	struct buf *b;
	int err;

	mutex_lock(&grp->lock);
	err = ext2_group_load(r->fs, g, false, &b);
	if (err != 0)
		goto out_unlock;
	bit = respect ? free_outside(grp, from, bits, &end) : next_free(grp, from, bits);
	if (bit >= bits && from > 0)
		bit = respect ? free_outside(grp, 0, bits, &end) : next_free(grp, 0, bits);
	err = -ENOSPC;
	if (bit >= bits)
		goto out_unlock;
	n = count_free(grp, bit, MIN(bit + r->want, end));
	err = take(r, g, bit, n);
	if (err == 0 && r->win != NULL && respect)
		window_link(grp, r->win, g, bit, MIN(bit + MAX(r->win->size, n), end));
out_unlock:
	mutex_unlock(&grp->lock);
	return err;
}

bool
ext2_may_alloc(struct ext2_fs *fs, u64 n)
{
	u64 free = atomic_load_relaxed(&fs->free_blocks);
	const struct cred *c = cred_current();

	if ((s64)free < (s64)n)
		return false;
	if (free >= fs->reserved_blocks + n)
		return true;
	return c->fsuid.val == fs->opts.resuid.val || (fs->opts.resgid.val != 0 && cred_in_group(c, fs->opts.resgid)) ||
		capable(CAP_SYS_RESOURCE);
}

/* Over all groups, from goal's on. pass 0: groups with room to spare; 1: with room; 2: others' windows, too. */
static int
search_groups(struct request *r, u32 goal, int pass)
{
	struct ext2_fs *fs = r->fs;
	u32 start = (goal - fs->first_block) / fs->blocks_per_group;
	u32 spare = pass == 0 && r->win != NULL ? r->win->size / 2 : 0;
	int err = -ENOSPC;

	for (u32 i = 0; i < fs->nr_groups; i++) {
		u32 g = (start + i) % fs->nr_groups;
		u32 free = READ_ONCE(ext2_group_desc(fs, g, NULL)->bg_free_blocks_count);
		int e;

		if (free == 0 || (i > 0 && free <= spare))
			continue;
		e = take_from_group(r, g, i == 0 ? goal - ext2_group_first(fs, g) : 0, pass < 2);
		if (e == 0)
			return 0;
		if (e == -EROFS || e == -ENOMEM)
			return e;
		if (e != -ENOSPC)
			err = e;		/* a bad group: the others may do */
	}
	return err;
}

int
ext2_alloc_blocks(struct handle *h, struct vnode *vn, u32 goal, u32 want, u32 *block, u32 *n)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_window *w = &ext2_i(vn)->window;
	struct request r = { .h = h, .fs = fs, .want = want, .win = S_ISREG(vn->mode) ? w : NULL };
	int err = -ENOSPC;

	if (!ext2_may_alloc(fs, 1))
		return -ENOSPC;
	if (goal < fs->first_block || goal >= fs->blocks)
		goal = fs->first_block;
	if (w->linked) {
		u32 first = ext2_group_first(fs, w->group);

		if (goal >= first + w->start && goal <= first + w->end)		/* at its end: used up, the next one is larger */
			err = take_from_window(&r, goal);
		else
			ext2_window_drop(vn);
	}
	for (int pass = 0; err == -ENOSPC && pass < 3; pass++)
		err = search_groups(&r, goal, pass);
	if (err == 0) {
		*block = r.block;
		*n = r.n;
	}
	return err;
}

/* --- giving back --- */

struct freed {
	struct journal_callback cb;
	struct ext2_fs *fs;
	u32 group, bit, n;
};

static void
freed_committed(struct journal_callback *cb, int err)
{
	struct freed *f = container_of(cb, struct freed, cb);
	struct ext2_group *grp = &f->fs->groups[f->group];

	(void)err;
	mutex_lock(&grp->lock);
	bitmap_clear_range(grp->busy, f->bit, f->n);
	grp->busy_count -= f->n;
	grp->trimmed = 0;
	atomic_sub(&f->fs->busy_blocks, (u64)f->n);
	if (grp->busy_count == 0) {
		kmem_free(grp->busy);
		grp->busy = NULL;
	}
	mutex_unlock(&grp->lock);
	kmem_free(f);
}

/* Bits whose blocks are free once h's transaction has committed. [g] -ENOMEM: they can't be tracked. */
static int
make_busy(struct handle *h, struct ext2_fs *fs, u32 g, u32 bit, u32 n)
{
	struct ext2_group *grp = &fs->groups[g];
	struct freed *f;

	if (h == NULL)
		return 0;
	if (grp->busy == NULL)
		grp->busy = kmem_alloc(BITMAP_BYTES(fs->blocks_per_group), KM_ZERO);
	f = kmem_alloc(sizeof(*f), KM_NORMAL);
	if (grp->busy == NULL || f == NULL) {
		kmem_free(f);
		return -ENOMEM;
	}
	*f = (struct freed){ .cb.fn = freed_committed, .fs = fs, .group = g, .bit = bit, .n = n };
	bitmap_set_range(grp->busy, bit, n);
	grp->busy_count += n;
	atomic_add(&fs->busy_blocks, (u64)n);
	journal_on_commit(h, &f->cb);
	return 0;
}

/* [bit, bit + n) of group g, in runs of bits that are set. [g] */
static int
clear_bits(struct handle *h, struct ext2_fs *fs, u32 g, u32 bit, u32 n)
{
	unsigned long *map;
	struct buf *gb, *b;
	struct ext2_group_desc *gd = ext2_group_desc(fs, g, &gb);
	u32 end = bit + n, freed = 0;
	int err = ext2_group_load(fs, g, false, &b);

	if (err == 0)
		err = ext2_access(h, b);
	if (err == 0)
		err = ext2_access(h, gb);
	if (err != 0)
		return err;
	map = (unsigned long *)b->data;
	while (bit < end) {
		u32 run = (u32)bitmap_find_next_zero(map, end, bit) - bit;

		if (run > 0 && make_busy(h, fs, g, bit, run) == 0) {
			bitmap_clear_range(map, bit, run);
			fs->groups[g].trimmed = 0;
			freed += run;
		}
		bit += run;
		run = (u32)bitmap_find_next_set(map, end, bit) - bit;
		if (run > 0)
			ext2_error(fs, "freeing blocks that are free already: %u of group %u from bit %u on", run, g, bit);
		bit += run;
	}
	freed = MIN(freed, ext2_group_blocks(fs, g) - gd->bg_free_blocks_count);
	gd->bg_free_blocks_count = (u16)(gd->bg_free_blocks_count + freed);
	atomic_add(&fs->free_blocks, (u64)freed);
	ext2_dirty(h, b);
	ext2_dirty(h, gb);
	return 0;
}

void
ext2_free_blocks(struct handle *h, struct ext2_fs *fs, u32 block, u32 n)
{
	if (!ext2_block_valid(fs, block, n)) {
		ext2_error(fs, "freeing blocks that no file can have: %u-%u", block, block + n - 1);
		return;
	}
	while (n > 0) {
		u32 g = (block - fs->first_block) / fs->blocks_per_group, bit = block - ext2_group_first(fs, g);
		u32 part = MIN(n, ext2_group_blocks(fs, g) - bit);
		int err;

		mutex_lock(&fs->groups[g].lock);
		err = clear_bits(h, fs, g, bit, part);
		mutex_unlock(&fs->groups[g].lock);
		if (err != 0)
			log_warn("ext2: blocks %u-%u not freed: error %d", block, block + part - 1, -err);
		block += part;
		n -= part;
	}
}
