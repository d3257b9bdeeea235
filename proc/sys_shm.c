/* SPDX-License-Identifier: BSD-2-Clause */
/* shmget(2), shmat(2), shmdt(2), shmctl(2). */
#include "proc/ipc.h"

#include "mm/usercopy.h"
#include "syscall_protos.h"
#include "sys/abi/errno.h"

long
sys_shmget(int key, size_t size, int flags)
{
	return shm_get(key, size, (u32)flags);
}

long
sys_shmat(int id, u64 addr, int flags)
{
	return shm_attach(id, addr, (u32)flags);
}

long
sys_shmdt(u64 addr)
{
	return shm_detach(addr);
}

static long
stat(int id, enum ipc_stat how, void __user *buf)
{
	struct abi_shmid_ds ds;
	long ret = shm_stat(id, how, &ds);

	return ret >= 0 && copy_to_user(buf, &ds, sizeof(ds)) != 0 ? -EFAULT : ret;
}

static long
set(int id, const void __user *buf)
{
	struct abi_shmid_ds ds;
	int err = copy_from_user(&ds, buf, sizeof(ds));

	return err != 0 ? err : shm_set(id, &ds.perm);
}

static long
limits(void __user *buf)
{
	struct abi_shminfo info;
	long top = shm_limits(&info);

	return copy_to_user(buf, &info, sizeof(info)) != 0 ? -EFAULT : top;
}

static long
usage(void __user *buf)
{
	struct abi_shm_info info;
	long top = shm_usage(&info);

	return copy_to_user(buf, &info, sizeof(info)) != 0 ? -EFAULT : top;
}

long
sys_shmctl(int id, int cmd, void __user *buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return limits(buf);
	case SHM_INFO:
		return usage(buf);
	case IPC_STAT:
		return stat(id, IPC_BY_ID, buf);
	case SHM_STAT:
		return stat(id, IPC_BY_INDEX, buf);
	case SHM_STAT_ANY:
		return stat(id, IPC_BY_INDEX_ANY, buf);
	case IPC_SET:
		return set(id, buf);
	case IPC_RMID:
		return shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock(id, cmd == SHM_LOCK);
	}
	return -EINVAL;
}
