/* SPDX-License-Identifier: BSD-2-Clause */
/* Clock sources and the CPU timer, in the order in which each needs the other. */
#include "arch/boot.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/tsc.h"

void
arch_init_time(void)
{
	const struct clocksource *hpet = hpet_init(), *pm = pmtimer_init();

	if (hpet != NULL)
		clock_register_source(hpet);
	if (pm != NULL)
		clock_register_source(pm);
	tsc_init(hpet != NULL ? hpet : pm);
	lapic_timer_init();		/* measured by the clock */
}

void
arch_init_late(void)
{
	fpu_init_late();
	tsc_start_watchdog();
}
