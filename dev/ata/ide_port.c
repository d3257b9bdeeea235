/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An IDE channel: commands by its registers, data by bus-master DMA or, where a device or the controller can't, by the CPU:
 * one sector or packet piece for each interrupt.
 *
 * Waiting. Nothing here waits for a device but for the microsecond that it has to show BSY. A device that takes longer to
 * ask for a packet or the first sector of a write is left to the port's thread (ATA_EVENT_PUSH), which sleeps.
 */
#include "dev/ata/ide.h"

#include "arch/io.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/log.h"

#define TRIM_OFFSET	2048
#define PRD_LAST	0x80000000U
#define BM_START	0x01
#define BM_TO_MEMORY	0x08
#define BM_FAILED	0x02
#define BM_INTERRUPT	0x04
#define BM_KEEP		0x60		/* "drive can do DMA": firmware's notes */
#define SETTLE_NS	400		/* after selecting a device and after a command (ATA8-APT) */
#define QUICK_POLLS	20
#define REASON_COMMAND	0x01
#define REASON_INPUT	0x02

static struct ide_channel *
channel_of(struct ata_port *p)
{
	return container_of(p, struct ide_channel, port);
}

/* The status without acknowledging the interrupt. */
static u8
alt_status(const struct ide_channel *h)
{
	return inb(h->ctl);
}

static void
select(const struct ide_channel *h, u8 device)
{
	outb(h->base + IDE_DEVICE, device | 0xa0);
	clock_delay(SETTLE_NS);
}

static u8
quick_wait(const struct ide_channel *h, u8 mask, u8 value)
{
	u8 status = alt_status(h);

	for (u32 i = 0; i < QUICK_POLLS && (status & mask) != value; i++)
		status = alt_status(h);
	return status;
}

/* --- starting --- */

static void
write_registers(const struct ide_channel *h, const struct ata_taskfile *tf)
{
	if (tf->ext) {
		outb(h->base + IDE_FEATURE, (u8)(tf->feature >> 8));
		outb(h->base + IDE_COUNT, (u8)(tf->count >> 8));
		outb(h->base + IDE_LBA_LOW, (u8)(tf->lba >> 24));
		outb(h->base + IDE_LBA_MID, (u8)(tf->lba >> 32));
		outb(h->base + IDE_LBA_HIGH, (u8)(tf->lba >> 40));
	}
	outb(h->base + IDE_FEATURE, (u8)tf->feature);
	outb(h->base + IDE_COUNT, (u8)tf->count);
	outb(h->base + IDE_LBA_LOW, (u8)tf->lba);
	outb(h->base + IDE_LBA_MID, (u8)(tf->lba >> 8));
	outb(h->base + IDE_LBA_HIGH, (u8)(tf->lba >> 16));
}

static void
read_result(const struct ide_channel *h, u8 status, struct ata_command *c)
{
	struct ata_result *r = &c->result;

	r->status = status;
	r->error = inb(h->base + IDE_ERROR);
	r->device = inb(h->base + IDE_DEVICE);
	r->count = inb(h->base + IDE_COUNT);
	r->lba = inb(h->base + IDE_LBA_LOW) | (u64)inb(h->base + IDE_LBA_MID) << 8 | (u64)inb(h->base + IDE_LBA_HIGH) << 16;
	if (!c->tf.ext)
		return;
	outb(h->ctl, IDE_CTL_BASE | IDE_CTL_HOB);
	r->count |= (u16)(inb(h->base + IDE_COUNT) << 8);
	r->lba |= (u64)inb(h->base + IDE_LBA_LOW) << 24 | (u64)inb(h->base + IDE_LBA_MID) << 32 | (u64)inb(h->base + IDE_LBA_HIGH) << 40;
	outb(h->ctl, IDE_CTL_BASE);
}

static bool
by_dma(const struct ata_command *c)
{
	return c->tf.protocol == ATA_DMA || c->tf.protocol == ATA_PACKET_DMA;
}

static void
load_dma(struct ide_channel *h, const struct ata_command *c)
{
	for (u32 i = 0; i < c->nsegs; i++) {
		h->prd[2 * i] = (u32)c->segs[i].address;
		h->prd[2 * i + 1] = (c->segs[i].len & 0xffff) | (i + 1 == c->nsegs ? PRD_LAST : 0);
	}
	outb(h->bm + BM_COMMAND, 0);
	outl(h->bm + BM_PRD, (u32)h->prd_addr);
	outb(h->bm + BM_STATUS, (inb(h->bm + BM_STATUS) & BM_KEEP) | BM_FAILED | BM_INTERRUPT);
	outb(h->bm + BM_COMMAND, c->tf.write ? 0 : BM_TO_MEMORY);
}

