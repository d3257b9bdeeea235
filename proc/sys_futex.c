/* SPDX-License-Identifier: BSD-2-Clause */
/* futex(2), futex_waitv(2), set_robust_list(2), get_robust_list(2). */
#include "proc/futex.h"

#include "syscall_protos.h"
#include "sys/abi/futex.h"
#include "sys/abi/timespec.h"

/* The time-out of a waiting command; absolute but for FUTEX_WAIT. */
static int
get_timeout(struct futex_timeout *to, const void __user *utimeout, int cmd, bool realtime)
{
	struct abi_timespec ts;
	nsec_t ns, now;

	*to = (struct futex_timeout){ TIMER_MONOTONIC, NSEC_MAX };
	if (utimeout == NULL)
		return 0;
	if (copy_from_user(&ts, utimeout, sizeof(ts)) != 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	ns = timespec_to_ns(&ts);
	if (cmd == FUTEX_WAIT) {
		now = clock_now();
		ns = ns > NSEC_MAX - now ? NSEC_MAX : now + ns;
	} else if (realtime) {
		to->clock = TIMER_REALTIME;
	}
	to->deadline = ns;
	return 0;
}

static bool
has_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
		cmd == FUTEX_WAIT_REQUEUE_PI;
}

long
sys_futex(u64 uaddr, int op, u32 val, const void __user *timeout, u64 uaddr2, u32 val3)
{
	int cmd = op & FUTEX_CMD_MASK, n2 = (int)(u64)timeout, err;
	bool shared = (op & FUTEX_PRIVATE_FLAG) == 0, realtime = (op & FUTEX_CLOCK_REALTIME) != 0;
	struct futex_timeout to;

	if (has_timeout(cmd)) {
		err = get_timeout(&to, timeout, cmd, realtime || cmd == FUTEX_LOCK_PI);
		if (err != 0)
			return err;
	}
	if (realtime && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait(uaddr, shared, val, &to, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait(uaddr, shared, val, &to, val3);
	case FUTEX_WAKE:
		return futex_wake(uaddr, shared, (int)val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(uaddr, shared, (int)val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(uaddr, uaddr2, shared, (int)val, n2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(uaddr, uaddr2, shared, (int)val, n2, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(uaddr, uaddr2, shared, (int)val, n2, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(uaddr, shared, &to, false);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(uaddr, shared);
	case FUTEX_TRYLOCK_PI:
		to = (struct futex_timeout){ TIMER_MONOTONIC, NSEC_MAX };
		return futex_lock_pi(uaddr, shared, &to, true);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(uaddr, shared, val, &to, FUTEX_BITSET_MATCH_ANY, uaddr2);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(uaddr, uaddr2, shared, (int)val, n2, val3);
	}
	return -ENOSYS;
}

/* --- futex_waitv --- */

struct abi_futex_waitv { u64 val, uaddr; u32 flags, reserved; };
#define FUTEX_32	2
#define WAITV_MAX	128

static int
get_words(struct futex_word *words, const struct abi_futex_waitv __user *uwaiters, u32 n)
{
	struct abi_futex_waitv v;

	for (u32 i = 0; i < n; i++) {
		if (copy_from_user(&v, &uwaiters[i], sizeof(v)) != 0)
			return -EFAULT;
		if ((v.flags & ~(u32)(FUTEX_32 | FUTEX_PRIVATE_FLAG)) != 0 || v.reserved != 0 || (v.flags & FUTEX_32) == 0)
			return -EINVAL;
		words[i] = (struct futex_word){ v.uaddr, (u32)v.val, (v.flags & FUTEX_PRIVATE_FLAG) == 0 };
	}
	return 0;
}

long
sys_futex_waitv(const void __user *uwaiters, unsigned int n, unsigned int flags, const void __user *timeout, clockid_t clock)
{
	struct futex_timeout to = { TIMER_MONOTONIC, NSEC_MAX };
	struct futex_word *words;
	long err;

	if (flags != 0 || n == 0 || n > WAITV_MAX || uwaiters == NULL)
		return -EINVAL;
	if (timeout != NULL) {
		if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
			return -EINVAL;
		err = get_timeout(&to, timeout, FUTEX_WAIT_BITSET, clock == CLOCK_REALTIME);
		if (err != 0)
			return err;
	}
	words = kmem_alloc_array(n, sizeof(*words), KM_USER);
	if (words == NULL)
		return -ENOMEM;
	err = get_words(words, uwaiters, n);
	if (err == 0)
		err = futex_wait_many(words, n, &to);
	kmem_free(words);
	return err;
}

long
sys_set_robust_list(u64 head, size_t len)
{
	if (len != sizeof(struct abi_robust_list_head))
		return -EINVAL;
	pt_current()->robust_list = head;
	return 0;
}

long
sys_get_robust_list(pid_t pid, void __user *uhead, void __user *ulen)
{
	struct thread *t = thread_current();
	u64 head;
	int err;

	if (pid == 0)
		thread_get(t);
	else if ((t = thread_find_get(pid)) == NULL)
		return -ESRCH;
	err = process_may_inspect(t);
	head = t->pt->robust_list;
	thread_put(t);
	if (err != 0)
		return err;
	if (put_user_u64(sizeof(struct abi_robust_list_head), ulen) != 0)
		return -EFAULT;
	return put_user_u64(head, uhead);
}
