/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a disk file system's vnodes: dirty lists, lazytime, sync, eviction apart from reclaim, orphans. The "disk" is a table of calls.
 * sources: tests/unit/fs/host.c fs/anon.c fs/attr.c fs/dentry.c fs/dentry_tree.c fs/fdtable.c fs/file.c fs/flock.c fs/fsctx.c
 * sources: fs/generic.c fs/libfs.c fs/mount.c fs/mount_ops.c fs/mount_propagation.c fs/namei.c fs/open.c fs/pathname.c fs/pathops.c fs/perm.c
 * sources: fs/reclock.c fs/special.c fs/super.c fs/vfs.c fs/vfsops.c fs/vnode.c fs/walk.c fs/tmpfs/node.c fs/tmpfs/super.c
 * sources: fs/inotify.c fs/notify.c fs/writeback.c fs/xattr.c fs/xattr_mem.c sys/lib/rbtree.c
 */
#include "tests/unit/test.h"

#include "fs/internal.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "tests/unit/fs/host.h"
#include "tests/unit/shim/shim.h"

#define NODES	16

static u32 written[NODES], evicted[NODES], synced, umounts;
static int write_error;
static bool redirty;
static struct super_block *sb;

static int
toy_write_vnode(struct vnode *vn, bool wait)
{
	(void)wait;
	ck_assert_uint_eq(unit_locks_held(), 0);
	ck_assert(!(vn->state & VN_DIRTY));
	ck_assert(vn->state & VN_WRITING);
	written[vn->ino]++;
	if (redirty)
		vnode_dirty(vn);
	return write_error;
}

static void
toy_evict(struct vnode *vn)
{
	ck_assert_uint_eq(unit_locks_held(), 0);
	evicted[vn->ino]++;
}

static int toy_sync(struct super_block *s, bool wait) { (void)s, (void)wait; synced++; return 0; }
static void toy_put(struct super_block *s) { (void)s; umounts++; }

static const struct super_ops toy_ops = { .write_vnode = toy_write_vnode, .evict = toy_evict, .sync = toy_sync, .put = toy_put };
static const struct fs_type toy_type = { .name = "toy" };
static const struct vnode_ops toy_vnode_ops;

static struct vnode *
get(u64 ino)
{
	struct vnode *vn;

	ck_assert_int_eq(vnode_get_cached(sb, ino, &vn), 0);
	if (vn->state & VN_NEW) {
		vn->mode = S_IFREG | 0644;
		vn->ops = &toy_vnode_ops;
		vnode_unlock_new(vn);
	}
	return vn;
}

void
unit_setup(void)
{
	host_boot();
	memset(written, 0, sizeof(written));
	memset(evicted, 0, sizeof(evicted));
	synced = umounts = 0;
	write_error = 0;
	redirty = false;
	ck_assert_int_eq(super_create(&toy_type, &toy_ops, 0, &sb), 0);
}

void
unit_teardown(void)
{
	super_put(sb);
	ck_assert_uint_eq(umounts, 1);
	host_shutdown();
}

TEST(written_once_by_age)
{
	struct vnode *a = get(1), *b = get(2);

	unit_clock_advance(NSEC_PER_SEC);
	vnode_dirty(a);
	vnode_dirty(a);
	unit_clock_advance(NSEC_PER_SEC);
	vnode_touch(b, VT_MTIME);
	ck_assert(vnode_writer_due);
	ck_assert_int_eq(super_write_vnodes(sb, clock_now() - NSEC_PER_SEC, false), 0);
	ck_assert_uint_eq(written[1], 1);
	ck_assert_uint_eq(written[2], 0);
	ck_assert_int_eq(super_sync(sb, true), 0);
	ck_assert_uint_eq(written[1], 1);
	ck_assert_uint_eq(written[2], 1);
	ck_assert_uint_eq(synced, 1);
	ck_assert_int_eq(vnode_write(a, true), 0);
	ck_assert_uint_eq(written[1], 1);
	vnode_put(a);
	vnode_put(b);
}

