/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT's inside. Sources: Microsoft's "FAT: General Overview of On-Disk Format" 1.03 (fatgen103), its long-name specification; vfat in mount(8).
 *
 * Lock key: [I] immutable after mount (or once the vnode is unlocked)  [a] atomic  [l] the vnode's rwlock  [s] vn->lock
 *           [m] the vnode's map_lock  [f] fs->fat_lock  [n] fs->node_lock
 */
#ifndef FS_FAT_FAT_H
#define FS_FAT_FAT_H

#include "dev/buf.h"
#include "fs/blockmap.h"
#include "fs/path.h"
#include "sys/lib/byteorder.h"
#include "sys/mutex.h"

#define S_IRUGO		0444U
#define S_IWUGO		0222U

#define FAT_MAGIC	0x4d44
#define FAT_NAME_MAX	255U		/* UTF-16 units of a long name */
#define FAT_LONG_UNITS	13U		/* of them in one entry */
#define FAT_ROOT_INO	1U
#define FAT_DIR_MAX	(2U << 20)	/* bytes of a directory: 65,536 entries */
#define FAT_FIRST	2U		/* the first cluster's number */
#define FAT_NO_SLOT	UINT32_MAX
#define FAT_UNKNOWN	UINT32_MAX
#define FAT_NAME_BYTES	(FAT_NAME_MAX * 3)	/* of a name in UTF-8 */
#define FAT_CHAIN_END	UINT32_MAX	/* what fat_get() makes of an end mark */
#define FAT_BAD		(UINT32_MAX - 1)

enum { FAT_RO = 1, FAT_HIDDEN = 2, FAT_SYS = 4, FAT_VOLUME = 8, FAT_DIR = 16, FAT_ARCH = 32, FAT_LONG = 15, FAT_LONG_MASK = 63 };
enum { FAT_LOWER_BASE = 0x08, FAT_LOWER_EXT = 0x10, FAT_DELETED = 0xe5, FAT_LONG_LAST = 0x40 };

struct fat_dirent {
	u8 name[11], attr, lcase, ctime_cs;
	le16_t ctime, cdate, adate, start_hi, mtime, mdate, start;
	le32_t size;
};
_Static_assert(sizeof(struct fat_dirent) == 32, "a directory entry");

struct fat_long {		/* a piece of a long name, before the entry that it belongs to; the last piece first */
	u8 seq, name1[10], attr, type, csum, name2[12];
	le16_t start;
	u8 name3[4];
};
_Static_assert(sizeof(struct fat_long) == sizeof(struct fat_dirent), "as long as the others");

struct fat_bpb_tail { u8 drive, state, signature, volume_id[4], label[11], type[8]; };
struct fat_bpb {
	u8 jump[3], oem[8];
	le16_t block_size;
	u8 cluster_blocks;
	le16_t reserved;
	u8 fats;
	le16_t root_entries, blocks16;
	u8 media;
	le16_t fat_blocks16, track_blocks, heads;
	le32_t hidden, blocks32;
	union {
		struct fat_bpb_tail t16;
		struct {
			le32_t fat_blocks;
			le16_t flags, version;
			le32_t root;
			le16_t info, backup;
			u8 unused[12];
			struct fat_bpb_tail tail;
		} f32;
	};
	u8 code[420];
	u8 mark[2];
} __attribute__((packed));
_Static_assert(sizeof(struct fat_bpb) == 512, "the boot sector");
#define FAT_STATE_DIRTY	1

struct fat_info {		/* FSInfo */
	le32_t sign1;
	u8 unused1[480];
	le32_t sign2, free, next;
	u8 unused2[12];
	le32_t sign3;
};
_Static_assert(sizeof(struct fat_info) == 512, "a sector");
#define FAT_INFO_SIGN1	0x41615252U
#define FAT_INFO_SIGN2	0x61417272U

enum fat_errors { FAT_ERRORS_RO, FAT_ERRORS_CONTINUE, FAT_ERRORS_PANIC };
enum fat_charset { FAT_ASCII, FAT_LATIN1, FAT_UTF8 };
enum { FAT_SHOW_LOWER = 1, FAT_SHOW_WIN95 = 2, FAT_SHOW_WINNT = 4, FAT_MAKE_WIN95 = 16, FAT_MAKE_WINNT = 32 };

struct fat_options {
	kuid_t uid;
	kgid_t gid;
	u32 fmask, dmask, allow_utime;
	u32 shortname;
	s32 time_offset;		/* minutes east of UTC */
	enum fat_errors errors;
	enum fat_charset charset;
	bool allow_utime_set, tz_set, utf8, quiet, showexec, flush, usefree, discard, dots, nodots, sys_immutable, rodir, nonumtail, dos1xfloppy, nocase;
	char check;			/* 'r', 'n', 's' */
};

