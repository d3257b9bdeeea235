/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system of message queues: one directory, in which each file is a queue. mq_open(2) and mq_unlink(2) go by a mount of the kernel's
 * own; /dev/mqueue is the same tree for programs.
 */
#include "fs/mqueue/queue.h"

#include "fs/internal.h"
#include "fs/notify.h"
#include "fs/perm.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define TEXT_SIZE	80	/* what stat tells */

struct mqueue_ns init_mqueue_ns = { .queues_max = 256, .msg_max = 10, .msgsize_max = 8192, .msg_default = 10, .msgsize_default = 8192 };

static struct kmem_cache *cache;	/* [I] */
static struct mount *mqueue_mnt;	/* [I] */

static const struct vnode_ops dir_ops, queue_ops;

/* --- nodes --- */

static struct vnode *
mqueue_alloc_vnode(struct super_block *sb)
{
	struct mqueue_node *n = kmem_cache_alloc(cache, KM_USER);

	(void)sb;
	if (n == NULL)
		return NULL;
	n->is_queue = false;
	return &n->vn;
}

static void
mqueue_free_vnode(struct vnode *vn)
{
	kmem_cache_free(cache, (struct mqueue_node *)vn);
}

static void
mqueue_evict(struct vnode *vn)
{
	if (!((struct mqueue_node *)vn)->is_queue)
		return;
	mqueue_destroy_queue(mqueue_of(vn));
	atomic_sub(&init_mqueue_ns.count, 1u);
}

static const struct super_ops super_ops = {
	.alloc_vnode = mqueue_alloc_vnode,
	.free_vnode = mqueue_free_vnode,
	.evict = mqueue_evict,
	.statfs = libfs_statfs,
};

static void
defaults(struct abi_mq_attr *attr)
{
	struct mqueue_ns *ns = &init_mqueue_ns;

	*attr = (struct abi_mq_attr){ .maxmsg = MIN(ns->msg_max, ns->msg_default), .msgsize = MIN(ns->msgsize_max, ns->msgsize_default) };
}

static int
check_attr(const struct abi_mq_attr *attr)
{
	bool may = capable(CAP_SYS_RESOURCE);

	if (attr->maxmsg <= 0 || attr->msgsize <= 0)
		return -EINVAL;
	if (attr->maxmsg > (may ? MQUEUE_HARD_MSGS : init_mqueue_ns.msg_max) ||
	    attr->msgsize > (may ? MQUEUE_HARD_SIZE : init_mqueue_ns.msgsize_max))
		return -EINVAL;
	return 0;
}

static int
count_queue(void)
{
	struct mqueue_ns *ns = &init_mqueue_ns;

	if (atomic_add(&ns->count, 1u) <= (u32)atomic_load_relaxed(&ns->queues_max) || capable(CAP_SYS_RESOURCE))
		return 0;
	atomic_sub(&ns->count, 1u);
	return -ENOSPC;
}

/* A queue in dir, which is locked, by the name of the negative d. mode: permission bits. */
static int
add_queue(struct vnode *dir, struct dentry *d, u32 mode, const struct abi_mq_attr *attr)
{
	struct abi_mq_attr standard;
	struct vnode *vn;
	int err;

	if (attr == NULL) {
		defaults(&standard);
		attr = &standard;
	}
	err = check_attr(attr);
	if (err == 0)
		err = count_queue();
	if (err != 0)
		return err;
	vn = vnode_alloc(dir->sb);
	err = vn != NULL ? mqueue_init_queue(mqueue_of(vn), attr) : -ENOMEM;
	if (err != 0) {
		atomic_sub(&init_mqueue_ns.count, 1u);
		if (vn != NULL) {
			vn->nlink = 0;
			vnode_put(vn);
		}
		return err;
	}
	((struct mqueue_node *)vn)->is_queue = true;
	vn->ino = vnode_next_ino();
	vnode_init_owner(vn, dir, S_IFREG | (mode & S_IALLUGO));
	vn->ops = &queue_ops;
	vn->fops = &mqueue_fops;
	vn->size = TEXT_SIZE;
	libfs_add(d, vn);
	libfs_entry_added(dir);
	return 0;
}

/* open(2) with O_CREAT in the directory. */
static int
mqueue_create(struct vnode *dir, struct dentry *d, u32 mode, bool excl)
{
	(void)excl;
	return add_queue(dir, d, mode, NULL);
}

/* The text has no length to be changed: O_TRUNC does nothing. */
static int
mqueue_setattr(struct vnode *vn, const struct iattr *a)
{
	struct iattr rest = *a;

	rest.valid &= ~(u32)ATTR_SIZE;
	return vnode_generic_setattr(vn, &rest);
}

