/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priority inheritance (sys/pi.h). A waiter with a real-time priority, own or inherited, stands in the list of the thread
 * it waits for; that thread inherits the highest of its list. Chains are walked under the one pi_lock, from waiter to owner.
 *
 * pi_waiting is the gate that keeps the other paths free of the lock: a real-time waiter raises it before it looks at the owner
 * and at what that waits for; a releaser clears the owner word, and one who begins or ends to wait sets or clears
 * blocked_on, before it looks at pi_waiting. So either the walker doesn't find them any more, or they come in here; and
 * what is found under pi_lock cannot end before pi_lock is let go.
 */
#include "sys/pi.h"
#include "sys/runqueue.h"

#define OWNER(m)	((struct thread *)(atomic_load(&(m)->owner) & ~(uintptr_t)1))
#define CHAIN_MAX	64	/* longer ones can only be deadlocks */

u32 pi_waiting;
static struct spinlock pi_lock = SPINLOCK_INIT(LOCK_PI);

static u8
highest_lent(struct thread *t)
{
	struct mutex_waiter *w;
	u8 best = 0;

	list_for_each(w, &t->pi_waiters, pi_node)
		best = MAX(best, w->prio);
	return best;
}

static void
take_back(struct mutex_waiter *w)
{
	if (w->boosts != NULL) {
		list_del(&w->pi_node);
		w->boosts = NULL;
	}
}

static void
lend(struct mutex_waiter *w, struct thread *owner)
{
	if (owner == NULL || w->prio == 0 || w->boosts == owner)
		return;
	take_back(w);
	list_add(&owner->pi_waiters, &w->pi_node);
	w->boosts = owner;
}

/* t's loans changed: adjust it, and whom it waits for in turn. */
static void
adjust_chain(struct thread *t)
{
	for (int i = 0; t != NULL && i < CHAIN_MAX; i++) {
		u8 prio = highest_lent(t);
		struct mutex_waiter *w = atomic_load(&t->blocked_on);

		if (prio == t->se.pi_prio)
			return;
		sched_set_inherited(t, prio);
		if (w == NULL)
			return;
		prio = (u8)rt_prio_effective(t);
		if ((prio != 0) != (w->prio != 0))
			atomic_add(&pi_waiting, prio != 0 ? 1 : -1);
		w->prio = prio;
		if (prio == 0)
			take_back(w);
		t = OWNER(w->mutex);
		lend(w, t);
	}
}

void
pi_block(struct mutex_waiter *w)
{
	struct thread *owner;

	atomic_store(&w->thread->blocked_on, w);
	if (likely(!thread_is_rt(w->thread) && atomic_load(&pi_waiting) == 0))
		return;
	spin_lock(&pi_lock);
	w->prio = (u8)rt_prio_effective(w->thread);
	if (w->prio != 0) {
		atomic_add(&pi_waiting, 1);
		owner = OWNER(w->mutex);
		lend(w, owner);
		adjust_chain(owner);
	}
	spin_unlock(&pi_lock);
}

void
pi_unblock(struct mutex_waiter *w)
{
	struct thread *owner;

	atomic_store(&w->thread->blocked_on, NULL);
	if (likely(atomic_load(&pi_waiting) == 0))
		return;				/* so its own priority is 0, too */
	spin_lock(&pi_lock);
	owner = w->boosts;
	take_back(w);
	if (w->prio != 0)
		atomic_sub(&pi_waiting, 1);
	if (owner != NULL)
		adjust_chain(owner);
	spin_unlock(&pi_lock);
}

void
pi_acquired(struct mutex *m)
{
	struct mutex_waiter *w;

	if (likely(atomic_load(&pi_waiting) == 0))
		return;
	spin_lock(&pi_lock);
	list_for_each(w, &m->waiters, node)
		lend(w, thread_current());
	adjust_chain(thread_current());
	spin_unlock(&pi_lock);
}

void
pi_released(struct mutex *m)
{
	struct thread *self = thread_current();
	struct mutex_waiter *w, *next;

	if (likely(atomic_load(&pi_waiting) == 0))
		return;
	spin_lock(&pi_lock);
	list_for_each_safe(w, next, &self->pi_waiters, pi_node)
		if (w->mutex == m)
			take_back(w);
	adjust_chain(self);
	spin_unlock(&pi_lock);
}
