/* SPDX-License-Identifier: BSD-2-Clause */
/* msgget(2), msgsnd(2), msgrcv(2), msgctl(2). */
#include "proc/ipc.h"

#include "mm/usercopy.h"
#include "syscall_protos.h"
#include "sys/abi/errno.h"

long
sys_msgget(int key, int flags)
{
	return msgq_get(key, (u32)flags);
}

/* What programs pass: the type, then the text. */
#define TEXT_OF(p)	((p) + sizeof(s64))

long
sys_msgsnd(int id, const void __user *buf, size_t len, int flags)
{
	struct msg *m;
	u64 type;
	int err = get_user_u64(&type, buf);

	if (err != 0)
		return err;
	if (len > ipc_limit_get(IPC_MSGMAX) || id < 0 || (s64)type < 1)
		return -EINVAL;
	m = msg_alloc(len);
	if (m == NULL)
		return -ENOMEM;
	msg_set_type(m, (s64)type);
	err = copy_from_user(msg_data(m), TEXT_OF((const char __user *)buf), len);
	if (err == 0)
		err = msgq_send(id, m, (u32)flags);
	if (err != 0)
		msg_put(m);
	return err;
}

long
sys_msgrcv(int id, void __user *buf, size_t max, long type, int flags)
{
	struct msg *m = NULL;
	size_t len;
	long ret;

	if (id < 0 || (ssize_t)max < 0)
		return -EINVAL;
	ret = msgq_receive(id, max, type, (u32)flags, &m);
	if (ret != 0)
		return ret;
	len = MIN(msg_len(m), max);
	if (put_user_u64((u64)msg_type(m), buf) != 0 || copy_to_user(TEXT_OF((char __user *)buf), msg_data(m), len) != 0)
		ret = -EFAULT;		/* and the message is lost, as on Linux */
	else
		ret = (long)len;
	msg_put(m);
	return ret;
}

static long
stat(int id, enum ipc_stat how, void __user *buf)
{
	struct abi_msqid_ds ds;
	long ret = msgq_stat(id, how, &ds);

	return ret >= 0 && copy_to_user(buf, &ds, sizeof(ds)) != 0 ? -EFAULT : ret;
}

static long
set(int id, const void __user *buf)
{
	struct abi_msqid_ds ds;
	int err = copy_from_user(&ds, buf, sizeof(ds));

	return err != 0 ? err : msgq_set(id, &ds.perm, ds.qbytes);
}

static long
info(bool usage, void __user *buf)
{
	struct abi_msginfo mi;
	long top = msgq_info(usage, &mi);

	return copy_to_user(buf, &mi, sizeof(mi)) != 0 ? -EFAULT : top;
}

long
sys_msgctl(int id, int cmd, void __user *buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return info(cmd == MSG_INFO, buf);
	case IPC_STAT:
		return stat(id, IPC_BY_ID, buf);
	case MSG_STAT:
		return stat(id, IPC_BY_INDEX, buf);
	case MSG_STAT_ANY:
		return stat(id, IPC_BY_INDEX_ANY, buf);
	case IPC_SET:
		return set(id, buf);
	case IPC_RMID:
		return msgq_remove(id);
	}
	return -EINVAL;
}
