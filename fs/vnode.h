/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes, super blocks and file-system types: what a file system implements.
 *
 * Lock key: [I] immutable  [a] atomic  [l] vn->rwlock (LOCK_DIR or LOCK_VNODE, by kind)  [s] vn->lock  [S] sb->lock
 * Every field that is read without a lock is one aligned word (times excepted: read by vnode_getattr under [s]).
 */
#ifndef FS_VNODE_H
#define FS_VNODE_H

#include "mm/mapping.h"
#include "sys/cred.h"
#include "sys/file.h"
#include "sys/abi/stat.h"	/* S_IF*, S_IS*, struct abi_stat, abi_statx, abi_statfs, abi_timespec */

struct block_device;
struct blockmap_ops;
struct dentry;
struct dentry_ops;
struct flock_list;
struct fs_probe;
struct iattr;
struct mount;
struct path;
struct pipe;
struct abi_fstrim_range;	/* sys/abi/ioctl.h */
struct strbuf;
struct super_block;

struct vnode {
	const struct vnode_ops *ops;	/* [I] */
	const struct file_ops *fops;	/* [I] for open files of it */
	struct super_block *sb;		/* [I] */
	struct refcount refs;		/* [a] type-stable: lookups try-get */
	u32 writeback_refs;		/* [LOCK_VNODE_HASH] those of them that write-back has */
	u64 ino;			/* [I] */
	u32 mode;			/* [s|l] type and permission bits */
	kuid_t uid;			/* [s|l] */
	kgid_t gid;			/* [s|l] */
	u32 nlink;			/* [s] */
	u32 blkbits;			/* [I] log2 of the preferred block size */
	off_t size;			/* [s|l]; read with vnode_size() */
	u64 blocks;			/* [s] 512-byte units */
	dev_t rdev;			/* [I] of device nodes, kernel encoding makedev() */
	nsec_t atime, mtime, ctime, btime;	/* [s] realtime ns */
	u32 state;			/* [a] VN_* */
	u32 generation;			/* [I] */
	struct rwlock rwlock;		/* contents and directory entries */
	struct spinlock lock;		/* LOCK_VNODE_SPIN */
	struct mapping mapping;		/* page cache of regular files and long symlinks */
	struct mapping *i_mapping;	/* [I] = &mapping, or the block device's */
	struct hnode hash;		/* [LOCK_VNODE_HASH] vnode cache, by (sb, ino) */
	struct list sb_node;		/* [S] */
	struct list lru;		/* [LOCK_VNODE_HASH] unused clean vnodes; those that wait for eviction */
	struct list dirty_node;		/* [S] of sb->dirty or sb->dirty_times, while VN_DIRTY, where the type has write_vnode */
	nsec_t dirtied_at;		/* [S] monotonic; since when it is on that list */
	struct hlist aliases;		/* [s] dentries */
	u32 writers;			/* [s] open for writing; for ETXTBSY: negative counterpart deny_write */
	u32 deny_write;			/* [s] being executed */
	struct flock_list *flocks;	/* [s] record locks, NULL: none (fs/flock.c) */
	struct pipe *pipe;		/* [s] of an open FIFO */
	void *sock;			/* [s] bound unix socket (net/) */
	u32 notify_mask;		/* [s] union of the watches' masks; read without */
	struct hlist watches;		/* [s] inotify's (fs/notify.h) */
	const char *link;		/* [I] fast symlink's target, or NULL */
	void *priv;			/* [I] the file system's */
	struct rcu_head rcu;
};

enum { VN_NEW = 1, VN_DIRTY = 2, VN_FREEING = 4, VN_APPEND = 8, VN_IMMUTABLE = 16, VN_NOATIME = 32, VN_SYNC = 64, VN_DEAD_DIR = 128,
	VN_NODUMP = 512, VN_LINKABLE = 256 /* O_TMPFILE: may be linked with no link left */,
	VN_DIRTY_DATA = 1024 /* with VN_DIRTY: more than times changed; fdatasync writes it */, VN_WRITING = 2048 /* write_vnode runs */,
	VN_ORPHAN = 4096 /* counts in sb->orphans */, VN_DIRSYNC = 8192,
	VN_LAST_USER = 16384 /* no links, and who puts the last reference waits for write-back to let go */ };

/* setattr: what to change; the VFS has checked permission. */
enum { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16, ATTR_MTIME = 32, ATTR_CTIME = 64,
	ATTR_ATIME_SET = 128, ATTR_MTIME_SET = 256, ATTR_KILL_SUID = 512, ATTR_KILL_SGID = 1024, ATTR_FORCE = 2048,
	ATTR_OPEN = 4096, ATTR_TIMES_SET = 8192 /* utimensat with times of the caller's: owners only */ };
