/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices and the publisher: what makes a block disk of a device that a port found, and removes it when it is gone. It has a
 * thread of its own, since reading a partition table waits for the port's thread, should the disk fail then. At boot the init
 * thread does this work, in the order of ports, so that disks have the same names each time.
 */
#include "dev/ata/ata.h"

#include "dev/ata/init.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/mutex.h"

static struct mutex publishing = MUTEX_INIT(publishing, LOCK_BUS);	/* one at a time; inside PCI's */
static struct mutex publish_lock = MUTEX_INIT(publish_lock, LOCK_LEAF_SLEEP);
static struct list changed = LIST_INIT(changed);	/* [P] with a reference, in order of port and unit */
static struct waitq changed_wake = WAITQ_INIT(changed_wake);

static const struct device_bus scsi_bus = { .name = "scsi" };

/* --- attributes: /sys/block/sda/device/, as Linux shows them for libata --- */

static struct ata_device *
device_of(struct device *d)
{
	return d->priv;
}

static int
show_vendor(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%-8s\n", device_of(d)->vendor);
	return 0;
}

static int
show_model(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%-16s\n", device_of(d)->model);
	return 0;
}

static int
show_revision(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%-4s\n", device_of(d)->revision);
	return 0;
}

static int
show_type(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%u\n", device_of(d)->id.packet ? device_of(d)->id.packet_type : 0);
	return 0;
}

static int
show_queue_depth(struct device *d, struct strbuf *out)
{
	struct ata_device *dev = device_of(d);

	strbuf_printf(out, "%u\n", atomic_load(&dev->mode) == ATA_MODE_NCQ ? dev->id.queue_depth : 1);
	return 0;
}

static int
show_state(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, device_of(d)->gone ? "deleted\n" : "running\n");
	return 0;
}

static int
show_scsi_level(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "6\n");		/* SPC-3, as libata says */
	return 0;
}

static int
show_modalias(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "scsi:t-0x%02x\n", device_of(d)->id.packet ? device_of(d)->id.packet_type : 0);
	return 0;
}

/* Seconds, of requests; queue/io_timeout is the same in milliseconds. */
static int
show_timeout(struct device *d, struct strbuf *out)
{
	struct disk *disk = READ_ONCE(device_of(d)->disk);

	if (disk == NULL)
		return -ENODEV;
	strbuf_printf(out, "%lu\n", (u64)(block_queue_timeout(disk->queue) / NSEC_PER_SEC));
	return 0;
}

static int
store_timeout(struct device *d, const char *text, size_t len)
{
	struct disk *disk = READ_ONCE(device_of(d)->disk);
	const char *end;
	u64 v;

	(void)len;
	if (disk == NULL)
		return -ENODEV;
	if (parse_u64(text, &end, 10, &v) != 0 || (*end != '\0' && *end != '\n') || v == 0 || v > UINT32_MAX / 1000)
		return -EINVAL;
	block_queue_set_timeout(disk->queue, (nsec_t)v * NSEC_PER_SEC);
	return 0;
}

static const struct device_attr attr_state = { "state", 0444, show_state, NULL };
static const struct device_attr attr_scsi_level = { "scsi_level", 0444, show_scsi_level, NULL };
static const struct device_attr attr_modalias = { "modalias", 0444, show_modalias, NULL };
static const struct device_attr attr_timeout = { "timeout", 0644, show_timeout, store_timeout };
static const struct device_attr attr_vendor = { "vendor", 0444, show_vendor, NULL };
static const struct device_attr attr_model = { "model", 0444, show_model, NULL };
static const struct device_attr attr_revision = { "rev", 0444, show_revision, NULL };
static const struct device_attr attr_type = { "type", 0444, show_type, NULL };
static const struct device_attr attr_queue_depth = { "queue_depth", 0444, show_queue_depth, NULL };
static const struct device_attr *const attrs[] = { &attr_vendor, &attr_model, &attr_revision, &attr_type, &attr_queue_depth, &attr_state,
	&attr_scsi_level, &attr_modalias, &attr_timeout, NULL };

/* --- life --- */

static void
release(struct device *d)
{
	ata_device_put(device_of(d));
}

