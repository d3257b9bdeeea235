/* SPDX-License-Identifier: BSD-2-Clause */
/* The futex operations on user memory that need more than one instruction (futex(2), FUTEX_WAKE_OP). */
#include "arch/usercopy.h"
#include "sys/abi/errno.h"
#include "sys/abi/futex.h"

int user_xchg_u32(u32 __user *p, u32 arg, u32 *old);	/* usercopy_raw.S */
int user_add_u32(u32 __user *p, u32 arg, u32 *old);

static u32
bit_op(int op, u32 value, u32 arg)
{
	switch (op) {
	case FUTEX_OP_OR: return value | arg;
	case FUTEX_OP_ANDN: return value & ~arg;
	default: return value ^ arg;
	}
}

int
arch_user_fetch_op_u32(u32 __user *p, int op, u32 arg, u32 *old)
{
	u32 value, found;
	int err;

	switch (op) {
	case FUTEX_OP_SET:
		return user_xchg_u32(p, arg, old);
	case FUTEX_OP_ADD:
		return user_add_u32(p, arg, old);
	case FUTEX_OP_OR: case FUTEX_OP_ANDN: case FUTEX_OP_XOR:
		break;
	default:
		return -ENOSYS;
	}
	err = arch_get_user_u32(&value, p);
	while (!err) {
		err = arch_user_cas_u32(p, value, bit_op(op, value, arg), &found);
		if (!err && found == value) {
			*old = value;
			return 0;
		}
		value = found;
	}
	return err;
}
