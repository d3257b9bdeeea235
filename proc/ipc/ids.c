/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPC objects as programs find them: by key or id, under their permissions (ipc(2), svipc(7)); limits; how threads sleep on them.
 */
#include "proc/ipc/ipc.h"

#include "proc/proc.h"
#include "sys/clock.h"
#include "sys/nsset.h"

static struct ipc_ns init_ipc_ns = {
	.limits = {
		[IPC_SHMMAX] = UINT64_MAX - (1UL << 24), [IPC_SHMALL] = UINT64_MAX - (1UL << 24), [IPC_SHMMNI] = 4096,
		[IPC_SEMMSL] = 32000, [IPC_SEMMNS] = 32000UL * 32000, [IPC_SEMOPM] = 500, [IPC_SEMMNI] = 32000,
		[IPC_MSGMAX] = 8192, [IPC_MSGMNB] = 16384, [IPC_MSGMNI] = 32000,
	},
};

static const u64 limit_max[IPC_LIMITS] = {
	[IPC_SHMMAX] = UINT64_MAX, [IPC_SHMALL] = UINT64_MAX, [IPC_SHMMNI] = IPC_INDEXES, [IPC_SHM_RMID_FORCED] = 1,
	[IPC_SEMMSL] = INT32_MAX, [IPC_SEMMNS] = INT32_MAX, [IPC_SEMOPM] = INT32_MAX, [IPC_SEMMNI] = IPC_INDEXES,
	[IPC_MSGMAX] = INT32_MAX, [IPC_MSGMNB] = INT32_MAX, [IPC_MSGMNI] = IPC_INDEXES,
};

struct ipc_ns *
ipc_current(void)
{
	return nsset_current()->ipc;
}

void
ipc_init(void)
{
	struct ipc_ns *ns = &init_ipc_ns;

	shm_init(ns);
	sem_init_ns(ns);
	msg_init_ns(ns);
	init_nsset.ipc = ns;
}

u64
ipc_limit_get(enum ipc_limit which)
{
	return atomic_load_relaxed(&ipc_current()->limits[which]);
}

u64
ipc_limit_max(enum ipc_limit which)
{
	return limit_max[which];
}

void
ipc_limit_set(enum ipc_limit which, u64 value)
{
	struct ipc_ns *ns = ipc_current();

	atomic_store_relaxed(&ns->limits[which], value);
	if (which == IPC_SHM_RMID_FORCED && value != 0)
		shm_destroy_orphans(ns);
}

void
ipc_exit(struct proc_thread *pt)
{
	sem_undo_exit(pt);
	shm_exit(pt);
}

void
ipc_unshare(void)
{
	sem_undo_exit(pt_current());
}

/* --- permissions --- */

