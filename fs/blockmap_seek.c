/* SPDX-License-Identifier: BSD-2-Clause */
/* Where data lies in a file, told to programs: SEEK_DATA and SEEK_HOLE, FIEMAP (linux/fiemap.h), FIBMAP. */
#include "fs/blockmap_internal.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "sys/lib/string.h"
#include "sys/thread.h"

static int
next_run(struct vnode *vn, u64 fblock, struct block_extent *e)
{
	if (thread_signal_pending(thread_current()) && thread_fatal_pending(thread_current()))
		return -EINTR;
	return vn->sb->blockmap->map(vn, fblock, UINT32_MAX, false, e);
}

off_t
blockmap_seek(struct vnode *vn, off_t off, bool hole)
{
	u32 bits = block_bits(vn);
	off_t size, at = off;

	rwlock_read_lock(&vn->rwlock);
	size = vnode_size(vn);
	if (off < 0)
		at = size;
	while (at < size) {
		struct block_extent e;
		int err = next_run(vn, (u64)at >> bits, &e);

		if (err != 0) {
			rwlock_read_unlock(&vn->rwlock);
			return err;
		}
		if (e.hole == hole)
			break;
		at = (off_t)((((u64)at >> bits) + e.n) << bits);
	}
	rwlock_read_unlock(&vn->rwlock);
	if (off < 0 || off >= size || (at >= size && !hole))
		return -ENXIO;
	return MIN(at, size);
}

off_t
blockmap_file_llseek(struct file *f, off_t off, int whence)
{
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		off = blockmap_seek(f->vn, off, whence == SEEK_HOLE);
		if (off < 0)
			return off;
		whence = SEEK_SET;
	}
	return generic_file_llseek(f, off, whence);
}

/* --- FIEMAP --- */

struct abi_fiemap { u64 start, length; u32 flags, mapped, count, reserved; };
struct abi_fiemap_extent { u64 logical, physical, length, reserved64[2]; u32 flags, reserved[3]; };

enum { FIEMAP_SYNC = 1, FIEMAP_XATTR = 2, FIEMAP_CACHE = 4 };
enum { FIEMAP_LAST = 1, FIEMAP_MERGED = 0x1000 };

struct fiemap_out {
	struct abi_fiemap head;
	struct abi_fiemap_extent __user *to;
	struct abi_fiemap_extent next;	/* length 0: none yet */
};

/* Give out the extent that is held back. 1: no more room. */
static int
put_extent(struct fiemap_out *o, u32 flags)
{
	if (o->next.length == 0)
		return 0;
	if (o->head.count != 0) {
		o->next.flags = FIEMAP_MERGED | flags;
		if (copy_to_user(o->to + o->head.mapped, &o->next, sizeof(o->next)) != 0)
			return -EFAULT;
	}
	o->next.length = 0;
	o->head.mapped++;
	return o->head.count != 0 && o->head.mapped == o->head.count;
}

static int
walk_extents(struct vnode *vn, struct fiemap_out *o)
{
	u32 bits = block_bits(vn);
	u64 end = o->head.length > UINT64_MAX - o->head.start ? UINT64_MAX : o->head.start + o->head.length;
	u64 at = o->head.start >> bits, last;
	int err = 0;

	end = MIN(end, (u64)vnode_size(vn));
	last = (end + (1u << bits) - 1) >> bits;
	while (at < last && err == 0) {
		struct block_extent e;

		err = next_run(vn, at, &e);
		if (err != 0)
			return err;
		if (!e.hole) {
			err = put_extent(o, 0);
			o->next.logical = at << bits;
			o->next.physical = e.block << bits;
			o->next.length = (u64)e.n << bits;
		}
		at += e.n;
	}
	if (err == 0)
		err = put_extent(o, FIEMAP_LAST);
	return MIN(err, 0);
}

static int
fiemap(struct vnode *vn, u64 arg)
{
	struct fiemap_out o = { 0 };
	int err = 0;

	if (copy_from_user(&o.head, (void __user *)arg, sizeof(o.head)) != 0)
		return -EFAULT;
	if (o.head.count > UINT32_MAX / sizeof(struct abi_fiemap_extent) || o.head.length == 0)
		return -EINVAL;
	if (o.head.start > (u64)vn->sb->max_size)
		return -EFBIG;
	o.to = (struct abi_fiemap_extent __user *)(arg + sizeof(o.head));
	o.head.mapped = 0;
	if (o.head.flags & ~(u32)(FIEMAP_SYNC | FIEMAP_CACHE)) {
		o.head.flags &= ~(u32)(FIEMAP_SYNC | FIEMAP_CACHE);
		err = -EBADR;
	} else {
		if (o.head.flags & FIEMAP_SYNC)
			err = mapping_sync(&vn->mapping, 0, INT64_MAX);
		if (err == 0) {
			rwlock_read_lock(&vn->rwlock);
			err = walk_extents(vn, &o);
			rwlock_read_unlock(&vn->rwlock);
		}
	}
	if (copy_to_user((void __user *)arg, &o.head, sizeof(o.head)) != 0)
		return -EFAULT;
	return err;
}

static int
fibmap(struct vnode *vn, u64 arg)
{
	struct block_extent e;
	u32 block;
	int err;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (get_user_u32(&block, (u32 __user *)arg) != 0)
		return -EFAULT;
	if ((s32)block < 0)
		return -EINVAL;
	rwlock_read_lock(&vn->rwlock);
	err = next_run(vn, block, &e);
	rwlock_read_unlock(&vn->rwlock);
	if (err == 0 && !e.hole && e.block > INT32_MAX)
		err = -ERANGE;
	block = err != 0 || e.hole ? 0 : (u32)e.block;
	return put_user_u32(block, (u32 __user *)arg) != 0 ? -EFAULT : err;
}

long
blockmap_ioctl(struct file *f, unsigned int cmd, u64 arg)
{
	if (!S_ISREG(f->vn->mode))
		return -ENOTTY;
	switch (cmd) {
	case FS_IOC_FIEMAP:
		return fiemap(f->vn, arg);
	case FIBMAP:
		return fibmap(f->vn, arg);
	default:
		return -ENOTTY;
	}
}
