/* SPDX-License-Identifier: BSD-2-Clause */
/* The files right below /proc: what free, top, uptime, lsmod and others read. Formats: proc(5). */
#include "proc/procfs/procfs.h"

#include "arch/boot.h"
#include "arch/cpuinfo.h"
#include "arch/irq.h"
#include "dev/block.h"
#include "dev/chrdev.h"
#include "dev/irq.h"
#include "fs/flock.h"
#include "mm/slab.h"
#include "proc/proc.h"
#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/sysrq.h"
#include "version.h"

static int
show_cmdline(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_printf(out, "%s\n", boot_info.cmdline);
	return 0;
}

static int
show_cpuinfo(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	for_each_cpu(cpu)
		arch_cpuinfo_text(out, cpu);
	return 0;
}

static int
show_loadavg(const struct proc_object *o, struct strbuf *out)
{
	u64 avg[3];

	(void)o;
	sched_loadavg(avg);
	for (int i = 0; i < 3; i++) {
		u64 v = avg[i] + 10;	/* 11 bits of fraction, rounded to two digits */

		strbuf_printf(out, "%lu.%02lu ", v >> 11, ((v & 2047) * 100) >> 11);
	}
	strbuf_printf(out, "%u/%u %d\n", MAX(sched_nr_running(), 1u), process_thread_count(), pid_last());
	return 0;
}

static int
show_meminfo(const struct proc_object *o, struct strbuf *out)
{
	struct mem_stats m;
	u64 kib = PAGE_SIZE / 1024;

	(void)o;
	mem_stats_get(&m);
	const struct { const char *name; u64 pages; } rows[] = {
		{ "MemTotal", m.total }, { "MemFree", m.free }, { "MemAvailable", m.available }, { "Buffers", m.buffers },
		{ "Cached", m.cached }, { "SwapCached", 0 }, { "Active", m.active_anon + m.active_file },
		{ "Inactive", m.inactive_anon + m.inactive_file }, { "Active(anon)", m.active_anon },
		{ "Inactive(anon)", m.inactive_anon }, { "Active(file)", m.active_file }, { "Inactive(file)", m.inactive_file },
		{ "Unevictable", m.unevictable }, { "Mlocked", m.mlocked }, { "SwapTotal", m.swap_total }, { "SwapFree", m.swap_free },
		{ "Dirty", m.dirty }, { "Writeback", m.writeback }, { "AnonPages", m.anon }, { "Mapped", m.mapped }, { "Shmem", m.shmem },
		{ "KReclaimable", m.slab_reclaimable }, { "Slab", m.slab_reclaimable + m.slab_unreclaimable },
		{ "SReclaimable", m.slab_reclaimable }, { "SUnreclaim", m.slab_unreclaimable },
		{ "KernelStack", m.kernel_stack_kib / kib }, { "PageTables", m.page_tables }, { "CommitLimit", m.total / 2 + m.swap_total },
		{ "Committed_AS", m.committed }, { "VmallocTotal", (arch_vmalloc_end - arch_vmalloc_base) >> PAGE_SHIFT },
		{ "VmallocUsed", m.vmalloc_used },
	};
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[20];

		snprintf(name, sizeof(name), "%s:", rows[i].name);
		strbuf_printf(out, "%-15s %8lu kB\n", name, rows[i].pages * kib);
	}
	return 0;
}

static void
cpu_row(const char *name, const struct cpu_times *c, struct strbuf *out)
{
	strbuf_printf(out, "%s %lu %lu %lu %lu %lu %lu 0 0 0 0\n", name, nsec_to_ticks(c->user), nsec_to_ticks(c->nice),
		nsec_to_ticks(c->system), nsec_to_ticks(c->idle), nsec_to_ticks(c->iowait), nsec_to_ticks(c->irq));
}

static int
show_stat(const struct proc_object *o, struct strbuf *out)
{
	struct cpu_times sum = { 0 }, c;
	char name[12];

	(void)o;
	for_each_cpu(cpu) {
		sched_cpu_times(cpu, &c);
		sum.user += c.user;
		sum.nice += c.nice;
		sum.system += c.system;
		sum.idle += c.idle;
		sum.iowait += c.iowait;
		sum.irq += c.irq;
	}
	cpu_row("cpu ", &sum, out);
	for_each_cpu(cpu) {
		sched_cpu_times(cpu, &c);
		snprintf(name, sizeof(name), "cpu%u", cpu);
		cpu_row(name, &c, out);
	}
	strbuf_printf(out, "intr %lu\nctxt %lu\nbtime %ld\nprocesses %lu\nprocs_running %u\nprocs_blocked 0\n", irq_total(),
		sched_total_switches(), (clock_realtime() - clock_boottime()) / NSEC_PER_SEC, sched_total_forks(),
		MAX(sched_nr_running(), 1u));
	return 0;
}

