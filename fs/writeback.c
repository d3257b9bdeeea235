/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes whose attributes are newer than what the disk has: marking, writing, sync. (Pages are mm/writeback.c's.)
 *
 * A dirty vnode of a type that has write_vnode is on its super block's list, by age; with lazytime, one of which only times changed is on
 * another list, which is looked at by sync and when the vnode's last user goes. The lists hold no references: a dirty vnode that nobody uses
 * stays in the cache, off the LRU, until it is written. VN_DIRTY is cleared before write_vnode copies the attributes, so that a change
 * beside it is not lost: whoever changes something marks behind that.
 */
#include "fs/internal.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/panic.h"
#include "sys/wait.h"

struct waitq vnode_writer_wq = WAITQ_INIT(vnode_writer_wq);
bool vnode_writer_due;		/* [a] there is something for the write-back thread */

void
vnode_writer_wake(void)
{
	if (atomic_load_relaxed(&vnode_writer_due))
		return;
	atomic_store(&vnode_writer_due, true);
	waitq_wake_all(&vnode_writer_wq);
}

/* --- marking --- */

static void
mark(struct vnode *vn, u32 bits)
{
	struct super_block *sb = vn->sb;
	bool lazy = !(bits & VN_DIRTY_DATA) && (atomic_load_relaxed(&sb->flags) & MS_LAZYTIME), wake = false;

	if (sb->ops->write_vnode == NULL)
		return;
	smp_mb();		/* the change, before the look at the flags: see vnode_write() */
	if ((atomic_load_relaxed(&vn->state) & bits) == bits)
		return;
	spin_lock(&sb->lock);
	bits |= atomic_fetch_or(&vn->state, bits);
	if (list_is_linked(&vn->dirty_node) && (bits & (VN_DIRTY | VN_DIRTY_DATA)) == VN_DIRTY)
		goto out_unlock;
	if (list_is_linked(&vn->dirty_node))
		list_del_init(&vn->dirty_node);
	if (!lazy) {
		wake = list_empty(&sb->dirty);
		vn->dirtied_at = clock_now();
	}
	list_add_tail(lazy ? &sb->dirty_times : &sb->dirty, &vn->dirty_node);
out_unlock:
	spin_unlock(&sb->lock);
	if (wake)
		vnode_writer_wake();
}

void
vnode_dirty(struct vnode *vn)
{
	mark(vn, VN_DIRTY | VN_DIRTY_DATA);
}

void
vnode_dirty_times(struct vnode *vn)
{
	mark(vn, VN_DIRTY);
}

bool
vnode_keep_dirty_locked(struct vnode *vn)
{
	struct super_block *sb = vn->sb;

	if (!(vn->state & VN_DIRTY))
		return vn->mapping.nr_pages != 0 && list_is_linked(&vn->mapping.dirty_node);
	spin_lock(&sb->lock);
	if (list_is_linked(&vn->dirty_node) && !(vn->state & VN_DIRTY_DATA) && (sb->flags & MS_LAZYTIME)) {
		list_del_init(&vn->dirty_node);		/* its times have been lazy long enough */
		vn->dirtied_at = clock_now();
		list_add_tail(&sb->dirty, &vn->dirty_node);
	}
	spin_unlock(&sb->lock);
	vnode_writer_wake();
	return true;
}

void
vnode_forget_dirty(struct vnode *vn)
{
	struct super_block *sb = vn->sb;

	spin_lock(&sb->lock);
	if (list_is_linked(&vn->dirty_node))
		list_del_init(&vn->dirty_node);
	spin_unlock(&sb->lock);
}

/* --- writing --- */

int
vnode_write(struct vnode *vn, bool wait)
{
	struct super_block *sb = vn->sb;
	u32 state;
	int err;

	for (;;) {
		spin_lock(&sb->lock);
		state = atomic_load_relaxed(&vn->state);
		if ((state & (VN_DIRTY | VN_WRITING)) == VN_DIRTY)
			break;
		spin_unlock(&sb->lock);
		if (!(state & VN_WRITING))
			return 0;
		wait_event(&vnode_state_wq, !(atomic_load_relaxed(&vn->state) & VN_WRITING));
	}
	if (list_is_linked(&vn->dirty_node))
		list_del_init(&vn->dirty_node);
	sb->writing++;
	atomic_fetch_or(&vn->state, (u32)VN_WRITING);
	atomic_fetch_and(&vn->state, ~(u32)(VN_DIRTY | VN_DIRTY_DATA));	/* a full barrier before the attributes are read */
	spin_unlock(&sb->lock);
	err = sb->ops->write_vnode(vn, wait);
	if (err == -ENOMEM)
		vnode_dirty(vn);		/* it may do next time */
	if (err != 0)
		mapping_set_error(&vn->mapping, err);
	spin_lock(&sb->lock);
	sb->writing--;
	atomic_fetch_and(&vn->state, ~(u32)VN_WRITING);
	spin_unlock(&sb->lock);
	waitq_wake_all(&vnode_state_wq);
	return err;
}

/* --- sync --- */

static int
sync_data(struct super_block *sb, bool wait)
{
	struct vnode *vn = NULL;
	int err = 0;

	while ((vn = vnode_next_with_pages(sb, vn)) != NULL) {
		struct writeback_control wbc = { .start = 0, .last = UINT64_MAX, .nr_to_write = -1, .sync = wait };
		int e = mapping_flush(&vn->mapping, &wbc);

		err = err != 0 ? err : e;
	}
	return err;
}

/* Write what was dirty before `before`, the oldest first. */
int
super_write_vnodes(struct super_block *sb, nsec_t before, bool wait)
{
	struct vnode *vn;
	int err = 0;

	while ((vn = vnode_take_dirty(sb, before)) != NULL) {
		int e = vnode_write(vn, wait);

		err = err != 0 ? err : e;
		vnode_put_written(vn);
	}
	return err;
}

static void
lazy_times_are_due(struct super_block *sb)
{
	struct vnode *vn;

	spin_lock(&sb->lock);
	while ((vn = list_first(&sb->dirty_times, struct vnode, dirty_node)) != NULL) {
		list_del_init(&vn->dirty_node);
		vn->dirtied_at = 0;
		list_add(&sb->dirty, &vn->dirty_node);
	}
	spin_unlock(&sb->lock);
}

int
super_sync(struct super_block *sb, bool wait)
{
	int err = 0, e;

	if (sb->ops == NULL || (sb->flags & MS_RDONLY))
		return 0;
	if (sb->ops->write_vnode != NULL) {
		err = sync_data(sb, wait);
		lazy_times_are_due(sb);
		/* What is written there comes to the disk by sync below. */
		e = super_write_vnodes(sb, clock_now(), sb->ops->sync == NULL && wait);
		err = err != 0 ? err : e;
		if (wait)
			wait_event(&vnode_state_wq, atomic_load_relaxed(&sb->writing) == 0);
	}
	if (sb->ops->sync != NULL) {
		e = sb->ops->sync(sb, wait);
		err = err != 0 ? err : e;
	}
	return err;
}
