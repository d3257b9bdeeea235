/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio bus: devices that transports found, the drivers for them, and the steps that both go through together
 * (virtio 1.2, 3.1): acknowledge, features, queues, ready.
 */
#include "dev/virtio/transport.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/bits.h"
#include "sys/log.h"
#include "sys/mutex.h"
#include "sys/thread.h"

#define RESET_LIMIT	(3 * NSEC_PER_SEC)	/* devices finish what they have begun first */
#define CONFIG_TRIES	100

#define CORE_FEATURES	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM))
#define LEGACY_FEATURES	0xffffffffUL

static struct mutex virtio_lock = MUTEX_INIT(virtio_lock, LOCK_BUS);	/* taken inside PCI's */
static struct list devices = LIST_INIT(devices);	/* [V] */
static struct list drivers = LIST_INIT(drivers);	/* [V] */
static u64 indexes[4];					/* [V] bit per device number in use */

/* --- attributes, in Linux's formats --- */

static struct virtio_device *
of(struct device *d)
{
	return container_of(d, struct virtio_device, dev);
}

static int
device_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", of(d)->device_id);
	return 0;
}

static int
vendor_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", of(d)->vendor_id);
	return 0;
}

static int
status_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%08x\n", virtio_status(of(d)));
	return 0;
}

static int
features_show(struct device *d, struct strbuf *out)
{
	for (u32 i = 0; i < 64; i++)
		strbuf_putc(out, of(d)->features >> i & 1 ? '1' : '0');
	strbuf_putc(out, '\n');
	return 0;
}

static int
modalias_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "virtio:d%08Xv%08X\n", of(d)->device_id, of(d)->vendor_id);
	return 0;
}

static void
uevent(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "MODALIAS=");
	(void)modalias_show(d, out);
}

static const struct device_bus device_bus_virtio = { .name = "virtio", .uevent = uevent };

static const struct device_attr
	device_attr = { .name = "device", .mode = 0444, .show = device_show },
	vendor_attr = { .name = "vendor", .mode = 0444, .show = vendor_show },
	status_attr = { .name = "status", .mode = 0444, .show = status_show },
	features_attr = { .name = "features", .mode = 0444, .show = features_show },
	modalias_attr = { .name = "modalias", .mode = 0444, .show = modalias_show };

static const struct device_attr *const attrs[] = { &device_attr, &vendor_attr, &status_attr, &features_attr, &modalias_attr, NULL };

/* --- configuration --- */

u8
virtio_config_read8(struct virtio_device *vd, u32 offset)
{
	u8 v;

	vd->transport->config_read(vd, offset, &v, 1);
	return v;
}

u16
virtio_config_read16(struct virtio_device *vd, u32 offset)
{
	u16 v;

	vd->transport->config_read(vd, offset, &v, 2);
	return v;
}

u32
virtio_config_read32(struct virtio_device *vd, u32 offset)
{
	u32 v;

	vd->transport->config_read(vd, offset, &v, 4);
	return v;
}

/* Legacy devices have no generation: there two equal readings must do. */
u64
virtio_config_read64(struct virtio_device *vd, u32 offset)
{
	u64 last = 0;

	for (u32 i = 0; i < CONFIG_TRIES; i++) {
		u32 before = vd->transport->generation(vd), low = virtio_config_read32(vd, offset), high = virtio_config_read32(vd, offset + 4);
		u64 v = low | (u64)high << 32;

		if (vd->transport->generation(vd) == before && (virtio_has(vd, VIRTIO_F_VERSION_1) || (i > 0 && v == last)))
			return v;
		last = v;
	}
	return last;
}

void
virtio_config_write8(struct virtio_device *vd, u32 offset, u8 v)
{
	vd->transport->config_write(vd, offset, &v, 1);
}

void
virtio_config_write32(struct virtio_device *vd, u32 offset, u32 v)
{
	vd->transport->config_write(vd, offset, &v, 4);
}

void
virtio_config_interrupt(struct virtio_device *vd)
{
	const struct virtio_driver *drv = READ_ONCE(vd->driver);

	if (atomic_load_acquire(&vd->ready) && drv != NULL && drv->config_changed != NULL)
		drv->config_changed(vd);
}

/* --- status --- */

u8
virtio_status(struct virtio_device *vd)
{
	return vd->transport->status(vd);
}

static void
add_status(struct virtio_device *vd, u8 bits)
{
	vd->transport->set_status(vd, virtio_status(vd) | bits);
}

