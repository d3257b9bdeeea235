/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands built, results read: registers, FISes, packets, sense data. Pure code. */
#include "dev/ata/command.h"

#include "sys/abi/errno.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"

#define LBA28_END	0x0fffffffUL	/* the last of 28 bits is one that some devices can't do */
#define FIS_HOST	0x27	/* register, host to device */
#define FIS_COMMAND	0x80	/* it carries a command */

#define SCSI_READ_10	0x28
#define SCSI_READ_12	0xa8

/* --- reads and writes (ATA8-ACS 7.24 to 7.29, 7.62 to 7.70) --- */

/* [count too large, 28 bits][DMA][write] */
static const u8 rw_opcodes[2][2][2] = {
	{ { ATA_READ_SECTORS, ATA_WRITE_SECTORS }, { ATA_READ_DMA, ATA_WRITE_DMA } },
	{ { ATA_READ_SECTORS_EXT, ATA_WRITE_SECTORS_EXT }, { ATA_READ_DMA_EXT, ATA_WRITE_DMA_EXT } },
};

u32
ata_max_sectors(const struct ata_identity *id)
{
	return (id->lba48 ? 65536U : 256U) * (id->logical_size / 512);
}

void
ata_build_rw(const struct ata_identity *id, enum ata_mode mode, bool write, bool fua, u64 sector, u32 nr, struct ata_taskfile *out)
{
	u32 unit = id->logical_size / 512, count = nr / unit;
	u64 lba = sector / unit;

	*out = (struct ata_taskfile){ .device = ATA_DEVICE_LBA, .write = write, .lba = lba };
	if (mode == ATA_MODE_NCQ) {		/* the count goes where features are, the tag where the count is */
		out->command = write ? ATA_WRITE_FPDMA_QUEUED : ATA_READ_FPDMA_QUEUED;
		out->protocol = ATA_NCQ;
		out->ext = true;
		out->feature = (u16)count;	/* 65536 is written as 0 */
		out->device |= fua ? ATA_DEVICE_FUA : 0;
		return;
	}
	out->protocol = mode == ATA_MODE_DMA ? ATA_DMA : ATA_PIO;
	out->ext = id->lba48 && (fua || lba + count > LBA28_END || count > 256);
	out->count = (u16)(out->ext ? count : count & 0xff);
	out->command = rw_opcodes[out->ext][mode == ATA_MODE_DMA][write];
	if (fua && write && mode == ATA_MODE_DMA)
		out->command = ATA_WRITE_DMA_FUA_EXT;
	if (!out->ext)
		out->device |= lba >> 24 & 0xf;
}

void
ata_build_flush(const struct ata_identity *id, struct ata_taskfile *out)
{
	*out = (struct ata_taskfile){
		.command = id->flush_ext ? ATA_FLUSH_CACHE_EXT : ATA_FLUSH_CACHE,
		.ext = id->flush_ext, .device = ATA_DEVICE_LBA, .protocol = ATA_NODATA,
	};
}

static void
put_le64(u8 *p, u64 v)
{
	for (u32 i = 0; i < 8; i++)
		p[i] = (u8)(v >> 8 * i);
}

void
ata_build_trim(const struct ata_identity *id, u64 sector, u32 nr, u8 *data, struct ata_taskfile *out)
{
	u64 lba = sector / (id->logical_size / 512);
	u32 left = nr / (id->logical_size / 512);

	memset(data, 0, 512);
	for (u32 i = 0; i < ATA_TRIM_RANGES && left > 0; i++) {
		u32 n = left < ATA_TRIM_RANGE_MAX ? left : ATA_TRIM_RANGE_MAX;

		put_le64(data + 8 * i, lba | (u64)n << 48);
		lba += n;
		left -= n;
	}
	*out = (struct ata_taskfile){
		.command = ATA_DATA_SET_MANAGEMENT, .feature = ATA_FEATURE_TRIM, .count = 1,
		.ext = true, .device = ATA_DEVICE_LBA, .protocol = ATA_DMA, .write = true,
	};
}

/* --- FISes --- */

void
ata_build_fis(const struct ata_taskfile *tf, u32 tag, u8 *fis)
{
	u16 count = tf->protocol == ATA_NCQ ? (u16)(tag << 3) : tf->count;

	memset(fis, 0, 20);
	fis[0] = FIS_HOST;
	fis[1] = FIS_COMMAND;
	fis[2] = tf->command;
	fis[3] = (u8)tf->feature;
	fis[4] = (u8)tf->lba;
	fis[5] = (u8)(tf->lba >> 8);
	fis[6] = (u8)(tf->lba >> 16);
	fis[7] = tf->device;
	fis[12] = (u8)count;
	if (!tf->ext)
		return;
	fis[8] = (u8)(tf->lba >> 24);
	fis[9] = (u8)(tf->lba >> 32);
	fis[10] = (u8)(tf->lba >> 40);
	fis[11] = (u8)(tf->feature >> 8);
	fis[13] = (u8)(count >> 8);
}