static void
start_dma(const struct ide_channel *h, const struct ata_command *c)
{
	outb(h->bm + BM_COMMAND, (c->tf.write ? 0 : BM_TO_MEMORY) | BM_START);
}

static void
stop_dma(const struct ide_channel *h)
{
	if (h->bm == 0)
		return;
	outb(h->bm + BM_COMMAND, 0);
	outb(h->bm + BM_STATUS, (inb(h->bm + BM_STATUS) & BM_KEEP) | BM_FAILED | BM_INTERRUPT);
}

/* --- data by the CPU --- */

/* n bytes, in words, between the data register and where the command's data goes on; what has no place is dropped, or zero. */
static void
move_words(struct ide_channel *h, struct ata_command *c, u32 n, bool write)
{
	u32 words = (n + 1) / 2;

	while (words > 0) {
		const struct dma_segment *s = c->pio_seg < c->nsegs ? &c->segs[c->pio_seg] : NULL;
		u32 now = s != NULL ? MIN(words, (s->len - c->pio_off) / 2) : 0;
		u8 *mem;

		if (s == NULL) {
			if (write)
				outw(h->base + IDE_DATA, 0);
			else
				(void)inw(h->base + IDE_DATA);
			words--;
			continue;
		}
		mem = (u8 *)ata_segment_memory(s) + c->pio_off;
		if (write)
			outsw(h->base + IDE_DATA, mem, now);
		else
			insw(h->base + IDE_DATA, mem, now);
		words -= now;
		c->moved += 2 * now;
		c->pio_off += 2 * now;
		if (c->pio_off + 1 >= s->len) {
			c->pio_seg++;
			c->pio_off = 0;
		}
	}
}

static void
fail(struct ide_channel *h, struct ata_command *c, u8 status, enum ata_failure why, struct list *done)
{
	read_result(h, status, c);
	ata_port_fail(&h->port, c, why, done);
}

static void
finish(struct ide_channel *h, struct ata_command *c, u8 status, struct list *done)
{
	if (c->want_result)
		read_result(h, status, c);
	ata_port_finish(&h->port, c, done);
}

/* The device asks for the packet, or the first sector of a write. */
static void
first_data(struct ide_channel *h, struct ata_command *c)
{
	h->awaited = false;
	if (c->tf.command != ATA_PACKET) {
		move_words(h, c, c->internal ? SECTOR_SIZE : c->dev->id.logical_size, true);
		return;
	}
	outsw(h->base + IDE_DATA, c->cdb, c->dev->id.cdb_len == 16 ? 8 : 6);
	if (c->tf.protocol == ATA_PACKET_DMA)
		start_dma(h, c);
}

/* The next piece of a packet's data; the device says how much and which way (ATA8-ACS 7.22). */
static void
packet_piece(struct ide_channel *h, struct ata_command *c, u8 status, struct list *done)
{
	u8 reason = inb(h->base + IDE_COUNT);
	u32 n = inb(h->base + IDE_LBA_MID) | (u32)inb(h->base + IDE_LBA_HIGH) << 8;

	if (!(status & ATA_STATUS_DRQ))
		finish(h, c, status, done);
	else if ((reason & REASON_COMMAND) || n == 0 || !(reason & REASON_INPUT) != c->tf.write)
		fail(h, c, status, ATA_FAILED_LINK, done);
	else
		move_words(h, c, n, c->tf.write);
}

static void
sector_piece(struct ide_channel *h, struct ata_command *c, u8 status, struct list *done)
{
	u32 n = c->internal ? SECTOR_SIZE : c->dev->id.logical_size;
	bool over = c->moved >= c->len;

	if (over != !(status & ATA_STATUS_DRQ)) {
		fail(h, c, status, ATA_FAILED_LINK, done);
		return;
	}
	if (!over)
		move_words(h, c, n, c->tf.write);
	/* After the last sector read no interrupt comes; after the last one written there is one. */
	if (over || (!c->tf.write && c->moved >= c->len))
		finish(h, c, status, done);
}

/* --- interrupts --- */

static void
dma_over(struct ide_channel *h, struct ata_command *c, u8 bm_status, struct list *done)
{
	u8 status;

	outb(h->bm + BM_COMMAND, 0);
	status = inb(h->base + IDE_STATUS);
	outb(h->bm + BM_STATUS, (bm_status & BM_KEEP) | BM_FAILED | BM_INTERRUPT);
	if (status & (ATA_STATUS_ERR | ATA_STATUS_DF)) {
		fail(h, c, status, ATA_FAILED_DEVICE, done);
	} else if ((bm_status & BM_FAILED) || (status & (ATA_STATUS_BSY | ATA_STATUS_DRQ))) {
		fail(h, c, status, ATA_FAILED_LINK, done);
	} else {
		c->moved = c->len;
		finish(h, c, status, done);
	}
}

