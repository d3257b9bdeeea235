/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CD and DVD drives (ATAPI): packets, the medium, and the disk sr0. Sources: MMC-5, SPC-3. The drive reads only.
 *
 * The size is asked for when the first opener comes, since that may be another medium than before; the door is locked while
 * somebody has the disk open.
 */
#include "dev/ata/ata.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define BLOCK		2048U
#define MAX_SECTORS	1024U
#define PACKET_MS	30000
#define READY_MS	15000	/* a disc that was just put in spins up */
#define TYPE_CD		5
#define ATTENTIONS_MAX	5

enum { TEST_UNIT_READY = 0x00, INQUIRY = 0x12, PREVENT_REMOVAL = 0x1e, READ_CAPACITY = 0x25 };

/* --- packets --- */

static int
try_packet(struct ata_device *dev, const u8 *cdb, bool write, u32 len, u64 addr, struct ata_sense *sense)
{
	struct ata_command c = { .dev = dev, .len = len };
	int err;

	memcpy(c.cdb, cdb, sizeof(c.cdb));
	ata_build_packet(&dev->id, false, write, len, &c.tf);
	err = ata_execute(dev->port, &c, addr, PACKET_MS, false);
	*sense = (struct ata_sense){ 0 };
	if (err != 0 && c.failure == ATA_FAILED_DEVICE)		/* judge_packet() left it there */
		*sense = (struct ata_sense){ (u8)(c.result.lba >> 16), (u8)(c.result.lba >> 8), (u8)c.result.lba };
	return err != 0 ? err : (int)(c.moved < len ? c.moved : len);
}

int
ata_packet(struct ata_device *dev, const u8 *cdb, bool write, void *buf, u32 len, struct ata_sense *sense)
{
	struct ata_sense s;
	u64 addr = 0;
	void *mem = NULL;
	int r = -EIO;

	if (len != 0) {
		mem = dma_alloc(&dev->port->dma, len, &addr);
		if (mem == NULL)
			return -ENOMEM;
		if (write)
			memcpy(mem, buf, len);
	}
	for (u32 i = 0; i < ATTENTIONS_MAX; i++) {
		r = try_packet(dev, cdb, write, len, addr, &s);
		if (r >= 0 || s.key != 6)
			break;
	}
	if (r > 0 && !write)
		memcpy(buf, mem, (size_t)r);
	if (mem != NULL)
		dma_free(mem, len);
	if (sense != NULL)
		*sense = s;
	return r;
}

/* --- the medium --- */

static int
lock_door(struct ata_device *dev, bool locked)
{
	const u8 cdb[16] = { PREVENT_REMOVAL, 0, 0, 0, locked };
	int r = ata_packet(dev, cdb, false, NULL, 0, NULL);

	if (r >= 0)
		atomic_store(&dev->locked, locked);
	return r < 0 ? r : 0;
}

static int
wait_ready(struct ata_device *dev)
{
	static const u8 cdb[16] = { TEST_UNIT_READY };
	nsec_t end = clock_now() + READY_MS * NSEC_PER_MSEC;
	struct ata_sense s;

	for (;;) {
		int r = ata_packet(dev, cdb, false, NULL, 0, &s);

		if (r >= 0 || s.key != 2 || s.asc != 0x04 || clock_now() >= end)
			return r < 0 ? r : 0;
		ata_sleep_ms(200);
	}
}

static u32
get_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/* Sectors of 512 bytes. */
static int
read_capacity(struct ata_device *dev, u64 *nr)
{
	static const u8 cdb[16] = { READ_CAPACITY };
	u8 data[8];
	u32 size;
	int r = wait_ready(dev);

	if (r == 0)
		r = ata_packet(dev, cdb, false, data, sizeof(data), NULL);
	if (r < 0)
		return r;
	size = r == sizeof(data) ? get_be32(data + 4) : 0;
	/* Some drives tell the size of a raw sector; data blocks are 2048 bytes. A blank disc says 0 or all ones. */
	if (size == 0 || size > 4096 || get_be32(data) == 0xffffffff)
		return -ENOMEDIUM;
	*nr = ((u64)get_be32(data) + 1) * (BLOCK / SECTOR_SIZE);
	return 0;
}

int
ata_cd_check_medium(struct ata_device *dev)
{
	u64 nr = 0;
	int err = read_capacity(dev, &nr);

	if (nr != dev->disk->whole->nr_sectors)
		disk_set_capacity(dev->disk, nr);
	return err;
}

/* --- block operations --- */

