/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls that concern a whole file system, whatever file of it they are called on: fstrim(8). */
#include "fs/vnode.h"

#include "dev/block.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "sys/cred.h"

long
super_trim(struct super_block *sb, struct abi_fstrim_range __user *arg)
{
	struct abi_fstrim_range r;
	int err;

	if (sb->ops->trim == NULL)
		return -ENOTTY;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (block_discard_granularity(sb->bdev) == 0)
		return -EOPNOTSUPP;
	if (copy_from_user(&r, arg, sizeof(r)) != 0)
		return -EFAULT;
	err = sb->ops->trim(sb, &r);
	if (err != 0)
		return err;
	return copy_to_user(arg, &r, sizeof(r)) != 0 ? -EFAULT : 0;
}