struct iattr { u32 valid; u32 mode; kuid_t uid; kgid_t gid; off_t size; nsec_t atime, mtime, ctime; struct file *file; };

struct kstat {			/* what stat, statx report */
	u64 ino, blocks; dev_t dev, rdev; u32 mode, nlink, blksize; kuid_t uid; kgid_t gid; off_t size;
	nsec_t atime, mtime, ctime, btime; u32 result_mask; u64 attributes, attributes_mask; u64 mnt_id;
};

/*
 * Operations. On entry the locks said here are held; none may be released. dentry arguments of create-like calls are negative and
 * become positive by dentry_instantiate(). NULL slots: -EPERM for create-like calls (-EOPNOTSUPP for what Linux says so),
 * generic behaviour for getattr, setattr, permission.
 */
struct vnode_ops {
	/* dir locked (shared or exclusive). Look the name up; *out NULL with 0 means "no such entry" (a negative dentry is cached). */
	int (*lookup)(struct vnode *dir, struct dentry *d, struct vnode **out);
	int (*create)(struct vnode *dir, struct dentry *d, u32 mode, bool excl);	/* dir [l] exclusive, as below */
	int (*mkdir)(struct vnode *dir, struct dentry *d, u32 mode);
	int (*mknod)(struct vnode *dir, struct dentry *d, u32 mode, dev_t dev);
	int (*symlink)(struct vnode *dir, struct dentry *d, const char *target);
	int (*link)(struct dentry *old, struct vnode *dir, struct dentry *d);	/* old's vnode [l] too */
	int (*unlink)(struct vnode *dir, struct dentry *d);			/* victim [l] too */
	int (*rmdir)(struct vnode *dir, struct dentry *d);			/* victim [l] too; -ENOTEMPTY */
	int (*rename)(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags);
	int (*tmpfile)(struct vnode *dir, struct dentry *d, u32 mode);	/* an unhashed d: instantiate it, nlink 0 */
	/* RCU-safe if d NULL is handled with -ECHILD. Returns the target (lifetime: *free is called with it when not NULL). */
	int (*get_link)(struct vnode *vn, const char **target, void (**free)(const char *));
	/* A "magic" link (/proc/PID/fd/N, exe, cwd): where to go, with references. Tried before get_link. */
	int (*follow)(struct vnode *vn, struct path *out);
	int (*getattr)(struct vnode *vn, struct kstat *st);
	int (*setattr)(struct vnode *vn, const struct iattr *a);		/* vn [l] exclusive */
	int (*permission)(struct vnode *vn, int mask);				/* MAY_*; may be called under RCU */
	int (*update_time)(struct vnode *vn, int which);
	/* FS_*_FL of ioctl_iflags(2); NULL: -ENOTTY. get: what it has, vnode_fileattr() and its own. set: vn [l] exclusive, the VFS has checked
	 * who may; -EOPNOTSUPP for what it does not keep; vnode_set_fileattr() for those that the VFS obeys; touches ctime. */
	int (*fileattr_get)(struct vnode *vn, u32 *flags);
	int (*fileattr_set)(struct vnode *vn, u32 flags);
	/* Extended attributes (fs/xattr.h): `name` is the whole one, with its prefix; the VFS has checked permission. vn [l] is held, shared
	 * for get and list. size 0 asks for the length; -ERANGE: does not fit; -EOPNOTSUPP: not that namespace; -EINVAL: a prefix alone. */
	ssize_t (*listxattr)(struct vnode *vn, char *buf, size_t size);
	ssize_t (*getxattr)(struct vnode *vn, const char *name, void *buf, size_t size);
	/* value NULL: remove, -ENODATA. flags XATTR_CREATE, XATTR_REPLACE: -EEXIST, -ENODATA. The operation sets ctime. */
	int (*setxattr)(struct vnode *vn, const char *name, const void *value, size_t size, int flags);
};
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4, MAY_APPEND = 8, MAY_ACCESS = 16, MAY_NOT_BLOCK = 32 };

