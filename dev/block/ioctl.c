/* SPDX-License-Identifier: BSD-2-Clause */
/* The ioctls that every block device has. Errors and checks as Linux 6.1's. */
#include "dev/block/internal.h"
#include "dev/block/partition.h"

#include "mm/usercopy.h"
#include "sys/abi/block.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"

static int
put_int(u64 arg, u32 v)
{
	return put_user_u32(v, (u32 __user *)arg);
}

static int
put_long(u64 arg, u64 v)
{
	return put_user_u64(v, (u64 __user *)arg);
}

static int
put_short(u64 arg, u16 v)
{
	return copy_to_user((void __user *)arg, &v, sizeof(v));
}

static bool
is_admin(void)
{
	return capable(CAP_SYS_ADMIN);
}

/* A file system that is mounted keeps its blocks in the cache: nobody else may throw them out. */
static bool
claimed_by_other(struct block_device *b, const void *holder)
{
	bool claimed;

	mutex_lock(&b->disk->lock);
	claimed = b->holder != NULL && b->holder != holder;
	mutex_unlock(&b->disk->lock);
	return claimed;
}

/* A range of bytes as two u64: in whole logical blocks, on the device. Its pages leave the cache. */
static int
get_range(struct block_device *b, u64 arg, const void *holder, u64 *sector, u64 *nr)
{
	u64 range[2], end, mask = block_device_logical_size(b) - 1;
	int err;

	if (copy_from_user(range, (void __user *)arg, sizeof(range)) != 0)
		return -EFAULT;
	if ((range[0] & mask) != 0 || (range[1] & mask) != 0 || range[1] == 0)
		return -EINVAL;
	if (__builtin_add_overflow(range[0], range[1], &end) || end > block_device_bytes(b))
		return -EINVAL;
	if (claimed_by_other(b, holder))
		return -EBUSY;
	err = block_drop_cached(b, range[0], end);
	if (err != 0)
		return err;
	*sector = range[0] >> SECTOR_SHIFT;
	*nr = range[1] >> SECTOR_SHIFT;
	return 0;
}

static int
discard(struct block_device *b, u64 arg, bool writable, const void *holder)
{
	u64 sector, nr;
	int err;

	if (!writable)
		return -EBADF;
	if (b->disk->queue->lim.discard_max_sectors == 0)
		return -EOPNOTSUPP;
	err = get_range(b, arg, holder, &sector, &nr);
	return err != 0 ? err : block_discard(b, sector, nr);
}

static int
zero_out(struct block_device *b, u64 arg, bool writable, const void *holder)
{
	u64 sector, nr;
	int err;

	if (!writable)
		return -EBADF;
	err = get_range(b, arg, holder, &sector, &nr);
	return err != 0 ? err : block_zero(b, sector, nr);
}

static int
flush_buffers(struct block_device *b)
{
	if (!is_admin())
		return -EACCES;
	(void)!mapping_sync(&b->mapping, 0, INT64_MAX);
	(void)mapping_invalidate(&b->mapping, 0, UINT64_MAX, false);
	return 0;
}

static int
set_read_only(struct block_device *b, u64 arg)
{
	u32 v;

	if (!is_admin())
		return -EACCES;
	if (get_user_u32(&v, (const u32 __user *)arg) != 0)
		return -EFAULT;
	atomic_store(&b->read_only, v != 0);
	return 0;
}

static int
set_block_size(struct block_device *b, u64 arg, const void *holder)
{
	u32 v;

	if (!is_admin())
		return -EACCES;
	if (get_user_u32(&v, (const u32 __user *)arg) != 0)
		return -EFAULT;
	if (v != b->block_size && claimed_by_other(b, holder))
		return -EBUSY;
	return block_device_set_block_size(b, v);
}

static int
set_read_ahead(struct block_device *b, u64 arg)
{
	if (!is_admin())
		return -EACCES;
	atomic_store_relaxed(&b->disk->whole->backing.ra_pages, (u32)(arg * SECTOR_SIZE / PAGE_SIZE));
	return 0;
}

/* No disk has had such a geometry for decades; what Linux's drivers make up. */
static int
get_geometry(struct block_device *b, u64 arg)
{
	const struct disk *d = b->disk;
	struct abi_hd_geometry g;

	if (d->major == 7)
		return -ENOTTY;
	memset(&g, 0, sizeof(g));
	g.heads = d->geometry.heads;
	g.sectors = d->geometry.sectors;
	g.cylinders = d->geometry.cylinders;
	if (g.heads == 0) {
		g.heads = 255;
		g.sectors = 63;
		g.cylinders = (u16)MIN(d->whole->nr_sectors / (255 * 63), 65535UL);
	}
	g.start = b->start;
	return copy_to_user((void __user *)arg, &g, sizeof(g));
}

/* --- partitions --- */

