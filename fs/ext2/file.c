/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files, symbolic links, and the flags of inodes (chattr(1)). */
#include "fs/ext2/ext2.h"

#include "sys/kmem.h"
#include "sys/lib/string.h"

/* --- regular files --- */

static int
ext2_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct vnode *vn = f->vn;
	int err;

	/* Preallocated blocks need extents, as on Linux: posix_fallocate() writes zeros instead. */
	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	rwlock_write_lock(&vn->rwlock);
	err = ext2_punch_hole(vn, off, off + len);
	if (err == 0)
		vnode_touch(vn, VT_MTIME | VT_CTIME);
	rwlock_write_unlock(&vn->rwlock);
	return err;
}

/* The last writer gives back what was kept for the file. */
static void
ext2_file_release(struct file *f)
{
	struct ext2_inode *ei = ext2_i(f->vn);

	if (!(f->mode & FMODE_WRITE) || !READ_ONCE(ei->window.linked) || READ_ONCE(f->vn->writers) > 1)
		return;
	rwlock_write_lock(&ei->map_lock);
	ext2_window_drop(f->vn);
	rwlock_write_unlock(&ei->map_lock);
}

/* --- flags --- */

int
ext2_fileattr_get(struct vnode *vn, u32 *flags)
{
	*flags = ext2_i(vn)->flags & EXT2_FL_USER_VISIBLE;
	return 0;
}

int
ext2_fileattr_set(struct vnode *vn, u32 flags)
{
	struct ext2_fs *fs = ext2_fs(vn->sb);
	struct ext2_inode *ei = ext2_i(vn);
	const u32 settable = EXT2_FL_USER_MODIFIABLE, kept = settable | EXT2_JOURNAL_DATA_FL;
	struct handle *h;
	int err, e;

	if (flags & ~(u32)EXT2_FL_USER_VISIBLE)		/* what can't be changed may be passed as it is */
		return -EOPNOTSUPP;
	if ((flags ^ ei->flags) & kept & ~settable)
		return -EOPNOTSUPP;			/* data is never journalled here */
	if (!S_ISDIR(vn->mode))
		flags &= S_ISREG(vn->mode) ? ~(u32)(EXT2_DIRSYNC_FL | EXT2_TOPDIR_FL) : (u32)(EXT2_NODUMP_FL | EXT2_NOATIME_FL);
	err = ext2_start(fs, EXT2_CREDITS_INODE, &h);
	if (err != 0)
		return err;
	spin_lock(&vn->lock);
	ei->flags = (ei->flags & ~settable) | (flags & settable);
	spin_unlock(&vn->lock);
	ext2_apply_flags(vn);
	vnode_touch(vn, VT_CTIME);
	err = ext2_write_inode(h, vn);
	e = ext2_stop_sync(fs, h, vn);
	return err != 0 ? err : e;
}

/* --- symbolic links that need a block --- */

static void
free_text(const char *text)
{
	kmem_free((void *)(uintptr_t)text);
}

int
ext2_get_link(struct vnode *vn, const char **target, void (**free)(const char *))
{
	u32 size = (u32)vnode_size(vn);
	struct block_extent e;
	struct buf *b;
	char *text;
	int err;

	if (vn->link != NULL) {
		*target = vn->link;
		*free = NULL;
		return 0;
	}
	err = ext2_map(NULL, vn, 0, 1, false, &e);
	if (err == 0 && e.hole)
		err = -EIO;
	if (err == 0)
		err = buf_read(vn->sb->bdev, e.block, &b);
	if (err != 0)
		return err;
	text = kmem_alloc(size + 1, KM_NORMAL);
	err = -ENOMEM;
	if (text != NULL) {
		memcpy(text, b->data, size);
		text[size] = '\0';
		err = 0;
	}
	buf_put(b);
	*target = text;
	*free = free_text;
	return err;
}

/* --- tables --- */

const struct file_ops ext2_file_fops = {
	.read = blockmap_file_read,
	.write = blockmap_file_write,
	.llseek = blockmap_file_llseek,
	.mmap = generic_file_mmap,
	.fsync = generic_file_fsync,
	.fallocate = ext2_fallocate,
	.ioctl = blockmap_ioctl,
	.release = ext2_file_release,
};

static ssize_t
ext2_dir_file_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)f, (void)buf, (void)pos;
	return -EISDIR;
}

const struct file_ops ext2_dir_fops = {
	.read = ext2_dir_file_read,
	.llseek = ext2_dir_llseek,
	.iterate = ext2_iterate,
	.release = ext2_dir_release,
	.fsync = generic_file_fsync,
};

const struct vnode_ops ext2_file_ops = {
	.fileattr_get = ext2_fileattr_get,
	.fileattr_set = ext2_fileattr_set,
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
	.getxattr = ext2_getxattr,
	.listxattr = ext2_listxattr,
	.setxattr = ext2_setxattr,
};

const struct vnode_ops ext2_symlink_ops = {
	.get_link = ext2_get_link,
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
	.getxattr = ext2_getxattr,
	.listxattr = ext2_listxattr,
	.setxattr = ext2_setxattr,
};

const struct vnode_ops ext2_special_ops = {
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
	.getxattr = ext2_getxattr,
	.listxattr = ext2_listxattr,
	.setxattr = ext2_setxattr,
};
