/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles: joining the running transaction, and what an operation says of the blocks that it changes.
 *
 * A buffer's contents belong to at most two transactions: the one being committed (t) and the running one (next). Before the running
 * one may change it, the committing one has its copy: made by whoever comes first, the commit thread or the changer here.
 */
#include "fs/jbd2/jbd2.h"

#include "sys/abi/errno.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/lib/string.h"
#include "sys/lockdep.h"
#include "sys/log.h"
#include "sys/panic.h"
#include "sys/rcu.h"
#include "sys/thread.h"

static struct kmem_cache *jbuf_cache, *handle_cache, *trans_cache;

void
jbuf_init(void)
{
	static struct mutex once = MUTEX_INIT(once, LOCK_SB);

	mutex_lock(&once);
	if (jbuf_cache == NULL) {
		revoke_init();
		handle_cache = kmem_cache_create("jbd2_handle", sizeof(struct handle), 8, 0, NULL);
		trans_cache = kmem_cache_create("jbd2_transaction", sizeof(struct transaction), 8, 0, NULL);
		jbuf_cache = kmem_cache_create("jbd2_buf", sizeof(struct jbuf), 8, KMC_TYPESTABLE, NULL);
	}
	mutex_unlock(&once);
}

/* --- transactions --- */

struct transaction *
trans_alloc(struct journal *j)
{
	struct transaction *t = kmem_cache_alloc(trans_cache, KM_ZERO);

	if (t == NULL)
		return NULL;
	t->j = j;
	list_init(&t->bufs);
	list_init(&t->ordered);
	list_init(&t->callbacks);
	list_init(&t->cp_bufs);
	return t;
}

void
trans_free(struct transaction *t)
{
	if (t == NULL)
		return;
	revoke_clear(&t->revokes);
	kmem_cache_free(trans_cache, t);
}

static u32
revoke_blocks(const struct transaction *t)
{
	return (t->revokes.n + t->j->revokes_per_block - 1) / t->j->revokes_per_block;
}

u32
trans_log_blocks(const struct transaction *t)
{
	return t->reserved + t->reserved / t->j->tags_per_block + 1 + revoke_blocks(t) + 1;
}

static void
install_locked(struct journal *j, struct transaction *t)
{
	t->tid = j->next_tid++;
	t->state = TRANS_RUNNING;
	t->expires = clock_now() + j->interval;
	j->running = t;
}

/* A transaction begins. lock held, and again at return; the caller looks anew. */
static int
begin_locked(struct journal *j)
{
	struct transaction *t = NULL;
	bool room = checkpoint_room_locked(j) >= j->room, used = false;
	int err = 0;

	spin_unlock(&j->lock);
	if (!room)
		err = checkpoint_make_room(j);
	else if ((t = trans_alloc(j)) == NULL)
		err = -ENOMEM;
	spin_lock(&j->lock);
	if (t != NULL && j->running == NULL && j->error == 0 && checkpoint_room_locked(j) >= j->room) {
		install_locked(j, t);
		used = true;
	}
	if (t != NULL) {
		spin_unlock(&j->lock);
		if (used)
			waitq_wake_all(&j->wait_work);	/* the commit thread looks at its age */
		else
			trans_free(t);
		spin_lock(&j->lock);
	}
	return err;
}

/* h becomes part of the running transaction, which is begun where there is none. */
static int
join_transaction(struct journal *j, struct handle *h, u32 credits)
{
	struct transaction *t;
	u32 seen;
	int err = 0;

	spin_lock(&j->lock);
	while (err == 0) {
		if (j->error != 0) {
			err = -EROFS;
			break;
		}
		t = j->running;
		if (t == NULL) {
			err = begin_locked(j);
			continue;
		}
		if (t->state == TRANS_RUNNING) {
			if (t->reserved + credits + revoke_blocks(t) <= j->max_trans) {
				t->updates++;
				t->reserved += credits;
				h->t = t;
				h->credits = credits;
				break;
			}
			if (tid_after(t->tid, j->wanted))
				j->wanted = t->tid;
		}
		seen = j->handovers;
		spin_unlock(&j->lock);
		waitq_wake_all(&j->wait_work);
		wait_event(&j->wait_start, READ_ONCE(j->handovers) != seen || atomic_load_relaxed(&j->error) != 0);
		spin_lock(&j->lock);
	}
	spin_unlock(&j->lock);
	return err;
}

