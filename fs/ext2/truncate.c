/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving blocks of a file back: truncation, holes, the end of an inode.
 *
 * It may take more changes than fit in a transaction. So the tree is taken down from its leaves, and between any two steps it is whole: a
 * pointer is cleared in the transaction that frees what it points at. Truncation has the inode on the list of orphans with its new size
 * meanwhile: after a crash, mount goes on.
 *
 * The caller has dropped the pages, and holds what keeps new blocks out of the range (vn [l]; for holes inval_lock as well).
 */
#include "fs/ext2/ext2.h"

#include "sys/lib/string.h"

#define STEP_CREDITS	8	/* the most that one step needs: two groups, an array of pointers, the inode */
#define FORGET_MAX	8U	/* blocks of metadata forgotten in a step: a credit each, beside that */

struct freeing {
	struct handle *h;
	struct ext2_fs *fs;
	struct vnode *vn;
	u32 left;		/* credits */
	u64 first, last;	/* blocks of the file */
	int err;
};

/* Credits for another step, and `more`. The transaction may end here; map_lock is let go for that. */
static void
next_step(struct freeing *t, u32 more)
{
	struct ext2_inode *ei = ext2_i(t->vn);
	u32 cost = STEP_CREDITS + more;

	if (t->h == NULL || t->err != 0)
		return;
	if (t->left >= cost + STEP_CREDITS) {
		t->left -= cost;
		return;
	}
	rwlock_write_unlock(&ei->map_lock);
	t->err = ext2_write_inode(t->h, t->vn);
	if (t->err == 0)
		t->err = journal_restart(t->h, EXT2_CREDITS_TRUNCATE + EXT2_CREDITS_XATTR);
	t->left = EXT2_CREDITS_TRUNCATE - cost;
	rwlock_write_lock(&ei->map_lock);
}

/* Blocks of directories and links are metadata: recovery must not write them again. */
static void
forget_buffers(struct freeing *t, u32 block, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct buf *b;

		if (buf_get(t->fs->bdev, block + i, &b) != 0)
			continue;
		journal_forget(t->h, b);
		(void)!buf_wait(b);
		buf_put(b);
	}
}

/* Clear slots [from, to) of an array of data pointers, and free what they name. holder NULL: the inode's array. */
static void
free_data(struct freeing *t, struct buf *holder, u32 *slots, u32 from, u32 to)
{
	bool metadata = !S_ISREG(t->vn->mode);
	u32 most = metadata ? FORGET_MAX : t->fs->blocks_per_group;

	while (from < to && t->err == 0) {
		u32 block = slots[from], n = 1;

		if (block == 0) {
			from++;
			continue;
		}
		while (from + n < to && slots[from + n] == block + n && n < most)
			n++;
		next_step(t, metadata ? n : 0);
		if (t->err == 0 && holder != NULL)
			t->err = ext2_access(t->h, holder);
		if (t->err != 0)
			return;
		memset(&slots[from], 0, n * sizeof(*slots));
		if (holder != NULL)
			ext2_dirty(t->h, holder);
		if (metadata && ext2_block_valid(t->fs, block, n))
			forget_buffers(t, block, n);
		ext2_free_blocks(t->h, t->fs, block, n);
		ext2_add_blocks(t->vn, -(s64)n);
		from += n;
	}
}

static bool
all_zero(const u32 *slots, u32 n)
{
	while (n > 0 && slots[n - 1] == 0)
		n--;
	return n == 0;
}

static void free_tree(struct freeing *t, struct buf *holder, u32 *slot, u32 depth, u64 base);

/* The part of [first, last] that lies below the array `b`, whose pointers lead `depth` levels down (0: to data). */
static void
free_below(struct freeing *t, struct buf *b, u32 depth, u64 base)
{
	u32 bits = t->fs->ptrs_bits, count = 1u << bits;
	u64 span = 1UL << (bits * depth), end = base + span * count - 1;
	u32 from = t->first <= base ? 0 : (u32)((t->first - base) / span);
	u32 to = t->last >= end ? count : (u32)((t->last - base) / span) + 1;
	u32 *slots = (u32 *)b->data;

	if (depth == 0) {
		free_data(t, b, slots, from, to);
		return;
	}
	for (u32 i = from; i < to && t->err == 0; i++)
		if (slots[i] != 0)
			free_tree(t, b, &slots[i], depth, base + i * span);
}

