/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between kernel and user memory: the range check, then the port's copy through the exception table.
 *
 * Atomic copies raise the thread's no_fault_depth, which makes mm/fault.c refuse every fault in them: the copy ends short
 * instead of sleeping. Callers prefault, copy atomically under their lock, and try again when the copy went short.
 */
#include "mm/usercopy.h"

#include "sys/abi/errno.h"
#include "sys/lib/string.h"
#include "sys/preempt.h"
#include "sys/thread.h"

#define USER_OP_OR	2	/* FUTEX_OP_OR, as arch_user_fetch_op_u32 counts */

size_t
copy_to_user_partial(void __user *dst, const void *src, size_t n)
{
	might_sleep();
	if (!user_range_ok(dst, n))
		return n;
	return arch_copy_to_user(dst, src, n);
}

size_t
copy_from_user_partial(void *dst, const void __user *src, size_t n)
{
	might_sleep();
	if (!user_range_ok(src, n))
		return n;
	return arch_copy_from_user(dst, src, n);
}

int
copy_to_user(void __user *dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) == 0 ? 0 : -EFAULT;
}

/* What could not be copied is zeroed, so that no caller's mistake shows stack contents. */
int
copy_from_user(void *dst, const void __user *src, size_t n)
{
	size_t left = copy_from_user_partial(dst, src, n);

	if (likely(left == 0))
		return 0;
	memset((char *)dst + (n - left), 0, left);
	return -EFAULT;
}

int
clear_user(void __user *dst, size_t n)
{
	might_sleep();
	if (!user_range_ok(dst, n))
		return -EFAULT;
	return arch_clear_user(dst, n) == 0 ? 0 : -EFAULT;
}

int
get_user_u32(u32 *val, const u32 __user *p)
{
	might_sleep();
	return user_range_ok(p, sizeof(*p)) ? arch_get_user_u32(val, p) : -EFAULT;
}

int
put_user_u32(u32 val, u32 __user *p)
{
	might_sleep();
	return user_range_ok(p, sizeof(*p)) ? arch_put_user_u32(val, p) : -EFAULT;
}

int
get_user_u64(u64 *val, const u64 __user *p)
{
	might_sleep();
	return user_range_ok(p, sizeof(*p)) ? arch_get_user_u64(val, p) : -EFAULT;
}

int
put_user_u64(u64 val, u64 __user *p)
{
	might_sleep();
	return user_range_ok(p, sizeof(*p)) ? arch_put_user_u64(val, p) : -EFAULT;
}

ssize_t
copy_string_from_user(char *dst, const char __user *src, size_t size)
{
	size_t max = size;
	ssize_t len;

	might_sleep();
	if (size == 0)
		return -ENAMETOOLONG;
	if ((u64)src >= ARCH_USER_MAX)
		return -EFAULT;
	max = MIN(max, ARCH_USER_MAX - (u64)src);
	len = arch_strncpy_from_user(dst, src, max);
	if (len < 0)
		return len;
	if ((size_t)len < max)
		return len;
	return max < size ? -EFAULT : -ENAMETOOLONG;
}

/* Touch one word of the page without changing it. */
static int
touch(vaddr_t va, bool write)
{
	u32 __user *p = (u32 __user *)ALIGN_DOWN(va, 4UL);
	u32 old;

	return write ? arch_user_fetch_op_u32(p, USER_OP_OR, 0, &old) : arch_get_user_u32(&old, p);
}

int
user_prefault(const void __user *p, size_t n, bool write)
{
	vaddr_t va = (vaddr_t)p, end = va + n;

	might_sleep();
	if (!user_range_ok(p, n))
		return -EFAULT;
	if (n == 0)
		return 0;
	if (touch(va, write) != 0)
		return -EFAULT;
	/* Where a later page fails, the copy ends there: that is for the next round to report. */
	for (va = ALIGN_DOWN(va, PAGE_SIZE) + PAGE_SIZE; va < end; va += PAGE_SIZE)
		if (touch(va, write) != 0)
			break;
	return 0;
}

size_t
copy_to_user_atomic(void __user *dst, const void *src, size_t n)
{
	struct thread *t = thread_current();

	if (!user_range_ok(dst, n))
		return n;
	t->no_fault_depth++;
	barrier();
	n = arch_copy_to_user(dst, src, n);
	barrier();
	t->no_fault_depth--;
	return n;
}

size_t
copy_from_user_atomic(void *dst, const void __user *src, size_t n)
{
	struct thread *t = thread_current();

	if (!user_range_ok(src, n))
		return n;
	t->no_fault_depth++;
	barrier();
	n = arch_copy_from_user(dst, src, n);
	barrier();
	t->no_fault_depth--;
	return n;
}

int
copy_struct_from_user(void *dst, size_t ksize, const void __user *src, size_t usize)
{
	size_t common = MIN(ksize, usize);
	u8 tail[64];

	for (size_t off = common; off < usize;) {
		size_t n = MIN(usize - off, sizeof(tail));

		if (copy_from_user(tail, (const char __user *)src + off, n) != 0)
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (tail[i] != 0)
				return -E2BIG;
		off += n;
	}
	memset((char *)dst + common, 0, ksize - common);
	return copy_from_user(dst, src, common);
}
