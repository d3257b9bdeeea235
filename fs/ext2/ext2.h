/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2 and ext3 in memory: what the files of this folder share. README.md tells how they hang together.
 *
 * Every change of metadata happens inside a handle: ext2_start() .. ext2_stop(), and around each buffer ext2_access() .. ext2_dirty().
 * Without a journal the handle is NULL and a dirty buffer is simply written back.
 *
 * Locks, outermost first: vnode [l] < inval_lock < handle < page < map_lock < orphan_lock < group lock < buffer.
 *
 * Lock key: [I] immutable after mount (or fill)  [a] atomic  [l] vn.rwlock  [s] vn.lock  [m] map_lock  [g] group's lock  [O] orphan_lock
 *	[c] cache_lock  [h] written inside a handle with the lock said
 */
#ifndef FS_EXT2_EXT2_H
#define FS_EXT2_EXT2_H

#include "dev/buf.h"
#include "fs/blockmap.h"
#include "fs/ext2/ext2_disk.h"
#include "fs/jbd2/journal.h"
#include "fs/path.h"
#include "sys/abi/errno.h"

struct strbuf;

/* A stretch of a group that one file's coming blocks are kept for: others allocate elsewhere while they can. */
struct ext2_window {
	struct list node;	/* [g] group's windows, by start */
	u32 group;		/* [m] */
	u32 start, end;		/* [g] bits of the group, [start, end) */
	u32 size;		/* [m] of the next one */
	bool linked;		/* [m] */
};

struct ext2_group {
	struct mutex lock;		/* LOCK_FS_ALLOC */
	struct buf *block_map, *inode_map;	/* [g] loaded at first use, kept till unmount */
	unsigned long *busy;		/* [g] blocks freed in transactions that haven't committed, or NULL */
	u32 busy_count;			/* [g] */
	struct list windows;		/* [g] */
	bool bad;			/* [g] its bitmaps can't be used */
	u32 trimmed;			/* [g] all free runs of so many blocks were discarded; 0: they weren't, or others came since */
	u32 debt;			/* [a] directories made here lately without files */
};

#define EXT2_XATTR_SHARED	64

struct ext2_fs {
	struct super_block *sb;		/* [I] */
	struct block_device *bdev;	/* [I] */
	struct buf *sb_buf;		/* [I] */
	struct ext2_super *es;		/* in sb_buf; [O][h] s_last_orphan, counters [h] */
	struct buf **gd_bufs;		/* [I] */
	struct ext2_group *groups;	/* [I] */
	struct journal *journal;	/* [I] or NULL */
	u32 *journal_map, journal_blocks;	/* [I] the log's blocks on the device */
	u32 block_bits, block_size, inode_size, nr_groups, gd_blocks;	/* [I] */
	u32 blocks_per_group, inodes_per_group, first_block, blocks, inodes, first_ino, itable_blocks;	/* [I] */
	u32 ptrs_bits;			/* [I] log2 of block numbers in a block */
	u32 compat, incompat, ro_compat;	/* [a] features */
	u32 reserved_blocks;		/* [I] */
	u64 free_blocks, free_inodes, dirs;	/* [a] */
	u64 busy_blocks;		/* [a] of the free ones: can't be used before a commit */
	u32 hash_seed[4];		/* [I] */
	u8 hash_version;		/* [I] of new indexes */
	bool hash_unsigned;		/* [I] */
	bool error;			/* [a] something was found wrong: s_state says so at the next write of the super block */
	u16 mount_state;		/* [I] s_state as it was */
	u32 next_generation;		/* [a] */
	struct ext2_opts {
		u32 errors;		/* EXT2_ERRORS_* */
		kuid_t resuid;
		kgid_t resgid;
		u64 sb_block;		/* sb= in units of 1 KiB */
		u32 commit_ms;
		bool minixdf, grpid, noload, no_barrier, no_xattr, debug, ordered;
		bool errors_set, resuid_set, resgid_set;
	} opts;				/* by remount, under the mount's locks; single words */
	struct mutex orphan_lock;	/* LOCK_FS_ALLOC */
	struct list orphans;		/* [O] the newest first, as on the disk */
	struct mutex xattr_lock;	/* LOCK_FS_MAP: refcounts of attribute blocks */
	struct { u32 hash, block; } xattr_shared[EXT2_XATTR_SHARED];	/* [xattr_lock] recently seen attribute blocks */
};