static void
leave_transaction(struct handle *h)
{
	struct transaction *t = h->t;
	struct journal *j = h->j;
	bool last;

	if (t == NULL)
		return;
	h->t = NULL;
	spin_lock(&j->lock);
	t->reserved -= h->credits;
	last = --t->updates == 0 && t->state == TRANS_LOCKED;
	spin_unlock(&j->lock);
	if (last)
		waitq_wake_all(&j->wait_updates);
}

/* --- handles --- */

struct handle *
journal_current(void)
{
	return thread_current()->fs_handle;
}

int
journal_start(struct journal *j, u32 credits, struct handle **out)
{
	struct handle *h = journal_current();
	int err;

	*out = NULL;
	if (j == NULL)
		return 0;
	if (h != NULL) {
		KASSERT(h->j == j);
		h->depth++;
		*out = h;
		return 0;
	}
	if (credits > j->max_trans)
		return -ENOSPC;
	h = kmem_cache_alloc(handle_cache, KM_NORMAL);
	if (h == NULL)
		return -ENOMEM;
	*h = (struct handle){ .j = j };
	err = join_transaction(j, h, credits);
	if (err != 0) {
		kmem_cache_free(handle_cache, h);
		return err;
	}
	thread_current()->fs_handle = h;
	h->km_scope = kmem_scope_enter(KM_NOFS);	/* reclaim that writes or evicts could want a handle of its own */
	lockdep_acquire(j, LOCK_TRANS, LOCKDEP_SLEEPS, __builtin_return_address(0));
	*out = h;
	return 0;
}

int
journal_extend(struct handle *h, u32 credits)
{
	struct transaction *t;
	int err = -ENOSPC;

	if (h == NULL)
		return 0;
	t = h->t;
	if (t == NULL)
		return -EROFS;
	spin_lock(&h->j->lock);
	if (t->state == TRANS_RUNNING && t->reserved + credits + revoke_blocks(t) <= h->j->max_trans) {
		t->reserved += credits;
		h->credits += credits;
		err = 0;
	}
	spin_unlock(&h->j->lock);
	return err;
}

int
journal_restart(struct handle *h, u32 credits)
{
	struct journal *j;
	int err;

	if (h == NULL)
		return 0;
	j = h->j;
	KASSERT(h->depth == 0);
	leave_transaction(h);
	lockdep_release(j, LOCK_TRANS, __builtin_return_address(0));
	err = join_transaction(j, h, credits);
	lockdep_acquire(j, LOCK_TRANS, LOCKDEP_SLEEPS, __builtin_return_address(0));
	return err;
}

int
journal_stop(struct handle *h, bool sync)
{
	struct journal *j;
	u32 tid;
	int err;

	if (h == NULL)
		return 0;
	j = h->j;
	h->sync |= sync;
	if (h->depth > 0) {
		h->depth--;
		return atomic_load_relaxed(&j->error) != 0 ? -EROFS : 0;
	}
	tid = journal_tid(h);
	sync = h->sync;
	leave_transaction(h);
	lockdep_release(j, LOCK_TRANS, __builtin_return_address(0));
	thread_current()->fs_handle = NULL;
	kmem_scope_leave(h->km_scope);
	kmem_cache_free(handle_cache, h);
	err = atomic_load_relaxed(&j->error) != 0 ? -EROFS : 0;
	if (sync && err == 0)
		err = journal_commit(j, j->place.fs_bdev, tid);
	return err;
}

