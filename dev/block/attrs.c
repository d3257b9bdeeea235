/* SPDX-License-Identifier: BSD-2-Clause */
/* What user space reads about block devices: files in /sys/block, /proc/partitions, /proc/diskstats. Formats: Linux's ABI documents. */
#include "dev/block/internal.h"

#include "dev/chrdev.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/lib/string.h"

#define NAME_MAX_LEN	40

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
	stat_text(device_bdev(d), out, "wide", "\n");
	return 0;
}

static int
show_inflight(struct device *d, struct strbuf *out)
{
	struct numbers n;

	collect(device_bdev(d), &n);
	strbuf_printf(out, "%8lu %8lu\n", n.in_flight[0], n.in_flight[1]);
	return 0;
}

/* --- the device --- */

static int
show_size(struct device *d, struct strbuf *out)
{
	return attr_number(out, atomic_load_relaxed(&device_bdev(d)->nr_sectors));
}

static int
show_ro(struct device *d, struct strbuf *out)
{
	return attr_number(out, block_device_is_read_only(device_bdev(d)));
}

static int
show_start(struct device *d, struct strbuf *out)
{
	return attr_number(out, device_bdev(d)->start);
}

static int
show_partition(struct device *d, struct strbuf *out)
{
	return attr_number(out, device_bdev(d)->partno);
}

static int
show_removable(struct device *d, struct strbuf *out)
{
	return attr_number(out, device_bdev(d)->disk->removable);
}

static int
show_hidden(struct device *d, struct strbuf *out)
{
	return attr_number(out, 0);
}

static int
show_range(struct device *d, struct strbuf *out)
{
	return attr_number(out, device_bdev(d)->disk->minors);
}

static int
show_ext_range(struct device *d, struct strbuf *out)
{
	return attr_number(out, device_bdev(d)->disk->no_partitions ? 1 : 256);
}

static int
show_capability(struct device *d, struct strbuf *out)
{
	strbuf_printf(out, "%x\n", (u32)device_bdev(d)->disk->removable);
	return 0;
}

static int
show_diskseq(struct device *d, struct strbuf *out)
{
	return attr_number(out, device_bdev(d)->disk->seq);
}

static int
show_zero(struct device *d, struct strbuf *out)
{
	return attr_number(out, 0);
}

/* --- events: no device here tells them by itself --- */

static int
show_nothing(struct device *d, struct strbuf *out)
{
	(void)d, (void)out;
	return 0;
}

static int
show_never(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "-1\n");
	return 0;
}

/* For tests: errors at the n-th request, flushes counted too. */
static int
show_fail_nth(struct device *d, struct strbuf *out)
{
	return attr_number(out, atomic_load_relaxed(&device_queue(d)->fail_nth));
}

static int
store_fail_nth(struct device *d, const char *text, size_t len)
{
	const char *end;
	u64 v;

	(void)len;
	if (parse_u64(text, &end, 10, &v) != 0)
		return -EINVAL;
	atomic_store_relaxed(&device_queue(d)->fail_nth, (u32)MIN(v, (u64)INT32_MAX));
	return 0;
}

#define ATTR(var, file, rights, fn)	static const struct device_attr attr_##var = { .name = file, .mode = rights, .show = fn }

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
ATTR(events, "events", 0444, show_nothing);
ATTR(events_async, "events_async", 0444, show_nothing);
ATTR(events_poll, "events_poll_msecs", 0444, show_never);
static const struct device_attr attr_fail_nth = { .name = "fail_nth", .mode = 0600, .show = show_fail_nth, .store = store_fail_nth };

const struct device_attr *const block_disk_attrs[] = {
	&attr_size, &attr_ro, &attr_stat, &attr_inflight, &attr_removable, &attr_hidden, &attr_range, &attr_ext_range, &attr_capability,
	&attr_diskseq, &attr_alignment, &attr_discard_alignment, &attr_events, &attr_events_async, &attr_events_poll, &attr_fail_nth, NULL,
};
const struct device_attr *const block_part_attrs[] = {
	&attr_size, &attr_ro, &attr_stat, &attr_inflight, &attr_start, &attr_partition, &attr_alignment, &attr_discard_alignment, NULL,
};

static void
block_uevent(struct device *d, struct strbuf *out)
{
	const struct block_device *b = device_bdev(d);

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

	if (b->nr_sectors == 0)
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
