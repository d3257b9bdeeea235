/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priority inheritance, between sys/mutex.c and sys/pi.c: who holds a mutex that a real-time thread waits for runs at that thread's
 * priority, and so does who holds what that one waits for. Nothing here runs while no real-time thread waits.
 */
#ifndef SYS_PI_H
#define SYS_PI_H

#include "sys/mutex.h"
#include "sys/thread.h"

struct mutex_waiter {
	struct list node;		/* [m->wait_lock] in order of arrival */
	struct list pi_node;		/* [pi_lock] in owner's pi_waiters */
	struct thread *thread;		/* [I] */
	struct thread *boosts;		/* [pi_lock] whom it lends its priority; NULL: nobody */
	struct mutex *mutex;		/* [I] */
	u8 prio;			/* [pi_lock] real-time priority it waits with; 0: none */
	bool starved;			/* [m->wait_lock] it was woken and found the mutex taken for too long */
};

extern u32 pi_waiting;		/* [a] real-time waiters, or waiters that hold what one waits for */

/* w waits from now on, with the priority of the current thread. m->wait_lock held. */
void pi_block(struct mutex_waiter *w);
/* The same, unless the owner waits, at whatever distance, for what w's thread holds: -EDEADLK. For locks of user programs. */
int __must_check pi_block_checked(struct mutex_waiter *w);
/* It has the mutex, or gave up. */
void pi_unblock(struct mutex_waiter *w);
/* The current thread takes the mutex whose other waiters are m->waiters; m->wait_lock held. */
void pi_acquired(struct mutex *m);
/* The current thread lets go of m (its owner word says so already). */
void pi_released(struct mutex *m);
/* The thread's own priority was changed: those it waits for follow. No locks held. */
void pi_priority_changed(struct thread *t);

#endif