static void
pio_step(struct ide_channel *h, struct ata_command *c, struct list *done)
{
	u8 status = inb(h->base + IDE_STATUS);

	if (status & (ATA_STATUS_ERR | ATA_STATUS_DF))
		fail(h, c, status, ATA_FAILED_DEVICE, done);
	else if (h->awaited && (status & ATA_STATUS_DRQ))
		first_data(h, c);
	else if (c->tf.protocol == ATA_NODATA)
		finish(h, c, status, done);
	else if (c->tf.command == ATA_PACKET)
		packet_piece(h, c, status, done);
	else
		sector_piece(h, c, status, done);
}

/* Nobody waits for it: acknowledge, or the line stays up. */
static bool
unexpected(struct ide_channel *h, u8 bm_status)
{
	if (h->bm != 0 && !(bm_status & BM_INTERRUPT))
		return false;
	(void)inb(h->base + IDE_STATUS);
	if (h->bm != 0)
		outb(h->bm + BM_STATUS, (bm_status & BM_KEEP) | BM_INTERRUPT);
	return true;
}

static bool
interrupt_locked(struct ide_channel *h, struct list *done)
{
	struct ata_command *c = h->port.active[0];
	u8 bm_status = h->bm != 0 ? inb(h->bm + BM_STATUS) : 0;

	if (c == NULL || c->failure != ATA_OK)
		return unexpected(h, bm_status);
	if (h->bm != 0 && !(bm_status & BM_INTERRUPT))
		return false;
	if (alt_status(h) & ATA_STATUS_BSY)
		return false;
	if (by_dma(c) && !h->awaited) {
		dma_over(h, c, bm_status, done);
		return true;
	}
	if (h->bm != 0)
		outb(h->bm + BM_STATUS, (bm_status & BM_KEEP) | BM_INTERRUPT);
	pio_step(h, c, done);
	return true;
}

bool
ide_channel_interrupt(struct ide_channel *h)
{
	struct list done = LIST_INIT(done);
	u64 flags = spin_lock_irqsave(&h->port.lock);
	bool ours = interrupt_locked(h, &done);

	spin_unlock_irqrestore(&h->port.lock, flags);
	ata_port_end(&h->port, &done);
	return ours;
}

/* --- operations --- */