u32
journal_tid(const struct handle *h)
{
	return h != NULL && h->t != NULL ? h->t->tid : 0;
}

/* --- blocks --- */

struct buf *
jbuf_release_locked(struct jbuf *jb)
{
	struct buf *b = jb->b;

	if (jb->t != NULL || jb->cp != NULL)
		return NULL;
	b->journal = NULL;
	jb->b = NULL;
	kmem_cache_free(jbuf_cache, jb);
	return b;
}

/* `next` first: a commit that ends meanwhile moves it to `t` before it clears it. */
static bool
joined(const struct jbuf *jb, const struct transaction *t)
{
	if (READ_ONCE(jb->next) == t)
		return true;
	smp_rmb();
	return READ_ONCE(jb->t) == t;
}

/* Is b in t for sure? While our handle keeps t open nothing takes b out of it, so a "yes" stays true; jbufs are type-stable. */
static bool
joined_quick(struct buf *b, const struct transaction *t)
{
	struct jbuf *jb;
	bool yes;

	rcu_read_lock();
	jb = READ_ONCE(b->journal);
	yes = jb != NULL && joined(jb, t);
	smp_rmb();
	yes = yes && READ_ONCE(jb->b) == b && !READ_ONCE(jb->forget) && !READ_ONCE(jb->next_forget);
	rcu_read_unlock();
	return yes;
}

/* The committing transaction still needs b's contents as they are. */
static bool
needs_copy(const struct jbuf *jb)
{
	return jb->changed && !jb->forget && !jb->copied && jb->frozen == NULL;
}

/* b, locked, joins t. fresh and copy are memory that may be taken (then NULL at return). -EAGAIN: copy is missing. lock held. */
static int
join_buf_locked(struct handle *h, struct buf *b, struct jbuf **fresh, void **copy)
{
	struct transaction *t = h->t;
	struct jbuf *jb = b->journal;

	if (jb == NULL) {
		if (*fresh == NULL)
			return -EAGAIN;
		jb = *fresh;
		*fresh = NULL;
		*jb = (struct jbuf){ .b = b };
		buf_hold(b);
		WRITE_ONCE(b->journal, jb);
	}
	if (joined(jb, t))
		return 0;
	if (jb->t != NULL && needs_copy(jb)) {
		if (*copy == NULL)
			return -EAGAIN;
		memcpy(*copy, b->data, b->size);
		jb->frozen = *copy;
		*copy = NULL;
	}
	if (jb->t != NULL) {
		jb->next_changed = jb->next_forget = false;
		WRITE_ONCE(jb->next, t);
	} else {
		jb->changed = jb->forget = jb->copied = false;
		WRITE_ONCE(jb->t, t);
		list_add_tail(&t->bufs, &jb->node);
	}
	t->nbufs++;
	if (h->credits > 0) {
		h->credits--;
	} else {
		t->reserved++;
		if (!h->j->over_credit)
			log_err("jbd2: WARN %s: a handle of %u more blocks than it reserved", h->j->name, 1U);
		h->j->over_credit = true;
	}
	return 0;
}

/* The block is in use (again): not forgotten, not revoked. */
static void
use_again_locked(struct handle *h, struct buf *b)
{
	struct jbuf *jb = b->journal;

	if (jb->next == h->t)
		jb->next_forget = false;
	else
		jb->forget = false;
	if (h->t->revokes.n != 0)
		revoke_remove(&h->t->revokes, b->block);
}

/* b, locked, has joined a transaction, and was in none. What is in place already needs its copy in the log no more, unless that write
 * failed. A buffer that was made dirty outside the journal is logged, changed or not: the pin took its dirty bit. */
static void
pin(struct journal *j, struct buf *b)
{
	bool dirty = buf_pin(b);
	struct jbuf *jb = b->journal;

	spin_lock(&j->lock);
	if (dirty && jb->cp == NULL) {
		jb->changed = true;
	} else if (!dirty && jb->cp != NULL && (atomic_load_relaxed(&b->state) & BUF_WRITE_ERROR) == 0) {
		list_del_init(&jb->cp_node);
		jb->cp = NULL;
	}
	spin_unlock(&j->lock);
}

