/* SPDX-License-Identifier: BSD-2-Clause */
/* Loop devices: a file as a disk. Their list, /dev/loop-control, and what a device is bound to. */
#include "dev/loop/loop.h"

#include "dev/buf.h"
#include "dev/chrdev.h"
#include "dev/loop/init.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/log.h"
#include "sys/panic.h"

#define LOOPS_AT_BOOT	8
#define LOOPS_MAX	256
#define DEPTH		32
#define MISC_MAJOR	10
#define CONTROL_MINOR	237

static struct mutex loops_lock = MUTEX_INIT(loops_lock, LOCK_BUS);
static struct list loops = LIST_INIT(loops);	/* [loops_lock] by number */

/* --- the backing file --- */

static u64
file_bytes(struct file *f)
{
	return (u64)f->mapping->ops->size(f->mapping);
}

u64
loop_capacity(const struct loop *l)
{
	u64 size = file_bytes(l->file);

	size = size > l->offset ? size - l->offset : 0;
	if (l->sizelimit != 0)
		size = MIN(size, l->sizelimit);
	return size >> SECTOR_SHIFT;
}

/* Does the chain of files behind f come back to l? */
static bool
leads_to(struct file *f, const struct loop *l)
{
	while (f != NULL && f->mapping != NULL && f->mapping->ops == &block_mapping_ops) {
		struct disk *d = ((struct block_device *)f->mapping->owner)->disk;

		if (d->ops != &loop_ops)
			return false;
		if (loop_of(d) == l)
			return true;
		f = loop_of(d)->file;
	}
	return false;
}

/* A regular file or another block device. */
bool
loop_file_is_fit(struct loop *l, struct file *f, int *err)
{
	*err = 0;
	if (leads_to(f, l))
		*err = -EBADF;
	else if (f->mapping == NULL || f->mapping->ops == NULL || f->mapping->ops->size == NULL || f->ops->iterate != NULL ||
		 f->ops->read == NULL)
		*err = -EINVAL;
	return *err == 0;
}

static void
set_limits(struct loop *l, u32 block_size)
{
	bool holes = l->file != NULL && l->file->ops->fallocate != NULL && !(l->flags & LO_FLAGS_READ_ONLY);
	struct block_limits lim = { .logical_size = block_size, .no_dma = true, .write_cache = l->file != NULL,
		.discard_max_sectors = holes ? UINT32_MAX >> SECTOR_SHIFT : 0, .zeroes_max_sectors = holes ? UINT32_MAX >> SECTOR_SHIFT : 0 };

	block_queue_set_limits(l->disk->queue, &lim);
}

void
loop_set_block_size(struct loop *l, u32 size)
{
	set_limits(l, size);
}

static void
set_file(struct loop *l, struct file *f)
{
	u64 flags = spin_lock_irqsave(&l->spin);

	l->file = f;
	spin_unlock_irqrestore(&l->spin, flags);
}

/* --- direct transfers --- */

/* The device's blocks are blocks of what the file lies on. */
static bool
is_aligned(struct loop *l, u32 align)
{
	return block_device_logical_size(l->disk->whole) >= align && (l->offset & (align - 1)) == 0;
}

static void
set_direct(struct loop *l, struct file *f, u32 align)
{
	struct file *old = l->direct;
	u64 flags;

	loop_pause(l);
	flags = spin_lock_irqsave(&l->spin);
	l->direct = f;
	spin_unlock_irqrestore(&l->spin, flags);
	loop_resume(l);
	l->direct_align = align;
	l->flags = (l->flags & ~(u32)LO_FLAGS_DIRECT_IO) | (f != NULL ? LO_FLAGS_DIRECT_IO : 0);
	loop_put_later(l, old);
}

int
loop_set_direct(struct loop *l, bool on)
{
	struct file *f = NULL;
	u32 align = 0;
	int err;

	mutex_assert_held(&l->lock);
	if (on == (l->direct != NULL))
		return 0;
	if (!on) {
		set_direct(l, NULL, 0);
		return 0;
	}
	err = file_open_direct(l->file, &align, &f);
	if (err == 0 && !is_aligned(l, align)) {
		loop_put_later(l, f);
		err = -EINVAL;
	}
	if (err == 0)
		set_direct(l, f, align);
	return err == -ENOMEM ? err : err != 0 ? -EINVAL : 0;
}