static int
ide_port_start(struct ata_port *p, struct ata_command *c)
{
	struct ide_channel *h = channel_of(p);
	u8 status;

	if (c->tf.command == ATA_DATA_SET_MANAGEMENT && !c->internal)
		ata_fill_trim(c, (u8 *)h->prd + TRIM_OFFSET, h->prd_addr + TRIM_OFFSET);
	select(h, c->tf.device | (c->dev->unit != 0 ? ATA_DEVICE_SLAVE : 0));
	status = quick_wait(h, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0);
	if (status == 0xff || (status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
		return -EIO;
	if (by_dma(c))
		load_dma(h, c);
	write_registers(h, &c->tf);
	h->awaited = c->tf.command == ATA_PACKET || (c->tf.protocol == ATA_PIO && c->tf.write);
	outb(h->base + IDE_COMMAND, c->tf.command);
	if (c->tf.protocol == ATA_DMA)
		start_dma(h, c);
	if (!h->awaited)
		return 0;
	clock_delay(SETTLE_NS);
	status = quick_wait(h, ATA_STATUS_BSY | ATA_STATUS_DRQ, ATA_STATUS_DRQ);
	if ((status & (ATA_STATUS_BSY | ATA_STATUS_DRQ | ATA_STATUS_ERR)) == ATA_STATUS_DRQ)
		first_data(h, c);
	else
		ata_port_event_locked(p, ATA_EVENT_PUSH);
	return 0;
}

/* True: nothing more to wait for. */
static bool
try_push(struct ide_channel *h)
{
	u64 flags = spin_lock_irqsave(&h->port.lock);
	struct ata_command *c = h->port.active[0];
	bool over = c == NULL || !h->awaited || c->failure != ATA_OK || (!c->recovery && (h->port.events & ~(u32)ATA_EVENT_PUSH) != 0);
	u8 status;

	if (!over) {
		status = alt_status(h);
		if (!(status & ATA_STATUS_BSY) && (status & ATA_STATUS_DRQ)) {
			first_data(h, c);
			over = true;
		}
		over |= status & ATA_STATUS_ERR;	/* its interrupt tells */
	}
	spin_unlock_irqrestore(&h->port.lock, flags);
	return over;
}

/* A disk that slept takes some seconds to ask for data, and no interrupt tells. */
static void
ide_port_push(struct ata_port *p, nsec_t end)
{
	for (u32 ms = 1; !try_push(channel_of(p)) && clock_now() < end; ms = ms < 10 ? ms + 1 : 10)
		ata_sleep_ms(ms);
}

/* Only a bus master remembers that the device did interrupt. */
static void
ide_port_poll(struct ata_port *p)
{
	if (channel_of(p)->bm != 0)
		(void)ide_channel_interrupt(channel_of(p));
}

static int
ide_port_stop(struct ata_port *p)
{
	struct ide_channel *h = channel_of(p);
	u64 flags = spin_lock_irqsave(&p->lock);
	u8 status;

	h->awaited = false;
	stop_dma(h);
	status = inb(h->base + IDE_STATUS);
	spin_unlock_irqrestore(&p->lock, flags);
	return status & (ATA_STATUS_BSY | ATA_STATUS_DRQ) ? -EIO : 0;
}

/* --- reset (ATA8-ACS 4.5, 9.2 of ATA/ATAPI-7 volume 2) --- */

static bool
floating(struct ide_channel *h)
{
	for (u32 i = 0; i < 2; i++) {
		select(h, i != 0 ? ATA_DEVICE_SLAVE : 0);
		if (alt_status(h) != 0xff)
			return false;
	}
	return true;
}

/* What the device left in its registers after the reset. */
static enum ata_class
signature(struct ide_channel *h)
{
	u16 mid = (u16)(inb(h->base + IDE_LBA_MID) | inb(h->base + IDE_LBA_HIGH) << 8);

	if (mid == 0xeb14 || mid == 0x9669)
		return ATA_PACKETS;
	return mid == 0 || mid == 0xc33c ? ATA_DISK : ATA_NONE;
}

static bool
keeps_registers(struct ide_channel *h)
{
	outb(h->base + IDE_COUNT, 0x55);
	outb(h->base + IDE_LBA_LOW, 0xaa);
	return inb(h->base + IDE_COUNT) == 0x55 && inb(h->base + IDE_LBA_LOW) == 0xaa;
}

static int
wait_unit(struct ide_channel *h, u32 unit, nsec_t end, enum ata_class *found)
{
	u8 status;

	*found = ATA_NONE;
	select(h, unit != 0 ? ATA_DEVICE_SLAVE : 0);
	for (;;) {
		status = alt_status(h);
		if (status == 0xff || !(status & ATA_STATUS_BSY))
			break;
		if (clock_now() >= end)
			return -EIO;
		ata_sleep_ms(10);
		select(h, unit != 0 ? ATA_DEVICE_SLAVE : 0);	/* device 0's reset may have undone it */
	}
	if (status == 0xff || status == 0x7f)
		return 0;
	*found = signature(h);
	if (!keeps_registers(h) || (*found == ATA_DISK && status == 0))
		*found = ATA_NONE;
	return 0;
}

static int
ide_port_reset(struct ata_port *p, enum ata_class *found)
{
	struct ide_channel *h = channel_of(p);
	nsec_t end;
	int err = 0;

	(void)ide_port_stop(p);
	if (floating(h))
		return 0;
	outb(h->ctl, IDE_CTL_BASE | IDE_CTL_NIEN | IDE_CTL_SRST);
	ata_sleep_ms(1);
	outb(h->ctl, IDE_CTL_BASE | IDE_CTL_NIEN);
	ata_sleep_ms(2);
	end = clock_now() + ATA_RESET_MS * NSEC_PER_MSEC;
	for (u32 i = 0; i < 2 && err == 0; i++)
		err = wait_unit(h, i, end, &found[i]);
	stop_dma(h);
	(void)inb(h->base + IDE_STATUS);
	outb(h->ctl, IDE_CTL_BASE);
	return err;
}

void
ide_channel_mute(struct ide_channel *h)
{
	outb(h->ctl, IDE_CTL_BASE | IDE_CTL_NIEN);
}

static int
ide_port_prepare(struct ata_port *p, u32 slots)
{
	return 0;
}

static void
ide_port_release(struct ata_port *p)
{
	ata_port_destroy(p);
	ide_channel_destroy(channel_of(p));
}

const struct ata_port_ops ide_port_ops = {
	.start = ide_port_start,
	.poll = ide_port_poll,
	.push = ide_port_push,
	.stop = ide_port_stop,
	.reset = ide_port_reset,
	.prepare = ide_port_prepare,
	.release = ide_port_release,
};
