/* SPDX-License-Identifier: BSD-2-Clause */
/* Super blocks on block devices: from the name of a device to a super block that has claimed it, and back. */
#include "fs/path.h"

#include "dev/block.h"
#include "sys/abi/errno.h"
#include "sys/abi/mount.h"

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

/* sb becomes the device's super block (0), or somebody has it mounted (1): the same super block serves, if it is of the same kind. */
static int
claim(const struct fs_type *type, u32 flags, struct block_device *bdev, struct super_block *sb, struct super_block **out)
{
	int r = super_claim_bdev(sb, bdev, out);

	if (r == 1 && ((*out)->type != type || (((*out)->flags ^ flags) & MS_RDONLY))) {
		super_put(*out);
		return -EBUSY;
	}
	return r;
}

static int
open_device(struct block_device *bdev, bool write, struct super_block *sb)
{
	int err = block_device_open(bdev, write, sb);

	if (err == 0 && write && block_device_is_read_only(bdev)) {
		block_device_close(bdev, write, sb);
		err = -EACCES;
	}
	return err;
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
	err = super_create(type, ops, flags & ~(u32)MS_KERNMOUNT, &sb);
	if (err != 0)
		goto out_put;
	err = claim(type, flags, bdev, sb, out);
	if (err != 0)
		goto out_super;
	err = open_device(bdev, write, sb);
	if (err != 0) {
		super_unclaim_bdev(sb);
		goto out_super;
	}
	sb->bdev_write = write;
	sb->dev = bdev->dev.devt;
	block_device_name(bdev, sb->id, sizeof(sb->id));
	*out = sb;
	return 0;
out_super:
	sb->ops = NULL;		/* nothing to be put */
	super_put(sb);
out_put:
	block_device_put(bdev);
	return err;
}

void
super_close_bdev(struct super_block *sb)
{
	struct block_device *bdev = sb->bdev;

	/* Opened as it was mounted first; a remount changes sb->flags, not the claim. */
	block_device_close(bdev, sb->bdev_write, sb);
	super_unclaim_bdev(sb);
	block_device_put(bdev);
}