void
loop_check_direct(struct loop *l)
{
	if (l->direct != NULL && !is_aligned(l, l->direct_align))
		set_direct(l, NULL, 0);
}

void
loop_put_later(struct loop *l, struct file *f)
{
	mutex_assert_held(&l->lock);
	KASSERT(l->nput < ARRAY_SIZE(l->put));
	if (f != NULL)
		l->put[l->nput++] = f;
}

void
loop_unlock(struct loop *l)
{
	struct file *put[ARRAY_SIZE(l->put)];
	u32 n = l->nput;

	memcpy(put, l->put, sizeof(put));
	l->nput = 0;
	mutex_unlock(&l->lock);
	while (n > 0)
		file_put(put[--n]);
}

/* Partitions are looked for only where that was asked for. */
static void
scan(struct loop *l)
{
	l->disk->no_partitions = !(l->flags & LO_FLAGS_PARTSCAN);
	if (l->flags & LO_FLAGS_PARTSCAN)
		(void)!block_device_rescan(l->disk->whole);
}

int
loop_bind(struct loop *l, u32 fd, u32 block_size, const struct abi_loop_info64 *info)
{
	struct file *f = fd_get_file((int)fd);
	int err;

	mutex_assert_held(&l->lock);
	if (f == NULL)
		return -EBADF;
	err = l->file != NULL ? -EBUSY : 0;
	if (err != 0 || !loop_file_is_fit(l, f, &err))
		goto out_put;
	l->flags = info->lo_flags;
	if (!(f->mode & FMODE_WRITE) || f->ops->write == NULL)
		l->flags |= LO_FLAGS_READ_ONLY;
	l->flags &= ~(u32)LO_FLAGS_DIRECT_IO;
	l->offset = info->lo_offset;
	l->sizelimit = info->lo_sizelimit;
	memcpy(l->name, info->lo_file_name, sizeof(l->name));
	l->name[LO_NAME_SIZE - 1] = '\0';
	err = loop_worker_start(l);
	if (err != 0)
		goto out_put;
	set_file(l, f);
	set_limits(l, block_size != 0 ? block_size : SECTOR_SIZE);
	l->disk->read_only = l->flags & LO_FLAGS_READ_ONLY;
	disk_set_capacity(l->disk, loop_capacity(l));
	if ((info->lo_flags & LO_FLAGS_DIRECT_IO) || (f->flags & O_DIRECT))
		(void)!loop_set_direct(l, true);	/* a wish: LOOP_GET_STATUS64 tells */
	scan(l);
	return 0;
out_put:
	loop_put_later(l, f);
	return err;
}

/* Nobody but the caller has it open. */
void
loop_unbind(struct loop *l)
{
	struct block_device *whole = l->disk->whole;

	mutex_assert_held(&l->lock);
	KASSERT(l->file != NULL);
	(void)!mapping_sync(&whole->mapping, 0, INT64_MAX);
	mapping_truncate(&whole->mapping, 0, INT64_MAX);
	if (!l->disk->no_partitions) {
		l->disk->no_partitions = true;
		mutex_lock(&l->disk->open_lock);
		disk_drop_all_partitions(l->disk);
		mutex_unlock(&l->disk->open_lock);
	}
	(void)!loop_set_direct(l, false);
	loop_worker_stop(l);
	loop_put_later(l, l->file);
	set_file(l, NULL);
	disk_set_capacity(l->disk, 0);
	l->offset = l->sizelimit = 0;
	l->flags = 0;
	l->disk->read_only = false;
	set_limits(l, SECTOR_SIZE);
	memset(l->name, 0, sizeof(l->name));
}

/* --- devices --- */

/* The last one has closed it. */
static void
loop_idle(struct disk *d)
{
	struct loop *l = loop_of(d);

	if (!(atomic_load_relaxed(&l->flags) & LO_FLAGS_AUTOCLEAR))
		return;
	mutex_lock(&l->lock);
	if (l->file != NULL && (l->flags & LO_FLAGS_AUTOCLEAR) && disk_openers(d) == 0)
		loop_unbind(l);
	loop_unlock(l);
}

