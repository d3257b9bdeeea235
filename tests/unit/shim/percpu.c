/* SPDX-License-Identifier: BSD-2-Clause */
/* sys/percpu.h, sys/preempt.h, arch/cpu.h: one CPU. */
#include <stdio.h>

#include "sys/panic.h"
#include "sys/preempt.h"
#include "tests/unit/shim/shim.h"

bool unit_irqs_on = true;

s64 percpu_offset[CPU_MAX];
u32 cpu_count = 1;
u64 cpu_online_mask = 1;
u32 percpu_cpu_id;
u32 percpu_preempt_count;
u32 percpu_need_resched;
void (*unit_might_sleep)(void);

void
preempt_schedule(void)
{
	percpu_need_resched = 0;
}

void
might_sleep_at(const char *file, int line)
{
	if (in_atomic() || !unit_irqs_on)
		panic("sleeping in atomic context at %s:%d", file, line);
	if (unit_might_sleep)
		unit_might_sleep();
}
