/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Lintel reads from the ACPI tables (ACPI 6.4): processors, interrupt routing, timers, PCI windows, power-off and reset.
 * There is no AML interpreter; the one thing taken from AML is the constant package _S5_.
 *
 * The parser (acpi_parse.c) sees memory through a call-back only and runs on the host in unit tests. Every length is checked
 * against the table, every table against its checksum: what is malformed is reported and left out.
 */
#ifndef ARCH_X86_64_ACPI_H
#define ARCH_X86_64_ACPI_H

#include "sys/lib/types.h"

#define ACPI_CPU_MAX		256	/* processor entries kept (CPU_MAX of them are used) */
#define ACPI_IOAPIC_MAX		16
#define ACPI_OVERRIDE_MAX	32
#define ACPI_NMI_MAX		64
#define ACPI_MCFG_MAX		16
#define ACPI_TABLE_MAX		128	/* tables an RSDT or XSDT may name */
#define ACPI_TABLE_SIZE_MAX	(16 * MIB)	/* more than this in one table is an error */

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

/* Generic address structure; address 0: absent. */
struct acpi_register { u8 space, width, offset, access; u64 address; };

struct acpi_cpu { u32 apic_id, acpi_uid; bool x2apic; };
struct acpi_ioapic { u32 id, gsi_base; paddr_t address; };
struct acpi_override { u8 isa_irq; bool level, active_low; u32 gsi; };
struct acpi_nmi { bool all_cpus; u32 acpi_uid; u8 lint; bool level, active_low; };
struct acpi_mcfg { paddr_t base; u16 segment; u8 bus_first, bus_last; };

struct acpi_info {
	bool present;			/* an RSDP and a root table were found */
	u32 table_count;

	/* MADT */
	bool has_madt, has_8259;
	paddr_t lapic_address;
	u32 cpu_count, cpu_disabled;
	struct acpi_cpu cpus[ACPI_CPU_MAX];
	u32 ioapic_count;
	struct acpi_ioapic ioapics[ACPI_IOAPIC_MAX];
	u32 override_count;
	struct acpi_override overrides[ACPI_OVERRIDE_MAX];
	u32 nmi_count;
	struct acpi_nmi nmis[ACPI_NMI_MAX];

	/* FADT */
	bool has_fadt;
	bool reduced_hardware;		/* no PM1 registers, use sleep_control */
	u16 boot_flags;			/* IAPC_BOOT_ARCH */
	bool has_i8042, has_vga, has_cmos_rtc;
	u32 smi_command;
	u8 acpi_enable;
	u16 sci_irq;
	struct acpi_register pm1a_control, pm1b_control, pm1a_event, pm1b_event;
	struct acpi_register pm_timer;
	bool pm_timer_32bit;
	struct acpi_register reset;
	u8 reset_value;
	struct acpi_register sleep_control, sleep_status;
	u8 century_register;		/* of the CMOS; 0: none */

	/* _S5_ */
	bool has_s5;
	u8 s5_type_a, s5_type_b;

	/* HPET */
	paddr_t hpet_address;		/* 0: none */
	u16 hpet_min_tick;

	/* MCFG */
	u32 mcfg_count;
	struct acpi_mcfg mcfg[ACPI_MCFG_MAX];
};

extern struct acpi_info acpi_info;	/* [I] after acpi_init */

/* How the parser reads physical memory: a pointer good until the matching unmap, or NULL. */
struct acpi_memory {
	const void *(*map)(paddr_t pa, size_t size);
	void (*unmap)(const void *p, size_t size);
	void (*report)(const char *fmt, ...) __printf(1, 2);	/* what is wrong with the tables */
};

/* Fill *info from the tables the RSDP at `rsdp` leads to. -ENOENT: nothing usable there. */
int acpi_parse(const struct acpi_memory *mem, paddr_t rsdp, struct acpi_info *info);
/* The address of an RSDP in [start, start + size), which is on 16-byte boundaries; 0: none. */
paddr_t acpi_find_rsdp(const struct acpi_memory *mem, paddr_t start, size_t size);
/* Look for the package _S5_ in AML code; true when found. Exposed for tests. */
bool acpi_scan_s5(const u8 *aml, size_t len, u8 *type_a, u8 *type_b);

void acpi_init(void);
u64 acpi_register_read(const struct acpi_register *r);
void acpi_register_write(const struct acpi_register *r, u64 value);

#endif
