/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port contract: raw access to user memory through the exception table. No range check (mm/usercopy.h does that, and is
 * what all others use). With SMAP, access is opened only for the copy itself.
 * May fault and sleep, unless preemption is off: then a fault that needs sleeping fails.
 */
#ifndef ARCH_USERCOPY_H
#define ARCH_USERCOPY_H

#include "sys/lib/types.h"

/* Number of bytes NOT copied (0: all). Bytes before the fault are copied. */
size_t arch_copy_to_user(void __user *dst, const void *src, size_t n);
size_t arch_copy_from_user(void *dst, const void __user *src, size_t n);
size_t arch_clear_user(void __user *dst, size_t n);
/* Length up to max without the NUL (max: no NUL found), or -EFAULT; copies while it looks. */
ssize_t arch_strncpy_from_user(char *dst, const char __user *src, size_t max);
/* One aligned 1-, 2-, 4- or 8-byte access in one instruction. 0 or -EFAULT. */
int arch_get_user_u32(u32 *val, const u32 __user *p);
int arch_put_user_u32(u32 val, u32 __user *p);
int arch_get_user_u64(u64 *val, const u64 __user *p);
int arch_put_user_u64(u64 val, u64 __user *p);
/* Atomic on user memory, for futexes. 0 or -EFAULT. */
int arch_user_cas_u32(u32 __user *p, u32 old, u32 new, u32 *found);
int arch_user_fetch_op_u32(u32 __user *p, int op, u32 arg, u32 *old);	/* op: FUTEX_OP_* set add or andn xor */

#endif
