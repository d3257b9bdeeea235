/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that no directory names: eventfd, epoll and the like. They share one vnode; each kind has one dentry, made at its first
 * file and kept.
 */
#include "fs/internal.h"

#include "mm/page.h"
#include "sys/abi/errno.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define KINDS_MAX	32

static struct mount *anon_mount;		/* [I] */
static struct vnode *anon_vnode;		/* [I] */
static struct dentry *kinds[KINDS_MAX];		/* [kinds_mutex, r] never removed */
static struct mutex kinds_mutex = MUTEX_INIT(kinds_mutex, LOCK_LEAF_SLEEP);

static int
anon_show_name(struct dentry *d, struct strbuf *out)
{
	strbuf_printf(out, "anon_inode:[%s]", d->name.name);
	return 0;
}

static const struct dentry_ops anon_dops = { .show_name = anon_show_name };
static const struct vnode_ops anon_vnode_ops;
static const struct super_ops anon_super_ops = { .statfs = libfs_statfs };

static int
anon_fs_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	struct super_block *sb;
	int err = super_create(type, &anon_super_ops, flags, &sb);

	(void)dev, (void)data;
	if (err != 0)
		return err;
	sb->magic = ANON_INODE_FS_MAGIC;
	sb->dops = &anon_dops;
	anon_vnode = vnode_alloc(sb);
	if (anon_vnode == NULL)
		goto out_put;
	anon_vnode->ino = vnode_next_ino();
	anon_vnode->mode = 0600;
	anon_vnode->ops = &anon_vnode_ops;
	sb->root = dentry_alloc_root(anon_vnode);
	if (sb->root == NULL)
		goto out_put;
	*out = sb;
	return 0;
out_put:
	super_put(sb);
	return -ENOMEM;
}

static const struct fs_type anon_fs = { .name = "anon_inodefs", .flags = FS_NODEV, .mount = anon_fs_mount };

static struct dentry *
find_kind(const char *name)
{
	for (u32 i = 0; i < KINDS_MAX; i++) {
		struct dentry *d = atomic_load_acquire(&kinds[i]);

		if (d == NULL)
			return NULL;
		if (strcmp(d->name.name, name) == 0)
			return d;
	}
	return NULL;
}

static struct dentry *
make_kind(const char *name)
{
	struct dentry *d;

	mutex_lock(&kinds_mutex);
	d = find_kind(name);
	for (u32 i = 0; d == NULL && i < KINDS_MAX; i++) {
		if (kinds[i] != NULL)
			continue;
		d = dentry_alloc(anon_mount->root, name, (u32)strlen(name));
		if (d == NULL)
			break;
		vnode_get(anon_vnode);
		dentry_instantiate(d, anon_vnode);
		atomic_store_release(&kinds[i], d);
	}
	mutex_unlock(&kinds_mutex);
	return d;
}

int
file_create_anon(const char *name, const struct file_ops *ops, void *priv, int flags, struct file **out)
{
	struct path p = { anon_mount, find_kind(name) };
	struct file *f;
	int err;

	if (p.dentry == NULL)
		p.dentry = make_kind(name);
	if (p.dentry == NULL)
		return -ENOMEM;
	err = file_alloc(&p, flags & (O_ACCMODE | O_NONBLOCK), &f);
	if (err != 0)
		return err;
	f->ops = ops;
	f->priv = priv;
	f->mapping = NULL;
	f->mode = (u32)((flags + 1) & O_ACCMODE) | FMODE_OPENED | FMODE_STREAM;
	*out = f;
	return 0;
}

void
anon_init(void)
{
	if (mount_internal(&anon_fs, &anon_mount) != 0)
		panic("vfs: no memory for anonymous files");
}
