/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories that live in the dentry cache: tmpfs, devtmpfs, static parts of other trees.
 *
 * An entry exists while its dentry is hashed and pinned (DENTRY_PINNED, a reference of its own). The offset of readdir is the
 * dentry's cookie, given when it came into the directory; so it is stable whatever else comes and goes.
 */
#include "fs/internal.h"
#include "fs/notify.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define ENTRY_SIZE	20	/* what an entry adds to a directory's size, as tmpfs has it on Linux */

int
libfs_lookup(struct vnode *dir, struct dentry *d, struct vnode **out)
{
	(void)dir;
	*out = NULL;
	return d->name.len > NAME_MAX_K ? -ENAMETOOLONG : 0;
}

static void
set_pinned(struct dentry *d, bool on)
{
	spin_lock(&d->lock);
	if (on)
		d->flags |= DENTRY_PINNED;
	else
		d->flags &= ~(u32)DENTRY_PINNED;
	spin_unlock(&d->lock);
}

void
libfs_add(struct dentry *d, struct vnode *vn)
{
	dentry_get(d);
	set_pinned(d, true);
	dentry_instantiate(d, vn);
}

void
libfs_remove(struct dentry *d)
{
	set_pinned(d, false);
	dentry_put(d);
}

int
libfs_add_kern(struct dentry *dir, const char *name, struct vnode *vn, struct dentry **out)
{
	struct dentry *d;
	int err = 0;

	rwlock_write_lock(&dir->vn->rwlock);
	d = dentry_lookup(dir, name, (u32)strlen(name));
	if (IS_ERR(d)) {
		err = PTR_ERR(d);
	} else if (d->vn != NULL) {
		err = -EEXIST;
		dentry_put(d);
	} else {
		libfs_add(d, vn);
		if (S_ISDIR(vn->mode))
			vnode_inc_nlink(dir->vn);
		vnode_touch(dir->vn, VT_MTIME | VT_CTIME);
		notify_name(dir->vn, name, IN_CREATE | (S_ISDIR(vn->mode) ? IN_ISDIR : 0), 0);
	}
	rwlock_write_unlock(&dir->vn->rwlock);
	if (err != 0) {
		vnode_put(vn);
		return err;
	}
	if (out != NULL)
		*out = d;
	else
		dentry_put(d);
	return 0;
}

bool
libfs_is_empty(struct dentry *dir)
{
	struct dentry *c;
	bool empty = true;

	spin_lock(&dir->lock);
	list_for_each(c, &dir->children, sibling)
		if (c->vn != NULL) {
			empty = false;
			break;
		}
	spin_unlock(&dir->lock);
	return empty;
}

/* --- reading directories --- */

/* The first entry with cookie >= pos, referenced; `last` (may be NULL) is where an earlier call stopped. */
static struct dentry *
next_entry(struct dentry *dir, struct dentry *last, u64 pos)
{
	struct list *l = &dir->children;
	struct dentry *found = NULL;

	spin_lock(&dir->lock);
	if (last != NULL && last->parent == dir && !(last->flags & DENTRY_UNHASHED) && last->cookie < pos)
		l = &last->sibling;
	for (l = l->next; l != &dir->children; l = l->next) {
		struct dentry *c = list_entry(l, struct dentry, sibling);

		if (c->cookie >= pos && c->vn != NULL && dentry_try_get(c)) {
			found = c;
			break;
		}
	}
	spin_unlock(&dir->lock);
	return found;
}

static int
emit_dots(struct file *f, struct dir_context *ctx)
{
	if (ctx->pos == 0) {
		if (ctx->emit(ctx, ".", 1, f->vn->ino, DT_DIR) != 0)
			return 1;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		struct dentry *up = dentry_get_parent(f->dentry);
		u64 ino = up->vn->ino;

		dentry_put(up);
		if (ctx->emit(ctx, "..", 2, ino, DT_DIR) != 0)
			return 1;
		ctx->pos = 2;
	}
	return 0;
}

int
libfs_iterate(struct file *f, struct dir_context *ctx)
{
	struct dentry *last = f->priv, *d;

	f->priv = NULL;
	if (ctx->pos < 0 || emit_dots(f, ctx) != 0)
		goto out_keep;
	while ((d = next_entry(f->dentry, last, (u64)ctx->pos)) != NULL) {
		dentry_put(last);
		last = d;
		ctx->pos = (off_t)d->cookie;
		if (ctx->emit(ctx, d->name.name, d->name.len, d->vn->ino, (u8)((d->vn->mode & S_IFMT) >> 12)) != 0)
			goto out_keep;
		ctx->pos = (off_t)d->cookie + 1;
	}
out_keep:
	f->priv = last;
	return 0;
}

static void
libfs_dir_release(struct file *f)
{
	dentry_put(f->priv);
	f->priv = NULL;
}

static ssize_t
libfs_dir_read(struct file *f, struct iobuf *buf, off_t *pos)
{
	(void)f, (void)buf, (void)pos;
	return -EISDIR;
}

