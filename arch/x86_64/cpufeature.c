/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID (Intel SDM volume 2A; AMD64 volume 3, appendix E): which features are used, and who each CPU is.
 */
#include "arch/cpu.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/msr.h"
#include "sys/lib/cmdline.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/percpu.h"

u64 cpu_features;
bool arch_virtual;
static struct arch_cpuinfo cpuinfo[CPU_MAX];	/* [I] each after its CPU came up */

/* Where a feature is told, and the word that switches its use off. */
static const struct feature_source {
	u8 feature, word, bit;
	const char *off;
} sources[] = {
	{ CPUF_NX, CW_8000_0001_EDX, 20, NULL },
	{ CPUF_PGE, CW_1_EDX, 13, NULL },
	{ CPUF_PAT, CW_1_EDX, 16, "nopat" },
	{ CPUF_MCE, CW_1_EDX, 7, NULL },
	{ CPUF_CLFLUSH, CW_1_EDX, 19, NULL },
	{ CPUF_GIB_PAGES, CW_8000_0001_EDX, 26, "nogbpages" },
	{ CPUF_RDTSCP, CW_8000_0001_EDX, 27, NULL },
	{ CPUF_SMEP, CW_7_EBX, 7, "nosmep" },
	{ CPUF_SMAP, CW_7_EBX, 20, "nosmap" },
	{ CPUF_FSGSBASE, CW_7_EBX, 0, "nofsgsbase" },
	{ CPUF_ERMS, CW_7_EBX, 9, NULL },
	{ CPUF_UMIP, CW_7_ECX, 2, "noumip" },
	{ CPUF_LA57, CW_7_ECX, 16, NULL },
	{ CPUF_RDPID, CW_7_ECX, 22, NULL },
	{ CPUF_PCID, CW_1_ECX, 17, "nopcid" },
	{ CPUF_X2APIC, CW_1_ECX, 21, "nox2apic" },
	{ CPUF_TSC_DEADLINE, CW_1_ECX, 24, NULL },
	{ CPUF_XSAVE, CW_1_ECX, 26, "noxsave" },
	{ CPUF_RDRAND, CW_1_ECX, 30, "nordrand" },
	{ CPUF_HYPERVISOR, CW_1_ECX, 31, NULL },
	{ CPUF_XSAVEOPT, CW_D1_EAX, 0, "noxsaveopt" },
	{ CPUF_ARAT, CW_6_EAX, 2, NULL },
	{ CPUF_TSC_INVARIANT, CW_8000_0007_EDX, 8, NULL },
};

static struct cpuid_regs
cpuid_if(u32 leaf, u32 subleaf)
{
	if (cpuid(leaf & 0x80000000, 0).eax < leaf)
		return (struct cpuid_regs){ 0 };
	return cpuid(leaf, subleaf);
}

static void
read_words(u32 w[CW_COUNT])
{
	struct cpuid_regs r = cpuid_if(1, 0);

	w[CW_1_EDX] = r.edx;
	w[CW_1_ECX] = r.ecx;
	r = cpuid_if(7, 0);
	w[CW_7_EBX] = r.ebx;
	w[CW_7_ECX] = r.ecx;
	w[CW_7_EDX] = r.edx;
	r = cpuid_if(0x80000001, 0);
	w[CW_8000_0001_EDX] = r.edx;
	w[CW_8000_0001_ECX] = r.ecx;
	w[CW_8000_0007_EDX] = cpuid_if(0x80000007, 0).edx;
	w[CW_8000_0008_EBX] = cpuid_if(0x80000008, 0).ebx;
	w[CW_6_EAX] = cpuid_if(6, 0).eax;
	w[CW_D1_EAX] = w[CW_1_ECX] & BIT(26) ? cpuid_if(0xd, 1).eax : 0;
}

