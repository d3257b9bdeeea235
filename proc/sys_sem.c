/* SPDX-License-Identifier: BSD-2-Clause */
/* semget(2), semop(2), semtimedop(2), semctl(2). */
#include "proc/ipc.h"

#include "mm/usercopy.h"
#include "syscall_protos.h"
#include "sys/clock.h"
#include "sys/kmem.h"
#include "sys/abi/errno.h"
#include "sys/abi/timespec.h"

#define FEW_OPS	32		/* that many are copied onto the stack */

long
sys_semget(int key, int nsems, int flags)
{
	return semset_get(key, nsems, (u32)flags);
}

/* --- operations --- */

static long
operate(int id, const void __user *uops, u32 nops, nsec_t deadline)
{
	struct abi_sembuf few[FEW_OPS], *ops = few;
	long ret;

	if (nops < 1 || id < 0)
		return -EINVAL;
	if (nops > ipc_limit_get(IPC_SEMOPM))
		return -E2BIG;
	if (nops > FEW_OPS) {
		ops = kmem_valloc(nops * sizeof(*ops), KM_USER);
		if (ops == NULL)
			return -ENOMEM;
	}
	ret = copy_from_user(ops, uops, nops * sizeof(*ops));
	if (ret == 0)
		ret = semset_operate(id, ops, nops, deadline);
	if (ops != few)
		kmem_vfree(ops);
	return ret;
}

long
sys_semop(int id, const void __user *ops, unsigned int nops)
{
	return operate(id, ops, nops, NSEC_MAX);
}

long
sys_semtimedop(int id, const void __user *ops, unsigned int nops, const void __user *timeout)
{
	nsec_t deadline = NSEC_MAX, now, ns;
	struct abi_timespec ts;

	if (timeout != NULL) {
		if (copy_from_user(&ts, timeout, sizeof(ts)) != 0)
			return -EFAULT;
		if (nops >= 1 && id >= 0 && nops <= ipc_limit_get(IPC_SEMOPM) && !timespec_valid(&ts))
			return -EINVAL;
		now = clock_now();
		ns = timespec_to_ns(&ts);
		deadline = ns > NSEC_MAX - now ? NSEC_MAX : now + ns;
	}
	return operate(id, ops, nops, deadline);
}

/* --- control --- */

static long
stat(int id, enum ipc_stat how, void __user *buf)
{
	struct abi_semid_ds ds;
	long ret = semset_stat(id, how, &ds);

	return ret >= 0 && copy_to_user(buf, &ds, sizeof(ds)) != 0 ? -EFAULT : ret;
}

static long
set(int id, const void __user *buf)
{
	struct abi_semid_ds ds;
	int err = copy_from_user(&ds, buf, sizeof(ds));

	return err != 0 ? err : semset_set(id, &ds.perm);
}

static long
info(bool usage, void __user *buf)
{
	struct abi_seminfo si;
	long top = semset_info(usage, &si);

	return copy_to_user(buf, &si, sizeof(si)) != 0 ? -EFAULT : top;
}

static bool
all_valid(const u16 *values, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (values[i] > SEMVMX)
			return false;
	return true;
}

static long
all_values(int id, bool store, void __user *array)
{
	u16 *values;
	long ret;
	u32 n;

	ret = semset_count(id, store ? IPC_W : IPC_R, &n);
	if (ret != 0)
		return ret;
	values = kmem_valloc(n * sizeof(*values), KM_USER);
	if (values == NULL)
		return -ENOMEM;
	if (store) {
		ret = copy_from_user(values, array, n * sizeof(*values));
		if (ret == 0)
			ret = all_valid(values, n) ? semset_set_all(id, values, n) : -ERANGE;
	} else {
		ret = semset_read_all(id, values, n);
		if (ret == 0)
			ret = copy_to_user(array, values, n * sizeof(*values));
	}
	kmem_vfree(values);
	return ret;
}

long
sys_semctl(int id, int num, int cmd, u64 arg)
{
	void __user *p = (void __user *)arg;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return info(cmd == SEM_INFO, p);
	case IPC_STAT:
		return stat(id, IPC_BY_ID, p);
	case SEM_STAT:
		return stat(id, IPC_BY_INDEX, p);
	case SEM_STAT_ANY:
		return stat(id, IPC_BY_INDEX_ANY, p);
	case IPC_SET:
		return set(id, p);
	case IPC_RMID:
		return semset_remove(id);
	case GETALL:
	case SETALL:
		return all_values(id, cmd == SETALL, p);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return semset_read(id, num, cmd);
	case SETVAL:
		return semset_set_value(id, num, (int)arg);
	}
	return -EINVAL;
}