void
ata_parse_fis(const u8 *fis, struct ata_result *out)
{
	*out = (struct ata_result){
		.status = fis[2], .error = fis[3], .device = fis[7], .count = (u16)(fis[12] | fis[13] << 8),
		.lba = fis[4] | (u64)fis[5] << 8 | (u64)fis[6] << 16 | (u64)fis[8] << 24 | (u64)fis[9] << 32 | (u64)fis[10] << 40,
	};
}

int
ata_ncq_log_parse(const u8 *log, u32 mask, u32 *tag, struct ata_result *out)
{
	u8 sum = 0;
	u32 t = log[0] & 0x1f;

	for (u32 i = 0; i < 512; i++)
		sum += log[i];
	if (sum != 0 || (log[0] & 0x80) || !(mask & BIT(t)))	/* bit 7: it wasn't a queued command */
		return -ENOENT;
	*tag = t;
	ata_parse_fis(log, out);	/* the same places */
	return 0;
}

/* --- packets --- */

void
ata_build_packet(const struct ata_identity *id, bool dma, bool write, u32 len, struct ata_taskfile *out)
{
	u32 piece = len < ATA_PACKET_PIECE ? len : ATA_PACKET_PIECE;

	*out = (struct ata_taskfile){ .command = ATA_PACKET, .protocol = ATA_PACKET_PIO, .write = write, .lba = (u64)piece << 8 };
	if (dma) {
		out->protocol = ATA_PACKET_DMA;
		out->feature = 1 | (id->dma_direction && !write ? 4 : 0);
		out->lba = 0;
	}
}

void
ata_build_cd_read(u64 block, u32 blocks, u8 *cdb)
{
	bool wide = blocks > 0xffff;

	memset(cdb, 0, 16);
	cdb[0] = wide ? SCSI_READ_12 : SCSI_READ_10;
	for (u32 i = 0; i < 4; i++)
		cdb[2 + i] = (u8)(block >> (24 - 8 * i));
	if (wide) {
		for (u32 i = 0; i < 4; i++)
			cdb[6 + i] = (u8)(blocks >> (24 - 8 * i));
	} else {
		cdb[7] = (u8)(blocks >> 8);
		cdb[8] = (u8)blocks;
	}
}

struct ata_sense
ata_sense_parse(const u8 *data, u32 len)
{
	struct ata_sense s = { 0 };

	if (len < 3 || ((data[0] & 0x7f) != 0x70 && (data[0] & 0x7f) != 0x71))
		return s;
	s.key = data[2] & 0xf;
	if (len >= 14 && data[7] >= 6) {
		s.asc = data[12];
		s.ascq = data[13];
	}
	return s;
}

/* --- judgement --- */

enum ata_verdict
ata_judge(const struct ata_result *r, bool write, int *err)
{
	*err = -EIO;
	if (r->status & ATA_STATUS_DF)
		return ATA_FAIL;
	if (r->error & ATA_ERROR_UNC) {		/* on writes the same bit means write protection */
		*err = write ? -EIO : -EILSEQ;
		return ATA_FAIL;
	}
	return r->error & ATA_ERROR_ICRC ? ATA_RETRY : ATA_FAIL;
}

enum ata_verdict
ata_sense_judge(const struct ata_sense *s, int *err)
{
	*err = -EIO;
	switch (s->key) {
	case 0x1:				/* recovered */
		*err = 0;
		return ATA_FAIL;
	case 0x2:				/* not ready: no medium, or not yet */
		if (s->asc == 0x3a)
			*err = -ENOMEDIUM;
		return s->asc == 0x04 && (s->ascq == 0x01 || s->ascq == 0x07) ? ATA_RETRY : ATA_FAIL;
	case 0x3:
		*err = -EILSEQ;
		return ATA_FAIL;
	case 0x5:
		*err = s->asc == 0x20 ? -EOPNOTSUPP : -EIO;
		return ATA_FAIL;
	case 0x6:				/* unit attention: it was reset, or the medium changed */
	case 0xb:				/* aborted */
		return ATA_RETRY;
	case 0x7:
		*err = -EROFS;
		return ATA_FAIL;
	default:
		return ATA_FAIL;
	}
}
