/* SPDX-License-Identifier: BSD-2-Clause */
/* What namespaces hang from: one set per process, and one instance in all for now. */
#ifndef SYS_NSSET_H
#define SYS_NSSET_H

#include "sys/refcount.h"
#include "sys/spinlock.h"

struct ipc_ns;

#define UTS_LEN	64	/* without the NUL, as uname(2) has it */

struct nsset {
	struct refcount refs;
	struct spinlock lock;			/* LOCK_LEAF */
	char hostname[UTS_LEN + 1];		/* [lock] */
	char domainname[UTS_LEN + 1];		/* [lock] */
	struct ipc_ns *ipc;			/* [I] after boot: proc/ipc/ */
};

extern struct nsset init_nsset;

struct nsset *nsset_current(void);		/* of the current thread; the first one for kernel threads */
struct nsset *nsset_get(struct nsset *ns);
void nsset_put(struct nsset *ns);		/* NULL allowed */

/* Copy out, terminated; buf holds UTS_LEN + 1 bytes. */
void nsset_get_hostname(struct nsset *ns, char *buf);
void nsset_get_domainname(struct nsset *ns, char *buf);
/* len at most UTS_LEN. */
void nsset_set_hostname(struct nsset *ns, const char *name, size_t len);
void nsset_set_domainname(struct nsset *ns, const char *name, size_t len);

#endif
