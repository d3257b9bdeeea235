/* SPDX-License-Identifier: BSD-2-Clause */
/* pidfds: a file that holds a process's identity (struct pid), never its number. pidfd_open(2). */
#ifndef PROC_PIDFD_H
#define PROC_PIDFD_H

#include "sys/file.h"
#include "sys/pid.h"

/* A file for the process; takes a reference of its own. nonblock: waitid(2) doesn't wait for it. -ENOMEM, -ENFILE. */
int __must_check pidfd_create_file(struct pid *pid, bool nonblock, struct file **out);
/* The identity behind a descriptor, with a reference; *flags (NULL allowed): its O_* flags. -EBADF: none, or no pidfd.
 * dirs: a directory /proc/PID will do too. */
int __must_check pidfd_get_pid(int fd, bool dirs, struct pid **out, u32 *flags);
/* Is there no thread of the process any more? (It may be a zombie.) */
bool pid_group_exited(const struct pid *pid);

#endif
