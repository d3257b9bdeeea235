/* SPDX-License-Identifier: BSD-2-Clause */
/* open(2), openat2(2), close(2), close_range(2). */
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/path.h"

#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "syscall_protos.h"

static long
open_at(int dfd, const char __user *path, int flags, u32 mode, int lookup_flags)
{
	struct path_name name;
	struct file *f;
	int fd, err = path_name_from_user(&name, path, 0);

	if (err != 0)
		return err;
	fd = fd_reserve(0, flags & O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto out_free;
	}
	err = file_open_at(dfd, name.s, flags, mode, lookup_flags, &f);
	if (err != 0) {
		fd_unreserve(fd);
		goto out_free;
	}
	if (!(f->mode & FMODE_PATH))
		notify_file(f, IN_OPEN);
	fd_install(fd, f);
	err = fd;
out_free:
	path_name_free(&name);
	return err;
}

long
sys_open(const char __user *path, int flags, mode_t mode)
{
	return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode, 0);
}

long
sys_creat(const char __user *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE, mode, 0);
}

long
sys_openat(int dfd, const char __user *path, int flags, mode_t mode)
{
	return open_at(dfd, path, flags | O_LARGEFILE, mode, 0);
}

#define OPENAT2_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | \
			 O_DIRECT | O_LARGEFILE | O_TMPFILE | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH)
#define RESOLVE_FLAGS	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | \
			 RESOLVE_CACHED)

/* openat2(2) refuses what open(2) ignores. */
static int
check_how(const struct abi_open_how *how)
{
	bool creates = how->flags & (O_CREAT | O_TMPFILE_BIT);

	if ((how->flags & ~(u64)OPENAT2_FLAGS) || (how->resolve & ~(u64)RESOLVE_FLAGS))
		return -EINVAL;
	if ((how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EINVAL;
	if (creates ? (how->mode & ~(u64)S_IALLUGO) != 0 : how->mode != 0)
		return -EINVAL;
	if ((how->flags & O_PATH) && (how->flags & ~(u64)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
		return -EINVAL;
	if ((how->resolve & RESOLVE_CACHED) && (how->flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT)))
		return -EAGAIN;
	return 0;
}

static int
lookup_flags(u64 resolve)
{
	int f = 0;

	f |= resolve & RESOLVE_NO_XDEV ? LOOKUP_NO_XDEV : 0;
	f |= resolve & RESOLVE_NO_MAGICLINKS ? LOOKUP_NO_MAGICLINKS : 0;
	f |= resolve & RESOLVE_NO_SYMLINKS ? LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS : 0;
	f |= resolve & RESOLVE_BENEATH ? LOOKUP_BENEATH : 0;
	f |= resolve & RESOLVE_IN_ROOT ? LOOKUP_IN_ROOT : 0;
	f |= resolve & RESOLVE_CACHED ? LOOKUP_CACHED : 0;
	return f;
}

long
sys_openat2(int dfd, const char __user *path, const void __user *uhow, size_t size)
{
	struct abi_open_how how;
	int err;

	if (size < sizeof(how))
		return -EINVAL;
	err = copy_struct_from_user(&how, sizeof(how), uhow, size);
	if (err == 0)
		err = check_how(&how);
	if (err != 0)
		return err;
	return open_at(dfd, path, (int)how.flags, (u32)how.mode, lookup_flags(how.resolve));
}

long
sys_close(int fd)
{
	return fd_close(fd);
}

long
sys_close_range(unsigned int first, unsigned int last, int flags)
{
	int err;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = files_unshare();
		if (err != 0)
			return err;
	}
	return fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
}
