/* SPDX-License-Identifier: BSD-2-Clause */
/* What user space reads about block devices: files in /sys/block, /proc/partitions, /proc/diskstats. Formats: Linux's ABI documents. */
#include "dev/block/internal.h"

#include "dev/chrdev.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/string.h"

#define NAME_MAX_LEN	40

static struct block_device *
bdev_of(struct device *d)
{
	return container_of(d, struct block_device, dev);
}

static struct block_queue *
queue_of(struct device *d)
{
	return bdev_of(d)->disk->queue;
}

static int
put_number(struct strbuf *out, u64 v)
{
	strbuf_printf(out, "%lu\n", v);
	return 0;
}

/* --- statistics --- */

struct numbers { u64 ios[4], merges[4], sectors[4], ms[4], in_flight[2], busy_ms; };

static void
collect(struct block_device *b, struct numbers *n)
{
	struct block_queue *q = b->disk->queue;
	u64 flags = spin_lock_irqsave(&q->lock);

	for (int i = 0; i < 4; i++) {
		n->ios[i] = b->stat[i].ios;
		n->merges[i] = b->stat[i].merges;
		n->sectors[i] = b->stat[i].sectors;
		n->ms[i] = b->stat[i].ticks_ns / NSEC_PER_MSEC;
	}
	n->in_flight[0] = b->in_flight[0];
	n->in_flight[1] = b->in_flight[1];
	n->busy_ms = (u64)(b->busy_ns + (n->in_flight[0] + n->in_flight[1] > 0 ? clock_now() - b->busy_since : 0)) / NSEC_PER_MSEC;
	spin_unlock_irqrestore(&q->lock, flags);
}

/* Completed ios are requests for Linux: what was merged isn't counted twice. */
static u64
requests(const struct numbers *n, int i)
{
	return n->ios[i] - MIN(n->merges[i], n->ios[i]);
}

static void
stat_text(struct block_device *b, struct strbuf *out, const char *format, const char *tail)
{
	struct numbers n;

	collect(b, &n);
	for (int i = 0; i < 2; i++) {
		const u64 v[] = { requests(&n, i), n.merges[i], n.sectors[i], n.ms[i] };

		for (u32 k = 0; k < ARRAY_SIZE(v); k++)
			strbuf_printf(out, format[0] == 'w' ? "%8lu " : "%lu ", v[k]);
	}
	const u64 rest[] = { n.in_flight[0] + n.in_flight[1], n.busy_ms, n.ms[0] + n.ms[1] + n.ms[2], requests(&n, 2), n.merges[2],
		n.sectors[2], n.ms[2], n.ios[3], n.ms[3] };

	for (u32 k = 0; k < ARRAY_SIZE(rest); k++)
		strbuf_printf(out, format[0] == 'w' ? "%8lu%s" : "%lu%s", rest[k], k + 1 < ARRAY_SIZE(rest) ? " " : tail);
}

static int
show_stat(struct device *d, struct strbuf *out)
{
	stat_text(bdev_of(d), out, "wide", "\n");
	return 0;
}

static int
show_inflight(struct device *d, struct strbuf *out)
{
	struct numbers n;

	collect(bdev_of(d), &n);
	strbuf_printf(out, "%8lu %8lu\n", n.in_flight[0], n.in_flight[1]);
	return 0;
}

/* --- the device --- */

static int
show_size(struct device *d, struct strbuf *out)
{
	return put_number(out, atomic_load_relaxed(&bdev_of(d)->nr_sectors));
}

static int
show_ro(struct device *d, struct strbuf *out)
{
	return put_number(out, block_device_is_read_only(bdev_of(d)));
}

static int
show_start(struct device *d, struct strbuf *out)
{
	return put_number(out, bdev_of(d)->start);
}

static int
show_partition(struct device *d, struct strbuf *out)
{
	return put_number(out, bdev_of(d)->partno);
}

