/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes (futex(2)): the operations behind the system call. A futex is an aligned 32-bit word of user memory; the kernel knows it
 * only while somebody waits. uaddr: the word; shared: other processes may map it (no FUTEX_PRIVATE_FLAG). All may sleep, and
 * return -EINVAL (not aligned) and -EFAULT besides what is said.
 */
#ifndef PROC_FUTEX_H
#define PROC_FUTEX_H

#include "proc/proc.h"

/* How a wait ends; deadline NSEC_MAX: not by time. */
struct futex_timeout { enum timer_clock clock; nsec_t deadline; };

/* 0: woken; -EAGAIN: the word is not val; -ETIMEDOUT; restart codes. */
long futex_wait(u64 uaddr, bool shared, u32 val, const struct futex_timeout *to, u32 bitset);
/* futex_waitv(2): the index of a word that was woken; otherwise as futex_wait(), but it isn't restarted with a deadline. */
struct futex_word { u64 uaddr; u32 val; bool shared; };
long futex_wait_many(const struct futex_word *words, u32 n, const struct futex_timeout *to);
/* The number woken. */
long futex_wake(u64 uaddr, bool shared, int nr, u32 bitset);
long futex_wake_op(u64 uaddr, u64 uaddr2, bool shared, int nr, int nr2, u32 op);
/* The number woken and moved. cmpval NULL: whatever the word is; else -EAGAIN if it differs. */
long futex_requeue(u64 uaddr, u64 uaddr2, bool shared, int nr_wake, int nr_requeue, const u32 *cmpval);
long futex_requeue_pi(u64 uaddr, u64 uaddr2, bool shared, int nr_wake, int nr_requeue, u32 cmpval);
/* Wait on uaddr, to be moved by futex_requeue_pi: on return 0 the PI lock at uaddr2 is the caller's. */
long futex_wait_requeue_pi(u64 uaddr, bool shared, u32 val, const struct futex_timeout *to, u32 bitset, u64 uaddr2);
/* -EAGAIN (trylock), -EDEADLK, -ETIMEDOUT, -ESRCH: the word names no thread. */
long futex_lock_pi(u64 uaddr, bool shared, const struct futex_timeout *to, bool trylock);
long futex_unlock_pi(u64 uaddr, bool shared);	/* -EPERM: not the owner */

#endif
