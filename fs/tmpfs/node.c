/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs' files and directories. Contents are pages of a MAPPING_MEMORY mapping, which charges each page to the super block's
 * limit (mapping_ops.charge); directories are libfs'.
 */
#include "fs/tmpfs/tmpfs_internal.h"

#include "mm/aspace.h"
#include "mm/iobuf.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

/* --- contents --- */

static int
tmpfs_mapping_charge(struct mapping *m, s64 n)
{
	struct vnode *vn = m->owner;
	struct tmpfs *t = vn->sb->priv;
	u64 max = atomic_load_relaxed(&t->max_pages);

	if (n < 0) {
		atomic_sub(&t->pages, (u64)-n);
		return 0;
	}
	if (atomic_add(&t->pages, (u64)n) <= max || max == 0)
		return 0;
	atomic_sub(&t->pages, (u64)n);
	return -ENOSPC;
}

const struct mapping_ops tmpfs_mapping_ops = { .size = generic_mapping_size, .written = generic_mapping_written, .charge = tmpfs_mapping_charge };

static int
tmpfs_getattr(struct vnode *vn, struct kstat *st)
{
	if (S_ISREG(vn->mode))
		st->blocks = vn->mapping.nr_pages * (PAGE_SIZE / 512);
	st->result_mask |= STATX_BTIME;
	return 0;
}

static int
tmpfs_setattr(struct vnode *vn, const struct iattr *a)
{
	u32 seals = tmpfs_node(vn)->seals;

	if (a->valid & ATTR_SIZE) {
		off_t size = vnode_size(vn);

		if ((a->size < size && (seals & F_SEAL_SHRINK)) || (a->size > size && (seals & F_SEAL_GROW)))
			return -EPERM;
	}
	return vnode_generic_setattr(vn, a);
}

/* --- extended attributes: trusted and security; user is for file systems that have a place for them --- */

static int
check_space(const char *name)
{
	const char *rest;
	enum xattr_space space = xattr_space_of(name, &rest);

	if (space != XATTR_TRUSTED && space != XATTR_SECURITY)
		return -EOPNOTSUPP;
	return *rest == '\0' ? -EINVAL : 0;
}

static ssize_t
tmpfs_getxattr(struct vnode *vn, const char *name, void *buf, size_t size)
{
	int err = check_space(name);

	return err != 0 ? err : xattr_mem_get(&tmpfs_node(vn)->xattrs, name, buf, size);
}

static ssize_t
tmpfs_listxattr(struct vnode *vn, char *buf, size_t size)
{
	return xattr_mem_list(&tmpfs_node(vn)->xattrs, buf, size);
}

static int
tmpfs_setxattr(struct vnode *vn, const char *name, const void *value, size_t size, int flags)
{
	struct xattr_mem *x = &tmpfs_node(vn)->xattrs;
	struct tmpfs *t = vn->sb->priv;
	u64 max = atomic_load_relaxed(&t->max_pages) * PAGE_SIZE, old = x->bytes;
	int err = check_space(name);

	if (err != 0)
		return err;
	if (value != NULL && max != 0 && atomic_load_relaxed(&t->xattr_bytes) + size > max)
		return -ENOSPC;
	err = xattr_mem_set(x, name, value, size, flags);
	atomic_add(&t->xattr_bytes, (u64)x->bytes - old);
	return err;
}

/* --- chattr(1)'s flags --- */

static int
tmpfs_fileattr_get(struct vnode *vn, u32 *flags)
{
	*flags = vnode_fileattr(vn);
	return 0;
}

static int
tmpfs_fileattr_set(struct vnode *vn, u32 flags)
{
	if (flags & ~(u32)(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL))
		return -EOPNOTSUPP;
	vnode_set_fileattr(vn, flags);
	vnode_touch(vn, VT_CTIME);
	return 0;
}

/* --- reading, writing, mapping --- */

/* [l] held. As Linux does it page by page, the part in a page that would grow a sealed file is not written at all. */
static int
seals_allow_write(struct file *f, struct iobuf *buf, off_t pos)
{
	u32 seals = tmpfs_node(f->vn)->seals;
	off_t size = vnode_size(f->vn), start = f->flags & O_APPEND ? size : pos;

	if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (!(seals & F_SEAL_GROW) || (start <= size && iobuf_left(buf) <= (size_t)(size - start)))
		return 0;
	size = ALIGN_DOWN(size, (off_t)PAGE_SIZE);
	if (start >= size)
		return -EPERM;
	iobuf_truncate(buf, (size_t)(size - start));
	return 0;
}

