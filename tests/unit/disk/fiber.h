/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads on the host: in place of shim/thread.c, several of them, that take turns. A thread runs until it sleeps; then interrupts are
 * taken, and the next runnable one goes on. With none, time moves to the next timer. So the kernel's own threads (journal,
 * write-back, reclaim) are there, and runs are repeatable.
 */
#ifndef TESTS_UNIT_DISK_FIBER_H
#define TESTS_UNIT_DISK_FIBER_H

#include "sys/lib/types.h"
#include "sys/thread.h"

void fiber_init(void);			/* the caller is the first thread; once */
/* Called where nobody runs, as in a hard interrupt: true if it did something. */
extern bool (*fiber_interrupt)(void);
/* The others run, until they sleep or wait for time to go on; a piece of time, after which they do the same. */
void fiber_yield(void);
void fiber_sleep(nsec_t ns);
/* Not 0: who runs next is drawn, and now and then a thread that takes a lock or sleeps lets others run first. */
extern u64 fiber_seed;
/* What a fiber of a test's own has: a thread with the descriptors and directories of the caller. */
void fiber_share(struct thread *t);
/* Not one but these went to sleep for good (the kernel's own threads): how many are there? */
u32 fiber_count(void);

#endif