static off_t
libfs_dir_llseek(struct file *f, off_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops libfs_dir_fops = {
	.read = libfs_dir_read,
	.llseek = libfs_dir_llseek,
	.iterate = libfs_iterate,
	.release = libfs_dir_release,
	.fsync = generic_file_fsync,
};

/* --- changing directories --- */

static void
dir_changed(struct vnode *dir, int entries)
{
	vnode_set_size(dir, vnode_size(dir) + entries * ENTRY_SIZE);
	vnode_touch(dir, VT_MTIME | VT_CTIME);
}

void
libfs_entry_added(struct vnode *dir)
{
	dir_changed(dir, 1);
}

int
libfs_link(struct dentry *old, struct vnode *dir, struct dentry *d)
{
	struct vnode *vn = old->vn;

	vnode_inc_nlink(vn);
	vnode_touch(vn, VT_CTIME);
	vnode_get(vn);
	libfs_add(d, vn);
	dir_changed(dir, 1);
	return 0;
}

int
libfs_unlink(struct vnode *dir, struct dentry *d)
{
	vnode_touch(d->vn, VT_CTIME);
	vnode_drop_nlink(d->vn);
	dir_changed(dir, -1);
	libfs_remove(d);
	return 0;
}

int
libfs_rmdir(struct vnode *dir, struct dentry *d)
{
	if (!libfs_is_empty(d))
		return -ENOTEMPTY;
	vnode_drop_nlink(d->vn);	/* its "." */
	vnode_drop_nlink(dir);		/* its ".." */
	return libfs_unlink(dir, d);
}

static int
exchange(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd)
{
	bool a = S_ISDIR(od->vn->mode), b = S_ISDIR(nd->vn->mode);

	if (odir != ndir && a != b) {
		vnode_inc_nlink(a ? ndir : odir);
		vnode_drop_nlink(a ? odir : ndir);
	}
	vnode_touch(od->vn, VT_CTIME);
	vnode_touch(nd->vn, VT_CTIME);
	dir_changed(odir, 0);
	dir_changed(ndir, 0);
	return 0;
}

int
libfs_rename(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags)
{
	bool is_dir = S_ISDIR(od->vn->mode);

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return exchange(odir, od, ndir, nd);
	if (nd->vn != NULL) {
		if (S_ISDIR(nd->vn->mode) && !libfs_is_empty(nd))
			return -ENOTEMPTY;
		if (is_dir) {
			vnode_drop_nlink(nd->vn);
			vnode_drop_nlink(ndir);
		}
		(void)libfs_unlink(ndir, nd);
	}
	if (is_dir && odir != ndir) {
		vnode_drop_nlink(odir);
		vnode_inc_nlink(ndir);
	}
	vnode_touch(od->vn, VT_CTIME);
	dir_changed(odir, -1);
	dir_changed(ndir, 1);
	return 0;
}

int
libfs_statfs(struct super_block *sb, struct abi_statfs *st)
{
	st->f_type = sb->magic;
	st->f_bsize = sb->blksize;
	st->f_namelen = NAME_MAX_K;
	return 0;
}

/* --- objects without names --- */

static const struct super_ops nameless_super_ops = { .statfs = libfs_statfs };
static const struct vnode_ops nameless_vnode_ops;	/* generic behaviour all through */

int
libfs_mount_nameless(const struct fs_type *type, u32 flags, u32 magic, const struct dentry_ops *dops, struct super_block **out)
{
	struct super_block *sb;
	struct vnode *root;
	int err = super_create(type, &nameless_super_ops, flags, &sb);

	if (err != 0)
		return err;
	sb->magic = magic;
	sb->blksize = PAGE_SIZE;
	sb->dops = dops;
	root = vnode_alloc(sb);
	if (root == NULL)
		goto out_put;
	root->ino = vnode_next_ino();
	root->mode = S_IFDIR | 0700;
	root->ops = &nameless_vnode_ops;
	sb->root = dentry_alloc_root(root);
	if (sb->root == NULL)
		goto out_put;
	*out = sb;
	return 0;
out_put:
	super_put(sb);
	return -ENOMEM;
}

int
libfs_new_nameless(struct mount *mnt, u32 mode, const struct file_ops *fops, struct path *out)
{
	const struct cred *c = cred_current();
	struct vnode *vn = vnode_alloc(mnt->sb);

	if (vn == NULL)
		return -ENOMEM;
	vn->ino = vnode_next_ino();
	vn->mode = mode;
	vn->uid = c->fsuid;
	vn->gid = c->fsgid;
	vn->ops = &nameless_vnode_ops;
	vn->fops = fops;
	vnode_touch(vn, VT_ATIME | VT_MTIME | VT_CTIME);
	out->dentry = dentry_alloc_root(vn);
	if (out->dentry == NULL)
		return -ENOMEM;
	mount_get(mnt);
	out->mnt = mnt;
	return 0;
}
