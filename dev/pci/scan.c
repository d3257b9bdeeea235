/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the functions, at boot, and binding drivers to them.
 *
 * Every bus of the ranges that arch names is looked at, in rising order, not only those behind known bridges: a machine may
 * have more than one root bus. A bridge has a lower bus number than what is behind it, so parents are found first.
 * Firmware has given out addresses; a bar without one is reported and left unused.
 */
#include "dev/pci.h"

#include "arch/cpu.h"
#include "arch/pci.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/mutex.h"

#define CLASS_BRIDGE		0x06
#define HEADER_MULTI		0x80
#define BAR_IO			0x1U
#define BAR_WIDE		0x4U
#define BAR_PREFETCH		0x8U

static struct mutex pci_lock = MUTEX_INIT(pci_lock, LOCK_BUS);
static struct list devices = LIST_INIT(devices);	/* [P] in bus order */
static struct list drivers = LIST_INIT(drivers);	/* [P] */

/* --- bars --- */

/* Write all ones, read back which bits hold, restore. */
static u32
probe_bits(struct pci_device *dev, u32 offset)
{
	u32 old = pci_read32(dev, offset), bits;

	pci_write32(dev, offset, 0xffffffff);
	bits = pci_read32(dev, offset);
	pci_write32(dev, offset, old);
	return bits;
}

/* Returns how many registers it took: 1 or 2. */
static u32
read_bar(struct pci_device *dev, u32 i, u32 count)
{
	u32 offset = PCI_REG_BAR0 + i * 4, low = pci_read32(dev, offset), bits = probe_bits(dev, offset);
	struct pci_bar *b = &dev->bars[i];
	u64 mask;

	if (bits == 0 || bits == 0xffffffff)
		return 1;
	if (low & BAR_IO) {
		/* The upper half of an I/O bar may be wired to zero. */
		mask = (bits & ~3U) | 0xffffffffffff0000UL;
		*b = (struct pci_bar){ .kind = PCI_BAR_IO, .base = low & 0xfffcU, .size = ~mask + 1 };
		return 1;
	}
	*b = (struct pci_bar){ .kind = PCI_BAR_MEMORY, .base = low & ~0xfU, .prefetch = low & BAR_PREFETCH };
	mask = (bits & ~0xfU) | 0xffffffff00000000UL;
	if ((low & BAR_WIDE) && i + 1 < count) {
		b->wide = true;
		b->base |= (u64)pci_read32(dev, offset + 4) << 32;
		mask = (bits & ~0xfU) | (u64)probe_bits(dev, offset + 4) << 32;
	}
	b->size = ~mask + 1;
	return b->wide ? 2 : 1;
}

/* Decoding is off meanwhile, or the function would answer at the address of all ones; bridges to what the CPU itself needs
 * (ISA, host) keep theirs. */
static void
read_bars(struct pci_device *dev)
{
	u32 count = dev->header_type == 0 ? PCI_BARS : dev->header_type == 1 ? 2 : 0;
	u16 command = pci_read16(dev, PCI_REG_COMMAND);
	bool quiet = dev->class >> 16 != CLASS_BRIDGE;
	u64 flags = arch_irq_save();

	if (quiet)
		pci_write16(dev, PCI_REG_COMMAND, command & (u16)~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (u32 i = 0; i < count; )
		i += read_bar(dev, i, count);
	if (quiet)
		pci_write16(dev, PCI_REG_COMMAND, command);
	arch_irq_restore(flags);
}

static void
report(struct pci_device *dev)
{
	char name[PCI_NAME_MAX];

	pci_name(dev, name);
	log_info("pci %s: [%04x:%04x] class %06x", name, dev->vendor, dev->device, dev->class);
	for (u32 i = 0; i < PCI_BARS; i++) {
		if (dev->bars[i].kind != PCI_BAR_NONE && dev->bars[i].base == 0)
			log_warn("pci %s: bar %u has no address", name, i);
	}
}

/* --- functions --- */

static struct pci_device *
bridge_to(u32 segment, u32 bus)
{
	struct pci_device *dev;

	list_for_each(dev, &devices, node) {
		if (dev->header_type == 1 && dev->segment == segment && dev->secondary_bus == bus && bus != 0)
			return dev;
	}
	return NULL;
}

static void
read_function(struct pci_device *dev)
{
	u32 class = pci_read32(dev, PCI_REG_REVISION);

	dev->vendor = pci_read16(dev, PCI_REG_VENDOR);
	dev->device = pci_read16(dev, PCI_REG_DEVICE);
	dev->revision = (u8)class;
	dev->class = class >> 8;
	dev->header_type = pci_read8(dev, PCI_REG_HEADER) & 0x7f;
	dev->config_size = arch_pci_config_size(dev->segment, dev->bdf);
	dev->pin = pci_read8(dev, PCI_REG_PIN);
	dev->line = pci_read8(dev, PCI_REG_LINE);
	if (dev->header_type == 0) {
		dev->subvendor = pci_read16(dev, PCI_REG_SUBVENDOR);
		dev->subdevice = pci_read16(dev, PCI_REG_SUBDEVICE);
	} else if (dev->header_type == 1) {
		dev->secondary_bus = pci_read8(dev, PCI_REG_SECONDARY_BUS);
	}
	read_bars(dev);
}

/* False where nothing is. *multi: look at the other functions as well. */
static bool
scan_function(u32 segment, u16 bdf, bool *multi)
{
	u32 id = arch_pci_read(segment, bdf, PCI_REG_VENDOR, 4);
	struct pci_device *dev;

	if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0)
		return false;
	*multi = arch_pci_read(segment, bdf, PCI_REG_HEADER, 1) & HEADER_MULTI;
	dev = kmem_alloc(sizeof(*dev), KM_ZERO);
	if (dev == NULL) {
		log_err("pci: no memory for a function");
		return true;
	}
	dev->segment = segment;
	dev->bdf = bdf;
	dev->parent = bridge_to(segment, bdf >> 8);
	read_function(dev);
	list_add_tail(&devices, &dev->node);
	report(dev);
	pci_device_publish(dev);
	return true;
}

