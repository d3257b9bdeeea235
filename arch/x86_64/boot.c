/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From boot_entry.S to kernel_main(): per-CPU area, console, exception tables, what the loader left, final page tables. On the
 * boot stack, interrupts off, first on boot_entry.S' page tables.
 */
#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/x86_64/boot_proto.h"
#include "arch/x86_64/cpu_init.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/desc.h"
#include "arch/x86_64/early_console.h"
#include "arch/x86_64/extable.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/patch.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/stack_guard.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

#define EARLY_LIMIT	(4 * GIB)	/* what boot_entry.S mapped */

struct boot_info boot_info;
static struct cpu_entry boot_cpu_entry __aligned(4096) __section(".bss.page");

void boot_main(u32 magic, u32 info);

static const void *
map_early(paddr_t pa)
{
	return phys_to_virt(pa);
}

/* The first per-boot secret: -fstack-protector's. No function that checks the guard may be active. */
__attribute__((no_stack_protector)) static void
init_stack_guard(void)
{
	u64 v = arch_cycles() * 0x9e3779b97f4a7c15, hw;

	if (arch_random_u64(&hw))
		v ^= hw;
	__stack_chk_guard = v & ~0xffUL;	/* a zero byte stops string overruns */
}

static void
parse_loader(u32 magic, paddr_t info)
{
	struct boot_source src = { .map = map_early, .limit = EARLY_LIMIT };
	const u32 *start = boot_source_get(&src, info, sizeof(*start));
	int err;

	if (magic == MULTIBOOT2_MAGIC)
		err = multiboot2_parse(&boot_info, &src, info);
	else if (start && *start == PVH_MAGIC)
		err = pvh_parse(&boot_info, &src, info);
	else
		panic("boot: neither Multiboot2 nor PVH (eax %#x, ebx %#lx)", magic, info);
	if (err)
		panic("boot: the loader's %s information is unusable", boot_info.protocol);
}

static void
init_memory_map(void)
{
	u64 limit = boot_mem_limit(boot_info.cmdline);

	boot_memory_limit(&boot_info, limit);
	boot_memory_add(&boot_info, 0, PAGE_SIZE, BOOT_MEM_RESERVED);	/* real-mode vectors, BIOS data */
	boot_memory_add(&boot_info, virt_to_phys(image_start), (u64)(image_end - image_start), BOOT_MEM_KERNEL);
	boot_memory_finish(&boot_info);
}

__attribute__((no_stack_protector)) void
boot_main(u32 magic, u32 info)
{
	percpu_init_boot();
	wrmsr(MSR_GS_BASE, (u64)percpu_offset[0]);
	early_console_init();
	cpu_entries[0] = &boot_cpu_entry;
	desc_fill(&boot_cpu_entry, 0);
	desc_fill_idt();
	desc_load(0, true);
	wrmsr(MSR_GS_BASE, (u64)percpu_offset[0]);

	parse_loader(magic, info);
	cpu_detect(boot_info.cmdline);
	init_stack_guard();
	init_memory_map();
	patch_apply();
	extable_init();
	fpu_init_boot();
	mmu_boot_init();
	cpu_init_this(0);
	kernel_main();
}

void
arch_init_early(void)
{
	const struct arch_cpuinfo *ci = arch_cpuinfo(0);
	u64 usable = 0;

	log_info("boot: by %s%s%s", boot_info.protocol, boot_info.loader[0] ? ", " : "", boot_info.loader);
	log_info("boot: command line: %s", boot_info.cmdline);
	if (boot_info.cmdline_truncated)
		log_warn("boot: the command line was longer than %d bytes and is cut", BOOT_CMDLINE_MAX - 1);
	for (u32 i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *m = &boot_info.memory[i];

		log_info("boot: memory %#012lx-%#012lx %s", m->base, m->base + m->size - 1, boot_memory_type_name(m->type));
		if (m->type == BOOT_MEM_USABLE)
			usable += m->size;
	}
	for (u32 i = 0; i < boot_info.initrd_count; i++)
		log_info("boot: initrd at %#lx, %lu KiB", (u64)boot_info.initrd[i].base, boot_info.initrd[i].size / KIB);
	log_info("boot: %lu MiB usable", usable / MIB);
	log_info("cpu: %s, family %u model %u stepping %u, features %#lx", ci->model_name, ci->family, ci->model, ci->stepping,
		cpu_features);
	log_info("cpu: %u bytes of FPU state, XCR0 %#lx", fpu_area_size, fpu_features);
}