TEST(unused_dirty_ones_stay_until_written)
{
	struct vnode *a = get(1), *again;

	vnode_dirty(a);
	vnode_put(a);
	ck_assert_uint_eq(host_shrinkers[1]->count(), 0);
	ck_assert_uint_eq(host_shrinkers[1]->scan(10), 0);
	again = get(1);
	ck_assert_ptr_eq(again, a);
	vnode_put(again);
	ck_assert_int_eq(super_sync(sb, false), 0);
	ck_assert_uint_eq(written[1], 1);
	ck_assert_uint_eq(host_shrinkers[1]->count(), 1);
	ck_assert_uint_eq(host_shrinkers[1]->scan(10), 1);
	ck_assert_uint_eq(evicted[1], 0);		/* reclaim only chooses */
	ck_assert(vnode_evict_pending());
	vnode_evict_deferred();
	ck_assert_uint_eq(evicted[1], 1);
	ck_assert_uint_eq(written[1], 1);
}

TEST(lazy_times)
{
	struct vnode *a = get(1), *b = get(2);

	sb->flags |= MS_LAZYTIME;
	unit_clock_advance(NSEC_PER_SEC);
	vnode_touch(a, VT_ATIME);
	vnode_touch(b, VT_ATIME);
	unit_clock_advance(3600 * NSEC_PER_SEC);
	ck_assert_int_eq(super_write_vnodes(sb, clock_now(), false), 0);
	ck_assert_uint_eq(written[1] + written[2], 0);
	vnode_dirty(a);				/* something else changed too */
	ck_assert_int_eq(super_write_vnodes(sb, clock_now(), false), 0);
	ck_assert_uint_eq(written[1], 1);
	vnode_put(b);				/* nobody uses it any more */
	ck_assert_int_eq(super_write_vnodes(sb, clock_now(), false), 0);
	ck_assert_uint_eq(written[2], 1);
	vnode_touch(a, VT_ATIME);
	ck_assert_int_eq(super_sync(sb, true), 0);
	ck_assert_uint_eq(written[1], 2);
	vnode_put(a);
}

TEST(unlinked_ones_are_not_written)
{
	struct vnode *a = get(1);

	vnode_drop_nlink(a);
	ck_assert_uint_eq(sb->orphans, 1);
	vnode_put(a);
	ck_assert_uint_eq(evicted[1], 1);
	ck_assert_uint_eq(written[1], 0);
	ck_assert_uint_eq(sb->orphans, 0);
	a = get(2);
	vnode_clear_nlink(a);
	vnode_inc_nlink(a);
	ck_assert_uint_eq(sb->orphans, 0);
	vnode_put(a);
	ck_assert_uint_eq(evicted[2], 0);
}

TEST(reclaim_evicts_nothing_itself)
{
	struct vnode *a = get(1);

	vnode_drop_nlink(a);
	unit_thread.in_reclaim = true;
	vnode_put(a);
	unit_thread.in_reclaim = false;
	ck_assert_uint_eq(evicted[1], 0);
	ck_assert_uint_eq(sb->evicting, 1);
	vnode_evict_deferred();
	ck_assert_uint_eq(evicted[1], 1);
	ck_assert_uint_eq(sb->evicting, 0);
}

TEST(errors_are_told_and_do_not_loop)
{
	struct vnode *a = get(1), *b = get(2);

	write_error = -EIO;
	vnode_dirty(a);
	ck_assert_int_eq(super_sync(sb, true), -EIO);
	ck_assert_int_eq(super_sync(sb, true), 0);
	ck_assert_uint_eq(written[1], 1);
	write_error = 0;
	redirty = true;				/* changed while it is written: comes again, but not in this pass */
	vnode_dirty(b);
	unit_clock_advance(1);
	ck_assert_int_eq(super_write_vnodes(sb, clock_now() - 1, false), 0);
	ck_assert_uint_eq(written[2], 1);
	ck_assert(b->state & VN_DIRTY);
	redirty = false;
	vnode_put(a);
	vnode_put(b);
}

TEST(umount_writes_and_evicts_all)
{
	for (u64 i = 1; i < NODES; i++) {
		struct vnode *vn = get(i);

		if (i % 2)
			vnode_dirty(vn);
		vnode_put(vn);
	}
	host_shrinkers[1]->scan(2);		/* and some are on their way out by reclaim */
	super_get(sb);
	super_put(sb);
	super_put(sb);
	for (u64 i = 1; i < NODES; i++) {
		ck_assert_uint_eq(written[i], i % 2);
		ck_assert_uint_eq(evicted[i], 1);
	}
	ck_assert_uint_eq(umounts, 1);
	umounts = 0;
	ck_assert_int_eq(super_create(&toy_type, &toy_ops, 0, &sb), 0);
}