static int
show_uptime(const struct proc_object *o, struct strbuf *out)
{
	nsec_t up = clock_boottime(), idle = 0;

	(void)o;
	for_each_cpu(cpu) {
		struct cpu_times c;

		sched_cpu_times(cpu, &c);
		idle += c.idle;
	}
	strbuf_printf(out, "%ld.%02ld %ld.%02ld\n", up / NSEC_PER_SEC, up % NSEC_PER_SEC / 10000000, idle / NSEC_PER_SEC,
		idle % NSEC_PER_SEC / 10000000);
	return 0;
}

static int
show_version(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, "Linux version " LINTEL_RELEASE " " LINTEL_VERSION "\n");
	return 0;
}

static int
show_locks(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	flock_show_all(out);
	return 0;
}

static void
fs_row(const struct fs_type *t, void *arg)
{
	strbuf_printf(arg, "%s\t%s\n", t->flags & FS_NODEV ? "nodev" : "", t->name);
}

static int
show_filesystems(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	fs_for_each(fs_row, out);
	return 0;
}

struct device_rows { struct strbuf *out; u32 last; };

static void
device_row(const struct chrdev *c, void *arg)
{
	struct device_rows *r = arg;

	if (c->major != r->last)
		strbuf_printf(r->out, "%3u %s\n", c->major, c->name);
	r->last = c->major;
}

static int
show_devices(const struct proc_object *o, struct strbuf *out)
{
	struct device_rows r = { out, 0 };

	(void)o;
	strbuf_puts(out, "Character devices:\n");
	chrdev_for_each(device_row, &r);
	strbuf_puts(out, "\nBlock devices:\n");
	block_show_majors(out);
	return 0;
}

static int
show_partitions(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	block_show_partitions(out);
	return 0;
}

static int
show_diskstats(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	block_show_diskstats(out);
	return 0;
}

static int
show_interrupts(const struct proc_object *o, struct strbuf *out)
{
	const char *name, *what;
	char text[96];

	(void)o;
	strbuf_printf(out, "%11s", "");
	for_each_cpu(cpu)
		strbuf_printf(out, "CPU%-8u", cpu);
	strbuf_putc(out, '\n');
	for (u32 irq = 0; irq < ARCH_IRQ_COUNT; irq++) {
		if (!irq_describe(irq, text, sizeof(text)))
			continue;
		strbuf_printf(out, "%3u: ", irq);
		for_each_cpu(cpu)
			strbuf_printf(out, "%10lu ", irq_count(irq, cpu));
		strbuf_printf(out, " %s\n", text);
	}
	for (u32 i = 0; arch_irq_special(i, &name, &what); i++) {
		strbuf_printf(out, "%3s: ", name);
		for_each_cpu(cpu)
			strbuf_printf(out, "%10lu ", arch_irq_special_count(i, cpu));
		strbuf_printf(out, "  %s\n", what);
	}
	return 0;
}

