/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI PM timer (ACPI 6.4, 4.8.3.3): a clock source of 3.579545 MHz and 24 or 32 bits. */
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/io.h"
#include "arch/x86_64/tsc.h"
#include "sys/log.h"

#define PM_TIMER_HZ	3579545

static u64
pmtimer_read(void)
{
	if (acpi_info.pm_timer.space == ACPI_SPACE_IO)
		return inl((u16)acpi_info.pm_timer.address);
	return acpi_register_read(&acpi_info.pm_timer);
}

static struct clocksource pmtimer_source = {
	.name = "acpi_pm", .read = pmtimer_read, .freq_hz = PM_TIMER_HZ, .mask = 0xffffff, .rating = 200,
};

const struct clocksource *
pmtimer_init(void)
{
	u64 first;

	if (acpi_info.pm_timer.address == 0)
		return NULL;
	if (acpi_info.pm_timer_32bit)
		pmtimer_source.mask = 0xffffffff;
	first = pmtimer_read();
	for (u32 i = 0; i < 10000; i++) {
		if (((pmtimer_read() - first) & pmtimer_source.mask) > 2) {
			log_info("acpi_pm: timer at %#lx, %u bits", (unsigned long)acpi_info.pm_timer.address,
				acpi_info.pm_timer_32bit ? 32 : 24);
			return &pmtimer_source;
		}
	}
	log_warn("acpi_pm: the timer does not count");
	return NULL;
}
