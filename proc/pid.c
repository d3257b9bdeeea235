/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct pid: the identity of a task, thread group, process group or session, and its number.
 *
 * Numbers are given in rising order up to pid_max, then again from RESERVED_PIDS. A number is free again when nobody bears
 * the identity in any role any more, though references to the struct may outlive it. Found by number under RCU.
 */
#include "proc/proc.h"

#include "sys/kmem.h"
#include "sys/lib/idalloc.h"
#include "sys/lib/xarray.h"

#define PID_LIMIT	4194304
#define RESERVED_PIDS	300

int pid_max = 32768;

static void *node_alloc(void) { return kmem_alloc(sizeof(struct xa_node), KM_ATOMIC); }
static void node_free(void *n) { kmem_free_rcu(n, (struct rcu_head *)((struct xa_node *)n)->reclaim); }
static void *bits_alloc(size_t n) { return kmem_alloc(n, KM_ATOMIC); }
static void bits_free(void *p) { kmem_free(p); }

static const struct xa_ops pid_map_ops = { .alloc = node_alloc, .free = node_free };
static const struct idalloc_ops pid_ids_ops = { .alloc = bits_alloc, .free = bits_free };

static struct spinlock pid_lock = SPINLOCK_INIT(LOCK_PID);
static struct idalloc pid_ids;		/* [pid_lock] */
static struct xarray pid_map;		/* [pid_lock, r] number -> struct pid */
static struct kmem_cache *pid_cache;

void
pid_init(void)
{
	idalloc_init(&pid_ids, 1, PID_LIMIT - 1, &pid_ids_ops);
	xa_init(&pid_map, &pid_map_ops);
	pid_cache = kmem_cache_create("pid", sizeof(struct pid), 0, 0, NULL);
}

/* pid_lock held. The next number, or -errno. */
static int
next_number(void)
{
	u32 before = pid_ids.next;
	int nr = idalloc_get_cyclic(&pid_ids);

	/* Past the top, or gone round: low numbers are kept for the first processes. */
	if (nr > 0 && (nr >= READ_ONCE(pid_max) || ((u32)nr < before && nr < RESERVED_PIDS))) {
		idalloc_put(&pid_ids, (u32)nr);
		pid_ids.next = RESERVED_PIDS - pid_ids.min;
		nr = idalloc_get_cyclic(&pid_ids);
		if (nr >= READ_ONCE(pid_max) || (nr > 0 && nr < RESERVED_PIDS)) {
			idalloc_put(&pid_ids, (u32)nr);
			nr = -EAGAIN;
		}
	}
	return nr == -ENOSPC ? -EAGAIN : nr;
}

/* pid_lock held. That number, or -errno. */
static int
claim_number(pid_t want)
{
	int err = want < READ_ONCE(pid_max) ? idalloc_claim(&pid_ids, (u32)want) : -EINVAL;

	return err == 0 ? want : err == -EBUSY ? -EEXIST : err;
}

/* A new identity with a number, `want` if that is not 0; borne by nobody yet. The caller gets a reference. -EAGAIN: no number;
 * -EEXIST: that one is in use; -EINVAL: it is none; -ENOMEM. */
int
pid_alloc(pid_t want, struct pid **out)
{
	struct pid *pid = kmem_cache_alloc(pid_cache, KM_USER);
	u64 irq;
	int nr, err;

	if (pid == NULL)
		return -ENOMEM;
	memset(pid, 0, sizeof(*pid));
	refcount_init(&pid->refs, 1);
	waitq_init(&pid->wq);
	irq = spin_lock_irqsave(&pid_lock);
	nr = want != 0 ? claim_number(want) : next_number();
	err = nr < 0 ? nr : xa_store(&pid_map, (u64)nr, pid);
	if (err != 0 && nr > 0)
		idalloc_put(&pid_ids, (u32)nr);
	pid->numbers[0].nr = nr;
	spin_unlock_irqrestore(&pid_lock, irq);
	if (err != 0) {
		kmem_cache_free(pid_cache, pid);
		return err;
	}
	*out = pid;
	return 0;
}

