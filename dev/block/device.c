/* SPDX-License-Identifier: BSD-2-Clause */
/* Block devices: the registry, references, opening and claiming, statistics. */
#include "dev/block/internal.h"

#include "dev/buf.h"
#include "dev/chrdev.h"
#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/idalloc.h"
#include "sys/lib/string.h"
#include "sys/panic.h"

#define EXT_MAJOR	259	/* numbers for what has none of its own */
#define EXT_MINORS	0xfffff

static struct mutex registry_lock = MUTEX_INIT(registry_lock, LOCK_CHRDEV);
static struct list registry = LIST_INIT(registry);	/* [registry_lock] each referenced */
static struct idalloc ext_minors;			/* [registry_lock] */

static void *
id_alloc(size_t n)
{
	return kmem_alloc(n, KM_NORMAL);
}

static const struct idalloc_ops id_ops = { .alloc = id_alloc, .free = kmem_free };

static u32
minor_of(const struct block_device *b)
{
	return (u32)((b->dev.devt >> 12) & 0xffffff00u) | (u32)(b->dev.devt & 0xffu);
}

/* --- life --- */

static void
device_released(struct device *dev)
{
	block_device_put(container_of(dev, struct block_device, dev));
}

/* Its directory lies in the disk's for a partition. */
void
block_device_name(const struct block_device *b, char *buf, size_t size)
{
	const char *disk = b->disk->name;

	if (b->partno == 0)
		strlcpy(buf, disk, size);
	else
		snprintf(buf, size, is_digit(disk[strlen(disk) - 1]) ? "%sp%u" : "%s%u", disk, b->partno);
}

int
block_device_create(struct disk *d, u32 partno, u64 start, u64 nr_sectors, struct block_device **out)
{
	struct block_device *b = kmem_alloc(sizeof(*b), KM_ZERO);

	if (b == NULL)
		return -ENOMEM;
	b->disk = d;
	b->partno = partno;
	b->start = start;
	b->nr_sectors = nr_sectors;
	b->block_size = (u32)MAX((u32)PAGE_SIZE, d->queue->lim.logical_size);
	if (partno == 0)
		backing_dev_init(&b->backing);
	refcount_init(&b->refs, 1);
	spin_init(&b->buf_lock, LOCK_BUF_STATE);
	mapping_init(&b->mapping, &block_mapping_ops, b, MAPPING_BLOCKS);
	b->mapping.backing = partno != 0 ? &d->whole->backing : &b->backing;
	if (partno != 0)
		block_device_get(d->whole);
	*out = b;
	return 0;
}

static void
destroy(struct block_device *b)
{
	struct disk *d = b->disk;

	mapping_destroy(&b->mapping);
	if (b->dev.attrs != block_part_attrs)
		kmem_free((void *)(uintptr_t)b->dev.attrs);
	if (b->partno != 0) {
		kmem_free_rcu(b, &b->rcu);	/* write-back may just be asking its mapping to be held */
		block_device_put(d->whole);
	} else {
		backing_dev_destroy(&b->backing);
		kmem_free_rcu(b, &b->rcu);
		disk_free(d);
	}
}

void
block_device_get(struct block_device *b)
{
	refcount_get(&b->refs);
}

void
block_device_put(struct block_device *b)
{
	if (b != NULL && refcount_put(&b->refs))
		destroy(b);
}

/* --- the registry --- */

/* registry_lock held. Its own number where the disk has one for it, else an extended one. */
static int
give_number(struct block_device *b)
{
	const struct disk *d = b->disk;
	int minor;

	if (b->partno < d->minors && d->major != 0) {
		b->dev.devt = DEV_NUMBER(d->major, d->first_minor + b->partno);
		return 0;
	}
	if (ext_minors.ops == NULL)
		idalloc_init(&ext_minors, 0, EXT_MINORS, &id_ops);
	minor = idalloc_get(&ext_minors);
	if (minor < 0)
		return minor;
	b->dev.devt = DEV_NUMBER((u32)EXT_MAJOR, (u32)minor);
	b->ext_number = true;
	return 0;
}

static u32
count(const struct device_attr *const *attrs)
{
	u32 n = 0;

	while (attrs != NULL && attrs[n] != NULL)
		n++;
	return n;
}

