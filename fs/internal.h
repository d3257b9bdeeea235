/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the files of fs/ itself see of each other. */
#ifndef FS_INTERNAL_H
#define FS_INTERNAL_H

#include "fs/fdtable.h"
#include "fs/path.h"
#include "sys/abi/mount.h"

/* --- dentry.c --- */
void dentry_init(void);
u32 dentry_hash_name(const struct dentry *parent, const char *name, u32 len);
/* Under RCU: the cached child, and the sequence count at which it was right. NULL is no proof of absence. */
struct dentry *dentry_find_rcu(const struct dentry *parent, const char *name, u32 len, u32 hash, u32 *seq);
bool dentry_try_get(struct dentry *d);			/* under RCU */
/* Put a reference; with force an unused dentry does not stay in the cache. */
void dentry_release(struct dentry *d, bool force);
void dentry_set_mounted(struct dentry *d, bool on);
/* Everything below root goes, pinned or not; then root itself. The super block is unmounted. */
void dentry_kill_tree(struct dentry *root);
/* Renames bump it: a walk upwards that it does not change was consistent. */
extern struct seqcount dentry_tree_seq;
/* A change of tree shape that dentry_is_ancestor() and the like must not see half done is serialised by rename_mutex; these
 * compare under dentry_tree_seq. */

/* --- mount.c --- */
void mount_init(void);
extern struct seqcount mount_seq;			/* bumped by every change of the mount tree */
struct mount *mount_lookup_rcu(const struct mount *parent, const struct dentry *mountpoint);
/* p is a mount point: step onto what is mounted there (all layers). Takes and drops references. */
bool mount_cross(struct path *p);
/* p is a mount's root: step to its mount point. False at the top. Takes and drops references. */
bool mount_up(struct path *p);
bool mount_is_busy_point(const struct dentry *d);	/* something is mounted on it */
extern struct mutex mount_mutex;
extern struct list mount_list;				/* [mount_mutex] all mounts, in order */
/* What mount(2), umount2(2), pivot_root(2) do, behind their checks of privilege. Paths stay the caller's. */
int mount_new(const struct path *target, const char *fstype, u32 ms_flags, const char *dev, const char *data);
int mount_bind(const struct path *source, const struct path *target, bool rec);
int mount_move(const struct path *source, const struct path *target);
int mount_set_propagation(const struct path *p, u32 ms_flags);
int mount_umount(struct path *p, int flags);
int mount_pivot(const struct path *new, const struct path *put_old);

/* --- namei.c --- */
void fsctx_init(const struct path *root);		/* boot: the root of threads without an fsctx */
struct fsctx *fsctx_current(void);
void fsctx_replace_root(const struct path *old, const struct path *new);	/* pivot_root: in every fsctx */
void fsctx_set_root(const struct path *p);		/* current; takes references of its own */
void fsctx_set_cwd(const struct path *p);
/* path_to_string's inside: 1 where p is not below root (the text then starts at p's own top). */
int path_format(const struct path *p, const struct path *root, char *buf, size_t size, bool del, char **start);
int open_lookup(int dfd, const char *name, int oflags, u32 mode, int lookup_flags, struct path *out, bool *created);

/* open.c: who made a file may open it, whatever its mode. */
int file_open_made(const struct path *p, int flags, struct file **out);

bool atime_is_due(const struct mount *m, const struct vnode *vn);	/* attr.c */

/* --- vfsops.c: verbs on directories; checks of permission included. The directories are locked, their mounts writable. --- */
int vnode_create(struct vnode *dir, struct dentry *d, u32 mode, bool excl);
int vnode_mkdir(struct vnode *dir, struct dentry *d, u32 mode);
int vnode_mknod(struct vnode *dir, struct dentry *d, u32 mode, dev_t dev);
int vnode_symlink(struct vnode *dir, struct dentry *d, const char *target);
int vnode_link(struct dentry *old, struct vnode *dir, struct dentry *d);	/* locks old's vnode */
int vnode_unlink(struct vnode *dir, struct dentry *d);				/* locks the victim */
int vnode_rmdir(struct vnode *dir, struct dentry *d);				/* locks the victim */
int vnode_rename(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags);

/* --- vnode.c, super.c --- */
void vnode_cache_init(void);
void super_evict_vnodes(struct super_block *sb);	/* all that are unused; waits for deferred evictions */
/* The next vnode of sb that has pages, behind prev; referenced, and prev is put. */
struct vnode *vnode_next_with_pages(struct super_block *sb, struct vnode *prev);
/* The one dirty for longest, if since before `before`; referenced. */
struct vnode *vnode_take_dirty(struct super_block *sb, nsec_t before);
void vnode_put_written(struct vnode *vn);	/* what these two and vnode_mapping_hold() gave; NULL allowed */
extern struct waitq vnode_state_wq;			/* VN_NEW, VN_FREEING or VN_WRITING ended */
extern struct waitq vnode_evict_wq;
bool vnode_evict_pending(void);
void vnode_evict_deferred(void);			/* evict what reclaim has put by */

/* --- writeback.c, vnode_threads.c --- */
void vnode_dirty_times(struct vnode *vn);		/* only times changed */
/* The last reference goes (hash_lock held): true if it stays in the cache, off the LRU, until it was written. */
bool vnode_keep_dirty_locked(struct vnode *vn);
void vnode_forget_dirty(struct vnode *vn);		/* eviction */
int super_write_vnodes(struct super_block *sb, nsec_t before, bool wait);
void vnode_writer_wake(void);
extern struct waitq vnode_writer_wq;
extern bool vnode_writer_due;				/* [a] */
void flock_init(void);
void flock_free_list(struct vnode *vn);			/* flock.c: a vnode on its way out */

/* --- file.c, open.c --- */
void file_init(void);
void anon_init(void);					/* anon.c */
void pathname_init(void);				/* pathname.c */
void file_set_owner(struct file *f, struct fown *o);	/* takes o, a whole new one, or NULL */
int file_check_flags(struct file *f, int flags);	/* may it have these (O_DIRECT)? -EINVAL, what its ops say */
int vnode_get_write(struct vnode *vn);			/* -ETXTBSY while it is executed */
void vnode_put_write(struct vnode *vn);
int vnode_deny_write(struct vnode *vn);			/* -ETXTBSY while it is open for writing */
void vnode_allow_write(struct vnode *vn);

/* --- fdtable.c --- */
void fdtable_init(void);

/* --- flock.c --- */
void flock_file_closed(struct file *f);			/* last close: flock and OFD locks */
void flock_posix_closed(struct files *owner, struct file *f);	/* any close: the owner's POSIX locks */

/* --- fileattr.c --- */
long fileattr_ioctl(struct file *f, unsigned int cmd, unsigned long arg);	/* FS_IOC_GETFLAGS, SETFLAGS, GETVERSION; -ENOTTY */

/* --- special.c --- */
extern const struct file_ops no_device_fops;		/* open: -ENXIO */

/* fs/async.c: O_ASYNC is switched on (by descriptor fd) or off; nothing where the file has no readiness. -ENOMEM. May sleep. */
int __must_check file_set_async(struct file *f, int fd, bool on);

#endif
