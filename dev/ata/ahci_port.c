/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port of an AHCI controller: its command list, its interrupt, reset. Numbers in comments are sections of AHCI 1.3.1.
 *
 * A slot's table is a page: command FIS at 0, packet at 0x40, PRD table at 0x80, the data of a trim command behind it.
 */
#include "dev/ata/ahci.h"

#include "arch/io.h"
#include "arch/mmu.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define FIS_OFFSET	1024		/* received FISes, in the page of the list */
#define FIS_D2H		0x40		/* among them: 4.2.1 */
#define PACKET_OFFSET	0x40
#define PRD_OFFSET	0x80
#define TRIM_OFFSET	(PRD_OFFSET + 16 * DMA_SEGMENTS_MAX + 384)
_Static_assert(TRIM_OFFSET % 512 == 0 && TRIM_OFFSET + 512 <= PAGE_SIZE, "a table is a page");

#define HEADER_FIS_WORDS	5U
#define HEADER_PACKET		BIT(5)
#define HEADER_WRITE		BIT(6)

#define CMD_START	0x0001U
#define CMD_SPIN_UP	0x0002U
#define CMD_POWER_ON	0x0004U
#define CMD_FIS_ON	0x0010U
#define CMD_FIS_RUNS	0x4000U
#define CMD_RUNS	0x8000U
#define CMD_ACTIVE	0x10000000U	/* interface communication control */

#define IS_TASK_FILE	BIT(30)
#define IS_HOST		(BIT(29) | BIT(28) | BIT(27))	/* bus and fatal link errors */
#define IS_PLUG		(BIT(22) | BIT(6))		/* PhyRdy changed, port connect changed */
#define IS_DONE		(BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(5))
#define IS_WANTED	((u32)(IS_TASK_FILE | IS_HOST | IS_PLUG | IS_DONE))

#define SCTL_NO_POWER_SAVING	0x300U
#define SCTL_RESET		1U
#define DET(ssts)		((ssts) & 0xf)
enum { DET_NOTHING = 0, DET_NO_LINK = 1, DET_LINK = 3 };

#define ENGINE_MS	500		/* 10.1.2 */
#define DETECT_MS	15		/* SATA: a device answers to COMRESET within 10 ms */
#define LINK_MS		1000

static struct ahci_port *
port_of(struct ata_port *p)
{
	return container_of(p, struct ahci_port, port);
}

static u32
get(const struct ahci_port *ap, u32 reg)
{
	return mmio_read32(ap->regs + reg);
}

static void
put(const struct ahci_port *ap, u32 reg, u32 v)
{
	mmio_write32(ap->regs + reg, v);
}

/* --- commands --- */

static void
put32(u8 *p, u32 v)
{
	*(volatile u32 *)p = v;
}

static void
fill_table(struct ahci_port *ap, struct ata_command *c)
{
	u8 *mem = ap->tables[c->slot].mem;

	if (c->tf.command == ATA_DATA_SET_MANAGEMENT && !c->internal)
		ata_fill_trim(c, mem + TRIM_OFFSET, ap->tables[c->slot].addr + TRIM_OFFSET);
	ata_build_fis(&c->tf, c->slot, mem);
	if (c->tf.command == ATA_PACKET)
		memcpy(mem + PACKET_OFFSET, c->cdb, sizeof(c->cdb));
	for (u32 i = 0; i < c->nsegs; i++) {
		u8 *prd = mem + PRD_OFFSET + 16 * i;

		put32(prd, (u32)c->segs[i].address);
		put32(prd + 4, (u32)(c->segs[i].address >> 32));
		put32(prd + 8, 0);
		put32(prd + 12, c->segs[i].len - 1);
	}
}

static int
ahci_port_start(struct ata_port *p, struct ata_command *c)
{
	struct ahci_port *ap = port_of(p);
	u8 *header = ap->list + 32 * c->slot;
	u64 addr = ap->tables[c->slot].addr;
	u32 bit = (u32)BIT(c->slot);

	fill_table(ap, c);
	put32(header, (u32)(HEADER_FIS_WORDS | (c->tf.command == ATA_PACKET ? HEADER_PACKET : 0) | (c->tf.write ? HEADER_WRITE : 0)) |
		      c->nsegs << 16);
	put32(header + 4, 0);
	put32(header + 8, (u32)addr);
	put32(header + 12, (u32)(addr >> 32));
	smp_wmb();
	if (c->tf.protocol == ATA_NCQ)
		put(ap, AHCI_PxSACT, bit);
	put(ap, AHCI_PxCI, bit);
	return 0;
}

static void
read_result(struct ahci_port *ap, u32 tfd, struct ata_command *c)
{
	ata_parse_fis(ap->list + FIS_OFFSET + FIS_D2H, &c->result);
	c->result.status = (u8)tfd;
	c->result.error = (u8)(tfd >> 8);
}

