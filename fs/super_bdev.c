/* SPDX-License-Identifier: BSD-2-Clause */
/* Super blocks on block devices: from the name of a device to a super block that has claimed it, and back. */
#include "fs/path.h"

#include "dev/block.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"
#include "sys/wait.h"

/* A super block gave its device back. */
static struct waitq released = WAITQ_INIT(released);
static u32 releases;			/* [a] so many times */

static int
find_device(const char *name, u32 flags, struct block_device **out)
{
	struct path p;
	int err;

	if (flags & MS_KERNMOUNT)	/* the root file system: there is no /dev yet */
		return block_device_find_name(name, out);
	if (name == NULL || *name == '\0')
		return -EINVAL;
	err = kern_path(name, LOOKUP_FOLLOW, &p);
	if (err != 0)
		return err;
	if (!S_ISBLK(p.dentry->vn->mode))
		err = -ENOTBLK;
	else if (p.mnt->flags & MNT_NODEV)
		err = -EACCES;
	else
		err = block_device_find(p.dentry->vn->rdev, out);
	path_put(&p);
	return err;
}

/* Somebody has it mounted: the same super block serves, if it is of the same kind. 0: nobody. */
static int
use_mounted(const struct fs_type *type, u32 flags, struct block_device *bdev, struct super_block **out)
{
	struct super_block *sb;
	u32 seen = atomic_load_acquire(&releases);
	bool dying;

	while ((sb = super_find_bdev(bdev, &dying)) == NULL && dying) {
		if (wait_event_killable(&released, atomic_load_acquire(&releases) != seen) != 0)
			return -EINTR;
		seen = atomic_load_acquire(&releases);
	}
	if (sb == NULL)
		return 0;
	if (sb->type != type || ((sb->flags ^ flags) & MS_RDONLY)) {
		super_put(sb);
		return -EBUSY;
	}
	*out = sb;
	return 1;
}

int
super_open_bdev(const struct fs_type *type, const struct super_ops *ops, u32 flags, const char *dev, struct super_block **out)
{
	bool write = !(flags & MS_RDONLY);
	struct block_device *bdev;
	struct super_block *sb;
	int err = find_device(dev, flags, &bdev);

	if (err != 0)
		return err;
	err = use_mounted(type, flags, bdev, out);
	if (err != 0)
		goto out_put;
	err = super_create(type, ops, flags & ~(u32)MS_KERNMOUNT, &sb);
	if (err != 0)
		goto out_put;
	err = block_device_open(bdev, write, sb);
	if (err == 0 && write && block_device_is_read_only(bdev)) {
		block_device_close(bdev, write, sb);
		err = -EACCES;
	}
	if (err != 0) {
		sb->ops = NULL;		/* nothing to be put */
		super_put(sb);
		goto out_put;
	}
	sb->bdev = bdev;
	sb->bdev_write = write;
	sb->dev = bdev->dev.devt;
	block_device_name(bdev, sb->id, sizeof(sb->id));
	*out = sb;
	return 0;
out_put:
	block_device_put(bdev);
	return err;
}

void
super_close_bdev(struct super_block *sb)
{
	/* Opened as it was mounted first; a remount changes sb->flags, not the claim. */
	block_device_close(sb->bdev, sb->bdev_write, sb);
	block_device_put(sb->bdev);
	WRITE_ONCE(sb->bdev, NULL);
	atomic_add(&releases, 1U);
	waitq_wake_all(&released);
}
