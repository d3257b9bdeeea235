/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations on directories. Each is one transaction: the entry, the inodes and the counts of links are on the disk together or not at all
 * (with a journal). What has no links left goes onto the list of orphans in the same transaction.
 */
#include "fs/ext2/ext2.h"

#include "sys/abi/mount.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"

/* --- counts of links --- */

/* Directories with an index may have more subdirectories than the count can say: then it stays 1 (dir_nlink). */
static bool
links_full(struct vnode *dir)
{
	return dir->nlink >= EXT2_LINK_MAX && !(ext2_has_ro_compat(ext2_fs(dir->sb), RO_COMPAT_DIR_NLINK) && ext2_is_indexed(dir));
}

static void
set_nlink(struct vnode *vn, u32 n)
{
	spin_lock(&vn->lock);
	vn->nlink = n;
	spin_unlock(&vn->lock);
	vnode_dirty(vn);
}

static void
add_subdir(struct vnode *dir)
{
	if (dir->nlink == 1)
		return;
	if (dir->nlink >= EXT2_LINK_MAX)
		set_nlink(dir, 1);
	else
		vnode_inc_nlink(dir);
}

static void
drop_subdir(struct vnode *dir)
{
	if (dir->nlink > 2)
		vnode_drop_nlink(dir);
}

/* --- lookup --- */

static int
ext2_lookup(struct vnode *dir, struct dentry *d, struct vnode **out)
{
	struct ext2_slot slot;
	u32 ino;
	int err;

	*out = NULL;
	if (d->name.len > EXT2_NAME_LEN)
		return -ENAMETOOLONG;
	err = ext2_dir_find(dir, d->name.name, d->name.len, &slot);
	if (err != 0)
		return err == -ENOENT ? 0 : err;
	ino = slot.de->inode;
	buf_put(slot.b);
	err = ino == EXT2_JOURNAL_INO || ino == dir->ino ? -EUCLEAN : ext2_get_inode(dir->sb, ino, out);
	if (err == -ESTALE || err == -EUCLEAN) {
		ext2_error(ext2_fs(dir->sb), "directory #%llu names inode %u, which is not in use", (unsigned long long)dir->ino, ino);
		err = -EUCLEAN;
	}
	if (err == 0 && S_ISDIR((*out)->mode) && dentry_dir_is_elsewhere(d, *out)) {
		ext2_error(ext2_fs(dir->sb), "directory #%u is in #%llu as well as elsewhere", ino, (unsigned long long)dir->ino);
		vnode_put(*out);
		*out = NULL;
		err = -EUCLEAN;
	}
	return err;
}

/* --- new objects --- */

/* Text of a symbolic link: in the inode, if it fits there. */
static int
make_link(struct handle *h, struct vnode *vn, const char *target)
{
	struct ext2_inode *ei = ext2_i(vn);
	size_t len = strlen(target);
	struct block_extent e;
	struct buf *b;
	int err;

	if (len < sizeof(ei->data)) {
		ei->link = kmem_strdup(target, KM_NORMAL);
		if (ei->link == NULL)
			return -ENOMEM;		/* and no text where blocks could be looked for */
		memcpy(ei->data, target, len);
		vn->link = ei->link;
		vnode_set_size(vn, (off_t)len);
		return 0;
	}
	err = ext2_map(h, vn, 0, 1, true, &e);
	if (err == 0)
		err = buf_get_zeroed(vn->sb->bdev, e.block, &b);
	if (err != 0)
		return err;
	err = journal_access_new(h, b);
	if (err == 0) {
		memcpy(b->data, target, len);
		ext2_dirty(h, b);
		vnode_set_size(vn, (off_t)len);
	}
	buf_put(b);
	return err;
}

/* It has come to nothing: without links, it is deleted when its last reference goes, after the transaction. */
static void
abandon(struct handle *h, struct vnode *vn)
{
	vnode_clear_nlink(vn);
	(void)!ext2_orphan_add(h, vn);
	(void)!ext2_write_inode(h, vn);
}

struct new_object { u32 mode; dev_t rdev; const char *target; };

