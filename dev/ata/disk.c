/* SPDX-License-Identifier: BSD-2-Clause */
/* ATA disks below the block layer: /dev/sda and so on. */
#include "dev/ata/ata.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define MAX_SECTORS	2560U	/* 1.25 MiB: more brings nothing, and makes others wait */

static struct ata_device *
device_of(struct block_queue *q)
{
	return block_queue_priv(q);
}

/* --- requests --- */

void
ata_request_done(struct ata_command *c)
{
	c->tries = 0;
	c->unqueued = false;
	block_request_end(c->priv, c->err);
}

/* Without DMA there is no write through the cache that every device knows: a flush comes behind. */
static void
write_done(struct ata_command *c)
{
	int err;

	if (c->err == 0) {
		ata_build_flush(&c->dev->id, &c->tf);
		c->done = ata_request_done;
		c->nsegs = 0;
		c->len = 0;
		err = ata_port_submit(c->dev->port, c);
		if (err == 0)
			return;
		c->err = err;
	}
	ata_request_done(c);
}

static int
submit(struct block_queue *q, struct block_request *rq)
{
	struct ata_device *dev = device_of(q);
	struct ata_command *c = rq->driver;
	enum ata_mode mode = atomic_load_relaxed(&dev->mode);

	if (c->unqueued && mode == ATA_MODE_NCQ)
		mode = ATA_MODE_DMA;
	c->dev = dev;
	c->priv = rq;
	c->done = ata_request_done;
	c->nsegs = 0;
	c->len = 0;
	switch (rq->op) {
	case BIO_READ:
	case BIO_WRITE:
		ata_build_rw(&dev->id, mode, rq->op == BIO_WRITE, rq->flags & BIO_FUA, rq->sector, rq->nr_sectors, &c->tf);
		c->segs = rq->dma.segs;
		c->nsegs = rq->dma.nsegs;
		c->len = rq->nr_sectors << SECTOR_SHIFT;
		if (mode == ATA_MODE_PIO && rq->op == BIO_WRITE && (rq->flags & BIO_FUA))
			c->done = write_done;
		break;
	case BIO_FLUSH:
		ata_build_flush(&dev->id, &c->tf);
		break;
	case BIO_DISCARD:
		/* The controller makes its data: ata_fill_trim(). */
		c->tf = (struct ata_taskfile){ .command = ATA_DATA_SET_MANAGEMENT, .protocol = ATA_DMA, .write = true };
		c->sector = rq->sector;
		c->nr_sectors = rq->nr_sectors;
		break;
	default:
		return -EOPNOTSUPP;
	}
	return ata_port_submit(dev->port, c);
}

void
ata_request_timeout(struct block_queue *q, struct block_request *rq)
{
	ata_port_timeout(device_of(q)->port, rq->driver);
}

void
ata_disk_release(struct disk *d)
{
	ata_device_put(d->priv);
}

static const struct block_ops ata_disk_ops = {
	.submit = submit,
	.timeout = ata_request_timeout,
	.ioctl = ata_disk_ioctl,
	.release = ata_disk_release,
};

/* --- publishing --- */

static void
fill_limits(const struct ata_device *dev, struct block_limits *lim)
{
	const struct ata_identity *id = &dev->id;
	u32 unit = id->logical_size / SECTOR_SIZE, max = ata_max_sectors(id);

	*lim = (struct block_limits){
		.logical_size = id->logical_size,
		.physical_size = id->physical_size,
		.max_sectors = max < MAX_SECTORS ? max : MAX_SECTORS / unit * unit,
		.write_cache = id->cache && (id->flush || id->flush_ext),
		.fua = id->fua && dev->mode != ATA_MODE_PIO,
		.rotational = id->rotational,
		.dma = dev->port->dma,
	};
	if (id->trim && dev->mode != ATA_MODE_PIO)
		lim->discard_max_sectors = ATA_TRIM_RANGES * ATA_TRIM_RANGE_MAX * unit;
}

/* Linux's way of cutting an ATA name down to what SCSI has room for. */
static void
fill_names(struct ata_device *dev)
{
	const char *fw = dev->id.firmware;

	strlcpy(dev->vendor, "ATA", sizeof(dev->vendor));
	strlcpy(dev->model, dev->id.model, sizeof(dev->model));
	strlcpy(dev->revision, strlen(fw) > 4 ? fw + 4 : fw, sizeof(dev->revision));
}

int
ata_disk_publish(struct ata_device *dev)
{
	struct block_limits lim;
	struct disk *d;
	int err;

	fill_names(dev);
	fill_limits(dev, &lim);
	err = disk_create(&ata_disk_ops, &lim, 1, dev->mode == ATA_MODE_NCQ ? dev->id.queue_depth : 1, sizeof(struct ata_command),
		ata_fault_timeout(ATA_TIMEOUT_MS), dev, &d);
	if (err != 0)
		return err;
	ata_device_get(dev);		/* ata_disk_release() */
	d->parent = &dev->dev;
	d->attrs = ata_fault_attrs;
	err = disk_set_name(d, "sd");
	if (err == 0)
		err = disk_add(d, dev->id.sectors);
	if (err != 0) {
		disk_put(d);
		return err;
	}
	dev->disk = d;
	return 0;
}
