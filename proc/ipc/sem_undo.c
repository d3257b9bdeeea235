/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEM_UNDO: what a thread, or the threads that share its undo list (CLONE_SYSVSEM), added to semaphores and have taken back when the
 * last of them ends.
 *
 * A struct sem_undo is in two lists: of its owner's undos [u], and of the set [l], which comes first. It keeps the set's memory. A set
 * that is removed drops all its undos; so whoever finds one in the owner's list locks the set, and looks whether that is removed.
 */
#include "proc/ipc/ipc.h"

#include "proc/proc.h"

struct sem_undo_list {
	struct refcount refs;		/* [a] threads */
	struct spinlock lock;		/* LOCK_IPC_UNDO */
	struct list undos;		/* [u] */
};

static struct sem_undo_list *
list_create(void)
{
	struct sem_undo_list *ul = kmem_alloc(sizeof(*ul), KM_USER);

	if (ul == NULL)
		return NULL;
	refcount_init(&ul->refs, 1);
	spin_init(&ul->lock, LOCK_IPC_UNDO);
	list_init(&ul->undos);
	return ul;
}

/* The current thread's list. NULL: no memory. */
static struct sem_undo_list *
list_current(void)
{
	struct proc_thread *pt = pt_current();

	if (pt->sem_undos == NULL)
		pt->sem_undos = list_create();
	return pt->sem_undos;
}

int
ipc_fork(struct proc_thread *child, bool share)
{
	struct sem_undo_list *ul;

	if (!share)
		return 0;
	ul = list_current();
	if (ul == NULL)
		return -ENOMEM;
	refcount_get(&ul->refs);
	child->sem_undos = ul;
	return 0;
}

void
ipc_unfork(struct proc_thread *child)
{
	struct sem_undo_list *ul = child->sem_undos;
	bool last;

	child->sem_undos = NULL;
	if (ul == NULL)
		return;
	last = refcount_put(&ul->refs);
	KASSERT(!last);			/* the parent, which runs here, has it too */
}

static struct sem_undo *
find(struct sem_undo_list *ul, const struct semset *s)
{
	struct sem_undo *un, *found = NULL;

	spin_lock(&ul->lock);
	list_for_each(un, &ul->undos, list_node)
		if (un->set == s) {
			found = un;
			break;
		}
	spin_unlock(&ul->lock);
	return found;
}

static void
link_undo(struct sem_undo *un, struct sem_undo_list *ul, struct semset *s)
{
	un->list = ul;
	un->set = s;
	ipc_get_object(&s->o);
	list_add(&s->undos, &un->set_node);
	spin_lock(&ul->lock);
	list_add(&ul->undos, &un->list_node);
	spin_unlock(&ul->lock);
}

int
sem_undo_get(struct semset *s, struct sem_undo **out)
{
	struct sem_undo_list *ul = pt_current()->sem_undos;
	struct sem_undo *un;

	spin_assert_held(&s->o.lock);
	*out = ul != NULL ? find(ul, s) : NULL;
	if (*out != NULL)
		return 0;
	spin_unlock(&s->o.lock);
	ul = list_current();
	un = ul != NULL ? kmem_alloc(sizeof(*un) + s->nsems * sizeof(un->adjust[0]), KM_USER | KM_ZERO) : NULL;
	spin_lock(&s->o.lock);
	if (un == NULL)
		return -ENOMEM;
	if (s->o.removed) {
		kmem_free(un);
		return -EIDRM;
	}
	*out = find(ul, s);	/* another thread with this list may have made it meanwhile */
	if (*out == NULL)
		link_undo(*out = un, ul, s);
	else
		kmem_free(un);
	return 0;
}

void
sem_undo_forget(struct semset *s, s64 num)
{
	struct sem_undo *un;

	spin_assert_held(&s->o.lock);
	list_for_each(un, &s->undos, set_node) {
		if (num >= 0)
			un->adjust[num] = 0;
		else
			memset(un->adjust, 0, s->nsems * sizeof(un->adjust[0]));
	}
}

/* Off both lists. The set's lock is held; its reference is the caller's now. */
static void
unlink_undo(struct sem_undo *un)
{
	struct sem_undo_list *ul = un->list;

	spin_assert_held(&un->set->o.lock);
	list_del(&un->set_node);
	spin_lock(&ul->lock);
	list_del(&un->list_node);
	spin_unlock(&ul->lock);
}

void
sem_undo_drop_all(struct semset *s)
{
	struct sem_undo *un;
	bool last;

	while ((un = list_first(&s->undos, struct sem_undo, set_node)) != NULL) {
		unlink_undo(un);
		last = refcount_put(&s->o.refs);
		KASSERT(!last);		/* the caller has one */
		kmem_free(un);
	}
}

static void
apply(struct semset *s, const struct sem_undo *un)
{
	for (u32 i = 0; i < s->nsems; i++) {
		s32 value = s->sems[i].value + un->adjust[i];

		if (un->adjust[i] == 0)
			continue;
		semset_assign(s, i, MIN(MAX(value, 0), SEMVMX), process_current()->pids[PID_TGID]);
		semset_changed(s, i);
	}
	s->otime = ipc_now();
	semset_progress(s);
}

void
sem_undo_exit(struct proc_thread *pt)
{
	struct sem_undo_list *ul = pt->sem_undos;
	struct sem_undo *un;
	struct semset *s;

	pt->sem_undos = NULL;
	if (ul == NULL || !refcount_put(&ul->refs))
		return;
	for (;;) {
		spin_lock(&ul->lock);
		un = list_first(&ul->undos, struct sem_undo, list_node);
		s = un != NULL ? un->set : NULL;
		if (s != NULL)
			ipc_get_object(&s->o);
		spin_unlock(&ul->lock);
		if (s == NULL)
			break;
		spin_lock(&s->o.lock);
		if (s->o.removed) {		/* its undos are gone, this one too */
			ipc_unlock(&s->o);
			continue;
		}
		unlink_undo(un);
		apply(s, un);
		kmem_free(un);
		ipc_unlock(&s->o);
		ipc_put(&s->o);			/* the undo's */
	}
	kmem_free(ul);
}