struct ext2_inode {
	struct vnode vn;		/* first */
	u32 data[EXT2_N_BLOCKS];	/* [m][h] block map, short link text or device number */
	u32 flags;			/* [s] EXT2_*_FL */
	u32 file_acl;			/* [l][h] attribute block */
	u32 dtime;			/* [O] next orphan */
	u16 extra_isize;		/* [I] */
	bool stale_size;		/* [a] disk_size may be above the size: a write failed */
	off_t disk_size;		/* [s] blocks up to here may be allocated; the size on disk is at least this */
	struct rwlock map_lock;		/* LOCK_FS_MAP */
	struct spinlock cache_lock;	/* LOCK_LEAF */
	struct { u64 fblock, block; u32 n; bool hole; } cached;	/* [c] the last answer of map */
	u64 next_fblock, next_block;	/* [m] where a sequential write goes on */
	struct ext2_window window;
	struct list orphan;		/* [O] linked while it is on the orphan list */
	u32 tid, data_tid;		/* [a] last transactions that changed it: fsync, fdatasync */
	u64 dir_version;		/* [l] bumped by each change of a directory */
	u32 dir_hint;			/* [l] block of a linear directory where there was room last */
	struct journal_ordered ordered;
	char *link;			/* [I] text of a short link */
};

static inline struct ext2_inode *ext2_i(struct vnode *vn) { return (struct ext2_inode *)vn; }
static inline struct ext2_fs *ext2_fs(const struct super_block *sb) { return sb->priv; }
static inline bool ext2_has_compat(const struct ext2_fs *fs, u32 f) { return atomic_load_relaxed(&fs->compat) & f; }
static inline bool ext2_has_incompat(const struct ext2_fs *fs, u32 f) { return atomic_load_relaxed(&fs->incompat) & f; }
static inline bool ext2_has_ro_compat(const struct ext2_fs *fs, u32 f) { return atomic_load_relaxed(&fs->ro_compat) & f; }
static inline u32 ext2_group_first(const struct ext2_fs *fs, u32 g) { return fs->first_block + g * fs->blocks_per_group; }
u32 ext2_group_blocks(const struct ext2_fs *fs, u32 g);

/* --- handles --- */
/* Credits: what an operation may change at most, in blocks. */
#define EXT2_CREDITS_INODE	2	/* the inode's block, the super block (large_file) */
#define EXT2_CREDITS_MAP(n)	(2 * ((n) + 4) + 4 + EXT2_CREDITS_INODE)	/* n new data blocks and the way to them */
#define EXT2_CREDITS_ENTRY	(2 * EXT2_CREDITS_MAP(1) + 8)	/* an entry into a directory, splits included */
#define EXT2_CREDITS_ORPHAN	3	/* super block, two inodes */
#define EXT2_CREDITS_CREATE	(EXT2_CREDITS_ENTRY + 8 + EXT2_CREDITS_ORPHAN)
#define EXT2_CREDITS_TRUNCATE	40

int __must_check ext2_start(struct ext2_fs *fs, u32 credits, struct handle **h);
/* For what will allocate: where only blocks are left that wait for a commit, it is made first. */
int __must_check ext2_start_alloc(struct ext2_fs *fs, u32 credits, struct handle **h);
int ext2_stop(struct handle *h);
/* The same, and for directories and files that want it (sync, dirsync): on the disk when it returns. */
int ext2_stop_sync(struct ext2_fs *fs, struct handle *h, struct vnode *vn);
static inline int __must_check ext2_access(struct handle *h, struct buf *b) { return journal_access(h, b); }
static inline void ext2_dirty(struct handle *h, struct buf *b) { journal_dirty(h, b); }

/* --- super.c, errors.c --- */
void ext2_error(struct ext2_fs *fs, const char *fmt, ...) __printf(2, 3);	/* the file system is inconsistent: errors= */
void ext2_warn(struct super_block *sb, int level, const char *fmt, ...) __printf(3, 4);
/* buf_read(); a block that the device can't read is an error of the file system. */
int __must_check ext2_read_meta(struct ext2_fs *fs, u64 block, const char *what, struct buf **b);
int ext2_write_super(struct ext2_fs *fs, bool wait);	/* counters and state, through the journal */
/* The file system has such things from now on: says its super block, which becomes one of revision 1 for it. A credit. */
int __must_check ext2_set_feature(struct handle *h, struct ext2_fs *fs, u32 compat, u32 ro_compat);
extern const struct super_ops ext2_super_ops;
struct ext2_group_desc *ext2_group_desc(const struct ext2_fs *fs, u32 g, struct buf **b);	/* no reference */
int __must_check ext2_check_super(struct super_block *sb, const struct ext2_super *es, const char *type);
int __must_check ext2_check_features(struct super_block *sb, const struct ext2_super *es, u32 *flags);
int __must_check ext2_check_groups(struct ext2_fs *fs);
u32 ext2_super_gd_blocks(const struct ext2_fs *fs, u32 g);	/* blocks of super block and descriptors at the group's start */
int __must_check ext2_parse_options(struct super_block *sb, struct ext2_opts *o, const char *data, bool remount);
void ext2_default_options(struct ext2_opts *o, const struct ext2_super *es);
int ext2_show_options(struct super_block *sb, struct strbuf *out);
int __must_check ext2_open_journal(struct ext2_fs *fs, bool read_only);	/* journal.c */
int ext2_close_journal(struct ext2_fs *fs);

