/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt numbers and vectors. A route binds an irq (a line or a message) to one vector of one CPU; each CPU has its own
 * table from vector to irq, so that 176 device vectors are there per CPU.
 *
 * Moving an irq leaves its old vector bound until the first interrupt arrives by the new one: what was on its way before
 * the move still finds its irq. (The same vector is then freed.)
 */
#include "arch/irq.h"

#include "arch/boot.h"
#include "arch/smp.h"
#include "arch/thread.h"
#include "arch/trap.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/ioapic.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/trapframe.h"
#include "arch/x86_64/vectors.h"
#include "sys/abi/errno.h"
#include "sys/log.h"
#include "sys/percpu.h"
#include "sys/preempt.h"
#include "sys/rcu.h"
#include "sys/spinlock.h"
#include "sys/thread.h"

enum route_kind { ROUTE_FREE, ROUTE_LINE, ROUTE_MSI };

/* Lock key: all by irq_lock; dispatch reads vector_irq without it, which only its own irqs' set-up and release change. */
struct route {
	u8 kind, vector, old_vector;	/* old_vector 0: none */
	bool level;
	u16 cpu, old_cpu;
	u32 gsi;
};

static struct spinlock irq_lock = SPINLOCK_INIT(LOCK_IRQ_CHIP);
static struct route routes[ARCH_IRQ_COUNT];
static u8 vector_hint = VECTOR_DEVICE_FIRST;		/* [irq_lock] */

PERCPU_DEFINE(u16, vector_irq[256]);			/* [a] irq + 1, 0: none */

enum special { SP_TIMER, SP_RESCHED, SP_CALL, SP_NMI, SP_SPURIOUS, SP_ERROR, SP_COUNT };
static const struct { const char *name, *text; } special_text[SP_COUNT] = {
	[SP_TIMER] = { "LOC", "Local timer interrupts" },
	[SP_RESCHED] = { "RES", "Rescheduling interrupts" },
	[SP_CALL] = { "CAL", "Function call interrupts" },
	[SP_NMI] = { "NMI", "Non-maskable interrupts" },
	[SP_SPURIOUS] = { "SPU", "Spurious interrupts" },
	[SP_ERROR] = { "ERR", "APIC errors" },
};
PERCPU_DEFINE(u64, special_count[SP_COUNT]);		/* [t] CPU's own */

static void
count_special(enum special s)
{
	(*this_cpu_ptr(special_count))[s]++;
}

bool
arch_irq_special(u32 index, const char **name, const char **text)
{
	if (index >= SP_COUNT)
		return false;
	*name = special_text[index].name;
	*text = special_text[index].text;
	return true;
}

u64
arch_irq_special_count(u32 index, u32 cpu)
{
	return index < SP_COUNT ? READ_ONCE((*per_cpu_ptr(special_count, cpu))[index]) : 0;
}

/* --- vectors --- */

static u16 *
slot(u32 cpu, u8 vector)
{
	return &(*per_cpu_ptr(vector_irq, cpu))[vector];
}

/* Bind a free vector of cpu to irq; 0: none is free. */
static u8
vector_alloc(u32 cpu, u32 irq)
{
	u8 v = vector_hint;

	spin_assert_held(&irq_lock);
	for (u32 i = 0; i <= VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST; i++) {
		v = v == VECTOR_DEVICE_LAST ? VECTOR_DEVICE_FIRST : v + 1;
		if (*slot(cpu, v) == 0) {
			atomic_store_release(slot(cpu, v), (u16)(irq + 1));
			vector_hint = v;
			return v;
		}
	}
	return 0;
}

static void
vector_free(u32 cpu, u8 vector)
{
	atomic_store_release(slot(cpu, vector), (u16)0);
}

static void
release_old(struct route *r)
{
	if (r->old_vector != 0)
		vector_free(r->old_cpu, r->old_vector);
	r->old_vector = 0;
}

/* --- lines --- */

/* The line of an irq, with the MADT's word on ISA ones. */
static int
resolve(u32 irq, bool *level, bool *active_low, u32 *gsi)
{
	const struct acpi_info *ai = &acpi_info;

	*gsi = irq;
	if (irq >= ARCH_IRQ_MSI_FIRST)
		return -EINVAL;
	for (u32 i = 0; irq < 16 && i < ai->override_count; i++) {
		const struct acpi_override *o = &ai->overrides[i];

		if (o->isa_irq == irq) {
			*gsi = o->gsi;
			*level = o->level;
			*active_low = o->active_low;
			return ioapic_has(*gsi) ? 0 : -EINVAL;
		}
		if (o->gsi == irq)
			*gsi = ~0U;		/* another ISA line took this input */
	}
	return *gsi != ~0U && ioapic_has(*gsi) ? 0 : -EINVAL;
}