static int
fill_object(struct handle *h, struct vnode *dir, struct vnode *vn, const struct new_object *what)
{
	int err = 0;

	if (S_ISDIR(vn->mode)) {
		set_nlink(vn, 2);
		err = ext2_dir_make(h, vn, dir);
	} else if (S_ISLNK(vn->mode)) {
		err = make_link(h, vn, what->target);
	} else if (!S_ISREG(vn->mode)) {
		vn->rdev = S_ISCHR(vn->mode) || S_ISBLK(vn->mode) ? what->rdev : 0;
		ext2_encode_device(vn);
	}
	ext2_set_ops(vn);
	return err;
}

/* A new object with a name in dir (d NULL in `linked` false: without one). */
static int
make_object(struct vnode *dir, struct dentry *d, const struct new_object *what, bool linked)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	struct vnode *vn;
	struct handle *h;
	int err = ext2_start_alloc(fs, EXT2_CREDITS_CREATE + EXT2_CREDITS_MAP(1), &h), e;

	if (err != 0)
		return err;
	err = ext2_new_inode(h, dir, what->mode, &vn);
	if (err != 0) {
		ext2_stop(h);
		return err;
	}
	err = fill_object(h, dir, vn, what);
	if (err == 0 && linked)
		err = ext2_dir_add(h, dir, d->name.name, d->name.len, vn);
	if (err != 0 || !linked) {
		abandon(h, vn);
	} else {
		if (S_ISDIR(vn->mode))
			add_subdir(dir);
		err = ext2_write_inode(h, vn);
	}
	e = ext2_write_inode(h, dir);
	err = err != 0 ? err : e;
	e = ext2_stop_sync(fs, h, dir);
	vnode_unlock_new(vn);
	if (err != 0) {
		if (vn->nlink != 0)
			ext2_error(fs, "inode %llu was made, but not written", (unsigned long long)vn->ino);
		vnode_put(vn);
		return err;
	}
	dentry_instantiate(d, vn);
	return e;
}

static int
ext2_create(struct vnode *dir, struct dentry *d, u32 mode, bool excl)
{
	struct new_object what = { .mode = mode };

	(void)excl;
	return make_object(dir, d, &what, true);
}

static int
ext2_mkdir(struct vnode *dir, struct dentry *d, u32 mode)
{
	struct new_object what = { .mode = mode };

	return links_full(dir) ? -EMLINK : make_object(dir, d, &what, true);
}

static int
ext2_mknod(struct vnode *dir, struct dentry *d, u32 mode, dev_t rdev)
{
	struct new_object what = { .mode = mode, .rdev = rdev };

	return make_object(dir, d, &what, true);
}

static int
ext2_symlink(struct vnode *dir, struct dentry *d, const char *target)
{
	struct new_object what = { .mode = S_IFLNK | S_IRWXUGO, .target = target };

	if (strlen(target) >= dir->sb->blksize)
		return -ENAMETOOLONG;
	return make_object(dir, d, &what, true);
}

static int
ext2_tmpfile(struct vnode *dir, struct dentry *d, u32 mode)
{
	struct new_object what = { .mode = mode };

	return make_object(dir, d, &what, false);
}

static int
ext2_link(struct dentry *old, struct vnode *dir, struct dentry *d)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	struct vnode *vn = old->vn;
	bool orphan = vn->nlink == 0;
	struct handle *h;
	int err, e;

	if (vn->nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = ext2_start_alloc(fs, EXT2_CREDITS_ENTRY + 4 + EXT2_CREDITS_ORPHAN, &h);
	if (err != 0)
		return err;
	err = ext2_dir_add(h, dir, d->name.name, d->name.len, vn);
	if (err == 0) {
		vnode_inc_nlink(vn);
		vnode_touch(vn, VT_CTIME);
		if (orphan)
			err = ext2_orphan_del(h, vn);
		if (err == 0)
			err = ext2_write_inode(h, vn);
	}
	e = ext2_write_inode(h, dir);
	err = err != 0 ? err : e;
	e = ext2_stop_sync(fs, h, dir);
	if (err != 0)
		return err;
	vnode_get(vn);
	dentry_instantiate(d, vn);
	return e;
}

/* --- removing --- */