static ssize_t
tmpfs_file_write(struct file *f, struct iobuf *buf, off_t *pos)
{
	struct vnode *vn = f->vn;
	ssize_t n;

	if (iobuf_left(buf) == 0)
		return 0;
	rwlock_write_lock(&vn->rwlock);
	n = seals_allow_write(f, buf, *pos);
	if (n == 0)
		n = generic_file_write_locked(f, buf, pos);
	rwlock_write_unlock(&vn->rwlock);
	return n;
}

/* Called when the mapping that is to be counts among mapping.vmas_writable already: F_SEAL_WRITE is there by now, or finds it. */
static int
tmpfs_file_mmap(struct file *f, struct vma *vma)
{
	u32 seals = atomic_load_relaxed(&tmpfs_node(f->vn)->seals);

	if ((vma->flags & VM_SHARED) && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))) {
		if (vma->prot & PROT_WRITE)
			return -EPERM;
		vma->flags &= ~(u32)VM_MAYWRITE;
	}
	return generic_file_mmap(f, vma);
}

/* Make sure that pages [first, last] exist. What is missing is counted first, so that no space means no change. */
static int
preallocate(struct vnode *vn, u64 first, u64 last)
{
	struct tmpfs *t = vn->sb->priv;
	u64 missing = 0, max = atomic_load_relaxed(&t->max_pages);

	if (max != 0 && last - first >= max)
		return -ENOSPC;
	for (u64 i = first; max != 0 && i <= last; i++) {	/* only a limit needs the count, and bounds it */
		struct page *pg = mapping_find(&vn->mapping, i);

		if (pg != NULL)
			page_put(pg);
		else
			missing++;
	}
	if (max != 0 && atomic_load_relaxed(&t->pages) + missing > max)
		return -ENOSPC;
	for (u64 i = first; i <= last; i++) {
		struct page *pg;
		int err;

		if (thread_signal_pending(thread_current()))
			return -EINTR;
		err = mapping_get_locked(&vn->mapping, i, &pg);
		if (err != 0)
			return err;
		mapping_dirty(&vn->mapping, pg);
		page_unlock(pg);
		page_put(pg);
	}
	return 0;
}

static int
tmpfs_file_fallocate(struct file *f, int mode, off_t off, off_t len)
{
	struct vnode *vn = f->vn;
	u32 seals;
	int err = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	rwlock_write_lock(&vn->rwlock);
	seals = tmpfs_node(vn)->seals;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			err = -EPERM;
		else
			mapping_truncate(&vn->mapping, off, off + len);
	} else if (off + len > vnode_size(vn) && (seals & F_SEAL_GROW)) {
		err = -EPERM;
	} else {
		err = preallocate(vn, (u64)off >> PAGE_SHIFT, (u64)(off + len - 1) >> PAGE_SHIFT);
		if (err == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && off + len > vnode_size(vn))
			vnode_set_size(vn, off + len);
	}
	if (err == 0)
		vnode_touch(vn, VT_MTIME | VT_CTIME);
	rwlock_write_unlock(&vn->rwlock);
	return err;
}

const struct file_ops tmpfs_file_fops = {
	.read = generic_file_read,
	.write = tmpfs_file_write,
	.llseek = generic_file_llseek,
	.mmap = tmpfs_file_mmap,
	.fsync = generic_file_fsync,
	.fallocate = tmpfs_file_fallocate,
};

/* --- seals --- */

int
tmpfs_get_seals(struct file *f)
{
	return f->ops == &tmpfs_file_fops ? (int)atomic_load_relaxed(&tmpfs_node(f->vn)->seals) : -EINVAL;
}

int
tmpfs_add_seals(struct file *f, u32 seals)
{
	struct vnode *vn = f->vn;
	struct tmpfs_node *n = tmpfs_node(vn);
	int err = 0;

	if (f->ops != &tmpfs_file_fops)
		return -EINVAL;
	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~(u32)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EINVAL;
	rwlock_write_lock(&vn->rwlock);
	rwlock_write_lock(&vn->mapping.rmap_lock);
	if (n->seals & F_SEAL_SEAL)
		err = -EPERM;
	else if ((seals & F_SEAL_WRITE) && !(n->seals & F_SEAL_WRITE) && vn->mapping.vmas_writable > 0)
		err = -EBUSY;
	if (err == 0)
		atomic_store_relaxed(&n->seals, n->seals | seals);
	rwlock_write_unlock(&vn->mapping.rmap_lock);
	rwlock_write_unlock(&vn->rwlock);
	return err;
}

/* --- directories --- */