/* The slow way into the transaction: waits for a write of the block in place, pins it. */
static int
join_buf(struct handle *h, struct buf *b)
{
	struct journal *j = h->j;
	struct jbuf *fresh = NULL;
	void *copy = NULL;
	int err;

	buf_lock(b);
	spin_lock(&j->lock);
	while ((err = join_buf_locked(h, b, &fresh, &copy)) == -EAGAIN) {
		bool want_copy = b->journal != NULL;

		spin_unlock(&j->lock);
		if (want_copy)
			copy = kmem_alloc(b->size, KM_NORMAL);
		else
			fresh = kmem_cache_alloc(jbuf_cache, KM_NORMAL);
		if (copy == NULL && fresh == NULL) {
			buf_unlock(b);
			return -ENOMEM;
		}
		spin_lock(&j->lock);
	}
	use_again_locked(h, b);
	spin_unlock(&j->lock);
	if ((atomic_load_relaxed(&b->state) & BUF_PINNED) == 0)
		pin(j, b);
	buf_unlock(b);
	kmem_free(copy);
	if (fresh != NULL)
		kmem_cache_free(jbuf_cache, fresh);
	return 0;
}

int
journal_access(struct handle *h, struct buf *b)
{
	if (h == NULL)
		return 0;
	if (h->t == NULL || atomic_load_relaxed(&h->j->error) != 0)
		return -EROFS;
	if (joined_quick(b, h->t))
		return 0;
	return join_buf(h, b);
}

int
journal_access_new(struct handle *h, struct buf *b)
{
	return journal_access(h, b);
}

void
journal_dirty(struct handle *h, struct buf *b)
{
	struct jbuf *jb = b->journal;

	if (h == NULL) {
		buf_dirty(b);
		return;
	}
	if (h->t == NULL || atomic_load_relaxed(&h->j->error) != 0)
		return;
	KASSERT(jb != NULL && joined(jb, h->t));
	if (READ_ONCE(jb->t) == h->t && READ_ONCE(jb->changed))
		return;
	spin_lock(&h->j->lock);
	if (jb->t == h->t)
		jb->changed = true;
	else
		jb->next_changed = true;
	spin_unlock(&h->j->lock);
}

/* The last transaction in which the block may be replayed is an older one than this. */
static void
revoke_block(struct handle *h, u64 block)
{
	struct revoke *r;

	if (h == NULL || h->t == NULL)
		return;
	r = revoke_alloc();
	if (r == NULL) {
		journal_abort(h->j, -ENOMEM);	/* unrevoked, a recovery would write over the block's next use */
		return;
	}
	r->block = block;
	r->tid = h->t->tid;
	spin_lock(&h->j->lock);
	revoke_add(&h->t->revokes, r);
	spin_unlock(&h->j->lock);
}

void
journal_forget(struct handle *h, struct buf *b)
{
	struct jbuf *jb;
	int err;

	if (h == NULL) {
		buf_clean(b);
		return;
	}
	err = journal_access(h, b);
	if (err != 0) {
		if (err != -EROFS)
			journal_abort(h->j, err);
		return;
	}
	spin_lock(&h->j->lock);
	jb = b->journal;
	if (jb->next == h->t)
		jb->next_forget = true;
	else
		jb->forget = true;
	spin_unlock(&h->j->lock);
	revoke_block(h, b->block);
}

void
journal_on_commit(struct handle *h, struct journal_callback *cb)
{
	if (h == NULL || h->t == NULL) {
		cb->fn(cb, h == NULL ? 0 : -EROFS);
		return;
	}
	spin_lock(&h->j->lock);
	list_add_tail(&h->t->callbacks, &cb->node);
	spin_unlock(&h->j->lock);
}
