/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files and attributes. Files have no holes: what a file grows over is written with zeros. */
#include "fs/fat/fat.h"

#include "mm/iobuf.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

#define FAT_IOCTL_GET_ATTRIBUTES	0x80047210u
#define FAT_IOCTL_SET_ATTRIBUTES	0x40047211u
#define FAT_IOCTL_GET_VOLUME_ID		0x80047213u
#define ZERO_CHUNK	(64U << 10)

static void
grown(struct mapping *m, off_t end)
{
	struct vnode *vn = m->owner;

	if (end > vnode_size(vn)) {
		vnode_set_size(vn, end);
		vnode_dirty(vn);
	}
}

/* Zeros from the file's end to `size`. vn [l] held. */
static int
extend(struct vnode *vn, off_t size)
{
	off_t pos = vnode_size(vn);
	void *zeros;
	int err = 0;

	rwlock_assert_write_held(&vn->rwlock);
	if (size > vn->sb->max_size)
		return -EFBIG;
	if (size <= pos)
		return 0;
	zeros = kmem_alloc(ZERO_CHUNK, KM_ZERO);
	if (zeros == NULL)
		return -ENOMEM;
	while (pos < size && err == 0) {
		struct iobuf buf;
		ssize_t n;

		iobuf_init_kernel(&buf, zeros, (size_t)MIN(size - pos, (off_t)ZERO_CHUNK), false);
		n = pagecache_write(&vn->mapping, &buf, &pos, grown);
		err = n > 0 ? 0 : n == 0 ? -EIO : (int)n;
	}
	kmem_free(zeros);
	return err;
}

static int
extend_or_retry(struct vnode *vn, off_t size)
{
	off_t old = vnode_size(vn);
	int err = extend(vn, size);

	if (err == -ENOSPC && fat_free_pending(fat_fs(vn->sb)) > 0)
		err = extend(vn, size);
	if (err != 0 && vnode_size(vn) > old) {		/* all or nothing */
		vnode_set_size(vn, old);
		mapping_truncate(&vn->mapping, old, INT64_MAX);
	}
	if (err != 0)
		fat_blockmap_ops.trim(vn);
	return err;
}

/* What lies between the end and the place of writing has to come about first. */
int
fat_fill_gap(struct vnode *vn, off_t pos)
{
	return extend_or_retry(vn, pos);
}

static ssize_t
fat_file_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	ssize_t n = blockmap_file_write(f, buf, pos);

	if (n == -ENOSPC && fat_free_pending(fat_fs(f->vn->sb)) > 0)
		n = blockmap_file_write(f, buf, pos);
	return n;
}

/* Clusters for [.., end) without a change of the size: they go again when the file isn't in use any more. */
static int
reserve(struct vnode *vn, off_t end)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	u32 want = (u32)(((u64)end + (1UL << fs->cluster_bits) - 1) >> fs->cluster_bits), have, cluster, n;
	int err = fat_chain_length(vn, &have);

	while (err == 0 && have < want) {
		err = fat_chain_append(vn, want - have, &cluster, &n);
		if (err == -ENOSPC && fat_free_pending(fs) > 0)
			err = fat_chain_append(vn, want - have, &cluster, &n);
		have += err == 0 ? n : 0;
	}
	return err;
}

static int
fat_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct vnode *vn = f->vn;
	int err = 0;

	if (mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	rwlock_write_lock(&vn->rwlock);
	if (mode & FALLOC_FL_KEEP_SIZE)
		err = reserve(vn, off + len);
	else if (off + len > vnode_size(vn))
		err = extend_or_retry(vn, off + len);
	if (err == 0 && !(mode & FALLOC_FL_KEEP_SIZE))
		vnode_touch(vn, VT_MTIME);
	rwlock_write_unlock(&vn->rwlock);
	return err;
}

/* "flush": what was written goes out when it is closed, so that a stick may be pulled out soon. */
static void
fat_file_flush(struct file *f)
{
	if (fat_fs(f->vn->sb)->opt.flush && (f->mode & FMODE_WRITE) && !fat_read_only(fat_fs(f->vn->sb)))
		(void)!generic_file_fsync(f, 0, INT64_MAX, false);
}

/* --- attributes --- */

int
fat_getattr(struct vnode *vn, struct kstat *st)
{
	if (fat_fs(vn->sb)->vfat)
		st->result_mask |= STATX_BTIME;
	return 0;
}

static int
set_size(struct vnode *vn, off_t size)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	u64 cluster = 1UL << fs->cluster_bits;
	int err;

	if (size > vnode_size(vn))
		return extend_or_retry(vn, size);
	err = blockmap_zero_tail(vn, size);
	if (err != 0)
		return err;
	vnode_set_size(vn, size);
	mapping_truncate(&vn->mapping, size, INT64_MAX);
	return fat_chain_cut(vn, (u32)(((u64)size + cluster - 1) >> fs->cluster_bits));
}

/* Modes that an attribute can keep: all of rx, and all or nothing of w. */
static bool
mode_fits(const struct fat_fs *fs, const struct vnode *vn, u32 mode)
{
	u32 mask = S_ISDIR(vn->mode) ? fs->opt.dmask : fs->opt.fmask, rx = S_IRUGO | S_IXUGO;
	u32 perm = mode & S_IRWXUGO & ~mask, writable = S_IWUGO & ~mask;

	if ((perm & rx) != (vn->mode & ~mask & rx))
		return false;
	if ((perm & S_IWUGO) == writable)
		return true;
	return (perm & S_IWUGO) == 0 && fat_holds_ro(fs, vn);
}