/* The entry of d in dir, which must name vn. */
static int
find_entry(struct vnode *dir, struct dentry *d, struct vnode *vn, struct ext2_slot *slot)
{
	int err = ext2_dir_find(dir, d->name.name, d->name.len, slot);

	if (err == 0 && slot->de->inode != vn->ino) {
		buf_put(slot->b);
		err = -ENOENT;
	}
	if (err == -ENOENT)
		ext2_error(ext2_fs(dir->sb), "an entry for inode %llu is not where it was", (unsigned long long)vn->ino);
	return err == -ENOENT ? -EIO : err;
}

/* vn has lost a name (a directory: its only one). */
static int
lost_name(struct handle *h, struct vnode *vn)
{
	int err = 0;

	if (S_ISDIR(vn->mode)) {
		vnode_set_size(vn, 0);
		vnode_clear_nlink(vn);
	} else if (vn->nlink > 0) {
		vnode_drop_nlink(vn);
	}
	vnode_touch(vn, VT_CTIME);
	if (vn->nlink == 0)
		err = ext2_orphan_add(h, vn);
	return err != 0 ? err : ext2_write_inode(h, vn);
}

static int
remove_name(struct vnode *dir, struct dentry *d)
{
	struct ext2_fs *fs = ext2_fs(dir->sb);
	struct vnode *vn = d->vn;
	struct ext2_slot slot;
	struct handle *h;
	int err = ext2_start(fs, 12 + EXT2_CREDITS_ORPHAN, &h), e;

	if (err != 0)
		return err;
	err = find_entry(dir, d, vn, &slot);
	if (err == 0) {
		err = ext2_dir_remove(h, dir, &slot);
		buf_put(slot.b);
	}
	if (err == 0)
		err = lost_name(h, vn);
	if (err == 0 && S_ISDIR(vn->mode))
		drop_subdir(dir);
	if (err == 0)
		err = ext2_write_inode(h, dir);
	e = ext2_stop_sync(fs, h, dir);
	return err != 0 ? err : e;
}

static int
ext2_rmdir(struct vnode *dir, struct dentry *d)
{
	int empty = ext2_dir_is_empty(d->vn);

	if (empty < 0)
		return empty;
	return empty ? remove_name(dir, d) : -ENOTEMPTY;
}

/* --- rename --- */

struct renaming {
	struct handle *h;
	struct vnode *odir, *ndir, *source, *target;
	struct dentry *od, *nd;
};

/* ".." of a directory that has moved; its own times of change stay, as on Linux. */
static int
set_parent(struct renaming *r, struct vnode *dir, struct vnode *parent)
{
	struct ext2_slot slot;
	int err = ext2_dir_dotdot(dir, &slot);

	if (err != 0)
		return err;
	err = ext2_dir_set(r->h, dir, &slot, parent);
	buf_put(slot.b);
	return err;
}

/* The name in dir now means vn. */
static int
set_entry(struct renaming *r, struct vnode *dir, struct dentry *d, struct vnode *was, struct vnode *vn)
{
	struct ext2_slot slot;
	int err = find_entry(dir, d, was, &slot);

	if (err != 0)
		return err;
	err = ext2_dir_set(r->h, dir, &slot, vn);
	if (err == 0)
		ext2_dir_changed(dir);
	buf_put(slot.b);
	return err;
}

static int
move_links(struct renaming *r)
{
	bool is_dir = S_ISDIR(r->source->mode);
	int err = 0;

	if (is_dir && r->odir != r->ndir) {
		err = set_parent(r, r->source, r->ndir);
		if (err != 0)
			return err;
	}
	if (is_dir) {
		if (r->odir != r->ndir || r->target != NULL)
			drop_subdir(r->odir);
		if (r->odir != r->ndir && r->target == NULL)
			add_subdir(r->ndir);
	}
	vnode_touch(r->source, VT_CTIME);
	if (r->target != NULL)
		err = lost_name(r->h, r->target);
	return err;
}

static int
rename_over(struct renaming *r)
{
	struct ext2_slot slot;
	int err;

	/* The new name first: that may fail for want of room, and then nothing has changed. */
	if (r->target != NULL)
		err = set_entry(r, r->ndir, r->nd, r->target, r->source);
	else
		err = ext2_dir_add(r->h, r->ndir, r->nd->name.name, r->nd->name.len, r->source);
	if (err != 0)
		return err;
	err = find_entry(r->odir, r->od, r->source, &slot);
	if (err == 0) {
		err = ext2_dir_remove(r->h, r->odir, &slot);
		buf_put(slot.b);
	}
	return err != 0 ? err : move_links(r);
}