/* Which of these are called when, and with which locks: fs/README.md, "Disk file systems". None is called with a VFS lock held. */
struct super_ops {
	/* Nobody refers to vn, nobody finds it any more: nlink 0: free its blocks and its number; else only what is in memory. Its pages
	 * are gone when it returns (mapping_truncate), or are dropped behind it. */
	void (*evict)(struct vnode *vn);
	/* Copy vn's attributes to where they are written from (the buffer of its block, in a transaction); wait: and see it written, if there
	 * is no journal. VN_DIRTY is clear already: what changes meanwhile comes again. One call at a time for a vnode. NULL: nothing
	 * is ever dirty. */
	int (*write_vnode)(struct vnode *vn, bool wait);
	/* fsync, behind the data and write_vnode: everything that is needed to find vn's data is on the disk, with a flush of its cache. */
	int (*sync_vnode)(struct vnode *vn, bool datasync);
	/* Behind all vnodes' data and attributes: wait: everything is on the disk. */
	int (*sync)(struct super_block *sb, bool wait);
	int (*statfs)(struct super_block *sb, struct abi_statfs *st);
	int (*remount)(struct super_block *sb, u32 *flags, const char *data);
	void (*put)(struct super_block *sb);			/* unmounted */
	int (*show_options)(struct super_block *sb, struct strbuf *out);	/* ",size=..." */
	/* FITRIM: discard what is free in bytes [start, start + len) of its blocks, in stretches of minlen at least (which is not below the
	 * device's granularity if that is so); len becomes how much. -EINTR. NULL: it has no such thing. */
	int (*trim)(struct super_block *sb, struct abi_fstrim_range *r);
	struct vnode *(*alloc_vnode)(struct super_block *sb);	/* optional: embed vnode in a larger object */
	void (*free_vnode)(struct vnode *vn);
};

struct super_block {
	const struct fs_type *type;	/* [I] */
	const struct super_ops *ops;	/* [I] */
	struct refcount refs;
	dev_t dev;			/* [I] the anonymous one of anon_minor, or the block device's */
	u32 anon_minor;			/* [I] */
	u32 flags;			/* [a] SB_* = MS_* of mount(2) */
	u32 magic, blksize;		/* [I] */
	off_t max_size;			/* [I] largest file */
	u32 time_gran;			/* [I] ns */
	u32 allow_utime;		/* [I] S_IWGRP, S_IWOTH: who, beside the owner, may set times */
	u32 name_max;			/* [I] bytes of a name; 0: NAME_MAX_K */
	struct dentry *root;		/* [I] */
	struct mutex rename_mutex;	/* LOCK_FS_RENAME */
	struct spinlock lock;		/* vnode lists */
	struct list vnodes;		/* [lock] */
	struct list dirty;		/* [lock] vnodes to write, by age */
	struct list dirty_times;	/* [lock] lazytime: those of which only times changed */
	u32 writing;			/* [lock] vnodes in write_vnode */
	u32 evicting;			/* [a] vnodes that reclaim has put by for eviction */
	struct rwlock umount_lock;	/* LOCK_UMOUNT: held shared by who uses it without a reference: sync, shrinkers */
	bool dying;			/* [umount_lock] */
	struct refcount holds;		/* [a] keep the memory, not the file system */
	u32 orphans;			/* [a] vnodes in use without links: such a super block does not become read-only */
	const struct dentry_ops *dops;	/* [I] optional: revalidate */
	struct block_device *bdev;	/* claimed by this super block, or NULL; set and cleared in the list of all */
	bool born;			/* [list of all] mounted, or has been */
	bool bdev_write;		/* [I] the claim counts as a writer */
	const struct blockmap_ops *blockmap;	/* [I] disk file systems: fs/blockmap.h */
	void *priv;			/* [I] */
	char id[32];			/* [I] device name for /proc/mounts' default */
	struct list node;		/* list of all */
};

struct fs_type {
	const char *name;
	u32 flags;			/* FS_NODEV: no block device; FS_SINGLE: one super block for all mounts */
	/* Make (or find, for FS_SINGLE) the super block with its root dentry. data: mount(2)'s option string. */
	int (*mount)(const struct fs_type *type, u32 flags, const char *dev, const char *data, struct super_block **out);
	/* For root=LABEL= and UUID=: 0 where the (open) device bears this file system, and its texts, "" for what it hasn't; -EINVAL: it
	 * doesn't. Reads by block_rw_kernel(). Optional. */
	int (*probe)(struct block_device *bdev, struct fs_probe *out);
	struct list node;
};
struct fs_probe { char label[64], uuid[40]; };
enum { FS_NODEV = 1, FS_SINGLE = 2 };
int fs_register(struct fs_type *type);
const struct fs_type *fs_find(const char *name);
void fs_for_each(void (*fn)(const struct fs_type *t, void *arg), void *arg);