static int
add_new(struct vnode *dir, struct dentry *d, u32 mode, dev_t rdev)
{
	struct vnode *vn;
	int err = tmpfs_node_create(dir->sb, dir, mode, rdev, &vn);

	if (err != 0)
		return err;
	libfs_add(d, vn);
	libfs_entry_added(dir);
	return 0;
}

static int
tmpfs_create(struct vnode *dir, struct dentry *d, u32 mode, bool excl)
{
	(void)excl;
	return add_new(dir, d, mode, 0);
}

static int
tmpfs_mkdir(struct vnode *dir, struct dentry *d, u32 mode)
{
	int err = add_new(dir, d, mode, 0);

	if (err == 0)
		vnode_inc_nlink(dir);
	return err;
}

static int
tmpfs_mknod(struct vnode *dir, struct dentry *d, u32 mode, dev_t rdev)
{
	return add_new(dir, d, mode, rdev);
}

static int
tmpfs_symlink(struct vnode *dir, struct dentry *d, const char *target)
{
	char *text = kmem_strdup(target, KM_USER);
	struct vnode *vn;
	int err;

	if (text == NULL)
		return -ENOMEM;
	err = tmpfs_node_create(dir->sb, dir, S_IFLNK | S_IRWXUGO, 0, &vn);
	if (err != 0) {
		kmem_free(text);
		return err;
	}
	tmpfs_node(vn)->link = text;
	vn->link = text;
	vnode_set_size(vn, (off_t)strlen(text));
	libfs_add(d, vn);
	libfs_entry_added(dir);
	return 0;
}

static int
tmpfs_tmpfile(struct vnode *dir, struct dentry *d, u32 mode)
{
	struct vnode *vn;
	int err = tmpfs_node_create(dir->sb, dir, mode, 0, &vn);

	if (err != 0)
		return err;
	vnode_clear_nlink(vn);
	dentry_instantiate(d, vn);
	return 0;
}

static const struct vnode_ops tmpfs_dir_ops = {
	.lookup = libfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.mknod = tmpfs_mknod,
	.symlink = tmpfs_symlink,
	.link = libfs_link,
	.unlink = libfs_unlink,
	.rmdir = libfs_rmdir,
	.rename = libfs_rename,
	.tmpfile = tmpfs_tmpfile,
	.getattr = tmpfs_getattr,
	.fileattr_get = tmpfs_fileattr_get,
	.fileattr_set = tmpfs_fileattr_set,
	.getxattr = tmpfs_getxattr,
	.listxattr = tmpfs_listxattr,
	.setxattr = tmpfs_setxattr,
};

static const struct vnode_ops tmpfs_file_ops = {
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.fileattr_get = tmpfs_fileattr_get,
	.fileattr_set = tmpfs_fileattr_set,
	.getxattr = tmpfs_getxattr,
	.listxattr = tmpfs_listxattr,
	.setxattr = tmpfs_setxattr,
};

static const struct vnode_ops tmpfs_special_ops = {		/* symlinks, devices, FIFOs, sockets */
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.listxattr = tmpfs_listxattr,
	.setxattr = tmpfs_setxattr,
};

int
tmpfs_node_create(struct super_block *sb, const struct vnode *dir, u32 mode, dev_t rdev, struct vnode **out)
{
	struct tmpfs *t = sb->priv;
	struct vnode *vn;
	u64 max = atomic_load_relaxed(&t->max_nodes);

	if (atomic_add(&t->nodes, 1UL) > max && max != 0) {
		atomic_sub(&t->nodes, 1UL);
		return -ENOSPC;
	}
	vn = vnode_alloc(sb);
	if (vn == NULL) {
		atomic_sub(&t->nodes, 1UL);
		return -ENOMEM;
	}
	vn->ino = vnode_next_ino();
	vnode_init_owner(vn, dir, mode);
	vn->ops = &tmpfs_special_ops;
	switch (mode & S_IFMT) {
	case S_IFREG:
		vn->ops = &tmpfs_file_ops;
		mapping_init(&vn->mapping, &tmpfs_mapping_ops, vn, MAPPING_MEMORY);
		vn->fops = &tmpfs_file_fops;
		break;
	case S_IFDIR:
		vn->ops = &tmpfs_dir_ops;
		vn->fops = &libfs_dir_fops;
		vn->nlink = 2;
		vn->size = 40;		/* for "." and "..", as on Linux */
		break;
	case S_IFLNK:
		break;
	default:
		vnode_init_special(vn, vn->mode, rdev);
		break;
	}
	*out = vn;
	return 0;
}