struct fat_fs {				/* sb->priv */
	struct super_block *sb;		/* [I] */
	struct block_device *bdev;	/* [I] */
	struct fat_options opt;		/* [I], but for remount */
	bool vfat;			/* [I] long names */
	u32 bits;			/* [I] 12, 16, 32 */
	u32 block_bits, cluster_bits;	/* [I] log2 of bytes */
	u32 cluster_blocks;		/* [I] */
	u32 fats, active;		/* [I] copies; the one that counts; FATs beside it are written if `mirror` */
	bool mirror;			/* [I] */
	u32 fat_start, fat_blocks;	/* [I] blocks */
	u32 root_start, root_entries;	/* [I] FAT12/16: blocks of their own */
	u32 root_cluster;		/* [I] FAT32 */
	u32 data_start;			/* [I] block of cluster 2 */
	u32 clusters;			/* [I] how many there are: 2 .. clusters + 1 */
	u32 info_block;			/* [I] FSInfo; 0: none */
	u32 volume_id;			/* [I] */
	bool was_dirty;			/* [a] when it became writable: it stays so */
	bool no_mark;			/* [I] a volume of DOS 1: there is no place for the mark */
	bool error;			/* [a] */
	struct mutex fat_lock;		/* LOCK_FS_ALLOC: the table's entries */
	u32 free, hint;			/* [f] free clusters, or FAT_UNKNOWN; where the search for one begins */
	bool free_known;		/* [f] they were counted, or FSInfo is to be believed */
	bool full;			/* [a] the last search found nothing */
	struct list pending;		/* [f] chains that are free once the disk doesn't name them any more */
	u32 npending;			/* [f] */
	struct mutex pending_lock;	/* LOCK_JOURNAL: one at a time gives them back */
	u32 given_back;			/* [a] how often that was done */
	struct mutex node_lock;		/* LOCK_FS_ALLOC: where entries are */
	struct hlist nodes[256];	/* [n] by position of their entries */
	struct hlist dirs[64];		/* [n] directories by their first cluster */
	u64 next_ino;			/* [a] */
	u64 changes, synced;		/* [a] changes of metadata that others must follow; those that are on the disk */
};

#define FAT_RUNS	8
struct fat_run { u32 fcluster, cluster, n; };

struct fat_vnode {
	struct vnode vn;
	struct hnode node, dir_node;	/* [n] in fs->nodes, fs->dirs */
	u64 pos;			/* [n] its entry: offset on the device / 32; 0: it has none (the root; unlinked) */
	struct mutex map_lock;		/* LOCK_FS_MAP: the chain */
	u32 start;			/* [m] first cluster, 0: none */
	u32 length, last;		/* [m] clusters in the chain and the last of them, if `whole` */
	bool whole;			/* [m] the chain's end was seen */
	u32 next_run;			/* [m] */
	struct fat_run runs[FAT_RUNS];	/* [m] parts of the chain, the first one newly grown; n 0: none */
	u64 changed;			/* [a] fs->changes at the last change of its chain: what must be on the disk before the entry is */
	u64 version;			/* [l] directories: bumped when a name is added */
	u8 attr, lcase;			/* [s] */
};

static inline struct fat_vnode *fat_v(struct vnode *vn) { return container_of(vn, struct fat_vnode, vn); }
static inline struct fat_fs *fat_fs(const struct super_block *sb) { return sb->priv; }
static inline bool fat_cluster_valid(const struct fat_fs *fs, u32 c) { return c >= FAT_FIRST && c - FAT_FIRST < fs->clusters; }
static inline u64 fat_cluster_block(const struct fat_fs *fs, u32 c) { return fs->data_start + (u64)(c - FAT_FIRST) * fs->cluster_blocks; }
static inline bool fat_is_fixed_root(const struct fat_fs *fs, const struct vnode *vn) { return vn->ino == FAT_ROOT_INO && fs->bits != 32; }
static inline bool fat_read_only(const struct fat_fs *fs) { return atomic_load_relaxed(&fs->sb->flags) & 1; }

/* --- bpb.c --- */
/* Believe a boot sector: fills the geometry. -EINVAL, with a line in the log unless quiet. */
int fat_check_bpb(struct fat_fs *fs, const struct fat_bpb *b, u64 device_bytes, bool quiet);
struct fat_bpb_tail *fat_bpb_tail(const struct fat_fs *fs, struct fat_bpb *b);
/* dos1xfloppy: what DOS 1 knew of its disks by their size. False: it is no such disk. */
bool fat_dos1x_bpb(struct fat_bpb *b, u64 device_bytes);
int fat_probe(struct block_device *bdev, struct fs_probe *out);

