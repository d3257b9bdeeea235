/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of proc/ipc/ share. README.md tells how the parts work together.
 *
 * Lock key: [I] immutable  [a] atomic  [l] object->lock  [T] ids->lock  [r] RCU  [u] undo list's lock
 */
#ifndef PROC_IPC_IPC_H
#define PROC_IPC_IPC_H

#include "proc/ipc.h"
#include "sys/cred.h"
#include "sys/lib/list.h"
#include "sys/lib/rbtree.h"
#include "sys/lib/xarray.h"
#include "sys/mutex.h"
#include "sys/pid.h"
#include "sys/refcount.h"
#include "sys/spinlock.h"

struct file;
struct thread;
struct user_counts;

/* --- table.c: ids and keys; pure code, its caller locks --- */

#define IPC_INDEX_BITS	15
#define IPC_INDEXES	(1u << IPC_INDEX_BITS)
#define IPC_SEQS	(1u << (31 - IPC_INDEX_BITS))

struct ipc_object {
	struct refcount refs;		/* [a] the table's, and users' */
	struct spinlock lock;		/* LOCK_IPC_OBJECT */
	bool removed;			/* [l] */
	s32 id;				/* [I] sequence number and index */
	s32 key;			/* [T+l] IPC_PRIVATE: not found by key */
	kuid_t uid, cuid;		/* [l], [I] */
	kgid_t gid, cgid;		/* [l], [I] */
	u32 mode;			/* [l] */
	struct rbnode key_node;		/* [T] while there is a key */
	struct ipc_ids *ids;		/* [I] */
	struct rcu_head rcu;
};

struct ipc_table {
	struct xarray objects;		/* [T, r] by index */
	struct rbtree keys;		/* [T] */
	u32 used;			/* [T] */
	s32 top;			/* [T] greatest index in use, or -1 */
	u32 next, seq;			/* [T] where the search for an index goes on, and how often it went round */
};

static inline u32 ipc_index(s32 id) { return (u32)id & (IPC_INDEXES - 1); }
static inline u32 ipc_seq(s32 id) { return (u32)id >> IPC_INDEX_BITS; }

void ipc_table_init(struct ipc_table *t, const struct xa_ops *ops);
/* Give o an id, and make it found by that and o->key. -ENOSPC: max are in use; -ENOMEM. */
int __must_check ipc_table_add(struct ipc_table *t, struct ipc_object *o, u32 max);
void ipc_table_remove(struct ipc_table *t, struct ipc_object *o);
void ipc_table_forget_key(struct ipc_table *t, struct ipc_object *o);
struct ipc_object *ipc_table_find_key(const struct ipc_table *t, s32 key);
/* Also under RCU. NULL */
struct ipc_object *ipc_table_at(const struct ipc_table *t, u32 index);

/* --- ids.c: objects, as others find them --- */

struct ipc_ids {
	struct mutex lock;		/* LOCK_IPC: who comes and goes */
	struct ipc_table table;		/* [T, r] */
	struct ipc_ns *ns;		/* [I] */
	void (*destroy)(struct ipc_object *o);	/* [I] nobody refers to it: all but the memory, which RCU gives back */
};

/* All of a namespace. */
struct ipc_ns {
	struct ipc_ids shm, sem, msg;
	u64 limits[IPC_LIMITS];		/* [a] */
	u64 shm_pages;			/* [a] of all segments */
	u64 sems;			/* [a] of all sets */
	u64 msgs, msg_bytes;		/* [a] in all queues */
};
struct ipc_ns *ipc_current(void);

/* What *get(2) asks for. */
struct ipc_request {
	s32 key;
	u32 flags;
	u64 size;
	u32 max;					/* objects in the table */
	int (*check)(struct ipc_object *o, const struct ipc_request *r);	/* it exists: -EINVAL. [l] held */
	int (*create)(const struct ipc_request *r, struct ipc_object **out);	/* no locks held */
	void (*added)(struct ipc_object *o);		/* it has its id; NULL: nothing to do */
};
void ipc_ids_init(struct ipc_ids *ids, struct ipc_ns *ns, void (*destroy)(struct ipc_object *o));
/* For create(): owner and permission of the current thread. */
void ipc_object_init(struct ipc_object *o, struct ipc_ids *ids, const struct ipc_request *r);
/* The id, or -EEXIST, -ENOENT, -EACCES, -ENOSPC ... */
long ipc_get(struct ipc_ids *ids, const struct ipc_request *r);

