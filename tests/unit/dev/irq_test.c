/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt descriptors above a made-up controller: sharing, masking, edges that come while disabled, stuck lines.
 * sources: dev/irq.c
 */
#include "tests/unit/test.h"
#include "arch/irq.h"
#include "arch/trap.h"
#include "dev/irq.h"
#include "sys/random.h"
#include "sys/sched.h"
#include "tests/unit/shim/shim.h"

static bool level_line[ARCH_IRQ_COUNT], set_up[ARCH_IRQ_COUNT], hw_masked[ARCH_IRQ_COUNT];
static u32 retriggers, handled;
static int setup_error;

int
arch_irq_setup(u32 irq, bool level, bool low)
{
	if (setup_error != 0)
		return setup_error;
	level_line[irq] = level;
	set_up[irq] = hw_masked[irq] = true;
	return 0;
}

bool arch_irq_is_level(u32 irq) { return level_line[irq]; }
void arch_irq_mask(u32 irq) { hw_masked[irq] = true; }
void arch_irq_unmask(u32 irq) { hw_masked[irq] = false; }
void arch_irq_retrigger(u32 irq) { retriggers++; }
void arch_irq_free(u32 irq) { set_up[irq] = false; }
const char *arch_irq_chip(u32 irq) { return irq < ARCH_IRQ_MSI_FIRST ? "IO-APIC" : "PCI-MSI"; }

int
arch_irq_alloc_msi(u32 cpu, u32 *irq, u64 *address, u32 *data)
{
	*irq = ARCH_IRQ_MSI_FIRST;
	*address = 0xfee00000 | cpu << 12;
	*data = 0x31;
	return 0;
}

int
arch_irq_set_affinity(u32 irq, u32 cpu, u64 *address, u32 *data)
{
	if (address != NULL) {
		*address = 0xfee00000 | cpu << 12;
		*data = 0x32;
	}
	return cpu < 8 ? 0 : -EINVAL;
}

static u32 settled;
void arch_irq_settle(u32 irq) { settled++; }

static enum irq_result
handler(u32 irq, void *arg)
{
	handled++;
	return arg == NULL ? IRQ_NONE : IRQ_HANDLED;
}

static int a, b;

TEST(a_line_is_open_while_somebody_handles_it)
{
	ck_assert_int_eq(irq_request(4, handler, &a, 0, "ttyS0"), 0);
	ck_assert(set_up[4] && !hw_masked[4]);
	irq_dispatch(4);
	ck_assert_uint_eq(handled, 1);
	ck_assert_uint_eq(irq_count(4, 0), 1);
	ck_assert_uint_eq(irq_total(), 1);
	irq_free(4, &a);
	ck_assert(!set_up[4] && hw_masked[4]);
	ck_assert_uint_eq(unit_locks_held(), 0);
}

TEST(sharing_needs_both)
{
	char text[64];

	ck_assert_int_eq(irq_request(11, handler, &a, IRQF_PCI_INTX, "one"), 0);
	ck_assert_int_eq(irq_request(11, handler, &b, IRQF_LEVEL, "two"), -EBUSY);
	ck_assert_int_eq(irq_request(11, handler, &b, IRQF_PCI_INTX, "two"), 0);
	irq_dispatch(11);
	ck_assert_uint_eq(handled, 2);
	ck_assert(irq_describe(11, text, sizeof(text)));
	ck_assert_str_eq(text, " IO-APIC  11-level     one, two");
	irq_free(11, &a);
	ck_assert(!hw_masked[11]);
	irq_dispatch(11);
	ck_assert_uint_eq(handled, 3);
	irq_free(11, &b);
	ck_assert(!irq_describe(11, text, sizeof(text)));
}

TEST(errors_leave_nothing_behind)
{
	unsigned live;

	ck_assert_int_eq(irq_request(5, handler, &a, 0, "x"), 0);
	irq_free(5, &a);
	live = unit_kmem_live();
	ck_assert_int_eq(irq_request(ARCH_IRQ_COUNT, handler, &a, 0, "x"), -EINVAL);
	setup_error = -ENOSPC;
	ck_assert_int_eq(irq_request(5, handler, &a, 0, "x"), -ENOSPC);
	setup_error = 0;
	unit_kmem_fail_in(1);
	ck_assert_int_eq(irq_request(5, handler, &a, 0, "x"), -ENOMEM);
	ck_assert_uint_eq(unit_kmem_live(), live);
}

TEST(an_edge_that_comes_while_disabled_is_kept)
{
	ck_assert_int_eq(irq_request(4, handler, &a, 0, "ttyS0"), 0);
	irq_disable(4);
	irq_disable(4);
	ck_assert(!hw_masked[4]);
	irq_dispatch(4);
	ck_assert_uint_eq(handled, 0);
	irq_enable(4);
	ck_assert_uint_eq(retriggers, 0);
	irq_enable(4);
	ck_assert_uint_eq(retriggers, 1);
	irq_dispatch(4);
	ck_assert_uint_eq(handled, 1);
	irq_free(4, &a);
}

TEST(a_level_is_masked_while_disabled)
{
	ck_assert_int_eq(irq_request(10, handler, &a, IRQF_PCI_INTX, "disk"), 0);
	irq_disable(10);
	ck_assert(hw_masked[10]);
	irq_dispatch(10);			/* was on its way */
	ck_assert_uint_eq(handled, 0);
	irq_enable(10);
	ck_assert(!hw_masked[10]);
	ck_assert_uint_eq(retriggers, 0);
	irq_free(10, &a);
}

TEST(a_line_that_nobody_wants_is_switched_off)
{
	ck_assert_int_eq(irq_request(10, handler, NULL, IRQF_PCI_INTX, "deaf"), 0);
	for (u32 i = 0; i < 200000 && !hw_masked[10]; i++)
		irq_dispatch(10);
	ck_assert(hw_masked[10]);
	irq_free(10, NULL);
}

static bool msg_masked;
static u64 msg_address;
static u32 msg_data;

static void test_mask(void *owner, bool masked) { msg_masked = masked; }
static void test_write(void *owner, u64 address, u32 data) { msg_address = address; msg_data = data; }

TEST(messages)
{
	static const struct irq_msi_ops ops = { .mask = test_mask, .write = test_write };
	u32 irq;

	ck_assert_int_eq(irq_alloc_msi(0, &ops, &a, &irq), 0);
	ck_assert(msg_masked && msg_data == 0x31);
	ck_assert_int_eq(irq_request(irq, handler, &a, 0, "virtio0"), 0);
	ck_assert(!msg_masked);
	ck_assert_int_eq(irq_set_affinity(irq, 3), 0);
	ck_assert(msg_data == 0x32 && msg_address == 0xfee03000);
	ck_assert_int_eq(irq_set_affinity(irq, 4), 0);
	ck_assert(msg_address == 0xfee04000 && settled == 2);
	ck_assert_int_eq(irq_set_affinity(irq, 9), -EINVAL);
	irq_free(irq, &a);
	ck_assert(msg_masked);
	irq_free_msi(irq);
	ck_assert_int_eq(irq_set_affinity(irq, 3), -EINVAL);
}

/* Threads are not run here. */
int thread_create(struct thread **out, void (*fn)(void *), void *arg, const char *fmt, ...) { return -ENOMEM; }
void thread_discard(struct thread *t) { }
int sched_set_policy(struct thread *t, int policy, int prio, bool reset) { return 0; }
void thread_exit(void) { abort(); }
void random_mix_interrupt(u64 cycles) { }
