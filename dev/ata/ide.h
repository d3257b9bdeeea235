/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI IDE, between its two files. Registers: ATA8-ACS 6 and PCI IDE Controller Specification 1.0; bus-master DMA: Programming
 * Interface for Bus Master IDE Controller 1.0.
 *
 * Lock key: as ata.h
 */
#ifndef DEV_ATA_IDE_H
#define DEV_ATA_IDE_H

#include "dev/ata/ata.h"

enum { IDE_DATA, IDE_ERROR, IDE_COUNT, IDE_LBA_LOW, IDE_LBA_MID, IDE_LBA_HIGH, IDE_DEVICE, IDE_STATUS,
	IDE_FEATURE = IDE_ERROR, IDE_COMMAND = IDE_STATUS };
enum { IDE_CTL_NIEN = 0x02, IDE_CTL_SRST = 0x04, IDE_CTL_BASE = 0x08, IDE_CTL_HOB = 0x80 };
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_PRD = 4 };

struct ide_channel {
	struct ata_port port;		/* first */
	u16 base, ctl;			/* [I] ports */
	u16 bm;				/* [I] bus master; 0: none */
	u32 irq;			/* [I] */
	bool awaited;			/* [l] the command waits for the device to ask for its packet or first data */
	u32 *prd;			/* [l] a page: the PRD table, and at TRIM_OFFSET a trim block; NULL without bm */
	u64 prd_addr;			/* [I] */
};

extern const struct ata_port_ops ide_port_ops;
void ide_channel_destroy(struct ide_channel *h);	/* its memory; the port is destroyed */
void ide_channel_mute(struct ide_channel *h);	/* no interrupts any more */
bool ide_channel_interrupt(struct ide_channel *h);	/* was it ours? */

#endif