static int
exchange(struct renaming *r)
{
	bool a = S_ISDIR(r->source->mode), b = S_ISDIR(r->target->mode);
	int err = set_entry(r, r->ndir, r->nd, r->target, r->source);

	if (err == 0)
		err = set_entry(r, r->odir, r->od, r->source, r->target);
	if (err == 0 && r->odir != r->ndir) {
		if (a)
			err = set_parent(r, r->source, r->ndir);
		if (err == 0 && b)
			err = set_parent(r, r->target, r->odir);
		if (a != b) {
			add_subdir(a ? r->ndir : r->odir);
			drop_subdir(a ? r->odir : r->ndir);
		}
	}
	vnode_touch(r->source, VT_CTIME);
	vnode_touch(r->target, VT_CTIME);
	return err != 0 ? err : ext2_write_inode(r->h, r->target);
}

/* Nothing of a rename is done where ".." of what moves could not be written at its end. */
static int
check_dotdot(struct vnode *dir)
{
	struct ext2_slot slot;
	int err = ext2_dir_dotdot(dir, &slot);

	if (err == 0)
		buf_put(slot.b);
	return err;
}

static int
rename_checks(const struct renaming *r, unsigned int flags)
{
	bool dir = S_ISDIR(r->source->mode), replaced_dir = r->target != NULL && S_ISDIR(r->target->mode);
	int empty, err = 0;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (dir && r->odir != r->ndir)
		err = check_dotdot(r->source);
	if (err == 0 && replaced_dir && (flags & RENAME_EXCHANGE) && r->odir != r->ndir)
		err = check_dotdot(r->target);
	if (err != 0)
		return err;
	if (flags & RENAME_EXCHANGE) {
		if (r->odir != r->ndir && dir != replaced_dir && links_full(dir ? r->ndir : r->odir))
			return -EMLINK;
		return 0;
	}
	if (replaced_dir) {
		empty = ext2_dir_is_empty(r->target);
		if (empty <= 0)
			return empty < 0 ? empty : -ENOTEMPTY;
	} else if (dir && r->odir != r->ndir && links_full(r->ndir)) {
		return -EMLINK;
	}
	return 0;
}

static int
ext2_rename(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags)
{
	struct ext2_fs *fs = ext2_fs(odir->sb);
	struct renaming r = { .odir = odir, .ndir = ndir, .source = od->vn, .target = nd->vn, .od = od, .nd = nd };
	int err = rename_checks(&r, flags), e;

	if (err != 0)
		return err;
	err = ext2_start_alloc(fs, EXT2_CREDITS_ENTRY + 16 + EXT2_CREDITS_ORPHAN, &r.h);
	if (err != 0)
		return err;
	err = flags & RENAME_EXCHANGE ? exchange(&r) : rename_over(&r);
	if (err == 0)
		err = ext2_write_inode(r.h, r.source);
	e = ext2_write_inode(r.h, odir);
	if (e == 0 && ndir != odir)
		e = ext2_write_inode(r.h, ndir);
	err = err != 0 ? err : e;
	e = ext2_stop_sync(fs, r.h, ndir);
	return err != 0 ? err : e;
}

const struct vnode_ops ext2_dir_ops = {
	.lookup = ext2_lookup,
	.create = ext2_create,
	.mkdir = ext2_mkdir,
	.mknod = ext2_mknod,
	.symlink = ext2_symlink,
	.link = ext2_link,
	.unlink = remove_name,
	.rmdir = ext2_rmdir,
	.rename = ext2_rename,
	.tmpfile = ext2_tmpfile,
	.getattr = ext2_getattr,
	.setattr = ext2_setattr,
	.getxattr = ext2_getxattr,
	.listxattr = ext2_listxattr,
	.setxattr = ext2_setxattr,
	.fileattr_get = ext2_fileattr_get,
	.fileattr_set = ext2_fileattr_set,
};
