/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The on-disk layout of ext2 and ext3: Documentation/filesystems/ext2 and ext4 ("disk layout"), and the facts of e2fsprogs' headers.
 * All integers are little-endian, and so is every machine that Lintel runs on.
 */
#ifndef FS_EXT2_EXT2_DISK_H
#define FS_EXT2_EXT2_DISK_H

#include "sys/lib/types.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structs are read as they stand on the disk");

#define EXT2_MAGIC		0xef53
#define EXT2_SUPER_OFFSET	1024
#define EXT2_ROOT_INO		2
#define EXT2_JOURNAL_INO	8
#define EXT2_OLD_FIRST_INO	11
#define EXT2_OLD_INODE_SIZE	128
#define EXT2_LINK_MAX		65000
#define EXT2_NAME_LEN		255

struct ext2_super {
	u32 s_inodes_count, s_blocks_count, s_r_blocks_count, s_free_blocks_count, s_free_inodes_count, s_first_data_block;
	u32 s_log_block_size, s_log_frag_size, s_blocks_per_group, s_frags_per_group, s_inodes_per_group;
	u32 s_mtime, s_wtime;
	u16 s_mnt_count;
	s16 s_max_mnt_count;
	u16 s_magic, s_state, s_errors, s_minor_rev_level;
	u32 s_lastcheck, s_checkinterval, s_creator_os, s_rev_level;
	u16 s_def_resuid, s_def_resgid;
	/* from revision 1 on */
	u32 s_first_ino;
	u16 s_inode_size, s_block_group_nr;
	u32 s_feature_compat, s_feature_incompat, s_feature_ro_compat;
	u8 s_uuid[16];
	char s_volume_name[16], s_last_mounted[64];
	u32 s_algo_bitmap;
	u8 s_prealloc_blocks, s_prealloc_dir_blocks;
	u16 s_reserved_gdt_blocks;
	u8 s_journal_uuid[16];
	u32 s_journal_inum, s_journal_dev, s_last_orphan;
	u32 s_hash_seed[4];
	u8 s_def_hash_version, s_jnl_backup_type;
	u16 s_desc_size;
	u32 s_default_mount_opts, s_first_meta_bg, s_mkfs_time, s_jnl_blocks[17];
	u32 s_blocks_count_hi, s_r_blocks_count_hi, s_free_blocks_count_hi;
	u16 s_min_extra_isize, s_want_extra_isize;
	u32 s_flags;
	u8 rest[1024 - 0x164];
};
_Static_assert(sizeof(struct ext2_super) == 1024, "super block");
_Static_assert(offsetof(struct ext2_super, s_flags) == 0x160, "super block");

enum { EXT2_VALID_FS = 1, EXT2_ERROR_FS = 2, EXT2_ORPHAN_FS = 4 };			/* s_state */
enum { EXT2_ERRORS_CONTINUE = 1, EXT2_ERRORS_RO = 2, EXT2_ERRORS_PANIC = 3 };
enum { EXT2_FLAGS_SIGNED_HASH = 1, EXT2_FLAGS_UNSIGNED_HASH = 2 };
enum { EXT2_DEFM_XATTR_USER = 4, EXT2_DEFM_ACL = 8, EXT2_DEFM_BSDGROUPS = 2, EXT2_DEFM_DEBUG = 1, EXT2_DEFM_UID16 = 16 };

enum { COMPAT_HAS_JOURNAL = 4, COMPAT_EXT_ATTR = 8, COMPAT_RESIZE_INODE = 0x10, COMPAT_DIR_INDEX = 0x20 };
enum { INCOMPAT_FILETYPE = 2, INCOMPAT_RECOVER = 4, INCOMPAT_JOURNAL_DEV = 8, INCOMPAT_EXTENTS = 0x40 };
enum { RO_COMPAT_SPARSE_SUPER = 1, RO_COMPAT_LARGE_FILE = 2, RO_COMPAT_BTREE_DIR = 4, RO_COMPAT_HUGE_FILE = 8,
	RO_COMPAT_DIR_NLINK = 0x20, RO_COMPAT_EXTRA_ISIZE = 0x40 };

struct ext2_group_desc {
	u32 bg_block_bitmap, bg_inode_bitmap, bg_inode_table;
	u16 bg_free_blocks_count, bg_free_inodes_count, bg_used_dirs_count, bg_flags;
	u32 bg_rest[3];
};
_Static_assert(sizeof(struct ext2_group_desc) == 32, "group descriptor");