static void
loop_release(struct disk *d)
{
	kmem_free(d->priv);
}

const struct block_ops loop_ops = { .submit = loop_submit, .ioctl = loop_ioctl, .idle = loop_idle, .release = loop_release };

static struct loop *
find_locked(u32 number)
{
	struct loop *l;

	mutex_assert_held(&loops_lock);
	list_for_each(l, &loops, node)
		if (l->number == number)
			return l;
	return NULL;
}

static void
insert_locked(struct loop *l)
{
	struct loop *o;

	list_for_each(o, &loops, node)
		if (o->number > l->number)
			break;
	list_add_tail(&o->node, &l->node);
}

static u32
first_unused_locked(void)
{
	u32 n = 0;

	while (find_locked(n) != NULL)
		n++;
	return n;
}

/* Number, or -errno. */
static int
add_locked(u32 number)
{
	struct block_limits lim = { .no_dma = true };
	struct loop *l;
	int err;

	if (number >= LOOPS_MAX)
		return -ENOSPC;
	if (find_locked(number) != NULL)
		return -EEXIST;
	l = kmem_alloc(sizeof(*l), KM_ZERO);
	if (l == NULL)
		return -ENOMEM;
	l->number = number;
	mutex_init(&l->lock, LOCK_LOOP);
	spin_init(&l->spin, LOCK_DISK_HW);
	list_init(&l->requests);
	waitq_init(&l->wq);
	waitq_init(&l->idle);
	err = disk_create(&loop_ops, &lim, 1, DEPTH, 0, 0, l, &l->disk);
	if (err != 0) {
		kmem_free(l);
		return err;
	}
	err = disk_set_name_index(l->disk, "loop", number);
	l->disk->attrs = loop_attrs;
	if (err == 0)
		err = disk_add(l->disk, 0);
	if (err != 0) {
		disk_put(l->disk);
		return err;
	}
	insert_locked(l);
	return (int)number;
}

static int
remove_locked(u32 number)
{
	struct loop *l = find_locked(number);
	int err = 0;

	if (l == NULL)
		return -ENODEV;
	mutex_lock(&l->lock);
	if (l->file != NULL || disk_openers(l->disk) > 0)
		err = -EBUSY;
	mutex_unlock(&l->lock);
	if (err != 0)
		return err;
	list_del(&l->node);
	disk_remove(l->disk);
	disk_put(l->disk);
	return 0;
}

static int
get_free_locked(void)
{
	struct loop *l;

	list_for_each(l, &loops, node)
		if (atomic_load_relaxed(&l->file) == NULL)
			return (int)l->number;
	return add_locked(first_unused_locked());
}

static long
control_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	s32 number = (s32)arg;
	long r;

	(void)f;
	mutex_lock(&loops_lock);
	switch (cmd) {
	case LOOP_CTL_ADD:
		r = add_locked(number < 0 ? first_unused_locked() : (u32)number);
		break;
	case LOOP_CTL_REMOVE:
		r = number < 0 ? -EINVAL : remove_locked((u32)number);
		break;
	case LOOP_CTL_GET_FREE:
		r = get_free_locked();
		break;
	default:
		r = -ENOSYS;
	}
	mutex_unlock(&loops_lock);
	return r;
}

static const struct file_ops control_fops = { .ioctl = control_ioctl };
static struct chrdev control = { .name = "misc", .major = MISC_MAJOR, .first = CONTROL_MINOR, .count = 1, .ops = &control_fops };
static struct device control_device = { .name = "loop-control", .class = &device_class_misc,
	.devt = DEV_NUMBER((u32)MISC_MAJOR, (u32)CONTROL_MINOR), .mode = 0600 };

void
loop_init(void)
{
	int err = chrdev_register(&control);

	if (err == 0)
		err = device_register(&control_device);
	mutex_lock(&loops_lock);
	for (u32 i = 0; err >= 0 && i < LOOPS_AT_BOOT; i++)
		err = add_locked(i);
	mutex_unlock(&loops_lock);
	if (err < 0)
		log_err("loop: error %d", -err);
}
