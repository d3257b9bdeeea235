/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks: naming, publishing, partitions, removal.
 *
 * A disk lives as long as its whole device, and each partition holds a reference on that. disk_remove() takes the devices out of the registry and
 * ends all I/O with -ENODEV; the memory goes when the last opener has closed.
 */
#include "dev/block/internal.h"
#include "dev/block/partition.h"

#include "sys/abi/errno.h"
#include "sys/kmem.h"
#include "sys/lib/idalloc.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

#define INDEX_MAX	1023

/* --- names and numbers --- */

static void *
id_alloc(size_t n)
{
	return kmem_alloc(n, KM_NORMAL);
}

static const struct idalloc_ops id_ops = { .alloc = id_alloc, .free = kmem_free };

/* Linux's numbers, which nodes, scripts and root= know. */
static struct disk_kind {
	const char *prefix;
	u32 major, minors;	/* of one disk */
	bool letters;		/* vda, vdb; else sr0, sr1 */
	bool no_partitions;
	struct idalloc used;	/* [names_lock] */
} kinds[] = {
	{ .prefix = "vd", .major = 254, .minors = 16, .letters = true },
	{ .prefix = "sd", .major = 8, .minors = 16, .letters = true },
	{ .prefix = "sr", .major = 11, .minors = 1, .no_partitions = true },
	{ .prefix = "loop", .major = 7, .minors = 1, .no_partitions = true },
};
static struct mutex names_lock = MUTEX_INIT(names_lock, LOCK_LEAF_SLEEP);
static u64 next_seq = 1;	/* [a] */

static struct disk_kind *
kind_of(const char *prefix)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].prefix, prefix) == 0)
			return &kinds[i];
	return NULL;
}

/* 0: a, 25: z, 26: aa. */
static void
letters(u32 index, char *out, size_t size)
{
	char rev[8];
	u32 n = 0, i = index + 1;

	for (; i > 0 && n < sizeof(rev); i = (i - 1) / 26)
		rev[n++] = (char)('a' + (i - 1) % 26);
	for (; n > 0 && size > 1; size--)
		*out++ = rev[--n];
	*out = '\0';
}

static void
name_it(struct disk *d, const struct disk_kind *k)
{
	char suffix[12];

	if (k->letters)
		letters(d->index, suffix, sizeof(suffix));
	else
		snprintf(suffix, sizeof(suffix), "%u", d->index);
	snprintf(d->name, sizeof(d->name), "%s%s", k->prefix, suffix);
	d->major = k->major;
	d->minors = k->minors;
	d->first_minor = d->index * k->minors;
	d->no_partitions = k->no_partitions;
}

static int
set_name(struct disk *d, const char *prefix, s32 index)
{
	struct disk_kind *k = kind_of(prefix);
	int got;

	if (k == NULL)
		return -EINVAL;
	mutex_lock(&names_lock);
	if (k->used.ops == NULL)
		idalloc_init(&k->used, 0, INDEX_MAX, &id_ops);
	got = index < 0 ? idalloc_get(&k->used) : idalloc_claim(&k->used, (u32)index);
	mutex_unlock(&names_lock);
	if (got < 0)
		return got;
	d->index = index < 0 ? (u32)got : (u32)index;
	name_it(d, k);
	return 0;
}

int
disk_set_name(struct disk *d, const char *prefix)
{
	return set_name(d, prefix, -1);
}

int
disk_set_name_index(struct disk *d, const char *prefix, u32 index)
{
	return index <= INDEX_MAX ? set_name(d, prefix, (s32)index) : -EINVAL;
}

void
block_show_majors(struct strbuf *out)
{
	strbuf_puts(out, "  7 loop\n  8 sd\n 11 sr\n254 virtblk\n259 blkext\n");
}

static void
release_name(struct disk *d)
{
	if (d->name[0] == '\0')
		return;
	mutex_lock(&names_lock);
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].major == d->major)
			idalloc_put(&kinds[i].used, d->index);
	mutex_unlock(&names_lock);
}

/* --- life --- */

