/* SPDX-License-Identifier: BSD-2-Clause */
/* Core files: proc/coredump.c decides and stops the threads, proc/coredump_elf.c writes. core(5). */
#ifndef PROC_COREDUMP_H
#define PROC_COREDUMP_H

#include "proc/proc.h"

#define CORE_PATTERN_MAX	128

extern char core_pattern[CORE_PATTERN_MAX];	/* a torn name while it is set does no harm */
extern int core_uses_pid;			/* [a] */

/* The current thread dies by sig. All others stop, a core file is written if limit and dumpable allow; the process's exit has begun
 * and its code says whether there is one. May sleep. */
void coredump(int sig, const struct siginfo_k *info);
/* The current thread is to exit, and its process is being dumped: it waits until that is done. */
void coredump_join(struct process *p);

int coredump_set_size(struct file *f, u64 size);
/* coredump_elf.c: 0 or -errno. limit: bytes. */
int coredump_write(struct file *f, int sig, const struct siginfo_k *info, u64 limit);

#endif