static int
show_swaps(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

static int
show_empty(const struct proc_object *o, struct strbuf *out)
{
	(void)o, (void)out;
	return 0;
}

static int
show_buddyinfo(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	for (int z = 0; z < ZONE_COUNT; z++) {
		struct zone_stats s;

		page_zone_stats((enum page_zone)z, &s);
		if (s.managed == 0)
			continue;
		strbuf_printf(out, "Node 0, zone %8s ", s.name);
		for (int k = 0; k <= MAX_ORDER; k++)
			strbuf_printf(out, "%6lu ", s.blocks[k]);
		strbuf_putc(out, '\n');
	}
	return 0;
}

static int
show_slabinfo(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	(void)slab_show(out, 0);
	return 0;
}

static int
show_vmstat(const struct proc_object *o, struct strbuf *out)
{
	struct mem_stats m;

	(void)o;
	mem_stats_get(&m);
	const struct { const char *name; u64 n; } rows[] = {
		{ "nr_free_pages", m.free }, { "nr_inactive_anon", m.inactive_anon }, { "nr_active_anon", m.active_anon },
		{ "nr_inactive_file", m.inactive_file }, { "nr_active_file", m.active_file }, { "nr_unevictable", m.unevictable },
		{ "nr_mlock", m.mlocked }, { "nr_slab_reclaimable", m.slab_reclaimable }, { "nr_slab_unreclaimable", m.slab_unreclaimable },
		{ "nr_anon_pages", m.anon }, { "nr_mapped", m.mapped }, { "nr_file_pages", m.cached + m.buffers }, { "nr_dirty", m.dirty },
		{ "nr_writeback", m.writeback }, { "nr_shmem", m.shmem },
	};
	static const struct { const char *name; enum mem_counter c; } counters[] = {
		{ "nr_dirtied", MC_DIRTIED }, { "nr_written", MC_WRITTEN }, { "pgactivate", MC_PGACTIVATE },
		{ "pgdeactivate", MC_PGDEACTIVATE }, { "pgfault", MC_PGFAULT }, { "pgmajfault", MC_PGMAJFAULT },
		{ "pgsteal_kswapd", MC_PGSTEAL_KSWAPD }, { "pgsteal_direct", MC_PGSTEAL_DIRECT },
		{ "pgscan_kswapd", MC_PGSCAN_KSWAPD }, { "pgscan_direct", MC_PGSCAN_DIRECT }, { "pgrotated", MC_PGROTATED },
		{ "drop_pagecache", MC_DROP_PAGECACHE }, { "drop_slab", MC_DROP_SLAB },
	};
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		strbuf_printf(out, "%s %lu\n", rows[i].name, rows[i].n);
	for (u32 i = 0; i < ARRAY_SIZE(counters); i++)
		strbuf_printf(out, "%s %ld\n", counters[i].name, mem_counter_read(counters[i].c));
	return 0;
}

static int
store_sysrq(const struct proc_object *o, char *text, size_t len)
{
	(void)o;
	if (len > 0)
		sysrq_handle(text[0]);
	return 0;
}

static int
link_self(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	if (process_current() == NULL)
		return -ENOENT;
	strbuf_printf(out, "%d", process_pid(process_current()));
	return 0;
}

static int
link_thread_self(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	if (process_current() == NULL)
		return -ENOENT;
	strbuf_printf(out, "%d/task/%d", process_pid(process_current()), thread_tid(thread_current()));
	return 0;
}

static int
link_mounts(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, "self/mounts");
	return 0;
}

static int
link_net(const struct proc_object *o, struct strbuf *out)
{
	(void)o;
	strbuf_puts(out, "self/net");
	return 0;
}

const struct proc_entry proc_root_table[] = {
	PROC_FILE("buddyinfo", 0444, show_buddyinfo),
	PROC_FILE("slabinfo", 0400, show_slabinfo),
	PROC_FILE("cmdline", 0444, show_cmdline),
	PROC_FILE("cpuinfo", 0444, show_cpuinfo),
	PROC_FILE("devices", 0444, show_devices),
	PROC_FILE("diskstats", 0444, show_diskstats),
	PROC_FILE("filesystems", 0444, show_filesystems),
	PROC_FILE("interrupts", 0444, show_interrupts),
	PROC_FILE("loadavg", 0444, show_loadavg),
	PROC_FILE("locks", 0444, show_locks),
	PROC_FILE("meminfo", 0444, show_meminfo),
	PROC_FILE("partitions", 0444, show_partitions),
	PROC_FILE("modules", 0444, show_empty),
	PROC_FILE("stat", 0444, show_stat),
	PROC_FILE("swaps", 0444, show_swaps),
	PROC_FILE("uptime", 0444, show_uptime),
	PROC_FILE("version", 0444, show_version),
	PROC_FILE("vmstat", 0444, show_vmstat),
	PROC_DIR("sys", 0555, proc_sys_table),
	PROC_DIR("sysvipc", 0555, proc_sysvipc_table),
	{ .name = "sysrq-trigger", .mode = S_IFREG | 0200, .store = store_sysrq },
	{ .name = "mounts", .mode = S_IFLNK | 0777, .link = link_mounts },
	{ .name = "net", .mode = S_IFLNK | 0777, .link = link_net },
	{ .name = "self", .mode = S_IFLNK | 0777, .link = link_self },
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .link = link_thread_self },
	{ 0 },
};