int
arch_irq_setup(u32 irq, bool level, bool active_low)
{
	struct route *r;
	u64 flags;
	u32 gsi;
	int err;

	err = resolve(irq, &level, &active_low, &gsi);
	if (err != 0)
		return err;
	r = &routes[irq];
	flags = spin_lock_irqsave(&irq_lock);
	if (r->kind == ROUTE_FREE) {
		u8 vector = vector_alloc(0, irq);

		err = vector == 0 ? -ENOSPC : 0;
		if (err == 0) {
			*r = (struct route){ .kind = ROUTE_LINE, .vector = vector, .level = level, .gsi = gsi };
			ioapic_route(gsi, vector, arch_cpu_apic_id(0), level, active_low);
		}
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return err;
}

bool
arch_irq_is_level(u32 irq)
{
	return irq < ARCH_IRQ_COUNT && routes[irq].kind == ROUTE_LINE && routes[irq].level;
}

static void
line_mask(u32 irq, bool masked)
{
	u64 flags;

	if (irq >= ARCH_IRQ_COUNT)
		return;
	flags = spin_lock_irqsave(&irq_lock);
	if (routes[irq].kind == ROUTE_LINE)
		ioapic_mask(routes[irq].gsi, masked);
	spin_unlock_irqrestore(&irq_lock, flags);
}

void
arch_irq_mask(u32 irq)
{
	line_mask(irq, true);
}

void
arch_irq_unmask(u32 irq)
{
	line_mask(irq, false);
}

void
arch_irq_retrigger(u32 irq)
{
	u64 flags;

	if (irq >= ARCH_IRQ_COUNT)
		return;
	flags = spin_lock_irqsave(&irq_lock);
	if (routes[irq].kind != ROUTE_FREE)
		lapic_send_ipi(arch_cpu_apic_id(routes[irq].cpu), IPI_FIXED | routes[irq].vector);
	spin_unlock_irqrestore(&irq_lock, flags);
}

/* --- messages: Intel SDM volume 3, 11.11 --- */

static void
compose(u32 cpu, u8 vector, u64 *address, u32 *data)
{
	*address = 0xfee00000UL | (u64)arch_cpu_apic_id(cpu) << 12;
	*data = vector;		/* fixed delivery, edge */
}

int
arch_irq_alloc_msi(u32 cpu, u32 *irq, u64 *address, u32 *data)
{
	int err = -ENOSPC;
	u64 flags;

	if (cpu >= CPU_MAX || !(atomic_load(&cpu_online_mask) & BIT(cpu)) || arch_cpu_apic_id(cpu) > 254)
		cpu = 0;
	flags = spin_lock_irqsave(&irq_lock);
	for (u32 i = ARCH_IRQ_MSI_FIRST; i < ARCH_IRQ_COUNT; i++) {
		u8 vector;

		if (routes[i].kind != ROUTE_FREE)
			continue;
		vector = vector_alloc(cpu, i);
		if (vector == 0)
			break;
		routes[i] = (struct route){ .kind = ROUTE_MSI, .vector = vector, .cpu = (u16)cpu };
		compose(cpu, vector, address, data);
		*irq = i;
		err = 0;
		break;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return err;
}

void
arch_irq_free(u32 irq)
{
	struct route *r = &routes[irq];
	u64 flags = spin_lock_irqsave(&irq_lock);

	if (r->kind == ROUTE_LINE)
		ioapic_mask(r->gsi, true);
	if (r->kind != ROUTE_FREE) {
		release_old(r);
		vector_free(r->cpu, r->vector);
		r->kind = ROUTE_FREE;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
}

int
arch_irq_set_affinity(u32 irq, u32 cpu, u64 *address, u32 *data)
{
	struct route *r;
	u64 flags;
	u8 vector;
	int err = 0;

	if (irq >= ARCH_IRQ_COUNT || cpu >= CPU_MAX || !(atomic_load(&cpu_online_mask) & BIT(cpu)) ||
	    arch_cpu_apic_id(cpu) > 254)
		return -EINVAL;
	r = &routes[irq];
	flags = spin_lock_irqsave(&irq_lock);
	if (r->kind == ROUTE_FREE) {
		err = -EINVAL;
	} else if (r->old_vector != 0) {
		err = -EBUSY;
	} else if (r->cpu != cpu) {
		vector = vector_alloc(cpu, irq);
		err = vector == 0 ? -ENOSPC : 0;
		if (err == 0) {
			r->old_cpu = r->cpu;
			r->old_vector = r->vector;
			r->cpu = (u16)cpu;
			r->vector = vector;
			if (r->kind == ROUTE_LINE)
				ioapic_retarget(r->gsi, vector, arch_cpu_apic_id(cpu));
		}
	}
	if (err == 0 && r->kind == ROUTE_MSI)
		compose(r->cpu, r->vector, address, data);
	spin_unlock_irqrestore(&irq_lock, flags);
	return err;
}

struct waiting { u8 vector; bool yes; };

static void
look_for_request(void *arg)
{
	struct waiting *w = arg;

	w->yes = lapic_requested(w->vector);
}

void
arch_irq_settle(u32 irq)
{
	struct route *r = &routes[irq];
	struct waiting w = { .vector = r->old_vector, .yes = true };
	u64 flags;

	/* What was on its way when the device got the new address comes before the call's interrupt, or is seen in the request bits. */
	while (w.vector != 0 && w.yes) {
		preempt_disable();
		if (r->old_cpu == cpu_id())
			look_for_request(&w);
		else
			arch_ipi_call(BIT(r->old_cpu), look_for_request, &w);
		preempt_enable();
	}
	flags = spin_lock_irqsave(&irq_lock);
	release_old(r);
	spin_unlock_irqrestore(&irq_lock, flags);
}

u32
arch_irq_cpu(u32 irq)
{
	return irq < ARCH_IRQ_COUNT ? READ_ONCE(routes[irq].cpu) : 0;
}

const char *
arch_irq_chip(u32 irq)
{
	return irq >= ARCH_IRQ_MSI_FIRST ? "PCI-MSI" : "IO-APIC";
}

/* --- arrival --- */

static void
device_vector(u8 vector)
{
	u32 irq = atomic_load_acquire(&(*this_cpu_ptr(vector_irq))[vector]);

	if (irq == 0) {
		count_special(SP_SPURIOUS);
		if (lapic_in_service(vector))		/* the parked 8259s need no acknowledgement here */
			lapic_eoi();
		return;
	}
	irq_dispatch(irq - 1);
	lapic_eoi();
}

static void
dispatch(u8 vector, struct trapframe *tf)
{
	switch (vector) {
	case VECTOR_TIMER:
		lapic_eoi();
		count_special(SP_TIMER);
		lapic_timer_interrupt(tf);
		break;
	case VECTOR_RESCHED:			/* what it is for happens on the way out */
		lapic_eoi();
		count_special(SP_RESCHED);
		break;
	case VECTOR_CALL:
		lapic_eoi();
		count_special(SP_CALL);
		smp_call_run();
		break;
	case VECTOR_ERROR:
		lapic_eoi();
		count_special(SP_ERROR);
		log_warn("lapic: error status %#x on CPU %u", lapic_error(), cpu_id());
		break;
	case VECTOR_SPURIOUS:
		count_special(SP_SPURIOUS);
		break;
	default:
		device_vector(vector);
		break;
	}
}

PERCPU_DEFINE(struct trapframe *, interrupted);	/* [t] what the interrupt came over; NULL: none runs */

void
arch_print_interrupted(void)
{
	struct trapframe *tf = in_irq() ? this_cpu_read(interrupted) : NULL;
	struct thread *t = thread_current();

	if (tf == NULL && t != NULL && t->proc != NULL)
		tf = arch_thread_frame(t);
	if (tf != NULL)
		arch_print_frame(tf);
}

void
irq_vector_dispatch(u8 vector, struct trapframe *tf)
{
	this_cpu_add(percpu_preempt_count, PREEMPT_IRQ_UNIT);
	this_cpu_write(interrupted, tf);
	barrier();
	rcu_idle_exit();
	dispatch(vector, tf);
	barrier();
	this_cpu_add(percpu_preempt_count, -(s32)PREEMPT_IRQ_UNIT);
	if (!trapframe_user(tf) && this_cpu_read(percpu_preempt_count) == 0 && this_cpu_read(percpu_need_resched))
		preempt_schedule_irq();
}

bool
irq_nmi(struct trapframe *tf)
{
	count_special(SP_NMI);
	return smp_nmi(tf);
}

void
arch_init_acpi(void)
{
	acpi_init();
	pic_disable();
	lapic_init();
	ioapic_init();
	smp_init_boot_cpu();
}
