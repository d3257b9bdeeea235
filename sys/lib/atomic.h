/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic access to plain scalars, over the compiler's __atomic built-ins. A field that is accessed
 * so has the lock key [a]. The operand is a pointer to any 1-8 byte scalar or pointer.
 * Orders: load/store/xchg... without suffix are sequentially consistent, _relaxed gives no order.
 */
#ifndef SYS_LIB_ATOMIC_H
#define SYS_LIB_ATOMIC_H

#include "sys/lib/types.h"

/* One access, not torn, not repeated, not reordered by the compiler against other *_ONCE. */
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

#define atomic_load(p)			__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define atomic_load_relaxed(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define atomic_load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_store(p, v)		__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define atomic_store_relaxed(p, v)	__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define atomic_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_xchg(p, v)		__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define atomic_add(p, v)		__atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)	/* new value */
#define atomic_sub(p, v)		__atomic_sub_fetch(p, v, __ATOMIC_SEQ_CST)	/* new value */
#define atomic_fetch_add(p, v)		__atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)	/* old value */
#define atomic_fetch_sub(p, v)		__atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_or(p, v)		__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_and(p, v)		__atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define atomic_add_relaxed(p, v)	__atomic_add_fetch(p, v, __ATOMIC_RELAXED)

/* Store `new` if *p equals `old`; true on success. */
#define atomic_cas(p, old, new) ({ \
	__typeof__(*(p)) cas_old_ = (old); \
	__atomic_compare_exchange_n(p, &cas_old_, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); })
/* The same; *oldp is updated to what was found. */
#define atomic_try_cas(p, oldp, new) \
	__atomic_compare_exchange_n(p, oldp, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)

#define barrier()	__asm__ volatile("" ::: "memory")
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)

#endif