static int
show_removable(struct device *d, struct strbuf *out)
{
	return put_number(out, bdev_of(d)->disk->removable);
}

static int
show_hidden(struct device *d, struct strbuf *out)
{
	return put_number(out, 0);
}

static int
show_range(struct device *d, struct strbuf *out)
{
	return put_number(out, bdev_of(d)->disk->minors);
}

static int
show_ext_range(struct device *d, struct strbuf *out)
{
	return put_number(out, bdev_of(d)->disk->no_partitions ? 1 : 256);
}

static int
show_capability(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%x\n", (u32)bdev_of(d)->disk->removable);
	return 0;
}

static int
show_diskseq(struct device *d, struct strbuf *out)
{
	return put_number(out, bdev_of(d)->disk->seq);
}

static int
show_zero(struct device *d, struct strbuf *out)
{
	return put_number(out, 0);
}

/* --- the queue --- */

static const struct block_limits *
limits_of(struct device *d)
{
	return &queue_of(d)->lim;
}

static int
show_logical(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->logical_size);
}

static int
show_physical(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->physical_size);
}

static int
show_rotational(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->rotational);
}

static int
show_write_cache(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, atomic_load_relaxed(&limits_of(d)->write_cache) ? "write back\n" : "write through\n");
	return 0;
}

static int
show_fua(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->fua);
}

static int
show_read_ahead(struct device *d, struct strbuf *out)
{
	return put_number(out, (u64)atomic_load_relaxed(&bdev_of(d)->disk->whole->backing.ra_pages) * (PAGE_SIZE / KIB));
}

static int
parse_number(const char *text, u64 *v)
{
	const char *end;
	int err = parse_u64(text, &end, 10, v);

	return err != 0 ? -EINVAL : 0;
}

static int
store_read_ahead(struct device *d, const char *text, size_t len)
{
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0)
		atomic_store_relaxed(&bdev_of(d)->disk->whole->backing.ra_pages, (u32)(v / (PAGE_SIZE / KIB)));
	return err;
}

static int
show_scheduler(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "[mq-deadline]\n");
	return 0;
}

static int
store_scheduler(struct device *d, const char *text, size_t len)
{
	(void)d;
	while (len > 0 && is_space(text[len - 1]))
		len--;
	return len == 11 && memcmp(text, "mq-deadline", 11) == 0 ? 0 : -EINVAL;
}

static int
show_nr_requests(struct device *d, struct strbuf *out)
{
	return put_number(out, atomic_load_relaxed(&queue_of(d)->nr_requests));
}

static int
store_nr_requests(struct device *d, const char *text, size_t len)
{
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0 && v > 4096)
		err = -EINVAL;
	if (err == 0)
		atomic_store_relaxed(&queue_of(d)->nr_requests, (u32)MAX(v, 4UL));
	return err;
}

static int
show_io_timeout(struct device *d, struct strbuf *out)
{
	return put_number(out, (u64)(atomic_load_relaxed(&queue_of(d)->timeout) / NSEC_PER_MSEC));
}

/* Of requests that go out from now on, in ms. */
static int
store_io_timeout(struct device *d, const char *text, size_t len)
{
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0 && (v == 0 || v > UINT32_MAX))
		err = -EINVAL;
	if (err == 0)
		block_queue_set_timeout(queue_of(d), (nsec_t)v * NSEC_PER_MSEC);
	return err;
}

/* For tests: errors at the n-th request, flushes counted too. */
static int
show_fail_nth(struct device *d, struct strbuf *out)
{
	return put_number(out, atomic_load_relaxed(&queue_of(d)->fail_nth));
}

static int
store_fail_nth(struct device *d, const char *text, size_t len)
{
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0)
		atomic_store_relaxed(&queue_of(d)->fail_nth, (u32)MIN(v, (u64)INT32_MAX));
	return err;
}

static int
show_max_sectors(struct device *d, struct strbuf *out)
{
	return put_number(out, atomic_load_relaxed(&limits_of(d)->max_sectors) / 2);
}