#define EXT2_NDIR	12
enum { EXT2_IND = 12, EXT2_DIND = 13, EXT2_TIND = 14, EXT2_N_BLOCKS = 15 };

struct ext2_dinode {
	u16 i_mode, i_uid;
	u32 i_size, i_atime, i_ctime, i_mtime, i_dtime;
	u16 i_gid, i_links_count;
	u32 i_blocks, i_flags, i_osd1;
	u32 i_block[EXT2_N_BLOCKS];
	u32 i_generation, i_file_acl, i_size_high, i_faddr;
	u16 i_blocks_high, i_file_acl_high, i_uid_high, i_gid_high;
	u32 i_osd2;
	/* larger inodes: what i_extra_isize covers is valid */
	u16 i_extra_isize, i_checksum_hi;
	u32 i_ctime_extra, i_mtime_extra, i_atime_extra, i_crtime, i_crtime_extra, i_version_hi, i_projid;
};
_Static_assert(offsetof(struct ext2_dinode, i_extra_isize) == 128 && sizeof(struct ext2_dinode) == 160, "inode");
#define EXT2_EXTRA_ISIZE	32	/* what new inodes get */

enum {		/* i_flags */
	EXT2_SECRM_FL = 1, EXT2_UNRM_FL = 2, EXT2_COMPR_FL = 4, EXT2_SYNC_FL = 8, EXT2_IMMUTABLE_FL = 0x10, EXT2_APPEND_FL = 0x20,
	EXT2_NODUMP_FL = 0x40, EXT2_NOATIME_FL = 0x80, EXT2_NOCOMP_FL = 0x400, EXT2_INDEX_FL = 0x1000, EXT2_IMAGIC_FL = 0x2000,
	EXT2_JOURNAL_DATA_FL = 0x4000, EXT2_NOTAIL_FL = 0x8000, EXT2_DIRSYNC_FL = 0x10000, EXT2_TOPDIR_FL = 0x20000,
	EXT2_HUGE_FILE_FL = 0x40000, EXT2_EXTENTS_FL = 0x80000,
	EXT2_FL_USER_VISIBLE = 0x4bdfff, EXT2_FL_USER_MODIFIABLE = 0x0380ff,
	EXT2_FL_INHERITED = EXT2_SECRM_FL | EXT2_UNRM_FL | EXT2_COMPR_FL | EXT2_SYNC_FL | EXT2_NODUMP_FL | EXT2_NOATIME_FL |
		EXT2_NOCOMP_FL | EXT2_JOURNAL_DATA_FL | EXT2_NOTAIL_FL | EXT2_DIRSYNC_FL,
};

struct ext2_dirent {
	u32 inode;
	u16 rec_len;
	u8 name_len, file_type;
	char name[];
};
#define EXT2_DIRENT_HEAD	8U
static inline u32 ext2_rec_len(u32 name_len) { return (name_len + EXT2_DIRENT_HEAD + 3) & ~3u; }

/* Hashed directories. A node's first entry holds limit and count instead of a hash. */
struct dx_entry { u32 hash, block; };
struct dx_countlimit { u16 limit, count; };
struct dx_root_info { u32 zero; u8 hash_version, info_length, levels, flags; };
#define DX_ROOT_INFO	24U	/* offset in block 0, behind "." and ".." */
#define DX_NODE_ENTRIES	8U	/* offset in other index blocks, behind an empty entry */
#define DX_BLOCK_MASK	0x0fffffffu
enum { DX_HASH_LEGACY, DX_HASH_HALF_MD4, DX_HASH_TEA, DX_HASH_LEGACY_UNSIGNED, DX_HASH_HALF_MD4_UNSIGNED, DX_HASH_TEA_UNSIGNED };

/* Extended attributes. */
#define EXT2_XATTR_MAGIC	0xea020000u
struct ext2_xattr_header { u32 h_magic, h_refcount, h_blocks, h_hash, h_checksum, h_reserved[3]; };
struct ext2_xattr_entry { u8 e_name_len, e_name_index; u16 e_value_offs; u32 e_value_inum, e_value_size, e_hash; char e_name[]; };
_Static_assert(sizeof(struct ext2_xattr_header) == 32 && sizeof(struct ext2_xattr_entry) == 16, "extended attributes");
#define EXT2_XATTR_REFCOUNT_MAX	1024

#endif