struct ata_device *
ata_device_create(struct ata_port *p, u32 unit)
{
	struct ata_device *dev = kmem_alloc(sizeof(*dev), KM_ZERO);

	if (dev == NULL) {
		log_err("ata%u: no memory for a device", p->index);
		return NULL;
	}
	dev->port = p;
	dev->unit = (u8)unit;
	refcount_init(&dev->refs, 1);
	ata_port_get(p);
	return dev;
}

void
ata_device_get(struct ata_device *dev)
{
	refcount_get(&dev->refs);
}

void
ata_device_put(struct ata_device *dev)
{
	struct ata_port *p = dev->port;

	if (!refcount_put(&dev->refs))
		return;
	kmem_free(dev);
	ata_port_put(p);
}

const char *
ata_device_name(const struct ata_device *dev, char *buf, size_t size)
{
	snprintf(buf, size, "ata%u.%02u", dev->port->index, dev->unit);
	return buf;
}

/* --- publishing --- */

static bool
is_gone(struct ata_device *dev)
{
	u64 flags = spin_lock_irqsave(&dev->port->lock);
	bool gone = dev->gone;

	spin_unlock_irqrestore(&dev->port->lock, flags);
	return gone;
}

static int
enter_tree(struct ata_device *dev)
{
	struct device *d = &dev->dev;
	int err;

	/* host, channel, target, logical unit */
	snprintf(d->name, sizeof(d->name), "%u:0:%u:0", dev->port->index - 1, dev->unit);
	d->parent = dev->port->parent;
	d->bus = &scsi_bus;
	d->attrs = attrs;
	d->priv = dev;
	d->release = release;
	ata_device_get(dev);
	err = device_register(d);
	if (err != 0)
		ata_device_put(dev);
	return err;
}

static void
publish(struct ata_device *dev)
{
	char name[16];
	int err = enter_tree(dev);

	if (err == 0) {
		err = dev->id.packet ? ata_cd_publish(dev) : ata_disk_publish(dev);
		if (err != 0)
			device_unregister(&dev->dev);
	}
	if (err != 0)
		log_err("%s: no disk: error %d", ata_device_name(dev, name, sizeof(name)), err);
}

static void
withdraw(struct ata_device *dev)
{
	disk_remove(dev->disk);
	device_unregister(&dev->dev);
	disk_put(dev->disk);
	dev->disk = NULL;
}

static struct ata_device *
next_changed(void)
{
	struct ata_device *dev;

	mutex_lock(&publish_lock);
	dev = list_empty(&changed) ? NULL : list_first(&changed, struct ata_device, node);
	if (dev != NULL) {
		list_del(&dev->node);
		dev->queued = false;
	}
	mutex_unlock(&publish_lock);
	return dev;
}

void
ata_publish_now(void)
{
	struct ata_device *dev;

	mutex_lock_nested(&publishing);
	while ((dev = next_changed()) != NULL) {
		if (!is_gone(dev) && dev->disk == NULL)
			publish(dev);
		else if (is_gone(dev) && dev->disk != NULL)
			withdraw(dev);
		ata_device_put(dev);
	}
	mutex_unlock(&publishing);
}

static bool
before(const struct ata_device *a, const struct ata_device *b)
{
	return a->port->index != b->port->index ? a->port->index < b->port->index : a->unit < b->unit;
}

void
ata_device_changed(struct ata_device *dev)
{
	struct ata_device *at;

	mutex_lock(&publish_lock);
	if (!dev->queued) {
		dev->queued = true;
		ata_device_get(dev);
		list_for_each(at, &changed, node) {
			if (before(dev, at))
				break;
		}
		list_add_tail(&at->node, &dev->node);	/* before it; at the end it is the head */
	}
	mutex_unlock(&publish_lock);
	waitq_wake_all(&changed_wake);
}

static void
publisher(void *arg)
{
	for (;;) {
		wait_event(&changed_wake, !list_empty(&changed));
		ata_publish_now();
	}
}

/* --- boot --- */

void
ata_init(void)
{
	struct ata_port *p;

	ahci_register();
	ide_register();
	list_for_each(p, &ata_ports, node)
		completion_wait(&p->probed);
	ata_publish_now();
	if (thread_spawn(publisher, NULL, "ata") != 0)
		log_err("ata: no memory for the thread; disks that are plugged in stay unseen");
}
