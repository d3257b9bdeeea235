/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GUID partition tables. A header counts only if its checksum, its place and its entries' checksum are right; where the first doesn't, the
 * copy at the end of the disk is used.
 */
#include "dev/block/partition_format.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/crc32.h"
#include "sys/lib/printf.h"
#include "sys/lib/string.h"
#include "sys/lib/utf8.h"

#define GPT_HEADER_MIN	92
#define ENTRIES_BYTES	(256 * KIB)	/* more than anybody writes; what a hostile header can make us read */

struct gpt_scan {
	const struct partition_source *s;
	u32 scale;
	u64 last_lba;
	struct gpt_header h;
	u8 *entries;
	u32 count;		/* entries that were read */
};

static u32
checksum(const void *p, size_t len)
{
	return ~crc32_le(~0U, p, len);
}

static bool
header_is_good(struct gpt_scan *g, u8 *block, u64 lba)
{
	struct gpt_header *h = &g->h;

	memcpy(h, block, sizeof(*h));
	if (memcmp(h->signature, "EFI PART", 8) != 0 || h->header_size < GPT_HEADER_MIN || h->header_size > g->s->logical_size)
		return false;
	memset(block + offsetof(struct gpt_header, header_crc), 0, 4);
	if (checksum(block, h->header_size) != h->header_crc || h->my_lba != lba)
		return false;
	if (h->first_usable > h->last_usable || h->last_usable > g->last_lba)
		return false;
	return h->entry_size >= sizeof(struct gpt_entry) && h->entry_size % 8 == 0 && h->entry_size <= 4096 && h->entries > 0 &&
		h->entries <= ENTRIES_BYTES / h->entry_size && h->entries_lba > 0 && h->entries_lba <= g->last_lba;
}

/* Read the entries that the header tells of into g->entries. */
static bool
read_entries(struct gpt_scan *g)
{
	u32 len = g->h.entries * g->h.entry_size, whole = ALIGN_UP(len, g->s->logical_size);

	if (g->h.entries_lba + whole / g->s->logical_size - 1 > g->last_lba)
		return false;
	g->entries = kmem_alloc(whole, KM_NORMAL);
	if (g->entries == NULL)
		return false;
	if (g->s->read(g->s, g->h.entries_lba * g->scale, g->entries, whole) == 0 && checksum(g->entries, len) == g->h.entries_crc)
		return true;
	kmem_free(g->entries);
	g->entries = NULL;
	return false;
}

static bool
try_header(struct gpt_scan *g, u64 lba)
{
	u8 *block = kmem_alloc(g->s->logical_size, KM_NORMAL);
	bool good;

	good = block != NULL && g->s->read(g->s, lba * g->scale, block, g->s->logical_size) == 0 && header_is_good(g, block, lba) &&
		read_entries(g);
	kmem_free(block);
	return good;
}

/* The first three fields of a GUID are little-endian numbers, the rest is bytes. */
static void
guid_text(const u8 *b, char *out, size_t size)
{
	snprintf(out, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[3], b[2], b[1], b[0], b[5], b[4],
		b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* UTF-16 to UTF-8; what isn't a character, or can't be shown, is '!'. Cut at a whole character. */
static void
name_text(const u8 *name, char *out, size_t size)
{
	size_t len = 0;

	for (u32 i = 0; i < 36; i++) {
		u32 c = name[2 * i] | (u32)name[2 * i + 1] << 8;
		char text[4];
		u32 n;

		if (c == 0)
			break;
		if (c >= 0xd800 && c < 0xdc00 && i + 1 < 36 && (name[2 * i + 3] & 0xfc) == 0xdc) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (name[2 * i + 2] | (u32)(name[2 * i + 3] & 3) << 8);
			i++;
		} else if (c < 0x20 || c == 0x7f || (c >= 0xd800 && c < 0xe000)) {
			c = '!';
		}
		n = (u32)utf8_encode(c, text);
		if (len + n >= size)
			break;
		memcpy(out + len, text, n);
		len += n;
	}
	out[len] = '\0';
}

static void
add_entry(struct gpt_scan *g, u32 index, struct partition_table *out)
{
	static const u8 unused[16];
	struct gpt_entry e;
	char uuid[37];

	memcpy(&e, g->entries + (size_t)index * g->h.entry_size, sizeof(e));
	if (memcmp(e.type, unused, 16) == 0 || e.first > e.last || e.last > g->last_lba || e.first == 0)
		return;
	guid_text(e.guid, uuid, sizeof(uuid));
	if (partition_add(out, index + 1, e.first * g->scale, (e.last - e.first + 1) * g->scale, uuid))
		name_text(e.name, out->parts[out->n - 1].label, sizeof(out->parts[0].label));
}

int
gpt_read(const struct partition_source *s, struct partition_table *out)
{
	struct gpt_scan g = { .s = s, .scale = s->logical_size / 512 };

	if (s->nr_sectors / g.scale < 3)
		return 0;
	g.last_lba = s->nr_sectors / g.scale - 1;
	if (!try_header(&g, 1)) {
		if (!try_header(&g, g.last_lba))
			return 0;
		out->backup_used = true;
	}
	out->scheme = "gpt";
	for (u32 i = 0; i < g.h.entries; i++)
		add_entry(&g, i, out);
	kmem_free(g.entries);
	return 0;
}
