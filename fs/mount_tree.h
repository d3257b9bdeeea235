/* SPDX-License-Identifier: BSD-2-Clause */
/* The mount tree's primitives (fs/mount.c), for the operations in fs/mount_ops.c. _locked: mount_mutex is held. */
#ifndef FS_MOUNT_TREE_H
#define FS_MOUNT_TREE_H

#include "fs/internal.h"

extern u32 mount_count;		/* [mount_mutex] */

/* A mount in no place yet. Takes the reference of sb, also on failure. */
int __must_check mount_alloc(struct super_block *sb, struct dentry *root, u32 flags, const char *dev, struct mount **out);
u32 mount_flags_from_ms(u32 ms);	/* MS_* of mount(2) -> MNT_* */
int __must_check mount_remount_super(struct super_block *sb, u32 ms_flags, const char *data);	/* mount_mutex held */

/* Put m at (parent, mountpoint), whose references are taken over. */
void mount_attach_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint);
/* Take m from its place (returned, to be put behind the mutex), unless more than max_refs references are out. It keeps its
 * children. for_good: it leaves the tree. */
bool mount_try_detach_locked(struct mount *m, s32 max_refs, bool for_good, struct path *old);
/* Onto the list of what mount_drop_detached() puts, with its old place. */
void mount_chain_detached(struct mount *m, const struct path *old, struct list *gone);
/* Take m and all below it from the tree, children first. */
void mount_detach_tree_locked(struct mount *m, struct list *gone);
void mount_drop_detached(struct list *gone);		/* mount_mutex is not held */

#endif
