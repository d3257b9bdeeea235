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

#include "sys/abi/errno.h"
#include "sys/runqueue.h"

#define OWNER(m)	((struct thread *)(atomic_load(&(m)->owner) & ~(uintptr_t)1))
#define CHAIN_MAX	1024	/* as Linux' max_lock_depth: longer ones can only be deadlocks */

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
	if (owner == NULL || owner == w->thread || w->prio == 0 || w->boosts == owner)
		return;
	take_back(w);
	list_add(&owner->pi_waiters, &w->pi_node);
	w->boosts = owner;
}

/* w waits with this priority from now on. */
static void
set_prio(struct mutex_waiter *w, u8 prio)
{
	if ((prio != 0) != (w->prio != 0))
		atomic_add(&pi_waiting, prio != 0 ? 1 : -1);
	w->prio = prio;
	if (prio == 0)
		take_back(w);
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
		set_prio(w, (u8)rt_prio_effective(t));
		t = OWNER(w->mutex);
		lend(w, t);
	}
}

/* w's thread waits and has the priority that it has: tell whom it waits for. */
static void
update_waiter(struct mutex_waiter *w)
{
	struct thread *lent = w->boosts, *owner;

	set_prio(w, (u8)rt_prio_effective(w->thread));
	owner = w->prio != 0 ? OWNER(w->mutex) : lent;
	lend(w, owner);
	adjust_chain(owner);
}

void
pi_block(struct mutex_waiter *w)
{
	atomic_store(&w->thread->blocked_on, w);
	if (likely(!thread_is_rt(w->thread) && atomic_load(&pi_waiting) == 0))
		return;
	spin_lock(&pi_lock);
	update_waiter(w);
	spin_unlock(&pi_lock);
}

/* Who has been given what it still seems to wait for doesn't wait. */
static bool
closes_circle(const struct mutex_waiter *w)
{
	struct thread *t = OWNER(w->mutex), *next;

	for (int i = 0; t != NULL && i < CHAIN_MAX; i++, t = next) {
		struct mutex_waiter *own = atomic_load(&t->blocked_on);

		if (t == w->thread)
			return true;
		next = own != NULL ? OWNER(own->mutex) : NULL;
		if (next == t)
			return false;
	}
	return t != NULL;
}

int
pi_block_checked(struct mutex_waiter *w)
{
	int err = 0;

	atomic_add(&pi_waiting, 1);	/* what the walk finds stays */
	spin_lock(&pi_lock);
	if (closes_circle(w)) {
		err = -EDEADLK;
	} else {
		atomic_store(&w->thread->blocked_on, w);
		update_waiter(w);
	}
	spin_unlock(&pi_lock);
	atomic_sub(&pi_waiting, 1);
	return err;
}

void
pi_priority_changed(struct thread *t)
{
	struct mutex_waiter *w;

	atomic_add(&pi_waiting, 1);	/* the wait that we find stays until we are done with it */
	spin_lock(&pi_lock);
	w = atomic_load(&t->blocked_on);
	if (w != NULL)
		update_waiter(w);
	spin_unlock(&pi_lock);
	atomic_sub(&pi_waiting, 1);
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
