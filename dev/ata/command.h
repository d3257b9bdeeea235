/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATA and ATAPI commands as data: the register file of a command, what a device says about itself, what a failure means. Pure
 * code (identify.c, command.c): no device is touched, nothing is locked.
 *
 * Sources: ATA8-ACS (T13/1699-D), chapter and command names as there; SPC-3 and MMC-5 for packets and sense data.
 */
#ifndef DEV_ATA_COMMAND_H
#define DEV_ATA_COMMAND_H

#include "sys/lib/types.h"

enum ata_opcode {
	ATA_DATA_SET_MANAGEMENT	= 0x06,
	ATA_READ_SECTORS	= 0x20,
	ATA_READ_SECTORS_EXT	= 0x24,
	ATA_READ_DMA_EXT	= 0x25,
	ATA_READ_LOG_EXT	= 0x2f,
	ATA_WRITE_SECTORS	= 0x30,
	ATA_WRITE_SECTORS_EXT	= 0x34,
	ATA_WRITE_DMA_EXT	= 0x35,
	ATA_WRITE_DMA_FUA_EXT	= 0x3d,
	ATA_READ_FPDMA_QUEUED	= 0x60,
	ATA_WRITE_FPDMA_QUEUED	= 0x61,
	ATA_PACKET		= 0xa0,
	ATA_IDENTIFY_PACKET	= 0xa1,
	ATA_SMART		= 0xb0,
	ATA_READ_DMA		= 0xc8,
	ATA_WRITE_DMA		= 0xca,
	ATA_FLUSH_CACHE		= 0xe7,
	ATA_FLUSH_CACHE_EXT	= 0xea,
	ATA_IDENTIFY		= 0xec,
	ATA_SET_FEATURES	= 0xef,
};

enum {					/* status register */
	ATA_STATUS_ERR	= 0x01,		/* CHK for packets */
	ATA_STATUS_DRQ	= 0x08,
	ATA_STATUS_DF	= 0x20,
	ATA_STATUS_DRDY	= 0x40,
	ATA_STATUS_BSY	= 0x80,
};
enum {					/* error register */
	ATA_ERROR_ABRT	= 0x04,
	ATA_ERROR_IDNF	= 0x10,
	ATA_ERROR_UNC	= 0x40,
	ATA_ERROR_ICRC	= 0x80,
};
enum { ATA_DEVICE_LBA = 0x40, ATA_DEVICE_SLAVE = 0x10, ATA_DEVICE_FUA = 0x80 };
enum { ATA_FEATURE_XFER_MODE = 0x03, ATA_FEATURE_TRIM = 0x01 };
#define ATA_LOG_NCQ_ERROR	0x10

/* How the data of a command moves, and what ends it. */
enum ata_protocol { ATA_NODATA, ATA_PIO, ATA_DMA, ATA_NCQ, ATA_PACKET_PIO, ATA_PACKET_DMA };

struct ata_taskfile {
	u8 command, device;
	u16 feature, count;
	u64 lba;
	u8 protocol;		/* enum ata_protocol */
	bool ext;		/* 48-bit: all registers are written twice */
	bool write;		/* data goes to the device */
};

struct ata_result {		/* the registers after the command */
	u8 status, error, device;
	u16 count;
	u64 lba;
};

#define ATA_ID_WORDS	256
#define ATA_MODEL_MAX	40
#define ATA_SERIAL_MAX	20
#define ATA_FIRMWARE_MAX 8

/* What IDENTIFY DEVICE or IDENTIFY PACKET DEVICE said, checked. */
struct ata_identity {
	bool packet, lba48, dma, ncq, fua, trim, flush, flush_ext, cache, rotational;
	bool dma_direction;		/* packets by DMA must tell the direction */
	u8 packet_type;			/* peripheral device type: 5 is a CD */
	u8 cdb_len;			/* 12 or 16 */
	u8 xfer_mode;			/* SET FEATURES value of the mode it is in, or of the best that it has; 0: leave it alone */
	u32 queue_depth;		/* 1..32 */
	u32 logical_size, physical_size;	/* bytes */
	u64 sectors;			/* of 512 bytes; 0: packet device */
	char model[ATA_MODEL_MAX + 1], serial[ATA_SERIAL_MAX + 1], firmware[ATA_FIRMWARE_MAX + 1];
};

/* -EIO: this is not such data; -EOPNOTSUPP: a device that can't be driven (no LBA, odd sector size). */
int __must_check ata_identity_parse(const u16 *words, bool packet, struct ata_identity *out);

enum ata_mode { ATA_MODE_PIO, ATA_MODE_DMA, ATA_MODE_NCQ };

/* Most 512-byte sectors of one command. */
u32 ata_max_sectors(const struct ata_identity *id);
/* A read or write of 512-byte sectors; both numbers are whole logical blocks within the device, nr at most ata_max_sectors(). */
void ata_build_rw(const struct ata_identity *id, enum ata_mode mode, bool write, bool fua, u64 sector, u32 nr, struct ata_taskfile *out);
void ata_build_flush(const struct ata_identity *id, struct ata_taskfile *out);

/* Sectors that one TRIM block of 512 bytes can name. */
#define ATA_TRIM_RANGES		64U
#define ATA_TRIM_RANGE_MAX	65535U
/* The command, and its 512 bytes of data: ranges of 16-bit length (7.10, DATA SET MANAGEMENT). */
void ata_build_trim(const struct ata_identity *id, u64 sector, u32 nr, u8 *data, struct ata_taskfile *out);

/* A register FIS, host to device (SATA 3.x, 10.5.5): 20 bytes. tag is for NCQ commands. */
void ata_build_fis(const struct ata_taskfile *tf, u32 tag, u8 *fis);
/* What a device-to-host register FIS says. */
void ata_parse_fis(const u8 *fis, struct ata_result *out);

/* PACKET itself (ATA8-ACS 7.22): dma, and by PIO in pieces of at most ATA_PACKET_PIECE bytes. */
#define ATA_PACKET_PIECE	2048U
void ata_build_packet(const struct ata_identity *id, bool dma, bool write, u32 len, struct ata_taskfile *out);
/* READ(10), or READ(12) where the count is too large for it; 2048-byte blocks. */
void ata_build_cd_read(u64 block, u32 blocks, u8 *cdb);

/* What becomes of a failed command. */
enum ata_verdict { ATA_FAIL, ATA_RETRY };
/* By the registers: the error (-EIO, -EILSEQ) and whether another try makes sense. */
enum ata_verdict ata_judge(const struct ata_result *r, bool write, int *err);

#define ATA_SENSE_SIZE	18
struct ata_sense { u8 key, asc, ascq; };
/* Fixed format (SPC-3 4.5.3) of len bytes; what is missing is 0. */
struct ata_sense ata_sense_parse(const u8 *data, u32 len);
/* -EIO, -EILSEQ, -ENOMEDIUM, -EROFS, -EOPNOTSUPP; 0: no error after all. */
enum ata_verdict ata_sense_judge(const struct ata_sense *s, int *err);
/* The tag that the NCQ error log (log 10h, one 512-byte page) blames, and its registers: -ENOENT where it blames none of `mask`. */
int __must_check ata_ncq_log_parse(const u8 *log, u32 mask, u32 *tag, struct ata_result *out);

#endif
