/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PVH: struct hvm_start_info as Xen's public header start_info.h describes it, and QEMU's -kernel gives it. Version 1 has the
 * memory map. The initrd is the first module.
 */
#include "arch/x86_64/boot_proto.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

struct pvh_start_info {
	u32 magic, version, flags, module_count;
	u64 modules, cmdline, rsdp;
	u64 memory_map;
	u32 memory_count, reserved;
};
struct pvh_module { u64 base, size, cmdline, reserved; };
struct pvh_memory { u64 base, size; u32 type, reserved; };

#define PVH_MODULE_MAX	64
#define PVH_MEMORY_MAX	4096

static enum boot_memory_type
memory_type(u32 type)
{
	switch (type) {
	case 1: return BOOT_MEM_USABLE;
	case 3: case 4: return BOOT_MEM_ACPI;
	default: return BOOT_MEM_RESERVED;
	}
}

int
pvh_parse(struct boot_info *bi, const struct boot_source *src, paddr_t pa)
{
	const struct pvh_start_info *si = boot_source_get(src, pa, sizeof(*si));
	const struct pvh_memory *mem;
	const struct pvh_module *mod;

	bi->protocol = "PVH";
	bi->loader = "";
	if (!si || si->magic != PVH_MAGIC || si->version < 1 || si->memory_count > PVH_MEMORY_MAX)
		return -EINVAL;
	mem = boot_source_get(src, si->memory_map, si->memory_count * sizeof(*mem));
	if (!mem)
		return -EINVAL;
	for (u32 i = 0; i < si->memory_count; i++)
		boot_memory_add(bi, mem[i].base, mem[i].size, memory_type(mem[i].type));

	if (si->module_count && si->module_count <= PVH_MODULE_MAX) {
		mod = boot_source_get(src, si->modules, si->module_count * sizeof(*mod));
		for (u32 i = 0; mod && i < si->module_count; i++)
			boot_module_add(bi, mod[i].base, mod[i].size);
	}
	if (si->cmdline && si->cmdline < src->limit)
		boot_cmdline_set(bi, boot_source_get(src, si->cmdline, 1), src->limit - si->cmdline);
	bi->rsdp = si->rsdp;
	return bi->memory_count ? 0 : -EINVAL;
}