void
virtio_device_ready(struct virtio_device *vd)
{
	atomic_store_release(&vd->ready, true);
	if (!(virtio_status(vd) & VIRTIO_STATUS_DRIVER_OK))
		add_status(vd, VIRTIO_STATUS_DRIVER_OK);
}

/* A device that is not there any more reads as all ones. */
static int
reset(struct virtio_device *vd)
{
	nsec_t limit = clock_now() + RESET_LIMIT;
	u8 status;

	vd->transport->set_status(vd, 0);
	while ((status = virtio_status(vd)) != 0) {
		if (status == 0xff || clock_now() > limit) {
			log_err("%s: does not reset, status 0x%x", vd->dev.name, status);
			vd->transport->cut_off(vd);
			return -ETIMEDOUT;
		}
		thread_set_state(THREAD_UNINTERRUPTIBLE);
		(void)thread_schedule_until(clock_now() + NSEC_PER_MSEC);
	}
	return 0;
}

/* Agree on `features`, which are among the offered. */
static int
accept_features(struct virtio_device *vd, u64 features)
{
	vd->transport->set_features(vd, features);
	if (!(features & BIT(VIRTIO_F_VERSION_1)))
		return 0;	/* legacy devices do not confirm */
	add_status(vd, VIRTIO_STATUS_FEATURES_OK);
	if (virtio_status(vd) & VIRTIO_STATUS_FEATURES_OK)
		return 0;
	log_err("%s: does not work with features %#lx of %#lx", vd->dev.name, features, vd->offered);
	return -ENODEV;
}

int
virtio_device_stop(struct virtio_device *vd)
{
	int err;

	atomic_store_release(&vd->ready, false);
	err = reset(vd);
	vd->transport->irqs_wait(vd);
	return err;
}

static int
start_queues(struct virtio_device *vd)
{
	int err = vd->transport->irqs_start(vd);

	for (u32 i = 0; err == 0 && i < vd->nqueues; i++)
		err = vd->transport->queue_start(vd, vd->queues[i]);
	return err;
}

