/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, TSS and IDT (Intel SDM volume 3, 3.4, 6.14, 7.7). */
#include "arch/x86_64/desc.h"
#include "arch/x86_64/trapframe.h"
#include "sys/lib/string.h"
#include "sys/percpu.h"

#define GATE_INTERRUPT	0x8e
#define GATE_USER	0x60	/* DPL 3: the instructions int3 and into may use it */

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};

struct table_pointer { u16 limit; u64 base; } __packed;

static struct gate idt[256] __aligned(4096) __section(".data.page");
struct cpu_entry *cpu_entries[CPU_MAX];

extern const char trap_stubs[];		/* entry.S: 16 bytes for each vector */

void
desc_fill(struct cpu_entry *e, u32 cpu)
{
	u64 *gdt = e->gdt;

	memset(e, 0, sizeof(*e));
	gdt[SEL_KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[SEL_KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[SEL_USER_CS32 / 8] = 0x00cffb000000ffff;
	gdt[SEL_USER_DS / 8] = 0x00cff3000000ffff;
	gdt[SEL_USER_CS / 8] = 0x00affb000000ffff;
	/* data, expand up, DPL 3; byte granular limit: CPU number, above bit 12 the node */
	gdt[SEL_CPU / 8] = 0x0040f10000000000 | cpu;

	e->tss.io_map = sizeof(struct tss);
}

static u8
ist_of(int vector)
{
	switch (vector) {
	case 1: return IST_DEBUG;
	case 2: return IST_NMI;
	case 8: return IST_DOUBLE_FAULT;
	case 18: return IST_MACHINE_CHECK;
	default: return IST_NONE;
	}
}

void
desc_fill_idt(void)
{
	for (int v = 0; v < 256; v++) {
		u64 stub = (u64)trap_stubs + 16 * (u64)v;

		idt[v] = (struct gate){
			.offset_low = (u16)stub, .offset_mid = (u16)(stub >> 16), .offset_high = (u32)(stub >> 32),
			.selector = SEL_KERNEL_CS, .ist = ist_of(v),
			.type = GATE_INTERRUPT | (v == 3 || v == 4 ? GATE_USER : 0),
		};
	}
}

paddr_t
desc_idt_phys(void)
{
	return virt_to_phys(idt);
}

static void
load_gdt(const void *gdt)
{
	struct table_pointer p = { sizeof(u64) * GDT_ENTRIES - 1, (u64)gdt };

	__asm__ volatile("lgdt %0" :: "m"(p) : "memory");
}

/* Reload every segment register from the GDT in use; gs' base is zero then. */
static void
reload_segments(void)
{
	__asm__ volatile(
		"pushq %0\n\t"
		"lea 1f(%%rip), %%rax\n\t"
		"push %%rax\n\t"
		"lretq\n"
		"1:\tmov %1, %%ss\n\t"
		"mov %2, %%ds\n\t"
		"mov %2, %%es\n\t"
		"mov %2, %%fs\n\t"
		"mov %2, %%gs"
		:: "i"(SEL_KERNEL_CS), "r"(SEL_KERNEL_DS), "r"(0) : "rax", "memory");
}

static void
set_tss_address(struct cpu_entry *e, u64 tss)
{
	/* available 64-bit TSS, 16 bytes */
	e->gdt[SEL_TSS / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x89UL << 40 | (tss >> 24 & 0xff) << 56;
	e->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

void
desc_load(u32 cpu, bool early)
{
	struct cpu_entry *e = cpu_entries[cpu];
	struct table_pointer p = { sizeof(idt) - 1, early ? (u64)idt : CPU_ENTRY_BASE };

	set_tss_address(e, early ? (u64)&e->tss : cpu_entry_va(cpu) + PAGE_SIZE);
	for (int slot = 1; slot <= IST_COUNT; slot++)
		e->tss.ist[slot - 1] = early ? (u64)e->stacks[slot - 1] + CPU_ENTRY_STACK_SIZE : cpu_entry_stack_top(cpu, slot);
	load_gdt(e->gdt);		/* the writable alias: ltr sets the busy bit */
	reload_segments();
	__asm__ volatile("ltr %w0" :: "r"(SEL_TSS));
	__asm__ volatile("lidt %0" :: "m"(p) : "memory");
	if (!early)
		load_gdt((void *)cpu_entry_va(cpu));
}