pid_t
pid_last(void)
{
	return (pid_t)(READ_ONCE(pid_ids.next) + pid_ids.min - 1);
}

/* Give the number back: nobody bears the identity (proctree_lock held, or it was never borne). */
void
pid_free_number(struct pid *pid)
{
	u64 irq = spin_lock_irqsave(&pid_lock);

	xa_erase(&pid_map, (u64)pid->numbers[0].nr);
	idalloc_put(&pid_ids, (u32)pid->numbers[0].nr);
	spin_unlock_irqrestore(&pid_lock, irq);
}

/* proctree_lock held. The thread bears pid in the role. */
void
pid_attach(struct pid *pid, enum pid_type type, struct proc_thread *pt)
{
	spin_assert_held(&proctree_lock);
	hlist_add_rcu(&pid->users[type], &pt->pid_node[type]);
}

/* proctree_lock held. The last bearer takes the number along. References are the caller's business. */
void
pid_detach(struct pid *pid, enum pid_type type, struct proc_thread *pt)
{
	spin_assert_held(&proctree_lock);
	hlist_del_rcu(&pt->pid_node[type]);
	for (int i = 0; i < PID_TYPES; i++)
		if (!hlist_empty(&pid->users[i]))
			return;
	pid_free_number(pid);
}

void
pid_get(struct pid *pid)
{
	if (pid != NULL)
		refcount_get(&pid->refs);
}

static void
pid_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(pid_cache, container_of(h, struct pid, rcu));
}

void
pid_put(struct pid *pid)
{
	if (pid != NULL && refcount_put(&pid->refs))
		rcu_call(&pid->rcu, pid_free_rcu);
}

pid_t
pid_nr(const struct pid *pid)
{
	return pid != NULL ? pid->numbers[0].nr : 0;
}

struct pid *
pid_find_get(pid_t nr)
{
	struct pid *pid = NULL;

	if (nr <= 0)
		return NULL;
	rcu_read_lock();
	pid = xa_load(&pid_map, (u64)nr);
	if (pid != NULL && !refcount_try_get(&pid->refs))
		pid = NULL;
	rcu_read_unlock();
	return pid;
}

/* RCU read section. The first bearer of pid in the role, or NULL. */
struct proc_thread *
pid_bearer(const struct pid *pid, enum pid_type type)
{
	struct hnode *n = pid != NULL ? rcu_dereference(pid->users[type].first) : NULL;

	return n != NULL ? container_of(n - type, struct proc_thread, pid_node[0]) : NULL;
}

/* RCU read section. By number: the thread or the group's leader; NULL. */
struct proc_thread *
pid_find_bearer(pid_t nr, enum pid_type type)
{
	return nr > 0 ? pid_bearer(xa_load(&pid_map, (u64)nr), type) : NULL;
}

struct process *
process_find_get(pid_t tgid)
{
	struct proc_thread *pt;
	struct process *p = NULL;

	rcu_read_lock();
	pt = pid_find_bearer(tgid, PID_TGID);
	if (pt != NULL) {
		p = pt->proc;
		process_get(p);
	}
	rcu_read_unlock();
	return p;
}

struct thread *
thread_find_get(pid_t tid)
{
	struct proc_thread *pt;
	struct thread *t = NULL;

	rcu_read_lock();
	pt = pid_find_bearer(tid, PID_TID);
	if (pt != NULL) {
		t = pt->thread;
		thread_get(t);
	}
	rcu_read_unlock();
	return t;
}

struct process *
process_next_get(pid_t nr, pid_t *found)
{
	u64 index = nr > 0 ? (u64)nr : 1;
	struct process *p = NULL;
	struct proc_thread *pt;
	struct pid *pid;

	rcu_read_lock();
	for (pid = xa_find(&pid_map, &index, PID_LIMIT); pid != NULL; pid = xa_find_after(&pid_map, &index, PID_LIMIT)) {
		pt = pid_bearer(pid, PID_TGID);
		if (pt != NULL) {
			p = pt->proc;
			process_get(p);
			*found = (pid_t)index;
			break;
		}
	}
	rcu_read_unlock();
	return p;
}
