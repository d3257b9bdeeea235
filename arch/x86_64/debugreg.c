/* SPDX-License-Identifier: BSD-2-Clause */
/* See debugreg.h. */
#include "arch/x86_64/debugreg.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/x86_64/regs.h"
#include "arch/x86_64/trapframe.h"
#include "sys/abi/errno.h"
#include "sys/abi/signal.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

#define DR7_ENABLES	0xffUL		/* a local and a global bit for each */
#define DR7_FIXED	0x400UL

static PERCPU_DEFINE(u64, percpu_dr7);	/* what is loaded */

/* The fields of one breakpoint in DR7. */
static bool enabled(u64 dr7, u32 n) { return (dr7 >> (2 * n) & 3) != 0; }
static u32 kind(u64 dr7, u32 n) { return dr7 >> (16 + 4 * n) & 3; }		/* 0 execute, 1 write, 2 I/O, 3 read or write */
static u32 length(u64 dr7, u32 n) { return dr7 >> (18 + 4 * n) & 3; }

u64
debugreg_take_dr6(void)
{
	u64 v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	__asm__ volatile("mov %0, %%dr6" :: "r"(DR6_IDLE));
	return v;
}

static void
write_dr7(u64 v)
{
	__asm__ volatile("mov %0, %%dr7" :: "r"(v | DR7_FIXED) : "memory");
}

static void
load(const struct thread *t)
{
	const u64 *dr = t->arch.dr;
	u64 dr7 = t->arch.dr7;

	if ((dr7 & DR7_ENABLES) != 0) {
		write_dr7(0);
		__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr2\n\tmov %3, %%dr3" ::
			"r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
		write_dr7(dr7);
		this_cpu_write(percpu_dr7, dr7);
	} else if (this_cpu_read(percpu_dr7) != 0) {
		write_dr7(0);
		this_cpu_write(percpu_dr7, 0);
	}
}

void
debugreg_switch(const struct thread *next)
{
	load(next);
}

void
debugreg_clear(struct thread *t)
{
	u64 flags = arch_irq_save();

	memset(t->arch.dr, 0, sizeof(t->arch.dr));
	t->arch.dr6 = t->arch.dr7 = 0;
	load(t);
	arch_irq_restore(flags);
}

/* DR6 also tells of conditions that are not enabled: those are left out. An instruction that is to be executed gets past its
 * breakpoint by RF. */
int
debugreg_user_trap(struct trapframe *tf)
{
	struct arch_thread *at = &thread_current()->arch;
	u64 dr6 = debugreg_take_dr6(), seen = dr6 & DR6_STEP;

	for (u32 n = 0; n < 4; n++)
		if ((dr6 & BIT(n)) != 0 && enabled(at->dr7, n)) {
			seen |= BIT(n);
			if (kind(at->dr7, n) == 0)
				tf->flags |= FLAG_RF;
		}
	at->dr6 |= seen;
	if ((seen & DR6_STEP) != 0)
		return TRAP_TRACE;
	return (seen & DR6_HITS) != 0 ? TRAP_HWBKPT : TRAP_BRKPT;
}

/* --- for debuggers --- */

int
debugreg_get(const struct thread *t, u32 n, u64 *value)
{
	*value = n < 4 ? t->arch.dr[n] : n == 6 ? t->arch.dr6 ^ DR6_IDLE : n == 7 ? t->arch.dr7 : 0;
	return 0;
}

/* Length and alignment as the CPU wants them; the fields of what is not enabled don't matter. */
static int
check(u64 dr7, u32 n, u64 addr)
{
	static const u64 size[4] = { 1, 2, 8, 4 };

	if (!enabled(dr7, n))
		return 0;
	if (kind(dr7, n) == 2 || (kind(dr7, n) == 0 && length(dr7, n) != 0))
		return -EINVAL;
	if (addr >= ARCH_USER_MAX - 8 || addr % size[length(dr7, n)] != 0)
		return -EINVAL;
	return 0;
}

int
debugreg_set(struct thread *t, u32 n, u64 value)
{
	int err = 0;

	if (n == 4 || n == 5)
		return -EIO;
	if (n < 4) {
		if (value >= ARCH_USER_MAX)
			return -EINVAL;
		err = check(t->arch.dr7, n, value);
		if (err == 0)
			t->arch.dr[n] = value;
		return err;
	}
	if (n == 6) {
		t->arch.dr6 = (value ^ DR6_IDLE) & (DR6_STEP | DR6_HITS);
		return 0;
	}
	for (u32 i = 0; err == 0 && i < 4; i++)
		err = check(value, i, t->arch.dr[i]);
	if (err == 0)
		t->arch.dr7 = value & ~0xfc00UL & 0xffffffff;	/* no general detect, no fixed bits */
	return err;
}
