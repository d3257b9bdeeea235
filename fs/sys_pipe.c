/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe(2), pipe2(2). */
#include "fs/fdtable.h"
#include "fs/pipe.h"
#include "mm/usercopy.h"
#include "sys/abi/errno.h"
#include "syscall_protos.h"

long
sys_pipe2(void __user *ufds, int flags)
{
	struct file *ends[2];
	int fds[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create_files(ends, flags & ~O_CLOEXEC);
	if (err != 0)
		return err;
	fds[0] = err = fd_reserve(0, flags & O_CLOEXEC);
	if (err < 0)
		goto out_files;
	fds[1] = err = fd_reserve(0, flags & O_CLOEXEC);
	if (err < 0)
		goto out_first;
	err = copy_to_user(ufds, fds, sizeof(fds));
	if (err != 0)
		goto out_second;
	fd_install(fds[0], ends[0]);
	fd_install(fds[1], ends[1]);
	return 0;
out_second:
	fd_unreserve(fds[1]);
out_first:
	fd_unreserve(fds[0]);
out_files:
	file_put(ends[0]);
	file_put(ends[1]);
	return err;
}

long
sys_pipe(void __user *ufds)
{
	return sys_pipe2(ufds, 0);
}
