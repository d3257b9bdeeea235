/* SPDX-License-Identifier: BSD-2-Clause */
/* Semaphore sets: semget(2), semop(2), semctl(2). What an operation does is in sem_op.c. */
#include "proc/ipc/ipc.h"

#include "proc/proc.h"
#include "sys/lib/printf.h"

#define SEMUSZ	20	/* IPC_INFO tells it, though nothing has that size */

static struct semset *
semset_of(struct ipc_object *o)
{
	return container_of(o, struct semset, o);
}

static int
lock_set(int id, struct semset **out)
{
	struct ipc_object *o;
	int err = ipc_lock(&ipc_current()->sem, id, &o);

	*out = err == 0 ? semset_of(o) : NULL;
	return err;
}

/* --- life --- */

static void
destroy(struct ipc_object *o)
{
	struct semset *s = semset_of(o);

	for (u32 i = 0; i < s->nsems; i++)
		pid_put(s->sems[i].pid);
	kmem_vfree(s->sems);
}

void
sem_init_ns(struct ipc_ns *ns)
{
	ipc_ids_init(&ns->sem, ns, destroy);
}

static int
check(struct ipc_object *o, const struct ipc_request *r)
{
	return r->size > semset_of(o)->nsems ? -EINVAL : 0;
}

static int
create(const struct ipc_request *r, struct ipc_object **out)
{
	struct semset *s;

	if (r->size == 0)
		return -EINVAL;
	if (ipc_current()->sems + r->size > ipc_limit_get(IPC_SEMMNS))
		return -ENOSPC;
	s = kmem_alloc(sizeof(*s), KM_USER | KM_ZERO);
	if (s == NULL)
		return -ENOMEM;
	s->nsems = (u32)r->size;
	s->sems = kmem_valloc(s->nsems * sizeof(s->sems[0]), KM_USER);
	if (s->sems == NULL) {
		kmem_free(s);
		return -ENOMEM;
	}
	ipc_object_init(&s->o, &ipc_current()->sem, r);
	semset_init_sems(s);
	s->ctime = ipc_now();
	*out = &s->o;
	return 0;
}

static void
added(struct ipc_object *o)
{
	atomic_add(&o->ids->ns->sems, (u64)semset_of(o)->nsems);
}

long
semset_get(s32 key, int nsems, u32 flags)
{
	struct ipc_request r = { .key = key, .flags = flags, .size = (u64)nsems, .max = (u32)ipc_limit_get(IPC_SEMMNI),
		.check = check, .create = create, .added = added };

	if (nsems < 0 || (u64)nsems > ipc_limit_get(IPC_SEMMSL))
		return -EINVAL;
	return ipc_get(&ipc_current()->sem, &r);
}

static void
finish(struct list *done)
{
	struct sem_waiter *w;

	while ((w = list_first(done, struct sem_waiter, node)) != NULL) {
		list_del(&w->node);
		(void)thread_wake(w->thread);
	}
}

void
semset_progress(struct semset *s)
{
	struct list done = LIST_INIT(done);

	spin_assert_held(&s->o.lock);
	semset_update(s, &done);
	if (!list_empty(&done))
		s->otime = ipc_now();
	finish(&done);
}

int
semset_remove(int id)
{
	struct ipc_object *o;
	struct semset *s;
	int err = ipc_lock_owned(&ipc_current()->sem, id, &o);

	if (err != 0)
		return err;
	s = semset_of(o);
	ipc_remove(o);
	sem_undo_drop_all(s);
	for (u32 i = 0; i < s->nsems; i++) {
		struct sem_waiter *w;

		list_for_each(w, &s->sems[i].waiters, node)
			w->status = -EIDRM;
		finish(&s->sems[i].waiters);
	}
	atomic_sub(&o->ids->ns->sems, (u64)s->nsems);
	ipc_unlock_table(o);
	ipc_put(o);
	return 0;
}

/* --- semop --- */