/* *slot leads to an array of pointers, `depth` levels above data: free what of it is in the range, and itself when it is empty then. */
static void
free_tree(struct freeing *t, struct buf *holder, u32 *slot, u32 depth, u64 base)
{
	u32 block = *slot;
	struct buf *b;
	int err;

	if (!ext2_block_valid(t->fs, block, 1)) {
		ext2_error(t->fs, "inode %llu has the block %u", (unsigned long long)t->vn->ino, block);
		return;
	}
	err = buf_read(t->fs->bdev, block, &b);
	if (err != 0) {
		ext2_error(t->fs, "block %u of inode %llu can't be read", block, (unsigned long long)t->vn->ino);
		return;		/* what it leads to is lost until a check */
	}
	free_below(t, b, depth - 1, base);
	if (t->err == 0)
		next_step(t, 0);
	if (t->err == 0 && *slot == block && all_zero((u32 *)b->data, 1u << t->fs->ptrs_bits)) {
		if (holder != NULL)
			t->err = ext2_access(t->h, holder);
		if (t->err == 0) {
			*slot = 0;
			if (holder != NULL)
				ext2_dirty(t->h, holder);
			journal_forget(t->h, b);
			(void)!buf_wait(b);
			ext2_free_blocks(t->h, t->fs, block, 1);
			ext2_add_blocks(t->vn, -1);
		}
	}
	buf_put(b);
}

int
ext2_free_range(struct handle **h, struct vnode *vn, u64 first, u64 last)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	struct freeing t = { .h = *h, .fs = fs, .vn = vn, .first = first, .last = last, .left = EXT2_CREDITS_TRUNCATE - STEP_CREDITS };
	u64 base = EXT2_NDIR;

	rwlock_write_lock(&ei->map_lock);
	ext2_map_forget(vn);
	ei->next_block = 0;
	ext2_window_drop(vn);
	if (first < EXT2_NDIR)
		free_data(&t, NULL, ei->data, (u32)first, (u32)MIN(last, (u64)EXT2_NDIR - 1) + 1);
	for (u32 depth = 1; depth <= 3; depth++) {
		u64 span = 1UL << (fs->ptrs_bits * depth);

		if (first < base + span && last >= base && ei->data[EXT2_NDIR + depth - 1] != 0 && t.err == 0)
			free_tree(&t, NULL, &ei->data[EXT2_NDIR + depth - 1], depth, base);
		base += span;
	}
	ext2_map_forget(vn);
	rwlock_write_unlock(&ei->map_lock);
	*h = t.h;
	return t.err;
}

/* --- sizes --- */

static int
extend(struct vnode *vn, off_t size)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	off_t old = vnode_size(vn);
	struct handle *h;
	int err;

	if (size > vn->sb->max_size)
		return -EFBIG;
	err = ext2_start(fs, EXT2_CREDITS_INODE, &h);
	if (err != 0)
		return err;
	vnode_set_size(vn, size);
	err = ext2_write_inode(h, vn);
	ext2_stop(h);
	blockmap_protect_page_at(vn, old);
	return err;
}

void
ext2_settle_data(struct vnode *vn, off_t from)
{
	struct writeback_control wbc = { .start = (u64)from >> PAGE_SHIFT, .last = UINT64_MAX, .nr_to_write = -1, .sync = true };

	if (journal_ordered_committing(ext2_fs(vn->sb)->journal, &ext2_i(vn)->ordered))
		(void)!mapping_flush(&vn->mapping, &wbc);	/* an error is the mapping's */
}

