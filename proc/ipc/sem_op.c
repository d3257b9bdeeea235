/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * semop(2)'s algorithm: a list of operations is done as a whole or not at all.
 *
 * Who cannot go on waits at the semaphore that blocks it. No change of another one can let it go on: so when a value changes, only
 * that semaphore's waiters are tried again, in order of arrival. The thread that changed the value does their operations for
 * them, and wakes only those that are done.
 */
#include "proc/ipc/ipc.h"

#include "sys/abi/errno.h"

void
semset_init_sems(struct semset *s)
{
	list_init(&s->changed);
	list_init(&s->undos);
	for (u32 i = 0; i < s->nsems; i++) {
		s->sems[i].value = 0;
		s->sems[i].pid = NULL;
		list_init(&s->sems[i].waiters);
		list_init(&s->sems[i].changed);
	}
}

void
semset_assign(struct semset *s, u32 num, s32 value, struct pid *pid)
{
	struct sem *sem = &s->sems[num];
	struct pid *old = sem->pid;

	sem->value = value;
	if (old == pid)
		return;
	pid_get(pid);
	sem->pid = pid;
	pid_put(old);
}

/* One operation. 0; 1: it would wait; -ERANGE. */
static int
apply(struct semset *s, const struct abi_sembuf *op, s16 *adjust)
{
	struct sem *sem = &s->sems[op->num];
	s32 value = sem->value + op->op, adj;

	if (op->op == 0)
		return value != 0;
	if (value < 0)
		return 1;
	if (value > SEMVMX)
		return -ERANGE;
	if (op->flags & SEM_UNDO) {
		adj = adjust[op->num] - op->op;
		if (adj < -SEMAEM - 1 || adj > SEMAEM)
			return -ERANGE;
		adjust[op->num] = (s16)adj;
	}
	sem->value = value;
	return 0;
}

int
semset_try(struct semset *s, const struct sem_request *r, u32 *blocked)
{
	int err = 0;
	u32 i;

	for (i = 0; i < r->nops; i++) {
		err = apply(s, &r->ops[i], r->adjust);
		if (err != 0)
			break;
	}
	if (err == 0) {
		for (i = 0; i < r->nops; i++)
			semset_assign(s, r->ops[i].num, s->sems[r->ops[i].num].value, r->pid);
		return 0;
	}
	*blocked = i;
	if (err == 1 && (r->ops[i].flags & IPC_NOWAIT))
		err = -EAGAIN;
	while (i-- > 0) {
		const struct abi_sembuf *op = &r->ops[i];

		s->sems[op->num].value -= op->op;
		if (op->op != 0 && (op->flags & SEM_UNDO))
			r->adjust[op->num] = (s16)(r->adjust[op->num] + op->op);
	}
	return err;
}

void
semset_changed(struct semset *s, u32 num)
{
	struct sem *sem = &s->sems[num];

	if (!list_empty(&sem->waiters) && !list_is_linked(&sem->changed))
		list_add_tail(&s->changed, &sem->changed);
}

void
semset_enqueue(struct semset *s, struct sem_waiter *w)
{
	struct list *waiters = &s->sems[w->req.ops[w->blocked].num].waiters;
	struct sem_waiter *before;

	list_for_each_reverse(before, waiters, node)
		if (before->ticket < w->ticket)
			break;
	list_add(&before->node, &w->node);	/* the head, where none came before */
}

static void
note_changes(struct semset *s, const struct sem_request *r)
{
	for (u32 i = 0; i < r->nops; i++)
		if (r->ops[i].op != 0)
			semset_changed(s, r->ops[i].num);
}

/* Those that wait at sem. Stops when one of them changed sem again: then it is in the list of changed ones. */
static void
try_waiters(struct semset *s, struct sem *sem, struct list *done)
{
	struct sem_waiter *w, *next;
	u32 blocked;
	int status;

	list_for_each_safe(w, next, &sem->waiters, node) {
		status = semset_try(s, &w->req, &blocked);
		if (status == 1) {
			bool moves = &s->sems[w->req.ops[blocked].num] != sem;

			w->blocked = blocked;
			if (moves) {
				list_del(&w->node);
				semset_enqueue(s, w);
			}
			continue;
		}
		list_del(&w->node);
		list_add_tail(done, &w->node);
		w->status = status;
		if (status == 0)
			note_changes(s, &w->req);
		if (list_is_linked(&sem->changed))
			return;
	}
}

void
semset_update(struct semset *s, struct list *done)
{
	struct sem *sem;

	while ((sem = list_first(&s->changed, struct sem, changed)) != NULL) {
		list_del(&sem->changed);
		try_waiters(s, sem, done);
	}
}
