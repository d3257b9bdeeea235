/* SPDX-License-Identifier: BSD-2-Clause */
/* Out of memory: a process must go. mm/ decides when and by what measure; proc/ knows the processes. */
#ifndef MM_OOM_H
#define MM_OOM_H

#include "sys/lib/types.h"

struct oom_candidate {
	void *process;		/* with a reference, for kill() and put() */
	pid_t pid;
	char name[16];
	u64 pages;		/* resident, with page tables and swap */
	int score_adj;		/* -1000 (never) .. 1000 */
	bool dying;		/* has a fatal signal pending, or is exiting with its memory still held */
};

struct oom_ops {
	/* The process with the least pid > after that has an address space and is neither pid 1 nor the kernel's. */
	bool (*next)(pid_t after, struct oom_candidate *out);
	void (*kill)(struct oom_candidate *c);		/* SIGKILL */
	void (*put)(struct oom_candidate *c);
};

void oom_register(const struct oom_ops *ops);		/* once, at boot */
/* Kill the largest process, or wait a moment for one that is dying already. True: try the allocation again; false: there is
 * nobody to kill. May sleep; no locks held. */
bool oom_kill(const char *why);

#endif