static int
change_partition(struct disk *d, s32 op, const struct abi_blkpg_partition *p)
{
	u32 block = d->queue->lim.logical_size;
	u64 start = (u64)p->start >> SECTOR_SHIFT, nr = (u64)p->length >> SECTOR_SHIFT;

	if (p->pno <= 0)
		return -EINVAL;
	if (op == BLKPG_DEL_PARTITION)
		return disk_delete_partition(d, (u32)p->pno);
	if (p->start < 0 || p->length <= 0 || p->start + p->length < 0)
		return -EINVAL;
	if (!IS_ALIGNED((u64)(p->start | p->length), (u64)block))
		return -EINVAL;
	if (op == BLKPG_RESIZE_PARTITION)
		return disk_resize_partition(d, (u32)p->pno, start, nr);
	if (p->pno > PARTITIONS_MAX)
		return -EINVAL;
	/* One that reaches beyond the disk is Linux's to have: bio_submit() looks at both ends. */
	if (!disk_range_is_free(d, start, nr))
		return -EBUSY;
	return disk_add_partition(d, (u32)p->pno, start, nr, "", "");
}

static int
partition_ioctl(struct block_device *b, u64 arg)
{
	struct abi_blkpg a;
	struct abi_blkpg_partition p;
	int err;

	if (copy_from_user(&a, (void __user *)arg, sizeof(a)) != 0)
		return -EFAULT;
	if (!is_admin())
		return -EACCES;
	if (b->partno != 0)
		return -EINVAL;
	if (copy_from_user(&p, (void __user *)a.data, sizeof(p)) != 0)
		return -EFAULT;
	if (a.op < BLKPG_ADD_PARTITION || a.op > BLKPG_RESIZE_PARTITION)
		return -EINVAL;
	mutex_lock(&b->disk->open_lock);
	err = b->disk->gone ? -ENXIO : change_partition(b->disk, a.op, &p);
	mutex_unlock(&b->disk->open_lock);
	return err;
}

static int
read_table(struct block_device *b)
{
	if (!is_admin())
		return -EACCES;
	if (b->partno != 0)
		return -EINVAL;
	return block_device_rescan(b);
}

/* --- the switch --- */

static long
query(struct block_device *b, unsigned int cmd, u64 arg)
{
	const struct block_limits *lim = &b->disk->queue->lim;
	u64 bytes = block_device_bytes(b);

	switch (cmd) {
	case BLKGETSIZE:
		return put_long(arg, bytes >> SECTOR_SHIFT);
	case BLKGETSIZE64:
		return put_long(arg, bytes);
	case BLKSSZGET:
		return put_int(arg, lim->logical_size);
	case BLKPBSZGET:
	case BLKIOMIN:
		return put_int(arg, lim->physical_size);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return put_int(arg, 0);
	case BLKGETZONESZ:
	case BLKGETNRZONES:
		return put_int(arg, 0);
	case BLKBSZGET:
		return put_int(arg, b->block_size);
	case BLKROGET:
		return put_int(arg, block_device_is_read_only(b));
	case BLKROTATIONAL:
		return put_short(arg, lim->rotational);
	case BLKSECTGET:
		return put_short(arg, (u16)MIN(lim->max_sectors, 0xffffU));
	case BLKRAGET:
	case BLKFRAGET:
		return arg == 0 ? -EINVAL : put_long(arg, (u64)b->disk->whole->backing.ra_pages * (PAGE_SIZE / SECTOR_SIZE));
	case BLKGETDISKSEQ:
		return put_long(arg, b->disk->seq);
	case HDIO_GETGEO:
		return arg == 0 ? -EINVAL : get_geometry(b, arg);
	}
	return -ENOTTY;
}

long
block_device_ioctl(struct block_device *b, unsigned int cmd, u64 arg, bool writable, void *holder)
{
	struct disk *d = b->disk;
	long r;

	switch (cmd) {
	case BLKROSET:
		return set_read_only(b, arg);
	case BLKBSZSET:
		return set_block_size(b, arg, holder);
	case BLKRASET:
	case BLKFRASET:
		return set_read_ahead(b, arg);
	case BLKFLSBUF:
		return flush_buffers(b);
	case BLKRRPART:
		return read_table(b);
	case BLKPG:
		return partition_ioctl(b, arg);
	case BLKDISCARD:
		return discard(b, arg, writable, holder);
	case BLKSECDISCARD:	/* no device here erases for good */
		return writable ? -EOPNOTSUPP : -EBADF;
	case BLKZEROOUT:
		return zero_out(b, arg, writable, holder);
	}
	r = query(b, cmd, arg);
	if (r == -ENOTTY && cmd != HDIO_GETGEO && d->ops->ioctl != NULL)
		r = d->ops->ioctl(d, cmd, arg);
	return r;
}
