/* SPDX-License-Identifier: BSD-2-Clause */
/* AHCI, between its two files: registers (Serial ATA AHCI 1.3.1, chapter 3) and objects. Lock key: as ata.h */
#ifndef DEV_ATA_AHCI_H
#define DEV_ATA_AHCI_H

#include "dev/ata/ata.h"

#define AHCI_PORTS_MAX	32

enum { AHCI_CAP = 0x00, AHCI_GHC = 0x04, AHCI_IS = 0x08, AHCI_PI = 0x0c, AHCI_VS = 0x10, AHCI_CAP2 = 0x24, AHCI_BOHC = 0x28,
	AHCI_PORT_0 = 0x100, AHCI_PORT_SIZE = 0x80 };
#define AHCI_CAP_64BIT		BIT(31)
#define AHCI_CAP_NCQ		BIT(30)
#define AHCI_GHC_ENABLE		0x80000000U
#define AHCI_GHC_INTERRUPTS	0x2U
#define AHCI_GHC_RESET		0x1U

enum { AHCI_PxCLB = 0x00, AHCI_PxCLBU = 0x04, AHCI_PxFB = 0x08, AHCI_PxFBU = 0x0c, AHCI_PxIS = 0x10, AHCI_PxIE = 0x14,
	AHCI_PxCMD = 0x18, AHCI_PxTFD = 0x20, AHCI_PxSIG = 0x24, AHCI_PxSSTS = 0x28, AHCI_PxSCTL = 0x2c, AHCI_PxSERR = 0x30,
	AHCI_PxSACT = 0x34, AHCI_PxCI = 0x38 };

struct ahci;

struct ahci_table { u8 *mem; u64 addr; };	/* a page: command FIS, packet, PRD table, trim block */

struct ahci_port {
	struct ata_port port;		/* first */
	struct ahci *hba;		/* [I] */
	volatile u8 *regs;		/* [I] */
	u8 *list;			/* [l] a page: the command list, then the received FISes */
	u64 list_addr;			/* [I] */
	struct ahci_table tables[ATA_SLOTS_MAX];	/* [e] grown; an entry in use is [l] */
};

struct ahci {
	volatile u8 *regs;		/* [I] */
	u64 size;			/* [I] bytes of them */
	struct ahci_port *ports[AHCI_PORTS_MAX];	/* [I] once interrupts are on; NULL: not there */
	u32 irq;			/* [I] */
};

extern const struct ata_port_ops ahci_port_ops;
/* Memory and registers of a port, before ata_port_init(). -ENOMEM. */
int __must_check ahci_port_init(struct ahci_port *ap);
void ahci_port_destroy(struct ahci_port *ap);	/* stops it, frees its memory; the struct stays */
void ahci_port_interrupt(struct ahci_port *ap);

#endif
