/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's ACPI tables: found, parsed (acpi_parse.c) and told in the log; and access to the registers they name.
 *
 * Registers in memory are mapped once, at boot, so that power-off and reset work in any context.
 * A machine without tables (microvm, -no-acpi) gets one processor and the APICs at their architectural addresses.
 */
#include "arch/x86_64/acpi.h"

#include "arch/boot.h"
#include "arch/mmu.h"
#include "arch/pci.h"
#include "arch/x86_64/io.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/lib/printf.h"

#define SCI_EN			BIT(0)
#define BIOS_AREA		0xe0000
#define BIOS_AREA_SIZE		0x20000
#define EBDA_POINTER		0x40e
#define MAPPED_MAX		8

struct acpi_info acpi_info;

static struct { u64 address; void *va; } mapped[MAPPED_MAX];	/* [I] after acpi_init */
static u32 mapped_count;

static const void *
mem_map(paddr_t pa, size_t size)
{
	return kmap_device(pa, size, PROT_BIT_READ);
}

static void
mem_unmap(const void *p, size_t size)
{
	kmap_device_unmap((void *)(uintptr_t)p);
}

static void
mem_report(const char *fmt, ...)
{
	char text[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("ACPI: %s", text);
}

static const struct acpi_memory memory_ops = { .map = mem_map, .unmap = mem_unmap, .report = mem_report };

/* --- registers --- */

static void
register_map(const struct acpi_register *r)
{
	if (r->address == 0 || r->space != ACPI_SPACE_MEMORY)
		return;
	for (u32 i = 0; i < mapped_count; i++) {
		if (mapped[i].address == r->address)
			return;
	}
	if (mapped_count == MAPPED_MAX)
		return;
	mapped[mapped_count].va = kmap_device(r->address, 8, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_UNCACHED);
	if (mapped[mapped_count].va != NULL)
		mapped[mapped_count++].address = r->address;
}

static void *
register_va(const struct acpi_register *r)
{
	for (u32 i = 0; i < mapped_count; i++) {
		if (mapped[i].address == r->address)
			return mapped[i].va;
	}
	return NULL;
}

/* Access size in bytes: the access field (1-4 for byte to qword), else the width. */
static int
register_size(const struct acpi_register *r)
{
	if (r->access >= 1 && r->access <= 3)
		return 1 << (r->access - 1);
	return r->width <= 8 ? 1 : r->width <= 16 ? 2 : 4;
}

u64
acpi_register_read(const struct acpi_register *r)
{
	int size = register_size(r);
	void *va;

	if (r->space == ACPI_SPACE_IO)
		return size == 1 ? inb((u16)r->address) : size == 2 ? inw((u16)r->address) : inl((u16)r->address);
	if (r->space == ACPI_SPACE_MEMORY && (va = register_va(r)) != NULL)
		return size == 1 ? mmio_read8(va) : size == 2 ? mmio_read16(va) : mmio_read32(va);
	return 0;
}

void
acpi_register_write(const struct acpi_register *r, u64 value)
{
	int size = register_size(r);
	void *va;

	if (r->space == ACPI_SPACE_IO) {
		if (size == 1)
			outb((u16)r->address, (u8)value);
		else if (size == 2)
			outw((u16)r->address, (u16)value);
		else
			outl((u16)r->address, (u32)value);
	} else if (r->space == ACPI_SPACE_MEMORY && (va = register_va(r)) != NULL) {
		if (size == 1)
			mmio_write8(va, (u8)value);
		else if (size == 2)
			mmio_write16(va, (u16)value);
		else
			mmio_write32(va, (u32)value);
	} else if (r->space == ACPI_SPACE_PCI) {
		/* Bus 0: device in bits 32-47, function in 16-31, offset in 0-15. */
		arch_pci_write(0, PCI_BDF(0, r->address >> 32 & 31, r->address >> 16 & 7), r->address & 0xffff, 1, (u32)value);
	}
}

/* --- finding the tables --- */

static paddr_t
search_rsdp(void)
{
	paddr_t rsdp = 0;
	const u8 *low = mem_map(0, PAGE_SIZE);
	u16 segment = 0;

	if (low != NULL) {
		memcpy(&segment, low + EBDA_POINTER, sizeof(segment));
		mem_unmap(low, PAGE_SIZE);
	}
	if (segment >= 0x8000 && segment < 0xa000)
		rsdp = acpi_find_rsdp(&memory_ops, (paddr_t)segment << 4, 1024);
	return rsdp != 0 ? rsdp : acpi_find_rsdp(&memory_ops, BIOS_AREA, BIOS_AREA_SIZE);
}

/* Firmware starts in legacy mode, where the chip set answers the sleep button itself and PM1 may be dead: ask for ACPI mode. */
static void
enable_acpi_mode(void)
{
	struct acpi_info *ai = &acpi_info;

	if (!ai->has_fadt || ai->reduced_hardware || ai->pm1a_control.address == 0 || ai->smi_command == 0 ||
	    ai->smi_command > 0xffff || ai->acpi_enable == 0 || (acpi_register_read(&ai->pm1a_control) & SCI_EN))
		return;
	outb((u16)ai->smi_command, ai->acpi_enable);
	for (u32 i = 0; i < 300000; i++) {		/* some tenths of a second at most */
		if (acpi_register_read(&ai->pm1a_control) & SCI_EN)
			return;
		io_wait();
	}
	log_warn("ACPI: the firmware did not switch to ACPI mode");
}

static void
report_tables(paddr_t rsdp)
{
	const struct acpi_info *ai = &acpi_info;

	log_info("ACPI: RSDP at %#lx, %u tables, %u processors (%u disabled), %u I/O APICs%s%s%s", (unsigned long)rsdp,
		ai->table_count, ai->cpu_count, ai->cpu_disabled, ai->ioapic_count, ai->hpet_address != 0 ? ", HPET" : "",
		ai->pm_timer.address != 0 ? ", PM timer" : "", ai->mcfg_count != 0 ? ", MCFG" : "");
	if (ai->has_fadt && !ai->has_s5)
		log_warn("ACPI: no _S5_ package: power-off will only halt");
}

void
acpi_init(void)
{
	struct acpi_info *ai = &acpi_info;
	paddr_t rsdp = boot_info.rsdp;

	if (rsdp == 0 || acpi_parse(&memory_ops, rsdp, ai) != 0) {
		rsdp = search_rsdp();
		if (rsdp != 0 && acpi_parse(&memory_ops, rsdp, ai) != 0)
			rsdp = 0;
	}
	if (rsdp != 0)
		report_tables(rsdp);
	else
		log_warn("ACPI: no tables: one processor, APICs at their default addresses");
	if (!ai->has_fadt)
		ai->has_i8042 = ai->has_vga = ai->has_cmos_rtc = true;
	if (!ai->has_madt || ai->lapic_address == 0)
		ai->lapic_address = 0xfee00000;
	if (!ai->has_madt) {
		ai->has_8259 = true;
		ai->ioapics[0] = (struct acpi_ioapic){ .address = 0xfec00000 };
		ai->ioapic_count = 1;
		ai->overrides[0] = (struct acpi_override){ .isa_irq = 0, .gsi = 2 };	/* the timer, on every PC since 1997 */
		ai->override_count = 1;
	}
	register_map(&ai->reset);
	register_map(&ai->sleep_control);
	register_map(&ai->pm1a_control);
	register_map(&ai->pm1b_control);
	register_map(&ai->pm_timer);
	enable_acpi_mode();
}