/* --- balloc.c --- */
/* Up to `want` neighbouring blocks, as near behind goal as there is room. vn's map_lock is held exclusively. -ENOSPC, -EIO */
int __must_check ext2_alloc_blocks(struct handle *h, struct vnode *vn, u32 goal, u32 want, u32 *block, u32 *n);
void ext2_free_blocks(struct handle *h, struct ext2_fs *fs, u32 block, u32 n);
void ext2_window_drop(struct vnode *vn);	/* map_lock held exclusively, or nobody else has vn */
bool ext2_block_valid(const struct ext2_fs *fs, u32 block, u32 n);	/* on the device, and no metadata of the file system */
bool ext2_may_alloc(struct ext2_fs *fs, u64 n);
int __must_check ext2_group_load(struct ext2_fs *fs, u32 g, bool inodes, struct buf **b);	/* [g] held; no reference */
void ext2_groups_free(struct ext2_fs *fs);
/* The first run in [*from, end) of `least` blocks or more that could be given out: its length, and *from is where; 0: none. [g] held, loaded */
u32 ext2_group_free_run(const struct ext2_group *grp, u32 *from, u32 end, u32 least);
int ext2_trim(struct super_block *sb, struct abi_fstrim_range *r);	/* trim.c */

/* --- ialloc.c --- */
/* A number for a new inode in dir, and its vnode with VN_NEW, owner and flags set. */
int __must_check ext2_new_inode(struct handle *h, struct vnode *dir, u32 mode, struct vnode **out);
void ext2_free_inode(struct handle *h, struct ext2_fs *fs, u32 ino, bool dir);

/* --- inode.c --- */
int __must_check ext2_get_inode(struct super_block *sb, u64 ino, struct vnode **out);
int __must_check ext2_write_inode(struct handle *h, struct vnode *vn);
int __must_check ext2_find_inode(struct ext2_fs *fs, u64 ino, struct buf **b, u32 *off);	/* its block, referenced */
void ext2_set_ops(struct vnode *vn);
void ext2_encode_device(struct vnode *vn);	/* vn->rdev into its data */
void ext2_apply_flags(struct vnode *vn);
void ext2_add_blocks(struct vnode *vn, s64 fs_blocks);		/* of st_blocks */
int ext2_setattr(struct vnode *vn, const struct iattr *a);
int ext2_getattr(struct vnode *vn, struct kstat *st);
int ext2_write_vnode(struct vnode *vn, bool wait);
void ext2_evict(struct vnode *vn);
void ext2_cache_init(void);
struct vnode *ext2_alloc_vnode(struct super_block *sb);
void ext2_free_vnode(struct vnode *vn);

/* --- map.c, truncate.c --- */
extern const struct blockmap_ops ext2_blockmap_ops;
int __must_check ext2_map(struct handle *h, struct vnode *vn, u64 fblock, u32 max, bool create, struct block_extent *out);
void ext2_map_forget(struct vnode *vn);		/* the cached answer */
/* The way to a block: indexes from the inode's array down. Levels below the inode (0-3), or -EFBIG. */
int ext2_block_path(const struct ext2_fs *fs, u64 fblock, u32 idx[4]);
/* Free blocks [first, last] of the file, in as many transactions as it takes. *h is open before and after (on errors, too). */
int __must_check ext2_free_range(struct handle **h, struct vnode *vn, u64 first, u64 last);
int __must_check ext2_truncate(struct vnode *vn, off_t size);
/* Data from `from` on that the committing transaction has yet to write is written: before its pages are thrown away, with a handle open or when
 * no links are left. */
void ext2_settle_data(struct vnode *vn, off_t from);
int ext2_punch_hole(struct vnode *vn, off_t from, off_t to);
off_t ext2_max_size(const struct ext2_fs *fs);

/* --- orphan.c --- */
int __must_check ext2_orphan_add(struct handle *h, struct vnode *vn);
int ext2_orphan_del(struct handle *h, struct vnode *vn);	/* h NULL after an error: in memory alone */
void ext2_orphan_cleanup(struct ext2_fs *fs);