/* Referenced. -EINVAL. by index: of whatever id. */
int __must_check ipc_find(struct ipc_ids *ids, s32 id, bool by_index, struct ipc_object **out);
/* The same, locked. -EINVAL, -EIDRM. */
int __must_check ipc_lock(struct ipc_ids *ids, s32 id, struct ipc_object **out);
/* The same for IPC_STAT and its kin, and may be read. */
int __must_check ipc_lock_stat(struct ipc_ids *ids, s32 id, enum ipc_stat how, struct ipc_object **out);
/* The same for IPC_SET and IPC_RMID, by an owner. The table is locked too; ipc_unlock_table() ends it. -EPERM */
int __must_check ipc_lock_owned(struct ipc_ids *ids, s32 id, struct ipc_object **out);
void ipc_unlock(struct ipc_object *o);		/* and put */
void ipc_unlock_table(struct ipc_object *o);	/* and put */
void ipc_get_object(struct ipc_object *o);
void ipc_put(struct ipc_object *o);
/* Off the table, whose reference the caller has to put. Both locks held. */
void ipc_remove(struct ipc_object *o);

/* access: IPC_R, IPC_W, IPC_X, together. 0, -EACCES. [l] held. */
int __must_check ipc_permission(const struct ipc_object *o, u32 access);
bool ipc_is_owner(const struct ipc_object *o);		/* or creator */
void ipc_perm_get(const struct ipc_object *o, struct abi_ipc_perm *perm);
int __must_check ipc_perm_set(struct ipc_object *o, const struct abi_ipc_perm *perm);
/* fn for every object, locked. */
void ipc_for_each(struct ipc_ids *ids, void (*fn)(struct ipc_object *o, void *arg), void *arg);
long ipc_top(struct ipc_ids *ids);			/* greatest index in use, at least 0 */
u32 ipc_used(struct ipc_ids *ids);

s64 ipc_now(void);					/* seconds, as *_ds tell them */
void ipc_set_pid(struct pid **p);			/* the current process; *p is a reference or NULL */
/* Sleep until *status isn't IPC_WAITING. o is locked, on return too. 0; -EINTR, -EAGAIN (deadline): and it is waiting still. */
#define IPC_WAITING	1
int __must_check ipc_sleep(struct ipc_object *o, const int *status, nsec_t deadline);

/* --- shm.c --- */
void shm_init(struct ipc_ns *ns);
void shm_exit(struct proc_thread *pt);
void shm_destroy_orphans(struct ipc_ns *ns);

/* --- sem.c --- */

struct sem {
	s32 value;			/* [l] */
	struct pid *pid;		/* [l] whose operation changed it last; reference or NULL */
	struct list waiters;		/* [l] struct sem_waiter that this one blocks, in order of arrival */
	struct list changed;		/* [l] in the set's list: its waiters are to be looked at */
};

struct semset {
	struct ipc_object o;		/* first */
	u32 nsems;			/* [I] */
	struct sem *sems;		/* [I] */
	s64 otime, ctime;		/* [l] */
	u64 tickets;			/* [l] */
	struct list changed;		/* [l] */
	struct list undos;		/* [l] struct sem_undo.set_node */
};

struct sem_request {
	const struct abi_sembuf *ops;
	u32 nops;
	s16 *adjust;			/* [l] of the undo, by semaphore; NULL: no operation asks for it */
	struct pid *pid;		/* who operates */
};

struct sem_waiter {
	struct list node;		/* [l] in sem.waiters, then in a list of those done */
	struct sem_request req;
	u64 ticket;			/* [l] order of arrival */
	u32 blocked;			/* [l] the operation that cannot go on */
	int status;			/* [l] IPC_WAITING, or the result */
	struct thread *thread;
};

/* --- sem_op.c: the algorithm; [l] held --- */
void semset_init_sems(struct semset *s);
/* All operations or none. 0; 1: *blocked would have to wait; -EAGAIN (IPC_NOWAIT), -ERANGE. */
int semset_try(struct semset *s, const struct sem_request *r, u32 *blocked);
void semset_changed(struct semset *s, u32 num);	/* its value is another */
/* Complete what can go on now, in order of arrival; who is done comes into the list, with its status. */
void semset_update(struct semset *s, struct list *done);
void semset_enqueue(struct semset *s, struct sem_waiter *w);	/* blocked by w->blocked */
void semset_assign(struct semset *s, u32 num, s32 value, struct pid *pid);	/* value and pid */

void sem_init_ns(struct ipc_ns *ns);
void semset_progress(struct semset *s);		/* semset_update(), and wake */

/* --- sem_undo.c --- */

struct sem_undo {
	struct list list_node;		/* [u] */
	struct list set_node;		/* [l] */
	struct sem_undo_list *list;	/* [I] */
	struct semset *set;		/* [I] */
	s16 adjust[];			/* [l] */
};
/* The current thread's undo of the locked s. The lock may be let go meanwhile: -EIDRM. -ENOMEM. */
int __must_check sem_undo_get(struct semset *s, struct sem_undo **out);
void sem_undo_forget(struct semset *s, s64 num);	/* SETVAL: of one semaphore; SETALL: -1. [l] held */
void sem_undo_drop_all(struct semset *s);		/* the set goes. [l] held */
void sem_undo_exit(struct proc_thread *pt);

/* --- msg.c --- */
void msg_init_ns(struct ipc_ns *ns);

#endif
