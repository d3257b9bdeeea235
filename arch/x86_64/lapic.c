/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC. Registers are in memory (xAPIC) or, where the CPU has it, in MSRs (x2APIC: 32-bit ids, no memory window).
 * All destinations are physical: one message per target.
 */
#include "arch/x86_64/lapic.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vectors.h"
#include "sys/lib/atomic.h"
#include "sys/log.h"
#include "sys/panic.h"

#define REG_ID		0x020
#define REG_VERSION	0x030
#define REG_TPR		0x080
#define REG_EOI		0x0b0
#define REG_SPURIOUS	0x0f0
#define REG_ISR		0x100
#define REG_IRR		0x200
#define REG_ERROR	0x280
#define REG_ICR_LOW	0x300
#define REG_ICR_HIGH	0x310
#define REG_LVT_THERMAL	0x330
#define REG_LVT_PERF	0x340
#define REG_LVT_LINT0	0x350
#define REG_LVT_LINT1	0x360
#define REG_LVT_ERROR	0x370

#define LVT_MASKED	BIT(16)
#define LVT_NMI		0x400
#define LVT_LOW		BIT(13)
#define ICR_PENDING	BIT(12)
#define SOFTWARE_ENABLE	BIT(8)

static volatile u8 *window;	/* [I] xAPIC */
static bool x2apic;		/* [I] */

u32
lapic_read(u32 reg)
{
	if (x2apic)
		return (u32)rdmsr(MSR_X2APIC + (reg >> 4));
	return mmio_read32(window + reg);
}

void
lapic_write(u32 reg, u32 value)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + (reg >> 4), value);
	else
		mmio_write32(window + reg, value);
}

bool
lapic_is_x2apic(void)
{
	return x2apic;
}

u32
lapic_id(void)
{
	u32 id = lapic_read(REG_ID);

	return x2apic ? id : id >> 24;
}

void
lapic_eoi(void)
{
	lapic_write(REG_EOI, 0);
}

bool
lapic_in_service(u8 vector)
{
	return lapic_read(REG_ISR + (vector / 32) * 0x10) & BIT(vector % 32);
}

bool
lapic_requested(u8 vector)
{
	return lapic_read(REG_IRR + (vector / 32) * 0x10) & BIT(vector % 32);
}

u32
lapic_error(void)
{
	lapic_write(REG_ERROR, 0);	/* latches the status since the last write */
	return lapic_read(REG_ERROR);
}

void
lapic_send_ipi(u32 apic_id, u32 type_and_vector)
{
	u64 flags;

	if (x2apic) {
		/* The MSR write orders nothing: what the target shall see must be visible before (SDM 11.12.3). */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + (REG_ICR_LOW >> 4), (u64)apic_id << 32 | type_and_vector);
		return;
	}
	flags = arch_irq_save();
	for (u32 i = 0; (mmio_read32(window + REG_ICR_LOW) & ICR_PENDING) && i < 100000; i++)
		arch_pause();
	mmio_write32(window + REG_ICR_HIGH, apic_id << 24);
	mmio_write32(window + REG_ICR_LOW, type_and_vector);
	arch_irq_restore(flags);
}

/* LINT pins wired to NMI, as the MADT says for this CPU; all others off (LINT0's 8259 is not used). */
static void
setup_nmi_pins(void)
{
	const struct acpi_info *ai = &acpi_info;
	u32 uid = 0xffffffff, id = lapic_id();

	lapic_write(REG_LVT_LINT0, LVT_MASKED);
	lapic_write(REG_LVT_LINT1, LVT_MASKED);
	for (u32 i = 0; i < ai->cpu_count; i++) {
		if (ai->cpus[i].apic_id == id)
			uid = ai->cpus[i].acpi_uid;
	}
	for (u32 i = 0; i < ai->nmi_count; i++) {
		const struct acpi_nmi *n = &ai->nmis[i];

		if (n->all_cpus || n->acpi_uid == uid)
			lapic_write(n->lint == 0 ? REG_LVT_LINT0 : REG_LVT_LINT1, LVT_NMI | (n->active_low ? LVT_LOW : 0));
	}
}

void
lapic_init_cpu(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
	u32 lvts;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	lapic_write(REG_TPR, 0);
	lapic_write(REG_SPURIOUS, SOFTWARE_ENABLE | VECTOR_SPURIOUS);
	lvts = (lapic_read(REG_VERSION) >> 16 & 0xff) + 1;
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	if (lvts >= 5)
		lapic_write(REG_LVT_PERF, LVT_MASKED);
	if (lvts >= 6)
		lapic_write(REG_LVT_THERMAL, LVT_MASKED);
	setup_nmi_pins();
	lapic_error();
	lapic_write(REG_LVT_ERROR, VECTOR_ERROR);
	/* Whatever firmware left in service would block all lower vectors. */
	for (u32 i = 0; i < 256; i++) {
		bool busy = false;

		for (u32 w = 1; w < 8; w++)
			busy |= lapic_read(REG_ISR + w * 0x10) != 0;
		if (!busy)
			break;
		lapic_eoi();
	}
}

void
lapic_init(void)
{
	u64 base;

	if (!(cpuid(1, 0).edx & BIT(9)))
		panic("this CPU has no local APIC: Lintel cannot take interrupts on it");
	base = rdmsr(MSR_APIC_BASE);
	x2apic = cpu_has(CPUF_X2APIC);
	if (!x2apic) {
		acpi_info.lapic_address = base & 0xffffffffff000UL;		/* what the CPU says outranks the table */
		window = kmap_device(acpi_info.lapic_address, PAGE_SIZE, PROT_BIT_READ | PROT_BIT_WRITE | PROT_BIT_UNCACHED);
		if (window == NULL)
			panic("cannot map the local APIC at %#lx", (unsigned long)acpi_info.lapic_address);
	}
	lapic_init_cpu();
	log_info("lapic: %s, boot CPU has id %u, version %#x", x2apic ? "x2APIC" : "xAPIC", lapic_id(),
		lapic_read(REG_VERSION) & 0xff);
}

/* 8259A data sheet: ICW1-4, then all lines masked. They may still raise spurious interrupts, hence the remapping. */
void
pic_disable(void)
{
	outb(0x20, 0x11);
	io_wait();
	outb(0xa0, 0x11);
	io_wait();
	outb(0x21, VECTOR_LEGACY_FIRST);
	io_wait();
	outb(0xa1, VECTOR_LEGACY_FIRST + 8);
	io_wait();
	outb(0x21, 4);
	io_wait();
	outb(0xa1, 2);
	io_wait();
	outb(0x21, 1);
	io_wait();
	outb(0xa1, 1);
	io_wait();
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}
