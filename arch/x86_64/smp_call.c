/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What processors ask of each other: look at the scheduler, run a function, print a trace, stop.
 *
 * A call. The caller waits, so each CPU has at most one request out: it stands in the caller's per-CPU area, and the
 * targets learn of it by the caller's bit in their word call_from. No queue, no lock: when two CPUs call each other, each
 * serves the other while it waits. Who has waited longer than any answer takes on a machine that runs all its CPUs halts
 * until the last target wakes it: in a virtual machine with more CPUs than its host has, the target may need this very
 * processor to run.
 *
 * Stop and trace go by NMI, since their targets may have interrupts off for good.
 */
#include "arch/x86_64/smp.h"

#include "arch/cpu.h"
#include "arch/smp.h"
#include "arch/trap.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/trapframe.h"
#include "arch/x86_64/vectors.h"
#include "sys/clock.h"
#include "sys/lib/bits.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/percpu.h"
#include "sys/preempt.h"

struct call_request {
	void (*fn)(void *);	/* [I] while pending is not 0 */
	void *arg;		/* [I] likewise */
	u64 pending;		/* [a] CPUs that have not run it yet */
	u32 halted;		/* [a] the caller sleeps: wake it when pending is 0 */
};

PERCPU_DEFINE(struct call_request, call_request);
PERCPU_DEFINE(u64, call_from);		/* [a] CPUs whose request waits for this one */

enum { NMI_STOP = 1, NMI_TRACE = 2 };
PERCPU_DEFINE(u32, nmi_work);		/* [a] */
static u64 stopped_mask;		/* [a] */

#define SPINS_MAX	2000
#define STUCK_CYCLES	(1UL << 35)	/* some ten seconds: far beyond what any CPU keeps interrupts off */

void
arch_ipi_resched(u32 cpu)
{
	lapic_send_ipi(arch_cpu_apic_id(cpu), IPI_FIXED | VECTOR_RESCHED);
}

void
smp_call_run(void)
{
	u64 from = atomic_xchg(this_cpu_ptr(call_from), 0UL);
	u64 self = BIT(cpu_id());

	while (from != 0) {
		u32 cpu = ctz64(from);
		struct call_request *r = per_cpu_ptr(call_request, cpu);

		from &= from - 1;
		r->fn(r->arg);
		/* From here on the request is its owner's again. */
		if ((atomic_fetch_and(&r->pending, ~self) & ~self) == 0 && atomic_load(&r->halted))
			lapic_send_ipi(arch_cpu_apic_id(cpu), IPI_FIXED | VECTOR_CALL);
	}
}

/* Serve others while waiting, as the interrupt would. */
static void
serve_calls(void)
{
	u64 flags;

	if (atomic_load_relaxed(this_cpu_ptr(call_from)) == 0)
		return;
	flags = arch_irq_save();
	this_cpu_add(percpu_preempt_count, PREEMPT_IRQ_UNIT);
	smp_call_run();
	this_cpu_add(percpu_preempt_count, -(s32)PREEMPT_IRQ_UNIT);
	arch_irq_restore(flags);
}

/* Sleep until an interrupt, unless the last answer is there already. */
static void
halt_for_answer(struct call_request *r)
{
	arch_irq_disable();
	atomic_store(&r->halted, 1U);
	if (atomic_load(&r->pending) != 0 && atomic_load(this_cpu_ptr(call_from)) == 0)
		arch_idle_wait();
	atomic_store(&r->halted, 0U);
	arch_irq_enable();
}

static void
wait_for_answer(struct call_request *r, void (*fn)(void *))
{
	u64 start = rdtsc();
	bool told = false;

	for (u32 spins = 1; atomic_load_acquire(&r->pending) != 0; spins++) {
		serve_calls();
		arch_pause();
		if (spins % SPINS_MAX == 0 && arch_irqs_enabled())
			halt_for_answer(r);
		if (unlikely(!told && rdtsc() - start > STUCK_CYCLES)) {
			told = true;
			log_err("smp: CPU %u waits for CPUs %#lx to run %pS", cpu_id(), (unsigned long)r->pending, (void *)fn);
		}
	}
}