static u32
scan_bus(u32 segment, u32 bus)
{
	u32 found = 0;

	for (u32 slot = 0; slot < 32; slot++) {
		bool multi = false, ignored;

		if (!scan_function(segment, PCI_BDF(bus, slot, 0), &multi))
			continue;
		found++;
		for (u32 fn = 1; multi && fn < 8; fn++)
			found += scan_function(segment, PCI_BDF(bus, slot, fn), &ignored);
	}
	return found;
}

void
pci_init(void)
{
	u32 segment, found = 0;
	u8 first, last;

	mutex_lock(&pci_lock);
	for (u32 i = 0; arch_pci_range(i, &segment, &first, &last); i++) {
		for (u32 bus = first; bus <= last; bus++)
			found += scan_bus(segment, bus);
	}
	mutex_unlock(&pci_lock);
	if (found == 0)
		log_info("pci: no bus");
}

struct pci_device *
pci_find(bool (*fn)(struct pci_device *dev, void *arg), void *arg)
{
	struct pci_device *dev, *found = NULL;

	mutex_lock(&pci_lock);
	list_for_each(dev, &devices, node) {
		if (fn(dev, arg)) {
			found = dev;
			break;
		}
	}
	mutex_unlock(&pci_lock);
	return found;
}

/* --- drivers --- */

static const struct pci_id *
match(const struct pci_device *dev, const struct pci_driver *drv)
{
	for (const struct pci_id *id = drv->ids; id->vendor != 0; id++) {
		if ((id->vendor == PCI_ANY || id->vendor == dev->vendor) &&
		    (id->device == PCI_ANY || id->device == dev->device) &&
		    (dev->class & id->class_mask) == (id->class & id->class_mask))
			return id;
	}
	return NULL;
}

static void
bind(struct pci_device *dev, struct pci_driver *drv)
{
	const struct pci_id *id = match(dev, drv);
	char name[PCI_NAME_MAX];
	int err;

	if (id == NULL || dev->driver != NULL)
		return;
	err = drv->probe(dev, id);
	if (err == 0) {
		dev->driver = drv;
		dev->dev.driver = drv->name;
		return;
	}
	pci_name(dev, name);
	log_warn("pci %s: %s does not take it: error %d", name, drv->name, err);
}

void
pci_driver_register(struct pci_driver *drv)
{
	struct pci_device *dev;

	mutex_lock(&pci_lock);
	list_add_tail(&drivers, &drv->node);
	list_for_each(dev, &devices, node)
		bind(dev, drv);
	mutex_unlock(&pci_lock);
}

void
pci_driver_unregister(struct pci_driver *drv)
{
	struct pci_device *dev;

	mutex_lock(&pci_lock);
	list_for_each(dev, &devices, node) {
		if (dev->driver == drv) {
			drv->remove(dev);
			dev->driver = NULL;
			dev->dev.driver = NULL;
		}
	}
	list_del(&drv->node);
	mutex_unlock(&pci_lock);
}

int
pci_device_remove(struct pci_device *dev)
{
	bool mine;

	if (dev->header_type != 0)
		return -EBUSY;
	mutex_lock(&pci_lock);
	if (dev->driver != NULL && dev->driver->remove == NULL) {
		mutex_unlock(&pci_lock);
		return -EBUSY;
	}
	mine = !dev->removed;
	dev->removed = true;
	if (mine) {
		if (dev->driver != NULL)
			dev->driver->remove(dev);
		dev->driver = NULL;
		dev->dev.driver = NULL;
		list_del(&dev->node);
	}
	mutex_unlock(&pci_lock);
	if (mine)
		device_unregister(&dev->dev);
	return 0;
}
