/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copy to and from user memory: range check, bounds, then arch/usercopy.h. May fault and sleep; never call with a page lock or
 * inside a transaction (prefault first). All return 0 or -EFAULT unless said.
 */
#ifndef MM_USERCOPY_H
#define MM_USERCOPY_H

#include "arch/mmu.h"
#include "arch/usercopy.h"

static inline bool
user_range_ok(const void __user *p, size_t n)
{
	return n <= ARCH_USER_MAX && (u64)p <= ARCH_USER_MAX - n;
}

int __must_check copy_to_user(void __user *dst, const void *src, size_t n);
int __must_check copy_from_user(void *dst, const void __user *src, size_t n);
int __must_check clear_user(void __user *dst, size_t n);
/* Number of bytes not copied. */
size_t __must_check copy_to_user_partial(void __user *dst, const void *src, size_t n);
size_t __must_check copy_from_user_partial(void *dst, const void __user *src, size_t n);
int __must_check get_user_u32(u32 *val, const u32 __user *p);
int __must_check put_user_u32(u32 val, u32 __user *p);
int __must_check get_user_u64(u64 *val, const u64 __user *p);
int __must_check put_user_u64(u64 val, u64 __user *p);
/* NUL-terminated string of at most size-1 characters: length, -EFAULT, or -ENAMETOOLONG. */
ssize_t __must_check copy_string_from_user(char *dst, const char __user *src, size_t size);
/* Fault in a range so that an atomic copy can succeed, page by page up to the first that fails. -EFAULT: that is the first one. */
int __must_check user_prefault(const void __user *p, size_t n, bool write);
/* Copies that do not sleep: fail (bytes not copied) where the page is not there. Under page locks and spinlocks. */
size_t __must_check copy_to_user_atomic(void __user *dst, const void *src, size_t n);
size_t __must_check copy_from_user_atomic(void *dst, const void __user *src, size_t n);

/* Extensible struct (clone3, openat2 style): copies min(usize, ksize), rest zero; -E2BIG if the rest of the user's is not zero. */
int __must_check copy_struct_from_user(void *dst, size_t ksize, const void __user *src, size_t usize);

#endif
