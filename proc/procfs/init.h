/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PROCFS_INIT_H
#define PROC_PROCFS_INIT_H

void procfs_init(void);		/* boot: registers the file system "proc" */

#endif
