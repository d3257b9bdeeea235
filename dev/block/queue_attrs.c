/* SPDX-License-Identifier: BSD-2-Clause */
/* /sys/block/NAME/queue: limits and knobs of a disk's queue. Names, texts and errors: Linux's Documentation/ABI/stable/sysfs-block. */
#include "dev/block/internal.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"

static const struct block_limits *
limits_of(struct device *d)
{
	return &device_queue(d)->lim;
}

static int
parse_number(const char *text, u64 *v)
{
	const char *end;

	return parse_u64(text, &end, 10, v) != 0 ? -EINVAL : 0;
}

/* Is the text, but for blanks behind it, this word? */
static bool
is_word(const char *text, size_t len, const char *word)
{
	while (len > 0 && is_space(text[len - 1]))
		len--;
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int
show_zero(struct device *d, struct strbuf *out)
{
	(void)d;
	return attr_number(out, 0);
}

static int
show_one(struct device *d, struct strbuf *out)
{
	(void)d;
	return attr_number(out, 1);
}

static int
show_minus_one(struct device *d, struct strbuf *out)
{
	(void)d;
	strbuf_puts(out, "-1\n");
	return 0;
}

/* --- numbers --- */

static int
show_logical(struct device *d, struct strbuf *out)
{
	return attr_number(out, limits_of(d)->logical_size);
}

static int
show_physical(struct device *d, struct strbuf *out)
{
	return attr_number(out, limits_of(d)->physical_size);
}

static int
show_fua(struct device *d, struct strbuf *out)
{
	return attr_number(out, limits_of(d)->fua);
}

static int
show_read_ahead(struct device *d, struct strbuf *out)
{
	return attr_number(out, (u64)atomic_load_relaxed(&device_bdev(d)->disk->whole->backing.ra_pages) * (PAGE_SIZE / KIB));
}

static int
store_read_ahead(struct device *d, const char *text, size_t len)
{
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0)
		atomic_store_relaxed(&device_bdev(d)->disk->whole->backing.ra_pages, (u32)(v / (PAGE_SIZE / KIB)));
	return err;
}

static int
show_nr_requests(struct device *d, struct strbuf *out)
{
	return attr_number(out, atomic_load_relaxed(&device_queue(d)->nr_requests));
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
		atomic_store_relaxed(&device_queue(d)->nr_requests, (u32)MAX(v, 4UL));
	return err;
}

static int
show_io_timeout(struct device *d, struct strbuf *out)
{
	return attr_number(out, (u64)(atomic_load_relaxed(&device_queue(d)->timeout) / NSEC_PER_MSEC));
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
		block_queue_set_timeout(device_queue(d), (nsec_t)v * NSEC_PER_MSEC);
	return err;
}

static int
show_max_sectors(struct device *d, struct strbuf *out)
{
	return attr_number(out, atomic_load_relaxed(&limits_of(d)->max_sectors) / 2);
}

static int
store_max_sectors(struct device *d, const char *text, size_t len)
{
	struct block_queue *q = device_queue(d);
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
	return attr_number(out, device_queue(d)->hw_max_sectors / 2);
}

static int
show_max_segments(struct device *d, struct strbuf *out)
{
	return attr_number(out, limits_of(d)->dma.max_segments);
}

static int
show_max_segment_size(struct device *d, struct strbuf *out)
{
	return attr_number(out, limits_of(d)->dma.max_segment != 0 ? limits_of(d)->dma.max_segment : 0xffffffffU);
}

static int
show_zeroes_max(struct device *d, struct strbuf *out)
{
	return attr_number(out, (u64)limits_of(d)->zeroes_max_sectors << SECTOR_SHIFT);
}

static int
show_zoned(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, "none\n");
	return 0;
}

/* --- flags that may be set --- */

static int
store_flag(const char *text, bool *flag)
{
	u64 v;
	int err = parse_number(text, &v);

	if (err == 0)
		atomic_store_relaxed(flag, v != 0);
	return err;
}

static int
show_rotational(struct device *d, struct strbuf *out)
{
	return attr_number(out, atomic_load_relaxed(&limits_of(d)->rotational));
}

static int
store_rotational(struct device *d, const char *text, size_t len)
{
	(void)len;
	return store_flag(text, &device_queue(d)->lim.rotational);
}

