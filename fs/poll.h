/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for many files at once: what poll and select share. A poller is put on every queue that the files name; the first
 * pass fills it, a wake-up that concerns it makes the caller look again.
 */
#ifndef FS_POLL_H
#define FS_POLL_H

#include "sys/file.h"
#include "sys/wait.h"

#define POLLER_INLINE	8

struct poller;

struct poller_entry {
	struct waiter waiter;
	struct waitq *queue;
	struct poller *poller;
	u32 events;			/* [I] wake-ups for other events are not for us */
};

struct poller_chunk { struct poller_chunk *next; u32 used; struct poller_entry entries[]; };

/* On the caller's stack. The caller keeps the files referenced until poller_finish. */
struct poller {
	struct poll_table table;	/* hand this to ops->poll; poller_sleep ends the registering */
	struct thread *thread;		/* [I] */
	u32 triggered;			/* [a] */
	int err;			/* -ENOMEM while registering */
	u32 inline_used;
	struct poller_entry inline_entries[POLLER_INLINE];
	struct poller_chunk *chunks;
};

void poller_init(struct poller *p);
/* Sleep until a wake-up, a signal or the deadline: 0, -ETIMEDOUT, -EINTR (a signal is pending). */
int __must_check poller_sleep(struct poller *p, nsec_t deadline);
void poller_finish(struct poller *p);

/* The readiness of f, and registering with pt if it isn't NULL. */
u32 file_poll(struct file *f, struct poll_table *pt);

#endif
