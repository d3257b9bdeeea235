/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identity. A struct pid is a refcounted name of a task, thread group, process group or session: fcntl owners, ttys,
 * pidfds and /proc hold it, never a number. Defined in proc/pid.c.
 */
#ifndef SYS_PID_H
#define SYS_PID_H

#include "sys/lib/list.h"
#include "sys/rcu.h"
#include "sys/refcount.h"
#include "sys/wait.h"

enum pid_type { PID_TID, PID_TGID, PID_PGID, PID_SID, PID_TYPES };

struct pid {
	struct refcount refs;		/* [a] */
	u32 level;			/* [I] namespace depth; 0 for now */
	struct hlist users[PID_TYPES];	/* [proctree lock, r] who bears it in which role */
	struct waitq wq;		/* exit of the thread group (pidfd, later) */
	struct rcu_head rcu;
	struct { pid_t nr; } numbers[1];	/* [I] one per level */
};

void pid_get(struct pid *p);			/* NULL allowed */
void pid_put(struct pid *p);			/* NULL allowed; frees by RCU */
/* The number as the reader sees it; 0 for NULL or not visible. */
pid_t pid_nr(const struct pid *p);
/* By number, with a reference; NULL. */
struct pid *pid_find_get(pid_t nr);

#endif
