/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APICs. Each has an index register and a data window, through which its redirection entries (64 bits each) are
 * reached; irq.c's lock makes the two accesses one.
 */
#include "arch/x86_64/ioapic.h"

#include "arch/mmu.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/io.h"
#include "sys/log.h"

#define REG_SELECT	0x00
#define REG_WINDOW	0x10
#define IDX_VERSION	0x01
#define IDX_ENTRY	0x10

#define RTE_LOW		BIT(13)
#define RTE_LEVEL	BIT(15)
#define RTE_MASKED	BIT(16)

static struct {
	volatile u8 *window;
	u32 gsi_base, pins;
} chips[ACPI_IOAPIC_MAX];	/* [I] after ioapic_init */
static u32 chip_count;

static u32
chip_read(u32 chip, u32 index)
{
	mmio_write32(chips[chip].window + REG_SELECT, index);
	return mmio_read32(chips[chip].window + REG_WINDOW);
}

static void
chip_write(u32 chip, u32 index, u32 value)
{
	mmio_write32(chips[chip].window + REG_SELECT, index);
	mmio_write32(chips[chip].window + REG_WINDOW, value);
}

static bool
find(u32 gsi, u32 *chip, u32 *pin)
{
	for (u32 i = 0; i < chip_count; i++) {
		if (gsi >= chips[i].gsi_base && gsi - chips[i].gsi_base < chips[i].pins) {
			*chip = i;
			*pin = gsi - chips[i].gsi_base;
			return true;
		}
	}
	return false;
}

bool
ioapic_has(u32 gsi)
{
	u32 chip, pin;

	return find(gsi, &chip, &pin);
}

void
ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low)
{
	u32 chip, pin;

	if (!find(gsi, &chip, &pin))
		return;
	chip_write(chip, IDX_ENTRY + pin * 2, RTE_MASKED);
	chip_write(chip, IDX_ENTRY + pin * 2 + 1, apic_id << 24);
	chip_write(chip, IDX_ENTRY + pin * 2,
		(u32)(RTE_MASKED | vector | (level ? RTE_LEVEL : 0) | (active_low ? RTE_LOW : 0)));
}

void
ioapic_retarget(u32 gsi, u8 vector, u32 apic_id)
{
	u32 chip, pin, low;

	if (!find(gsi, &chip, &pin))
		return;
	low = chip_read(chip, IDX_ENTRY + pin * 2);
	chip_write(chip, IDX_ENTRY + pin * 2, low | (u32)RTE_MASKED);
	chip_write(chip, IDX_ENTRY + pin * 2 + 1, apic_id << 24);
	chip_write(chip, IDX_ENTRY + pin * 2, (low & ~0xffU) | vector);
}

void
ioapic_mask(u32 gsi, bool masked)
{
	u32 chip, pin, low;

	if (!find(gsi, &chip, &pin))
		return;
	low = chip_read(chip, IDX_ENTRY + pin * 2);
	low = masked ? low | (u32)RTE_MASKED : low & ~(u32)RTE_MASKED;
	chip_write(chip, IDX_ENTRY + pin * 2, low);
	if (masked)
		chip_read(chip, IDX_ENTRY + pin * 2);	/* the write has arrived when this returns */
}

static void
chip_init(const struct acpi_ioapic *a)
{
	volatile u8 *window = kmap_device(a->address, 0x20, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_UNCACHED);
	u32 version, chip = chip_count;

	if (window == NULL) {
		log_err("ioapic: cannot map the one at %#lx", (unsigned long)a->address);
		return;
	}
	chips[chip].window = window;
	version = chip_read(chip, IDX_VERSION);
	if (version == 0xffffffff || version == 0) {
		log_err("ioapic: nothing answers at %#lx", (unsigned long)a->address);
		kmap_device_unmap((void *)(uintptr_t)window);
		return;
	}
	chips[chip].gsi_base = a->gsi_base;
	chips[chip].pins = (version >> 16 & 0xff) + 1;
	chip_count++;
	for (u32 pin = 0; pin < chips[chip].pins; pin++)
		chip_write(chip, IDX_ENTRY + pin * 2, RTE_MASKED);
	log_info("ioapic: version %#x at %#lx, lines %u-%u", version & 0xff, (unsigned long)a->address, a->gsi_base,
		a->gsi_base + chips[chip].pins - 1);
}

void
ioapic_init(void)
{
	for (u32 i = 0; i < acpi_info.ioapic_count; i++)
		chip_init(&acpi_info.ioapics[i]);
	if (chip_count == 0)
		log_err("ioapic: none: devices on interrupt lines will not work");
}