/* --- interrupts --- */

static void
failed(struct ahci_port *ap, enum ata_failure why, struct list *done)
{
	struct ata_port *p = &ap->port;

	/* Alone: it is the one. Queued ones: the port's thread asks the device. */
	if (p->active_mask != 0 && p->queued_mask == 0) {
		struct ata_command *c = p->active[ctz64(p->active_mask)];

		read_result(ap, get(ap, AHCI_PxTFD), c);
		ata_port_fail(p, c, why, done);
	} else {
		ata_port_event_locked(p, why == ATA_FAILED_DEVICE ? ATA_EVENT_ERROR : ATA_EVENT_LINK);
	}
}

static void
finish_one(struct ahci_port *ap, struct ata_command *c, struct list *done)
{
	if (c->tf.protocol == ATA_NCQ) {
		c->moved = c->len;
	} else {
		u32 moved = *(volatile u32 *)(ap->list + 32 * c->slot + 4);

		c->moved = moved < c->len ? moved : c->len;
		if (c->want_result)
			read_result(ap, get(ap, AHCI_PxTFD), c);
	}
	ata_port_finish(&ap->port, c, done);
}

/* Some controllers let go of the slot of a failed command: its end alone doesn't mean that it was good. */
static bool
failed_alone(struct ahci_port *ap, u32 over)
{
	return ap->port.queued_mask == 0 && over != 0 && (get(ap, AHCI_PxTFD) & (ATA_STATUS_ERR | ATA_STATUS_DF)) != 0;
}

static void
interrupt_locked(struct ahci_port *ap, struct list *done)
{
	struct ata_port *p = &ap->port;
	u32 is = get(ap, AHCI_PxIS), over;

	put(ap, AHCI_PxIS, is);
	over = p->active_mask & ~(get(ap, AHCI_PxCI) | get(ap, AHCI_PxSACT) | ata_fault_held(p));
	if (is & IS_PLUG) {		/* 6.2.2.3: acknowledged in PxSERR */
		put(ap, AHCI_PxSERR, get(ap, AHCI_PxSERR));
		put(ap, AHCI_PxIS, (u32)IS_PLUG);
		ata_port_event_locked(p, ATA_EVENT_PROBE);
		return;
	}
	if ((is & (IS_TASK_FILE | IS_HOST)) || failed_alone(ap, over)) {
		put(ap, AHCI_PxIE, get(ap, AHCI_PxIE) & ~(u32)(IS_TASK_FILE | IS_HOST));	/* until the thread has seen to it */
		if (p->queued_mask == 0)
			over = 0;
		failed(ap, is & IS_HOST ? ATA_FAILED_LINK : ATA_FAILED_DEVICE, done);
	}
	for (u32 left = over; left != 0; left &= left - 1)
		if (p->active[ctz64(left)] != NULL)
			finish_one(ap, p->active[ctz64(left)], done);
}

void
ahci_port_interrupt(struct ahci_port *ap)
{
	struct list done = LIST_INIT(done);
	u64 flags = spin_lock_irqsave(&ap->port.lock);

	interrupt_locked(ap, &done);
	spin_unlock_irqrestore(&ap->port.lock, flags);
	ata_port_end(&ap->port, &done);
}

static void
ahci_port_poll(struct ata_port *p)
{
	ahci_port_interrupt(port_of(p));
}

/* --- the engine --- */

static bool
wait_bits(const struct ahci_port *ap, u32 reg, u32 bits, u32 value, u32 ms)
{
	for (u32 i = 0; (get(ap, reg) & bits) != value; i++) {
		if (i >= ms)
			return false;
		ata_sleep_ms(1);
	}
	return true;
}

/* 10.3.2 */
static bool
stop_engine(struct ahci_port *ap)
{
	put(ap, AHCI_PxCMD, get(ap, AHCI_PxCMD) & ~CMD_START);
	return wait_bits(ap, AHCI_PxCMD, CMD_RUNS, 0, ENGINE_MS);
}

static void
clear_errors(struct ahci_port *ap)
{
	put(ap, AHCI_PxSERR, 0xffffffff);
	put(ap, AHCI_PxIS, 0xffffffff);
}

static void
start_engine(struct ahci_port *ap)
{
	put(ap, AHCI_PxCMD, get(ap, AHCI_PxCMD) | CMD_START);
	put(ap, AHCI_PxIE, IS_WANTED);
}