int
fat_setattr(struct vnode *vn, const struct iattr *a)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	struct iattr rest = *a;
	int err = 0;

	if (((a->valid & ATTR_UID) && a->uid.val != fs->opt.uid.val) || ((a->valid & ATTR_GID) && a->gid.val != fs->opt.gid.val) ||
	    ((a->valid & ATTR_MODE) && (a->mode & S_IALLUGO & ~(u32)S_IRWXUGO)))
		return fs->opt.quiet ? 0 : -EPERM;
	if ((a->valid & ATTR_MODE) && !mode_fits(fs, vn, a->mode))
		rest.valid &= ~(u32)ATTR_MODE;
	if ((a->valid & ATTR_SIZE) && S_ISREG(vn->mode))
		err = set_size(vn, a->size);
	if (err != 0)
		return err;
	rest.valid &= ~(u32)(ATTR_SIZE | ATTR_CTIME);
	rest.mode &= ~(S_ISDIR(vn->mode) ? fs->opt.dmask : fs->opt.fmask);
	rest.atime = fat_time_round(fs, rest.atime, VT_ATIME);
	rest.mtime = fat_time_round(fs, rest.mtime, VT_MTIME);
	err = vnode_generic_setattr(vn, &rest);
	if (a->valid & ATTR_MTIME) {
		spin_lock(&vn->lock);
		vn->ctime = vn->mtime;
		spin_unlock(&vn->lock);
	}
	return err;
}

/* --- ioctls --- */

static u32
attributes(struct vnode *vn)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	u32 attr = fat_v(vn)->attr & ~(u32)FAT_RO;

	if (fat_holds_ro(fs, vn) ? !(vn->mode & S_IWUGO) : fat_v(vn)->attr & FAT_RO)
		attr |= FAT_RO;
	return attr | (S_ISDIR(vn->mode) ? FAT_DIR : 0);
}

static int
change_attributes(struct vnode *vn, u32 attr)
{
	struct fat_fs *fs = fat_fs(vn->sb);
	bool dir = S_ISDIR(vn->mode);
	u32 perm = dir ? S_IRWXUGO : S_IRUGO | S_IWUGO | (vn->mode & S_IXUGO);

	attr &= 0xff & ~(u32)(FAT_VOLUME | FAT_DIR);
	attr |= dir ? FAT_DIR : 0;
	if (vn->ino == FAT_ROOT_INO && attr != FAT_DIR)
		return -EINVAL;
	if (fs->opt.sys_immutable && ((attr ^ fat_v(vn)->attr) & FAT_SYS) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	spin_lock(&vn->lock);
	fat_v(vn)->attr = (u8)attr;
	vn->mode = fat_mode(fs, (u8)attr, NULL, perm);
	spin_unlock(&vn->lock);
	if (fs->opt.sys_immutable) {
		if (attr & FAT_SYS)
			atomic_fetch_or(&vn->state, (u32)VN_IMMUTABLE);
		else
			atomic_fetch_and(&vn->state, ~(u32)VN_IMMUTABLE);
	}
	vnode_dirty(vn);
	return 0;
}

static long
set_attributes(struct file *f, u64 arg)
{
	struct vnode *vn = f->vn;
	u32 attr;
	int err;

	if (get_user_u32(&attr, (const u32 __user *)arg) != 0)
		return -EFAULT;
	err = mount_want_write(f->mnt);
	if (err != 0)
		return err;
	rwlock_write_lock(&vn->rwlock);
	err = vnode_owner_or_capable(vn) ? change_attributes(vn, attr) : -EPERM;
	rwlock_write_unlock(&vn->rwlock);
	mount_drop_write(f->mnt);
	return err;
}

long
fat_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	switch (cmd) {
	case FAT_IOCTL_GET_ATTRIBUTES:
		return put_user_u32(attributes(f->vn), (u32 __user *)arg);
	case FAT_IOCTL_SET_ATTRIBUTES:
		return set_attributes(f, arg);
	case FAT_IOCTL_GET_VOLUME_ID:
		return put_user_u32(fat_fs(f->vn->sb)->volume_id, (u32 __user *)arg);
	default:
		return blockmap_ioctl(f, cmd, arg);
	}
}

/* --- tables --- */

static ssize_t
fat_dir_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)f, (void)buf, (void)pos;
	return -EISDIR;
}

const struct file_ops fat_file_fops = {
	.read = blockmap_file_read,
	.write = fat_file_write,
	.llseek = generic_file_llseek,
	.mmap = generic_file_mmap,
	.flush = fat_file_flush,
	.fsync = generic_file_fsync,
	.fallocate = fat_fallocate,
	.ioctl = fat_ioctl,
};

const struct file_ops fat_dir_fops = {
	.read = fat_dir_read,
	.llseek = generic_file_llseek,
	.iterate = fat_iterate,
	.fsync = generic_file_fsync,
	.ioctl = fat_ioctl,
};

const struct vnode_ops fat_file_ops = {
	.setattr = fat_setattr,
	.getattr = fat_getattr,
	.update_time = fat_update_time,
};
