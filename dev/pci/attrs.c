/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI functions in the device tree: /sys/devices/pci0000:00/0000:00:1f.2 and below bridges, with the attributes that lspci
 * and udev read, in Linux's formats.
 */
#include "dev/pci.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"

#define RESOURCE_IO	0x00000100UL	/* Linux's IORESOURCE_* bits, which are part of the file's format */
#define RESOURCE_MEMORY	0x00000200UL
#define RESOURCE_PREF	0x00002000UL
#define RESOURCE_SIZE	0x00040000UL
#define RESOURCE_WIDE	0x00100000UL
#define RESOURCE_LINES	13		/* six bars, the ROM, six bridge windows */

static struct pci_device *
of(struct device *d)
{
	return container_of(d, struct pci_device, dev);
}

static int
vendor_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", of(d)->vendor);
	return 0;
}

static int
device_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", of(d)->device);
	return 0;
}

static int
subvendor_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", of(d)->subvendor);
	return 0;
}

static int
subdevice_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%04x\n", of(d)->subdevice);
	return 0;
}

static int
class_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%06x\n", of(d)->class);
	return 0;
}

static int
revision_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "0x%02x\n", of(d)->revision);
	return 0;
}

static int
irq_show(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%u\n", of(d)->line == 0xff ? 0 : of(d)->line);
	return 0;
}

static void
put_modalias(const struct pci_device *dev, struct strbuf *out)
{
	strbuf_printf(out, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", dev->vendor, dev->device, dev->subvendor,
		dev->subdevice, dev->class >> 16, dev->class >> 8 & 0xff, dev->class & 0xff);
}

static int
modalias_show(struct device *d, struct strbuf *out)
{
	put_modalias(of(d), out);
	return 0;
}

static void
uevent(struct device *d, struct strbuf *out)
{
	const struct pci_device *dev = of(d);

	strbuf_printf(out, "PCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\nPCI_SLOT_NAME=%s\nMODALIAS=", dev->class,
		dev->vendor, dev->device, dev->subvendor, dev->subdevice, d->name);
	put_modalias(dev, out);
}

const struct device_bus device_bus_pci = { .name = "pci", .uevent = uevent };

static int
resource_show(struct device *d, struct strbuf *out)
{
	const struct pci_device *dev = of(d);

	for (u32 i = 0; i < RESOURCE_LINES; i++) {
		const struct pci_bar *b = i < PCI_BARS ? &dev->bars[i] : NULL;
		u64 flags;

		if (b == NULL || b->kind == PCI_BAR_NONE || b->base == 0) {
			strbuf_printf(out, "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
			continue;
		}
		flags = RESOURCE_SIZE | (b->kind == PCI_BAR_IO ? RESOURCE_IO : RESOURCE_MEMORY) |
			(b->prefetch ? RESOURCE_PREF : 0) | (b->wide ? RESOURCE_WIDE : 0);
		strbuf_printf(out, "0x%016lx 0x%016lx 0x%016lx\n", b->base, b->base + b->size - 1, flags);
	}
	return 0;
}

/* "1": away with it, as if it were pulled out. */
static int
remove_store(struct device *d, const char *text, size_t len)
{
	(void)len;
	if (text[0] != '1' || (text[1] != '\0' && text[1] != '\n'))
		return text[0] == '0' ? 0 : -EINVAL;
	return pci_device_remove(of(d));
}

static const struct device_attr
	vendor_attr = { .name = "vendor", .mode = 0444, .show = vendor_show },
	device_attr = { .name = "device", .mode = 0444, .show = device_show },
	subvendor_attr = { .name = "subsystem_vendor", .mode = 0444, .show = subvendor_show },
	subdevice_attr = { .name = "subsystem_device", .mode = 0444, .show = subdevice_show },
	class_attr = { .name = "class", .mode = 0444, .show = class_show },
	revision_attr = { .name = "revision", .mode = 0444, .show = revision_show },
	irq_attr = { .name = "irq", .mode = 0444, .show = irq_show },
	modalias_attr = { .name = "modalias", .mode = 0444, .show = modalias_show },
	remove_attr = { .name = "remove", .mode = 0220, .store = remove_store },
	resource_attr = { .name = "resource", .mode = 0444, .show = resource_show };

static const struct device_attr *const attrs[] = {
	&vendor_attr, &device_attr, &subvendor_attr, &subdevice_attr, &class_attr, &revision_attr, &irq_attr, &modalias_attr,
	&resource_attr, &remove_attr, NULL,
};

/* The device a root bus hangs from: "pci0000:00". Made when the first function on it is found; never freed. */
static struct device *
root_of(const struct pci_device *dev)
{
	static struct list roots = LIST_INIT(roots);
	struct root { struct list node; struct device dev; u32 segment; u8 bus; } *r;

	list_for_each(r, &roots, node) {
		if (r->segment == dev->segment && r->bus == dev->bdf >> 8)
			return &r->dev;
	}
	r = kmem_alloc(sizeof(*r), KM_ZERO);
	if (r == NULL)
		return NULL;
	r->segment = dev->segment;
	r->bus = (u8)(dev->bdf >> 8);
	snprintf(r->dev.name, sizeof(r->dev.name), "pci%04x:%02x", r->segment, r->bus);
	if (device_register(&r->dev) != 0) {
		kmem_free(r);
		return NULL;
	}
	list_add_tail(&roots, &r->node);
	return &r->dev;
}

void
pci_device_publish(struct pci_device *dev)
{
	struct device *d = &dev->dev;

	pci_name(dev, d->name);
	d->bus = &device_bus_pci;
	d->attrs = attrs;
	d->parent = dev->parent != NULL ? &dev->parent->dev : root_of(dev);
	if (device_register(d) != 0)
		log_err("pci %s: cannot be registered", d->name);
}