/* --- super.c --- */
void fat_error(struct fat_fs *fs, const char *fmt, ...) __printf(2, 3);	/* it is damaged: errors= */
int fat_flush_metadata(struct fat_fs *fs);	/* all of it on the disk; fs->synced follows. No page lock, no lock of ours */

/* --- table.c --- */
/* The entry of cluster c: a cluster, 0, FAT_BAD or FAT_CHAIN_END. */
struct fat_cursor { struct buf *b[2]; u64 block, ahead; };	/* b[1]: of an entry that two blocks share; blocks below `ahead` were asked for */
int __must_check fat_get(struct fat_fs *fs, struct fat_cursor *cur, u32 c, u32 *out);
void fat_cursor_end(struct fat_cursor *cur);
int __must_check fat_set(struct fat_fs *fs, u32 c, u32 value);		/* [f] held; in all copies */
/* Up to want neighbours from near goal on, linked to each other. -ENOSPC, -EIO. Takes fat_lock. */
int __must_check fat_alloc(struct fat_fs *fs, u32 goal, u32 want, u32 *cluster, u32 *n);
int fat_free_chain(struct fat_fs *fs, u32 start, bool metadata);
/* The same, once the entries are on the disk that don't name it any more. */
void fat_free_later(struct fat_fs *fs, u32 start, bool metadata);
int fat_free_pending(struct fat_fs *fs);	/* the number freed, or -errno. No lock held */
int __must_check fat_count_free(struct fat_fs *fs);	/* takes fat_lock */
int fat_set_dirty(struct fat_fs *fs, bool dirty);	/* the mark of a volume in use */
int fat_write_info(struct fat_fs *fs);
int fat_trim_free(struct super_block *sb, struct abi_fstrim_range *r);

/* --- map.c --- */
extern const struct blockmap_ops fat_blockmap_ops;
void fat_chain_init(struct fat_vnode *fv, u32 start);
/* Where is cluster fc of the file, and how many follow (at most max)? 0 with *n = 0: behind the chain's end. */
int __must_check fat_chain_find(struct vnode *vn, u32 fc, u32 max, u32 *cluster, u32 *n);
int __must_check fat_chain_length(struct vnode *vn, u32 *length);
int __must_check fat_chain_append(struct vnode *vn, u32 want, u32 *cluster, u32 *n);	/* takes map_lock */
/* Keep the first `keep` clusters. The entry on the disk must not claim more by now. */
int fat_chain_cut(struct vnode *vn, u32 keep);
u32 fat_chain_start(struct vnode *vn);

/* --- inode.c --- */
void fat_cache_init(void);
struct vnode *fat_alloc_vnode(struct super_block *sb);
void fat_free_vnode(struct vnode *vn);
void fat_evict(struct vnode *vn);
int fat_write_vnode(struct vnode *vn, bool wait);
int fat_sync_vnode(struct vnode *vn, bool datasync);
/* The vnode of the entry at pos. */
int __must_check fat_vnode_get(struct super_block *sb, u64 pos, struct vnode **out);
int __must_check fat_root_get(struct super_block *sb, struct vnode **out);
u64 fat_ino_at(struct fat_fs *fs, u64 pos);	/* for readdir: the vnode's, or a new one */
void fat_node_move(struct vnode *vn, u64 pos);	/* its entry is there now; 0: it has none */
u32 fat_mode(const struct fat_fs *fs, u8 attr, const u8 *name, u32 mode);
bool fat_holds_ro(const struct fat_fs *fs, const struct vnode *vn);	/* may the read-only attribute say what the mode says? */
void fat_fill_entry(struct fat_fs *fs, struct vnode *vn, struct fat_dirent *de);
int __must_check fat_update_entry(struct vnode *vn, bool wait);	/* its entry says what vn says; wait: on the disk, too */
u64 fat_changed(struct fat_fs *fs);		/* a new number for what was just changed */

/* --- time.c --- */
nsec_t fat_time_decode(const struct fat_fs *fs, le16_t date, le16_t time, u8 cs);
void fat_time_encode(const struct fat_fs *fs, nsec_t t, le16_t *date, le16_t *time, u8 *cs);
nsec_t fat_time_round(const struct fat_fs *fs, nsec_t t, int which);	/* as the disk can keep it: VT_* */
int fat_update_time(struct vnode *vn, int which);

