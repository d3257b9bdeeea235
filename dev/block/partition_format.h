/* SPDX-License-Identifier: BSD-2-Clause */
/* What partition tables look like on the disk; all numbers are little-endian. For partition.c and gpt.c alone. */
#ifndef DEV_BLOCK_PARTITION_FORMAT_H
#define DEV_BLOCK_PARTITION_FORMAT_H

#include "dev/block/partition.h"

#define MBR_SIGNATURE	440
#define MBR_TABLE	446
#define MBR_ENTRIES	4
#define MBR_TYPE_GPT	0xee

struct mbr_entry {
	u8 boot, chs_first[3], type, chs_last[3];
	u32 start, nr;		/* logical blocks */
} __packed;

struct gpt_header {
	u8 signature[8];	/* "EFI PART" */
	u32 revision, header_size, header_crc, reserved;
	u64 my_lba, alternate_lba, first_usable, last_usable;
	u8 disk_guid[16];
	u64 entries_lba;
	u32 entries, entry_size, entries_crc;
} __packed;

struct gpt_entry {
	u8 type[16], guid[16];
	u64 first, last, attributes;
	u8 name[72];		/* UTF-16 */
} __packed;

/* False: no room, or no such number. */
bool partition_add(struct partition_table *t, u32 number, u64 start, u64 nr, const char *uuid);
/* out->scheme stays NULL where neither header is good. */
int __must_check gpt_read(const struct partition_source *s, struct partition_table *out);

#endif
