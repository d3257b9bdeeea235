/* SPDX-License-Identifier: BSD-2-Clause */
/* File modes and the structs of stat(2), statx(2), statfs(2), getdents(2), utimensat(2): the x86-64 ABI. */
#ifndef SYS_ABI_STAT_H
#define SYS_ABI_STAT_H

#include "sys/abi/timespec.h"

#define S_IFMT		0170000u
#define S_IFSOCK	0140000u
#define S_IFLNK		0120000u
#define S_IFREG		0100000u
#define S_IFBLK		0060000u
#define S_IFDIR		0040000u
#define S_IFCHR		0020000u
#define S_IFIFO		0010000u
#define S_ISUID		0004000u
#define S_ISGID		0002000u
#define S_ISVTX		0001000u
#define S_IRWXU		00700u
#define S_IRUSR		00400u
#define S_IWUSR		00200u
#define S_IXUSR		00100u
#define S_IRWXG		00070u
#define S_IRGRP		00040u
#define S_IWGRP		00020u
#define S_IXGRP		00010u
#define S_IRWXO		00007u
#define S_IROTH		00004u
#define S_IWOTH		00002u
#define S_IXOTH		00001u
#define S_IRWXUGO	00777u
#define S_IXUGO		00111u
#define S_IALLUGO	07777u

#define S_ISLNK(m)	(((m) & S_IFMT) == S_IFLNK)
#define S_ISREG(m)	(((m) & S_IFMT) == S_IFREG)
#define S_ISDIR(m)	(((m) & S_IFMT) == S_IFDIR)
#define S_ISCHR(m)	(((m) & S_IFMT) == S_IFCHR)
#define S_ISBLK(m)	(((m) & S_IFMT) == S_IFBLK)
#define S_ISFIFO(m)	(((m) & S_IFMT) == S_IFIFO)
#define S_ISSOCK(m)	(((m) & S_IFMT) == S_IFSOCK)

struct abi_stat {
	u64 st_dev, st_ino, st_nlink;
	u32 st_mode, st_uid, st_gid, pad0;
	u64 st_rdev;
	s64 st_size, st_blksize, st_blocks;
	struct abi_timespec st_atim, st_mtim, st_ctim;
	s64 unused[3];
};
_Static_assert(sizeof(struct abi_stat) == 144, "struct stat");

struct abi_statx_timestamp { s64 tv_sec; u32 tv_nsec; s32 pad; };

struct abi_statx {
	u32 stx_mask, stx_blksize;
	u64 stx_attributes;
	u32 stx_nlink, stx_uid, stx_gid;
	u16 stx_mode, pad0;
	u64 stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct abi_statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
	u32 stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	u64 stx_mnt_id;
	u32 stx_dio_mem_align, stx_dio_offset_align;
	u64 spare[12];
};
_Static_assert(sizeof(struct abi_statx) == 256, "struct statx");

#define STATX_TYPE		0x0001u
#define STATX_MODE		0x0002u
#define STATX_NLINK		0x0004u
#define STATX_UID		0x0008u
#define STATX_GID		0x0010u
#define STATX_ATIME		0x0020u
#define STATX_MTIME		0x0040u
#define STATX_CTIME		0x0080u
#define STATX_INO		0x0100u
#define STATX_SIZE		0x0200u
#define STATX_BLOCKS		0x0400u
#define STATX_BASIC_STATS	0x07ffu
#define STATX_BTIME		0x0800u
#define STATX_MNT_ID		0x1000u
#define STATX_RESERVED		0x80000000u
#define STATX_ATTR_IMMUTABLE	0x0010u
#define STATX_ATTR_APPEND	0x0020u
#define STATX_ATTR_NODUMP	0x0040u
#define STATX_ATTR_AUTOMOUNT	0x1000u
#define STATX_ATTR_MOUNT_ROOT	0x2000u
#define STATX_ATTR_DAX		0x200000u

struct abi_statfs {
	s64 f_type, f_bsize;
	u64 f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	s32 f_fsid[2];
	s64 f_namelen, f_frsize, f_flags, f_spare[4];
};
_Static_assert(sizeof(struct abi_statfs) == 120, "struct statfs");

/* f_flags of statfs(2) */
#define ST_RDONLY		0x0001
#define ST_NOSUID		0x0002
#define ST_NODEV		0x0004
#define ST_NOEXEC		0x0008
#define ST_SYNCHRONOUS		0x0010
#define ST_VALID		0x0020
#define ST_MANDLOCK		0x0040
#define ST_NOATIME		0x0400
#define ST_NODIRATIME		0x0800
#define ST_RELATIME		0x1000
#define ST_NOSYMFOLLOW		0x2000

#define UTIME_NOW		0x3fffffffL
#define UTIME_OMIT		0x3ffffffeL

#endif