static int
store_max_sectors(struct device *d, const char *text, size_t len)
{
	struct block_queue *q = queue_of(d);
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0 && (v < PAGE_SIZE / KIB || v > q->hw_max_sectors / 2))
		err = -EINVAL;
	if (err == 0)
		atomic_store_relaxed(&q->lim.max_sectors, (u32)v * 2);
	return err;
}

static int
show_hw_max_sectors(struct device *d, struct strbuf *out)
{
	return put_number(out, queue_of(d)->hw_max_sectors / 2);
}

static int
show_max_segments(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->dma.max_segments);
}

static int
show_max_segment_size(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->dma.max_segment != 0 ? limits_of(d)->dma.max_segment : 0xffffffffU);
}

static int
show_discard_max(struct device *d, struct strbuf *out)
{
	return put_number(out, (u64)limits_of(d)->discard_max_sectors << SECTOR_SHIFT);
}

static int
show_discard_granularity(struct device *d, struct strbuf *out)
{
	return put_number(out, limits_of(d)->discard_max_sectors != 0 ? limits_of(d)->physical_size : 0);
}

static int
show_zeroes_max(struct device *d, struct strbuf *out)
{
	return put_number(out, (u64)limits_of(d)->zeroes_max_sectors << SECTOR_SHIFT);
}

static int
show_zoned(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "none\n");
	return 0;
}

#define ATTR(var, file, rights, fn)	static const struct device_attr attr_##var = { .name = file, .mode = rights, .show = fn }
#define ATTR_RW(var, file, fn, st)	static const struct device_attr attr_##var = { .name = file, .mode = 0644, .show = fn, .store = st }

ATTR(size, "size", 0444, show_size);
ATTR(ro, "ro", 0444, show_ro);
ATTR(stat, "stat", 0444, show_stat);
ATTR(inflight, "inflight", 0444, show_inflight);
ATTR(start, "start", 0444, show_start);
ATTR(partition, "partition", 0444, show_partition);
ATTR(removable, "removable", 0444, show_removable);
ATTR(hidden, "hidden", 0444, show_hidden);
ATTR(range, "range", 0444, show_range);
ATTR(ext_range, "ext_range", 0444, show_ext_range);
ATTR(capability, "capability", 0444, show_capability);
ATTR(diskseq, "diskseq", 0444, show_diskseq);
ATTR(alignment, "alignment_offset", 0444, show_zero);
ATTR(discard_alignment, "discard_alignment", 0444, show_zero);
ATTR(logical, "queue/logical_block_size", 0444, show_logical);
ATTR(hw_sector, "queue/hw_sector_size", 0444, show_logical);
ATTR(physical, "queue/physical_block_size", 0444, show_physical);
ATTR(minimum_io, "queue/minimum_io_size", 0444, show_physical);
ATTR(optimal_io, "queue/optimal_io_size", 0444, show_zero);
ATTR(rotational, "queue/rotational", 0444, show_rotational);
ATTR(write_cache, "queue/write_cache", 0444, show_write_cache);
ATTR(fua, "queue/fua", 0444, show_fua);
ATTR_RW(read_ahead, "queue/read_ahead_kb", show_read_ahead, store_read_ahead);
static const struct device_attr attr_fail_nth = { .name = "fail_nth", .mode = 0600, .show = show_fail_nth, .store = store_fail_nth };
ATTR_RW(scheduler, "queue/scheduler", show_scheduler, store_scheduler);
ATTR_RW(nr_requests, "queue/nr_requests", show_nr_requests, store_nr_requests);
ATTR_RW(io_timeout, "queue/io_timeout", show_io_timeout, store_io_timeout);
ATTR_RW(max_sectors, "queue/max_sectors_kb", show_max_sectors, store_max_sectors);
ATTR(hw_max_sectors, "queue/max_hw_sectors_kb", 0444, show_hw_max_sectors);
ATTR(max_segments, "queue/max_segments", 0444, show_max_segments);
ATTR(max_segment_size, "queue/max_segment_size", 0444, show_max_segment_size);
ATTR(discard_max, "queue/discard_max_bytes", 0444, show_discard_max);
ATTR(discard_hw_max, "queue/discard_max_hw_bytes", 0444, show_discard_max);
ATTR(discard_granularity, "queue/discard_granularity", 0444, show_discard_granularity);
ATTR(discard_zeroes, "queue/discard_zeroes_data", 0444, show_zero);
ATTR(zeroes_max, "queue/write_zeroes_max_bytes", 0444, show_zeroes_max);
ATTR(zoned, "queue/zoned", 0444, show_zoned);

