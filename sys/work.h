/* SPDX-License-Identifier: BSD-2-Clause */
/* Deferred work: run a function soon in a worker thread. No soft interrupts: this is their place. */
#ifndef SYS_WORK_H
#define SYS_WORK_H

#include "sys/lib/list.h"

struct work {
	struct list node;	/* [LOCK_WORK] */
	u32 state;		/* [a] */
	void (*func)(struct work *w);	/* may sleep */
};

void work_init_workers(void);	/* boot: a worker per CPU */
void work_init(struct work *w, void (*func)(struct work *w));
/* False if it was queued already. Any context. */
bool work_queue(struct work *w);
struct thread;
void work_thread_dies(struct thread *t);	/* by an oops: if it is a worker, it leaves its piece, and another is started */
/* Wait until it neither is queued nor runs. */
void work_flush(struct work *w);

#endif