void
arch_ipi_call(u64 mask, void (*fn)(void *), void *arg)
{
	struct call_request *r = this_cpu_ptr(call_request);
	u64 self = BIT(cpu_id());

	KASSERT_DEBUG(in_atomic() && !in_irq());
	mask &= atomic_load(&cpu_online_mask) & ~self;
	if (mask == 0)
		return;
	KASSERT_DEBUG(atomic_load_relaxed(&r->pending) == 0);
	r->fn = fn;
	r->arg = arg;
	atomic_store(&r->pending, mask);
	for (u64 m = mask; m != 0; m &= m - 1) {
		u32 cpu = ctz64(m);

		/* Where a bit was set already, that caller's interrupt is on its way and serves this one too. */
		if (atomic_fetch_or(per_cpu_ptr(call_from, cpu), self) == 0)
			lapic_send_ipi(arch_cpu_apic_id(cpu), IPI_FIXED | VECTOR_CALL);
	}
	wait_for_answer(r, fn);
}

/* --- by NMI --- */

static void
print_pc(u64 pc, void *arg)
{
	log_printf(LOG_INFO, " %pS", (void *)pc);
}

static void
print_trace(struct trapframe *tf)
{
	log_info("NMI backtrace for CPU %u", cpu_id());
	arch_print_frame(tf);
	log_info("Call Trace:");
	print_pc(tf->ip, NULL);
	if (!trapframe_user(tf))
		arch_stack_walk(tf->bp, print_pc, NULL);
}

bool
smp_nmi(struct trapframe *tf)
{
	u32 work = atomic_load(this_cpu_ptr(nmi_work));

	if (work & NMI_TRACE) {
		print_trace(tf);
		atomic_fetch_and(this_cpu_ptr(nmi_work), ~(u32)NMI_TRACE);
	}
	if (work & NMI_STOP) {
		atomic_fetch_or(&stopped_mask, BIT(cpu_id()));
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	return work != 0;
}

static void
send_nmi(u32 cpu, u32 work)
{
	atomic_fetch_or(per_cpu_ptr(nmi_work, cpu), work);
	lapic_send_ipi(arch_cpu_apic_id(cpu), IPI_NMI);
}

/* Wait a bounded time by cycles: the clock may be what is broken. */
static bool
wait_while(const u32 *word, u32 bit)
{
	u64 start = rdtsc();

	while (atomic_load(word) & bit) {
		if (rdtsc() - start > BIT(30))
			return false;
		arch_pause();
	}
	return true;
}

void
arch_stop_other_cpus(void)
{
	u64 others = atomic_load(&cpu_online_mask) & ~BIT(cpu_id());
	u64 start = rdtsc();

	for (u64 m = others; m != 0; m &= m - 1)
		send_nmi(ctz64(m), NMI_STOP);
	while ((atomic_load(&stopped_mask) & others) != others && rdtsc() - start < BIT(31))
		arch_pause();
}

void
arch_backtrace(u64 cpus)
{
	u32 self;

	preempt_disable();
	self = cpu_id();
	if (cpus & BIT(self)) {
		log_info("backtrace for CPU %u", self);
		trace_print(LOG_INFO);
	}
	cpus &= atomic_load(&cpu_online_mask) & ~BIT(self);
	for (; cpus != 0; cpus &= cpus - 1) {
		u32 cpu = ctz64(cpus);

		send_nmi(cpu, NMI_TRACE);
		if (!wait_while(per_cpu_ptr(nmi_work, cpu), NMI_TRACE))
			log_warn("CPU %u does not answer to NMI", cpu);
	}
	preempt_enable();
}

/* Intel SDM volume 3, 8.3: CPUID serialises. */
void
arch_sync_core(void)
{
	(void)cpuid(0, 0);
}