static u64
features_of(const u32 w[CW_COUNT])
{
	u64 f = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (w[sources[i].word] & BIT(sources[i].bit))
			f |= BIT(sources[i].feature);
	if (!(f & BIT(CPUF_XSAVE)))
		f &= ~BIT(CPUF_XSAVEOPT);
	return f;
}

void
cpu_detect(const char *cmdline)
{
	u32 w[CW_COUNT];

	read_words(w);
	cpu_features = features_of(w);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (sources[i].off && cmdline_has(cmdline, sources[i].off))
			cpu_features &= ~BIT(sources[i].feature);
	if (!(cpu_features & BIT(CPUF_XSAVE)))
		cpu_features &= ~BIT(CPUF_XSAVEOPT);
	arch_virtual = cpu_features & BIT(CPUF_HYPERVISOR);
}

bool
cpu_check_features(u32 cpu)
{
	const u64 ignored = BIT(CPUF_HYPERVISOR) | BIT(CPUF_TSC_INVARIANT) | BIT(CPUF_ARAT) | BIT(CPUF_ERMS);
	u64 missing = cpu_features & ~features_of(cpuinfo[cpu].words) & ~ignored;

	if (missing)
		log_err("cpu%u: lacks features of the boot CPU (mask %#lx): not started", cpu, missing);
	return missing == 0;
}

static void
identify_caches(struct arch_cpuinfo *ci)
{
	struct cpuid_regs r;

	ci->cache_kib = cpuid_if(0x80000006, 0).ecx >> 16;
	for (u32 i = 0; cpuid(0, 0).eax >= 4 && i < 16; i++) {	/* the largest cache, as Linux shows */
		r = cpuid(4, i);
		if ((r.eax & 31) == 0)
			break;
		ci->cache_kib = MAX(ci->cache_kib, (u32)((u64)((r.ebx >> 22) + 1) * (((r.ebx >> 12) & 0x3ff) + 1) *
			((r.ebx & 0xfff) + 1) * ((u64)r.ecx + 1) / 1024));
	}
}

void
cpu_identify(u32 cpu)
{
	struct arch_cpuinfo *ci = &cpuinfo[cpu];
	struct cpuid_regs r = cpuid(0, 0);

	ci->cpuid_level = r.eax;
	memcpy(ci->vendor, &r.ebx, 4);
	memcpy(ci->vendor + 4, &r.edx, 4);
	memcpy(ci->vendor + 8, &r.ecx, 4);
	read_words(ci->words);

	r = cpuid_if(1, 0);
	ci->stepping = r.eax & 15;
	ci->model = (r.eax >> 4) & 15;
	ci->family = (r.eax >> 8) & 15;
	if (ci->family == 15)
		ci->family += (r.eax >> 20) & 255;
	if (ci->family >= 6)
		ci->model |= (r.eax >> 12) & 0xf0;
	ci->apic_id = r.ebx >> 24;
	ci->clflush_size = MAX((r.ebx >> 8 & 255) * 8, 64U);
	ci->cache_alignment = ci->clflush_size;

	for (u32 i = 0; i < 3; i++) {
		r = cpuid_if(0x80000002 + i, 0);
		memcpy(ci->model_name + 16 * i, &r, 16);
	}
	if (ci->model_name[0] == '\0')
		strlcpy(ci->model_name, "unknown", sizeof(ci->model_name));
	r = cpuid_if(0x80000008, 0);
	ci->phys_bits = r.eax ? r.eax & 255 : 36;
	ci->virt_bits = 48;		/* what is in use: LA57 stays off */
	identify_caches(ci);
}

const struct arch_cpuinfo *
arch_cpuinfo(u32 cpu)
{
	return &cpuinfo[cpu];
}

bool
arch_random_u64(u64 *out)
{
	bool ok = false;

	if (!cpu_has(CPUF_RDRAND))
		return false;
	for (int i = 0; i < 10 && !ok; i++)	/* Intel's guide: ten tries, then it is broken */
		__asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
	return ok;
}