int
disk_create(const struct block_ops *ops, const struct block_limits *lim, u32 hw_queues, u32 depth, u32 request_size, u32 timeout_ms,
	void *priv, struct disk **out)
{
	struct disk *d = kmem_alloc(sizeof(*d), KM_ZERO);
	int err;

	if (d == NULL)
		return -ENOMEM;
	mutex_init(&d->open_lock, LOCK_BLOCK_OPEN);
	mutex_init(&d->lock, LOCK_BLOCK);
	list_init(&d->parts);
	d->ops = ops;
	d->priv = priv;
	d->seq = atomic_fetch_add(&next_seq, 1);
	err = block_queue_create(ops, lim, hw_queues, depth, request_size, timeout_ms, d, &d->queue);
	if (err != 0)
		goto out_free;
	err = block_device_create(d, 0, 0, 0, &d->whole);
	if (err != 0)
		goto out_queue;
	*out = d;
	return 0;
out_queue:
	block_queue_destroy(d->queue);
out_free:
	kmem_free(d);
	return err;
}

void
disk_free(struct disk *d)
{
	block_queue_destroy(d->queue);
	release_name(d);
	if (d->ops->release != NULL)
		d->ops->release(d);
	kmem_free(d);
}

/* Devices may say what they like: offsets in bytes are signed. */
static u64
believable(u64 nr_sectors)
{
	return MIN(nr_sectors, (u64)INT64_MAX >> SECTOR_SHIFT);
}

int
disk_add(struct disk *d, u64 nr_sectors)
{
	int err;

	d->whole->nr_sectors = believable(nr_sectors);
	d->whole->read_only = d->read_only;
	err = block_timeout_start(d->queue);
	if (err == 0)
		err = block_device_publish(d->whole);
	if (err != 0)
		return err;
	mutex_lock(&d->open_lock);
	disk_scan_partitions(d);
	mutex_unlock(&d->open_lock);
	return 0;
}

void
disk_set_capacity(struct disk *d, u64 nr_sectors)
{
	u64 old;

	nr_sectors = believable(nr_sectors);
	old = atomic_xchg(&d->whole->nr_sectors, nr_sectors);
	if (old != nr_sectors && old != 0 && nr_sectors != 0)
		log_info("%s: detected capacity change from %lu to %lu", d->name, old, nr_sectors);
}

void
disk_remove(struct disk *d)
{
	mutex_lock(&d->open_lock);
	atomic_store(&d->gone, true);
	disk_drop_all_partitions(d);
	block_device_withdraw(d->whole);
	mutex_unlock(&d->open_lock);
	block_queue_drain(d->queue);
}

void
disk_put(struct disk *d)
{
	block_device_put(d->whole);
}

/* --- partitions; the open_lock is held --- */

struct block_device *
disk_find_partition(struct disk *d, u32 partno)
{
	struct block_device *b, *found = NULL;

	mutex_lock(&d->lock);
	list_for_each(b, &d->parts, part_node)
		if (b->partno == partno)
			found = b;
	if (found != NULL)
		block_device_get(found);
	mutex_unlock(&d->lock);
	return found;
}

int
disk_add_partition(struct disk *d, u32 partno, u64 start, u64 nr, const char *uuid, const char *label)
{
	struct block_device *b;
	int err;

	mutex_assert_held(&d->open_lock);
	b = disk_find_partition(d, partno);
	if (b != NULL) {
		block_device_put(b);
		return -EBUSY;
	}
	err = block_device_create(d, partno, start, nr, &b);
	if (err != 0)
		return err;
	strlcpy((char *)b->uuid, uuid, sizeof(b->uuid));
	strlcpy((char *)b->label, label, sizeof(b->label));
	b->read_only = d->read_only;
	mutex_lock(&d->lock);
	list_add_tail(&d->parts, &b->part_node);
	mutex_unlock(&d->lock);
	err = block_device_publish(b);
	if (err != 0) {
		mutex_lock(&d->lock);
		list_del(&b->part_node);
		mutex_unlock(&d->lock);
		block_device_put(b);
	}
	return err;
}

