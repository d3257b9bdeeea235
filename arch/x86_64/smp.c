/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the other processors, all at once (Intel SDM volume 3, 9.4.4): INIT to every one, one wait, start-up messages,
 * until each has reported in its slot. Only then do those that answered get their numbers, in the order of the firmware's
 * table and without gaps, their per-CPU areas and the stacks of their idle threads. A processor that comes later than that
 * is parked.
 */
#include "arch/x86_64/smp.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/x86_64/acpi.h"
#include "arch/x86_64/apboot.h"
#include "arch/x86_64/cpu_init.h"
#include "arch/x86_64/cpufeature.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/tsc.h"
#include "sys/clock.h"
#include "sys/lib/bits.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/percpu.h"
#include "sys/sched.h"

#define INIT_WAIT	(10 * NSEC_PER_MSEC)	/* for real processors; those of a hypervisor need none */
#define SECOND_STARTUP	(2 * NSEC_PER_MSEC)
#define ANSWER_WAIT	(3 * NSEC_PER_SEC)	/* a loaded host may take its time */
#define ONLINE_WAIT	(10 * NSEC_PER_SEC)
#define SYNC_ROUNDS	200

struct ap_slot ap_slots[ACPI_CPU_MAX];
u32 ap_slot_count;
u64 ap_cr3;
extern const u32 ap_efer_low[];

static u32 apic_ids[CPU_MAX];		/* [I] for each CPU, before it is started */

u32
arch_cpu_apic_id(u32 cpu)
{
	return apic_ids[cpu];
}

void
smp_init_boot_cpu(void)
{
	apic_ids[0] = lapic_id();
}

/* --- the starting CPU --- */

void
smp_ap_main(u32 cpu)
{
	cpu_init_this(cpu);
	lapic_init_cpu();
	for (u32 i = 0; i < SYNC_ROUNDS; i++)
		tsc_sync_round();
	if (!cpu_check_features(cpu)) {		/* it told what is missing */
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	lapic_timer_init_cpu();
	cpu_start_secondary(cpu);
}

/* --- the boot CPU --- */

static void
spin_for(nsec_t ns)
{
	nsec_t end = clock_now() + ns;

	while (clock_now() < end)
		arch_pause();
}

static u32
count_alive(void)
{
	u32 n = 0;

	for (u32 i = 0; i < ap_slot_count; i++)
		n += atomic_load_acquire(&ap_slots[i].alive);
	return n;
}

static bool
wait_alive(nsec_t ns)
{
	nsec_t end = clock_now() + ns;

	while (count_alive() < ap_slot_count) {
		if (clock_now() >= end)
			return false;
		arch_pause();
	}
	return true;
}

static void
fill_slots(u32 max)
{
	const struct acpi_info *ai = &acpi_info;
	u32 self = lapic_id();

	for (u32 i = 0; i < ai->cpu_count && ap_slot_count + 1 < max; i++) {
		u32 id = ai->cpus[i].apic_id;

		if (id == self)
			continue;
		if (id > 254 && !lapic_is_x2apic()) {
			log_warn("smp: processor with APIC id %u cannot be reached without x2APIC", id);
			continue;
		}
		ap_slots[ap_slot_count++] = (struct ap_slot){ .apic_id = id };
	}
}

/* Put the start-up code below 1 MiB. */
static void
place_trampoline(paddr_t low)
{
	size_t size = (size_t)(ap_trampoline_end - ap_trampoline_start);
	u8 *to = phys_to_virt(low);
	u32 efer = (u32)rdmsr(MSR_EFER) & (EFER_LME | EFER_NXE | EFER_SCE);

	memcpy(to, ap_trampoline_start, size);
	memcpy(to + ((const char *)ap_efer_low - ap_trampoline_start), &efer, sizeof(efer));
	ap_cr3 = read_cr3() & ~0xfffUL;
}

static void
send_startup(paddr_t low)
{
	for (u32 i = 0; i < ap_slot_count; i++) {
		if (!atomic_load_acquire(&ap_slots[i].alive))
			lapic_send_ipi(ap_slots[i].apic_id, IPI_STARTUP | (u32)(low >> 12));
	}
}

static void
start_all(paddr_t low)
{
	for (u32 i = 0; i < ap_slot_count; i++)
		lapic_send_ipi(ap_slots[i].apic_id, IPI_INIT);
	if (!cpu_has(CPUF_HYPERVISOR))
		spin_for(INIT_WAIT);
	send_startup(low);
	if (!wait_alive(SECOND_STARTUP)) {
		send_startup(low);
		wait_alive(ANSWER_WAIT);
	}
}

/* Number, per-CPU area, idle thread. */
static bool
prepare(struct ap_slot *s, u32 cpu)
{
	if (percpu_init_cpu(cpu) != 0 || cpu_prepare(cpu) != 0 || sched_prepare_cpu(cpu) != 0) {
		log_err("smp: no memory for processor %u", cpu);
		return false;
	}
	apic_ids[cpu] = s->apic_id;
	s->cpu = cpu;
	return true;
}

/* Who has a number gets its stack, and with it runs; who has none is parked. */
static void
release_all(void)
{
	for (u32 i = 0; i < ap_slot_count; i++) {
		struct ap_slot *s = &ap_slots[i];
		u64 top = AP_TOO_LATE;

		if (s->cpu != 0)
			top = (u64)sched_idle_thread(s->cpu)->kstack + KSTACK_SIZE;
		atomic_store_release(&s->stack, top);
	}
}

/* Until all with a number run threads. */
static void
wait_online(u64 wanted)
{
	nsec_t end = clock_now() + ONLINE_WAIT;
	u64 missing;

	while ((missing = wanted & ~atomic_load(&cpu_online_mask)) != 0) {
		if (clock_now() >= end) {
			log_err("smp: CPUs %#lx started but do not run", (unsigned long)missing);
			return;
		}
		tsc_sync_round();
		arch_pause();
	}
}

u32
arch_smp_boot(u32 max)
{
	u32 cpu = 1;
	paddr_t low;
	bool room = true;

	fill_slots(MIN(max, (u32)CPU_MAX));
	if (ap_slot_count == 0)
		return 1;
	low = page_low_frame();
	if (low == 0 || low >= 0xa0000) {
		log_err("smp: no memory below 640 KiB to start processors from: running on one");
		return 1;
	}
	place_trampoline(low);
	start_all(low);
	for (u32 i = 0; i < ap_slot_count && room; i++) {
		if (!atomic_load_acquire(&ap_slots[i].alive))
			log_err("smp: the processor with APIC id %u does not answer", ap_slots[i].apic_id);
		else if ((room = prepare(&ap_slots[i], cpu)))
			cpu++;
	}
	cpu_count = cpu;
	release_all();
	wait_online(cpu == 64 ? ~0UL : BIT(cpu) - 1);
	tsc_sync_finish();
	cpu = popcount64(atomic_load(&cpu_online_mask));
	log_info("smp: %u CPUs run", cpu);
	return cpu;
}
