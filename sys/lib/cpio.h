/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of "newc" cpio archives (magic 070701, and 070702 with checksums) in memory: an initramfs. Several archives may
 * follow each other with zero bytes between. Nothing is copied; the entries point into the buffer. Every bound is
 * checked: no input makes it read outside of the buffer or loop.
 */
#ifndef SYS_LIB_CPIO_H
#define SYS_LIB_CPIO_H

#include "sys/lib/types.h"

struct cpio_entry {
	const char *name;	/* terminated, not empty, as it stands in the archive (may begin with / or ./) */
	size_t name_len;
	const u8 *data;		/* file contents, or a symlink's target without NUL */
	size_t size;
	u32 ino, nlink;		/* (ino, dev_*) the same and nlink > 1: hard links; usually the last one has the data */
	u32 mode, uid, gid;
	u32 mtime;		/* seconds since 1970 */
	u32 dev_major, dev_minor;
	u32 rdev_major, rdev_minor;
	u32 check;		/* magic 070702: sum of the data's bytes */
	bool checked;		/* there is one */
	u32 archive;		/* 0 for the first archive in the buffer: ino is unique within one archive only */
};

struct cpio_iter {
	const u8 *base;
	size_t size;
	size_t pos;		/* where the next header is; after an error the one at fault */
	u32 archive;
	bool trailer;		/* the last archive ended with its trailer */
};

static inline void
cpio_init(struct cpio_iter *it, const void *base, size_t size)
{
	*it = (struct cpio_iter){ .base = base, .size = size };
}

/*
 * 1: *e is the next entry. 0: the end of the buffer, or, behind an archive's trailer, something that is no cpio (pos
 * is there: a compressed archive may follow); it->trailer is false then if the archive was cut between two entries.
 * -EINVAL: not a cpio header, a bad number, a name that is empty or without end, a wrong checksum. -EIO: header, name
 * or data run over the end of the buffer.
 */
__must_check int cpio_next(struct cpio_iter *it, struct cpio_entry *e);

/*
 * For a reader that gets the archive in pieces: the numbers of one header of CPIO_HEADER bytes. Behind it come the name
 * (*name_size bytes with its NUL), zeros to a multiple of 4, e->size bytes of data, zeros to a multiple of 4. name and data
 * of *e are not set. -EINVAL: not a header.
 */
#define CPIO_HEADER	110
#define CPIO_TRAILER	"TRAILER!!!"
__must_check int cpio_parse_header(const u8 *p, struct cpio_entry *e, u32 *name_size);

#endif