/* The first transaction: the new size, and the promise to free the rest. */
static int
begin_shrink(struct vnode *vn, off_t size)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	u64 mask = fs->block_size - 1;
	struct handle *h;
	int err = ext2_start(fs, EXT2_CREDITS_INODE + EXT2_CREDITS_ORPHAN, &h), e;

	if (err != 0)
		return err;
	ext2_settle_data(vn, size);
	if (h != NULL && ((u64)size & mask) != 0)
		journal_ordered_add(h, &ei->ordered, size, (off_t)ALIGN_UP((u64)size, mask + 1));
	err = ext2_orphan_add(h, vn);
	if (err == 0) {
		spin_lock(&vn->lock);
		vnode_set_size(vn, size);
		ei->disk_size = 0;
		spin_unlock(&vn->lock);
		ei->stale_size = false;
		err = ext2_write_inode(h, vn);
	}
	e = ext2_stop(h);
	return err != 0 ? err : e;
}

int
ext2_truncate(struct vnode *vn, off_t size)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct handle *h;
	int err, e;

	rwlock_assert_write_held(&vn->rwlock);
	if (size > vnode_size(vn))
		return extend(vn, size);
	if (size == vnode_size(vn) && !ext2_i(vn)->stale_size && size != 0)
		return 0;
	err = blockmap_zero_tail(vn, size);
	if (err == 0)
		err = begin_shrink(vn, size);
	if (err != 0)
		return err;
	mapping_truncate(&vn->mapping, size, INT64_MAX);
	err = ext2_start(fs, EXT2_CREDITS_TRUNCATE + EXT2_CREDITS_XATTR, &h);
	if (err != 0)
		return err;
	err = ext2_free_range(&h, vn, ((u64)size + fs->block_size - 1) >> fs->block_bits, UINT64_MAX);
	if (err == 0)
		err = ext2_orphan_del(h, vn);
	if (err == 0)
		err = ext2_write_inode(h, vn);
	e = ext2_stop(h);
	return err != 0 ? err : e;
}

/* Have the page that byte `at` divides in the cache, so that part of it can be zeroed there. */
static int
load_edge(struct vnode *vn, off_t at)
{
	struct page *pg;
	int err;

	if ((at & (off_t)(PAGE_SIZE - 1)) == 0 || at >= vnode_size(vn))
		return 0;
	err = mapping_read(&vn->mapping, (u64)at >> PAGE_SHIFT, &pg);
	if (err == 0)
		page_put(pg);
	return err;
}

/* inval_lock is held exclusively: no page comes back before its block is gone. */
static int
punch_locked(struct vnode *vn, off_t from, off_t to)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	u64 first = ((u64)from + fs->block_size - 1) >> fs->block_bits, end = (u64)to >> fs->block_bits;
	struct handle *h;
	int err = mapping_sync(&vn->mapping, from, to - 1), e;	/* the blocks may be a file's before they are free */

	if (err == 0)
		err = load_edge(vn, from);
	if (err == 0)
		err = load_edge(vn, to);
	if (err != 0)
		return err;
	mapping_truncate_locked(&vn->mapping, from, to);
	if (first >= end)
		return 0;
	err = ext2_start(fs, EXT2_CREDITS_TRUNCATE + EXT2_CREDITS_XATTR, &h);
	if (err != 0)
		return err;
	err = ext2_free_range(&h, vn, first, end - 1);
	if (err == 0)
		err = ext2_write_inode(h, vn);
	e = ext2_stop(h);
	blockmap_protect_page_at(vn, from);	/* what is written there next wants a block again */
	blockmap_protect_page_at(vn, to);
	return err != 0 ? err : e;
}

int
ext2_punch_hole(struct vnode *vn, off_t from, off_t to)
{
	off_t end = (off_t)ALIGN_UP((u64)vnode_size(vn), (u64)PAGE_SIZE);
	int err = 0;

	rwlock_assert_write_held(&vn->rwlock);
	to = MIN(to, end);
	if (from < to) {
		rwlock_write_lock(&vn->mapping.inval_lock);
		err = punch_locked(vn, from, to);
		rwlock_write_unlock(&vn->mapping.inval_lock);
	}
	return err;
}