int
ipc_permission(const struct ipc_object *o, u32 access)
{
	const struct cred *c = cred_current();
	u32 granted = o->mode, wanted = (access >> 6 | access >> 3 | access) & 7;

	spin_assert_held(&o->lock);
	if (uid_eq(c->euid, o->cuid) || uid_eq(c->euid, o->uid))
		granted >>= 6;
	else if (cred_in_group(c, o->cgid) || cred_in_group(c, o->gid))
		granted >>= 3;
	return (wanted & ~granted) == 0 || capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

bool
ipc_is_owner(const struct ipc_object *o)
{
	const struct cred *c = cred_current();

	return uid_eq(c->euid, o->cuid) || uid_eq(c->euid, o->uid);
}

void
ipc_perm_get(const struct ipc_object *o, struct abi_ipc_perm *perm)
{
	*perm = (struct abi_ipc_perm){ .key = o->key, .uid = o->uid.val, .gid = o->gid.val, .cuid = o->cuid.val, .cgid = o->cgid.val,
		.mode = o->mode, .seq = (u16)ipc_seq(o->id) };
}

int
ipc_perm_set(struct ipc_object *o, const struct abi_ipc_perm *perm)
{
	spin_assert_held(&o->lock);
	if (perm->uid == UINT32_MAX || perm->gid == UINT32_MAX)
		return -EINVAL;
	o->uid = make_kuid(&init_user_ns, perm->uid);
	o->gid = make_kgid(&init_user_ns, perm->gid);
	o->mode = (o->mode & ~(u32)IPC_PERM_BITS) | (perm->mode & IPC_PERM_BITS);
	return 0;
}

/* --- life --- */

/* The radix nodes of tables: lockless readers may be in one that is freed. */
static void *
node_alloc(void)
{
	return kmem_alloc(sizeof(struct xa_node), KM_NORMAL);
}

static void
node_free(void *node)
{
	kmem_free_rcu(node, (struct rcu_head *)((struct xa_node *)node)->reclaim);
}

static const struct xa_ops node_ops = { .alloc = node_alloc, .free = node_free };

void
ipc_ids_init(struct ipc_ids *ids, struct ipc_ns *ns, void (*destroy)(struct ipc_object *o))
{
	mutex_init(&ids->lock, LOCK_IPC);
	ipc_table_init(&ids->table, &node_ops);
	ids->ns = ns;
	ids->destroy = destroy;
}

void
ipc_object_init(struct ipc_object *o, struct ipc_ids *ids, const struct ipc_request *r)
{
	const struct cred *c = cred_current();

	refcount_init(&o->refs, 1);
	spin_init(&o->lock, LOCK_IPC_OBJECT);
	o->removed = false;
	o->key = r->key;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	o->mode = r->flags & IPC_PERM_BITS;
	o->ids = ids;
}

void
ipc_get_object(struct ipc_object *o)
{
	refcount_get(&o->refs);
}

void
ipc_put(struct ipc_object *o)
{
	if (o == NULL || !refcount_put(&o->refs))
		return;
	o->ids->destroy(o);
	kmem_free_rcu(o, &o->rcu);
}

/* The key is taken, by o: is that what r wants? The id or -errno. */
static long
check_existing(struct ipc_object *o, const struct ipc_request *r)
{
	long err;

	if ((r->flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	spin_lock(&o->lock);
	err = r->check != NULL ? r->check(o, r) : 0;
	if (err == 0)
		err = ipc_permission(o, r->flags & IPC_PERM_BITS);
	spin_unlock(&o->lock);
	return err != 0 ? err : o->id;
}

static long
add(struct ipc_ids *ids, struct ipc_object *o, const struct ipc_request *r)
{
	int err = ipc_table_add(&ids->table, o, r->max);

	if (err != 0)
		return err;
	if (r->added != NULL)
		r->added(o);
	return o->id;
}

long
ipc_get(struct ipc_ids *ids, const struct ipc_request *r)
{
	struct ipc_object *o, *new = NULL;
	long ret;

	for (;;) {
		mutex_lock(&ids->lock);
		o = r->key != IPC_PRIVATE ? ipc_table_find_key(&ids->table, r->key) : NULL;
		if (o != NULL)
			ret = check_existing(o, r);
		else if (r->key != IPC_PRIVATE && !(r->flags & IPC_CREAT))
			ret = -ENOENT;
		else
			ret = new != NULL ? add(ids, new, r) : 0;
		mutex_unlock(&ids->lock);
		if (o == NULL && new == NULL && ret == 0) {	/* made without the lock: then the key is looked for again */
			ret = r->create(r, &new);
			if (ret == 0)
				continue;
		}
		break;
	}
	if (new != NULL && (o != NULL || ret < 0))
		ipc_put(new);
	return ret;
}

void
ipc_remove(struct ipc_object *o)
{
	mutex_assert_held(&o->ids->lock);
	spin_assert_held(&o->lock);
	ipc_table_remove(&o->ids->table, o);
	o->removed = true;
}

/* --- finding --- */

int
ipc_find(struct ipc_ids *ids, s32 id, bool by_index, struct ipc_object **out)
{
	struct ipc_object *o;
	int err = -EINVAL;

	if (id < 0)
		return -EINVAL;
	rcu_read_lock();
	o = ipc_table_at(&ids->table, ipc_index(id));
	if (o != NULL && (by_index ? (u32)id < IPC_INDEXES : o->id == id) && refcount_try_get(&o->refs))
		err = 0;
	rcu_read_unlock();
	*out = o;
	return err;
}

/* Lock the referenced o, or put it. */
static int
lock_found(struct ipc_object *o)
{
	spin_lock(&o->lock);
	if (!o->removed)
		return 0;
	ipc_unlock(o);
	return -EIDRM;
}

int
ipc_lock(struct ipc_ids *ids, s32 id, struct ipc_object **out)
{
	int err = ipc_find(ids, id, false, out);

	return err != 0 ? err : lock_found(*out);
}

int
ipc_lock_stat(struct ipc_ids *ids, s32 id, enum ipc_stat how, struct ipc_object **out)
{
	int err = ipc_find(ids, id, how != IPC_BY_ID, out);

	if (err == 0)
		err = lock_found(*out);
	if (err != 0 || how == IPC_BY_INDEX_ANY)
		return err;
	err = ipc_permission(*out, IPC_R);
	if (err != 0)
		ipc_unlock(*out);
	return err;
}

int
ipc_lock_owned(struct ipc_ids *ids, s32 id, struct ipc_object **out)
{
	int err = ipc_find(ids, id, false, out);

	if (err != 0)
		return err;
	mutex_lock(&ids->lock);
	err = lock_found(*out);
	if (err != 0) {
		mutex_unlock(&ids->lock);
		return err;
	}
	if (ipc_is_owner(*out) || capable(CAP_SYS_ADMIN))
		return 0;
	ipc_unlock_table(*out);
	return -EPERM;
}

void
ipc_unlock(struct ipc_object *o)
{
	spin_unlock(&o->lock);
	ipc_put(o);
}

void
ipc_unlock_table(struct ipc_object *o)
{
	spin_unlock(&o->lock);
	mutex_unlock(&o->ids->lock);
	ipc_put(o);
}

void
ipc_for_each(struct ipc_ids *ids, void (*fn)(struct ipc_object *o, void *arg), void *arg)
{
	struct ipc_object *o;
	u64 index;

	mutex_lock(&ids->lock);
	xa_for_each(o, &ids->table.objects, index) {
		spin_lock(&o->lock);
		fn(o, arg);
		spin_unlock(&o->lock);
	}
	mutex_unlock(&ids->lock);
}

long
ipc_top(struct ipc_ids *ids)
{
	return MAX(READ_ONCE(ids->table.top), 0);
}

u32
ipc_used(struct ipc_ids *ids)
{
	return READ_ONCE(ids->table.used);
}

/* --- for all three --- */

s64
ipc_now(void)
{
	return clock_realtime_coarse() / NSEC_PER_SEC;
}

void
ipc_set_pid(struct pid **p)
{
	struct pid *new = process_current()->pids[PID_TGID], *old = *p;

	if (old == new)
		return;
	pid_get(new);
	*p = new;
	pid_put(old);
}

int
ipc_sleep(struct ipc_object *o, const int *status, nsec_t deadline)
{
	int err = 0;

	spin_assert_held(&o->lock);
	while (*status == IPC_WAITING && err == 0) {
		thread_set_state(THREAD_INTERRUPTIBLE);
		spin_unlock(&o->lock);
		if (thread_signal_pending(thread_current()))
			err = -EINTR;
		else if (thread_schedule_until(deadline) != 0)
			err = -EAGAIN;
		thread_set_state(THREAD_RUNNING);
		spin_lock(&o->lock);
	}
	return *status == IPC_WAITING ? err : 0;
}
