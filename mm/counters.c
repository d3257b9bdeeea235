/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory statistics: per-CPU counters, summed when somebody reads them, and the sums of /proc/meminfo. */
#include "mm/zone.h"

#include "mm/kmap.h"
#include "mm/lru.h"
#include "mm/overcommit.h"
#include "sys/lib/string.h"

struct counters { s64 v[MC_COUNT]; };
static PERCPU_DEFINE(struct counters, counters);

void
mem_count(enum mem_counter c, s64 delta)
{
	this_cpu_add(counters.v[c], delta);
}

/* Single CPUs' parts may be negative: a page is counted where it comes, and discounted where it goes. */
s64
mem_counter_read(enum mem_counter c)
{
	s64 sum = 0;

	for_each_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(counters, cpu)->v[c]);
	return MAX(sum, 0L);
}

static u64
read_pages(enum mem_counter c)
{
	return (u64)mem_counter_read(c);
}

/*
 * What a new program could get without swapping, by the formula behind MemAvailable (proc(5)): free frames beyond the reserve, and of
 * the file lists and reclaimable slabs all but what is likely in use: half, or the low watermarks when they are less.
 */
static u64
available_pages(const struct mem_stats *st)
{
	u64 reserve = buddy_reserve_pages(), low = zones[ZONE_DMA32].low + zones[ZONE_NORMAL].low;
	u64 file = st->active_file + st->inactive_file;
	u64 slab = st->slab_reclaimable;
	u64 n = st->free > reserve ? st->free - reserve : 0;

	n += file - MIN(file / 2, low);
	n += slab - MIN(slab / 2, low);
	return n;
}

void
mem_stats_get(struct mem_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->total = buddy_managed_pages();
	out->free = buddy_free_pages();
	out->buffers = read_pages(MC_BUFFERS);
	out->shmem = read_pages(MC_SHMEM);
	out->cached = read_pages(MC_FILE_CACHE) + out->shmem;
	out->dirty = read_pages(MC_DIRTY);
	out->writeback = read_pages(MC_WRITEBACK);
	out->anon = read_pages(MC_ANON);
	out->mapped = read_pages(MC_MAPPED);
	out->slab_reclaimable = read_pages(MC_SLAB_RECLAIMABLE);
	out->slab_unreclaimable = read_pages(MC_SLAB);
	out->kernel_stack_kib = read_pages(MC_KSTACK) << (PAGE_SHIFT - 10);
	out->page_tables = read_pages(MC_PAGE_TABLES);
	out->vmalloc_used = read_pages(MC_VMALLOC);
	out->mlocked = read_pages(MC_MLOCKED);
	/* Anonymous memory is not on LRU lists while there is no swap to put it to: all of it counts as active. */
	out->active_anon = out->anon + out->shmem;
	out->inactive_file = lru_size(LRU_INACTIVE_FILE);
	out->active_file = lru_size(LRU_ACTIVE_FILE);
	out->unevictable = lru_size(LRU_UNEVICTABLE);
	out->committed = overcommit_committed();
	out->available = available_pages(out);
}
