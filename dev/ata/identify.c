/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data (ATA8-ACS 7.16, 7.17). Words are as on the wire, little-endian; strings have
 * their bytes swapped. Nothing in it is believed that isn't in range.
 */
#include "dev/ata/command.h"

#include "sys/abi/errno.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"

#define WORD_CONFIG		0
#define WORD_SERIAL		10
#define WORD_FIRMWARE		23
#define WORD_MODEL		27
#define WORD_CAPABILITIES	49
#define WORD_PIO_MODES		64
#define WORD_MULTI_DMA		63
#define WORD_LBA28		60
#define WORD_PACKET_DMADIR	62
#define WORD_QUEUE_DEPTH	75
#define WORD_SATA		76
#define WORD_COMMANDS_1		82	/* supported; 83, 84 go on */
#define WORD_COMMANDS_2		83
#define WORD_COMMANDS_3		84
#define WORD_ENABLED_1		85
#define WORD_ULTRA_DMA		88
#define WORD_LBA48		100
#define WORD_SECTOR_SIZE	106
#define WORD_LOGICAL_WORDS	117
#define WORD_TRIM		169
#define WORD_ROTATION		217

#define LBA28_MAX	0x0fffffffU
#define LBA48_MAX	0xffffffffffffUL

/* Words 83, 84 and 106 say that they are valid by their two top bits. */
static bool
valid(u16 word)
{
	return (word & 0xc000) == 0x4000;
}

static u32
pair(const u16 *w)
{
	return w[0] | (u32)w[1] << 16;
}

/* n bytes from words, without blanks at either end; what isn't printable becomes '?'. out has n + 1 bytes. */
static void
copy_string(const u16 *words, u32 n, char *out)
{
	u32 start = 0, end = n;

	for (u32 i = 0; i < n; i++) {
		char c = (char)(words[i / 2] >> (i % 2 == 0 ? 8 : 0));

		out[i] = c == '\0' ? ' ' : is_print(c) ? c : '?';
	}
	while (end > 0 && out[end - 1] == ' ')
		end--;
	while (start < end && out[start] == ' ')
		start++;
	memmove(out, out + start, end - start);
	out[end - start] = '\0';
}

/* The mode it is in; where none is selected, the best that it has. */
static u8
xfer_mode(const u16 *w)
{
	u32 ultra = w[WORD_ULTRA_DMA], multi = w[WORD_MULTI_DMA];

	if ((ultra >> 8 & 0x7f) != 0)
		return 0x40 | (u8)msb64(ultra >> 8 & 0x7f);
	if ((multi >> 8 & 7) != 0)
		return 0x20 | (u8)msb64(multi >> 8 & 7);
	if ((ultra & 0x7f) != 0)
		return 0x40 | (u8)msb64(ultra & 0x7f);
	if ((multi & 7) != 0)
		return 0x20 | (u8)msb64(multi & 7);
	if ((w[WORD_PIO_MODES] & 3) != 0)
		return 0x08 | (w[WORD_PIO_MODES] & 2 ? 4 : 3);
	return 0;
}

static void
parse_commands(const u16 *w, struct ata_identity *out)
{
	bool two = valid(w[WORD_COMMANDS_2]), three = valid(w[WORD_COMMANDS_3]);

	out->cache = two && ((w[WORD_COMMANDS_1] | w[WORD_ENABLED_1]) & BIT(5));
	out->lba48 = two && (w[WORD_COMMANDS_2] & BIT(10));
	out->flush = two && (w[WORD_COMMANDS_2] & BIT(12));
	out->flush_ext = out->lba48 && (w[WORD_COMMANDS_2] & BIT(13));
	out->fua = three && out->lba48 && (w[WORD_COMMANDS_3] & BIT(6));
	out->trim = w[WORD_TRIM] != 0xffff && (w[WORD_TRIM] & 1);
	out->rotational = w[WORD_ROTATION] != 1;
	if (w[WORD_SATA] != 0 && w[WORD_SATA] != 0xffff && (w[WORD_SATA] & BIT(8)) && out->lba48 && out->dma) {
		out->ncq = true;
		out->queue_depth = (w[WORD_QUEUE_DEPTH] & 0x1f) + 1U;
	}
}

static int
parse_size(const u16 *w, struct ata_identity *out)
{
	u64 blocks = pair(w + WORD_LBA28) & LBA28_MAX;
	u16 layout = w[WORD_SECTOR_SIZE];

	if (out->lba48) {
		u64 large = (pair(w + WORD_LBA48) | (u64)pair(w + WORD_LBA48 + 2) << 32) & LBA48_MAX;

		if (large >= blocks)
			blocks = large;
	}
	out->logical_size = out->physical_size = 512;
	if (valid(layout)) {
		u64 size = layout & BIT(12) ? 2UL * pair(w + WORD_LOGICAL_WORDS) : 512;

		if (size < 512 || size > 4096 || !is_pow2(size))
			return -EOPNOTSUPP;
		out->logical_size = (u32)size;
		out->physical_size = layout & BIT(13) && (layout & 0xf) <= 7 ? (u32)size << (layout & 0xf) : (u32)size;
	}
	out->sectors = blocks * (out->logical_size / 512);
	return blocks == 0 ? -EOPNOTSUPP : 0;
}

static int
parse_disk(const u16 *w, struct ata_identity *out)
{
	if (w[WORD_CONFIG] & BIT(15))
		return -EIO;
	/* Devices that only know cylinders and heads are older than ATA-2. */
	if (!(w[WORD_CAPABILITIES] & BIT(9)))
		return -EOPNOTSUPP;
	out->dma = w[WORD_CAPABILITIES] & BIT(8);
	parse_commands(w, out);
	return parse_size(w, out);
}

static int
parse_packet(const u16 *w, struct ata_identity *out)
{
	u16 config = w[WORD_CONFIG];

	if ((config >> 14) != 2)
		return -EIO;
	if ((config & 3) > 1)
		return -EOPNOTSUPP;
	out->packet = true;
	out->packet_type = config >> 8 & 0x1f;
	out->cdb_len = (config & 3) == 1 ? 16 : 12;
	out->dma = w[WORD_CAPABILITIES] & BIT(8);
	out->dma_direction = w[WORD_PACKET_DMADIR] & BIT(15);
	if (out->dma_direction)
		out->dma = w[WORD_PACKET_DMADIR] & BIT(10);
	out->logical_size = out->physical_size = 2048;
	out->rotational = true;
	return 0;
}

int
ata_identity_parse(const u16 *words, bool packet, struct ata_identity *out)
{
	bool empty = true;

	memset(out, 0, sizeof(*out));
	for (u32 i = 0; i < ATA_ID_WORDS && empty; i++)
		empty = words[i] == words[0];
	if (empty)
		return -EIO;
	out->queue_depth = 1;
	out->xfer_mode = xfer_mode(words);
	copy_string(words + WORD_MODEL, ATA_MODEL_MAX, out->model);
	copy_string(words + WORD_SERIAL, ATA_SERIAL_MAX, out->serial);
	copy_string(words + WORD_FIRMWARE, ATA_FIRMWARE_MAX, out->firmware);
	return packet ? parse_packet(words, out) : parse_disk(words, out);
}