static const struct vnode_ops dir_ops = { .lookup = libfs_lookup, .create = mqueue_create, .unlink = libfs_unlink };
static const struct vnode_ops queue_ops = { .setattr = mqueue_setattr };

/* --- by name --- */

static int
check_name(const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') != NULL)
		return -EACCES;
	if (name[0] == '\0')
		return -ENOENT;
	return strlen(name) > NAME_MAX_K ? -ENAMETOOLONG : 0;
}

/* The directory is locked then; *d may be negative. On failure nothing is held. */
static int
look_up(const char *name, struct dentry **d)
{
	struct dentry *root = mqueue_mnt->root;
	int err = check_name(name);

	if (err == 0)
		err = vnode_permission(root->vn, MAY_EXEC);
	if (err != 0)
		return err;
	rwlock_write_lock(&root->vn->rwlock);
	*d = dentry_lookup(root, name, (u32)strlen(name));
	if (!IS_ERR(*d))
		return 0;
	rwlock_write_unlock(&root->vn->rwlock);
	return PTR_ERR(*d);
}

static int
create(struct dentry *d, u32 mode, const struct abi_mq_attr *attr)
{
	struct vnode *dir = mqueue_mnt->root->vn;
	int err = dir_may_create(dir);

	if (err == 0)
		err = add_queue(dir, d, mode & ~atomic_load_relaxed(&fsctx_current()->umask), attr);
	if (err == 0)
		notify_name(dir, d->name.name, IN_CREATE, 0);
	return err;
}

int
mqueue_open(const char *name, int flags, u32 mode, const struct abi_mq_attr *attr, struct file **out)
{
	int access = flags & (O_ACCMODE | O_NONBLOCK);
	bool made = false;
	struct dentry *d;
	struct path p;
	int err = look_up(name, &d);

	if (err != 0)
		return err;
	if (d->vn == NULL) {
		err = flags & O_CREAT ? create(d, mode, attr) : -ENOENT;
		made = err == 0;
	} else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
		err = -EEXIST;
	} else if ((flags & O_ACCMODE) == O_ACCMODE) {
		err = -EINVAL;
	}
	rwlock_write_unlock(&mqueue_mnt->root->vn->rwlock);
	if (err == 0) {
		p = (struct path){ mqueue_mnt, d };
		err = made ? file_open_made(&p, access, out) : file_open_path(&p, access, out);
	}
	dentry_put(d);
	return err;
}

int
mqueue_unlink(const char *name)
{
	struct dentry *d;
	int err = look_up(name, &d);

	if (err != 0)
		return err;
	err = d->vn != NULL ? vnode_unlink(mqueue_mnt->root->vn, d) : -ENOENT;
	rwlock_write_unlock(&mqueue_mnt->root->vn->rwlock);
	dentry_put(d);
	return err;
}

/* --- mounts --- */

static int
make_super(const struct fs_type *type, struct super_block **out)
{
	struct super_block *sb;
	struct vnode *root;
	int err = super_create(type, &super_ops, 0, &sb);

	if (err != 0)
		return err;
	sb->magic = MQUEUE_MAGIC;
	sb->blksize = PAGE_SIZE;
	err = -ENOMEM;
	root = vnode_alloc(sb);
	if (root == NULL)
		goto out_put;
	root->ino = vnode_next_ino();
	vnode_init_owner(root, NULL, S_IFDIR | S_ISVTX | S_IRWXUGO);
	root->ops = &dir_ops;
	root->fops = &libfs_dir_fops;
	root->nlink = 2;
	root->size = 40;
	sb->root = dentry_alloc_root(root);
	if (sb->root == NULL)
		goto out_put;
	*out = sb;
	return 0;
out_put:
	super_put(sb);
	return err;
}

static int
mqueue_mount(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out)
{
	(void)flags, (void)dev, (void)data;
	if (mqueue_mnt == NULL)		/* the kernel's own, at boot */
		return make_super(type, out);
	super_get(mqueue_mnt->sb);
	*out = mqueue_mnt->sb;
	return 0;
}

static struct fs_type mqueue_type = { .name = "mqueue", .flags = FS_NODEV | FS_SINGLE, .mount = mqueue_mount };

void
mqueue_init(void)
{
	cache = kmem_cache_create("mqueue_node", sizeof(struct mqueue_node), 64, 0, NULL);
	if (cache == NULL || fs_register(&mqueue_type) != 0 || mount_internal(&mqueue_type, &mqueue_mnt) != 0)
		panic("mqueue: no memory at boot");
}
