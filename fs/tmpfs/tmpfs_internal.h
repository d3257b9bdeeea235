/* SPDX-License-Identifier: BSD-2-Clause */
/* tmpfs' own types. */
#ifndef FS_TMPFS_TMPFS_INTERNAL_H
#define FS_TMPFS_TMPFS_INTERNAL_H

#include "fs/path.h"
#include "fs/tmpfs.h"
#include "fs/xattr.h"
#include "sys/abi/mount.h"

/* sb->priv. Limits are written by remount under mount_mutex; a reader may see the old ones. */
struct tmpfs {
	u64 max_pages, max_nodes;	/* [a] 0: no limit */
	u64 pages, nodes;		/* [a] in use */
	u64 xattr_bytes;		/* [a] in use; bounded by the limit of pages, too */
	u32 mode;			/* [I] of the root, for show_options */
	kuid_t uid;			/* [I] */
	kgid_t gid;			/* [I] */
};

struct tmpfs_node {
	struct vnode vn;		/* first: alloc_vnode returns it */
	u32 seals;			/* [vn.rwlock and vn.mapping.rmap_lock] F_SEAL_* */
	char *link;			/* [I] a symlink's text */
	struct xattr_mem xattrs;	/* [vn.rwlock] */
};

static inline struct tmpfs_node *
tmpfs_node(struct vnode *vn)
{
	return (struct tmpfs_node *)vn;
}

extern const struct mapping_ops tmpfs_mapping_ops;
extern const struct file_ops tmpfs_file_fops;

/* A new node of any kind, not in a directory yet. -ENOSPC, -ENOMEM. */
int __must_check tmpfs_node_create(struct super_block *sb, const struct vnode *dir, u32 mode, dev_t rdev, struct vnode **out);

#endif