struct ops_summary { u32 max; bool undo, alter; };

static struct ops_summary
summarize(const struct abi_sembuf *ops, u32 nops)
{
	struct ops_summary sum = { 0 };

	for (u32 i = 0; i < nops; i++) {
		sum.max = MAX(sum.max, (u32)ops[i].num);
		sum.undo |= (ops[i].flags & SEM_UNDO) != 0;
		sum.alter |= ops[i].op != 0;
	}
	return sum;
}

/* The set is locked; on return too. */
static int
wait_turn(struct semset *s, const struct sem_request *r, u32 blocked, nsec_t deadline)
{
	struct sem_waiter w = { .req = *r, .ticket = s->tickets++, .blocked = blocked, .status = IPC_WAITING, .thread = thread_current() };
	int err;

	semset_enqueue(s, &w);
	err = ipc_sleep(&s->o, &w.status, deadline);
	if (err == 0)
		return w.status;
	list_del(&w.node);
	return err;
}

static int
operate_locked(struct semset *s, const struct abi_sembuf *ops, u32 nops, nsec_t deadline)
{
	struct sem_request r = { .ops = ops, .nops = nops, .pid = process_current()->pids[PID_TGID] };
	struct ops_summary sum = summarize(ops, nops);
	struct sem_undo *un;
	u32 blocked;
	int err;

	if (sum.max >= s->nsems)
		return -EFBIG;
	err = ipc_permission(&s->o, sum.alter ? IPC_W : IPC_R);
	if (err != 0)
		return err;
	if (sum.undo) {
		err = sem_undo_get(s, &un);
		if (err != 0)
			return err;
		r.adjust = un->adjust;
	}
	err = semset_try(s, &r, &blocked);
	if (err == 1)
		return wait_turn(s, &r, blocked, deadline);
	if (err != 0)
		return err;
	s->otime = ipc_now();
	for (u32 i = 0; i < nops; i++)
		if (ops[i].op != 0)
			semset_changed(s, ops[i].num);
	semset_progress(s);
	return 0;
}

long
semset_operate(int id, const struct abi_sembuf *ops, u32 nops, nsec_t deadline)
{
	struct semset *s;
	int err = lock_set(id, &s);

	if (err != 0)
		return err;
	err = operate_locked(s, ops, nops, deadline);
	ipc_unlock(&s->o);
	return err;
}

/* --- semctl --- */

int
semset_set(int id, const struct abi_ipc_perm *perm)
{
	struct ipc_object *o;
	int err = ipc_lock_owned(&ipc_current()->sem, id, &o);

	if (err != 0)
		return err;
	err = ipc_perm_set(o, perm);
	if (err == 0)
		semset_of(o)->ctime = ipc_now();
	ipc_unlock_table(o);
	return err;
}

long
semset_stat(int id, enum ipc_stat how, struct abi_semid_ds *ds)
{
	struct ipc_object *o;
	struct semset *s;
	long ret = ipc_lock_stat(&ipc_current()->sem, id, how, &o);

	if (ret != 0)
		return ret;
	s = semset_of(o);
	*ds = (struct abi_semid_ds){ .otime = s->otime, .ctime = s->ctime, .nsems = s->nsems };
	ipc_perm_get(o, &ds->perm);
	ret = how == IPC_BY_ID ? 0 : o->id;
	ipc_unlock(o);
	return ret;
}

long
semset_info(bool usage, struct abi_seminfo *info)
{
	struct ipc_ns *ns = ipc_current();

	*info = (struct abi_seminfo){ .semmap = (s32)ns->limits[IPC_SEMMNS], .semmni = (s32)ns->limits[IPC_SEMMNI],
		.semmns = (s32)ns->limits[IPC_SEMMNS], .semmnu = (s32)ns->limits[IPC_SEMMNS], .semmsl = (s32)ns->limits[IPC_SEMMSL],
		.semopm = (s32)ns->limits[IPC_SEMOPM], .semume = (s32)ns->limits[IPC_SEMOPM], .semusz = SEMUSZ, .semvmx = SEMVMX,
		.semaem = SEMAEM };
	if (usage) {
		info->semusz = (s32)ipc_used(&ns->sem);
		info->semaem = (s32)atomic_load_relaxed(&ns->sems);
	}
	return ipc_top(&ns->sem);
}

