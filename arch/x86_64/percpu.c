/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU areas (sys/percpu.h). All are addressed through the direct map, so that every gs base is "negative". CPU 0's lies
 * in the image, behind .bss.
 */
#include "arch/mmu.h"
#include "arch/x86_64/cpu_init.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/percpu.h"

extern char percpu_start[], percpu_end[], percpu_boot_copy[];	/* link.ld */

s64 percpu_offset[CPU_MAX];
PERCPU_DEFINE(s64, percpu_this_offset);
PERCPU_DEFINE(u32, percpu_cpu_id);

static void
set_up(u32 cpu, void *copy)
{
	memcpy(copy, percpu_start, (size_t)(percpu_end - percpu_start));
	percpu_offset[cpu] = (s64)((u64)copy - (u64)percpu_start);
	*per_cpu_ptr(percpu_this_offset, cpu) = percpu_offset[cpu];
	*per_cpu_ptr(percpu_cpu_id, cpu) = cpu;
}

void
percpu_init_boot(void)
{
	set_up(0, phys_to_virt(virt_to_phys(percpu_boot_copy)));
}

int
percpu_init_cpu(u32 cpu)
{
	void *copy;

	if (percpu_offset[cpu])
		return 0;
	copy = kmem_alloc((size_t)(percpu_end - percpu_start), KM_NORMAL);
	if (!copy)
		return -ENOMEM;
	set_up(cpu, copy);
	return 0;
}