/* --- super blocks --- */
int __must_check super_create(const struct fs_type *type, const struct super_ops *ops, u32 flags, struct super_block **out);
void super_get(struct super_block *sb);
/* 0: sb->bdev is set, nobody has the device mounted. 1: *out, referenced, has. Waits where it is being mounted or unmounted; -EINTR. */
int __must_check super_claim_bdev(struct super_block *sb, struct block_device *bdev, struct super_block **out);
void super_unclaim_bdev(struct super_block *sb);
void super_set_born(struct super_block *sb);	/* its first mount is through: others may use it */
/*
 * For mount operations of disk file systems (fs/super_bdev.c): `dev` is the path of a block device. 0: a new super block, with the device
 * claimed, and sb->bdev, dev, id set. 1: the one that has it mounted already, referenced: the mount is done. -ENOTBLK, -EBUSY, -EACCES
 * (read-only device and no MS_RDONLY; nodev) ...
 */
int __must_check super_open_bdev(const struct fs_type *type, const struct super_ops *ops, u32 flags, const char *dev, struct super_block **out);
void super_close_bdev(struct super_block *sb);		/* at the end of ops->put: gives the device back */
void super_put(struct super_block *sb);
/* Data, vnodes, then the file system; may sleep. 0 or the first error. */
int super_sync(struct super_block *sb, bool wait);
enum { SB_RO_REMOUNT = 1u << 30 };	/* sb->flags: becomes MS_RDONLY soon: no new writers, but what is dirty is written */
/* fn may sleep; the file system stays mounted meanwhile, and its last umount waits. */
void super_for_each(void (*fn)(struct super_block *sb, void *arg), void *arg);
bool super_try_use(struct super_block *sb);		/* not on its way out: stays until super_end_use(). Does not sleep */
void super_end_use(struct super_block *sb);
/* ioctls of a whole file system (fs/super_ioctl.c): FITRIM; -ENOTTY. */
long super_trim(struct super_block *sb, struct abi_fstrim_range __user *arg);

/* --- vnodes --- */
/* A new one, reference 1, ino unset (vnode_next_ino() for memory file systems), not hashed. NULL: no memory. */
struct vnode *vnode_alloc(struct super_block *sb) __must_check;
u64 vnode_next_ino(void);
/* By number: cached (locked VN_NEW clear) or new with VN_NEW set: fill it, then vnode_unlock_new(). */
int __must_check vnode_get_cached(struct super_block *sb, u64 ino, struct vnode **out);
void vnode_unlock_new(struct vnode *vn);
void vnode_fail_new(struct vnode *vn);		/* filling failed; drops it */
void vnode_get(struct vnode *vn);
void vnode_put(struct vnode *vn);
/* Owner, mode (setgid directories), times of a new object in dir. */
void vnode_init_owner(struct vnode *vn, const struct vnode *dir, u32 mode);
/* Device nodes, FIFOs, sockets: fops by mode. */
void vnode_init_special(struct vnode *vn, u32 mode, dev_t rdev);
off_t vnode_size(const struct vnode *vn);
void vnode_set_size(struct vnode *vn, off_t size);		/* [l] held */
enum { VT_ATIME = 1, VT_MTIME = 2, VT_CTIME = 4, VT_BTIME = 8 };
void vnode_touch(struct vnode *vn, int which);			/* now, in sb's granularity; marks dirty */
void vnode_dirty(struct vnode *vn);				/* more than times changed. Not with a spinlock at or behind vn's */
int vnode_write(struct vnode *vn, bool wait);			/* if dirty, write_vnode; waits for one under way. May sleep */
/* mapping_ops.hold and drop of mappings that belong to cached vnodes. hold: under RCU or LOCK_LRU; false: it is being evicted. */
bool vnode_mapping_hold(struct mapping *m);
void vnode_mapping_drop(struct mapping *m);
void vnode_inc_nlink(struct vnode *vn);
void vnode_drop_nlink(struct vnode *vn);
void vnode_clear_nlink(struct vnode *vn);			/* to 0: rmdir, O_TMPFILE */
/* The vnode of a kind that is known only now (read from disk): sets the lock's class. Before anybody else sees it. */
void vnode_set_kind(struct vnode *vn);

int vnode_permission(struct vnode *vn, int mask);		/* DAC + capabilities: the one place */
int vnode_generic_permission(struct vnode *vn, int mask);	/* for ops->permission to fall back on */
bool vnode_owner_or_capable(struct vnode *vn);			/* fsuid owns it, or CAP_FOWNER */
int vnode_getattr(struct vnode *vn, struct kstat *st);
int vnode_setattr(struct path *p, struct iattr *a);		/* checks, takes [l], kills suid, calls ops */
u32 vnode_fileattr(const struct vnode *vn);			/* vn->state's as FS_*_FL */
void vnode_set_fileattr(struct vnode *vn, u32 flags);		/* FS_*_FL -> vn->state: also when a vnode is read from disk */
int vnode_generic_setattr(struct vnode *vn, const struct iattr *a);

