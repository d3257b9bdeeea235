/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes that are locks with priority inheritance (futex(2), "Priority-inheritance futexes"). The word holds the owner's tid; the
 * kernel comes in when it is taken. While there are waiters, a pi_state stands for the lock: it knows the owner, who runs at the
 * best waiter's priority (a mutex that only serves sys/pi.c as a peg), and it is in the owner's list, for the case that it dies.
 *
 * The lock is handed over: the releaser writes the best waiter's tid into the word, so nobody can come between. When the owner
 * dies it cannot do that, having no address for the word: the new owner stays queued until it has written the word itself
 * (state->fixup).
 *
 * Locks: the bucket's, then the owner's pi_lock (its list).
 */
#include "proc/futex/futex.h"

struct pi_state {
	u32 refs;			/* [b] queued waiters */
	struct list owner_node;		/* [owner's pi_lock, b] */
	struct thread *owner;		/* [b] reference; NULL: it died and nobody waits */
	struct mem_key key;		/* [I] */
	struct futex_bucket *b;		/* [I] */
	bool fixup;			/* [b] the owner has yet to write its tid */
	struct mutex peg;		/* priority inheritance: owner word and waiters */
};

/* --- states; [b] held --- */

static void
detach_owner(struct pi_state *s)
{
	struct thread *t = s->owner;

	if (t == NULL)
		return;
	spin_lock(&t->pt->pi_lock);
	list_del(&s->owner_node);
	spin_unlock(&t->pt->pi_lock);
	atomic_store(&s->peg.owner, (uintptr_t)1);
	s->owner = NULL;
	thread_put(t);
}

/* False: t is past looking at its list. */
static bool
attach_owner(struct pi_state *s, struct thread *t)
{
	bool ok;

	spin_lock(&t->pt->pi_lock);
	ok = !t->pt->pi_exited;
	if (ok)
		list_add_tail(&t->pt->pi_states, &s->owner_node);
	spin_unlock(&t->pt->pi_lock);
	if (!ok)
		return false;
	thread_get(t);
	s->owner = t;
	atomic_store(&s->peg.owner, (uintptr_t)t | 1);
	return true;
}

void
pi_state_put(struct pi_state *s)
{
	spin_assert_held(&s->b->lock);
	if (--s->refs != 0)
		return;
	detach_owner(s);
	kmem_free(s);
}

/* The first of the waiters for the lock with the highest priority, not counting one that has it already. */
static struct futex_waiter *
best_waiter(struct futex_bucket *b, const struct mem_key *key)
{
	struct futex_waiter *w, *best = NULL;

	list_for_each(w, &b->waiters, node)
		if (w->pi != NULL && !w->granted && futex_key_equal(&w->key, key) &&
		    (best == NULL || READ_ONCE(w->lender.prio) > READ_ONCE(best->lender.prio)))
			best = w;
	return best;
}

static struct pi_state *
find_state(struct futex_bucket *b, const struct mem_key *key)
{
	struct futex_waiter *w;

	list_for_each(w, &b->waiters, node)
		if (w->pi != NULL && futex_key_equal(&w->key, key))
			return w->pi;
	return NULL;
}

/* A state for the lock that the thread with tid holds. -ESRCH: there is none; -ENOMEM. */
static int
make_state(const struct mem_key *key, pid_t tid, struct pi_state **out)
{
	struct thread *t = thread_find_get(tid);
	struct pi_state *s;
	int err = 0;

	if (t == NULL)
		return -ESRCH;
	s = kmem_alloc(sizeof(*s), KM_ATOMIC | KM_ZERO);
	if (s == NULL) {
		err = -ENOMEM;
		goto out_put;
	}
	s->refs = 1;
	s->key = *key;
	s->b = futex_bucket(key);
	mutex_init(&s->peg, LOCK_LEAF_SLEEP);
	if (!attach_owner(s, t)) {
		kmem_free(s);
		err = -ESRCH;
		goto out_put;
	}
	*out = s;
out_put:
	thread_put(t);
	return err;
}

