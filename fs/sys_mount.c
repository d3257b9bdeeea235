/* SPDX-License-Identifier: BSD-2-Clause */
/* mount(2), umount2(2), pivot_root(2). */
#include "fs/internal.h"

#include "mm/page.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/cred.h"
#include "sys/kmem.h"
#include "syscall_protos.h"

/* A string argument that may be NULL: *out is to be freed. */
static int
copy_string(const char __user *u, char **out)
{
	ssize_t n;

	*out = NULL;
	if (u == NULL)
		return 0;
	*out = kmem_alloc(PATH_MAX_K, KM_USER);
	if (*out == NULL)
		return -ENOMEM;
	n = copy_string_from_user(*out, u, PATH_MAX_K);
	if (n < 0) {
		kmem_free(*out);
		*out = NULL;
		return n == -ENAMETOOLONG ? -EINVAL : (int)n;
	}
	return 0;
}

/* A page of options, as far as it is there; text only. */
static int
copy_options(const void __user *u, char **out)
{
	size_t left;

	*out = NULL;
	if (u == NULL)
		return 0;
	*out = kmem_alloc(PAGE_SIZE + 1, KM_USER | KM_ZERO);
	if (*out == NULL)
		return -ENOMEM;
	left = copy_from_user_partial(*out, u, PAGE_SIZE - ((u64)u & (PAGE_SIZE - 1)));
	if (left == PAGE_SIZE - ((u64)u & (PAGE_SIZE - 1)))
		goto out_fault;
	if (left == 0 && ((u64)u & (PAGE_SIZE - 1)) != 0) {
		size_t done = PAGE_SIZE - ((u64)u & (PAGE_SIZE - 1));

		left = copy_from_user_partial(*out + done, (const char __user *)u + done, PAGE_SIZE - done);
		(void)left;		/* a page that is not there ends the text */
	}
	(*out)[PAGE_SIZE - 1] = '\0';
	return 0;
out_fault:
	kmem_free(*out);
	*out = NULL;
	return -EFAULT;
}

static int
bind_at(const char *source, const struct path *target, bool rec)
{
	struct path from;
	int err;

	if (source == NULL || *source == '\0')
		return -EINVAL;
	err = kern_path(source, LOOKUP_FOLLOW, &from);
	if (err != 0)
		return err;
	err = mount_bind(&from, target, rec);
	path_put(&from);
	return err;
}

static int
move_to(const char *source, const struct path *target)
{
	struct path from;
	int err;

	if (source == NULL || *source == '\0')
		return -EINVAL;
	err = kern_path(source, LOOKUP_FOLLOW, &from);
	if (err != 0)
		return err;
	err = mount_move(&from, target);
	path_put(&from);
	return err;
}

static int
set_propagation(const struct path *target, u32 flags)
{
	u32 type = flags & ~(MS_REC | MS_SILENT);

	if (type != MS_PRIVATE && type != MS_SLAVE && type != MS_SHARED && type != MS_UNBINDABLE)
		return -EINVAL;
	return mount_set_propagation(target, flags);
}

static int
mount_at(const char *source, const struct path *target, const char *type, u32 flags, const char *data)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & MS_REMOUNT)
		return mount_change_flags(target, flags, data);
	if (flags & MS_BIND)
		return bind_at(source, target, flags & MS_REC);
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return set_propagation(target, flags);
	if (flags & MS_MOVE)
		return move_to(source, target);
	if (type == NULL)
		return -EINVAL;
	return mount_new(target, type, flags & ~(u32)MS_KERNMOUNT, source, data);
}

long
sys_mount(const char __user *source, const char __user *target, const char __user *type, unsigned long flags,
	const void __user *data)
{
	char *ktype, *ksource, *kdata;
	struct path p;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	err = copy_string(type, &ktype);
	if (err != 0)
		return err;
	err = copy_string(source, &ksource);
	if (err != 0)
		goto out_type;
	err = copy_options(data, &kdata);
	if (err != 0)
		goto out_source;
	err = user_path_at(AT_FDCWD, target, LOOKUP_FOLLOW, &p);
	if (err != 0)
		goto out_data;
	err = mount_at(ksource, &p, ktype, (u32)flags, kdata);
	path_put(&p);
out_data:
	kmem_free(kdata);
out_source:
	kmem_free(ksource);
out_type:
	kmem_free(ktype);
	return err;
}

long
sys_umount2(const char __user *target, int flags)
{
	struct path p;
	int err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = user_path_at(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &p);
	if (err != 0)
		return err;
	if (!capable(CAP_SYS_ADMIN))
		err = -EPERM;
	else if ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH)))
		err = -EINVAL;
	else
		err = mount_umount(&p, flags);
	path_put(&p);
	return err;
}

long
sys_pivot_root(const char __user *new_root, const char __user *put_old)
{
	struct path new, old;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = user_path_at(AT_FDCWD, new_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err != 0)
		return err;
	err = user_path_at(AT_FDCWD, put_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (err == 0) {
		err = mount_pivot(&new, &old);
		path_put(&old);
	}
	path_put(&new);
	return err;
}