/* The disk's files, its queue's and the driver's own, in one list. */
static int
set_attrs(struct block_device *b)
{
	const struct device_attr *const *const parts[] = { block_disk_attrs, block_queue_attrs, b->disk->attrs };
	const struct device_attr **all;
	u32 n = 0, at = 0;

	b->dev.attrs = block_part_attrs;
	if (b->partno != 0)
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		n += count(parts[i]);
	all = kmem_alloc_array(n + 1, sizeof(*all), KM_ZERO);
	if (all == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
		memcpy(all + at, parts[i], count(parts[i]) * sizeof(*all));
		at += count(parts[i]);
	}
	b->dev.attrs = all;
	return 0;
}

/* Behind what was there first, but a partition behind its disk's others. registry_lock held. */
static struct list *
registry_place(const struct block_device *b)
{
	struct block_device *other, *last = NULL;

	if (b->partno != 0)
		list_for_each(other, &registry, node)
			if (other->disk == b->disk && (last == NULL || other->partno < b->partno))
				last = other;
	return last != NULL ? &last->node : registry.prev;
}

int
block_device_publish(struct block_device *b)
{
	int err = set_attrs(b);

	if (err != 0)
		return err;
	block_device_name(b, b->dev.name, sizeof(b->dev.name));
	b->dev.parent = b->partno != 0 ? &b->disk->whole->dev : b->disk->parent;
	b->dev.class = &device_class_block;
	b->dev.block = true;
	b->dev.release = device_released;
	mutex_lock(&registry_lock);
	err = give_number(b);
	if (err == 0) {
		block_device_get(b);		/* the registry's */
		list_add(registry_place(b), &b->node);
	}
	mutex_unlock(&registry_lock);
	if (err != 0)
		return err;
	block_device_get(b);			/* the device tree's: device_released() */
	err = device_register(&b->dev);
	if (err == 0)
		return 0;
	mutex_lock(&registry_lock);
	list_del(&b->node);
	mutex_unlock(&registry_lock);
	block_device_put(b);
	block_device_put(b);
	return err;
}

void
block_device_withdraw(struct block_device *b)
{
	mutex_lock(&registry_lock);
	list_del(&b->node);
	if (b->ext_number)
		idalloc_put(&ext_minors, minor_of(b));
	mutex_unlock(&registry_lock);
	block_device_get(b);
	device_unregister(&b->dev);
	block_device_put(b);		/* the registry's */
	if (b->partno != 0)
		block_device_put(b);	/* the disk's list's */
	block_device_put(b);
}

int
block_device_find(dev_t devt, struct block_device **out)
{
	struct block_device *b;
	int err = -ENXIO;

	mutex_lock(&registry_lock);
	list_for_each(b, &registry, node)
		if (b->dev.devt == devt) {
			block_device_get(b);
			*out = b;
			err = 0;
			break;
		}
	mutex_unlock(&registry_lock);
	return err;
}

void
block_device_for_each(void (*fn)(struct block_device *b, void *arg), void *arg)
{
	struct block_device *b, *prev = NULL;

	mutex_lock(&registry_lock);
	for (b = list_first(&registry, struct block_device, node); b != NULL; ) {
		struct block_device *next;

		block_device_get(b);
		mutex_unlock(&registry_lock);
		block_device_put(prev);
		fn(b, arg);
		prev = b;
		mutex_lock(&registry_lock);
		/* Gone meanwhile: the walk ends here. */
		next = list_is_linked(&b->node) ? list_next(b, &registry, node) : NULL;
		b = next;
	}
	mutex_unlock(&registry_lock);
	block_device_put(prev);
}

/* --- opening --- */

/* disk->lock held. A disk and its partitions aren't claimed by different holders. */
static bool
may_claim(const struct block_device *b, const void *holder)
{
	const struct block_device *p;

	if (b->holder != NULL)
		return b->holder == holder;
	if (b->partno != 0)
		return b->disk->whole->holder == NULL;
	list_for_each(p, &b->disk->parts, part_node)
		if (p->holder != NULL)
			return false;
	return true;
}

/* As Linux: the largest size up to a page that divides the device. */
static void
default_block_size(struct block_device *b)
{
	u64 bytes = block_device_bytes(b);
	u32 size = b->disk->queue->lim.logical_size;

	while (size < PAGE_SIZE && (bytes & size) == 0)
		size <<= 1;
	b->block_size = size;
}