/* The current thread, the owner, lets go: w has the lock from now on. w NULL: nobody, for the last waiters are giving up. */
static void
hand_over(struct pi_state *s, struct futex_waiter *w)
{
	detach_owner(s);
	if (w != NULL)
		w->granted = attach_owner(s, w->thread);	/* it sleeps in here, so it isn't exiting */
	spin_lock(&s->peg.wait_lock);
	pi_released(&s->peg);
	spin_unlock(&s->peg.wait_lock);
}

int
pi_take_or_attach(u64 uaddr, const struct mem_key *key, struct thread *t, bool set_waiters, struct pi_state **state)
{
	u32 tid = (u32)thread_tid(t), val, found, new;
	struct pi_state *s;
	int err;

	for (;;) {
		if (futex_load(&val, uaddr) != 0)
			return -EFAULT;
		if ((val & FUTEX_TID_MASK) == tid)
			return -EDEADLK;
		s = find_state(futex_bucket(key), key);
		if (s != NULL) {
			if (!s->fixup && (s->owner == NULL || (val & FUTEX_TID_MASK) != (u32)thread_tid(s->owner)))
				return -EINVAL;		/* user space wrote into a lock that is waited for */
			s->refs++;
			*state = s;
			return 0;
		}
		new = (val & FUTEX_TID_MASK) == 0 ? tid | (val & FUTEX_OWNER_DIED) | (set_waiters ? FUTEX_WAITERS : 0) :
			val | FUTEX_WAITERS;
		if (futex_cas(uaddr, val, new, &found) != 0)
			return -EFAULT;
		if (found != val)
			continue;
		if ((val & FUTEX_TID_MASK) == 0)
			return 1;
		err = make_state(key, (pid_t)(val & FUTEX_TID_MASK), state);
		if (err != -ESRCH)
			return err;
		/* It died: has it changed the word (robust list) since we looked? */
		if (futex_load(&found, uaddr) != 0)
			return -EFAULT;
		if (found == new)
			return -ESRCH;
	}
}

int
pi_wait_on(struct futex_waiter *w, struct pi_state *s)
{
	int err;

	spin_assert_held(&s->b->lock);
	w->lender = (struct mutex_waiter){ .thread = w->thread, .mutex = &s->peg };
	spin_lock(&s->peg.wait_lock);
	err = pi_block_checked(&w->lender);
	if (err == 0)
		list_add_tail(&s->peg.waiters, &w->lender.node);
	spin_unlock(&s->peg.wait_lock);
	if (err == 0)
		w->pi = s;
	else
		pi_state_put(s);
	return err;
}

/* [b], let go and taken again for faults. The owner died: write the word in its place. */
static int
write_owner(struct pi_state *s, u64 uaddr)
{
	u32 tid = (u32)thread_tid(thread_current()), val, found;
	int err;

	for (;;) {
		err = futex_load(&val, uaddr);
		if (err == 0)
			err = futex_cas(uaddr, val, tid | FUTEX_WAITERS | FUTEX_OWNER_DIED, &found);
		if (err == 0 && found == val)
			return 0;
		if (err == 0)
			continue;
		spin_unlock(&s->b->lock);
		err = futex_fault_in(uaddr, true);
		spin_lock(&s->b->lock);
		if (err != 0)
			return err;
	}
}

/* 0: the lock is ours. */
int
pi_finish_wait(struct futex_waiter *w, u64 uaddr, int err)
{
	struct futex_bucket *b = futex_lock_own(w);
	struct pi_state *s = w->pi;

	if (s == NULL) {
		/* FUTEX_WAIT_REQUEUE_PI: given the lock at once, or never moved. */
		if (b == NULL)
			return 0;
		list_del(&w->node);
		w->bucket = NULL;
		spin_unlock(&b->lock);
		return err;
	}
	if (b == NULL) {
		b = s->b;
		spin_lock(&b->lock);
	}
	if (w->granted) {
		err = s->fixup ? write_owner(s, uaddr) : 0;
		s->fixup = false;
	}
	if (w->bucket != NULL)
		list_del(&w->node);
	w->bucket = NULL;
	spin_lock(&s->peg.wait_lock);
	list_del(&w->lender.node);
	pi_unblock(&w->lender);
	if (w->granted)
		pi_acquired(&s->peg);
	spin_unlock(&s->peg.wait_lock);
	pi_state_put(s);
	spin_unlock(&b->lock);
	return err;
}

