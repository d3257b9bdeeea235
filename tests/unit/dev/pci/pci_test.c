/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI scan and the capability walk, on configuration spaces made here: bars of all kinds, bridges, looping capability
 * lists, functions that are not there.
 * sources: dev/pci/scan.c dev/pci/config.c
 */
#include "tests/unit/test.h"
#include "arch/pci.h"
#include "arch/mmu.h"
#include "dev/pci.h"

void pci_device_publish(struct pci_device *dev) { }
void device_unregister(struct device *d) { }

struct function { u16 bdf; u8 space[256]; u32 bar_mask[6]; };

static struct function functions[8];
static u32 count;

static struct function *
find(u16 bdf)
{
	for (u32 i = 0; i < count; i++) {
		if (functions[i].bdf == bdf)
			return &functions[i];
	}
	return NULL;
}

bool
arch_pci_range(u32 index, u32 *segment, u8 *first, u8 *last)
{
	*segment = 0;
	*first = 0;
	*last = 255;
	return index == 0;
}

u32
arch_pci_config_size(u32 segment, u16 bdf)
{
	return 256;
}

u32
arch_pci_read(u32 segment, u16 bdf, u32 offset, int size)
{
	struct function *f = find(bdf);
	u32 v = 0xffffffff;

	ck_assert_uint_le(offset + (u32)size, 256);
	ck_assert_uint_eq(offset % (u32)size, 0);
	if (f != NULL)
		memcpy(&v, f->space + offset, (size_t)size);
	return size == 1 ? v & 0xff : size == 2 ? v & 0xffff : v;
}

void
arch_pci_write(u32 segment, u16 bdf, u32 offset, int size, u32 value)
{
	struct function *f = find(bdf);

	ck_assert_ptr_nonnull(f);
	if (offset >= PCI_REG_BAR0 && offset < PCI_REG_BAR0 + 24 && (f->space[PCI_REG_HEADER] & 0x7f) == 0) {
		u32 i = (offset - PCI_REG_BAR0) / 4, old;

		ck_assert_int_eq(size, 4);
		memcpy(&old, f->space + offset, 4);
		/* Only the address bits of a size hold; the kind is fixed. */
		value = (value & f->bar_mask[i]) | (old & ~f->bar_mask[i]);
	}
	memcpy(f->space + offset, &value, (size_t)size);
}

void *
kmap_device(paddr_t pa, size_t size, int prot)
{
	return (void *)pa;
}

static struct function *
add(u16 bdf, u16 vendor, u16 device, u32 class)
{
	struct function *f = &functions[count++];

	memset(f, 0, sizeof(*f));
	f->bdf = bdf;
	memcpy(f->space, &vendor, 2);
	memcpy(f->space + 2, &device, 2);
	class <<= 8;
	memcpy(f->space + 8, &class, 4);
	return f;
}

static void
bar(struct function *f, u32 i, u32 value, u32 mask)
{
	memcpy(f->space + PCI_REG_BAR0 + 4 * i, &value, 4);
	f->bar_mask[i] = mask;
}

static bool
by_bdf(struct pci_device *dev, void *arg)
{
	return dev->bdf == *(u16 *)arg;
}

static struct pci_device *
get(u16 bdf)
{
	return pci_find(by_bdf, &bdf);
}

static bool
count_one(struct pci_device *dev, void *arg)
{
	++*(u32 *)arg;
	return false;
}

TEST(functions_and_bridges)
{
	struct function *f;
	u32 n = 0;

	add(PCI_BDF(0, 0, 0), 0x8086, 0x1237, 0x060000);
	f = add(PCI_BDF(0, 1, 0), 0x1b36, 0x000c, 0x060400);
	f->space[PCI_REG_HEADER] = 1 | 0x80;
	f->space[PCI_REG_SECONDARY_BUS] = 3;
	add(PCI_BDF(0, 1, 5), 0x1234, 0x1111, 0x030000);
	add(PCI_BDF(0, 2, 1), 0x1234, 0x2222, 0x030000);	/* no function 0: not there */
	add(PCI_BDF(3, 0, 0), 0x1af4, 0x1042, 0x010000);
	add(PCI_BDF(0x80, 4, 0), 0x1af4, 0x1041, 0x020000);	/* a second root bus */
	pci_init();
	pci_find(count_one, &n);
	ck_assert_uint_eq(n, 5);
	ck_assert_ptr_eq(get(PCI_BDF(3, 0, 0))->parent, get(PCI_BDF(0, 1, 0)));
	ck_assert_ptr_null(get(PCI_BDF(0x80, 4, 0))->parent);
	ck_assert_ptr_null(get(PCI_BDF(0, 2, 1)));
	ck_assert_uint_eq(get(PCI_BDF(0, 1, 5))->class, 0x030000);
}

