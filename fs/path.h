/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dentries, mounts and path walk.
 *
 * The walk runs under RCU, checked by per-dentry sequence counts and the mount sequence, and takes no lock and no reference on a hit;
 * it falls back to references where something must sleep.
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "fs/vnode.h"
#include "sys/lib/hash.h"
#include "sys/seqlock.h"

#define NAME_MAX_K	255
#define NAME_LONGEST_K	765	/* where sb->name_max says so: 255 UTF-16 units of vfat, in UTF-8 */
#define PATH_MAX_K	4096
#define DENTRY_INLINE	40
#define SYMLINK_MAX	40	/* followed in one walk: -ELOOP beyond */

struct qstr { const char *name; u32 len; u32 hash; };

struct dentry {
	struct seqcount seq;		/* [d] changes of name, parent, vnode */
	u32 flags;			/* [d] DENTRY_* */
	struct hnode hash;		/* [bucket lock, r] by (parent, name) */
	struct dentry *parent;		/* [d, r] itself for a root */
	struct qstr name;		/* [d, r] */
	struct vnode *vn;		/* [d, r] NULL: negative. Set once: who holds a reference of a positive dentry may rely on it */
	char inline_name[DENTRY_INLINE];
	struct spinlock lock;		/* LOCK_DENTRY: "[d]" */
	s32 refs;			/* [a] -1: dead; 0: cached, on the LRU */
	struct super_block *sb;		/* [I] */
	const struct dentry_ops *ops;	/* [I] */
	struct list children;		/* [d] hashed ones, by rising cookie */
	struct list sibling;		/* [parent's d] linked exactly while hashed */
	u64 cookie;			/* [parent's d] position among the siblings: readdir's offset */
	u64 next_cookie;		/* [d] for the next child */
	struct list lru;		/* [LRU lock] */
	bool on_lru, referenced;	/* [LRU lock]; [a] */
	struct hnode alias;		/* [vn->lock] */
	void *priv;			/* the file system's */
	struct rcu_head rcu;
};
enum { DENTRY_MOUNTED = 1, DENTRY_UNHASHED = 2, DENTRY_NEEDS_REVALIDATE = 4, DENTRY_LOOKUP = 8 /* being looked up */, DENTRY_LRU = 16,
	DENTRY_DEAD = 32, DENTRY_NEVER_CACHE = 64, DENTRY_PINNED = 128 /* libfs holds a reference while it is hashed */,
	DENTRY_OWN_NAMES = 256 /* [I] ops->hash and ops->equal say which names are the same */ };

struct dentry_ops {
	/* 1: still good, 0: drop and look up anew. May be called under RCU (rcu true: -ECHILD to ask for references). */
	int (*revalidate)(struct dentry *d, bool rcu);
	void (*release)(struct dentry *d);
	/* The name for /proc/PID/fd of objects without a path: "pipe:[123]". */
	int (*show_name)(struct dentry *d, struct strbuf *out);
	/* Names that differ and mean the same (case doesn't count). In a super block's dops, both or neither, for all its directories. equal
	 * names have the same hash, which begins with dir's address. Called under RCU, with spinlocks held, and with texts that are
	 * being changed (then the answer is thrown away). Such a file system has no hard links. */
	u32 (*hash)(const struct dentry *dir, const char *name, u32 len);
	bool (*equal)(const struct dentry *dir, const char *a, u32 alen, const char *b, u32 blen);
};

struct mount {
	struct super_block *sb;		/* [I] reference */
	struct dentry *root;		/* [I] reference: what of the super block is mounted (bind: any directory or file) */
	struct mount *parent;		/* [M, r] itself at the top */
	struct dentry *mountpoint;	/* [M, r] in parent */
	struct hnode hash;		/* [M, r] by (parent, mountpoint) */
	struct list children, sibling;	/* [M] */
	struct refcount refs;		/* [a] users: open files, cwd */
	u32 flags;			/* [a] MNT_*: nosuid, nodev, noexec, ro, noatime, relatime */
	u32 id;				/* [I] */
	char *devname;			/* [I] */
	u32 writers;			/* [a] for remount ro */
	bool detached;			/* [M] */
	struct list ns_node;		/* [M] in mount order */
	u32 group, master;		/* [M] peer group it is in, and the one it is a slave of; 0: none (fs/mount_propagation.c) */
	bool receives, doomed;		/* [M] scratch of propagation, and of detaching */
	bool charged;			/* [M] counts towards mount_max */
	struct mount *tmp_mnt;		/* [M] scratch of copying (the original) and detaching (the old place) */
	struct dentry *tmp_dentry;	/* [M] */
	struct rcu_head rcu;
};
enum { MNT_NOSUID = 1, MNT_NODEV = 2, MNT_NOEXEC = 4, MNT_READONLY = 8, MNT_NOATIME = 16, MNT_NODIRATIME = 32, MNT_RELATIME = 64, MNT_STRICTATIME = 128,
	MNT_UNBINDABLE = 256, MNT_NOSYMFOLLOW = 512, MNT_EXPIRE_MARK = 1024 /* umount2(MNT_EXPIRE) saw it unused */, MNT_INTERNAL = 2048 };