/* --- the calls --- */

/* 0: locked. -EAGAIN (trylock), -EDEADLK, -ETIMEDOUT, -ESRCH, -EINVAL, -EFAULT. */
long
futex_lock_pi(u64 uaddr, bool shared, const struct futex_timeout *to, bool trylock)
{
	struct futex_waiter w = { .thread = thread_current(), .bitset = FUTEX_BITSET_MATCH_ANY };
	struct futex_bucket *b;
	struct pi_state *s;
	int err, got;

	err = futex_key(uaddr, shared, &w.key);
	if (err != 0)
		return err;
	b = futex_bucket(&w.key);
	for (;;) {
		spin_lock(&b->lock);
		got = pi_take_or_attach(uaddr, &w.key, w.thread, false, &s);
		if (got != -EFAULT)
			break;
		spin_unlock(&b->lock);
		err = futex_fault_in(uaddr, true);
		if (err != 0)
			return err;
	}
	if (got == 0 && trylock) {
		pi_state_put(s);
		got = -EAGAIN;
	}
	if (got == 0)
		got = pi_wait_on(&w, s);
	if (got == 0)
		futex_enqueue(b, &w);
	spin_unlock(&b->lock);
	err = MIN(got, 0);
	if (got == 0) {
		err = futex_sleep(&w, to);
		err = pi_finish_wait(&w, uaddr, err);
	}
	return err == -EINTR ? -ERESTARTNOINTR : err;
}

/* [b]. Pass the lock, whose word is val, to w, or to nobody. 0; -EFAULT: fault in; -EAGAIN: the word changed, look again. */
static int
release(u64 uaddr, u32 val, struct futex_waiter *w)
{
	u32 found, new = w != NULL ? FUTEX_WAITERS | (u32)thread_tid(w->thread) : 0;

	if (w != NULL && w->pi->owner != thread_current())
		return -EINVAL;
	if (futex_cas(uaddr, val, new, &found) != 0)
		return -EFAULT;
	if (found != val)
		return -EAGAIN;
	if (w != NULL) {
		hand_over(w->pi, w);
		futex_wake_waiter(w);
	}
	return 0;
}

/* -EPERM: not the owner. */
long
futex_unlock_pi(u64 uaddr, bool shared)
{
	u32 tid = (u32)thread_tid(thread_current()), val;
	struct futex_bucket *b;
	struct mem_key key;
	int err = futex_key(uaddr, shared, &key);

	if (err != 0)
		return err;
	b = futex_bucket(&key);
	for (;;) {
		err = get_user_u32(&val, (const u32 __user *)uaddr);
		if (err == 0 && (val & FUTEX_TID_MASK) != tid)
			err = -EPERM;
		if (err != 0)
			break;
		spin_lock(&b->lock);
		err = release(uaddr, val, best_waiter(b, &key));
		spin_unlock(&b->lock);
		if (err == -EFAULT)
			err = futex_fault_in(uaddr, true) != 0 ? -EFAULT : -EAGAIN;
		if (err != -EAGAIN)
			break;
	}
	return err;
}

/* The thread dies: what it holds goes to the waiters. */
void
futex_exit_pi(struct proc_thread *pt)
{
	struct futex_bucket *b;
	struct futex_waiter *w;
	struct pi_state *s;
	bool same;

	for (;;) {
		spin_lock(&pt->pi_lock);
		s = list_first(&pt->pi_states, struct pi_state, owner_node);
		b = s != NULL ? s->b : NULL;
		if (s == NULL)
			pt->pi_exited = true;
		spin_unlock(&pt->pi_lock);
		if (s == NULL)
			return;
		/* The bucket's lock comes first; under both, the state is there if it still is the first. */
		spin_lock(&b->lock);
		spin_lock(&pt->pi_lock);
		same = s == list_first(&pt->pi_states, struct pi_state, owner_node) && s->b == b;
		spin_unlock(&pt->pi_lock);
		if (same) {
			w = best_waiter(b, &s->key);
			s->fixup = w != NULL;
			hand_over(s, w);
			if (w != NULL)
				thread_wake(w->thread);
		}
		spin_unlock(&b->lock);
	}
}