static void
read_done(struct ata_command *c)
{
	if (c->err == 0 && c->moved < c->len)
		c->err = -EIO;
	ata_request_done(c);
}

static int
submit(struct block_queue *q, struct block_request *rq)
{
	struct ata_device *dev = block_queue_priv(q);
	struct ata_command *c = rq->driver;

	if (rq->op != BIO_READ)
		return rq->op == BIO_WRITE ? -EROFS : -EOPNOTSUPP;
	c->dev = dev;
	c->priv = rq;
	c->done = read_done;
	c->segs = rq->dma.segs;
	c->nsegs = rq->dma.nsegs;
	c->len = rq->nr_sectors << SECTOR_SHIFT;
	ata_build_packet(&dev->id, atomic_load_relaxed(&dev->mode) != ATA_MODE_PIO, false, c->len, &c->tf);
	ata_build_cd_read(rq->sector / (BLOCK / SECTOR_SIZE), rq->nr_sectors / (BLOCK / SECTOR_SIZE), c->cdb);
	return ata_port_submit(dev->port, c);
}

static int
open(struct disk *d, u32 how)
{
	struct ata_device *dev = d->priv;
	int err = how & BLOCK_OPEN_WRITE ? -EROFS : ata_cd_check_medium(dev);

	if (how & BLOCK_OPEN_ANYWAY)
		return err;
	if (err == -ENOMEDIUM && (atomic_load(&dev->cd_options) & CDO_AUTO_CLOSE) && ata_cd_close_tray(dev))
		err = ata_cd_check_medium(dev);
	if (err == 0 && (atomic_load(&dev->cd_options) & CDO_LOCK))
		(void)!lock_door(dev, true);	/* not every drive has a lock */
	return err;
}

static void
close(struct disk *d)
{
	struct ata_device *dev = d->priv;

	if (atomic_load(&dev->locked))
		(void)!lock_door(dev, false);
	if (atomic_load(&dev->cd_options) & CDO_AUTO_EJECT)
		ata_cd_open_tray(dev);
}

static const struct block_ops ata_cd_ops = {
	.submit = submit,
	.timeout = ata_request_timeout,
	.open = open,
	.close = close,
	.ioctl = ata_cd_ioctl,
	.release = ata_disk_release,
};

/* --- publishing --- */

static void
copy_name(char *dst, const u8 *src, u32 n)
{
	u32 end = 0;

	for (u32 i = 0; i < n; i++) {
		dst[i] = is_print((char)src[i]) ? (char)src[i] : ' ';
		if (dst[i] != ' ')
			end = i + 1;
	}
	dst[end] = '\0';
}

static void
fill_names(struct ata_device *dev)
{
	static const u8 cdb[16] = { INQUIRY, 0, 0, 0, 36 };
	u8 data[36] = { 0 };

	if (ata_packet(dev, cdb, false, data, sizeof(data), NULL) < 0)
		log_warn("ata%u.%02u: INQUIRY fails", dev->port->index, dev->unit);
	copy_name(dev->vendor, data + 8, 8);
	copy_name(dev->model, data + 16, 16);
	copy_name(dev->revision, data + 32, 4);
}

int
ata_cd_publish(struct ata_device *dev)
{
	struct block_limits lim = { .logical_size = BLOCK, .physical_size = BLOCK, .max_sectors = MAX_SECTORS, .rotational = true,
		.dma = dev->port->dma };
	struct disk *d;
	u64 nr = 0;
	int err;

	if (dev->id.packet_type != TYPE_CD)
		return -EOPNOTSUPP;
	fill_names(dev);
	if (read_capacity(dev, &nr) != 0)
		nr = 0;
	err = disk_create(&ata_cd_ops, &lim, 1, 1, sizeof(struct ata_command), ata_fault_timeout(ATA_TIMEOUT_MS), dev, &d);
	if (err != 0)
		return err;
	ata_device_get(dev);		/* ata_disk_release() */
	d->parent = &dev->dev;
	d->attrs = ata_fault_attrs;
	d->removable = d->read_only = d->no_partitions = true;
	dev->medium_changed = true;	/* as Linux: nobody has seen this one */
	dev->cd_options = CDO_AUTO_CLOSE | CDO_USE_FFLAGS | CDO_LOCK;
	dev->disk = d;			/* openers come as soon as it is added */
	err = disk_set_name(d, "sr");
	if (err == 0)
		err = disk_add(d, nr);
	if (err != 0) {
		dev->disk = NULL;
		disk_put(d);
	}
	return err;
}