TEST(bars_of_every_kind)
{
	struct function *f = add(PCI_BDF(0, 3, 0), 0x1af4, 0x1042, 0x010000);
	struct pci_device *dev;

	bar(f, 0, 0xc001, 0xffffff80);			/* 128 ports */
	bar(f, 1, 0xfebd0000, 0xfffff000);		/* 4 KiB */
	bar(f, 2, 0xfe00000c, 0xffffc000);		/* 16 KiB, 64 bits, prefetchable */
	bar(f, 3, 0x00000007, 0xffffffff);
	bar(f, 4, 0x0000c101, 0x0000fff0);		/* 16 ports, upper half wired to zero */
	bar(f, 5, 0, 0xffff0000);			/* 64 KiB, no address */
	pci_init();
	dev = get(PCI_BDF(0, 3, 0));
	ck_assert(dev->bars[0].kind == PCI_BAR_IO && dev->bars[0].base == 0xc000 && dev->bars[0].size == 128);
	ck_assert(dev->bars[1].kind == PCI_BAR_MEMORY && dev->bars[1].base == 0xfebd0000 && dev->bars[1].size == 4096);
	ck_assert(dev->bars[2].wide && dev->bars[2].prefetch);
	ck_assert_uint_eq(dev->bars[2].base, 0x7fe000000);
	ck_assert_uint_eq(dev->bars[2].size, 16384);
	ck_assert_int_eq(dev->bars[3].kind, PCI_BAR_NONE);
	ck_assert(dev->bars[4].kind == PCI_BAR_IO && dev->bars[4].base == 0xc100 && dev->bars[4].size == 16);
	ck_assert(dev->bars[5].kind == PCI_BAR_MEMORY && dev->bars[5].base == 0 && dev->bars[5].size == 65536);
	ck_assert_uint_eq(pci_read32(dev, PCI_REG_BAR0 + 4), 0xfebd0000);	/* put back */
	ck_assert_ptr_null(pci_map_bar(dev, 0, 0, 16));
	ck_assert_ptr_null(pci_map_bar(dev, 5, 0, 16));
	ck_assert_ptr_null(pci_map_bar(dev, 1, 4096, 1));
	ck_assert_ptr_null(pci_map_bar(dev, 1, 1, 4096));
	ck_assert_ptr_null(pci_map_bar(dev, 1, ~0UL, 2));
	ck_assert_ptr_null(pci_map_bar(dev, 6, 0, 1));
	ck_assert_uint_eq((u64)pci_map_bar(dev, 1, 0x800, 0x800), 0xfebd0800);
	ck_assert_uint_eq(pci_bar_port(dev, 0), 0xc000);
	ck_assert_uint_eq(pci_bar_port(dev, 1), 0);
}

TEST(capabilities_are_found_and_loops_end)
{
	struct function *f = add(PCI_BDF(0, 3, 0), 0x1af4, 0x1042, 0x010000);
	struct pci_device *dev;

	f->space[PCI_REG_STATUS] = PCI_STATUS_CAPS;
	f->space[PCI_REG_CAPS] = 0x40;
	f->space[0x40] = PCI_CAP_VENDOR;
	f->space[0x41] = 0x53;				/* the low two bits are reserved */
	f->space[0x50] = PCI_CAP_VENDOR;
	f->space[0x51] = 0x98;
	f->space[0x98] = PCI_CAP_MSIX;
	f->space[0x99] = 0x40;				/* a loop */
	pci_init();
	dev = get(PCI_BDF(0, 3, 0));
	ck_assert_uint_eq(pci_find_capability(dev, PCI_CAP_VENDOR, 0), 0x40);
	ck_assert_uint_eq(pci_find_capability(dev, PCI_CAP_VENDOR, 0x40), 0x50);
	ck_assert_uint_eq(pci_find_capability(dev, PCI_CAP_MSIX, 0), 0x98);
	ck_assert_uint_eq(pci_find_capability(dev, PCI_CAP_MSI, 0), 0);
	f->space[0x99] = 0xfc;
	f->space[0xfd] = 0x10;				/* points into the header */
	ck_assert_uint_eq(pci_find_capability(dev, PCI_CAP_MSI, 0), 0);
	f->space[PCI_REG_STATUS] = 0;
	ck_assert_uint_eq(pci_find_capability(dev, PCI_CAP_MSIX, 0), 0);
}

static u32 probed, removed;

static int
test_probe(struct pci_device *dev, const struct pci_id *id)
{
	probed++;
	return id->data == 7 ? -ENODEV : 0;
}

static void
test_remove(struct pci_device *dev)
{
	removed++;
}

TEST(drivers_get_what_fits)
{
	static const struct pci_id ids[] = {
		{ 0x1af4, 0x1041, 0, 0, 7 },		/* refuses */
		{ 0x1af4, PCI_ANY, 0x010000, 0xff0000, 0 },
		{ 0 },
	};
	static struct pci_driver a = { .name = "a", .ids = ids, .probe = test_probe, .remove = test_remove };
	static struct pci_driver b = { .name = "b", .ids = ids, .probe = test_probe, .remove = test_remove };

	add(PCI_BDF(0, 1, 0), 0x1af4, 0x1042, 0x010000);
	add(PCI_BDF(0, 2, 0), 0x1af4, 0x1041, 0x020000);
	add(PCI_BDF(0, 3, 0), 0x8086, 0x1042, 0x010000);
	add(PCI_BDF(0, 4, 0), 0x1af4, 0x1050, 0x030000);
	pci_init();
	pci_driver_register(&a);
	ck_assert_uint_eq(probed, 2);
	ck_assert_ptr_eq(get(PCI_BDF(0, 1, 0))->driver, &a);
	ck_assert_ptr_null(get(PCI_BDF(0, 2, 0))->driver);
	pci_driver_register(&b);
	ck_assert_uint_eq(probed, 3);
	pci_driver_unregister(&a);
	ck_assert_uint_eq(removed, 1);
	ck_assert_ptr_null(get(PCI_BDF(0, 1, 0))->driver);
}
