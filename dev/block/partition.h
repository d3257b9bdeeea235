/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partition tables: MBR with its chain of extended ones, and GPT (UEFI 2.10, chapter 5). Pure code over a read function: nothing of what
 * stands on the disk is believed.
 */
#ifndef DEV_BLOCK_PARTITION_H
#define DEV_BLOCK_PARTITION_H

#include "sys/lib/types.h"

#define PARTITIONS_MAX	255

struct partition {
	u32 number;		/* 1 .. PARTITIONS_MAX */
	u64 start, nr;		/* sectors of 512 bytes */
	char uuid[37];		/* as in PARTUUID= */
	char label[73];		/* GPT's name in UTF-8 */
};

struct partition_source {
	u64 nr_sectors;		/* of 512 bytes */
	u32 logical_size;	/* bytes: the unit of the tables */
	int (*read)(const struct partition_source *s, u64 sector, void *buf, size_t len);	/* whole logical blocks. 0 or -errno */
	void *arg;
};

struct partition_table {
	const char *scheme;	/* "msdos", "gpt", or NULL: none known */
	bool backup_used;	/* GPT: the first header or its entries were bad */
	u32 n;
	struct partition parts[PARTITIONS_MAX];
};

/* 0, also where there is no table; -ENOMEM, -EIO (the first block can't be read). May sleep. */
int __must_check partition_read(const struct partition_source *s, struct partition_table *out);

#endif
