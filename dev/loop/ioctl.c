/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of loop devices: loop(4). Answers as Linux 6.1's. */
#include "dev/loop/loop.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/lib/string.h"

#define SETTABLE	(LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
#define CONFIGURABLE	(LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO)

static bool
block_size_is_valid(u64 size)
{
	return size >= SECTOR_SIZE && size <= PAGE_SIZE && (size & (size - 1)) == 0;
}

static int
check_info(const struct abi_loop_info64 *info)
{
	if (info->lo_encrypt_key_size > sizeof(info->lo_encrypt_key) || info->lo_encrypt_type != 0)
		return -EINVAL;
	return info->lo_offset > INT64_MAX || info->lo_sizelimit > INT64_MAX ? -EOVERFLOW : 0;
}

static int
set_fd(struct loop *l, u64 arg)
{
	struct abi_loop_info64 none;

	memset(&none, 0, sizeof(none));
	return loop_bind(l, (u32)arg, 0, &none);
}

static int
configure(struct loop *l, u64 arg)
{
	struct abi_loop_config c;
	int err;

	if (copy_from_user(&c, (void __user *)arg, sizeof(c)) != 0)
		return -EFAULT;
	if (c.info.lo_flags & ~(u32)CONFIGURABLE)
		return -EINVAL;
	if (c.block_size != 0 && !block_size_is_valid(c.block_size))
		return -EINVAL;
	err = check_info(&c.info);
	return err != 0 ? err : loop_bind(l, c.fd, c.block_size, &c.info);
}

/* Somebody else has it open: it goes when they close. */
static int
clear_fd(struct loop *l)
{
	if (l->file == NULL)
		return -ENXIO;
	if (disk_openers(l->disk) > 1) {
		l->flags |= LO_FLAGS_AUTOCLEAR;
		return 0;
	}
	loop_unbind(l);
	return 0;
}

static void
set_range(struct loop *l, u64 offset, u64 sizelimit)
{
	u64 flags;

	(void)!mapping_sync(&l->disk->whole->mapping, 0, INT64_MAX);
	mapping_truncate(&l->disk->whole->mapping, 0, INT64_MAX);
	flags = spin_lock_irqsave(&l->spin);
	l->offset = offset;
	l->sizelimit = sizelimit;
	spin_unlock_irqrestore(&l->spin, flags);
	disk_set_capacity(l->disk, loop_capacity(l));
}

static int
apply_status(struct loop *l, const struct abi_loop_info64 *info)
{
	u32 old = l->flags;
	int err;

	if (l->file == NULL)
		return -ENXIO;
	err = check_info(info);
	if (err != 0)
		return err;
	if (info->lo_offset != l->offset || info->lo_sizelimit != l->sizelimit) {
		if (l->disk->whole->holder != NULL)
			return -EBUSY;
		set_range(l, info->lo_offset, info->lo_sizelimit);
		loop_check_direct(l);
	}
	memcpy(l->name, info->lo_file_name, sizeof(l->name));
	l->name[LO_NAME_SIZE - 1] = '\0';
	/* PARTSCAN can be set here, and AUTOCLEAR both ways. */
	l->flags = (l->flags & ~(u32)LO_FLAGS_AUTOCLEAR) | (info->lo_flags & SETTABLE);
	if ((l->flags & LO_FLAGS_PARTSCAN) && !(old & LO_FLAGS_PARTSCAN)) {
		l->disk->no_partitions = false;
		(void)!block_device_rescan(l->disk->whole);
	}
	return 0;
}

static int
set_status64(struct loop *l, u64 arg)
{
	struct abi_loop_info64 info;

	if (copy_from_user(&info, (void __user *)arg, sizeof(info)) != 0)
		return -EFAULT;
	return apply_status(l, &info);
}

static int
set_status(struct loop *l, u64 arg)
{
	struct abi_loop_info in;
	struct abi_loop_info64 info;

	if (copy_from_user(&in, (void __user *)arg, sizeof(in)) != 0)
		return -EFAULT;
	memset(&info, 0, sizeof(info));
	info.lo_offset = (u64)(s64)in.lo_offset;
	info.lo_flags = (u32)in.lo_flags;
	info.lo_encrypt_type = (u32)in.lo_encrypt_type;
	info.lo_encrypt_key_size = (u32)in.lo_encrypt_key_size;
	memcpy(info.lo_file_name, in.lo_name, LO_NAME_SIZE);
	return apply_status(l, &info);
}

static int
fill_status(struct loop *l, struct abi_loop_info64 *info)
{
	dev_t dev;
	u64 ino;

	if (l->file == NULL)
		return -ENXIO;
	memset(info, 0, sizeof(*info));
	file_identity(l->file, &dev, &ino);
	info->lo_number = l->number;
	info->lo_device = dev;
	info->lo_inode = ino;
	info->lo_offset = l->offset;
	info->lo_sizelimit = l->sizelimit;
	info->lo_flags = l->flags;
	memcpy(info->lo_file_name, l->name, LO_NAME_SIZE);
	return 0;
}