static int
show_iostats(struct device *d, struct strbuf *out)
{
	return attr_number(out, !atomic_load_relaxed(&device_queue(d)->no_stats));
}

static int
store_iostats(struct device *d, const char *text, size_t len)
{
	bool on;
	int err = store_flag(text, &on);

	(void)len;
	if (err == 0)
		atomic_store_relaxed(&device_queue(d)->no_stats, !on);
	return err;
}

static int
show_nomerges(struct device *d, struct strbuf *out)
{
	return attr_number(out, atomic_load_relaxed(&device_queue(d)->no_merges));
}

/* 1: only those that cost little; all of ours do. 2: none. */
static int
store_nomerges(struct device *d, const char *text, size_t len)
{
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0)
		atomic_store_relaxed(&device_queue(d)->no_merges, (u8)MIN(v, 2UL));
	return err;
}

static int
show_write_cache(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, atomic_load_relaxed(&limits_of(d)->write_cache) ? "write back\n" : "write through\n");
	return 0;
}

/* What the kernel thinks of the cache, not what the device does: "write through" on one that has a volatile cache means no flushes. */
static int
store_write_cache(struct device *d, const char *text, size_t len)
{
	struct block_queue *q = device_queue(d);

	if (is_word(text, len, "write back"))
		atomic_store(&q->lim.write_cache, true);
	else if (is_word(text, len, "write through") || is_word(text, len, "none"))
		atomic_store(&q->lim.write_cache, false);
	else
		return -EINVAL;
	return 0;
}

static int
show_scheduler(struct device *d, struct strbuf *out)
{
	strbuf_puts(out, atomic_load_relaxed(&device_queue(d)->elevator.fifo_only) ? "[none] mq-deadline\n" : "[mq-deadline] none\n");
	return 0;
}

static int
store_scheduler(struct device *d, const char *text, size_t len)
{
	bool none = is_word(text, len, "none");

	if (!none && !is_word(text, len, "mq-deadline"))
		return -EINVAL;
	atomic_store_relaxed(&device_queue(d)->elevator.fifo_only, none);
	return 0;
}

/* --- discard --- */

static u32
granularity_of(const struct block_limits *lim)
{
	return lim->discard_max_sectors == 0 ? 0 : lim->discard_granularity != 0 ? lim->discard_granularity : lim->physical_size;
}

static int
show_discard_max(struct device *d, struct strbuf *out)
{
	return attr_number(out, (u64)atomic_load_relaxed(&device_queue(d)->discard_sectors) << SECTOR_SHIFT);
}

static int
store_discard_max(struct device *d, const char *text, size_t len)
{
	struct block_queue *q = device_queue(d);
	u32 granularity = granularity_of(&q->lim);
	u64 v;
	int err = parse_number(text, &v);

	(void)len;
	if (err == 0 && (granularity == 0 || v % granularity != 0 || v >> SECTOR_SHIFT > UINT32_MAX))
		err = -EINVAL;
	if (err == 0)
		atomic_store_relaxed(&q->discard_sectors, MIN((u32)(v >> SECTOR_SHIFT), q->lim.discard_max_sectors));
	return err;
}

static int
show_discard_hw_max(struct device *d, struct strbuf *out)
{
	return attr_number(out, (u64)limits_of(d)->discard_max_sectors << SECTOR_SHIFT);
}

static int
show_discard_granularity(struct device *d, struct strbuf *out)
{
	return attr_number(out, granularity_of(limits_of(d)));
}

static int
show_dma_alignment(struct device *d, struct strbuf *out)
{
	(void)d;
	return attr_number(out, SECTOR_SIZE - 1);
}

#define ATTR(var, file, rights, fn)	static const struct device_attr attr_##var = { .name = file, .mode = rights, .show = fn }
#define ATTR_RW(var, file, fn, st)	static const struct device_attr attr_##var = { .name = file, .mode = 0644, .show = fn, .store = st }

