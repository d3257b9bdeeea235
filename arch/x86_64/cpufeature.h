/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processor can do. The boot CPU's answer counts for all; a starting CPU that lacks something in use is refused
 * (cpu_check_features). "nofeature" words on the command line switch some off: nosmap nosmep noumip nofsgsbase noxsave.
 */
#ifndef ARCH_X86_64_CPUFEATURE_H
#define ARCH_X86_64_CPUFEATURE_H

#include "sys/lib/types.h"

enum cpu_feature {
	CPUF_NX, CPUF_PGE, CPUF_PAT, CPUF_GIB_PAGES, CPUF_SMEP, CPUF_SMAP, CPUF_UMIP, CPUF_FSGSBASE, CPUF_XSAVE, CPUF_XSAVEOPT,
	CPUF_ERMS, CPUF_RDRAND, CPUF_RDTSCP, CPUF_RDPID, CPUF_PCID, CPUF_X2APIC, CPUF_TSC_DEADLINE, CPUF_TSC_INVARIANT,
	CPUF_HYPERVISOR, CPUF_ARAT, CPUF_MCE, CPUF_CLFLUSH, CPUF_LA57,
};

extern u64 cpu_features;	/* [I] after boot: BIT(enum cpu_feature) */

static inline bool
cpu_has(enum cpu_feature f)
{
	return cpu_features & BIT(f);
}

/* CPUID's feature words, for /proc/cpuinfo. */
enum cpuid_word { CW_1_EDX, CW_8000_0001_EDX, CW_1_ECX, CW_8000_0001_ECX, CW_7_EBX, CW_D1_EAX, CW_8000_0008_EBX, CW_6_EAX, CW_7_ECX,
	CW_8000_0007_EDX, CW_7_EDX, CW_COUNT };

/* Facts of one CPU; filled by the CPU itself in cpu_init_this(). */
struct arch_cpuinfo {
	char vendor[13], model_name[49];
	u32 family, model, stepping;
	u32 cpuid_level;
	u32 apic_id;
	u32 cache_kib, clflush_size, cache_alignment;
	u8 phys_bits, virt_bits;
	u32 words[CW_COUNT];
};

struct strbuf;

const struct arch_cpuinfo *arch_cpuinfo(u32 cpu);
/* CPU `cpu`'s paragraph of /proc/cpuinfo, in Linux's format, with the empty line behind it. */
void arch_cpuinfo_text(struct strbuf *sb, u32 cpu);

/* boot CPU, once, before paging is set up for good */
void cpu_detect(const char *cmdline);
/* This CPU's facts into its arch_cpuinfo. */
void cpu_identify(u32 cpu);
/* Does this CPU have all the boot CPU had? Logs what is missing. */
bool cpu_check_features(u32 cpu);

#endif
