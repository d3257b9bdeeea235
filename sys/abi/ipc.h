/* SPDX-License-Identifier: BSD-2-Clause */
/* System V IPC of the ABI: ipc(2), shmctl(2), semctl(2), msgctl(2). */
#ifndef SYS_ABI_IPC_H
#define SYS_ABI_IPC_H

#include "sys/lib/types.h"

#define IPC_PRIVATE	0
#define IPC_CREAT	01000
#define IPC_EXCL	02000
#define IPC_NOWAIT	04000
#define IPC_PERM_BITS	0777

#define IPC_RMID	0
#define IPC_SET		1
#define IPC_STAT	2
#define IPC_INFO	3

struct abi_ipc_perm {
	s32 key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq, pad;
	u32 pad2;
	u64 unused[2];
};
_Static_assert(sizeof(struct abi_ipc_perm) == 48, "struct ipc_perm");

/* --- shared memory --- */
#define SHM_EXEC	0100000
#define SHM_RDONLY	010000
#define SHM_RND		020000
#define SHM_REMAP	040000
#define SHM_HUGETLB	04000
#define SHM_NORESERVE	010000
#define SHM_HUGE_SHIFT	26
#define SHM_HUGE_MASK	0x3f
#define SHM_DEST	01000		/* in the mode: goes with the last attachment */
#define SHM_LOCKED	02000
#define SHM_LOCK	11
#define SHM_UNLOCK	12
#define SHM_STAT	13
#define SHM_INFO	14
#define SHM_STAT_ANY	15

struct abi_shmid_ds {
	struct abi_ipc_perm perm;
	u64 segsz;
	s64 atime, dtime, ctime;
	s32 cpid, lpid;
	u64 nattch, unused[2];
};
_Static_assert(sizeof(struct abi_shmid_ds) == 112, "struct shmid_ds");
struct abi_shminfo { u64 shmmax, shmmin, shmmni, shmseg, shmall, unused[4]; };
struct abi_shm_info { s32 used_ids, pad; u64 shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes; };

/* --- semaphores --- */
#define SEM_UNDO	0x1000
#define GETPID		11
#define GETVAL		12
#define GETALL		13
#define GETNCNT		14
#define GETZCNT		15
#define SETVAL		16
#define SETALL		17
#define SEM_STAT	18
#define SEM_INFO	19
#define SEM_STAT_ANY	20
#define SEMVMX		32767
#define SEMAEM		32767

struct abi_sembuf { u16 num; s16 op, flags; };
struct abi_semid_ds {
	struct abi_ipc_perm perm;
	s64 otime, pad1, ctime, pad2;
	u64 nsems, unused[2];
};
_Static_assert(sizeof(struct abi_semid_ds) == 104, "struct semid_ds");
struct abi_seminfo { s32 semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem; };

/* --- messages --- */
#define MSG_NOERROR	010000
#define MSG_EXCEPT	020000
#define MSG_COPY	040000
#define MSG_STAT	11
#define MSG_INFO	12
#define MSG_STAT_ANY	13

struct abi_msqid_ds {
	struct abi_ipc_perm perm;
	s64 stime, rtime, ctime;
	u64 cbytes, qnum, qbytes;
	s32 lspid, lrpid;
	u64 unused[2];
};
_Static_assert(sizeof(struct abi_msqid_ds) == 120, "struct msqid_ds");
struct abi_msginfo { s32 msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql; u16 msgseg; };

#endif
