/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * membarrier(2): memory barriers in other threads, by an interrupt to every processor. A thread that does not run passed a full barrier
 * when it was switched away, and passes one when it is switched in.
 */
#include "proc/proc.h"

#include "arch/smp.h"
#include "sys/percpu.h"
#include "sys/preempt.h"
#include "syscall_protos.h"

enum {
	CMD_QUERY = 0, CMD_GLOBAL = 1, CMD_GLOBAL_EXPEDITED = 2, CMD_REGISTER_GLOBAL_EXPEDITED = 4, CMD_PRIVATE_EXPEDITED = 8,
	CMD_REGISTER_PRIVATE_EXPEDITED = 16, CMD_PRIVATE_EXPEDITED_SYNC_CORE = 32, CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64,
	CMD_PRIVATE_EXPEDITED_RSEQ = 128, CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ = 256, CMD_ALL = 511,
};
#define FLAG_CPU	1u

static void
barrier_here(void *arg)
{
	smp_mb();
	if (arg != NULL)
		arch_sync_core();
}

static void
barrier_everywhere(bool sync_core)
{
	smp_mb();
	preempt_disable();
	arch_ipi_call(atomic_load_relaxed(&cpu_online_mask), barrier_here, sync_core ? &percpu_current : NULL);
	preempt_enable();
	barrier_here(sync_core ? &percpu_current : NULL);
}

/* Critical sections of rseq(2) on the processors are aborted: who runs there comes by rseq_return() before he goes on. */
static void
restart_here(void *unused)
{
	struct thread *t = thread_current();

	(void)unused;
	smp_mb();
	if (t->rseq)
		atomic_fetch_or(&t->work, TW_RSEQ);
}

static int
restart_sections(unsigned int flags, int cpu)
{
	u64 mask = atomic_load_relaxed(&cpu_online_mask);

	if ((atomic_load_relaxed(&thread_current()->as->membarrier) & CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ) == 0)
		return -EPERM;
	if (flags & FLAG_CPU)
		mask &= cpu >= 0 && cpu < 64 ? BIT(cpu) : cpu < 0 ? mask : 0;
	preempt_disable();
	arch_ipi_call(mask, restart_here, NULL);
	restart_here(NULL);
	preempt_enable();
	return 0;
}

/* Has the address space said before that it will use the command? */
static int
expedited(int registration, bool sync_core)
{
	if ((atomic_load_relaxed(&thread_current()->as->membarrier) & (u32)registration) == 0)
		return -EPERM;
	barrier_everywhere(sync_core);
	return 0;
}

long
sys_membarrier(int cmd, unsigned int flags, int cpu)
{
	struct aspace *as = thread_current()->as;

	if (flags != 0 && (cmd != CMD_PRIVATE_EXPEDITED_RSEQ || flags != FLAG_CPU))
		return -EINVAL;
	switch (cmd) {
	case CMD_QUERY:
		return CMD_ALL;
	case CMD_GLOBAL:
	case CMD_GLOBAL_EXPEDITED:
		barrier_everywhere(false);
		return 0;
	case CMD_REGISTER_GLOBAL_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
		atomic_fetch_or(&as->membarrier, (u32)cmd);
		return 0;
	case CMD_PRIVATE_EXPEDITED:
		return expedited(CMD_REGISTER_PRIVATE_EXPEDITED, false);
	case CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return expedited(CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, true);
	case CMD_PRIVATE_EXPEDITED_RSEQ:
		return restart_sections(flags, cpu);
	}
	return -EINVAL;
}
