/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of orphans, on disk since ext3: inodes without links that are still open, and files being truncated. The super block names
 * the first, and each the next in its i_dtime. After a crash the next mount finishes them. Only with a journal: without one there is no
 * telling what state the list itself is in, and the check program finds such inodes anyway.
 */
#include "fs/ext2/ext2.h"

#include "sys/abi/mount.h"
#include "sys/log.h"

int
ext2_orphan_add(struct handle *h, struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	int err;

	if (fs->journal == NULL || list_is_linked(&ei->orphan))
		return 0;
	err = ext2_access(h, fs->sb_buf);
	if (err != 0)
		return err;
	mutex_lock(&fs->orphan_lock);
	ei->dtime = fs->es->s_last_orphan;
	fs->es->s_last_orphan = (u32)vn->ino;
	list_add(&fs->orphans, &ei->orphan);
	err = ext2_write_inode(h, vn);
	mutex_unlock(&fs->orphan_lock);
	ext2_dirty(h, fs->sb_buf);
	return err;
}

int
ext2_orphan_del(struct handle *h, struct vnode *vn)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	struct list *prev;
	int err = 0;

	if (!list_is_linked(&ei->orphan))
		return 0;
	mutex_lock(&fs->orphan_lock);
	prev = ei->orphan.prev;
	list_del_init(&ei->orphan);
	if (h != NULL) {
		u32 next = ei->dtime;

		if (prev == &fs->orphans) {
			err = ext2_access(h, fs->sb_buf);
			if (err == 0) {
				fs->es->s_last_orphan = next;
				ext2_dirty(h, fs->sb_buf);
			}
		} else {
			struct ext2_inode *before = list_entry(prev, struct ext2_inode, orphan);

			before->dtime = next;
			err = ext2_write_inode(h, &before->vn);
		}
		ei->dtime = 0;
		if (err == 0)
			err = ext2_write_inode(h, vn);
	}
	mutex_unlock(&fs->orphan_lock);
	return err;
}

/* Finish one: a file with links was being truncated; one without is deleted by its eviction. */
static void
finish(struct ext2_fs *fs, struct vnode *vn)
{
	struct handle *h;

	mutex_lock(&fs->orphan_lock);
	if (!list_is_linked(&ext2_i(vn)->orphan))
		list_add(&fs->orphans, &ext2_i(vn)->orphan);	/* it is the first: the disk says so */
	mutex_unlock(&fs->orphan_lock);
	if (vn->nlink == 0)
		return;
	rwlock_write_lock(&vn->rwlock);
	if (S_ISREG(vn->mode)) {
		ext2_i(vn)->stale_size = true;
		(void)!ext2_truncate(vn, vnode_size(vn));
	}
	rwlock_write_unlock(&vn->rwlock);
	if (ext2_start(fs, EXT2_CREDITS_INODE + EXT2_CREDITS_ORPHAN, &h) == 0) {
		(void)ext2_orphan_del(h, vn);
		ext2_stop(h);
	}
}

/* At mount, before anybody else sees the file system, which is writable. */
void
ext2_orphan_cleanup(struct ext2_fs *fs)
{
	u32 done = 0, ino;

	fs->mount_state |= EXT2_ORPHAN_FS;
	while ((ino = fs->es->s_last_orphan) != 0) {
		struct vnode *vn;
		int err = -EUCLEAN;

		if (done < fs->inodes)
			err = ino == EXT2_ROOT_INO || ino == EXT2_JOURNAL_INO ? -EUCLEAN : ext2_get_inode(fs->sb, ino, &vn);
		if (err != 0) {
			ext2_error(fs, "the list of orphans is damaged at inode %u", ino);
			break;
		}
		finish(fs, vn);
		vnode_put(vn);
		done++;
		if (fs->es->s_last_orphan == ino) {
			ext2_error(fs, "orphan %u could not be finished", ino);
			break;
		}
	}
	if (fs->es->s_last_orphan != 0) {	/* it leads nowhere: nothing may be chained to it */
		struct handle *h;

		if (ext2_start(fs, 1, &h) == 0) {
			if (ext2_access(h, fs->sb_buf) == 0) {
				fs->es->s_last_orphan = 0;
				ext2_dirty(h, fs->sb_buf);
			}
			ext2_stop(h);
		}
	}
	fs->mount_state &= (u16)~EXT2_ORPHAN_FS;
	if (done > 0)
		ext2_warn(fs->sb, LOG_INFO, "%u orphan inodes deleted or truncated", done);
}
