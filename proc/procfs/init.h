/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PROCFS_INIT_H
#define PROC_PROCFS_INIT_H

struct file;
struct pid;

/* The process that an open directory /proc/PID is about, with a reference; NULL: f is something else. */
struct pid *procfs_dir_pid_get(const struct file *f);
void procfs_init(void);		/* boot: registers the file system "proc" */

#endif