const struct device_attr *const block_disk_attrs[] = {
	&attr_size, &attr_ro, &attr_stat, &attr_inflight, &attr_removable, &attr_hidden, &attr_range, &attr_ext_range, &attr_capability,
	&attr_diskseq, &attr_alignment, &attr_discard_alignment, &attr_logical, &attr_hw_sector, &attr_physical, &attr_minimum_io,
	&attr_optimal_io, &attr_rotational, &attr_write_cache, &attr_fua, &attr_read_ahead, &attr_scheduler, &attr_nr_requests,
	&attr_io_timeout, &attr_max_sectors, &attr_hw_max_sectors, &attr_max_segments, &attr_max_segment_size, &attr_discard_max, &attr_discard_hw_max,
	&attr_discard_granularity, &attr_discard_zeroes, &attr_zeroes_max, &attr_zoned, &attr_fail_nth, NULL,
};
const struct device_attr *const block_part_attrs[] = {
	&attr_size, &attr_ro, &attr_stat, &attr_inflight, &attr_start, &attr_partition, &attr_alignment, &attr_discard_alignment, NULL,
};

static void
block_uevent(struct device *d, struct strbuf *out)
{
	const struct block_device *b = bdev_of(d);

	strbuf_printf(out, "DEVTYPE=%s\nDISKSEQ=%lu\n", b->partno != 0 ? "partition" : "disk", b->disk->seq);
	if (b->partno != 0)
		strbuf_printf(out, "PARTN=%u\n", b->partno);
	if (b->label[0] != '\0')
		strbuf_printf(out, "PARTNAME=%s\n", (const char *)b->label);
}

const struct device_class device_class_block = { .name = "block", .uevent = block_uevent };

/* --- /proc --- */

static u32
major_of(dev_t d)
{
	return (u32)((d >> 32) & 0xfffff000u) | (u32)((d >> 8) & 0xfffu);
}

static u32
minor_of(dev_t d)
{
	return (u32)((d >> 12) & 0xffffff00u) | (u32)(d & 0xffu);
}

static void
partition_row(struct block_device *b, void *arg)
{
	char name[NAME_MAX_LEN];

	if (b->nr_sectors == 0 || b->disk->removable)
		return;
	block_device_name(b, name, sizeof(name));
	strbuf_printf(arg, "%4u  %7u %10lu %s\n", major_of(b->dev.devt), minor_of(b->dev.devt), b->nr_sectors / 2, name);
}

void
block_show_partitions(struct strbuf *out)
{
	strbuf_puts(out, "major minor  #blocks  name\n\n");
	block_device_for_each(partition_row, out);
}

static void
diskstat_row(struct block_device *b, void *arg)
{
	char name[NAME_MAX_LEN];

	if (b->nr_sectors == 0 && b->partno != 0)
		return;
	block_device_name(b, name, sizeof(name));
	strbuf_printf(arg, "%4u %7u %s ", major_of(b->dev.devt), minor_of(b->dev.devt), name);
	stat_text(b, arg, "narrow", "\n");
}

void
block_show_diskstats(struct strbuf *out)
{
	block_device_for_each(diskstat_row, out);
}
