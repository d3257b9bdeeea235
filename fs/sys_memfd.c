/* SPDX-License-Identifier: BSD-2-Clause */
/* memfd_create(2): a file of tmpfs without a name. */
#include "fs/fdtable.h"
#include "fs/tmpfs.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "syscall_protos.h"

#define MFD_CLOEXEC		1u
#define MFD_ALLOW_SEALING	2u
#define NAME_MAX_MEMFD		249	/* memfd_create(2) */

long
sys_memfd_create(const char __user *uname, unsigned int flags)
{
	char name[NAME_MAX_MEMFD + 1];
	struct file *f;
	ssize_t len;
	int err;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	len = copy_string_from_user(name, uname, sizeof(name));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	err = tmpfs_file_create(name, flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL, &f);
	if (err != 0)
		return err;
	err = fd_install_new(f, 0, flags & MFD_CLOEXEC);
	if (err < 0)
		file_put(f);
	return err;
}
