/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System V IPC, sysvipc(7): what the system calls, procfs and the life of threads use of proc/ipc/.
 *
 * Objects are of the current thread's IPC tables. Ids and errors are those of the man pages: -EINVAL: no such id; -EIDRM: it was removed
 * meanwhile; -EACCES: by its permissions; -EPERM: not its owner. May sleep.
 */
#ifndef PROC_IPC_H
#define PROC_IPC_H

#include "sys/abi/ipc.h"
#include "sys/lib/types.h"

struct proc_thread;
struct strbuf;

void ipc_init(void);		/* boot */

/* clone(2): the child shares the undo list (CLONE_SYSVSEM) or has none. -ENOMEM. ipc_unfork: nothing came of it. */
int __must_check ipc_fork(struct proc_thread *child, bool share);
void ipc_unfork(struct proc_thread *child);
void ipc_unshare(void);		/* unshare(CLONE_SYSVSEM): leave the undo list, which may be the end of it */
/* The thread, the current one, ends: semaphores are undone, segments without users may go. */
void ipc_exit(struct proc_thread *pt);

/* /proc/sysvipc, and the limits in /proc/sys/kernel. */
void shm_show(struct strbuf *out);
void semset_show(struct strbuf *out);
void msgq_show(struct strbuf *out);
enum ipc_limit { IPC_SHMMAX, IPC_SHMALL, IPC_SHMMNI, IPC_SHM_RMID_FORCED, IPC_SEMMSL, IPC_SEMMNS, IPC_SEMOPM, IPC_SEMMNI, IPC_MSGMAX,
	IPC_MSGMNB, IPC_MSGMNI, IPC_LIMITS };
u64 ipc_limit_get(enum ipc_limit which);
u64 ipc_limit_max(enum ipc_limit which);			/* the greatest that can be set */
void ipc_limit_set(enum ipc_limit which, u64 value);		/* at most that */

/* What permission is asked for: of anybody. */
enum { IPC_R = 0444, IPC_W = 0222, IPC_X = 0111 };

/* How *ctl's IPC_STAT and its kin name an object. */
enum ipc_stat { IPC_BY_ID, IPC_BY_INDEX, IPC_BY_INDEX_ANY /* whatever the permissions are */ };

/* --- shm.c --- */
long shm_get(s32 key, u64 size, u32 flags);
long shm_attach(int id, vaddr_t addr, u32 flags);		/* the address */
int shm_detach(vaddr_t addr);
int shm_remove(int id);
int shm_set(int id, const struct abi_ipc_perm *perm);
int shm_lock(int id, bool lock);				/* -EPERM, -ENOMEM by RLIMIT_MEMLOCK */
long shm_stat(int id, enum ipc_stat how, struct abi_shmid_ds *ds);	/* 0 or, by index, the id */
long shm_limits(struct abi_shminfo *info);			/* the greatest index in use */
long shm_usage(struct abi_shm_info *info);

/* --- sem.c --- */
long semset_get(s32 key, int nsems, u32 flags);
/* deadline: of clock_now(), NSEC_MAX: none. ops stays the caller's. -EFBIG, -EAGAIN, -EINTR, -ERANGE, -ENOMEM. */
long semset_operate(int id, const struct abi_sembuf *ops, u32 nops, nsec_t deadline);
int semset_remove(int id);
int semset_set(int id, const struct abi_ipc_perm *perm);
long semset_stat(int id, enum ipc_stat how, struct abi_semid_ds *ds);
long semset_info(bool usage, struct abi_seminfo *info);
long semset_read(int id, int num, int cmd);			/* GETVAL, GETPID, GETNCNT, GETZCNT */
int semset_set_value(int id, int num, int value);
/* All values: kmem_vfree() is the caller's. How many the set has, for who may access it so (IPC_R, IPC_W). */
int semset_count(int id, u32 access, u32 *n);
int semset_read_all(int id, u16 *values, u32 n);
int semset_set_all(int id, const u16 *values, u32 n);

/* --- msg.c --- */
struct msg;
struct msg *msg_alloc(size_t len) __must_check;			/* NULL: no memory */
void *msg_data(struct msg *m);
size_t msg_len(const struct msg *m);
void msg_set_type(struct msg *m, s64 type);
s64 msg_type(const struct msg *m);
void msg_put(struct msg *m);

long msgq_get(s32 key, u32 flags);
/* Takes m on success. -EAGAIN, -EINTR. */
int __must_check msgq_send(int id, struct msg *m, u32 flags);
/* *m is the caller's to put. -ENOMSG, -E2BIG, -EINTR. */
int __must_check msgq_receive(int id, size_t max, s64 type, u32 flags, struct msg **m);
int msgq_remove(int id);
int msgq_set(int id, const struct abi_ipc_perm *perm, u64 qbytes);
long msgq_stat(int id, enum ipc_stat how, struct abi_msqid_ds *ds);
long msgq_info(bool usage, struct abi_msginfo *info);

#endif
