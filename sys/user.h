/* SPDX-License-Identifier: BSD-2-Clause */
/* What is counted per real user id, for its limits. A contract header, defined in proc/user.c. */
#ifndef SYS_USER_H
#define SYS_USER_H

#include "sys/lib/list.h"
#include "sys/refcount.h"

struct user_counts {
	struct hnode node;		/* [table lock] */
	struct refcount refs;
	kuid_t uid;			/* [I] */
	u32 nproc, nsignal;		/* [a] threads (RLIMIT_NPROC); queued signals (RLIMIT_SIGPENDING) */
	u32 pipe_pages;			/* [a] slots of pipes (pipe-user-pages-soft, -hard) */
	u64 locked_shm;			/* [a] pages of System V segments locked in memory (RLIMIT_MEMLOCK) */
	u64 mqueue_bytes;		/* [a] of POSIX message queues (RLIMIT_MSGQUEUE) */
	u32 inflight;			/* [a] descriptors in messages that nobody received yet (RLIMIT_NOFILE) */
};
struct user_counts *user_counts_find(kuid_t uid) __must_check;	/* referenced; NULL: no memory */
void user_counts_get(struct user_counts *u);
void user_counts_put(struct user_counts *u);			/* NULL allowed; any context */

#endif
