/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/cpuinfo's text. Flag names are Linux's, in Linux's order: programs look for them by name.
 */
#include "arch/smp.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/tsc.h"
#include "sys/lib/printf.h"
#include "sys/percpu.h"

/* A word's names by bit, separated by blanks; "-" has no name or is not to be shown. */
static const struct {
	u8 word;
	const char *names;
} words[] = {
	{ CW_1_EDX, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse "
		"sse2 ss ht tm ia64 pbe" },
	{ CW_8000_0001_EDX, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext "
		"3dnow" },
	{ CW_1_ECX, "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 "
		"x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor" },
	{ CW_8000_0001_ECX, "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - "
		"lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -" },
	{ CW_7_EBX, "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx "
		"smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl" },
	{ CW_D1_EAX, "xsaveopt xsavec xgetbv1 xsaves" },
	{ CW_8000_0008_EBX, "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd" },
	{ CW_6_EAX, "dtherm ida arat - pln - pts" },
	{ CW_7_ECX, "- avx512vbmi umip - - waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - "
		"- - - - - - rdpid - - cldemote - movdiri movdir64b enqcmd - -" },
	{ CW_7_EDX, "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - tsxldtrk - - - - - - "
		"avx512_fp16" },
};

static bool
is_hidden(u8 word, unsigned bit)
{
	switch (word) {
	case CW_7_EBX:
		return (bit == 20 && !cpu_has(CPUF_SMAP)) || (bit == 7 && !cpu_has(CPUF_SMEP)) || (bit == 0 && !cpu_has(CPUF_FSGSBASE));
	case CW_7_ECX:
		return bit == 2 && !cpu_has(CPUF_UMIP);
	}
	return false;
}

static void
flags_text(struct strbuf *sb, const struct arch_cpuinfo *ci)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *p = words[i].names;

		for (unsigned bit = 0; *p; bit++) {
			const char *end = p;

			while (*end && *end != ' ')
				end++;
			if (ci->words[words[i].word] & BIT(bit) && *p != '-' && !is_hidden(words[i].word, bit)) {
				strbuf_putc(sb, ' ');
				strbuf_write(sb, p, (size_t)(end - p));
			}
			p = *end ? end + 1 : end;
		}
		if (words[i].word == CW_8000_0001_EDX) {	/* Linux's own words stand here */
			if (cpu_has(CPUF_TSC_INVARIANT))
				strbuf_puts(sb, " constant_tsc");
			strbuf_puts(sb, " rep_good nopl");
			if (cpu_has(CPUF_TSC_INVARIANT))
				strbuf_puts(sb, " nonstop_tsc");
			strbuf_puts(sb, " cpuid");
		}
	}
}

void
arch_cpuinfo_text(struct strbuf *sb, u32 cpu)
{
	const struct arch_cpuinfo *ci = arch_cpuinfo(cpu);
	u64 khz = tsc_khz();

	strbuf_printf(sb, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n", cpu, ci->vendor,
		ci->family, ci->model, ci->model_name);
	strbuf_printf(sb, "stepping\t: %u\n", ci->stepping);
	if (khz)
		strbuf_printf(sb, "cpu MHz\t\t: %lu.%03lu\n", khz / 1000, khz % 1000);
	if (ci->cache_kib)
		strbuf_printf(sb, "cache size\t: %u KB\n", ci->cache_kib);
	strbuf_printf(sb, "physical id\t: %u\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: %u\ninitial apicid\t: %u\n",
		cpu, arch_cpu_apic_id(cpu), ci->apic_id);
	strbuf_printf(sb, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:", ci->cpuid_level);
	flags_text(sb, ci);
	strbuf_printf(sb, "\nbugs\t\t:\nbogomips\t: %lu.%02lu\n", khz / 500, khz / 5 % 100);
	strbuf_printf(sb, "clflush size\t: %u\ncache_alignment\t: %u\naddress sizes\t: %u bits physical, %u bits virtual\n",
		ci->clflush_size, ci->cache_alignment, ci->phys_bits, ci->virt_bits);
	strbuf_puts(sb, "power management:\n\n");
}