/* Off the disk's list; who has it open keeps it. */
static void
drop(struct disk *d, struct block_device *b)
{
	mutex_lock(&d->lock);
	list_del(&b->part_node);
	mutex_unlock(&d->lock);
	block_device_withdraw(b);
}

int
disk_delete_partition(struct disk *d, u32 partno)
{
	struct block_device *b = disk_find_partition(d, partno);
	int err = 0;

	mutex_assert_held(&d->open_lock);
	if (b == NULL)
		return -ENXIO;
	if (b->openers > 0)
		err = -EBUSY;
	else
		drop(d, b);
	block_device_put(b);
	return err;
}

/* Do sectors [start, +nr) touch another partition than `but`? */
static bool
overlaps(struct disk *d, u64 start, u64 nr, u32 but)
{
	struct block_device *b;
	bool hit = false;

	mutex_lock(&d->lock);
	list_for_each(b, &d->parts, part_node)
		if (b->partno != but && start < b->start + b->nr_sectors && b->start < start + nr)
			hit = true;
	mutex_unlock(&d->lock);
	return hit;
}

int
disk_resize_partition(struct disk *d, u32 partno, u64 start, u64 nr)
{
	struct block_device *b = disk_find_partition(d, partno);
	int err = 0;

	if (b == NULL)
		return -ENXIO;
	if (start != b->start)
		err = -EINVAL;
	else if (overlaps(d, start, nr, partno))
		err = -EBUSY;
	else
		atomic_store(&b->nr_sectors, nr);
	block_device_put(b);
	return err;
}

bool
disk_range_is_free(struct disk *d, u64 start, u64 nr)
{
	return !overlaps(d, start, nr, 0);
}

void
disk_drop_all_partitions(struct disk *d)
{
	struct block_device *b;

	mutex_assert_held(&d->open_lock);
	while ((b = list_first(&d->parts, struct block_device, part_node)) != NULL)
		drop(d, b);
}

static int
read_table(const struct partition_source *s, u64 sector, void *buf, size_t len)
{
	return block_rw_kernel(s->arg, BIO_READ, sector, buf, len);
}

void
disk_scan_partitions(struct disk *d)
{
	struct partition_source src = { .nr_sectors = d->whole->nr_sectors, .logical_size = d->queue->lim.logical_size,
		.read = read_table, .arg = d->whole };
	struct partition_table *t;
	struct strbuf line;
	char text[200];
	int err;

	mutex_assert_held(&d->open_lock);
	if (d->no_partitions || d->whole->nr_sectors == 0)
		return;
	t = kmem_alloc(sizeof(*t), KM_NORMAL);
	err = t != NULL ? partition_read(&src, t) : -ENOMEM;
	if (err != 0) {
		log_warn("%s: unable to read partition table: error %d", d->name, -err);
		goto out_free;
	}
	if (t->scheme == NULL)
		goto out_free;
	strbuf_init(&line, text, sizeof(text));
	strbuf_printf(&line, "%s:", d->name);
	for (u32 i = 0; i < t->n; i++) {
		const struct partition *p = &t->parts[i];

		err = disk_add_partition(d, p->number, p->start, p->nr, p->uuid, p->label);
		if (err == 0)
			strbuf_printf(&line, " p%u", p->number);
		else
			log_warn("%s: partition %u: error %d", d->name, p->number, -err);
	}
	log_info("%s", text);
	if (t->backup_used)
		log_warn("%s: the primary GPT is bad, its backup was used", d->name);
out_free:
	kmem_free(t);
}

int
block_device_rescan(struct block_device *whole)
{
	struct disk *d = whole->disk;
	struct block_device *b;
	int err = 0;

	if (whole->partno != 0 || d->no_partitions)
		return -EINVAL;
	mutex_lock(&d->open_lock);
	mutex_lock(&d->lock);
	list_for_each(b, &d->parts, part_node)
		if (b->openers > 0)
			err = -EBUSY;
	mutex_unlock(&d->lock);
	if (err == 0 && !d->gone) {
		(void)!mapping_sync(&whole->mapping, 0, INT64_MAX);
		disk_drop_all_partitions(d);
		disk_scan_partitions(d);
	}
	mutex_unlock(&d->open_lock);
	return err;
}
