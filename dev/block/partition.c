/* SPDX-License-Identifier: BSD-2-Clause */
/* The partition table of a disk: which kind it is, and MBR. GPT is in gpt.c. */
#include "dev/block/partition_format.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"

#define EXTENDED_MAX	256	/* links of a chain that are followed */

struct mbr_scan {
	const struct partition_source *s;
	struct partition_table *out;
	u32 signature;
	u32 scale;		/* sectors of 512 bytes in a logical block */
	u8 *block;		/* logical_size bytes */
};

bool
partition_add(struct partition_table *t, u32 number, u64 start, u64 nr, const char *uuid)
{
	struct partition *p;

	if (t->n == PARTITIONS_MAX || number > PARTITIONS_MAX)
		return false;
	p = &t->parts[t->n++];
	*p = (struct partition){ .number = number, .start = start, .nr = nr };
	strlcpy(p->uuid, uuid, sizeof(p->uuid));
	return true;
}

static const struct mbr_entry *
entries_of(const u8 *block)
{
	return (const struct mbr_entry *)(block + MBR_TABLE);
}

static bool
is_extended(const struct mbr_entry *e)
{
	return e->type == 0x05 || e->type == 0x0f || e->type == 0x85;
}

static bool
has_signature(const u8 *block)
{
	return block[510] == 0x55 && block[511] == 0xaa;
}

/* A boot sector without a table holds code or a FAT's numbers where the flags of entries would be. */
static bool
is_table(const u8 *block)
{
	for (u32 i = 0; i < MBR_ENTRIES; i++)
		if ((entries_of(block)[i].boot & 0x7f) != 0)
			return false;
	return has_signature(block);
}

/* A range of the disk in sectors, cut at its end: false where nothing is left. */
static bool
range_of(const struct mbr_scan *m, u64 start, u64 nr, u64 *first, u64 *count)
{
	*first = start * m->scale;
	*count = nr * m->scale;
	if (*count == 0 || *first == 0 || *first >= m->s->nr_sectors)
		return false;
	*count = MIN(*count, m->s->nr_sectors - *first);
	return true;
}

static void
add(struct mbr_scan *m, u32 number, u64 start, u64 nr)
{
	char uuid[16];

	snprintf(uuid, sizeof(uuid), "%08x-%02x", m->signature, number);
	(void)partition_add(m->out, number, start, nr, uuid);
}

/* The chain of an extended partition. Each link has a logical partition, placed relative to itself, and the next link, relative to the
 * whole extended partition; either may be missing. */
static void
scan_extended(struct mbr_scan *m, u64 base, u64 limit)
{
	u64 here = base;
	u32 number = MBR_ENTRIES + 1;

	for (u32 link = 0; link < EXTENDED_MAX; link++) {
		const struct mbr_entry *e = entries_of(m->block), *next = NULL;
		u64 first, count;

		if (here * m->scale >= m->s->nr_sectors || m->s->read(m->s, here * m->scale, m->block, m->s->logical_size) != 0 ||
		    !has_signature(m->block))
			return;
		for (u32 i = 0; i < MBR_ENTRIES; i++) {
			if (is_extended(&e[i])) {
				next = next == NULL ? &e[i] : next;
				continue;
			}
			if (e[i].type == 0 || e[i].nr == 0 || e[i].start == 0)
				continue;
			/* The third and fourth are rubbish on old disks: only what lies inside is taken. */
			if (i >= 2 && (here + e[i].start + e[i].nr > base + limit))
				continue;
			if (range_of(m, here + e[i].start, e[i].nr, &first, &count))
				add(m, number++, first, count);
		}
		if (next == NULL || next->nr == 0 || next->start == 0)
			return;
		here = base + next->start;
	}
}

static void
scan_mbr(struct mbr_scan *m)
{
	struct mbr_entry table[MBR_ENTRIES];

	memcpy(table, entries_of(m->block), sizeof(table));
	memcpy(&m->signature, m->block + MBR_SIGNATURE, sizeof(m->signature));
	for (u32 i = 0; i < MBR_ENTRIES; i++) {
		u64 first, count;

		if (table[i].type == 0 || !range_of(m, table[i].start, table[i].nr, &first, &count))
			continue;
		if (is_extended(&table[i]))	/* room for a boot loader, and too small to be taken for more */
			count = MIN(count, MAX(2UL, (u64)m->scale));
		add(m, i + 1, first, count);
	}
	for (u32 i = 0; i < MBR_ENTRIES; i++)
		if (is_extended(&table[i]) && table[i].nr != 0 && table[i].start != 0)
			scan_extended(m, table[i].start, table[i].nr);
}

int
partition_read(const struct partition_source *s, struct partition_table *out)
{
	struct mbr_scan m = { .s = s, .out = out, .scale = s->logical_size / 512 };
	bool protective = false;
	int err = 0;

	out->scheme = NULL;
	out->backup_used = false;
	out->n = 0;
	if (s->nr_sectors < m.scale)
		return 0;
	m.block = kmem_alloc(s->logical_size, KM_NORMAL);
	if (m.block == NULL)
		return -ENOMEM;
	err = s->read(s, 0, m.block, s->logical_size);
	if (err != 0 || !is_table(m.block))
		goto out_free;
	for (u32 i = 0; i < MBR_ENTRIES; i++)
		protective |= entries_of(m.block)[i].type == MBR_TYPE_GPT;
	if (protective)
		err = gpt_read(s, out);
	if (err == 0 && out->scheme == NULL && !protective) {
		out->scheme = "msdos";
		scan_mbr(&m);
	}
out_free:
	kmem_free(m.block);
	return err;
}