struct path { struct mount *mnt; struct dentry *dentry; };	/* holds one reference of each, unless said */

struct fsctx {			/* what CLONE_FS shares */
	struct refcount refs;
	struct spinlock lock;		/* LOCK_FSCTX */
	struct seqcount seq;		/* [lock] for the lockless walk */
	struct path root, cwd;		/* [lock, r] */
	u32 umask;			/* [a] */
	struct list node;		/* all of them: pivot_root looks for the old root */
};
struct fsctx *fsctx_copy(struct fsctx *c) __must_check;	/* c NULL: the boot's own root and cwd; refs 1 */
void fsctx_get(struct fsctx *c);
void fsctx_put(struct fsctx *c);

static inline bool path_equal(const struct path *a, const struct path *b) { return a->mnt == b->mnt && a->dentry == b->dentry; }
void path_get(const struct path *p);
void path_put(struct path *p);		/* and sets both to NULL; NULLs are allowed */

/* --- walk --- */
enum { LOOKUP_FOLLOW = 1, LOOKUP_DIRECTORY = 2, LOOKUP_PARENT = 4, LOOKUP_CREATE = 8, LOOKUP_EXCL = 16, LOOKUP_EMPTY = 32,
	LOOKUP_NO_SYMLINKS = 64, LOOKUP_NO_XDEV = 128, LOOKUP_BENEATH = 256, LOOKUP_IN_ROOT = 512, LOOKUP_NO_MAGICLINKS = 1024,
	LOOKUP_NO_AUTOMOUNT = 2048, LOOKUP_CACHED = 4096 /* -EAGAIN rather than ask the file system */ };

/* Copy a path name from user space: kmem (path_name_free). -EFAULT, -ENAMETOOLONG, -ENOENT (empty, unless LOOKUP_EMPTY). */
struct path_name { char *s; };
int __must_check path_name_from_user(struct path_name *n, const char __user *u, int lookup_flags);
void path_name_free(struct path_name *n);

/* Walk name from dfd (AT_FDCWD or a descriptor). 0 with *out referenced, or -errno as path_resolution(7). */
int __must_check path_lookup_at(int dfd, const char *name, int flags, struct path *out);
int __must_check user_path_at(int dfd, const char __user *name, int flags, struct path *out);
int __must_check kern_path(const char *name, int flags, struct path *out);
/* All but the last component. *last is the rest of name: one component without slashes, or empty for LAST_ROOT. */
enum last_type { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };
struct path_last { char name[NAME_LONGEST_K + 1]; u32 len; enum last_type type; bool slash; /* a slash followed it */ };
int __must_check path_parent_at(int dfd, const char *name, int flags, struct path *parent, struct path_last *last);
/* For create-like calls: the parent directory is locked exclusively, *d is the (usually negative) dentry, *parent referenced.
 * -EEXIST if it is there (LOOKUP_EXCL: always wanted), -ENOENT for a trailing slash without LOOKUP_DIRECTORY; -EROFS.
 * The mount is held writable. End with path_create_done(). */
int __must_check path_create_at(int dfd, const char *name, int flags, struct path *parent, struct dentry **d);
void path_create_done(struct path *parent, struct dentry *d);

/* The absolute name of p as seen from root, built backwards into buf: start of the string, or ERR_PTR(-ENAMETOOLONG).
 * " (deleted)" is appended for unlinked ones, if del. "(unreachable)" is prefixed as in Linux's getcwd. */
char *path_to_string(const struct path *p, const struct path *root, char *buf, size_t size, bool del);
void path_current_root(struct path *out);	/* referenced */
void path_current_cwd(struct path *out);

/* --- dentries --- */
struct dentry *dentry_alloc_root(struct vnode *vn) __must_check;	/* takes vn's reference, also on failure */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, u32 len) __must_check;
/* Other ops than the super block's: before the dentry is hashed, so in lookup or right behind dentry_alloc. */
void dentry_set_ops(struct dentry *d, const struct dentry_ops *ops);
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
/* vn, a directory, that a lookup found for d: does it have a name in another place already? Only on a damaged disk; and then locks and paths
 * would go in circles. */
