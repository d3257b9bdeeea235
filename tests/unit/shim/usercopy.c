/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/usercopy.h: user addresses are the test's own; a range can be made to fault. */
#include <string.h>

#include "arch/mmu.h"
#include "arch/usercopy.h"
#include "sys/abi/errno.h"
#include "tests/unit/shim/shim.h"

static u64 fault_start, fault_end;

void
unit_user_fault(const void *start, const void *end)
{
	fault_start = (u64)start;
	fault_end = (u64)end;
}

/* Bytes from p on that can be touched, at most n. */
static size_t
accessible(const void *p, size_t n)
{
	u64 a = (u64)p;

	if (a < ARCH_USER_MIN || a >= ARCH_USER_MAX || (a >= fault_start && a < fault_end))
		return 0;
	if (a < fault_start && fault_start < fault_end)
		n = MIN(n, fault_start - a);
	return n;
}

size_t
arch_copy_to_user(void __user *dst, const void *src, size_t n)
{
	size_t ok = accessible(dst, n);

	if (ok)
		memcpy(dst, src, ok);
	return n - ok;
}

size_t
arch_copy_from_user(void *dst, const void __user *src, size_t n)
{
	size_t ok = accessible(src, n);

	if (ok)
		memcpy(dst, src, ok);
	return n - ok;
}

size_t
arch_clear_user(void __user *dst, size_t n)
{
	size_t ok = accessible(dst, n);

	if (ok)
		memset(dst, 0, ok);
	return n - ok;
}

ssize_t
arch_strncpy_from_user(char *dst, const char __user *src, size_t max)
{
	for (size_t i = 0; i < max; i++) {
		if (!accessible(src + i, 1))
			return -EFAULT;
		dst[i] = src[i];
		if (!dst[i])
			return i;
	}
	return max;
}

int
arch_get_user_u32(u32 *val, const u32 __user *p)
{
	return arch_copy_from_user(val, p, sizeof(*val)) ? -EFAULT : 0;
}

int
arch_put_user_u32(u32 val, u32 __user *p)
{
	return accessible(p, sizeof(val)) < sizeof(val) || arch_copy_to_user(p, &val, sizeof(val)) ? -EFAULT : 0;
}

int
arch_get_user_u64(u64 *val, const u64 __user *p)
{
	return arch_copy_from_user(val, p, sizeof(*val)) ? -EFAULT : 0;
}

int
arch_put_user_u64(u64 val, u64 __user *p)
{
	return accessible(p, sizeof(val)) < sizeof(val) || arch_copy_to_user(p, &val, sizeof(val)) ? -EFAULT : 0;
}

int
arch_user_cas_u32(u32 __user *p, u32 old, u32 new, u32 *found)
{
	int err = arch_get_user_u32(found, p);

	return err || *found != old ? err : arch_put_user_u32(new, p);
}

int
arch_user_fetch_op_u32(u32 __user *p, int op, u32 arg, u32 *old)
{
	u32 results[5];
	int err = arch_get_user_u32(old, p);

	if (err)
		return err;
	results[0] = arg;		/* FUTEX_OP_SET, ADD, OR, ANDN, XOR: Linux's numbers */
	results[1] = *old + arg;
	results[2] = *old | arg;
	results[3] = *old & ~arg;
	results[4] = *old ^ arg;
	return op < 0 || op > 4 ? -ENOSYS : arch_put_user_u32(results[op], p);
}
