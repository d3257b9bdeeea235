/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iso9660's inside. Sources: ECMA-119; SUSP and RRIP 1.12 (IEEE P1281, P1282); the Joliet specification.
 *
 * Lock key: [I] immutable once the vnode is unlocked, the super block filled
 */
#ifndef FS_ISO9660_ISO9660_H
#define FS_ISO9660_ISO9660_H

#include "dev/buf.h"
#include "fs/blockmap.h"
#include "sys/lib/byteorder.h"

#define ISO_SECTOR	2048U		/* descriptors lie in these, records never cross them */
#define ISO_NAME_MAX	255U
#define ISO_RECORD_MAX	255U
#define ISO_SECTIONS_MAX 100U		/* extents of one file */

struct iso_both16 { le16_t le; be16_t be; };
struct iso_both32 { le32_t le; be32_t be; };

/* A directory record (ECMA-119, 9.1). The name follows, padded to an even end, then the system use area. */
struct iso_record {
	u8 len, xattr_blocks;
	struct iso_both32 extent, size;
	u8 date[7];
	u8 flags, unit, gap;
	struct iso_both16 volume;
	u8 name_len;
	u8 name[];
};
enum { ISO_HIDDEN = 1, ISO_DIRECTORY = 2, ISO_ASSOCIATED = 4, ISO_MORE = 128 };

/* Primary and supplementary volume descriptor (8.4, 8.5). */
struct iso_descriptor {
	u8 type, magic[5], version, flags;
	u8 system_id[32], volume_id[32], unused[8];
	struct iso_both32 blocks;
	u8 escapes[32];			/* supplementary: which character set */
	struct iso_both16 set_size, set_number, block_size;
	u8 path_table[24];
	u8 root[34];
	u8 ids[623];			/* publisher and the like */
	u8 created[17];
	u8 rest[1218];
};
_Static_assert(sizeof(struct iso_descriptor) == ISO_SECTOR, "a descriptor fills a sector");

enum iso_names { ISO_NAMES_PLAIN, ISO_NAMES_JOLIET, ISO_NAMES_ROCK };

struct iso_options {
	bool norock, nojoliet, hide, showassoc, unmapped, own_perm;
	bool uid_set, gid_set, mode_set, dmode_set;
	kuid_t uid;
	kgid_t gid;
	u32 mode, dmode;
	char check;			/* 'r': case doesn't count in names; 's': it does; 0: as the kind of names wants it */
	u32 first_sector;		/* of the session, in sectors */
};

struct iso_fs {				/* sb->priv; all [I] */
	struct super_block *sb;
	struct iso_options opt;
	enum iso_names names;
	u32 su_skip;			/* bytes to skip in each system use area (SP entry) */
	u32 block_size, block_shift;
	u64 blocks;
	struct iso_record root;
};

struct iso_section { u64 fblock, n; u32 block; };	/* fblock, n: of the file; in logical blocks */

struct iso_vnode {
	struct vnode vn;
	u64 dir_start;			/* [I] directories: byte position */
	u64 dir_size;
	u32 nsections;			/* [I] */
	struct iso_section *sections;	/* [I] allocated if more than one */
	struct iso_section one;
	char *link;			/* [I] allocated */
};

static inline struct iso_vnode *iso_vnode(struct vnode *vn) { return container_of(vn, struct iso_vnode, vn); }
static inline struct iso_fs *iso_fs(const struct super_block *sb) { return sb->priv; }

/* What a record says, with its Rock Ridge entries. */
struct iso_entry {
	u64 pos;			/* byte position on the device */
	u32 extent, size;
	u8 flags, xattr_blocks;
	nsec_t date;
	u8 raw_name[ISO_RECORD_MAX];
	u32 raw_len;
	bool dot;			/* "." or ".." of the directory */
	bool rock;			/* it has Rock Ridge attributes (PX) */
	bool relocated;			/* RE: shown elsewhere */
	bool unreadable;		/* compressed (ZF) or interleaved: its data is not the file as it is */
	u32 child;			/* CL: it is really this directory; 0: no */
	u32 parent;			/* PL: the parent of a relocated directory */
	u32 mode, nlink, uid, gid;
	dev_t rdev;
	nsec_t mtime, atime, ctime, btime;	/* 0: not given */
	char name[ISO_NAME_MAX + 1];	/* Rock Ridge's; "": not given */
	u32 name_len;
	char *link;			/* PATH_MAX_K bytes of the caller's that take the target, or NULL */
	u32 link_len;
};

/* --- io.c --- */
int iso_read_bytes(struct super_block *sb, u64 pos, void *out, u32 len);	/* -EIO */
/* The record at pos with all that belongs to it. -EUCLEAN: none. 0: e->pos .. filled; *len its length, 0: no more in this sector. */
int iso_read_entry(struct super_block *sb, u64 pos, struct iso_entry *e, u32 *len);

/* --- rock.c --- */
/* Parse the system use area of len bytes. Damaged entries end it. -EIO from continuation areas. */
int iso_rock_parse(struct super_block *sb, const u8 *area, u32 len, struct iso_entry *e);
/* The root's "." says whether there is Rock Ridge, and how many bytes to skip. */
bool iso_rock_present(const u8 *area, u32 len, u32 *skip);
nsec_t iso_date7(const u8 *date);
nsec_t iso_date17(const u8 *date);

/* --- name.c --- */
/* The name that users see, in UTF-8: its length, 0: none. out: ISO_NAME_MAX bytes. */
u32 iso_name(const struct iso_fs *fs, const struct iso_entry *e, char *out);
bool iso_ignores_case(const struct iso_fs *fs);		/* "check=": by default Joliet's names alone */
bool iso_names_equal(const struct iso_fs *fs, const char *a, u32 alen, const char *b, u32 blen);
extern const struct dentry_ops iso_relaxed_dops;

/* --- dir.c --- */
extern const struct vnode_ops iso_dir_ops, iso_file_ops;
extern const struct file_ops iso_dir_fops;

/* --- inode.c --- */
extern const struct blockmap_ops iso_blockmap_ops;
struct vnode *iso_alloc_vnode(struct super_block *sb);
void iso_free_vnode(struct vnode *vn);
void iso_evict(struct vnode *vn);
/* The vnode of the file whose first record is e (and that goes on at next: multi-extent). */
int iso_vnode_get(struct super_block *sb, const struct iso_entry *e, u64 next, struct vnode **out);
int iso_directory_get(struct super_block *sb, u32 extent, u32 xattr_blocks, struct vnode **out);
int iso_inode_init(void);

/* --- options.c --- */
int iso_parse_options(const char *data, struct iso_options *o);
int iso_show_options(struct super_block *sb, struct strbuf *out);


#endif
