/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which address space each CPU has loaded, and TLB shoot-down by generations.
 *
 * A space's tlb_gen counts flush requests; each CPU notes the generation its TLB has caught up with. Who changed entries
 * bumps the generation, then looks which CPUs have the space loaded (cpu_mask) and interrupts those. A CPU that loads the
 * space sets its bit first and reads the generation after: so it either sees the new entries, or gets the interrupt.
 *
 * A CPU that runs a kernel thread keeps the last space loaded but is lazy about it: it skips flushes of leaves, and
 * compares generations when it comes back. Flushes that precede the freeing of tables do reach it, because the CPU may
 * walk the tables by speculation: it lets the space go then.
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/regs.h"
#include "sys/percpu.h"
#include "sys/preempt.h"

#define FLUSH_PAGES_MAX	32	/* beyond, flushing everything is cheaper */

/* Interrupts off for all of them; read by other CPUs: lazy. */
static PERCPU_DEFINE(struct arch_as *, percpu_tlb_as);	/* what CR3 holds; NULL: the kernel's own tables */
static PERCPU_DEFINE(u64, percpu_tlb_gen);
static PERCPU_DEFINE(u32, percpu_tlb_lazy);		/* [a] */

struct flush {
	struct arch_as *aas;
	vaddr_t start, end;
	u64 gen;
};

static void
load_root(struct arch_as *aas)
{
	u64 gen = atomic_load(&aas->tlb_gen);	/* before the load that makes it true */

	write_cr3(aas->root);
	this_cpu_write(percpu_tlb_gen, gen);
}

static void
let_go(struct arch_as *aas)
{
	this_cpu_write(percpu_tlb_as, NULL);
	this_cpu_write(percpu_tlb_lazy, 0);
	write_cr3(mmu_kernel_root());
	atomic_fetch_and(&aas->cpu_mask, ~BIT(cpu_id()));
}

void
arch_as_switch(struct arch_as *aas)
{
	u64 flags = arch_irq_save();
	struct arch_as *prev = this_cpu_read(percpu_tlb_as);

	if (!aas) {
		if (prev)
			this_cpu_write(percpu_tlb_lazy, 1);
	} else if (prev == aas) {
		if (this_cpu_read(percpu_tlb_lazy)) {
			this_cpu_write(percpu_tlb_lazy, 0);
			smp_mb();		/* against a flush that saw us lazy */
			if (atomic_load(&aas->tlb_gen) != this_cpu_read(percpu_tlb_gen))
				load_root(aas);
		}
	} else {
		atomic_fetch_or(&aas->cpu_mask, BIT(cpu_id()));
		this_cpu_write(percpu_tlb_as, aas);
		this_cpu_write(percpu_tlb_lazy, 0);
		load_root(aas);
		if (prev)
			atomic_fetch_and(&prev->cpu_mask, ~BIT(cpu_id()));
	}
	arch_irq_restore(flags);
}

/* --- user space --- */

/* On each CPU that has the space loaded; interrupts off. */
static void
flush_here(const struct flush *f)
{
	u64 done;

	if (this_cpu_read(percpu_tlb_as) != f->aas || this_cpu_read(percpu_tlb_lazy))
		return;
	done = this_cpu_read(percpu_tlb_gen);
	if (done >= f->gen)
		return;
	if (done + 1 != f->gen || f->end - f->start > FLUSH_PAGES_MAX * PAGE_SIZE) {
		load_root(f->aas);
		return;
	}
	for (vaddr_t va = f->start; va < f->end; va += PAGE_SIZE)
		invlpg(va);
	this_cpu_write(percpu_tlb_gen, f->gen);
}

static void
flush_interrupt(void *arg)
{
	flush_here(arg);
}

static u64
not_lazy(u64 mask)
{
	u64 out = mask;

	for (; mask; mask &= mask - 1) {
		u32 cpu = (u32)__builtin_ctzll(mask);

		if (atomic_load(per_cpu_ptr(percpu_tlb_lazy, cpu)))
			out &= ~BIT(cpu);
	}
	return out;
}

void
arch_tlb_flush_range(struct arch_as *aas, vaddr_t start, vaddr_t end)
{
	struct flush f = { .aas = aas, .start = start & PAGE_MASK, .end = end };
	u64 flags, mask;

	preempt_disable();
	f.gen = atomic_add(&aas->tlb_gen, 1);
	flags = arch_irq_save();
	flush_here(&f);
	arch_irq_restore(flags);
	mask = atomic_load(&aas->cpu_mask) & ~BIT(cpu_id());
	if (mask && (mask = not_lazy(mask)) != 0)
		arch_ipi_call(mask, flush_interrupt, &f);
	preempt_enable();
}

void
arch_tlb_flush_page(struct arch_as *aas, vaddr_t va)
{
	va &= PAGE_MASK;
	arch_tlb_flush_range(aas, va, va + PAGE_SIZE);
}

/* --- before tables go away --- */

static void
flush_tables_here(struct arch_as *aas, bool detach)
{
	if (this_cpu_read(percpu_tlb_as) != aas)
		return;
	if (detach || this_cpu_read(percpu_tlb_lazy))
		let_go(aas);
	else
		load_root(aas);
}

static void
flush_tables_interrupt(void *arg)
{
	flush_tables_here(arg, false);
}

static void
detach_interrupt(void *arg)
{
	flush_tables_here(arg, true);
}

static void
on_all_users(struct arch_as *aas, void (*fn)(void *))
{
	u64 flags, mask;

	preempt_disable();
	flags = arch_irq_save();
	fn(aas);
	arch_irq_restore(flags);
	mask = atomic_load(&aas->cpu_mask) & ~BIT(cpu_id());
	if (mask)
		arch_ipi_call(mask, fn, aas);
	preempt_enable();
}

void
tlb_flush_tables(struct arch_as *aas)
{
	atomic_add(&aas->tlb_gen, 1);
	on_all_users(aas, flush_tables_interrupt);
}

void
tlb_detach(struct arch_as *aas)
{
	on_all_users(aas, detach_interrupt);
}

/* --- the kernel's half --- */

static void
flush_kernel_here(void *arg)
{
	const struct flush *f = arg;
	u64 cr4 = read_cr4();

	if (f->end - f->start <= FLUSH_PAGES_MAX * PAGE_SIZE) {
		for (vaddr_t va = f->start; va < f->end; va += PAGE_SIZE)
			invlpg(va);
	} else if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~(u64)CR4_PGE);		/* global entries go with it */
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
}

void
arch_tlb_flush_kernel(vaddr_t start, vaddr_t end)
{
	struct flush f = { .start = start & PAGE_MASK, .end = end };
	u64 flags, mask;

	preempt_disable();
	flags = arch_irq_save();
	flush_kernel_here(&f);
	arch_irq_restore(flags);
	mask = atomic_load(&cpu_online_mask) & ~BIT(cpu_id());
	if (mask)
		arch_ipi_call(mask, flush_kernel_here, &f);
	preempt_enable();
}