static int
get_status64(struct loop *l, u64 arg)
{
	struct abi_loop_info64 info;
	int err = fill_status(l, &info);

	if (err != 0)
		return err;
	return copy_to_user((void __user *)arg, &info, sizeof(info));
}

static int
get_status(struct loop *l, u64 arg)
{
	struct abi_loop_info64 info;
	struct abi_loop_info out;
	int err = fill_status(l, &info);

	if (err != 0)
		return err;
	if (info.lo_offset > INT32_MAX || info.lo_sizelimit != 0)
		return -EOVERFLOW;
	memset(&out, 0, sizeof(out));
	out.lo_number = (s32)info.lo_number;
	out.lo_device = info.lo_device;
	out.lo_inode = info.lo_inode;
	out.lo_offset = (s32)info.lo_offset;
	out.lo_flags = (s32)info.lo_flags;
	memcpy(out.lo_name, info.lo_file_name, LO_NAME_SIZE);
	return copy_to_user((void __user *)arg, &out, sizeof(out));
}

static int
set_capacity(struct loop *l)
{
	if (l->file == NULL)
		return -ENXIO;
	disk_set_capacity(l->disk, loop_capacity(l));
	return 0;
}

static int
set_block_size(struct loop *l, u64 size)
{
	if (l->file == NULL)
		return -ENXIO;
	if (!block_size_is_valid(size))
		return -EINVAL;
	if (size == block_device_logical_size(l->disk->whole))
		return 0;
	if (l->disk->whole->holder != NULL)
		return -EBUSY;
	(void)!mapping_sync(&l->disk->whole->mapping, 0, INT64_MAX);
	mapping_truncate(&l->disk->whole->mapping, 0, INT64_MAX);
	loop_set_block_size(l, (u32)size);
	loop_check_direct(l);
	return 0;
}

/* Another file of the same size, for read-only devices: the live CD's trick. */
static int
change_fd(struct loop *l, u64 arg)
{
	bool direct = l->direct != NULL;
	struct file *f, *old = l->file;
	u64 flags;
	int err = 0;

	if (old == NULL)
		return -ENXIO;
	if (!(l->flags & LO_FLAGS_READ_ONLY))
		return -EINVAL;
	f = fd_get_file((int)arg);
	if (f == NULL)
		return -EBADF;
	if (loop_file_is_fit(l, f, &err) && f->mapping->ops->size(f->mapping) != old->mapping->ops->size(old->mapping))
		err = -EINVAL;
	if (err != 0) {
		loop_put_later(l, f);
		return err;
	}
	(void)!loop_set_direct(l, false);
	loop_pause(l);			/* what was asked is done, with the old file */
	flags = spin_lock_irqsave(&l->spin);
	l->file = f;
	spin_unlock_irqrestore(&l->spin, flags);
	loop_resume(l);
	loop_put_later(l, old);
	if (direct)
		(void)!loop_set_direct(l, true);
	return 0;
}

static long
change(struct loop *l, unsigned int cmd, u64 arg)
{
	switch (cmd) {
	case LOOP_SET_FD:
		return set_fd(l, arg);
	case LOOP_CONFIGURE:
		return configure(l, arg);
	case LOOP_CLR_FD:
		return clear_fd(l);
	case LOOP_SET_STATUS:
		return set_status(l, arg);
	case LOOP_SET_STATUS64:
		return set_status64(l, arg);
	case LOOP_CHANGE_FD:
		return change_fd(l, arg);
	case LOOP_SET_CAPACITY:
		return set_capacity(l);
	case LOOP_SET_BLOCK_SIZE:
		return set_block_size(l, arg);
	case LOOP_SET_DIRECT_IO:
		return l->file == NULL ? -ENXIO : loop_set_direct(l, arg != 0);
	}
	return -ENOTTY;
}

long
loop_ioctl(struct disk *d, unsigned int cmd, u64 arg)
{
	struct loop *l = loop_of(d);
	long r;

	if (cmd < LOOP_SET_FD || cmd > LOOP_CONFIGURE)
		return -EINVAL;		/* not ENOTTY: so says Linux's loop */
	if (cmd != LOOP_GET_STATUS && cmd != LOOP_GET_STATUS64 && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = mutex_lock_killable(&l->lock);
	if (r != 0)
		return r;
	if (cmd == LOOP_GET_STATUS)
		r = get_status(l, arg);
	else if (cmd == LOOP_GET_STATUS64)
		r = get_status64(l, arg);
	else
		r = change(l, cmd, arg);
	loop_unlock(l);
	return r;
}