/* Device numbers in the kernel and in the ABI are the same 64-bit encoding as glibc's makedev(). */
static inline dev_t
makedev_k(u32 major, u32 minor)
{
	return ((u64)(major & 0xfffff000u) << 32) | ((u64)(major & 0xfffu) << 8) | ((u64)(minor & 0xffffff00u) << 12) | (minor & 0xffu);
}
static inline u32 dev_major(dev_t d) { return (u32)((d >> 32) & 0xfffff000u) | (u32)((d >> 8) & 0xfffu); }
static inline u32 dev_minor(dev_t d) { return (u32)((d >> 12) & 0xffffff00u) | (u32)(d & 0xffu); }

/* Generic file_ops pieces for files with a page cache (fs/generic.c). */
ssize_t generic_file_read(struct file *f, struct iobuf *buf, off_t *pos);
ssize_t generic_file_write(struct file *f, struct iobuf *buf, off_t *pos);
ssize_t generic_file_write_locked(struct file *f, struct iobuf *buf, off_t *pos);	/* [l] held; something to write; no sync */
/* Behind a write of n bytes that ended at `end`: fsync where O_SYNC, O_DSYNC or a sync mount want it. n, or -errno. No lock held. */
ssize_t generic_write_sync(struct file *f, off_t end, ssize_t n);
off_t generic_file_llseek(struct file *f, off_t off, int whence);
off_t generic_mapping_size(struct mapping *m);	/* mapping_ops.size where the owner is a vnode */
void generic_mapping_written(struct mapping *m);	/* mapping_ops.written: mmap(2) has the times change at the first write to a page */
int generic_file_mmap(struct file *f, struct vma *vma);
int generic_file_fsync(struct file *f, off_t start, off_t end, bool datasync);
extern const struct file_ops generic_dir_fops;		/* iterate by ops of libdir below */

/* Change the size (truncate(2)): permission was checked. Takes [l]. */
int vnode_truncate(struct path *p, off_t size, struct file *f, u32 extra_valid);
int vnode_check_size(struct vnode *vn, off_t size);		/* RLIMIT_FSIZE (with SIGXFSZ), sb->max_size: -EFBIG */
/* Reads and writes: access and modification time as the mount wants it; set-id bits and size limits. */
void path_touch_atime(const struct path *p);
int file_prepare_write(struct file *f, struct iobuf *buf, off_t *pos);	/* [l] held: O_APPEND, limits, set-id bits, times */

/* Directories that live in the dentry cache (tmpfs, devfs, procfs' static parts): fs/libfs.c. An entry is in the directory while
 * its dentry is hashed and pinned. */
void libfs_add(struct dentry *d, struct vnode *vn);	/* instantiate (takes vn's reference) and pin; d as create-like ops get it */
void libfs_remove(struct dentry *d);			/* unpin; the VFS (or dentry_delete) unhashes it */
bool libfs_is_empty(struct dentry *dir);		/* no entries */
/* A new pinned entry made by the kernel itself. Takes vn's reference, also on failure. -EEXIST, -ENOMEM. */
int __must_check libfs_add_kern(struct dentry *dir, const char *name, struct vnode *vn, struct dentry **out);
int libfs_lookup(struct vnode *dir, struct dentry *d, struct vnode **out);	/* not in the cache: does not exist */
int libfs_iterate(struct file *f, struct dir_context *ctx);
int libfs_statfs(struct super_block *sb, struct abi_statfs *st);
/* Objects that no directory names (pipes, sockets): the mount operation of such a file system, which differs by magic and dops ... */
int __must_check libfs_mount_nameless(const struct fs_type *type, u32 flags, u32 magic, const struct dentry_ops *dops, struct super_block **out);
/* ... and a new vnode of it, of the caller's, with a dentry; *out is referenced. -ENOMEM */
int __must_check libfs_new_nameless(struct mount *mnt, u32 mode, const struct file_ops *fops, struct path *out);
extern const struct file_ops libfs_dir_fops;		/* uses f->priv */
/* The rest of a directory in memory. nlink, sizes and times are kept; the caller has made room for what it counts. */
void libfs_entry_added(struct vnode *dir);	/* size and times of dir, after libfs_add() in a create-like op */
int libfs_link(struct dentry *old, struct vnode *dir, struct dentry *d);
int libfs_unlink(struct vnode *dir, struct dentry *d);
int libfs_rmdir(struct vnode *dir, struct dentry *d);
int libfs_rename(struct vnode *odir, struct dentry *od, struct vnode *ndir, struct dentry *nd, unsigned int flags);

#endif
