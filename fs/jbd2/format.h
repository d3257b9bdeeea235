/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log on disk: JBD2's layout. All fields are big-endian. Source: the kernel documentation's description of the ext4 journal
 * layout ("Journal (jbd2)").
 */
#ifndef FS_JBD2_FORMAT_H
#define FS_JBD2_FORMAT_H

#include "sys/lib/byteorder.h"

#define JBD2_MAGIC	0xc03b3998U

enum { JBD2_DESCRIPTOR = 1, JBD2_COMMIT = 2, JBD2_SUPER_V1 = 3, JBD2_SUPER_V2 = 4, JBD2_REVOKE = 5 };

struct jbd2_header { be32_t magic, type, tid; };	/* of every block of the log but copies of metadata */

enum {
	JBD2_COMPAT_CHECKSUM	= 1 << 0,	/* commit blocks hold a CRC32 over the transaction's blocks */
	JBD2_INCOMPAT_REVOKE	= 1 << 0,
	JBD2_INCOMPAT_64BIT	= 1 << 1,	/* block numbers of 64 bits in tags and revoke records */
	JBD2_INCOMPAT_ASYNC	= 1 << 2,	/* a commit block may reach the disk before what it commits: only its checksum counts */
	JBD2_INCOMPAT_CSUM_V2	= 1 << 3,
	JBD2_INCOMPAT_CSUM_V3	= 1 << 4,
	JBD2_INCOMPAT_FAST	= 1 << 5,
};

struct jbd2_super {
	struct jbd2_header header;
	be32_t block_size, log_blocks, first;	/* first: log block where transactions begin */
	be32_t tid, start;			/* the first transaction expected and its log block; start 0: the log is empty */
	be32_t error;				/* negated errno of an abort */
	be32_t compat, incompat, ro_compat;	/* from here on: version 2 */
	u8 uuid[16];
	be32_t users, dyn_super, max_transaction, max_data;
	u8 csum_type, pad[3];
	be32_t fast_blocks, head;
	be32_t reserved[40];
	be32_t csum;
	u8 user_uuids[16 * 48];
};
_Static_assert(sizeof(struct jbd2_super) == 1024, "the journal's super block has 1024 bytes");

/* A tag names the place of the metadata block that stands at the same position behind the descriptor. Its form is chosen by features:
 *	CSUM_V3			block, flags, block_high, csum			16 bytes
 *	else			block, csum (16 bits), flags (16 bits)		8 bytes
 *		with 64BIT	... block_high					12
 *		with CSUM_V2	2 bytes more						10, 14
 * A tag without SAME_UUID is followed by 16 bytes of UUID. */
enum { JBD2_TAG_ESCAPED = 1, JBD2_TAG_SAME_UUID = 2, JBD2_TAG_DELETED = 4, JBD2_TAG_LAST = 8 };

/* Revoke block: header, bytes in use with this head, then block numbers of 4 or 8 bytes. */
struct jbd2_revoke { struct jbd2_header header; be32_t bytes; };

struct jbd2_commit {
	struct jbd2_header header;
	u8 csum_type, csum_size, pad[2];
	be32_t csum[8];
	be64_t seconds;
	be32_t nanoseconds;
};

#endif
