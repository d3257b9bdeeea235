/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devtmpfs: a tmpfs, one for all mounts, in which the kernel makes and removes a node for each device of the tree that has a
 * number. Users may do there what they may do in any tmpfs.
 */
#include "fs/devfs/devfs.h"

#include "dev/device.h"
#include "fs/internal.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

static struct mount *devtmpfs_mnt;	/* [I] the kernel's own mount of it */

/* The directory `name` in dir, made if missing: referenced, or NULL. Takes dir's reference. */
static struct dentry *
enter_dir(struct dentry *dir, const char *name, u32 len)
{
	struct vnode *vn = dir->vn;
	struct dentry *d;

	rwlock_write_lock(&vn->rwlock);
	d = dentry_lookup(dir, name, len);
	if (!IS_ERR(d) && d->vn == NULL && vn->ops->mkdir(vn, d, 0755) != 0) {
		dentry_put(d);
		d = NULL;
	}
	rwlock_write_unlock(&vn->rwlock);
	dentry_put(dir);
	return IS_ERR(d) ? NULL : d;
}

/* The directory in which "a/b/name" stands (referenced), and the last part. NULL: no memory. */
static struct dentry *
parent_dir(const char *path, const char **last)
{
	struct dentry *dir = devtmpfs_mnt->root;
	const char *slash;

	dentry_get(dir);
	while (dir != NULL && (slash = strchr(path, '/')) != NULL) {
		dir = enter_dir(dir, path, (u32)(slash - path));
		path = slash + 1;
	}
	*last = path;
	return dir;
}

static int
make_node(struct dentry *dir, const char *name, const struct device *dev)
{
	u32 mode = (dev->block ? S_IFBLK : S_IFCHR) | (dev->mode != 0 ? dev->mode : 0600);
	struct vnode *vn = dir->vn;
	struct dentry *d;
	int err;

	rwlock_write_lock(&vn->rwlock);
	d = dentry_lookup(dir, name, (u32)strlen(name));
	err = IS_ERR(d) ? PTR_ERR(d) : d->vn != NULL ? -EEXIST : vn->ops->mknod(vn, d, mode, dev->devt);
	if (err == 0) {
		spin_lock(&d->vn->lock);
		d->vn->uid = make_kuid(&init_user_ns, dev->uid);
		d->vn->gid = make_kgid(&init_user_ns, dev->gid);
		spin_unlock(&d->vn->lock);
	}
	rwlock_write_unlock(&vn->rwlock);
	if (!IS_ERR(d))
		dentry_put(d);
	return err;
}

static void
device_added(struct device_listener *l, struct device *dev)
{
	struct dentry *dir;
	const char *name;
	int err = -ENOMEM;

	(void)l;
	if (dev->devt == 0)
		return;
	dir = parent_dir(dev->name, &name);
	if (dir != NULL) {
		err = make_node(dir, name, dev);
		dentry_put(dir);
	}
	if (err != 0)
		log_warn("devtmpfs: no node for %s: error %d", dev->name, -err);
}

/* Only a node that still is this device's goes: users may have put something else there. */
static void
device_removed(struct device_listener *l, struct device *dev)
{
	struct dentry *dir, *d;
	const char *name;

	(void)l;
	if (dev->devt == 0 || (dir = parent_dir(dev->name, &name)) == NULL)
		return;
	rwlock_write_lock(&dir->vn->rwlock);
	d = dentry_lookup(dir, name, (u32)strlen(name));
	if (!IS_ERR(d)) {
		struct vnode *vn = d->vn;

		if (vn != NULL && vn->rdev == dev->devt && (S_ISCHR(vn->mode) || S_ISBLK(vn->mode))) {
			rwlock_write_lock(&vn->rwlock);
			vnode_get(vn);
			if (dir->vn->ops->unlink(dir->vn, d) == 0)
				dentry_delete(d);
			rwlock_write_unlock(&vn->rwlock);
			vnode_put(vn);
		}
		dentry_put(d);
	}
	rwlock_write_unlock(&dir->vn->rwlock);
	dentry_put(dir);
}

static struct device_listener listener = { .added = device_added, .removed = device_removed };

static int
devtmpfs_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	(void)type, (void)flags, (void)dev, (void)data;
	refcount_get(&devtmpfs_mnt->sb->refs);
	*out = devtmpfs_mnt->sb;
	return 0;
}

static struct fs_type devtmpfs_type = { .name = "devtmpfs", .flags = FS_NODEV | FS_SINGLE, .mount = devtmpfs_mount };

void
devtmpfs_init(void)
{
	if (mount_internal(fs_find("tmpfs"), &devtmpfs_mnt) != 0 || fs_register(&devtmpfs_type) != 0)
		panic("devtmpfs: no memory at boot");
	/* Before anybody else can see it: it goes by its own name, and isn't everybody's to write in. */
	devtmpfs_mnt->sb->type = &devtmpfs_type;
	devtmpfs_mnt->root->vn->mode = S_IFDIR | 0755;
	device_listen(&listener);
}