/* --- name.c --- */
extern const struct dentry_ops fat_vfat_dops, fat_vfat_strict_dops, fat_msdos_dops;
/* From users' bytes to UTF-16 without the dots behind. -EINVAL: not in the character set; -ENAMETOOLONG. */
int __must_check fat_name_from_user(const struct fat_fs *fs, const char *s, u32 len, u16 *out, u32 *n);
/* And back: the length; out: FAT_NAME_BYTES. */
u32 fat_name_to_user(const struct fat_fs *fs, const u16 *name, u32 n, char *out);
u32 fat_short_to_utf16(const struct fat_fs *fs, const struct fat_dirent *de, u16 out[13]);
bool fat_names_equal(const struct fat_fs *fs, const u16 *a, u32 an, const u16 *b, u32 bn);
u8 fat_checksum(const u8 name[11]);
int fat_cp437_from_unicode(u32 c);	/* -1: not there */
u8 fat_cp437_upper(u8 c);
int __must_check fat_msdos_name(const struct fat_fs *fs, const char *s, u32 len, u8 out[11], bool *hidden);

/* --- alias.c --- */
struct fat_alias {
	u8 name[11];		/* without a number behind */
	u32 base_len;
	bool tail;		/* it wants a number */
	bool with_long;		/* the short name alone doesn't say it all */
	u8 lcase;
	u32 used;		/* bits 1-9: these numbers are taken */
};
int __must_check fat_alias_make(const struct fat_fs *fs, const u16 *name, u32 n, struct fat_alias *a);
void fat_alias_seen(struct fat_alias *a, const u8 other[11]);
/* The next one to try after all others were seen: attempt 0, 1 ... (beyond the first: ask whether it is there). */
void fat_alias_number(struct fat_alias *a, u32 attempt, u8 out[11]);

/* --- dir.c --- */
struct fat_scan {
	struct vnode *dir;
	u32 index;			/* of the next entry */
	struct buf *b;
	u64 fblock;			/* of b in the directory */
	struct fat_dirent de;		/* found */
	u32 first, at;			/* its first entry (of the long name), and itself */
	u64 pos;
	u16 name[FAT_NAME_MAX + FAT_LONG_UNITS + 1];	/* long name */
	u32 len;			/* 0: none */
	u8 seq, csum;			/* of the pieces so far */
	u32 want, room, run;		/* looks for `want` free ones in a row: room is where, or FAT_NO_SLOT */
};
void fat_scan_begin(struct fat_scan *s, struct vnode *dir, u32 index);
int __must_check fat_scan_next(struct fat_scan *s);	/* 1, 0: the end */
void fat_scan_end(struct fat_scan *s);
/* The entry with that name: 1 (the scan stands at it; end it in any case), 0. */
int __must_check fat_find(struct fat_scan *s, struct vnode *dir, const char *name, u32 len);
int __must_check fat_dir_add(struct vnode *dir, const char *name, u32 len, struct fat_dirent *de, u64 *pos);
int __must_check fat_dir_remove(struct vnode *dir, u64 pos);	/* the entry at pos, with its long name */
int __must_check fat_dir_is_empty(struct vnode *dir);		/* 1, 0 */
int __must_check fat_dir_subdirs(struct vnode *dir);		/* how many it has, or -errno */
int __must_check fat_dir_make(struct vnode *dir, struct fat_dirent *de);	/* a cluster with "." and ".." */
int __must_check fat_dir_set_parent(struct vnode *dir, struct vnode *parent);
int __must_check fat_clear_cluster(struct fat_fs *fs, u32 cluster, const void *head, u32 len);
struct fat_dirent *fat_entry_at(struct fat_fs *fs, u64 pos, struct buf **b, int *err);
int fat_iterate(struct file *f, struct dir_context *ctx);

/* --- namei.c, file.c --- */
extern const struct vnode_ops fat_vfat_dir_ops, fat_msdos_dir_ops, fat_file_ops;
extern const struct file_ops fat_file_fops, fat_dir_fops;
int fat_setattr(struct vnode *vn, const struct iattr *a);
int fat_getattr(struct vnode *vn, struct kstat *st);
long fat_ioctl(struct file *f, unsigned int cmd, u64 arg);
int fat_fill_gap(struct vnode *vn, off_t pos);

/* --- options.c --- */
void fat_default_options(struct fat_options *o, bool vfat);
int fat_parse_options(struct fat_options *o, const char *data, bool vfat);
int fat_show_options(struct super_block *sb, struct strbuf *out);

#endif
