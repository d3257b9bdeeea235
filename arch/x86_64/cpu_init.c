/* SPDX-License-Identifier: BSD-2-Clause */
/* A processor's control registers and MSRs, in one place for the boot CPU and all others. */
#include "arch/x86_64/cpu_init.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/desc.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/trapframe.h"
#include "sys/abi/errno.h"
#include "sys/kmem.h"

PERCPU_DEFINE(u64, percpu_kstack_top);
PERCPU_DEFINE(u64, percpu_user_sp);
PERCPU_DEFINE(struct tss *, percpu_tss);

extern char syscall_entry[], syscall_entry_compat[];	/* entry.S */

static void
init_control(void)
{
	u64 cr4 = CR4_DE | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpu_has(CPUF_MCE))
		cr4 |= CR4_MCE;
	if (cpu_has(CPUF_PGE))
		cr4 |= CR4_PGE;
	if (cpu_has(CPUF_SMEP))
		cr4 |= CR4_SMEP;
	if (cpu_has(CPUF_SMAP))
		cr4 |= CR4_SMAP;
	if (cpu_has(CPUF_UMIP))
		cr4 |= CR4_UMIP;
	if (cpu_has(CPUF_FSGSBASE))
		cr4 |= CR4_FSGSBASE;
	if (cpu_has(CPUF_XSAVE))
		cr4 |= CR4_OSXSAVE;
	write_cr4(cr4);
	write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
}

static void
init_msrs(u32 cpu)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | (cpu_has(CPUF_NX) ? EFER_NXE : 0));
	/* sysret takes cs from bits 48.. + 16 and ss from bits 48.. + 8 */
	wrmsr(MSR_STAR, (u64)SEL_KERNEL_CS << 32 | (u64)SEL_USER_CS32 << 48);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_CSTAR, (u64)syscall_entry_compat);	/* AMD only: 32-bit code's syscall */
	wrmsr(MSR_FMASK, FLAG_IF | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_IOPL | FLAG_RF);
	if (cpu_has(CPUF_PAT))		/* WB WC UC- UC WB WP UC- WT: mmu_types.h */
		wrmsr(MSR_PAT, 0x0407050600070106);
	if (cpu_has(CPUF_RDTSCP) || cpu_has(CPUF_RDPID))
		wrmsr(MSR_TSC_AUX, cpu);
}

void
cpu_init_this(u32 cpu)
{
	desc_load(cpu, false);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, (u64)percpu_offset[cpu]);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	init_control();
	init_msrs(cpu);
	cpu_identify(cpu);
	fpu_init_cpu();
	this_cpu_write(percpu_tss, &cpu_entries[cpu]->tss);
}

void
cpu_set_kernel_stack(u64 top)
{
	this_cpu_write(percpu_kstack_top, top);
	this_cpu_read(percpu_tss)->rsp[0] = top;
}

int
cpu_prepare(u32 cpu)
{
	struct cpu_entry *e = kmem_alloc(sizeof(*e), KM_NORMAL);
	int err;

	if (!e)
		return -ENOMEM;
	desc_fill(e, cpu);
	err = mmu_map_cpu_entry(e, cpu);
	if (err) {
		kmem_free(e);
		return err;
	}
	cpu_entries[cpu] = e;
	return 0;
}