ATTR(logical, "queue/logical_block_size", 0444, show_logical);
ATTR(hw_sector, "queue/hw_sector_size", 0444, show_logical);
ATTR(physical, "queue/physical_block_size", 0444, show_physical);
ATTR(minimum_io, "queue/minimum_io_size", 0444, show_physical);
ATTR(optimal_io, "queue/optimal_io_size", 0444, show_zero);
ATTR(fua, "queue/fua", 0444, show_fua);
ATTR_RW(read_ahead, "queue/read_ahead_kb", show_read_ahead, store_read_ahead);
ATTR_RW(nr_requests, "queue/nr_requests", show_nr_requests, store_nr_requests);
ATTR_RW(io_timeout, "queue/io_timeout", show_io_timeout, store_io_timeout);
ATTR_RW(max_sectors, "queue/max_sectors_kb", show_max_sectors, store_max_sectors);
ATTR(hw_max_sectors, "queue/max_hw_sectors_kb", 0444, show_hw_max_sectors);
ATTR(max_segments, "queue/max_segments", 0444, show_max_segments);
ATTR(max_segment_size, "queue/max_segment_size", 0444, show_max_segment_size);
ATTR(discard_granularity, "queue/discard_granularity", 0444, show_discard_granularity);
ATTR(discard_zeroes, "queue/discard_zeroes_data", 0444, show_zero);
ATTR(zeroes_max, "queue/write_zeroes_max_bytes", 0444, show_zeroes_max);
ATTR(zoned, "queue/zoned", 0444, show_zoned);
ATTR_RW(rotational, "queue/rotational", show_rotational, store_rotational);
ATTR_RW(iostats, "queue/iostats", show_iostats, store_iostats);
ATTR_RW(nomerges, "queue/nomerges", show_nomerges, store_nomerges);
ATTR_RW(write_cache, "queue/write_cache", show_write_cache, store_write_cache);
ATTR_RW(scheduler, "queue/scheduler", show_scheduler, store_scheduler);
ATTR_RW(discard_max, "queue/discard_max_bytes", show_discard_max, store_discard_max);
ATTR(discard_hw_max, "queue/discard_max_hw_bytes", 0444, show_discard_hw_max);
ATTR(max_discard_segments, "queue/max_discard_segments", 0444, show_one);
ATTR(max_integrity_segments, "queue/max_integrity_segments", 0444, show_zero);
ATTR(add_random, "queue/add_random", 0444, show_zero);
ATTR(chunk_sectors, "queue/chunk_sectors", 0444, show_zero);
ATTR(dax, "queue/dax", 0444, show_zero);
ATTR(dma_alignment, "queue/dma_alignment", 0444, show_dma_alignment);
ATTR(io_poll, "queue/io_poll", 0444, show_zero);
ATTR(io_poll_delay, "queue/io_poll_delay", 0444, show_minus_one);
ATTR(rq_affinity, "queue/rq_affinity", 0444, show_one);
ATTR(stable_writes, "queue/stable_writes", 0444, show_zero);
ATTR(virt_boundary, "queue/virt_boundary_mask", 0444, show_zero);
ATTR(write_same_max, "queue/write_same_max_bytes", 0444, show_zero);
ATTR(nr_zones, "queue/nr_zones", 0444, show_zero);
ATTR(zone_append_max, "queue/zone_append_max_bytes", 0444, show_zero);
ATTR(zone_granularity, "queue/zone_write_granularity", 0444, show_zero);

const struct device_attr *const block_queue_attrs[] = {
	&attr_logical, &attr_hw_sector, &attr_physical, &attr_minimum_io, &attr_optimal_io, &attr_fua, &attr_read_ahead,
	&attr_nr_requests, &attr_io_timeout, &attr_max_sectors, &attr_hw_max_sectors, &attr_max_segments, &attr_max_segment_size,
	&attr_discard_granularity, &attr_discard_zeroes, &attr_zeroes_max, &attr_zoned, &attr_rotational, &attr_iostats, &attr_nomerges,
	&attr_write_cache, &attr_scheduler, &attr_discard_max, &attr_discard_hw_max, &attr_max_discard_segments,
	&attr_max_integrity_segments, &attr_add_random, &attr_chunk_sectors, &attr_dax, &attr_dma_alignment, &attr_io_poll,
	&attr_io_poll_delay, &attr_rq_affinity, &attr_stable_writes, &attr_virt_boundary, &attr_write_same_max, &attr_nr_zones,
	&attr_zone_append_max, &attr_zone_granularity, NULL,
};