int
block_device_open(struct block_device *b, u32 how, void *holder)
{
	struct disk *d = b->disk;
	bool write = how & BLOCK_OPEN_WRITE;
	int err = 0;

	mutex_lock(&d->open_lock);
	if (d->gone || (b->partno != 0 && !list_is_linked(&b->part_node)))
		err = -ENXIO;
	else if (d->ops->open != NULL && b->openers == 0)
		err = d->ops->open(d, how);
	if (err == -ENOMEDIUM && (how & BLOCK_OPEN_ANYWAY))
		err = 0;
	if (err != 0)
		goto out_unlock;
	if (b->openers == 0)
		default_block_size(b);
	mutex_lock(&d->lock);
	if (holder != NULL && !may_claim(b, holder)) {
		err = -EBUSY;
	} else {
		b->openers++;
		b->writers += write;
		if (holder != NULL) {
			b->holder = holder;
			b->holds++;
		}
	}
	mutex_unlock(&d->lock);
	if (err != 0 && d->ops->close != NULL && b->openers == 0)
		d->ops->close(d);
out_unlock:
	mutex_unlock(&d->open_lock);
	return err;
}

void
block_device_close(struct block_device *b, bool write, void *holder)
{
	struct disk *d = b->disk;
	bool last;

	mutex_lock(&d->open_lock);
	if (b->openers == 1) {		/* nobody opens it meanwhile */
		(void)!mapping_sync(&b->mapping, 0, INT64_MAX);
		mapping_truncate(&b->mapping, 0, INT64_MAX);
	}
	mutex_lock(&d->lock);
	KASSERT(b->openers > 0);
	last = --b->openers == 0;
	b->writers -= write;
	if (holder != NULL && --b->holds == 0)
		b->holder = NULL;
	mutex_unlock(&d->lock);
	if (last && d->ops->close != NULL)
		d->ops->close(d);
	mutex_unlock(&d->open_lock);
	if (last && d->ops->idle != NULL)
		d->ops->idle(d);
}

u32
disk_openers(struct disk *d)
{
	const struct block_device *p;
	u32 n;

	mutex_lock(&d->lock);
	n = d->whole->openers;
	list_for_each(p, &d->parts, part_node)
		n += p->openers;
	mutex_unlock(&d->lock);
	return n;
}

int
block_device_set_block_size(struct block_device *b, u32 size)
{
	int err = 0;

	if (size < SECTOR_SIZE || size > PAGE_SIZE || (size & (size - 1)) != 0 || size < b->disk->queue->lim.logical_size)
		return -EINVAL;
	mutex_lock(&b->disk->open_lock);
	if (size != b->block_size) {
		err = mapping_sync(&b->mapping, 0, INT64_MAX);
		mapping_truncate(&b->mapping, 0, INT64_MAX);
		b->block_size = size;
	}
	mutex_unlock(&b->disk->open_lock);
	return err;
}

u32
block_device_logical_size(const struct block_device *b)
{
	return b->disk->queue->lim.logical_size;
}

bool
block_device_is_read_only(const struct block_device *b)
{
	return atomic_load_relaxed(&b->read_only) || atomic_load_relaxed(&b->disk->read_only);
}

/* --- statistics: of the device, and of the whole disk beside it --- */

static void
started(struct block_device *b, bool other, nsec_t now)
{
	if (b->in_flight[0] + b->in_flight[1] == 0)
		b->busy_since = now;
	b->in_flight[other]++;
}

static u32
kind_of(const struct bio *bio)
{
	return bio->op == BIO_READ ? 0 : bio->op == BIO_DISCARD ? 2 : 1;
}

static void
ended(struct block_device *b, const struct bio *bio, nsec_t now)
{
	u32 i = kind_of(bio);

	b->in_flight[bio->op != BIO_READ]--;
	b->stat[i].ios++;
	b->stat[i].sectors += bio->len >> SECTOR_SHIFT;
	b->stat[i].ticks_ns += (u64)(now - bio->q.start);
	if (b->in_flight[0] + b->in_flight[1] == 0)
		b->busy_ns += now - b->busy_since;
}

void
block_stat_start(struct bio *bio)
{
	struct block_device *b = bio->bdev;

	spin_assert_held(&b->disk->queue->lock);
	started(b, bio->op != BIO_READ, bio->q.start);
	if (b->partno != 0)
		started(b->disk->whole, bio->op != BIO_READ, bio->q.start);
}

void
block_stat_merge(struct bio *bio)
{
	bio->bdev->stat[kind_of(bio)].merges++;
	if (bio->bdev->partno != 0)
		bio->bdev->disk->whole->stat[kind_of(bio)].merges++;
}

void
block_stat_end(struct bio *bio, nsec_t now)
{
	struct block_device *b = bio->bdev;

	ended(b, bio, now);
	if (b->partno != 0)
		ended(b->disk->whole, bio, now);
}