bool dentry_dir_is_elsewhere(const struct dentry *d, struct vnode *vn);
void dentry_instantiate(struct dentry *d, struct vnode *vn);	/* negative -> positive; takes vn's reference */
void dentry_add(struct dentry *d, struct vnode *vn);		/* new: hash it, with vn or negative */
void dentry_drop(struct dentry *d);				/* unhash: next lookup starts anew */
void dentry_delete(struct dentry *d);				/* unlinked: unhashed; its vnode goes with the last user */
void dentry_move(struct dentry *d, struct dentry *target);	/* renamed over target; rename mutexes held */
void dentry_exchange(struct dentry *a, struct dentry *b);
/* Under the (at least shared) lock of the directory: find or look up. Referenced; -errno as ERR_PTR. */
struct dentry *dentry_lookup(struct dentry *parent, const char *name, u32 len);
/* Cached children only. Referenced or NULL. */
struct dentry *dentry_find(struct dentry *parent, const char *name, u32 len);
/* The next hashed child with cookie >= *cookie, referenced, and *cookie behind it; NULL. The directory is locked. */
struct dentry *dentry_next_child(struct dentry *parent, u64 *cookie);
/* The parent, referenced. */
struct dentry *dentry_get_parent(struct dentry *d);
/* Drop unused entries below d (unmount, rmdir of procfs directories). */
void dentry_shrink_tree(struct dentry *d);
bool dentry_is_ancestor(struct dentry *a, struct dentry *d);

/* --- mounts --- */
int mount_want_write(struct mount *m);		/* -EROFS */
void mount_drop_write(struct mount *m);
extern int mount_max;				/* [a] no more mounts than these: -ENOSPC */
void mount_get(struct mount *m);
void mount_put(struct mount *m);
int __must_check mount_kern(const char *fstype, const char *dev, const char *dir, u32 ms_flags, const char *data);
bool path_exists(const char *name);		/* for the boot: it leads somewhere */
int __must_check mount_root(const char *fstype, u32 ms_flags, const char *data);	/* boot: the first one; sets init's root */
void mount_show_all(struct strbuf *out, int format);	/* 0: /proc/mounts, 1: mountinfo; of the current thread's root */
int __must_check mount_change_flags(const struct path *p, u32 ms_flags, const char *data);	/* MS_REMOUNT, with or without MS_BIND */
/* A private mount for pipefs-like use. */
int __must_check mount_internal(const struct fs_type *t, struct mount **out);

/* --- open files --- */
/* A file of p (referenced anew) with ops set to vn->fops, not opened yet: fs/file.c. -ENFILE, -ENOMEM. */
int __must_check file_alloc(const struct path *p, int flags, struct file **out);
int __must_check file_open(const char *name, int flags, u32 mode, struct file **out);		/* kernel's own use, current creds */
int __must_check file_open_at(int dfd, const char *name, int flags, u32 mode, int lookup_flags, struct file **out);
int __must_check file_open_path(const struct path *p, int flags, struct file **out);
/* exec: open for execution: regular file, execute permission, not on noexec; denies writing until file_allow_write(). */
int __must_check file_open_exec(int dfd, const char *name, int lookup_flags, struct file **out);
void file_allow_write(struct file *f);

/* What mkdirat(2) and the like do, with names in kernel memory: fs/pathops.c. */
int __must_check path_mkdir(int dfd, const char *name, u32 mode);
int __must_check path_mknod(int dfd, const char *name, u32 mode, dev_t dev);	/* type in mode; 0: a regular file */
/* The same, and the new node referenced in *out (NULL: not wanted). */
int __must_check path_mknod_path(int dfd, const char *name, u32 mode, dev_t dev, struct path *out);
int __must_check path_symlink(const char *target, int dfd, const char *name);
int __must_check path_link(const struct path *old, int dfd, const char *name);
int __must_check path_unlink(int dfd, const char *name);
int __must_check path_rmdir(int dfd, const char *name);
int __must_check path_rename(int odfd, const char *oname, int ndfd, const char *nname, unsigned int flags);

void vfs_init(void);		/* caches, tmpfs as root, file systems registered */
void vnode_threads_init(void);	/* boot, behind vfs_init: write-back and eviction of vnodes */
int initramfs_unpack(const void *data, size_t size, const char *name);	/* cpio, plain or gzip, concatenated */

#endif
