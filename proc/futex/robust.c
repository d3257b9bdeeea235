/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Robust lists: the locks that a thread holds, linked in its own memory. When it dies (or execs), each is marked FUTEX_OWNER_DIED
 * and a waiter is woken. The list is the user's: it may be broken, looping or hostile, and what cannot be read ends the walk.
 */
#include "proc/futex/futex.h"

/* One lock of the dead thread. pending: it was in the middle of taking or releasing it. False: stop. */
static bool
owner_died(u64 uaddr, pid_t tid, bool pi, bool pending)
{
	u32 val, found;

	if ((uaddr & 3) != 0 || get_user_u32(&val, (const u32 __user *)uaddr) != 0)
		return false;
	for (;;) {
		if (pending && !pi && val == 0) {
			/* Released, but died before it could wake. */
			(void)futex_wake(uaddr, true, 1, FUTEX_BITSET_MATCH_ANY);
			return true;
		}
		if ((val & FUTEX_TID_MASK) != (u32)tid)
			return true;
		if (arch_user_cas_u32((u32 __user *)uaddr, val, (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &found) != 0)
			return false;
		if (found == val)
			break;
		val = found;
	}
	if (!pi && (val & FUTEX_WAITERS) != 0)
		(void)futex_wake(uaddr, true, 1, FUTEX_BITSET_MATCH_ANY);
	return true;
}

static void
walk(u64 uhead, pid_t tid)
{
	struct abi_robust_list_head head;
	u64 entry, next, pending;
	bool pi, next_pi = false;

	if (copy_from_user(&head, (const void __user *)uhead, sizeof(head)) != 0)
		return;
	pending = head.list_op_pending & ~1UL;
	entry = head.list.next & ~1UL;
	pi = (head.list.next & 1) != 0;
	for (int limit = ROBUST_LIST_LIMIT; entry != uhead && limit > 0; limit--) {
		/* Read the link first: the lock's memory may be reused once it is marked. */
		bool more = get_user_u64(&next, (const u64 __user *)entry) == 0;

		next_pi = more && (next & 1) != 0;
		if (entry != pending && !owner_died(entry + (u64)head.futex_offset, tid, pi, false))
			return;
		if (!more)
			break;
		entry = next & ~1UL;
		pi = next_pi;
	}
	if (pending != 0)
		(void)owner_died(pending + (u64)head.futex_offset, tid, (head.list_op_pending & 1) != 0, true);
}

void
futex_exit(struct proc_thread *pt)
{
	if (pt->robust_list != 0)
		walk(pt->robust_list, pid_nr(pt->tid));
	pt->robust_list = 0;
	futex_exit_pi(pt);
}
