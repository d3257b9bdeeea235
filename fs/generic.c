/* SPDX-License-Identifier: BSD-2-Clause */
/* What every file with a page cache does alike: read, write, seek, map, sync. */
#include "fs/internal.h"

#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "sys/abi/errno.h"

ssize_t
generic_file_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct path p = { f->mnt, f->dentry };
	ssize_t n;

	if (iobuf_left(buf) == 0)
		return 0;
	n = pagecache_read_ahead(f->mapping, buf, pos, vnode_size(f->vn), &f->ra);
	if (n >= 0 && !(atomic_load_relaxed(&f->flags) & O_NOATIME))
		path_touch_atime(&p);
	return n;
}

static void
size_update(struct mapping *m, off_t end)
{
	struct vnode *vn = m->owner;

	if (end > vnode_size(vn)) {
		vnode_set_size(vn, end);
		vnode_dirty(vn);
	}
}

ssize_t
generic_file_write_locked(struct file *f, struct iobuf *buf, off_t *pos)
{
	ssize_t n = file_prepare_write(f, buf, pos);

	if (n == 0)
		n = pagecache_write(f->mapping, buf, pos, size_update);
	return n;
}

ssize_t
generic_write_sync(struct file *f, off_t end, ssize_t n)
{
	u32 flags = atomic_load_relaxed(&f->flags);
	bool mounted_sync = (f->vn->sb->flags & MS_SYNCHRONOUS) || (f->vn->state & VN_SYNC);
	int err = 0;

	if (((flags & O_DSYNC) || mounted_sync) && f->ops->fsync != NULL)
		err = f->ops->fsync(f, end - n, end - 1, (flags & O_SYNC) != O_SYNC && !mounted_sync);
	return err != 0 ? err : n;
}

ssize_t
generic_file_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vnode *vn = f->vn;
	ssize_t n;

	if (iobuf_left(buf) == 0)
		return 0;
	rwlock_write_lock(&vn->rwlock);
	n = generic_file_write_locked(f, buf, pos);
	rwlock_write_unlock(&vn->rwlock);
	return n > 0 ? generic_write_sync(f, *pos, n) : n;
}

static off_t
seek_data_hole(struct file *f, off_t off, off_t size, bool hole)
{
	if ((u64)off >= (u64)size)
		return -ENXIO;
	if (f->mapping->flags & MAPPING_MEMORY)
		return mapping_seek(f->mapping, off, size, hole);
	return hole ? size : off;
}

off_t
generic_file_llseek(struct file *f, off_t off, int whence)
{
	off_t size = vnode_size(f->vn), base;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		if (off == 0)
			return f->pos;
		base = f->pos;
		break;
	case SEEK_END:
		base = size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		off = seek_data_hole(f, off, size, whence == SEEK_HOLE);
		if (off < 0)
			return off;
		base = 0;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off) || off < 0 || off > f->vn->sb->max_size)
		return -EINVAL;
	f->pos = off;
	f->dir_version = 0;
	return off;
}

off_t
generic_mapping_size(struct mapping *m)
{
	return vnode_size(m->owner);
}

void
generic_mapping_written(struct mapping *m)
{
	vnode_touch(m->owner, VT_MTIME | VT_CTIME);
}

int
generic_file_mmap(struct file *f, struct vma *vma)
{
	struct path p = { f->mnt, f->dentry };

	if ((vma->flags & VM_SHARED) && (f->mode & FMODE_WRITE) && (atomic_load_relaxed(&f->vn->state) & VN_APPEND))
		return -EACCES;
	if (f->mnt->flags & MNT_NOEXEC) {
		if (vma->prot & PROT_EXEC)
			return -EPERM;
		vma->flags &= ~(u32)VM_MAYEXEC;
	}
	vma->mapping = f->mapping;
	path_touch_atime(&p);
	return 0;
}

int
generic_file_fsync(struct file *f, off_t start, off_t end, bool datasync)
{
	struct vnode *vn = f->vn;
	const struct super_ops *ops = vn->sb->ops;
	bool stored = f->mapping != NULL && !(f->mapping->flags & MAPPING_MEMORY);
	int err = 0, e;

	if (stored)
		err = mapping_sync(f->mapping, start, end);
	if (ops->write_vnode != NULL && (!datasync || (atomic_load(&vn->state) & (VN_DIRTY_DATA | VN_WRITING)))) {
		e = vnode_write(vn, true);
		err = err != 0 ? err : e;
	}
	if (ops->sync_vnode != NULL) {
		e = ops->sync_vnode(vn, datasync);
		err = err != 0 ? err : e;
	}
	if (stored) {		/* last: what is returned now is not told again */
		e = mapping_check_error(f->mapping, &f->wb_err);
		err = err != 0 ? err : e;
	}
	return err;
}

static ssize_t
dir_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)f, (void)buf, (void)pos;
	return -EISDIR;
}

/* For file systems that fill in iterate themselves, and a start for their own tables. */
const struct file_ops generic_dir_fops = {
	.read = dir_read,
	.llseek = generic_file_llseek,
	.fsync = generic_file_fsync,
};