/* --- dir.c, dirlinear.c, htree.c, dirhash.c, readdir.c, namei.c --- */
struct ext2_slot { struct buf *b; struct ext2_dirent *de; u32 prev; /* offset of the entry before it in the block, or itself */ u64 fblock; };
int __must_check ext2_dir_read(struct vnode *dir, u64 fblock, struct buf **b);
int __must_check ext2_dir_append(struct handle *h, struct vnode *dir, u64 *fblock, struct buf **b);
/* The next block of the directory that isn't a hole, *fblock or behind; *passed counts them. 1, 0: none is left, -errno. */
int __must_check ext2_dir_next(struct vnode *dir, u64 *fblock, u32 *passed, struct block_extent *e);
#define EXT2_DIR_AHEAD	8u	/* blocks that are read ahead */
bool ext2_dirent_ok(struct vnode *dir, const struct buf *b, u32 off);
/* Find: 0 with slot (b referenced), -ENOENT. */
int __must_check ext2_dir_find(struct vnode *dir, const char *name, u32 len, struct ext2_slot *out);
int __must_check ext2_dir_add(struct handle *h, struct vnode *dir, const char *name, u32 len, struct vnode *vn);
int __must_check ext2_dir_remove(struct handle *h, struct vnode *dir, struct ext2_slot *slot);
int __must_check ext2_dir_set(struct handle *h, struct vnode *dir, struct ext2_slot *slot, struct vnode *vn);
int __must_check ext2_dir_make(struct handle *h, struct vnode *vn, struct vnode *parent);	/* "." and ".." */
void ext2_dir_changed(struct vnode *dir);	/* times, version */
int __must_check ext2_dir_dotdot(struct vnode *dir, struct ext2_slot *out);
int __must_check ext2_dir_is_empty(struct vnode *dir);		/* 1, 0, -errno */
/* 1: found; 0; -EUCLEAN: the block is damaged, and may have it or not. */
int __must_check ext2_find_in_block(struct vnode *dir, struct buf *b, const char *name, u32 len, struct ext2_slot *out);
/* Room for an entry in one block: put it there. -ENOSPC: none. h access is done here. */
int __must_check ext2_add_to_block(struct handle *h, struct vnode *dir, struct buf *b, const char *name, u32 len, u64 ino, u8 type);
u8 ext2_dirent_type(const struct ext2_fs *fs, u32 mode);
static inline u64 ext2_dir_blocks(struct vnode *dir) { return (u64)vnode_size(dir) / dir->sb->blksize; }
bool ext2_is_indexed(struct vnode *dir);
void ext2_dir_drop_index(struct vnode *dir);	/* it is damaged */
/* Hash orders entries: major, then minor. 0, or -EINVAL: an unknown version. */
struct ext2_hash { u32 version; const u32 *seed; u32 major, minor; };
int ext2_dirhash(const char *name, u32 len, struct ext2_hash *hash);
int __must_check ext2_htree_find(struct vnode *dir, const char *name, u32 len, struct ext2_slot *out);
int __must_check ext2_htree_add(struct handle *h, struct vnode *dir, const char *name, u32 len, u64 ino, u8 type);
/* A one-block directory that is full becomes an index over two leaves, with the new entry. */
int __must_check ext2_htree_make(struct handle *h, struct vnode *dir, struct buf *b, const char *name, u32 len, u64 ino, u8 type);
/* The leaf for hash `major`, and the least hash of the leaves behind it (or UINT32_MAX: none). */
int __must_check ext2_htree_leaf(struct vnode *dir, u32 major, struct buf **leaf, u32 *next, struct ext2_hash *hash);
int ext2_iterate(struct file *f, struct dir_context *ctx);
void ext2_dir_release(struct file *f);
off_t ext2_dir_llseek(struct file *f, off_t off, int whence);
extern const struct vnode_ops ext2_dir_ops, ext2_file_ops, ext2_symlink_ops, ext2_special_ops;
extern const struct file_ops ext2_file_fops, ext2_dir_fops;
int ext2_get_link(struct vnode *vn, const char **target, void (**free)(const char *));
int ext2_sync_vnode(struct vnode *vn, bool datasync);
int ext2_fileattr_get(struct vnode *vn, u32 *flags);
int ext2_fileattr_set(struct vnode *vn, u32 flags);

/* --- xattr.c --- */
ssize_t ext2_getxattr(struct vnode *vn, const char *name, void *buf, size_t size);
ssize_t ext2_listxattr(struct vnode *vn, char *buf, size_t size);
int ext2_setxattr(struct vnode *vn, const char *name, const void *value, size_t size, int flags);
int ext2_xattr_free(struct handle *h, struct vnode *vn);	/* the inode goes: its attribute block, too */
#define EXT2_CREDITS_XATTR	(EXT2_CREDITS_MAP(1) + 6)

#endif
