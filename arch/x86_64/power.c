/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's end. Any context, other CPUs running or stopped: nothing here locks, allocates or waits without bound.
 */
#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/io.h"
#include "sys/log.h"

#define SLP_EN			BIT(13)		/* PM1 control: ACPI 6.4, 4.8.3.2.1 */
#define SLP_TYPE_SHIFT		10
#define SLP_TYPE_MASK		(7UL << SLP_TYPE_SHIFT)
#define REDUCED_SLP_EN		BIT(5)		/* sleep control register: 4.8.3.7 */
#define REDUCED_TYPE_SHIFT	2

#define I8042_STATUS		0x64
#define I8042_INPUT_FULL	0x02
#define I8042_PULSE_RESET	0xfe
#define RESET_PORT		0xcf9		/* Intel chip sets; QEMU's too */

static void
wait_some(void)
{
	for (u32 i = 0; i < 200000; i++)
		io_wait();
}

static void
pm1_sleep(const struct acpi_register *r, u8 type)
{
	if (r->address != 0)
		acpi_register_write(r, (acpi_register_read(r) & ~(SLP_TYPE_MASK | SLP_EN)) | (u64)type << SLP_TYPE_SHIFT | SLP_EN);
}

void
arch_halt(void)
{
	arch_irq_disable();
	for (;;)
		__asm__ volatile("cli; hlt");
}

void
arch_poweroff(void)
{
	const struct acpi_info *ai = &acpi_info;

	arch_irq_disable();
	if (ai->has_s5 && ai->reduced_hardware) {
		if (ai->sleep_control.address != 0)
			acpi_register_write(&ai->sleep_control, (u64)ai->s5_type_a << REDUCED_TYPE_SHIFT | REDUCED_SLP_EN);
	} else if (ai->has_s5) {
		pm1_sleep(&ai->pm1a_control, ai->s5_type_a);
		pm1_sleep(&ai->pm1b_control, ai->s5_type_b);
	}
	wait_some();
	log_emerg("This machine cannot be switched off by software. System halted.");
	arch_halt();
}

static void
reset_by_keyboard(void)
{
	for (u32 i = 0; i < 10000 && (inb(I8042_STATUS) & I8042_INPUT_FULL); i++)
		io_wait();
	outb(I8042_STATUS, I8042_PULSE_RESET);
}

/* No interrupt table: the breakpoint cannot be delivered, nor the fault of that, nor the double fault. */
static void
triple_fault(void)
{
	static const struct { u16 limit; u64 base; } __packed none = { 0, 0 };

	__asm__ volatile("lidt %0; int3" : : "m"(none));
}

void
arch_reboot(void)
{
	const struct acpi_info *ai = &acpi_info;

	arch_irq_disable();
	if (ai->reset.address != 0) {
		acpi_register_write(&ai->reset, ai->reset_value);
		wait_some();
	}
	if (ai->has_i8042) {
		reset_by_keyboard();
		wait_some();
	}
	outb(RESET_PORT, 0x02);
	outb(RESET_PORT, 0x06);
	wait_some();
	triple_fault();
	arch_halt();
}
