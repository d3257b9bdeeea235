/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums of the log, versions 2 and 3 (CRC32C seeded with the journal's UUID). Only verified: logs that we write have none.
 * A block's own checksum is computed with its field taken as zero.
 */
#include "fs/jbd2/jbd2.h"

#include "sys/lib/crc32.h"
#include "sys/lib/string.h"

static const be32_t zero;

/* CRC32C over len bytes of p, in which the 4 bytes at `field` count as zeros. */
static u32
crc_without(u32 seed, const void *p, size_t len, size_t field)
{
	u32 crc = crc32c(seed, p, field);

	crc = crc32c(crc, &zero, sizeof(zero));
	return crc32c(crc, (const u8 *)p + field + 4, len - field - 4);
}

static u32
field_at(const u8 *p, size_t off)
{
	be32_t v;

	memcpy(&v, p + off, sizeof(v));
	return be32_get(v);
}

static bool
in_use(const struct journal *j)
{
	return j->incompat & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3);
}

bool
csum_super_ok(const struct jbd2_super *sb)
{
	size_t field = offsetof(struct jbd2_super, csum);

	if ((be32_get(sb->incompat) & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)) == 0)
		return true;
	return be32_get(sb->csum) == crc_without(~0U, sb, sizeof(*sb), field);
}

void
csum_super_set(struct jbd2_super *sb)
{
	if ((be32_get(sb->incompat) & (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)) != 0)
		sb->csum = be32_make(crc_without(~0U, sb, sizeof(*sb), offsetof(struct jbd2_super, csum)));
}

bool
csum_tail_ok(const struct journal *j, const u8 *block)
{
	size_t field = j->block_size - 4;

	return !in_use(j) || field_at(block, field) == crc_without(j->csum_seed, block, j->block_size, field);
}

bool
csum_commit_ok(const struct journal *j, const u8 *block)
{
	size_t field = offsetof(struct jbd2_commit, csum);

	return !in_use(j) || field_at(block, field) == crc_without(j->csum_seed, block, j->block_size, field);
}

bool
csum_data_ok(const struct journal *j, u32 tid, const u8 *data, u32 csum)
{
	be32_t n = be32_make(tid);
	u32 crc = crc32c(crc32c(j->csum_seed, &n, sizeof(n)), data, j->block_size);

	if (j->incompat & JBD2_INCOMPAT_CSUM_V3)
		return csum == crc;
	return !(j->incompat & JBD2_INCOMPAT_CSUM_V2) || csum == (crc & 0xffff);
}