int
virtio_device_restart(struct virtio_device *vd)
{
	int err;

	if (virtio_status(vd) != 0)
		return -EIO;
	for (u32 i = 0; i < vd->nqueues; i++)
		virtqueue_reset(vd->queues[i]);
	add_status(vd, VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(vd, VIRTIO_STATUS_DRIVER);
	err = accept_features(vd, vd->features);
	if (err == 0)
		err = start_queues(vd);
	if (err != 0) {
		add_status(vd, VIRTIO_STATUS_FAILED);
		return err;
	}
	virtio_device_ready(vd);
	return 0;
}

/* --- queues --- */

static void
free_queues(struct virtio_device *vd)
{
	for (u32 i = 0; i < vd->nqueues; i++)
		virtqueue_destroy(vd->queues[i]);
	kmem_free(vd->queues);
	vd->queues = NULL;
	vd->nqueues = 0;
}

/* The size for the i-th queue; 0: it can't be. */
static u32
choose_size(struct virtio_device *vd, u32 index, u32 size_max)
{
	u32 size = vd->transport->queue_size(vd, index), max = size_max != 0 ? MIN(size_max, RING_SIZE_MAX) : RING_SIZE_MAX;

	if (vd->transport->resizable)
		size = MIN(size, max);
	return size <= 32768 && (size & (size - 1)) == 0 ? size : 0;
}

int
virtio_queues_create(struct virtio_device *vd, u32 n, const struct virtqueue_spec *specs)
{
	int err = 0;

	vd->queues = kmem_alloc_array(n, sizeof(vd->queues[0]), KM_ZERO);
	if (vd->queues == NULL)
		return -ENOMEM;
	for (u32 i = 0; err == 0 && i < n; i++) {
		u32 size = choose_size(vd, i, specs[i].size_max);

		err = size == 0 ? -ENOENT : virtqueue_create(vd, i, size, vd->transport->ring_align, &specs[i], &vd->queues[i]);
		vd->nqueues += err == 0;
	}
	if (err != 0)
		goto out_queues;
	err = vd->transport->irqs_create(vd);
	if (err != 0)
		goto out_queues;
	err = start_queues(vd);
	if (err == 0)
		return 0;
	(void)reset(vd);
	vd->transport->irqs_destroy(vd);
out_queues:
	free_queues(vd);
	return err;
}

void
virtio_queues_destroy(struct virtio_device *vd)
{
	if (vd->queues == NULL)
		return;
	vd->transport->irqs_destroy(vd);
	free_queues(vd);
}

/* --- binding --- */

/* [V] held. The device is reset, acknowledged and unbound on every failure. */
static int
try_driver(struct virtio_device *vd, const struct virtio_driver *drv)
{
	u64 known = drv->features | CORE_FEATURES;
	int err;

	add_status(vd, VIRTIO_STATUS_DRIVER);
	vd->features = vd->offered & known;
	if (!(vd->features & BIT(VIRTIO_F_VERSION_1)))
		vd->features &= LEGACY_FEATURES;
	err = accept_features(vd, vd->features);
	if (err != 0)
		return err;
	WRITE_ONCE(vd->driver, drv);
	err = drv->probe(vd);
	if (err == 0) {
		vd->dev.driver = drv->name;
		virtio_device_ready(vd);
		return 0;
	}
	WRITE_ONCE(vd->driver, NULL);
	atomic_store_release(&vd->ready, false);
	(void)reset(vd);
	return err;
}

static void
bind(struct virtio_device *vd, struct virtio_driver *drv)
{
	int err;

	if (vd->driver != NULL || drv->device_id != vd->device_id)
		return;
	err = try_driver(vd, drv);
	if (err != 0) {
		vd->features = 0;
		add_status(vd, VIRTIO_STATUS_FAILED);
		log_warn("%s: %s does not take it: error %d", vd->dev.name, drv->name, err);
	}
}

static void
unbind(struct virtio_device *vd)
{
	if (vd->driver == NULL)
		return;
	vd->driver->remove(vd);
	WRITE_ONCE(vd->driver, NULL);
	vd->dev.driver = NULL;
	vd->features = 0;
}

void
virtio_driver_register(struct virtio_driver *drv)
{
	struct virtio_device *vd;

	mutex_lock_nested(&virtio_lock);
	list_add_tail(&drivers, &drv->node);
	list_for_each(vd, &devices, node)
		bind(vd, drv);
	mutex_unlock(&virtio_lock);
}

void
virtio_driver_unregister(struct virtio_driver *drv)
{
	struct virtio_device *vd;

	mutex_lock_nested(&virtio_lock);
	list_for_each(vd, &devices, node) {
		if (vd->driver == drv) {
			unbind(vd);
			add_status(vd, VIRTIO_STATUS_ACKNOWLEDGE);
		}
	}
	list_del(&drv->node);
	mutex_unlock(&virtio_lock);
}

/* --- devices --- */

static int
take_index(u32 *out)
{
	for (u32 i = 0; i < ARRAY_SIZE(indexes) * 64; i++) {
		if (!(indexes[i / 64] >> (i % 64) & 1)) {
			indexes[i / 64] |= 1UL << (i % 64);
			*out = i;
			return 0;
		}
	}
	return -ENOSPC;
}

int
virtio_device_add(struct virtio_device *vd)
{
	struct virtio_driver *drv;
	int err;

	mutex_lock_nested(&virtio_lock);
	err = take_index(&vd->index);
	if (err != 0)
		goto out_unlock;
	snprintf(vd->dev.name, sizeof(vd->dev.name), "virtio%u", vd->index);
	vd->dev.bus = &device_bus_virtio;
	vd->dev.attrs = attrs;
	err = reset(vd);
	if (err != 0)
		goto out_index;
	add_status(vd, VIRTIO_STATUS_ACKNOWLEDGE);
	vd->offered = vd->transport->features(vd);
	err = device_register(&vd->dev);
	if (err != 0)
		goto out_index;
	list_add_tail(&devices, &vd->node);
	list_for_each(drv, &drivers, node)
		bind(vd, drv);
	mutex_unlock(&virtio_lock);
	return 0;
out_index:
	indexes[vd->index / 64] &= ~(1UL << (vd->index % 64));
out_unlock:
	mutex_unlock(&virtio_lock);
	return err;
}

void
virtio_device_remove(struct virtio_device *vd)
{
	mutex_lock_nested(&virtio_lock);
	unbind(vd);
	list_del(&vd->node);
	indexes[vd->index / 64] &= ~(1UL << (vd->index % 64));
	mutex_unlock(&virtio_lock);
	device_unregister(&vd->dev);
}

void
virtio_init(void)
{
	virtio_blk_init();
	virtio_rng_init();
	virtio_console_init();
	virtio_pci_init();
}
