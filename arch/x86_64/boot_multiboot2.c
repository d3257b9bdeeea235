/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot2 information (specification 2.0, 3.6): a size, then tags on 8-byte boundaries up to a tag of type 0. GRUB's
 * memory map tag is there on BIOS and on UEFI (after ExitBootServices), so the EFI map tag is not read.
 */
#include "arch/x86_64/boot_proto.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"

#define MB2_INFO_MAX	(16 * MIB)	/* a total size beyond it is rubbish */

enum {
	MB2_END = 0, MB2_CMDLINE = 1, MB2_LOADER = 2, MB2_MODULE = 3, MB2_MMAP = 6, MB2_FRAMEBUFFER = 8, MB2_ACPI_OLD = 14,
	MB2_ACPI_NEW = 15,
};

struct mb2_tag { u32 type, size; };
struct mb2_module { struct mb2_tag tag; u32 start, end; };
struct mb2_mmap { struct mb2_tag tag; u32 entry_size, entry_version; };
struct mb2_mmap_entry { u64 base, size; u32 type, zero; };
struct mb2_framebuffer {
	struct mb2_tag tag;
	u64 base;
	u32 pitch, width, height;
	u8 bpp, type;
	u16 reserved;
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
} __packed;

static enum boot_memory_type
memory_type(u32 type)
{
	switch (type) {
	case 1: return BOOT_MEM_USABLE;
	case 3: return BOOT_MEM_ACPI;	/* reclaimable tables */
	case 4: return BOOT_MEM_ACPI;	/* NVS: kept as well */
	default: return BOOT_MEM_RESERVED;
	}
}

static void
parse_mmap(struct boot_info *bi, const struct mb2_mmap *t)
{
	const u8 *p = (const u8 *)(t + 1), *end = (const u8 *)t + t->tag.size;

	if (t->tag.size < sizeof(*t) || t->entry_size < sizeof(struct mb2_mmap_entry))
		return;
	for (; (size_t)(end - p) >= t->entry_size; p += t->entry_size) {
		struct mb2_mmap_entry e;

		memcpy(&e, p, sizeof(e));
		boot_memory_add(bi, e.base, e.size, memory_type(e.type));
	}
}

static void
parse_framebuffer(struct boot_info *bi, const struct mb2_framebuffer *t)
{
	if (t->tag.size < sizeof(*t) || t->type != 1 || t->bpp < 15 || t->bpp > 32)
		return;			/* 1: direct colour */
	if (t->pitch < (u64)t->width * ((t->bpp + 7) / 8) || t->width == 0 || t->height == 0)
		return;
	bi->fb = (struct boot_framebuffer){
		.base = t->base, .pitch = t->pitch, .width = t->width, .height = t->height, .bpp = t->bpp,
		.red_pos = t->red_pos, .red_size = t->red_size, .green_pos = t->green_pos, .green_size = t->green_size,
		.blue_pos = t->blue_pos, .blue_size = t->blue_size,
	};
}

/* The tags hold a *copy* of the RSDP. The real one has the same contents, but its address is what acpi.c takes: it is
 * searched for (BIOS area), or this copy's address is used, which must then be reserved. */
static void
parse_rsdp(struct boot_info *bi, paddr_t copy, u32 len)
{
	bi->rsdp = copy;
	boot_memory_add(bi, copy, len, BOOT_MEM_ACPI);
}

static void
parse_tag(struct boot_info *bi, const struct mb2_tag *t, paddr_t pa)
{
	const struct mb2_module *mod = (const void *)t;
	const char *text = (const char *)(t + 1);
	u32 len = t->size - sizeof(*t);

	switch (t->type) {
	case MB2_CMDLINE:
		boot_cmdline_set(bi, text, len);
		break;
	case MB2_LOADER: {
		static char loader[64];

		strlcpy(loader, "", sizeof(loader));
		memcpy(loader, text, MIN((size_t)len, sizeof(loader) - 1));
		loader[sizeof(loader) - 1] = '\0';
		bi->loader = loader;
		break;
	}
	case MB2_MODULE:
		if (t->size >= sizeof(*mod) && mod->end > mod->start)
			boot_module_add(bi, mod->start, mod->end - mod->start);
		break;
	case MB2_MMAP:
		parse_mmap(bi, (const void *)t);
		break;
	case MB2_FRAMEBUFFER:
		parse_framebuffer(bi, (const void *)t);
		break;
	case MB2_ACPI_OLD:
		if (bi->rsdp == 0 && len >= 20)
			parse_rsdp(bi, pa + sizeof(*t), len);
		break;
	case MB2_ACPI_NEW:
		if (len >= 36)
			parse_rsdp(bi, pa + sizeof(*t), len);
		break;
	}
}

int
multiboot2_parse(struct boot_info *bi, const struct boot_source *src, paddr_t pa)
{
	const u32 *head = IS_ALIGNED(pa, 8) ? boot_source_get(src, pa, 8) : NULL;
	const u8 *info;
	u64 off, total;

	bi->protocol = "Multiboot2";
	bi->loader = "";
	if (!head || head[0] < 16 || head[0] > MB2_INFO_MAX)
		return -EINVAL;
	total = head[0];
	info = boot_source_get(src, pa, total);
	if (!info)
		return -EINVAL;
	for (off = 8; off + sizeof(struct mb2_tag) <= total;) {
		const struct mb2_tag *t = (const void *)(info + off);

		if (t->type == MB2_END || t->size < sizeof(*t) || t->size > total - off)
			break;
		parse_tag(bi, t, pa + off);
		off += ALIGN_UP((u64)t->size, 8);
	}
	return bi->memory_count ? 0 : -EINVAL;
}
