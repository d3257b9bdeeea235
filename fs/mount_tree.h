/* SPDX-License-Identifier: BSD-2-Clause */
/* The mount tree's primitives (fs/mount.c), for the operations in fs/mount_ops.c. _locked: mount_mutex is held. */
#ifndef FS_MOUNT_TREE_H
#define FS_MOUNT_TREE_H

#include "fs/internal.h"

/* A mount in no place yet. Takes the reference of sb, also on failure. */
int __must_check mount_alloc(struct super_block *sb, struct dentry *root, u32 flags, const char *dev, struct mount **out);
u32 mount_flags_from_ms(u32 ms);	/* MS_* of mount(2) -> MNT_* */
int __must_check mount_remount_super(struct super_block *sb, u32 ms_flags, const char *data);	/* mount_mutex held */

/* Every mount in the tree counts, and every copy that is to come into it, from before anything changes. -ENOSPC: too many. */
int __must_check mount_charge_locked(struct mount *m);
void mount_uncharge_locked(struct mount *m);	/* it may not be charged */

/* Put m, which is charged, at (parent, mountpoint), whose references are taken over. */
void mount_attach_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint);
/* Take m from its place (returned, to be put behind the mutex), unless more than max_refs references are out. It keeps its
 * children. for_good: it leaves the tree. */
bool mount_try_detach_locked(struct mount *m, s32 max_refs, bool for_good, struct path *old);
/* Move m, in the tree, to (parent, mountpoint), whose references are taken over, on top of what is there. *old: its old place, to be
 * put. Lookups find it in the one or the other. */
void mount_rehang_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint, struct path *old);
/* Onto the list of what mount_drop_detached() puts, with its old place. */
void mount_chain_detached(struct mount *m, const struct path *old, struct list *gone);
/* The next of the tree below top, parents first; NULL: cur was the last. */
struct mount *mount_next_in_tree(struct mount *cur, struct mount *top);
void mount_drop_detached(struct list *gone);		/* mount_mutex is not held */

/* Copies of src (seen from root) and, if rec, of all below, chained on `copies` by ns_node, the top first; each but the top has
 * parent and mountpoint set, with references. On failure the chain holds what was made: mount_drop_copies(). */
int __must_check mount_copy_tree_locked(struct mount *src, struct dentry *root, bool rec, struct list *copies);
/* Attach or drop a chain of copies that have parent and mountpoint (or drop a top that has none). */
void mount_attach_copies_locked(struct list *copies);
void mount_drop_copies_locked(struct list *copies);

/* --- mount_propagation.c --- */
/* Before m (in no place yet, with what is below it) is attached at (parent, point): make the copies that go to the other mounts of
 * parent's peer group and to their slaves, chained on `copies` and ready to be attached; m's tree becomes shared. -ENOMEM, -ENOSPC:
 * m is as it was. */
int __must_check mount_propagate_attach_locked(struct mount *m, struct mount *parent, struct dentry *point, struct list *copies);
/* Before m is taken from its place: is a copy of it, in another mount that gets what its parent gets, in use? */
bool mount_propagation_busy_locked(struct mount *m);
/* A mount has just left `place`: what stands there in the mounts that get what happens in place's leaves the tree too. Those that
 * have mounts of their own stay; one that covers such a copy all over comes into its place. */
void mount_propagate_detach_locked(const struct path *place, struct list *gone);
/* A mount leaves the tree for good, or is made private: its slaves get its master, if it was the last of its group. */
void mount_leave_group_locked(struct mount *m);

#endif