static long
count_waiters(const struct semset *s, u32 num, bool zero)
{
	struct sem_waiter *w;
	long n = 0;

	list_for_each(w, &s->sems[num].waiters, node)
		n += (w->req.ops[w->blocked].op == 0) == zero;
	return n;
}

long
semset_read(int id, int num, int cmd)
{
	struct semset *s;
	long ret = lock_set(id, &s);

	if (ret != 0)
		return ret;
	ret = ipc_permission(&s->o, IPC_R);
	if (ret != 0)
		goto out_unlock;
	ret = -EINVAL;
	if (num < 0 || (u32)num >= s->nsems)
		goto out_unlock;
	switch (cmd) {
	case GETVAL:
		ret = s->sems[num].value;
		break;
	case GETPID:
		ret = pid_nr(s->sems[num].pid);
		break;
	case GETNCNT:
	case GETZCNT:
		ret = count_waiters(s, (u32)num, cmd == GETZCNT);
		break;
	}
out_unlock:
	ipc_unlock(&s->o);
	return ret;
}

int
semset_set_value(int id, int num, int value)
{
	struct semset *s;
	int err;

	if (value < 0 || value > SEMVMX)
		return -ERANGE;
	err = lock_set(id, &s);
	if (err != 0)
		return err;
	if (num < 0 || (u32)num >= s->nsems)
		err = -EINVAL;
	else
		err = ipc_permission(&s->o, IPC_W);
	if (err == 0) {
		sem_undo_forget(s, num);
		semset_assign(s, (u32)num, value, process_current()->pids[PID_TGID]);
		s->ctime = ipc_now();
		semset_changed(s, (u32)num);
		semset_progress(s);
	}
	ipc_unlock(&s->o);
	return err;
}

int
semset_count(int id, u32 access, u32 *n)
{
	struct semset *s;
	int err = lock_set(id, &s);

	if (err != 0)
		return err;
	*n = s->nsems;
	err = ipc_permission(&s->o, access);
	ipc_unlock(&s->o);
	return err;
}

int
semset_read_all(int id, u16 *values, u32 n)
{
	struct semset *s;
	int err = lock_set(id, &s);

	if (err != 0)
		return err == -EINVAL ? -EIDRM : err;	/* it was there for semset_count() */
	for (u32 i = 0; i < MIN(n, s->nsems); i++)
		values[i] = (u16)s->sems[i].value;
	ipc_unlock(&s->o);
	return 0;
}

int
semset_set_all(int id, const u16 *values, u32 n)
{
	struct semset *s;
	int err = lock_set(id, &s);

	if (err != 0)
		return err == -EINVAL ? -EIDRM : err;
	for (u32 i = 0; i < MIN(n, s->nsems); i++) {
		semset_assign(s, i, values[i], process_current()->pids[PID_TGID]);
		semset_changed(s, i);
	}
	sem_undo_forget(s, -1);
	s->ctime = ipc_now();
	semset_progress(s);
	ipc_unlock(&s->o);
	return 0;
}

static void
show(struct ipc_object *o, void *arg)
{
	struct semset *s = semset_of(o);

	strbuf_printf(arg, "%10d %10d  %4o %10u %5u %5u %5u %5u %10ld %10ld\n", o->key, o->id, o->mode, s->nsems, o->uid.val, o->gid.val,
		o->cuid.val, o->cgid.val, s->otime, s->ctime);
}

void
semset_show(struct strbuf *out)
{
	strbuf_puts(out, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	ipc_for_each(&ipc_current()->sem, show, out);
}
