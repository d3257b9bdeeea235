/* SPDX-License-Identifier: BSD-2-Clause */
/* The magic keys that know processes, memory and file systems (sys/sysrq.h). */
#include "fs/vnode.h"
#include "mm/page.h"
#include "proc/proc.h"
#include "sys/sysrq.h"

static void
signal_all(int sig)
{
	struct process *p;
	u64 irq = proctree_lock_irq();

	list_for_each(p, &process_list, all_node)
		if (!is_init(p))
			signal_send_process(p, sig, NULL);
	proctree_unlock_irq(irq);
}

static void
terminate_all(void)
{
	signal_all(SIGTERM);
}

static void
kill_all(void)
{
	signal_all(SIGKILL);
}

static void
show_memory(void)
{
	struct mem_stats ms;

	mem_stats_get(&ms);
	log_info("Mem-Info: total %lu, free %lu, available %lu, cached %lu, anon %lu, shmem %lu, dirty %lu pages", ms.total, ms.free,
		ms.available, ms.cached, ms.anon, ms.shmem, ms.dirty);
	log_info("Mem-Info: slab %lu+%lu, page tables %lu pages, kernel stacks %lu KiB", ms.slab_reclaimable, ms.slab_unreclaimable,
		ms.page_tables, ms.kernel_stack_kib);
}

static void
sync_one(struct super_block *sb, void *arg)
{
	if (super_sync(sb, true) != 0)
		log_err("sysrq: a file system could not be written back");
}

static void
sync_all(void)
{
	super_for_each(sync_one, NULL);
	log_info("Emergency Sync complete");
}

void
sysrq_keys_init(void)
{
	static const struct sysrq_key
		terminate = { "terminate-all-tasks(e)", "Terminate All Tasks", terminate_all, SYSRQ_SIGNAL, true },
		kill = { "kill-all-tasks(i)", "Kill All Tasks", kill_all, SYSRQ_SIGNAL, true },
		memory = { "show-memory-usage(m)", "Show Memory", show_memory, SYSRQ_DUMP, false },
		sync = { "sync(s)", "Emergency Sync", sync_all, SYSRQ_SYNC, true };

	sysrq_register('e', &terminate);
	sysrq_register('i', &kill);
	sysrq_register('m', &memory);
	sysrq_register('s', &sync);
}