/* 6.2.2.1, 6.2.2.2 */
static int
ahci_port_stop(struct ata_port *p)
{
	struct ahci_port *ap = port_of(p);

	if (!stop_engine(ap) || (get(ap, AHCI_PxTFD) & (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
		return -EIO;
	clear_errors(ap);
	start_engine(ap);
	return 0;
}

/* --- reset (10.4.2) --- */

static void
reset_link(struct ahci_port *ap)
{
	put(ap, AHCI_PxSCTL, SCTL_NO_POWER_SAVING | SCTL_RESET);
	ata_sleep_ms(2);
	put(ap, AHCI_PxSCTL, SCTL_NO_POWER_SAVING);
}

static enum ata_class
classify(const struct ahci_port *ap)
{
	u32 sig = get(ap, AHCI_PxSIG);

	switch (sig) {
	case 0xeb140101:
		return ATA_PACKETS;
	case 0x96690101:
	case 0xc33c0101:
		log_warn("ata%u: port multipliers and enclosures are not supported", ap->port.index);
		return ATA_NONE;
	default:
		return ATA_DISK;
	}
}

/* 0, with *there; -EIO: there is something, but no link to it. */
static int
wait_link(struct ahci_port *ap, bool *there)
{
	u32 ms = DETECT_MS;

	for (u32 i = 0; i < ms; i++) {
		u32 det = DET(get(ap, AHCI_PxSSTS));

		if (det == DET_LINK) {
			*there = true;
			return 0;
		}
		if (det == DET_NO_LINK)
			ms = LINK_MS;
		ata_sleep_ms(1);
	}
	*there = false;
	return DET(get(ap, AHCI_PxSSTS)) == DET_NOTHING ? 0 : -EIO;
}

static int
ahci_port_reset(struct ata_port *p, enum ata_class *found)
{
	struct ahci_port *ap = port_of(p);
	nsec_t end = clock_now() + ATA_RESET_MS * NSEC_PER_MSEC;
	bool there = false;
	int err;

	put(ap, AHCI_PxIE, 0);
	if (!stop_engine(ap))
		log_warn("ata%u: the port's engine does not stop", p->index);
	reset_link(ap);
	err = wait_link(ap, &there);
	clear_errors(ap);
	if (!there) {
		put(ap, AHCI_PxIE, (u32)IS_PLUG);
		return err;
	}
	while (get(ap, AHCI_PxTFD) & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) {
		if (clock_now() >= end)
			return -EIO;
		ata_sleep_ms(1);
	}
	*found = classify(ap);
	clear_errors(ap);
	start_engine(ap);
	return 0;
}

/* --- life --- */

static int
make_table(struct ahci_port *ap, u32 slot)
{
	struct ahci_table *t = &ap->tables[slot];

	if (t->mem == NULL)
		t->mem = dma_alloc(&ap->port.dma, PAGE_SIZE, &t->addr);
	return t->mem != NULL ? 0 : -ENOMEM;
}

static int
ahci_port_prepare(struct ata_port *p, u32 slots)
{
	int err = 0;

	for (u32 i = 0; i < MIN(slots, p->slots) && err == 0; i++)
		err = make_table(port_of(p), i);
	return err;
}

int
ahci_port_init(struct ahci_port *ap)
{
	ap->list = dma_alloc(&ap->port.dma, PAGE_SIZE, &ap->list_addr);
	if (ap->list == NULL)
		return -ENOMEM;
	if (make_table(ap, 0) != 0) {
		dma_free(ap->list, PAGE_SIZE);
		return -ENOMEM;
	}
	put(ap, AHCI_PxCLB, (u32)ap->list_addr);
	put(ap, AHCI_PxCLBU, (u32)(ap->list_addr >> 32));
	put(ap, AHCI_PxFB, (u32)(ap->list_addr + FIS_OFFSET));
	put(ap, AHCI_PxFBU, (u32)((ap->list_addr + FIS_OFFSET) >> 32));
	put(ap, AHCI_PxIE, 0);
	put(ap, AHCI_PxCMD, CMD_ACTIVE | CMD_FIS_ON | CMD_POWER_ON | CMD_SPIN_UP);
	return 0;
}

void
ahci_port_destroy(struct ahci_port *ap)
{
	put(ap, AHCI_PxIE, 0);
	(void)!stop_engine(ap);
	put(ap, AHCI_PxCMD, 0);
	(void)!wait_bits(ap, AHCI_PxCMD, CMD_FIS_RUNS, 0, ENGINE_MS);
	for (u32 i = 0; i < ATA_SLOTS_MAX; i++)
		if (ap->tables[i].mem != NULL)
			dma_free(ap->tables[i].mem, PAGE_SIZE);
	dma_free(ap->list, PAGE_SIZE);
}

static void
ahci_port_release(struct ata_port *p)
{
	ata_port_destroy(p);
	kmem_free(port_of(p));
}

const struct ata_port_ops ahci_port_ops = {
	.start = ahci_port_start,
	.poll = ahci_port_poll,
	.stop = ahci_port_stop,
	.reset = ahci_port_reset,
	.prepare = ahci_port_prepare,
	.release = ahci_port_release,
};
