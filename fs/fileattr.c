/* SPDX-License-Identifier: BSD-2-Clause */
/* The flags of chattr(1), FS_*_FL: ioctl_iflags(2). Those that the VFS obeys live in vn->state. */
#include "fs/internal.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/ioctl.h"
#include "sys/cred.h"

static int
set_locked(struct vnode *vn, u32 flags)
{
	u32 old;
	int err;

	if (!vnode_owner_or_capable(vn))
		return -EPERM;
	err = vn->ops->fileattr_get(vn, &old);
	if (err != 0)
		return err;
	if (((flags ^ old) & (FS_IMMUTABLE_FL | FS_APPEND_FL)) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	return vn->ops->fileattr_set(vn, flags);
}

static int
set_flags(struct file *f, u32 flags)
{
	struct vnode *vn = f->vn;
	int err = mount_want_write(f->mnt);

	if (err != 0)
		return err;
	err = -ENOTTY;
	if (vn->ops->fileattr_set != NULL) {
		rwlock_write_lock(&vn->rwlock);
		err = set_locked(vn, flags);
		rwlock_write_unlock(&vn->rwlock);
	}
	mount_drop_write(f->mnt);
	return err;
}

long
fileattr_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct vnode *vn = f->vn;
	u32 flags;
	int err;

	if (vn->ops->fileattr_get == NULL)
		return -ENOTTY;
	switch (cmd) {
	case FS_IOC_GETFLAGS:
		err = vn->ops->fileattr_get(vn, &flags);
		return err != 0 ? err : put_user_u32(flags, (u32 __user *)arg);
	case FS_IOC_SETFLAGS:
		err = get_user_u32(&flags, (const u32 __user *)arg);
		return err != 0 ? err : set_flags(f, flags);
	case FS_IOC_GETVERSION:
		return vn->sb->bdev != NULL ? put_user_u32(vn->generation, (u32 __user *)arg) : -ENOTTY;
	default:
		return -ENOTTY;
	}
}
